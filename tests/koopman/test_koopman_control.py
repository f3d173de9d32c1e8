"""A driven system: its operator, its inputs' part and its constant."""

import numpy as np
import pytest
from pydmd import DMDc
from sklearn.preprocessing import PolynomialFeatures
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


@pytest.mark.parametrize("leads", ["to", "from"])
def test_residuals_are_what_the_formula_says(leads):
    """Pair by pair, on noisy trajectories that the fit has not seen."""
    trajectories, inputs, _ = driven(0, noise=0.3)
    unseen, fresh, _ = driven(1, noise=0.3)
    fitted = ControlledKoopman(leads=leads).fit(trajectories, inputs)
    found = fitted.residuals(unseen, fresh)
    assert found.shape == (4,)
    for value, vector, ours in zip(fitted.eigenvalues_, fitted.eigenvectors_.T, found, strict=True):
        missed, values = 0.0, []
        for z, e in zip(unseen, fresh, strict=True):
            for t in range(len(z) - 1):
                push = e[t + 1 if leads == "to" else t] @ fitted.input_map_ + fitted.offset_
                missed += abs(z[t + 1] @ vector - value * (z[t] @ vector) - push @ vector) ** 2
                values.append(z[t] @ vector)
        slow = np.sqrt(missed) / np.linalg.norm(np.array(values) - np.mean(values))
        assert ours == pytest.approx(slow, rel=1e-10)


def test_residuals_know_a_true_operator_from_one_of_other_inputs():
    trajectories, inputs, _ = driven(0)
    fitted = ControlledKoopman().fit(trajectories, inputs)
    assert fitted.residuals(trajectories, inputs).max() < 1e-9
    assert fitted.residuals(trajectories, [e[::-1] for e in inputs]).min() > 0.1
    with pytest.raises(ValueError, match="one input for each state"):
        fitted.residuals(trajectories, inputs[1:])


# Another timing, delays, a dictionary, a rank.


@pytest.mark.parametrize("seed", [0, 1])
def test_inputs_may_lead_from_a_state_as_in_texts_on_control(seed):
    trajectories, inputs, (step, push, rest) = driven(seed)
    led = [np.vstack([e[1:], np.full((1, 2), 1e6)]) for e in inputs]  # row t leads from t; the last leads nowhere
    fitted = ControlledKoopman(leads="from").fit(trajectories, led)
    for ours, true in ((fitted.operator_, step), (fitted.input_map_, push), (fitted.offset_, rest)):
        np.testing.assert_allclose(ours, true, atol=1e-9)
    np.testing.assert_allclose(fitted.residuals(trajectories, led), 0, atol=1e-9)
    assert fitted.n_pairs_ == sum(len(z) - 1 for z in trajectories)
    with pytest.raises(ValueError, match="leads must be one of"):
        ControlledKoopman(leads="before").fit(trajectories, led)


@pytest.mark.parametrize("leads", ["to", "from"])
def test_delays_and_a_dictionary_see_what_one_state_does_not(leads):
    """Half of a linear system with its past; and a system that is linear once a square stands beside the state."""
    rng = np.random.default_rng(0)
    turn = 0.95 * np.array([[0.8, 0.6], [-0.6, 0.8]])
    inputs, z, w = rng.normal(size=(20, 30, 1)), rng.normal(size=(20, 30, 2)), rng.uniform(-1, 1, size=(20, 30, 2))
    for t in range(29):
        e = inputs[:, t + (leads == "to")]
        z[:, t + 1] = z[:, t] @ turn
        z[:, t + 1, :1] += e
        w[:, t + 1, 0] = 0.9 * w[:, t, 0]
        w[:, t + 1, 1] = (0.5 * w[:, t, 1:] + w[:, t, :1] ** 2 + e)[:, 0]
    seen = z[..., 1:]
    fitted = ControlledKoopman(delays=1, leads=leads).fit(seen, inputs)
    earlier = inputs.copy() if leads == "from" else inputs
    windows = np.stack([seen[:, :-1], seen[:, 1:]], axis=2)[:, :-1].reshape(-1, 2, 1)
    led = (earlier[:, 1:-1] if leads == "from" else earlier[:, 2:]).reshape(-1, 1)
    alone = ControlledKoopman(leads=leads).fit(seen, inputs)
    missed = [
        np.linalg.norm(model.predict(now, led) - seen[:, 2:].reshape(-1, 1))
        for model, now in ((fitted, windows), (alone, windows[:, -1]))
    ]
    assert missed[0] < 0.9 * missed[1]
    lifted = ControlledKoopman(dictionary=PolynomialFeatures(2, include_bias=False), leads=leads).fit(w, inputs)
    led = inputs[:, :-1] if leads == "from" else inputs[:, 1:]
    np.testing.assert_allclose(lifted.predict(w[:, 0], led[:, :1]), w[:, 1], atol=1e-9)
    assert np.abs(lifted.eigenvalues_[:, None] - [0.9, 0.81, 0.5]).min(axis=0).max() < 1e-8
    true = np.abs(lifted.eigenvalues_[:, None] - [0.9, 0.81, 0.5]).min(axis=1) < 1e-8
    assert lifted.residuals(w, inputs)[true].max() < 1e-8


def test_a_rank_keeps_the_widest_directions_of_states_and_inputs():
    trajectories, inputs, _ = driven(0, noise=0.3)
    x, e, y = stacked(trajectories, inputs)
    joint = np.column_stack([x, e])
    joint, y = joint - joint.mean(axis=0), y - y.mean(axis=0)
    left, sizes, right = np.linalg.svd(joint, full_matrices=False)
    slow = right[:3].T / sizes[:3] @ left[:, :3].T @ y
    fitted = ControlledKoopman(rank=3).fit(trajectories, inputs)
    assert fitted.n_directions_ == 3
    np.testing.assert_allclose(np.vstack([fitted.operator_, fitted.input_map_]), slow, atol=1e-10)
    with pytest.raises(ValueError, match="rank=7 is larger than the 6 observables and inputs"):
        ControlledKoopman(rank=7).fit(trajectories, inputs)


def test_pure_noise_that_is_fitted_perfectly_is_said():
    rng = np.random.default_rng(0)
    with pytest.warns(UserWarning, match="as many directions as pairs"):
        ControlledKoopman().fit(rng.normal(size=(1, 9, 20)), rng.normal(size=(1, 9, 2)))
