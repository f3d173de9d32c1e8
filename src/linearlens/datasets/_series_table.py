"""Numbers and labels of a table of series, whichever signs it is written with; what is ambiguous is refused."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from linearlens.datasets._files import read_text, rows_of

LARGEST = float(np.finfo(np.float32).max)
NAMES_OF_LABELS = {"label", "labels", "class", "target", "y"}
SKIPPED = ("#", "sep=")  # the second is for Excel
EMPTY = "holds no series; write one a line: a label, then its values, with commas between"
MOST_LABELS = 60  # of the sets in the UCR archive
BLANK = re.compile(r"[\d.]\s+[-+.\d]")  # between two numbers, with no comma
# No thousands are grouped so: a comma after a lone 0 or four digits, or with other than three digits behind it.
DECIMAL_COMMA = re.compile(r"(?<![\d,])0*,|\d{4},|,(?!\d{3}(?!\d))")
ZERO_BEHIND_AN_END = (re.compile(r"^[^\t]*\t0+\t"), re.compile(r"\t0+$"))


@dataclass(frozen=True)
class Table:
    """Cells of a file, tabs between them, and where each row stood.

    Parameters
    ----------
    path : path
    names : list of str
        The header, or nothing.
    rows : list of str
    lines : list of int
        The line of each row.
    """

    path: str | Path
    names: list[str]
    rows: list[str]
    lines: list[int]


def read_table(path: str | Path, *, encoding: str) -> tuple[Table, str]:
    """The rows of a file, and the sign that separated their cells: a comma, semicolon, tab or blank."""
    text = read_text(path, encoding=encoding)
    lines = ["" if line.startswith(SKIPPED) else line for line in text.split("\n")]
    if not (full := [line.strip() for line in lines if line.strip(" ,;\t")]):
        raise ValueError(f"{path} {EMPTY}")
    one = full[len(full) // 2]  # headers and footers may hold other signs
    separator = next((sign for sign in ";\t" if sign in one), " " if BLANK.search(one) or "," not in one else ",")
    if separator == " ":
        lines = [" ".join(line.split()) for line in lines]
    found = [(line, "\t".join(map(str.strip, row))) for line, row in rows_of(path, lines, separator)]
    rows = [row for _, row in found]
    is_header = _is_header(path, rows)
    if len(rows) == is_header:
        raise ValueError(f"{path} {EMPTY}")
    names = rows[0].split("\t") if is_header else []
    return Table(path, names, rows[is_header:], [line for line, _ in found][is_header:]), separator


def _is_header(path: str | Path, rows: Sequence[str]) -> bool:
    cells = rows[0].split("\t")
    words = [place for place, cell in enumerate(cells) if not _is_number(cell)]
    numbers = [cell for cell in cells if _is_number(cell)]
    if not words:
        if len(numbers) > 2 and any(numbers == [str(i + start) for i in range(len(numbers))] for start in (0, 1)):
            raise ValueError(
                f"{path}: the first row only counts {', '.join(numbers[:3])}, …; if it is a header, delete it or name "
                "the column of labels in it"
            )
        return False
    times = np.array([float(number.replace(",", ".")) for number in numbers])
    if numbers and (len(numbers) < 3 or not (np.diff(times) > 0).all()):
        return False
    return all(row.split("\t")[words[0]] != cells[words[0]] for row in rows[1:] if row != rows[0])


def _is_number(cell: str) -> bool:
    return bool(re.fullmatch(r"[-+]?(\d+[.,]?\d*|[.,]\d+)(e[-+]?\d+)?", cell, re.IGNORECASE))


def decimal_sign(table: Table, separator: str) -> str:
    """The decimal sign, a point or a comma.

    Raises
    ------
    ValueError
        If it could be either.
    """
    commas = [row for row in table.rows if "," in row]
    has_point = any("." in row for row in table.rows)
    ask = 'say decimal="," or decimal="."'
    if commas and has_point:
        raise ValueError(f"{table.path}: there are commas and points in its numbers; {ask}")
    if commas and not any(DECIMAL_COMMA.search(row) for row in commas):
        raise ValueError(f"{table.path}: the commas in its numbers may be decimal signs or group thousands; {ask}")
    if separator == "," and not commas and not has_point and _may_be_halves(table.rows):
        raise ValueError(
            f"{table.path}: all numbers are whole and there are commas between them; if the commas are decimal signs "
            'too, write another separator; if whole numbers are meant, say decimal="."'
        )
    return "," if commas else "."


def _may_be_halves(rows: Sequence[str]) -> bool:
    """Whether cells may be what stands before and behind decimal commas: pairs, beside a label such as 1 or 1,0."""
    even = rows[0].count("\t") % 2
    label_is_a_pair = any(all(pattern.search(row) for row in rows) for pattern in ZERO_BEHIND_AN_END)
    return label_is_a_pair if even else "\t" in rows[0]


def parse(table: Table, decimal: str) -> pd.DataFrame:
    """Columns as numbers where all their cells are finite numbers, else as text."""
    separated = io.StringIO("\n".join(table.rows))
    return pd.read_csv(
        separated, sep="\t", decimal=decimal, header=None, quoting=csv.QUOTE_NONE, na_filter=False, low_memory=False
    )


def as_numbers(table: Table, columns: pd.DataFrame, decimal: str) -> np.ndarray:
    """The columns as float64.

    Raises
    ------
    ValueError
        If a cell is not a number that float32 can hold; the message names line and column.
    """
    signs = {} if decimal == "." else str.maketrans({",": ".", ".": "?"})
    values = np.empty(columns.shape)
    for place, name in enumerate(columns):
        column = columns[name]
        if not pd.api.types.is_numeric_dtype(column) or column.dtype == bool:
            column = pd.to_numeric(column.astype(str).str.translate(signs), errors="coerce")
        values[:, place] = column
    holes = ~(np.abs(values) <= LARGEST)
    if holes.any():
        row, place = np.argwhere(holes)[0]
        column = columns.columns[place]
        cell = table.rows[row].split("\t")[column]
        came = repr(cell) if cell else "nothing"
        raise ValueError(
            f"{table.path}, line {table.lines[row]}, column {column + 1}: need a number, {came} came; fill "
            "the hole or leave the series out"
        )
    return values


def labels_of(column: pd.Series) -> np.ndarray:
    """Labels as text: numbers as short as they can be, words in small letters."""
    words = column.astype(str).str.strip().str.lower()
    numbers = pd.to_numeric(words, errors="coerce")
    return np.array([word if np.isnan(x) else f"{x:.15g}" for x, word in zip(numbers, words, strict=True)])


def find_labels(
    table: Table, columns: pd.DataFrame, *, label: str | int | None, normal: str | float | None
) -> tuple[int, np.ndarray]:
    """The place of the column of labels, and for each row whether it is normal.

    Raises
    ------
    ValueError
        If the column or the label of the normal series can only be guessed.
    """
    width = columns.shape[1]
    ends = dict.fromkeys((0, width - 1)) if (said := _said(table, width, label)) is None else [said]
    labels = {place: labels_of(columns[place]) for place in ends}
    wanted = None if normal is None else str(labels_of(pd.Series([normal]))[0])
    found = {place: name for place in ends if (name := _normal_of(set(labels[place]), wanted))}
    sure = {place: name for place, name in found.items() if len(set(labels[place])) > 1} or found
    if len(sure) == 1:
        ((place, name),) = sure.items()
        return place, labels[place] == name
    if sure:
        raise ValueError(f"{table.path}: the first column and the last may hold the labels; say label=0 or label=-1")
    holds = "; ".join(f"column {place + 1} holds {_kinds(table, labels[place])}" for place in ends)
    raise ValueError(
        f"{table.path}: which label is normal? 0 beside 1 would be, or False beside True, or the word normal beside "
        f"other words, in the first column or the last; {holds}; say normal=…, the label of the normal series, and "
        "label=…, the name of the column of labels or its place, counted from 0"
    )


def _said(table: Table, width: int, label: str | int | None) -> int | None:
    if isinstance(label, int):
        if -width <= label < width:
            return label % width
        raise ValueError(f"{table.path} has {width} columns; need a label from {-width} to {width - 1}, got {label}")
    wanted = NAMES_OF_LABELS if label is None else {label.lower()}
    named = [place for place, name in enumerate(table.names) if name.lower() in wanted]
    if len(named) > 1 or (label is not None and not named):
        raise ValueError(
            f"{table.path}: {len(named)} columns are called {' or '.join(sorted(wanted))}; say label=…, the place of "
            f"the column of labels, counted from 0; its header is {', '.join(table.names[:5]) or 'missing'}"
        )
    return named[0] if named else None


def _normal_of(kinds: set[str], wanted: str | None) -> str | None:
    """Which of the labels is that of normal series; None if these are no labels or none is known to be."""
    if wanted is not None:
        return (
            wanted if wanted in kinds and len(kinds) <= MOST_LABELS and not any("." in kind for kind in kinds) else None
        )
    words_only = not any(_is_number(kind) or not kind for kind in kinds)
    known = {"0": kinds <= {"0", "1"}, "false": kinds <= {"false", "true"}, "normal": "normal" in kinds and words_only}
    return next((name for name, is_so in known.items() if is_so), None)


def _kinds(table: Table, labels: np.ndarray) -> str:
    kinds, first, counts = np.unique(labels, return_index=True, return_counts=True)
    if len(kinds) > MOST_LABELS:
        return f"{len(kinds)} different values"
    rarest = int(counts.argmin())
    listed = ", ".join([*map(repr, map(str, kinds[:5])), *["…"][: len(kinds) > 5]])
    return f"{listed} ({str(kinds[rarest])!r} first in line {table.lines[first[rarest]]})"
