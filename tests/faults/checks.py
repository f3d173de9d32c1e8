"""What a project shows, and what is wrong with it."""

import json
import re
from html import unescape
from pathlib import Path

from faults.project import NET, SEEDS, SUM, VALUES, Done, Project

TRACEBACK = re.compile(
    r"^\W*Traceback \(most recent call last\)|^Exception ignored in|^Fatal Python error|^ +File \".+\", line \d+, in ",
    re.M,
)
OF_A_CELL = re.compile(r"notebooks/\w+\.ipynb, cell \d+")
NUMBER = re.compile(r"(?<![\d.])[45]\d{5}(?![\d])")
BLOCK = re.compile(r"</?(?:p|br|tr|td|li|div|section|figcaption|h\d|pre|title)\b[^>]*>")
TAG = re.compile(r"<[^>]+>")
LEFT = (".part", ".old", ".draft-", ".tmp", ".partial")
BAD = ("wrong number", "traceback", "by hand")  # kinds of complaints that may not be
REST = ("unclear", "left behind", "in vain")


def tracebacks(done: Done) -> list[str]:
    """The last raw traceback of Python in what a command said; that of a reader's own failing cell is none."""
    found = [match for match in TRACEBACK.finditer(done.said) if not OF_A_CELL.search(done.said[: match.start()])]
    return [f"{match.group().strip()[:80]} … {_last_line(done.said[match.start() :])}" for match in found[-1:]]


def _last_line(text: str) -> str:
    """The line of a traceback that says what it was."""
    lines = text.splitlines()
    return next((line for line in lines[1:] if line and not line.startswith((" ", "Traceback"))), lines[-1])[:160]


# Numbers, by the place that shows them as fresh.


def of_claims(project: Project) -> tuple[dict[str, set[int]], list[str]]:
    """What ``claims`` shows as fresh, and tracebacks."""
    done = project.run("claims", "--json")
    try:
        rows = json.loads(done.out)
    except ValueError:
        rows = []
    fresh = [row for row in rows if row["measured"] == row["measured"] is not None and not row["stale"]]
    return {f"claims {row['id']}": {row["measured"]} for row in fresh}, tracebacks(done)


def of_seeds(project: Project) -> tuple[dict[str, set[int]], list[str]]:
    """What ``claims --seeds`` does."""
    done = project.run("claims", "--seeds", "--json")
    try:
        rows = [row for row in json.loads(done.out) if not row["stale"]]
    except ValueError:
        rows = []
    shown = {f"seeds {row['id']}": {row["measured"]["low"], row["measured"]["high"]} for row in rows}
    return shown, tracebacks(done)


def of_text(text: str) -> set[int]:
    """Numbers in HTML or plain text that are not marked as stale where they stand."""
    parts = (unescape(TAG.sub("", part)) for part in BLOCK.split(text))
    return {int(number) for part in parts if "stale" not in part for number in NUMBER.findall(part)}


def of_pages(project: Project) -> dict[str, set[int]]:
    """What the built pages show."""
    pages = [project / "_build/html/index.html", *map(project.page, VALUES)]
    return {f"page {page.name}": of_text(page.read_text(encoding="utf-8")) for page in pages if page.is_file()}


def of_figure(project: Project, drawing: str) -> dict[str, set[int]]:
    """What lies beside a figure: its data, and its record."""
    shown = {}
    data, record = (project / drawing.replace(".svg", ending) for ending in (".csv", ".provenance.json"))
    if data.is_file():
        shown["figure data"] = {int(n) for n in NUMBER.findall(data.read_text())}
    if record.is_file():
        shown["figure record"] = {claim["measured"] for claim in json.loads(record.read_text())["claims"]}
    return shown


def figure_files(project: Project) -> list[Path]:
    """The drawing, its data, and the record of where both come from."""
    return [project / f"out/line.{ending}" for ending in ("svg", "csv", "provenance.json")]


def of_folder(folder: Path, patterns: tuple[str, ...]) -> dict[str, set[int]]:
    """What files of a folder show."""
    files = sorted(file for pattern in patterns for file in folder.rglob(pattern))
    return {f"pack {file.relative_to(folder)}": of_text(file.read_text(encoding="utf-8")) for file in files}


def of_pdf(project: Project) -> dict[str, set[int]]:
    """What the printed book shows."""
    from pypdf import PdfReader

    shown = {}
    for file in sorted((project / "_build" / "pdf").glob("*.pdf")):
        text = "\n".join(page.extract_text() for page in PdfReader(file).pages)
        shown[f"pdf {file.name}"] = {
            int(n) for line in text.split("\n") if "stale" not in line for n in NUMBER.findall(line)
        }
    return shown


def shown_by(project: Project, command: tuple[str, ...], *, ran: bool) -> tuple[dict[str, set[int]], list[str]]:
    """What is shown as fresh after a command, and tracebacks met on the way.

    Files that a command makes are looked at only if it `ran` to a good end: before, nobody said they were new.
    """
    if command[0] == "data":
        return {}, []
    shown, raw = of_claims(project)
    if command[0] == "sweep" or "--seeds" in command:
        more, bad = of_seeds(project)
        shown, raw = shown | more, raw + bad
    return shown | (_made(project, command) if ran else {}), raw


def _made(project: Project, command: tuple[str, ...]) -> dict[str, set[int]]:
    """What the files show that a command has made."""
    target = command[command.index("-o") + 1] if "-o" in command else ""
    if command[0] == "book":
        return of_pages(project)
    if command[0] == "pdf":
        return of_pdf(project)
    if command[0] == "pack":
        return of_folder(project / target, ("*.ipynb", "*.html", "*.md"))
    return of_figure(project, target) if command[0] == "figure" and target else {}


def wrong(project: Project, shown: dict[str, set[int]]) -> list[str]:
    """Places that show as fresh what is not the truth."""
    found = []
    for place, numbers in shown.items():
        kind, _, name = place.partition(" ")
        if kind in ("claims", "seeds"):
            right = {project.truth[chapter] for chapter in VALUES if VALUES[chapter] == name} - {None}
            right = {n + seed for n in right for seed in ((0,) if kind == "claims" else (*SEEDS, 2, 3))}
            bad = numbers - right
        else:
            bad = numbers & project.false
        found += [f"{place} shows {', '.join(map(str, sorted(bad)))}"] if bad else []
    return found


def missing(project: Project, command: tuple[str, ...], shown: dict[str, set[int]]) -> list[str]:
    """Places where a truth should stand after a good run of a command, and does not."""
    chapters = [SUM] if {"01", SUM} & set(command) else [NET] if {"02", NET} & set(command) else list(VALUES)
    first = {chapter: project.truth[chapter] for chapter in chapters}
    needed: dict[str, set[int | None]] = {}
    if command[0] in ("run", "claims", "book", "pack") and "--seeds" not in command and "full" not in command:
        needed |= {f"claims {VALUES[chapter]}": {number} for chapter, number in first.items()}
    if command[0] == "sweep" or "--seeds" in command:
        last = int(command[-1].partition(":")[2] or 2) - 1 if command[0] == "sweep" else 1  # seeds begin with 0
        needed |= {f"seeds {VALUES[c]}": {number, number + last} for c, number in first.items() if number}
    if command[0] == "book":
        needed |= {"page index.html": set(first.values())}
        needed |= {f"page {chapter}.html": {number} for chapter, number in first.items()}
    if command[0] == "figure" and "--list" not in command:
        needed |= {"figure data": {project.truth[SUM]}, "figure record": {project.truth[SUM]}}
    if command[0] == "pack":
        needed |= {f"pack student/{chapter}.ipynb": {number} for chapter, number in first.items()}
    if command[0] == "pdf":
        needed |= {f"pdf {chapter}.pdf": {number} for chapter, number in first.items()}
        needed |= {"pdf linear-lenses.pdf": set(first.values())}
    return [
        f"{place} lacks {', '.join(map(str, sorted(n for n in numbers - shown.get(place, set()) if n)))}"
        for place, numbers in needed.items()
        if numbers - shown.get(place, set()) - {None}
    ]


# What a command leaves that did not come to its end.


def state_of(project: Project) -> dict[Path, bytes]:
    """Files that should stay together: those of the figure, and the pages of the book."""
    files = [*figure_files(project), project / "_build/html/index.html", *map(project.page, VALUES)]
    return {file: file.read_bytes() for file in files if file.is_file()}


def torn(project: Project, before: dict[Path, bytes]) -> dict[str, list[str]]:
    """Files of two runs beside each other, pages that ended in the middle, and a book that is gone."""
    now, found = state_of(project), {}
    *made, record = figure_files(project)
    new = {now.get(file) != before.get(file) for file in (*made, record)}
    if record in now and len(new) > 1:
        found["wrong number"] = ["files of a figure from two runs stand beside each other"]
    pages = [file for file in before if file.suffix == ".html"]
    new_pages = [page for page in pages if page in now and now[page] != before[page]]
    half = [f"half a page: {page.name}" for page in new_pages if not now[page].rstrip().endswith(b"</html>")]
    gone = [f"no page until the next run: {page.name}" for page in pages if page not in now]
    return {**found, "left behind": half + gone}


def leftovers(project: Project) -> list[str]:
    """Drafts and old copies that nobody removed."""
    found = []
    for folder in ("_build", "data", "out", "notebooks", "book"):
        for path in (project / folder).rglob("*") if (project / folder).is_dir() else []:
            if any(word in path.name for word in LEFT) and "_static" not in path.parts:
                found.append(path.relative_to(project.root).as_posix())
    beside = [path.name for path in project.root.glob(".*") if any(word in path.name for word in LEFT)]
    return sorted(found + beside)
