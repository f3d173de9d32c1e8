"""The ratio form once more: gates are cut off by `detach`, and torch's own backward pass does the rest."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from linearlens.instance._calls import copied, read, under

# How much of a gate what comes out is.
SMOOTH = {
    **under("gelu silu elu selu celu mish hardswish softplus log_sigmoid cos", 2),
    **under("tanh erf sin arctan atan asinh square", 1),
    **under("sigmoid exp", 3),
}
UNITS = {
    **under("relu leaky_relu prelu _prelu_kernel abs clamp clamp_min clamp_max hardtanh relu6 threshold", 2),
    "hardsigmoid": 3,
}
FROZEN = under("softmax rsqrt reciprocal std var norm linalg_vector_norm logsumexp", True)
KEPT = under(
    "view reshape flatten transpose permute __getitem__ unsqueeze squeeze contiguous clone cat stack chunk split "
    "unbind unflatten mean sum add __add__ __radd__ sub __sub__ __rsub__ neg __neg__ flip roll cumsum "
    "repeat expand pad dropout max_pool1d max_pool2d avg_pool2d adaptive_avg_pool2d T mT",
    True,
)
PRODUCTS = under("mul __mul__ __rmul__ matmul __matmul__ bmm einsum linear", True)
DIVIDED = set(["div", "__truediv__"])


class Gates(TorchFunctionMode):
    def __init__(self) -> None:
        super().__init__()
        self.strengths: dict[int, tuple[int, Tensor]] = {}  # the tensor too, so that its id stays its own

    def strength(self, t: Tensor) -> int:
        return self.strengths.get(id(t), (0, t))[0]

    def put(self, out: Any, strength: int) -> Any:
        for t in flat([out]):
            self.strengths[id(t)] = strength, t
        return out

    def __torch_function__(self, func: Callable, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        call = read(func)
        live = [t for t in flat([args, kwargs]) if t.requires_grad]
        if not live or call.about:
            return func(*args, **kwargs)
        args, kwargs = copied(args), copied(kwargs)  # masks and indices may be changed before the backward pass
        if call.opened is not None and call.name not in ("layer_norm", "rms_norm", "group_norm"):
            with self:
                return call.opened(*args, **kwargs)
        name, z = call.base, args[0]
        if name in SMOOTH:
            return self.put(by_ratio(call.out_of_place, z, args[1:], kwargs), SMOOTH[name])
        if name in UNITS:
            return self.put(func(*args, **kwargs), UNITS[name])
        if name == "sqrt" or (name in ("pow", "__pow__") and args[1] == 0.5):
            return self.put(z * (func(*args) / z).detach(), 4)
        if name in ("pow", "__pow__"):
            return func(*args).detach() if args[1] < 1 else by_ratio(func, z, args[1:], kwargs)
        if name in FROZEN:
            return func(*args, **kwargs).detach()
        if name == "batch_norm" and not args[5]:  # torch's own backward pass is wrong where gradients come permuted
            weight, bias, mean, var = (None if t is None else t.view(-1, *(1,) * (z.dim() - 2)) for t in args[1:5])
            out = (z - mean) / (var + args[7]).sqrt() * (1 if weight is None else weight)
            return self.put(out if bias is None else out + bias, self.strength(z))
        if name == "log_softmax":
            return z - torch.logsumexp(z, args[1], keepdim=True).detach()
        if name in ("layer_norm", "rms_norm", "group_norm"):
            return frozen_norm(func, z, *args[1:], **kwargs)
        if name == "scaled_dot_product_attention":
            with torch.no_grad():
                one = torch.eye(args[2].shape[-2], dtype=z.dtype).expand(*args[2].shape[:-1], args[2].shape[-2])
                weights = func(z, args[1], one, *args[3:], **kwargs)
            if kwargs.get("enable_gqa"):
                args = (z, args[1], args[2].repeat_interleave(z.shape[-3] // args[2].shape[-3], -3))
            return weights @ args[2]
        if name in DIVIDED and isinstance(args[1], Tensor):
            return self.put(func(z, args[1].detach()), self.strength(z)) if z.requires_grad else func(*args).detach()
        if name in PRODUCTS:
            return self.product(func, args, kwargs, live)
        return self.put(func(*args, **kwargs), min(map(self.strength, live)) if name in KEPT else 0)

    def product(self, func: Callable, args: tuple, kwargs: dict, live: list[Tensor]) -> Tensor:
        if len(live) == 1:
            strength, out = self.strength(live[0]), func(*args, **kwargs)
            keeps = out.shape == live[0].shape and "mul" in func.__name__.replace("matmul", "")
            return self.put(out, strength if keeps else 0)
        least = min(map(self.strength, live))
        terms = []
        for one in range(len(live)):
            if self.strength(live[one]) == least:
                left = iter(range(len(live)))
                terms.append(
                    func(*exchange(args, live, lambda t, one=one, left=left: t if next(left) == one else t.detach()))
                )
        unequal = len(terms) < len(live) and terms[0].shape == live[0].shape == live[1].shape
        return self.put(
            sum(terms) / len(terms), least if unequal and "mul" in func.__name__.replace("matmul", "") else 0
        )


def by_ratio(func: Callable, z: Tensor, args: tuple, kwargs: dict) -> Tensor:
    """``φ(0) + z · (φ(z) - φ(0)) / z``."""
    kwargs = {key: value for key, value in kwargs.items() if key != "inplace"}
    start = func(z.new_zeros(()), *args, **kwargs)
    nothing = torch.zeros((), dtype=z.dtype, requires_grad=True)
    (slope,) = torch.autograd.grad(func(nothing, *args, **kwargs), nothing)
    with torch.no_grad():
        gate = torch.where(z == 0, slope, (func(z, *args, **kwargs) - start) / z)
    return z * gate + start


def frozen_norm(func: Callable, z: Tensor, shape: Any, weight: Any = None, bias: Any = None, eps: Any = 1e-5) -> Tensor:
    """The mean is live, the scale frozen."""
    name = func.__name__
    if name == "rms_norm":
        bias, eps = None, torch.finfo(z.dtype).eps if bias is None else bias
    groups = z.reshape(len(z), shape, -1) if name == "group_norm" else z.flatten(-len(shape))
    centred = groups if name == "rms_norm" else groups - groups.mean(-1, keepdim=True)
    out = (centred / (centred.square().mean(-1, keepdim=True) + eps).sqrt().detach()).reshape(z.shape)
    if name == "group_norm":
        weight, bias = (None if t is None else t.view(-1, *(1,) * (z.dim() - 2)) for t in (weight, bias))
    out = out if weight is None else out * weight
    return out if bias is None else out + bias


def flat(tree: Any) -> list[Tensor]:
    parts = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, tuple | list) else []
    return [tree] if isinstance(tree, Tensor) else [t for part in parts for t in flat(part)]


def exchange(tree: Any, live: list[Tensor], new: Callable) -> Any:
    if isinstance(tree, tuple | list):
        return type(tree)(exchange(part, live, new) for part in tree)
    return new(tree) if isinstance(tree, Tensor) and any(tree is t for t in live) else tree


def ratio_weight(model: nn.Module, x: Tensor, outputs: Any = None) -> Tensor:
    """W of the ratio form, of shape (n, n_outputs, *input_shape)."""
    z, model = x.detach().clone().requires_grad_(), deepcopy(model).requires_grad_(False)
    with torch.enable_grad(), Gates():
        y = model(z * 1)
    y = y.reshape(len(x), -1)
    columns = y.sum(0) if outputs is None else y.sum(0)[list(outputs)]
    return torch.stack([torch.autograd.grad(column, z, retain_graph=True)[0] for column in columns], 1)
