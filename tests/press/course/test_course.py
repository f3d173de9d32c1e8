"""The lecturer's pack: plain notebooks without a trace of the answers, assignments that grade, slides, plans."""

import json
import os
import re
import zipfile
from importlib.metadata import version

import nbclient
import nbformat
import pytest
from conftest import in_process, small_project
from rich.console import Console
from test_exercises import ASK, add_exercise
from test_homework import write_homework

from linearlens.ledger import load_claims
from linearlens.paths import ROOT
from linearlens.press.chapter.efforts import Effort, effort_in, efforts_of
from linearlens.press.chapter.errors import PressError
from linearlens.press.chapter.exercises import exercises_of
from linearlens.press.chapter.notebooks import all_chapters, read_source
from linearlens.press.course import Wanted, assignments, make_pack, plans
from linearlens.press.pages.install import install_cell, package_version
from linearlens.press.pages.labels import Label
from linearlens.press.pages.materials import Materials
from linearlens.press.pages.plain_text import Chapter, to_plain
from linearlens.press.pages.portable import student
from linearlens.press.pages.references import Reference

ASSIGN = ASK.replace("What is three?", "What is three? {eq}`eq-small` and {glue:text}`small.value:.1f` may help.")
MATH = "Plain text, {cite:t}`koopman1931`.\n\n```{math}\n:label: eq-small\na &= b \\\\\nc &= d\n```"


@pytest.fixture(scope="module")
def taught(once):
    """The small project with an exercise, and its pack."""
    return once("taught", make_taught)


def make_taught(folder):
    add_exercise(small_project(folder), ask=f"{MATH}\n\n{ASSIGN}")
    (folder / "book" / "references.bib").write_text(
        "@article{koopman1931, author = {Koopman, Bernard O.}, title = {Systems}, journal = {PNAS}, year = {1931}}"
    )
    write_homework(folder / "book" / "assignments", folder / "book" / "answers" / "assignments")
    (folder / "book" / "answers" / "exam").mkdir()
    (folder / "book" / "answers" / "exam" / "01.md").write_text(EXAM)
    (folder / "book" / "setup.md").write_text("# Set-up\n")
    for target, more in (("pack", ["--instructor"]), ("public", [])):
        done = in_process(folder)("pack", "-o", str(folder / target), *more)
        assert done.returncode == 0, done.stderr


EXAM = (
    "# Exam\n\n## Question 1 (6 points)\n\nWhy?\n\n### Model answer\n\nSince so.\n\n## Question 2 (2 points)\n\nHow?\n"
)
SECRETS = (
    "base + 2",
    "Count from",
    "three = 2",
    "three = 7",
    "# %%",
    "twice as much",
    "Add it to",
    "Because",
    "Since so",
)


@pytest.fixture(scope="module")
def public(taught):
    """What students may have of it."""
    return taught / "public"


@pytest.fixture(scope="module")
def pack(taught):
    """Its pack."""
    return taught / "pack"


def read(path):
    return nbformat.read(path, as_version=4)


def sources(notebook):
    return "\n".join(cell.source for cell in notebook.cells)


def test_students_find_stub_and_check_and_no_trace_of_the_answer(pack):
    path = pack / "student" / "01_small.ipynb"
    whole = path.read_text()
    for answer in ("base + 2", "Count from", "three = 2", "three = 7", "# %%"):
        assert answer not in whole, answer
    text = sources(read(path))
    stub, check = [cell for cell in read(path).cells if "three" in cell.source and cell.cell_type == "code"]
    assert stub.source == "three = None"
    assert check.source.startswith("from linearlens.exercises import as_number\nthree = as_number(")
    assert (check.metadata["tags"], check.metadata["jupyter"]) == (["raises-exception"], {"source_hidden": True})
    assert "### Exercise 1: Three" in text
    assert "What is three? (1) and 16.0 may help." in text
    assert "Koopman (1931)" in text
    assert "\\begin{aligned}\na &= b \\\\\nc &= d\n\\end{aligned} \\tag{1}" in text
    assert "{" + "glue" not in whole
    assert read(path).cells[0].id == "install"
    assert not any(cell.get("outputs") for cell in read(path).cells)


def test_the_chapter_that_students_get_can_be_handed_in(pack):
    def known(folder):
        cells = read(pack / folder / "01_small.ipynb").cells
        return [cell.metadata["nbgrader"] for cell in cells if "nbgrader" in cell.metadata]

    assert [one["grade_id"] for one in known("student")] == ["ex-three", "ex-three-check"]
    assert known("student") == known("nbgrader/source/01_small")


def test_instructors_find_the_solution_and_the_wrong_answers(pack):
    text = sources(read(pack / "instructor" / "chapters" / "01_small.ipynb"))
    assert "three = base + 2\nfrom linearlens.exercises import as_number\nthree = " in text
    assert "**Solution.** Count from $1$.\n\nThen stop." in text
    assert "| <code>three&nbsp;=&nbsp;2</code> | begin to count |" in text
    assert "| <code>three&nbsp;=&nbsp;7</code> | one more than |" in text


def test_a_notebook_of_the_pack_runs_as_it_is(taught, pack, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(taught / "src"))
    notebook = read(pack / "instructor" / "chapters" / "01_small.ipynb")
    nbclient.NotebookClient(notebook, kernel_name="python3").execute(cwd=tmp_path)
    said = [o.get("text", "") for cell in notebook.cells for o in cell.get("outputs", [])]
    assert "right\n" in said


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(PressError, match="is there already"):
        make_pack(Wanted(["01_small"]), tmp_path, jobs=1, console=Console())
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_nothing_of_an_answer_is_in_what_students_get(public):
    files = [path for path in public.rglob("*") if path.is_file()]
    assert {path.relative_to(public).parts[0] for path in files} >= {"student", "assignments", "requirements.txt"}
    assert not (public / "instructor").exists()
    assert not (public / "nbgrader").exists()
    for path in files:
        inside = zipfile.ZipFile(path) if path.suffix == ".whl" else None
        whole = b"".join(map(inside.read, inside.namelist())) if inside else path.read_bytes()
        for secret in SECRETS[:-4] if inside else SECRETS:  # words of code
            assert inside or secret.encode() not in whole, (path, secret)
        assert not inside or not [name for name in inside.namelist() if "answers" in name]


def test_the_pack_brings_the_package_and_what_it_needs(public):
    (wheel,) = public.glob("linearlens-*.whl")
    assert (public / "requirements.txt").read_text().splitlines()[0] == f"./{wheel.name}[student]"
    assert (public / "SETUP.md").read_text() == "# Set-up\n"
    text = sources(read(public / "assignments" / "99_small.ipynb"))
    assert "def double(x):\n    return None" in text
    assert "from myst_nb" not in sources(read(public / "student" / "01_small.ipynb"))


def test_instructors_find_what_grades_and_exams_with_answers_and_without(pack):
    told = sources(read(pack / "instructor" / "assignments" / "99_small.ipynb"))
    assert "| 2 | says why: Two for a reason. |" in told
    assert (pack / "instructor" / "exam" / "01.md").read_text() == EXAM
    asked = (pack / "instructor" / "exam" / "01-questions.md").read_text()
    assert "Since so" not in asked
    assert asked.count("## Question") == 2
    assert "### BEGIN HIDDEN TESTS" in sources(read(pack / "nbgrader" / "source" / "99_small" / "99_small.ipynb"))
    assert "c.Execute.timeout = 60\n" in (pack / "nbgrader" / "nbgrader_config.py").read_text()


def test_variants_take_the_place_of_the_book_s(taught, tmp_path):
    (tmp_path / "exam").mkdir()
    (tmp_path / "exam" / "01.md").write_text("## Question 1 (1 point)\n\nMine?\n")
    own = (taught / "book" / "assignments" / "99_small.py").read_text().replace("# # Small", "# # My own")
    (tmp_path / "99_small.py").write_text(own)
    done = in_process(taught)("pack", "--instructor", "--variants", str(tmp_path), "-o", str(tmp_path / "pack"))
    assert done.returncode == 0, done.stderr
    assert "# My own" in sources(read(tmp_path / "pack" / "assignments" / "99_small.ipynb"))
    assert "# My own" in sources(read(tmp_path / "pack" / "nbgrader" / "source" / "99_small" / "99_small.ipynb"))
    assert "Mine?" in (tmp_path / "pack" / "instructor" / "exam" / "01.md").read_text()
    done = in_process(taught)("pack", "--variants", str(tmp_path / "none"), "-o", str(tmp_path / "other"))
    assert (done.returncode, "there is no folder" in done.stderr) == (1, True)


# Plain Markdown.

CHAPTER = Chapter(
    "01_small",
    glued={"a.b": "0.25"},
    labels={
        "eq-one": Label("eq", 3, "01_small"),
        "fig-far": Label("fig", 7, "02_far"),
        "ex": Label("ex", 2, "01_small"),
    },
    references={"li2023": Reference("Li et al.", "2023", "Li"), "x1999": Reference("X and Y", "1999", "X")},
    titles={"02_far": "Far away"},
)


@pytest.mark.parametrize(
    ("myst", "plain"),
    [
        ("{glue:text}`a.b:.0%` and {glue:text}`a.b`", "25% and 0.25"),
        ("{paper}`97.3 %`, {given}`0.9`", "97.3 %, 0.9"),
        ("{cite:t}`li2023`; {cite:p}`li2023,x1999`", "Li et al. (2023); (Li et al., 2023; X and Y, 1999)"),
        ("{eq}`eq-one` of {numref}`fig-far`", "(3) of [Fig. 7](02_far.ipynb)"),
        ("[](02_far.ipynb#part) and [the ledger](../ledger.md)", "[Far away](02_far.ipynb) and the ledger"),
        ("`{role}` stays, $\\{a\\}$ too", "`{role}` stays, $\\{a\\}$ too"),
        ("```python\nx = {1}\n```", "```python\nx = {1}\n```"),
        ("```{math}\n:label: eq-one\nx = 1\n```", "$$\nx = 1 \\tag{3}\n$$"),
        (":::{dropdown} A & B\n{given}`1`\n:::", "<details>\n<summary>A &amp; B</summary>\n\n1\n\n</details>"),
        ("````{admonition} Proof\n```{math}\nx\n```\n````", "> **Proof**\n>\n> $$\n> x\n> $$"),
        ("```{prf:theorem} Main\nSo.\n```", "> **Theorem (Main).** So."),
        ("See {prf:ref}`P9 <theory-p9>`.", "See P9."),
        ("```{exercise} Try\n:label: ex\n\nDo.\n```\n\nand", "### Exercise 2: Try\n\nDo.\n\nand"),
        (
            "```{include} ../_generated/01_small.md\n```",
            "The cells above print each claim where they measure it; the page of this chapter has all in one table.",
        ),
    ],
)
def test_markdown_is_told_plainly(myst, plain):
    assert to_plain(myst, CHAPTER) == plain


@pytest.mark.parametrize(
    ("myst", "says"),
    [
        ("```{mermaid}\nx\n```", r"directive \{mermaid\}"),
        ("{abbr}`x`", r"role \{abbr\}"),
        ("- item\n  ```{note}\n  x\n  ```", "reach readers raw"),
        ("(target)=\n# Heading", "reach readers raw"),
        ("{glue:text}`a.c:.1f`", "a.c, which its last run did not record"),
        ("{numref}`fig-none`", "fig-none, which no chapter has"),
        ("{cite:p}`nobody`", "nobody, which book/references.bib lacks"),
    ],
)
def test_what_has_no_plain_form_is_named(myst, says):
    with pytest.raises(PressError, match=says):
        to_plain(myst, CHAPTER)


@pytest.fixture(scope="module")
def materials():
    return Materials()


@pytest.mark.parametrize("name", all_chapters())
def test_no_chapter_leaves_anything_raw_or_an_answer_with_students(quick, materials, name):
    given = student(name, materials)
    whole = json.dumps(given, ensure_ascii=False)
    for one in exercises_of(name):
        for said in (one.answers.told, one.answers.solution, *(code for _, code in one.answers.wrong)):
            assert json.dumps(said, ensure_ascii=False)[1:-1] not in whole
    bounds = [bound for claim in load_claims().values() for bound in claim.bound.values()]
    assert [bound for bound in bounds if bound in whole] == [], "nor any table of predicates"
    assignments.instructor(name, materials)
    nbformat.validate(assignments.graded(name, materials))


# Efforts.


@pytest.mark.parametrize(
    ("head", "effort"),
    [
        ("*10 to 15 minutes, easy, essential. Trains: x.*", Effort(10, 15, "easy", "essential")),
        ("*150 to 210 minutes, hard, useful. After [it](x).*", Effort(150, 210, "hard", "useful")),
        ("*10 minutes, easy, essential.*", None),
        ("*10 to 15 minutes, easy.*", None),
        ("*15 to 15 minutes, easy, essential.*", None),
        ("*10 to 15 minutes, simple, essential.*", None),
        ("*10 to 15 minutes, easy, central.*", None),
    ],
)
def test_a_head_says_minutes_difficulty_and_importance(head, effort):
    assert effort_in(head) == effort


def test_an_assignment_names_the_exercise_that_does_not_say_what_it_takes(here):
    add_exercise(here, ask=ASK.replace("5 to 10 minutes", "5 minutes"))
    page = read_source("01_small")
    page.cells = page.cells[-3:]
    given = Materials()
    given.__dict__.update(
        page=lambda _: page, labels={"ex-three": Label("ex", 1, "01_small")}, references={}, titles={}
    )
    with pytest.raises(PressError, match="ex-three does not begin with what it takes"):
        assignments.graded("01_small", given)


@pytest.mark.parametrize("name", all_chapters())
def test_every_exercise_of_the_book_says_what_it_takes(name):
    efforts = efforts_of(read_source(name))
    assert set(efforts) == {one.label for one in exercises_of(name)}
    assert any(effort.importance == "essential" for effort in efforts.values())


# Plans.


def test_times_and_plans_speak_of_what_is_there(pack):
    times, said = (pack / "TIMES.md").read_text(), (pack / "PLANS.md").read_text()
    assert re.search(r"\| 01 A small chapter \| 5 \| 5 \| \d+ \| 1 \| 5 \| 10 \|", times)
    assert "## One day" in said
    assert "## Twelve weeks" in said


def test_plans_name_chapters_that_exist_and_the_term_takes_all():
    assert set(plans.DAY) <= set(all_chapters())
    assert [name for week in plans.TERM for name in week] == all_chapters()
    assert len(plans.TERM) == 12


def test_a_plan_chooses_what_fits_and_keeps_open_exercises_apart():
    efforts = [(10, 15, "easy", "essential"), (20, 30, "medium", "useful"), (30, 45, "open", "optional")]
    efforts += [(200, 320, "hard", "essential")]
    titles = ("Short", "Long", "Free", "Longest")
    tasks = tuple(plans.Task(title, Effort(*one)) for title, one in zip(titles, efforts, strict=True))
    said = plans.plans_page({"01_primer": plans.Times("Primer", 20, 40, 3.0, tasks, True)})
    assert "In pairs: *Long* (20 to 30 minutes, medium, useful)" in said
    assert "- In the meeting: *Long*" in said
    homework = (
        "- Homework: *Short* (10 to 15 minutes, easy, essential); *Longest* (200 to 320 minutes, hard, essential)."
    )
    assert homework in said
    assert "- Open: *Free* (30 to 45 minutes, open, optional)." in said
    assert "- The project at the end of chapter 01" in said
    assert "Week 2" not in said
    assert "Assignment" not in said
    given = {"01_primer": [plans.Task("Work", Effort(60, 90, "hard", "useful"))], "11_kann_copy": []}
    said = plans.plans_page({"01_primer": plans.Times("Primer", 20, 40, 3.0, tasks, True)}, given)
    assert "- Assignment, for two weeks: *Work* (60 to 90 minutes, hard, useful)." in said


def test_assignments_come_after_the_last_chapter_they_name():
    after = plans.assignments_by_chapter()
    assert "How many oscillations?" in [task.title for task in after["01_primer"]]
    assert set(after) <= set(all_chapters())


# Where the package comes from.


def test_the_install_cell_takes_its_address_from_one_place(monkeypatch, tmp_path):
    assert package_version() == version("linearlens")
    extra = '[project.optional-dependencies]\nstudent = ["ipykernel>=7"]\n'
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.0"\n' + extra)
    monkeypatch.setattr("linearlens.press.pages.install.ROOT", tmp_path)
    assert "put linearlens-1.2.0-py3-none-any.whl" in install_cell()
    assert '"ipykernel": "ipykernel>=7",' in install_cell()
    assert "git+" not in install_cell()
    compile(install_cell(), "cell", "exec")
    (tmp_path / "CITATION.cff").write_text("repository-code: https://example.org/lenses\n")
    assert '"linearlens[student] @ git+https://example.org/lenses@v1.2.0"' in install_cell()
    compile(install_cell(), "cell", "exec")


@pytest.mark.parametrize("there", [True, False])
def test_the_install_cell_says_what_to_do_where_the_package_is_missing(monkeypatch, tmp_path, there):
    """Modules are asked for, and pip is called, as if nothing were installed; a wheel lies in the pack or does not."""
    called, found = [], []
    (tmp_path / "assignments").mkdir()
    monkeypatch.chdir(tmp_path / "assignments")
    if there:
        (tmp_path / "linearlens-9-py3-none-any.whl").touch()

    def run(command, check):
        called.append(command[3:])
        found.append("linearlens" if there else "")

    monkeypatch.setattr("subprocess.run", run)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object() if name in found else None)
    names = {}
    if there:
        exec(install_cell(), names)
        assert called[0][-1] == str(tmp_path / "linearlens-9-py3-none-any.whl")
    else:
        with pytest.raises(RuntimeError, match=r"put linearlens-.*-py3-none-any\.whl beside this notebook"):
            exec(install_cell(), names)
    monkeypatch.setattr("sys.version_info", (3, 9))
    with pytest.raises(RuntimeError, match=r"Python 3\.11 or newer"):
        exec(install_cell(), {})


def test_binder_builds_from_the_locked_environment():
    folder = ROOT / ".binder"
    assert (folder / "environment.yml").read_text() == (ROOT / "environment.yml").read_text()
    script = folder / "postBuild"
    assert os.access(script, os.X_OK)
    assert "pip install --no-deps --no-build-isolation --editable ." in script.read_text()
