"""One figure, one command: in a small copy of the project."""

import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
import pytest
from conftest import SMALL_CELL, environment_of, in_process, small_project, write_chapter

from linearlens.ledger import load_claims
from linearlens.press.chapter.errors import PressError
from linearlens.press.chapter.freshness import Executed, hash_bytes
from linearlens.press.chapter.notebooks import Edition, all_chapters
from linearlens.press.pages import figure_files
from linearlens.press.pages.figure_index import catalogue, with_commands

STYLE = (
    "import matplotlib.pyplot as plt\nfrom linearlens.figures import Slider, use_style\n"
    "from myst_nb import glue\nuse_style()"
)
DRAW = "fig, ax = plt.subplots()\nax.plot([1, 2], [3, 4 + seed], label='line')\nplt.show()"
GLUE = "fig, ax = plt.subplots()\nax.plot([7], [8], 'o')\nglue('small.answer', fig, display=False)\nplt.close(fig)"
SLIDE = (
    "def draw(k):\n    fig, ax = plt.subplots()\n    ax.plot([k], [k])\n    return fig\n"
    "Slider(draw, [1, 2], label='k', alt=str, start=1)"
)
CAPTION = "The answer, in\ntwo lines: all of it."
ANSWER = f"```{{glue:figure}} small.answer\n:name: fig-small-answer\n:alt: One dot.\n\n{CAPTION}\n```"
FIGURES = """fig-small-answer: {answers: "", claims: []}
fig-small-line: {answers: Figure 2, claims: [small.value]}
fig-small-slide: {answers: "", claims: []}
"""


def with_figures(small):
    """Give a small project three figures: one glued, one shown, one with a slider."""
    path = small / "notebooks" / "01_small.ipynb"
    write_chapter(path, SMALL_CELL, STYLE, DRAW, GLUE, SLIDE)
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[0].source += f"\n\n{ANSWER}"
    line = {"figure": {"name": "fig-small-line", "caption": "A line."}, "image": {"alt": "A line that rises."}}
    notebook.cells[4].metadata["mystnb"] = line
    notebook.cells[6].metadata["linearlens"] = {"figure": {"name": "fig-small-slide", "caption": "A point."}}
    nbformat.write(notebook, path)
    (small / "data" / "figures.yml").write_text(FIGURES)


@pytest.fixture
def drawn(small):
    """The small project with figures, not run."""
    with_figures(small)
    return small


@pytest.fixture
def shown(small, once):
    """The small project with figures, run."""

    def make(folder):
        with_figures(small_project(folder))
        done = in_process(folder)("run")
        assert done.returncode == 0, done.stderr

    return shutil.copytree(once("with_figures", make), small, dirs_exist_ok=True)


def test_a_figure_its_data_and_its_record(drawn, command):
    """The chapter runs for it, at another seed too."""
    folder = drawn / "out"
    folder.mkdir()
    done = command("figure", "fig-small-line", "-o", "out/a.svg", "--data", "out/a.csv", "--seed", "1")
    assert done.returncode == 0, done.stderr
    assert "01_small: never executed" in done.stderr
    assert done.stdout.split() == ["out/a.svg", "out/a.provenance.json", "out/a.csv"]
    executed = nbformat.read(drawn / "_build" / "executed" / "quick-seed1" / "01_small.ipynb", as_version=4)
    (output,) = [o for c in executed.cells for o in c.get("outputs", []) if "image/svg+xml" in o.get("data", {})][:1]
    assert (folder / "a.svg").read_text() == output.data["image/svg+xml"]
    assert output.data["image/png"].startswith("iVBOR"), "for notebooks that are not trusted"
    rows = list(csv.DictReader((folder / "a.csv").read_text().splitlines()))
    assert [(row["kind"], row["label"], row["x"], row["y"]) for row in rows] == [
        ("line", "line", "1.0", "3.0"),
        ("line", "line", "2.0", "5.0"),
    ]
    record = json.loads((folder / "a.provenance.json").read_text())
    assert record["command"] == "linearlens figure fig-small-line -o out/a.svg --data out/a.csv --seed 1"
    assert {"commit", "dirty", "versions", "cpu_seconds", "sources"} <= record.keys()
    assert (record["profile"], record["seed"], record["answers"]) == ("quick", 1, "Figure 2")
    assert record["claims"] == [{"id": "small.value", "says": "A sum is what it is.", "measured": 17.0}]
    assert record["files"] == {name: hash_bytes((folder / name).read_bytes()) for name in ("a.svg", "a.csv")}


def test_a_fresh_figure_is_copied_in_all_kinds_of_files(shown, command):
    folder = shown / "out"
    folder.mkdir()
    done = command("figure", "fig-small-line", "-o", "out/b.pdf", "--data", "out/b.json")
    assert "fresh" in done.stderr
    assert (folder / "b.pdf").read_bytes().startswith(b"%PDF")
    assert json.loads((folder / "b.json").read_text())[0]["y"] == [3.0, 4.0]
    assert command("figure", "fig-small-answer", "-o", "out/c.png").returncode == 0
    assert (folder / "c.png").read_bytes().startswith(b"\x89PNG")
    assert command("figure", "fig-small-slide", "--data", "out/d.json").returncode == 0
    assert (shown / "fig-small-slide.svg").read_text().lstrip().startswith("<?xml")
    assert json.loads((folder / "d.json").read_text())[0]["x"] == [2.0], "the frame it starts with"


@pytest.mark.parametrize("ends_at", [0, 1, 2])
def test_a_record_stands_beside_files_of_its_own_only(shown, command, monkeypatch, ends_at):
    """However far the writing of a newer figure comes."""
    folder = shown / "out"
    folder.mkdir()
    made = ["figure", "fig-small-line", "-o", "out/a.svg", "--data", "out/a.csv"]
    assert command(*made).returncode == 0
    written = []

    def until(path):
        if len(written) == ends_at:
            raise PressError("killed")
        written.append(path.name)
        return aside(path)

    aside = figure_files.aside
    monkeypatch.setattr(figure_files, "aside", until)
    assert command(*made).returncode == 1
    assert written == ["a.svg", "a.csv"][:ends_at], "the record is the last"
    assert not (folder / "a.provenance.json").exists(), "and was the first to go"


def test_a_checkout_that_cannot_be_written_to_serves_what_is_fresh(shown):
    """As on a shared machine: the project of somebody else, whose chapters were run."""
    humble = ["setpriv", "--bounding-set=-dac_override"] if os.geteuid() == 0 else []  # else root writes everywhere
    with tempfile.TemporaryDirectory() as folder:
        project, elsewhere = Path(folder) / "project", Path(folder) / "elsewhere"
        shutil.copytree(shown, project)
        elsewhere.mkdir()
        every = [project, *project.rglob("*")]
        for path in every:
            path.chmod(0o555 if path.is_dir() else 0o444)

        def run(*command):
            environment = environment_of(project, PYTHONDONTWRITEBYTECODE="1")
            return subprocess.run(
                [*humble, *command], cwd=elsewhere, env=environment, capture_output=True, text=True, check=False
            )

        try:
            if (humble and shutil.which("setpriv") is None) or run("touch", str(project / "x")).returncode == 0:
                pytest.skip("root cannot be kept from writing here")
            for arguments in (
                ["run"],
                ["claims"],
                ["figure", "fig-small-line", "-o", "line.svg", "--data", "line.csv"],
            ):
                done = run(sys.executable, "-m", "linearlens", *arguments)
                assert done.returncode == 0, (arguments, done.stderr)
            assert sorted(path.name for path in elsewhere.glob("line*")) == [
                "line.csv",
                "line.provenance.json",
                "line.svg",
            ]
            refused = run(sys.executable, "-m", "linearlens", "run", "--force")
            assert refused.returncode == 1
            assert refused.stderr.splitlines()[-1].startswith("error: ")
            assert "Traceback" not in refused.stderr
        finally:
            for path in every:
                path.chmod(0o755 if path.is_dir() else 0o644)


def test_the_list(drawn, command):
    lines = command("figure", "--list").stdout.splitlines()
    assert lines[:4:2] == [
        "fig-small-answer  [01_small, an unknown time]",
        "fig-small-line  [01_small, an unknown time]  Figure 2",
    ]
    assert lines[1].strip() == "The answer, in two lines: all of it."


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["fig-small-lime"], "no figure is named 'fig-small-lime'; some that are: fig-small-line"),
        ([], "give the id of one figure, or --list"),
        (["fig-small-line", "-o", "a.gif"], "a.gif should end in one of .svg, .pdf, .png"),
        (["fig-small-line", "--data", "a.txt"], "a.txt should end in one of .csv, .json"),
        (["fig-small-line", "-o", "none/a.svg"], "there is no folder none"),
    ],
)
def test_what_cannot_be_made_is_said_before_anything_runs(drawn, command, arguments, says):
    refused = command("figure", *arguments)
    assert refused.returncode == 1
    assert says in refused.stderr
    assert not (drawn / "_build" / "executed").exists()


def test_the_catalogue_and_the_chapters_agree(drawn, command):
    for text, says in (
        (
            FIGURES.replace("fig-small-line", "fig-small-old"),
            "lacks fig-small-line; has fig-small-old, which no chapter",
        ),
        (FIGURES.replace("small.value", "small.other"), "fig-small-line names small.other, which is no claim"),
    ):
        (drawn / "data" / "figures.yml").write_text(text)
        assert says in command("figure", "--list").stderr


def test_each_figure_on_a_page_says_how_to_make_it(shown, here):
    page = with_commands(Executed("01_small", Edition()).page(), None)
    nbformat.validate(page)
    text = "\n".join(cell.source for cell in page.cells if cell.cell_type == "markdown")
    outputs = [output for cell in page.cells for output in cell.get("outputs", [])]
    kinds = [kind for output in outputs for kind in output.get("data", {})]
    assert not [kind for kind in kinds if "pdf" in kind or "png" in kind or "linearlens.figure" in kind]
    (slides,) = [o.data for o in outputs if "text/html" in o.get("data", {})]
    assert "image/svg+xml" not in slides, "the page would show the still frame"
    for name in ("answer", "line", "slide"):
        assert f"{{div}} again\nre-run: `linearlens figure fig-small-{name}` (seed 0, " in text
    assert "*A point.*" in text
    assert text.count('<span id="fig-small-slide"></span>') == 1, "for links; the others have their ids"
    assert "*A line.*" not in text, "myst-nb captions that one"


def test_every_figure_of_the_book_is_in_the_catalogue_once():
    figures = catalogue()
    assert len(figures) > 40
    assert all(figure.caption for figure in figures.values())


def test_claims_of_a_figure_are_of_its_chapter_and_each_chapter_has_some():
    figures, claims = catalogue().values(), load_claims()
    strangers = [
        (figure.id, name) for figure in figures for name in figure.claims if claims[name].chapter != figure.chapter
    ]
    assert not strangers
    assert {figure.chapter for figure in figures if figure.claims} == set(all_chapters())
