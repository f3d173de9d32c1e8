"""KANN: reading a sequence model through the spectrum of its states (Naiman and Azencot 2023).

The operator itself is :class:`linearlens.koopman.Koopman`, fitted to hidden states; here is what the paper does
with its eigenvectors. In the paper's letters, with states as rows: ``H[t+1] ≈ H[t] K``, ``K V = V Λ``,
``U = V⁻¹``. A column of V makes an eigenfunction of a state, a row of U is the direction in which it moves the
state.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.stats import binomtest
from sklearn.metrics import silhouette_score
from torch import nn

from linearlens.koopman import (
    ControlledKoopman,
    Koopman,
    check_group,
    conjugate_groups,
    gather,
    modes,
    span_projector,
)
from linearlens.models import pad_texts
from linearlens.snapshots import iterate_hidden


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


def read_texts(network: nn.Module, numbers: Sequence[np.ndarray], *, batch_size: int = 50) -> list[np.ndarray]:
    """The states of a network that reads texts: the state 0 first, then one after each word.

    Parameters
    ----------
    network : nn.Module
        Takes word numbers and lengths, such as `linearlens.models.GRUClassifier`.
    numbers : sequence of ndarray of shape (n_words_i,)
        Encoded texts; texts of like length next to each other are read fastest.
    batch_size : int

    Returns
    -------
    list of ndarray of shape (n_words_i + 1, n_hidden)
    """
    batches = (pad_texts(numbers[i : i + batch_size]) for i in range(0, len(numbers), batch_size))
    return [states for batch in iterate_hidden(network, batches, initial=True) for states in batch]


def read_padded(network: nn.Module, numbers: Sequence[np.ndarray], *, length: int) -> list[np.ndarray]:
    """The states of a network that reads texts filled up to one length, the paper's recipe; without the state 0.

    Parameters
    ----------
    network : nn.Module
        As in `read_texts`.
    numbers : sequence of ndarray of shape (n_words_i,)
    length : int
        In words; what is missing is filled with the word of number 0.

    Returns
    -------
    list of ndarray of shape (length, n_hidden)
    """
    short, _ = pad_texts(numbers)
    filled = nn.functional.pad(short, (0, length - short.shape[1]))
    (states,) = iterate_hidden(network, [(filled, torch.full((len(filled),), length))])
    return states


def matched_means(
    values: np.ndarray, words: np.ndarray, where: np.ndarray, reference: np.ndarray, *, least: int = 3
) -> tuple[float, float]:
    """Means over two sets of places that hold the same words equally often.

    Parameters
    ----------
    values : ndarray of shape (n_places,)
    words : ndarray of shape (n_places,)
        Number of the word at each place.
    where, reference : ndarray of shape (n_places,)
        Booleans; words count as often as they stand in `where`.
    least : int
        Words with fewer places in either set are left out.

    Returns
    -------
    tuple of float
        The mean in `where`, and that in `reference`.

    Raises
    ------
    ValueError
        If no word has so many places in both.

    Examples
    --------
    >>> values, words = np.array([2.0, 4.0, 1.0, 1.0, 9.0]), np.array([0, 0, 0, 0, 1])
    >>> where = np.array([True, True, False, False, False])
    >>> matched_means(values, words, where, ~where, least=2)
    (3.0, 1.0)
    """
    counts, means = [], []
    for mask in (where, reference):
        n = np.bincount(words[mask], minlength=words.max() + 1)
        counts.append(n)
        means.append(np.bincount(words[mask], values[mask], len(n)) / np.maximum(n, 1))
    both = (counts[0] >= least) & (counts[1] >= least)
    if not both.any():
        raise ValueError(f"no word has {least} places or more in both sets; lower least")
    return tuple(float(np.average(mean[both], weights=counts[0][both])) for mean in means)  # type: ignore[return-value]


def forecast_ends(
    trajectories: Sequence[np.ndarray],
    models: Mapping[str, Any],
    *,
    steps: int = 1,
    inputs: Sequence[np.ndarray] | None = None,
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The last state of each sequence as models predict it from some steps before.

    Parameters
    ----------
    trajectories : list of ndarray of shape (n_steps_i, n_features)
        Those with no state so long before the last but the first are left out.
    models : mapping of str to model
        Each has ``predict(start, steps)``; a `ControlledKoopman` is given the inputs of these steps.
    steps : int
    inputs : list of ndarray of shape (n_steps_i - 1, n_inputs), optional
        What led to each state but the first.

    Returns
    -------
    predicted : dict of str to ndarray of shape (n_kept, n_features)
    ends : ndarray of shape (n_kept, n_features)
        The true last states.
    """
    kept = [place for place, states in enumerate(trajectories) if len(states) > steps + 1]
    start = np.stack([trajectories[place][-1 - steps] for place in kept])
    predicted = {}
    for name, model in models.items():
        if isinstance(model, ControlledKoopman):
            if inputs is None:
                raise ValueError(f"{name} takes inputs: give those of each sequence")
            predicted[name] = model.predict(start, np.stack([inputs[place][-steps:] for place in kept]))
        else:
            predicted[name] = model.predict(start, steps)
    return predicted, np.stack([trajectories[place][-1] for place in kept])


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


def period(eigenvalue: complex) -> float:
    """Steps of one turn, ``2π / |arg λ|``; infinity for a positive real eigenvalue, which does not turn.

    Examples
    --------
    >>> period(0.9j), period(0.9)
    (4.0, inf)
    """
    angle = abs(np.angle(eigenvalue))
    return float(2 * np.pi / angle) if angle > 0 else float("inf")


def motion_plane(trajectories: Sequence[np.ndarray]) -> np.ndarray:
    """The plane in which the mean trajectory moves at its end, as an orthogonal projector; no operator is fitted.

    Parameters
    ----------
    trajectories : ndarray of shape (n_trajectories, n_steps, n_features), or a list of arrays of one length
        With 3 steps or more.

    Returns
    -------
    ndarray of shape (n_features, n_features)
        On the span of the last step of the mean, ``m[T] − m[T−1]``, and of the step before it.

    Raises
    ------
    ValueError
        If there are fewer than 3 steps, or the mean stands still or goes straight on, so that there is no plane.
    """
    steps = np.diff(np.mean(np.asarray(trajectories, dtype=float), axis=0)[-3:], axis=0)
    if len(steps) < 2:
        raise ValueError(f"need 3 steps or more for a plane of motion, got {len(steps) + 1}")
    _, sizes, directions = np.linalg.svd(steps, full_matrices=False)
    if sizes[1] <= 1e-10 * max(sizes[0], 1e-300):
        raise ValueError("the mean trajectory does not turn at its end: its last two steps span no plane")
    return directions.T @ directions


def random_part(part: np.ndarray, rng: np.random.Generator, *, of: np.ndarray) -> np.ndarray:
    """A control for a part of some states: their part in a random plane, made as long as the one it stands beside.

    Parameters
    ----------
    part : ndarray of shape (n_states, n_features)
        What a projection has kept of the states.
    rng : numpy Generator
    of : ndarray of shape (n_states, n_features)
        The states, or what they have beyond their mean.

    Returns
    -------
    ndarray of shape (n_states, n_features)
        With the same root mean square length as `part`. Without that, a random plane keeps next to nothing: two of 64
        dimensions hold a thirty-second of the squared length.
    """
    frame, _ = np.linalg.qr(rng.standard_normal((of.shape[1], 2)))
    drawn = of @ frame @ frame.T
    return drawn * np.linalg.norm(part) / np.linalg.norm(drawn)


def running_silhouette(points: np.ndarray, labels: np.ndarray, steps: Sequence[int]) -> np.ndarray:
    """How well two classes separate, averaged over all steps so far (Fig. 3 right of the paper).

    Parameters
    ----------
    points : ndarray of shape (n_sequences, n_steps, n_coordinates)
        Complex coordinates count with real and imaginary part.
    labels : ndarray of shape (n_sequences,)
    steps : sequence of int
        At which steps to look, in order.

    Returns
    -------
    ndarray of shape (len(steps),)
        The mean of the silhouettes up to each of these steps.
    """
    if np.iscomplexobj(points):
        points = np.concatenate([points.real, points.imag], axis=-1)
    values = [silhouette_score(points[:, step], labels) for step in steps]
    return np.cumsum(values) / np.arange(1, len(values) + 1)


def whiten(points: np.ndarray) -> np.ndarray:
    """The same coordinates, turned and scaled so that over all points they are uncorrelated and of variance 1.

    Parameters
    ----------
    points : ndarray of shape (..., n_coordinates)
        Complex coordinates count with real and imaginary part; of directions in which nothing varies none is kept.

    Returns
    -------
    ndarray of shape (..., at most n_coordinates, or twice as many)
    """
    if np.iscomplexobj(points):
        points = np.concatenate([points.real, points.imag], axis=-1)
    flat = points.reshape(-1, points.shape[-1])
    middle = flat.mean(axis=0)
    _, sizes, directions = np.linalg.svd(flat - middle, full_matrices=False)
    kept = sizes > 1e-6 * sizes[0]
    return (points - middle) @ directions[kept].T / sizes[kept] * np.sqrt(len(flat))


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
    n_sequences : int
    """

    first: float
    second: float
    only_first: int
    only_second: int
    p_value: float
    n_sequences: int

    @property
    def smallest_p(self) -> float:
        """The p value if all sequences that differ spoke for one of the two: the test cannot give a smaller one."""
        return min(1.0, 2.0 ** (1 - self.only_first - self.only_second))

    @property
    def difference(self) -> tuple[float, float]:
        """Limits, with a confidence of 95 %, of how much more often the first agrees, as a share of the sequences.

        By the normal distribution, with half a sequence on either side added (Agresti and Min, 2005), so that they do
        not meet where few sequences differ.
        """
        one, two, n = self.only_first + 0.5, self.only_second + 0.5, self.n_sequences + 2
        middle = (one - two) / n
        width = 1.96 * np.sqrt(one + two - (one - two) ** 2 / n) / n
        return float(middle - width), float(middle + width)


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
    return Agreement(float(one.mean()), float(two.mean()), only_first, only_second, float(p_value), len(network))


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
