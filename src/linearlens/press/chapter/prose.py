"""The lint that keeps typed-in results out of the prose.

A number that looks like a result (a decimal, a percentage, a power of ten, "3 times", "7 of 12") may stand in
prose only as glue from a chapter, as ``{paper}`…` `` (quoted from a paper), as ``{given}`…` `` (chosen by us),
in code, or inside a formula that is more than the bare number.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import nbformat

FENCE = re.compile(r"^\s*(`{3,}|:{3,})\s*(\{[\w:-]+\})?")
PROSE_DIRECTIVES = (
    "admonition", "note", "warning", "tip", "important", "dropdown", "exercise", "solution", "hint", "figure",
    "glue:figure", "grid", "grid-item-card", "card", "prf:theorem", "prf:proof", "prf:proposition", "div", "margin",
    "edition",
)  # fmt: skip
BARE_FORMULA = re.compile(r"\$\s*[-−]?[\d.,]+\s*(\\?%|\\times.*)?\s*\$")
NOT_PROSE = (
    re.compile(r"\{[\w:-]+\}`[^`]*`"),  # any role
    re.compile(r"`[^`]*`"),
    re.compile(r"\$\$.*?\$\$", re.S),
    re.compile(r"\$[^$]*\$"),
    re.compile(r"\]\([^)]*\)"),
    re.compile(r"https?://\S+"),
    re.compile(r"^\s*:[\w-]+:.*$", re.M),  # options of directives, alt text among them
)
CLAIM = re.compile(r"\{claim\}`(?P<words>[^`]*?)\s*<[\w.-]+>`")
RESULT = re.compile(
    r"[-−]?\d+\.\d+"
    r"|\d+(\.\d+)?\s*%"
    r"|\d+(\.\d+)?[eE][-+−]?\d+"
    r"|10\s*\^\s*[-−]?\d+"
    r"|\b\d+\s*(times|[x×](?![\s\d]*\d)|points?\b|percent)"
    r"|\b\d+ (out )?of \d+\b"
)
ALLOWED = re.compile(
    r"CC BY \d\.\d|Python 3\.\d+((,| or| and) 3\.\d+)*"
    r"|\b(MIT|Jupyter Book|MathJax) \d[\d.]*|arXiv[ :]\d{4}\.\d{5}|\b10\.\d{4,}/\S+"
    r"|v?\d+\.\d+\.\d+"
)


def bare_numbers(markdown: str) -> list[str]:
    """Numbers in Markdown text that look like typed-in results.

    Examples
    --------
    >>> bare_numbers("The error is 0.0134, a third of {paper}`0.04`, with $\\\\lambda = 0.9$ in `1e-3`.")
    ['0.0134']
    >>> bare_numbers("Accuracy fell to $97.3\\\\%$, in 7 of 12 runs.")
    ['$97.3\\\\%$', '7 of 12']
    >>> bare_numbers("{claim}`It wins in 7 of 12 runs <some.claim>`.")
    ['7 of 12']
    """
    text = CLAIM.sub(r"\g<words>", "\n".join(_prose_lines(markdown)))
    found = [match.group() for match in BARE_FORMULA.finditer(text) if re.search(r"[.%\\]", match.group())]
    for pattern in NOT_PROSE:
        text = pattern.sub(" ", text)
    text = ALLOWED.sub(" ", text)
    return found + [match.group() for match in RESULT.finditer(text)]


def prose_of(path: Path) -> str:
    """The Markdown of a page: a ``.md`` file, or the text cells of a notebook with their captions."""
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    cells = nbformat.read(path, as_version=4).cells
    captions = [cell.metadata.get("mystnb", {}).get("figure", {}).get("caption", "") for cell in cells]
    return "\n\n".join([cell.source for cell in cells if cell.cell_type == "markdown"] + captions)


def _prose_lines(markdown: str) -> Iterator[str]:
    """Lines outside code blocks; what stands inside a directive for prose counts as prose."""
    closing: str | None = None
    for line in markdown.split("\n"):
        fence = FENCE.match(line)
        if closing is not None:
            if fence and line.strip() == closing:
                closing = None
            continue
        if fence:
            directive = (fence.group(2) or "").strip("{}")
            if fence.group(1).startswith("`") and directive not in PROSE_DIRECTIVES and line.strip() != fence.group(1):
                closing = fence.group(1)
            elif fence.group(1).startswith("`") and line.strip() == fence.group(1):
                continue  # the end of a prose directive
            else:
                yield line.partition("}")[2]
            continue
        yield line
