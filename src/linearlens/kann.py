"""KANN: reading a sequence model through the spectrum of its states (Naiman and Azencot 2023).

The operator itself is :class:`linearlens.koopman.Koopman`, fitted to hidden states; here is what the paper does
with its eigenvectors. In the paper's letters, with states as rows: ``H[t+1] ≈ H[t] K``, ``K V = V Λ``,
``U = V⁻¹``. A column of V makes an eigenfunction of a state, a row of U is the direction in which it moves the
state.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from linearlens.koopman import Koopman, check_group, conjugate_groups, gather, modes


def projection_magnitude(koopman: Koopman, states: np.ndarray, *, unit: str = "mode") -> np.ndarray:
    """Size of each eigenfunction at each state, ``s(j, h) = |h v_j|`` (Eq. 10).

    Parameters
    ----------
    koopman : Koopman
        Fitted, without delays.
    states : ndarray of shape (n_states, n_features)
    unit : {"mode", "eigenvector"}
        An eigenvector has no length of its own. ``"mode"`` gives mode ``u_j`` length 1, so that the value is
        the length of what mode ``j`` contributes to the state; ``"eigenvector"`` gives ``v_j`` length 1, as the
        paper's code does.

    Returns
    -------
    ndarray of shape (n_states, n_eigenvalues)
        In units of the states with ``"mode"``.

    Raises
    ------
    ValueError
        If `unit` is neither, or the states do not fit the operator.
    """
    if unit not in ("mode", "eigenvector"):
        raise ValueError(f"unit must be 'mode' or 'eigenvector', got {unit!r}")
    size = np.abs(koopman.eigenfunctions(states))
    if unit == "mode":
        return size * np.linalg.norm(modes(koopman.eigenvectors_), axis=1)
    return size / np.linalg.norm(koopman.eigenvectors_, axis=0)


def dominant_groups(
    koopman: Koopman, trajectories: Sequence[np.ndarray], *, step: int | None = None, unit: str = "mode"
) -> list[np.ndarray]:
    """Real eigenvalues and conjugate pairs, most dominant first: by Eq. 10, summed over all states.

    Parameters
    ----------
    koopman : Koopman
    trajectories : list of ndarray of shape (n_steps_i, n_features)
    step : int, optional
        Look at this state of each sequence only, for instance -1.
    unit : str
        As in `projection_magnitude`.

    Returns
    -------
    list of ndarray of shape (1,) or (2,)
        Indices of eigenvalues. A pair counts with the sum of both its magnitudes.

    Raises
    ------
    ValueError
        As in `projection_magnitude`, or if a trajectory has no such step.
    """
    states = np.concatenate(trajectories) if step is None else gather(trajectories, step)
    total = projection_magnitude(koopman, states, unit=unit).sum(axis=0)
    groups = conjugate_groups(koopman.eigenvalues_)
    return sorted(groups, key=lambda group: -total[group].sum())


def increment_phases(koopman: Koopman, trajectories: Sequence[np.ndarray]) -> np.ndarray:
    """The angle along which each complex coordinate moves most, ``θ = ½ arg mean (ζ[t] − ζ[t−1])²``.

    Parameters
    ----------
    koopman : Koopman
    trajectories : list of ndarray of shape (n_steps_i, n_features)
        Of the batch the operator was fitted on: another batch is then read with what was learnt here.

    Returns
    -------
    ndarray of shape (n_eigenvalues,)
        In radians, between −π/2 and π/2; 0 for a real eigenvalue, whose eigenvector is real as fitted.

    Raises
    ------
    ValueError
        If there is no trajectory, or one does not fit the operator.
    """
    if len(trajectories) == 0:
        raise ValueError("need at least one trajectory, got an empty list")
    total = sum((np.diff(koopman.eigenfunctions(item), axis=0) ** 2).sum(axis=0) for item in trajectories)
    return np.angle(total) / 2


def signed_increments(koopman: Koopman, trajectories: Sequence[np.ndarray], phases: np.ndarray) -> list[np.ndarray]:
    """How far each step moves each coordinate, and which way: ``Re((ζ[t] − ζ[t−1]) e^{−iθ})``.

    Parameters
    ----------
    koopman : Koopman
    trajectories : list of ndarray of shape (n_steps_i, n_features)
        With the initial state first, the first increment is what the first input does.
    phases : ndarray of shape (n_eigenvalues,)
        From `increment_phases`.

    Returns
    -------
    list of ndarray of shape (n_steps_i - 1, n_eigenvalues)
        The overall sign of each coordinate is arbitrary; see `orientations`.

    Raises
    ------
    ValueError
        If there is not one phase for each eigenvalue, or a trajectory does not fit the operator.
    """
    phases, n_eigenvalues = np.asarray(phases), len(koopman.eigenvalues_)
    if phases.shape != (n_eigenvalues,):
        raise ValueError(f"need one phase an eigenvalue, shape ({n_eigenvalues},), got shape {phases.shape}")
    turn = np.exp(-1j * phases)
    return [(np.diff(koopman.eigenfunctions(item), axis=0) * turn).real for item in trajectories]


def orientations(increments: Sequence[np.ndarray], outputs: np.ndarray) -> np.ndarray:
    """The sign that makes each coordinate grow with the network's own output.

    Parameters
    ----------
    increments : list of ndarray of shape (n_steps_i, n_coordinates)
        Of the batch the operator was fitted on.
    outputs : ndarray of shape (n_sequences,)
        Of the network, for the same sequences; no label is used.

    Returns
    -------
    ndarray of shape (n_coordinates,)
        1 or −1: the sign of the covariance of a sequence's summed increments with its output; 1 where that is 0.

    Raises
    ------
    ValueError
        If there is not one output for each sequence.
    """
    totals, outputs = np.stack([item.sum(axis=0) for item in increments]), np.asarray(outputs)
    if outputs.shape != (len(totals),):
        raise ValueError(f"need one output a sequence, shape ({len(totals)},), got shape {outputs.shape}")
    return np.where((totals - totals.mean(axis=0)).T @ (outputs - outputs.mean()) < 0, -1, 1)


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


@dataclass(frozen=True)
class Agreement:
    """How often two predictors decide as the network does, and whether their difference is more than luck.

    Parameters
    ----------
    first, second : float
        Share of sequences on which each agrees with the network.
    only_first, only_second : int
        Sequences on which one of them alone agrees.
    p_value : float
        Of McNemar's exact test that both agree equally often.
    """

    first: float
    second: float
    only_first: int
    only_second: int
    p_value: float


def compare_agreement(network: np.ndarray, first: np.ndarray, second: np.ndarray) -> Agreement:
    """Compare two predictors by the network they imitate.

    Parameters
    ----------
    network, first, second : ndarray of shape (n_sequences,)
        Decisions: class numbers or booleans.

    Returns
    -------
    Agreement

    Raises
    ------
    ValueError
        If they are not lists of one length, or are empty.
    """
    network, first, second = _decisions(network, first, second)
    one, two = first == network, second == network
    only_first, only_second = int((one & ~two).sum()), int((two & ~one).sum())
    differing = only_first + only_second
    p_value = binomtest(only_first, differing).pvalue if differing else 1.0
    return Agreement(float(one.mean()), float(two.mean()), only_first, only_second, float(p_value))


def confusion(truth: np.ndarray, decisions: np.ndarray) -> dict[str, float]:
    """Shares of true and false positives and negatives, ``{"TP": …, "TN": …, "FP": …, "FN": …}``.

    Parameters
    ----------
    truth, decisions : ndarray of shape (n_sequences,)
        Classes 0 and 1, or booleans.

    Raises
    ------
    ValueError
        If they are not lists of one length, are empty, or hold anything but 0 and 1.
    """
    truth, decisions = _decisions(truth, decisions)
    if not np.isin([truth, decisions], (0, 1)).all():
        raise ValueError("need classes 0 and 1; compare logits with a threshold first")
    truth, decisions = truth.astype(bool), decisions.astype(bool)
    parts = {"TP": truth & decisions, "TN": ~truth & ~decisions, "FP": ~truth & decisions, "FN": truth & ~decisions}
    return {name: float(part.mean()) for name, part in parts.items()}


def _decisions(*lists: np.ndarray) -> list[np.ndarray]:
    arrays = [np.asarray(part) for part in lists]
    shapes = [part.shape for part in arrays]
    if len(set(shapes)) > 1 or arrays[0].ndim != 1 or len(arrays[0]) == 0:
        raise ValueError(f"need lists of decisions of one length, not empty, got shapes {', '.join(map(str, shapes))}")
    return arrays
