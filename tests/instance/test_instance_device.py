"""No tensor is made without saying where: on another device than the default one, nothing may meet a stranger.

There need be no GPU. The default device is made one that holds no numbers, and models stay where they are; what is made
without a device has no numbers then, and cannot be used with what has.
"""

import pytest
import torch
from instance_nets import NETS
from torch import nn

from linearlens.instance import gate_distance, gate_pattern, linearize


@pytest.fixture
def elsewhere():
    before = torch.get_default_device()
    torch.set_default_device("meta")
    yield
    torch.set_default_device(before)


class Many(nn.Module):
    """Functions that make constants of their own: masks, bounds, roots, choices, writes."""

    def forward(self, x):
        y = x.clamp(-0.5, 0.5) + torch.relu(x).clamp_min(0.1) + torch.maximum(x, x.flip(1)) + nn.functional.softplus(x)
        y = y + x.abs().sqrt() + nn.functional.hardtanh(x, -0.2, 0.3) + nn.functional.threshold(x, 0.1, 0.7) + 1 / 3
        y = y.masked_fill(x.detach() > 0.9, 0.5) + (x * x).sum(1, keepdim=True).sqrt() + x.softmax(1) * x
        y[:, 1] = x[:, 0] * 2
        y[:, 2:4].mul_(0.5)
        return y.cumsum(1) + y.sort(1)[0] + y.amax(1, keepdim=True) + nn.functional.pad(y[:, :-1], (1, 0), value=0.3)


@pytest.mark.parametrize("form", ["ratio", "tangent"])
@pytest.mark.parametrize("name", [*NETS, "many"])
def test_linearize_makes_nothing_on_the_default_device(name, form, elsewhere):
    with torch.device("cpu"):
        model = Many() if name == "many" else NETS[name]()
        x = torch.rand(3, 64)
        expected = linearize(model, x, form=form)
    found = linearize(model, x, form=form)
    assert found.weight.device.type == found.bias.device.type == found.unique.device.type == "cpu"
    assert torch.equal(found.weight, expected.weight)
    assert torch.equal(found.bias, expected.bias)


def test_gates_make_nothing_on_the_default_device(elsewhere):
    with torch.device("cpu"):
        model, x = NETS["mlp-relu"](), torch.rand(3, 64)
        expected = gate_distance(model, x), gate_pattern(model, x)
    assert torch.equal(gate_distance(model, x), expected[0])
    assert torch.equal(gate_pattern(model, x), expected[1])
