"""The linear region an instance lies in, and how far it is to the next."""

import torch
from torch import Tensor, nn

from linearlens.instance._linearize import carry_back, recorded
from linearlens.instance._record import Recorder
from linearlens.instance._tape import Node, Step


def gate_pattern(model: nn.Module, x: Tensor) -> Tensor:
    """States of all gates: which units are on, which entry won each pool.

    Instances with equal patterns lie in one linear region of a piecewise-linear network.

    Parameters
    ----------
    model : nn.Module
    x : Tensor of shape (n, *input_shape)

    Returns
    -------
    Tensor of shape (n, n_gates), of int64
        1 for a unit that is on and 0 for one that is off; for a clamp 0 below, 1 between and 2 above its bounds; for a
        pool the winner's number in its plane. Of two tensors whose larger is taken, 1 if it is the first.

    Raises
    ------
    ValueError
        As in `linearize`, or if there is no gate.

    Examples
    --------
    >>> gate_pattern(nn.Sequential(nn.Linear(1, 1), nn.ReLU()).requires_grad_(False), torch.zeros(2, 1)).shape
    torch.Size([2, 1])
    """
    with recorded(model, x, "tangent") as (recorder, _):
        states = []
        for step in recorder.tape.steps:
            if step.state is not None:
                axis = _axis(step, step.output)
                states.append(step.state.movedim(axis, 0).reshape(len(x), -1).long())  # a gate of 1 or 0, or a number
    if not states:
        raise ValueError("the model has no unit that is on or off, and no max-pool")
    return torch.cat(states, 1)


def gate_distance(model: nn.Module, x: Tensor) -> Tensor:
    """Distance from each instance to the nearest hyperplane at which a unit changes its state.

    Parameters
    ----------
    model : nn.Module
    x : Tensor of shape (n, *input_shape)

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
    with recorded(model, x, "tangent") as (recorder, _):
        for step in [step for step in recorder.tape.steps if step.bounds]:
            none = False
            axis = _axis(step, node := step.inputs[0])
            weight, z = _units(recorder, node, axis)
            slope = weight.flatten(2).norm(dim=2)
            for bound in step.bounds:
                c = torch.as_tensor(bound, dtype=x.dtype).expand(node.shape).movedim(axis, 0).reshape(z.shape)
                away = torch.where(slope > 0, (z - c).abs() / slope, torch.inf)  # a unit that nothing moves stays
                nearest = torch.minimum(nearest, away.amin(1))
    if none:
        raise ValueError("the model has no unit that is on or off")
    return nearest


def _axis(step: Step, node: Node) -> int:
    """Where the instances lie."""
    if node.axis is None:
        where = f"module {step.layer!r}" if step.layer else "the model's own forward"
        raise ValueError(
            f"the units of {where}, of shape {tuple(node.shape)}, do not show which instance each belongs to; ask for "
            "one instance at a time"
        )
    return node.axis


def _units(recorder: Recorder, node: Node, axis: int) -> tuple[Tensor, Tensor]:
    """Slopes, of shape (n, n_units, *input_shape), and values, of shape (n, n_units), of all units of a node."""
    x, n, tape = recorder.x, len(recorder.x), recorder.tape
    n_units = node.shape.numel() // n
    first = node
    if axis != 0 or node.shape[0] != n:  # bring the instances to the front, for as long as the rows need it
        others = [size for place, size in enumerate(node.shape) if place != axis]
        first = Node(torch.Size([n, n_units]), 0, axis=0)
        step = Step(
            (node,),
            first,
            lambda z: z.movedim(axis, 0).reshape(n, n_units),
            rows=lambda r: [r.reshape(len(r), -1, *others).movedim(1, axis + 1)],
        )
        tape.steps.append(step)
    rows = torch.eye(n_units, dtype=x.dtype).view(n_units, 1, *first.shape[1:])
    weight, biases = carry_back(recorder, first, rows)
    if first is not node:
        tape.steps.pop()
    return weight, sum(biases.values(), (weight * x.unsqueeze(1)).flatten(2).sum(2))
