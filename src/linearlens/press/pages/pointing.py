"""The part of the Sphinx extension that makes numbers and conclusions point at their claims, and pages hold editions.

``{claim}`words <id>` `` ties words to a claim; staged numbers are ``{number}`name ; quick ; full` ``. Both become links
to the claim in the ledger, so that they lead somewhere without a script, too; with one, the card of the claim opens.
``{edition} quick`` (or ``full``) is a directive for a passage that is true of one edition only.

What a page needs to know lies in ``_generated/pointed.json`` of the staged book; see `linearlens.press.pages.staging`.
"""

import json
import re
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

from linearlens.press.evidence.claim_table import EDITIONS, anchor
from linearlens.press.pages.editions import BETWEEN, FULL, QUICK

POINTED = "_generated/pointed.json"
LEDGER = "ledger"
TIED = re.compile(r"(?P<words>.*\S)\s*<(?P<claim>[\w.-]+)>", re.S)
QUOTED = ("paper", "given")  # what the script says of them
FIGURE = re.compile(r'(<figure[^>]* id="(?P<id>[\w-]+)"[^>]*>)(?P<shown>.*?)(?=\s*<figcaption|\s*</figure>)', re.S)
ALT = re.compile(r'<img [^>]*?alt="([^"]*)"')
HEADING = re.compile(r"</h1>")
POINTS = re.compile(r'href="[^"]*#claim-([\w-]+)"')


@cache
def _pointed(source: str) -> dict[str, Any]:
    """What was staged beside the pages: claims with their cards, and what is kept of full runs."""
    path = Path(source) / POINTED
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"claims": {}, "runs": {}}


def _claim_of(name: str, claims: dict[str, str]) -> str | None:
    """The claim that a number belongs to: a name is the id, or begins with it."""
    parts = name.split(".")
    return next((c for n in range(len(parts), 0, -1) if (c := ".".join(parts[:n])) in claims), None)


def _link(inliner: Any, claim: str, kind: str, *children: nodes.Node) -> nodes.reference:
    settings = inliner.document.settings
    depth = settings.env.docname.count("/")
    target = f"{'../' * depth}{LEDGER}{settings.env.app.builder.out_suffix}#{anchor(claim)}"
    return nodes.reference("", "", *children, refuri=target, internal=True, classes=[kind])


def number_role(_role, rawtext, text, lineno, inliner, options=None, content=None):
    """A number in its editions, which points at its claim."""
    name, quick, *full = text.split(BETWEEN)
    shown = [nodes.inline("", quick, classes=[QUICK] if full else [])]
    shown += [nodes.inline("", words, classes=[FULL]) for words in full]
    claim = _claim_of(name, _pointed(inliner.document.settings.env.srcdir)["claims"])
    return ([_link(inliner, claim, "number", *shown)] if claim else shown), []


def claim_role(_role, rawtext, text, lineno, inliner, options=None, content=None):
    """Words that are tied to a claim."""
    match = TIED.fullmatch(text)
    known = _pointed(inliner.document.settings.env.srcdir)["claims"]
    if match is None or match["claim"] not in known:
        wanted = "{claim}`words <id>` with an id of data/claims.yml"
        return [], [inliner.reporter.warning(f"{rawtext!r} is tied to no claim; wanted: {wanted}", line=lineno)]
    return [_link(inliner, match["claim"], "claim", nodes.Text(match["words"]))], []


def _quoted(name: str):
    def role(_role, _rawtext, text, _lineno, _inliner, options=None, content=None):
        return [nodes.inline("", text, classes=[name])], []

    return role


class Edition(Directive):
    """A passage that is true of one edition only; it says so."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        """The passage; nothing where the page has no such edition."""
        which = self.arguments[0]
        if which not in ("quick", "full"):
            raise self.error(f"an edition is quick or full, got {which!r}")
        env = self.state.document.settings.env
        only = "full" not in _pointed(env.srcdir)["runs"].get(env.docname.rpartition("/")[2], {})
        if only and which == "full":
            return []
        passage = nodes.container(classes=["edition", *([] if only else [f"ed-{which}"])])
        self.state.nested_parse(self.content, self.content_offset, passage)
        return [passage]


def open_editions(app: Sphinx, page: str, _template: str, context: dict[str, Any], _doctree: Any) -> None:
    """Put the switch below the title, the full run's figures beside the quick ones, and the cards below the text."""
    body = context.get("body", "")
    pointed = _pointed(str(app.srcdir))
    runs = pointed["runs"].get(page.rpartition("/")[2]) if page.startswith("notebooks/") else None
    if runs:
        if "full" in runs:
            body = FIGURE.sub(lambda match: _both_figures(match, runs["full"]["figures"]), body)
        body = HEADING.sub(lambda match: match.group() + _switch(runs), body, count=1)
    asked = {name: card for name, card in pointed["claims"].items() if anchor(name) in _targets(body)}
    if asked and page != LEDGER:
        text = json.dumps({anchor(name): card for name, card in asked.items()}, ensure_ascii=False)
        text = text.replace("</", "<\\/")  # which would end the script
        body += f'<script type="application/json" id="cards">{text}</script>'
    context["body"] = body


def _targets(body: str) -> set[str]:
    return {f"claim-{name}" for name in POINTS.findall(body)}


def _both_figures(match: re.Match, full: dict[str, str]) -> str:
    """The figure with the full run's beside its own; a word where that is not kept."""
    name, shown = match["id"], match["shown"]
    if not name.startswith("fig-"):
        return match.group()
    if name not in full:
        return f'{match[1]}<p class="again {FULL}">This figure is drawn from the quick run.</p>{shown}'
    alt, source = ALT.search(shown), full[name]
    image = f'<img alt="{alt[1] if alt else ""}" src="{source}">'
    there = f'<a class="drawing" href="{source}" title="Open the drawing by itself">{image}</a>'
    return f'{match[1]}<div class="{FULL}">{there}</div><div class="{QUICK}">{shown}</div>'


def _switch(runs: dict[str, Any]) -> str:
    """Which edition is shown, and two buttons; without a script the words alone."""
    said = f"{EDITIONS['quick']} ({escape(runs['quick']['said'])})"
    if "full" not in runs:
        return f'<p class="editions">Numbers and figures: {said}.</p>'
    full = f"{EDITIONS['full']} ({escape(runs['full']['said'])})"
    return (
        '<div class="editions" role="group" aria-label="Edition of numbers and figures">'
        f'<span class="switch" hidden><button type="button" data-edition="full">{EDITIONS["full"]}</button>'
        f'<button type="button" data-edition="quick">{EDITIONS["quick"]}</button></span> '
        f'<span>Numbers and figures: <span class="{FULL}">{full}</span>'
        f'<span class="{QUICK}">{said}</span>.</span></div>'
    )


# Before the page is drawn, so that it does not flash.
CHOSEN = (
    '(() => { let e = new URLSearchParams(location.search).get("edition");'
    ' try { e ??= localStorage.getItem("edition"); } catch {}'
    ' if (e === "quick") document.documentElement.dataset.edition = e; })();'
)


def connect(app: Sphinx) -> None:
    """Register roles, the directive and the hook."""
    app.add_js_file(None, body=CHOSEN, priority=100)
    app.add_role("number", number_role)
    app.add_role("claim", claim_role)
    for name in QUOTED:
        app.add_role(name, _quoted(name))
    app.add_directive("edition", Edition)
    app.connect("html-page-context", open_editions, priority=600)  # after figures were given their links
