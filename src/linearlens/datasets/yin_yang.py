"""The Yin-Yang symbol as a data set: three classes (Kriener et al. 2021), and two of them (Aswani et al. 2024)."""

import math

import numpy as np

RADIUS, DOT = 0.5, 0.1
YANG, YIN, DOTS = range(3)


def yin_yang(n_samples: int, *, seed: int = 42) -> tuple[np.ndarray, np.ndarray]:
    """Points of the Yin-Yang symbol in a square of side 1, with their mirror images: four inputs, three classes.

    Parameters
    ----------
    n_samples : int
    seed : int
        Seeds a legacy ``RandomState``. A smaller sample is the beginning of a larger one of the same seed.

    Returns
    -------
    inputs : ndarray of shape (n_samples, 4)
        ``(x, y, 1 - x, 1 - y)``, each from 0 to 1.
    labels : ndarray of shape (n_samples,)
        0 for yang, 1 for yin, 2 for the two dots; about as many of each.

    Raises
    ------
    ValueError
        If `n_samples` is below 1.

    Notes
    -----
    Kriener, Göltz and Petrovici (arXiv 2102.08211). Their published arrays are those of 5,000 training points
    with seed 42, 1,000 for validation with seed 41 and 1,000 for testing with seed 40, bit for bit.

    Examples
    --------
    >>> inputs, labels = yin_yang(2)
    >>> inputs.round(2), labels
    (array([[0.68, 0.45, 0.32, 0.55],
            [0.1 , 0.68, 0.9 , 0.32]]), array([2, 1]))
    """
    points, labels = _draw(n_samples, 3, seed)
    return np.hstack([points, 1 - points]), labels


def yin_yang_binary(n_samples: int, *, seed: int = 42) -> tuple[np.ndarray, np.ndarray]:
    """Points of the Yin-Yang symbol without its dots: two inputs, two classes.

    Parameters
    ----------
    n_samples : int
    seed : int
        As in `yin_yang`. Two samples of one seed share points: take another seed for testing.

    Returns
    -------
    inputs : ndarray of shape (n_samples, 2)
        ``(x, y)``, each from 0 to 1.
    labels : ndarray of shape (n_samples,)
        0 for yang, 1 for yin.

    Raises
    ------
    ValueError
        If `n_samples` is below 1.

    Notes
    -----
    ``YinYangBinaryDataset`` in the code of Aswani, Jabari and Shafique (arXiv 2409.01308), who train with seed
    42 and take seed 123 for the rest.
    """
    return _draw(n_samples, 2, seed)


def _draw(n_samples: int, n_classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A class by lot, then points until one has it: the order of draws is that of the published generator."""
    if n_samples < 1:
        raise ValueError(f"need n_samples of 1 or more, got {n_samples}")
    rng = np.random.RandomState(seed)
    points, labels = np.empty((n_samples, 2)), np.empty(n_samples, dtype=np.int64)
    for sample in range(n_samples):
        labels[sample] = rng.randint(n_classes)
        while True:
            x, y = rng.random_sample(), rng.random_sample()
            if math.hypot(x - RADIUS, y - RADIUS) <= RADIUS and _class_of(x, y) == labels[sample]:
                break
        points[sample] = x, y
    return points, labels


def _class_of(x: float, y: float) -> int:
    right, left = (math.hypot(x - centre, y - RADIUS) for centre in (1.5 * RADIUS, 0.5 * RADIUS))
    if min(left, right) < DOT:
        return DOTS
    yin = right <= DOT or left <= RADIUS / 2 or (y > RADIUS and right > RADIUS / 2)
    return YIN if yin else YANG
