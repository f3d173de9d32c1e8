"""The lecturer's pack: plain notebooks without a trace of the answers, assignments that grade, slides, plans."""

import json
import os
import re
import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import nbclient
import nbformat
import pytest
from conftest import environment_of, in_process, small_project
from rich.console import Console
from test_exercises import ASK, add_exercise

from linearlens.ledger import load_claims
from linearlens.paths import ROOT
from linearlens.press.chapter.efforts import Effort, effort_in
from linearlens.press.chapter.errors import PressError
from linearlens.press.chapter.exercises import exercises_of
from linearlens.press.chapter.notebooks import all_chapters, read_source
from linearlens.press.chapter.prose import bare_numbers
from linearlens.press.course import assignments, make_pack, plans
from linearlens.press.course.assignments import efforts_of
from linearlens.press.course.slides import slides
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
    done = in_process(folder)("pack", "-o", str(folder / "pack"))
    assert done.returncode == 0, done.stderr


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
    assert check.source.startswith('assert three is not None, "put a number')
    assert check.metadata == {"tags": ["raises-exception"], "jupyter": {"source_hidden": True}}
    assert "### Exercise 1: Three" in text
    assert "What is three? (1) and 16.0 may help." in text
    assert "Koopman (1931)" in text
    assert "\\begin{aligned}\na &= b \\\\\nc &= d\n\\end{aligned} \\tag{1}" in text
    assert "{" + "glue" not in whole
    assert read(path).cells[0].id == "install"
    assert not any(cell.get("outputs") for cell in read(path).cells)


def test_instructors_find_the_solution_and_the_wrong_answers(pack):
    text = sources(read(pack / "instructor" / "01_small.ipynb"))
    assert "three = base + 2\nassert three" in text
    assert "**Solution.** Count from $1$.\n\nThen stop." in text
    assert "| <code>three&nbsp;=&nbsp;2</code> | begin to count |" in text
    assert "| <code>three&nbsp;=&nbsp;7</code> | one more than |" in text


def test_a_notebook_of_the_pack_runs_as_it_is(taught, pack, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(taught / "src"))
    notebook = read(pack / "instructor" / "01_small.ipynb")
    nbclient.NotebookClient(notebook, kernel_name="python3").execute(cwd=tmp_path)
    said = [o.get("text", "") for cell in notebook.cells for o in cell.get("outputs", [])]
    assert "right\n" in said


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(PressError, match="is there already"):
        make_pack(["01_small"], tmp_path, jobs=1, console=Console())
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.slow
@pytest.mark.skipif(find_spec("nbgrader") is None, reason="nbgrader is missing; run: pip install nbgrader")
def test_nbgrader_makes_an_assignment_and_grades_a_right_and_a_wrong_submission(pack, taught):
    course = pack / "nbgrader"
    scripts = str(Path(sys.executable).parent)  # nbgrader calls alembic by its name
    on_path = environment_of(taught, PATH=os.pathsep.join([scripts, os.environ["PATH"]]))

    def nbgrader(*arguments):
        command = [sys.executable, "-m", "nbgrader", *arguments, "--assignment=01_small"]
        done = subprocess.run(command, cwd=course, env=on_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    nbgrader("generate_assignment", "--create")
    release = read(course / "release" / "01_small" / "01_small.ipynb")
    (answer,) = [cell for cell in release.cells if cell.metadata.get("nbgrader", {}).get("solution")]
    assert answer.source.strip() == "three = None"
    assert "base + 2" not in json.dumps(release)
    for name, code in (("right", "three = base + 2"), ("wrong", "three = 2")):
        answer.source = code
        path = course / "submitted" / name / "01_small" / "01_small.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(release, path)
    nbgrader("autograde")
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        scores = {name: book.find_submission("01_small", name) for name in ("right", "wrong")}
        assert (scores["right"].score, scores["right"].max_score) == (1, 1)
        assert (scores["wrong"].score, scores["wrong"].max_score) == (0, 1)


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


# Slides.


@pytest.mark.parametrize("name", all_chapters())
def test_every_chapter_has_eight_to_twenty_slides(name):
    tagged = [cell for cell in read_source(name).cells if "slide_type" in cell.metadata.get("slideshow", {})]
    texts = [cell.metadata["linearlens"]["slide"] for cell in tagged]
    assert 8 <= sum(text.count("\n---\n") + 1 for text in texts) <= 20
    assert any("could have fooled us" in text or "## What holds" in text for text in texts)
    assert [number for text in texts for number in bare_numbers(text)] == []
    assert all(len(text.split("\n---\n")[0].split()) <= 100 for text in texts), "a slide is no page"


def deck(*cells):
    """The slides of a chapter of such cells: pairs of a type of slide and a text."""
    page = nbformat.v4.new_notebook()
    for kind, text in cells:
        how = {} if kind is None else {"slideshow": {"slide_type": kind}}
        page.cells.append(nbformat.v4.new_markdown_cell(text, metadata=how))
    given = Materials()
    given.__dict__.update(page=lambda _: page, labels={}, references={}, titles={})
    return slides("01_small", given)


def test_tagged_cells_become_slides_in_one_file():
    made = deck(
        ("slide", "# Title\n---\n## $x < y$"), (None, "Not this."), ("fragment", "Later."), ("subslide", "Below.")
    )
    body = made.partition('<div class="slides">')[2].partition("</div></div>\n<button")[0]
    assert body.count("<section>") == 4
    assert "<h1>Title</h1>" in body
    assert "\\(x &lt; y\\)" in body
    assert '<div class="fragment"><p>Later.</p>\n</div></section><section><p>Below.</p>' in body
    assert "Not this." not in made
    assert not re.search(r"<(script|link|img)[^>]*(src|href)=.(?!data:)", made), "nothing is asked for"
    assert "%%URL%%/MathJax" not in made
    assert deck((None, "# Title")) is None


def test_the_prose_behind_a_slide_travels_as_its_notes():
    page = nbformat.v4.new_notebook()
    how = {"slideshow": {"slide_type": "slide"}, "linearlens": {"slide": "## Short\n---\n## Second"}}
    told = "## A heading\n\nAll of it: {given}`1`.\n\n```{include} ../x.md\n```\n"
    page.cells = [nbformat.v4.new_markdown_cell(told, metadata=how), nbformat.v4.new_markdown_cell("Not this.")]
    given = Materials()
    given.__dict__.update(page=lambda _: page, labels={}, references={}, titles={})
    made = slides("01_small", given)
    assert made.count('<aside class="notes">') == 1
    assert '<h2>Short</h2>\n<aside class="notes"><p>All of it: 1.</p>\n</aside></section>' in made
    assert "Not this." not in made


@pytest.mark.parametrize("cells", [[("fragment", "# First")], [("slide", "# First"), ("slides", "second")]])
def test_a_slide_of_the_wrong_type_is_named(cells):
    with pytest.raises(PressError, match=f"a {cells[-1][0]} cannot stand here"):
        deck(*cells)


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


# Where the package comes from.


def test_the_install_cell_takes_its_address_from_one_place(monkeypatch, tmp_path):
    assert package_version() == version("linearlens")
    extra = '[project.optional-dependencies]\nchapters = ["myst-nb>=1.4,<2"]\n'
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.0"\n' + extra)
    monkeypatch.setattr("linearlens.press.pages.install.ROOT", tmp_path)
    assert "pip install PATH_OR_ADDRESS_OF_THE_BOOK" in install_cell()
    assert '"myst_nb": "myst-nb>=1.4,<2",' in install_cell()
    (tmp_path / "CITATION.cff").write_text("repository-code: https://example.org/lenses\n")
    assert '"linearlens": "linearlens[chapters] @ git+https://example.org/lenses@v1.2.0",' in install_cell()
    assert "PATH_OR" not in install_cell()
    compile(install_cell(), "cell", "exec")


def test_binder_builds_from_the_locked_environment():
    folder = ROOT / ".binder"
    assert (folder / "environment.yml").read_text() == (ROOT / "environment.yml").read_text()
    script = folder / "postBuild"
    assert os.access(script, os.X_OK)
    assert "pip install --no-deps --no-build-isolation --editable ." in script.read_text()
