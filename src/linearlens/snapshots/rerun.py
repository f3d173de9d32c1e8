"""Run part of a model: put a state in, and see whether what comes out follows from it alone."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from typing import Any

import numpy as np
import torch
from torch import nn

from linearlens.snapshots.running import (
    Call,
    Inputs,
    as_inputs,
    describe,
    only,
    running,
    split_name,
    tensor_in,
    watching,
    with_tensor,
)

FEW = 5  # samples on which a cut is tested
ROUNDING = 300  # roundings: another number of samples may be computed in another order
LITTLE = 1e-5  # share of the difference of samples that is taken for none


def few_of(model: nn.Module, inputs: Any) -> Inputs:
    """A few samples; a ValueError if they do not differ."""
    few = as_inputs(model, inputs)
    few = few.take(np.linspace(0, len(few.first) - 1, min(FEW, len(few.first))).round().astype(int))
    if len(few.first) < 2 or (few.first == few.first[:1]).all():
        raise ValueError(
            f"need two samples or more that differ, to see whether one module leads to another; got inputs of shape "
            f"{tuple(few.first.shape)}"
        )
    return few


def trace(model: nn.Module, inputs: Inputs) -> dict[str, Call]:
    """Each run of each module by its name, with a number where there are several."""
    names = [name for name, _ in model.named_modules() if name]
    with running(model), watching(model, names) as seen:
        _call(model, inputs)
    return {
        name if len(found) == 1 else f"{name}#{number}": call
        for name, found in seen.items()
        for number, call in enumerate(found, start=1)
    }


def states_in_order(calls: dict[str, Call], few: Inputs) -> dict[str, torch.Tensor]:
    """What modules gave, in the order in which they were done, where it has a row for each sample."""
    found = {}
    for name, call in sorted(calls.items(), key=lambda item: item[1].end):
        if isinstance(call.state, torch.Tensor) and call.state.ndim > 1 and len(call.state) == len(few.first):
            found[name] = call.state
    return found


def ends_of(model: nn.Module, start: str | None, stop: str, few: Inputs) -> tuple[torch.Tensor, torch.Tensor]:
    names = [stop] if start is None else [start, stop]
    with torch.no_grad(), running(model), watching(model, names) as seen:
        _call(model, few)
    last = only(stop or type(model).__name__, seen[stop])
    after = _rows_of(stop, last, few)
    rounding, spread = _sizes(after, after)
    if len(after) > 1 and spread <= 10 * rounding:
        raise ValueError(
            f"{stop or 'the output'!r} is the same for all samples, or nearly so ({spread:.1g} apart), so whether it "
            "follows from anything cannot be tried; give inputs that differ more, or look at weights that are 0"
        )
    if start is None:
        return few.first.detach(), after
    first = only(start or type(model).__name__, seen[start])
    if first.end >= last.end:
        raise ValueError(f"stop must come after start; {stop!r} does not come after {start!r} in the forward pass")
    return _rows_of(start, first, few), after


def driver_of(
    model: nn.Module, start: str | None, stop: str, few: Inputs, before: torch.Tensor, after: torch.Tensor
) -> Inputs | None:
    """Inputs that bring out the same at `stop` though they are those of other samples; one will do for most models."""
    rest = slice(1, None)
    tries = [few.take(rest)] if start is None else [few.take(rest, first=slice(0, -1))]
    if start is not None and few.alone:
        tries.insert(0, few.take(slice(0, 1)))
    for inputs in tries:
        try:
            with torch.no_grad():
                found = rerun(model, start, stop, inputs, before[rest])
        except Exception:  # what a model does that is given samples which do not go together is its own affair
            continue
        if _same(found, after[rest], like=before):
            return inputs
    return None


def why_not(
    model: nn.Module, start: str | None, stop: str, few: Inputs, before: torch.Tensor, after: torch.Tensor
) -> str:
    alone = ends_of(model, None, stop, few.take(slice(1, None)))[1]
    label = repr(stop) if stop else "the output"
    if start is None or not _same(alone, after[1:], like=before):
        return (
            f"samples depend on each other: {label} of some samples is another when one is left out; does the first "
            "axis of the inputs number the samples?"
        )
    clean = _following(model, start, few, before)
    return (
        f"something passes by {start!r} on the way to {label}, such as a skip connection: with other samples at the "
        f"input, {label} changes though {start!r} is kept. What follows from {start!r} alone is {clean or 'nothing'}; "
        "cut_points(model, inputs) names where the whole model can be cut"
    )


def _following(model: nn.Module, start: str, few: Inputs, before: torch.Tensor) -> list[str]:
    """What is as it was after `start` though other samples enter, and only `start` is kept."""
    calls, rest = trace(model, few), slice(1, None)
    end = calls[start].end if start in calls else 0  # a second name of a module is not among them
    other = few.take(rest, first=slice(0, -1))
    try:
        with torch.no_grad(), _at(model, start, lambda output: with_tensor(output, before[rest])):
            again = states_in_order(trace(model, other), other)
    except Exception:  # as in `driver_of`
        return []
    return [
        name
        for name, state in states_in_order(calls, few).items()
        if calls[name].end > end and name in again and _same(again[name], state[rest], like=before)
    ]


def rerun(model: nn.Module, start: str | None, stop: str, inputs: Inputs, states: torch.Tensor) -> torch.Tensor:
    states = states.clone()  # an activation in place would write over it
    reached: list[Any] = []

    def leave(output: Any) -> None:
        reached.append(tensor_in(output))
        raise _Reached

    with running(model), _at(model, stop, leave):
        if start is None:
            with _stopped():
                _call(model, inputs.with_first(states))
        else:
            with _at(model, start, lambda output: with_tensor(output, states)), _stopped():
                _call(model, inputs)
    if not reached or not isinstance(reached[0], torch.Tensor):
        raise ValueError(f"the model's forward did not reach {stop!r}, or it gave no tensor")
    return reached[0]


class _Reached(BaseException):
    """The rest of the forward pass is of no interest; no `except Exception` in a model may stop it."""


@contextmanager
def _stopped() -> Iterator[None]:
    with suppress(_Reached):
        yield


@contextmanager
def _at(model: nn.Module, name: str, action: Callable[[Any], Any]) -> Iterator[None]:
    """Do something with the output of a module when it is done."""
    module, number = split_name(model, name)
    times = count(1)

    def hook(_module: nn.Module, _args: tuple, output: Any) -> Any:
        return action(output) if (number or 1) == next(times) else None

    handle = module.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def _call(model: nn.Module, inputs: Inputs) -> Any:
    """Of copies, since the model may write to what comes in."""
    args, named = ([_copy(part) for part in parts] for parts in (inputs.args, inputs.named.values()))
    return model(*args, **dict(zip(inputs.named, named, strict=True)))


def _copy(part: Any) -> Any:
    return part.clone() if isinstance(part, torch.Tensor) else part


def _rows_of(name: str, call: Call, few: Inputs) -> torch.Tensor:
    state = call.state
    if not isinstance(state, torch.Tensor) or state.ndim < 1 or len(state) != len(few.first):
        raise ValueError(
            f"{name!r} must give a tensor with a row for each of the {len(few.first)} samples, got "
            f"{describe(call.output)}"
        )
    return state


def _same(found: torch.Tensor, wanted: torch.Tensor, *, like: torch.Tensor) -> bool:
    """Up to rounding, and to a small share of what makes samples differ."""
    if found.shape != wanted.shape:
        return False
    rounding, spread = _sizes(wanted, like)
    near = (found.double() - wanted.double()).abs() <= rounding + LITTLE * spread
    return bool((near | (found == wanted)).all())


def _sizes(states: torch.Tensor, like: torch.Tensor) -> tuple[float, float]:
    """What rounding may do to states, in the coarser of two dtypes, and how far the samples are apart."""
    eps = max(torch.finfo(item.dtype).eps if item.is_floating_point() else 0.0 for item in (states, like))
    finite = states.detach().double().nan_to_num(0.0, 0.0, 0.0)
    return ROUNDING * eps * float(finite.abs().max()), float((finite - finite.mean(dim=0)).abs().max())
