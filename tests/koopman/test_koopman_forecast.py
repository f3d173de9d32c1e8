"""Errors of forecasts against a slow loop."""

import numpy as np
import pytest
from test_koopman import ragged

from linearlens.koopman import (
    Extrapolation,
    Koopman,
    LinearMap,
    Persistence,
    delay_windows,
    error_between,
    forecast,
    forecast_error,
    gather,
    rollout,
)


def slow_error(model, trajectories, *, steps, first) -> tuple[float, float]:
    """State by state, from the definition."""
    ratios, missed, size = [], 0.0, 0.0
    for z in trajectories:
        for t in range(first, len(z)):
            now = t - steps
            start = z[now][None] if model.delays == 0 else z[now - model.delays : now + 1][None]
            error = model.predict(start, steps)[0] - z[t]
            if np.linalg.norm(z[t]) > 0:
                ratios.append(np.linalg.norm(error) ** 2 / np.linalg.norm(z[t]) ** 2)
                missed += np.linalg.norm(error) ** 2
                size += np.linalg.norm(z[t]) ** 2
    return float(np.mean(ratios)), missed / size


def models() -> list:
    fits = [Koopman(**settings).fit(ragged(0)) for settings in ({}, {"delays": 2}, {"constant": True, "delays": 1})]
    return [*fits, Persistence(), Extrapolation(), LinearMap(0.5 * np.eye(6))]


@pytest.mark.parametrize("steps", [1, 2])
@pytest.mark.parametrize("model", models(), ids=str)
def test_error_is_that_of_a_slow_loop(model, steps):
    trajectories = [z.copy() for z in ragged(1)]
    trajectories[0][4] = 0  # a state of norm 0 is left out
    earliest = model.delays + steps
    for first in (None, earliest, 4):
        error = forecast_error(model, trajectories, steps=steps, first=first)
        slow = slow_error(model, trajectories, steps=steps, first=earliest if first is None else first)
        assert (error.relative, error.overall) == pytest.approx(slow, rel=1e-10)


def test_forecasts_stand_where_the_truth_does():
    """Of a system known exactly every forecast is right, so a state put in a wrong place would show."""
    trajectories = ragged(0, noise=0.0)
    for delays, steps, first in ((0, 1, None), (0, 3, 4), (2, 1, 4), (2, 2, None), (1, 2, 4)):
        model = Koopman(delays=delays, rank=6).fit(trajectories)
        start = delays + steps if first is None else first
        predicted = forecast(model, trajectories, steps=steps, first=first)
        assert [len(item) for item in predicted] == [len(z) - start for z in trajectories]
        for item, z in zip(predicted, trajectories, strict=True):
            np.testing.assert_allclose(item, z[start:], atol=1e-6)


def test_first_gives_models_of_different_delays_the_same_states():
    trajectories = ragged(1)
    lengths = {tuple(len(item) for item in forecast(model, trajectories, steps=1, first=3)) for model in models()}
    assert lengths == {tuple(len(z) - 3 for z in trajectories)}
    latest = [z[-1] for z in trajectories]
    np.testing.assert_array_equal(
        [item[-1] for item in forecast(Persistence(), trajectories)], [z[-2] for z in trajectories]
    )
    np.testing.assert_array_equal(gather(trajectories, -1), latest)


def test_array_and_list_are_the_same():
    array = np.random.default_rng(0).normal(size=(5, 9, 3))
    assert forecast_error(Persistence(), array) == forecast_error(Persistence(), list(array))


def test_relative_and_overall_error_of_two_states():
    error = error_between(
        np.array([[1.0, 0.0], [0.0, 3.0], [9.0, 9.0]]), np.array([[2.0, 0.0], [0.0, 4.0], [0.0, 0.0]])
    )
    assert error.relative == pytest.approx((1 / 4 + 1 / 16) / 2)
    assert error.overall == pytest.approx(2 / 20)


@pytest.mark.parametrize(
    ("predicted", "true", "says"),
    [
        (np.ones((3, 2)), np.ones((3, 1)), r"of one shape .* got \(3, 2\) and \(3, 1\)"),
        (np.ones(3), np.ones(3), "of one shape"),
        (np.ones((3, 2)), np.zeros((3, 2)), "all 3 true states have norm 0"),
    ],
)
def test_bad_comparisons(predicted, true, says):
    with pytest.raises(ValueError, match=says):
        error_between(predicted, true)


@pytest.mark.parametrize("delays", [0, 2])
def test_a_rollout_is_one_prediction_for_each_step(delays):
    fitted, z = Koopman(delays=delays).fit(ragged(0)), ragged(1)[0]
    starts = delay_windows(z, delays=delays) if delays else z
    rolled = rollout(fitted, starts, steps=4)
    assert rolled.shape == (len(starts), 4, 6)
    for step in range(1, 5):
        np.testing.assert_allclose(rolled[:, step - 1], fitted.predict(starts, steps=step), rtol=0, atol=1e-13)


def test_the_callers_arrays_are_never_changed():
    trajectories = ragged(0)
    for z in trajectories:
        z.setflags(write=False)
    copies = [z.copy() for z in trajectories]
    for model in models():
        forecast_error(model, trajectories)
    for z, copy in zip(trajectories, copies, strict=True):
        np.testing.assert_array_equal(z, copy)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"steps": 0}, "steps must be a whole number, 1 or more, got 0"),
        ({"steps": 1.5}, "steps must be a whole number, 1 or more, got 1.5"),
        ({"steps": 2, "first": 2}, "with 1 delays, 2 steps ahead, the first state foreseen is 3, not 2"),
        ({"steps": 5}, "trajectory 0 is too short: 6 states came, at least 7"),
        ({"first": 6}, "too short"),
    ],
)
def test_bad_questions(settings, says):
    with pytest.raises(ValueError, match=says):
        forecast(Extrapolation(), np.ones((2, 6, 3)), **settings)


def test_bad_rollouts_and_trajectories():
    for steps in (0, 2.0):
        with pytest.raises(ValueError, match=f"steps must be a whole number, 1 or more, got {steps}"):
            rollout(Persistence(), np.ones((2, 3)), steps=steps)
    for step in (5, -6):
        with pytest.raises(ValueError, match=f"trajectory 1 has no step {step}: it has 5 states"):
            gather([np.ones((7, 3)), np.ones((5, 3))], step)
    with pytest.raises(ValueError, match="wrap one trajectory in a list"):
        forecast(Persistence(), np.ones((5, 3)))
    with pytest.raises(ValueError, match="fitted on states of 6 features, got 3"):
        forecast_error(Koopman().fit(ragged(0)), np.ones((2, 5, 3)))
