"""What became of each submission: its points, and whether it was graded at all.

nbgrader gives no points to a notebook whose kernel died, as to one whose answers are wrong, and says in a log that
nobody reads which of the two it was. Here the gradebook is held against the notebooks.
"""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

import nbformat

from linearlens.press.chapter.errors import PressError

LOG = "nbgrader.log"
FAILED = re.compile(r"There was an error processing assignment: |the kernel became unresponsive")
SAID = re.compile(r"^\s*([\w.]+(?:Error|Exception|Interrupt)\w*)(?:: (.*))?$")
NOT_THEIRS = "not the student's seed"  # how linearlens.grading says it
# What nbgrader says of a cell below which a hidden test should stand.
DELETED = re.compile(r"KeyError: '(?!grade_id)([\w-]+)'")
TIMED_OUT = "CellTimeoutError"  # how nbgrader says it


@dataclass(frozen=True)
class Grade:
    """One submission of one student."""

    student: str
    assignment: str
    score: float | None
    of: float
    state: str


def read_grades(course: Path) -> list[Grade]:
    """The grades of a course of nbgrader, by assignment and student.

    Parameters
    ----------
    course : Path
        Its folder, with ``gradebook.db``, ``submitted`` and ``autograded``.

    Raises
    ------
    PressError
        If it is no such folder, or nbgrader is not installed.
    """
    if not (course / "gradebook.db").is_file():
        raise PressError(f"{course} has no gradebook.db; run there: nbgrader generate_assignment, nbgrader autograde")
    try:
        from nbgrader.api import Gradebook
    except ImportError as error:
        raise PressError('nbgrader is missing; run: pip install "linearlens[course]"') from error
    with Gradebook(f"sqlite:///{course.resolve()}/gradebook.db") as book:
        return [
            _grade(course, folder.parent.name, folder.name, book)
            for folder in sorted(course.glob("submitted/*/*"), key=lambda path: (path.name, path.parent.name))
            if folder.is_dir()
        ]


def _grade(course: Path, student: str, assignment: str, book: Any) -> Grade:
    from nbgrader.api import MissingEntry

    try:
        submission = book.find_submission(assignment, student)
    except MissingEntry:
        return Grade(student, assignment, None, 0, "not graded yet: run nbgrader autograde")
    graded = sorted((course / "autograded" / student / assignment).glob("*.ipynb"))
    state = (
        _ungraded(course / "submitted" / student / assignment, course / LOG)
        if not graded
        else "; ".join(_states(graded))
    )
    if graded and submission.needs_manual_grade:
        state = "; ".join(filter(None, [state, "written answers wait for you"]))
    return Grade(student, assignment, submission.score if graded else None, submission.max_score, state or "graded")


def _ungraded(submitted: Path, log: Path) -> str:
    """Why nbgrader began with a submission and left nothing."""
    for path in submitted.glob("*.ipynb"):
        try:
            notebook = nbformat.read(path, as_version=4)
        except Exception:  # nbformat raises many kinds
            return "the file is no notebook"
        if not any(cell.metadata.get("nbgrader", {}).get("solution") for cell in notebook.cells):
            return "not the notebook that was given out: no answer in it can be graded"
    said = _said_of(submitted, log.read_text(encoding="utf-8", errors="replace") if log.is_file() else "")
    if "DeadKernelError" in said:
        return "kernel died"
    if "Unresponsive" in said or TIMED_OUT in said:
        return "timed out, and could not be interrupted"
    if deleted := DELETED.fullmatch(said):
        return f"not graded: the cell {deleted[1]} was deleted; put one with this id and nbgrader's metadata back"
    return f"not graded: {said or 'run nbgrader autograde again, and read what it says'}"


def _said_of(submitted: Path, log: str) -> str:
    """The last error that the log has of a submission."""
    said, ours, tail = "", False, f"{submitted.parent.name}/{submitted.name}"
    for line in log.splitlines():
        if FAILED.search(line):
            ours = bool(re.search(rf"/{re.escape(tail)}(,|$)", line.replace("\\", "/").rstrip()))
            said = "Unresponsive" if ours and "unresponsive" in line else "" if ours else said
        elif line.startswith("[") and "Traceback" not in line:
            ours = False
        elif ours and (error := SAID.match(line)):
            said = error[0].strip()
    return said


def _states(notebooks: list[Path]) -> Iterator[str]:
    """What graded notebooks show of themselves beside their points."""
    cells = [cell for path in notebooks for cell in nbformat.read(path, as_version=4).cells]
    errors = [one for cell in cells for one in cell.get("outputs", []) if one.get("output_type") == "error"]
    if any(one.ename == TIMED_OUT for one in errors):
        yield "timed out: a cell ran too long"
    if any(NOT_THEIRS in one.evalue for one in errors):
        yield NOT_THEIRS
    given = [cell for cell in cells if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("grade")]
    if given and not any(cell.get("execution_count") for cell in given):
        yield "no test ran: the kernel died, or grading was stopped; run nbgrader autograde --force"


def grades_table(grades: list[Grade]) -> str:
    """The grades as CSV."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow([one.name for one in fields(Grade)])
    table.writerows(["" if value is None else value for value in astuple(one)] for one in grades)
    return text.getvalue()
