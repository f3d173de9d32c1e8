"""Words to numbers."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?|[.,;:!?()]")
_MARK = re.compile(r"[.,;:!?()]")
UNKNOWN = "<unk>"
CLASSES = ("neg", "pos")
NEGATED = "not_"


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


def is_negator(word: str) -> bool:
    """Whether a word turns those after it: "not", "never", "no", and all that end in "n't"."""
    return word in ("not", "never", "no") or word.endswith("n't")


def mark_negated(text: Sequence[str]) -> list[str]:
    """Each word after a negator, up to the next mark, becomes another one, with ``not_`` before it.

    So a method that knows single words only can give "good" in "not very good" a weight of its own, as Pang et al.
    (2002) do.

    Parameters
    ----------
    text : sequence of str
        Words and marks, from `split_words`.

    Returns
    -------
    list of str
        One for each word.

    Examples
    --------
    >>> mark_negated("it is not very good , it is bad".split())
    ['it', 'is', 'not', 'not_very', 'not_good', ',', 'it', 'is', 'bad']
    """
    marked, turned = [], False
    for word in text:
        turned = turned and not _MARK.fullmatch(word)
        marked.append(NEGATED + word if turned else word)
        turned = turned or is_negator(word)
    return marked


def word_weights(
    texts: Sequence[Sequence[str]], labels: np.ndarray, *, min_texts: int = 5, strength: float = 0.05
) -> dict[str, float]:
    """How much each word speaks for class 1: the weights of a logistic regression on which words a text holds.

    Parameters
    ----------
    texts : sequence of sequence of str
        Perhaps from `mark_negated`.
    labels : ndarray of shape (n_texts,)
        0 or 1.
    min_texts : int
        Words in fewer texts have no weight.
    strength : float
        The inverse of how strongly weights are held near 0, scikit-learn's ``C``.

    Returns
    -------
    dict of str to float
        In log-odds; words that are left out are not in it.

    Raises
    ------
    ValueError
        If there is not one label for each text, there is one class only, or no word occurs in `min_texts` texts.

    Examples
    --------
    >>> weights = word_weights([["good", "film"], ["bad", "film"]], np.array([1, 0]), min_texts=1)
    >>> weights["good"] > weights["film"] > weights["bad"]
    True
    """
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression

    labels = np.asarray(labels)
    if labels.shape != (len(texts),) or len(np.unique(labels)) != 2:
        raise ValueError(f"need one label a text, of two classes, for {len(texts)} texts, got shape {labels.shape}")
    counter = CountVectorizer(analyzer=lambda text: text, binary=True, min_df=min_texts)
    held = counter.fit_transform(texts)
    fitted = LogisticRegression(C=strength, max_iter=300).fit(held, labels)
    return dict(zip(counter.get_feature_names_out().tolist(), fitted.coef_[0].tolist(), strict=True))
