"""Series for anomaly detection: ECG5000, and a reader's own."""

import math
from pathlib import Path

import numpy as np

from linearlens.datasets._dataset import Series
from linearlens.datasets._repeats import warn_of_repeats
from linearlens.datasets.registry import fetch

TRAIN_SHARE, VALIDATION_SHARE = 0.85, 0.1005  # of the normal series; the rest is kept for testing
MIN_VALIDATION = 10
MIN_NORMAL = math.ceil(MIN_VALIDATION / VALIDATION_SHARE)
COARSE = 1e-3  # of its range: by how much float32 may round a series


def load_ecg5000(*, seed: int = 0) -> Series:
    """ECG5000, 5,000 heartbeats of one patient, in the shares of Naiman and Azencot (2023).

    Of the 2,919 normal beats 85 % are for training, 10.05 % for validation and 4.95 % for testing; all
    2,081 others are anomalous. Downloaded with a checksum on first use.

    Parameters
    ----------
    seed : int
        Seeds the split of the normal beats.

    Returns
    -------
    Series
        Beats of shape (n_beats, 140), float32.

    Raises
    ------
    DataError
        If the files are missing and cannot be fetched, or have a wrong checksum.
    """
    table = np.concatenate([np.loadtxt(path, dtype=np.float32) for path in fetch("ecg5000")])
    is_normal = table[:, 0] == 1
    return _split("ECG5000", table[is_normal, 1:], table[~is_normal, 1:], seed)


def read_series(
    path: str | Path,
    *,
    label: str | int | None = None,
    normal: str | float | None = None,
    decimal: str | None = None,
    encoding: str = "utf-8",
    seed: int = 0,
) -> Series:
    """Series of your own from a table, split as ECG5000 is.

    Parameters
    ----------
    path : path
        One series a line, its label in the first or the last column: a CSV file with commas, semicolons, tabs
        or blanks between cells, with a header or without; the text files of the UCR archive are such. May be
        packed by gzip. Lines that are empty or begin with ``#`` or Excel's ``sep=`` are skipped.
    label : str or int, optional
        The column of labels: its name in the header, or its place counted from 0 (-1: the last). By itself
        found are the names label, labels, class, target and y, and a first or last column that alone can be it.
    normal : str or number, optional
        The label of the normal series; all others are anomalous. Known are 0 beside 1, False beside True and
        ``normal`` beside other words. Files of the UCR archive do not say it: of ECG5000 it is 1.
    decimal : "." or ",", optional
        The decimal sign, where the file does not tell.
    encoding : str
        Of the file, for instance cp1252; UTF-16 that begins with its mark is read, whatever this is.
    seed : int
        Seeds the split of the normal series.

    Returns
    -------
    Series
        Values as they are in the file, float32.

    Raises
    ------
    ValueError
        If the file can be read in two ways (the message says by what it is decided), lines differ in length, a
        value is missing or not a number (the message names line and column), a column counts the lines, float32
        is too coarse for a series, or there are fewer than 100 normal series (so that 10 are for validation),
        none anomalous, or fewer than two values a series.

    Warns
    -----
    UserWarning
        If a series stands in the file more than once, so that training has seen what tests are made with.
    """
    # pandas, which this imports, is slow to load
    from linearlens.datasets._series_table import as_numbers, decimal_sign, find_labels, parse, read_table

    if decimal not in (None, ".", ","):
        raise ValueError(f'decimal must be "." or ",", got {decimal!r}')
    table, separator = read_table(path, encoding=encoding)
    decimal = decimal or decimal_sign(table, separator)
    columns = parse(table, decimal)
    place, is_normal = find_labels(table, columns, label=label, normal=normal)
    numbers = as_numbers(table, columns.drop(columns=place), decimal)
    n_normal = int(is_normal.sum())
    if n_normal < MIN_NORMAL or is_normal.all() or numbers.shape[1] < 2:
        raise ValueError(
            f"{path}: need at least {MIN_NORMAL} normal series (so that {MIN_VALIDATION} are for validation), one "
            f"anomalous and two values a series, got {n_normal} normal, {len(numbers) - n_normal} anomalous and "
            f"{numbers.shape[1]} values"
        )
    values = _as_float32(path, numbers)
    series = _split(Path(path).stem, values[is_normal], values[~is_normal], seed)
    kept = {"train": series.train, "validation": series.validation, "test": series.normal}
    warn_of_repeats(path, {name: [row.tobytes() for row in part] for name, part in kept.items()}, "series")
    return series


def _as_float32(path: str | Path, numbers: np.ndarray) -> np.ndarray:
    """The numbers in single precision; refused where a column counts the lines, or where rounding would be seen."""
    steps = numbers - np.arange(len(numbers))[:, None]
    if (counting := np.flatnonzero((steps == steps[0]).all(axis=0) & np.isin(steps[0], (0, 1)))).size:
        raise ValueError(
            f"{path}: value {counting[0] + 1} of the series only counts the lines; leave the column out (pandas: "
            "to_csv(index=False))"
        )
    values = numbers.astype(np.float32)
    ranges = np.ptp(numbers, axis=1)
    coarse = (ranges > 0) & (np.abs(values - numbers).max(axis=1) > COARSE * ranges)
    if coarse.any():
        raise ValueError(
            f"{path}: float32 is too coarse for series {int(coarse.argmax()) + 1}, whose values lie near "
            f"{numbers[coarse.argmax()].mean():g} in a range of {ranges[coarse.argmax()]:g}; subtract a constant first"
        )
    return values


def _split(name: str, normal: np.ndarray, anomalous: np.ndarray, seed: int) -> Series:
    order = np.random.default_rng(seed).permutation(len(normal))
    n_train = int(TRAIN_SHARE * len(normal))
    n_validation = int(VALIDATION_SHARE * len(normal))
    train, validation, test = np.split(normal[order], [n_train, n_train + n_validation])
    return Series(name, train, validation, test, anomalous)
