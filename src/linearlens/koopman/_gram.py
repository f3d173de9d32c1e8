"""Gram matrices of snapshot pairs, accumulated in float64 so that memory does not grow with the data."""

import numpy as np


class PairGrams:
    """Sums over snapshot pairs, enough to fit any linear map from ``x`` to ``targets``, centred or not.

    Parameters
    ----------
    n_observables, n_targets : int
        Columns of ``x`` and of ``targets``.

    Notes
    -----
    Rows are shifted by the first snapshot seen before products are formed: centring a Gram matrix
    afterwards would otherwise cancel digits when the mean is large against the spread. The shift is
    undone in :meth:`moments`.
    """

    def __init__(self, n_observables: int, n_targets: int) -> None:
        self.n_pairs = 0
        self.xx = np.zeros((n_observables, n_observables))
        self.xt = np.zeros((n_observables, n_targets))
        self.sum_x = np.zeros(n_observables)
        self.sum_t = np.zeros(n_targets)

    def add(self, x: np.ndarray, targets: np.ndarray) -> None:
        """Add rows of shape (n_pairs, n_observables) and (n_pairs, n_targets)."""
        if self.n_pairs == 0:
            self.shift_x, self.shift_t = x[0].copy(), targets[0].copy()
        x, targets = x - self.shift_x, targets - self.shift_t
        self.xx += x.T @ x
        self.xt += x.T @ targets
        self.sum_x += x.sum(axis=0)
        self.sum_t += targets.sum(axis=0)
        self.n_pairs += len(x)

    def moments(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Means of ``x`` and ``targets``, and the products ``x.T @ x``, ``x.T @ targets`` about those means."""
        mean_x, mean_t = self.sum_x / self.n_pairs, self.sum_t / self.n_pairs
        xx = self.xx - np.outer(self.sum_x, mean_x)
        xt = self.xt - np.outer(self.sum_x, mean_t)
        return mean_x + self.shift_x, mean_t + self.shift_t, xx, xt
