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
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import nbformat
import papermill
from papermill.engines import NBClientEngine, papermill_engines
from papermill.exceptions import PapermillExecutionError

from linearlens.ledger import MIME, Recorded
from linearlens.paths import BUILD, DEVICE, ROOT
from linearlens.press.chapter.exercises import exercises_of, proof_cell, proof_of
from linearlens.press.chapter.files import aside
from linearlens.press.chapter.freshness import COMPUTES, Executed, digest, sources
from linearlens.press.chapter.notebooks import Edition, PressError, check_parameters, is_exercise, read_source
from linearlens.press.chapter.provenance import commit_of_checkout

OnCell = Callable[[int, int], None]
ENGINE = "linearlens"


class _ReportingEngine(NBClientEngine):
    """papermill's own engine, telling after each cell how far it is."""

    @classmethod
    def execute_managed_notebook(cls, nb_man, kernel_name, *, on_cell: OnCell, **options):
        n_cells, complete = len(nb_man.nb.cells), nb_man.cell_complete

        def cell_complete(cell, cell_index=None, **more):
            complete(cell, cell_index=cell_index, **more)
            on_cell((cell_index or 0) + 1, n_cells)

        nb_man.cell_complete = cell_complete
        return super().execute_managed_notebook(nb_man, kernel_name, **options)


papermill_engines.register(ENGINE, _ReportingEngine)


def execute(chapter: str, edition: Edition, *, on_cell: OnCell = lambda done, n_cells: None) -> Path:
    """Execute a chapter and put the result in its place, all of it or nothing.

    Parameters
    ----------
    chapter : str
        A name of :func:`linearlens.press.chapter.notebooks.all_chapters`.
    edition : Edition
        Profile and seed.
    on_cell : callable of (int, int)
        Called after each cell with its number and the number of cells.

    Returns
    -------
    Path
        The executed notebook, with a stamp in its metadata ``linearlens_run``.

    Raises
    ------
    PressError
        If a cell fails (the message names notebook, cell and error; the last good output stays as it
        was) or the sources change while the chapter runs.
    """
    check_parameters(chapter, edition.parameters)
    executed = Executed(chapter, edition)
    before, commit = sources(chapter, edition), commit_of_checkout()  # now: a long run may see others come
    _prepare_environment()
    wall, cpu = time.perf_counter(), _cpu_seconds()
    with aside(executed.path) as draft:
        try:
            papermill.execute_notebook(
                _to_run(chapter, edition),
                f"{draft}.ipynb",
                parameters=edition.parameters,
                engine_name=ENGINE,
                kernel_name="python3",
                progress_bar=False,
                cwd=str(ROOT),
                on_cell=on_cell,
            )
            notebook = nbformat.read(f"{draft}.ipynb", as_version=4)
        except PapermillExecutionError as error:
            raise PressError(_failure(chapter, edition, error, Path(f"{draft}.ipynb"))) from error
        finally:
            Path(f"{draft}.ipynb").unlink(missing_ok=True)
        if sources(chapter, edition) != before:
            raise PressError(f"the sources of {chapter} changed while it ran; run it again")
        _clean(notebook)
        proof = proof_of(notebook)
        notebook.metadata["linearlens_run"] = {
            **commit,
            "chapter": chapter,
            **edition.parameters,
            "sources": before,
            "records": records_of(notebook, chapter),
            "wall_seconds": round(time.perf_counter() - wall, 2),
            "cpu_seconds": round(_cpu_seconds() - cpu - proof["seconds"], 2),
            "peak_megabytes": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
            "device": os.environ.get(DEVICE) or "cpu",  # where networks were trained
            "python": platform.python_version(),
            "versions": {name: version(name) for name in COMPUTES},
            "exercises": proof,
            "digest": digest(notebook),
        }
        nbformat.write(notebook, draft)
    return executed.path


def _to_run(chapter: str, edition: Edition) -> nbformat.NotebookNode:
    """The chapter without its exercises; these are proved by a cell at its end."""
    notebook = read_source(chapter)
    exercises = exercises_of(notebook) if edition.proves else []
    notebook.cells = [cell for cell in notebook.cells if not is_exercise(cell)]
    notebook.cells += [proof_cell(exercises)] if exercises else []
    return notebook


def records_of(notebook: nbformat.NotebookNode, chapter: str) -> list[dict[str, Recorded]]:
    """Everything the chapter recorded, as ``{"id": …, "value": …}`` in order."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [dict(output.data[MIME]) for output in outputs if MIME in output.get("data", {})]


def _prepare_environment() -> None:
    """The kernel imports the package of this checkout, on one thread, so that CPU seconds mean something."""
    inherited = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT / "src"), *([inherited] if inherited else [])])
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _clean(notebook: nbformat.NotebookNode) -> None:
    """Remove what papermill leaves behind: its paths and times."""
    notebook.metadata.pop("papermill", None)
    for cell in notebook.cells:
        for name in ("papermill", "execution"):
            cell.metadata.pop(name, None)


def _failure(chapter: str, edition: Edition, error: PapermillExecutionError, partial: Path) -> str:
    kept = BUILD / "failed" / edition.folder / f"{chapter}.ipynb"
    kept.parent.mkdir(parents=True, exist_ok=True)
    os.replace(partial, kept)
    traceback = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(error.traceback))
    return (
        f"notebooks/{chapter}.ipynb, cell {error.cell_index} (In [{error.exec_count}]): "
        f"{error.ename}: {error.evalue}\n\n{traceback}\n\nthe notebook up to there: {kept}"
    )


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
    except PressError as error:
        say(error=str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_child(*sys.argv[1:]))
