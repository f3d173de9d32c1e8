"""States on a GPU. There need be none: tensors without numbers say on which device they are, and refuse to mix."""

import numpy as np
import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode

from linearlens.layers import LayerScaling, replace
from linearlens.models import RowTransformer, mlp
from linearlens.snapshots import Cut, Rows
from linearlens.snapshots.rerun import rerun
from linearlens.snapshots.running import as_inputs


@pytest.fixture
def mode():
    return FakeTensorMode(allow_non_fake_inputs=True)


def fake(mode, tensor):
    return FakeTensor(mode, tensor.detach().to("meta"), torch.device("cuda:0"))


def on_cuda(mode, model):
    """The model with its weights on a GPU that is not there; without gradients, which would look for it."""
    for part in model.modules():
        for name, weight in part._parameters.items():
            if weight is not None:
                part._parameters[name] = nn.Parameter(fake(mode, weight), requires_grad=False)
        part._buffers = {name: fake(mode, value) for name, value in part._buffers.items()}
    return model


def test_a_model_is_run_on_from_states_on_its_device(mode):
    model = on_cuda(mode, RowTransformer(4, width=8).eval())
    x, states = fake(mode, torch.randn(3, 16)), fake(mode, torch.randn(7, 4, 8))
    with mode:
        assert as_inputs(model, np.zeros((3, 16))).first.device.type == "cuda"
        out = rerun(model, "blocks.0", "", as_inputs(model, x), states)
        assert (out.device.type, out.shape) == ("cuda", (7, 10))
        rows = Rows("each", 1)
        assert rows.back(rows.of(states), (4, 8)).device.type == "cuda"
        with pytest.raises(Exception, match="found at least two devices"):
            model(torch.randn(3, 16))


class Wrapped(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = mlp([5, 6, 4, 3])

    def forward(self, x):
        return self.net(x)


@pytest.mark.parametrize("chain", [True, False])
def test_a_scaled_layer_and_its_hybrid_are_where_the_model_is(mode, chain):
    model = mlp([5, 6, 4, 3]) if chain else Wrapped()
    names = ("act1", "act2") if chain else ("net.act1", "net.act2")
    scaling = LayerScaling(model, *names, n_layers=2, inputs=np.random.default_rng(0).normal(size=(4, 5)))
    hybrid = on_cuda(mode, replace(model, scaling))
    on_cuda(mode, scaling)
    with mode:
        assert scaling._tensor(np.zeros((2, 6), np.float32)).device.type == "cuda"
        assert scaling(fake(mode, torch.randn(2, 6))).device.type == "cuda"
        assert hybrid(fake(mode, torch.randn(2, 5))).device.type == "cuda"


def test_a_cut_follows_its_model_to_another_precision():
    model, x = Wrapped(), np.random.default_rng(0).normal(size=(4, 5))
    cut = Cut(model, "net.act1", "", x)
    assert cut.double()(torch.zeros(2, 6, dtype=torch.float64)).dtype == torch.float64
