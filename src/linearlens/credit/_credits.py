"""What each component is credited with."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import torch
from torch import nn

from linearlens.credit._align import align
from linearlens.credit._components import Component, collect_states, flat, has_way_around, split, without_weights
from linearlens.credit._operators import ComponentOperator, apart, excited_operator, nrmse, pull_back, trusted_operator
from linearlens.credit._volumes import Pod, contrasts, log_pseudo_determinant, pod, volume_step
from linearlens.datasets import Dataset


@dataclass(frozen=True)
class Study:
    """What a definition of credit may use: components, their states, and operators fitted when first asked for.

    Parameters
    ----------
    parts : tuple of Component
        ``f_1, …, f_L``.
    states : list of ndarray of shape (n_samples, *its_shape)
        ``x_0, …, x_L`` on the training inputs.
    held_out : list of ndarray
        The same on the test inputs.
    contrast : ndarray of shape (n_outputs, r)
        V.
    energy : float
        Share of the variance of states that plain operators keep.
    excite : float
        Scale of the excitation, as in `component_operators`.
    seed : int
        Seeds the excitation.
    """

    parts: tuple[Component, ...]
    states: list[np.ndarray]
    held_out: list[np.ndarray]
    contrast: np.ndarray
    energy: float
    excite: float
    seed: int

    @cached_property
    def rows(self) -> list[np.ndarray]:
        """``x_0, …, x_L``, each of shape (n_samples, width)."""
        return [flat(x) for x in self.states]

    @cached_property
    def bases(self) -> list[Pod]:
        """Principal directions of ``x_0, …, x_L``."""
        return [pod(x) for x in self.rows]

    @cached_property
    def operators(self) -> list[ComponentOperator]:
        """Plain operators in the principal directions that hold `energy`."""
        return self.fit(self.energy)

    @cached_property
    def excited(self) -> list[ComponentOperator]:
        """Operators of excited states: mean Jacobians."""
        return [
            excited_operator(part, self.states[i], self.excite, apart(self.seed, i))
            for i, part in enumerate(self.parts)
        ]

    @cached_property
    def identities(self) -> list[np.ndarray]:
        """Π_i of shape (n_{i−1}, n_i): the identity; where widths differ, of the first units only.

        Nothing in it is fitted: the isometry that brings both sides closest would do part of the component's work.
        """
        return [align(x, y).identity for x, y in zip(self.rows[:-1], self.rows[1:], strict=True)]

    @cached_property
    def first_order(self) -> list[np.ndarray]:
        """``(x_i − x_{i−1} Π_i) J_i`` for i = 1 … L, each of shape (n_samples, n_outputs).

        J_i is the Jacobian of the rest of the network at each sample's own state: what skipping component i takes
        from the outputs, to first order.
        """
        changes = []
        for i, identity in enumerate(self.identities):
            x = self.parts[i].tensor(self.states[i + 1])
            change = torch.tensor(self.rows[i + 1] - self.rows[i] @ identity, device=x.device).reshape(x.shape)

            def tail(z: torch.Tensor, parts: tuple[Component, ...] = self.parts[i + 1 :]) -> torch.Tensor:
                for part in parts:
                    z = part.run(z)
                return z

            changes.append(flat(torch.func.jvp(tail, (x,), (change,))[1].numpy(force=True)))
        return changes

    @property
    def spread(self) -> float:
        """Root mean square norm of the outputs about their mean, seen through V."""
        return rms_norm((self.rows[-1] - self.rows[-1].mean(axis=0)) @ self.contrast)

    def fit(self, energy: float) -> list[ComponentOperator]:
        """Operators in the principal directions that hold a share of the variance; 1 keeps all.

        Least squares; with a warning a ridge, where samples held out do not bear it out.
        """
        return [
            trusted_operator(part.name, x, y, basis.keep(energy))
            for part, x, y, basis in zip(self.parts, self.rows[:-1], self.rows[1:], self.bases[:-1], strict=True)
        ]

    def tails(self, operators: Sequence[ComponentOperator]) -> list[np.ndarray]:
        """``T_i = K_{i+1} ⋯ K_L V`` for i = 1 … L: what the rest of the network makes of a change after component i."""
        tails = [self.contrast]
        for operator in operators[:0:-1]:
            tails.insert(0, operator.matrix @ tails[0])
        return tails


def determinant(study: Study) -> np.ndarray:
    """``log pdet`` of each operator between the principal directions of its inputs and those of its outputs.

    A sum of as many logarithms as the operator has directions left: components between wide states have more terms.
    """
    bases = [basis.keep(study.energy).directions for basis in study.bases]
    return np.array(
        [
            log_pseudo_determinant(before.T @ operator.matrix @ after)
            for before, operator, after in zip(bases[:-1], study.operators, bases[1:], strict=True)
        ]
    )


def volume(study: Study) -> np.ndarray:
    """`backward_volumes` of the mean Jacobians, by vector-Jacobian products alone."""
    volumes, basis = np.empty(len(study.parts)), study.contrast
    for i in reversed(range(len(study.parts))):
        volumes[i], basis = volume_step(pull_back(study.parts[i], study.states[i], basis))
    return volumes


def swap(study: Study) -> np.ndarray:
    """``‖(x_i − x_{i−1} Π_i) T_i‖ / ‖(x_L − mean) V‖``: to do nothing instead, as the tail sees it."""
    tails = study.tails(study.operators)
    return (
        np.array(
            [
                rms_norm((study.rows[i + 1] - study.rows[i] @ study.identities[i]) @ tails[i])
                for i in range(len(study.parts))
            ]
        )
        / study.spread
    )


def weight_gain(study: Study) -> np.ndarray:
    """``rms(B_i) · rms‖x_{i−1}‖ · ‖G_i T_i‖ / ‖(x_L − mean) V‖``: what noise on the weights costs, to first order.

    Operators are excited ones. B is the operator less what passes when all weights are 0, such as the path around a
    branch. G is diagonal and holds √(share of samples on which a unit is not 0); for a block it is 1.
    """
    gains = []
    for i, (part, operator, tail) in enumerate(
        zip(study.parts, study.excited, study.tails(study.excited), strict=True)
    ):
        branch = operator.matrix
        if has_way_around(part, study.states[i]):
            past = excited_operator(without_weights(part), study.states[i], study.excite, apart(study.seed, i))
            branch = branch - past.matrix
        gate = np.ones(len(tail)) if part.block else np.sqrt((study.rows[i + 1] != 0).mean(axis=0))
        gains.append(np.sqrt((branch**2).mean()) * rms_norm(study.rows[i]) * np.linalg.norm(gate[:, None] * tail))
    return np.array(gains) / study.spread


def noise_gain(study: Study) -> np.ndarray:
    """``‖diag(std x_i) T_i‖ / ‖(x_L − mean) V‖``: what noise on the states after a component costs, to first order."""
    tails = study.tails(study.operators)
    spreads = [x.std(axis=0) for x in study.rows[1:]]
    return (
        np.array([np.linalg.norm(spread[:, None] * tail) for spread, tail in zip(spreads, tails, strict=True)])
        / study.spread
    )


def residual(study: Study) -> np.ndarray:
    """Root mean square error of the full affine operator on held-out states, over their standard deviation."""
    found = [
        nrmse(operator.predict(flat(before)), flat(after))
        for operator, before, after in zip(study.fit(1.0), study.held_out[:-1], study.held_out[1:], strict=True)
    ]
    beyond = {part.name: round(value, 3) for part, value in zip(study.parts, found, strict=True) if value > 1}
    if beyond:
        warnings.warn(
            f"residuals above 1: {beyond}; there the mean of the outputs says more than an affine operator of "
            f"{len(study.rows[0])} samples, so no order can be read from them; give more samples",
            stacklevel=2,
        )
    return np.array(found)


Method = Callable[[Study], np.ndarray]

METHODS: dict[str, Method] = {
    "determinant": determinant,
    "volume": volume,
    "swap": swap,
    "weight_gain": weight_gain,
    "noise_gain": noise_gain,
    "residual": residual,
}


def depth(study: Study) -> np.ndarray:
    """The number of components behind: what comes first is credited most. It knows nothing of the network."""
    return np.arange(len(study.parts), 0, -1, dtype=np.float64)


def weight_norm(study: Study) -> np.ndarray:
    """Frobenius norm of all parameters of a component, without buffers. It knows nothing of the data."""
    return np.array([np.sqrt(sum(float(w.square().sum()) for w in part.weights.values())) for part in study.parts])


def attribution_patching(study: Study) -> np.ndarray:
    """Mean over samples of what skipping takes from the lead, to first order (Syed et al., 2024).

    The lead is the output of the class that is largest, less that of its runner-up; a single output is its own lead.
    """
    return np.array([_lead(study, change).mean() for change in study.first_order])


def absolute_patching(study: Study) -> np.ndarray:
    """`attribution_patching` with the size of the change of each sample, so that gains and losses do not cancel."""
    return np.array([np.abs(_lead(study, change)).mean() for change in study.first_order])


def gradient_swap(study: Study) -> np.ndarray:
    """`swap` with the Jacobian of the tail at each sample in place of fitted operators."""
    return np.array([rms_norm(change @ study.contrast) for change in study.first_order]) / study.spread


def _lead(study: Study, change: np.ndarray) -> np.ndarray:
    """Of the class that is read over its runner-up; of shape (n_samples,)."""
    outputs, rows = study.rows[-1], np.arange(len(change))
    if outputs.shape[1] == 1:
        return change[:, 0]
    runner_up, read = np.argsort(outputs, axis=1)[:, -2:].T
    return change[rows, read] - change[rows, runner_up]


BASELINES: dict[str, Method] = {"depth": depth, "weight_norm": weight_norm}
RIVALS: dict[str, Method] = {
    "attribution_patching": attribution_patching,
    "absolute_patching": absolute_patching,
    "gradient_swap": gradient_swap,
}


def credits(
    model: nn.Module,
    data: Dataset,
    *,
    methods: Sequence[str] | Mapping[str, Method] = tuple(METHODS),
    contrast: np.ndarray | None = None,
    energy: float = 0.99,
    excite: float = 0.5,
    stops: Sequence[str] | None = None,
    start: str | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Credit of each component of a trained network, by several definitions.

    Parameters
    ----------
    model : nn.Module
        Left as it was, bit for bit. Components are those of `components`.
    data : Dataset
        Operators are fitted to the training inputs; residuals are those of the test inputs. Labels are not used.
    methods : sequence of str, or mapping of name to function
        Names from `METHODS`. A definition of your own goes into a mapping, as in
        ``credits(model, data, methods=METHODS | {"mine": function})``; it takes a `Study` and returns an array
        of shape (n_components,).
    contrast : ndarray of shape (n_outputs, r), optional
        What of the outputs counts; `contrasts` by default, which is right for logits.
    energy, excite, stops, start, seed
        As in `component_operators`: energy for plain operators, excite and seed for excited ones. States with more
        axes are rows of all their numbers.

    Returns
    -------
    DataFrame
        A row for each component, in order; a column for each method. A component that loses a direction of the
        outputs has a volume of −inf.

    Raises
    ------
    ValueError
        As in `component_operators`; if the components do not make what the model makes, there is no such method, a
        function does not give a number for each component, or the contrast does not fit the outputs.

    Warns
    -----
    UserWarning
        If samples held out do not bear out a least-squares operator and a ridge takes its place, or a residual is
        above 1.

    Notes
    -----
    Determinant, volume, swap and the rest are a reconstruction; the formula of Liang et al. (2022) is not known to
    us. Some depend on how the network is written. Scale one ReLU layer by c and the next by 1/c: ``r log c`` of volume
    moves, as much for each direction kept of the determinant, and `swap` changes, too, since units are compared with
    units; `weight_gain`, `noise_gain` and `residual` stay. Give the units of a layer other names: `swap` changes where
    widths differ, since it takes the first units for the identity, and `weight_gain` by what its random excitation
    does (some thousandths); all others stay.
    """
    functions = _chosen(methods)
    prefix, parts, states = split(model, data.train_inputs, stops, start)
    held_out = collect_states(parts, data.test_inputs, prefix)
    basis = output_contrast(states[-1], contrast)
    study = Study(parts, states, held_out, basis, energy, excite, seed)
    table = {}
    for name, function in functions.items():
        values = np.asarray(function(study), dtype=np.float64)
        if values.shape != (len(parts),):
            raise ValueError(
                f"method {name!r} must give shape ({len(parts)},), one number a component, got {values.shape}"
            )
        table[name] = values
    return pd.DataFrame(table, index=pd.Index([part.name for part in parts], name="component"))


def output_contrast(outputs: np.ndarray, contrast: np.ndarray | None) -> np.ndarray:
    """The V that was asked for, or `contrasts`; an error if it does not fit the outputs or sees nothing of them."""
    n_outputs = flat(outputs).shape[1]
    basis = contrasts(n_outputs) if contrast is None else np.asarray(contrast, dtype=np.float64)
    if basis.ndim != 2 or len(basis) != n_outputs or not basis.size or not np.isfinite(basis).all():
        raise ValueError(f"the contrast needs shape ({n_outputs}, r) for {n_outputs} outputs, got {basis.shape}")
    if not np.allclose(basis.T @ basis, np.eye(basis.shape[1]), atol=1e-8):
        raise ValueError("the columns of the contrast must be orthonormal; take the Q of numpy.linalg.qr(contrast)")
    if not np.ptp(flat(outputs) @ basis, axis=0).any():
        raise ValueError("all outputs look alike through the contrast; give one that tells them apart")
    return basis


def rms_norm(rows: np.ndarray) -> float:
    """Root of the mean squared norm of rows."""
    return float(np.sqrt((rows**2).sum(axis=1).mean()))


def _chosen(methods: Sequence[str] | Mapping[str, Method]) -> dict[str, Method]:
    if isinstance(methods, Mapping) and methods:
        return dict(methods)
    names = [methods] if isinstance(methods, str) else list(methods)
    unknown = [name for name in names if name not in METHODS]
    if isinstance(methods, str) or unknown or not names:
        raise ValueError(
            f"methods must be a list of names from {list(METHODS)}, or a mapping of name to function; got {methods!r}"
        )
    return {name: METHODS[name] for name in names}
