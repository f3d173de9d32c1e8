"""Delay coordinates."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def delay_windows(trajectory: np.ndarray, *, delays: int) -> np.ndarray:
    """Each state after its `delays` predecessors, in order of time: the windows ``Koopman.predict`` takes.

    Parameters
    ----------
    trajectory : ndarray of shape (n_steps, n_features)
    delays : int
        Number of past states before the present one, 0 or more.

    Returns
    -------
    ndarray of shape (n_steps - delays, delays + 1, n_features)
        A view that cannot be written to. The present state is the last of its window; `delay_embed` stacks the
        same states newest first.

    Raises
    ------
    ValueError
        If the trajectory is not 2-D or has no more than `delays` states, or `delays` is negative.

    Examples
    --------
    >>> delay_windows(np.array([[1.0], [2.0], [3.0]]), delays=1)[..., 0]
    array([[1., 2.],
           [2., 3.]])
    """
    if trajectory.ndim != 2 or delays < 0 or len(trajectory) <= delays:
        raise ValueError(
            f"need one trajectory of shape (n_steps, n_features) with n_steps > delays >= 0, "
            f"got shape {trajectory.shape} and delays={delays}"
        )
    return sliding_window_view(trajectory, delays + 1, axis=0).transpose(0, 2, 1)


def delay_embed(trajectory: np.ndarray, *, delays: int) -> np.ndarray:
    """Stack each state with its `delays` predecessors, newest first: the states ``Koopman`` fits.

    Parameters
    ----------
    trajectory : ndarray of shape (n_steps, n_features)
    delays : int
        Number of past states kept beside the present one; 0 returns the states themselves.

    Returns
    -------
    ndarray of shape (n_steps - delays, n_features * (delays + 1))
        The present state comes first, so that its features stand in the first columns; `delay_windows` has
        the same states in order of time.

    Raises
    ------
    ValueError
        If the trajectory is not 2-D or has no more than `delays` states, or `delays` is negative.

    Notes
    -----
    PyDMD and the Hankel literature count blocks: their ``d`` is ``delays + 1``, and the oldest comes first.

    Examples
    --------
    >>> delay_embed(np.array([[1.0], [2.0], [3.0]]), delays=1)
    array([[2., 1.],
           [3., 2.]])
    """
    windows = delay_windows(trajectory, delays=delays)
    return windows[:, ::-1].reshape(len(windows), -1)
