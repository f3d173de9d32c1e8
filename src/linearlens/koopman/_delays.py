"""Delay coordinates."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def delay_embed(trajectory: np.ndarray, *, delays: int) -> np.ndarray:
    """Stack each state with its `delays` predecessors, newest first.

    Parameters
    ----------
    trajectory : ndarray of shape (n_steps, n_features)
    delays : int
        Number of past states kept beside the present one; 0 returns the states themselves.

    Returns
    -------
    ndarray of shape (n_steps - delays, n_features * (delays + 1))

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
    if trajectory.ndim != 2 or delays < 0 or len(trajectory) <= delays:
        raise ValueError(
            f"need one trajectory of shape (n_steps, n_features) with n_steps > delays >= 0, "
            f"got shape {trajectory.shape} and delays={delays}"
        )
    windows = sliding_window_view(trajectory, delays + 1, axis=0)  # (n, n_features, delays + 1), oldest first
    return windows[..., ::-1].transpose(0, 2, 1).reshape(len(windows), -1)
