"""What the authors' released code does in place of the paper's formulas."""

from collections.abc import Sequence

import numpy as np

from linearlens.kann._groups import projection_magnitude
from linearlens.koopman import Koopman, check_group, modes


def released_pairs(koopman: Koopman, trajectories: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Pairs as the authors' released code takes them: neighbours in the order of magnitude, conjugate or not.

    Parameters
    ----------
    koopman : Koopman
    trajectories : list of ndarray of shape (n_steps_i, n_features)

    Returns
    -------
    list of ndarray of shape (2,)
        Indices of eigenvalues, by falling magnitude over all states with eigenvectors of length 1; of an odd
        number the last is left out.
    """
    size = projection_magnitude(koopman, np.concatenate(trajectories), unit="eigenvector").sum(axis=0)
    order = np.argsort(-size, kind="stable")
    return [order[i : i + 2] for i in range(0, len(order) - 1, 2)]


def released_projector(koopman: Koopman, pair: np.ndarray) -> np.ndarray:
    """``|V_p U_p|`` of a pair p, the modulus of each entry (Eq. 11), as in the authors' released code.

    It is no projector: applied twice it does not give what it gives once.

    Parameters
    ----------
    koopman : Koopman
    pair : ndarray of shape (2,)
        Indices of eigenvalues.

    Returns
    -------
    ndarray of shape (n_observables, n_observables)

    Raises
    ------
    ValueError
        If an index is out of range.
    """
    pair = check_group(koopman.eigenvectors_, pair)
    return np.abs(koopman.eigenvectors_[:, pair] @ modes(koopman.eigenvectors_)[pair])
