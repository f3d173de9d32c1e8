"""Series for anomaly detection: ECG5000, and a reader's own."""

import csv
import math
from pathlib import Path

import numpy as np

from linearlens.datasets._dataset import Series
from linearlens.datasets.registry import fetch
from linearlens.datasets.text import read_utf8

TRAIN_SHARE, VALIDATION_SHARE = 0.85, 0.1005  # of the normal series; the rest is kept for testing
MIN_VALIDATION = 10
MIN_NORMAL = math.ceil(MIN_VALIDATION / VALIDATION_SHARE)
LARGEST = float(np.finfo(np.float32).max)


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


def read_series(path: str | Path, *, seed: int = 0) -> Series:
    """Series of your own from a CSV file, split as ECG5000 is.

    Parameters
    ----------
    path : path
        One series a line, no header: a label (0 for normal, 1 for anomalous), then its values, with commas
        between. Empty lines are skipped.
    seed : int
        Seeds the split of the normal series.

    Returns
    -------
    Series
        Values as they are in the file, float32.

    Raises
    ------
    ValueError
        If the file is not UTF-8, lines differ in length, a value is missing or not a number (the message
        names line and column), a label is neither 0 nor 1, or there are fewer than 100 normal series (so that
        10 are for validation), none anomalous, or fewer than two values a series.
    """
    cells = _cells(Path(path))
    numbers = np.array([_numbers(path, line, row) for line, row in cells.items()])
    labels, values = numbers[:, 0], numbers[:, 1:].astype(np.float32)
    for line, label in zip(cells, labels, strict=True):
        if label not in (0, 1):
            raise ValueError(f"{path}, line {line}: the label must be 0 (normal) or 1 (anomalous), got {label:g}")
    n_normal = int((labels == 0).sum())
    if n_normal < MIN_NORMAL or n_normal == len(labels) or values.shape[1] < 2:
        raise ValueError(
            f"{path}: need at least {MIN_NORMAL} normal series (so that {MIN_VALIDATION} are for validation), one "
            f"anomalous and two values a series, got {n_normal} normal, {len(labels) - n_normal} anomalous and "
            f"{values.shape[1]} values"
        )
    return _split(Path(path).stem, values[labels == 0], values[labels == 1], seed)


def _cells(path: Path) -> dict[int, list[str]]:
    """What stands in each line that is not empty, by the number of the line; all have one length."""
    rows = enumerate(csv.reader(read_utf8(path).splitlines()), 1)
    cells = {line: row for line, row in rows if "".join(row).strip()}
    if not cells:
        raise ValueError(f"{path} holds no series; write one a line: a label, then its values, with commas between")
    first, width = next((line, len(row)) for line, row in cells.items())
    for line, row in cells.items():
        if len(row) != width:
            raise ValueError(
                f"{path}, line {line}: {len(row)} columns came, but line {first} has {width}; cut or fill the series "
                "to one length"
            )
    return cells


def _numbers(path: str | Path, line: int, row: list[str]) -> list[float]:
    numbers = []
    for column, cell in enumerate(row, 1):
        try:
            number = math.nan if "_" in cell else float(cell)  # Python would read 1_000 as 1000
        except ValueError:
            number = math.nan
        if not abs(number) <= LARGEST:
            came = repr(cell) if cell.strip() else "nothing"
            raise ValueError(
                f"{path}, line {line}, column {column}: need a number, {came} came; fill the hole or leave the series "
                "out"
            )
        numbers.append(number)
    return numbers


def _split(name: str, normal: np.ndarray, anomalous: np.ndarray, seed: int) -> Series:
    order = np.random.default_rng(seed).permutation(len(normal))
    n_train = int(TRAIN_SHARE * len(normal))
    n_validation = int(VALIDATION_SHARE * len(normal))
    train, validation, test = np.split(normal[order], [n_train, n_train + n_validation])
    return Series(name, train, validation, test, anomalous)
