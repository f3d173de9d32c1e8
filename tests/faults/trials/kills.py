"""A signal for one process of a command, at moments drawn once and for all."""

import random
from collections.abc import Iterator
from signal import SIGINT, SIGKILL, SIGTERM, Signals

from faults.attack import Signal
from faults.project import Project
from faults.trial import FIGURE_COMMAND, PACK_COMMAND, SWEEP_COMMAND, Trial

COMMANDS: dict[str, tuple[str, ...]] = {
    "run": ("run",),
    "sweep": SWEEP_COMMAND,
    "book": ("book",),
    "figure": FIGURE_COMMAND,
    "pack": PACK_COMMAND,
    "pdf": ("pdf",),
    "claims": ("claims",),
}
# Seconds within which a signal comes, after its target is first seen: what each takes when nothing else runs.
SPANS = {
    "parent": {"run": 9, "sweep": 13, "book": 16, "figure": 7, "pack": 10, "pdf": 7, "claims": 1.5},
    "group": {"run": 9, "sweep": 13, "book": 16, "figure": 7, "pack": 10, "pdf": 7, "claims": 1.5},
    "child": {"run": 6, "sweep": 6, "book": 6},
    "kernel": {"run": 4, "sweep": 4, "book": 4, "figure": 2, "pack": 4},
    "sphinx": {"book": 5},
    "browser": {"pdf": 3},
}
# How many of each, by command and target.
PLAN: tuple[tuple[str, str, Signals, int], ...] = (
    *[("run", "parent", number, 4) for number in (SIGKILL, SIGINT, SIGTERM)],
    ("run", "group", SIGINT, 3),
    ("run", "child", SIGKILL, 3),
    ("run", "child", SIGTERM, 1),
    ("run", "kernel", SIGKILL, 4),
    ("run", "kernel", SIGTERM, 1),
    *[("sweep", "parent", number, 2) for number in (SIGKILL, SIGINT, SIGTERM)],
    ("sweep", "child", SIGKILL, 2),
    ("sweep", "kernel", SIGKILL, 2),
    *[("book", "parent", number, 4) for number in (SIGKILL, SIGINT, SIGTERM)],
    ("book", "group", SIGINT, 2),
    ("book", "kernel", SIGKILL, 1),
    ("book", "sphinx", SIGKILL, 3),
    ("book", "sphinx", SIGTERM, 2),
    *[("figure", "parent", number, 2) for number in (SIGKILL, SIGINT, SIGTERM)],
    ("figure", "kernel", SIGKILL, 2),
    *[("pack", "parent", number, 2) for number in (SIGKILL, SIGINT, SIGTERM)],
    ("pack", "kernel", SIGKILL, 1),
    *[("pdf", "parent", number, 2) for number in (SIGKILL, SIGINT, SIGTERM)],
    ("pdf", "browser", SIGKILL, 2),
    *[("claims", "parent", number, 1) for number in (SIGKILL, SIGINT, SIGTERM)],
)
CODES = {SIGKILL: -9, SIGINT: 130, SIGTERM: 143}


def trials() -> list[Trial]:
    """As the plan has them, and two impatient readers."""
    return [*_planned(), *_twice()]


def _planned() -> Iterator[Trial]:
    for command, target, number, times in PLAN:
        for n in range(1, times + 1):
            name = f"{command}-{target}-{number.name}-{n}"
            span = SPANS[target][command]
            # One in each of as many equal parts of the span, so that no part of a command goes without.
            after = span * (n - 1 + random.Random(name).random()) / times
            yield Trial(
                name,
                f"{number.name} for the {target} of {command}, {after:.1f} s after its start",
                COMMANDS[command],
                plant=_everything_stale(command),
                signal=Signal(target, number, after),
                codes=_codes(command, target, number),
                names=_names(target, number),
            )


def _everything_stale(command: str):
    """New numbers in both chapters, so that there is work to do; the printed book needs its pages first."""

    def plant(project: Project) -> None:
        if command not in ("pdf", "claims"):
            project.change()

    return plant


def _codes(command: str, target: str, number: Signals) -> frozenset[int]:
    if target in ("parent", "group"):
        # A signal that a process does not catch is its exit code, with a minus.
        return frozenset({CODES[number], -number, *([1, 130] if number is SIGTERM else [])})
    return frozenset({0}) if command == "sweep" else frozenset({0, 1})


def _names(target: str, number: Signals) -> tuple[str, ...]:
    """A chapter that was killed is named, and so is the likely cause."""
    if target in ("child", "kernel"):
        return ("memory", "SIGKILL", "SIGTERM", "killed", "ended by signal")
    return {"sphinx": ("kill", "memory", "signal"), "browser": ("rowser", "hromium")}.get(target, ())


def _twice() -> Iterator[Trial]:
    for command in ("run", "book"):
        yield Trial(
            f"{command}-twice",
            f"Ctrl-C twice during {command}",
            COMMANDS[command],
            plant=_everything_stale(command),
            signal=Signal("group", SIGINT, 3, again=0.3),
            codes=frozenset({130, -2}),
        )
