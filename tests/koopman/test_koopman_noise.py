"""Operators from states measured with noise."""

import numpy as np
import pytest
from test_koopman import matched

from linearlens.koopman import Koopman, noise_robust_operator

TURN = 0.95 * np.array([[np.cos(0.5), np.sin(0.5)], [-np.sin(0.5), np.cos(0.5)]])
TRUTH = np.linalg.eigvals(TURN)


def measured(noise: float, seed: int = 0, n_trajectories: int = 4000) -> np.ndarray:
    """Trajectories of a shrinking rotation, exact but for the measurement."""
    rng = np.random.default_rng(seed)
    z = [rng.normal(size=(n_trajectories, 2))]
    for _ in range(9):
        z.append(z[-1] @ TURN)
    return np.stack(z, axis=1) + noise * rng.normal(size=(n_trajectories, 10, 2))


@pytest.mark.parametrize("method", ["instrument", "total"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_noise_biases_least_squares_much_more(method, seed):
    states = measured(0.3, seed)
    plain = Koopman().fit(states).eigenvalues_
    robust = np.linalg.eigvals(noise_robust_operator(states, method=method))
    assert np.abs(plain).max() < 0.85  # towards zero
    assert matched(robust, TRUTH) < 0.1 * matched(plain, TRUTH)


@pytest.mark.parametrize("method", ["instrument", "total"])
def test_more_data_remove_what_is_left(method):
    def missed(n_trajectories: int) -> float:
        samples = (measured(0.3, seed, n_trajectories) for seed in range(10))
        found = [np.linalg.eigvals(noise_robust_operator(states, method=method)) for states in samples]
        return float(np.mean([matched(eigenvalues, TRUTH) for eigenvalues in found]))

    assert missed(1600) < 0.5 * missed(100)  # with the square root of 16, a quarter


@pytest.mark.parametrize("method", ["instrument", "total"])
def test_without_noise_it_is_the_truth(method):
    states = measured(0.0, n_trajectories=20)
    ragged = [z[: 3 + index % 8] for index, z in enumerate(states)]
    np.testing.assert_allclose(noise_robust_operator(ragged, method=method), TURN, atol=1e-10)
    np.testing.assert_allclose(noise_robust_operator(states.astype(np.float32), method=method), TURN, atol=1e-6)


@pytest.mark.parametrize(("method", "lag"), [("instrument", 2), ("total", 1)])
def test_two_samples_a_feature_are_enough(method, lag):
    states = measured(0.0, n_trajectories=2)[:, : lag + 2]
    np.testing.assert_allclose(noise_robust_operator(states, method=method), TURN, atol=1e-8)
    with pytest.raises(ValueError, match=f"3 steps came; '{method}' needs at least 4"):
        noise_robust_operator([states[0], states[1, :-1]], method=method)


@pytest.mark.parametrize("method", ["instrument", "total"])
def test_the_callers_arrays_are_never_changed(method):
    states = measured(0.3, n_trajectories=20)
    copy = states.copy()
    noise_robust_operator(states, method=method)
    np.testing.assert_array_equal(states, copy)


@pytest.mark.parametrize(
    ("trajectories", "method", "says"),
    [
        (measured(0.0, n_trajectories=2), "least", "method must be 'instrument' or 'total', got 'least'"),
        (measured(0.0, n_trajectories=2)[:, :2], "instrument", "too short: 2 states came, at least 3"),
        (measured(0.0, n_trajectories=2)[:, :1], "total", "too short: 1 states came, at least 2"),
        (np.ones((1, 4, 2)), "total", "3 steps came; 'total' needs at least 4 for 2 features"),
        (np.ones((1, 5, 2)), "instrument", "3 steps came; 'instrument' needs at least 4"),
        ([np.full((9, 2), np.inf)], "total", "holds inf at step 0"),
        ([], "total", "empty list"),
    ],
)
def test_bad_data(trajectories, method, says):
    with pytest.raises(ValueError, match=says):
        noise_robust_operator(trajectories, method=method)
