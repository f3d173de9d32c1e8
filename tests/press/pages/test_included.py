"""What pages include beside tables of claims."""

import re

import nbformat
import pytest
import yaml
from conftest import SMALL_CELL, write_chapter

from linearlens.paths import BOOK, ROOT
from linearlens.press.pages import included
from linearlens.press.pages.figure_index import Shown
from linearlens.press.pages.included import gallery, index, shortened, where


def shown(name, chapter, caption="A line. It rises."):
    return Shown(name, chapter, caption, "A line that rises.", "", ())


def test_the_gallery_has_each_figure_once_with_its_place_and_what_is_to_see(here):
    text = gallery({name: shown(name, chapter) for name, chapter in (("fig-a", "01_small"), ("fig-b", "02_none"))})
    assert re.findall(r"^## (.*)$", text, re.M) == [
        "[A small chapter](notebooks/01_small.ipynb)",
        "[02_none](notebooks/02_none.ipynb)",
    ]
    assert (
        ":img-top: _generated/fig-a.webp\n:img-alt: A line that rises.\n:link: notebooks/01_small.html#fig-a\n\n"
        "A line. It rises.\n:::"
    ) in text


@pytest.mark.parametrize(
    ("caption", "short"),
    [
        ("One. Two. Three.", "One. Two. Three."),
        ("One. X" + "x" * 200 + ".", "One."),
        ("X" * 200 + ". Two.", "X" * 200 + "."),
        ("By {cite:t}`a2020` it is {claim}`so <a.b>`.", "By a2020 it is so."),
    ],
)
def test_a_caption_is_cut_between_sentences(caption, short):
    assert shortened(caption) == short


def test_an_index_lists_what_its_page_documents():
    page = "```{eval-rst}\n.. autoclass:: a.B\n   :members: c\n.. autofunction:: a.d\n```"
    assert index(page).splitlines()[-3:] == ["   ~a.B", "   ~a.d", "```"]


def test_pages_of_the_package_have_an_index_and_document_nothing_twice():
    pages = {path.stem: path.read_text(encoding="utf-8") for path in BOOK.glob("api-*.md")}
    names = [name for page in pages.values() for name in included.DOCUMENTED.findall(page)]
    assert len(names) == len(set(names)) > 100
    for name, page in pages.items():
        assert f"_generated/{name.replace('api-', 'index-')}.md" in page
        assert f"({name}.md)" in (BOOK / "package.md").read_text(encoding="utf-8")


def test_the_repository_is_named_once_it_has_an_address():
    assert where("https://a.b/c") == "The repository: <https://a.b/c>.\n"
    assert "no public address" in where(None)


def test_how_to_cite_says_what_citation_cff_says():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    page = (BOOK / "citation.md").read_text(encoding="utf-8").replace("{Koopman}", "Koopman")
    assert f"title = {{{citation['title']}}}" in page
    assert f"version {citation['version']}" in page
    assert f"author = {{{{{citation['authors'][0]['name']}}}}}" in page


def test_files_for_pages_come_from_the_executed_chapters(shown_figures):
    folder = shown_figures / "_generated"
    folder.mkdir()
    included.write_included(folder)
    assert {path.name for path in folder.iterdir()} == {
        "course.md", "gallery.md", "repository.md", "fig-small-line.svg", "fig-small-line.webp",
    }  # fmt: skip
    assert (folder / "fig-small-line.webp").read_bytes()[8:12] == b"WEBP"


STYLE = "import matplotlib.pyplot as plt\nfrom linearlens.figures import use_style\nuse_style()"
DRAW = "fig, ax = plt.subplots()\nax.plot([1, 2], [3, 4])\nplt.show()"


@pytest.fixture
def shown_figures(small, here, command):
    """The small project with one figure, run."""
    path = small / "notebooks" / "01_small.ipynb"
    write_chapter(path, SMALL_CELL, STYLE, DRAW)
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[-1].metadata["mystnb"] = {
        "figure": {"name": "fig-small-line", "caption": "A line."}, "image": {"alt": "A line that rises."}
    }  # fmt: skip
    nbformat.write(notebook, path)
    (small / "data" / "figures.yml").write_text('fig-small-line: {answers: "", claims: [small.value]}\n')
    assert command("run").returncode == 0
    return small
