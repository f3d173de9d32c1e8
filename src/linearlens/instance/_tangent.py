"""The tangent form: the Jacobian, by torch's own automatic differentiation."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from linearlens.instance._calls import OUTSIDE, SET_GRAD, copied, read, tensors_in


class Watch(TorchFunctionMode):
    """Let nothing leave torch unseen, and follow also what a model puts under ``no_grad``."""

    plain = False  # a part of the model that wants no gradients

    def __init__(self) -> None:
        super().__init__()
        self.cut: dict[int, Tensor] = {}  # what shares the memory of tensors that are followed, and is not

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        if func is SET_GRAD:
            self.plain = not args[0]
            return None
        kwargs = kwargs or {}
        call = read(func)
        if call.about:
            return func(*args, **kwargs)
        check_mode(call.name)
        name, tensors = call.name, tensors_in((args, kwargs))
        if call.in_place and self.cut and (id(args[0]) in self.cut or id(args[0]._base) in self.cut):
            raise ValueError(f"{name} writes into a detached tensor, which changes the one it was cut off; use a copy")
        if not any(t.requires_grad and not t.is_leaf for t in tensors):
            if name in ("detach", "data") and args and not args[0].requires_grad:
                return args[0]  # there is nothing to cut off, and what is written there is seen
            with torch.set_grad_enabled(not self.plain):
                return func(*args, **kwargs)
        if name in OUTSIDE and (name != "new_tensor" or any(t.requires_grad for t in tensors_in((args[1:], kwargs)))):
            raise ValueError(
                f"{name} takes numbers out of torch, where they cannot be followed; keep them in tensors, or detach() "
                "what is meant as a constant"
            )
        if name == "data =":
            raise ValueError("data is set to a tensor that depends on the input, which nobody sees; use copy_()")
        if name in ("detach", "data"):
            out = func(*args, **kwargs)
            self.cut[id(out)] = out
            return out
        if name == "batch_norm":
            if call.opened is not None:
                with self:
                    return call.opened(*args, **kwargs)
            if not args[5]:
                return batch_norm(*args)
        return func(*copied(args), **copied(kwargs))


def check_mode(name: str) -> None:
    """Raise in a model's own inference mode."""
    if torch.is_inference_mode_enabled():
        raise ValueError(f"{name} runs in inference mode, where nothing can be followed; take that out of the model")


def batch_norm(z: Tensor, weight: Tensor | None, bias: Tensor | None, mean: Tensor, var: Tensor, *how: Any) -> Tensor:
    """In eval mode, by hand: torch's own backward pass (2.13, on the CPU) is wrong where gradients come permuted."""
    _, _, eps, *_ = how
    factor = torch.rsqrt(var + eps) if weight is None else torch.rsqrt(var + eps) * weight
    shift = -mean * factor if bias is None else bias - mean * factor
    factor, shift = (t.view(-1, *(1,) * (z.dim() - 2)) for t in (factor, shift))
    return torch.addcmul(shift, z, factor)


def forward(call: Callable[[Tensor], Any], x: Tensor) -> tuple[Tensor, Any]:
    """The input as a leaf, and what the model makes of it."""
    leaf = x.detach().clone().requires_grad_()
    with torch.enable_grad(), Watch():
        return leaf, call(leaf.clone())  # the model may write into it


def jacobian(leaf: Tensor, out: Tensor) -> Tensor:
    """Slopes of shape (n, n_outputs, *input_shape) of an output of shape (n, n_outputs)."""
    if not out.requires_grad:
        raise ValueError("the model's output does not depend on x, or by ways that cannot be followed, such as numpy")
    rows = [torch.autograd.grad(column, leaf, retain_graph=True, allow_unused=True)[0] for column in out.sum(0)]
    if rows[0] is None:
        raise ValueError("the model's output does not depend on x, or by ways that cannot be followed, such as numpy")
    return torch.stack([row for row in rows if row is not None], 1)
