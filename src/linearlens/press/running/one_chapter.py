"""Execute one chapter with papermill, here and now.

Run as a module this is the child process of :mod:`linearlens.press.running.chapters`: it prints one line of JSON
for each cell, so that a chapter has a process, a CPU clock and a memory peak of its own.
"""

import json
import os
import platform
import re
import resource
import sys
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nbformat
from papermill.exceptions import PapermillExecutionError

from linearlens.ledger import MIME, Recorded
from linearlens.paths import BUILD, DEVICE
from linearlens.press.chapter.errors import PressError
from linearlens.press.chapter.exercises import exercises_of
from linearlens.press.chapter.files import SEAL, UNSEALED, aside, seal
from linearlens.press.chapter.freshness import COMPUTES, DRAWS, Executed, sources
from linearlens.press.chapter.notebooks import Edition, cells_of, check_parameters, is_exercise, read_source
from linearlens.press.chapter.proof import proof_cell, proof_of
from linearlens.press.chapter.provenance import commit_of_checkout
from linearlens.press.running.kernel import OnCell, run_cells

KILOBYTE = 1 if sys.platform == "darwin" else 1024  # bytes in the unit of ru_maxrss


def execute(chapter: str, edition: Edition, *, on_cell: OnCell = lambda done, n_cells: None) -> Path:
    """Execute a chapter and put the result in its place, all of it or nothing.

    Parameters
    ----------
    chapter : str
        A name of :func:`linearlens.press.chapter.notebooks.all_chapters`.
    edition : Edition
        Profile and seed.
    on_cell : callable of (int, int)
        Called with how many cells are done, and how many there are.

    Returns
    -------
    Path
        The executed notebook, with a stamp in its metadata ``linearlens_run``.

    Raises
    ------
    PressError
        If a cell fails, ends the kernel, or the kernel dies (the message names notebook and cell; the last good
        output stays as it was, and what was done up to there is kept apart), or the sources change meanwhile.
    """
    check_parameters(chapter, edition.parameters)
    executed = Executed(chapter, edition)
    before, commit = sources(chapter, edition), commit_of_checkout()  # now: a long run may see others come
    wall, cpu = time.perf_counter(), _cpu_seconds()
    with aside(executed.path) as draft:
        running = Path(f"{draft}.ipynb")
        progress = _Progress(chapter, edition, running)
        try:
            notebook = run_cells(_to_run(chapter, edition), edition.parameters, running, progress.start, on_cell)
            progress.refuse_early_end(notebook)
        except PapermillExecutionError as error:
            traceback = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(error.traceback))
            said = f"{error.ename}: {error.evalue}\n\n{traceback}\n"
            raise progress.failure(said, error.exec_count) from error
        except PressError:
            raise
        except RuntimeError as error:  # the kernel died in a cell, or before the first
            raise progress.failure(_death()) from error
        finally:
            running.unlink(missing_ok=True)
        if sources(chapter, edition) != before:
            raise PressError(f"the sources of {chapter} changed while it ran; run it again")
        _clean(notebook)
        proof = proof_of(notebook)
        notebook.metadata["linearlens_run"] = {
            **commit,
            "chapter": chapter,
            **edition.parameters,
            "sources": before.hashes,
            "files": before.files,
            "records": records_of(notebook, chapter),
            "wall_seconds": round(time.perf_counter() - wall, 2),
            "cpu_seconds": round(_cpu_seconds() - cpu - proof["seconds"], 2),
            "peak_megabytes": peak_megabytes(),
            "device": os.environ.get(DEVICE) or "cpu",  # where networks were trained
            "python": platform.python_version(),
            "versions": {name: version(name) for name in (*COMPUTES, *DRAWS)},
            "exercises": proof,
            SEAL: UNSEALED,
        }
        draft.write_text(seal(nbformat.writes(notebook) + "\n"), encoding="utf-8")
    return executed.path


@dataclass
class _Progress:
    """How far a chapter is, and what to say where it ends."""

    chapter: str
    edition: Edition
    running: Path
    cell: str = ""  # the id of the one that started last

    def start(self, cell: str) -> None:
        """Note that this cell starts."""
        self.cell = cell

    def failure(self, said: str, count: int | None = None) -> PressError:
        """The error that names the cell by its place in the source; the notebook up to there is kept."""
        places = {cell.get("id"): number for number, cell in enumerate(cells_of(self.chapter))}
        place = f"notebooks/{self.chapter}.ipynb, cell {places.get(self.cell, 'added by the press')}"
        place += f" (In [{count}])" if count else ""
        kept = BUILD / "failed" / self.edition.folder / f"{self.chapter}.ipynb"
        kept.parent.mkdir(parents=True, exist_ok=True)
        if self.running.is_file():
            os.replace(self.running, kept)
        return PressError(f"{place}: {said}\nthe notebook up to there: {kept}")

    def refuse_early_end(self, notebook: nbformat.NotebookNode) -> None:
        """Raise if a cell was never executed, as after ``sys.exit()``."""
        for cell in notebook.cells:
            if cell.cell_type == "code" and cell.source.strip() and cell.execution_count is None:
                self.cell = cell.id
                raise self.failure("it was never executed, since a cell before it ended the kernel\n")


def _death() -> str:
    return (
        f"the kernel died; {peak_megabytes():,} MB of memory were held at most. If it was killed for want of memory, "
        "run fewer chapters at a time (--jobs 1) or close other programs\n"
    )


def peak_megabytes() -> int:
    """The most memory a child of this process has held."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * KILOBYTE // 1024**2


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _to_run(chapter: str, edition: Edition) -> nbformat.NotebookNode:
    """The chapter without its exercises; these are proved by a cell at its end."""
    notebook = read_source(chapter)
    exercises = exercises_of(chapter) if edition.proves else []
    notebook.cells = [cell for cell in notebook.cells if not is_exercise(cell)]
    notebook.cells += [proof_cell(exercises)] if exercises else []
    return notebook


def records_of(notebook: nbformat.NotebookNode, chapter: str) -> list[dict[str, Recorded]]:
    """Everything the chapter recorded, as ``{"id": …, "value": …}`` in order."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    found = [output.data[MIME] for output in outputs if MIME in output.get("data", {})]
    return [{"id": one["id"], "value": _with_numbers(one["value"])} for one in found]


def _with_numbers(value: Any) -> Any:
    """The value with NaN and infinity as numbers; the kernel sends them as words."""
    if isinstance(value, dict):
        return {name: _with_numbers(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_with_numbers(item) for item in value]
    return float(value) if isinstance(value, str) else value


def _clean(notebook: nbformat.NotebookNode) -> None:
    """Remove what papermill leaves behind: its paths and times."""
    notebook.metadata.pop("papermill", None)
    for cell in notebook.cells:
        for name in ("papermill", "execution"):
            cell.metadata.pop(name, None)


def _child(chapter: str, profile: str, seed: str) -> int:
    """Entry point of the child process."""

    def say(**message) -> None:
        print(json.dumps(message), flush=True)

    try:
        execute(
            chapter,
            Edition(profile, int(seed)),
            on_cell=lambda done, n_cells: say(done=done, n_cells=n_cells),
        )
    except (PressError, OSError) as error:
        say(error=str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_child(*sys.argv[1:]))
