"""Assignments for whoever grades: the source of an nbgrader assignment with hidden tests, and one with all answers."""

from collections.abc import Iterator

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell

from linearlens.press.chapter.homework import Homework, Part, Scored, Task
from linearlens.press.course.assignments import in_table
from linearlens.press.pages.homework import homework_cell, install, notebook_of, plain_part
from linearlens.press.pages.portable import graded_cell

HIDDEN = "# Hidden tests: {points}.\n### BEGIN HIDDEN TESTS\n{code}\n### END HIDDEN TESTS"
SOLVED = "{stub}\n### BEGIN SOLUTION\n{solution}\n### END SOLUTION"


def graded_homework(homework: Homework) -> nbformat.NotebookNode:
    """The source of an nbgrader assignment.

    What is given is locked; hidden tests stand below each answer, each with its points; written answers are graded by
    hand.
    """
    return notebook_of([install(), *_graded(homework)])


def solved_homework(homework: Homework) -> nbformat.NotebookNode:
    """The assignment with solutions, tests, rubrics, and the wrong answers that the tests know."""
    return notebook_of([install(), *_solved(homework)])


def _graded(homework: Homework) -> Iterator[nbformat.NotebookNode]:
    for place, part in enumerate(homework.parts):
        cell = homework_cell(part, plain_part(part, homework.name), place)
        task = homework.tasks.get(part.label or "")
        if part.kind in ("code", "form"):
            yield graded_cell(cell)
        elif part.kind == "answer" and task:
            cell.source = SOLVED.format(stub=task.stub, solution=task.key.solution)
            yield graded_cell(cell, solution=True)
            for number, test in enumerate(task.key.scored, start=1):
                code = HIDDEN.format(points=_points(test.points), code=homework.test_code(test))
                yield graded_cell(new_code_cell(code, id=f"{task.label}-test-{number}"), points=test.points)
        elif part.kind == "written" and task:
            cell.source = SOLVED.format(stub=cell.source, solution=_told(homework, task))
            yield graded_cell(cell, solution=True, points=task.points)
        else:
            yield cell


def _solved(homework: Homework) -> Iterator[nbformat.NotebookNode]:
    for place, part in enumerate(homework.parts):
        cell = homework_cell(part, plain_part(part, homework.name), place)
        task = homework.tasks.get(part.label or "")
        if part.kind == "answer" and task:
            cell.source = task.key.solution
            yield cell
            for number, test in enumerate(task.key.scored, start=1):
                yield new_code_cell(homework.test_code(test), id=f"{task.label}-test-{number}")
            yield new_markdown_cell(_told(homework, task), id=f"{task.label}-told")
        elif part.kind == "written" and task:
            yield new_markdown_cell(_told(homework, task), id=f"{task.label}-told")
        else:
            yield cell


def _told(homework: Homework, task: Task) -> str:
    """What is told of a solution, what the points are for, and the wrong answers."""
    head = "Model answer" if task.stub is None else "Solution"
    told = plain_part(Part("text", task.key.told), homework.name)
    tried = [*task.key.wrong, *task.key.invented, *task.key.copied]
    lines = [f"**{head}.** {told}", "", "| points | for |", "|---|---|", *map(_row, task.key.scored)]
    if tried:
        lines += ["", "**Wrong answers** that the tests know:", "", "| answer | they say |", "|---|---|"]
        lines += [f"| {in_table(answer)} | {hint} |" for hint, answer in tried]
    return "\n".join(lines)


def _row(one: Scored) -> str:
    words = f"{one.words}: {' '.join(one.body.split())}" if one.is_rubric else one.words
    return f"| {one.points} | {words} |"


def _points(points: int) -> str:
    return f"{points} point{'s' if points > 1 else ''}"
