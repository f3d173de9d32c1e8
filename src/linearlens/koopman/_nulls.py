"""Predictors that know nothing of Koopman: what an operator has to beat.

Each has ``delays`` and ``predict(states, steps)`` as `Koopman` has.
"""

from dataclasses import dataclass, field

import numpy as np
from sklearn.decomposition import PCA

from linearlens.koopman._trajectories import Trajectories, check_trajectories, in_double


@dataclass(frozen=True)
class Persistence:
    """Tomorrow is as today. With `pca`, as today seen through its principal components.

    Parameters
    ----------
    pca : sklearn PCA, optional
        Fitted; the state is passed through its components.
    """

    pca: PCA | None = None
    delays: int = field(init=False, default=0)

    def predict(self, states: np.ndarray, steps: int = 1) -> np.ndarray:
        """The states themselves, of shape (n_states, n_features)."""
        states = in_double(states, "the array of states")
        return states if self.pca is None else self.pca.inverse_transform(self.pca.transform(states))


@dataclass(frozen=True)
class Extrapolation:
    """The last change goes on: ``z[t] + steps (z[t] − z[t−1])``."""

    delays: int = field(init=False, default=1)

    def predict(self, states: np.ndarray, steps: int = 1) -> np.ndarray:
        """From windows of shape (n_states, 2, n_features), the present state last; else a ValueError."""
        states = in_double(states, "the array of states")
        if states.ndim != 3 or states.shape[1] != 2:
            raise ValueError(
                f"need windows of shape (n_states, 2, n_features), got shape {states.shape}; delay_windows with "
                "delays=1 makes them"
            )
        return states[:, 1] + steps * (states[:, 1] - states[:, 0])


@dataclass(frozen=True, eq=False)
class LinearMap:
    """A given map ``z − point → (z − point) K + shift``, K acting from the right.

    Parameters
    ----------
    operator : ndarray of shape (n_features, n_features)
    point : ndarray of shape (n_features,) or 0
    shift : ndarray of shape (n_features,) or 0
        What the map adds at the point: 0 at a true fixed point.
    """

    operator: np.ndarray
    point: np.ndarray | float = 0.0
    shift: np.ndarray | float = 0.0
    delays: int = field(init=False, default=0)

    def predict(self, states: np.ndarray, steps: int = 1) -> np.ndarray:
        """The states, of shape (n_states, n_features), after so many steps."""
        deviation = in_double(states, "the array of states") - self.point
        for _ in range(steps):
            deviation = deviation @ self.operator + self.shift
        return deviation + self.point

    def rollout(self, states: np.ndarray, *, steps: int) -> np.ndarray:
        """All states up to `steps` ahead, of shape (n_states, steps, n_features)."""
        deviation = in_double(states, "the array of states") - self.point
        path = np.empty((len(deviation), steps, self.operator.shape[1]))
        for step in range(steps):
            deviation = deviation @ self.operator + self.shift
            path[:, step] = deviation
        return path + self.point


def random_operator(n_features: int, *, radius: float, seed: int | np.random.Generator = 0) -> LinearMap:
    """A Gaussian random operator scaled to a spectral radius.

    Parameters
    ----------
    n_features : int
    radius : float
        Modulus of its largest eigenvalue.
    seed : int or numpy Generator

    Returns
    -------
    LinearMap
    """
    operator = np.random.default_rng(seed).standard_normal((n_features, n_features))
    return LinearMap(operator * (radius / np.abs(np.linalg.eigvals(operator)).max()))


def shuffle_time(trajectories: Trajectories, *, seed: int | np.random.Generator = 0) -> list[np.ndarray]:
    """Each trajectory with its states in random order: the same states, no dynamics.

    Parameters
    ----------
    trajectories : as in ``Koopman.fit``
    seed : int or numpy Generator

    Returns
    -------
    list of ndarray of shape (n_steps_i, n_features)
        Copies.
    """
    rng = np.random.default_rng(seed)
    return [rng.permutation(item) for item in check_trajectories(trajectories)]
