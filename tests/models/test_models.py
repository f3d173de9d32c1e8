"""Networks, training and what is collected from inside them."""

import numpy as np
import pytest
import torch
from torch import nn

from linearlens.models import accuracy, mlp, train_classifier
from linearlens.snapshots import collect_layers, run_from


@pytest.fixture
def network() -> nn.Sequential:
    return mlp([4, 5, 5, 3], activation=nn.Tanh, seed=1)


def test_same_seed_same_weights_and_no_global_state(network):
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    again = mlp([4, 5, 5, 3], activation=nn.Tanh, seed=1)
    assert torch.equal(torch.rand(1), expected)
    for ours, theirs in zip(network.parameters(), again.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_a_network_may_begin_with_weights_of_he():
    network = mlp([400, 300, 10], he=True, seed=1)
    assert abs(float(network.linear1.weight.detach().std()) - (2 / 400) ** 0.5) < 2e-3
    assert bool((network.linear2.bias == 0.01).all())
    assert not bool((mlp([400, 300, 10], seed=1).linear2.bias == 0.01).all())


def test_training_learns_and_repeats():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 4))
    y = (x[:, 0] * x[:, 1] > 0).astype(int)
    scores = []
    for _ in range(2):
        trained = train_classifier(mlp([4, 16, 2], seed=0), x, y, epochs=60, learning_rate=2e-2)
        scores.append(accuracy(trained, x, y))
    assert scores[0] == scores[1] > 0.9
    wide = train_classifier(mlp([4, 16, 2], seed=0).double(), x, y, epochs=1)
    assert accuracy(wide, x, y) > 0
    with pytest.raises(ValueError, match=r"shape \(300,\), got shape \(299,\)"):
        train_classifier(mlp([4, 2]), x, y[1:], epochs=1)


def test_layers_are_what_the_network_computes(network):
    x = np.random.default_rng(0).normal(size=(7, 4)).astype(np.float32)
    states = collect_layers(network, x, ["act1", "act2"])
    slow = np.tanh(x @ network.linear1.weight.detach().numpy().T + network.linear1.bias.detach().numpy())
    np.testing.assert_allclose(states[:, 0], slow, atol=1e-6)
    logits = network(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(run_from(network, "act2", states[:, 1]), logits, atol=1e-6)
    assert not any(module._forward_hooks for module in network.modules())


def test_bad_requests(network):
    x = np.zeros((2, 4))
    with pytest.raises(ValueError, match="no module named \\['act9'\\]"):
        collect_layers(network, x, ["act1", "act9"])
    with pytest.raises(ValueError, match="one shape"):
        collect_layers(network, x, ["act1", "linear3"])
    with pytest.raises(ValueError, match="no child named 'act9'"):
        run_from(network, "act9", x)
    with pytest.raises(ValueError, match="at least an input and an output"):
        mlp([4])


def test_accuracy_is_that_of_eval_mode_and_leaves_the_model_as_it_was():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(200, 4)), rng.integers(0, 3, 200)
    model = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Dropout(0.5), nn.Linear(6, 3)).train()
    model[3].eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    found = [accuracy(model, x, y) for _ in range(3)]
    assert [part.training for part in model] == [True, True, True, False]
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    logits = model.eval()(torch.tensor(x, dtype=torch.float32))
    assert found == [(logits.argmax(dim=1).numpy() == y).mean()] * 3


def test_data_that_are_not_finite_are_said_to_be_the_fault():
    x = np.ones((20, 4))
    x[3, 1] = np.nan
    with pytest.raises(RuntimeError, match="the loss is nan in step 0 of 1; the data themselves hold NaN or infinity"):
        train_classifier(mlp([4, 3]), x, np.zeros(20, int), epochs=1)
