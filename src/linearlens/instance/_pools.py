"""Pooling: which entry of a window wins is frozen."""

from math import prod
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from linearlens.instance._calls import under
from linearlens.instance._choices import not_unique
from linearlens.instance._general import per_axis
from linearlens.instance._record import Recorder, Rule


def max_pool(rec: Recorder, func: Any, z: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """The winner of each window passes; of equal ones the first, and only it."""
    if kwargs.pop("return_indices", False):
        rec.refuse(func.__name__, "with return_indices=True cannot be linearized")
    node, spatial = rec.known(z), int(func.__name__[-2])
    pool = getattr(F, f"{func.__name__}_with_indices")
    value, places = pool(_by_pixels(func, z), *args, **kwargs)
    value, flat = _as_torch_lays_it(value, z), places.contiguous().flatten(-spatial)
    plane = z.shape[-spatial:]

    def rows(r: Tensor, flat: Tensor = flat) -> list[Tensor]:
        back = r.new_zeros(*r.shape[:-spatial], prod(plane))
        back.scatter_add_(-1, flat.expand(len(r), *flat.shape), r.flatten(-spatial))
        return [back.unflatten(-1, plane)]

    rec.step(
        value,
        [node],
        lambda z: z.flatten(-spatial).gather(-1, flat).view(places.shape),
        axis=node.axis,
        strength=node.strength,
        rows=rows,
        held=(flat,) if node.axis == 0 and len(flat) == rec.tape.n else None,
    )
    others = z.flatten(-spatial).scatter(-1, flat, -torch.inf).view(z.shape)
    not_unique(rec, z, value, pool(_by_pixels(func, others), *args, **kwargs)[0] == value)
    return value


def _by_pixels(func: Any, z: Tensor) -> Tensor:
    """With the channels of a pixel side by side, where torch's pools of images are several times quicker."""
    images = func.__name__.endswith("pool2d") and z.dim() == 4 and z.shape[1] > 1
    return z.contiguous(memory_format=torch.channels_last) if images else z


def _as_torch_lays_it(value: Tensor, z: Tensor) -> Tensor:
    """In the memory format that torch would give it."""
    by_pixels = z.dim() == 4 and not z.is_contiguous() and z.is_contiguous(memory_format=torch.channels_last)
    return value.contiguous(memory_format=torch.channels_last if by_pixels else torch.contiguous_format)


def mean_pool(rec: Recorder, func: Any, z: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """Each entry of a window gets its share of the row; where windows overlap, by automatic differentiation."""
    value = _as_torch_lays_it(func(_by_pixels(func, z), *args, **kwargs), z)
    node, spatial = rec.known(z), int(func.__name__[-2])
    per_image = node.axis == 0 and len(value) == len(z)
    windows = [big // max(1, small) for big, small in zip(z.shape[-spatial:], value.shape[-spatial:], strict=True)]
    covered = [window * small for window, small in zip(windows, value.shape[-spatial:], strict=True)]
    tiles = covered == list(z.shape[-spatial:]) and (
        func.__name__.startswith("adaptive") or _tiles(windows, *args, **kwargs)
    )

    def rows(r: Tensor) -> list[Tensor]:
        share = r / prod(windows)
        for axis, window in zip(range(-spatial, 0), windows, strict=True):
            share = share.repeat_interleave(window, axis)
        return [share]

    return rec.step(
        value,
        [z],
        lambda z: func(z, *args, **kwargs),
        axis=0 if per_image else None,
        alike=per_image,
        rows=rows if tiles else None,
    )


def _tiles(
    windows: list[int],
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> bool:
    """Whether windows of these sizes lie side by side, and their plain means are taken."""
    sizes, steps, edges = (per_axis(given, len(windows)) for given in (kernel_size, stride or kernel_size, padding))
    return sizes == steps == windows and not any(edges) and divisor_override is None


_MAX = "max_pool1d max_pool2d max_pool3d adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d"
_MEAN = "avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d"
RULES: dict[str, Rule] = {**under(_MAX, max_pool), **under(_MEAN, mean_pool)}
