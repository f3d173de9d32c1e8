"""The operator against slow textbook versions, PyDMD, deeptime and known spectra."""

import deeptime
import numpy as np
import pytest
from pydmd import DMD, HankelDMD
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import FunctionTransformer, PolynomialFeatures, StandardScaler

from linearlens.koopman import Koopman, delay_embed, fourier_dictionary


def ragged(seed: int, n_features: int = 6, noise: float = 0.01) -> list[np.ndarray]:
    """Noisy trajectories of a random stable linear map, of different lengths."""
    rng = np.random.default_rng(seed)
    step = rng.normal(size=(n_features, n_features))
    step *= 0.95 / np.abs(np.linalg.eigvals(step)).max()
    trajectories = []
    for n_steps in rng.integers(5, 30, size=25):
        z = [rng.normal(size=n_features)]
        for _ in range(n_steps - 1):
            z.append(z[-1] @ step + noise * rng.normal(size=n_features))
        trajectories.append(np.stack(z))
    return trajectories


def pairs(trajectories: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate([z[:-1] for z in trajectories]), np.concatenate([z[1:] for z in trajectories])


def matched(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Largest distance after pairing each eigenvalue with its nearest, both ways."""
    gaps = np.abs(ours[:, None] - theirs[None, :])
    assert len(ours) == len(theirs)
    return max(gaps.min(axis=0).max(), gaps.min(axis=1).max())


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("constant", [False, True])
def test_operator_is_the_least_squares_one(seed, center, constant):
    trajectories = [z + 3 for z in ragged(seed)]
    x, y = pairs(trajectories)
    mean = x.mean(axis=0) if center else 0
    x_now, y_now = x - mean, y - mean
    if constant:
        x_now, y_now = (np.column_stack([part, np.ones(len(part))]) for part in (x_now, y_now))
    slow = np.linalg.lstsq(x_now, y_now)[0]
    fitted = Koopman(center=center, constant=constant).fit(trajectories)
    np.testing.assert_allclose(fitted.operator_, slow, atol=1e-8)
    offset = y.mean(axis=0) if center and not constant else mean
    np.testing.assert_allclose(fitted.predict(x), (x_now @ slow)[:, :6] + offset, atol=1e-9)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("rank", [1, 3, 6])
def test_eigenvalues_are_those_of_pydmd(seed, rank):
    trajectories = ragged(seed)
    x, y = pairs(trajectories)
    reference = DMD(svd_rank=rank, exact=False).fit(x.T, y.T)
    assert matched(Koopman(rank=rank).fit(trajectories).eigenvalues_, reference.eigs) < 1e-10


@pytest.mark.filterwarnings("ignore:Input data condition number")
@pytest.mark.parametrize("delays", [0, 1, 4])
def test_delays_are_those_of_pydmd(delays):
    time = np.arange(120)
    series = np.column_stack([np.cos(0.3 * time) * 0.99**time, np.sin(0.9 * time + 1)])
    rank = min(4, 2 * (delays + 1))
    reference = HankelDMD(svd_rank=rank, d=delays + 1, exact=False).fit(series.T)
    assert matched(Koopman(rank=rank, delays=delays).fit([series]).eigenvalues_, reference.eigs) < 1e-10


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_ragged_trajectories_agree_with_deeptime(seed):
    trajectories = ragged(seed)
    estimator = deeptime.covariance.Covariance(
        lagtime=1, compute_c0t=True, remove_data_mean=False, bessels_correction=False
    )
    model = estimator.fit(trajectories).fetch_model()  # the list, so that the seams are deeptime's affair
    slow = np.linalg.solve(model.cov_00, model.cov_0t)
    np.testing.assert_allclose(Koopman().fit(trajectories).operator_, slow, atol=1e-10)


def test_no_pair_crosses_a_seam():
    one = np.array([[1.0], [0.5], [0.25]])
    assert Koopman().fit([one, 100 * one, one]).operator_.item() == pytest.approx(0.5, abs=1e-12)
    assert Koopman(delays=1).fit([one, 100 * one, one]).n_pairs_ == 3


def test_many_chunks_are_one_fit(monkeypatch):
    trajectories = ragged(0)
    whole = Koopman().fit(trajectories)
    monkeypatch.setattr("linearlens.koopman._lift.CHUNK_ROWS", 7)
    np.testing.assert_allclose(Koopman().fit(trajectories).operator_, whole.operator_, atol=1e-12)


@pytest.mark.parametrize("settings", [{}, {"delays": 2}, {"center": True}, {"constant": True}])
def test_partial_fit_is_one_fit(settings):
    trajectories = ragged(3)
    whole = Koopman(**settings).fit(trajectories)
    parts = Koopman(**settings).partial_fit(trajectories[:7]).partial_fit(trajectories[7:])
    np.testing.assert_allclose(parts.operator_, whole.operator_, atol=1e-10)
    assert parts.n_pairs_ == whole.n_pairs_


def test_fit_forgets_an_earlier_fit():
    first, second = ragged(0), ragged(1)
    np.testing.assert_array_equal(Koopman().fit(first).fit(second).operator_, Koopman().fit(second).operator_)


def test_array_and_list_are_the_same():
    array = np.random.default_rng(0).normal(size=(5, 9, 3))
    np.testing.assert_array_equal(Koopman().fit(array).operator_, Koopman().fit(list(array)).operator_)


def test_known_spectrum_order_and_conjugates():
    blocks = np.zeros((5, 5))
    blocks[0, 0] = 0.3
    blocks[1:3, 1:3] = 0.5 * np.array([[np.cos(1), np.sin(1)], [-np.sin(1), np.cos(1)]])
    blocks[3:, 3:] = 0.9 * np.array([[np.cos(2), np.sin(2)], [-np.sin(2), np.cos(2)]])
    trajectories = []
    for start in np.random.default_rng(0).normal(size=(10, 5)):
        z = [start]
        for _ in range(6):
            z.append(z[-1] @ blocks)
        trajectories.append(np.stack(z))
    fitted = Koopman().fit(trajectories)
    expected = [0.9 * np.exp(2j), 0.9 * np.exp(-2j), 0.5 * np.exp(1j), 0.5 * np.exp(-1j), 0.3]
    np.testing.assert_allclose(fitted.eigenvalues_, expected, atol=1e-10)
    for value, vector in zip(fitted.eigenvalues_, fitted.eigenvectors_.T, strict=True):
        np.testing.assert_allclose(fitted.operator_ @ vector, value * vector, atol=1e-9)
    assert fitted.residuals(trajectories).max() < 1e-10  # complex eigenvalues too


def test_residuals_tell_true_from_spurious():
    rng = np.random.default_rng(0)

    def run(start):
        z = [start]
        for _ in range(12):
            x, y = z[-1]
            z.append(np.array([0.95 * x, 0.4 * y + 0.5 * x**2]))
        return np.stack(z)

    fit, new = ([run(s) for s in rng.uniform(-2, 2, size=(20, 2))] for _ in range(2))
    fitted = Koopman(dictionary=PolynomialFeatures(2, include_bias=False)).fit(fit)
    residuals = fitted.residuals(new)
    true = np.abs(fitted.eigenvalues_[:, None] - [0.95, 0.9025, 0.4]).min(axis=1) < 1e-8
    assert true.sum() == 3
    assert residuals[true].max() < 1e-10
    assert residuals[~true].min() > 0.01
    # The slow version, straight from the formula.
    lifted = [PolynomialFeatures(2, include_bias=False).fit_transform(z) for z in new]
    x, y = pairs(lifted)
    for value, vector, ours in zip(fitted.eigenvalues_, fitted.eigenvectors_.T, residuals, strict=True):
        slow = np.linalg.norm(y @ vector - value * (x @ vector)) / np.linalg.norm(x @ vector)
        assert ours == pytest.approx(slow, abs=1e-10)


def test_predict_many_steps_equals_stepping():
    trajectories = ragged(0)
    fitted = Koopman(constant=True).fit(trajectories)
    now = trajectories[0][:4]
    stepped = now
    for _ in range(5):
        stepped = fitted.predict(stepped)
    np.testing.assert_allclose(fitted.predict(now, steps=5), stepped, atol=1e-10)
    np.testing.assert_array_equal(fitted.predict(now, steps=0), now)


def test_predict_with_delays_takes_windows_in_order_of_time():
    time = np.arange(60)
    series = np.cos(0.7 * time)[:, None]
    fitted = Koopman(delays=1).fit([series])
    window = series[[10, 11]][None]
    np.testing.assert_allclose(fitted.predict(window, steps=3), [series[14]], atol=1e-10)


def test_a_feature_dead_now_may_be_alive_next():
    """Layers differ in which units are dead; the readout must not learn them from the wrong layer."""
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.normal(size=(300, 2)), np.zeros(300)])
    y = np.column_stack([np.tanh(x[:, :2]), np.tanh(x[:, 0] + x[:, 1])])
    fitted = Koopman(dictionary=fourier_dictionary(60), constant=True).fit(np.stack([x, y], axis=1))
    assert np.abs(fitted.predict(x) - y).max() < 0.05


def test_dictionary_is_cloned_and_any_transformer():
    scaler = StandardScaler()
    Koopman(dictionary=scaler).fit(ragged(0))
    assert not hasattr(scaler, "mean_")
    lift = FunctionTransformer(lambda z: np.column_stack([z, z[:, :1] ** 2]))
    assert Koopman(dictionary=lift).fit(ragged(0)).operator_.shape == (7, 7)


@pytest.mark.filterwarnings("ignore:as many directions as pairs")
def test_undetermined_operators_are_those_of_least_norm():
    rng = np.random.default_rng(0)
    wide = [rng.normal(size=(6, 9)) * np.logspace(0, 2, 9)]  # 5 pairs for 9 features
    twice = [np.repeat(z, 2, axis=1) for z in ragged(0)]  # every feature twice
    mixed = [z @ rng.normal(size=(6, 9)) for z in ragged(0)]  # each feature depends on the others
    for trajectories in (wide, twice, mixed):
        x, y = pairs(trajectories)
        slow = np.linalg.lstsq(x, y, rcond=1e-7)[0]
        np.testing.assert_allclose(Koopman().fit(trajectories).operator_, slow, atol=1e-10 * np.abs(slow).max())


def test_scales_may_differ_widely():
    """Without a rank, features of size 1 beside features of size 1e6 keep their digits."""
    trajectories = ragged(0)
    scale = np.logspace(0, 6, 6)
    scaled = Koopman().fit([z * scale for z in trajectories])
    assert matched(scaled.eigenvalues_, Koopman().fit(trajectories).eigenvalues_) < 1e-9


def test_scikit_learn_conventions():
    estimator = Koopman(rank=3, delays=1)
    assert clone(estimator).get_params() == estimator.get_params()
    assert estimator.fit(ragged(0)) is estimator
    with pytest.raises(NotFittedError):
        Koopman().predict(np.zeros((1, 2)))


def test_the_callers_arrays_are_never_changed():
    trajectories = ragged(0)
    copies = [z.copy() for z in trajectories]
    for z in trajectories:
        z.setflags(write=False)
    fitted = Koopman(center=True, constant=True, delays=1).fit(trajectories)
    fitted.residuals(trajectories)
    fitted.partial_fit(trajectories)
    for z, copy in zip(trajectories, copies, strict=True):
        np.testing.assert_array_equal(z, copy)


def test_float32_states_are_summed_in_float64():
    trajectories = ragged(0)
    double = Koopman().fit(trajectories).eigenvalues_
    single = Koopman().fit([z.astype(np.float32) for z in trajectories]).eigenvalues_
    assert matched(double, single) < 1e-5
    exact = Koopman().fit([z.astype(np.float32).astype(np.float64) for z in trajectories]).eigenvalues_
    assert matched(exact, single) < 1e-13


def test_the_mean_may_be_large_against_the_spread():
    trajectories = ragged(0)
    near, far = (Koopman(center=True).fit([z + shift for z in trajectories]).eigenvalues_ for shift in (0, 1e5))
    assert matched(near, far) < 1e-6


good = np.ones((3, 5, 2)) + np.random.default_rng(0).normal(size=(3, 5, 2))
hole = good.copy()
hole[1, 2, 0] = np.nan


@pytest.mark.parametrize(
    ("trajectories", "says"),
    [
        (good[0], r"wrap one trajectory in a list"),
        ([good[0][:, 0]], r"wrap one trajectory in a list"),
        (
            np.array([good[0], good[0][:3], None], dtype=object)[:2],
            r"an array of arrays is a list of them: list.array.",
        ),
        ([], "empty list"),
        (np.zeros((0, 5, 2)), "empty list"),
        (hole, "trajectory 1 holds nan at step 2, feature 0"),
        ([good[0], np.full((4, 2), np.inf)], "trajectory 1 holds inf"),
        ([good[0], np.zeros((5, 3))], "trajectory 0 has 2, trajectory 1 has 3"),
        ([good[0], good[0][:1]], "trajectory 1 is too short: 1 states came, at least 2"),
        ([np.array([["a", "b"]] * 3)], "needs numbers"),
        ([good[0] + 1j], "complex"),
        ([np.zeros((5, 0))], "no features"),
        (7, "got int"),
        ([np.zeros((5, 2))], "all lifted states are zero"),
    ],
)
def test_bad_trajectories(trajectories, says):
    with pytest.raises(ValueError, match=says):
        Koopman().fit(trajectories)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"rank": 3}, "rank=3 is larger than the 2 features"),
        ({"rank": 0}, "rank must be a whole number, 1 or more"),
        ({"rank": True}, "rank must be a whole number"),
        ({"rank": 1.5}, "rank must be a whole number"),
        ({"delays": -1}, "delays must be a whole number, 0 or more"),
        ({"delays": 4}, "too short: 5 states came, at least 6"),
        ({"dictionary": np.exp}, "must be a scikit-learn transformer"),
    ],
)
def test_bad_settings(settings, says):
    with pytest.raises(ValueError, match=says):
        Koopman(**settings).fit(good)


def test_a_failed_partial_fit_changes_nothing(monkeypatch):
    monkeypatch.setattr("linearlens.koopman._lift.CHUNK_ROWS", 5)  # so that it fails after a good chunk
    fitted = Koopman(dictionary=FunctionTransformer(lambda z: 1 / z)).fit(good)
    before = fitted.operator_.copy()
    with pytest.raises(ValueError, match="not finite"), np.errstate(divide="ignore"):
        fitted.partial_fit([good[0], np.zeros((4, 2))])
    with pytest.raises(ValueError, match="fitted on states of 2 features, got 3"):
        fitted.partial_fit(np.ones((2, 4, 3)))
    np.testing.assert_array_equal(fitted.operator_, before)
    with pytest.raises(ValueError, match="the earlier fit had delays=0, lag=1, now delays=1"):
        fitted.set_params(delays=1).partial_fit(good)
    fitted.set_params(delays=0)
    assert fitted.partial_fit(good[:1]).n_pairs_ == 16


@pytest.mark.parametrize(
    ("states", "steps", "says"),
    [
        (np.zeros(2), 1, r"need states of shape \(n_states, n_features\), got shape \(2,\)"),
        (np.zeros((4, 3)), 1, "fitted on states of 2 features, got 3"),
        (np.full((1, 2), np.nan), 1, "must be finite"),
        (np.zeros((1, 2)), -1, "steps must be a whole number"),
        (np.zeros((1, 2)), 1.5, "steps must be a whole number"),
    ],
)
def test_bad_predictions(states, steps, says):
    with pytest.raises(ValueError, match=says):
        Koopman().fit(good).predict(states, steps=steps)


def test_delay_embedding_is_the_slow_one():
    z = np.random.default_rng(0).normal(size=(9, 3))
    slow = np.array([np.concatenate([z[t - k] for k in range(3)]) for t in range(2, 9)])
    np.testing.assert_array_equal(delay_embed(z, delays=2), slow)
    for bad, delays in ((z[0], 1), (z, 9), (z, -1)):
        with pytest.raises(ValueError, match="need one trajectory"):
            delay_embed(bad, delays=delays)
