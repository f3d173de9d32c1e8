"""Calls as people write them: operands by keyword, live bounds, two tensors compared; or a clear refusal."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from linearlens.instance import linearize


class Own(nn.Module):
    """A model whose forward is a function, with two linear maps it may use."""

    def __init__(self, forward) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.function, self.a, self.b = forward, nn.Linear(4, 5), nn.Linear(4, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self, x)


def inputs(*shape: int) -> Tensor:
    torch.manual_seed(0)
    return torch.randn(*shape, dtype=torch.float64)


def assert_is_the_jacobian(function, x: Tensor, form: str = "ratio") -> None:
    """The map is the model's, and its weight torch's own gradient; so its bias is right as well."""
    model = Own(function).double()
    affine = linearize(model, x, form=form)
    x = x.clone().requires_grad_()
    y = model(x).flatten(1)
    torch.testing.assert_close(affine(x), y.detach(), rtol=1e-12, atol=1e-13)
    rows = [torch.autograd.grad(y[:, k].sum(), x, retain_graph=True)[0] for k in range(y.shape[1])]
    torch.testing.assert_close(affine.weight, torch.stack(rows, 1), rtol=1e-12, atol=1e-13)


# Operands by keyword, and operands that depend on the input where a number is usual.


@pytest.mark.parametrize(
    "function",
    [
        lambda self, x: torch.add(self.a(x), other=self.b(x)),
        lambda self, x: torch.add(input=self.a(x), other=self.b(x), alpha=3),
        lambda self, x: torch.sub(self.a(x), other=self.b(x)),
        lambda self, x: torch.sub(self.a(x), other=2.0),
        lambda self, x: self.a(x).add(other=self.b(x)),
        lambda self, x: self.a(x).sub(other=self.b(x), alpha=2),
        lambda self, x: self.a(x).add_(other=self.b(x)),
        lambda self, x: torch.clamp(self.a(x), min=self.b(x)),
        lambda self, x: torch.clamp(self.a(x), max=self.b(x)),
        lambda self, x: torch.clamp(self.a(x), self.b(x) - 1, self.b(x) + 0.5),
        lambda self, x: self.a(x).clamp(min=self.b(x)[:, :1], max=torch.ones(5).double()),
        lambda self, x: self.a(x).clamp_min(self.b(x)),
        lambda self, x: self.a(x).clamp_max_(max=self.b(x)),
        lambda self, x: torch.clamp(torch.zeros(5).double(), min=self.b(x)),
        lambda self, x: torch.clamp(self.a(x), max=torch.linspace(-1, 1, 5).double()),
        lambda self, x: torch.clamp(self.a(x)[:, :1], min=torch.linspace(-1, 1, 5).double()),
    ],
)  # fmt: skip
def test_operands_by_keyword_and_live_bounds(function):
    assert_is_the_jacobian(function, inputs(6, 4))
    assert_is_the_jacobian(function, inputs(1, 4))


# Exactly at a bound torch has a gradient of its own.


@pytest.mark.parametrize("form", ["ratio", "tangent"])
@pytest.mark.parametrize(
    ("function", "bounds"),
    [
        (lambda self, x: F.relu6(x), [0.0, 6.0]),
        (lambda self, x: F.hardtanh(x), [-1.0, 1.0]),
        (lambda self, x: F.hardtanh(x, -0.5, 2.0), [-0.5, 2.0]),
        (lambda self, x: F.hardtanh(x.clone(), max_val=3.0, inplace=True), [-1.0, 3.0]),
        (lambda self, x: x.clamp(-1, 1), [-1.0, 1.0]),
        (lambda self, x: x.clamp_min(0.5), [0.5]),
        (lambda self, x: x.clamp(max=0.5), [0.5]),
        (lambda self, x: torch.clamp(x, 2 * x.new_ones(1), 2 * x.new_ones(1)), [2.0]),
        (lambda self, x: F.threshold(x, 0.5, 2.0), [0.5]),
        (lambda self, x: F.relu(x), [0.0]),
        (lambda self, x: F.leaky_relu(x), [0.0]),
    ],
)
def test_at_a_bound_the_gate_is_torchs_own_gradient(function, bounds, form):
    x = torch.tensor([[b + shift for b in bounds for shift in (-0.25, 0.0, 0.25)]] * 2, dtype=torch.float64)
    assert_is_the_jacobian(function, x, form)


# Instances that do not lie along the first axis alone, and a batch of one.


@pytest.mark.parametrize(
    "function",
    [
        lambda self, x: F.relu(self.a(x.view(-1, 4))).view(len(x), -1),
        lambda self, x: F.max_pool1d(x.reshape(-1, 2, 6), 2).view(len(x), -1),
        lambda self, x: F.relu(x.squeeze()).reshape(len(x), -1),
        lambda self, x: F.relu(self.a(x).transpose(0, 1)).transpose(0, 1),
        lambda self, x: F.relu(self.a(x.squeeze(0)) - 0.2).reshape(len(x), -1) * 2 + 1,
    ],
)
def test_instances_along_another_axis(function):
    x = inputs(5, 3, 4)
    for some in (x, x[:1]):
        assert_is_the_jacobian(function, some)
