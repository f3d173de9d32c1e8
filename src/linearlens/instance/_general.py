"""Rules for whole families of functions that are affine as they are: shapes, sums, selections."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor

from linearlens.instance._calls import replace_tensors, tensors_in, under, with_item
from linearlens.instance._record import Recorder, Rule, axis_through
from linearlens.instance._tape import axis_after_reshape


def live_in(rec: Recorder, *trees: Any) -> list[Tensor]:
    """Tensors among the arguments that are neither constants nor gates, each once."""
    return list({id(t): t for t in tensors_in(trees) if rec.live(t)}.values())


def affine(rec: Recorder, func: Any, *args: Any, **kwargs: Any) -> Tensor:
    """Any function that is affine in all its tensors together, as addition and concatenation are."""
    out = func(*args, **kwargs)
    return _affine(rec, func, args, kwargs, out, axis_through(rec, func, args, kwargs, out))


def _affine(rec: Recorder, func: Any, args: tuple, kwargs: dict, out: Tensor, axis: int | None) -> Tensor:
    inputs = live_in(rec, args, kwargs)

    def piece(*tensors: Tensor) -> Tensor:
        new = {id(old): tensor for old, tensor in zip(inputs, tensors, strict=True)}
        return func(*replace_tensors(args, new), **replace_tensors(kwargs, new))

    constant = None
    if any(rec.live(t) is None for t in tensors_in((args, kwargs))) or func.__name__ in MAY_FILL:
        zeros = [t.new_zeros(()).expand(t.shape) for t in inputs]
        most = torch.finfo(inputs[0].dtype).max
        constant = piece(*zeros).clamp(-most, most)  # a mask's -inf meets rows of 0, and 0 * inf would be NaN
    strength = min(node.strength for t in inputs if (node := rec.live(t)))
    return rec.step(out, inputs, piece, axis=axis, strength=strength, constant=constant)


def per_image(rec: Recorder, func: Any, z: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """A linear function that does the same with each image of a stack: pooling by means, resizing."""
    node = rec.known(z)
    out = func(z, *args, **kwargs)
    same = node.axis == 0 and len(out) == len(z)
    return rec.step(out, [z], lambda z: func(z, *args, **kwargs), axis=0 if same else None, alike=same)


def per_axis(value: Any, n_axes: int) -> list[int]:
    """A size for each axis, from one for all or from one for each."""
    return list(value) * (n_axes // len(value)) if isinstance(value, tuple | list) else [value] * n_axes


# They may put numbers among the entries, which are constants too.
MAY_FILL = {"pad", "constant_pad_nd", "masked_fill", "where", "scatter", "index_fill", with_item.__name__}


def add(rec: Recorder, func: Any, *args: Any, **kwargs: Any) -> Tensor:
    """A sum of two tensors of one shape, as in a residual connection, or anything else that is affine."""
    one, other = args[:2] if len(args) > 1 else (args[0], None)
    a, b = rec.live(one), rec.live(other)
    if a and b and a.shape == b.shape and a.axis == b.axis and len(args) == 2 and not kwargs:
        signs = (-1, 1) if "rsub" in func.__name__ else (1, -1) if "sub" in func.__name__ else (1, 1)
        return rec.step(
            func(one, other),
            [one, other],
            func,
            axis=a.axis,
            strength=min(a.strength, b.strength),
            rows=lambda r: [r if sign == 1 else -r for sign in signs],
            held=() if a.axis == 0 else None,
        )
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        out = func(*args, **kwargs)
        z, node = (one, a) if a else (other, b)
        # A constant may hold a row for each instance, and would not grow with them.
        fits = node is not None and not (a and b) and out.shape == z.shape
        axis = node.axis if fits and node else axis_through(rec, func, args, kwargs, out)
        return _affine(rec, func, args, kwargs, out, axis)
    return _plus_number(rec, func, args, kwargs)


def _plus_number(rec: Recorder, func: Any, args: tuple, kwargs: dict) -> Tensor:
    """``1 - z`` and the like: the number is the constant."""
    if any(isinstance(a, Tensor) for a in args[1:]) or not rec.live(args[0]):
        return affine(rec, func, *args, **kwargs)
    z = args[0]

    def piece(z: Tensor) -> Tensor:
        return func(z, *args[1:], **kwargs)

    node = rec.known(z)
    constant = piece(z.new_zeros((1,) * z.dim()))
    return rec.step(func(*args, **kwargs), [z], piece, axis=node.axis, strength=node.strength, constant=constant)


def reshape(rec: Recorder, func: Any, z: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """Another shape, the entries in the same order."""
    out = func(z, *args, **kwargs)
    node = rec.known(z)
    shape, after = node.shape, out.shape
    alike = after[:1] == shape[:1]
    return rec.step(
        out,
        [z],
        lambda z: z.reshape(-1, *after[1:]) if alike else z.reshape(after),
        axis=axis_after_reshape(node.axis, shape, after, rec.tape.n),
        strength=node.strength,
        rows=lambda r: [r.reshape(*r.shape[:2], *shape[1:]) if alike else r.reshape(len(r), *shape)],
        alike=alike,
    )


def permute(rec: Recorder, func: Any, z: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """Axes in another order."""
    node = rec.known(z)
    named = func(torch.empty([axis + 2 for axis in range(z.dim())], device="meta"), *args, **kwargs)
    order = [size - 2 for size in named.shape]
    back = [0, *(1 + order.index(axis) for axis in range(z.dim()))]
    return rec.step(
        func(z, *args, **kwargs),
        [z],
        lambda z: z.permute(order),
        axis=None if node.axis is None else order.index(node.axis),
        strength=node.strength,
        rows=lambda r: [r.permute(back)],
    )


def expand(rec: Recorder, func: Any, z: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """The same entries several times."""
    node = rec.known(z)
    out = func(z, *args, **kwargs)
    axis = None if node.axis is None else node.axis + out.dim() - z.dim()
    if axis is not None and out.shape[axis] != node.shape[node.axis]:  # type: ignore[index]
        axis = None
    return rec.step(out, [z], lambda z: z.expand(out.shape), axis=axis, strength=node.strength)


def getitem(rec: Recorder, func: Any, z: Tensor, index: Any) -> Tensor:
    """A part, by numbers and slices, or by tensors."""
    parts: tuple[Any, ...] = index if isinstance(index, tuple) else (index,)
    if not rec.live(z):
        rec.refuse("__getitem__", "picks entries by numbers that depend on the input")
    if not all(part is None or part is Ellipsis or isinstance(part, int | slice) for part in parts):
        return affine(rec, func, z, index)
    return _part(rec, z, func(z, index), parts)


def split(rec: Recorder, func: Any, z: Tensor, *args: Any, **kwargs: Any) -> Sequence[Tensor]:
    """Parts beside each other along an axis."""
    dim = kwargs.get("dim", args[1] if len(args) > 1 else 0) % z.dim()
    outs = func(z, *args, **kwargs)
    ends = list(accumulate(out.shape[dim] for out in outs))
    before = (slice(None),) * dim
    parts = [(*before, slice(end - out.shape[dim], end)) for end, out in zip(ends, outs, strict=True)]
    return type(outs)(_part(rec, z, out, part) for out, part in zip(outs, parts, strict=True))


def unbind(rec: Recorder, func: Any, z: Tensor, dim: int = 0) -> Any:
    """Single entries along an axis."""
    before: tuple[Any, ...] = (slice(None),) * (dim % z.dim())
    outs = [_part(rec, z, z[(*before, i)], (*before, i)) for i in range(z.shape[dim])]
    return iter(outs) if func.__name__ == "__iter__" else tuple(outs)


def select(rec: Recorder, func: Any, z: Tensor, dim: int, index: int) -> Tensor:
    """One entry along an axis."""
    return getitem(rec, Tensor.__getitem__, z, (*(slice(None),) * (dim % z.dim()), int(index)))


def narrow(rec: Recorder, func: Any, z: Tensor, dim: int, start: int, length: int) -> Tensor:
    """A slice along an axis."""
    return getitem(rec, Tensor.__getitem__, z, (*(slice(None),) * (dim % z.dim()), slice(start, start + length)))


def _part(rec: Recorder, z: Tensor, out: Tensor, index: tuple) -> Tensor:
    node = rec.known(z)
    axis = None
    if node.axis is not None:
        axis = axis_through(rec, Tensor.__getitem__, (z, index), {}, out)
    return rec.step(out, [z], lambda z: z[index], axis=axis, strength=node.strength, index=index)


def cat(rec: Recorder, func: Any, tensors: Sequence[Tensor], dim: int = 0, **kwargs: Any) -> Tensor:
    """Tensors beside each other; `stack` too."""
    return affine(rec, func, tensors, kwargs.get("axis", dim))


def set_item(rec: Recorder, func: Any, base: Tensor, index: Any, value: Any) -> Tensor:
    """A tensor with a part written anew."""
    if not rec.live(base):
        base = base.clone()  # else the old contents would be read once they are gone
    return affine(rec, func, base, index, value)


def copy(rec: Recorder, func: Any, z: Tensor, source: Any, *_: Any) -> Tensor:
    """What is copied, in the shape and the dtype of what it is copied to."""
    if not rec.live(source):
        return z.detach().clone().copy_(source)
    with rec:
        return source.to(z.dtype).expand(z.shape)


def like(rec: Recorder, func: Any, z: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """Another dtype, which may be that of a tensor that depends on the input."""
    return affine(rec, func, z, *(a.detach() if isinstance(a, Tensor) else a for a in args), **kwargs)


def lerp(rec: Recorder, func: Any, start: Tensor, end: Tensor, weight: Any) -> Tensor:
    """``start + weight (end - start)``."""
    with rec:
        return start + weight * (end - start)


def both(second: Any) -> Rule:
    """The rule of a function that gives a scale, which is frozen, and the mean."""

    def rule(rec: Recorder, func: Any, z: Tensor, dim: Any = None, *args: Any, keepdim: bool = False, **kwargs: Any):
        with rec:
            return second(z, dim, *args, keepdim=keepdim, **kwargs), z.mean(dim, keepdim)

    return rule


def grid_sample(rec: Recorder, func: Any, z: Tensor, grid: Tensor, *args: Any) -> Tensor:
    """Linear in the image; where it is looked at must be fixed."""
    rec.must_be_fixed(func, grid=grid)
    grid = grid.clone()
    out = func(z, grid, *args)
    return rec.step(out, [z], lambda z: func(z, grid, *args), axis=rec.known(z).axis)


def refill(rec: Recorder, func: Any, z: Tensor, value: float = 0.0) -> Tensor:
    """``zero_`` and ``fill_``: what was there does not matter."""
    return torch.full_like(z, value)


RULES: dict[str, Rule] = {
    **under("zero fill", refill),
    **under(
        "sum mean cumsum flip roll repeat repeat_interleave tile index_select gather take_along_dim where masked_fill "
        "neg __neg__ negative positive __pos__ pad constant_pad_nd float double half bfloat16 cpu pixel_shuffle "
        "pixel_unshuffle channel_shuffle diagonal tril triu index_add index_copy scatter scatter_add "
        "index_fill index_put masked_scatter masked_select select_scatter slice_scatter diagonal_scatter diff hstack "
        "column_stack dstack vstack im2col col2im unfold fold trace diag diag_embed nansum rot90 fliplr flipud",
        affine,
    ),
    **under(
        "upsample_nearest1d upsample_nearest2d upsample_bilinear2d upsample_linear1d "
        "upsample_bicubic2d upsample_nearest3d upsample_trilinear3d _upsample_nearest_exact1d "
        "_upsample_nearest_exact2d _upsample_nearest_exact3d _upsample_bilinear2d_aa _upsample_bicubic2d_aa",
        per_image,
    ),
    "grid_sampler": grid_sample,
    "copy": copy,
    **under("to type type_as", like),
    "lerp": lerp,
    "var_mean": both(torch.var),
    "std_mean": both(torch.std),
    **under("requires_grad retain_grad", lambda rec, func, z, *_: z),
    **under("add __add__ __radd__ sub __sub__ __rsub__ rsub subtract", add),
    **under("reshape view flatten unflatten unsqueeze squeeze view_as reshape_as contiguous clone ravel", reshape),
    **under("transpose swapaxes swapdims t permute movedim moveaxis adjoint mT T numpy_T", permute),
    **under("expand expand_as broadcast_to", expand),
    **under("split chunk tensor_split split_with_sizes unsafe_chunk unsafe_split", split),
    **under("unbind __iter__", unbind),
    "__getitem__": getitem,
    "select": select,
    "narrow": narrow,
    **under("cat concat concatenate stack", cat),
    "__setitem__": set_item,
}
