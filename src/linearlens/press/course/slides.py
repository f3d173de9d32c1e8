"""Slides of a chapter: one HTML file with everything in it, shown by reveal.js.

Cells become slides by their metadata as Jupyter writes it, ``slideshow.slide_type``: ``slide`` begins one, ``subslide``
one below it, ``fragment`` joins the slide before and appears later. A cell of code shows its figure or table, never its
code. Of prose a slide shows what stands in the cell's metadata ``linearlens.slide``, plain MyST, since a paragraph is
no slide; without that, the cell's text. A line ``---`` in it begins another slide; what follows a line ``???`` are the
notes of that slide, what to say and to ask; the key T shows them. Beside a cell of code it is what stands above the
figure. Two directives are those of slides alone, and name what the chapter shows anywhere:

- ``{figure} fig-primer-seam`` with a caption; ``:beside:`` stands it beside the text, and ``:crop: 0 0 50 100`` shows
  the part between those percentages from the left and the top, up to those of the right end and the bottom.
- ``{literalinclude} b7fcff59``, the code of that cell, or with ``:pyobject: name`` one function of it.
"""

import ast
import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from html import escape
from pathlib import Path

import nbformat
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

from linearlens.paths import BOOK
from linearlens.press.chapter.errors import PressError
from linearlens.press.chapter.notebooks import heading_of
from linearlens.press.chapter.outputs import GLUED, figures_of, options_of, shown_by
from linearlens.press.pages.materials import Materials, image
from linearlens.press.pages.plain_text import Chapter, to_plain

HERE = Path(__file__).parent
MATHJAX = BOOK / "_static" / "mathjax"
KINDS = ("slide", "subslide", "fragment")
SKIPPED = (None, "", "-", "skip", "notes")
NEXT, NOTES = re.compile(r"^---$", re.M), re.compile(r"^\?\?\?$", re.M)
HEADING = re.compile(r"\A\s*(##? [^\n]*)\n?")
OWN = re.compile(
    r"^(?P<mark>`{3,})\{(?P<name>figure|literalinclude)\} (?P<shows>\S+)\n"
    r"(?P<options>(?::[^\n]*\n)*)\n?(?P<body>.*?)\n?^(?P=mark)$",
    re.S | re.M,
)
SIZE = re.compile(r'width="[\d.]+pt" height="[\d.]+pt" viewBox="([-\d. ]+)"')

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
    for cell in page.cells:
        kind = cell.metadata.get("slideshow", {}).get("slide_type")
        if kind in SKIPPED:
            continue
        if kind not in KINDS or (not columns and kind != "slide"):
            raise PressError(f"{name}: a {kind} cannot stand here; begin with a slide; there are: {', '.join(KINDS)}")
        contents = list(_contents(cell, page, chapter))
        if kind == "fragment":
            columns[-1][-1] += "".join(f'<div class="fragment">{content}</div>' for content in contents)
        elif kind == "subslide":
            columns[-1] += contents
        else:
            columns += [[content] for content in contents]
    return _page(heading_of(page.cells), columns) if columns else None


def parts_of(text: str) -> list[tuple[str, str]]:
    """The slides that a text makes: what each shows, and its notes."""
    parts = []
    for part in NEXT.split(text):
        shown, *notes = NOTES.split(part)
        parts.append((shown.strip(), "\n".join(notes).strip()))
    return parts


def _contents(cell: nbformat.NotebookNode, page: nbformat.NotebookNode, chapter: Chapter) -> Iterator[str]:
    own = cell.metadata.get("linearlens", {}).get("slide")
    (shown, notes), *others = parts_of(own or (cell.source if cell.cell_type == "markdown" else ""))
    first = _slide(shown, page, chapter)
    if cell.cell_type == "code":
        if not (output := "".join(_shown(cell))):
            raise PressError(f"{chapter.name}: a cell of code that shows no figure and no table cannot be a slide")
        figure = shown_by(cell)
        first += _figure(output, _html(to_plain(figure["caption"], chapter)) if figure else "")
    yield first + _notes(notes, chapter)
    for shown, notes in others:
        yield _slide(shown, page, chapter) + _notes(notes, chapter)


def _slide(text: str, page: nbformat.NotebookNode, chapter: Chapter) -> str:
    """What a slide shows, in HTML: its heading, then text, code and figures in their order, or the text beside one."""
    heading = HEADING.match(text)
    start = heading.end() if heading else 0
    above = _html(to_plain(heading[1], chapter)) if heading else ""
    pieces: list[str] = []
    figures: list[str] = []
    beside = False
    for own in OWN.finditer(text, start):
        pieces.append(_html(to_plain(text[start : own.start()], chapter)))
        start = own.end()
        options = dict(re.findall(r"^:(\w+):(.*)$", own["options"], re.M))
        if own["name"] == "literalinclude":
            pieces.append(_code(own["shows"], options.get("pyobject", "").strip(), page, chapter))
            continue
        caption = _html(to_plain(own["body"], chapter))
        drawn = _drawn(own["shows"], options.get("crop"), page, chapter)
        beside |= "beside" in options
        (figures if "beside" in options else pieces).append(_figure(drawn, caption))
    pieces.append(_html(to_plain(text[start:], chapter)))
    shown = "".join(pieces)
    return above + (f'<div class="beside"><div>{shown}</div>{"".join(figures)}</div>' if beside else shown)


def _notes(text: str, chapter: Chapter) -> str:
    return f'<aside class="notes">{_html(to_plain(text, chapter))}</aside>' if text else ""


def _figure(drawn: str, caption: str) -> str:
    return f"<figure>{drawn}<figcaption>{caption}</figcaption></figure>"


def _shown(cell: nbformat.NotebookNode) -> Iterator[str]:
    alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
    for output in cell.get("outputs", []):
        yield _form(output.get("data", {}), alt)


def _form(data: Mapping[str, str], alt: str) -> str:
    if "text/html" in data:
        return data["text/html"]
    return image(data["image/svg+xml"], alt) if "image/svg+xml" in data else ""


def _drawn(name: str, crop: str | None, page: nbformat.NotebookNode, chapter: Chapter) -> str:
    """A figure of the chapter by its id: a slider as it is, a drawing whole or in part."""
    figures = figures_of(page)
    if name not in figures:
        raise PressError(f"{chapter.name}: its slides show {name}, no figure of it; there are: {', '.join(figures)}")
    if crop is None:
        return _form(figures[name], _alts(page).get(name, ""))
    return image(cropped(figures[name]["image/svg+xml"], [float(part) for part in crop.split()]), _alts(page)[name])


def cropped(svg: str, part: Sequence[float]) -> str:
    """The part of a drawing between percentages of its width and height: left, top, right, bottom.

    Raises
    ------
    PressError
        If those are not four that leave something.
    """
    if len(part) != 4 or not (0 <= part[0] < part[2] <= 100 and 0 <= part[1] < part[3] <= 100):
        raise PressError(f"a crop is four percentages: left, top, right, bottom, as 0 0 50 100; got {part}")

    def cut(size: re.Match) -> str:
        x, y, width, height = (float(number) for number in size[1].split())
        left, top, right, bottom = (share / 100 for share in part)
        box = (x + left * width, y + top * height, (right - left) * width, (bottom - top) * height)
        shown = " ".join(f"{number:g}" for number in box)
        return f'width="{box[2]:g}pt" height="{box[3]:g}pt" viewBox="{shown}"'

    return SIZE.sub(cut, svg, count=1)


def _alts(page: nbformat.NotebookNode) -> dict[str, str]:
    """What stands for each figure where none is seen, by the figure's id."""
    found = {}
    for cell in page.cells:
        if cell.cell_type == "code" and (figure := shown_by(cell)):
            found[figure["name"]] = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
        elif cell.cell_type == "markdown":
            options = [options_of(match) for match in GLUED.finditer(cell.source)]
            found |= {option["name"]: option.get("alt", "") for option in options if "name" in option}
    return found


def _code(cell_id: str, name: str, page: nbformat.NotebookNode, chapter: Chapter) -> str:
    """The code of a cell, or of one function in it."""
    source = next((cell.source for cell in page.cells if cell.id == cell_id and cell.cell_type == "code"), None)
    if source is not None and name:
        defined = [node for node in ast.parse(source).body if getattr(node, "name", None) == name]
        source = ast.get_source_segment(source, defined[0]) if defined else None
    if source is None:
        raise PressError(f"{chapter.name}: its slides show code that is not there: {name or 'all'} of cell {cell_id}")
    return f"<pre><code>{escape(source)}</code></pre>"


def _html(markdown: str) -> str:
    parser = MarkdownIt("commonmark", {"html": True}).enable("table").use(dollarmath_plugin, renderer=_formula)
    return parser.render(markdown)


def _formula(content: str, options: dict) -> str:
    left, right = ("\\[", "\\]") if options.get("display_mode") else ("\\(", "\\)")
    return f"{left}{escape(content)}{right}"


def _page(title: str, columns: list[list[str]]) -> str:
    parts = []
    for column in columns:
        sections = [f'<section><div class="page">{content}</div></section>' for content in column]
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
