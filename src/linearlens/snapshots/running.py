"""What goes into a model, and what passes its modules while it runs."""

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence

from linearlens.models.modes import evaluating


class Call(NamedTuple):
    """One run of a module: when it began and ended, what came in, what went out, and a copy of the tensor in it."""

    begin: int
    end: int
    args: tuple
    named: dict
    output: Any
    state: torch.Tensor | PackedSequence | None


class Inputs(NamedTuple):
    """What a model is called with."""

    args: tuple
    named: dict

    @property
    def first(self) -> torch.Tensor:
        """The input whose rows are the samples."""
        return self.args[0] if self.args else next(iter(self.named.values()))

    @property
    def alone(self) -> bool:
        """Whether no other input has a row for each sample."""
        return sum(self._has_rows(part) for part in (*self.args, *self.named.values())) == 1

    def take(self, rows: Any, first: Any = None) -> "Inputs":
        """Some of the samples; of the first input, if asked for, other ones than of those that go with it."""
        lead = self.first[rows if first is None else first]

        def pick(part: Any) -> Any:
            return lead if part is self.first else part[rows] if self._has_rows(part) else part

        return Inputs(tuple(map(pick, self.args)), {name: pick(part) for name, part in self.named.items()})

    def with_first(self, states: torch.Tensor) -> "Inputs":
        """The same with another first input."""
        if self.args:
            return Inputs((states, *self.args[1:]), self.named)
        return Inputs((), {**self.named, next(iter(self.named)): states})

    def to(self, like: torch.Tensor) -> "Inputs":
        """The same on the device of another tensor, floats in its dtype."""

        def move(part: Any) -> Any:
            if not isinstance(part, torch.Tensor):
                return part
            return part.to(like) if part.is_floating_point() else part.to(like.device)

        return Inputs(tuple(map(move, self.args)), {name: move(part) for name, part in self.named.items()})

    def _has_rows(self, part: Any) -> bool:
        return isinstance(part, torch.Tensor) and part.ndim > 0 and len(part) == len(self.first)


@contextmanager
def running(model: nn.Module) -> Iterator[None]:
    """Eval mode without torch's fast path for attention, which calls no part of a layer."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with evaluating(model):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def as_inputs(model: nn.Module, inputs: Any) -> Inputs:
    """Arguments of a model, from an array, a tuple of positional ones or a mapping of named ones.

    Arrays become tensors on the device of the model. Floats take its dtype, and so do whole numbers that come first,
    unless the model holds an nn.Embedding, which looks them up. Tensors stay what they are; all are copies, since
    the model may write to them.
    """
    if isinstance(inputs, Mapping):
        named = {str(name): _tensor(model, part, first=not i) for i, (name, part) in enumerate(inputs.items())}
        found = Inputs((), named)
    else:
        parts = inputs if isinstance(inputs, tuple) else (inputs,)
        found = Inputs(tuple(_tensor(model, part, first=not i) for i, part in enumerate(parts)), {})
    if not (found.args or found.named) or not isinstance(found.first, torch.Tensor):
        raise ValueError(f"the first input must be an array or a tensor, got {type(inputs).__name__}")
    return found


def like_model(model: nn.Module) -> torch.Tensor:
    """An empty tensor in the dtype and on the device of the weights of a model."""
    weight = next((item for item in model.parameters() if item.is_floating_point()), torch.empty(0))
    return torch.empty(0, dtype=weight.dtype, device=weight.device)


def to_array(states: torch.Tensor) -> np.ndarray:
    """On the CPU; half precision becomes float32, in which numpy can compute."""
    return (states.float() if states.dtype in (torch.bfloat16, torch.float16) else states).numpy(force=True)


def split_name(model: nn.Module, name: str) -> tuple[nn.Module, int | None]:
    """The module of a name, and which of its runs is meant, from 1, if the name says so."""
    available = dict(model.named_modules(remove_duplicate=False))
    if name in available:
        return available[name], None
    if (found := re.fullmatch(r"(.*)#([1-9]\d*)", name)) and found[1] in available:
        return available[found[1]], int(found[2])
    raise ValueError(f"no module named {[name]}; the model has {[other for other in available if other]}")


def check_names(model: nn.Module, names: Sequence[str]) -> None:
    """Raise a ValueError that lists all names that do not exist."""
    missing = []
    for name in names:
        try:
            split_name(model, name)
        except ValueError:
            missing.append(name)
    if missing:
        available = [name for name, _ in model.named_modules(remove_duplicate=False) if name]
        raise ValueError(f"no module named {missing}; the model has {available}")


@contextmanager
def watching(model: nn.Module, names: Sequence[str]) -> Iterator[dict[str, list[Call]]]:
    """The runs of the named modules while the model runs; of ``"name#2"`` the second alone."""
    check_names(model, names)
    seen: dict[str, list[Call]] = {name: [] for name in names}
    clock, handles = count(), []
    for name in seen:
        module, number = split_name(model, name)
        begun: list[int] = []
        times = count(1)

        def enter(_module: nn.Module, _args: tuple, _named: dict, begun: list[int] = begun) -> None:
            begun.append(next(clock))

        def leave(
            _module: nn.Module,
            args: tuple,
            named: dict,
            output: Any,
            name: str = name,
            number: int | None = number,
            begun: list[int] = begun,
            times: Iterator[int] = times,
        ) -> None:
            begin = begun.pop()
            if number in (None, next(times)):
                state = tensor_in(output)
                # An activation in place would write over it.
                state = state.clone() if isinstance(state, torch.Tensor) else state
                seen[name].append(Call(begin, next(clock), args, named, output, state))

        if isinstance(module, torch.jit.ScriptModule):
            raise ValueError(f"{name or 'the model'} is scripted and hides its parts; give the model it was made of")
        handles += [
            module.register_forward_pre_hook(enter, with_kwargs=True),
            module.register_forward_hook(leave, with_kwargs=True),
        ]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def run_and_watch(model: nn.Module, inputs: Any, names: Sequence[str]) -> dict[str, torch.Tensor]:
    """Outputs of modules with a row for each sample; errors as `collect_layers`."""
    given = as_inputs(model, inputs)
    with torch.no_grad(), running(model), watching(model, names) as seen:
        model(*given.args, **given.named)
    states = {}
    for name in names:
        call = only(name or type(model).__name__, seen[name])
        if not isinstance(call.state, torch.Tensor) or call.state.ndim < 2 or len(call.state) != len(given.first):
            raise ValueError(
                f"{name!r} must give a tensor of shape (n_samples, ...) with {len(given.first)} samples, got "
                f"{describe(call.output)}"
            )
        states[name] = call.state
    return states


def only(name: str, calls: list[Call]) -> Call:
    """The one run of a module, or a ValueError that says how to name one of several."""
    if len(calls) != 1:
        times, hint = "never", "; a compiled model hides its parts: give the model it was made of"
        if calls:
            times = f"{len(calls)} times"
            hint = f"; name one of them, {name + '#1'!r} to {f'{name}#{len(calls)}'!r}"
        raise ValueError(f"the model's forward reached {name} {times}; its states are wanted once a run{hint}")
    return calls[0]


def tensor_in(output: Any) -> torch.Tensor | PackedSequence | None:
    """The tensor that a module gives: alone, first in a tuple, or `last_hidden_state` or alone in a mapping."""
    if isinstance(output, torch.Tensor | PackedSequence):
        return output
    key = _key(output)
    return None if key is None else tensor_in(output[key])


def with_tensor(output: Any, states: torch.Tensor) -> Any:
    """The same output with another tensor in it; errors where there is none."""
    if isinstance(output, torch.Tensor):
        return states
    key = _key(output)
    if key is None or isinstance(output, PackedSequence):
        raise ValueError(f"no tensor can be put into an output of type {type(output).__name__}")
    inner = with_tensor(output[key], states)
    if isinstance(output, Mapping):
        other = copy.copy(output)
        other[key] = inner  # type: ignore[index]
        return other
    if hasattr(output, "_replace"):
        return output._replace(**{output._fields[0]: inner})
    return type(output)([inner, *output[1:]])


def describe(output: Any) -> str:
    """What came, for messages."""
    if isinstance(output, torch.Tensor):
        return f"shape {tuple(output.shape)}"
    keys = f" of {list(output)}" if isinstance(output, Mapping) else ""
    return type(output).__name__ + keys


def _key(output: Any) -> Any:
    if isinstance(output, Mapping):
        if "last_hidden_state" in output:
            return "last_hidden_state"
        return next(iter(output)) if len(output) == 1 else None
    return 0 if isinstance(output, tuple | list) and output else None


def _tensor(model: nn.Module, part: Any, *, first: bool) -> Any:
    if isinstance(part, torch.Tensor):
        return part.clone()
    if not (hasattr(part, "__array__") or (first and isinstance(part, list))):
        return part
    array, like = np.ascontiguousarray(part), like_model(model)
    if array.dtype.kind not in "iubf":
        raise ValueError(
            f"inputs must be one array of real numbers, got dtype {array.dtype}; rows of different lengths make none"
        )
    looked_up = any(isinstance(module, nn.Embedding | nn.EmbeddingBag) for module in model.modules())
    whole = array.dtype.kind in "iub" and (looked_up or not first)
    return torch.tensor(array, dtype=None if whole else like.dtype, device=like.device)
