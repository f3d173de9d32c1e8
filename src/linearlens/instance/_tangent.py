"""The tangent form of a step: what a smooth function does next to its point."""

from typing import Any

import torch
from torch import Tensor

from linearlens.instance._general import live_in
from linearlens.instance._record import Recorder, axis_through, replace_tensors
from linearlens.instance._tape import stack_grads


def tangent(rec: Recorder, func: Any, *args: Any, **kwargs: Any) -> Tensor:
    """Any smooth function by its derivative at the point."""
    inputs = live_in(rec, args, kwargs)
    points = tuple(t.detach().clone() for t in inputs)

    def of(*tensors: Tensor) -> Tensor:
        new = {id(old): tensor for old, tensor in zip(inputs, tensors, strict=True)}
        return func(*replace_tensors(args, new), **replace_tensors(kwargs, new))

    def piece(*tensors: Tensor) -> Tensor:
        # What is infinite, as a mask's -inf before a softmax, stays where it is.
        moved = tuple(torch.where(p.isfinite(), t - p, 0) for t, p in zip(tensors, points, strict=True))
        value, change, *_ = torch.func.jvp(of, points, moved)
        return value + change

    def rows(r: Tensor) -> list[Tensor | None]:
        with torch.enable_grad():
            leaves = [p.clone().requires_grad_() for p in points]
            out = of(*leaves)
        return stack_grads(out, leaves, list(r), [(len(r), *p.shape) for p in points])

    out = func(*args, **kwargs)
    constant = piece(*(torch.zeros_like(p) for p in points))
    return rec.step(out, inputs, piece, axis=axis_through(rec, func, args, kwargs, out), constant=constant, rows=rows)
