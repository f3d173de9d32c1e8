"""Notebooks that open anywhere: for students, for instructors, and graded assignments for nbgrader."""

import re
from collections.abc import Iterable

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell

from linearlens.press.chapters import PressError, is_exercise, read_source
from linearlens.press.exercises import LABEL, Exercise, exercises_of
from linearlens.press.figures import shown_by
from linearlens.press.pack.install import install_cell
from linearlens.press.pack.materials import Materials
from linearlens.press.pack.plain import Chapter, cited_keys, to_plain

EFFORT = re.compile(r"\*(\d+) minutes, (easy|medium|hard|open)\b")
POINTS = {"easy": 1, "medium": 2, "hard": 3}
OPEN = "*An open exercise: it is not graded here. Do it in a notebook of your own.*"
KEPT_TAGS = {"parameters", "hide-input", "hide-cell"}
FOLDED = {"hide-input", "hide-cell"}

Cells = Iterable[nbformat.NotebookNode]


def student(name: str, materials: Materials) -> nbformat.NotebookNode:
    """The chapter with stubs and checks; no solution and no wrong answer is anywhere in it.

    Raises
    ------
    PressError
        If an exercise is badly written, or text cannot be told in plain Markdown.
    """

    def task(one: Exercise, cell: nbformat.NotebookNode) -> Cells:
        yield new_code_cell(one.task, id=cell.id, metadata={"tags": ["raises-exception"]})

    return _notebook(name, materials, task, solutions=False)


def instructor(name: str, materials: Materials) -> nbformat.NotebookNode:
    """The chapter with its solutions filled in, and below each the wrong answers that its check knows."""

    def solved(one: Exercise, cell: nbformat.NotebookNode) -> Cells:
        yield new_code_cell(f"{one.solution}\n\n{one.check}", id=cell.id)
        yield new_markdown_cell(_wrong_answers(one), id=f"wrong-{cell.id}"[:64])

    return _notebook(name, materials, solved, solutions=True)


def graded(name: str, materials: Materials) -> nbformat.NotebookNode:
    """The source of an nbgrader assignment: answers to be written, checks locked, points by difficulty.

    Open exercises are left out: no check can judge them, and some ask for files that a grader has not.
    """
    efforts = efforts_of(read_source(name))

    def parts(one: Exercise, cell: nbformat.NotebookNode) -> Cells:
        if one.label not in efforts:
            raise PressError(
                f"exercise {one.label} does not begin with its minutes and difficulty, *10 minutes, easy.*"
            )
        _, difficulty = efforts[one.label]
        if difficulty == "open":
            yield new_markdown_cell(OPEN, id=one.label[:64])
            return
        answer = f"{one.stub}\n### BEGIN SOLUTION\n{one.solution}\n### END SOLUTION"
        yield _graded_cell(answer, one.label, solution=True)
        yield _graded_cell(one.check, f"{one.label}-check", points=POINTS[difficulty])

    return _notebook(name, materials, parts, solutions=False)


def efforts_of(notebook: nbformat.NotebookNode) -> dict[str, tuple[int, str]]:
    """Minutes and difficulty of each exercise that says so with ``*10 minutes, easy. …*`` below its title, by label."""
    text = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    asked = re.findall(rf"{LABEL.pattern}\n(.*?)^`{{3}}", text, re.S | re.M)
    efforts = {label: EFFORT.search(asks) for label, asks in asked}
    return {label: (int(effort[1]), effort[2]) for label, effort in efforts.items() if effort}


def _notebook(name: str, materials: Materials, exercise, *, solutions: bool) -> nbformat.NotebookNode:
    """The chapter in plain Markdown, without outputs; `exercise` makes the cells of each exercise."""
    page = materials.page(name)
    chapter = materials.chapter(page, name, solutions=solutions)
    waiting = iter(exercises_of(page))
    notebook = nbformat.v4.new_notebook()
    for key in ("kernelspec", "language_info"):
        if key in page.metadata:
            notebook.metadata[key] = page.metadata[key]
    notebook.cells = [new_code_cell(install_cell(), id="install")]
    for cell in page.cells:
        if is_exercise(cell):
            notebook.cells += exercise(next(waiting), cell)
        elif cell.cell_type == "markdown":
            if text := to_plain(cell.source, chapter):
                notebook.cells.append(new_markdown_cell(text, id=cell.id))
        else:
            notebook.cells.append(new_code_cell(cell.source, id=cell.id, metadata=_metadata(cell)))
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
    text += "\n".join(table for path, table in materials.tables.items() if path in text)
    lines = sorted(materials.references[key].line for key in set(cited_keys(text)))
    works = "\n".join(f"- {line}" for line in lines) or "None."
    return new_markdown_cell(f"## Works cited\n\n{works}\n\nText: CC BY 4.0. Code: MIT.", id="works-cited")


def _wrong_answers(one: Exercise) -> str:
    rows = [f"| {_in_table(answer)} | {hint} |" for hint, answer in one.wrong]
    return "\n".join(["**Wrong answers** that the check knows:", "", "| answer | it says |", "|---|---|", *rows])


def _in_table(code: str) -> str:
    """Code in one cell of a table: a line each, with what Markdown would take for its own escaped."""
    kept = code.replace("&", "&amp;").replace("<", "&lt;").replace("|", "&#124;").replace(" ", "&nbsp;")
    lines = [re.sub(r"([\\`*_$\[\]])", lambda match: f"&#{ord(match[0])};", line) for line in kept.split("\n")]
    return f"<code>{'<br>'.join(lines)}</code>"


def _graded_cell(source: str, grade_id: str, *, solution: bool = False, points: int | None = None):
    how = {"schema_version": 3, "grade_id": grade_id, "solution": solution, "grade": points is not None, "task": False}
    how |= {"locked": not solution} | ({} if points is None else {"points": points})
    return new_code_cell(source, id=grade_id[:64], metadata={"nbgrader": how})
