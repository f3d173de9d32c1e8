"""A reader's own texts in two classes."""

import re
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from linearlens.datasets._dataset import Reviews
from linearlens.datasets._files import read_text
from linearlens.datasets._repeats import warn_of_repeats
from linearlens.datasets._text_table import read_text_table
from linearlens.datasets.text import CLASSES
from linearlens.datasets.words import words_of

DAMAGE = re.compile("\ufffd|â[€\x80]|Ã[\x80-\xbf]")  # something lost; UTF-8 read as cp1252 or latin1
FOLDERS = (CLASSES, ("negative", "positive"))
TABLES = (".csv", ".tsv")


def read_corpus(
    *paths: str | Path,
    text: str | int | None = None,
    label: str | int | None = None,
    classes: tuple[str, str] | None = None,
    test_share: float = 0.2,
    encoding: str = "utf-8",
    seed: int = 0,
) -> Reviews:
    """Texts of your own in two classes, split into words by `words_of`.

    Parameters
    ----------
    *paths : path
        One folder with the folders ``neg`` and ``pos`` (or ``negative`` and ``positive``), a file ``*.txt`` for
        each text; or two text files, the negative texts and the positive ones, a text a line; or one table
        ``*.csv`` or ``*.tsv`` with a column of texts and one of labels, separated by commas, semicolons or tabs.
        Texts without words are left out.
    text, label : str or int, optional
        The columns of a table: names in its header, or places counted from 0. By itself found are a single
        column that holds nothing but the labels of two classes, and a single one beside it.
    classes : two str, optional
        The labels of a table, the negative class first. Known are 0 and 1, neg and pos, negative and positive.
    test_share : float
        Share of the texts of each class kept for testing, between 0 and 1; at least one text is kept for
        testing and one for training.
    encoding : str
        Of all files, for instance cp1252; UTF-16 that begins with its mark is read, whatever this is.
    seed : int
        Seeds the split.

    Returns
    -------
    Reviews
        In both parts the negative texts come first. The valence of words is not known.

    Raises
    ------
    ValueError
        If the paths are none of these, a class has fewer than two texts, a file is in another encoding (the
        message names file and byte), the columns of a table cannot be told, or `test_share` is not between 0
        and 1.

    Warns
    -----
    UserWarning
        If a text stands in the training and in the test part, or in both classes, or if texts were damaged before.
    """
    if not 0 < test_share < 1:
        raise ValueError(f"test_share must be between 0 and 1, got {test_share}")
    files = [Path(path) for path in paths]
    if len(files) == 1 and files[0].is_file() and files[0].suffix.lower() in TABLES:
        raw = read_text_table(files[0], text=text, label=label, classes=classes, encoding=encoding)
    elif (text, label, classes) != (None, None, None):
        raise ValueError(f"text, label and classes are for one table *.csv or *.tsv, got {_listed(paths)}")
    else:
        raw = _from_files(files, encoding)
    if damaged := sum(bool(DAMAGE.search(one)) for many in raw for one in many):
        warnings.warn(
            f"{_listed(paths)}: {damaged} texts hold signs that reading in a wrong encoding leaves, such as \ufffd or "
            "â€™, where an apostrophe or a letter was; read what they were made from",
            stacklevel=2,
        )
    texts = [[words for one in many if (words := words_of(one))] for many in raw]
    for name, found in zip(CLASSES, texts, strict=True):
        if len(found) < 2:
            raise ValueError(
                f"need at least two {name!r} texts with words in them, got {len(found)} from {_listed(paths)}"
            )
    corpus = _split(texts, test_share, seed)
    for parts in (dict(zip(CLASSES, texts, strict=True)), {"train": corpus.train_texts, "test": corpus.test_texts}):
        warn_of_repeats(_listed(paths), {name: [*map(tuple, part)] for name, part in parts.items()}, "texts")
    return corpus


def _split(texts: Sequence[list[list[str]]], test_share: float, seed: int) -> Reviews:
    rng = np.random.default_rng(seed)
    train: list[tuple[list[str], int]] = []
    test: list[tuple[list[str], int]] = []
    for label, found in enumerate(texts):
        order = rng.permutation(len(found))
        n_kept = min(max(1, round(test_share * len(found))), len(found) - 1)
        test += [(found[i], label) for i in order[:n_kept]]
        train += [(found[i], label) for i in order[n_kept:]]
    return Reviews(
        "own corpus",
        [text for text, _ in train],
        np.array([label for _, label in train]),
        [text for text, _ in test],
        np.array([label for _, label in test]),
    )


def _from_files(files: Sequence[Path], encoding: str) -> list[list[str]]:
    """The texts of each class from a folder a class, or from two files."""
    pairs = [[file / name for name in names] for file in files[:1] for names in FOLDERS]
    pairs = [pair for pair in pairs if all(folder.is_dir() for folder in pair)]
    if len(files) == 1 and len(pairs) == 1:
        return [[read_text(file, encoding=encoding) for file in _texts_in(folder)] for folder in pairs[0]]
    two = len(files) == 2 and all(file.is_file() and file.suffix.lower() not in TABLES for file in files)
    if two and not files[0].samefile(files[1]):
        return [read_text(file, encoding=encoding).split("\n") for file in files]  # splitlines cuts at rarer signs
    raise ValueError(
        "need one folder holding the folders neg and pos (or negative and positive), or two text files (negative, "
        f"positive), or one table *.csv or *.tsv with texts and labels, got {_listed(files)}"
    )


def _texts_in(folder: Path) -> list[Path]:
    files = sorted(file for file in folder.iterdir() if not file.name.startswith("."))
    if others := [file.name for file in files if file.suffix.lower() != ".txt"]:
        raise ValueError(f"{folder} must hold nothing but texts *.txt, got also {', '.join(others[:5])}")
    return files


def _listed(paths: Sequence[str | Path]) -> str:
    return ", ".join(map(str, paths)) or "nothing"
