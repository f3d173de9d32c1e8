"""Credit in models that are no plain nn.Sequential, against the same weights as one; and where a fit is no credit."""

import warnings
from collections import OrderedDict

import numpy as np
import pytest
import torch
from test_credit import blocks, made_data, plain
from test_credit_damages import labelled
from torch import nn
from torch.nn import functional as F

from linearlens.credit import (
    DAMAGES,
    component_operators,
    components,
    credits,
    damages,
    mean_jacobians,
    neuron_credits,
)
from linearlens.datasets import Dataset
from linearlens.models import RowTransformer


class Written(nn.Module):
    """The children of an nn.Sequential, run as people write it: in a loop, one activation for all."""

    def __init__(self, chain: nn.Sequential, *, functional: bool) -> None:
        super().__init__()
        self.functional = functional
        for name, part in chain.named_children():
            if not isinstance(part, nn.ReLU):
                self.add_module(name, part)
        self.act = nn.ReLU(inplace=True)
        self.order = [name for name, _ in chain.named_children()]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for name in self.order:
            step = getattr(self, name, F.relu if self.functional else self.act)
            x = step(x)
        return x


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("make", [plain, blocks])
@pytest.mark.parametrize("functional", [True, False])
def test_a_model_of_any_form_is_credited_as_the_chain_of_its_parts(make, functional, seed):
    chain = make(seed)
    model, data = Written(make(seed), functional=functional), labelled(chain, seed)
    parts = components(model, inputs=data.train_inputs)
    assert [part.name for part in parts] == [part.name for part in components(chain)]
    if functional:  # an activation that is no module ends no component: it belongs to the next
        assert [part.stop for part in parts] == [part.name for part in parts]
        return
    assert [part.block for part in parts] == [part.block for part in components(chain)]
    for function in (
        lambda m: credits(m, data),
        lambda m: damages(m, data, seeds=[0]),
        lambda m: damages(m, data, seeds=[3], kinds=["weight_noise", "reinitialise"]),
    ):
        one, other = function(model), function(chain)
        assert list(one.index) == list(other.index)
        np.testing.assert_allclose(one, other, atol=1e-9)
    for one, other in zip(
        mean_jacobians(model, data.train_inputs), mean_jacobians(chain, data.train_inputs), strict=True
    ):
        np.testing.assert_allclose(one, other, atol=1e-12)
    fits = [component_operators(m, data.train_inputs, delays=1) for m in (model, chain)]
    for one, other in zip(*fits, strict=True):
        np.testing.assert_allclose(one.matrix, other.matrix, atol=1e-6)
    layer, same = ("act#2", "act2") if make is plain else ("block1.act", "block1.act")
    np.testing.assert_allclose(neuron_credits(model, layer, data), neuron_credits(chain, same, data), atol=1e-9)


class Residual(nn.Sequential):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + super().forward(x)


def flattening(chain: nn.Sequential) -> nn.Sequential:
    class First(nn.Sequential):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x.flatten(1))

    return First(OrderedDict(chain.named_children()))


def hooked(chain: nn.Sequential) -> nn.Sequential:
    chain.register_forward_hook(lambda _module, _args, output: 2 * output + 1)
    chain[2].register_forward_hook(lambda _module, _args, output: output.abs())
    return chain


@pytest.mark.parametrize(
    ("model", "names"),
    [
        (nn.Sequential(nn.Linear(6, 5), Residual(nn.Linear(5, 5), nn.Tanh()), nn.Linear(5, 4)), ["0", "1", "2"]),
        (Residual(nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 6)), None),
        (flattening(plain(0)), ["linear1", "linear2", "linear3", "linear4", "linear5"]),
        (hooked(plain(0)), ["linear1", "linear2", "linear3", "linear4", "linear5"]),
        (nn.Sequential(nn.ReLU(inplace=True), nn.Linear(6, 5), nn.ReLU(inplace=True), nn.Linear(5, 4)), ["1", "3"]),
    ],
    ids=["block", "whole", "flattening", "hooks", "in place"],
)
def test_parts_make_what_the_model_makes_whatever_its_forward_is(model, names):
    data = made_data(0)
    if names is None:
        with pytest.raises(ValueError, match="between two components or more, but the model has 1"):
            credits(model, data)
        return
    states = data.train_inputs
    parts = components(model, inputs=states)
    assert [part.name for part in parts] == names
    for part in parts:
        states = part(states)
    wanted = model.double()(torch.tensor(data.train_inputs)).detach()
    np.testing.assert_allclose(states, wanted, atol=1e-12)
    assert np.isfinite(credits(model, data, methods=["volume", "swap", "weight_gain"]).to_numpy()).all()


class Images(nn.Module):
    """A small residual network for images, as people write it."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.norm = nn.Conv2d(1, 2, 3, padding=1, bias=False), nn.BatchNorm2d(2)
        self.inner, self.act = nn.Conv2d(2, 2, 3, padding=1), nn.ReLU(inplace=True)
        self.neck, self.head = nn.Linear(8, 6), nn.Linear(6, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.act(self.norm(self.conv(x)))
        x = self.act(x + self.inner(x))
        x = F.max_pool2d(x, 2).flatten(1)
        return self.head(F.gelu(self.neck(x)))


def pictures(n: int = 300) -> Dataset:
    x = np.random.default_rng(0).normal(size=(n, 1, 4, 4))
    model = Images().double().eval()
    with torch.no_grad():
        labels = model(torch.tensor(x)).argmax(dim=1).numpy()
    return Dataset("pictures", x[: n - 100], labels[: n - 100], x[n - 100 :], labels[n - 100 :])


def test_states_of_convolutions_and_weights_of_their_own_alone():
    model, data = Images(), pictures()
    parts = components(model, inputs=data.train_inputs)
    assert [(part.name, part.start, part.stop) for part in parts] == [
        ("conv", None, "act#1"),
        ("inner", "act#1", "act#2"),
        ("neck", "act#2", "neck"),
        ("head", "neck", "head"),
    ]
    assert [sorted(part.own) for part in parts] == [
        ["model.conv.weight", "model.norm.bias", "model.norm.weight"],
        ["model.inner.bias", "model.inner.weight"],
        ["model.neck.bias", "model.neck.weight"],
        ["model.head.bias", "model.head.weight"],
    ]
    table = credits(model, data)
    assert np.isfinite(table.to_numpy()).all()
    lost = damages(model, data, seeds=[0])
    assert list(lost.columns) == list(DAMAGES)
    # Weights of the block made noisy by hand.
    site_rng = np.random.default_rng(np.random.SeedSequence(0, spawn_key=(1, 0)))
    by_hand = []
    for level in (0.3, 0.6, 1.0, 1.5):
        noisy = Images().double().eval()
        with torch.no_grad():
            for weight in (noisy.inner.weight, noisy.inner.bias):
                weight += level * weight.square().mean().sqrt() * torch.tensor(site_rng.standard_normal(weight.shape))
            guess = noisy(torch.tensor(data.test_inputs)).argmax(dim=1).numpy()
        by_hand.append((guess == data.test_labels).mean())
    assert lost.loc["inner", "weight_noise"] == pytest.approx(1 - np.mean(by_hand), abs=1e-12)
    units = neuron_credits(model, "act#2", data)
    assert len(units) == 32
    assert np.isfinite(units["swap"]).all()


def test_components_between_named_modules():
    model, data = Images(), pictures()
    table = credits(model, data, methods=["swap", "volume"], start="act#1", stops=["act#2", "neck", ""])
    assert list(table.index) == ["inner", "neck", "head"]
    whole = credits(model, data, methods=["swap", "volume"])
    np.testing.assert_allclose(table.loc["head"], whole.loc["head"], atol=1e-9)
    chain, made = plain(0), labelled(plain(0), 0)
    later = credits(chain, made, start="act2", methods=["swap", "residual"])
    np.testing.assert_allclose(later, credits(chain, made, methods=["swap", "residual"]).iloc[2:], atol=1e-9)
    np.testing.assert_allclose(
        damages(chain, made, start="act2", kinds=["skip"]), damages(chain, made, kinds=["skip"]).iloc[2:], atol=1e-12
    )


def test_a_list_that_ends_with_the_start_is_no_component():
    class Stages(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Sequential(nn.Linear(6, 5), nn.Tanh())
            self.second = nn.Sequential(Residual(nn.Linear(5, 5)), Residual(nn.Linear(5, 5), nn.Tanh()))
            self.head = nn.Linear(5, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(self.second(self.first(x)))

    model, x = Stages(), made_data(0).train_inputs
    assert [(part.name, part.stop, part.block) for part in components(model, inputs=x)] == [
        ("first.0", "first.1", False),
        ("second.0", "second.0", True),
        ("second.1", "second.1", True),
        ("head", "head", False),
    ]
    for start in ("first", "first.1"):
        parts = components(model, inputs=x, start=start)
        assert [part.name for part in parts] == ["second.0", "second.1", "head"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stops": ["inner", "head"]}, "something passes by 'inner'"),
        ({"stops": ["act#1", "neck"]}, "stops must end with the end of the model, '' or what gives its output"),
        ({"stops": ["act", "head"]}, "name one of them, 'act#1' to 'act#2'"),
        ({"stops": ["neck", "act#1", "head"]}, "'act#1' does not come after 'neck'"),
        ({"stops": ["gone", "head"]}, r"no module named \['gone'\]"),
        ({"start": "neck"}, "between two components or more, but the model has 1"),
        ({"start": "inner"}, "something passes by 'inner'"),
    ],
)
def test_what_cannot_be_taken_apart_is_said(options, message):
    with pytest.raises(ValueError, match=message):
        credits(Images(), pictures(), **options)


class Drawing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(6, 5), nn.Linear(5, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.two(self.one(x) + torch.randn(5, dtype=x.dtype))


def test_a_model_that_draws_random_numbers_is_refused():
    with pytest.raises(ValueError, match=r"depend on each other|do not make what the model makes|passes by"):
        credits(Drawing(), made_data(0))
    with pytest.raises(ValueError, match="do not make what the model makes"):
        credits(nn.Sequential(nn.Linear(6, 5), nn.Linear(5, 3), Noise()), made_data(0))


class Noise(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + torch.randn_like(x)


class Bag(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embedding, self.layer, self.head = nn.Embedding(20, 6), nn.Linear(6, 5), nn.Linear(5, 3)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.head(torch.relu(self.layer(self.embedding(tokens).mean(dim=1))))


@pytest.mark.parametrize(
    "model", [Bag(), nn.Sequential(nn.Embedding(20, 6), nn.Flatten(), nn.Linear(24, 5), nn.Linear(5, 3))]
)
def test_token_ids_are_no_states_but_embeddings_are(model):
    tokens = np.random.default_rng(0).integers(0, 20, (300, 4))
    data = Dataset("tokens", tokens[:200], tokens[:200, 0] % 3, tokens[200:], tokens[200:, 0] % 3)
    first = "embedding" if isinstance(model, Bag) else "0"
    with pytest.raises(ValueError, match="looks numbers up, which are no states; say with start"):
        credits(model, data)
    table = credits(model, data, start=first)
    assert len(table) == 2
    assert np.isfinite(table.to_numpy()).all()
    assert damages(model, data, start=first, seeds=[0]).shape == (2, 5)


def test_transformers_are_credited_block_by_block():
    model = RowTransformer(4, width=8, n_heads=2, n_outputs=4)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(500, 16))
    with torch.no_grad():
        labels = model(torch.tensor(x, dtype=torch.float32)).argmax(dim=1).numpy()
    data = Dataset("rows", x[:400], labels[:400], x[400:], labels[400:])
    table = credits(model, data)
    assert list(table.index) == ["embed", "blocks.0", "blocks.1", "head"]
    assert np.isfinite(table.to_numpy()).all()
    lost = damages(model, data, kinds=["skip", "weight_noise"], seeds=[0])
    assert (lost.loc["blocks.0"] > 0).all()
    attention = nn.Sequential(nn.Linear(6, 4), Attending(), nn.Linear(4, 4))
    drawn = damages(attention, labelled(attention.double(), 0), kinds=["reinitialise"], seeds=[0])
    assert np.isfinite(drawn.to_numpy()).all()


class Attending(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens = x[:, None].expand(-1, 3, -1)
        return x + self.attention(tokens, tokens, tokens, need_weights=False)[0][:, 0]


# Fits that are no credit.


def smooth(n: int, width: int, seed: int) -> np.ndarray:
    """Series of a few slow waves and a little noise: as wide as they are long, and of few directions."""
    rng = np.random.default_rng(seed)
    waves = np.sin(np.outer(rng.uniform(0.5, 3, 8), np.linspace(0, 6, width)) + rng.uniform(0, 6, (8, 1)))
    return rng.normal(size=(n, 8)) @ waves + 1e-4 * rng.normal(size=(n, width))


@pytest.mark.parametrize("n", [45, 52, 60, 75])
def test_as_many_samples_as_units_are_fitted_by_a_ridge_and_said(n):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(50, 40), nn.Tanh(), nn.Linear(40, 3)).double()
    with torch.no_grad():
        model[0].weight.mul_(3)
    x, new = smooth(n, 50, 1), smooth(400, 50, 1)[-200:]
    data = Dataset("smooth", x, np.zeros(n, int), new, np.zeros(200, int))
    with pytest.warns(
        UserWarning, match=r"'0': of \d+ samples .* least squares misses those held out by .* ridge is taken"
    ):
        table = credits(model, data, methods=["residual"])
    design = np.hstack([x, np.ones((n, 1))])
    after = np.tanh(x @ model[0].weight.detach().numpy().T + model[0].bias.detach().numpy())
    wanted = np.tanh(new @ model[0].weight.detach().numpy().T + model[0].bias.detach().numpy())
    least = np.hstack([new, np.ones((200, 1))]) @ np.linalg.lstsq(design, after)[0]
    spread = np.linalg.norm(wanted - wanted.mean(axis=0))
    assert table.loc["0", "residual"] < min(0.6 * np.linalg.norm(least - wanted) / spread, 0.7)


def test_many_samples_are_fitted_by_least_squares_without_a_word():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        credits(plain(0), made_data(0))


def test_residuals_above_one_and_exact_fits_are_said():
    model, data = plain(0), made_data(0)
    far = Dataset("far", data.train_inputs, data.train_labels, 30 * data.test_inputs[::-1] ** 2, data.test_labels)
    few = Dataset("few", data.train_inputs[:7], data.train_labels[:7], data.test_inputs, data.test_labels)
    with pytest.warns(UserWarning, match=r"residuals above 1: \{.*'linear1'.*the mean of the outputs says more"):
        credits(model, far, methods=["residual"])
    for use in (lambda: component_operators(model, data.train_inputs[:7]), lambda: credits(model, few)):
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            use()
        assert "'linear1' is fitted in as many directions as 7 samples have" in str(seen[0].message)


@pytest.mark.parametrize("n", [2, 3, 7, 11])
def test_a_handful_of_samples_gives_numbers_and_no_crash(n):
    data = made_data(0)
    few = Dataset("few", data.train_inputs[:n], data.train_labels[:n], data.test_inputs, data.test_labels)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # not those of numpy
        assert np.isfinite(credits(plain(0), few, methods=["residual", "swap"]).to_numpy()).all()
