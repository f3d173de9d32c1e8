"""A driven system: its operator, its inputs' part and its constant."""

import numpy as np
import pytest
from pydmd import DMDc
from test_koopman import matched

from linearlens.koopman import ControlledKoopman


def driven(
    seed: int, *, constant: float = 1.0, noise: float = 0.0, scale: float = 1.0
) -> tuple[list[np.ndarray], list[np.ndarray], tuple[np.ndarray, ...]]:
    """Ragged trajectories of four features under two inputs, and the truth (K, B, c)."""
    rng = np.random.default_rng(seed)
    step = rng.normal(size=(4, 4))
    step *= 0.9 / np.abs(np.linalg.eigvals(step)).max()
    push, rest = rng.normal(size=(2, 4)), constant * rng.normal(size=4)
    trajectories, inputs = [], []
    for n_steps in rng.integers(4, 20, size=15):
        given = scale * rng.normal(size=(n_steps, 2))
        z = [rng.normal(size=4)]
        for now in given[1:]:
            z.append(z[-1] @ step + now @ push + rest + noise * rng.normal(size=4))
        trajectories.append(np.stack(z))
        inputs.append(given)
    return trajectories, inputs, (step, push, rest)


def stacked(trajectories: list[np.ndarray], inputs: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """States, inputs on the way to the next states, next states."""
    x, y = (np.concatenate([z[part] for z in trajectories]) for part in (np.s_[:-1], np.s_[1:]))
    return x, np.concatenate([e[1:] for e in inputs]), y


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_known_system_is_recovered(seed):
    trajectories, inputs, (step, push, rest) = driven(seed)
    fitted = ControlledKoopman().fit(trajectories, inputs)
    np.testing.assert_allclose(fitted.operator_, step, atol=1e-10)
    np.testing.assert_allclose(fitted.input_map_, push, atol=1e-10)
    np.testing.assert_allclose(fitted.offset_, rest, atol=1e-10)
    assert matched(fitted.eigenvalues_, np.linalg.eigvals(step)) < 1e-10
    assert np.all(np.diff(np.abs(fitted.eigenvalues_)) <= 0)


@pytest.mark.parametrize("scale", [1.0, 1e-6])
def test_small_inputs_are_not_dropped(scale):
    trajectories, inputs, (_, push, _) = driven(0, scale=scale)
    fitted = ControlledKoopman().fit([1e3 * z for z in trajectories], inputs)
    np.testing.assert_allclose(fitted.input_map_, 1e3 * push, rtol=1e-4)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_it_is_least_squares_on_stacked_rows(seed):
    trajectories, inputs, _ = driven(seed, noise=0.3)
    x, e, y = stacked(trajectories, inputs)
    slow = np.linalg.lstsq(np.column_stack([x, e, np.ones(len(x))]), y)[0]
    fitted = ControlledKoopman().fit(trajectories, inputs)
    ours = np.vstack([fitted.operator_, fitted.input_map_, fitted.offset_])
    np.testing.assert_allclose(ours, slow, rtol=0, atol=1e-10)


@pytest.mark.parametrize("constant", [0.0, 1.0])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_it_is_pydmd_on_deviations_from_the_means(seed, constant):
    """DMDc fits no constant; with present states, inputs and next states each of mean 0, the best one is 0."""
    trajectories, inputs, _ = driven(seed, constant=constant, noise=0.3)
    x, e, y = (part - part.mean(axis=0) for part in stacked(trajectories, inputs))
    # It knows one trajectory: with a lag of half its length, the first half are present states, the second next ones.
    reference = DMDc(svd_rank=-1, lag=len(x)).fit(np.vstack([x, y]).T, e.T)
    operator = reference.basis @ reference.operator.as_numpy_array @ reference.basis.T
    fitted = ControlledKoopman().fit(trajectories, inputs)
    np.testing.assert_allclose(fitted.operator_, operator.T, rtol=0, atol=1e-10)
    np.testing.assert_allclose(fitted.input_map_, reference.B.T, rtol=0, atol=1e-10)
    assert matched(fitted.eigenvalues_, reference.eigs) < 1e-10


def test_predictions_follow_the_inputs():
    trajectories, inputs, _ = driven(0)
    fitted = ControlledKoopman().fit(trajectories, inputs)
    x, e, y = stacked(trajectories, inputs)
    np.testing.assert_allclose(fitted.predict(x, e), y, atol=1e-9)
    last = fitted.predict(trajectories[0][:1], inputs[0][None, 1:])
    np.testing.assert_allclose(last, trajectories[0][-1:], atol=1e-9)


def test_the_callers_arrays_are_never_changed():
    trajectories, inputs, _ = driven(0)
    for item in trajectories + inputs:
        item.setflags(write=False)
    copies = [item.copy() for item in trajectories + inputs]
    fitted = ControlledKoopman().fit(trajectories, inputs)
    fitted.predict(trajectories[0], inputs[0])
    for item, copy in zip(trajectories + inputs, copies, strict=True):
        np.testing.assert_array_equal(item, copy)


states, given = np.random.default_rng(0).normal(size=(3, 5, 2)), np.random.default_rng(1).normal(size=(3, 5, 1))


@pytest.mark.parametrize(
    ("trajectories", "inputs", "says"),
    [
        (states, given[:, 1:], "first that differs in length is number 0"),
        (states, [given[0], given[1], given[2, :4]], "first that differs in length is number 2"),
        (states, given[:2], "3 trajectories and 2 inputs came, the first that differs in length is number 2"),
        (states[:, :1], given[:, :1], "too short: 1 states came, at least 2"),
        (states[0], given, "wrap one trajectory in a list"),
        (states, given + 1j, "complex"),
        (states, np.full((3, 5, 1), np.nan), "holds nan at step 0"),
        ([], [], "empty list"),
    ],
)
def test_bad_data(trajectories, inputs, says):
    with pytest.raises(ValueError, match=says):
        ControlledKoopman().fit(trajectories, inputs)


@pytest.mark.parametrize(
    ("now", "coming", "says"),
    [
        (np.zeros((4, 3)), np.zeros((4, 1)), "need states of shape .n_states, 2. and inputs of shape"),
        (np.zeros((4, 2)), np.zeros((3, 1)), "need states of shape"),
        (np.zeros((4, 2)), np.zeros((4, 2)), "need states of shape"),
        (np.zeros(2), np.zeros((1, 1)), "need states of shape"),
        (np.zeros((4, 2), dtype=complex), np.zeros((4, 1)), "array of states is complex"),
        (np.zeros((4, 2)), np.full((4, 1), "1"), "array of inputs needs numbers"),
    ],
)
def test_bad_predictions(now, coming, says):
    with pytest.raises(ValueError, match=says):
        ControlledKoopman().fit(states, given).predict(now, coming)
