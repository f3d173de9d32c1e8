"""Choices: clamps, and the larger of two tensors. Which one passes is frozen."""

from typing import Any

import torch
from torch import Tensor

from linearlens.instance._activations import UNIT, gated
from linearlens.instance._general import live_in
from linearlens.instance._record import Recorder, Rule, axis_through, replace_tensors, under


def clamp(rec: Recorder, func: Any, z: Any, min: Any = None, max: Any = None) -> Tensor:
    """1 between the bounds; outside 0, and the bound is the constant. A bound may itself depend on the input."""
    shapes = [bound.shape for bound in (min, max) if isinstance(bound, Tensor)]
    if rec.live(z) and not live_in(rec, min, max) and torch.broadcast_shapes(z.shape, *shapes) == z.shape:
        return _between(rec, z, func(z, min, max), min, max)
    if min is not None:
        z = _at_bound(rec, torch.ge, torch.clamp_min, z, min)
    return z if max is None else _at_bound(rec, torch.le, torch.clamp_max, z, max)


def _between(rec: Recorder, z: Tensor, value: Tensor, low: Any, high: Any) -> Tensor:
    inside = value == z
    return gated(rec, z, value, inside.to(z.dtype), constant=value.masked_fill(inside, 0), strength=UNIT, state=inside)


def _at_bound(rec: Recorder, passes: Any, func: Any, z: Tensor, bound: Any) -> Tensor:
    """At the bound itself `z` passes, as in torch's own gradient."""
    bound = bound if isinstance(bound, Tensor) else torch.tensor(bound, dtype=z.dtype)
    return either(rec, func(z, bound), z, bound, passes(z, bound).to(z.dtype))


def either(rec: Recorder, value: Tensor, a: Tensor, b: Tensor, share: Tensor) -> Tensor:
    """A step that lets a frozen share of `a` through, entry by entry, and of `b` the rest."""
    inputs = live_in(rec, a, b)

    def piece(*tensors: Tensor) -> Tensor:
        x, y = replace_tensors((a, b), {id(old): tensor for old, tensor in zip(inputs, tensors, strict=True)})
        # Not the plain sum of products: what does not pass may be infinite.
        return torch.where(share > 0, share * x, 0) + torch.where(share < 1, (1 - share) * y, 0)

    fixed = not (rec.live(a) and rec.live(b))
    return rec.step(
        value,
        inputs,
        piece,
        axis=axis_through(rec, torch.maximum, (a, b), {}, value),
        strength=UNIT if fixed else min(rec.known(t).strength for t in inputs),
        constant=piece(*(torch.zeros_like(t) for t in inputs)) if fixed else None,
        state=share > 0,
    )


RULES: dict[str, Rule] = {
    **under("clamp clip", clamp),
    "clamp_min": lambda rec, func, z, min: clamp(rec, torch.clamp, z, min, None),
    "clamp_max": lambda rec, func, z, max: clamp(rec, torch.clamp, z, None, max),
    "hardtanh": lambda rec, func, z, min_val=-1.0, max_val=1.0: clamp(rec, func, z, min_val, max_val),
    "relu6": lambda rec, func, z: clamp(rec, torch.clamp, z, 0.0, 6.0),
}
