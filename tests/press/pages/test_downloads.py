"""The notebooks that pages offer for download: anywhere, they run as they are once the package is installed."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib

import nbformat
import pytest
from conftest import in_process, working_on
from nbclient import NotebookClient
from test_exercises import add_exercise

from linearlens.paths import ROOT
from linearlens.press.chapter.exercises import exercises_of
from linearlens.press.chapter.homework import all_homework, parts_of
from linearlens.press.chapter.notebooks import all_chapters, code_of
from linearlens.press.pages.portable import GLUE, OWN_GLUE
from linearlens.press.pages.staging import stage


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the package as pip installs it, and nothing else of this checkout."""
    folder = tmp_path_factory.mktemp("elsewhere")
    shutil.copytree(
        ROOT / "src", folder / "project" / "src", ignore=shutil.ignore_patterns("*.egg-info", "__pycache__")
    )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / "project" / name)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--target", str(folder / "site"), str(folder / "project")], check=True)
    shutil.rmtree(folder / "project")
    return folder


@pytest.mark.slow  # installs the package, and runs a chapter
def test_a_notebook_downloaded_from_its_page_runs_to_its_end(quick, installed, monkeypatch):
    stage(installed / "stage")
    monkeypatch.setenv("PYTHONPATH", str(installed / "site"))
    downloaded = nbformat.read(installed / "stage" / "_generated" / "41_credit_theory.ipynb", as_version=4)
    client = NotebookClient(downloaded, kernel_name="python3", resources={"metadata": {"path": str(installed)}})
    done = client.execute()  # as Jupyter does: the check of an exercise not done yet speaks, and stops nothing
    outputs = [output for cell in done.cells for output in cell.get("outputs", [])]
    errors = [output.ename for output in outputs if output.output_type == "error"]
    assert set(errors) == {"AssertionError"}
    assert len(errors) == len(exercises_of("41_credit_theory"))


def test_each_page_offers_such_a_notebook_and_a_public_repository_a_button_for_it(built, command):
    html = built / "_build" / "html"
    page = html / "notebooks" / "01_small.html"
    offered = nbformat.read(html / "_sources" / "notebooks" / "01_small.ipynb", as_version=4)
    assert offered.cells[0].id == "install"
    assert "It measured 16.0." in offered.cells[1].source, "with the numbers of the page"
    text = page.read_text(encoding="utf-8")
    assert 'href="../_sources/notebooks/01_small.ipynb"' in text
    assert "colab" not in text

    (built / "CITATION.cff").write_text("repository-code: https://github.com/somebody/lenses\n")
    assert command("book").returncode == 0
    link = re.search(
        r'"https://colab.research.google.com/github/somebody/lenses/blob/gh-pages/(.*?)"', page.read_text()
    )
    assert (html / link[1]).is_file(), "on the branch of the pages"
    offered = nbformat.read(html / link[1], as_version=4)
    assert "linearlens[student] @ git+https://github.com/somebody/lenses@v" in offered.cells[0].source


def test_what_the_chapters_import_is_what_such_a_notebook_installs():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    brought = [*project["dependencies"], *project["optional-dependencies"]["student"]]
    names = {re.split(r"[^\w-]", one)[0].replace("-", "_") for one in brought}
    names |= {"linearlens", "sklearn", *sys.stdlib_module_names}
    codes = [cell["source"].replace(GLUE, OWN_GLUE) for chapter in all_chapters() for _, cell in code_of(chapter)]
    codes += [part.source for name in all_homework() for part in parts_of(name) if part.kind not in ("text", "written")]
    trees = [ast.parse(code) for code in codes]
    trees += [ast.parse(code) for chapter in all_chapters() for one in exercises_of(chapter) for code in code_in(one)]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    used = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    used |= {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in used} <= names


def code_in(exercise):
    return exercise.stub, exercise.check, exercise.answers.solution


def test_no_answers_are_staged_with_the_pages(ran):
    add_exercise(ran)
    with working_on(ran):
        assert not in_process(ran)("run").returncode
        stage(ran / "stage")
    assert not (ran / "stage" / "answers").exists()
    offered = (ran / "stage" / "_generated" / "01_small.ipynb").read_text()
    page = (ran / "stage" / "notebooks" / "01_small.ipynb").read_text()
    assert ("base + 2" in page, "base + 2" in offered) == (True, False)
