"""Texts and labels from the columns of a table."""

import io
from collections.abc import Sequence
from pathlib import Path

from linearlens.datasets._files import read_text, rows_of

SEPARATORS = ",;\t"
KNOWN = {"0": 0, "0.0": 0, "neg": 0, "negative": 0, "1": 1, "1.0": 1, "pos": 1, "positive": 1}


def read_text_table(
    path: Path,
    *,
    text: str | int | None,
    label: str | int | None,
    classes: tuple[str, str] | None,
    encoding: str,
) -> list[list[str]]:
    """The texts of each class, as `read_corpus` says.

    Raises
    ------
    ValueError
        If with each of the separators rows differ in length, or the columns or labels cannot be told; if there is
        more than one separator with which they can.
    """
    content = read_text(path, encoding=encoding)
    numbers = KNOWN if classes is None else {name.strip().lower(): number for number, name in enumerate(classes)}
    if classes is not None and len(numbers) != 2:
        raise ValueError(f"classes must be two different labels, negative first, got {classes}")
    found, errors = {}, {}
    for separator in SEPARATORS:
        try:
            rows = [*rows_of(path, io.StringIO(content, newline=""), separator)]
            found[separator] = _by_class(path, rows, text, label, numbers)
        except ValueError as error:
            errors[separator] = error
    if len(found) > 1:
        raise ValueError(
            f"{path}: its cells may be separated by any of {[*found]}; write it with tabs or quotation marks"
        )
    if not found:
        raise errors[max(SEPARATORS, key=content.partition("\n")[0].count)]
    return found.popitem()[1]


def _by_class(
    path: Path,
    rows: Sequence[tuple[int, list[str]]],
    text: str | int | None,
    label: str | int | None,
    numbers: dict[str, int],
) -> list[list[str]]:
    columns = [*zip(*(row for _, row in rows), strict=True)]
    if len(columns) < 2:
        raise ValueError(f"{path} needs a column of texts and one of labels, got {len(columns)}")
    header = [column[0].strip() for column in columns]
    shown = ", ".join(name for name in numbers if not name.endswith(".0"))
    labels = [[numbers.get(cell.strip().lower()) for cell in column] for column in columns]
    if label is None:
        fit = [place for place, column in enumerate(labels) if {*column[1:]} == {0, 1}]
        place = _only(
            path,
            fit,
            header,
            f"columns hold both of two labels ({shown}) and nothing else",
            'say label=…, its name or place, and classes=…, for instance ("bad", "good")',
        )
    else:
        place = _place(path, header, label)
    is_header = labels[place][0] is None
    for (line, row), number in [*zip(rows, labels[place], strict=True)][is_header:]:
        if number is None:
            raise ValueError(
                f"{path}, line {line}: the label must be one of {shown}, got {row[place]!r}; leave the "
                'text out, or say classes=…, for instance ("bad", "good")'
            )
    others = [other for other in range(len(columns)) if other != place]
    words = (
        _place(path, header, text)
        if text is not None
        else _only(path, others, header, "columns stand beside the labels", "say text=…, its name or place")
    )
    if words == place:
        raise ValueError(f"{path}: texts and labels cannot be the same column, {header[place]!r}")
    pairs = [*zip(columns[words], labels[place], strict=True)][is_header:]
    return [[one for one, number in pairs if number == wanted] for wanted in (0, 1)]


def _place(path: Path, header: list[str], column: str | int) -> int:
    """The place of a column."""
    if isinstance(column, int) and -len(header) <= column < len(header):
        return column % len(header)
    if header.count(str(column)) == 1 and isinstance(column, str):
        return header.index(column)
    raise ValueError(f"{path} has no single column {column!r}; its first row is {_shown(header)}")


def _only(path: Path, places: list[int], header: list[str], what: str, ask: str) -> int:
    if len(places) != 1:
        raise ValueError(f"{path}: {len(places)} {what}; {ask}; its first row is {_shown(header)}")
    return places[0]


def _shown(header: list[str]) -> str:
    return ", ".join(repr(name[:40]) for name in header[:8])
