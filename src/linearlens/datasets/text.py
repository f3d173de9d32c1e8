"""Words to numbers, and a reader's own corpus."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from linearlens.datasets._dataset import Reviews

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?|[.,;:!?()]")
UNKNOWN = "<unk>"
CLASSES = ("neg", "pos")


def split_words(text: str) -> list[str]:
    """Lower-case words and marks of a text; numbers, other signs and HTML line breaks are dropped.

    A curly apostrophe is taken for a straight one.

    Examples
    --------
    >>> split_words("Not bad!<br />It isn't.")
    ['not', 'bad', '!', 'it', "isn't", '.']
    """
    return _WORD.findall(text.replace("<br />", " ").replace("’", "'").lower())


@dataclass(frozen=True)
class Vocabulary:
    """The words a model knows; number 0 stands for every other word.

    Parameters
    ----------
    words : tuple of str
        ``words[i]`` has the number ``i``; the first is ``<unk>``.
    """

    words: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.words or self.words[0] != UNKNOWN or len(set(self.words)) != len(self.words):
            raise ValueError(f"a vocabulary begins with {UNKNOWN!r} and holds no word twice")

    @cached_property
    def _number(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.words)}

    @classmethod
    def of(cls, texts: Iterable[Sequence[str]], *, size: int = 20_000) -> "Vocabulary":
        """The `size` most frequent words of some texts, ``<unk>`` included.

        Raises
        ------
        ValueError
            If `size` leaves no room for ``<unk>``.
        """
        if size < 1:
            raise ValueError(f"size must be 1 or more, got {size}")
        counts = Counter(word for text in texts for word in text)
        by_count = sorted(counts, key=lambda word: (-counts[word], word))
        return cls((UNKNOWN, *by_count[: size - 1]))

    def __len__(self) -> int:
        return len(self.words)

    def encode(self, text: Sequence[str]) -> np.ndarray:
        """Numbers of words, shape (n_words,)."""
        return np.array([self._number.get(word, 0) for word in text], dtype=np.int64)


def class_words(
    texts: Sequence[Sequence[str]], labels: np.ndarray, *, n_words: int = 100, min_texts: int = 200
) -> dict[str, int]:
    """The words that tell two classes of texts apart best, by how many texts of each class hold them.

    Parameters
    ----------
    texts : sequence of sequence of str
    labels : ndarray of shape (n_texts,)
        0 or 1.
    n_words : int
        Words of each class, 1 or more.
    min_texts : int
        Words in fewer texts are left out.

    Returns
    -------
    dict of str to int
        1 for the `n_words` words with the largest log-odds of class 1, -1 for those with the smallest.

    Raises
    ------
    ValueError
        If there is not one label, 0 or 1, for each text, `n_words` is below 1, or there are fewer than
        ``2 * n_words`` words to choose from.

    Examples
    --------
    >>> class_words([["good", "film"], ["bad", "film"]], np.array([1, 0]), n_words=1, min_texts=1)
    {'bad': -1, 'good': 1}
    """
    if n_words < 1:
        raise ValueError(f"n_words must be 1 or more, got {n_words}")
    labels = np.asarray(labels)
    if labels.shape != (len(texts),):
        raise ValueError(f"need one label a text, shape ({len(texts)},), got shape {labels.shape}")
    if others := set(labels.tolist()) - {0, 1}:
        raise ValueError(f"labels must be 0 or 1, got also {sorted(others, key=str)[:5]}; number the two classes so")
    counts: tuple[Counter, Counter] = Counter(), Counter()
    for text, label in zip(texts, labels, strict=True):
        counts[int(label)].update(set(text))
    known = sorted(word for word in counts[0] | counts[1] if counts[0][word] + counts[1][word] >= min_texts)
    if len(known) < 2 * n_words:
        raise ValueError(
            f"{len(known)} words occur in {min_texts} texts or more, {2 * n_words} are wanted; lower either"
        )
    by_odds = sorted(known, key=lambda word: (counts[1][word] + 1) / (counts[0][word] + 1))
    return dict.fromkeys(by_odds[:n_words], -1) | dict.fromkeys(by_odds[-n_words:], 1)


def read_corpus(*paths: str | Path, test_share: float = 0.2, seed: int = 0) -> Reviews:
    """Texts of your own in two classes.

    Parameters
    ----------
    *paths : path
        Either one folder with the folders ``neg`` and ``pos``, a file ``*.txt`` for each text; or two files,
        the negative texts and the positive ones, a text a line. All in UTF-8. Texts without words are left out.
    test_share : float
        Share of the texts of each class kept for testing, between 0 and 1; at least one text is kept for
        testing and one for training.
    seed : int
        Seeds the split.

    Returns
    -------
    Reviews
        In both parts the negative texts come first. The valence of words is not known.

    Raises
    ------
    ValueError
        If the paths are neither, a class has fewer than two texts, a file is not UTF-8 (the message names
        file and byte), or `test_share` is not between 0 and 1.
    """
    if not 0 < test_share < 1:
        raise ValueError(f"test_share must be between 0 and 1, got {test_share}")
    texts = [_class_texts(paths, number) for number in range(2)]
    for name, found in zip(CLASSES, texts, strict=True):
        if len(found) < 2:
            raise ValueError(
                f"need at least two {name!r} texts with words in them, got {len(found)} from {_listed(paths)}"
            )
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


def _class_texts(paths: Sequence[str | Path], number: int) -> list[list[str]]:
    files = [Path(path) for path in paths]
    if len(files) == 1 and all((files[0] / name).is_dir() for name in CLASSES):
        raw = [read_utf8(file) for file in sorted((files[0] / CLASSES[number]).glob("*.txt"))]
    elif len(files) == 2 and all(file.is_file() for file in files):
        raw = read_utf8(files[number]).split("\n")  # splitlines would also cut a text at rarer signs
    else:
        raise ValueError(
            "need one folder holding the folders neg and pos, or two text files (negative, positive), got "
            + _listed(paths)
        )
    return [words for text in raw if (words := split_words(text))]


def _listed(paths: Sequence[str | Path]) -> str:
    return ", ".join(map(str, paths)) or "nothing"


def read_utf8(file: Path) -> str:
    """Content of a text file; a ValueError that names file and byte if it is not UTF-8."""
    content = file.read_bytes()
    try:
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{file} is not UTF-8: byte {content[error.start]:#04x} at position {error.start}; save it as UTF-8, "
            f"for instance with iconv -f latin1 -t utf-8"
        ) from error
