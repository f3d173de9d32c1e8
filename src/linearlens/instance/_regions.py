"""The linear region an instance lies in, and how far it is to the next."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from linearlens.instance._model import KEPT, checked_input, checked_output, instances_are_apart, running, same
from linearlens.instance._tangent import forward
from linearlens.instance._units import Unit, Units


def gate_pattern(model: nn.Module, x: Tensor, *more: Any, **named: Any) -> Tensor:
    """States of all gates: which units are on, which entry won each pool.

    Instances with equal patterns lie in one linear region of a piecewise-linear network.

    Parameters
    ----------
    model : nn.Module
    x : Tensor of shape (n, *input_shape)
    *more, **named
        What else the model takes.

    Returns
    -------
    Tensor of shape (n, n_gates), of int64
        1 for a unit that is on and 0 for one that is off; for a clamp 0 below, 1 between and 2 above its bounds; for a
        pool the winner's number in its plane. Of two tensors that are compared, or whose larger is taken, 1 if it is
        the first. The gates come in the order in which the model asks for them.

    Raises
    ------
    ValueError
        As in `linearize`, or if there is no gate.

    Examples
    --------
    >>> gate_pattern(nn.Sequential(nn.Linear(1, 1), nn.ReLU()).requires_grad_(False), torch.zeros(2, 1)).shape
    torch.Size([2, 1])
    """
    with _watched(model, x, more, named) as (_, units):
        pass
    if not units:
        raise ValueError("the model has no unit that is on or off, and no max-pool")
    return torch.cat([_by_instance(unit.state, axis, len(x)).long() for unit, axis in units], 1)


def gate_distance(model: nn.Module, x: Tensor, *more: Any, **named: Any) -> Tensor:
    """Distance from each instance to the nearest hyperplane at which a unit changes its state.

    Parameters
    ----------
    model : nn.Module
    x : Tensor of shape (n, *input_shape)
    *more, **named
        What else the model takes.

    Returns
    -------
    Tensor of shape (n,)
        Smallest ``|z - c| / ‖∇z‖`` over the inputs z of all units that are on or off and their bounds c: 0 for ReLU, 0
        and 6 for ReLU6. Exact up to the next border in a piecewise-linear network, below smooth layers right to first
        order. Infinite if no unit moves with the input. Pools are not looked at.

    Raises
    ------
    ValueError
        As in `linearize`, or if there is no such unit.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(2, 1), nn.ReLU())
    >>> _ = nn.init.constant_(model[0].weight, 1.0), nn.init.zeros_(model[0].bias)
    >>> gate_distance(model, torch.tensor([[1.0, 1.0]]))
    tensor([1.4142])
    """
    nearest, none = x.new_full((len(x),), torch.inf), True
    with _watched(model, x, more, named) as (leaf, units):
        for border in (_by_instance(border, axis, len(x)) for unit, axis in units for border in unit.borders):
            none = False
            for z in border.unbind(1):
                (slope,) = torch.autograd.grad(z.sum(), leaf, retain_graph=True, allow_unused=True)
                if slope is not None:
                    size = slope.flatten(1).norm(dim=1)  # 0 of a unit that nothing moves
                    away = torch.where(size > 0, z.detach().abs() / size, torch.inf)
                    nearest = torch.minimum(nearest, away)
    if none:
        raise ValueError("the model has no unit that is on or off")
    return nearest


@contextmanager
def _watched(model: nn.Module, x: Tensor, more: tuple, named: dict) -> Iterator[tuple[Tensor, list[tuple[Unit, int]]]]:
    """The input as a leaf, and the units of a forward pass, each with the axis along which the instances lie."""
    modules = checked_input(model, x)

    def call(z: Tensor) -> Any:
        return model(z, *more, **named)

    with running(modules, x, call) as again:
        units, others = Units(modules), [Units(modules) for _ in KEPT]
        with units:
            leaf, out = forward(call, x)
        ahead = iter(others)

        def watched(z: Tensor) -> Any:
            with next(ahead):
                return again(z)

        instances_are_apart(watched, x, checked_output(out, len(x)).detach(), few=False)
        found = [other.found for other in others]
        yield leaf, [(unit, _axis(number, unit, found, len(x))) for number, unit in enumerate(units.found)]


def _axis(number: int, unit: Unit, others: list[list[Unit]], n: int) -> int:
    """Along which instances lie: of those that were kept in another pass, nothing there has changed."""
    if n == 1:
        return 0
    for axis, size in enumerate(unit.value.shape):
        pairs = zip(others, KEPT, strict=True)
        if size % n == 0 and all(
            len(found) > number and _as_there(unit, found[number], axis, n, kept) for found, kept in pairs
        ):
            return axis
    raise ValueError(
        f"the units of {unit.where}, of shape {tuple(unit.value.shape)}, do not show which instance each belongs to, "
        "or depend on several; ask for one instance at a time"
    )


def _as_there(unit: Unit, other: Unit, axis: int, n: int, kept: slice) -> bool:
    if unit.value.shape != other.value.shape:
        return False
    return same(*(_by_instance(one.value, axis, n)[kept] for one in (other, unit)))


def _by_instance(values: Tensor, axis: int, n: int) -> Tensor:
    """Values of shape (n, m)."""
    return values.reshape(1, -1) if n == 1 else values.movedim(axis, 0).reshape(n, -1)
