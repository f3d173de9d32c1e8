"""Series for anomaly detection: ECG5000, and a reader's own."""

from pathlib import Path

import numpy as np
import pandas as pd

from linearlens.datasets._dataset import Series
from linearlens.datasets.registry import fetch

TRAIN_SHARE, VALIDATION_SHARE = 0.85, 0.1005  # of the normal series; the rest is kept for testing


def load_ecg5000(*, seed: int = 0) -> Series:
    """ECG5000, 5,000 heartbeats of one patient, in the split of Naiman and Azencot (2023).

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
        One series a line, no header: a label (0 for normal, 1 for anomalous), then its values.
    seed : int
        Seeds the split of the normal series.

    Returns
    -------
    Series

    Raises
    ------
    ValueError
        If a value is missing or not a number (the message names line and column), a label is neither 0
        nor 1, or there are fewer than 20 normal series or none anomalous.
    """
    try:
        table = pd.read_csv(path, header=None, dtype=str, skip_blank_lines=True, encoding="utf-8-sig")
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read as a table: {str(error).strip()}") from error
    numbers = table.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
    if not np.isfinite(numbers).all():
        line, column = np.argwhere(~np.isfinite(numbers))[0]
        found = table.iat[line, column]
        came = "nothing" if not isinstance(found, str) else repr(found)
        raise ValueError(
            f"{path}, line {line + 1}, column {column + 1}: need a number, {came} came; fill the hole or leave the "
            "series out"
        )
    labels, values = numbers[:, 0], numbers[:, 1:].astype(np.float32)
    if not np.isin(labels, (0, 1)).all():
        line = int(np.flatnonzero(~np.isin(labels, (0, 1)))[0])
        raise ValueError(
            f"{path}, line {line + 1}: the label must be 0 (normal) or 1 (anomalous), got {labels[line]:g}"
        )
    n_normal = int((labels == 0).sum())
    if n_normal < 20 or n_normal == len(labels) or values.shape[1] < 2:
        raise ValueError(
            f"{path}: need at least 20 normal series, one anomalous and two values a series, got {n_normal} normal, "
            f"{len(labels) - n_normal} anomalous and {values.shape[1]} values"
        )
    return _split(Path(path).stem, values[labels == 0], values[labels == 1], seed)


def _split(name: str, normal: np.ndarray, anomalous: np.ndarray, seed: int) -> Series:
    order = np.random.default_rng(seed).permutation(len(normal))
    n_train = int(TRAIN_SHARE * len(normal))
    n_validation = int(VALIDATION_SHARE * len(normal))
    train, validation, test = np.split(normal[order], [n_train, n_train + n_validation])
    return Series(name, train, validation, test, anomalous)
