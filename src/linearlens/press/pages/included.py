"""What pages include beside tables of claims: the gallery of all figures, an index of each part of the package."""

import base64
import re
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from linearlens.paths import BOOK
from linearlens.press.chapter.files import write_text
from linearlens.press.chapter.freshness import Executed
from linearlens.press.chapter.notebooks import all_chapters, title_of
from linearlens.press.chapter.outputs import figures_of
from linearlens.press.chapter.sentences import split
from linearlens.press.evidence.full_pages import pixels
from linearlens.press.evidence.tables import EDITION
from linearlens.press.pages.course_page import course_table
from linearlens.press.pages.figure_index import Shown, catalogue
from linearlens.press.pages.install import repository

DOCUMENTED = re.compile(r"^\.\. auto(?:class|function):: (\S+)$", re.M)
DOTS_PER_INCH = 90  # of a small picture
SHORT = 150  # letters of a caption below a small picture


def write_included(folder: Path) -> None:
    """Write ``gallery.md``, each figure as ``ID.svg`` and small as ``ID.webp``, and ``index-….md`` there."""
    figures = catalogue()
    for name, forms in drawn().items():
        (folder / f"{name}.svg").write_bytes("".join(forms["image/svg+xml"]).encode())
        small = pixels(base64.b64decode(forms["application/pdf"]), "webp", DOTS_PER_INCH)
        (folder / f"{name}.webp").write_bytes(small)
    write_text(folder / "gallery.md", gallery(figures))
    for page in BOOK.glob("api-*.md"):
        write_text(folder / page.name.replace("api-", "index-"), index(page.read_text(encoding="utf-8")))
    write_text(folder / "repository.md", where(repository()))
    write_text(folder / "course.md", course_table())


def drawn() -> dict[str, dict[str, Any]]:
    """All forms of each figure that the quick chapters show, by id."""
    pages = (Executed(chapter, EDITION).page() for chapter in all_chapters())
    return {name: forms for page in pages for name, forms in figures_of(page).items()}


def gallery(figures: Mapping[str, Shown]) -> str:
    """Small pictures of all figures, a section a chapter, each a link to its place."""
    return (
        "\n\n".join(part for chapter in groupby(figures.values(), key=_chapter) for part in _section(*chapter)) + "\n"
    )


def _chapter(figure: Shown) -> str:
    return figure.chapter


def _section(chapter: str, figures: Iterator[Shown]) -> Iterator[str]:
    yield f"## [{title_of(chapter)}](notebooks/{chapter}.ipynb)"
    cards = [
        f":::{{grid-item-card}}\n:img-top: _generated/{one.id}.webp\n:img-alt: {one.alt}\n"
        f":link: notebooks/{chapter}.html#{one.id}\n\n{shortened(one.caption)}\n:::"
        for one in figures
    ]
    yield "\n".join(["::::{grid} 1 2 3 3", ":gutter: 3", ":class-container: gallery", "", *cards, "::::"])


def shortened(caption: str) -> str:
    """The first sentences of a caption, as many as are short, or one; without roles."""
    plain = re.sub(r"\{[\w:]+\}`([^`<]*?)(?:\s*<[^`]*>)?`", r"\1", caption)
    first, *more = split(plain)
    for sentence in more:
        if len(f"{first} {sentence}") > SHORT:
            break
        first = f"{first} {sentence}"
    return first


def index(page: str) -> str:
    """A table of what a page documents, each with its first sentence."""
    names = "\n".join(f"   ~{name}" for name in DOCUMENTED.findall(page))
    return f"```{{eval-rst}}\n.. autosummary::\n   :nosignatures:\n\n{names}\n```\n"


def where(address: str | None) -> str:
    """Where the repository is."""
    if address:
        return f"The repository: <{address}>.\n"
    return "This copy of the repository has no public address; whoever publishes it writes that into `CITATION.cff`.\n"
