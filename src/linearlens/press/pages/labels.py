"""Numbers of figures, equations and exercises, as the book counts them: through all chapters."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat

from linearlens.paths import BOOK, ROOT
from linearlens.press.pages.browser import reading_order

LABELLED = re.compile(
    r"^(?:`{3,}|:{3,})\{(?P<kind>math|figure|glue:figure|exercise)\}[^\n]*\n(?P<options>(?::[\w-]+:[^\n]*\n)*)", re.M
)
KINDS = {"math": "eq", "figure": "fig", "glue:figure": "fig", "exercise": "ex"}
SHOWN = {"eq": "", "fig": "Fig.", "ex": "Exercise"}


@dataclass(frozen=True)
class Label:
    """What a label names; `kind` is eq, fig or ex."""

    kind: str
    number: int
    chapter: str

    @property
    def shown(self) -> str:
        """The word before the number."""
        return SHOWN[self.kind]


def labels_of_book() -> dict[str, Label]:
    """Labels of all pages, counted in the order of the table of contents."""
    found: dict[str, Label] = {}
    counts: Counter[str] = Counter()
    for page in reading_order():
        if page.startswith("assignments/"):
            continue  # what is labelled there is not referred to
        path = (ROOT if page.startswith("notebooks/") else BOOK) / page
        for kind, name in _labels_of(path):
            counts[kind] += 1
            found[name] = Label(kind, counts[kind], path.name)
    return found


def _labels_of(page: Path) -> Iterator[tuple[str, str]]:
    """Kind and name of each label of a page, given without its ending."""
    source = page.with_name(f"{page.name}.ipynb")
    if not source.is_file():
        yield from _labelled(page.with_name(f"{page.name}.md").read_text(encoding="utf-8"))
        return
    for cell in nbformat.read(source, as_version=4).cells:
        if cell.cell_type == "markdown":
            yield from _labelled(cell.source)
        elif figure := cell.metadata.get("mystnb", {}).get("figure"):
            yield "fig", figure["name"]


def _labelled(text: str) -> Iterator[tuple[str, str]]:
    for match in LABELLED.finditer(text):
        options = dict(re.findall(r"^:([\w-]+): (.*)$", match["options"], re.M))
        name = options.get("label") or options.get("name")
        if name or match["kind"] != "math":  # equations without a label have no number
            yield KINDS[match["kind"]], name or ""
