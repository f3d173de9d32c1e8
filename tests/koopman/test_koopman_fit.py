"""The fit at any scale and condition, however its pairs are kept, against least squares with scaled columns."""

import warnings
from copy import copy, deepcopy

import dask.array as da
import numpy as np
import pytest
from pydmd import DMD
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Ridge
from sklearn.preprocessing import FunctionTransformer, PolynomialFeatures
from test_koopman import matched, pairs, ragged
from test_koopman_streams import SETTINGS, assert_same, equal_steps, named

from linearlens.koopman import ControlledKoopman, Koopman, Persistence, error_between, forecast_error, rollout
from linearlens.koopman._lift import Lift


def scaled_least_squares(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The oracle: NumPy's SVD of X with its columns brought to length 1."""
    sizes = np.linalg.norm(x, axis=0)
    scale = np.where(sizes > 0, sizes, 1)
    return np.linalg.lstsq(x / scale, y, rcond=None)[0] / scale[:, None]


def sizes_of(rng: np.random.Generator, n: int) -> np.ndarray:
    """Units: alike, or as different as 1e-6 and 1e6."""
    return 10 ** rng.uniform(-1, 1, n) if rng.random() < 0.3 else 10 ** rng.uniform(-6, 6, n)


def problem(kind: str, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """X, Y to fit and others to predict: more pairs than observables, noise of any size, condition up to 1e12."""
    rng = np.random.default_rng([seed, len(kind)])
    n = int(rng.integers(2, 40))
    noise = rng.choice([0, 1e-14, 1e-12, 1e-10, 1e-8, 1e-6, 1e-3, 1])
    if kind == "random":
        frame, other = (np.linalg.qr(rng.normal(size=(n, n)))[0] for _ in range(2))
        mix = frame * np.geomspace(1, 10 ** -rng.uniform(0, 12), n) @ other * sizes_of(rng, n)

        def states(m):
            return rng.normal(size=(m, n)) @ mix
    elif kind == "repeated":
        mix = rng.normal(size=(max(1, n // 2), n)) * (rng.random((max(1, n // 2), n)) < 0.3)
        mix[:, : len(mix)] = np.eye(len(mix))
        mix *= sizes_of(rng, n)

        def states(m):
            return rng.normal(size=(m, len(mix))) @ mix
    else:
        n_variables = int(rng.integers(1, 4))
        lift = PolynomialFeatures(int(rng.integers(2, 7)), include_bias=False)
        width, centre = 10 ** rng.uniform(-1, 1.5, n_variables), rng.choice([0, 1, 3]) * rng.normal(size=n_variables)

        def states(m):
            return lift.fit_transform((rng.normal(size=(m, n_variables)) + centre) * width)

    n = states(1).shape[1]
    n_pairs = int(n * rng.uniform(1.5, 20)) + 2 if rng.random() < 0.7 else 1500
    x, new = states(n_pairs), states(200)
    sizes = np.where(x.any(axis=0), np.sqrt((x**2).mean(axis=0)), 1)
    truth = rng.normal(size=(n, n)) / np.sqrt(n) / sizes[:, None] * sizes
    y, then = (part @ truth for part in (x, new))
    spread = noise * np.sqrt((y**2).mean(axis=0))
    return x, y + spread * rng.normal(size=y.shape), new, then + spread * rng.normal(size=then.shape)


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize("kind", ["random", "repeated", "polynomial"])
def test_five_hundred_fits_are_as_exact_as_least_squares_with_scaled_columns(kind, single):
    """Held-out errors, all columns counted alike. Below 1e-13, as a norm, rounding is compared with rounding."""
    for seed in range(170 if not single else 20):
        x, y, new, then = problem(kind, seed)
        if single:  # rounded before both see them
            x, y = x.astype(np.float32), y.astype(np.float32)
        fitted = Koopman().fit(np.stack([x, y], axis=1))
        sizes = np.where(then.any(axis=0), np.sqrt((then**2).mean(axis=0)), 1)
        theirs = error_between(new @ scaled_least_squares(x.astype(float), y.astype(float)) / sizes, then / sizes)
        ours = error_between(fitted.predict(new) / sizes, then / sizes)
        floor = 1e-26 if not single else 1e-10
        assert ours.overall <= 10 * theirs.overall + floor, (kind, seed, ours.overall, theirs.overall)


def lorenz(start: np.ndarray, n_steps: int) -> np.ndarray:
    z = [start]
    for _ in range(n_steps):
        x, y, w = z[-1]
        for _ in range(10):
            x, y, w = x + 0.02 * (y - x), y + 0.002 * (x * (28 - w) - y), w + 0.002 * (x * y - 8 / 3 * w)
        z.append(np.array([x, y, w]))
    return np.array(z)


@pytest.mark.parametrize("degree", [4, 6, 7, 8])
@pytest.mark.parametrize("kind", [list, iter, lambda z: da.from_array(np.stack(z), chunks=(2, -1, -1))])
def test_polynomials_of_any_degree_predict_lorenz(degree, kind):
    rng = np.random.default_rng(0)
    z = [lorenz(start, 250)[100:] for start in rng.normal([0, 0, 25], 8, (14, 3))]
    lift = FrozenEstimator(PolynomialFeatures(degree).fit(z[0]))
    x, y = pairs(z[:12])
    new, then = pairs(z[12:])
    theirs = error_between(lift.transform(new) @ scaled_least_squares(lift.transform(x), y), then).overall
    fitted = Koopman(dictionary=lift).fit(kind(z[:12]))
    assert forecast_error(fitted, z[12:]).overall <= 10 * theirs + 1e-26
    assert theirs < 1e-10 < forecast_error(Persistence(), z[12:]).overall


def test_units_do_not_matter_however_many_features_repeat_others():
    rng = np.random.default_rng(0)
    z = [np.column_stack([z, 57.3 * z[:, :2], z[:, 2] + z[:, 3]]) for z in ragged(0)]
    units = 10 ** rng.uniform(-9, 9, 9)
    plain, scaled = Koopman().fit(z), Koopman().fit([item * units for item in z])
    assert plain.n_eigenvalues_ == scaled.n_eigenvalues_ == 6
    np.testing.assert_allclose(scaled.predict(z[0] * units) / units, plain.predict(z[0]), rtol=0, atol=1e-9)
    assert matched(plain.eigenvalues_, scaled.eigenvalues_) < 1e-9


@pytest.mark.parametrize("ratio", [1e3, 1e7, 1e12])
def test_a_rank_that_loses_nothing_is_no_rank(ratio):
    slow, quick = (np.stack([a**t for t in range(20)]) for a in (0.918, 0.485))
    trajectories = [np.column_stack([a * slow, b * ratio * quick]) for a, b in ((1, 1), (2, -1), (-1, 3))]
    for rank in (None, 2):
        np.testing.assert_allclose(Koopman(rank=rank).fit(trajectories).eigenvalues_, [0.918, 0.485], atol=1e-9)


def test_a_mean_far_away_costs_nothing_without_a_constant_either():
    z = [z + 1e7 for z in ragged(0, noise=0.0)]
    x, y = pairs(z)
    fitted = Koopman().fit(z)
    assert fitted.n_eigenvalues_ == 6
    missed = np.abs(fitted.predict(x) - y).max()
    assert missed <= 10 * np.abs(x @ scaled_least_squares(x, y) - y).max() + 1e-8


# However pairs are kept.


@pytest.fixture(params=["rows", "products", "factor"])
def kept(request, monkeypatch):
    """Rows, sums of products or a triangular factor, whatever the data would advise."""
    if request.param != "rows":
        monkeypatch.setattr("linearlens.koopman._pairs.FEWEST_ROWS", 2)
        monkeypatch.setattr("linearlens.koopman._pairs.Pairs._is_hard", lambda self: request.param == "factor")
    monkeypatch.setattr("linearlens.koopman._lift.CHUNK_ROWS", 20)
    return request.param


@pytest.mark.parametrize("settings", [*SETTINGS, {"lag": 2, "delays": 1}, {"alpha": 0.3, "constant": True}], ids=named)
def test_however_pairs_are_kept_the_fit_is_the_same(settings, kept):
    z = equal_steps()
    fitted = Koopman(**settings).fit(z)
    assert {"rows": fitted.pairs_.grams is None, "products": fitted.pairs_.grams, "factor": fitted.pairs_.exact}[kept]
    for other in (
        Koopman(**settings).fit(iter(z)),
        Koopman(**settings).fit(da.from_array(z, chunks=(3, -1, -1))),
        Koopman(**settings).partial_fit(z[:2]).partial_fit(iter(z[2:9])).partial_fit(z[9:]),
    ):
        assert_same(other, fitted)


@pytest.mark.parametrize("ways", [(0, 1), (1, 0), (1, 1), (0, 0), (None, 1), (0, None), (None, None)])
def test_pairs_kept_differently_are_joined(ways, monkeypatch):
    z = [z + np.arange(6) for z in ragged(1)]
    parts = []
    for way, part in zip(ways, (z[:12], z[12:]), strict=True):
        monkeypatch.setattr("linearlens.koopman._pairs.FEWEST_ROWS", 2 if way is not None else 1000)
        monkeypatch.setattr("linearlens.koopman._pairs.Pairs._is_hard", lambda self, way=way: way)
        parts.append(Lift(0, None).pairs(part))
    before = [[item.copy() for item in (part.rows, *part.means(), *part.deviations())] for part in parts]
    joined = deepcopy(parts[0]).absorb(parts[1])
    assert joined.exact == (1 in ways)
    fitted = Koopman(constant=True).fit(z)
    other = copy(fitted)
    other._become(joined, fitted._lift, fitted._features)
    assert_same(other, fitted)
    for part, kept in zip(parts, before, strict=True):
        for now, then in zip((part.rows, *part.means(), *part.deviations()), kept, strict=True):
            np.testing.assert_array_equal(now, then)


def test_a_list_is_read_again_where_products_turn_out_to_lose_a_direction():
    """Two thousand good states come first; then one feature is seen to be almost another."""
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    easy = [np.stack([z, z @ turn + 0.1 * rng.normal(size=3)]) for z in rng.normal(size=(2000, 3))]
    far = [1e9 * np.stack([np.ones(3), np.ones(3) @ turn])]
    x, y = pairs(easy + far)
    fitted = Koopman().fit(easy + far)
    assert fitted.n_eigenvalues_ == 3
    np.testing.assert_allclose(fitted.operator_, scaled_least_squares(x, y), atol=1e-6)
    blocks = Koopman().fit(da.from_array(np.stack(easy + far), chunks=(1500, -1, -1)))
    np.testing.assert_allclose(blocks.operator_, fitted.operator_, atol=1e-6)
    with pytest.warns(UserWarning, match="depend on others so nearly"):
        Koopman().fit(iter(easy + far))


# What is said.


@pytest.mark.parametrize("settings", [{}, {"constant": True}, {"center": True}, {"delays": 1}, {"rank": 5}], ids=str)
def test_as_many_directions_as_pairs_are_said(settings):
    noise = np.random.default_rng(0).normal(size=(6, 9))
    settings = settings | ({"rank": 4} if settings.get("delays") and "rank" in settings else {})
    with pytest.warns(UserWarning, match="as many directions as pairs were fitted, [45]: the error on these"):
        fitted = Koopman(**settings).fit([noise])
    np.testing.assert_allclose(fitted.predict(noise[None, :2] if settings.get("delays") else noise[:1])[0],
                               noise[2 if settings.get("delays") else 1], atol=1e-9)  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Koopman(rank=2, **{key: value for key, value in settings.items() if key != "rank"}).fit([noise])


def test_a_fit_that_raises_leaves_the_estimator_as_it_was():
    trajectories = ragged(0)
    fitted = Koopman(dictionary=FunctionTransformer(np.tanh), center=True).fit(trajectories)
    before, states = fitted.predict(trajectories[0]), dict(vars(fitted))
    for bad, says in (
        ([np.full((5, 6), 7.0)], "all equal, with center"),
        ([np.full((5, 2), 7.0)], "all equal"),
        ([np.full((5, 6), np.nan)], "holds nan"),
    ):
        with pytest.raises(ValueError, match=says):
            fitted.fit(bad)
        np.testing.assert_array_equal(fitted.predict(trajectories[0]), before)
        assert fitted.n_features_in_ == 6
    fitted.set_params(rank=99)
    with pytest.raises(ValueError, match="rank=99 is larger"):
        fitted.partial_fit(trajectories)
    assert vars(fitted).keys() == states.keys()
    assert fitted.n_pairs_ == states["pairs_"].n_pairs


# More observables than pairs, and ridges.


@pytest.mark.parametrize("rank", [None, 3, 8])
def test_more_features_than_pairs_are_those_of_pydmd_and_never_squared(rank):
    rng = np.random.default_rng(0)
    z = rng.normal(size=(9, 4)) @ rng.normal(size=(4, 30_000)) + 0.01 * rng.normal(size=(9, 30_000))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = Koopman(rank=rank).fit([z])
        theirs = DMD(svd_rank=rank or 8, exact=False, opt=False).fit(z[:-1].T, z[1:].T)
    assert matched(fitted.eigenvalues_, theirs.eigs) < 1e-9 * np.abs(theirs.eigs).max()
    assert max(part.size for part in vars(fitted._solution).values() if isinstance(part, np.ndarray)) < 1e6
    assert fitted.predict(z[:2], steps=3).shape == rollout(fitted, z[:2], steps=3)[:, -1].shape == (2, 30_000)
    np.testing.assert_allclose(fitted.predict(z[:2], 3), rollout(fitted, z[:2], steps=3)[:, -1], atol=1e-9)


@pytest.mark.filterwarnings("ignore:as many directions as pairs")
def test_fewer_pairs_than_features_of_any_unit_are_fitted_exactly():
    z = np.random.default_rng(0).normal(size=(9, 20)) * np.geomspace(1e-6, 1e6, 20)
    np.testing.assert_allclose(Koopman().fit([z]).predict(z[:-1]), z[1:], rtol=1e-10)


@pytest.mark.parametrize("alpha", [1e-6, 0.5, 100.0])
@pytest.mark.parametrize("constant", [False, True])
@pytest.mark.parametrize("twice", [False, True])
def test_a_ridge_is_that_of_scikit_learn(alpha, constant, twice):
    z = [np.column_stack([z + 2, z[:, :1]]) if twice else z + 2 for z in ragged(0)]
    x, y = pairs(z)
    slow = Ridge(alpha=alpha, fit_intercept=constant, solver="svd").fit(x, y)
    fitted = Koopman(alpha=alpha, constant=constant).fit(z)
    np.testing.assert_allclose(fitted.predict(x), slow.predict(x), atol=1e-8)
    n = x.shape[1]
    np.testing.assert_allclose(fitted.operator_[:n, :n], slow.coef_.T, atol=1e-8)
    for value, vector in zip(fitted.eigenvalues_, fitted.eigenvectors_.T, strict=True):
        np.testing.assert_allclose(fitted.operator_ @ vector, value * vector, atol=1e-7)


@pytest.mark.parametrize("lag", [2, 3])
@pytest.mark.parametrize("delays", [0, 1])
def test_a_lag_pairs_each_state_with_the_one_so_much_later(lag, delays):
    z = ragged(0)
    embedded = z if not delays else [np.hstack([z[1:], z[:-1]]) for z in z]
    x = np.concatenate([part[:-lag] for part in embedded if len(part) > lag])
    y = np.concatenate([part[lag:] for part in embedded if len(part) > lag])
    fitted = Koopman(lag=lag, delays=delays).fit([item for item in z if len(item) > lag + delays])
    assert fitted.n_pairs_ == len(x)
    np.testing.assert_allclose(fitted.operator_, np.linalg.lstsq(x, y, rcond=None)[0], atol=1e-9)


def test_driven_systems_keep_their_digits_too():
    """Inputs that are a feature again, in another unit; and fewer pairs than states and inputs."""
    rng = np.random.default_rng(0)
    z, inputs = rng.normal(size=(20, 30, 4)), rng.normal(size=(20, 30, 2))
    for t in range(29):
        inputs[:, t + 1, 0] = 1e6 * z[:, t, 1]
        z[:, t + 1] = 0.5 * z[:, t] + inputs[:, t + 1, 1:] + 1
    fitted = ControlledKoopman().fit(z, inputs)
    np.testing.assert_allclose(fitted.predict(z[:, 0], inputs[:, 1]), z[:, 1], atol=1e-10)
