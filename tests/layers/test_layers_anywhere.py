"""Operators between any two modules of any model: feature maps, tokens, residual blocks, reused activations."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from test_snapshots_cut import Net
from torch import nn

from linearlens.layers import LayerScaling, PeekingOperator, delay_dmd, fit_layer, fit_layers, relu_lift, replace
from linearlens.models import TokenTransformer
from linearlens.snapshots import collect_layers


@pytest.fixture
def x() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(120, 1, 4, 4)).astype(np.float32)


def by_hand(model: Net, x: np.ndarray, operator) -> torch.Tensor:
    """The model with an operator in the place of its residual block."""
    with torch.no_grad():
        stem = model.stem(torch.as_tensor(x))
        return model.tail(torch.as_tensor(operator.predict(stem.numpy()), dtype=torch.float32))


@pytest.mark.parametrize(
    "rows", [{}, {"rows": "each", "positions": (2, 3)}, {"rows": "mean", "positions": (2, 3)}], ids=str
)
@pytest.mark.parametrize("gives", ["tensor", "tuple", "dict"])
def test_an_operator_stands_in_for_a_block_of_feature_maps(rows, gives, x):
    model = Net(gives).train()
    before = deepcopy(model.state_dict())
    operator = fit_layer(model, "act#1", "act#2", x, lift=relu_lift(5), **rows)
    hybrid = replace(model, operator)
    assert model.training
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert not any(part._forward_hooks for part in model.modules())
    model.eval()
    given = torch.as_tensor(x)
    torch.testing.assert_close(hybrid(given).detach(), by_hand(model, x, operator), atol=1e-5, rtol=1e-4)
    assert (hybrid(given) - model(given)).abs().max() > 1e-3
    # Rows against their definition: channels of a pixel, or means of a map.
    if rows:
        stem, after = (item.reshape(120, 3, 16) for item in np.moveaxis(
            collect_layers(model, x, ["act#1", "act#2"]).astype(float), 1, 0))  # fmt: skip
        pairs = (
            [item.transpose(0, 2, 1).reshape(-1, 3) for item in (stem, after)]
            if rows["rows"] == "each"
            else [item.mean(axis=2) for item in (stem, after)]
        )
        design = np.hstack([pairs[0], np.ones((len(pairs[0]), 1))])
        slow = np.linalg.lstsq(design, pairs[1])[0]
        affine = fit_layer(model, "act#1", "act#2", x, ridges=[0], **rows)
        np.testing.assert_allclose(affine.weights, slow[:-1], atol=1e-5)
        np.testing.assert_allclose(affine.offset, slow[-1], atol=1e-5)


def test_a_convolution_of_single_pixels_is_reproduced_exactly():
    torch.manual_seed(0)

    class Pointwise(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.mix, self.head = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 6, 1), nn.Linear(24, 3)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return self.head(torch.tanh(self.mix(self.first(images))).flatten(1))

    model, x = Pointwise(), np.random.default_rng(0).normal(size=(60, 1, 4, 4))
    operator = fit_layer(model, "first", "mix", x, rows="each", positions=(2, 3), ridges=[0])
    np.testing.assert_allclose(operator.weights, model.mix.weight.detach()[:, :, 0, 0].T, atol=1e-5)
    new = torch.randn(7, 1, 4, 4)
    torch.testing.assert_close(replace(model, operator)(new), model(new), atol=1e-5, rtol=1e-4)


def test_hybrids_of_hybrids_and_their_copies_keep_their_own_hooks(x):
    model = Net()
    spans = [("conv", "norm"), ("act#1", "act#2"), ("shape", "neck")]
    operators = fit_layers(model, spans, x)
    together, one_by_one = replace(model, *operators), model
    for operator in operators:
        one_by_one = replace(one_by_one, operator)
    given = torch.as_tensor(x)
    wanted = together(given)
    torch.testing.assert_close(one_by_one(given), wanted)
    other = deepcopy(together)
    with torch.no_grad():
        for name, value in together.named_buffers():
            if name.endswith("offset"):
                value.add_(1)
    torch.testing.assert_close(other(given), wanted)
    assert (together(given) - wanted).abs().max() > 1e-3
    assert other.double()(given.double()).dtype == torch.float64
    assert sum(name.endswith("operator.weights") for name in other.state_dict()) == 3


def test_all_tokens_share_an_operator_in_a_model_of_token_ids():
    model = TokenTransformer(9, 7, width=8, n_blocks=2)
    tokens = np.random.default_rng(0).integers(0, 9, (40, 6))
    operator = fit_layer(model, "blocks.0", "blocks.1", tokens, rows="each", positions=1, ridges=[0])
    before, after = collect_layers(model, tokens, ["blocks.0", "blocks.1"], rows="each", positions=1).swapaxes(0, 1)
    slow = np.linalg.lstsq(np.hstack([before, np.ones((240, 1))]).astype(float), after.astype(float))[0]
    np.testing.assert_allclose(operator.weights, slow[:-1], atol=1e-4)
    hybrid = replace(model, operator)
    found = collect_layers(hybrid, tokens, ["blocks.1"], rows="each", positions=1)[:, 0]
    np.testing.assert_allclose(found, before @ slow[:-1] + slow[-1], atol=1e-4)
    assert hybrid(torch.as_tensor(tokens)).shape == (40, 6, 9)


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda m, x: fit_layer(m, "inner", "head", x), "something passes by 'inner'"),
        (lambda m, x: fit_layer(m, "act", "head", x), "name one of them, 'act#1' to 'act#2'"),
        (lambda m, x: fit_layer(m, "conv", "neck", x, rows="each", positions=(2, 3)), "gives 1920 rows and 'neck' 120"),
        (lambda m, x: fit_layer(m, "act#1", "act#2", x, rows="each"), "rows must be 'flat', or 'each'"),
        (lambda m, x: LayerScaling(m, "act#1", "neck"), "give inputs"),
        (lambda m, x: LayerScaling(m, "inner", "neck", inputs=x), "something passes by 'inner'"),
        (lambda m, x: LayerScaling(m, "act#1", "neck", inputs=x, last="linear"), r"must be an nn\.Sequential"),
        (lambda m, x: LayerScaling(m, "neck", "shape", inputs=x), "'shape' does not come after 'neck'"),
        (lambda m, x: replace(m, Backwards()), "'conv' is run before 'neck'"),
    ],
)  # fmt: skip
def test_what_cannot_be_fitted_is_said(use, message, x):
    with pytest.raises(ValueError, match=message):
        use(Net(), x)(torch.as_tensor(x))


class Backwards(nn.Module):
    start, stop = "neck", "conv"


@pytest.mark.parametrize("double", [False, True])
def test_a_scaled_layer_of_feature_maps(double, x):
    model = Net().eval()
    model = model.double() if double else model
    states = collect_layers(model, x, ["act#1"])[:, 0]
    scaling = LayerScaling(model, "act#1", "shape", inputs=x, n_layers=2, init="identity")
    assert (scaling.width, scaling.n_outputs, scaling.out_shape) == (48, 12, (3, 2, 2))
    loss = scaling.fit(states, epochs=1).loss_
    assert scaling.fit(states, epochs=40, learning_rate=1e-2).loss_ < loss
    trajectory = scaling.trajectory(states)
    assert trajectory.dtype == states.dtype
    with torch.no_grad():
        inner = torch.as_tensor(states)
        for linear in scaling.maps:
            inner = torch.relu(linear(inner))
        pooled = nn.functional.max_pool2d(model.block(inner.reshape(-1, 3, 4, 4)), 2)
        logits = model.tail(model.stem(torch.as_tensor(x).to(inner)).clone())
    np.testing.assert_allclose(trajectory[:, -1, :12], pooled.flatten(1), atol=1e-5)
    hybrid = replace(model, PeekingOperator(scaling, delay_dmd(trajectory, delays=2, windows="inside")))
    assert hybrid(torch.as_tensor(x).to(inner)).shape == logits.shape
    torch.testing.assert_close(
        replace(model, scaling)(torch.as_tensor(x).to(inner)).detach(),
        model.head(nn.functional.gelu(model.neck(pooled.flatten(1)))).detach(),
        atol=1e-5,
        rtol=1e-4,
    )
