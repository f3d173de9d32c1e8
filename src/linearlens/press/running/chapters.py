"""Run many chapters, some at a time, and say how far they are."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from rich.console import Console

from linearlens.paths import BUILD, DEVICE
from linearlens.press.chapter.files import one_at_a_time
from linearlens.press.chapter.freshness import Executed
from linearlens.press.chapter.notebooks import Edition, PressError, check_parameters, expected_seconds, read_source
from linearlens.press.evidence import full_runs
from linearlens.press.running.process import Children
from linearlens.press.running.progress import Board


def stale_chapters(chapters: Sequence[str], edition: Edition) -> dict[str, str]:
    """Those that must run, with the reason."""
    troubles = {chapter: Executed(chapter, edition).trouble() for chapter in chapters}
    return {chapter: trouble for chapter, trouble in troubles.items() if trouble}


def run_chapters(
    chapters: Sequence[str], edition: Edition, *, jobs: int, force: bool, console: Console, device: str | None = None
) -> list[str]:
    """Execute the stale chapters, `jobs` at a time, each in a process of its own.

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
        After all chapters had their turn, if one or more failed; before any has, if jobs, parameters or device
        will not do.
    """
    if jobs < 1:
        raise PressError(f"jobs must be 1 or more, got {jobs}")
    kind = _device_kind(device, edition)
    for chapter in chapters:
        check_parameters(chapter, edition.parameters)
    with one_at_a_time(BUILD / "run.lock"):
        return _run_stale(chapters, edition, jobs, force, console, kind)


def _device_kind(name: str | None, edition: Edition) -> str:
    """cpu or cuda, settled once for all chapters of a run."""
    name = name or os.environ.get(DEVICE) or ("auto" if edition.profile == "full" else "cpu")
    if name == "cpu":  # without the seconds that torch takes to import
        return name
    from linearlens.models import training_device

    try:
        return training_device(name).type
    except ValueError as error:
        raise PressError(str(error)) from error


def _run_stale(
    chapters: Sequence[str], edition: Edition, jobs: int, force: bool, console: Console, device: str
) -> list[str]:
    sweep_drafts()
    stale = dict.fromkeys(chapters, "forced") if force else stale_chapters(chapters, edition)
    if not stale:
        console.print(f"{_count(chapters)} fresh in profile {edition.profile}, seed {edition.seed}")
        return []
    for chapter, reason in stale.items():
        console.print(f"{chapter}: {reason}", style="dim", highlight=False)
    with (
        Board({chapter: len(read_source(chapter).cells) for chapter in stale}, "cell", console) as board,
        _killing_children() as children,
        ThreadPoolExecutor(max_workers=jobs) as pool,
    ):
        failures = [f for f in pool.map(lambda c: _run_one(c, edition, device, board, children), stale) if f]
    if failures:
        raise PressError("\n\n".join(failures))
    return list(stale)


def _run_one(chapter: str, edition: Edition, device: str, board: Board, children: Children) -> str | None:
    """Run one chapter; return what went wrong, if something did."""
    expected = _expected(chapter, edition)
    board.start(chapter, note=f"of about {expected}")
    board.say(f"{chapter}: started, takes about {expected}")
    trouble = children.execute(chapter, edition, on_cell=partial(board.set, chapter), **{DEVICE: device})
    if trouble is None and edition == full_runs.EDITION:
        full_runs.keep(chapter)
    board.stop(chapter)
    board.say(f"{chapter}: {'failed' if trouble else 'done'} after {board.seconds(chapter):.0f} s")
    return trouble


@contextlib.contextmanager
def _killing_children() -> Iterator[Children]:
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
    last = Executed(chapter, edition).read()
    seconds = last.metadata.get("linearlens_run", {}).get("wall_seconds") if last else None
    seconds = seconds or expected_seconds(read_source(chapter), edition.profile)
    return "an unknown time" if seconds is None else f"{seconds:.0f} s"


def _count(chapters: Sequence[str]) -> str:
    return "1 chapter is" if len(chapters) == 1 else f"{len(chapters)} chapters are"


def sweep_drafts() -> None:
    """Remove what a killed run left aside."""
    for draft in (BUILD / "executed").glob("*/.*.part*"):
        draft.unlink()
