"""Run many chapters, some at a time, and say how far they are."""

import contextlib
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from rich.console import Console

from linearlens.paths import BUILD, DEVICE
from linearlens.press.chapter.errors import PressError
from linearlens.press.chapter.files import one_at_a_time, remove_drafts
from linearlens.press.chapter.freshness import Executed, asked_device, sources
from linearlens.press.chapter.notebooks import Edition, cells_of, check_parameters, expected_seconds, needs_of
from linearlens.press.evidence import full_runs, lent_runs
from linearlens.press.evidence.costs import known_megabytes
from linearlens.press.running.process import Children
from linearlens.press.running.progress import Board


def stale_chapters(chapters: Sequence[str], edition: Edition, device: str | None = None) -> dict[str, str]:
    """Those that must run, with the reason."""
    troubles = {
        chapter: Executed(chapter, edition).trouble(device) or _now_here(chapter, edition) for chapter in chapters
    }
    return {chapter: trouble for chapter, trouble in troubles.items() if trouble}


def _now_here(chapter: str, edition: Edition) -> str | None:
    """Why a kept run, which stands for one of this machine, is not wanted any more."""
    lent = (Executed(chapter, edition).stamp() or {}).get("lent")
    return "what it needs is here now" if lent and not lent_runs.missing(chapter) else None


def run_chapters(
    chapters: Sequence[str], edition: Edition, *, jobs: int, force: bool, console: Console, device: str | None = None
) -> list[str]:
    """Execute the stale chapters, `jobs` at a time and as many as fit into memory, each in a process of its own.

    Parameters
    ----------
    chapters : sequence of str
    edition : Edition
    jobs : int
        Processes at a time, 1 or more.
    force : bool
        Run fresh chapters too.
    console : rich Console
        Progress goes here.
    device : str, optional
        Where networks are trained, as in :func:`linearlens.models.training_device`. By default what the variable
        ``LINEARLENS_DEVICE`` says; if it is not set, auto in the full profile and cpu in the quick one.

    Returns
    -------
    list of str
        The chapters that ran.

    Raises
    ------
    PressError
        After all chapters had their turn, if one or more failed or cannot be read; before any has, if jobs, parameters
        or device will not do.
    """
    if jobs < 1:
        raise PressError(f"jobs must be 1 or more, got {jobs}")
    kind = _device_kind(device, edition)
    remove_drafts()
    unfit = _unreadable(chapters, edition)
    readable = [chapter for chapter in chapters if chapter not in unfit]
    stale = dict.fromkeys(readable, "forced") if force else stale_chapters(readable, edition, kind)
    failures = list(unfit.values())
    if stale:  # a checkout that cannot be written to will do as long as nothing must be
        with one_at_a_time(BUILD / "run.lock", console):
            stale = stale if force else stale_chapters(readable, edition, kind)  # another may have run them
            for chapter, n_bytes in lent_runs.lend(list(stale), edition).items():
                _say_lent(chapter, n_bytes, console)
                del stale[chapter]
            failures += _run(stale, edition, jobs, console, kind)
    if not stale and readable:
        count = "1 chapter is" if len(readable) == 1 else f"{len(readable)} chapters are"
        console.print(f"{count} fresh in profile {edition.profile}, seed {edition.seed}")
    if failures:
        raise PressError("\n\n".join(failures))
    return list(stale)


def _say_lent(chapter: str, n_bytes: int, console: Console) -> None:
    console.print(
        f"{chapter}: its kept run is shown, since {n_bytes / 1e6:.0f} MB that it needs are not here; to run it, first: "
        "linearlens data fetch wild",
        highlight=False,
        markup=False,
    )


def _unreadable(chapters: Sequence[str], edition: Edition) -> dict[str, str]:
    """Those whose notebook, or a module that it uses, cannot be read, with the reason."""
    found = {}
    for chapter in chapters:
        try:
            check_parameters(chapter, edition.parameters)
            sources(chapter, edition)
        except PressError as error:
            found[chapter] = str(error)
    return found


def _device_kind(name: str | None, edition: Edition) -> str:
    """cpu or cuda, settled once for all chapters of a run."""
    name = name or asked_device(edition)
    if name == "cpu":  # without the seconds that torch takes to import
        return name
    from linearlens.models import training_device

    try:
        return training_device(name).type
    except ValueError as error:
        raise PressError(str(error)) from error


def _run(stale: dict[str, str], edition: Edition, jobs: int, console: Console, device: str) -> list[str]:
    """Run these chapters; return what went wrong."""
    for chapter, reason in stale.items():
        console.print(f"{chapter}: {reason}", style="dim", highlight=False, markup=False)
    with (
        Board({chapter: len(cells_of(chapter)) for chapter in stale}, "cell", console) as board,
        _ending_children() as children,
        ThreadPoolExecutor(max_workers=jobs) as pool,
    ):
        return [f for f in pool.map(lambda c: _run_one(c, edition, device, board, children), stale) if f]


def _run_one(chapter: str, edition: Edition, device: str, board: Board, children: Children) -> str | None:
    """Run one chapter; return what went wrong, if something did."""
    megabytes = known_megabytes(chapter, edition)
    with children.room(megabytes, lambda: board.say(f"{chapter}: waits until {megabytes:,} MB of memory are free")):
        expected = _expected(chapter, edition)
        board.start(chapter, note=f"of about {expected}")
        board.say(f"{chapter}: started, takes about {expected}")
        trouble = children.execute(chapter, edition, on_cell=partial(board.set, chapter), **{DEVICE: device})
    keeps = full_runs if edition == full_runs.EDITION else lent_runs if needs_of(chapter) else None
    if trouble is None and keeps is not None and edition == keeps.EDITION:
        try:
            keeps.keep(chapter)
        except PressError as error:
            trouble = str(error)
    board.stop(chapter)
    board.say(f"{chapter}: {'failed' if trouble else 'done'} after {board.seconds(chapter):.0f} s")
    return trouble


@contextlib.contextmanager
def _ending_children() -> Iterator[Children]:
    children = Children()

    def interrupt(*_: object) -> None:
        children.end()
        raise KeyboardInterrupt

    in_main = threading.current_thread() is threading.main_thread()
    before = {s: signal.signal(s, interrupt) for s in (signal.SIGINT, signal.SIGTERM)} if in_main else {}
    try:
        yield children
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _expected(chapter: str, edition: Edition) -> str:
    last = Executed(chapter, edition).stamp()
    seconds = last["wall_seconds"] if last else expected_seconds(chapter, edition.profile)
    return "an unknown time" if seconds is None else f"{seconds:.0f} s"
