"""Run a model and collect the states inside it."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn


@torch.no_grad()
def collect_layers(model: nn.Module, inputs: np.ndarray, modules: Sequence[str]) -> np.ndarray:
    """Outputs of the named modules, layer by layer: depth becomes time.

    Parameters
    ----------
    model : nn.Module
        Run once, in the mode it is in; left without hooks.
    inputs : ndarray of shape (n_samples, *input_shape)
    modules : sequence of str
        Names as in ``model.named_modules()``, in the order of the layers. All must give outputs of shape
        ``(n_samples, width)`` with one width.

    Returns
    -------
    ndarray of shape (n_samples, len(modules), width)
        One trajectory a sample.

    Raises
    ------
    ValueError
        If a name does not exist, is not reached, or the widths differ.
    """
    available = dict(model.named_modules())
    missing = [name for name in modules if name not in available]
    if missing or not modules:
        raise ValueError(f"no module named {missing or list(modules)}; the model has {[n for n in available if n]}")
    seen: dict[str, np.ndarray] = {}

    def keep(name: str):
        return lambda _module, _args, output: seen.__setitem__(name, output.numpy().copy())

    handles = [available[name].register_forward_hook(keep(name)) for name in modules]
    try:
        model(torch.as_tensor(np.asarray(inputs), dtype=torch.get_default_dtype()))
    finally:
        for handle in handles:
            handle.remove()
    unreached = [name for name in modules if name not in seen]
    if unreached:
        raise ValueError(f"the model's forward never reached {unreached}")
    shapes = {name: seen[name].shape for name in modules}
    if len(set(shapes.values())) > 1 or seen[modules[0]].ndim != 2:
        raise ValueError(f"all states need one shape (n_samples, width), got {shapes}")
    return np.stack([seen[name] for name in modules], axis=1)


@torch.no_grad()
def run_from(model: nn.Sequential, start: str, states: np.ndarray) -> np.ndarray:
    """Continue a sequential model after the module `start`, from states put in its output's place.

    Parameters
    ----------
    model : nn.Sequential
    start : str
        Name of a child; its output is replaced by `states`.
    states : ndarray of shape (n_samples, width)

    Returns
    -------
    ndarray of shape (n_samples, n_outputs)

    Raises
    ------
    ValueError
        If there is no child of that name.
    """
    names = [name for name, _ in model.named_children()]
    if start not in names:
        raise ValueError(f"no child named {start!r}; the model has {names}")
    tail = model[names.index(start) + 1 :]
    return tail(torch.as_tensor(np.asarray(states), dtype=torch.get_default_dtype())).numpy()
