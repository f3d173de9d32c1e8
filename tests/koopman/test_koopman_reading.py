"""What is read off a fit: scores, eigenfunctions and back, modes, rates, energy, spread."""

import numpy as np
import pandas as pd
import pytest
from pydmd import DMD
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.preprocessing import FunctionTransformer, PolynomialFeatures, StandardScaler
from test_koopman import pairs, ragged

from linearlens.koopman import Koopman, bootstrap_eigenvalues, delay_windows, half_life


def spiral(n_trajectories: int = 12, noise: float = 0.0, seed: int = 0) -> np.ndarray:
    """A turn by 2π/20 each step that shrinks by half in 10 steps, seen through a 5-dimensional map."""
    rng = np.random.default_rng(seed)
    angle, shrink = 2 * np.pi / 20, 0.5**0.1
    turn = shrink * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    z = [rng.normal(size=(n_trajectories, 2))]
    for _ in range(15):
        z.append(z[-1] @ turn)
    view = np.random.default_rng(9).normal(size=(2, 5))
    return np.stack(z, axis=1) @ view + noise * rng.normal(size=(n_trajectories, 16, 5))


@pytest.mark.parametrize("settings", [{}, {"constant": True}, {"delays": 1}, {"lag": 2}], ids=str)
def test_the_score_is_the_share_of_variance(settings):
    fit, test = ragged(0), ragged(1)
    fitted = Koopman(**settings).fit(fit)
    delays, lag = fitted.delays, fitted.lag
    windows = [delay_windows(z, delays=delays)[:-lag] for z in test]
    predicted = fitted.predict(np.concatenate(windows) if delays else np.concatenate(windows)[:, 0])
    true = np.concatenate([z[delays + lag :] for z in test])
    slow = 1 - ((true - predicted) ** 2).sum() / ((true - true.mean(axis=0)) ** 2).sum()
    assert fitted.score(test) == pytest.approx(slow)
    assert fitted.score(test) == pytest.approx(r2_score(true, predicted, multioutput="variance_weighted"))


def test_a_grid_search_needs_no_scorer():
    search = GridSearchCV(Koopman(), {"rank": [1, 2, 3]}, cv=KFold(3)).fit(spiral(noise=0.01))
    assert search.best_params_["rank"] in (2, 3)
    assert search.best_score_ > 0.9 > search.cv_results_["mean_test_score"][0]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"constant": True},
        {"center": True},
        {"delays": 2},
        {"dictionary": StandardScaler(), "constant": True},
        {"dictionary": FunctionTransformer(np.sinh, np.arcsinh), "delays": 1},
    ],
    ids=str,
)
def test_eigenfunctions_lead_back_to_states(settings):
    fitted = Koopman(**settings).fit(ragged(0))
    z = ragged(1)[0]
    states = delay_windows(z, delays=fitted.delays) if fitted.delays else z
    values = fitted.transform(states)
    np.testing.assert_array_equal(values, fitted.eigenfunctions(states))
    np.testing.assert_allclose(fitted.inverse_transform(values), z[fitted.delays :], atol=1e-8)
    for steps in (1, 3):
        ahead = (values * fitted.eigenvalues_ ** (steps - 1)) @ fitted.modes_ + fitted.offset_
        np.testing.assert_allclose(ahead, fitted.predict(states, steps=steps), atol=1e-8)


def test_ways_back_that_there_are_not():
    fitted = Koopman(dictionary=PolynomialFeatures(2, include_bias=False)).fit(ragged(0, n_features=2))
    with pytest.raises(ValueError, match="has no inverse_transform; modes_ gives coming states"):
        fitted.inverse_transform(fitted.transform(ragged(0, n_features=2)[0]))
    with pytest.raises(ValueError, match=r"need values of shape \(n_states, 5\), got shape \(3, 4\)"):
        fitted.inverse_transform(np.zeros((3, 4)))


@pytest.mark.filterwarnings("ignore:Input data condition number")
def test_modes_are_those_of_pydmd_up_to_length():
    x, y = pairs(list(spiral()))
    fitted = Koopman(rank=2).fit(list(spiral()))
    theirs = DMD(svd_rank=2, exact=True).fit(x.T, y.T)
    for value, mode in zip(fitted.eigenvalues_, fitted.modes_, strict=True):
        other = theirs.modes[:, np.abs(theirs.eigs - value).argmin()]
        along = np.abs(np.vdot(mode, other)) / np.linalg.norm(mode) / np.linalg.norm(other)
        assert along == pytest.approx(1, abs=1e-10)


@pytest.mark.parametrize("dt", [1.0, 0.5])
@pytest.mark.parametrize("lag", [1, 3])
def test_the_summary_tells_rates_in_units_of_time(dt, lag):
    fitted = Koopman(dt=dt, lag=lag).fit(spiral())
    table = fitted.summary(spiral(seed=3))
    assert isinstance(table, pd.DataFrame)
    assert len(table) == 2
    np.testing.assert_allclose(table["frequency"], [1 / 20 / dt, -1 / 20 / dt])
    np.testing.assert_allclose(table["growth_rate"], -np.log(2) / 10 / dt)
    np.testing.assert_allclose(table["half_life"], 10 * dt)
    np.testing.assert_allclose(table["modulus"], 0.5 ** (lag / 10))
    np.testing.assert_allclose(table["residual"], 0, atol=1e-9)
    x, y = pairs([z[start::lag] for z in spiral() for start in range(lag)])
    parts = fitted.eigenfunctions(x)[:, :, None] * fitted.modes_
    np.testing.assert_allclose(parts.sum(axis=1), y, atol=1e-10)
    np.testing.assert_allclose(table["amplitude"], np.sqrt((np.abs(parts) ** 2).sum(axis=2).mean(axis=0)))
    np.testing.assert_allclose(half_life(np.array([0.5, 1.0, 2.0, 0.0])), [1, np.inf, np.inf, 0])


@pytest.mark.parametrize("energy", [0.3, 0.9, 0.999, 1.0])
@pytest.mark.parametrize("constant", [False, True])
def test_energy_keeps_as_few_directions_as_hold_it(energy, constant):
    z = ragged(0, noise=0.1)
    x, _ = pairs(z)
    shares = np.cumsum(np.linalg.svd(x - constant * x.mean(axis=0), compute_uv=False) ** 2)
    wanted = int((shares / shares[-1] < energy * (1 - 1e-12)).sum()) + 1
    fitted = Koopman(energy=energy, constant=constant).fit(z)
    assert fitted.n_eigenvalues_ == wanted + constant
    np.testing.assert_allclose(fitted.operator_, Koopman(rank=wanted + constant, constant=constant).fit(z).operator_)
    for settings, says in (({"energy": 1.5}, "share between 0 and 1"), ({"rank": 2, "energy": 0.5}, "not both"),
                           ({"energy": True}, "share"), ({"dt": 0}, "dt must be a number above 0")):  # fmt: skip
        with pytest.raises(ValueError, match=says):
            Koopman(**settings).fit(z)


def test_a_fit_says_what_it_is():
    assert repr(Koopman(rank=2)) == "Koopman(rank=2)"
    said = repr(Koopman(rank=2).fit(spiral()))
    assert said == "Koopman(rank=2)  # fitted to 180 pairs of 5 features: 2 of 5 directions, largest |λ| 0.933"
    assert not Koopman().__sklearn_tags__().input_tags.two_d_array


def test_the_spread_of_eigenvalues_is_that_of_new_data():
    """Over fifty data sets, the eigenvalue moves by about what the bootstrap of one of them says."""
    sets = [spiral(20, 0.05, seed)[..., :2] for seed in range(50)]
    found = np.array([Koopman().fit(z).eigenvalues_[0] for z in sets])
    true = np.sqrt((np.abs(found - found.mean()) ** 2).mean())
    spread = bootstrap_eigenvalues(Koopman(), sets[0], n_resamples=80, seed=1)
    assert spread.resampled.shape == (80, 2)
    assert 0.5 < spread.deviation[0] / true < 2
    low, high = spread.modulus_interval()[0]
    assert low < np.abs(spread.eigenvalues[0]) < high
    again = bootstrap_eigenvalues(Koopman(), sets[0], n_resamples=80, seed=1)
    np.testing.assert_array_equal(spread.resampled, again.resampled)
    with pytest.raises(ValueError, match="two trajectories or more"):
        bootstrap_eigenvalues(Koopman(), sets[0][:1])
