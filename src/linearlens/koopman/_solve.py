"""From pairs to an operator: least squares in units of the observables, and its spectrum."""

import warnings
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from linearlens.koopman._pairs import Pairs
from linearlens.koopman._principal import Principal, column_lengths, cut
from linearlens.koopman._spectrum import eigenvalue_order


@dataclass(frozen=True, eq=False)
class Solution:
    """A fitted operator by its factors, ``K = W A``: it is as large as the data, not as the operator.

    Parameters
    ----------
    n_pairs : int
    mean : ndarray of shape (n_lifted,)
        Subtracted from lifted states.
    offset : ndarray of shape (n_features,)
        What a forecast adds back.
    whiten : ndarray of shape (n_observables, n_kept)
        W: the observables x are reduced to ``x W``, coordinates that are uncorrelated on the fitted states.
    ahead : ndarray of shape (n_kept, n_observables)
        A: from these coordinates to the next observables.
    read : ndarray of shape (n_kept, n_features)
        From these coordinates to the next state.
    eigenvalues : ndarray of shape (n_kept,), complex
    eigenvectors : ndarray of shape (n_observables, n_kept), complex
    constant : bool
        Whether the last observable is 1.
    """

    n_pairs: int
    mean: np.ndarray
    offset: np.ndarray
    whiten: np.ndarray
    ahead: np.ndarray
    read: np.ndarray
    eigenvalues: np.ndarray
    eigenvectors: np.ndarray
    constant: bool

    def observables(self, lifted: np.ndarray) -> np.ndarray:
        """Centre lifted states and append the constant, as the fit did."""
        lifted = lifted - self.mean
        return np.hstack([lifted, np.ones((len(lifted), 1))]) if self.constant else lifted


def solve(
    pairs: Pairs,
    *,
    next_states: slice,
    rank: int | None,
    center: bool,
    constant: bool,
    energy: float | None,
    alpha: float,
) -> Solution:
    """Turn pairs into the operator, its spectrum and the readout.

    Parameters
    ----------
    pairs : Pairs
    next_states : slice
        Which targets are the states themselves; the first ones are their observables.
    rank, energy, alpha, center, constant
        As in ``Koopman``.

    Returns
    -------
    Solution

    Raises
    ------
    ValueError
        If all observables are zero, or their squares leave the range of float64.
    """
    n_pairs, width, root = pairs.n_pairs, pairs.n_observables, np.sqrt(pairs.n_pairs)
    wide = n_pairs <= width
    mean_x, mean_targets, found = principal_of(pairs, about_0=not center and not constant)
    whiten, projected = found.least_squares(rank=rank and rank - constant, energy=energy, wide=wide, alpha=alpha)
    mean = mean_x if center else np.zeros(width)
    offset = mean_targets[next_states] if center and not constant else np.zeros(len(mean_targets[next_states]))
    shift_now, shift_then = mean_targets[:width] - mean_x, mean_targets[next_states] - offset
    ahead, read = projected[:, :width], projected[:, next_states]
    if constant:  # solved about the mean, where no digits cancel
        whiten = linalg.block_diag(whiten, 1 / root)
        ahead = linalg.block_diag(ahead, root)
        ahead[-1, :-1] = root * shift_now
        read = np.vstack([read, root * shift_then])
    n_kept = whiten.shape[1]
    if not n_kept:
        raise ValueError("all lifted states are zero (or all equal, with center), so no operator can be fitted")
    warn_of(pairs, n_kept + (center and not constant))
    eigenvalues, vectors = np.linalg.eig(ahead @ whiten)
    if constant:  # and moved afterwards
        away = mean_x - mean
        whiten[-1] -= away @ whiten[:-1]
        ahead[:, :-1] += np.outer(ahead[:, -1], away)
    order = eigenvalue_order(eigenvalues)
    eigenvectors = (whiten @ vectors[:, order] * root).astype(complex)
    eigenvalues = eigenvalues[order].astype(complex)
    return Solution(n_pairs, mean, offset, whiten, ahead, read, eigenvalues, eigenvectors, constant)


def principal_of(pairs: Pairs, *, about_0: bool) -> tuple[np.ndarray, np.ndarray, Principal]:
    """Means of observables and targets, and the directions of the deviations from them or from 0."""
    if pairs.single and pairs.n_pairs > pairs.n_observables:  # rounded more coarsely than their products
        return _from_products(pairs, about_0=about_0)
    return _from_rows(pairs, about_0=about_0)


def _from_rows(pairs: Pairs, *, about_0: bool) -> tuple[np.ndarray, np.ndarray, Principal]:
    (mean_x, mean_t), (now, then) = pairs.means(), pairs.deviations(about_0=about_0)
    if not about_0:  # what varies less than its own numbers are rounded is constant
        rounding = np.sqrt(pairs.n_pairs) * np.abs(mean_x) * cut(len(mean_x), single=pairs.single)
        now = np.where(column_lengths(now) > rounding, now, 0.0)
    return mean_x, mean_t, Principal.of_rows(now, then, single=pairs.single)


def _from_products(pairs: Pairs, *, about_0: bool) -> tuple[np.ndarray, np.ndarray, Principal]:
    mean_x, mean_t, xx, xt = pairs.products().moments()
    n = pairs.n_pairs
    varies = np.diag(xx) > n * (mean_x * cut(len(mean_x), single=True)) ** 2
    xx, xt = np.where(np.outer(varies, varies), xx, 0.0), np.where(varies[:, None], xt, 0.0)
    if about_0:
        xx, xt = xx + n * np.outer(mean_x, mean_x), xt + n * np.outer(mean_x, mean_t)
    return mean_x, mean_t, Principal.of_products(xx, xt)


def warn_of(pairs: Pairs, n_fitted: int) -> None:
    """Warn where a fit says nothing because it has as many directions as pairs, or one was lost."""
    if n_fitted >= pairs.n_pairs:
        warnings.warn(
            f"as many directions as pairs were fitted, {pairs.n_pairs}: the error on these pairs is 0 whatever they "
            "are, and says nothing; give a rank, more trajectories or fewer observables, and look at held-out states",
            stacklevel=4,
        )
    elif pairs.lossy:
        warnings.warn(
            "some observables depend on others so nearly that sums of products do not tell them apart, and a "
            "direction thinner than 1e-7 of the widest was left out; give the trajectories as a list, which can be "
            "read again, or the hard ones first",
            stacklevel=4,
        )
