"""One figure as files: the drawing as its page shows it, the numbers in it, and where it comes from."""

import base64
import csv
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import nbformat
from rich.console import Console

from linearlens.figures.export import MIME
from linearlens.ledger import load_claims
from linearlens.press.chapter.errors import PressError
from linearlens.press.chapter.files import aside
from linearlens.press.chapter.freshness import Executed, hash_bytes
from linearlens.press.chapter.notebooks import Edition, expected_seconds
from linearlens.press.chapter.outputs import figures_of
from linearlens.press.chapter.provenance import commit_of_checkout
from linearlens.press.evidence.full_pages import pixels
from linearlens.press.pages.figure_index import Shown, choose_figure
from linearlens.press.running.chapters import run_chapters

DOTS_PER_INCH = 300  # of a PNG; the others have no pixels
COLUMNS = (
    *("axes", "row", "column", "title", "xlabel", "ylabel", "xscale", "yscale", "xleft", "xright", "ybottom", "ytop"),
    *("series", "kind", "label", "name", "x", "y", "width", "height", "value", "fractions"),
    *("color", "fill", "marker", "line", "hatch", "colormap", "low", "high", "meaning"),
)


def seconds_to_make(figure: Shown, edition: Edition) -> float | None:
    """What running its chapter takes, from its last run or its own promise; 0 if it is fresh."""
    executed = Executed(figure.chapter, edition)
    if executed.trouble() is None:
        return 0.0
    if (stamp := executed.stamp()) is not None:
        return stamp["wall_seconds"]
    return expected_seconds(figure.chapter, edition.profile)


def make_figure(
    name: str, edition: Edition, *, output: Path | None, data: Path | None, command: str, console: Console
) -> list[Path]:
    """Run the chapter of a figure if it is stale, then write the figure as the page shows it.

    Parameters
    ----------
    name : str
        An id of `catalogue`.
    edition : Edition
    output : Path, optional
        Ends in ``.svg``, ``.pdf`` or ``.png``; the id with ``.svg`` here by default.
    data : Path, optional
        Ends in ``.csv`` or ``.json``; what the figure shows is written there.
    command : str
        What was asked for, for the record.
    console : rich Console

    Returns
    -------
    list of Path
        What was written: the figure, its provenance beside it, and its data.

    Raises
    ------
    PressError
        If there is no such figure, kind of file or folder, or the chapter fails. Nothing is written then.
    """
    figure = choose_figure(name)
    output = output or Path(f"{name}.svg")
    _check_target(output, DRAWINGS)
    if data is not None:
        _check_target(data, TABLES)
    run_chapters([figure.chapter], edition, jobs=1, force=False, console=console)
    executed = Executed(figure.chapter, edition)
    if (notebook := executed.read()) is None:
        raise PressError(f"{executed.path} has gone meanwhile; try again")
    if (bundle := figures_of(executed.page()).get(name)) is None:
        raise PressError(f"{figure.chapter} ran, but showed no figure {name}; is `use_style()` in its first cell?")
    written = {output: DRAWINGS[output.suffix](bundle), output.with_suffix(".provenance.json"): b""}
    if data is not None:
        written[data] = TABLES[data.suffix](bundle[MIME]).encode()
    files = {path.name: hash_bytes(content) for path, content in written.items() if content}
    record = {"command": command, **_provenance(figure, notebook), "files": files}
    written[output.with_suffix(".provenance.json")] = (json.dumps(record, indent=1) + "\n").encode()
    # The record goes first and comes last: whatever stands beside one belongs to it.
    record_path = output.with_suffix(".provenance.json")
    record_path.unlink(missing_ok=True)
    for path in sorted(written, key=lambda path: path == record_path):
        with aside(path) as draft:
            draft.write_bytes(written[path])
    return list(written)


def _check_target(path: Path, kinds: Mapping[str, Any]) -> None:
    if path.suffix not in kinds:
        raise PressError(f"{path} should end in one of {', '.join(kinds)}")
    if not path.parent.is_dir():
        raise PressError(f"there is no folder {path.parent}; make it first")


def _provenance(figure: Shown, notebook: nbformat.NotebookNode) -> dict[str, Any]:
    run = notebook.metadata["linearlens_run"]
    kept = ("chapter", "profile", "seed", "commit", "dirty", "cpu_seconds", "python", "versions", "sources")
    values = {item["id"]: item["value"] for item in run["records"]}
    claims = load_claims()
    supports = [{"id": c, "says": claims[c].says, "measured": values.get(c)} for c in figure.claims]
    return {
        "figure": figure.id,
        "answers": figure.answers,
        "caption": figure.caption,
        **{name: run[name] for name in kept},
        "written_at": commit_of_checkout(),
        "claims": supports,
    }


# Kinds of files.


def _csv(series: list[dict[str, Any]]) -> str:
    """One row a point; what is the same for a whole series is repeated."""
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    for number, one in enumerate(series):
        lists = {name: value for name, value in one.items() if isinstance(value, list)}
        shared = {name: value for name, value in one.items() if name not in lists} | {"series": number}
        for point in zip(*lists.values(), strict=True):
            table.writerow(shared | dict(zip(lists, point, strict=True)))
    return text.getvalue()


DRAWINGS: dict[str, Callable[[Mapping[str, Any]], bytes]] = {
    ".svg": lambda bundle: "".join(bundle["image/svg+xml"]).encode(),
    ".pdf": lambda bundle: base64.b64decode(bundle["application/pdf"]),
    ".png": lambda bundle: pixels(base64.b64decode(bundle["application/pdf"]), "png", DOTS_PER_INCH),
}
TABLES: dict[str, Callable[[list[dict[str, Any]]], str]] = {
    ".csv": _csv,
    ".json": lambda series: json.dumps(series, indent=1) + "\n",
}
