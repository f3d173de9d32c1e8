"""Planes of states that no operator gives, and how well points in a plane separate."""

from collections.abc import Sequence

import numpy as np
from sklearn.metrics import silhouette_score


def motion_plane(trajectories: Sequence[np.ndarray]) -> np.ndarray:
    """The plane in which the mean trajectory moves at its end, as an orthogonal projector; no operator is fitted.

    Parameters
    ----------
    trajectories : ndarray of shape (n_trajectories, n_steps, n_features), or a list of arrays of one length
        With 3 steps or more.

    Returns
    -------
    ndarray of shape (n_features, n_features)
        On the span of the last step of the mean, ``m[T] − m[T−1]``, and of the step before it.

    Raises
    ------
    ValueError
        If there are fewer than 3 steps, or the mean stands still or goes straight on, so that there is no plane.
    """
    steps = np.diff(np.mean(np.asarray(trajectories, dtype=float), axis=0)[-3:], axis=0)
    if len(steps) < 2:
        raise ValueError(f"need 3 steps or more for a plane of motion, got {len(steps) + 1}")
    _, sizes, directions = np.linalg.svd(steps, full_matrices=False)
    if sizes[1] <= 1e-10 * max(sizes[0], 1e-300):
        raise ValueError("the mean trajectory does not turn at its end: its last two steps span no plane")
    return directions.T @ directions


def random_part(part: np.ndarray, rng: np.random.Generator, *, of: np.ndarray) -> np.ndarray:
    """A control for a part of some states: their part in a random plane, made as long as the one it stands beside.

    Parameters
    ----------
    part : ndarray of shape (n_states, n_features)
        What a projection has kept of the states.
    rng : numpy Generator
    of : ndarray of shape (n_states, n_features)
        The states, or what they have beyond their mean.

    Returns
    -------
    ndarray of shape (n_states, n_features)
        With the same root mean square length as `part`. Without that, a random plane keeps next to nothing: two of 64
        dimensions hold a thirty-second of the squared length.
    """
    frame, _ = np.linalg.qr(rng.standard_normal((of.shape[1], 2)))
    drawn = of @ frame @ frame.T
    return drawn * np.linalg.norm(part) / np.linalg.norm(drawn)


def running_silhouette(points: np.ndarray, labels: np.ndarray, steps: Sequence[int]) -> np.ndarray:
    """How well two classes separate, averaged over all steps so far (Fig. 3 right of the paper).

    Parameters
    ----------
    points : ndarray of shape (n_sequences, n_steps, n_coordinates)
        Complex coordinates count with real and imaginary part.
    labels : ndarray of shape (n_sequences,)
    steps : sequence of int
        At which steps to look, in order.

    Returns
    -------
    ndarray of shape (len(steps),)
        The mean of the silhouettes up to each of these steps.
    """
    if np.iscomplexobj(points):
        points = np.concatenate([points.real, points.imag], axis=-1)
    values = [silhouette_score(points[:, step], labels) for step in steps]
    return np.cumsum(values) / np.arange(1, len(values) + 1)


def whiten(points: np.ndarray) -> np.ndarray:
    """The same coordinates, turned and scaled so that over all points they are uncorrelated and of variance 1.

    Parameters
    ----------
    points : ndarray of shape (..., n_coordinates)
        Complex coordinates count with real and imaginary part; of directions in which nothing varies none is kept.

    Returns
    -------
    ndarray of shape (..., at most n_coordinates, or twice as many)
    """
    if np.iscomplexobj(points):
        points = np.concatenate([points.real, points.imag], axis=-1)
    flat = points.reshape(-1, points.shape[-1])
    middle = flat.mean(axis=0)
    _, sizes, directions = np.linalg.svd(flat - middle, full_matrices=False)
    kept = sizes > 1e-6 * sizes[0]
    return (points - middle) @ directions[kept].T / sizes[kept] * np.sqrt(len(flat))
