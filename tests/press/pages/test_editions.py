"""Both editions on one page: kept with the full run, switched by the reader, and never shown once stale."""

import json
import re
import shutil
from html import unescape

import nbformat
import pytest
from conftest import SMALL_CELL, working_on, write_chapter

from linearlens.paths import ROOT
from linearlens.press.chapter.errors import PressError
from linearlens.press.chapter.outputs import figures_of, tables_of
from linearlens.press.evidence import full_pages
from linearlens.press.evidence.full_runs import full_pages as kept_pages
from linearlens.press.evidence.full_runs import read_kept
from linearlens.press.pages.browser import CHROMIUM, chromium, open_page, served
from linearlens.press.pages.editions import in_both

SCRIPT = ROOT / "book" / "_static" / "book.js"
SCALED = SMALL_CELL.replace("+ seed", "+ (100 if profile == 'full' else 0)")
PRINTS = "print(f'<{profile}> & more')"
DRAWS = """import matplotlib.pyplot as plt
from linearlens.figures import use_style
use_style()
fig, ax = plt.subplots(figsize=(2, 2))
_ = ax.plot([0, 1 if profile == 'quick' else 7])
plt.show()"""
TEXT = """# A small chapter

It measured {glue:text}`small.value:.1f`. {claim}`The sum is what it is <small.value>`, where {paper}`97 %` was said.

:::{edition} quick
Only here is it small.
:::

:::{edition} full
Only there is it large.
:::
"""


def chapter(root, draws=DRAWS):
    """The small chapter with text, a figure and a printed line that differ between the profiles."""
    path = root / "notebooks" / "01_small.ipynb"
    write_chapter(path, SCALED, PRINTS, draws)
    notebook = nbformat.read(path, as_version=4)
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
    notebook.cells[0].source = TEXT
    notebook.cells[-1].metadata["mystnb"] = {
        "figure": {"name": "fig-small", "caption": "It is {glue:text}`small.value`."},
        "image": {"alt": "A line."},
    }
    nbformat.write(notebook, path)
    (root / "data" / "figures.yml").write_text('fig-small: {answers: "", claims: [small.value]}\n')
    shutil.copy(SCRIPT, root / "book" / "_static")


@pytest.fixture
def both(once, small, command, tmp_path):
    """The small project with both editions run, and its pages built."""

    def make(folder):
        chapter(small)
        for arguments in (("run", "--profile", "full"), ("book",)):
            done = command(*arguments)
            assert done.returncode == 0, done.stderr
        shutil.copytree(small, folder)

    made = once("both-editions", make)
    shutil.rmtree(small)
    return shutil.copytree(made, small)


def page_of(root):
    return (root / "_build" / "html" / "notebooks" / "01_small.html").read_text(encoding="utf-8")


def words(html):
    return unescape(" ".join(re.sub(r"<[^>]+>", " ", html).split()))


def test_a_full_run_keeps_what_it_showed(both):
    kept = both / "data" / "results" / "full" / "01_small"
    assert sorted(path.name for path in kept.iterdir()) == ["fig-small.svg", "tables.json"]
    assert json.loads((kept / "tables.json").read_text()) == {"cell-3": "<pre>&lt;full&gt; &amp; more\n</pre>"}
    assert (both / "_build" / "html" / "_static" / "full" / "01_small" / "fig-small.svg").read_bytes() == (
        kept / "fig-small.svg"
    ).read_bytes()


def test_numbers_tables_figures_and_passages_of_both_stand_on_the_page(both):
    page = page_of(both)
    assert '<span class="ed-quick">16.0</span><span class="ed-full">116.0</span>' in page
    assert re.search(r'<div class="ed-full"><pre>&lt;full&gt; &amp; more\s*</pre></div>', page)
    assert re.search(r'<div class="ed-full"><a class="drawing" href="../_static/full/01_small/fig-small.svg"', page)
    assert page.count('alt="A line."') == 2
    assert re.search(r'<div class="[^"]*edition ed-quick[^"]*">\s*<p>Only here is it small.', page)
    assert re.search(r'<div class="[^"]*edition ed-full[^"]*">\s*<p>Only there is it large.', page)
    assert 'data-edition="full"' in page


def test_conclusions_and_numbers_lead_to_their_claim_and_carry_its_card(both):
    page = page_of(both)
    for kind in ("number", "claim"):
        assert re.search(rf'<a class="{kind} reference internal" href="../ledger.html#claim-small-value">', page)
    cards = json.loads(re.search(r'<script type="application/json" id="cards">(.*?)</script>', page)[1])
    card = words(cards["claim-small-value"])
    assert "A sum is what it is." in card
    assert "papers’ scale: holds 116 value >= 0" in card
    assert "this machine, quick: holds 16 value >= 0" in card
    assert "linearlens claims small.value" in card


def test_a_stale_full_run_is_not_shown(both, command):
    path = both / "notebooks" / "01_small.ipynb"
    path.write_text(path.read_text().replace("+ 1 ", "+ 2 "))
    assert command("book").returncode == 0
    page = page_of(both)
    assert "116" not in page
    assert "ed-full" not in page.replace("<script", "\n<script")
    assert "17.0" in page
    assert "Only here is it small." in page
    assert "Only there is it large." not in page


def test_a_figure_drawn_otherwise_today_is_not_shown_but_the_numbers_are(both, command):
    chapter(both, DRAWS.replace("(2, 2)", "(3, 2)"))
    assert command("book").returncode == 0
    page = page_of(both)
    assert "116.0" in page
    assert "_static/full" not in page
    assert "This figure is drawn from the quick run." in page


@pytest.mark.parametrize("name", ["fig-small.svg", "tables.json"])
def test_a_kept_figure_that_was_changed_stops_the_book_with_a_word(both, command, name):
    path = both / "data" / "results" / "full" / "01_small" / name
    path.write_text(path.read_text() + " ")
    done = command("book")
    assert done.returncode == 1
    assert f"{name} is not as it was kept; get it back with git, or run: linearlens run 01_small" in done.stderr


def test_a_claim_that_does_not_exist_is_refused(both, command):
    path = both / "notebooks" / "01_small.ipynb"
    path.write_text(path.read_text().replace("<small.value>", "<small.other>"))
    done = command("book")
    assert done.returncode == 1
    assert "is tied to no claim" in done.stderr


def test_numbers_in_a_table_keep_its_cells():
    page = nbformat.v4.new_notebook()
    page.cells = [nbformat.v4.new_markdown_cell("| a | b |\n|---|---|\n| {glue:text}`x.y:.0%` | {glue:text}`x.z` |")]
    full = full_pages.FullPage({"x.y": 0.5}, {}, {}, {})
    (cell,) = in_both(page, {"x.y": "0.25", "x.z": "3"}, full).cells
    assert cell.source.endswith("| {number}`x.y ; 25% ; 50%` | {number}`x.z ; 3 ; not measured` |")
    page.cells = [nbformat.v4.new_markdown_cell("{glue:text}`x.w`")]
    with pytest.raises(PressError, match=r"shows x\.w"):
        in_both(page, {}, None)


def test_large_drawings_are_kept_as_pixels(both, monkeypatch):
    with working_on(both):
        from linearlens.press.chapter.freshness import Executed
        from linearlens.press.chapter.notebooks import Edition

        page = Executed("01_small", Edition("full")).page()
        assert set(figures_of(page)) == {"fig-small"}
        assert list(tables_of(page)) == ["cell-3"]
        monkeypatch.setattr(full_pages, "LARGEST_DRAWING", 10)
        files = full_pages.shown_files(page)
        assert files["fig-small.webp"][8:12] == b"WEBP"
        assert set(kept_pages(read_kept())) == {"01_small"}


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium found")
def test_a_reader_switches_points_and_comes_back(both):
    with served(both / "_build" / "html") as site, chromium() as browser:
        address = f"{site}notebooks/01_small.html"
        page = open_page(browser, address)

        def shown():
            return " ".join(page.inner_text("article").split())

        assert "It measured 116.0." in shown()
        assert "Only there is it large." in shown()
        page.get_by_role("button", name="this machine, quick").click()
        assert "It measured 16.0." in shown()
        assert "Only here is it small." in shown()
        assert "Only there is it large." not in shown()
        assert page.url.endswith("?edition=quick")
        page.goto(f"{site}index.html")
        page.goto(address)
        assert "It measured 16.0." in shown(), "kept between pages"
        page.goto(f"{address}?edition=full")
        assert "It measured 116.0." in shown(), "the address comes first"

        card = page.locator("#card")
        assert card.is_hidden()
        page.locator("a.claim").hover()
        card.wait_for(state="visible")
        assert "A sum is what it is." in card.inner_text()
        page.keyboard.press("Escape")
        assert card.is_hidden()
        page.locator("a.number").first.click()
        assert card.is_visible()
        assert page.url.startswith(address), "a click opens the card, not the ledger"
        page.keyboard.press("Escape")
        page.locator("article h1").click()
        while page.evaluate("document.activeElement.className").split(" ")[0] != "claim":
            page.keyboard.press("Tab")
        assert card.is_visible(), "by the keyboard"
        assert page.evaluate("document.activeElement.getAttribute('aria-describedby')") == "card"
        page.locator("span.paper").hover()
        page.wait_for_function("document.getElementById('card').innerText.includes('Quoted from the paper')")

        still = browser.new_context(java_script_enabled=False).new_page()
        still.goto(f"{address}?edition=quick")
        assert "It measured 116.0." in " ".join(still.inner_text("article").split())
        assert still.locator(".switch").is_hidden()
