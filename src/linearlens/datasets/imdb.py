"""The Large Movie Review Dataset (IMDB)."""

import numpy as np

from linearlens.datasets._dataset import Reviews
from linearlens.datasets.registry import fetch
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
