"""Assignments as students see them: a page of the site, and a notebook that opens anywhere. No answer is in either."""

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell

from linearlens.paths import BOOK
from linearlens.press.chapter.homework import HEADING, Part, parts_of
from linearlens.press.chapter.notebooks import all_chapters, title_of
from linearlens.press.pages.install import install_cell
from linearlens.press.pages.labels import labels_of_book
from linearlens.press.pages.plain_text import Chapter, to_plain
from linearlens.press.pages.portable import graded_cell
from linearlens.press.pages.references import read_references

FAILS = ("form",)  # checks that a stub does not pass; they stop no other cell
LINK = re.compile(r"\[([^\]]+)\]\((?!\w+://)([^)\s]+)\)")


def homework_page(name: str) -> nbformat.NotebookNode:
    """The page of an assignment: its text as MyST, its code without outputs."""
    return notebook_of(homework_cell(part, part.source, place) for place, part in enumerate(parts_of(name)))


def homework_notebook(name: str, own: Path | None = None) -> nbformat.NotebookNode:
    """The assignment in plain Markdown, with a first cell that says what is missing; see `read_homework` for `own`.

    Cells bear the names that nbgrader knows them by, so that this notebook can be handed in as well as the one it
    releases.
    """
    cells, points = [install()], 0
    for place, part in enumerate(parts_of(name, own)):
        cell = homework_cell(part, plain_part(part, name), place)
        if heading := HEADING.search(part.source):
            points = int(heading["points"])
        if part.kind in ("answer", "written"):
            graded_cell(cell, solution=True, points=points if part.kind == "written" else None)
        elif part.kind in ("code", "form"):
            graded_cell(cell)
        cells.append(cell)
    return notebook_of(cells)


def install() -> nbformat.NotebookNode:
    """The first cell of an assignment that leaves the site."""
    return new_code_cell(install_cell(), id="install")


def notebook_of(cells: Iterable[nbformat.NotebookNode]) -> nbformat.NotebookNode:
    """A notebook of Python with these cells."""
    notebook = nbformat.v4.new_notebook(cells=list(cells))
    notebook.metadata["kernelspec"] = {"name": "python3", "language": "python", "display_name": "Python 3"}
    return notebook


def plain_part(part: Part, name: str) -> str:
    """Text of a part in plain Markdown. The notebook lies alone, so a link becomes the file's name. Code as it is."""
    if part.kind not in ("text", "written"):
        return part.source
    return LINK.sub(_named, to_plain(part.source, _chapter(name)))


def _named(link: re.Match) -> str:
    """The words of a link, and what a student has the chapter under."""
    path = Path(link[2])
    return f"{link[1]} (`{path.name}`)" if path.suffix == ".ipynb" else link[1]


@cache
def _chapter(name: str) -> Chapter:
    """What its text may refer to."""
    titles = {chapter: title_of(chapter) for chapter in all_chapters()}
    references = read_references(BOOK / "references.bib")
    return Chapter(name, glued={}, labels=labels_of_book(), references=references, titles=titles)


def homework_cell(part: Part, source: str, place: int) -> nbformat.NotebookNode:
    """One cell, with an id that says what it is and stays when others are added."""
    if part.kind in ("text", "written"):
        cell = new_markdown_cell(source)
    else:
        cell = new_code_cell(source)
        if part.kind in FAILS:
            cell.metadata["tags"] = ["raises-exception"]
    cell.id = identity(part, place)
    return cell


def identity(part: Part, place: int) -> str:
    """The id of a cell: task and kind, where a task has one of the kind; else with its place."""
    if part.kind == "student":
        return "student"
    single = part.label and (part.kind not in ("text", "code") or part.source.startswith("## "))
    return f"{part.label}-{part.kind}" if single else f"{part.label or 'given'}-{part.kind}-{place}"
