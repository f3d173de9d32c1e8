"""Whether one step, taken many times, is as good as many steps at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.base import clone

from linearlens.koopman._base import Koopman
from linearlens.koopman._forecast import error_between, forecast
from linearlens.koopman._trajectories import Trajectories, check_trajectories


@dataclass(frozen=True, eq=False)
class ChapmanKolmogorov:
    """``K(1)^l``, the operator of one step taken l times, beside ``K(l)``, fitted to pairs l steps apart.

    Parameters
    ----------
    steps : int
        l.
    operator_gap : float
        ``‖K(l) − K(1)^l‖ / ‖K(l)‖``, Frobenius norms: 0 if states evolve linearly in these observables.
    powers_error, direct_error : float
        What each misses l steps ahead on held-out states, ``Σ‖error‖² / Σ‖state‖²``.
    forecast_gap : float
        How far their forecasts are apart, in the same measure.
    powers, direct : ndarray of shape (n_eigenvalues,), complex
        ``λ^l`` of the one and the eigenvalues of the other, as they are ordered. An eigenvalue whose power
        the other does not have is no rate of decay: no horizon should be read from it.
    """

    steps: int
    operator_gap: float
    powers_error: float
    direct_error: float
    forecast_gap: float
    powers: np.ndarray
    direct: np.ndarray


def chapman_kolmogorov(
    koopman: Koopman, trajectories: Trajectories, held_out: Trajectories, *, steps: Sequence[int] = (2, 3, 4)
) -> list[ChapmanKolmogorov]:
    """Test the claim behind every horizon that is read from ``λⁿ``: that n steps are one step n times.

    Parameters
    ----------
    koopman : Koopman
        Its settings are used, in copies; it need not be fitted.
    trajectories : as in ``Koopman.fit``
        To fit to.
    held_out : as in ``Koopman.fit``
        To compare forecasts on.
    steps : sequence of int
        Each l, 2 or more. All forecasts are of the states that the longest can reach.

    Returns
    -------
    list of ChapmanKolmogorov
        One for each l.

    Raises
    ------
    ValueError
        If trajectories are too short for the longest l, or an l is below 2.

    Notes
    -----
    The test of Markov models (Prinz et al. 2011). Sampling noise parts the two as well: compare with what
    the same number of trajectories of a linear system give.

    Examples
    --------
    >>> z = 0.9 ** np.arange(12.0)[None, :, None] * np.array([1.0, -2.0, 3.0])[:, None, None]
    >>> [bool(one.operator_gap < 1e-12) for one in chapman_kolmogorov(Koopman(), z[:2], z[2:])]
    [True, True, True]
    """
    if not steps or min(steps) < 2:
        raise ValueError(f"steps must be whole numbers, 2 or more, got {steps}")
    tested = check_trajectories(held_out)
    first = koopman.delays + koopman.lag * max(steps)
    true = np.concatenate([item[first:] for item in check_trajectories(tested, min_steps=first + 1)])
    once = clone(koopman).fit(trajectories)
    found = []
    for n in steps:
        at_once = clone(koopman).set_params(lag=n * koopman.lag).fit(trajectories)
        powers = np.concatenate(forecast(once, tested, steps=n, first=first))
        direct = np.concatenate(forecast(at_once, tested, first=first))
        power = np.linalg.matrix_power(once.operator_, n)
        found.append(
            ChapmanKolmogorov(
                n,
                float(np.linalg.norm(at_once.operator_ - power) / np.linalg.norm(at_once.operator_)),
                error_between(powers, true).overall,
                error_between(direct, true).overall,
                float(((powers - direct) ** 2).sum() / (true**2).sum()),
                once.eigenvalues_**n,
                at_once.eigenvalues_,
            )
        )
    return found
