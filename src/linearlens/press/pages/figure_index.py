"""The figures of the book: which there are, and the line below each that says how to make it again."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import nbformat
import yaml

from linearlens.figures.export import MIME
from linearlens.ledger import load_claims
from linearlens.paths import DATA
from linearlens.press.chapter.errors import PressError
from linearlens.press.chapter.notebooks import all_chapters, is_exercise, read_source
from linearlens.press.chapter.outputs import GLUED, options_of, shown_by
from linearlens.press.chapter.provenance import commit_of_run

UNSEEN = ("application/pdf", "image/png", MIME)  # forms of a figure that no page shows


@dataclass(frozen=True)
class Shown:
    """A figure as its chapter shows it.

    ``alt`` says what is there to see, ``answers`` is the figure or table of the paper it stands beside, and ``claims``
    are the ids it supports.
    """

    id: str
    chapter: str
    caption: str
    alt: str
    answers: str
    claims: tuple[str, ...]


def catalogue() -> dict[str, Shown]:
    """All figures by id, in the order of the book.

    Raises
    ------
    PressError
        If ``data/figures.yml`` lacks a figure, has one that no chapter shows, or names a claim that does not exist.
    """
    entries = _entries()
    found: dict[str, Shown] = {}
    unread = []
    for chapter in all_chapters():
        try:
            found |= {figure.id: figure for figure in _figures_of(chapter, entries)}
        except PressError:  # running it says what is wrong; the figures of the others can be made all the same
            unread.append(chapter)
    known = load_claims()
    complaints = [f"lacks {name}" for name in found if name not in entries]
    complaints += [f"has {name}, which no chapter shows" for name in entries if name not in found and not unread]
    complaints += [f"{f.id} names {c}, which is no claim" for f in found.values() for c in f.claims if c not in known]
    if complaints:
        raise PressError(f"data/figures.yml: {'; '.join(complaints)}")
    return found


def _entries() -> Mapping[str, Mapping]:
    try:
        entries = yaml.safe_load((DATA / "figures.yml").read_text(encoding="utf-8")) or {}
        if not all(isinstance(entry or {}, dict) for entry in entries.values()):
            raise TypeError("an entry is no mapping")
        return entries
    except (OSError, ValueError, AttributeError, TypeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise PressError(f"data/figures.yml cannot be read: {reason}") from error


def _figures_of(chapter: str, entries: Mapping[str, Mapping]) -> list[Shown]:
    figures = []

    def add(name: str, caption: str, alt: str) -> None:
        entry = entries.get(name) or {}
        answers, claims = entry.get("answers") or "", tuple(entry.get("claims") or ())
        figures.append(Shown(name, chapter, " ".join(caption.split()), alt, answers, claims))

    for cell in read_source(chapter).cells:
        if cell.cell_type == "markdown":
            for match in GLUED.finditer(cell.source):
                options = options_of(match)
                add(options["name"], match["caption"], options["alt"])
        elif cell.cell_type == "code" and not is_exercise(cell) and (figure := shown_by(cell)):
            alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", figure["caption"])
            add(figure["name"], figure["caption"], alt)
    return figures


def choose_figure(name: str) -> Shown:
    """The figure of that id.

    Raises
    ------
    PressError
        If there is none; the message names some that are alike.
    """
    known = catalogue()
    if name in known:
        return known[name]
    alike = difflib.get_close_matches(name, known, cutoff=0.4) or list(known)[:3]
    raise PressError(f"no figure is named {name!r}; some that are: {', '.join(alike)}; all: linearlens figure --list")


def glued_drawings(notebook: nbformat.NotebookNode) -> dict[str, str]:
    """Figures that an executed chapter glued under a name, as SVG, so that any page can show them."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    kind = "application/papermill.record/image/svg+xml"
    return {o.metadata["scrapbook"]["name"]: o.data[kind] for o in outputs if kind in o.get("data", {})}


# In the pages.


def with_commands(page: nbformat.NotebookNode, full: Mapping[str, Any] | None) -> nbformat.NotebookNode:
    """The page of a chapter with a line below each figure: the command that makes it, and what it comes from.

    A slider, of which myst-nb knows nothing, gets its caption there too, and before it the place that links lead to.
    `full` is the kept run whose figures the page shows beside its own; None if it shows none.
    """
    runs = [run for run in (page.metadata["linearlens_run"], full) if run]

    def command(name: str) -> str:
        classes = [f"again ed-{run['profile']}" for run in runs] if full else ["again"]
        return "\n\n".join(_command(name, run, kind) for run, kind in zip(runs, classes, strict=True))

    def glued(match: re.Match) -> str:
        return f"{match.group()}\n\n{command(options_of(match)['name'])}"

    cells = []
    for cell in page.cells:
        if slider := cell.metadata.get("linearlens", {}).get("figure"):
            place = f'<span id="{slider["name"]}"></span>'
            cells.append(nbformat.v4.new_markdown_cell(place, id=f"place-{cell.id}"[:64]))
        cells.append(cell)
        if cell.cell_type == "markdown":
            cell.source = GLUED.sub(glued, cell.source)
            continue
        for output in cell.get("outputs", []):
            slides = "text/html" in output.get("data", {})  # the page would take the still frame for it
            unseen = (*UNSEEN, "image/svg+xml") if slides else UNSEEN
            for kind in [kind for kind in output.get("data", {}) if kind.endswith(unseen)]:
                del output.data[kind]
        if figure := shown_by(cell):
            own = f"*{figure['caption']}*\n\n" if slider else ""
            line = own + command(figure["name"])
            cells.append(nbformat.v4.new_markdown_cell(line, id=f"again-{cell.id}"[:64]))
    page.cells = cells
    return page


def _command(name: str, run: Mapping[str, Any], kind: str) -> str:
    how = "" if run["profile"] == "quick" else f" --profile {run['profile']}"
    where = f"seed {run['seed']}, {run['cpu_seconds']:.0f} CPU seconds for the chapter, {commit_of_run(run, code='`')}"
    return f":::{{div}} {kind}\nre-run: `linearlens figure {name}{how}` ({where})\n:::"
