"""A process ends just before the n-th rename, replace, fsync or removal of a folder in a command."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from faults import stopping
from faults.attack import run_and
from faults.project import Done, Project
from faults.trial import FIGURE_COMMAND, PACK_COMMAND, Trial

# How many changes of names a command makes differs from version to version: past the last one nothing stops.
COMMANDS: dict[str, tuple[tuple[str, ...], int]] = {
    "run": (("run", "--jobs", "1"), 5),
    "sweep": (("sweep", "--seeds", "0:2", "--jobs", "1"), 6),
    "book": (("book", "--jobs", "1"), 12),
    "figure": (FIGURE_COMMAND, 8),
    "pack": ((*PACK_COMMAND, "01"), 6),
    "pdf": (("pdf",), 3),
}


def trials() -> list[Trial]:
    """One for each command and number."""
    return list(_trials())


def _trials() -> Iterator[Trial]:
    for name, (command, last) in COMMANDS.items():
        for n in range(1, last + 1):
            yield Trial(
                f"{name}-{n}",
                f"{name} ends just before the change number {n} of a name on disk",
                command,
                plant=_stale(name),
                act=_stopped_at(n),
                codes=frozenset({0, 1, 137, -15}),
            )


def _stale(command: str):
    def plant(project: Project) -> None:
        if command != "pdf":
            project.change()

    return plant


def _stopped_at(number: int):
    def act(project: Project, trial: Trial) -> tuple[Done, bool]:
        custom, counter = project / "src" / "sitecustomize.py", project.root.parent / "counter"
        shutil.copy(Path(stopping.__file__), custom)
        project.environment |= {
            stopping.STOP: str(number),
            stopping.COUNTER: str(counter),
            stopping.ROOT: str(project.root),
        }
        done = run_and(project, project.command(*trial.command))
        custom.unlink()
        reached = counter.read_text().splitlines() if counter.is_file() else []
        done[0].err += f"\n(changes of names: {'; '.join(reached)})"
        return done

    return act
