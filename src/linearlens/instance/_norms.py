"""Norms: the scale is frozen, the mean is not."""

from collections.abc import Callable
from math import prod
from typing import Any

import torch
from torch import Tensor

from linearlens.instance._activations import gated
from linearlens.instance._record import Recorder, Rule


def batch_norm(
    rec: Recorder,
    func: Any,
    z: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    mean: Tensor | None,
    var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
    *_: Any,
) -> Tensor:
    """A scale and a shift for each channel; after a linear map or a convolution, one with that."""
    if mean is None or var is None:
        rec.refuse(
            "batch_norm",
            "has no running statistics, so instances depend on each other in every mode; make the layer with "
            "track_running_stats=True",
        )
    if training:
        rec.refuse("batch_norm", "is in train mode, where instances depend on each other; call model.eval()")
    rec.must_be_fixed(func, weight=weight, bias=bias, mean=mean, variance=var)
    value = func(z, weight, bias, mean, var, training, momentum, eps, *_)
    factor = 1 / torch.sqrt(var + eps) if weight is None else weight.detach() / torch.sqrt(var + eps)
    shift = -mean * factor if bias is None else bias.detach() - mean * factor
    node = rec.known(z)
    if (
        node.step is not None
        and node.step.fold is not None
        and (out := node.step.fold(factor, shift, value)) is not None
    ):
        return out
    factor, shift = (t.view(-1, *(1,) * (z.dim() - 2)) for t in (factor, shift))
    return gated(rec, z, value, factor, constant=shift)


def norm(rec: Recorder, z: Tensor, value: Tensor, centre: Callable, gain: Tensor, bias: Tensor | None) -> Tensor:
    """Centre, then scale by a frozen gain. Centring is its own transpose."""
    node = rec.known(z)
    constant = None if bias is None else bias.detach()
    return rec.step(
        value,
        [z],
        lambda z: centre(z) * gain if constant is None else centre(z) * gain + constant,
        axis=node.axis,
        constant=constant,
        rows=lambda r: [centre(r * gain)],
    )


def layer_norm(
    rec: Recorder,
    func: Any,
    z: Tensor,
    shape: Any,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    *_: Any,
) -> Tensor:
    """1/σ is frozen, the mean is not."""
    rec.must_be_fixed(func, weight=weight, bias=bias)
    dims = tuple(range(-len(shape), 0))

    def centre(z: Tensor) -> Tensor:
        return z - z.mean(dims, keepdim=True)

    gain = torch.rsqrt(z.var(dims, correction=0, keepdim=True) + eps)
    value = func(z, shape, weight, bias, eps, *_)
    return norm(rec, z, value, centre, gain if weight is None else gain * weight.detach(), bias)


def rms_norm(
    rec: Recorder, func: Any, z: Tensor, shape: Any, weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    """The scale is frozen."""
    rec.must_be_fixed(func, weight=weight)
    dims = tuple(range(-len(shape), 0))
    gain = torch.rsqrt(z.square().mean(dims, keepdim=True) + (torch.finfo(z.dtype).eps if eps is None else eps))
    value = func(z, shape, weight, eps)
    return norm(rec, z, value, lambda z: z, gain if weight is None else gain * weight.detach(), None)


def group_norm(
    rec: Recorder,
    func: Any,
    z: Tensor,
    groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    *_: Any,
) -> Tensor:
    """1/σ of each group is frozen, its mean is not."""
    rec.must_be_fixed(func, weight=weight, bias=bias)
    own_axes = z.dim() - 1  # of one instance; rows have one more in front
    per_group = (groups, z.shape[1] // groups * prod(z.shape[2:]))

    def in_groups(z: Tensor) -> Tensor:
        return z.reshape(*z.shape[:-own_axes], *per_group)

    def centre(z: Tensor) -> Tensor:
        parts = in_groups(z)
        return (parts - parts.mean(-1, keepdim=True)).view(z.shape)

    parts = in_groups(z)
    gain = torch.rsqrt(parts.var(-1, correction=0, keepdim=True) + eps).expand(parts.shape).reshape(z.shape)
    value = func(z, groups, weight, bias, eps, *_)
    weight, bias = (None if t is None else t.detach().view(-1, *(1,) * (own_axes - 1)) for t in (weight, bias))
    return norm(rec, z, value, centre, gain if weight is None else gain * weight, bias)


def instance_norm(
    rec: Recorder,
    func: Any,
    z: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    mean: Tensor | None,
    var: Tensor | None,
    use_input: bool,
    momentum: float,
    eps: float,
    *_: Any,
) -> Tensor:
    """A group norm of single channels."""
    if not use_input:
        return batch_norm(rec, torch.batch_norm, z, weight, bias, mean, var, False, momentum, eps, False)
    return group_norm(rec, torch.group_norm, z, z.shape[1], weight, bias, eps)


RULES: dict[str, Rule] = {
    "batch_norm": batch_norm,
    "layer_norm": layer_norm,
    "rms_norm": rms_norm,
    "group_norm": group_norm,
    "instance_norm": instance_norm,
}
