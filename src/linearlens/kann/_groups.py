"""Which eigenvalues matter, and the parts of states that go with them: magnitude, order, removal."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from linearlens.koopman import Koopman, conjugate_groups, gather, modes, span_projector


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


def period(eigenvalue: complex) -> float:
    """Steps of one turn, ``2π / |arg λ|``; infinity for a positive real eigenvalue, which does not turn.

    Examples
    --------
    >>> period(0.9j), period(0.9)
    (4.0, inf)
    """
    angle = abs(np.angle(eigenvalue))
    return float(2 * np.pi / angle) if angle > 0 else float("inf")


@dataclass(frozen=True)
class Removal:
    """What removing each group of eigenvectors from states changes in what is decoded from them, most first.

    Parameters
    ----------
    groups : list of ndarray
        Indices of eigenvalues, by falling change.
    changes : ndarray of shape (n_groups, n_steps)
        Mean absolute change at each step, in the same order.
    everything : ndarray of shape (n_steps,)
        The change if all that states have beyond their centre is removed.
    """

    groups: list[np.ndarray]
    changes: np.ndarray
    everything: np.ndarray

    @property
    def shares(self) -> np.ndarray:
        """Summed change of each group over that of everything."""
        return self.changes.sum(axis=1) / self.everything.sum()


def remove_groups(
    koopman: Koopman,
    decode: Callable[[np.ndarray], np.ndarray],
    states: np.ndarray,
    centre: np.ndarray,
    groups: Sequence[np.ndarray],
) -> Removal:
    """Remove the span of one group at a time from what states have beyond their centre, and decode again.

    Parameters
    ----------
    koopman : Koopman
    decode : callable
        Takes states of shape (n_states, n_features), gives series of shape (n_states, n_steps).
    states : ndarray of shape (n_states, n_features)
    centre : ndarray of shape (n_features,)
        Such as the mean state of the fit.
    groups : sequence of ndarray
        As from `dominant_groups`.

    Returns
    -------
    Removal
    """
    beyond, drawn = states - centre, decode(states)
    without = [beyond @ span_projector(koopman.eigenvectors_, group) for group in groups]
    changes = np.array([np.abs(drawn - decode(states - part)).mean(axis=0) for part in without])
    order = np.argsort(-changes.sum(axis=1), kind="stable")
    everything = np.abs(drawn - decode(states - beyond)).mean(axis=0)
    return Removal([groups[i] for i in order], changes[order], everything)
