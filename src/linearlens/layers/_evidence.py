"""What spectra of glued trajectories show, and the control for it."""

import numpy as np


def shuffle_samples(trajectories: np.ndarray, *, seed: int | np.random.Generator = 0) -> np.ndarray:
    """At each step the states of all samples in another random order: same states at each depth, no dynamics.

    Parameters
    ----------
    trajectories : ndarray of shape (n_trajectories, n_steps, n_features)
    seed : int or numpy Generator

    Returns
    -------
    ndarray of shape (n_trajectories, n_steps, n_features)
        A copy.

    Raises
    ------
    ValueError
        If the array has another shape.
    """
    trajectories = np.asarray(trajectories)
    if trajectories.ndim != 3:
        raise ValueError(f"need trajectories of shape (n_trajectories, n_steps, n_features), got {trajectories.shape}")
    rng = np.random.default_rng(seed)
    return np.stack([rng.permutation(step) for step in trajectories.swapaxes(0, 1)], axis=1)


def center_steps(trajectories: np.ndarray) -> np.ndarray:
    """Take the mean over samples off at each step: without it nothing repeats when trajectories are glued.

    Parameters
    ----------
    trajectories : ndarray of shape (n_trajectories, n_steps, n_features)

    Returns
    -------
    ndarray of shape (n_trajectories, n_steps, n_features)

    Raises
    ------
    ValueError
        If the array has another shape.
    """
    trajectories = np.asarray(trajectories)
    if trajectories.ndim != 3:
        raise ValueError(f"need trajectories of shape (n_trajectories, n_steps, n_features), got {trajectories.shape}")
    return trajectories - trajectories.mean(axis=0)


def roots_found(eigenvalues: np.ndarray, n_roots: int, *, within: float = 0.05, midway: bool = False) -> np.ndarray:
    """Which roots of unity have an eigenvalue next to them.

    Parameters
    ----------
    eigenvalues : ndarray of shape (n_eigenvalues,), complex
    n_roots : int
        12 for trajectories of 12 states glued end to end.
    within : float
        Largest distance in the complex plane; below half of that between two roots, so that none serves two.
    midway : bool
        Ask at the points midway between neighbouring roots instead: the null of the count, as far from each root as a
        point of the circle can be.

    Returns
    -------
    ndarray of shape (n_roots,), bool
        For ``exp(2πi k / n_roots)``, k = 0, 1, …; with `midway`, for ``exp(2πi (k + ½) / n_roots)``.

    Raises
    ------
    ValueError
        If there is no root, or `within` is too large.
    """
    if n_roots < 1 or not 0 < within <= np.sin(np.pi / max(n_roots, 2)):
        raise ValueError(
            f"need n_roots of 1 or more and within above 0, at most half the distance of two roots, got {n_roots} "
            f"and {within}"
        )
    roots = np.exp(2j * np.pi * (np.arange(n_roots) + 0.5 * midway) / n_roots)
    return (np.abs(roots[:, None] - np.asarray(eigenvalues)) <= within).any(axis=1)


def periodic_share(vectors: np.ndarray, period: int) -> np.ndarray:
    """Share of the energy of each column that repeats with a period.

    Parameters
    ----------
    vectors : ndarray of shape (n_steps, n_vectors)
        Steps after the last whole period are left out.
    period : int

    Returns
    -------
    ndarray of shape (n_vectors,)
        ``Σ_p (mean of v at phase p)² · n_periods / Σ v²``: 1 for a periodic column, about 1 / n_periods for noise.

    Raises
    ------
    ValueError
        If the columns are shorter than one period.
    """
    vectors = np.asarray(vectors)
    if vectors.ndim != 2 or period < 1 or len(vectors) < period:
        raise ValueError(f"need columns of at least one period of {period} steps, got shape {vectors.shape}")
    n_periods = len(vectors) // period
    folded = vectors[: n_periods * period].reshape(n_periods, period, -1)
    return n_periods * (folded.mean(axis=0) ** 2).sum(axis=0) / (folded**2).sum(axis=(0, 1))
