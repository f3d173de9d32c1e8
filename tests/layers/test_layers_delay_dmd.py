"""Delay-coordinate DMD: against textbook, PyDMD and the authors' procedure; the evidence, and the control for it."""

import numpy as np
import pytest
import torch
from pydmd import DMD, HankelDMD
from torch import nn

from linearlens.koopman import delay_embed, delay_windows, eigenvalue_distance, eigenvalue_order
from linearlens.layers import (
    LayerScaling,
    PeekingOperator,
    count_cost,
    delay_dmd,
    delay_dmd_grid,
    peeking_grid,
    periodic_share,
    replace,
    roots_found,
    shuffle_samples,
)
from linearlens.models import mlp
from linearlens.snapshots import collect_layers, run_from


def trajectories(seed: int = 0, n: int = 40, n_steps: int = 12, n_features: int = 3) -> np.ndarray:
    """Noisy, with a mean that moves, so that nothing is degenerate."""
    rng = np.random.default_rng(seed)
    drift = rng.normal(size=(n_steps, n_features))
    return rng.normal(size=(n, n_steps, n_features)).cumsum(axis=1) / 3 + drift


def windows_as_pairs(z: np.ndarray, delays: int, windows: str) -> tuple[np.ndarray, np.ndarray]:
    series = [z.reshape(-1, z.shape[2])] if windows == "glued" else list(z)
    embedded = [delay_embed(item, delays=delays) for item in series]
    return np.concatenate([e[:-1] for e in embedded]), np.concatenate([e[1:] for e in embedded])


def textbook(z: np.ndarray, delays: int, rank: int | None, windows: str) -> dict:
    x, y = windows_as_pairs(z, delays, windows)
    p, s, qt = np.linalg.svd(x, full_matrices=False)
    kept = slice(min(rank or len(s), int((s > 1e-7 * s[0]).sum())))
    p, s, q = p[:, kept], s[kept], qt[kept].T
    return {"k": np.diag(1 / s) @ p.T @ y @ q, "q": q, "s": s, "readout": np.diag(1 / s) @ p.T @ y, "p": p}


def slow_steps(fit: dict, window: np.ndarray, steps: int, n_features: int, projected: bool) -> np.ndarray:
    reduced = window @ fit["q"]
    for _ in range(steps - 1):
        reduced = reduced @ fit["k"]
    if projected:
        return (reduced @ fit["k"] @ fit["q"].T)[:, :n_features]
    return (reduced @ fit["readout"])[:, :n_features]


# 40 trajectories give more pairs than features, 2 give fewer: both ways of solving are met.
@pytest.mark.parametrize("windows", ["glued", "inside"])
@pytest.mark.parametrize("rank", [None, 5])
@pytest.mark.parametrize("n", [40, 2])
@pytest.mark.parametrize("delays", [0, 1, 4, 10])
def test_a_fit_is_that_of_the_textbook(delays, n, rank, windows):
    z = trajectories(seed=delays, n=n)
    fast, slow = delay_dmd(z, delays=delays, rank=rank, windows=windows), textbook(z, delays, rank, windows)
    assert fast.n_pairs == len(slow["p"])
    assert (fast.delays, fast.n_trajectories, fast.n_features) == (delays, n, 3)
    np.testing.assert_allclose(fast.strengths, slow["s"], rtol=1e-8)
    assert eigenvalue_distance(fast.eigenvalues, np.linalg.eigvals(slow["k"])) < 1e-8
    inputs = np.random.default_rng(9).normal(size=(6, delays + 1, 3))
    newest_first = inputs[:, ::-1].reshape(6, -1)
    for steps in (1, 3):
        for projected in (True, False):
            wanted = slow_steps(slow, newest_first, steps, 3, projected)
            np.testing.assert_allclose(fast.predict(inputs, steps, projected=projected), wanted, atol=1e-7)


@pytest.mark.parametrize("rank", [4, None])
@pytest.mark.parametrize("delays", [0, 1, 5, 10])
def test_eigenvalues_are_those_of_pydmd(delays, rank):
    z = trajectories(seed=3)
    full = rank or 3 * (delays + 1)
    hankel = HankelDMD(svd_rank=min(full, 3 * (delays + 1)), d=delays + 1, exact=False).fit(z.reshape(-1, 3).T)
    glued = delay_dmd(z, delays=delays, rank=rank)
    assert eigenvalue_distance(glued.eigenvalues, hankel.eigs) < 1e-10
    x, y = windows_as_pairs(z, delays, "inside")
    plain = DMD(svd_rank=min(full, 3 * (delays + 1)), exact=False).fit(x.T, y.T)
    inside = delay_dmd(z, delays=delays, rank=rank, windows="inside")
    assert eigenvalue_distance(inside.eigenvalues, plain.eigs) < 1e-10
    assert eigenvalue_distance(inside.eigenvalues, glued.eigenvalues) > 1e-3
    assert (np.diff(np.abs(glued.eigenvalues)) < 1e-12).all()


@pytest.mark.parametrize("windows", ["glued", "inside"])
def test_a_grid_is_all_its_single_fits(windows):
    z = trajectories(n=30)
    kept = z.copy()
    found = {}
    for fit in delay_dmd_grid(z, delays=range(10, -1, -2), counts=[30, 3, 8], rank=9, windows=windows):
        found[fit.n_trajectories, fit.delays] = fit
    assert set(found) == {(n, d) for n in (3, 8, 30) for d in range(0, 11, 2)}
    for (n, d), fit in found.items():
        single = delay_dmd(z[:n], delays=d, rank=9, windows=windows)
        assert fit.n_pairs == single.n_pairs
        np.testing.assert_allclose(fit.linear_map(2), single.linear_map(2), atol=1e-8)
        assert eigenvalue_distance(fit.eigenvalues, single.eigenvalues) < 1e-8
        assert eigenvalue_order(fit.eigenvalues).tolist() == list(range(len(fit.eigenvalues)))
    np.testing.assert_array_equal(z, kept)


def test_a_linear_map_is_found_inside_and_lost_at_the_seams():
    turn = np.array([[0.6, 0.7], [-0.7, 0.6]])
    z = [np.random.default_rng(0).normal(size=(20, 2))]
    for _ in range(7):
        z.append(z[-1] @ turn)
    z = np.stack(z, axis=1)
    inside = delay_dmd(z, delays=0, windows="inside")
    assert eigenvalue_distance(inside.eigenvalues, np.array([0.6 + 0.7j, 0.6 - 0.7j])) < 1e-12
    np.testing.assert_allclose(inside.predict(z[:, :1], 7), z[:, 7], atol=1e-12)
    delayed = delay_dmd(z, delays=2, windows="inside")
    np.testing.assert_allclose(delayed.predict(z[:, :3], 5), z[:, 7], atol=1e-9)
    assert eigenvalue_distance(delay_dmd(z, delays=0).eigenvalues, inside.eigenvalues) > 1e-2


def test_units_that_are_dead_do_no_harm():
    z = trajectories()
    dead = np.concatenate([z, np.zeros_like(z[..., :1])], axis=2)
    for windows in ("glued", "inside"):
        alive, all_units = (delay_dmd(item, delays=3, windows=windows) for item in (z, dead))
        np.testing.assert_allclose(all_units.predict(dead[:, :4], 4)[:, :3], alive.predict(z[:, :4], 4), atol=1e-7)
        np.testing.assert_allclose(all_units.predict(dead[:, :4], 4)[:, 3], 0, atol=1e-13)


# The paper's hybrid.


@pytest.fixture
def network() -> nn.Sequential:
    return mlp([3, 7, 5, 2], seed=4)


@pytest.mark.parametrize("delays", [1, 5, 10])
def test_the_hybrid_is_the_authors_procedure(network, delays):
    inputs = np.random.default_rng(0).normal(size=(120, 3)).astype(np.float32)
    states = collect_layers(network, inputs, ["act1"])[:, 0]
    scaling = LayerScaling(network, "act1", "act2", init="identity").fit(states, epochs=3, batch_size=60)
    z = scaling.trajectory(states)
    dmd = delay_dmd(z[:100], delays=delays, rank=20)
    hybrid = replace(network, PeekingOperator(scaling, dmd))

    # As inference_with_koopman does: true states 0 to d of one sample at a time, then steps in the reduced space.
    fit, ends = textbook(z[:100].astype(np.float64), delays, 20, "glued"), []
    for trajectory in z:
        window = trajectory[: delays + 1][::-1].reshape(1, -1)
        ends.append(slow_steps(fit, window, 12 - 1 - delays, 7, projected=True)[0, :5])
    with torch.no_grad():
        logits = hybrid(torch.from_numpy(inputs))
    np.testing.assert_allclose(logits, run_from(network, "act2", np.array(ends)), atol=1e-4)

    cost = count_cost(hybrid)
    window = 7 * (delays + 1)
    assert (cost.nonlinear_layers, cost.inner_layers) == (1 + delays, delays)
    assert cost.lifted_dimensions == (window,)
    assert cost.parameters == delays * (49 + 7) + window * 5 + (3 * 7 + 7) + (5 * 2 + 2)
    assert cost.multiply_adds == delays * 49 + window * 5 + 3 * 7 + 5 * 2


@pytest.mark.parametrize(("windows", "projected"), [("glued", True), ("inside", False)])
def test_a_grid_runs_each_fit_as_the_hybrid_would(network, windows, projected):
    states = np.random.default_rng(0).uniform(size=(90, 7)).astype(np.float32)
    scaling = LayerScaling(network, "act1", "act2", init="identity", seed=2)
    options = {"rank": 20, "windows": windows}
    cells = {}
    grid = peeking_grid(
        scaling, states[:50], states[50:], projected=projected, delays=[1, 4, 10], counts=[5, 50], **options
    )
    for fit, outputs in grid:
        cells[fit.n_trajectories, fit.delays] = outputs
    assert sorted(cells) == [(r, d) for r in (5, 50) for d in (1, 4, 10)]
    for (count, delays), outputs in cells.items():
        alone = delay_dmd(scaling.trajectory(states[:count]), delays=delays, **options)
        with torch.no_grad():
            slow = PeekingOperator(scaling, alone, projected=projected)(torch.from_numpy(states[50:]))
        np.testing.assert_allclose(outputs, slow, rtol=1e-3, atol=2e-4 * slow.abs().max().item())
    with pytest.raises(ValueError, match="with 10 inserted layers there are no 11 delays to start from"):
        next(peeking_grid(scaling, states, states, delays=[11]))


def test_a_tied_scaling_is_stored_once(network):
    scaling = LayerScaling(network, "act1", "act2", tied=True)
    cost = PeekingOperator(scaling, delay_dmd(trajectories(n_features=7), delays=10)).cost()
    assert cost.parameters == 56 + 77 * 5
    assert cost.multiply_adds == 10 * 49 + 77 * 5


# The evidence.


@pytest.mark.parametrize("n", [30, 2])
def test_time_vectors_are_right_singular_vectors_of_the_hankel_matrix(n):
    z = trajectories(n=n)
    series = z.reshape(-1, 3)
    hankel = delay_windows(series, delays=4)[:-1, ::-1].reshape(len(series) - 5, -1).T  # PyDMD has states as columns
    slow = np.linalg.svd(hankel, full_matrices=False)[2][:3].T
    fast = delay_dmd(z, delays=4, rank=6).time_vectors(z, 3)
    assert fast.shape == (len(series) - 4, 3)
    signs = np.sign((fast[:-1] * slow).sum(axis=0))
    np.testing.assert_allclose(fast[:-1] * signs, slow, atol=1e-6)


def test_time_vectors_refuse_what_does_not_fit():
    fit = delay_dmd(trajectories(n=5), delays=4, rank=6)
    for wrong in (np.zeros((5, 12)), np.zeros((5, 12, 2)), np.zeros((1, 4, 3))):
        with pytest.raises(ValueError, match=r"n_steps, 3\) with more than 4 states"):
            fit.time_vectors(wrong, 2)
    for wrong in (0, 7):
        with pytest.raises(ValueError, match=f"between 1 and the rank 6, got {wrong}"):
            fit.time_vectors(trajectories(n=5), wrong)


def test_gluing_makes_roots_of_unity_of_samples_without_dynamics():
    """A mean for each step, and independent noise: nothing leads from one state to the next."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(12, 4)) + 0.05 * rng.normal(size=(300, 12, 4))
    for item in (z, shuffle_samples(z)):
        fit = delay_dmd(item, delays=10, rank=12)
        assert roots_found(fit.eigenvalues, 12).all()
        assert (periodic_share(fit.time_vectors(item, 7), 12) > 0.98).all()
    assert not roots_found(delay_dmd(z, delays=10, rank=12, windows="inside").eigenvalues, 12).all()


def test_shuffling_keeps_the_states_of_each_step_and_nothing_else():
    z = trajectories()
    kept = z.copy()
    shuffled = shuffle_samples(z, seed=1)
    np.testing.assert_array_equal(z, kept)
    np.testing.assert_array_equal(np.sort(shuffled, axis=0), np.sort(z, axis=0))
    states = {tuple(row) for row in z[:, 3]}
    assert {tuple(row) for row in shuffled[:, 3]} == states, "a state stays whole"
    places = [[int(np.argmin(np.abs(z[:, t] - row).sum(axis=1))) for row in shuffled[:, t]] for t in (0, 1)]
    assert places[0] != places[1], "each step has an order of its own"
    np.testing.assert_array_equal(shuffle_samples(z, seed=1), shuffled)


def test_roots_and_periods_by_hand():
    roots = np.exp(2j * np.pi * np.arange(4) / 4)
    np.testing.assert_array_equal(roots_found(roots[[0, 2]] * 0.97, 4), [True, False, True, False])
    np.testing.assert_array_equal(roots_found(roots * 0.9, 4), False)
    np.testing.assert_array_equal(roots_found(np.array([]), 3), [False] * 3)
    time = np.arange(60)
    columns = np.column_stack([np.sin(2 * np.pi * time / 12), np.sin(2 * np.pi * time / 12 * 1.2), np.ones(60)])
    np.testing.assert_allclose(periodic_share(columns, 12), [1, 0, 1], atol=1e-12)
    noise = np.random.default_rng(0).normal(size=(12 * 50 + 7, 40))
    assert periodic_share(noise, 12).mean() == pytest.approx(1 / 50, rel=0.2)


def test_bad_requests(network):
    z = trajectories()

    def refused(message: str, item: object = z, **options: object) -> None:
        with pytest.raises(ValueError, match=message):
            delay_dmd(item, **{"delays": 1, **options})

    refused("windows must be one of", windows="half")
    refused("delays must lie between 0 and 10.*got \\[11\\]", delays=11, windows="inside")
    refused("delays must lie between 0 and 478", delays=479)
    refused("delays must lie between", delays=-1)
    refused("rank must be 1 or more, got 0", rank=0)
    refused("wrap one trajectory in a list", z[0])
    refused("all trajectories need the same number of states, got \\[11, 12\\]", [z[0], z[1, :11]])
    refused("all states that begin a pair are zero", np.zeros((3, 5, 2)))
    poisoned = z.copy()
    poisoned[2, 3, 1] = np.nan
    refused("trajectory 2 holds nan at step 3, feature 1", poisoned)
    for counts in ([], [0], [41]):
        with pytest.raises(ValueError, match="counts must lie between 1 and the 40 trajectories"):
            next(delay_dmd_grid(z, delays=[1], counts=counts))
    fit = delay_dmd(z, delays=2)
    with pytest.raises(ValueError, match=r"need windows of shape \(n_samples, 3, 3\), got \(40, 2, 3\)"):
        fit.predict(z[:, :2], 1)
    with pytest.raises(ValueError, match="steps must be 1 or more, got 0"):
        fit.linear_map(0)
    with pytest.raises(ValueError, match="10 layers of 7 units; a DMD of 2 delays and 3 units does not fit"):
        PeekingOperator(LayerScaling(network, "act1", "act2"), fit)
    with pytest.raises(ValueError, match="a DMD of 11 delays"):
        PeekingOperator(LayerScaling(network, "act1", "act2"), delay_dmd(trajectories(n_features=7), delays=11))
    with pytest.raises(ValueError, match="need trajectories of shape"):
        shuffle_samples(z[0])
    with pytest.raises(ValueError, match="at most half the distance of two roots"):
        roots_found(fit.eigenvalues, 12, within=0.3)
    with pytest.raises(ValueError, match="at least one period of 12 steps"):
        periodic_share(z[0, :5], 12)
