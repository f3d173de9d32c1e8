"""Fair replacements: lifted operators from a layer's input, hybrids, and what they cost."""

import time

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import Ridge
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.preprocessing import FunctionTransformer, PolynomialFeatures, StandardScaler
from torch import nn

from linearlens.layers import (
    count_cost,
    fit_layer,
    fit_layers,
    fourier_lift,
    gaussian_lift,
    inference_seconds,
    kernel_lift,
    polynomial_lift,
    relu_lift,
    replace,
)
from linearlens.layers._fit import CHUNK_ROWS
from linearlens.models import mlp
from linearlens.snapshots import collect_layers, run_from

SPANS = [("act1", "act2"), ("act2", "act3")]


@pytest.fixture
def network() -> nn.Sequential:
    return mlp([3, 7, 6, 5, 2], activation=nn.Tanh, seed=1).requires_grad_(True)


@pytest.fixture
def inputs() -> np.ndarray:
    return 2 * np.random.default_rng(0).normal(size=(300, 3)).astype(np.float32)


def at(model: nn.Module, inputs: np.ndarray, name: str) -> np.ndarray:
    return collect_layers(model, inputs, [name])[:, 0].astype(np.float64)


def weights_of(model: nn.Module) -> list[torch.Tensor]:
    return [value.clone() for value in model.state_dict().values()]


# The fit.


@pytest.mark.parametrize("n_samples", [300, CHUNK_ROWS + 50])
def test_an_affine_operator_is_least_squares(network, n_samples):
    inputs = np.random.default_rng(1).normal(size=(n_samples, 3)) + 1
    h, f = at(network, inputs, "act1"), at(network, inputs, "act2")
    slow = np.linalg.lstsq(np.column_stack([h, np.ones(len(h))]), f)[0]
    operator = fit_layer(network, "act1", "act2", inputs, ridges=[0])
    np.testing.assert_allclose(operator.weights, slow[:-1], atol=1e-8)
    np.testing.assert_allclose(operator.offset, slow[-1], atol=1e-8)
    np.testing.assert_allclose(operator.predict(h), h @ slow[:-1] + slow[-1], atol=1e-8)


@pytest.mark.parametrize("ridge", [0, 1e-6, 1.0])
def test_fewer_samples_than_observables_are_fitted_alike_and_quickly(network, inputs, ridge):
    few, lift = inputs[:40], fourier_lift(60)
    operator = fit_layer(network, "act1", "act3", few, lift=lift, ridges=[ridge])
    h, f = at(network, few, "act1"), at(network, few, "act3")
    psi = operator.lift.transform(h)
    x = (psi - psi.mean(axis=0)) / psi.std(axis=0)
    slow = np.linalg.pinv(x.T @ x / 40 + ridge * np.eye(67), rcond=1e-13) @ (x.T @ (f - f.mean(axis=0)) / 40)
    np.testing.assert_allclose(operator.predict(h), x @ slow + f.mean(axis=0), atol=1e-6)
    wide = np.random.default_rng(0).normal(size=(30, 1500))
    start = time.process_time()
    fit_layer(nn.Sequential(nn.Linear(1500, 3), nn.Linear(3, 2)), None, "0", wide)
    assert time.process_time() - start < 2, "a matrix of 1500 x 1500 takes ten times as long"


@pytest.mark.parametrize("ridge", [1e-6, 1e-3, 1.0])
def test_a_ridge_is_that_of_scikit_learn_on_standardised_observables(network, inputs, ridge):
    h, f = at(network, inputs, "act1"), at(network, inputs, "act3")
    operator = fit_layer(
        network, "act1", "act3", inputs, lift=PolynomialFeatures(2, include_bias=False), ridges=[ridge]
    )
    psi = StandardScaler().fit_transform(PolynomialFeatures(2, include_bias=False).fit_transform(h))
    slow = Ridge(alpha=ridge * len(h)).fit(psi, f)
    np.testing.assert_allclose(operator.predict(h), slow.predict(psi), atol=1e-7)


def test_lift_and_ridge_are_chosen_on_samples_held_out(network, inputs):
    few = inputs[:60]
    lifts = [fourier_lift(20, sharpness=30.0), fourier_lift(20, sharpness=0.3), fourier_lift(20, sharpness=3.0)]
    ridges = [1e-10, 1e-4, 1e-1]
    chosen = fit_layer(network, "act1", "act2", few, lift=lifts, ridges=ridges, seed=3)
    h, f = at(network, few, "act1"), at(network, few, "act2")
    held, learnt = np.split(np.random.default_rng(3).permutation(60), [12])
    slow = {}
    for number, lift in enumerate(lifts):
        scaler = StandardScaler()
        psi = scaler.fit_transform(lift.fit_transform(h[learnt]))
        for ridge in ridges:
            fitted = Ridge(alpha=ridge * len(learnt)).fit(psi, f[learnt])
            missed = fitted.predict(scaler.transform(lift.transform(h[held]))) - f[held]
            slow[number, ridge] = (missed**2).mean(axis=0).sum() / f[held].var(axis=0).sum()
    number, ridge = min(slow, key=lambda key: slow[key])
    assert chosen.ridge == ridge
    assert chosen.error == pytest.approx(slow[number, ridge], rel=1e-4)
    assert len({round(value, 12) for value in slow.values()}) == 9


def test_an_exact_closure_reproduces_a_layer_to_rounding():
    network = mlp([3, 7, 6, 2], seed=2)
    inputs = np.random.default_rng(0).normal(size=(200, 3))
    weight, bias = (p.detach().double().numpy() for p in network.linear2.parameters())
    closure = FunctionTransformer(lambda h: np.hstack([h, np.maximum(h @ weight.T + bias, 0)]))
    operator = fit_layer(network, "act1", "act2", inputs, lift=closure)
    assert operator.lifted_dimension == 7 + 6 + 1
    new = np.random.default_rng(1).normal(size=(500, 3))
    with torch.no_grad():
        x = torch.tensor(new, dtype=torch.float32)
        assert (replace(network, operator)(x) - network(x)).abs().max() < 2e-6
    assert np.abs(fit_layer(network, "act1", "act2", inputs).predict(at(network, new, "act1"))).max() > 0
    affine = replace(network, fit_layer(network, "act1", "act2", inputs))
    assert (affine(x) - network(x)).abs().max() > 1e-2, "or the check above would say nothing"


def test_units_that_never_fire_and_constant_targets_do_no_harm():
    network = mlp([3, 6, 5, 2], seed=0)
    with torch.no_grad():
        network.linear1.bias[:2] = -100
        network.linear2.bias[0] = -100
    inputs = np.random.default_rng(0).normal(size=(100, 3))
    for lift in (None, polynomial_lift(2), fourier_lift(10)):
        predicted = fit_layer(network, "act1", "act2", inputs, lift=lift).predict(at(network, inputs, "act1"))
        np.testing.assert_array_equal(predicted[:, 0], 0)
        assert np.isfinite(predicted).all()
    with torch.no_grad():
        network.linear1.bias[:] = -100
    assert np.isfinite(fit_layer(network, "act1", "act2", inputs, lift=relu_lift(5)).predict(np.zeros((2, 6)))).all()


# The lifts.


def test_lifts_are_their_formulas():
    h = np.random.default_rng(0).normal(size=(80, 4)) * [1, 2, 3, 0]
    first, second = np.triu_indices(80, 1)
    median = np.median(np.linalg.norm(h[first] - h[second], axis=1))

    lifted = fourier_lift(12, sharpness=2.0, seed=5).fit(h)
    cosines = lifted.transformer_list[1][1][1]
    np.testing.assert_array_equal(lifted.transform(h)[:, :4], h)
    slow = np.sqrt(2 / 12) * np.cos(h / median @ cosines.random_weights_ + cosines.random_offset_)
    np.testing.assert_allclose(lifted.transform(h)[:, 4:], slow)
    wide = fourier_lift(20000, sharpness=2.0).fit(h).transform(h)[:, 4:]
    kernel = np.exp(-2.0 / 2 * (np.linalg.norm(h[:, None] - h, axis=2) / median) ** 2)
    np.testing.assert_allclose(wide @ wide.T, kernel, atol=0.05)

    bumps = gaussian_lift(15, sharpness=0.7).fit(h)
    centres = bumps.transformer_list[1][1][1].centres_ * median
    assert all((np.abs(h - centre).sum(axis=1) < 1e-12).any() for centre in centres)
    distances = np.linalg.norm(h[:, None] - centres, axis=2)
    np.testing.assert_allclose(bumps.transform(h)[:, 4:], np.exp(-0.7 * (distances / median) ** 2 / 2))

    exact = kernel_lift(80).fit(h).transform(h)[:, 4:]
    np.testing.assert_allclose(exact @ exact.T, rbf_kernel(h / median, gamma=0.5), atol=1e-6)

    units = relu_lift(9, seed=1).fit(h)
    random = units.transformer_list[1][1]
    before = h @ random.directions_ + random.shifts_
    np.testing.assert_array_equal(units.transform(h)[:, 4:], before.clip(min=0))
    assert (np.abs(before).min(axis=0) < 1e-12).all(), "each kink goes through a state"

    assert polynomial_lift(3).fit_transform(h).shape == (80, 34)  # 4 + 10 + 20 monomials


def test_a_lift_repeats_by_seed():
    h = np.random.default_rng(0).normal(size=(50, 4))
    for make in (fourier_lift, gaussian_lift, kernel_lift, relu_lift):
        one, same, other = (make(7, seed=seed).fit_transform(h) for seed in (1, 1, 2))
        np.testing.assert_array_equal(one, same)
        assert not np.array_equal(one, other)


# Hybrids.


def test_replace_leaves_the_original_bit_for_bit_and_does_what_it_says(network, inputs):
    network.train()
    before, kept = weights_of(network), inputs.copy()
    operator = fit_layer(network, "act1", "act3", inputs, lift=fourier_lift(20))
    hybrid = replace(network, operator)
    assert all(map(torch.equal, before, weights_of(network)))
    np.testing.assert_array_equal(inputs, kept)
    assert network.training
    assert list(dict(network.named_children())) == ["linear1", "act1", "linear2", "act2", "linear3", "act3", "linear4"]
    assert list(dict(hybrid.named_children())) == ["linear1", "act1", "act3", "linear4"]
    assert not any(part._forward_hooks for part in network.modules())

    by_hand = run_from(network, "act3", operator.predict(at(network, inputs, "act1")))
    with torch.no_grad():
        np.testing.assert_allclose(hybrid(torch.from_numpy(inputs)), by_hand, atol=1e-6)
        hybrid.linear4.weight.zero_()
        hybrid.act3.weights.zero_()
    assert all(map(torch.equal, before, weights_of(network)))
    assert operator.weights.abs().max() > 0


def test_the_models_input_and_nested_names(network, inputs):
    class Wrapped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.features = mlp([3, 7, 6, 2], seed=3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.features(x.flatten(1))

    wrapped = Wrapped()
    operator = fit_layer(wrapped, "features.act1", "features.act2", inputs, lift=relu_lift(10))
    hybrid = replace(wrapped, operator)
    by_hand = run_from(wrapped.features, "act2", operator.predict(at(wrapped, inputs, "features.act1")))
    with torch.no_grad():
        np.testing.assert_allclose(hybrid(torch.from_numpy(inputs)), by_hand, atol=1e-6)

    first = fit_layer(wrapped, None, "features.act2", inputs, lift=relu_lift(10))
    by_hand = run_from(wrapped.features, "act2", first.predict(inputs))
    np.testing.assert_allclose(replace(wrapped, first)(torch.from_numpy(inputs)).detach(), by_hand, atol=1e-6)

    whole = fit_layer(network, None, "act3", inputs, lift=polynomial_lift(2))
    assert list(dict(replace(network, whole).named_children())) == ["act3", "linear4"]
    np.testing.assert_allclose(
        run_from(network, "act3", whole.predict(inputs)),
        replace(network, whole)(torch.from_numpy(inputs)).detach(),
        atol=1e-6,
    )


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_sequential_refit_beats_independent_fits(seed, inputs):
    """On the samples of the fit it must: least squares on the true inputs of the last operator."""
    network = mlp([3, 8, 8, 8, 2], activation=nn.Tanh, seed=seed)
    with torch.no_grad():
        for name in ("linear1", "linear2", "linear3"):
            getattr(network, name).weight.mul_(3)
    new = 2 * np.random.default_rng(9).normal(size=(300, 3)).astype(np.float32)
    missed = {}
    for sequential in (True, False):
        operators = fit_layers(network, SPANS, inputs, sequential=sequential, ridges=[0])
        assert [(operator.start, operator.stop) for operator in operators] == SPANS
        hybrid = replace(network, *operators)
        missed[sequential] = [((at(hybrid, x, "act3") - at(network, x, "act3")) ** 2).mean() for x in (inputs, new)]
    assert missed[True][0] < 0.97 * missed[False][0]
    assert missed[True][1] < missed[False][1]
    first = [fit_layers(network, SPANS, inputs, sequential=mode)[0].weights for mode in (True, False)]
    assert torch.equal(*first)
    second = fit_layer(replace(network, operators[0]), "act2", "act3", inputs, teacher=network, ridges=[0])
    assert torch.equal(second.weights, fit_layers(network, SPANS, inputs, ridges=[0])[1].weights)


# Counting.


def test_costs_are_those_counted_by_hand():
    network = mlp([2, 8, 6, 4, 3, 2])
    original = count_cost(network)
    assert original.nonlinear_layers == 4
    assert original.parameters == 129
    assert original.multiply_adds == 2 * 8 + 8 * 6 + 6 * 4 + 4 * 3 + 3 * 2
    assert (original.inner_layers, original.lifted_dimensions) == (0, ())

    inputs = np.random.default_rng(0).normal(size=(60, 2))
    rest = (129 - 54, 106 - 48)  # without the layer of 8 to 6
    for lift, stored, multiplied, n_observables in (
        (None, 0, 0, 8),
        (fourier_lift(10), 1 + 10 * 9, 8 + 10 * 8, 18),
        (relu_lift(10), 10 * 9, 10 * 8, 18),
        (gaussian_lift(10), 1 + 10 * 8, 8 + 10 * 8, 18),
        (kernel_lift(10), 1 + 10 * 8 + 10 * 10, 8 + 10 * 8 + 10 * 10, 18),
        (polynomial_lift(2), 2 * 8, 8 + 36, 44),
    ):
        cost = count_cost(replace(network, fit_layer(network, "act1", "act2", inputs, lift=lift)))
        assert (cost.nonlinear_layers, cost.inner_layers) == (3, 0)
        assert cost.lifted_dimensions == (n_observables + 1,)
        assert cost.parameters == rest[0] + stored + n_observables * 6 + 6
        assert cost.multiply_adds == rest[1] + multiplied + n_observables * 6

    both = count_cost(replace(network, *fit_layers(network, [("act1", "act2"), ("act2", "act4")], inputs)))
    assert both.nonlinear_layers == 1
    assert both.lifted_dimensions == (9, 7)


def test_what_cannot_be_counted_is_said(network, inputs):
    with pytest.raises(ValueError, match="cost of LayerNorm is not known"):
        count_cost(nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2)))
    strange = replace(network, fit_layer(network, "act1", "act2", inputs, lift=StrangeLift()))
    with pytest.raises(ValueError, match="lift by StrangeLift is not known"):
        count_cost(strange)
    assert count_cost(nn.Sequential(nn.Flatten(), nn.Linear(2, 2), nn.Dropout(), nn.GELU())).nonlinear_layers == 1
    named = nn.Sequential()
    named.add_module("cost", nn.Linear(2, 3))  # a name is no method
    assert count_cost(named).multiply_adds == 6


def test_inference_times_are_the_shortest_of_turns_on_one_thread(network, inputs, monkeypatch):
    clock, takes, calls = [0.0], {"fast": [3, 1, 2], "slow": [5, 7, 9]}, []

    def pass_time(name):
        calls.append((name, torch.get_num_threads()))
        clock[0] += takes[name].pop(0)

    class Slow(nn.Module):
        def forward(self, x):
            pass_time("slow")
            return x

    monkeypatch.setattr("time.process_time", lambda: clock[0])
    network.register_forward_hook(lambda *_: pass_time("fast"))
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        seconds = inference_seconds({"fast": network, "slow": Slow()}, inputs, repeats=3)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert calls == [("fast", 1), ("slow", 1)] * 3
    assert seconds == {"fast": 1, "slow": 5}
    for models, repeats in (({}, 5), ({"fast": network}, 0)):
        with pytest.raises(ValueError, match="one model or more and repeats of 1 or more"):
            inference_seconds(models, inputs, repeats=repeats)


class StrangeLift(TransformerMixin, BaseEstimator):
    """A lift the package has never seen."""

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return X**2


# Bad input.


def test_bad_requests(network, inputs):
    def refused(message: str, *args: object, **options: object) -> None:
        with pytest.raises(ValueError, match=message):
            fit_layer(network, *args, **options)

    refused("no module named \\['act9'\\]; the model has \\['linear1'", "act1", "act9", inputs)
    refused("'act1' does not come after 'act2'", "act2", "act1", inputs)
    refused("'act1' does not come after 'act1'", "act1", "act1", inputs)
    refused("need 10 samples or more.*got 9", "act1", "act2", inputs[:9])
    refused("held_out must lie between 0 and 1, got 1", "act1", "act2", inputs, held_out=1)
    refused("with held_out=0.001", "act1", "act2", inputs, held_out=0.001)
    refused("ridges must be one or more numbers of 0 or above", "act1", "act2", inputs, ridges=[])
    refused("ridges must be one or more numbers of 0 or above", "act1", "act2", inputs, ridges=[-1.0])
    refused("lift is an empty list", "act1", "act2", inputs, lift=[])
    refused("250 samples or more to draw as many centres, got 240", "act1", "act2", inputs, lift=gaussian_lift(250))
    refused("the inputs need shape \\(n_samples, width\\)", None, "act2", inputs[0])
    refused("gave values that are not finite", "act1", "act2", inputs, lift=FunctionTransformer(lambda h: h + np.inf))

    for lift in (fourier_lift, gaussian_lift, kernel_lift, relu_lift, polynomial_lift):
        for wrong in (0, -3, 2.5, True):
            with pytest.raises(ValueError, match=f"of 1 or more and a sharpness above 0, got {wrong}"):
                lift(wrong)
    for lift in (fourier_lift, gaussian_lift, kernel_lift):
        with pytest.raises(ValueError, match=r"sharpness above 0, got 10 and 0"):
            lift(10, sharpness=0)

    poisoned = inputs.copy()
    poisoned[5, 1] = np.nan
    refused("activations at 'act1' hold nan in sample 5, unit 0", "act1", "act2", poisoned)
    with pytest.raises(ValueError, match="one or more pairs \\(start, stop\\)"):
        fit_layers(network, ["act1"], inputs)
    with pytest.raises(ValueError, match="one or more pairs"):
        fit_layers(network, [], inputs)

    operator = fit_layer(network, "act1", "act3", inputs)
    with pytest.raises(ValueError, match="one operator or more"):
        replace(network)
    with pytest.raises(ValueError, match="Linear has none"):
        replace(network, nn.Linear(2, 2))
    with pytest.raises(ValueError, match="no module named \\['act2'\\]"):
        replace(network, operator, fit_layer(network, "act2", "act3", inputs))
