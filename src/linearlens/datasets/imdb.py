"""The Large Movie Review Dataset (IMDB)."""

from functools import lru_cache
from pathlib import Path

import numpy as np

from linearlens.datasets._dataset import Reviews
from linearlens.datasets.registry import data_folder, fetch
from linearlens.datasets.text import CLASSES, split_words


def load_imdb() -> Reviews:
    """IMDB, 25,000 reviews to train and 25,000 to test; downloaded with a checksum on first use.

    Returns
    -------
    Reviews
        In the order of the files: all negative reviews, then all positive ones. The valence of its words is
        not known.

    Raises
    ------
    DataError
        If the archive is missing and cannot be fetched, or its reviews have a wrong checksum.
    """
    (folder,) = fetch("imdb")
    parts = {}
    for part in ("train", "test"):
        files = [
            (file, label)
            for label, name in enumerate(CLASSES)
            for file in sorted((folder / part / name).glob("*.txt"))  # the checksum covers no other
        ]
        texts = [split_words(file.read_text(encoding="utf-8")) for file, _ in files]
        parts[part] = texts, np.array([label for _, label in files])
    return Reviews("IMDB", *parts["train"], *parts["test"])


def draw_imdb(n_reviews: int, *, n_bytes: tuple[int, int], seed: int = 0) -> tuple[list[list[str]], np.ndarray]:
    """Some reviews of IMDB of a certain length, drawn at random from both its parts, and no other is read.

    The first call of a process checks and lists all reviews, which takes seconds; later ones do not.

    Parameters
    ----------
    n_reviews : int
    n_bytes : tuple of two int
        How long the files are: this or more, and less than that.
    seed : int

    Returns
    -------
    texts : list of list of str
        Words and marks, from `split_words`.
    labels : ndarray of shape (n_reviews,)
        1 for praise.

    Raises
    ------
    DataError
        If the archive is missing and cannot be fetched, or its reviews have a wrong checksum.
    ValueError
        If there are not so many of that length.
    """
    least, most = n_bytes
    files = [(file, label) for file, label, size in _listed(data_folder()) if least <= size < most]
    if not 0 < n_reviews <= len(files):
        raise ValueError(
            f"there are {len(files)} reviews of {least} to {most} bytes, got n_reviews={n_reviews}; ask for 1 or "
            "more, and for no more than there are"
        )
    drawn = [files[i] for i in np.random.default_rng(seed).permutation(len(files))[:n_reviews]]
    texts = [split_words(file.read_text(encoding="utf-8")) for file, _ in drawn]
    return texts, np.array([label for _, label in drawn])


@lru_cache(maxsize=1)
def _listed(data: Path) -> list[tuple[Path, int, int]]:
    """All reviews in a folder of data, with label and bytes; checked and listed once per process."""
    (folder,) = fetch("imdb")
    assert folder.is_relative_to(data)
    return [
        (file, label, file.stat().st_size)
        for part in ("train", "test")
        for label, name in enumerate(CLASSES)
        for file in sorted((folder / part / name).glob("*.txt"), key=lambda file: file.name)
    ]
