"""Both editions on one page: the papers' scale, kept, and this machine's quick run.

A chapter is staged with both in it: each number of the text, and each printed table, holds the two of them, and what
marks them with a class lets a style sheet show one. The extension of Sphinx does the same for figures.
"""

import re
from collections.abc import Iterator, Mapping

import nbformat
from myst_nb.core.variables import format_plain_text

from linearlens.press.chapter.errors import PressError
from linearlens.press.chapter.outputs import is_table, tables_of
from linearlens.press.chapter.provenance import commit_of_run
from linearlens.press.evidence.full_pages import FullPage

NUMBER = re.compile(r"\{glue:text\}`(?P<name>[^`:]+)(?::(?P<how>[^`]*))?`")
OF_FULL = re.compile(r"^(?P<fence>:{3,})\{edition\} full\n.*?^(?P=fence)$", re.M | re.S)
BETWEEN = " ; "  # the editions of a number; `|` would end a cell of a table
QUICK, FULL = "ed-quick", "ed-full"  # classes; what has neither belongs to both


def in_both(page: nbformat.NotebookNode, quick: Mapping[str, str], full: FullPage | None) -> nbformat.NotebookNode:
    """The page of a chapter with both editions of its numbers and tables, changed in place.

    Parameters
    ----------
    page : NotebookNode
        With the outputs of the quick run.
    quick : mapping of str to str
        What it recorded, by the name the text shows it under. What stands in a passage of the full edition may be
        missing.
    full : FullPage, optional
        What is kept of the full run; without, there is one edition.

    Returns
    -------
    NotebookNode
    """

    def both(match: re.Match) -> str:
        name, how = match["name"], match["how"] or "s"
        of_full = any(start < match.start() < end for start, end in passages)
        measured = name in quick or (of_full and (full is None or name in full.values))
        if not measured:
            raise PressError(f"a page shows {name}, which its last run did not record")
        shown = [format_plain_text(quick[name], how) if name in quick else "not measured"]
        if full is not None:
            shown.append(format_plain_text(repr(full.values[name]), how) if name in full.values else "not measured")
        return f"{{number}}`{BETWEEN.join([name, *shown])}`"

    tables = tables_of(page) if full is not None else {}
    for cell in page.cells:
        passages = [match.span() for match in OF_FULL.finditer(cell.source)]
        if cell.cell_type == "markdown":
            cell.source = NUMBER.sub(both, cell.source)
        elif "figure" in cell.metadata.get("mystnb", {}):  # a slider's caption is text by now
            figure = cell.metadata["mystnb"]["figure"]
            figure["caption"] = NUMBER.sub(both, figure["caption"])
        if full is not None and "figure" in cell.metadata.get("linearlens", {}):
            _slider_in_both(cell, full)
        elif full is not None and (there := full.tables.get(cell.id)) and there != tables.get(cell.id):
            cell.outputs = list(_tables_in_both(cell, tables.get(cell.id, ""), there))
    return page


def _tables_in_both(cell: nbformat.NotebookNode, quick: str, full: str) -> Iterator[nbformat.NotebookNode]:
    """The outputs of the cell with both tables in place of its first."""
    html = f'<div class="{FULL}">{full}</div><div class="{QUICK}">{quick}</div>'
    yield nbformat.v4.new_output("display_data", data={"text/html": html})
    yield from (output for output in cell.outputs if not is_table(output))


def _slider_in_both(cell: nbformat.NotebookNode, full: FullPage) -> None:
    """Both sliders in the output of the cell that shows one."""
    path = full.figures.get(cell.metadata["linearlens"]["figure"]["name"])
    for output in cell.outputs:
        if path is not None and "text/html" in output.get("data", {}):
            there, here = path.read_text(encoding="utf-8"), "".join(output.data["text/html"])
            output.data["text/html"] = f'<div class="{FULL}">{there}</div><div class="{QUICK}">{here}</div>'


def said_of(run: Mapping) -> str:
    """Where the numbers of an edition come from, in words."""
    minutes = run["cpu_seconds"] / 60
    took = f"{minutes:.0f} CPU minutes" if minutes >= 2 else f"{run['cpu_seconds']:.0f} CPU seconds"
    return f"{'kept run, ' if run.get('lent') else ''}seed {run['seed']}, {took}, {commit_of_run(run)}"
