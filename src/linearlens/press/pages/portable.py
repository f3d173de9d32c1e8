"""Notebooks that leave the repository and open anywhere, such as the one each page offers for download."""

from collections.abc import Callable, Iterable

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell

from linearlens.press.chapter.efforts import efforts_of
from linearlens.press.chapter.exercises import Exercise, exercises_of
from linearlens.press.chapter.notebooks import read_source
from linearlens.press.chapter.outputs import shown_by
from linearlens.press.pages.install import install_cell
from linearlens.press.pages.materials import Materials
from linearlens.press.pages.plain_text import Chapter, cited_keys, to_plain

KEPT_TAGS = {"parameters", "hide-input", "hide-cell"}
GLUE, OWN_GLUE = "from myst_nb import glue", "from linearlens.ledger import glue"  # a notebook needs no page's tools
FOLDED = {"hide-input", "hide-cell"}
POINTS = {"easy": 1, "medium": 2, "hard": 3}  # an open exercise has none: no check can judge it

Cells = Iterable[nbformat.NotebookNode]


def student(name: str, materials: Materials) -> nbformat.NotebookNode:
    """The chapter with stubs and checks; no solution and no wrong answer is anywhere in it.

    Cells bear the names that nbgrader knows them by, so that this notebook can be handed in as well as the one it
    releases.

    Raises
    ------
    PressError
        If an exercise is badly written, or text cannot be told in plain Markdown.
    """
    points = points_of(name)

    def task(one: Exercise, _: Chapter) -> Cells:
        answer, check = new_code_cell(one.stub, id=one.label), check_cell(one)
        if points.get(one.label):
            answer, check = graded_cell(answer, solution=True), graded_cell(check, points=points[one.label])
        yield from (answer, check)

    return portable_notebook(name, materials, task)


def points_of(name: str) -> dict[str, int | None]:
    """The points of each exercise that says what it takes, by label; None for an open one."""
    return {label: POINTS.get(effort.difficulty) for label, effort in efforts_of(read_source(name)).items()}


def check_cell(one: Exercise) -> nbformat.NotebookNode:
    """The check of an exercise, folded; one that fails stops no other cell."""
    how = {"tags": ["raises-exception"], "jupyter": {"source_hidden": True}}
    return new_code_cell(one.check, id=f"{one.label}-check", metadata=how)


def portable_notebook(
    name: str, materials: Materials, cells_of: Callable[[Exercise, Chapter], Cells]
) -> nbformat.NotebookNode:
    """The chapter in plain Markdown, without outputs; `cells_of` makes the cells of each exercise."""
    page = materials.page(name)
    chapter = materials.chapter(page, name)
    waiting = iter(exercises_of(name))
    notebook = nbformat.v4.new_notebook()
    for key in ("kernelspec", "language_info"):
        if key in page.metadata:
            notebook.metadata[key] = page.metadata[key]
    notebook.cells = [new_code_cell(install_cell(), id="install")]
    for cell in page.cells:
        tags = cell.metadata.get("tags", [])
        if "exercise" in tags:
            notebook.cells += cells_of(next(waiting), chapter)
        elif "check" in tags:
            continue  # stands there already
        elif cell.cell_type == "markdown":
            if text := to_plain(cell.source, chapter):
                notebook.cells.append(new_markdown_cell(text, id=cell.id))
        else:
            code = cell.source.replace(GLUE, OWN_GLUE)
            notebook.cells.append(new_code_cell(code, id=cell.id, metadata=_metadata(cell)))
            notebook.cells += _caption(cell, chapter)
    notebook.cells.append(_references(page, materials))
    return notebook


def _metadata(cell: nbformat.NotebookNode) -> dict:
    tags = set(cell.metadata.get("tags", []))
    kept = {"tags": sorted(tags & KEPT_TAGS)} if tags & KEPT_TAGS else {}
    return {**kept, "jupyter": {"source_hidden": True}} if tags & FOLDED else kept


def _caption(cell: nbformat.NotebookNode, chapter: Chapter) -> Cells:
    """The caption of the figure a cell shows, which plain Jupyter would not show."""
    if figure := shown_by(cell):
        label = chapter.labels.get(figure["name"])
        number = f"**Fig. {label.number}.** " if label else ""
        yield new_markdown_cell(f"{number}{to_plain(figure['caption'], chapter)}", id=f"caption-{cell.id}"[:64])


def _references(page: nbformat.NotebookNode, materials: Materials) -> nbformat.NotebookNode:
    text = "\n".join(cell.source for cell in page.cells if cell.cell_type == "markdown")
    lines = sorted(materials.references[key].line for key in set(cited_keys(text)))
    works = "\n".join(f"- {line}" for line in lines) or "None."
    return new_markdown_cell(f"## Works cited\n\n{works}\n\nText: CC BY 4.0. Code: MIT.", id="works-cited")


def graded_cell(
    cell: nbformat.NotebookNode, *, solution: bool = False, points: int | None = None
) -> nbformat.NotebookNode:
    """The cell with what nbgrader wants to know of it, its id included; what is no solution is locked."""
    how = {"schema_version": 3, "grade_id": cell.id, "solution": solution, "grade": points is not None, "task": False}
    how |= {"locked": not solution} | ({} if points is None else {"points": points})
    cell.metadata["nbgrader"] = how
    return cell
