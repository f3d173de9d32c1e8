"""The board of progress that runs and sweeps show: a line a chapter, or plain lines where no terminal is."""

import time
from collections.abc import Mapping

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn


class Board:
    """A line a chapter: its name, a bar, elapsed time and a note. Use it as a context.

    Parameters
    ----------
    totals : mapping of str to int
        Chapters, and how many steps each has.
    unit : str
        What a step is called: cell, seed.
    console : rich Console
    """

    def __init__(self, totals: Mapping[str, int], unit: str, console: Console) -> None:
        self.console = console
        self.since = dict.fromkeys(totals, time.monotonic())
        self.progress = Progress(
            TextColumn("{task.description:<24}"),
            BarColumn(bar_width=30),
            TextColumn(f"{unit} {{task.completed:.0f}}/{{task.total:.0f}}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self.bars = {
            chapter: self.progress.add_task(chapter, total=total, start=False, note="")
            for chapter, total in totals.items()
        }

    def __enter__(self) -> "Board":
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def start(self, chapter: str, note: str = "") -> None:
        """Let the time of a chapter run from here."""
        self.since[chapter] = time.monotonic()
        self.progress.start_task(self.bars[chapter])
        self.progress.update(self.bars[chapter], note=note)

    def seconds(self, chapter: str) -> float:
        """Since the chapter started."""
        return time.monotonic() - self.since[chapter]

    def set(self, chapter: str, done: int, total: int) -> None:
        """Say how far a chapter is."""
        self.progress.update(self.bars[chapter], completed=done, total=total)

    def advance(self, chapter: str, note: str) -> None:
        """One step further, with a note."""
        self.progress.update(self.bars[chapter], advance=1, note=note)

    def stop(self, chapter: str) -> None:
        """Let the time of a chapter run no further."""
        self.progress.stop_task(self.bars[chapter])

    def say(self, line: str) -> None:
        """Print a line where there is no terminal to draw bars on."""
        if not self.console.is_terminal:
            self.console.print(line, highlight=False)
