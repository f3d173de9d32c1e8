"""Layers: linear maps, convolutions, dropout, attention."""

from collections.abc import Callable
from functools import cache
from itertools import product as product_of
from math import prod
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from linearlens.instance._activations import gated
from linearlens.instance._calls import under
from linearlens.instance._general import affine, per_axis
from linearlens.instance._products import product
from linearlens.instance._record import Recorder, Rule
from linearlens.instance._tape import Node

# Torch's convolutions go by oneDNN, its products by MKL, which leaves the wide vector units of AMD's processors idle.
# Not public, so it may be missing.
ONEDNN = getattr(torch.ops.mkldnn, "_linear_pointwise", None) if torch.backends.mkldnn.is_available() else None
LARGE = 2**20  # multiply-adds of a product for which that pays
FEW_CHANNELS = 4  # up to so many input channels, rows go back through a convolution tap by tap


def linear(rec: Recorder, func: Any, z: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``z Wᵀ + b``."""
    node = rec.live(z)
    if node is None or rec.live(weight) or (bias is not None and rec.node(bias)):
        out = product(rec, F.linear, z, weight)
        return out if bias is None else _plus(rec, out, bias)
    if z.dim() == 1 or node.axis == z.dim() - 1:
        return _mixed(rec, affine(rec, func, z, weight, bias))
    return _linear(rec, func(z, weight, bias), node, rec.hold(weight, func), bias)


def _mixed(rec: Recorder, out: Tensor) -> Tensor:
    """What a linear map gives is no gate, whatever it was given."""
    rec.known(out).strength = 0
    return out


def _linear(rec: Recorder, value: Tensor, node: Node, weight: Tensor, bias: Tensor | None) -> Tensor:
    def fold(scale: Tensor, shift: Tensor, value: Tensor) -> Tensor | None:
        if len(node.shape) != 2:
            return None
        return _linear(rec, value, node, weight * scale[:, None], shift if bias is None else bias * scale + shift)

    return rec.step(
        value,
        [node],
        lambda z: F.linear(z, weight, bias),
        axis=node.axis,
        rows=lambda r: [_times(r, weight)],
        constant=None if bias is None else bias.detach(),
        alike=True,
        fold=fold,
    )


def _times(rows: Tensor, weight: Tensor) -> Tensor:
    """``rows @ weight``, by the quicker way. OneDNN looks at no strides, and does not heed autocast."""
    large = rows.numel() * weight.shape[1] >= LARGE
    single = rows.dtype == weight.dtype == torch.float32 and rows.device.type == "cpu"
    if ONEDNN is None or not large or not single or torch.is_autocast_enabled("cpu"):
        return rows @ weight
    return ONEDNN(rows.contiguous(), weight.contiguous().T, None, "none", [], "")


def _plus(rec: Recorder, a: Tensor, b: Tensor) -> Tensor:
    with rec:
        return a + b


def convolution(
    rec: Recorder, func: Any, z: Tensor, weight: Tensor, bias: Tensor | None = None, *args: Any, **kwargs: Any
) -> Tensor:
    """Convolutions of one, two or three dimensions, and transposed ones."""
    node = rec.live(z)
    if node is None or rec.node(weight):
        rec.refuse(func.__name__, "has a kernel that depends on the input")
    if z.dim() != weight.dim():
        return _mixed(rec, affine(rec, func, z, weight, bias, *args, **kwargs))
    value = func(z, weight, bias, *args, **kwargs)
    return _convolution(rec, func, value, node, rec.hold(weight, func), bias, args, kwargs)


def _convolution(
    rec: Recorder, func: Any, value: Tensor, node: Node, weight: Tensor, bias: Tensor | None, args: tuple, kwargs: dict
) -> Tensor:
    spatial = weight.dim() - 2
    direct = "transpose" not in func.__name__

    def fold(scale: Tensor, shift: Tensor, value: Tensor) -> Tensor | None:
        if not direct:
            return None
        scaled = weight * scale.view(-1, *(1,) * (spatial + 1))
        return _convolution(
            rec, func, value, node, scaled, shift if bias is None else bias * scale + shift, args, kwargs
        )

    return rec.step(
        value,
        [node],
        lambda z: func(z, weight, bias, *args, **kwargs),
        axis=node.axis,
        rows=_rows_of_convolution(func, node.shape, weight, args, kwargs) if direct else None,
        constant=None if bias is None else bias.detach().view(-1, *(1,) * spatial),
        alike=node.axis == 0,
        fold=fold,
    )


def _rows_of_convolution(func: Any, shape: torch.Size, weight: Tensor, args: tuple, kwargs: dict) -> Callable | None:
    """How rows go back through a convolution.

    With few input channels: one product with the kernel for all its taps, then each tap's part is added where it
    came from. Else by the convolution with the flipped kernel if the stride is 1, by the transposed one if not.
    """
    given = {**dict(zip(("stride", "padding", "dilation", "groups"), args, strict=False)), **kwargs}
    kernel = weight.shape[2:]
    spatial = len(kernel)
    stride, dilation = per_axis(given.get("stride", 1), spatial), per_axis(given.get("dilation", 1), spatial)
    groups, padding = given.get("groups", 1), given.get("padding", 0)
    if padding == "same":
        total = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        if any(t % 2 for t in total):
            return None
        padding = [t // 2 for t in total]
    padding = per_axis(0 if padding == "valid" else padding, spatial)
    if groups == 1 and weight.shape[1] <= FEW_CHANNELS:
        return lambda r: [_by_taps(r, shape, weight, stride, padding, dilation)]
    behind = [d * (k - 1) - p for d, k, p in zip(dilation, kernel, padding, strict=True)]
    if groups == 1 and set(stride) == {1} and min(behind) >= 0:

        @cache
        def flipped() -> Tensor:
            return weight.flip(tuple(range(2, weight.dim()))).transpose(0, 1).contiguous()

        return lambda r: [func(r.flatten(0, 1), flipped(), None, 1, behind, dilation).unflatten(0, r.shape[:2])]
    transposed = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[spatial - 1]

    def rows(r: Tensor) -> list[Tensor]:
        sizes = zip(shape[2:], r.shape[3:], stride, padding, dilation, kernel, strict=True)
        missing = [size - ((o - 1) * s - 2 * p + d * (k - 1) + 1) for size, o, s, p, d, k in sizes]
        back = transposed(r.flatten(0, 1), weight, None, stride, padding, missing, groups, dilation)
        return [back.unflatten(0, r.shape[:2])]

    return rows


def _by_taps(r: Tensor, shape: torch.Size, weight: Tensor, stride: list, padding: list, dilation: list) -> Tensor:
    """Rows (n_rows, n, n_out, *out_sizes) to (n_rows, n, n_in, *sizes), tap by tap."""
    channels, kernel, sizes, spots = weight.shape[1], weight.shape[2:], shape[2:], r.shape[3:]
    taps = weight.flatten(1).T @ r.reshape(-1, len(weight), prod(spots))
    taps = taps.view(-1, channels, prod(kernel), *spots)
    back = r.new_zeros(len(taps), channels, *(size + 2 * p for size, p in zip(sizes, padding, strict=True)))
    for number, tap in enumerate(product_of(*map(range, kernel))):
        reach = zip(tap, dilation, stride, spots, strict=True)
        spot: tuple[Any, ...] = tuple(slice(t * d, t * d + s * (o - 1) + 1, s) for t, d, s, o in reach)
        back[(..., *spot)] += taps[:, :, number]
    inner: tuple[Any, ...] = tuple(slice(p, p + size) for p, size in zip(padding, sizes, strict=True))
    return back[(..., *inner)].unflatten(0, r.shape[:2])


def dropout(rec: Recorder, func: Any, z: Tensor, p: float = 0.5, train: bool = True) -> Tensor:
    """The mask is drawn as the model would draw it, and recorded."""
    if not train or p == 0:
        return z
    gate = func(torch.ones_like(z), p, train)
    return gated(rec, z, z * gate, gate)


def attention(
    rec: Recorder,
    func: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """Softmax attention: the weights are frozen, the values stay live."""
    if not rec.live(value):
        kwargs = {"scale": scale, "enable_gqa": enable_gqa}
        return rec.freeze(func, (query, key, value, attn_mask, dropout_p, is_causal), kwargs)
    out = None if dropout_p else func(query, key, value, attn_mask, 0.0, is_causal, scale=scale, enable_gqa=enable_gqa)
    if enable_gqa:
        with rec:
            key, value = (t.repeat_interleave(query.shape[-3] // t.shape[-3], -3) for t in (key, value))
    scores = query @ key.transpose(-2, -1) * (query.shape[-1] ** -0.5 if scale is None else scale)
    if is_causal:
        allowed = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
        scores = scores.masked_fill(~allowed, -torch.inf)
    if attn_mask is not None:
        scores = scores.masked_fill(~attn_mask, -torch.inf) if attn_mask.dtype == torch.bool else scores + attn_mask
    weights = scores.softmax(-1).nan_to_num(0)  # torch gives 0 where everything is masked
    if dropout_p:
        weights = torch.dropout(weights, dropout_p, True)
    out = weights @ value if out is None else out
    if weights.shape[:-2] != value.shape[:-2]:
        with rec:
            return weights @ value
    axis = rec.known(value).axis
    parts = axis == 0 and len(weights) == rec.tape.n
    return rec.step(
        out,
        [value],
        lambda v: weights @ v,
        axis=axis if axis is not None and axis < value.dim() - 2 else None,
        rows=lambda r, w=weights: [w.mT @ r],
        held=(weights,) if parts else None,
    )


RULES: dict[str, Rule] = {
    "linear": linear,
    **under("conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d", convolution),
    **under("dropout feature_dropout", dropout),
    "scaled_dot_product_attention": attention,
    # Asked by `nn.TransformerEncoder` to find out whether it may take a shorter way; it may not.
    "_nested_tensor_from_mask_left_aligned": lambda rec, func, *_: False,
}
