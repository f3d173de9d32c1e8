"""Predictors of last states, and how often what they predict is decided as the network decides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import binomtest

from linearlens.koopman import ControlledKoopman


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
