"""What a full run showed, kept beside its numbers: figures and tables, for the pages to show without running it.

A folder a chapter. The kept run lists its files with their hashes: a figure that was changed, or belongs to another
run, is told from its own.
"""

import base64
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from linearlens.ledger import texts_of
from linearlens.press.chapter.errors import PressError
from linearlens.press.chapter.files import aside
from linearlens.press.chapter.freshness import hash_bytes
from linearlens.press.chapter.outputs import figures_of, tables_of

if TYPE_CHECKING:
    from nbformat import NotebookNode

LARGEST_DRAWING = 250_000  # bytes of SVG; what has more lines than that is kept as pixels
DOTS_PER_INCH = 150
TABLES = "tables.json"


@dataclass(frozen=True)
class FullPage:
    """What the page of a chapter shows of its full run.

    Parameters
    ----------
    values : mapping of str to float
        Recorded numbers, by the name the text shows them under.
    figures : mapping of str to Path
        By id; empty if they are drawn otherwise today. A slider is an ``.html``.
    tables : mapping of str to str
        HTML by the id of the cell that shows it.
    run : mapping
        The kept run.
    """

    values: Mapping[str, float]
    figures: Mapping[str, Path]
    tables: Mapping[str, str]
    run: Mapping[str, Any]


def shown_files(notebook: "NotebookNode") -> dict[str, bytes]:
    """The files to keep of an executed chapter, by name."""
    files = dict(_file(name, forms) for name, forms in figures_of(notebook).items())
    return {**files, TABLES: (json.dumps(tables_of(notebook), indent=1, ensure_ascii=False) + "\n").encode()}


def _file(name: str, forms: Mapping[str, Any]) -> tuple[str, bytes]:
    if "text/html" in forms:
        return f"{name}.html", "".join(forms["text/html"]).encode()
    drawing = "".join(forms["image/svg+xml"]).encode()
    if len(drawing) <= LARGEST_DRAWING:
        return f"{name}.svg", drawing
    return f"{name}.webp", pixels(base64.b64decode(forms["application/pdf"]), "webp", DOTS_PER_INCH)


def pixels(pdf: bytes, kind: str, dots_per_inch: int) -> bytes:
    """The first page of a PDF as an image of that kind."""
    import pypdfium2

    buffer = io.BytesIO()
    document = pypdfium2.PdfDocument(pdf)
    image = document[0].render(scale=dots_per_inch / 72).to_pil()
    image.save(buffer, format=kind, dpi=(dots_per_inch,) * 2)
    document.close()
    return buffer.getvalue()


def keep_files(folder: Path, files: Mapping[str, bytes]) -> dict[str, str]:
    """Write the files in place of the folder; their hashes, by name."""
    with aside(folder) as draft:
        draft.mkdir()
        for name, content in files.items():
            (draft / name).write_bytes(content)
    return {name: hash_bytes(content) for name, content in sorted(files.items())}


def read_page(run: Mapping[str, Any], folder: Path, *, drawn_today: bool) -> FullPage:
    """What to show of a kept run.

    Parameters
    ----------
    run : mapping
    folder : Path
        Where its files lie.
    drawn_today : bool
        Whether figures would be drawn in the same way today.

    Raises
    ------
    PressError
        If a file is not the one that was kept.
    """
    kept = run.get("shown", {})
    for name, digest in kept.items():
        path = folder / name
        if not path.is_file() or hash_bytes(path.read_bytes()) != digest:
            raise PressError(
                f"{path} is not as it was kept; get it back with git, or run: "
                f"linearlens run {run['chapter']} --profile full --force"
            )
    figures = {Path(name).stem: folder / name for name in kept if name != TABLES} if drawn_today else {}
    tables = json.loads((folder / TABLES).read_text(encoding="utf-8")) if TABLES in kept else {}
    values = [text for item in run["records"] for text in texts_of(item["id"], item["value"])]
    return FullPage(dict(values), figures, tables, run)
