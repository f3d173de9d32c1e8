"""Layer scaling: what is put in, what is trained, what stays as it was."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from linearlens.layers import LayerScaling
from linearlens.models import mlp
from linearlens.snapshots import collect_layers


@pytest.fixture
def network() -> nn.Sequential:
    return mlp([3, 8, 6, 2], seed=1)


@pytest.fixture
def states(network) -> np.ndarray:
    return collect_layers(network, np.random.default_rng(0).normal(size=(200, 3)), ["act1"])[:, 0]


def slow_trajectory(scaling: LayerScaling, network: nn.Sequential, states: np.ndarray) -> np.ndarray:
    h = [states.astype(np.float64)]
    for step in range(scaling.n_layers):
        linear = scaling.maps[0 if len(scaling.maps) == 1 else step]
        weight, bias = (p.detach().double().numpy() for p in linear.parameters())
        h.append(np.maximum(h[-1] @ weight.T + bias, 0))
    weight, bias = (p.detach().double().numpy() for p in network.linear2.parameters())
    output = np.maximum(h[-1] @ weight.T + bias, 0)
    return np.stack([*h, np.hstack([output, -np.ones((len(output), 2))])], axis=1)


@pytest.mark.parametrize("tied", [False, True])
def test_states_are_those_of_the_formula(network, states, tied, tmp_path):
    scaling = LayerScaling(network, "act1", "act2", n_layers=4, tied=tied, seed=3)
    slow = slow_trajectory(scaling, network, states)
    trajectory = scaling.trajectory(states)
    assert trajectory.shape == (200, 6, 8)
    np.testing.assert_allclose(trajectory, slow, atol=1e-5)
    np.testing.assert_array_equal(trajectory[:, 0], states)
    np.testing.assert_array_equal(trajectory[:, -1, 6:], -1)
    with torch.no_grad():
        np.testing.assert_array_equal(scaling(torch.from_numpy(states)), trajectory[:, -1, :6])
    moved = np.sqrt(((slow[:, 4] - slow[:, 0]) ** 2).sum() / (slow[:, 0] ** 2).sum())
    assert scaling.displacement(states) == pytest.approx(moved, rel=1e-4)
    n_trained = sum(p.numel() for p in scaling.parameters() if p.requires_grad)
    assert n_trained == (1 if tied else 4) * (8 * 8 + 8)
    assert len(scaling.maps) == (1 if tied else 4)
    save_file(scaling.state_dict(), tmp_path / "scaling.safetensors")  # it refuses weights that come twice


def test_starts_and_seeds(network):
    wide = mlp([3, 400, 300, 2])
    weight = LayerScaling(wide, "act1", "act2", n_layers=1).maps[0].weight
    assert weight.std().item() == pytest.approx(np.sqrt(2 / 400), rel=0.02)
    near = LayerScaling(wide, "act1", "act2", n_layers=1, init="identity").maps[0]
    assert (near.weight - torch.eye(400)).std().item() == pytest.approx(0.05 * np.sqrt(2 / 400), rel=0.02)
    assert (near.bias == 0.01).all()
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    one, same, other = (LayerScaling(network, "act1", "act2", seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.rand(1), expected)
    assert torch.equal(one.maps[3].weight, same.maps[3].weight)
    assert not torch.equal(one.maps[3].weight, other.maps[3].weight)
    assert not torch.equal(one.maps[3].weight, one.maps[4].weight)


def test_training_reproduces_the_layer_and_changes_nothing_else(network, states):
    before, kept = [p.clone() for p in network.parameters()], states.copy()
    scaling = LayerScaling(network, "act1", "act2", n_layers=3, seed=0)
    frozen = [p.clone() for p in scaling.layer.parameters()]
    with torch.no_grad():
        target = network.act2(network.linear2(torch.from_numpy(states)))
        untrained = nn.functional.huber_loss(scaling(torch.from_numpy(states)), target).item()
    assert scaling.fit(states, epochs=60, batch_size=50, learning_rate=1e-2) is scaling
    assert scaling.loss_ < 0.1 * untrained
    with torch.no_grad():
        slow = nn.functional.huber_loss(scaling(torch.from_numpy(states)), target).item()
    assert scaling.loss_ == pytest.approx(slow, rel=1e-5)
    np.testing.assert_array_equal(states, kept)
    assert all(map(torch.equal, before, network.parameters()))
    assert all(p.requires_grad for p in network.parameters())
    assert all(map(torch.equal, frozen, scaling.layer.parameters()))
    assert not scaling.training


def test_a_tied_scaling_with_a_linear_end_is_one_autonomous_map(network, states):
    scaling = LayerScaling(network, "act1", "act2", n_layers=5, tied=True, init="identity", last="linear")
    untrained = scaling.maps[0].weight.clone()
    assert torch.equal(scaling.last.weight, network.linear2.weight)
    scaling.fit(states, epochs=30, batch_size=50, learning_rate=3e-3)
    assert not torch.equal(scaling.last.weight, network.linear2.weight)
    assert torch.equal(scaling.layer.linear2.weight, network.linear2.weight)
    assert not torch.equal(scaling.maps[0].weight, untrained)
    trajectory = scaling.trajectory(states)
    weight, bias = (p.detach().numpy() for p in scaling.maps[0].parameters())
    for now, then in zip(range(5), range(1, 6), strict=True):
        step = np.maximum(trajectory[:, now] @ weight.T + bias, 0)
        np.testing.assert_allclose(trajectory[:, then], step, atol=1e-5)
    weight, bias = (p.detach().numpy() for p in scaling.last.parameters())
    np.testing.assert_allclose(trajectory[:, -1, :6], trajectory[:, -2] @ weight.T + bias, atol=1e-5)


def test_the_layer_stays_in_eval_mode_while_others_are_trained():
    layers = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 6), nn.BatchNorm1d(6), nn.Dropout(0.9), nn.ReLU())
    states = np.random.default_rng(0).uniform(size=(60, 8)).astype(np.float32)
    scaling = LayerScaling(layers.eval(), "1", "5", n_layers=2)
    before = {name: value.clone() for name, value in scaling.layer.state_dict().items()}
    scaling.fit(states, epochs=2)
    for name, value in scaling.layer.state_dict().items():
        assert torch.equal(value, before[name]), name
    h = torch.from_numpy(states)
    scaling.train()
    assert scaling.maps.training
    assert torch.equal(scaling(h), scaling(h)), "dropout of the frozen layer is off"


def test_bad_requests(network, states):
    with pytest.raises(ValueError, match=r"must begin with an nn\.Linear, got ReLU"):
        LayerScaling(network, "linear1", "act1")
    with pytest.raises(ValueError, match="'act2' may have at most 3 units; it has 6"):
        LayerScaling(mlp([3, 3, 6, 2]), "act1", "act2")
    with pytest.raises(ValueError, match=r"no module named \['act7'\]"):
        LayerScaling(network, "act1", "act7")
    for wrong in ({"n_layers": 0}, {"init": "zero"}, {"last": "first"}):
        with pytest.raises(ValueError, match="need n_layers of 1 or more, init one of"):
            LayerScaling(network, "act1", "act2", **wrong)
    with pytest.raises(ValueError, match="of 6 units, but 'linear3' has 2; take a span of one layer"):
        LayerScaling(network, "act1", "linear3", last="linear")
    scaling = LayerScaling(network, "act1", "act2")
    with pytest.raises(ValueError, match=r"the states at 'act1' need shape \(n_samples, 8\).*got shape \(200, 7\)"):
        scaling.trajectory(states[:, :7])
    with pytest.raises(ValueError, match="need shape"):
        scaling.fit(states[:0])
    states[3, 2] = np.inf
    with pytest.raises(ValueError, match="hold inf in sample 3, unit 2"):
        scaling.fit(states)
