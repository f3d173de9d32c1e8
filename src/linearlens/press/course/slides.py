"""Slides of a chapter: one HTML file with everything in it, shown by reveal.js.

Cells become slides by their metadata as Jupyter writes it, ``slideshow.slide_type``: ``slide`` begins one, ``subslide``
one below it, ``fragment`` joins the slide before and appears later. A cell of code shows its figure or table, never its
code. Of prose a slide shows what stands in the cell's metadata ``linearlens.slide``, plain MyST, since a paragraph is
no slide; without that, the cell's text. A line ``---`` in it begins another slide. Beside a cell of code it is what
stands above the figure. The prose that a slide stands for, for a figure that around it, travels as its notes; the key T
shows them.
"""

import base64
import re
from collections.abc import Iterator, Sequence
from functools import cache
from html import escape
from pathlib import Path

import nbformat
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

from linearlens.paths import BOOK
from linearlens.press.chapter.errors import PressError
from linearlens.press.chapter.notebooks import heading_of
from linearlens.press.chapter.outputs import shown_by
from linearlens.press.pages.materials import Materials, image
from linearlens.press.pages.plain_text import Chapter, to_plain

HERE = Path(__file__).parent
MATHJAX = BOOK / "_static" / "mathjax"
KINDS = ("slide", "subslide", "fragment")
SKIPPED = (None, "", "-", "skip", "notes")

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{reveal_css}</style>
<style>{css}</style>
</head>
<body>
<div class="reveal"><div class="slides">
{slides}
</div></div>
<button id="full" type="button" title="Full screen (F)" aria-label="Full screen"><svg width="20" height="20"
viewBox="0 0 20 20" fill="none" stroke="currentColor" stroke-width="2"><path
d="M2 7V2h5M13 2h5v5M18 13v5h-5M7 18H2v-5"/></svg></button>
<script>{reveal}</script>
<script>
document.getElementById("full").addEventListener("click", () => document.documentElement.requestFullscreen());
document.addEventListener("fullscreenchange", () => {{
  document.getElementById("full").hidden = Boolean(document.fullscreenElement);
}});
Reveal.initialize({{ hash: true, slideNumber: "c/t", width: 1280, height: 720, margin: 0.03, center: false,
  transition: "none", keyboard: true, scrollActivationWidth: null }});
Reveal.addKeyBinding({{ keyCode: 84, key: "T", description: "Text of the chapter" }},
  () => {{ Reveal.configure({{ showNotes: !Reveal.getConfig().showNotes }}); Reveal.layout(); }});
window.MathJax = {{ tex: {{ inlineMath: [["\\\\(", "\\\\)"]], displayMath: [["\\\\[", "\\\\]"]] }},
  options: {{ enableMenu: false }}, startup: {{ ready: () => {{
    MathJax.startup.defaultReady();
    MathJax.startup.promise.then(() => {{ document.body.dataset.typeset = "yes"; Reveal.layout(); }});
  }} }} }};
</script>
<script>{mathjax}</script>
</body>
</html>
"""


def slides(name: str, materials: Materials) -> str | None:
    """The deck of a chapter as one HTML page; None if no cell is tagged for slides.

    Raises
    ------
    PressError
        If a cell has a type of slide that is not known, or a fragment comes before any slide.
    """
    page = materials.page(name)
    chapter = materials.chapter(page, name)
    columns: list[list[str]] = []
    for index, cell in enumerate(page.cells):
        kind = _kind(cell)
        if kind in SKIPPED:
            continue
        if kind not in KINDS or (not columns and kind != "slide"):
            raise PressError(f"{name}: a {kind} cannot stand here; begin with a slide; there are: {', '.join(KINDS)}")
        contents = list(_contents(cell, chapter))
        contents[0] += _notes(page.cells, index, chapter)
        if kind == "fragment":
            columns[-1][-1] += "".join(f'<div class="fragment">{content}</div>' for content in contents)
        elif kind == "subslide":
            columns[-1] += contents
        else:
            columns += [[content] for content in contents]
    return _page(heading_of(page.cells), columns) if columns else None


def _kind(cell: nbformat.NotebookNode) -> str | None:
    return cell.metadata.get("slideshow", {}).get("slide_type")


def _notes(cells: Sequence[nbformat.NotebookNode], index: int, chapter: Chapter) -> str:
    """What the page says where the slide is short: the cell's own prose, or for a figure that above and below it."""
    cell = cells[index]
    if "slide" not in cell.metadata.get("linearlens", {}):
        return ""
    beside = [cells[i] for i in (index - 1, index + 1) if 0 <= i < len(cells) and _kind(cells[i]) in SKIPPED]
    told = [cell] if cell.cell_type == "markdown" else [one for one in beside if one.cell_type == "markdown"]
    prose = "\n\n".join(one.source for one in told)
    prose = re.sub(r"^(`{3,}|:{3,})\{(?!math).*?^\1$", "", prose, flags=re.S | re.M)  # no figures and tables
    prose = re.sub(r"^#+ .*$", "", prose, flags=re.M).strip()
    return f'<aside class="notes">{_html(to_plain(prose, chapter))}</aside>' if prose else ""


def _contents(cell: nbformat.NotebookNode, chapter: Chapter) -> Iterator[str]:
    own = cell.metadata.get("linearlens", {}).get("slide")
    if cell.cell_type == "markdown":
        for part in re.split(r"^---$", own or cell.source, flags=re.M):
            yield _html(to_plain(part, chapter))
        return
    shown = "".join(_shown(cell))
    figure = shown_by(cell)
    if not shown:
        raise PressError(f"{chapter.name}: a cell of code that shows no figure and no table cannot be a slide")
    caption = figure["caption"] if figure else ""
    yield "".join([_html(to_plain(own or "", chapter)), shown, _html(to_plain(caption, chapter))])


def _shown(cell: nbformat.NotebookNode) -> Iterator[str]:
    alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        if "text/html" in data:
            yield data["text/html"]
        elif "image/svg+xml" in data:
            yield image(data["image/svg+xml"], alt)


def _html(markdown: str) -> str:
    parser = MarkdownIt("commonmark", {"html": True}).enable("table").use(dollarmath_plugin, renderer=_formula)
    return parser.render(markdown)


def _formula(content: str, options: dict) -> str:
    left, right = ("\\[", "\\]") if options.get("display_mode") else ("\\(", "\\)")
    return f"{left}{escape(content)}{right}"


def _page(title: str, columns: list[list[str]]) -> str:
    parts = []
    for column in columns:
        sections = [f"<section>{content}</section>" for content in column]
        parts.append(sections[0] if len(sections) == 1 else f"<section>{''.join(sections)}</section>")
    read = {name: (HERE / "reveal" / name).read_text(encoding="utf-8") for name in ("reveal.css", "reveal.js")}
    return PAGE.format(
        title=escape(title),
        reveal_css=read["reveal.css"],
        css=(HERE / "slides.css").read_text(encoding="utf-8"),
        slides="\n".join(parts),
        reveal=_in_script(read["reveal.js"]),
        mathjax=_in_script(mathjax()),
    )


def _in_script(code: str) -> str:
    return code.replace("</script", "<\\/script")


@cache
def mathjax() -> str:
    """MathJax of the book with its fonts in it, so that it asks for no file."""

    def font(match: re.Match) -> str:
        file = next(MATHJAX.rglob(match[1]))
        return f"data:font/woff;base64,{base64.b64encode(file.read_bytes()).decode()}"

    code = (MATHJAX / "tex-chtml-full.js").read_text(encoding="utf-8")
    return re.sub(r"%%URL%%/([\w-]+\.woff)", font, code)
