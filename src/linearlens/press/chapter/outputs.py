"""What an executed chapter shows: figures by their id, and the other outputs of its cells."""

import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from linearlens.figures.export import MIME as FIGURE

if TYPE_CHECKING:
    from nbformat import NotebookNode

GLUED = re.compile(
    r"^(`{3,})\{glue:figure\} (?P<glue>\S+)\n(?P<options>(?::[^\n]*\n)*)\n?(?P<caption>.*?)\n\1$", re.S | re.M
)
TERMINAL = re.compile(r"\x1b\[[0-9;]*m")  # colours


def shown_by(cell: "NotebookNode") -> Mapping[str, str] | None:
    """Name and caption of the figure a cell shows; one with a slider, which myst-nb does not caption, has its own."""
    return next((f for key in ("mystnb", "linearlens") if (f := cell.metadata.get(key, {}).get("figure"))), None)


def options_of(glued: re.Match) -> dict[str, str]:
    """The options of a directive that shows a glued figure, such as its name."""
    return dict(re.findall(r"^:(\w+): (.*)$", glued["options"], re.M))


def bundles_of(output: Mapping[str, Any]) -> tuple[str | None, dict[str, Any]]:
    """The name an output was glued under, if it was, and its forms by kind."""
    glued = output.get("metadata", {}).get("scrapbook", {})
    prefix = glued.get("mime_prefix", "")
    return glued.get("name"), {kind.removeprefix(prefix): form for kind, form in output.get("data", {}).items()}


def figures_of(notebook: "NotebookNode") -> dict[str, dict[str, Any]]:
    """All forms of each figure that the page of an executed chapter shows, by the figure's id."""
    glued: dict[str | None, dict[str, Any]] = {}
    found: dict[str, dict[str, Any]] = {}
    for cell in notebook.cells:
        forms = [bundles_of(output) for output in cell.get("outputs", [])]
        glued |= {name: bundle for name, bundle in forms if name and FIGURE in bundle}
        if cell.cell_type == "code" and (figure := shown_by(cell)):
            found |= dict.fromkeys([figure["name"]], next((b for name, b in forms if not name and FIGURE in b), {}))
    text = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    for match in GLUED.finditer(text):
        if match["glue"] in glued:
            found[options_of(match)["name"]] = glued[match["glue"]]
    return {name: bundle for name, bundle in found.items() if bundle}


def tables_of(notebook: "NotebookNode") -> dict[str, str]:
    """What cells print or return, figures and records aside, as HTML by the id of the cell; without formatting."""
    return {cell.id: html for cell in notebook.cells if (html := "\n".join(_tables(cell)))}


def is_table(output: Mapping[str, Any]) -> bool:
    """Whether an output is printed or returned: no figure, no record, no failure."""
    if output["output_type"] == "stream":
        return output["name"] == "stdout"
    name, forms = bundles_of(output)
    return name is None and FIGURE not in forms and bool({"text/html", "text/plain"} & set(forms))


def _tables(cell: "NotebookNode") -> Iterator[str]:
    for output in filter(is_table, cell.get("outputs", [])):
        forms = {"text/plain": output.text} if output["output_type"] == "stream" else output.data
        if "text/html" in forms:
            yield "".join(forms["text/html"])
        else:
            yield f"<pre>{escape(TERMINAL.sub('', ''.join(forms['text/plain'])), quote=False)}</pre>"
