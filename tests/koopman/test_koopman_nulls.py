"""Predictors that know nothing of Koopman."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from test_koopman import matched, ragged

from linearlens.koopman import (
    Extrapolation,
    Koopman,
    LinearMap,
    Persistence,
    linearize_at_fixed_point,
    random_operator,
    rollout,
    shuffle_time,
    slow_points,
)


@pytest.fixture
def double():
    """Networks in double precision, so that derivatives may be compared."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def test_persistence_is_the_present_state():
    states = ragged(0)[0]
    np.testing.assert_array_equal(Persistence().predict(states, steps=7), states)


def test_persistence_through_principal_components():
    states = np.concatenate(ragged(0))
    predicted = Persistence(PCA(2).fit(states)).predict(states)
    deviations = states - states.mean(axis=0)
    directions = np.linalg.svd(deviations, full_matrices=False)[2][:2]
    np.testing.assert_allclose(predicted, states.mean(axis=0) + deviations @ directions.T @ directions, atol=1e-10)


def test_extrapolation_goes_on_in_a_straight_line():
    line = np.arange(9.0)[:, None] * [1.0, -2.0] + 5
    windows = np.stack([line[:4], line[1:5]], axis=1)
    np.testing.assert_allclose(Extrapolation().predict(windows, steps=4), line[5:], atol=1e-12)
    assert Extrapolation().delays == 1
    for wrong in (line, windows[:, :1], np.stack([line] * 3, axis=1)):
        with pytest.raises(
            ValueError, match=r"need windows of shape \(n_states, 2, n_features\), got shape \(.*delays=1"
        ):
            Extrapolation().predict(wrong)


@pytest.mark.parametrize(("model", "delays"), [(Persistence, 0), (Extrapolation, 1), (LinearMap, 0)])
def test_delays_belong_to_the_model_and_cannot_be_given(model, delays):
    arguments = [np.eye(2)] if model is LinearMap else []
    assert model(*arguments).delays == delays
    with pytest.raises(TypeError, match="delays"):
        model(*arguments, delays=3)


def test_maps_can_be_compared_and_counted():
    one, other = LinearMap(np.eye(2)), LinearMap(np.eye(2))
    assert one == one != other
    assert len({one, other, one}) == 2


def test_linear_map_about_a_point():
    rng = np.random.default_rng(0)
    operator, point, shift, states = (rng.normal(size=size) for size in ((3, 3), 3, 3, (4, 3)))
    model = LinearMap(operator, point, shift)
    once = (states - point) @ operator + shift + point
    np.testing.assert_allclose(model.predict(states), once)
    np.testing.assert_allclose(model.predict(states, steps=3), model.predict(model.predict(once)))
    np.testing.assert_array_equal(LinearMap(np.eye(3)).predict(states, steps=5), states)
    slow = np.stack([model.predict(states, steps=step) for step in (1, 2, 3)], axis=1)
    np.testing.assert_array_equal(rollout(model, states, steps=3), slow)


@pytest.mark.parametrize("radius", [0.5, 1.0])
def test_random_operators_have_the_radius_asked_for(radius):
    model = random_operator(20, radius=radius, seed=3)
    assert np.abs(np.linalg.eigvals(model.operator)).max() == pytest.approx(radius, abs=1e-12)
    np.testing.assert_array_equal(model.operator, random_operator(20, radius=radius, seed=3).operator)
    assert np.abs(model.operator - random_operator(20, radius=radius, seed=4).operator).max() > 0.01


def test_shuffled_time_keeps_states_and_forgets_their_order():
    trajectories = [z + 1000 * index for index, z in enumerate(ragged(0))]
    copies = [z.copy() for z in trajectories]
    shuffled = shuffle_time(trajectories, seed=1)
    for before, copy, after in zip(trajectories, copies, shuffled, strict=True):
        np.testing.assert_array_equal(before, copy)
        assert not np.shares_memory(before, after)
        np.testing.assert_array_equal(np.sort(before[:, 0]), np.sort(after[:, 0]))
        order = np.argsort(before[:, 0]), np.argsort(after[:, 0])  # states stay whole
        np.testing.assert_array_equal(before[order[0]], after[order[1]])
    assert sum(np.array_equal(*both) for both in zip(trajectories, shuffled, strict=True)) < 3
    for first, again in zip(shuffled, shuffle_time(trajectories, seed=1), strict=True):
        np.testing.assert_array_equal(first, again)


def test_shuffled_time_has_no_dynamics():
    """Centred within each trajectory, so that no mean is left to be foreseen."""
    states = np.random.default_rng(0).normal(size=(300, 1, 3)) * 0.95 ** np.arange(60)[:, None] * [1, -1, 1]
    states -= states.mean(axis=1, keepdims=True)
    assert np.abs(Koopman(rank=1).fit(states).eigenvalues_).max() > 0.9
    assert np.abs(Koopman(rank=1).fit(shuffle_time(states)).eigenvalues_).max() < 0.1


def tanh_map(n_features: int = 4):
    """A network ``z → p + tanh(W (z − p))``, whose fixed point is p and Jacobian there is W."""
    rng = np.random.default_rng(0)
    weights = 0.5 * rng.normal(size=(n_features, n_features))
    point = rng.normal(size=n_features)
    w, p = torch.as_tensor(weights), torch.as_tensor(point)
    return lambda z: p + torch.tanh(w @ (z - p)), weights, point


def test_a_known_fixed_point_and_its_jacobian_are_found(double):
    step, weights, point = tanh_map()
    model, speed = linearize_at_fixed_point(step, point + 0.3)
    assert speed < 1e-7
    np.testing.assert_allclose(model.point, point, atol=1e-7)
    np.testing.assert_allclose(model.operator, weights.T, atol=1e-6)  # rows act from the left
    width = 1e-5
    slow = [
        (step(torch.as_tensor(model.point + e)) - step(torch.as_tensor(model.point - e))).numpy() / (2 * width)
        for e in width * np.eye(4)
    ]
    np.testing.assert_allclose(model.operator, slow, atol=1e-8)


@pytest.mark.parametrize("steps", [1, 2])
def test_near_the_point_the_map_is_right_to_second_order(double, steps):
    """Away from a point where tanh is odd, half the distance makes a quarter of the error."""
    weights = torch.as_tensor(np.random.default_rng(1).normal(size=(4, 4)) * 0.4)
    bias = torch.as_tensor([0.5, -0.8, 0.3, 0.9])

    def step(z: torch.Tensor) -> torch.Tensor:
        return torch.tanh(weights @ z + bias)

    model, speed = linearize_at_fixed_point(step, np.zeros(4))
    assert speed < 1e-7
    away = np.random.default_rng(2).normal(size=4)

    def missed(distance: float) -> float:
        z = torch.as_tensor(model.point + distance * away)
        predicted = model.predict(z.numpy()[None], steps=steps)[0]
        for _ in range(steps):
            z = step(z)
        return np.linalg.norm(predicted - z.numpy())

    assert missed(0.01) / missed(0.005) == pytest.approx(4, rel=0.1)


def test_the_speed_tells_that_there_is_no_fixed_point(double):
    model, speed = linearize_at_fixed_point(lambda z: z + 0.5 + 0.1 * z**2, np.ones(2))
    assert speed == pytest.approx(np.hypot(0.5, 0.5), abs=1e-6)  # slowest at 0
    np.testing.assert_allclose(model.shift, 0.5, atol=1e-6)
    np.testing.assert_allclose(model.predict(model.point[None]), [model.point + model.shift], atol=1e-12)


def test_networks_in_single_precision_will_do():
    _, weights, point = tanh_map()
    single = torch.as_tensor(weights, dtype=torch.float32), torch.as_tensor(point, dtype=torch.float32)
    start = (point + 0.3).astype(np.float32)
    copy = start.copy()
    model, speed = linearize_at_fixed_point(lambda z: single[1] + torch.tanh(single[0] @ (z - single[1])), start)
    assert speed < 1e-5
    assert matched(np.linalg.eigvals(model.operator), np.linalg.eigvals(weights)) < 1e-4
    np.testing.assert_array_equal(start, copy)


def test_slow_points_of_a_bistable_step_are_its_fixed_points_and_each_state_goes_by_the_nearest(double):
    starts = np.array([[-1.5], [-0.4], [0.6], [1.2]])
    found = slow_points(lambda z: torch.tanh(3 * z), starts, n_steps=800)
    root = 0.99491
    np.testing.assert_allclose(found.points.ravel(), [-root, -root, root, root], atol=1e-3)
    assert found.speeds.max() < 1e-3
    states = np.array([[-0.8], [0.9]])
    numbers, apart = found.nearest(states)
    np.testing.assert_allclose(np.abs(found.points[numbers] - states).ravel(), apart)
    slope = 3 * (1 - np.tanh(3 * found.points[numbers]) ** 2)
    expected = np.tanh(3 * found.points[numbers]) + slope * (states - found.points[numbers])
    np.testing.assert_allclose(found.predict(states), expected, atol=1e-10)
    path = rollout(found, states, steps=3)
    np.testing.assert_allclose(path[:, 1], found.predict(found.predict(states)))
    np.testing.assert_allclose(path[:, 2], found.predict(states, 3))


def test_slow_points_say_how_fast_a_drift_is_that_stands_still_nowhere(double):
    found = slow_points(lambda z: z + 0.5, np.zeros((3, 2)), n_steps=5)
    np.testing.assert_allclose(found.speeds, np.sqrt(0.5))


@pytest.mark.parametrize("starts", [np.zeros(3), np.zeros((0, 3))])
def test_slow_points_need_starts(starts):
    with pytest.raises(ValueError, match="one or more"):
        slow_points(lambda z: z, starts)
