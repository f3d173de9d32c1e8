"""How long chapters take and how much memory, beside what they may take."""

from collections.abc import Mapping
from typing import Any

from linearlens.press.chapter.errors import PressError
from linearlens.press.chapter.freshness import Executed
from linearlens.press.chapter.notebooks import Edition, all_chapters
from linearlens.press.evidence.full_runs import EDITION, read_full_run

# DESIGN: CPU seconds of a quick chapter on one quiet core, the set-up of its kernel counted.
BUDGET = 60
BUDGETS: dict[str, int] = {}  # of chapters that are allowed more
BOOK_MINUTES = 13  # all chapters: a minute each, and a cold build of the pages after them
MEGABYTES = 4096  # what a kernel may hold, so that two run beside each other on a laptop
UNKNOWN_MEGABYTES = 1024  # of a chapter that never ran here
# The same code takes up to twice the CPU seconds where others use the same caches. So a test fails where a chapter has
# doubled; what one takes on a quiet core stands in the table.
NOISE = 2


def budget_of(chapter: str) -> int:
    """CPU seconds the chapter may take in the quick profile."""
    return BUDGETS.get(chapter, BUDGET)


def known_megabytes(chapter: str, edition: Edition) -> int:
    """The most memory that the chapter held in its last run: here, or the one that is kept."""
    run = Executed(chapter, edition).stamp()
    if run is None and edition.profile == EDITION.profile:
        try:
            run = read_full_run(chapter)
        except PressError:
            run = None
    return run["peak_megabytes"] if run else UNKNOWN_MEGABYTES


def table(edition: Edition, kept: Mapping[str, Mapping[str, Any]]) -> str:
    """A Markdown table of what the chapters took when last executed, and what their last kept full runs did."""
    lines = [
        "| chapter | CPU seconds | may take | memory, MB | full profile, CPU minutes | memory, MB |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    seconds = 0.0
    for chapter in all_chapters():
        run = Executed(chapter, edition).stamp()
        took, memory = (f"{run['cpu_seconds']:.0f}", f"{run['peak_megabytes']:,}") if run else ("", "")
        seconds += run["cpu_seconds"] if run else 0
        cells = [f"[](notebooks/{chapter}.ipynb)", took, str(budget_of(chapter)), memory]
        if chapter in kept:
            cells += [f"{kept[chapter]['cpu_seconds'] / 60:.1f}", f"{kept[chapter]['peak_megabytes']:,}"]
        else:
            cells += ["", ""]
        lines.append(f"| {' | '.join(cells)} |")
    minutes = sum(run["cpu_seconds"] for run in kept.values()) / 60
    lines.append(f"| the whole book | {seconds:.0f} | {60 * BOOK_MINUTES} | | {minutes:.0f} | |")
    return "\n".join(lines) + "\n"
