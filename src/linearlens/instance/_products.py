"""Products of tensors that depend on the input: one factor is frozen, the other stays live."""

from typing import Any

import torch
from torch import Tensor

from linearlens.instance._activations import gated
from linearlens.instance._calls import replace_tensors, tensors_in, under
from linearlens.instance._general import live_in
from linearlens.instance._record import Recorder, Rule, axis_through


def product(rec: Recorder, func: Any, *args: Any, **kwargs: Any) -> Tensor:
    """A function linear in each of its tensors.

    Of several live factors those that are most of a gate are frozen. If all are equal in that, each stays live
    in turn and is credited with its share: ``x y = ½ x̄ y + ½ ȳ x``.
    """
    args = _told_apart(rec, args)
    inputs = live_in(rec, args, kwargs)
    for constant in tensors_in((args, kwargs)):
        if rec.node(constant) is None:
            rec.hold(constant, func)
    strengths = {id(t): node.strength for t in inputs if (node := rec.live(t))}
    live = [t for t in inputs if strengths[id(t)] == min(strengths.values())]
    held = {id(t): t.detach().clone() for t in inputs}

    def piece(*tensors: Tensor) -> Tensor:
        total = None
        for old, tensor in zip(live, tensors, strict=True):
            new = {**held, id(old): tensor}
            term = func(*replace_tensors(args, new), **replace_tensors(kwargs, new))
            total = term if total is None else total + term
        assert total is not None
        return total / len(live) if len(live) > 1 else total

    out = func(*args, **kwargs)
    axis = axis_through(rec, func, args, kwargs, out)
    return rec.step(out, live, piece, axis=axis)


def _told_apart(rec: Recorder, args: Any, seen: set[int] | None = None) -> Any:
    """The arguments, with a tensor that comes twice, as in ``x * x``, as two tensors."""
    seen = set() if seen is None else seen
    if isinstance(args, tuple | list):
        return type(args)(_told_apart(rec, part, seen) for part in args)
    if isinstance(args, Tensor) and id(args) in seen and (node := rec.live(args)):
        args = args.view_as(args)
        rec.note(args, node)
    seen.add(id(args))
    return args


def multiply(rec: Recorder, func: Any, a: Any, b: Any, **kwargs: Any) -> Tensor:
    """Entry by entry."""
    one, other = rec.live(a), rec.live(b)
    if one and other and one.strength == other.strength:
        return product(rec, func, a, b, **kwargs)
    z, gate = (a, b) if one and not (other and one.strength > other.strength) else (b, a)
    value = func(a, b, **kwargs)
    if value.shape != z.shape:
        return product(rec, func, a, b, **kwargs)
    gate = gate.detach().clone() if isinstance(gate, Tensor) else z.new_tensor(gate)
    return gated(rec, z, value, gate)


def divide(rec: Recorder, func: Any, a: Any, b: Any, **kwargs: Any) -> Tensor:
    """The denominator is frozen, as the scale of a norm is."""
    if func.__name__ in ("__rtruediv__", "__rdiv__"):
        a, b, func = b, a, torch.div
    if not rec.live(a):
        return rec.freeze(func, (a, b), kwargs)
    if kwargs.get("rounding_mode") is not None:
        rec.refuse(func.__name__, "rounds, which cannot be linearized")
    value = func(a, b, **kwargs)
    denominator = b.detach().clone() if isinstance(b, Tensor) else a.new_tensor(b)
    if value.shape == a.shape:
        return gated(rec, a, value, 1 / denominator)
    return rec.step(value, [a], lambda a: a / denominator, axis=axis_through(rec, func, (a, b), kwargs, value))


def matmul(rec: Recorder, func: Any, a: Tensor, b: Tensor) -> Tensor:
    """Matrix products; rows of a live left or right factor are matrix products too."""
    if func.__name__ == "__rmatmul__":
        a, b, func = b, a, torch.matmul
    one, other = rec.live(a), rec.live(b)
    both = one and other
    if both and one.strength == other.strength:  # type: ignore[union-attr]
        return product(rec, func, a, b)
    left = bool(one) and not (other and one.strength > other.strength)  # type: ignore[union-attr]
    if min(a.dim(), b.dim()) < 2 or (a.shape[:-2] != b.shape[:-2] and not (left and b.dim() == 2)):
        return product(rec, func, a, b)
    z, held = (a, b.detach().clone()) if left else (b, a.detach().clone())
    value = func(a, b)
    return rec.step(
        value,
        [z],
        (lambda z: z @ held) if left else (lambda z: held @ z),
        axis=axis_through(rec, func, (a, b), {}, value),
        rows=(lambda r: [r @ held.mT]) if left else (lambda r: [held.mT @ r]),
    )


def glu(rec: Recorder, func: Any, z: Tensor, dim: int = -1) -> Tensor:
    """The second half, through a sigmoid, gates the first."""
    with rec:
        value, gate = z.chunk(2, dim)
        return value * torch.sigmoid(gate)


def bilinear(rec: Recorder, func: Any, a: Tensor, b: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """A product of three, and a bias, which is no part of it."""
    out = product(rec, func, a, b, weight)
    if bias is None:
        return out
    with rec:
        return out + bias


def add_product(rec: Recorder, func: Any, z: Tensor, a: Tensor, b: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """``beta z + alpha a b``."""
    with rec:
        out = torch.matmul(a, b) if alpha == 1 else alpha * torch.matmul(a, b)
        return out if beta == 0 else out + (z if beta == 1 else beta * z)


def plus_product(rec: Recorder, func: Any, z: Any, a: Any, b: Any, *, value: Any = 1) -> Tensor:
    """``z + value a b``, or ``z + value a / b``."""
    with rec:
        more = a / b if func.__name__ == "addcdiv" else a * b
        return z + (more if value == 1 else value * more)


def hypot(rec: Recorder, func: Any, a: Tensor, b: Tensor) -> Tensor:
    """``√(a² + b²)``."""
    with rec:
        return torch.sqrt(a * a + b * b)


def cosine_similarity(rec: Recorder, func: Any, a: Tensor, b: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """The product over both norms, which are frozen."""
    with rec:
        return (a * b).sum(dim) / (a.norm(dim=dim).clamp(min=eps) * b.norm(dim=dim).clamp(min=eps))


RULES: dict[str, Rule] = {
    "glu": glu,
    **under("mul __mul__ __rmul__ multiply", multiply),
    **under("div __truediv__ __rtruediv__ __rdiv__ __div__ true_divide divide", divide),
    **under("matmul __matmul__ __rmatmul__ mm bmm", matmul),
    **under("einsum mv dot inner outer kron tensordot", product),
    "bilinear": bilinear,
    **under("addcmul addcdiv", plus_product),
    "hypot": hypot,
    "cosine_similarity": cosine_similarity,
    **under("addmm baddbmm addmv", add_product),
}
