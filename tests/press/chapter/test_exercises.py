"""Exercises: made from one cell, and proved in the run of their chapter."""

import json

import nbformat
import pytest
from conftest import SMALL_CELL, write_chapter

from linearlens.press.chapter.errors import PressError
from linearlens.press.chapter.exercises import as_tasks, exercises_of
from linearlens.press.chapter.freshness import Executed
from linearlens.press.chapter.notebooks import all_chapters, read_source

ASK = "```{exercise} Three\n:label: ex-three\n\n*5 minutes, easy.* What is three?\n```"
CELL = """# stub
three = None
# solution
three = base + 2
# check
assert three is not None, "put a number in place of None"
assert three != 2, "begin to count at one"
assert three == 3, "one more than two"
print("right")
# wrong: begin to count
three = 2
# wrong: one more than
three = 4
"""
TELL = "````{solution} ex-three\n:class: dropdown\n\nCount.\n````"


def chapter_with(*cells):
    notebook = nbformat.v4.new_notebook()
    for cell in cells:
        plain = cell.startswith(("`", "Plain"))
        kind = nbformat.v4.new_markdown_cell if plain else nbformat.v4.new_code_cell
        notebook.cells.append(kind(cell, metadata={} if plain else {"tags": ["exercise"]}))
    return notebook


def test_readers_get_stub_and_check_and_the_solution_folded_away():
    notebook = chapter_with(ASK, CELL, TELL)
    page = as_tasks(chapter_with(ASK, CELL, TELL), solutions=True)
    task = page.cells[1].source
    assert task.startswith("three = None\n\n# The check:\nassert three is not None")
    assert "base + 2" not in task
    assert "wrong" not in task
    assert "raises-exception" in page.cells[1].metadata.tags
    assert page.cells[2].source.endswith("Count.\n\n```python\nthree = base + 2\n```\n````")
    student = as_tasks(notebook, solutions=False)
    assert "base + 2" not in json.dumps(student)
    assert "Count." not in json.dumps(student)


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        (["Plain text", CELL], "no {exercise} with a :label:"),
        ([ASK, CELL, CELL], "no {exercise} with a :label:"),
        ([ASK, CELL.replace("# check", "# checks")], "one part each"),
        ([ASK, CELL.replace("# stub\n", "")], "one part each"),
        ([ASK, CELL.partition("# wrong: one")[0]], "needs 2 wrong answers or more, got 1"),
    ],
)
def test_a_badly_written_exercise_is_named(cells, says):
    with pytest.raises(PressError, match=says):
        exercises_of(chapter_with(*cells))


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("# nothing", "# nothing", None),
        ("base + 2\n", "base + 1\n", "the solution fails: AssertionError: begin to count"),
        ('assert three is not None, "put a number in place of None"\n', "three = three or 3\n", "the stub should fail"),
        ("three != 2", "three != 7", "'three = 2' should meet 'begin to count', but AssertionError: one more than two"),
        ("three = 4", "three = 3", "'three = 3' should meet 'one more than', but passes"),
        ("base + 2", "nowhere + 2", "the solution fails: NameError"),
    ],
)
def test_a_run_proves_stub_solution_and_wrong_answers(small, command, old, new, fault):
    path = small / "notebooks" / "01_small.ipynb"
    write_chapter(path, SMALL_CELL, "base = 1")
    notebook = nbformat.read(path, as_version=4)
    notebook.cells += chapter_with(ASK, CELL.replace(old, new), TELL).cells
    nbformat.write(notebook, path)
    done = command("run")
    assert done.returncode == 0, done.stderr
    executed = nbformat.read(small / "_build" / "executed" / "quick-seed0" / "01_small.ipynb", as_version=4)
    (faults,) = executed.metadata.linearlens_run.exercises.faults.values()
    assert (faults[0] if faults else None) is None if fault is None else fault in faults[0]
    assert "prove(" not in json.dumps(executed.cells), "the proof leaves no trace in the notebook"


@pytest.mark.parametrize("chapter", all_chapters())
def test_every_exercise_of_the_book_is_proved(quick, chapter):
    labels = [exercise.label for exercise in exercises_of(read_source(chapter))]
    assert len(labels) >= 3
    faults = Executed(chapter, quick).read().metadata["linearlens_run"]["exercises"]["faults"]
    assert faults == {label: [] for label in labels}


def test_the_book_has_forty_exercises():
    assert sum(len(exercises_of(read_source(chapter))) for chapter in all_chapters()) >= 40
