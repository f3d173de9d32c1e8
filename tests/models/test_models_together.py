"""Residual networks, and many networks trained at once."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from torch import nn

from linearlens.models import ResidualBlock, accuracy, mlp, residual_mlp, train_classifier, train_together


@pytest.fixture
def double():
    """Networks in double precision, in which rounding stays small over many steps."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def made(n: int = 170) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, 5))
    return x, (x[:, 0] * x[:, 1] > 0).astype(int) + (x[:, 2] > 1)


def some(design: str) -> list[nn.Sequential]:
    if design == "mlp":
        return [mlp([5, 7, 6, 3], seed=seed) for seed in range(4)]
    gains = [[1, 0, 0.3], [0, 0.3, 1], [2, 1, 0], [0.1, 0, 0]]
    return [residual_mlp(5, 3, width=6, gains=g, rotated=[s % 3 + 1], seed=s) for s, g in enumerate(gains)]


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("design", ["mlp", "residual"])
def test_training_together_is_training_each_alone(design):
    x, y = made()
    settings = {"epochs": 8, "batch_size": 32, "learning_rate": 1e-2, "weight_decay": 0.03}
    seeds = [5, 5, 0, 9]
    alone = [
        train_classifier(model, x, y, seed=seed, **settings) for model, seed in zip(some(design), seeds, strict=True)
    ]
    start = some(design)
    together = some(design)
    returned = train_together(together, x, y, seeds=seeds, **settings)
    assert all(one is two for one, two in zip(returned, together, strict=True))
    for one, two, before in zip(alone, together, start, strict=True):
        assert not two.training
        for name, value in two.state_dict().items():
            torch.testing.assert_close(value, one.state_dict()[name], atol=1e-9, rtol=1e-9)
        moved = [(a - b).abs().max() for a, b in zip(two.parameters(), before.parameters(), strict=True)]
        assert max(moved) > 1e-2
        for name, value in two.named_buffers():
            assert torch.equal(value, dict(before.named_buffers())[name]), "gains and paths are never trained"


def test_defaults_are_those_of_one_network_and_global_numbers_stay():
    x, y = made()
    one = train_classifier(mlp([5, 6, 3], seed=1), x, y, epochs=2, seed=1)
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    two = train_together([mlp([5, 6, 3], seed=s) for s in (0, 1)], x, y, epochs=2)[1]
    assert torch.equal(torch.rand(1), expected)
    for a, b in zip(one.parameters(), two.parameters(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-5)


def test_networks_learn():
    x, y = made(400)
    networks = train_together([residual_mlp(5, 3, seed=s) for s in range(3)], x, y, epochs=40, learning_rate=1e-2)
    assert min(accuracy(network, x, y) for network in networks) > 0.9


def test_what_cannot_be_trained_together_is_said():
    x, y = made()
    networks = [mlp([5, 6, 3], seed=s) for s in (0, 1)]
    for message, models, options in (
        ("one network or more and one seed for each, got 0", [], {}),
        ("got 2 and 1 seeds", networks, {"seeds": [1]}),
        ("network 1 differs from network 0", [networks[0], mlp([5, 7, 3])], {}),
        ("network 1 differs", [networks[0], mlp([5, 6, 3], activation=nn.Tanh)], {}),
        ("with Dropout cannot be trained together", [nn.Sequential(nn.Linear(5, 3), nn.Dropout())], {}),
        ("with BatchNorm1d cannot", [nn.Sequential(nn.Linear(5, 3), nn.BatchNorm1d(3))], {}),
        ("a learning_rate above 0, got .*epochs=0", networks, {"epochs": 0}),
    ):
        with pytest.raises(ValueError, match=message):
            train_together(models, x, y, **{"epochs": 1, **options})
    with pytest.raises(ValueError, match=r"shape \(170,\)"):
        train_together(networks, x, y[:-1], epochs=1)
    broken = deepcopy(networks)
    with torch.no_grad():
        broken[1].linear1.bias.fill_(torch.nan)
    with pytest.raises(RuntimeError, match="loss of network 1 is nan in step 0 of 2"):
        train_together(broken, x, y, epochs=1)


def test_a_residual_network_is_its_formula():
    network = residual_mlp(5, 3, width=6, gains=[1, 0, 0.5], rotated=[2], seed=3).double()
    x = np.random.default_rng(0).normal(size=(20, 5))
    weights = {name: value.detach().numpy() for name, value in network.state_dict().items()}
    z = np.maximum(x @ weights["linear1.weight"].T + weights["linear1.bias"], 0)
    for number, gain in ((1, 1), (2, 0), (3, 0.5)):
        name = f"block{number}"
        inside = np.maximum(z @ weights[f"{name}.up.weight"].T + weights[f"{name}.up.bias"], 0)
        path = weights[f"{name}.path"] if number == 2 else np.eye(6)
        z = z @ path + gain * (inside @ weights[f"{name}.down.weight"].T + weights[f"{name}.down.bias"])
    logits = z @ weights["head.weight"].T + weights["head.bias"]
    np.testing.assert_allclose(network(torch.tensor(x)).detach(), logits, atol=1e-10)
    for seed in range(6):
        turn = residual_mlp(5, 3, width=6, gains=[0], rotated=[1], seed=seed).block1.path.double().numpy()
        np.testing.assert_allclose(turn @ turn.T, np.eye(6), atol=1e-6)
        assert np.linalg.det(turn) == pytest.approx(1, abs=1e-6)
        assert np.abs(turn - np.eye(6)).max() > 0.5
    assert not any(name.endswith(("gain", "path")) for name, _ in network.named_parameters())


def test_residual_networks_repeat_by_seed_and_leave_global_numbers_alone():
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    one, same, other = (residual_mlp(5, 3, gains=[0, 1], rotated=[1], seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.rand(1), expected)
    for name, value in one.state_dict().items():
        assert torch.equal(value, same.state_dict()[name])
    for name in ("block1.path", "head.weight"):
        assert not torch.equal(one.state_dict()[name], other.state_dict()[name])
    assert isinstance(one.block2, ResidualBlock)
    for wrong in ({"gains": []}, {"gains": [1], "rotated": [2]}, {"gains": [1], "rotated": [0]}):
        with pytest.raises(ValueError, match="need a gain for each block"):
            residual_mlp(5, 3, **wrong)
