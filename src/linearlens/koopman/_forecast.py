"""How well a linear model foresees trajectories it has not seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from linearlens.koopman._delays import delay_windows
from linearlens.koopman._trajectories import Trajectories, check_trajectories, check_whole, in_double


class Predictor(Protocol):
    """Anything with a number of past states it wants to see and a forecast."""

    delays: int

    def predict(self, states: np.ndarray, steps: int = 1) -> np.ndarray:
        """States of shape (n_states, n_features) that many steps ahead."""


@dataclass(frozen=True)
class ForecastError:
    """Two ways to count what a forecast misses; both are ratios of squares.

    Parameters
    ----------
    relative : float
        Mean over all states of ``‖error‖² / ‖state‖²``: Eq. 12 of Naiman and Azencot (2023). States near 0
        count much.
    overall : float
        ``Σ‖error‖² / Σ‖state‖²``.
    """

    relative: float
    overall: float


def forecast(
    model: Predictor, trajectories: Trajectories, *, steps: int = 1, first: int | None = None
) -> list[np.ndarray]:
    """Every state that can be foreseen from one `steps` before it.

    Parameters
    ----------
    model : Koopman, or a null model
    trajectories : as in ``Koopman.fit``
    steps : int
        1 or more; of a model with a lag, steps of that length.
    first : int, optional
        Number of the first state to foresee, ``model.delays + steps`` by default. Give one number to models
        that are to be compared.

    Returns
    -------
    list of ndarray of shape (n_steps_i - first, n_features)

    Raises
    ------
    ValueError
        If `steps` is no whole number or below 1, a trajectory is too short or `first` too early for the model.
    """
    earliest = _earliest(model, steps)
    first = earliest if first is None else first
    if first < earliest:
        raise ValueError(
            f"with {model.delays} delays, {steps} steps ahead, the first state foreseen is {earliest}, not {first}"
        )
    checked = check_trajectories(trajectories, min_steps=first + 1)
    lengths = [len(item) - first for item in checked]
    windows = [delay_windows(item, delays=model.delays)[first - earliest :] for item in checked]
    starts = np.concatenate([item[:n] for item, n in zip(windows, lengths, strict=True)])
    predicted = model.predict(starts if model.delays else starts[:, 0], steps)
    return np.split(predicted, np.cumsum(lengths)[:-1])


def forecast_error(
    model: Predictor, trajectories: Trajectories, *, steps: int = 1, first: int | None = None
) -> ForecastError:
    """What `forecast` misses. Parameters and errors are those of `forecast`; states of norm 0 are left out."""
    checked = check_trajectories(trajectories)
    predicted = np.concatenate(forecast(model, checked, steps=steps, first=first))
    first = _earliest(model, steps) if first is None else first
    return error_between(predicted, np.concatenate([item[first:] for item in checked]))


def error_between(predicted: np.ndarray, true: np.ndarray) -> ForecastError:
    """Error of given predictions of states, both of shape (n_states, n_features); states of norm 0 are left out.

    Raises
    ------
    ValueError
        If the shapes differ, a prediction is NaN or no state is left.
    """
    predicted, true = in_double(predicted, "the array of predictions"), in_double(true, "the array of true states")
    if predicted.ndim != 2 or predicted.shape != true.shape:
        raise ValueError(f"need two arrays of one shape (n_states, n_features), got {predicted.shape} and {true.shape}")
    if np.isnan(predicted).any():
        first = int(np.isnan(predicted).any(axis=1).argmax())
        raise ValueError(f"the prediction of state {first} is NaN; if an operator grows, foresee fewer steps")
    missed = ((predicted - true) ** 2).sum(axis=1)
    size = (true**2).sum(axis=1)
    there = size > 0
    if not there.any():
        raise ValueError(f"all {len(true)} true states have norm 0, so there is nothing to compare an error with")
    return ForecastError(float(np.mean(missed[there] / size[there])), float(missed[there].sum() / size[there].sum()))


def rollout(model: Predictor, states: np.ndarray, *, steps: int) -> np.ndarray:
    """All states up to `steps` ahead, without a look at the truth on the way.

    Parameters
    ----------
    model : Koopman, or a null model
    states : ndarray
        Where to start, as ``model.predict`` wants them.
    steps : int
        1 or more.

    Returns
    -------
    ndarray of shape (n_states, steps, n_features)

    Raises
    ------
    ValueError
        If `steps` is no whole number or below 1.
    """
    check_whole("steps", steps, 1)
    if hasattr(model, "rollout"):
        return model.rollout(states, steps=steps)
    return np.stack([model.predict(states, step) for step in range(1, steps + 1)], axis=1)


def gather(trajectories: Sequence[np.ndarray], step: int) -> np.ndarray:
    """One state of each trajectory, counted from the end if negative; shape (n_trajectories, n_features).

    Raises
    ------
    ValueError
        If a trajectory has no such step, or there is no trajectory.
    """
    for index, item in enumerate(trajectories):
        if not -len(item) <= step < len(item):
            raise ValueError(f"trajectory {index} has no step {step}: it has {len(item)} states")
    return np.stack([item[step] for item in trajectories])


def _earliest(model: Predictor, steps: int) -> int:
    """Number of the first state that can be foreseen so many steps ahead."""
    check_whole("steps", steps, 1)
    return model.delays + steps * getattr(model, "lag", 1)
