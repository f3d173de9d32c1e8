"""Choices: clamps, thresholds, the larger of two tensors, the largest entries. Which one passes is frozen."""

from typing import Any

import torch
from torch import Tensor

from linearlens.instance._activations import UNIT, gated
from linearlens.instance._calls import replace_tensors, under
from linearlens.instance._general import live_in
from linearlens.instance._record import Recorder, Rule, axis_through
from linearlens.instance._tape import Step


def clamp(rec: Recorder, func: Any, z: Any, min: Any = None, max: Any = None) -> Tensor:
    """1 between the bounds; outside 0, and the bound is the constant. A bound may itself depend on the input."""
    shapes = [bound.shape for bound in (min, max) if isinstance(bound, Tensor)]
    if rec.live(z) and not live_in(rec, min, max) and torch.broadcast_shapes(z.shape, *shapes) == z.shape:
        value = func(z, min, max)
        nowhere = torch.zeros((), dtype=torch.bool, device=z.device)
        outside = (nowhere if min is None else z < min) | (nowhere if max is None else z > max)
        return _between(rec, z, value, outside)
    if min is not None:
        z = _at_bound(rec, torch.ge, torch.clamp_min, z, min)
    return z if max is None else _at_bound(rec, torch.le, torch.clamp_max, z, max)


def hardtanh(rec: Recorder, func: Any, z: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """As `clamp`, but off at the bounds themselves: so says torch's own gradient."""
    above, below = z >= max_val, z <= min_val
    constant = above.to(z.dtype).mul_(max_val)
    if min_val:
        constant.add_(below.to(z.dtype), alpha=min_val)
    return gated(rec, z, func(z, min_val, max_val), ~(above | below), constant=constant, strength=UNIT)


def threshold(rec: Recorder, func: Any, z: Tensor, threshold: float, value: float) -> Tensor:
    """1 above the threshold; elsewhere 0, and the value is the constant."""
    return _between(rec, z, func(z, threshold, value), z <= threshold)


def _between(rec: Recorder, z: Tensor, value: Tensor, outside: Tensor) -> Tensor:
    constant = value.masked_fill(~outside, 0)
    return gated(rec, z, value, ~outside, constant=constant, strength=UNIT)


def _at_bound(rec: Recorder, passes: Any, func: Any, z: Tensor, bound: Any) -> Tensor:
    """At the bound itself `z` passes, as in torch's own gradient."""
    bound = bound if isinstance(bound, Tensor) else z.new_tensor(bound)
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
    )


def larger(rec: Recorder, func: Any, a: Tensor, b: Tensor) -> Tensor:
    """The larger of two, entry by entry, or the smaller; of equals one half of each, but of fmax and fmin the first."""
    over = a > b if "max" in func.__name__ else a < b
    share = over.to(b.dtype) + (a == b).to(b.dtype) * (1.0 if func.__name__.startswith("f") else 0.5)
    return either(rec, func(a, b), a, b, share)


def extreme_along(rec: Recorder, func: Any, z: Tensor, dim: Any = None, keepdim: bool = False, **kwargs: Any) -> Any:
    """The largest entry along an axis; of equal ones the one that torch names. Of two tensors the larger."""
    other = kwargs.get("other", dim)
    if isinstance(other, Tensor):
        return larger(rec, func, z, other)
    _of_one_instance(rec, func, dim)
    found = chosen(rec, func, z, dim=dim, keepdim=keepdim)
    value = found[0].detach()
    not_unique(rec, z, found[0], (z == (value if keepdim else value.unsqueeze(dim))).sum(dim, keepdim) > 1)
    return found


def chosen(rec: Recorder, func: Any, z: Tensor, *args: Any, **kwargs: Any) -> Any:
    """Functions that give entries along an axis, and where they were: sort, top-k, the median."""
    found = func(z, *args, **kwargs)
    if not isinstance(found, tuple):
        rec.refuse(func.__name__, "without an axis is of all instances together; give the axis as dim")
    node, out = rec.known(z), found[0]
    first = "dim" if func.__name__ in ("sort", "median", "max", "min") else None
    dim = kwargs.get("dim", args[0 if first else 1] if len(args) > (0 if first else 1) else -1) % max(1, z.dim())
    squeezed = out.dim() < z.dim()
    places = found[1].unsqueeze(dim) if squeezed else found[1]

    def piece(z: Tensor) -> Tensor:
        taken = z.gather(dim, places)
        return taken.squeeze(dim) if squeezed else taken

    axis = None if node.axis == dim else node.axis
    if axis is not None and squeezed and axis > dim:
        axis -= 1
    return type(found)((rec.step(out, [z], piece, axis=axis, strength=node.strength), *found[1:]))


def extremes_along(rec: Recorder, func: Any, z: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The largest entry along axes; equal ones share, as in torch's own gradient."""
    _of_one_instance(rec, func, dim)
    dims = (dim,) if isinstance(dim, int) else tuple(dim)
    wins = (z == func(z, dims, True)).to(z.dtype)
    share = wins / wins.sum(dims, keepdim=True)
    value = func(z, dims, keepdim)
    axis = axis_through(rec, func, (z, dims, keepdim), {}, value)
    rec.step(value, [z], lambda z: torch.where(share > 0, share * z, 0).sum(dims, keepdim), axis=axis)
    not_unique(rec, z, value, wins.sum(dims, keepdim) > 1)
    return value


def not_unique(rec: Recorder, z: Tensor, value: Tensor, ties: Tensor) -> None:
    """Note the instances of which a choice among equals decides what the map is; units that are off are alike."""
    step, axis = rec.known(z).step, rec.known(value).axis
    while step is not None and step.gate is None and step.constant is None and _same_entries(step):
        step = step.inputs[0].step
    if step is not None and step.gate is not None and step.constant is None:
        ties = ties & (value != 0)
    if axis is not None and ties.any():
        rec.unique &= ~ties.movedim(axis, 0).reshape(len(rec.unique), -1).any(1)


def _same_entries(step: Step) -> bool:
    """As after a reshape."""
    return len(step.inputs) == 1 and step.inputs[0].shape.numel() == step.output.shape.numel()


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
    **under("max min", extreme_along),
    **under("sort topk kthvalue median cummax cummin", chosen),
    **under("amax amin", extremes_along),
    **under("maximum minimum fmax fmin", larger),
}
