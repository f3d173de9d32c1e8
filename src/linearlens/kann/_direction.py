"""An eigenvector as one real direction in the space of states."""

from collections.abc import Sequence

import numpy as np

from linearlens.koopman import Koopman, gather


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


def reading_direction(
    koopman: Koopman, trajectories: Sequence[np.ndarray], outputs: np.ndarray, *, index: int = 0
) -> np.ndarray:
    """An eigenvector as one real direction in the space of states, ``q = Re(v_j e^{−iθ})``, with a sign.

    Then ``(h[t] − h[t−1]) q`` says how far a step moves the eigenfunction, and which way.

    Parameters
    ----------
    koopman : Koopman
        Without delays or a dictionary.
    trajectories : list of ndarray of shape (n_steps_i, n_features)
        Of the batch the operator was fitted on; the angle θ is that of `increment_phases`.
    outputs : ndarray of shape (n_sequences,)
        Of the network, for the same sequences; see `oriented`.
    index : int
        Which eigenvector, by falling modulus of its eigenvalue.

    Returns
    -------
    ndarray of shape (n_features,)

    Raises
    ------
    ValueError
        If there is not one output for each sequence.
    """
    phase = increment_phases(koopman, trajectories)[index]
    return oriented((koopman.eigenvectors_[:, index] * np.exp(-1j * phase)).real, trajectories, outputs)


def oriented(direction: np.ndarray, trajectories: Sequence[np.ndarray], outputs: np.ndarray) -> np.ndarray:
    """A direction, or its opposite: the one along which last states grow with the network's own outputs.

    Parameters
    ----------
    direction : ndarray of shape (n_features,)
    trajectories : list of ndarray of shape (n_steps_i, n_features)
    outputs : ndarray of shape (n_sequences,)
        Of the network, for the same sequences; no label is used.

    Returns
    -------
    ndarray of shape (n_features,)
        The direction itself where the covariance is 0.

    Raises
    ------
    ValueError
        If there is not one output for each sequence.
    """
    ends, outputs = gather(trajectories, -1) @ direction, np.asarray(outputs)
    if outputs.shape != ends.shape:
        raise ValueError(f"need one output a sequence, shape ({len(ends)},), got shape {outputs.shape}")
    return -direction if (ends - ends.mean()) @ (outputs - outputs.mean()) < 0 else direction
