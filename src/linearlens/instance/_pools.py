"""Pooling: which entry of a window wins is frozen."""

from collections.abc import Sequence
from math import prod
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from linearlens.instance._calls import under
from linearlens.instance._choices import not_unique
from linearlens.instance._general import per_axis
from linearlens.instance._record import Recorder, Rule
from linearlens.instance._tape import PART, Node, Rows, Step, in_equal_parts


def max_pool(rec: Recorder, func: Any, z: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """The winner of each window passes; of equal ones the first, and only it.

    What comes before is written down for the winners only: a gate, as of a ReLU, is put behind the pool, and what a
    layer adds to every entry of a channel is added there.
    """
    if kwargs.pop("return_indices", False):
        rec.refuse(func.__name__, "with return_indices=True cannot be linearized")
    node = rec.known(z)
    pool = getattr(F, f"{func.__name__}_with_indices")
    value, places = pool(_by_pixels(func, z), *args, **kwargs)
    winners = Winners(z.shape, places.contiguous(), int(func.__name__[-2]))
    value = _as_torch_lays_it(value, z)
    if (gate := _gate_alone(node, rec.tape.n)) is None:
        winners.write(rec, value, node, strength=node.strength)
        not_unique(rec, z, value, winners.ties(z, value, pool, args, kwargs))
        return value
    assert node.step is not None
    # Only its node matters: the winners before the gate. Their values nobody asks for.
    picked = winners.write(rec, value.view_as(value), node.step.inputs[0])
    gate = winners.of(gate)
    rec.step(value, [picked], lambda z: z * gate, axis=0, strength=node.strength, gate=gate, held=(gate,))
    not_unique(rec, z, value, winners.ties(z, value, pool, args, kwargs))
    return value


class Winners:
    """One entry of each window of a tensor.

    Parameters
    ----------
    shape : torch.Size
        Of the tensor.
    places : Tensor of int64
        Where the entry is in its plane, counted through.
    spatial : int
        How many of the last axes make a plane.
    """

    def __init__(self, shape: torch.Size, places: Tensor, spatial: int) -> None:
        self.shape, self.places, self.spatial = shape, places, spatial
        self.flat = places.flatten(-spatial)

    def of(self, z: Tensor) -> Tensor:
        """The entries themselves."""
        return z.flatten(-self.spatial).gather(-1, self.flat).view(self.places.shape)

    def ties(self, z: Tensor, value: Tensor, pool: Any, args: tuple, kwargs: dict) -> Tensor:
        """Which windows have another entry as large."""
        others = z.flatten(-self.spatial).scatter(-1, self.flat, -torch.inf).view(z.shape)
        return pool(others, *args, **kwargs)[0] == value

    def spread(self, rows: Tensor, flat: Tensor) -> Tensor:
        """Rows for the winners as rows for all entries; `flat` for as many instances as the rows have."""
        shape = self.shape[-self.spatial :]
        back = rows.new_zeros(*rows.shape[: -self.spatial], prod(shape))
        back.scatter_add_(-1, flat.expand(len(rows), *flat.shape), rows.flatten(-self.spatial))
        return back.unflatten(-1, shape)

    def write(self, rec: Recorder, value: Tensor, node: Node, **how: Any) -> Tensor:
        """A step from a node to its winners; past the step that made it, if that is a layer of its own."""
        layer = self._layer(node, rec.tape.n)
        if layer is None:
            held = (self.flat,) if node.axis == 0 and len(self.flat) == rec.tape.n else None
            return rec.step(
                value,
                [node],
                self.of,
                axis=node.axis,
                rows=lambda r, f=self.flat: [self.spread(r, f)],
                held=held,
                **how,
            )
        rows = layer.rows
        assert rows is not None
        return rec.step(
            value,
            layer.inputs,
            lambda *inputs: self.of(layer.affine(*inputs)),
            axis=0,
            rows=lambda r, flat: self._through(rows, r, flat),
            held=(self.flat,),
            inner=self.shape.numel(),
            constant=layer.constant,
            layer=layer.layer,
            **how,
        )

    def _through(self, rows: Rows, r: Tensor, flat: Tensor) -> Sequence[Tensor | None]:
        """Rows for the winners through the layer before them, a few at a time, as they are large in between."""
        most = PART // (r.element_size() * r.shape[1] * self.shape[1:].numel())
        found = [rows(self.spread(few, flat)) for few in r.split(in_equal_parts(len(r), most))]
        return found[0] if len(found) == 1 else [torch.cat(parts) for parts in zip(*found, strict=True)]

    def _layer(self, node: Node, n: int) -> Step | None:
        """The step that made a node, if it treats instances alike, adds one number to all entries of a plane, and is
        worth it: the winners are fewer."""
        step = node.step
        if step is None or step.rows is None or not step.alike or node.axis != 0 or node.shape[0] != n:
            return None
        if step.constant is None or self.places.numel() >= self.shape.numel():
            return None
        per_channel = step.constant.shape[-self.spatial :].numel() == 1 and step.constant.dim() == len(self.shape) - 1
        return step if per_channel else None


def _by_pixels(func: Any, z: Tensor) -> Tensor:
    """With the channels of a pixel side by side, where torch's pools of images are several times quicker."""
    images = func.__name__.endswith("pool2d") and z.dim() == 4 and z.shape[1] > 1
    return z.contiguous(memory_format=torch.channels_last) if images else z


def _as_torch_lays_it(value: Tensor, z: Tensor) -> Tensor:
    """In the memory format that torch would give it."""
    by_pixels = z.dim() == 4 and not z.is_contiguous() and z.is_contiguous(memory_format=torch.channels_last)
    return value.contiguous(memory_format=torch.channels_last if by_pixels else torch.contiguous_format)


def _gate_alone(node: Node, n: int) -> Tensor | None:
    """The gate of the step that made a node, if that step only multiplies by a number for each entry."""
    step = node.step
    if step is None or step.gate is None or step.constant is not None or not step.held:
        return None
    return step.gate if step.inputs[0].axis == node.axis == 0 and len(step.gate) == n else None


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
