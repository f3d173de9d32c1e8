"""A linear operator in lifted space in place of layers, from their input alone."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import linalg
from sklearn.base import clone
from torch import nn

from linearlens.koopman import lift_states
from linearlens.layers._operator import LayerOperator
from linearlens.layers._spans import collect_rows, replace
from linearlens.snapshots import Rows, between
from linearlens.snapshots.running import as_inputs

RIDGES = (1e-10, 1e-8, 1e-6, 1e-4, 1e-2)
CHUNK_ROWS = 4096  # states lifted at a time
FEWEST = 10  # samples


def fit_layer(
    model: nn.Module,
    start: str | None,
    stop: str,
    inputs: Any,
    *,
    lift: Any = None,
    ridges: Sequence[float] = RIDGES,
    held_out: float = 0.2,
    teacher: nn.Module | None = None,
    rows: str = "flat",
    positions: int | Sequence[int] = (),
    seed: int = 0,
) -> LayerOperator:
    """Fit an operator from the activation at module `start` to that at `stop`.

    Parameters
    ----------
    model : nn.Module
        Left as it was.
    start : str or None
        Name of the module whose output is lifted; None takes the model's inputs.
    stop : str
        Name of the module whose output is wanted. It must follow from that of `start` alone, which is tried on a few
        samples, as in :class:`linearlens.snapshots.Cut`.
    inputs : ndarray of shape (n_samples, *input_shape), Tensor, tuple of positional or mapping of named inputs
        Training inputs of the model, 10 samples or more.
    lift : scikit-learn transformer, or a list of them, optional
        Makes observables of a state; the constant is added here. Each is cloned and fitted to the samples not
        held out. Of several, the one with the least held-out error is taken. None makes the map affine.
    ridges : sequence of float
        Penalties to choose from; 0 gives least squares, of least norm where the data leave it open.
    held_out : float
        Share of the samples on which lift and ridge are chosen.
    teacher : nn.Module, optional
        Its activation at `stop` is the target; the model itself by default. With a hybrid as the model and the
        original as the teacher, the operator learns to undo what earlier operators got wrong.
    rows, positions
        How states with more axes become rows, as in :class:`linearlens.snapshots.Rows`: by default all numbers of a
        sample in one; ``rows="each", positions=1`` gives all tokens one operator, ``rows="each", positions=(2, 3)``
        all pixels of a feature map. With "each", samples held out are those of whole inputs.
    seed : int
        Seeds which samples are held out.

    Returns
    -------
    LayerOperator
        Fitted to all samples with the lift and the ridge that were chosen.

    Raises
    ------
    ValueError
        If a name does not exist, something passes by `start` on the way to `stop`, activations are not finite, rows
        at `start` and `stop` do not belong to each other, there are too few samples, or a setting is out of range.

    Notes
    -----
    Extended DMD (Williams et al. 2015) with present states from one layer and next ones from another:
    ``min Σ ‖ψ(h) K + k − f(h)‖² / n_samples + ridge ‖K‖²``, where columns of ψ are brought to mean 0 and
    standard deviation 1 first. Lifted states are never kept: their moments are summed in float64, so memory
    grows with the number of observables only.
    """
    between(model, start, stop, inputs)
    penalties, form = _check_settings(ridges, held_out), Rows(rows, positions)
    states, _ = collect_rows(model, inputs, start, form)
    targets, shape = collect_rows(model if teacher is None else teacher, inputs, stop, form)
    if len(states) != len(targets):
        raise ValueError(
            f"{start!r} gives {len(states)} rows and {stop!r} {len(targets)}, so their positions do not belong to each "
            "other; take rows='flat' or 'mean'"
        )
    held, learnt = _split(len(states), len(as_inputs(model, inputs).first), held_out, seed)
    spread = targets[held].var(axis=0).sum() or 1.0

    best: _Choice | None = None
    for candidate in lift if isinstance(lift, list | tuple) else [lift]:
        fitted = None if candidate is None else clone(candidate).fit(states[learnt].astype(np.float64))
        moments = _moments(fitted, states[learnt], targets[learnt])
        maps = [moments.solve(ridge) for ridge in penalties]
        errors = _errors(fitted, states[held], targets[held], maps) / spread
        least = int(errors.argmin())
        if best is None or errors[least] < best.error:
            best = _Choice(float(errors[least]), fitted, penalties[least])
    if best is None:
        raise ValueError("lift is an empty list; give one transformer or more, or None for an affine map")
    weights, offset = _moments(best.lift, states, targets).solve(best.ridge)
    return LayerOperator(
        start, stop, best.lift, weights, offset, ridge=best.ridge, error=best.error, form=form, shape=shape
    )


def fit_layers(
    model: nn.Module,
    spans: Sequence[tuple[str | None, str]],
    inputs: np.ndarray,
    *,
    sequential: bool = True,
    **options: Any,
) -> list[LayerOperator]:
    """Operators for several layers at once, to be given to `replace` together.

    Parameters
    ----------
    model : nn.Module
        Left as it was.
    spans : sequence of (start, stop)
        In the order of the layers.
    inputs : ndarray of shape (n_samples, *input_shape)
    sequential : bool
        Fit each operator on the activations of the hybrid with the earlier ones in it, towards the true
        activations. Otherwise on the original's activations, as if the others were not there.
    **options
        Passed on to `fit_layer`.

    Returns
    -------
    list of LayerOperator

    Raises
    ------
    ValueError
        If there is no span, and as in `fit_layer`.
    """
    if isinstance(spans, str) or not spans or any(isinstance(span, str) or len(span) != 2 for span in spans):
        raise ValueError(f"spans must be a list of one or more pairs (start, stop) of names, got {spans!r}")
    operators: list[LayerOperator] = []
    for start, stop in spans:
        student = replace(model, *operators) if sequential and operators else model
        operators.append(fit_layer(student, start, stop, inputs, teacher=model, **options))
    return operators


class _Choice(NamedTuple):
    error: float
    lift: Any
    ridge: float


class _Moments(NamedTuple):
    """Means of lifted states and targets, standard deviations of the former, and the spectrum of their correlations."""

    mean_x: np.ndarray
    mean_y: np.ndarray
    scale: np.ndarray
    strengths: np.ndarray
    directions: np.ndarray
    xy: np.ndarray

    def solve(self, ridge: float) -> tuple[np.ndarray, np.ndarray]:
        """Weights and offset. Directions that rounding alone could have made are left out."""
        kept = self.strengths > self.strengths[-1] * max(len(self.xy), 32) * np.finfo(float).eps
        inverse = self.directions[:, kept] / (self.strengths[kept] + ridge)
        weights = inverse @ (self.directions[:, kept].T @ self.xy) / self.scale[:, None]
        return weights, self.mean_y - self.mean_x @ weights


def _moments(lift: Any, states: np.ndarray, targets: np.ndarray) -> _Moments:
    # Rows are shifted by about their mean first: to centre a Gram matrix afterwards costs digits.
    shift_x, shift_y = (item.mean(axis=0) for item in next(_chunks(lift, states, targets)))
    if len(states) < len(shift_x):
        return _few_moments(lift, states, targets)
    sum_x, sum_y = np.zeros_like(shift_x), np.zeros_like(shift_y)
    xx, xy = (np.zeros((len(sum_x), len(other))) for other in (sum_x, sum_y))
    for x, y in _chunks(lift, states, targets):
        x, y = x - shift_x, y - shift_y
        sum_x += x.sum(axis=0)
        sum_y += y.sum(axis=0)
        xx += x.T @ x
        xy += x.T @ y
    n, mean_x, mean_y = len(states), sum_x / len(states), sum_y / len(states)
    xx, xy = xx / n - np.outer(mean_x, mean_x), xy / n - np.outer(mean_x, mean_y)
    variances = np.diag(xx).clip(min=0)
    scale = np.sqrt(np.where(variances > 1e-20 * variances.max(initial=0), variances, np.inf))
    strengths, directions = linalg.eigh(xx / np.outer(scale, scale))
    return _Moments(shift_x + mean_x, shift_y + mean_y, scale, strengths, directions, xy / scale[:, None])


def _few_moments(lift: Any, states: np.ndarray, targets: np.ndarray) -> _Moments:
    """The same from fewer samples than observables, which span no more directions than there are samples."""
    x, y = (np.concatenate(part) for part in zip(*_chunks(lift, states, targets), strict=True))
    mean_x, mean_y = x.mean(axis=0), y.mean(axis=0)
    variances = x.var(axis=0)
    scale = np.sqrt(np.where(variances > 1e-20 * variances.max(initial=0), variances, np.inf))
    x = (x - mean_x) / scale
    _, strengths, directions = linalg.svd(x, full_matrices=False)
    return _Moments(
        mean_x, mean_y, scale, strengths[::-1] ** 2 / len(x), directions[::-1].T, x.T @ (y - mean_y) / len(x)
    )


def _errors(lift: Any, states: np.ndarray, targets: np.ndarray, maps: list) -> np.ndarray:
    """Squared error of each map, summed over outputs, a sample."""
    missed = np.zeros(len(maps))
    for x, y in _chunks(lift, states, targets):
        missed += [((x @ weights + offset - y) ** 2).sum() for weights, offset in maps]
    return missed / len(states)


def _chunks(lift: Any, states: np.ndarray, targets: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for first in range(0, len(states), CHUNK_ROWS):
        rows = slice(first, first + CHUNK_ROWS)
        yield lift_states(states[rows].astype(np.float64), lift), targets[rows].astype(np.float64)


def _split(n_rows: int, n_samples: int, held_out: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows held out and rows learnt from, of whole samples."""
    n_held = round(held_out * n_samples)
    if n_samples < FEWEST or not 1 <= n_held <= n_samples - 2:
        raise ValueError(
            f"need {FEWEST} samples or more, one or more of them held out and two or more not; got {n_samples} "
            f"with held_out={held_out}"
        )
    rows = np.arange(n_rows).reshape(n_samples, -1)
    held, learnt = np.split(np.random.default_rng(seed).permutation(n_samples), [n_held])
    return rows[held].ravel(), rows[learnt].ravel()


def _check_settings(ridges: Sequence[float], held_out: float) -> list[float]:
    penalties = [float(ridge) for ridge in ridges]
    if not penalties or min(penalties) < 0 or not np.isfinite(penalties).all():
        raise ValueError(f"ridges must be one or more numbers of 0 or above, got {ridges}")
    if not 0 < held_out < 1:
        raise ValueError(f"held_out must lie between 0 and 1, got {held_out}")
    return penalties
