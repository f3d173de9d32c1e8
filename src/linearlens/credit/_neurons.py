"""Credit of single units, by the definitions that serve for components."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from linearlens.credit._components import Component, collect_states, flat, split
from linearlens.credit._credits import output_contrast, rms_norm
from linearlens.credit._operators import mean_gradients, trusted_operator
from linearlens.datasets import Dataset
from linearlens.snapshots.running import tensor_in, with_tensor


@dataclass(frozen=True)
class Units:
    """What a definition of the credit of a unit may use.

    Parameters
    ----------
    before : ndarray of shape (n_samples, n_inputs)
        Inputs of the component the units lie in.
    values : ndarray of shape (n_samples, n_units)
    held_out_before, held_out_values : ndarray
        The same on the test inputs.
    reads : ndarray of shape (n_inputs, n_units)
        Mean derivative of the units with respect to `before`.
    tail : ndarray of shape (n_units, r)
        Mean derivative of the outputs, seen through the contrast, with respect to the units.
    spread : float
        Root mean square norm of the outputs about their mean, seen through the contrast.
    """

    before: np.ndarray
    values: np.ndarray
    held_out_before: np.ndarray
    held_out_values: np.ndarray
    reads: np.ndarray
    tail: np.ndarray
    spread: float


def unit_swap(units: Units) -> np.ndarray:
    """``rms(h_j) ‖T_j‖``: to be silent instead, as the tail sees it."""
    return np.sqrt((units.values**2).mean(axis=0)) * np.linalg.norm(units.tail, axis=1) / units.spread


def unit_weight_gain(units: Units) -> np.ndarray:
    """``rms(B_j) · rms‖x‖ · √(share of samples on which h_j is not 0) · ‖T_j‖``: noise on the weights it reads by."""
    gate = np.sqrt((units.values != 0).mean(axis=0))
    read = np.sqrt((units.reads**2).mean(axis=0)) * rms_norm(units.before)
    return read * gate * np.linalg.norm(units.tail, axis=1) / units.spread


def unit_noise_gain(units: Units) -> np.ndarray:
    """``std(h_j) ‖T_j‖``: noise on the unit."""
    return units.values.std(axis=0) * np.linalg.norm(units.tail, axis=1) / units.spread


def unit_residual(units: Units) -> np.ndarray:
    """Error of the affine operator for the unit on held-out states, over its standard deviation; NaN if it is dead."""
    variance = units.held_out_values.var(axis=0)
    missed = _missed(units) ** 2
    return np.sqrt(np.divide(missed, variance, out=np.full(len(variance), np.nan), where=variance > 0))


def unit_residual_gain(units: Units) -> np.ndarray:
    """``rms(h_j − affine) ‖T_j‖``: what no affine operator says of the unit, as the tail sees it."""
    return _missed(units) * np.linalg.norm(units.tail, axis=1) / units.spread


NEURON_METHODS: dict[str, Callable[[Units], np.ndarray]] = {
    "swap": unit_swap,
    "weight_gain": unit_weight_gain,
    "noise_gain": unit_noise_gain,
    "residual": unit_residual,
    "residual_gain": unit_residual_gain,
}


def _missed(units: Units) -> np.ndarray:
    predicted = trusted_operator("units", units.before, units.values).predict(units.held_out_before)
    return np.sqrt(((units.held_out_values - predicted) ** 2).mean(axis=0))


def neuron_credits(
    model: nn.Module,
    layer: str,
    data: Dataset,
    *,
    methods: Sequence[str] = tuple(NEURON_METHODS),
    contrast: np.ndarray | None = None,
    stops: Sequence[str] | None = None,
    start: str | None = None,
) -> pd.DataFrame:
    """Credit of each unit of one layer, by the definitions of `credits`.

    Parameters
    ----------
    model : nn.Module
        Left as it was, bit for bit.
    layer : str
        Name of a module, as in ``model.named_modules()``, whose outputs are the units; it may lie inside a block. Of
        a state with more axes, such as a feature map, each number is a unit.
    data : Dataset
        As in `credits`.
    methods : sequence of str
        Names from `NEURON_METHODS`.
    contrast : ndarray of shape (n_outputs, r), optional
        As in `credits`.
    stops, start
        As in `components`.

    Returns
    -------
    DataFrame
        A row for each unit, a column for each method. Units that never fire on the test inputs have no residual: NaN.

    Raises
    ------
    ValueError
        As in `credits`; if there is no such layer, the model reaches it not once, or its output is no tensor with a
        row for each sample.

    Notes
    -----
    Tails and reads are mean Jacobians, taken by automatic differentiation. A unit that seldom fires has a large
    residual whatever it does; a large residual gain marks one that is far from linear and heard, as a trojan is.
    """
    unknown = [name for name in methods if name not in NEURON_METHODS]
    if isinstance(methods, str) or unknown or not len(methods):
        raise ValueError(f"methods must be a list of names from {list(NEURON_METHODS)}, got {methods!r}")
    prefix, parts, states = split(model, data.train_inputs, stops, start)
    places = {name: i for i, part in enumerate(parts) for name in part.inside}
    if layer not in places:
        raise ValueError(f"no module named {layer!r} in the components; they hold {list(places)}")
    place = places[layer]
    held_out = collect_states(parts, data.test_inputs, prefix)
    basis = output_contrast(states[-1], contrast)
    h, x, y = _watch(parts[place:], layer, states[place])
    values = h.flatten(1)
    read, seen = mean_gradients(values, x, np.eye(values.shape[1])), mean_gradients(y, h, basis)
    outputs = flat(states[-1]) @ basis
    units = Units(
        before=flat(states[place]),
        values=values.numpy(force=True),
        held_out_before=flat(held_out[place]),
        held_out_values=_watch(parts[place:], layer, held_out[place])[0].flatten(1).numpy(force=True),
        reads=read,
        tail=seen,
        spread=rms_norm(outputs - outputs.mean(axis=0)),
    )
    return pd.DataFrame(
        {name: NEURON_METHODS[name](units) for name in methods}, index=pd.RangeIndex(values.shape[1], name="unit")
    )


def _watch(
    parts: Sequence[Component], layer: str, states: np.ndarray
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Outputs of the layer, of shape (n_samples, *its_shape), the states they come from, the outputs they lead to."""
    seen: list[Any] = []
    times, number = count(1), layer.partition("#")[2]

    def keep(_module: nn.Module, _args: tuple, output: Any) -> Any:
        if number not in ("", str(next(times))):
            return None
        seen.append(tensor_in(output))
        return with_tensor(output, seen[-1].clone())  # an activation in place would write over it

    handle = parts[0].inside[layer].register_forward_hook(keep)
    x = parts[0].tensor(states).requires_grad_()
    try:
        y = parts[0].run(x)
    finally:
        handle.remove()
    for part in parts[1:]:
        y = part.run(y)
    if len(seen) != 1 or seen[0].ndim < 2 or len(seen[0]) != len(states):
        raise ValueError(
            f"the units of {layer!r} are wanted once a run, in shape (n_samples, ...); they came "
            f"{len(seen)} times, in shapes {[tuple(item.shape) for item in seen]}"
        )
    return seen[0], x, y.flatten(1)
