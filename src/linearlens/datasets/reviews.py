"""Reviews made by a grammar, so that the polarity of every word is known."""

from dataclasses import dataclass

import numpy as np

from linearlens.datasets._dataset import Reviews

POSITIVE = {
    1: ["good", "nice", "decent", "solid", "pleasant", "likable", "warm", "clever", "fresh", "charming"],
    2: [
        "great",
        "superb",
        "wonderful",
        "brilliant",
        "excellent",
        "moving",
        "stunning",
        "gripping",
        "perfect",
        "delightful",
    ],
}
NEGATIVE = {
    1: ["bad", "weak", "slow", "bland", "flat", "clumsy", "stale", "shallow", "thin", "forgettable"],
    2: [
        "awful",
        "terrible",
        "dreadful",
        "horrible",
        "boring",
        "painful",
        "pathetic",
        "ridiculous",
        "unbearable",
        "disastrous",
    ],
}
VALENCE = {
    **{word: grade for grade, words in POSITIVE.items() for word in words},
    **{word: -grade for grade, words in NEGATIVE.items() for word in words},
}
NEGATORS = ("not", "never")
AMPLIFIERS = ("very", "extremely")
SUBJECTS = [
    "plot",
    "story",
    "acting",
    "script",
    "music",
    "film",
    "movie",
    "ending",
    "opening",
    "dialogue",
    "camera",
    "cast",
    "lead",
    "villain",
    "hero",
    "humour",
    "pace",
    "sound",
    "editing",
    "costume",
    "set",
    "scene",
]
OPENERS = ["the", "this", "its", "their", "every", "our", "that", "one"]
VERBS = ["is", "was", "seems", "feels", "looks", "stays", "remains"]
LINKS = ["and", "while", "then", "so", "yet", "also", "though", "because", "overall", "still"]


@dataclass(frozen=True)
class MarkedReview:
    """One review of the grammar with what each of its words does.

    Parameters
    ----------
    words : list of str
    effect : ndarray of shape (n_words,)
        Polarity of each word in its place: the valence of an adjective, doubled after an amplifier, with
        its sign turned after a negator; 0 for all other words.
    """

    words: list[str]
    effect: np.ndarray

    @property
    def label(self) -> int:
        """1 if the effects sum to more than 0."""
        return int(self.effect.sum() > 0)


def mark_reviews(n_reviews: int, *, seed: int | np.random.Generator = 0) -> list[MarkedReview]:
    """Random reviews of two to eight clauses whose effects do not cancel.

    A clause is, for instance, "the plot was not very good": one adjective in five is negated, one in four
    amplified.

    Parameters
    ----------
    n_reviews : int
    seed : int or numpy Generator

    Returns
    -------
    list of MarkedReview

    Examples
    --------
    >>> review = mark_reviews(1, seed=27)[0]
    >>> " ".join(review.words), int(review.effect.sum())
    ('our music seems never wonderful . our plot remains clever .', -1)
    """
    rng = np.random.default_rng(seed)
    reviews: list[MarkedReview] = []
    while len(reviews) < n_reviews:
        review = _review(rng)
        if review.effect.sum() != 0:
            reviews.append(review)
    return reviews


def generate_reviews(*, n_train: int = 8000, n_test: int = 2000, seed: int = 0) -> Reviews:
    """A corpus of the grammar, in the shape of any other corpus.

    Parameters
    ----------
    n_train, n_test : int
    seed : int

    Returns
    -------
    Reviews
        With the `valence` of its adjectives.

    Raises
    ------
    ValueError
        If there is no text to train or to test with.
    """
    if min(n_train, n_test) < 1:
        raise ValueError(f"need n_train and n_test of 1 or more, got {n_train} and {n_test}")
    marked = mark_reviews(n_train + n_test, seed=seed)
    labels = np.array([review.label for review in marked])
    texts = [review.words for review in marked]
    return Reviews(
        "reviews of a grammar", texts[:n_train], labels[:n_train], texts[n_train:], labels[n_train:], VALENCE
    )


def effects(text: list[str]) -> np.ndarray:
    """Effect of each word of a text of the grammar, as in `MarkedReview`.

    Examples
    --------
    >>> effects("the plot was not very good .".split())
    array([ 0,  0,  0,  0,  0, -2,  0])
    """
    effect = np.zeros(len(text), dtype=int)
    for place, word in enumerate(text):
        amplified = place > 0 and text[place - 1] in AMPLIFIERS
        before = text[place - 1 - amplified] if place > amplified else ""
        effect[place] = VALENCE.get(word, 0) * (1 + amplified) * (-1 if before in NEGATORS else 1)
    return effect


def _review(rng: np.random.Generator) -> MarkedReview:
    words: list[str] = []
    for clause in range(rng.integers(2, 9)):
        if clause and rng.random() < 0.5:
            words.append(str(rng.choice(LINKS)))
        words += [str(rng.choice(part)) for part in (OPENERS, SUBJECTS, VERBS)]
        words += [str(rng.choice(NEGATORS))] if rng.random() < 0.2 else []
        words += [str(rng.choice(AMPLIFIERS))] if rng.random() < 0.25 else []
        words += [str(rng.choice(list(VALENCE))), "."]
    return MarkedReview(words, effects(words))
