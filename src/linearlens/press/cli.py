"""The ``linearlens`` command.

Each command imports what it needs when it is called, so that the first line of help does not wait for torch.
"""

import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from linearlens.paths import CHECKOUT, DEVICE

if TYPE_CHECKING:
    from linearlens.datasets.registry import DataEntry

app = typer.Typer(
    help="Run the chapters of Linear Lenses, build the book, and hold its claims against what was measured.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
data_app = typer.Typer(
    help="The data sets that are fetched. The quick profile needs mnist-5k, which the set-up fetches, and, for part "
    "VII, wild.",
    no_args_is_help=True,
)
app.add_typer(data_app, name="data")

out = Console(highlight=False, soft_wrap=True, emoji=False)
err = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)

Profile = Annotated[str, typer.Option(help="quick: small data, a minute; full: the papers' scale.")]
Seed = Annotated[int, typer.Option(help="The seed every chapter is given.")]
Jobs = Annotated[int, typer.Option(help="Chapters run at a time.")]
Device = Annotated[
    str | None,
    typer.Option(
        help="Where networks are trained: cpu, cuda, or auto for a GPU if there is one. Without it what "
        "LINEARLENS_DEVICE says; else auto in the full profile and cpu in the quick one, whose networks are small."
    ),
]
Variants = Annotated[
    Path | None,
    typer.Option(help="A folder of your own NAME.py, answers/NAME.py and exam/NN.md, in place of the book's."),
]


@contextmanager
def _telling_errors() -> Iterator[None]:
    """Errors of ours end in one message on stderr and exit code 1; an interrupt in 130."""
    from linearlens.datasets import DataError
    from linearlens.ledger import LedgerError
    from linearlens.press.chapter.errors import PressError

    try:
        yield
    except (PressError, LedgerError, DataError) as error:
        err.print("error:", error, markup=False)
        raise typer.Exit(1) from error
    except BrokenPipeError:  # whoever read what we print, such as `head`, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(1) from None
    except OSError as error:  # a full disk, a folder that cannot be written to
        where = f": {error.filename}" if error.filename else ""
        err.print(f"error: {error.strerror or error}{where}", markup=False)
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        err.print("interrupted; finished chapters are kept, nothing is half-written")
        raise typer.Exit(130) from None


@contextmanager
def _in_checkout(device: str | None = None) -> Iterator[None]:
    """The same for what needs a book to work on; where there is none, one line says so. All of it sees the device."""
    needed = None
    if sys.platform == "win32":
        needed = "Linux or macOS; on Windows, take WSL"
    elif not CHECKOUT:
        needed = "a checkout of the book: clone its repository, `make book`, and call .venv/bin/linearlens there"
    if needed:
        err.print(f"error: this command needs {needed}", markup=False)
        raise typer.Exit(1)
    if device:
        os.environ[DEVICE] = device
    with _telling_errors():
        yield


@app.command()
def run(
    chapters: Annotated[list[str] | None, typer.Argument(help="Names such as 01_primer, or 01; all for none.")] = None,
    profile: Profile = "quick",
    seed: Seed = 0,
    jobs: Jobs = 2,
    force: Annotated[bool, typer.Option("--force", help="Run fresh chapters too.")] = False,
    device: Device = None,
) -> None:
    """Execute the chapters whose sources changed since they last ran."""
    with _in_checkout(device):
        from linearlens.press.chapter.notebooks import Edition, choose
        from linearlens.press.running.chapters import run_chapters

        run_chapters(choose(chapters or []), Edition(profile, seed), jobs=jobs, force=force, console=err, device=device)


@app.command()
def book(jobs: Jobs = 2, device: Device = None) -> None:
    """Run what is stale in the quick profile, then build the pages from exactly those notebooks."""
    with _in_checkout(device):
        from linearlens.press.pages.book import make_book

        out.print(f"the book: {make_book(jobs=jobs, console=err, device=device)}")


@app.command()
def pdf(
    pages: Annotated[
        list[str] | None, typer.Argument(help="Pages to hand out, such as 01 or assignments/01; the book for none.")
    ] = None,
    jobs: Jobs = 2,
    device: Device = None,
) -> None:
    """Build the pages if something has changed, then print them with Chromium: a PDF a page, and all in one."""
    with _in_checkout(device):
        from linearlens.press.pages.book import make_book
        from linearlens.press.pages.pdf import FOLDER, HANDOUTS, choose_pages, make_pdf

        names = choose_pages(pages or [])
        make_book(jobs=jobs, console=err, device=device)
        target = HANDOUTS if names else FOLDER
        out.print(f"{make_pdf(names=names or None, target=target, console=err)}", markup=False)


@app.command()
def pack(
    output: Annotated[Path, typer.Option("--output", "-o", help="A folder that does not exist or is empty.")],
    chapters: Annotated[list[str] | None, typer.Argument(help="Names such as 01_primer, or 01; all for none.")] = None,
    instructor: Annotated[
        bool, typer.Option("--instructor", help="With all answers, hidden tests, rubrics and exam questions.")
    ] = False,
    variants: Variants = None,
    jobs: Jobs = 2,
    device: Device = None,
) -> None:
    """For lecturers: notebooks for students, assignments, slides, times, plans, and the package to install."""
    with _in_checkout(device):
        from linearlens.press.chapter.notebooks import choose
        from linearlens.press.course import Wanted, make_pack

        wanted = Wanted(choose(chapters or []), instructor, variants)
        folder = make_pack(wanted, output, jobs=jobs, console=err, device=device)
        out.print(f"the pack: {folder}", markup=False)


@app.command()
def homework(
    names: Annotated[list[str] | None, typer.Argument(help="Assignments such as 01_dmd, or 01; all for none.")] = None,
    student: Annotated[list[str] | None, typer.Option(help="A student's name, which gives the seed.")] = None,
    variants: Variants = None,
) -> None:
    """For lecturers: try every answer of an assignment, right, wrong, invented and copied, on its hidden tests."""
    with _in_checkout():
        from linearlens.press.chapter.homework import choose_homework, read_homework
        from linearlens.press.course.grading_proof import prove_homework

        faults = 0
        for name in choose_homework(names or []):
            work = read_homework(name, variants)
            for one in student or ["ada"]:
                proved = prove_homework(work, one)
                said = f"{len(proved.faults)} faults" if proved.faults else "all answers meet what they should"
                out.print(f"{name}, {one}: {work.points} points, {proved.seconds:.1f} s, {said}", markup=False)
                for fault in proved.faults:
                    err.print(f"  {fault}", markup=False)
                faults += len(proved.faults)
    raise typer.Exit(1 if faults else 0)


@app.command()
def grades(course: Annotated[Path, typer.Argument(help="The folder of nbgrader, such as pack/nbgrader.")]) -> None:
    """For lecturers: print as CSV who has which points, and whose kernel died, ran too long or had another's seed."""
    with _telling_errors():
        from linearlens.press.course.grades import grades_table, read_grades

        out.print(grades_table(read_grades(course)), end="", markup=False)


@app.command()
def figure(
    name: Annotated[str | None, typer.Argument(help="An id that --list shows, such as fig-copy-window.")] = None,
    profile: Profile = "quick",
    seed: Seed = 0,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A .svg, .pdf or .png; ID.svg by default.")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="A .csv or .json for the numbers the figure shows.")] = None,
    listed: Annotated[bool, typer.Option("--list", help="List all figures.")] = False,
) -> None:
    """Make one figure again, as its page shows it, with its data and a record of where it comes from."""
    with _in_checkout():
        from linearlens.press.chapter.errors import PressError
        from linearlens.press.chapter.notebooks import Edition
        from linearlens.press.pages.figure_files import make_figure, seconds_to_make
        from linearlens.press.pages.figure_index import catalogue

        edition = Edition(profile, seed)
        if listed == (name is not None):
            raise PressError("give the id of one figure, or --list to see all")
        if name is None:
            for item in catalogue().values():
                seconds = seconds_to_make(item, edition)
                takes = "an unknown time" if seconds is None else f"{seconds:.0f} s" if seconds else "fresh"
                out.print(f"{item.id}  [{item.chapter}, {takes}]  {item.answers}".rstrip(), markup=False)
                out.print(f"    {item.caption}", markup=False)
            return
        command = shlex.join(["linearlens", *sys.argv[1:]])
        for path in make_figure(name, edition, output=output, data=data, command=command, console=err):
            out.print(f"{path}", markup=False)


@app.command()
def sweep(
    chapters: Annotated[list[str] | None, typer.Argument(help="Names such as 01_primer, or 01; all for none.")] = None,
    seeds: Annotated[str, typer.Option(help="0:20 (without 20), 3, or 0,4,7.")] = "0:20",
    profile: Profile = "quick",
    jobs: Annotated[int | None, typer.Option(help="Chapters run at a time on this machine; 2 for none.")] = None,
    scheduler: Annotated[str | None, typer.Option(help="Address of a dask scheduler, to run on its workers.")] = None,
) -> None:
    """Run chapters at many seeds, those that are missing, and keep what they measured."""
    with _in_checkout():
        from linearlens.press.chapter.notebooks import choose
        from linearlens.press.evidence import seed_runs as many
        from linearlens.press.running.seeds import sweep as run_sweep

        numbers = many.parse_seeds(seeds)
        run_sweep(choose(chapters or []), numbers, profile, console=err, jobs=jobs, scheduler=scheduler)


@app.command()
def claims(
    names: Annotated[list[str] | None, typer.Argument(help="Chapters, such as 01, or ids; all for none.")] = None,
    profile: Profile = "quick",
    seed: Seed = 0,
    json: Annotated[bool, typer.Option("--json", help="Print a JSON list of objects.")] = False,
    seeds: Annotated[bool, typer.Option("--seeds", help="In how many of the seeds of a sweep each holds.")] = False,
    bounds: Annotated[bool, typer.Option("--bounds", help="Print bounds, what was measured, and controls.")] = False,
) -> None:
    """Print what is claimed; exit code 1 if a claim does not hold, was not measured, or was with older sources."""
    with _in_checkout():
        from linearlens.ledger import load_claims, to_json
        from linearlens.press.chapter.notebooks import Edition
        from linearlens.press.evidence import listing, seed_runs
        from linearlens.press.evidence.measurements import damaged_runs, ledger_rows, unclaimed

        edition, ledger = Edition(profile, seed), load_claims()
        chosen = listing.choose_claims(names or [], ledger)
        if seeds:
            all_over = seed_runs.seeds_rows(ledger, profile)
            chapters = seed_runs.together(all_over.values())
            over = {name: row for name, row in all_over.items() if name in chosen}
            text = seed_runs.to_json(over.values())
            troubles = listing.complaints_over_seeds(over, chosen, chapters, profile)
            lines = listing.listed_over_seeds(over.values(), chosen, chapters, bounds=bounds)
        else:
            rows = ledger_rows(edition, chosen)
            text, troubles = to_json(rows), [*damaged_runs(edition), *unclaimed(edition), *listing.complaints(rows)]
            lines = listing.listed(rows, bounds=bounds)
        for line in [text] if json else lines:
            out.print(line, markup=False)
        sys.stdout.flush()
    for trouble in troubles:
        err.print(f"error: {trouble}", markup=False)
    raise typer.Exit(1 if troubles else 0)


@app.command()
def read(chapter: Annotated[str, typer.Argument(help="A name such as 01_primer, or 01.")]) -> None:
    """For proof-reading: print a chapter sentence by sentence, each with what both editions and the seeds measured."""
    with _in_checkout():
        from linearlens.press.chapter.notebooks import choose
        from linearlens.press.evidence.reading import proof

        for line in proof(*choose([chapter])):
            out.print(line, markup=False)


@app.command()
def report(
    model: Annotated[
        str, typer.Argument(help="module:function; the function takes nothing and gives the trained model.")
    ],
    data: Annotated[Path, typer.Option(help="A .npz with x_train, x_test and, for a classifier, y_train, y_test.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="A .html or .json.")] = Path("report.html"),
    lenses: Annotated[str, typer.Option(help="spectrum,layers,map,credit or some of them.")] = "",
    budget: Annotated[float, typer.Option(help="CPU seconds; what they do not reach is left out.")] = 180.0,
    seed: Seed = 0,
) -> None:
    """Put a model of your own through all lenses; no checkout is needed."""
    with _telling_errors():
        from linearlens.press.chapter.errors import PressError
        from linearlens.reporting.__main__ import write_report

        try:
            out.print(write_report(model, data, output, lenses=lenses, budget=budget, seed=seed), markup=False)
        except ValueError as error:
            raise PressError(str(error)) from error


@data_app.command("list")
def data_list() -> None:
    """List the data sets: size, licence, citation, where each is stored, whether it is there."""
    with _telling_errors():
        from linearlens.datasets import list_data

        for entry in list_data().values():
            out.print(f"{entry.name}  {'present' if entry.present() else 'not present'}  {_megabytes(entry)}")
            for name in ("title", "licence", "citation"):
                out.print(f"  {name}: {getattr(entry, name)}", markup=False)
            for file in entry.files:
                out.print(f"  stored at: {file.path}", markup=False)


@data_app.command("fetch")
def data_fetch(
    name: Annotated[
        str, typer.Argument(help="A name that `linearlens data list` shows, or wild, for all of part VII.")
    ],
) -> None:
    """Fetch a data set, or check the files that are there, against their checksums; say first what comes."""
    with _telling_errors():
        from linearlens.datasets import data_named, fetch

        entries = data_named(name)
        if len(entries) > 1:
            for entry in entries:
                there = ", there already" if entry.present() else ""
                out.print(f"{entry.name}: {entry.title}; {_megabytes(entry)} to download{there}", markup=False)
                out.print(f"  licence: {entry.licence}", markup=False)
        for number, entry in enumerate(entries, 1):
            if len(entries) > 1:
                out.print(f"[{number}/{len(entries)}] {entry.name} …", markup=False)
            for path in fetch(entry.name):
                out.print(f"{path}", markup=False)


def _megabytes(entry: "DataEntry") -> str:
    size = entry.download_bytes()
    return f"{size / 1e6:.1f} MB" if size else "size not known"
