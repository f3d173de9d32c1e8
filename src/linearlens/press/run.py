"""Run many chapters, some at a time, and say how far they are."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from linearlens.paths import BUILD, DEVICE, ROOT
from linearlens.press import kept
from linearlens.press.atomic import one_at_a_time
from linearlens.press.chapters import Edition, PressError, check_parameters, expected_seconds, read_source
from linearlens.press.freshness import Executed


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
        _Board(list(stale), edition, console) as board,
        _killing_children() as children,
        ThreadPoolExecutor(max_workers=jobs) as pool,
    ):
        failures = [f for f in pool.map(lambda c: _run_one(c, edition, device, board, children), stale) if f]
    if failures:
        raise PressError("\n\n".join(failures))
    return list(stale)


def _run_one(chapter: str, edition: Edition, device: str, board: "_Board", children: "_Children") -> str | None:
    """Run the child process of one chapter; return what went wrong, if something did."""
    board.start(chapter)
    command = [sys.executable, "-m", "linearlens.press.execute", chapter, edition.profile, str(edition.seed)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), DEVICE: device}
    with children.start(command, environment) as child:
        if child is None:
            return None
        error, lines = None, child.stdout
        assert lines is not None
        noise: list[str] = []
        for line in lines:
            try:
                message = json.loads(line)
            except json.JSONDecodeError:
                noise.append(line)
                continue
            error = message.get("error", error)
            if "done" in message:
                board.advance(chapter, message["done"], message["n_cells"])
    if child.returncode == 0:
        if edition == kept.EDITION:
            kept.keep(chapter)
        board.finish(chapter, "done")
        return None
    board.finish(chapter, "failed")
    return error or f"{chapter}: its process ended with {child.returncode}\n{''.join(noise[-20:])}"


@dataclass
class _Children:
    """Child processes now running, so that an interrupt can end them."""

    running: set[subprocess.Popen] = field(default_factory=set)
    ended: bool = False

    @contextlib.contextmanager
    def start(self, command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen | None]:
        if self.ended:
            yield None
            return
        with subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
            cwd=ROOT,
            start_new_session=True,
        ) as child:
            self.running.add(child)
            try:
                yield child
                child.wait()
            finally:
                self.running.discard(child)

    def end(self) -> None:
        self.ended = True
        for child in list(self.running):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGTERM)


@contextlib.contextmanager
def _killing_children() -> Iterator[_Children]:
    children = _Children()

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


class _Board:
    """A line a chapter: its name, a bar of cells, elapsed and expected time. Plain lines where no terminal is."""

    def __init__(self, chapters: list[str], edition: Edition, console: Console) -> None:
        self.console, self.edition = console, edition
        self.started: dict[str, float] = {}
        self.progress = Progress(
            TextColumn("{task.description:<24}"),
            BarColumn(bar_width=30),
            TextColumn("cell {task.completed:.0f}/{task.total:.0f}"),
            TimeElapsedColumn(),
            TextColumn("of about {task.fields[expected]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self.tasks: dict[str, TaskID] = {}
        for chapter in chapters:
            source = read_source(chapter)
            expected = _expected(chapter, edition)
            self.tasks[chapter] = self.progress.add_task(
                chapter, total=len(source.cells), start=False, expected=expected
            )

    def __enter__(self) -> "_Board":
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def start(self, chapter: str) -> None:
        self.started[chapter] = time.monotonic()
        self.progress.start_task(self.tasks[chapter])
        self._say(f"{chapter}: started, takes about {_expected(chapter, self.edition)}")

    def advance(self, chapter: str, done: int, n_cells: int) -> None:
        self.progress.update(self.tasks[chapter], completed=done, total=n_cells)

    def finish(self, chapter: str, outcome: str) -> None:
        self.progress.stop_task(self.tasks[chapter])
        self._say(f"{chapter}: {outcome} after {time.monotonic() - self.started[chapter]:.0f} s")

    def _say(self, line: str) -> None:
        if not self.console.is_terminal:
            self.console.print(line, highlight=False)


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
