"""States along the depth of a model, and what it makes of other states."""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
import torch
from torch import nn

from linearlens.snapshots._cut import Cut, between
from linearlens.snapshots._rows import Rows
from linearlens.snapshots.chain import find_chain
from linearlens.snapshots.running import like_model, run_and_watch, running, to_array


@torch.no_grad()
def collect_layers(
    model: nn.Module, inputs: Any, modules: Sequence[str], *, rows: str = "flat", positions: int | Sequence[int] = ()
) -> np.ndarray:
    """Outputs of the named modules, layer by layer: depth becomes time.

    Parameters
    ----------
    model : nn.Module
        Run once, in eval mode; left in the mode it was in, without hooks.
    inputs : ndarray of shape (n_samples, *input_shape), Tensor, tuple of positional or mapping of named inputs
        Arrays become tensors in the dtype of the model; whole numbers stay so for a model that looks them up in an
        nn.Embedding.
    modules : sequence of str
        Names as in ``model.named_modules()``, in the order of the layers; of a module that is run several times,
        ``"name#2"`` is the second run. All must give as many rows of one width.
    rows, positions
        How states with more axes than (n_samples, width) become rows, as in `Rows`: ``rows="flat"`` puts all numbers
        of a sample in one row; ``rows="each", positions=1`` makes a row of every token, ``rows="mean",
        positions=(2, 3)`` the mean of a feature map.

    Returns
    -------
    ndarray of shape (n_rows, len(modules), width)
        One trajectory a sample; with "each", one a position of a sample. Half precision comes as float32.

    Raises
    ------
    ValueError
        If a name does not exist, is reached never or more than once, gives no tensor with a row for each sample, or
        the rows differ in shape.
    """
    if isinstance(modules, str) or not modules:
        raise ValueError(f"modules must be a list of one or more names, got {modules!r}")
    form = Rows(rows, positions)
    states = {name: form.of(state) for name, state in run_and_watch(model, inputs, modules).items()}
    shapes = {name: tuple(state.shape) for name, state in states.items()}
    if len(set(shapes.values())) > 1:
        raise ValueError(f"all states need one shape (n_samples, width), got {shapes} with rows={rows!r}")
    return np.stack([to_array(states[name]) for name in modules], axis=1)


@torch.no_grad()
def run_from(model: nn.Module, start: str, states: np.ndarray, *, stop: str = "", inputs: Any = None) -> np.ndarray:
    """Continue a model after the module `start`, from states put in its output's place.

    Parameters
    ----------
    model : nn.Module
        Run in eval mode; left in the mode it was in.
    start : str
        Name of a module; its output is replaced by `states`.
    states : ndarray of shape (n_samples, *shape), or (n_samples, width) with all numbers of a sample in a row
    stop : str
        Name of the module whose output is wanted; that of the model by default.
    inputs : ndarray, Tensor, tuple of positional or mapping of named inputs, optional
        A few of what the model takes, two or more. Needed if it is no plain nn.Sequential: whether nothing passes by
        `start` is then tried, as in `Cut`.

    Returns
    -------
    ndarray of shape (n_samples, *out_shape)

    Raises
    ------
    ValueError
        As `Cut`; if the states have another shape than the output of `start`.
    """
    chain = find_chain(model)
    if chain is not None and start not in chain.ends and inputs is None:
        raise ValueError(f"no child named {start!r}; the model has {[name for name in chain.ends if name]}")
    if chain is not None and start in chain.ends and chain.ends[start] == chain.ends.get(stop):
        return to_array(torch.as_tensor(np.asarray(states)))
    tail = between(model, start, stop, inputs) if inputs is None else Cut(model, start, stop, inputs)
    like = tail.example if isinstance(tail, Cut) else like_model(model)
    given = torch.tensor(np.asarray(states), dtype=like.dtype, device=like.device)
    if isinstance(tail, Cut) and given.ndim == 2:
        given = _unflattened(given, tail)
    with running(model):
        return to_array(tail(given))


def _unflattened(states: torch.Tensor, tail: Cut) -> torch.Tensor:
    if states.shape[1] != prod(tail.shape):
        raise ValueError(f"need states of shape (n_samples, {', '.join(map(str, tail.shape))}), got {states.shape}")
    return states.reshape(-1, *tail.shape)
