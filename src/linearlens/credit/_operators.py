"""One linear operator for each component."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from linearlens.credit._align import align
from linearlens.credit._components import Component, flat, split
from linearlens.credit._volumes import Pod, pod
from linearlens.koopman import Koopman

RIDGES = (0.0, 1e-10, 1e-8, 1e-6, 1e-4, 1e-2, 1.0)
ENOUGH = 20  # samples for each direction
WORSE = 1.5  # so much more than the best ridge may least squares miss


@dataclass(frozen=True)
class ComponentOperator:
    """``f_i(x) ≈ x K + k``.

    Parameters
    ----------
    name : str
        Of the component.
    matrix : ndarray of shape (n_inputs, n_outputs)
        K.
    offset : ndarray of shape (n_outputs,)
        k.
    residual : float
        Root mean square error over the standard deviation of the targets, on the pairs of the fit; of the newest
        block if states are stacked.
    """

    name: str
    matrix: np.ndarray
    offset: np.ndarray
    residual: float

    def predict(self, states: np.ndarray) -> np.ndarray:
        """Shape (n_samples, n_inputs) to (n_samples, n_outputs)."""
        return states @ self.matrix + self.offset


def component_operators(
    model: nn.Module,
    inputs: np.ndarray,
    *,
    delays: int = 0,
    along: str = "steps",
    excite: float | None = None,
    rank: int | None = None,
    energy: float = 1.0,
    alignment: str = "padding",
    stops: Sequence[str] | None = None,
    start: str | None = None,
    seed: int = 0,
) -> list[ComponentOperator]:
    """Fit an operator to each component of a network, in order.

    Parameters
    ----------
    model : nn.Module
        Left as it was.
    inputs : ndarray of shape (n_samples, *input_shape)
    delays : int
        Past states stacked behind the present one, newest first. 0 fits plain pairs ``x_{i−1} → x_i``.
    along : {"steps", "depth"}
        Where past states come from. "steps": the component, aligned to a map of one space to itself, is applied
        again and again, and its orbit is embedded; the operator then takes stacks to stacks. "depth": the states
        before earlier components stand behind ``x_{i−1}``, as many as there are, and the operator gives ``x_i``.
    excite : float, optional
        Fit ``f(x + d) − f(x)`` to Gaussian d in place of ``x_i`` to ``x_{i−1}``. The number is the standard deviation
        of d over the mean standard deviation of the units of ``x_{i−1}``. Two pairs ±d are drawn for each sample.
    rank : int, optional
        Largest number of principal directions of the (stacked) states that are kept.
    energy : float
        Share of their variance that is kept; not with delays along steps. 1 keeps all the data span.
    alignment : {"padding", "isometry", "svd"}
        For delays along steps: the method of `align`.
    stops, start
        As in `components`.
    seed : int
        Seeds the excitation.

    Returns
    -------
    list of ComponentOperator

    Raises
    ------
    ValueError
        As in `components`; if inputs cannot pass; if settings are out of range or do not go together.

    Warns
    -----
    UserWarning
        If there are as many directions as samples, which are then fitted exactly, whatever they are.

    Notes
    -----
    A plain operator is a regression, ``K = C_{i−1}⁺ Cov(x_{i−1}, x_i)``. It is the mean Jacobian only if states are
    Gaussian, and says nothing of directions in which they do not vary. With excitation it is the mean Jacobian
    ``E J(x + d)``, for any states and in all directions (Stein). Orbits along steps leave the data: the second
    application of a component sees what it never sees in the network.
    """
    if along not in ("steps", "depth"):
        raise ValueError(f"along must be 'steps' or 'depth', got {along!r}")
    if isinstance(delays, bool) or not isinstance(delays, int | np.integer) or delays < 0:
        raise ValueError(f"delays must be a whole number, 0 or more, got {delays!r}")
    if excite is not None and (delays or rank is not None or energy < 1):
        raise ValueError(
            "excited states fill all directions and have no past, so excite goes with delays=0, rank=None and "
            f"energy=1; got delays={delays}, rank={rank} and energy={energy}"
        )
    if delays and along == "steps" and energy < 1:
        raise ValueError(f"along steps, directions are kept by rank; leave out energy={energy}")
    _, parts, states = split(model, inputs, stops, start)
    if excite is not None:
        return [excited_operator(part, x, excite, apart(seed, i)) for i, (part, x) in enumerate(_fed(parts, states))]
    if delays and along == "steps":
        return [_orbit_operator(part, x, y, delays, rank, alignment) for part, x, y in _pairs(parts, states)]
    rows = [flat(x) for x in states]
    stacked = [np.hstack(rows[max(0, i - delays) : i + 1][::-1]) for i in range(len(parts))]
    bases = [pod(x).keep(energy, rank) for x in stacked]
    for part, basis in zip(parts, bases, strict=True):
        _say_if_exact(part.name, len(inputs), basis)
    return [
        plain_operator(part.name, x, y, basis)
        for part, x, y, basis in zip(parts, stacked, rows[1:], bases, strict=True)
    ]


def plain_operator(
    name: str, x: np.ndarray, y: np.ndarray, basis: Pod | None = None, *, ridge: float = 0.0
) -> ComponentOperator:
    """Least squares about the means, in the principal directions of x that the basis keeps; by default all.

    A ridge is a share of the squared strength of the first of them.
    """
    basis, mean = pod(x) if basis is None else basis, y.mean(axis=0)
    strengths = basis.strengths + ridge * basis.strengths[:1] ** 2 / basis.strengths
    matrix = basis.directions @ (basis.left.T @ (y - mean) / strengths[:, None])
    offset = mean - basis.mean @ matrix
    return ComponentOperator(name, matrix, offset, nrmse(x @ matrix + offset, y))


def trusted_operator(name: str, x: np.ndarray, y: np.ndarray, basis: Pod | None = None) -> ComponentOperator:
    """Least squares where samples held out bear it out; else, with a warning, the ridge that misses them least.

    A fifth of the samples is held out to choose, then all are fitted. Least squares stays unless it misses them half
    as much again as the best ridge; with 20 samples for each direction it cannot, and nothing is tried.
    """
    basis = pod(x) if basis is None else basis
    if len(x) >= ENOUGH * basis.strengths.size:
        return plain_operator(name, x, y, basis)
    order = np.random.default_rng(0).permutation(len(x))
    held, learnt = np.split(order, [max(1, len(x) // 5)])
    z = basis.left * basis.strengths
    few = pod(z[learnt])
    fits = [plain_operator(name, z[learnt], y[learnt], few, ridge=ridge) for ridge in RIDGES]
    errors = [nrmse(fit.predict(z[held]), y[held]) for fit in fits]
    best = int(np.argmin(errors))
    if errors[0] <= WORSE * errors[best]:
        _say_if_exact(name, len(x), basis)
        return plain_operator(name, x, y, basis)
    warnings.warn(
        f"{name!r}: of {len(x)} samples in {basis.strengths.size} directions least squares misses those held out by "
        f"{errors[0]:.3g} times their spread, a ridge by {errors[best]:.3g}, so the ridge is taken; give more samples",
        stacklevel=2,
    )
    return plain_operator(name, x, y, basis, ridge=RIDGES[best])


def _say_if_exact(name: str, n_samples: int, basis: Pod) -> None:
    if basis.strengths.size >= n_samples - 1:
        warnings.warn(
            f"{name!r} is fitted in as many directions as {n_samples} samples have, so exactly, whatever it is; give "
            "more samples, or a rank",
            stacklevel=3,
        )


def excited_operator(part: Component, states: np.ndarray, excite: float, rng: np.random.Generator) -> ComponentOperator:
    """Least squares of ``f(x ± d) − f(x)`` on ±d: even parts of f cancel in each pair."""
    if not excite > 0:
        raise ValueError(f"excite must be above 0, got {excite}")
    scale = excite * flat(states).std(axis=0).mean()
    steps = scale * rng.standard_normal((2, *states.shape))
    steps = np.concatenate([*steps, *-steps])
    around = np.concatenate([states] * 4)
    before = flat(part(states))
    d, change = flat(steps), flat(part(around + steps)) - np.tile(before, (4, 1))
    if len(d) < 2 * d.shape[1]:
        raise ValueError(
            f"need a sample or more for each of the {d.shape[1]} inputs of {part.name!r} to excite them all, got "
            f"{len(states)} samples"
        )
    matrix = np.linalg.solve(d.T @ d, d.T @ change)
    offset = before.mean(axis=0) - flat(states).mean(axis=0) @ matrix
    return ComponentOperator(part.name, matrix, offset, nrmse(d @ matrix, change))


def mean_jacobians(
    model: nn.Module, inputs: np.ndarray, *, stops: Sequence[str] | None = None, start: str | None = None
) -> list[np.ndarray]:
    """Mean derivative of each component on the states of data, by automatic differentiation.

    Parameters
    ----------
    model : nn.Module
        Left as it was.
    inputs : ndarray of shape (n_samples, *input_shape)
    stops, start
        As in `components`.

    Returns
    -------
    list of ndarray of shape (n_inputs, n_outputs)
        ``E ∂x_i / ∂x_{i−1}``, transposed as states are rows.

    Raises
    ------
    ValueError
        As in `component_operators`.
    """
    _, parts, states = split(model, inputs, stops, start)
    return [pull_back(part, x, np.eye(flat(y).shape[1])) for part, x, y in _pairs(parts, states)]


def pull_back(part: Component, states: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """``E[J] Q`` by one vector-Jacobian product for each column of Q, of shape (n_outputs, r)."""
    x = part.tensor(states).requires_grad_()
    output = part.run(x).flatten(1)
    if not output.requires_grad:
        raise ValueError(f"no gradient passes the component {part.name!r}; leave out methods that need one")
    return mean_gradients(output, x, directions)


def mean_gradients(outputs: torch.Tensor, at: torch.Tensor, directions: np.ndarray) -> np.ndarray:
    """Mean over samples of the derivative of ``outputs @ directions``, of shape (width of `at`, r)."""
    columns = [
        torch.autograd.grad(outputs, at, q.expand_as(outputs), retain_graph=True)[0].flatten(1).mean(dim=0)
        for q in torch.tensor(directions, device=outputs.device).T
    ]
    return torch.stack(columns, dim=1).numpy(force=True) if columns else np.empty((at[0].numel(), 0))


def apart(seed: int, *key: int) -> np.random.Generator:
    """Numbers apart from those of ``default_rng(seed)``, with which the caller may have made the data."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def nrmse(predicted: np.ndarray, targets: np.ndarray) -> float:
    """Root mean square error over the standard deviation of the targets, all units together."""
    spread = ((targets - targets.mean(axis=0)) ** 2).sum()
    missed = ((targets - predicted) ** 2).sum()
    return float(np.sqrt(missed / spread)) if spread else (0.0 if not missed else np.inf)


def _orbit_operator(
    part: Component, x: np.ndarray, y: np.ndarray, delays: int, rank: int | None, alignment: str
) -> ComponentOperator:
    aligned = align(flat(x), flat(y), alignment)
    advance = aligned.compose(lambda rows: flat(part(rows.reshape(-1, *x.shape[1:]))))
    orbit = [aligned.embed_inputs(flat(x))]
    for _ in range(delays + 1):
        orbit.append(advance(orbit[-1]))
    if not np.isfinite(orbit[-1]).all():
        raise ValueError(f"the orbit of {part.name!r} overflows after {delays + 1} applications; take fewer delays")
    affine = Koopman(delays=delays, constant=True, rank=None if rank is None else rank + 1)
    operator = affine.fit(np.stack(orbit, axis=1)).operator_
    matrix, offset = operator[:-1, :-1], operator[-1, :-1]
    stacked, newest = np.hstack(orbit[-2::-1]), slice(aligned.dimension)
    return ComponentOperator(part.name, matrix, offset, nrmse(stacked @ matrix[:, newest] + offset[newest], orbit[-1]))


def _fed(parts: Sequence[Component], states: list[np.ndarray]) -> list[tuple[Component, np.ndarray]]:
    return list(zip(parts, states[:-1], strict=True))


def _pairs(parts: Sequence[Component], states: list[np.ndarray]) -> list[tuple[Component, np.ndarray, np.ndarray]]:
    return list(zip(parts, states[:-1], states[1:], strict=True))
