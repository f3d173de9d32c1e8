"""Exercises: a stub and a check for readers, answers in a file of their own, and a proof in the run of a chapter."""

import json
from dataclasses import asdict

import nbformat
import pytest
from conftest import SMALL_CELL, write_chapter

from linearlens.press.chapter.errors import PressError
from linearlens.press.chapter.exercises import exercises_of, with_solutions
from linearlens.press.chapter.freshness import Executed, sources
from linearlens.press.chapter.notebooks import Edition, all_chapters, read_source
from linearlens.press.chapter.proof import faults_of

ASK = "```{exercise} Three\n:label: ex-three\n\n*5 to 10 minutes, easy, essential.* What is three?\n```"
STUB = "three = None"
CHECK = """assert three is not None, "put a number in place of None"
assert three != 2, "begin to count at one"
assert three == 3, "one more than two"
print("right")"""
ANSWERS = '''"""Chapter 01: what solves its exercises."""

# %% ex-three [markdown]
# Count from $1$.
#
# Then stop.

# %% solution
three = base + 2

# %% wrong: begin to count
three = 2

# %% wrong: one more than
three = 4

# %% invented: one more than
three = 7
'''


def add_exercise(project, ask=ASK, stub=STUB, check=CHECK, answers=ANSWERS):
    """Put it at the end of the small chapter, and its answers where they belong."""
    path = project / "notebooks" / "01_small.ipynb"
    write_chapter(path, SMALL_CELL, "base = 1")
    notebook = nbformat.read(path, as_version=4)
    code = [nbformat.v4.new_code_cell(stub, metadata={"tags": ["exercise"]})]
    code += [nbformat.v4.new_code_cell(check, metadata={"tags": ["check"]})] if check else []
    notebook.cells += [nbformat.v4.new_markdown_cell(ask), *code]
    nbformat.write(notebook, path)
    (project / "book" / "answers").mkdir(exist_ok=True)
    if answers:
        (project / "book" / "answers" / "01_small.py").write_text(answers, encoding="utf-8")


def test_an_exercise_is_read_from_the_notebook_and_its_answers(here):
    add_exercise(here)
    (one,) = exercises_of("01_small")
    assert (one.label, one.stub, one.check) == ("ex-three", STUB, CHECK)
    assert one.answers.told == "Count from $1$.\n\nThen stop."
    assert one.answers.solution == "three = base + 2"
    assert one.answers.wrong == (("begin to count", "three = 2"), ("one more than", "three = 4"))
    assert one.answers.invented == (("one more than", "three = 7"),)


def test_the_page_shows_stub_check_and_the_solution_folded(here):
    add_exercise(here)
    page = with_solutions(read_source("01_small"), "01_small")
    stub, check, solution = page.cells[-3:]
    assert (stub.source, check.source) == (STUB, CHECK)
    assert solution.source == (
        "````{solution} ex-three\n:class: dropdown\n\nCount from $1$.\n\nThen stop.\n\n"
        "```python\nthree = base + 2\n```\n````"
    )
    assert not any(wrong in json.dumps(page.cells) for wrong in ("three = 2", "three = 7", "invented"))


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"ask": "No exercise."}, "'three = None' has no {exercise} with a :label:"),
        ({"check": None}, "has no cell tagged check next to it"),
        ({"answers": None}, r"answers book/answers/01_small\.py cannot be read"),
        ({"answers": ANSWERS.replace("ex-three", "ex-four")}, "should hold each exercise once: ex-four"),
        ({"answers": ANSWERS.replace("solution", "solutions")}, "has a part 'solutions'"),
        ({"answers": ANSWERS.replace("wrong: begin to count", "wrong")}, "has a part 'wrong'"),
        (
            {"answers": ANSWERS.replace("# %% solution\nthree = base + 2\n", "")},
            "one solution and 2 wrong",
        ),
        ({"answers": ANSWERS.replace("# %% wrong: one more than\nthree = 4\n", "")}, "one solution and 2 wrong"),
    ],
)
def test_a_badly_written_exercise_is_named(here, changed, says):
    add_exercise(here, **changed)
    with pytest.raises(PressError, match=says):
        exercises_of("01_small")


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("# Count", "# Count", None),
        ("base + 2\n", "base + 1\n", "the solution fails: AssertionError: begin to count"),
        (
            'assert three is not None, "put a number in place of None"\n',
            "three = three or 3\n",
            "the stub should fail with a message, but passes",
        ),
        ("three != 2", "three != 8", "'three = 2' should meet 'begin to count', but AssertionError: one more than two"),
        ("three = 4", "three = 3", "'three = 3' should meet 'one more than', but passes"),
        ("three == 3", "three > 0", "'three = 7' should meet 'one more than', but passes"),
        ("# %% invented: one more than\nthree = 7\n", "", "three is made of numbers: add an answer '# %% invented"),
        ("base + 2", "[base + 2, 0.5][0:1] * (base + 2)", "the solution fails: AssertionError: one more than two"),
        ("base + 2", "nowhere + 2", "the solution fails: NameError"),
    ],
)
def test_each_answer_must_meet_what_it_should(here, old, new, fault):
    add_exercise(here, check=CHECK.replace(old, new), answers=ANSWERS.replace(old, new))
    (one,) = exercises_of("01_small")
    names = {"base": 1}
    faults = faults_of(names, asdict(one))
    assert names == {"base": 1}
    assert faults == [] if fault is None else any(fault in said for said in faults)


@pytest.mark.parametrize(
    ("stub", "answer", "is_number"),
    [
        ("x = None", "x = 3.5", True),
        ("x = None, None", "x = 1, 2", True),
        ("x, y = None, None", "x, y = 'a', [1, (2, 3j)]", True),
        ("x = None", "x = {1: (0.5, 0.25)}", True),
        ("import numpy as np\nx = None", "import numpy as np\nx = np.eye(2)", True),
        ("x = None", "import torch\nx = torch.ones(2, requires_grad=True)", True),
        ("x = None", "x = 'inwards'", False),
        ("x = None", "x = [{'a'}, {'b'}]", False),
        ("x = None", "x = []", False),
        ("x = 3\ny = None", "x = 3\ny = object()", False),
        ("def f():\n    return None", "def f():\n    return 3", False),
    ],
)
def test_what_is_made_of_numbers_needs_an_invented_answer(stub, answer, is_number):
    answers = {"solution": answer, "wrong": [], "invented": []}
    faults = faults_of({}, {"stub": stub, "check": "", "answers": answers})
    assert any("made of numbers" in said for said in faults) == is_number


def test_a_run_proves_its_exercises_and_leaves_no_trace(small, command):
    add_exercise(small, answers=ANSWERS.replace("three = 4", "three = 3"))
    done = command("run")
    assert done.returncode == 0, done.stderr
    executed = nbformat.read(small / "_build" / "executed" / "quick-seed0" / "01_small.ipynb", as_version=4)
    assert executed.metadata.linearlens_run.exercises.faults == {
        "ex-three": ["'three = 3' should meet 'one more than', but passes"]
    }
    assert "prove(" not in json.dumps(executed.cells)


def test_words_of_a_solution_may_change_and_its_code_may_not(here):
    add_exercise(here)
    before = sources("01_small", Edition()).hashes
    for old, new, stale in (("Then stop", "Then go on", False), ("base + 2", "base + 3", True), ("7", "8", True)):
        add_exercise(here, answers=ANSWERS.replace(old, new))
        hashes = sources("01_small", Edition()).hashes
        assert {kind for kind in hashes if hashes[kind] != before[kind]} == ({"exercises"} if stale else set())
    assert "exercises" not in sources("01_small", Edition(seed=1)).hashes


# The exercises of the book.


@pytest.mark.parametrize("chapter", all_chapters())
def test_every_exercise_of_the_book_is_proved(quick, chapter):
    labels = [exercise.label for exercise in exercises_of(chapter)]
    assert len(labels) >= 3
    faults = Executed(chapter, quick).read().metadata["linearlens_run"]["exercises"]["faults"]
    assert faults == {label: [] for label in labels}


def test_the_book_has_forty_exercises():
    assert sum(len(exercises_of(chapter)) for chapter in all_chapters()) >= 40


@pytest.mark.parametrize("chapter", all_chapters())
def test_no_answer_is_in_the_notebooks(chapter):
    """But for imports, and lines of stubs and of the chapters themselves, which any answer may use again."""
    notebooks = [read_source(name) for name in all_chapters()]
    given = {line for notebook in notebooks for line in lines_of(notebook, "check")}
    shown = {line for notebook in notebooks for line in lines_of(notebook)}
    text = "\n".join(cell.source for notebook in notebooks for cell in notebook.cells)
    for one in exercises_of(chapter):
        codes = [one.answers.solution, *(code for _, code in (*one.answers.wrong, *one.answers.invented))]
        secrets = {line.strip() for code in codes for line in code.split("\n") if len(line.strip()) > 12} - given
        assert [line for line in secrets & shown if not line.startswith(("import ", "from "))] == []
        assert one.answers.told not in text


def lines_of(notebook, but=None):
    """Lines of text and code, without cells of one tag."""
    cells = [cell for cell in notebook.cells if but not in cell.metadata.get("tags", [])]
    return [line.strip() for cell in cells for line in cell.source.split("\n")]
