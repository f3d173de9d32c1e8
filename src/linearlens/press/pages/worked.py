"""A page that is executed but no chapter: code cells in MyST, outputs below them, nothing recorded and no editions."""

import os
import tempfile
from importlib.metadata import version
from pathlib import Path

import nbformat
import papermill
from myst_nb.core.read import read_myst_markdown_notebook
from papermill.exceptions import PapermillExecutionError

from linearlens.paths import BUILD, ROOT
from linearlens.press.chapter.errors import PressError
from linearlens.press.chapter.files import aside
from linearlens.press.chapter.freshness import COMPUTES, DRAWS, hash_bytes
from linearlens.press.chapter.reachable import hash_of
from linearlens.press.running.kernel import ENGINE, ONE_THREAD

LIBRARY = ROOT / "src" / "linearlens"
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}


def read_page(path: Path) -> nbformat.NotebookNode:
    """The page as a notebook, not executed."""
    page = read_myst_markdown_notebook(path.read_text(encoding="utf-8"))
    for place, cell in enumerate(page.cells):
        cell.id = f"cell-{place}"  # the same each time
    page.metadata["kernelspec"] = dict(KERNEL)
    return page


def executed_page(path: Path) -> nbformat.NotebookNode:
    """The page with today's prose and the outputs of its code, which runs only if it or the library has changed.

    Parameters
    ----------
    path : Path
        Markdown with ``{code-cell}``.

    Returns
    -------
    NotebookNode

    Raises
    ------
    PressError
        If a cell fails; the message names it.
    """
    page, kept = read_page(path), BUILD / "executed" / "pages" / f"{path.stem}.ipynb"
    key = _key(page)
    done = nbformat.read(kept, as_version=4) if kept.is_file() else None
    if done is None or done.metadata.get("linearlens_key") != key:
        with aside(kept) as draft:
            done = _execute(page, path.name)
            done.metadata["linearlens_key"] = key
            nbformat.write(done, draft)
    for cell, ran in zip(_code(page), _code(done), strict=True):
        cell.outputs, cell.execution_count = ran.outputs, ran.execution_count
    return page


def _execute(page: nbformat.NotebookNode, name: str) -> nbformat.NotebookNode:
    """In a folder of its own, as a reader who has the package would."""
    inherited = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT / "src"), *([inherited] if inherited else [])])
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "page.ipynb"
        try:
            papermill.execute_notebook(
                nbformat.from_dict(page),
                str(output),
                engine_name=ENGINE,
                kernel_name="python3",
                progress_bar=False,
                cwd=folder,
                on_start=lambda cell: None,
                on_cell=lambda done, n_cells: None,
            )
        except PapermillExecutionError as error:
            raise PressError(f"book/{name}, In [{error.exec_count}]: {error.ename}: {error.evalue}") from error
        return nbformat.read(output, as_version=4)


def _key(page: nbformat.NotebookNode) -> str:
    """Of all that its outputs depend on: its code, the library, and what computes and draws."""
    files = sorted(path for path in LIBRARY.rglob("*.py") if path.relative_to(LIBRARY).parts[0] != "press")
    parts = [f"{path.relative_to(LIBRARY).as_posix()} {hash_bytes(path.read_bytes())}" for path in files]
    parts += [f"{name} {version(name)}" for name in (*COMPUTES, *DRAWS)]
    return hash_of("\n".join([*(cell.source for cell in _code(page)), *parts]))


def _code(page: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in page.cells if cell.cell_type == "code"]
