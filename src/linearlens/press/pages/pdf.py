"""The built pages as PDF: one file a page, and the whole book in one with a table of contents."""

import io
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag

from pypdf import PdfReader, PdfWriter
from pypdf.generic import ArrayObject, DictionaryObject, NameObject, NumberObject, TextStringObject
from rich.console import Console

from linearlens.paths import BUILD
from linearlens.press.chapter.errors import PressError
from linearlens.press.chapter.files import aside
from linearlens.press.chapter.notebooks import one_named
from linearlens.press.pages.book import HTML, refuse_other_pages
from linearlens.press.pages.browser import chromium, open_page, reading_order, served
from linearlens.press.pages.history import edition_of, history

FOLDER = BUILD / "pdf"
HANDOUTS = BUILD / "handouts"  # pages that were asked for alone
WHOLE = "linear-lenses.pdf"
PAPER = {"format": "A4", "margin": {"top": "18mm", "bottom": "20mm", "left": "16mm", "right": "16mm"}}
# Everything folded is opened: paper has no clicks. Buttons, sidebars and code switches stay away.
UNFOLD = """() => {
    document.documentElement.dataset.theme = 'light';
    document.querySelectorAll('details').forEach(d => { d.open = true; });
    document.querySelectorAll('.toggle-hidden, .toggle.admonition').forEach(e => e.classList.remove('toggle-hidden'));
    document.querySelectorAll('button, .bd-sidebar, .bd-header, .bd-footer, .prev-next-footer, .toggle-button')
        .forEach(e => e.remove());
    document.querySelectorAll('img').forEach(i => { i.loading = 'eager'; });
}"""
# One page of paper for each line of the foot, laid over what is printed.
FEET = (
    "<style>@page {{ size: A4; margin: 0 }} body {{ margin: 0; font: 9pt sans-serif; color: #595959 }}"
    "div {{ height: 297mm; position: relative; page-break-after: always; overflow: hidden }}"
    "p {{ position: absolute; bottom: 9mm; left: 16mm; right: 16mm; margin: 0; display: flex; gap: 4mm }}"
    "span {{ flex: 1 }} span:nth-child(2) {{ flex: 0 auto }} span:last-child {{ text-align: right }}"
    "</style>{}"
)


def make_pdf(*, html: Path = HTML, target: Path = FOLDER, names: list[str] | None = None, console: Console) -> Path:
    """Print the built pages, each alone and all as one book.

    Parameters
    ----------
    html : Path
        The built book.
    target : Path
        Folder for the files; it is replaced as a whole.
    names : list of str, optional
        Pages without their ending, in order; all by default.
    console : rich Console

    Returns
    -------
    Path
        The whole book.

    Raises
    ------
    PressError
        If the book was not built, is not that of today's sources or not as it was built, or there is no Chromium.
    """
    if html == HTML:
        refuse_other_pages()
    names = names or reading_order()
    if missing := [name for name in names if not (html / f"{name}.html").is_file()]:
        raise PressError(f"there is no built page {missing[0]}.html; run: linearlens book")
    edition = edition_of(history())
    with served(html) as site, chromium() as browser, aside(target) as draft:
        draft.mkdir(parents=True)
        printed: dict[str, bytes] = {}
        titles: dict[str, str] = {}
        for name in names:
            console.print(f"printing {name}", highlight=False)
            page = open_page(browser, f"{site}{name}.html")
            page.evaluate(UNFOLD)
            titles[name] = page.title().split(" \u2014 ")[0]
            printed[name] = page.pdf(**PAPER, print_background=True, outline=True, tagged=True)
            page.close()
            alone = PdfWriter(clone_from=io.BytesIO(printed[name]))
            _lead(alone, site, files={other: f"{Path(other).name}.pdf" for other in names})
            n_pages = len(alone.pages)
            _number(browser, alone, [(titles[name], f"{n + 1} of {n_pages}", edition) for n in range(n_pages)])
            alone.add_metadata({"/Title": titles[name]})
            alone.write(draft / f"{Path(name).name}.pdf")
        _whole(browser, site, printed, titles, edition).write(draft / WHOLE)
    return target / WHOLE


def choose_pages(names: list[str]) -> list[str]:
    """Pages by the beginning of their names, such as ``01``, ``assignments/01`` or ``notation``.

    Raises
    ------
    PressError
        If a name fits no page or several.
    """
    pages = reading_order()
    return [one_named("page", name, pages, "notebooks/") for name in names]


def _whole(browser: Any, site: str, printed: Mapping[str, bytes], titles: Mapping[str, str], edition: str) -> PdfWriter:
    counts = {name: len(PdfReader(io.BytesIO(content)).pages) for name, content in printed.items()}

    def contents(first: int) -> bytes:
        """The page of contents, if the first page after it has that number."""
        lines, at = [], first
        for name, title in titles.items():
            lines.append(f'<p><a href="{site}{name}.html">{escape(title)}</a><span>{at}</span></p>')
            at += counts[name]
        style = (
            "body { font: 11pt/1.5 sans-serif } p { display: flex; justify-content: space-between; margin: 0.4em 0 }"
            "a { color: #00507a }"
        )
        return _print(browser, f"<style>{style}</style><h1>Linear Lenses</h1>{''.join(lines)}", **PAPER)

    n_contents = len(PdfReader(io.BytesIO(contents(1))).pages)
    book = PdfWriter()
    book.append(io.BytesIO(contents(n_contents + 1)), outline_item="Contents", import_outline=False)
    starts = {}
    for name, content in printed.items():
        starts[name] = len(book.pages)
        book.append(io.BytesIO(content), outline_item=titles[name], import_outline=True)
    _lead(book, site, pages=starts)
    _number(browser, book, [("", str(n + 1), edition) for n in range(len(book.pages))])
    book.add_metadata({"/Title": "Linear Lenses: neural networks seen through Koopman operators"})
    book.compress_identical_objects()
    return book


def _number(browser: Any, writer: PdfWriter, feet: list[tuple[str, str, str]]) -> None:
    """Lay left, middle and right of a foot over each page."""
    lines = ("".join(f"<span>{escape(words)}</span>" for words in foot) for foot in feet)
    html = FEET.format("".join(f"<div><p>{line}</p></div>" for line in lines))
    stamped = PdfReader(io.BytesIO(_print(browser, html, prefer_css_page_size=True)))
    for page, foot in zip(writer.pages, stamped.pages, strict=False):
        page.merge_page(foot)


def _print(browser: Any, html: str, **options: Any) -> bytes:
    page = browser.new_page()
    page.set_content(html)
    content = page.pdf(**options)
    page.close()
    return content


def _lead(
    writer: PdfWriter, site: str, *, pages: Mapping[str, int] | None = None, files: Mapping[str, str] | None = None
) -> None:
    """Let links to other pages of the book lead to their place in this file, or to the file beside it."""
    for page in writer.pages:
        for reference in page.get("/Annots", []):
            link = reference.get_object()
            action = link.get("/A", {})
            address = str(action.get("/URI", ""))
            if not address.startswith(site):
                continue
            name = unquote(urldefrag(address).url.removeprefix(site)).removesuffix(".html") or "index"
            if pages and name in pages:
                del link[NameObject("/A")]
                place = [writer.pages[pages[name]].indirect_reference, NameObject("/XYZ"), *[NumberObject(0)] * 3]
                link[NameObject("/Dest")] = ArrayObject(place)
            elif files and name in files:
                link[NameObject("/A")] = DictionaryObject(
                    {
                        NameObject("/S"): NameObject("/URI"),
                        NameObject("/URI"): TextStringObject(files[name]),
                    }
                )
            else:
                del link[NameObject("/A")]  # a download or an image: it lies beside the pages, not in the book
