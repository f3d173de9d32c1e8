"""Notebooks for instructors, and graded assignments for nbgrader."""

import re

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell

from linearlens.press.chapter.errors import PressError
from linearlens.press.chapter.exercises import Exercise
from linearlens.press.pages.materials import Materials
from linearlens.press.pages.plain_text import Chapter, to_plain
from linearlens.press.pages.portable import Cells, check_cell, graded_cell, points_of, portable_notebook

OPEN = "*An open exercise: it is not graded here. Do it in a notebook of your own.*"


def instructor(name: str, materials: Materials) -> nbformat.NotebookNode:
    """The chapter with its solutions filled in, and below each the wrong answers that its check knows."""

    def solved(one: Exercise, chapter: Chapter) -> Cells:
        told = f"**Solution.** {to_plain(one.answers.told, chapter)}\n\n{_wrong_answers(one)}"
        yield new_code_cell(one.answers.solution, id=one.label)
        yield check_cell(one)
        yield new_markdown_cell(told, id=f"{one.label}-told")

    return portable_notebook(name, materials, solved)


def graded(name: str, materials: Materials) -> nbformat.NotebookNode:
    """The source of an nbgrader assignment: answers to be written, checks locked, points by difficulty.

    Open exercises are left out: no check can judge them, and some ask for files that a grader has not.
    """
    points = points_of(name)

    def parts(one: Exercise, _: Chapter) -> Cells:
        if one.label not in points:
            raise PressError(
                f"exercise {one.label} does not begin with what it takes and is worth, "
                "*10 to 15 minutes, easy, essential.*"
            )
        if points[one.label] is None:
            yield new_markdown_cell(OPEN, id=one.label)
            return
        answer = f"{one.stub}\n### BEGIN SOLUTION\n{one.answers.solution}\n### END SOLUTION"
        yield graded_cell(new_code_cell(answer, id=one.label), solution=True)
        yield graded_cell(new_code_cell(one.check, id=f"{one.label}-check"), points=points[one.label])

    return portable_notebook(name, materials, parts)


def _wrong_answers(one: Exercise) -> str:
    rows = [f"| {in_table(answer)} | {hint} |" for hint, answer in one.answers.caught]
    return "\n".join(["**Wrong answers** that the check knows:", "", "| answer | it says |", "|---|---|", *rows])


def in_table(code: str) -> str:
    """Code in one cell of a table: a line each, with what Markdown would take for its own escaped."""
    kept = code.replace("&", "&amp;").replace("<", "&lt;").replace("|", "&#124;").replace(" ", "&nbsp;")
    lines = [re.sub(r"([\\`*_$\[\]])", lambda match: f"&#{ord(match[0])};", line) for line in kept.split("\n")]
    return f"<code>{'<br>'.join(lines)}</code>"
