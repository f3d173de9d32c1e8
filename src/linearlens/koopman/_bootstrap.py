"""How far eigenvalues would move with other trajectories of the same kind."""

import warnings
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.base import clone

from linearlens.koopman._base import Koopman
from linearlens.koopman._trajectories import Trajectories, check_trajectories


@dataclass(frozen=True, eq=False)
class EigenvalueSpread:
    """Eigenvalues of fits to resampled trajectories, each beside the one of the whole fit that it is nearest to.

    Parameters
    ----------
    eigenvalues : ndarray of shape (n_eigenvalues,), complex
        Of the fit to all trajectories.
    resampled : ndarray of shape (n_resamples, n_eigenvalues), complex
        NaN where a resample spans fewer directions.
    """

    eigenvalues: np.ndarray
    resampled: np.ndarray

    @property
    def deviation(self) -> np.ndarray:
        """Root mean square distance of the resampled eigenvalues from that of the whole, of shape (n_eigenvalues,)."""
        return np.sqrt(np.nanmean(np.abs(self.resampled - self.eigenvalues) ** 2, axis=0))

    def modulus_interval(self, level: float = 0.95) -> np.ndarray:
        """Percentile interval of each modulus, of shape (n_eigenvalues, 2)."""
        tail = (1 - level) / 2
        return np.nanquantile(np.abs(self.resampled), [tail, 1 - tail], axis=0).T


def bootstrap_eigenvalues(
    koopman: Koopman, trajectories: Trajectories, *, n_resamples: int = 100, seed: int | np.random.Generator = 0
) -> EigenvalueSpread:
    """Fit again and again to as many trajectories, drawn with replacement.

    Parameters
    ----------
    koopman : Koopman
        Its settings are used, in copies.
    trajectories : list or array, as in ``Koopman.fit``
        Two or more, drawn as wholes, since states of one depend on each other.
    n_resamples : int
    seed : int or numpy Generator

    Returns
    -------
    EigenvalueSpread

    Raises
    ------
    ValueError
        If there are fewer than two trajectories, or the fit refuses them.

    Notes
    -----
    Resampled eigenvalues are matched with those of the whole by least total distance. Where eigenvalues lie closer
    together than they spread, the match is arbitrary, and the spread too small.
    """
    checked = check_trajectories(trajectories)
    if len(checked) < 2:
        raise ValueError(f"need two trajectories or more to draw from, got {len(checked)}")
    rng = np.random.default_rng(seed)
    whole = clone(koopman).fit(checked).eigenvalues_
    resampled = np.full((n_resamples, len(whole)), np.nan, complex)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # drawn twice, a trajectory adds no direction
        for row in resampled:
            drawn = [checked[index] for index in rng.integers(len(checked), size=len(checked))]
            found = clone(koopman).fit(drawn).eigenvalues_
            places, chosen = linear_sum_assignment(np.abs(whole[:, None] - found[None, :]))
            row[places] = found[chosen]
    return EigenvalueSpread(whole, resampled)
