"""Choices: clamps, thresholds, and the larger of two tensors. Which one passes is frozen."""

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
        nowhere = torch.zeros((), dtype=torch.bool)
        below, above = nowhere if min is None else z < min, nowhere if max is None else z > max
        return _between(rec, z, func(z, min, max), below, above, (min, max))
    if min is not None:
        z = _at_bound(rec, torch.ge, torch.clamp_min, z, min)
    return z if max is None else _at_bound(rec, torch.le, torch.clamp_max, z, max)


def hardtanh(rec: Recorder, func: Any, z: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """As `clamp`, but off at the bounds themselves: so says torch's own gradient."""
    value = func(z, min_val, max_val)
    return _between(rec, z, value, z <= min_val, z >= max_val, (min_val, max_val))


def _between(rec: Recorder, z: Tensor, value: Tensor, below: Tensor, above: Tensor, bounds: tuple) -> Tensor:
    outside = below | above
    state = 1 + above.char() - below.char()  # 0 below, 1 between, 2 above
    constant = value.masked_fill(~outside, 0)
    bounds = tuple(bound for bound in bounds if bound is not None)
    gate = (~outside).to(z.dtype)
    return gated(rec, z, value, gate, constant=constant, strength=UNIT, state=state, bounds=bounds)


def threshold(rec: Recorder, func: Any, z: Tensor, threshold: float, value: float) -> Tensor:
    """1 above the threshold; elsewhere 0, and the value is the constant."""
    on = z > threshold
    out = func(z, threshold, value)
    constant = out.masked_fill(on, 0)
    return gated(rec, z, out, on.to(z.dtype), constant=constant, strength=UNIT, state=on, bounds=(threshold,))


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

    _meeting(rec, a, b)
    fixed = not (rec.live(a) and rec.live(b))
    return rec.step(
        value,
        inputs,
        piece,
        axis=axis_through(rec, torch.maximum, (a, b), {}, value),
        strength=UNIT if fixed else min(rec.known(t).strength for t in inputs),
        constant=piece(*(torch.zeros_like(t) for t in inputs)) if fixed else None,
    )


def _meeting(rec: Recorder, a: Tensor, b: Tensor) -> None:
    """Beside the way to the output: a unit that is on where `a` is above `b`."""
    with rec:
        apart = a - b
    rec.step(apart, [apart], lambda z: z, axis=rec.known(apart).axis, state=apart > 0, bounds=(0.0,))


def larger(rec: Recorder, func: Any, a: Tensor, b: Tensor) -> Tensor:
    """The larger of two, entry by entry, or the smaller; of equals one half of each, but of fmax and fmin the first."""
    over = a > b if "max" in func.__name__ else a < b
    share = over.to(b.dtype) + (a == b).to(b.dtype) * (1.0 if func.__name__.startswith("f") else 0.5)
    return either(rec, func(a, b), a, b, share)


def maximum_along(rec: Recorder, func: Any, z: Tensor, dim: Any = None, keepdim: bool = False, **kwargs: Any) -> Any:
    """The largest entry along an axis; of equal ones the one that torch names. Of two tensors the larger."""
    other = kwargs.get("other", dim)
    if isinstance(other, Tensor):
        return larger(rec, func, z, other)
    _of_one_instance(rec, func, dim)
    found = func(z, dim, keepdim)
    winners = found.indices if keepdim else found.indices.unsqueeze(dim)

    def piece(z: Tensor) -> Tensor:
        taken = z.gather(dim, winners)
        return taken if keepdim else taken.squeeze(dim)

    node = rec.known(z)
    axis, dim = node.axis, dim % z.dim()
    if axis is not None and not keepdim:
        axis = axis - 1 if axis > dim else axis
    value = rec.step(found.values, [z], piece, axis=None if node.axis == dim else axis, state=found.indices)
    return type(found)((value, found.indices))


def extreme_along(rec: Recorder, func: Any, z: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The largest entry along axes; equal ones share, as in torch's own gradient."""
    _of_one_instance(rec, func, dim)
    dims = (dim,) if isinstance(dim, int) else tuple(dim)
    wins = (z == func(z, dims, True)).to(z.dtype)
    share = wins / wins.sum(dims, keepdim=True)
    value = func(z, dims, keepdim)
    last = tuple(range(-len(dims), 0))
    return rec.step(
        value,
        [z],
        lambda z: torch.where(share > 0, share * z, 0).sum(dims, keepdim),
        axis=axis_through(rec, func, (z, dims, keepdim), {}, value),
        state=wins.movedim(dims, last).flatten(-len(dims)).argmax(-1).reshape(value.shape),
    )


def _of_one_instance(rec: Recorder, func: Any, dim: Any) -> None:
    if dim is None or dim == ():
        rec.refuse(func.__name__, "without an axis is the extreme of all instances together; give the axis as dim")


RULES: dict[str, Rule] = {
    **under("clamp clip", clamp),
    "clamp_min": lambda rec, func, z, min: clamp(rec, torch.clamp, z, min, None),
    "clamp_max": lambda rec, func, z, max: clamp(rec, torch.clamp, z, None, max),
    "hardtanh": hardtanh,
    "relu6": lambda rec, func, z: hardtanh(rec, torch.clamp, z, 0.0, 6.0),
    "threshold": threshold,
    **under("max min", maximum_along),
    **under("amax amin", extreme_along),
    **under("maximum minimum fmax fmin", larger),
}
