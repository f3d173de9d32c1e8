"""Operators in the place of parts of a model, by the names of the modules at their ends."""

from copy import deepcopy
from typing import Any

import numpy as np
import torch
from torch import nn

from linearlens.koopman import check_states
from linearlens.snapshots import Rows
from linearlens.snapshots.chain import Chain, find_chain
from linearlens.snapshots.running import (
    as_inputs,
    check_names,
    run_and_watch,
    split_name,
    tensor_in,
    to_array,
    with_tensor,
)


def replace(model: nn.Module, *operators: nn.Module) -> nn.Module:
    """A copy of a model in which operators stand in for layers.

    Parameters
    ----------
    model : nn.Module
        Left as it was, bit for bit.
    *operators : nn.Module
        Each with names `start` and `stop`: from the output of `start` it makes what then is the output of `stop`. So
        later names stay valid.

    Returns
    -------
    nn.Module
        In eval mode. Of a plain nn.Sequential, the modules after `start` up to `stop` are gone, and the operator has
        the name of `stop`. In any other model they stay and run, since nobody knows what its `forward` does with
        them, and the output of `stop` is put in the place of theirs.

    Raises
    ------
    ValueError
        If no operator comes, a name does not exist or is gone with an earlier operator, or they stand in the wrong
        order. Whether anything passes by `start` is not tried here, but by `fit_layer` and
        :class:`linearlens.snapshots.Cut`.
    """
    if not operators:
        raise ValueError("need one operator or more to put into the model, got none")
    hybrid = deepcopy(model)
    for operator in operators:
        start, stop = (getattr(operator, name, None) for name in ("start", "stop"))
        if not isinstance(stop, str):
            raise ValueError(f"an operator needs names start and stop; {type(operator).__name__} has none")
        check_names(hybrid, [stop] if start is None else [start, stop])
        chain = find_chain(hybrid)
        if chain is not None and stop in chain.ends and (start is None or start in chain.ends):
            _take_place(hybrid, chain, start, stop, deepcopy(operator))
        else:
            StandIn(deepcopy(operator), start, stop).enter(hybrid)
    return hybrid.eval()


class StandIn(nn.Module):
    """Puts what an operator makes of the output of one module in the place of the output of another.

    It is a child of the model, so that it is saved and moved with it, and lets pass whatever comes; the hooks are its
    methods, so that a copy of the model has hooks of its own.

    Parameters
    ----------
    operator : nn.Module
    start : str or None
    stop : str
    """

    def __init__(self, operator: nn.Module, start: str | None, stop: str) -> None:
        super().__init__()
        self.operator, self.start, self.stop = operator, start, stop
        self.noted: torch.Tensor | None = None
        self.runs = {"start": 0, "stop": 0}

    def enter(self, model: nn.Module) -> None:
        """Become part of a model."""
        name = next(name for number in range(1, 1000) if not hasattr(model, name := f"stand_in{number}"))
        model.register_forward_pre_hook(self.begin, with_kwargs=True)
        if self.start is not None:
            split_name(model, self.start)[0].register_forward_hook(self.note)
        split_name(model, self.stop)[0].register_forward_hook(self.put)
        self.numbers = [None if name is None else split_name(model, name)[1] for name in (self.start, self.stop)]
        model.add_module(name, self)

    def forward(self, states: Any = None, *_: Any, **__: Any) -> Any:
        """What comes, as it comes: some models run all of their children."""
        return states

    def begin(self, _model: nn.Module, args: tuple, named: dict) -> None:
        """Start to count the runs of a forward pass; without a start, the input is the state."""
        self.runs = {"start": 0, "stop": 0}
        self.noted = (args[0] if args else next(iter(named.values()))) if self.start is None else None

    def note(self, _module: nn.Module, _args: tuple, output: Any) -> None:
        """Keep the output of `start`."""
        self.runs["start"] += 1
        if self.numbers[0] in (None, self.runs["start"]):
            state = tensor_in(output)
            self.noted = state.clone() if isinstance(state, torch.Tensor) else None

    def put(self, _module: nn.Module, _args: tuple, output: Any) -> Any:
        """Give the operator's output in place of that of `stop`."""
        self.runs["stop"] += 1
        if self.numbers[1] not in (None, self.runs["stop"]):
            return None
        if self.noted is None:
            raise ValueError(
                f"{self.stop!r} is run before {self.start!r}, or that gives no tensor, so nothing stands in"
            )
        state, self.noted = self.noted, None  # what is kept could not be copied with the model
        return with_tensor(output, self.operator(state))


def collect_rows(model: nn.Module, inputs: Any, name: str | None, form: Rows) -> tuple[np.ndarray, tuple[int, ...]]:
    """Output of one module, or the first input itself, as rows, and its shape for one sample.

    Raises
    ------
    ValueError
        As `collect_layers`; if a number is not finite, the message says where.
    """
    if name is not None:
        states = run_and_watch(model, inputs, [name])[name]
        array, shape, label = to_array(form.of(states)), states.shape[1:], f"the activations at {name!r}"
    else:
        array, label = _first(model, inputs), "the inputs"
        shape = torch.Size(array.shape[1:])
        array = form.of(torch.from_numpy(array)).numpy() if array.ndim > 2 else array
    return check_states(array, label), tuple(shape)


def _first(model: nn.Module, inputs: Any) -> np.ndarray:
    """The first input in the precision in which it came."""
    return np.ascontiguousarray(inputs) if hasattr(inputs, "__array__") else to_array(as_inputs(model, inputs).first)


def _take_place(model: nn.Module, chain: Chain, start: str | None, stop: str, operator: nn.Module) -> None:
    chain.between(start, stop)
    gone = [name for name, _ in chain.parts[0 if start is None else chain.ends[start] : chain.ends[stop]]]
    inside = [name for name, _ in chain.parts if name == stop or name.startswith(f"{stop}.")]
    place = stop if set(inside) <= set(gone) else gone[-1]
    for name in gone:
        if name != place and not name.startswith(f"{place}."):
            _modules_around(model, name).pop(name.rpartition(".")[2])
    _modules_around(model, place)[place.rpartition(".")[2]] = operator


def _modules_around(model: nn.Module, name: str) -> dict[str, nn.Module | None]:
    return model.get_submodule(name.rpartition(".")[0])._modules
