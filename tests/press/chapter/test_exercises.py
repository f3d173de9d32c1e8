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
CHECK = """from linearlens.exercises import as_number
three = as_number(three, "three")
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

# %% right: by counting
three = len("abc")
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
    assert one.answers.copied == ()
    assert one.answers.right == (("by counting", 'three = len("abc")'),)


def test_what_wrong_answers_share_stands_once_and_not_in_the_solution(here):
    shared = ANSWERS.replace("# %% wrong: begin to count\n", "# %% shared\nno = 0\n\n# %% wrong: begin to count\n")
    add_exercise(here, answers=shared.replace("three = 4", "three = no + 4"))
    (one,) = exercises_of("01_small")
    assert one.answers.solution == "three = base + 2"
    assert one.answers.wrong[1] == ("one more than", "no = 0\n\n\nthree = no + 4")
    assert one.answers.invented == (("one more than", "no = 0\n\n\nthree = 7"),)
    assert faults_of({"base": 1}, asdict(one)) == []
    add_exercise(here, answers=shared.replace("no = 0\n", ""))
    (one,) = exercises_of("01_small")
    assert one.answers.wrong[0] == ("begin to count", "three = base + 2\n\n\nthree = 2"), "an empty one is the solution"


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
        ({"answers": ANSWERS.replace("wrong: begin to count", "shared: x")}, "has a part 'shared: x'"),
        ({"answers": ANSWERS + "\n# %% shared\na = 1\n"}, "stands once, next to the solution, before what shares it"),
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
            'three = as_number(three, "three")\n',
            "three = 3 if three is None else three\n",
            "the stub should fail with a message, but passes",
        ),
        ("three != 2", "three != 8", "'three = 2' should meet 'begin to count', but AssertionError: one more than two"),
        ("three = 4", "three = 3", "'three = 3' should meet 'one more than', but passes"),
        ("three == 3", "three > 0", "'three = 7' should meet 'one more than', but passes"),
        ("# %% invented: one more than\nthree = 7\n", "", "made-up numbers must be tried: add an answer '# %% inv"),
        ('len("abc")', 'len("ab")', "'by counting' is right, but AssertionError: begin to count"),
        (
            'three = as_number(three, "three")\n',
            "assert three != 0 < (three or 1), 'x'\n",
            "a string for three should meet",
        ),
        (
            'three = as_number(three, "three")\n',
            "three = float(three)\n",
            "a dictionary for three should meet a sentence",
        ),
        (
            'three = as_number(three, "three")\n',
            "assert type(three) is int, 'an int'\n",
            "tensors for three are right, but",
        ),
        ("three == 3", "three >= 3", "tens for three, made up: passes"),
        ("base + 2", "[base + 2, 0.5][0:1] * (base + 2)", "the solution fails: AssertionError: three should be"),
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


def tried(stub, solution, check, **answers):
    kinds = {"wrong": [], "invented": [("number", "1")], "copied": [], "right": []}
    return faults_of({}, {"stub": stub, "check": check, "answers": {**kinds, "solution": solution, **answers}})


def test_each_of_several_numbers_is_made_up_alone():
    check = (
        "from linearlens.exercises import as_array\npair = as_array(pair, shape=(2,))\nassert pair[0] == 3, 'no three'"
    )
    faults = tried("pair = None, None", "pair = 3, 4", check)
    assert "halves for pair[1], made up: passes" in faults
    assert not any("pair[0]" in said for said in faults)


def test_a_function_that_answers_with_made_up_numbers_is_tried():
    check = """from linearlens.exercises import as_array, returning
assert returning(f, as_array)([1, 2]).shape == (2,), "two numbers"
"""
    faults = tried("def f(z):\n    return None", "def f(z):\n    return [2 * x for x in z]", check)
    assert "ones from f, made up: passes" in faults
    faults = tried("f = None", "def f(z):\n    return [2 * x for x in z]", check + "assert f([1])[0] == 2, 'twice'\n")
    assert not any("made up" in said for said in faults)


def test_what_may_be_another_value_is_not_tried_with_values_near_it():
    check = """from linearlens.exercises import as_number
x, guess = as_number(x), as_number(guess)
assert 2 < x < 9, "between"
"""
    stub, solution = "x, guess = None, None", "x, guess = 4, 0.3"
    assert "a quarter more for x, made up: passes" in tried(stub, solution, check)
    assert "zeros for guess, made up: passes" in tried(stub, solution, check)
    others = [("another", "x, guess = 8, 0.3"), ("a guess", "x, guess = 4, 0.9")]
    assert [said for said in tried(stub, solution, check, right=others) if "passes" in said and "'1'" not in said] == []


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
        codes = [one.answers.solution, *(code for _, code in one.answers.caught + one.answers.right)]
        secrets = {line.strip() for code in codes for line in code.split("\n") if len(line.strip()) > 12} - given
        assert [line for line in secrets & shown if not line.startswith(("import ", "from "))] == []
        assert one.answers.told not in text


def lines_of(notebook, but=None):
    """Lines of text and code, without cells of one tag."""
    cells = [cell for cell in notebook.cells if but not in cell.metadata.get("tags", [])]
    return [line.strip() for cell in cells for line in cell.source.split("\n")]
