"""What the pack is made of: the executed chapters, and the names in their text."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from html import escape

import nbformat

from linearlens.paths import BOOK
from linearlens.press.chapter.errors import PressError
from linearlens.press.chapter.freshness import Executed
from linearlens.press.chapter.notebooks import all_chapters, title_of
from linearlens.press.evidence.tables import EDITION
from linearlens.press.pages.figure_index import glued_drawings
from linearlens.press.pages.labels import Label, labels_of_book
from linearlens.press.pages.plain_text import Chapter
from linearlens.press.pages.references import Reference, read_references

TEXT = "application/papermill.record/text/plain"


@dataclass(frozen=True)
class Materials:
    """All that the pack draws on, read once; chapters must have been executed in the quick profile."""

    @cached_property
    def labels(self) -> dict[str, Label]:
        """Figures, equations and exercises of the book."""
        return labels_of_book()

    @cached_property
    def references(self) -> dict[str, Reference]:
        """What the book cites."""
        return read_references(BOOK / "references.bib")

    @cached_property
    def titles(self) -> dict[str, str]:
        """Titles of all chapters, by name."""
        return {name: title_of(name) for name in all_chapters()}

    def page(self, name: str) -> nbformat.NotebookNode:
        """A chapter with its outputs and today's prose."""
        if Executed(name, EDITION).read() is None:
            raise PressError(f"{name} was never executed; run: linearlens run {name}")
        return Executed(name, EDITION).page()

    def chapter(self, page: nbformat.NotebookNode, name: str) -> Chapter:
        """What the text of that page refers to."""
        drawings = glued_drawings(page)

        def draw(figure: str, alt: str) -> str:
            if figure not in drawings:
                raise PressError(f"{name} has no drawing {figure}")
            return image(drawings[figure], alt)

        return Chapter(
            name,
            glued=glued_texts(page),
            labels=self.labels,
            references=self.references,
            titles=self.titles,
            draw=draw,
        )


def image(svg: str, alt: str) -> str:
    """An image with the drawing in it."""
    drawing = base64.b64encode(svg.encode()).decode()
    return f'<img alt="{escape(alt)}" src="data:image/svg+xml;base64,{drawing}">'


def glued_texts(notebook: nbformat.NotebookNode) -> Mapping[str, str]:
    """What a chapter glued or recorded under a name, as plain text."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return {o.metadata["scrapbook"]["name"]: o.data[TEXT] for o in outputs if TEXT in o.get("data", {})}
