"""Patterns and distances: which linear region an instance lies in, and how far it is to the border."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from linearlens.instance import gate_distance, gate_pattern


class Own(nn.Module):
    """A model whose forward is a function, with a linear map it may use."""

    def __init__(self, forward) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.function, self.linear = forward, nn.Linear(4, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self, x)


def inputs(*shape: int) -> Tensor:
    torch.manual_seed(0)
    return torch.randn(*shape, dtype=torch.float64)


def slow_distance(before, bounds: list[float], x: Tensor) -> Tensor:
    """One unit and one instance at a time."""
    found = []
    for one in x:
        point = one[None].clone().requires_grad_()
        units = before(point).flatten()
        slopes = [torch.autograd.grad(z, point, retain_graph=True)[0].norm() for z in units]
        found.append(min((z - b).abs() / s for z, s in zip(units, slopes, strict=True) for b in bounds))
    return torch.stack(found).detach()


@pytest.mark.parametrize(
    ("act", "bounds"),
    [
        (nn.ReLU(), [0.0]),
        (nn.ReLU6(), [0.0, 6.0]),
        (nn.Hardtanh(-0.5, 0.75), [-0.5, 0.75]),
        (nn.Threshold(0.4, 1.0), [0.4]),
        (lambda z: z.clamp(-0.3, 0.2), [-0.3, 0.2]),
        (lambda z: z.clamp_max(0.2), [0.2]),
        (lambda z: torch.clamp(z, min=torch.full((5,), 0.1).double()), [0.1]),
        (lambda z: torch.maximum(z, torch.full((5,), 0.1).double()), [0.1]),
        (torch.abs, [0.0]),
    ],
)
def test_the_nearest_bound_counts(act, bounds):
    model, x = Own(lambda self, x: act(self.linear(4 * x))).double(), inputs(7, 4)
    torch.testing.assert_close(gate_distance(model, x), slow_distance(lambda x: model.linear(4 * x), bounds, x))
    one = [gate_distance(model, x[i : i + 1]) for i in range(7)]
    torch.testing.assert_close(torch.cat(one), gate_distance(model, x))


def test_the_distance_is_of_first_order_below_smooth_layers():
    def before(x):
        return model.linear(torch.tanh(x) * F.layer_norm(x, (4,)))

    model = Own(lambda self, x: F.relu(self.linear(torch.tanh(x) * F.layer_norm(x, (4,))))).double()
    x = inputs(6, 4)
    torch.testing.assert_close(gate_distance(model, x), slow_distance(before, [0.0], x))


def test_two_tensors_that_are_compared_meet_where_they_are_equal():
    model = Own(lambda self, x: torch.maximum(self.linear(x), x.sum(1, keepdim=True))).double()
    x = inputs(6, 4)
    expected = slow_distance(lambda x: model.linear(x) - x.sum(1, keepdim=True), [0.0], x)
    torch.testing.assert_close(gate_distance(model, x), expected)
    pattern = (model.linear(x) > x.sum(1, keepdim=True)).long()
    assert torch.equal(gate_pattern(model, x), pattern)


def test_both_sides_of_a_clamp_are_other_regions():
    x = torch.tensor([[-2.0], [0.5], [8.0]])
    for model in (nn.Hardtanh(), nn.ReLU6(), Own(lambda self, x: x.clamp(-1, 1))):
        assert gate_pattern(model, x).tolist() == [[0], [1], [2]]


@pytest.mark.parametrize(
    "function",
    [
        lambda self, x: F.relu(self.linear(x.view(-1, 4))).view(len(x), -1),
        lambda self, x: F.relu(self.linear(x).transpose(0, 1)).transpose(0, 1),
        lambda self, x: F.relu(self.linear(x.transpose(0, 1))).transpose(0, 1),
        lambda self, x: F.relu(self.linear(x).view(len(x), 1, 3, 5)).squeeze(1),
        lambda self, x: F.relu(self.linear(x).permute(2, 1, 0)).permute(2, 1, 0),
    ],
)
def test_instances_may_lie_along_any_axis(function):
    model, plain = Own(function).double(), Own(lambda self, x: F.relu(self.linear(x))).double()
    x = inputs(4, 3, 4)
    for some in (x, x[:1]):
        torch.testing.assert_close(gate_distance(model, some), gate_distance(plain, some))
        patterns, expected = gate_pattern(model, some), gate_pattern(plain, some)
        assert torch.equal(patterns.sum(1), expected.sum(1))
        assert patterns.shape == expected.shape


def test_units_whose_instances_cannot_be_told_apart_are_named():
    model = nn.Sequential(nn.Flatten(0), nn.ReLU(), nn.Unflatten(0, (3, 4)))
    x = inputs(3, 4)
    torch.testing.assert_close(gate_distance(model, x), x.abs().amin(1))
    mixed = Own(lambda self, x: F.relu(x.T.reshape(-1)).view(4, -1).T).double()
    for ask in (gate_pattern, gate_distance):
        with pytest.raises(ValueError, match=r"units of the model's own forward, .*which instance.*one instance"):
            ask(mixed, x)
    torch.testing.assert_close(gate_distance(mixed, x[:1]), x[:1].abs().amin(1))


def test_a_unit_that_nothing_moves_has_no_border():
    dead = nn.Sequential(nn.Linear(3, 4, bias=False), nn.ReLU(), nn.Linear(4, 2, bias=False), nn.ReLU()).double()
    nn.init.constant_(dead[0].weight, -1.0)
    x = torch.ones(2, 3, dtype=torch.float64)
    torch.testing.assert_close(gate_distance(dead, x), torch.full((2,), 3**0.5, dtype=torch.float64))
    nn.init.zeros_(dead[0].weight)
    assert torch.equal(gate_distance(dead, x), torch.full((2,), torch.inf, dtype=torch.float64))
