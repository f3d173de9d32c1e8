"""Pages to hand out are named by their beginning, and each sheet says what it is."""

import io

import pytest
from pypdf import PdfReader, PdfWriter

from linearlens.paths import BOOK
from linearlens.press.chapter.errors import PressError
from linearlens.press.pages.browser import CHROMIUM, chromium
from linearlens.press.pages.pdf import PAPER, _number, _print, choose_pages


def test_pages_are_chosen_by_their_beginning():
    assert choose_pages(["01", "assignments/01", "notation"]) == [
        "notebooks/01_primer",
        "assignments/01_dmd",
        "notation",
    ]
    for name, says in (("none", "no page is named 'none'"), ("3", "several pages begin with '3'")):
        with pytest.raises(PressError, match=f"{says}; there are: index, "):
            choose_pages([name])


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium found; on Debian or Ubuntu: apt install chromium")
def test_each_sheet_has_title_number_and_edition_at_its_foot():
    writer = PdfWriter()
    for _ in range(2):
        writer.add_blank_page(width=595, height=842)
    with chromium() as browser:
        _number(browser, writer, [("A & B", f"{n} of 2", "Version 1.0.") for n in (1, 2)])
    written = io.BytesIO()
    writer.write(written)
    for number, page in enumerate(PdfReader(written).pages, start=1):
        text = page.extract_text()
        assert [words in text for words in ("A & B", f"{number} of 2", "Version 1.0.")] == [True] * 3


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium found; on Debian or Ubuntu: apt install chromium")
def test_code_begins_where_its_frame_begins_and_goes_on_over_the_page():
    style = "div.highlight, div[class*=highlight-] { break-inside: avoid; display: flex; flex-direction: column }"
    code = "\n".join(f"line {number}" for number in range(60))
    frame = f'<div class="highlight-ipython3"><div class="highlight"><pre>{code}</pre></div></div>'
    html = f'<div class="bd-content"><div style="height: 500px"></div><div class="cell">{frame}</div></div>'
    with chromium() as browser:
        printed = _print(browser, f"<style>{style}{(BOOK / '_static' / 'book.css').read_text()}</style>{html}", **PAPER)
    assert "line 0" in PdfReader(io.BytesIO(printed)).pages[0].extract_text()


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium found; on Debian or Ubuntu: apt install chromium")
def test_paper_does_not_offer_what_one_clicks_on():
    css = (BOOK / "_static" / "book.css").read_text()
    html = (
        '<div class="bd-content"><details open class="hide"><summary>Hide it</summary><pre>code</pre></details></div>'
    )
    with chromium() as browser:
        printed = _print(browser, f"<style>{css}</style>{html}", **PAPER)
    assert PdfReader(io.BytesIO(printed)).pages[0].extract_text().split() == ["code"]
