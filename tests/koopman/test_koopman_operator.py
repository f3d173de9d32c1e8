"""The operator: what its settings mean, its digits, its memory, and other people's estimators."""

import tracemalloc

import deeptime
import numpy as np
import pytest
from pydmd import DMD
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, PolynomialFeatures, StandardScaler
from test_koopman import matched, pairs, ragged

from linearlens.koopman import Koopman, delay_embed, delay_windows, fourier_dictionary, rollout

CONTRACTION = np.array([[0.9, 0.2, 0.0], [-0.2, 0.9, 0.1], [0.0, 0.0, 0.5]])


def contraction(point: float, n_trajectories: int = 20) -> list[np.ndarray]:
    """Trajectories of a linear map towards a point, without noise."""
    z = [np.random.default_rng(0).normal(size=(n_trajectories, 3))]
    for _ in range(10):
        z.append(z[-1] @ CONTRACTION)
    return list(np.stack(z, axis=1) + point)


# Centring and the constant.


@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("point", [1e3, 1e6])
def test_an_affine_map_keeps_its_digits_far_from_the_origin(center, point):
    far = contraction(point)
    fitted = Koopman(constant=True, center=center).fit(far)
    truth = np.append(np.linalg.eigvals(CONTRACTION), 1)
    assert matched(fitted.eigenvalues_, truth) < 1e-8
    x, y = pairs(far)
    np.testing.assert_allclose(fitted.predict(x), y, rtol=0, atol=1e-14 * point)
    assert fitted.residuals(far).max() < 1e-8


@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_an_affine_map_is_that_of_stacked_rows(seed, center):
    trajectories = [z + 1 for z in ragged(seed)]
    x, y = (np.column_stack([part, np.ones(len(part))]) for part in pairs(trajectories))
    if center:
        x[:, :-1], y[:, :-1] = x[:, :-1] - x[:, :-1].mean(axis=0), y[:, :-1] - x[:, :-1].mean(axis=0)
    slow = np.linalg.lstsq(x, y)[0]
    fitted = Koopman(constant=True, center=center).fit(trajectories)
    np.testing.assert_allclose(fitted.operator_, slow, rtol=0, atol=1e-12)
    assert matched(fitted.eigenvalues_, np.linalg.eigvals(slow)) < 1e-12
    np.testing.assert_array_equal(fitted.operator_[:, -1], np.eye(7)[-1])


def test_an_affine_map_the_data_do_not_determine_is_that_of_scikit_learn():
    """Every feature comes twice, and one never changes: the constant has its part."""
    x, y = pairs([np.column_stack([z + 2, z + 2, np.full(len(z), 3.0)]) for z in ragged(0)])
    slow = LinearRegression().fit(x, y)
    fitted = Koopman(constant=True).fit(np.stack([x, y], axis=1))
    np.testing.assert_allclose(fitted.operator_[:-1, :-1], slow.coef_.T, atol=1e-10)
    np.testing.assert_allclose(fitted.operator_[-1, :-1], slow.intercept_, atol=1e-10)


@pytest.mark.parametrize("rank", [1, 3])
def test_a_rank_with_a_constant_does_not_depend_on_the_origin(rank):
    near, far = (Koopman(rank=rank, constant=True).fit([z + point for z in ragged(0)]) for point in (0, 1e3))
    assert near.n_eigenvalues_ == rank
    assert matched(near.eigenvalues_, far.eigenvalues_) < 1e-9
    assert np.abs(near.eigenvalues_ - 1).min() < 1e-12  # the constant is always kept
    if rank == 1:
        x, y = pairs(ragged(0))
        np.testing.assert_allclose(near.predict(x), np.tile(y.mean(axis=0), (len(x), 1)), atol=1e-12)


@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("constant", [False, True])
def test_what_is_subtracted_and_what_a_forecast_adds_back(center, constant):
    trajectories = [z + np.arange(len(z))[:, None] for z in ragged(0)]  # the mean moves
    x, y = pairs(trajectories)
    fitted = Koopman(center=center, constant=constant).fit(trajectories)
    np.testing.assert_allclose(fitted.mean_, x.mean(axis=0) if center else np.zeros(6), atol=1e-12)
    added = y.mean(axis=0) if center and not constant else np.zeros(6)
    np.testing.assert_allclose(fitted.offset_, added, atol=1e-12)
    observables = x - fitted.mean_
    if constant:
        observables = np.column_stack([observables, np.ones(len(x))])
    forecast = observables @ fitted.operator_ @ fitted.operator_ @ fitted.readout_ + fitted.offset_
    np.testing.assert_allclose(fitted.predict(x, steps=3), forecast, atol=1e-9)
    np.testing.assert_allclose(fitted.eigenfunctions(x), observables @ fitted.eigenvectors_, atol=1e-12)
    if center or constant:
        np.testing.assert_allclose(fitted.predict(x).mean(axis=0), y.mean(axis=0), atol=1e-9)


@pytest.mark.parametrize(("drift", "equal"), [(0, True), (1, False)])
def test_centred_steps_compose_where_the_mean_stays(drift, equal):
    """Read in both directions, so that present and next states have one mean; a drift parts them again."""
    forth = [z for z in ragged(0) if len(z) > 3]
    trajectories = [part + drift * np.arange(len(z))[:, None] for z in forth for part in (z, z[::-1])]
    fitted = Koopman(center=True).fit(trajectories)
    now = trajectories[0][:3]
    gap = np.abs(fitted.predict(now, steps=2) - fitted.predict(fitted.predict(now))).max()
    assert (gap < 1e-10) == equal


# What the data determine, what is asked for.


def test_directions_the_data_do_not_span_are_counted_and_cause_no_warning():
    """Warnings are errors in these tests."""
    dead = [np.column_stack([z, np.zeros((len(z), 2)), z[:, :1]]) for z in ragged(0)]
    fitted = Koopman().fit(dead)
    assert (fitted.n_eigenvalues_, len(fitted.operator_)) == (6, 9)
    assert Koopman(constant=True).fit(dead).n_eigenvalues_ == 7
    x, y = pairs(dead)
    np.testing.assert_allclose(fitted.predict(x), x @ np.linalg.lstsq(x, y)[0], atol=1e-9)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    ("dtype", "width", "n_kept"),
    [
        (float, 1e-6, 6),
        (float, 1e-11, 6),
        (float, 0, 5),
        (np.float32, 1e-4, 6),
        (np.float32, 1e-9, 5),
        (np.float32, 0, 5),
    ],
)
def test_a_thin_direction_is_noise_where_the_numbers_are_rounded_more_coarsely(dtype, width, n_kept, seed):
    mix, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(6, 6)))
    thin = mix @ np.diag([1, 1, 1, 1, 1, width]) @ mix.T
    fitted = Koopman().fit([(z @ thin).astype(dtype) for z in ragged(seed, noise=0.0)])
    assert fitted.n_eigenvalues_ == n_kept
    if n_kept == 6 and dtype is float:
        assert matched(fitted.eigenvalues_, Koopman().fit(ragged(seed, noise=0.0)).eigenvalues_) < 1e-14 / width


def test_a_rank_drops_small_features_unless_they_are_scaled():
    units = np.array([1, 1, 1, 1e-3, 1e-3, 1e-3])
    trajectories = [z * units for z in ragged(0)]
    kept = Koopman(rank=3).fit(trajectories)
    assert np.abs(kept.operator_[3:]).max() < 1e-2 * np.abs(kept.operator_[:3]).max()
    scaled, plain = (Koopman(rank=3, dictionary=StandardScaler()).fit(item) for item in (trajectories, ragged(0)))
    assert matched(scaled.eigenvalues_, plain.eigenvalues_) < 1e-9


@pytest.mark.parametrize(
    ("dictionary", "equal"),
    [
        (None, True),
        (PolynomialFeatures(2, include_bias=False), True),
        (make_pipeline(StandardScaler(), FunctionTransformer(np.tanh)), False),
        (fourier_dictionary(5), False),
    ],
)
def test_partial_fit_is_fit_where_the_dictionary_learns_nothing(dictionary, equal):
    trajectories = ragged(3)
    whole = Koopman(dictionary=dictionary).fit(trajectories)
    parts = Koopman(dictionary=dictionary).partial_fit(trajectories[:7]).partial_fit(trajectories[7:])
    assert np.allclose(parts.operator_, whole.operator_, atol=1e-9) == equal


@pytest.mark.parametrize("method", ["predict", "eigenfunctions"])
@pytest.mark.parametrize(
    ("states", "says"),
    [
        (np.zeros((2, 6), dtype=complex), "states is complex .complex128.; stack real and imaginary parts"),
        (np.full((2, 6), "1"), "states needs numbers, got dtype <U1; convert it"),
        (np.full((2, 6), None), "needs numbers, got dtype object"),
        (np.full((2, 6), np.inf), "must be finite"),
        (np.zeros((2, 7)), "fitted on states of 6 features, got 7"),
    ],
)
def test_bad_states(method, states, says):
    with pytest.raises(ValueError, match=says):
        getattr(Koopman().fit(ragged(0)), method)(states)


@pytest.mark.parametrize(
    ("trajectory", "says"),
    [
        (np.zeros((5, 6), dtype=complex), "trajectory 0 is complex"),
        (np.full((5, 6), "1"), "trajectory 0 needs numbers"),
        (np.full((5, 6), np.nan), "trajectory 0 holds nan at step 0, feature 0"),
        (np.zeros((0, 6)), "too short: 0 states came, at least 2"),
        (np.zeros((5, 7)), "fitted on states of 6 features, got 7"),
    ],
)
def test_bad_trajectories_in_later_calls(trajectory, says):
    fitted = Koopman().fit(ragged(0))
    for method in (fitted.residuals, fitted.partial_fit):
        with pytest.raises(ValueError, match=says):
            method([trajectory])


def test_windows_are_in_order_of_time_and_embedded_states_newest_first():
    z = np.arange(12.0).reshape(6, 2)
    windows = delay_windows(z, delays=2)
    np.testing.assert_array_equal(windows, [[z[t - 2], z[t - 1], z[t]] for t in range(2, 6)])
    np.testing.assert_array_equal(delay_embed(z, delays=2), [np.concatenate(w[::-1]) for w in windows])
    np.testing.assert_array_equal(delay_windows(z, delays=0)[:, 0], z)
    with pytest.raises(ValueError, match="need one trajectory"):
        delay_windows(z, delays=6)
    trajectories = ragged(0)
    fitted = Koopman(delays=2).fit(trajectories)
    slow = delay_embed(trajectories[0], delays=2) @ fitted.readout_
    np.testing.assert_allclose(fitted.predict(delay_windows(trajectories[0], delays=2)), slow, atol=1e-12)


def test_a_rollout_is_repeated_prediction():
    fitted, now = Koopman(constant=True).fit(ragged(0)), ragged(1)[0][:4]
    rolled = rollout(fitted, now, steps=5)
    assert rolled.shape == (4, 5, 6)
    for step in range(5):
        now = fitted.predict(now)
        np.testing.assert_allclose(rolled[:, step], now, atol=1e-10)


# Other people's estimators.


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("rank", [2, 4, 6])
def test_eigenvalues_are_those_of_pydmd_with_the_basis_of_x(seed, rank):
    x, y = pairs(ragged(seed))
    reference = DMD(svd_rank=rank, exact=False, opt=False).fit(x.T, y.T)
    assert matched(Koopman(rank=rank).fit(ragged(seed)).eigenvalues_, reference.eigs) < 1e-10


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_covariances_of_deeptime_summed_over_ragged_trajectories(seed):
    estimator = deeptime.covariance.Covariance(lagtime=1, compute_c0t=True, remove_data_mean=False)
    for z in ragged(seed):
        estimator.partial_fit((z[:-1], z[1:]))
    model = estimator.fetch_model()
    slow = np.linalg.solve(model.cov_00, model.cov_0t)
    np.testing.assert_allclose(Koopman().fit(ragged(seed)).operator_, slow, rtol=0, atol=1e-10)


def test_a_dictionary_is_the_extended_dmd_of_deeptime():
    polynomials = PolynomialFeatures(2, include_bias=False)
    trajectories = ragged(0, n_features=3, noise=0.1)
    reference = deeptime.decomposition.EDMD(lambda z: polynomials.fit_transform(z)).fit(pairs(trajectories))
    operator = np.asarray(reference.fetch_model().operator)
    fitted = Koopman(dictionary=polynomials).fit(trajectories)
    assert matched(fitted.eigenvalues_, np.linalg.eigvals(operator)) < 1e-10


# Digits and memory.


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_eigenvalues_from_float32_states_of_unequal_spread(seed):
    """Planes turning at their own speed, one ten times as wide as another: a covariance of condition 100."""
    rng = np.random.default_rng(seed)
    n_planes = 16
    turns = np.exp(1j * np.linspace(0.1, 3, n_planes))
    angles = np.angle(rng.normal(size=(256, n_planes)) + 1j * rng.normal(size=(256, n_planes)))
    planes = np.exp(1j * (angles[:, None] + np.angle(turns) * np.arange(20)[:, None])) * np.logspace(0, 1, n_planes)
    basis, _ = np.linalg.qr(rng.normal(size=(2 * n_planes, 2 * n_planes)))
    states = np.concatenate([planes.real, planes.imag], axis=2) @ basis
    assert 90 < np.linalg.cond(np.cov(states.reshape(-1, 2 * n_planes).T)) < 150
    fitted = Koopman().fit(states.astype(np.float32))
    assert matched(fitted.eigenvalues_, np.concatenate([turns, turns.conj()])) < 1e-7


def test_memory_does_not_grow_with_the_trajectories():
    rng = np.random.default_rng(0)
    trajectories = [rng.normal(size=(50, 24)).astype(np.float32) for _ in range(512)]

    def peak(n_trajectories: int, n_parts: int) -> int:
        """Most bytes held at once, beyond those of the trajectories themselves."""
        estimator = Koopman()
        tracemalloc.start()
        for part in range(n_parts):
            estimator.partial_fit(trajectories[part * n_trajectories : (part + 1) * n_trajectories])
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    few = peak(64, 1)
    assert peak(512, 1) <= 1.5 * few
    assert peak(64, 8) <= 1.5 * few
