"""MNIST from its official files."""

import gzip
from pathlib import Path

import numpy as np

from linearlens.datasets._dataset import Dataset
from linearlens.datasets.registry import fetch


def load_mnist() -> Dataset:
    """MNIST, 60,000 training and 10,000 test images; downloaded with a checksum on first use.

    Returns
    -------
    Dataset
        Inputs of shape (n_samples, 784), grey values from 0 to 1.

    Raises
    ------
    DataError
        If a file is missing and cannot be fetched, or has a wrong checksum.
    """
    train_x, train_y, test_x, test_y = (_read_idx(path) for path in fetch("mnist"))
    return Dataset("mnist", train_x.reshape(-1, 784) / 255, train_y, test_x.reshape(-1, 784) / 255, test_y)


def _read_idx(path: Path) -> np.ndarray:
    with gzip.open(path) as file:
        content = file.read()
    n_axes = content[3]
    shape = np.frombuffer(content, ">i4", count=n_axes, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * n_axes).reshape(shape).copy()
