"""Recurrent layers as wholes: unrolled, they are their cells."""

import pytest
import torch
from torch import Tensor, nn

from linearlens.instance import linearize


class Reader(nn.Module):
    """A recurrent layer and a readout of its states, the last ones among them."""

    def __init__(self, kind: type[nn.Module], **how) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = kind(4, 6, **how)

    def forward(self, x: Tensor) -> Tensor:
        first = self.layer.batch_first
        states, last = self.layer(x if first else x.transpose(0, 1))
        states = states if first else states.transpose(0, 1)
        lasts = torch.cat(
            [part.transpose(0, 1).flatten(1) for part in (last if isinstance(last, tuple) else (last,))], 1
        )
        return torch.cat([states.flatten(1), lasts], 1)


def inputs() -> Tensor:
    torch.manual_seed(3)
    return torch.randn(3, 5, 4, dtype=torch.float64)


@pytest.mark.parametrize("form", ["ratio", "tangent"])
@pytest.mark.parametrize(
    "how",
    [
        {},
        {"batch_first": True},
        {"num_layers": 3, "bias": False},
        {"bidirectional": True, "batch_first": True},
        {"num_layers": 2, "bidirectional": True},
        {"num_layers": 2, "dropout": 0.4, "batch_first": True},
    ],
)
@pytest.mark.parametrize("kind", [nn.GRU, nn.LSTM, nn.RNN])
def test_layers_are_exact(kind, how, form):
    model, x = Reader(kind, **how).double(), inputs()
    affine = linearize(model, x, form=form)  # with dropout in train mode: the mask that the next call draws
    with torch.no_grad():
        y = model(x)
    depth = 5 * how.get("num_layers", 1) * 3
    assert (affine(x) - y).abs().max() <= 5e-15 * depth * y.abs().max()
    if form == "tangent" and "dropout" not in how:
        slow = torch.autograd.functional.jacobian(model, x)
        slow = torch.stack([slow[i, :, i] for i in range(3)])
        torch.testing.assert_close(affine.weight, slow, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("how", [{"proj_size": 2}, {"proj_size": 2, "num_layers": 2, "bidirectional": True}])
def test_projections_and_relu(how):
    x = inputs()
    for model in (Reader(nn.LSTM, **how).double(), Reader(nn.RNN, nonlinearity="relu").double()):
        with torch.no_grad():
            torch.testing.assert_close(linearize(model, x)(x), model(x), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("kind", "cell"), [(nn.GRU, nn.GRUCell), (nn.LSTM, nn.LSTMCell), (nn.RNN, nn.RNNCell)])
def test_a_layer_has_the_map_of_its_cell(kind, cell):
    class Unrolled(nn.Module):
        def __init__(self, layer: nn.Module) -> None:
            super().__init__()
            self.cell = cell(4, 6)
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                getattr(self.cell, name).data = getattr(layer, f"{name}_l0").data

        def forward(self, x: Tensor) -> Tensor:
            state, states = None, []
            for now in x.unbind(1):
                state = self.cell(now, state)
                states.append(state[0] if isinstance(state, tuple) else state)
            lasts = state if isinstance(state, tuple) else (state,)
            return torch.cat([torch.stack(states, 1).flatten(1), *lasts], 1)

    model, x = Reader(kind, batch_first=True).double(), inputs()
    one, other = linearize(model, x), linearize(Unrolled(model.layer).double(), x)
    torch.testing.assert_close(one.weight, other.weight, rtol=1e-11, atol=1e-14)
    torch.testing.assert_close(one.bias, other.bias, rtol=1e-11, atol=1e-14)
    assert set(one.biases) == {"layer"}


def test_a_given_state_and_a_packed_sequence():
    model, x = Reader(nn.GRU, batch_first=True).double(), inputs()
    start = torch.ones(1, 3, 6, dtype=torch.float64)
    model.forward = lambda x: model.layer(x, start + x.sum((1, 2))[:, None])[0]
    with torch.no_grad():
        torch.testing.assert_close(linearize(model, x)(x), model(x).flatten(1), rtol=1e-12, atol=1e-14)
    model.forward = lambda x: model.layer(nn.utils.rnn.pack_sequence(list(x)))[0].data
    with pytest.raises(ValueError, match="cannot be linearized"):
        linearize(model, x)
