"""Blocks trained together, windows as lifts, what stands in for a layer, and published weights."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression

from linearlens.datasets import DataError, load_weights, registry, weights
from linearlens.layers import (
    DelayWindow,
    LayerScaling,
    PeekingOperator,
    center_steps,
    count_cost,
    delay_dmd,
    fit_layer,
    fit_scalings,
    judge_outputs,
    peeking_grid,
    replace,
    roots_found,
    scale_layers,
    stand_ins,
    stand_ins_by_delay,
    with_constant,
)
from linearlens.models import accuracy, mlp
from linearlens.snapshots import collect_layers

SPAN = "act1", "act2"


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(240, 2))
    return inputs, (inputs.sum(axis=1) > 0).astype(int)


@pytest.fixture(scope="module")
def network():
    return mlp([2, 5, 4, 2], he=True, seed=3)


@pytest.fixture(scope="module")
def states(network, data):
    return collect_layers(network, data[0], ["act1"])[:, 0]


@pytest.fixture
def scaling(network, states):
    return LayerScaling(network, *SPAN, n_layers=3, seed=1).fit(states, epochs=3, batch_size=80)


@pytest.mark.parametrize("options", [{}, {"tied": True, "last": "linear", "init": "identity"}])
def test_together_is_one_by_one(network, states, options):
    seeds = [0, 4]
    alone = [
        LayerScaling(network, *SPAN, n_layers=3, seed=k, **options).fit(states, epochs=4, batch_size=80, seed=k)
        for k in seeds
    ]
    both = [LayerScaling(network, *SPAN, n_layers=3, seed=k, **options) for k in seeds]
    fit_scalings(both, [states, states], epochs=4, batch_size=80, seeds=seeds)
    for one, other in zip(alone, both, strict=True):
        assert other.loss_ == pytest.approx(one.loss_, abs=1e-6)
        assert np.allclose(one.trajectory(states), other.trajectory(states), atol=1e-4)
    assert not np.allclose(both[0].trajectory(states), both[1].trajectory(states))


def test_together_leaves_the_layer_and_the_network_alone(network, states):
    before = {name: value.clone() for name, value in network.state_dict().items()}
    one = LayerScaling(network, *SPAN, n_layers=2)
    layer = {name: value.clone() for name, value in one.layer.state_dict().items()}
    fit_scalings([one], [states], epochs=2, batch_size=80)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(torch.equal(value, layer[name]) for name, value in one.layer.state_dict().items())


def test_what_does_not_belong_together_is_refused(network, states):
    one, other = (LayerScaling(network, *SPAN, n_layers=n) for n in (2, 3))
    with pytest.raises(ValueError, match="scaling 1 differs"):
        fit_scalings([one, other], [states, states])
    with pytest.raises(ValueError, match="one scaling or more"):
        fit_scalings([], [])
    with pytest.raises(ValueError, match="as many states"):
        fit_scalings([one, one], [states, states[:9]])


def test_the_best_start_is_taken_by_training_loss(network, data):
    kept = scale_layers([network, network], *SPAN, data[0], n_starts=3, epochs=2, batch_size=120)
    states = collect_layers(network, data[0], ["act1"])[:, 0]
    starts = [LayerScaling(network, *SPAN, seed=k) for k in range(3)]
    losses = [one.fit(states, epochs=2, batch_size=120).loss_ for one in starts]
    near = LayerScaling(network, *SPAN, init="identity", seed=3).fit(states, epochs=2, batch_size=120).loss_
    wanted = min(losses) if min(losses) <= 0.01 else min(*losses, near)
    assert [one.loss_ for one in kept] == pytest.approx([wanted] * 2, abs=1e-5)


def test_a_window_as_a_lift_is_the_true_states_newest_first(scaling, states):
    true = scaling.trajectory(states)
    lifted = DelayWindow(scaling, 2).fit_transform(states)
    assert np.allclose(lifted, np.hstack([true[:, 2], true[:, 1], true[:, 0]]))
    for delays in (-1, 4):
        with pytest.raises(ValueError, match="between 0 and 3"):
            DelayWindow(scaling, delays).fit(states)


def test_an_affine_map_of_the_window_is_least_squares(network, scaling, states, data):
    goal = collect_layers(network, data[0], ["act2"])[:, 0]
    operator = fit_layer(network, *SPAN, data[0], lift=DelayWindow(scaling, 3), ridges=[1e-12])
    true = scaling.trajectory(states)[:, :4].reshape(len(states), -1)
    by_hand = LinearRegression().fit(true, goal).predict(true)
    assert np.allclose(operator.predict(states), by_hand, atol=1e-3)
    cost = count_cost(replace(network, operator))
    assert cost.inner_layers == 3
    assert cost.multiply_adds == 2 * 5 + 3 * 25 + 20 * 4 + 4 * 2


def test_a_constant_makes_the_hybrid_affine(network, scaling, states, data):
    known = with_constant(scaling.trajectory(states))
    assert (known[..., -1] == 1).all()
    dmd = delay_dmd(known, delays=2)
    operator = PeekingOperator(scaling, dmd)
    _, outputs = next(peeking_grid(scaling, states, states, delays=[2], constant=True))
    assert np.allclose(operator(torch.tensor(states)).detach().numpy(), outputs, atol=1e-5)
    by_hand = dmd.predict(known[:, :3], 2)[:, : scaling.n_outputs]
    assert np.allclose(outputs, by_hand)


def test_a_layer_misses_nothing_and_its_mean_all(network, data):
    true = collect_layers(network, data[0], ["act2"])[:, 0]
    own = judge_outputs(network, "act2", true, *data)
    assert own.missed == 0
    assert own.accuracy == accuracy(network, *data)
    mean = judge_outputs(network, "act2", np.repeat(true.mean(axis=0)[None], len(true), axis=0), *data)
    assert mean.missed == pytest.approx(1)
    half = judge_outputs(network, "act2", (true + true.mean(axis=0)) / 2, *data)
    assert half.missed == pytest.approx(0.25)
    assert str(half).endswith("25.00% of the variance missed")
    with pytest.raises(ValueError, match="has shape"):
        judge_outputs(network, "act2", true[:, :1], *data)


def test_all_rivals_see_the_same_points(network, scaling, data):
    inputs, later = data[0][:200], data[0][200:]
    found = stand_ins(network, scaling, inputs, later)
    goal = collect_layers(network, later, ["act2"])[:, 0]
    assert all(part.shape == goal.shape for part in found.values())
    affine = fit_layer(network, *SPAN, inputs).predict(collect_layers(network, later, ["act1"])[:, 0])
    assert np.allclose(found["affine"], affine)
    assert np.allclose(found["constant"], collect_layers(network, inputs, ["act2"])[:, 0].mean(axis=0))
    assert np.allclose(np.maximum(found["no_relu"], 0), goal, atol=1e-6)
    by_delay = stand_ins_by_delay(network, scaling, inputs, later, delays=[1, 3])
    assert np.allclose(by_delay["window"][1], found["window"])
    assert np.allclose(by_delay["paper"][1], found["paper"])
    assert np.allclose(by_delay["single"][1], found["last"])


def test_the_ring_is_the_step_means():
    rng = np.random.default_rng(1)
    means = rng.normal(size=(1, 12, 6))
    glued = means + 0.1 * rng.normal(size=(200, 12, 6))
    real, centred = (delay_dmd(s, delays=8).eigenvalues for s in (glued, center_steps(glued)))
    assert roots_found(real, 12).all()
    assert not roots_found(real, 12, midway=True).any()
    assert not roots_found(centred, 12).any()
    assert np.allclose(center_steps(glued).mean(axis=0), 0)
    with pytest.raises(ValueError, match="need trajectories"):
        center_steps(glued[0])


def test_midway_is_between_the_roots():
    between = np.exp(2j * np.pi * (np.arange(5) + 0.5) / 5)
    assert roots_found(between, 5, midway=True).all()
    assert not roots_found(between, 5).any()


def test_weights_are_read_without_running_code(tmp_path, monkeypatch):
    np.savez(tmp_path / "good.npz", a=np.arange(3))
    np.savez(tmp_path / "object.npz", a=np.array([{}], dtype=object))
    (tmp_path / "bad.safetensors").write_bytes(b"no")
    (tmp_path / "model.pt").write_bytes(b"no")
    ask = {"names": ["good.npz"]}
    monkeypatch.setattr(weights, "fetch", lambda name: [tmp_path / one for one in ask["names"]])
    assert load_weights("any")["good"]["a"].tolist() == [0, 1, 2]
    for name, words in (
        ("object.npz", "cannot be read"),
        ("bad.safetensors", "cannot be read"),
        ("model.pt", "run code"),
    ):
        ask["names"] = [name]
        with pytest.raises(DataError, match=words):
            load_weights("any")


def test_published_weights_have_one_address_each():
    entry = registry.list_data()["koopmann"]
    assert len({file.source for file in entry.files}) == len(entry.files) == 17
    assert all(file.path.suffix == ".safetensors" for file in entry.files)
