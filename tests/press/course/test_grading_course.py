"""A course of nbgrader: who gets which points, and how a submission that was not graded is told from a wrong one."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import nbformat
import pytest
from conftest import environment_of, in_process, small_project
from test_exercises import add_exercise
from test_homework import write_homework

from linearlens.press.chapter.errors import PressError
from linearlens.press.course.grades import LOG, read_grades

pytestmark = pytest.mark.skipif(find_spec("nbgrader") is None, reason="nbgrader is missing; run: pip install nbgrader")
RIGHT = {
    "double": "def double(x):\n    return [value + value for value in x]",
    "last": "digit = int(str(seed)[-1])",
    "why": "Since adding a thing to itself doubles it.",
    "three": "three = base + 2",
}
DIGIT = {"last": "digit = 11"}
LOOP = "while True:\n    pass"
STUBBORN = "while True:\n    try:\n        while True:\n            pass\n    except KeyboardInterrupt:\n        pass"
SUBMISSIONS = {
    "right": RIGHT,
    "wrong": {**RIGHT, "double": "def double(x):\n    return x"},
    "invented": {"double": "def double(x):\n    return [3.0] * 5", **DIGIT},
    "copied": {"double": "from linearlens.koopman import delay_embed\n\n\n"
               "def double(x):\n    return 2 * delay_embed(x[:, None], delays=0)[:, 0]"},
    "another": RIGHT,  # under the name of the first
    "changed": DIGIT,  # and tests that print what they should
    "died": {**RIGHT, "double": "import os\n\nos._exit(1)"},
    "loops": {**RIGHT, "double": LOOP},
}  # fmt: skip


@pytest.fixture(scope="module")
def course(once):
    """The folder of nbgrader, with a release."""

    def make(folder: Path) -> None:
        add_exercise(small_project(folder))
        write_homework(folder / "book" / "assignments", folder / "book" / "answers" / "assignments")
        done = in_process(folder)("pack", "--instructor", "-o", str(folder / "pack"))
        assert done.returncode == 0, done.stderr

    return once("graded", make) / "pack" / "nbgrader"


ON_PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # nbgrader calls alembic by its name


def nbgrader(course, *arguments):
    """What a command of nbgrader says; it may end in an error."""
    on_path = environment_of(course.parents[1], PATH=ON_PATH)
    command = [sys.executable, "-m", "nbgrader", *arguments]
    return subprocess.run(command, cwd=course, env=on_path, capture_output=True, text=True, check=False)


def hand_in(course, assignment, student, answers, *, named=None, tests=None, given=None):
    """A submission made of the release, or of another notebook that was given."""
    given = given or course / "release" / assignment / f"{assignment}.ipynb"
    notebook = nbformat.read(given, as_version=4)
    for cell in notebook.cells:
        how = cell.metadata.get("nbgrader", {})
        task = how.get("grade_id", "").removesuffix("-answer").removesuffix("-written")
        if cell.source.strip() == 'student = ""':
            cell.source = f"student = {named or student!r}"
        elif how.get("solution") and task in answers:
            cell.source = answers[task]
        elif how.get("grade") and tests and not how.get("solution"):
            cell.source = tests
    path = course / "submitted" / student / assignment / f"{assignment}.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(notebook, path)


@pytest.mark.slow
def test_right_wrong_cheating_and_broken_submissions_are_told_apart(course):
    for assignment in ("99_small", "01_small"):
        done = nbgrader(course, "generate_assignment", "--create", f"--assignment={assignment}")
        assert done.returncode == 0, done.stderr
    release = nbformat.read(course / "release" / "99_small" / "99_small.ipynb", as_version=4)
    for secret in ("HIDDEN TESTS", "twice as much", "np.asarray", "Because", "rubric"):
        assert secret not in json.dumps(release)
    (answer,) = [cell for cell in release.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == "double-answer"]
    assert answer.source.strip() == "def double(x):\n    return None"
    for student, answers in SUBMISSIONS.items():
        named = "right" if student == "another" else None
        tests = "print('right')" if student == "changed" else None
        hand_in(course, "99_small", student, answers, named=named, tests=tests)
    hand_in(course, "99_small", "of the pack", RIGHT, given=course.parent / "assignments" / "99_small.ipynb")
    bare = nbformat.read(course.parent / "assignments" / "99_small.ipynb", as_version=4)
    for cell in bare.cells:
        cell.metadata.pop("nbgrader", None)
    nbformat.write(bare, course / "bare.ipynb")
    hand_in(course, "99_small", "bare", {}, given=course / "bare.ipynb")
    (course / "submitted" / "torn" / "99_small").mkdir(parents=True)
    (course / "submitted" / "torn" / "99_small" / "99_small.ipynb").write_text('{"cells": [')
    hand_in(course, "01_small", "right", {"ex-three": "three = base + 2"})
    hand_in(course, "01_small", "wrong", {"ex-three": "three = 2"})
    for student, three in (("of the pack", "base + 2"), ("wrong of the pack", "2")):
        chapter = course.parent / "student" / "01_small.ipynb"
        hand_in(course, "01_small", student, {"ex-three": f"three = {three}"}, given=chapter)
    nbgrader(course, "autograde", "--assignment=99_small", "--student=loops", "--Execute.timeout=30")
    patient = "--Execute.timeout=300", "--Execute.iopub_timeout=300"  # a busy machine is no reason to fail
    nbgrader(course, "autograde", "--assignment=99_small", *patient)
    nbgrader(course, "autograde", "--assignment=01_small", *patient)
    waits = "written answers wait for you"  # those that were written
    found = {(one.assignment, one.student): (one.score, one.of, one.state) for one in read_grades(course)}
    assert found == {
        ("99_small", "right"): (4, 6, waits),
        ("99_small", "of the pack"): (4, 6, waits),
        ("99_small", "bare"): (None, 6, "not the notebook that was given out: no answer in it can be graded"),
        ("99_small", "wrong"): (1, 6, waits),
        ("99_small", "invented"): (0, 6, "graded"),
        ("99_small", "copied"): (0, 6, "graded"),
        ("99_small", "another"): (0, 6, f"not the student's seed; {waits}"),
        ("99_small", "changed"): (0, 6, "graded"),
        ("99_small", "died"): (None, 6, "kernel died"),
        ("99_small", "loops"): (1, 6, f"timed out: a cell ran too long; {waits}"),
        ("99_small", "torn"): (None, 6, "the file is no notebook"),
        ("01_small", "right"): (1, 1, "graded"),
        ("01_small", "wrong"): (0, 1, "graded"),
        ("01_small", "of the pack"): (1, 1, "graded"),
        ("01_small", "wrong of the pack"): (0, 1, "graded"),
    }
    assert nbgrader(course, "generate_feedback", "--assignment=99_small", "--student=wrong").returncode == 0
    feedback = (course / "feedback" / "wrong" / "99_small" / "99_small.html").read_text()
    assert "nothing is added" in feedback
    assert "twice as much" not in feedback
    done = in_process(course.parents[1])("grades", str(course))
    assert "died,99_small,,6.0,kernel died\n" in done.stdout


@pytest.mark.filterwarnings("ignore")  # of SQLAlchemy, for nbgrader
def test_the_log_tells_why_a_submission_was_not_graded(tmp_path, monkeypatch):
    from nbgrader.api import Gradebook

    monkeypatch.setenv("PATH", ON_PATH)

    (tmp_path / "submitted" / "ann" / "01_a").mkdir(parents=True)
    with pytest.raises(PressError, match=r"has no gradebook\.db"):
        read_grades(tmp_path)
    with Gradebook(f"sqlite:///{tmp_path}/gradebook.db") as book:
        book.add_assignment("01_a")
        book.add_student("ann")
    (grade,) = read_grades(tmp_path)
    assert grade.state == "not graded yet: run nbgrader autograde"
    with Gradebook(f"sqlite:///{tmp_path}/gradebook.db") as book:
        book.add_submission("01_a", "ann")
    begins = "[AutogradeApp | ERROR] There was an error processing assignment: /x/submitted/ann/01_a\n"
    trace = "[AutogradeApp | ERROR] Traceback (most recent call last):\n      File x\n"
    another = begins.replace("ann", "joann") + trace + "    other.OtherError: no\n"
    unresponsive = "[A | ERROR] While processing assignment /x/submitted/ann/01_a, the kernel became unresponsive\n"
    for log, state in (
        (another, "not graded: run nbgrader autograde again"),
        (begins + trace + "    nbclient.exceptions.DeadKernelError: Kernel died\n" + another, "kernel died"),
        (unresponsive, "timed out, and could not be interrupted"),
        (begins + trace + "    nbclient.exceptions.CellTimeoutError: A cell\n", "timed out, and could not be"),
        (begins + trace + "    KeyError: 'double-answer'\n", "the cell double-answer was deleted"),
        (begins + trace + "    x.SomeError: some reason\n[A | INFO] more\n    y.LaterError: no\n", "some reason"),
    ):
        (tmp_path / LOG).write_text(log)
        (grade,) = read_grades(tmp_path)
        assert state in grade.state, log
        assert grade.score is None
