"""Writes into a part of a tensor: the rest of it, and all that shares its memory, is followed."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from linearlens.instance._tape import Node

if TYPE_CHECKING:
    from linearlens.instance._record import Recorder


def memory_of(tensor: Tensor) -> int:
    """What is equal for tensors that share their memory."""
    return tensor.untyped_storage()._cdata


def written(rec: "Recorder", root: Tensor, before: Node | None, old: Tensor, part: Tensor, value: Tensor) -> None:
    """A step to a tensor of which a part was overwritten.

    Parameters
    ----------
    rec : Recorder
    root : Tensor
        With the new contents; its node is made anew.
    before : Node or None
        What it was; None if it did not depend on the input.
    old : Tensor of the shape of `root`
        Its contents before.
    part : Tensor
        Of the memory of `root`.
    value : Tensor of the shape of `part`
    """
    at = places(rec, root, part).flatten()
    node, dtype = rec.live(value), value.dtype
    rest = torch.ones(root.numel(), dtype=torch.bool, device=root.device).index_fill(0, at, False).view(root.shape)
    constant = torch.where(rest, 0 if before else old, 0).to(root.dtype)
    if node is None:
        constant = constant.flatten().index_copy(0, at, value.to(root.dtype).flatten()).view(root.shape)
    axis = None if node is None else axis_in(node.axis, part, root)
    if before is not None and (node is None or before.axis != axis):
        axis = before.axis if node is None else None

    def piece(*tensors: Tensor) -> Tensor:
        out = constant if before is None else constant + torch.where(rest, tensors[0], 0)
        if node is None:
            return out
        return out.flatten().index_copy(0, at, tensors[-1].to(out.dtype).flatten()).view(out.shape)

    def rows(r: Tensor) -> Sequence[Tensor]:
        backs = [] if before is None else [torch.where(rest, r, 0)]
        if node is not None:
            backs.append(r.flatten(1)[:, at].view(len(r), *part.shape).to(dtype))
        return backs

    rec.step(root, [t for t in (before, node) if t is not None], piece, axis=axis, rows=rows, constant=constant)


def read_again(rec: "Recorder", root: Tensor, part: Tensor) -> None:
    """A step from a tensor that was written into to one that shares its memory."""
    at, node = places(rec, root, part), rec.known(root)
    shape = root.shape

    def rows(r: Tensor) -> Sequence[Tensor]:
        back = r.new_zeros(len(r), shape.numel())
        return [back.index_add_(1, at.flatten(), r.flatten(1)).view(len(r), *shape)]

    axis = axis_in(node.axis, root, part)
    rec.step(part, [node], lambda z: z.flatten()[at], axis=axis, rows=rows, strength=node.strength)


def places(rec: "Recorder", root: Tensor, part: Tensor) -> Tensor:
    """Where the entries of a tensor are among those of another that shares its memory, counted through."""
    size = root.untyped_storage().nbytes() // root.element_size()
    where = torch.full((size,), -1, device=root.device)
    numbers = torch.arange(root.numel(), device=root.device).view(root.shape)
    where.as_strided(root.shape, root.stride(), root.storage_offset()).copy_(numbers)
    if part.dtype == root.dtype:
        found = where.as_strided(part.shape, part.stride(), part.storage_offset()).clone()
        if not (found < 0).any():
            return found
    rec.refuse("a write in place", "reached a tensor of another kind that shares its memory; use a copy")


def axis_in(axis: int | None, one: Tensor, other: Tensor) -> int | None:
    """The axis of another tensor of the same memory that is this axis of the first."""
    if axis is None:
        return None
    step = one.stride(axis), one.shape[axis]
    found = [a for a in range(other.dim()) if (other.stride(a), other.shape[a]) == step]
    return found[0] if len(found) == 1 else None
