"""One figure, one command: in a small copy of the project."""

import csv
import json
import os
import subprocess
import sys
import time

import nbformat
import pytest
from conftest import SMALL_CELL, write_chapter

from linearlens.ledger import load_claims
from linearlens.press.chapter.notebooks import all_chapters
from linearlens.press.pages.figure_index import catalogue

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


@pytest.fixture
def drawn(small):
    """The small project with three figures: one glued, one shown, one with a slider."""
    path = small / "notebooks" / "01_small.ipynb"
    write_chapter(path, SMALL_CELL, STYLE, DRAW, GLUE, SLIDE)
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[0].source += f"\n\n{ANSWER}"
    line = {"figure": {"name": "fig-small-line", "caption": "A line."}, "image": {"alt": "A line that rises."}}
    notebook.cells[4].metadata["mystnb"] = line
    notebook.cells[6].metadata["linearlens"] = {"figure": {"name": "fig-small-slide", "caption": "A point."}}
    nbformat.write(notebook, path)
    (small / "data" / "figures.yml").write_text(FIGURES)
    return small


def test_a_figure_its_data_and_its_record(drawn, command):
    folder = drawn / "out"
    folder.mkdir()
    done = command("figure", "fig-small-line", "-o", "out/a.svg", "--data", "out/a.csv")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["out/a.svg", "out/a.provenance.json", "out/a.csv"]
    executed = nbformat.read(drawn / "_build" / "executed" / "quick-seed0" / "01_small.ipynb", as_version=4)
    (output,) = [o for c in executed.cells for o in c.get("outputs", []) if "image/svg+xml" in o.get("data", {})][:1]
    assert (folder / "a.svg").read_text() == output.data["image/svg+xml"]
    rows = list(csv.DictReader((folder / "a.csv").read_text().splitlines()))
    assert [(row["kind"], row["label"], row["x"], row["y"]) for row in rows] == [
        ("line", "line", "1.0", "3.0"),
        ("line", "line", "2.0", "4.0"),
    ]
    record = json.loads((folder / "a.provenance.json").read_text())
    assert record["command"] == "linearlens figure fig-small-line -o out/a.svg --data out/a.csv"
    assert {"commit", "dirty", "versions", "cpu_seconds", "sources"} <= record.keys()
    assert (record["profile"], record["seed"], record["answers"]) == ("quick", 0, "Figure 2")
    assert record["claims"] == [{"id": "small.value", "says": "A sum is what it is.", "measured": 16.0}]

    started = time.monotonic()
    again = command("figure", "fig-small-line", "-o", "out/b.pdf", "--data", "out/b.json")
    assert "fresh" in again.stderr
    assert time.monotonic() - started < 30, "a fresh one is only copied; 3 seconds where nothing else runs"
    assert (folder / "b.pdf").read_bytes().startswith(b"%PDF")
    assert json.loads((folder / "b.json").read_text())[0]["y"] == [3.0, 4.0]
    assert command("figure", "fig-small-answer", "-o", "out/c.png").returncode == 0
    assert (folder / "c.png").read_bytes().startswith(b"\x89PNG")
    assert command("figure", "fig-small-slide", "--data", "out/d.json").returncode == 0
    assert (drawn / "fig-small-slide.svg").read_text().lstrip().startswith("<?xml")
    assert json.loads((folder / "d.json").read_text())[0]["x"] == [2.0], "the frame it starts with"

    other = command("figure", "fig-small-line", "--seed", "1", "--data", "out/e.json")
    assert "01_small: never executed" in other.stderr
    assert json.loads((folder / "e.json").read_text())[0]["y"] == [3.0, 5.0]


def test_the_list(drawn, command):
    shown = command("figure", "--list").stdout.splitlines()
    assert shown[:4:2] == [
        "fig-small-answer  [01_small, an unknown time]",
        "fig-small-line  [01_small, an unknown time]  Figure 2",
    ]
    assert shown[1].strip() == "The answer, in two lines: all of it."


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


def test_each_figure_on_a_page_says_how_to_make_it(drawn, command):
    assert command("run").returncode == 0
    code = (
        "from linearlens.press.chapter.freshness import Executed;"
        "from linearlens.press.chapter.notebooks import Edition;"
        "from linearlens.press.pages.figure_index import with_commands; import nbformat;"
        "page = with_commands(Executed('01_small', Edition()).page()); nbformat.validate(page);"
        "print('\\n'.join(cell.source for cell in page.cells if cell.cell_type == 'markdown'));"
        "outputs = [output for cell in page.cells for output in cell.get('outputs', [])];"
        "kinds = [kind for output in outputs for kind in output.get('data', {})];"
        "assert not [kind for kind in kinds if 'pdf' in kind or 'linearlens.figure' in kind];"
        "(slides,) = [o.data for o in outputs if 'text/html' in o.get('data', {})];"
        "assert 'image/svg+xml' not in slides, 'the page would show the still frame'"
    )
    env = {**os.environ, "PYTHONPATH": str(drawn / "src")}
    text = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True).stdout
    for name in ("answer", "line", "slide"):
        assert f"re-run: `linearlens figure fig-small-{name}` (profile quick, seed 0, " in text
    assert "*A point.*" in text
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
