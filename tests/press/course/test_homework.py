"""Assignments: what students get, what grades it, and the proof that no answer passes that should not."""

import json
import re

import nbformat
import pytest

from linearlens.press.chapter.errors import PressError
from linearlens.press.chapter.homework import ANSWERS, all_homework, choose_homework, parts_of, read_homework
from linearlens.press.course import grading_proof
from linearlens.press.course.grading_proof import prove_homework
from linearlens.press.course.homework import graded_homework, solved_homework
from linearlens.press.pages.homework import homework_notebook, homework_page

ASKS = """# %% [markdown]
# # Small
#
# *60 to 90 minutes, easy, useful. After [it](../notebooks/01_small.ipynb).*

# %%
import zlib

# %% student
student = ""

# %%
seed = zlib.crc32(student.encode())

# %% double [markdown]
# ## 1. Twice (3 points)


# %% answer
def double(x):
    return None


# %% form
assert double(1) is not None

# %% last [markdown]
# ## 2. The last digit (1 point)

# %% answer
digit = None

# %% why [markdown]
# ## 3. Why? (2 points)

# %% written
# *Your answer.*
"""
KEY = '''"""What grades it."""

# %% shared
import numpy as np

# %% double [markdown]
# Add it to itself.


# %% solution
def double(x):
    return np.asarray(x) + np.asarray(x)


# %% test (3): a row
x = np.random.default_rng(seed).normal(size=5)
found = numbers(call(double, x, name="double"), (5,))
assert not np.allclose(found, x), "nothing is added"
assert np.allclose(found, 2 * x), "it is not twice as much"


# %% wrong: nothing is added
def double(x):
    return x


# %% wrong: not twice
def double(x):
    return x**2


# %% invented: not twice
def double(x):
    return 0 * x + 7


# %% copied: double calls linearlens.koopman
def double(x):
    from linearlens.koopman import delay_embed

    return 2 * delay_embed(x[:, None], delays=0)[:, 0]


# %% last [markdown]
# Of the seed.

# %% solution
digit = seed % 10

# %% test (1): the digit
found = numbers(digit, (), kind=int)
assert found == seed % 10, "another digit"

# %% wrong: another digit
digit = (seed + 1) % 10

# %% wrong: another digit
digit = seed // 10

# %% invented: another digit
digit = (seed + 3) % 10

# %% why [markdown]
# Because.

# %% rubric (2): says why
# Two for a reason.
'''
KEY = KEY.replace("def double(x):\n    return np", "import numpy as np\n\n\ndef double(x):\n    return np")


def write_homework(asks, answers):
    """Put the small assignment where a project has its own."""
    for folder, text in ((asks, ASKS), (answers, KEY)):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "99_small.py").write_text(text)


@pytest.fixture
def write(tmp_path):
    """A folder of variants with an assignment, changed as asked; the assignment is 99_small."""

    def write(old="", new="", asks=ASKS, key=KEY):
        assert old in asks + key
        (tmp_path / "answers").mkdir(exist_ok=True)
        (tmp_path / "99_small.py").write_text(asks.replace(old, new) if old else asks)
        (tmp_path / "answers" / "99_small.py").write_text(key.replace(old, new) if old else key)
        return tmp_path

    return write


def test_an_assignment_is_read(write):
    work = read_homework("99_small", write())
    assert (work.title, work.points) == ("Small", 6)
    assert [(task.label, task.points, task.stub is None) for task in work.tasks.values()] == [
        ("double", 3, False), ("last", 1, False), ("why", 2, True)]  # fmt: skip
    assert work.tasks["double"].key.copied[0][0] == "double calls linearlens.koopman"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("# # Small", "# Small", "should begin with"),
        ("*60 to 90 minutes, easy, useful.", "*60 minutes.", "should say below its title what it takes"),
        ("# %% student", "# %%", "needs one cell '# %% student'"),
        ("# %% form", "# %% forms", "has a cell 'forms'; there are"),
        ("# %% double [markdown]\n# ## 1", "# %% [markdown]\n# ## 1", "belongs to no task"),
        ("(3 points)", "", "double should begin with '## TITLE"),
        ("(3 points)", "(4 points)", "gives 3 points, its heading 4"),
        ("# %% last [markdown]\n# Of", "# %% least [markdown]\n# Of", "should both hold each task: last"),
        ("# %% test (1): the", "# %% test: the", "has a part 'test: the digit'"),
        ("# %% invented: another digit\ndigit = (seed + 3) % 10\n", "", "2 wrong answers and an invented one"),
        ("# %% rubric", "# %% solution\nx = 1\n\n# %% rubric", "is written: it takes a model answer and a rubric"),
        ("found = numbers(digit", "digit = numbers(digit", "binds digit, so it cannot see the student's"),
        ("# Add it to itself.", "", "needs words for whoever grades"),
        ("# %% solution\ndigit", "# %% solution\nx = 1\n\n# %% solution\ndigit", "has 2 solutions"),
        ("# %% written", "# %% [markdown]", "why needs one cell 'answer', or one 'written'"),
        ("# %% shared", "# %% share", "before the first task only '# %% shared'"),
        ("# %% shared", "# %% given: halve\n\n# %% shared", "students get defines a function or class 'halve'"),
        ("# %% invented: not twice", "# %% shared\n\n# %% invented: not twice", "has a part 'shared'"),
    ],
)
def test_what_is_badly_written_is_named(write, old, new, says):
    with pytest.raises(PressError, match=re.escape(says)):
        read_homework("99_small", write(old, new))


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("", "", None),
        ("digit = seed % 10\n\n#", "import warnings\n\nwarnings.warn('late')\ndigit = seed % 10\n\n#", None),
        ("digit = seed % 10\n\n#", "digit = seed % 9\n\n#", "last: the solution earns 0 of 1 points: another digit"),
        ("    return None", "    return 2 * x", "double: the stub earns 3 points"),
        ("    return x**2", "    return 2 * x", "should meet 'not twice', but earns 3 points"),
        ("wrong: not twice", "wrong: a word", "should meet 'a word'"),
        ("np.allclose(found, 2 * x)", "np.isfinite(found).all()", "should earn nothing and meet 'not twice'"),
        ("call(double, x, name", "call(double, x, forbidden=(), name", "meet 'double calls linearlens.koopman'"),
        ("(5,))\nassert not np.allclose(found, x)", "(5,))\nassert found[0] != x[0]", None),
        ('numbers(call(double, x, name="double"), (5,))', "double(x)", "no sentence of a test"),
        ("assert np.allclose(found, 2 * x)", "assert found.mean() > -9", "a function that returns zeros of the right"),
        ("numbers(digit, (), kind=int)", "digit if type(digit) is int else -1", "the solution as tensors earns 0 of 1"),
        ("assert double(1) is", "assert double(2) is 3, double(1) is", "the form 'assert double(2) is 3"),
        ("assert double(1) is", "assert True or double(1) is", "lets the stub pass"),
        ("return np.asarray(x) + np.asarray(x)", "return np.flip(2 * np.flip(x))", None),
    ],
)
def test_the_proof_finds_what_passes_and_should_not(write, old, new, fault):
    proved = prove_homework(read_homework("99_small", write(old, new)), "ada")
    assert proved.faults == () if fault is None else any(fault in said for said in proved.faults), proved.faults


@pytest.mark.parametrize(
    ("returned", "test", "earns"),
    [
        ("True", "assert found in (True, False)", True),
        ("True", "assert found is True", False),
        ("'up'", "assert found in ('up', None)", False),
        ("('up', 2 * x)", "numbers(several(found, 2)[1], (5,))", True),
        ("('up', 2 * x)", "assert several(found, 2)[0] == 'up'", False),
        ("[1.0, x[0]]", "numbers(found, (2,))", True),
    ],
)
def test_a_constant_has_the_form_of_the_solution_and_none_of_its_words(write, returned, test, earns):
    key = KEY.replace("return np.asarray(x) + np.asarray(x)", f"return {returned}")
    start, stop = key.index("found = numbers(call"), key.index("\n\n\n# %% wrong: nothing")
    key = f"{key[:start]}found = call(double, x, name='double')\n{test}{key[stop:]}"
    faults = prove_homework(read_homework("99_small", write(key=key)), "ada").faults
    assert any("a function that returns zeros" in fault for fault in faults) == earns, faults


@pytest.mark.parametrize(("returned", "forms"), [("up", 1), (True, 1), (1.5, 3)])
def test_words_are_tried_in_one_form_and_numbers_in_three(write, returned, forms):
    (task, *_) = read_homework("99_small", write()).tasks.values()
    tried = [attempt["double"](1) for _, attempt in grading_proof._right_forms(task, {"double": lambda _: returned})]
    assert len(tried) == forms


def sources(notebook):
    return "\n".join(cell.source for cell in notebook.cells)


def test_students_get_text_stubs_and_forms_and_no_answer(write):
    own = write()
    given = homework_notebook("99_small", own)
    nbformat.validate(given)
    assert given.cells[0].id == "install"
    assert "After it (`01_small.ipynb`).*" in given.cells[1].source, "a notebook that lies alone names the others"
    text = sources(given)
    assert "def double(x):\n    return None" in text
    assert "assert double(1) is not None" in text
    how = {cell.id: cell.metadata.get("nbgrader", {}) for cell in given.cells}
    assert how["double-answer"]["solution"], "what is downloaded can be handed in"
    assert (how["why-written"]["points"], how["why-written"]["grade"]) == (2, True)
    assert how["double-form"]["locked"]
    for secret in ("twice as much", "Add it to", "np.asarray", "Because", "rubric", "Two for a reason", "HIDDEN"):
        assert secret not in json.dumps(given)


def test_graders_get_hidden_tests_with_points_and_locked_cells(write):
    source = graded_homework(read_homework("99_small", write()))
    nbformat.validate(source)
    how = {cell.id: cell.metadata.get("nbgrader") for cell in source.cells}
    assert how["double-answer"]["solution"]
    assert not how["double-answer"]["locked"]
    assert (how["double-test-1"]["points"], how["double-test-1"]["grade"], how["double-test-1"]["locked"]) == (3, 1, 1)
    assert how["double-form"]["locked"]
    assert not how["double-form"]["grade"]
    assert (how["why-written"]["points"], how["why-written"]["solution"], how["why-written"]["grade"]) == (2, 1, 1)
    assert how["student"] is None, "the student's name stays as it is handed in"
    (test,) = [cell for cell in source.cells if cell.id == "double-test-1"]
    assert test.source.startswith("# Hidden tests: 3 points.\n### BEGIN HIDDEN TESTS\n")
    told = sources(solved_homework(read_homework("99_small", write())))
    for words in ("Because.", "| 2 | says why: Two for a reason. |", "| double calls linearlens.koopman |"):
        assert words in told


def test_tests_take_given_functions_as_they_were_given_with_all_they_call(write):
    given = "seed = zlib.crc32(student.encode())\n\n\ndef last(n):\n    return n % 10\n\n\n"
    given += "def of(name):\n    return last(name)"
    key = KEY.replace("# %% shared", "# %% given: of\n\n# %% shared").replace("found == seed % 10", "found == of(seed)")
    work = read_homework("99_small", write("seed = zlib.crc32(student.encode())", given, key=key))
    assert prove_homework(work, "ada").faults == ()
    names = {"student": "ada", "digit": 7, "of": lambda n: 7, "last": lambda n: 7}
    with pytest.raises(AssertionError, match="another digit"):
        exec(work.test_code(work.tasks["last"].key.scored[0]), names)


def test_what_wrong_answers_of_a_task_share_is_put_before_each(write):
    shared = KEY.replace("# %% wrong: another", "# %% shared\nbase = seed\n\n# %% wrong: another", 1)
    key = shared.replace("(seed + 1)", "(base + 1)").replace("(seed + 3)", "(base + 3)")
    work = read_homework("99_small", write(key=key))
    answers = work.tasks["last"].key
    assert [answer for _, answer in answers.invented] == ["base = seed\n\n\ndigit = (base + 3) % 10"]
    assert answers.solution == "digit = seed % 10"
    assert prove_homework(work, "ada").faults == ()


def test_a_test_leaves_no_name_behind(write):
    work = read_homework("99_small", write())
    names = {"student": "ada", "digit": 0}
    with pytest.raises(AssertionError, match="another digit"):
        exec(work.test_code(work.tasks["last"].key.scored[0]), names)
    assert names.keys() - {"__builtins__", "_grading"} == {"student", "digit"}


# The assignments of the book.


# All answers, for several students: `linearlens homework`, which takes minutes; the workflow of full runs does it.
@pytest.mark.parametrize("name", all_homework())
def test_the_solutions_of_an_assignment_earn_all_points_and_its_stubs_none(name):
    work = read_homework(name)
    assert any(task.key.copied for task in work.tasks.values()), "the package's own function must earn nothing"
    assert any(task.stub is None for task in work.tasks.values()), "one question is answered in words"
    proved = prove_homework(work, "ada", solutions_only=True)
    assert proved.faults == ()
    assert proved.seconds < 60


@pytest.mark.parametrize("name", all_homework())
def test_no_answer_is_in_what_students_get(name):
    work = read_homework(name)
    ids = [cell.id for cell in homework_notebook(name).cells]
    assert len({*ids}) == len(ids)
    given = json.dumps([homework_notebook(name), homework_page(name)], ensure_ascii=False)
    shown = {line.strip() for part in parts_of(name) for line in part.source.split("\n")}
    for task in work.tasks.values():
        assert json.dumps(task.key.told, ensure_ascii=False)[1:-1] not in given
        for code in (task.key.solution, *(test.body for test in task.key.scored)):
            lines = {line.strip() for line in code.split("\n") if len(line.strip()) > 12} - shown
            assert [line for line in lines if json.dumps(line, ensure_ascii=False)[1:-1] in given] == []
    assert "HIDDEN TESTS" not in given


@pytest.mark.parametrize("name", all_homework())
def test_a_model_answer_names_its_student_and_keeps_to_the_words_asked(name):
    work = read_homework(name)
    asked = {part.label: part.source for part in work.parts if part.kind == "text"}
    for task in work.tasks.values():
        if task.stub is None:
            told = task.key.told
            assert re.match(r"For (the student )?`\w+`", told), "whose numbers are these?"
            answer = told[told.index('"') + 1 : told.rindex('"')]
            most = re.search(r"\d+ to (\d+) words", asked[task.label])[1]
            assert len(answer.split()) <= int(most), task.label


def test_assignments_are_chosen_by_their_beginning():
    assert choose_homework([]) == all_homework()
    assert choose_homework(["01"]) == ["01_dmd"]
    with pytest.raises(PressError, match="no assignment is named '77'; there are: 01_dmd"):
        choose_homework(["77"])
    assert {path.stem for path in ANSWERS.glob("*.py")} == set(all_homework())
