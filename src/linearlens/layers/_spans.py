"""Part of a sequential model, by the names of the modules at its ends."""

from collections import OrderedDict
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
from torch import nn

from linearlens.koopman import check_states
from linearlens.snapshots import collect_layers


@dataclass(frozen=True)
class Span:
    """The children ``first`` to ``last`` of the nn.Sequential named `parent`, both included."""

    parent: str
    first: int
    last: int


def find_span(model: nn.Module, start: str | None, stop: str) -> Span:
    """The modules that lead from the output of `start` to that of `stop`.

    Parameters
    ----------
    model : nn.Module
    start : str or None
        None stands for the input of the model, which must then be an nn.Sequential itself.
    stop : str

    Returns
    -------
    Span

    Raises
    ------
    ValueError
        If a name does not exist, the two are not children of one nn.Sequential, or `stop` does not come after
        `start`.
    """
    available = [name for name, _ in model.named_modules(remove_duplicate=False) if name]
    missing = [name for name in (start, stop) if name is not None and name not in available]
    if missing:
        raise ValueError(f"no module named {missing}; the model has {available}")
    parent = stop.rpartition(".")[0]
    if parent != (start or "").rpartition(".")[0] or not isinstance(model.get_submodule(parent), nn.Sequential):
        raise ValueError(
            f"{start!r} and {stop!r} must be children of one nn.Sequential, so that one leads to the other"
        )
    names = list(model.get_submodule(parent)._modules)
    last = names.index(stop.rpartition(".")[2])
    first = 0 if start is None else names.index(start.rpartition(".")[2]) + 1
    if first > last:
        raise ValueError(f"stop must come after start; {stop!r} does not come after {start!r} in {names}")
    return Span(parent, first, last)


def part(model: nn.Module, start: str | None, stop: str) -> nn.Sequential:
    """A frozen copy of the modules from `start` to `stop`, in eval mode; errors as in `find_span`."""
    span = find_span(model, start, stop)
    children = list(model.get_submodule(span.parent)._modules.items())[span.first : span.last + 1]
    chosen = OrderedDict((name, child) for name, child in children if child is not None)
    return deepcopy(nn.Sequential(chosen)).requires_grad_(False).eval()


def replace(model: nn.Module, *operators: nn.Module) -> nn.Module:
    """A copy of a model in which operators stand in for layers.

    Parameters
    ----------
    model : nn.Module
        Left as it was, bit for bit.
    *operators : nn.Module
        Each with names `start` and `stop`: it takes the place of everything after `start` up to `stop`, under the
        name of `stop`. So later names stay valid, and in the copy the output of `stop` is that of the operator.

    Returns
    -------
    nn.Module
        In eval mode.

    Raises
    ------
    ValueError
        If no operator comes, a name does not exist or is gone with an earlier operator, the two are not children
        of one nn.Sequential, or they stand in the wrong order.
    """
    if not operators:
        raise ValueError("need one operator or more to put into the model, got none")
    hybrid = deepcopy(model)
    for operator in operators:
        start, stop = (getattr(operator, name, None) for name in ("start", "stop"))
        if not isinstance(stop, str):
            raise ValueError(f"an operator needs names start and stop; {type(operator).__name__} has none")
        span = find_span(hybrid, start, stop)
        modules = hybrid.get_submodule(span.parent)._modules
        for name in list(modules)[span.first : span.last]:
            del modules[name]
        modules[stop.rpartition(".")[2]] = deepcopy(operator)
    return hybrid.eval()


def activations(model: nn.Module, inputs: np.ndarray, name: str | None) -> np.ndarray:
    """Output of one module, or the inputs themselves, of shape (n_samples, width); errors name what is not finite."""
    states = np.asarray(inputs) if name is None else collect_layers(model, inputs, [name])[:, 0]
    label = "the inputs" if name is None else f"the activations at {name!r}"
    return check_states(states, label)
