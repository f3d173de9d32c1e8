"""Heartbeats made of six waves, normal ones and anomalous ones of known severity."""

import numpy as np

from linearlens.datasets._dataset import Series

N_STEPS = 140
# Height, centre (step) and width (steps) of six Gaussians fitted to the median normal beat of ECG5000.
WAVES = np.array(
    [[-4.1, 3.6, 2.4], [-0.7, 31.9, 10.6], [0.5, 79.2, 14.0], [1.7, 104.1, 4.5], [-0.6, 145.0, 21.3], [1.7, 133.4, 3.9]]
)
ANOMALIES = ("low wave", "late wave", "low end", "wide start")


def generate_heartbeats(*, n_train: int = 1500, n_test: int = 400, waves: np.ndarray = WAVES, seed: int = 0) -> Series:
    """Beats that look like those of ECG5000, with four kinds of anomaly from hardly visible to severe.

    Beats differ in their rate and in the size of their waves, and each wave a little in height, centre and
    width; noise is added; each beat is scaled to mean 0 and standard deviation 1. An anomaly of severity ``s``
    multiplies the height of the wave near step 104 by ``1 - 1.5 s``, delays it by ``20 s`` steps, multiplies
    the height of the peak near step 133 by ``1 - 1.5 s``, or widens the first dip by the factor ``1 + 3 s``.
    The mildest lie within what varies among normal beats.

    Parameters
    ----------
    n_train : int
        Beats to learn from; a fifth as many more are there to validate with.
    n_test : int
        Normal beats to test with, and as many anomalous ones.
    waves : ndarray of shape (6, 3)
        Height, centre (step) and width (steps) of each wave; a changed copy of `WAVES` makes another beat.
    seed : int

    Returns
    -------
    Series
        Beats of shape (n_beats, 140), float32; severities from 0.2 to 1.

    Raises
    ------
    ValueError
        If there is no beat to learn from or to test with, or waves are not six of three finite numbers, with widths
        above 0.
    """
    if min(n_train, n_test) < 1:
        raise ValueError(f"need n_train and n_test of 1 or more, got {n_train} and {n_test}")
    waves = np.asarray(waves, dtype=float)
    if waves.shape != WAVES.shape or not np.isfinite(waves).all() or not (waves[:, 2] > 0).all():
        raise ValueError(f"waves must be {len(WAVES)} of height, centre and width above 0, got {waves.tolist()}")
    rng = np.random.default_rng(seed)
    n_validation = max(1, n_train // 5)
    normal = _beats(_jittered(waves, n_train + n_validation + n_test, rng), rng)
    severity = rng.uniform(0.2, 1.0, n_test)
    train, validation, test = np.split(normal, [n_train, n_train + n_validation])
    others = _distorted(_jittered(waves, n_test, rng), severity, rng.integers(len(ANOMALIES), size=n_test))
    return Series("heartbeats of six waves", train, validation, test, _beats(others, rng), severity)


def _jittered(waves: np.ndarray, n_beats: int, rng: np.random.Generator) -> np.ndarray:
    def factors(spread: float, *shape: int) -> np.ndarray:
        return 1 + spread * rng.standard_normal((n_beats, *shape))

    waves = np.tile(waves, (n_beats, 1, 1))
    waves[:, 1:, 0] *= factors(0.1, 1)  # what follows the first dip is larger or smaller together
    waves[:, :, 1] *= factors(0.02, 1)  # the beat is faster or slower
    waves[:, :, 0] *= factors(0.05, waves.shape[1])
    waves[:, :, 1] += 0.6 * rng.standard_normal(waves.shape[:2])
    waves[:, :, 2] *= factors(0.05, waves.shape[1])
    return waves


def _distorted(waves: np.ndarray, severity: np.ndarray, kind: np.ndarray) -> np.ndarray:
    waves = waves.copy()
    waves[:, 3, 0] *= np.where(kind == 0, 1 - 1.5 * severity, 1)
    waves[:, 3, 1] += np.where(kind == 1, 20 * severity, 0)
    waves[:, 5, 0] *= np.where(kind == 2, 1 - 1.5 * severity, 1)
    waves[:, 0, 2] *= np.where(kind == 3, 1 + 3 * severity, 1)
    return waves


def _beats(waves: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    height, centre, width = (waves[:, :, part, None] for part in range(3))
    beats = (height * np.exp(-0.5 * ((np.arange(N_STEPS) - centre) / width) ** 2)).sum(axis=1)
    beats += 0.05 * rng.standard_normal(beats.shape)
    beats -= beats.mean(axis=1, keepdims=True)
    return (beats / beats.std(axis=1, keepdims=True)).astype(np.float32)
