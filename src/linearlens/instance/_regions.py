"""The linear region an instance lies in, and how far it is to the next."""

import torch
from torch import Tensor, nn

from linearlens.instance._linearize import carry_back, recorded


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
        1 for a unit that is on and 0 for one that is off; for a pool the winner's number in its plane.

    Raises
    ------
    ValueError
        As in `linearize`, or if there is no gate.

    Examples
    --------
    >>> gate_pattern(nn.Sequential(nn.Linear(1, 1), nn.ReLU()).requires_grad_(False), torch.zeros(2, 1)).shape
    torch.Size([2, 1])
    """
    with recorded(model, x, "ratio") as (recorder, _):
        states = [
            step.state.movedim(step.output.axis, 0).reshape(len(x), -1).long()  # a gate of 1 or 0, or a number
            for step in recorder.tape.steps
            if step.state is not None and step.output.axis is not None
        ]
    if not states:
        raise ValueError("the model has no unit that is on or off, and no max-pool")
    return torch.cat(states, 1)


def gate_distance(model: nn.Module, x: Tensor) -> Tensor:
    """Distance from each instance to the nearest hyperplane at which a unit turns on or off.

    Parameters
    ----------
    model : nn.Module
    x : Tensor of shape (n, *input_shape)

    Returns
    -------
    Tensor of shape (n,)
        Smallest ``|z| / ‖∇z‖`` over the inputs z of ReLU and leaky ReLU units. Pools are not looked at.

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
    nearest = x.new_full((len(x),), torch.inf)
    with recorded(model, x, "ratio") as (recorder, _):
        for step in recorder.tape.steps:
            node = step.inputs[0]
            if step.state is None or step.state.dtype == torch.int64 or node.axis != 0 or len(node.shape) < 2:
                continue
            n_units = node.shape[1:].numel()
            rows = torch.eye(n_units, dtype=x.dtype).view(n_units, 1, *node.shape[1:])
            weight, biases = carry_back(recorder, node, rows)
            z = (weight * recorder.x.unsqueeze(1)).flatten(2).sum(2) + sum(biases.values())
            nearest = torch.minimum(nearest, (z.abs() / weight.flatten(2).norm(dim=2)).amin(1))
    if torch.isinf(nearest).all():
        raise ValueError("the model has no unit that is on or off")
    return nearest
