"""A caller's model and input: what is asked of them, and how they are left as they were."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from math import isfinite
from typing import Any

import torch
from torch import Tensor, nn

KEPT = slice(0, None, 2), slice(1, None, 2)  # halves of a batch
FAILURES = (RuntimeError, IndexError, TypeError)


def checked_input(model: nn.Module, x: Tensor) -> dict[str, nn.Module]:
    """The modules of a model by their names, if model and input can be used."""
    if not isinstance(model, nn.Module):
        raise ValueError(f"model must be an nn.Module, got {type(model).__name__}; wrap a function in one")
    if not isinstance(x, Tensor) or x.dim() < 2 or not x.numel():
        came = f"shape {tuple(x.shape)}" if isinstance(x, Tensor) else type(x).__name__
        raise ValueError(f"x must be a tensor of shape (n, *input_shape) with one instance or more, got {came}")
    if not x.is_floating_point():
        raise ValueError(
            f"x must have real numbers, got {x.dtype}; of a model that begins with an embedding, linearize the part "
            "behind it, from the embedded words"
        )
    if not (isfinite(x.detach().sum()) or torch.isfinite(x).all()):  # the sum is quicker, but may overflow
        raise ValueError("x has entries that are NaN or infinite; leave those instances out or fill them in")
    modules = dict(model.named_modules())
    dtypes = {p.dtype for module in modules.values() for p in module._parameters.values() if p is not None}
    floating = {dtype for dtype in dtypes if dtype.is_floating_point}
    if floating and x.dtype not in floating:
        raise ValueError(f"x is {x.dtype}, but the model is {', '.join(map(str, floating))}; convert one of them")
    return modules


def checked_output(out: object, n: int) -> Tensor:
    """What the model gave, if it is one finite tensor with an entry an instance."""
    if not isinstance(out, Tensor):
        raise ValueError(f"the model must return one tensor, got {type(out).__name__}; wrap it and pick one")
    if not out.dim() or len(out) != n:
        raise ValueError(f"the model must return one entry for each of {n} instances, got shape {tuple(out.shape)}")
    if not torch.isfinite(out).all():
        raise ValueError("the model gives NaN or infinite numbers; leave out the instances or outputs that do")
    return out


@contextmanager
def running(
    modules: Mapping[str, nn.Module], x: Tensor, call: Callable[[Tensor], Any]
) -> Iterator[Callable[[Tensor], Any]]:
    """Run a model, and put back buffers and the random state, whatever happens.

    Gives a way to run it again as if for the first time. If it fails here, it is seen whether it does so by itself.
    """
    buffers = [
        (module, name, buffer, buffer.clone(), buffer._version)
        for module in modules.values()
        for name, buffer in module._buffers.items()
        if buffer is not None
    ]
    random = torch.get_rng_state(), torch.cuda.get_rng_state(x.device) if x.is_cuda else None

    def put_back() -> None:
        torch.set_rng_state(random[0])
        if random[1] is not None:
            torch.cuda.set_rng_state(random[1], x.device)
        for module, name, buffer, before, version in buffers:
            module._buffers[name] = buffer
            if buffer._version != version:
                with torch.no_grad():
                    buffer.copy_(before)
                buffer.detach_()

    def again(z: Tensor) -> Any:
        put_back()
        try:
            with torch.enable_grad():  # as in the first run, so that no layer takes a shorter way than there
                return call(z.detach().clone().requires_grad_().clone())
        except RuntimeError:  # torch has no gradient of some writes in place
            put_back()
            with torch.no_grad():
                return call(z.detach().clone())

    with torch.inference_mode(False):
        try:
            yield again
        except FAILURES as error:
            try:
                again(x)
            except FAILURES as own:
                raise ValueError(f"the model fails on an input of shape {tuple(x.shape)}: {own}") from error
            raise ValueError(f"the model runs, but cannot be followed: {error}") from error
        finally:
            put_back()


def instances_are_apart(again: Callable[[Tensor], Any], x: Tensor, out: Tensor, *, few: bool = True) -> None:
    """Raise if an instance has a hand in another's output.

    The first and the last instance without the others must have the outputs they had, or else, since a model may draw
    random numbers, know its batch, or round otherwise, every second instance must with others beside it, and the others
    likewise.
    """
    n = len(x)
    if n == 1:
        return
    if few:
        with suppress(Exception):  # of a model that knows its batch it may be any
            if all(same(again(x[ends]).detach(), out[ends]) for ends in ([[0, n - 1]] if n > 2 else [[0], [1]])):
                return
    for kept in KEPT:
        z = torch.roll(x.detach(), 1, 0) / 2
        z[kept] = x[kept]
        if not same(again(z).detach()[kept], out[kept]):
            raise ValueError(
                "instances depend on each other, as after a mean over the batch, or the model gives other numbers when "
                "it is run again; linearize one instance at a time"
            )


def same(one: Tensor, other: Tensor) -> bool:
    """But for rounding."""
    if one.shape != other.shape:
        return False
    limit = torch.finfo(other.dtype).eps ** 0.75 if other.is_floating_point() else 0
    return bool(((one - other).abs() <= limit * other.abs().amax()).all())
