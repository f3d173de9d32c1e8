"""What comes in: numbers of any type, tables, masks, tensors; and the checks that say a horizon may be read."""

import numpy as np
import pandas as pd
import pytest
import torch
from test_koopman import matched, ragged

from linearlens.koopman import (
    Extrapolation,
    Koopman,
    LinearMap,
    Persistence,
    chapman_kolmogorov,
    error_between,
    fixed_points,
    forecast,
    forecast_error,
    linearize_at_fixed_point,
)

VIDEO = [
    np.clip(128 + np.random.default_rng(seed).standard_normal((30, 16)).cumsum(axis=0) * 15, 0, 255).astype(np.uint8)
    for seed in range(12)
]


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int16, np.float16, np.float32])
def test_errors_and_null_models_are_those_of_float64(dtype):
    """Differences of small whole numbers and squares of halves overflow: persistence would beat the operator."""
    given = [(z.astype(int) // 2).astype(dtype) * dtype(1 if dtype != np.float16 else 200) for z in VIDEO]
    double = [z.astype(np.float64) for z in given]
    model = Koopman(constant=True).fit(double)
    for null in (model, Persistence(), Extrapolation(), LinearMap(np.eye(16))):
        assert forecast_error(null, given, first=2) == forecast_error(null, double, first=2)
        assert forecast(null, given)[0].dtype == np.float64
    assert forecast_error(model, iter(given), first=2) == forecast_error(model, double, first=2)


@pytest.mark.parametrize(
    ("predicted", "says"),
    [(np.full((3, 2), 1j), "predictions is complex"), (np.array([[0, 1], [np.nan, 1]] * 2)[:3], "of state 1 is NaN")],
)
def test_errors_that_would_mean_nothing_are_refused(predicted, says):
    with pytest.raises(ValueError, match=says):
        error_between(predicted, np.ones((3, 2)))


# Tables, masks and tensors.


def tables(trajectories, columns=tuple("abcdef")):
    return [pd.DataFrame(z, columns=list(columns)) for z in trajectories]


def test_tables_are_their_numbers_and_have_names():
    fitted, plain = Koopman().fit(tables(ragged(0))), Koopman().fit(ragged(0))
    np.testing.assert_array_equal(fitted.operator_, plain.operator_)
    assert list(fitted.feature_names_in_) == list("abcdef")
    now = tables(ragged(0))[0]
    np.testing.assert_array_equal(fitted.predict(now), plain.predict(now.to_numpy()))
    np.testing.assert_array_equal(fitted.predict(now.to_numpy()), plain.predict(now.to_numpy()))
    assert not hasattr(fitted.fit(ragged(0)), "feature_names_in_")


@pytest.mark.parametrize("method", ["fit", "partial_fit", "predict", "residuals"])
def test_reordered_columns_are_refused(method):
    fitted = Koopman().fit(tables(ragged(0)))
    turned = [table[list("fabcde")] for table in tables(ragged(0))]
    given = {"fit": [tables(ragged(0))[0], turned[1]], "predict": turned[0]}.get(method, turned)
    with pytest.raises(ValueError, match=r"the columns \['f', 'a', .* but those before had \['a', 'b'"):
        getattr(fitted, method)(given)


@pytest.mark.parametrize("method", ["fit", "partial_fit", "predict", "residuals"])
def test_masks_are_refused_and_complex_numbers(method):
    fitted = Koopman().fit(ragged(0))
    z = ragged(0)[0]
    masked, whole = (np.ma.masked_array(z, mask=mask) for mask in (z > 0.5, np.zeros_like(z, bool)))
    for bad, says in ((masked, "masked entries; leave those states out"), (z + 1j, "is complex")):
        with pytest.raises(ValueError, match=says):
            getattr(fitted, method)(bad if method == "predict" else [bad])
    getattr(fitted, method)(whole if method == "predict" else [whole])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_lists_of_tensors_of_any_precision_with_or_without_gradient(dtype):
    given = [torch.as_tensor(z).to(dtype).requires_grad_() for z in ragged(0)]
    double = [z.detach().double().numpy() for z in given]
    fitted = Koopman().fit(given)
    np.testing.assert_allclose(fitted.operator_, Koopman().fit(double).operator_, atol=1e-10)
    np.testing.assert_allclose(fitted.predict(given[0], steps=0), double[0], atol=0)
    np.testing.assert_allclose(fitted.predict(given[0]), fitted.predict(double[0]), atol=1e-12)


def test_an_iterator_may_yield_batches():
    z = ragged(0)
    batches = iter([z[:3], z[3:4], *z[4:6], np.stack([z[6], z[6]]), z[7:]])
    assert Koopman().fit(batches).n_pairs_ == sum(len(item) - 1 for item in z) + len(z[6]) - 1


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"center": "yes"}, "center must be True or False, got 'yes'"),
        ({"constant": 1}, "constant must be True or False, got 1"),
        ({"alpha": -1.0}, "alpha must be a number, 0 or more, got -1.0"),
        ({"alpha": True}, "alpha must be a number"),
        ({"lag": 0}, "lag must be a whole number, 1 or more, got 0"),
        ({"lag": 40}, "too short: .* at least 41 are needed"),
    ],
)
def test_settings_that_make_no_sense(settings, says):
    with pytest.raises(ValueError, match=says):
        Koopman(**settings).fit(ragged(0))


@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize("n", [1, 60])
@pytest.mark.parametrize("constant", [False, True])
@pytest.mark.parametrize(("size", "says"), [(1e200, "squares overflow"), (1e-200, "squares are 0 in float64")])
def test_numbers_whose_squares_are_none_are_refused(size, says, constant, n):
    with pytest.raises(ValueError, match=says):
        Koopman(constant=constant).fit([size * z for z in ragged(0) * n])
    np.testing.assert_allclose(
        Koopman().fit([1e140 * z for z in ragged(0)]).operator_, Koopman().fit(ragged(0)).operator_
    )


def test_no_states_have_no_forecast_and_a_truth_that_rests_no_score():
    fitted = Koopman(delays=1).fit(ragged(0))
    assert fitted.predict(np.empty((0, 2, 6))).shape == (0, 6)
    with pytest.raises(ValueError, match="do not vary"):
        fitted.score([np.ones((5, 6))])
    with pytest.raises(ValueError, match="steps must be a whole number, 0 or more, got True"):
        fitted.predict(np.ones((1, 2, 6)), True)


# One step many times, many steps at once.


def linear(seed: int, noise: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    z = [rng.normal(size=(300, 2))]
    for _ in range(14):
        z.append(z[-1] @ np.array([[0.9, 0.3], [-0.3, 0.8]]) + noise * rng.normal(size=(300, 2)))
    return np.stack(z, axis=1)


@pytest.mark.parametrize("settings", [{}, {"constant": True}, {"delays": 1}, {"lag": 2}], ids=str)
def test_a_linear_system_passes_and_a_hidden_state_does_not(settings):
    for one in chapman_kolmogorov(Koopman(**settings), linear(0, 0.1), linear(1, 0.1)):
        assert one.operator_gap < (0.03 if "delays" not in settings else 1)
        assert one.forecast_gap < 1e-3
        assert one.powers_error == pytest.approx(one.direct_error, rel=0.02)
    if not settings:
        seen = [part[..., :1] for part in (linear(0, 0.0), linear(1, 0.0))]  # half of the state is not seen
        assert min(one.operator_gap for one in chapman_kolmogorov(Koopman(), *seen)) > 0.1


def test_the_chapman_kolmogorov_numbers_are_those_of_the_definition():
    fit, test = linear(0, 0.3), linear(1, 0.3)
    (one,) = chapman_kolmogorov(Koopman(), fit, test, steps=[3])
    k1, k3 = (np.linalg.lstsq(fit[:, :-n].reshape(-1, 2), fit[:, n:].reshape(-1, 2))[0] for n in (1, 3))
    power = k1 @ k1 @ k1
    assert one.operator_gap == pytest.approx(np.linalg.norm(k3 - power) / np.linalg.norm(k3))
    x, true = test[:, :-3].reshape(-1, 2), test[:, 3:].reshape(-1, 2)
    for value, predicted in ((one.powers_error, x @ power), (one.direct_error, x @ k3)):
        assert value == pytest.approx(((predicted - true) ** 2).sum() / (true**2).sum())
    assert one.forecast_gap == pytest.approx(((x @ power - x @ k3) ** 2).sum() / (true**2).sum())
    assert matched(one.direct, np.linalg.eigvals(k3)) < 1e-10 > matched(one.powers, np.linalg.eigvals(power))
    for steps, says in (((1,), "2 or more"), ((), "2 or more"), ((15,), "too short")):
        with pytest.raises(ValueError, match=says):
            chapman_kolmogorov(Koopman(), fit, test, steps=steps)


@pytest.mark.parametrize("lag", [1, 2])
def test_a_forecast_with_a_lag_reaches_the_right_states(lag):
    z = [np.column_stack([0.9 ** np.arange(12.0), 0.5 ** np.arange(12.0)]) * a for a in (1.0, -2.0)]
    fitted = Koopman(lag=lag).fit(z)
    for steps in (1, 2):
        predicted = forecast(fitted, z, steps=steps)
        np.testing.assert_allclose(predicted[1], z[1][steps * lag :], atol=1e-12)
        assert forecast_error(fitted, z, steps=steps).overall < 1e-20


# Fixed points.


def memory(dtype=torch.float32):
    """Three units that each remember a sign: 8 stable points of 27."""
    weights = torch.as_tensor(np.diag([2.0, 1.5, 3.0]), dtype=dtype)
    return lambda z: torch.tanh(weights @ z)


def test_all_memories_of_a_flip_flop_are_found_from_many_starts():
    found = fixed_points(memory(), np.random.default_rng(0).uniform(-1.5, 1.5, (40, 3)))
    stable = [point for point in found if point.is_stable]
    assert len({tuple(np.sign(point.map.point)) for point in stable}) == len(stable) == 8
    assert all(point.radius > 1 for point in found if not point.is_stable)
    counts = [point.n_starts for point in found]
    assert counts == sorted(counts, reverse=True)
    assert sum(counts) <= 40
    assert max(point.speed for point in found) <= 1e-4
    assert fixed_points(lambda z: z + 1, np.zeros((2, 3))) == []


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    "start", [np.zeros(6), np.zeros(6, np.float32), torch.zeros(6), torch.zeros(6).double()], ids=str
)
def test_the_precision_of_the_network_is_followed(dtype, start):
    torch.manual_seed(0)
    cell, x = torch.nn.GRUCell(3, 6).to(dtype), torch.randn(3, dtype=dtype)
    model, speed = linearize_at_fixed_point(lambda z: cell(x, z), start)
    assert speed < 1e-6
    assert 0.3 < np.abs(np.linalg.eigvals(model.operator)).max() < 1
    width = 1e-2 if dtype == torch.float32 else 1e-5
    with torch.no_grad():
        slow = [
            (cell(x, torch.as_tensor(model.point + e).to(dtype)) - cell(x, torch.as_tensor(model.point - e).to(dtype)))
            / (2 * width)
            for e in width * np.eye(6)
        ]
    np.testing.assert_allclose(model.operator, np.stack(slow), atol=1e-3 if dtype == torch.float32 else 1e-8)


def test_steps_that_hide_their_gradient_are_refused():
    torch.manual_seed(0)
    cell, x = torch.nn.GRUCell(3, 6), torch.randn(3)
    drop = torch.nn.Sequential(torch.nn.Linear(6, 6), torch.nn.Dropout(0.5))

    def without(z):
        with torch.no_grad():
            return cell(x, z)

    for step, says in (
        (without, "gradient of step is not that of what it computes: 0 along .* leave out no_grad"),
        (lambda z: cell(x, z).detach(), "gradient of step"),
        (lambda z: 0.1 * z + cell(x, z).detach(), "gradient of step"),
        (drop, "two results for one state; call eval"),
        (lambda z: (cell(x, z), None), r"must return a tensor of shape \(6,\), as it was given; got tuple"),
        (lambda z: cell(x, z)[:4], r"got \(4,\)"),
        (lambda z: cell(x[:2], z), "refuses a state of shape .* has inconsistent"),
    ):
        with pytest.raises(ValueError, match=says):
            linearize_at_fixed_point(step, np.zeros(6))
    for starts, call, says in (
        (np.zeros((2, 6)), linearize_at_fixed_point, r"one start of shape \(n_features,\).*fixed_points takes many"),
        (np.zeros(6), fixed_points, r"starts of shape \(n_starts, n_features\), one or more, got shape \(6,\)"),
        (np.zeros((0, 6)), fixed_points, "one or more"),
    ):
        with pytest.raises(ValueError, match=says):
            call(lambda z: cell(x, z), starts)
    jumps = lambda z: 0.5 * torch.sign(z) * torch.relu(z.abs() + 0.3)  # noqa: E731 as the gates of unitary networks
    assert np.isfinite(linearize_at_fixed_point(jumps, np.zeros(6))[0].operator).all()
    saturated = lambda z: torch.relu(z - 100)  # noqa: E731 its gradient is 0, and so is what it does
    assert np.abs(linearize_at_fixed_point(saturated, np.zeros(6))[0].operator).max() == 0
