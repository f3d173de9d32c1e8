"""Small Sphinx extension of the book: no page asks the network, drawings open, and numbers point at their claims.

Two roles mark numbers in prose that are not results of ours, so that the lint can tell them from typed-in
results: ``{paper}`97.3 %` `` for a value quoted from a paper, ``{given}`0.9` `` for one we chose or defined.
Those of ours are the matter of `linearlens.press.pages.pointing`.
"""

import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from linearlens.press.pages.history import sign
from linearlens.press.pages.pointing import connect

REMOTE = ("https://", "http://", "//")
DRAWING = re.compile(r'(?<=>)(\s*)(<img [^>]*src="([^":]+\.svg)"[^>]*>)(?=\s*<figcaption>)')
PRELOAD = re.compile(r'<link rel="preload" as="font"[^>]*>\s*')
LARGE = re.compile(r'<script (?=src="[^"]*/(?:fontawesome|mathjax)/)')


def _keep_local(app: Sphinx, _page: str, _template: str, context: dict[str, Any], _doctree: Any) -> None:
    """Drop scripts from other hosts, thebe, and second copies (MathJax is asked for twice and breaks then)."""
    kept, seen = [], set()
    for script in context.get("script_files", []):
        filename = str(getattr(script, "filename", script) or "")
        if not _unwanted(script, filename) and filename not in seen:
            kept.append(script)
        seen |= {filename} - {""}
    context["script_files"] = kept


def _plain_lists(_app: Sphinx, _page: str, _template: str, context: dict[str, Any], _doctree: Any) -> None:
    """A list of citations says it is one and then holds links between its entries, which screen readers stumble on."""
    context["body"] = context.get("body", "").replace('<div role="list" class="citation-list">', "<div>")


def _open_drawings(_app: Sphinx, _page: str, _template: str, context: dict[str, Any], _doctree: Any) -> None:
    """Link each figure to its file: on a phone a wide one can be read only by itself."""
    link = r'\1<a class="drawing" href="\3" title="Open the drawing by itself">\2</a>'
    context["body"] = DRAWING.sub(link, context.get("body", ""))


def _lighten_pages(app: Sphinx, exception: Exception | None) -> None:
    """Let pages be seen before their large scripts are there, icons and formulas, and fetch no fonts ahead.

    Icons are drawn by a script; browsers refuse to fetch their fonts ahead for a page opened as a file.
    """
    for page in [] if exception or app.builder.format != "html" else Path(app.outdir).rglob("*.html"):
        page.write_text(lighter(page.read_text(encoding="utf-8")), encoding="utf-8")


def lighter(page: str) -> str:
    """The HTML of a page that waits for no font and no large script before it is drawn."""
    return LARGE.sub("<script defer ", PRELOAD.sub("", page))


def _unwanted(script: Any, filename: str) -> bool:
    body = str(getattr(script, "attributes", {}).get("body") or "")
    return filename.startswith(REMOTE) or "thebe" in (filename + body).lower()


def setup(app: Sphinx) -> dict[str, bool]:
    """Register roles and hooks."""
    connect(app)
    app.connect("html-page-context", _keep_local, priority=900)
    app.connect("html-page-context", _plain_lists)
    app.connect("html-page-context", _open_drawings)
    app.connect("html-page-context", sign)
    app.connect("build-finished", _lighten_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
