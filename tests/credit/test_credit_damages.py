"""Damages and the credit of single units, against doing it by hand."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression
from test_credit import blocks, made_data, plain, slow_functions, slow_states
from torch import nn

from linearlens.credit import DAMAGES, NEURON_METHODS, contrasts, credits, damages, neuron_credits
from linearlens.datasets import Dataset
from linearlens.models import accuracy, mlp, plant_trojan, residual_mlp


def labelled(model: nn.Module, seed: int) -> Dataset:
    """Data whose labels the network itself has given, a few of them wrong."""
    data = made_data(seed)
    labels = [model(torch.tensor(x)).argmax(dim=1).numpy() for x in (data.train_inputs, data.test_inputs)]
    labels[1][:20] = (labels[1][:20] + 1) % 4
    return Dataset("labelled", data.train_inputs, labels[0], data.test_inputs, labels[1])


def generator(seed: int, place: int, kind: str) -> np.random.Generator:
    key = (place, list(DAMAGES).index(kind))
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def score(model: nn.Module, data: Dataset) -> float:
    return float((model(torch.tensor(data.test_inputs)).argmax(dim=1).numpy() == data.test_labels).mean())


@pytest.mark.parametrize("seed", [0, 1])
def test_damages_are_those_done_by_hand(seed):
    model = blocks(seed)
    data = labelled(model, seed)
    whole = score(model, data)
    assert 0.85 < whole < 1
    table = damages(model, data, seeds=[3, 4])
    assert list(table.index) == ["linear1", "block1", "block2", "block3", "block4", "head"]
    assert list(table.columns) == ["weight_noise", "activation_noise", "skip", "reinitialise", "affine"]
    names = ["act1", "block1", "block2", "block3", "block4", "head"]
    train, test = (slow_states(slow_functions(model), x) for x in (data.train_inputs, data.test_inputs))

    def continued(outputs: np.ndarray, place: int) -> float:
        tail = model[list(model._modules).index(names[place]) + 1 :]
        return float((tail(torch.tensor(outputs)).argmax(dim=1).numpy() == data.test_labels).mean())

    for place, name in enumerate(table.index):
        left: dict[str, list[float]] = {kind: [] for kind in table.columns}
        for one in (3, 4):
            rng = generator(one, place, "weight_noise")
            for level in (0.3, 0.6, 1.0, 1.5):
                noisy = deepcopy(model)
                with torch.no_grad():
                    for weight in noisy.get_submodule(name).parameters():
                        size = level * float(torch.sqrt((weight**2).mean()))
                        weight += torch.tensor(size * rng.standard_normal(tuple(weight.shape)))
                left["weight_noise"].append(score(noisy, data))
            rng = generator(one, place, "activation_noise")
            for level in (0.5, 1.0, 2.0):
                noise = np.array([level * unit.std() for unit in test[place + 1].T]) * rng.standard_normal(
                    test[place + 1].shape
                )
                left["activation_noise"].append(continued(test[place + 1] + noise, place))
            fresh = deepcopy(model)
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(int(generator(one, place, "reinitialise").integers(2**62)))
                for part in fresh.get_submodule(name).modules():
                    if isinstance(part, nn.Linear):
                        part.reset_parameters()
            left["reinitialise"].append(score(fresh, data))
        shape = test[place].shape[1], test[place + 1].shape[1]
        left["skip"] = [continued(test[place] @ np.eye(*shape), place)]
        stand_in = LinearRegression().fit(train[place], train[place + 1])
        left["affine"] = [continued(stand_in.predict(test[place]), place)]
        for kind, scores in left.items():
            assert table.loc[name, kind] == pytest.approx(whole - np.mean(scores), abs=1e-12), (name, kind)
    assert table.loc["block4", "skip"] == 0 < table.loc["block2", "skip"]
    assert (table.loc[["block2", "block4"], "weight_noise"] == 0).all()
    assert (table["weight_noise"] > 0).sum() >= 3


def test_a_block_is_skipped_as_if_it_were_not_there():
    model = blocks(2)
    data = labelled(model, 2)
    without = nn.Sequential(*(part for name, part in model.named_children() if name != "block3"))
    table = damages(model, data, kinds=["skip"])
    assert table.loc["block3", "skip"] == pytest.approx(score(model, data) - score(without, data), abs=1e-12)


@pytest.mark.parametrize("make", [plain, blocks])
def test_nothing_is_changed_and_a_seed_says_all(make):
    model = make(0).float().requires_grad_(True).train()
    data = labelled(make(0), 0)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    inputs = data.train_inputs.copy(), data.test_inputs.copy()
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    layer = "act2" if make is plain else "block1.act"
    tables = [damages(model, data, seeds=[5]), credits(model, data), neuron_credits(model, layer, data)]
    assert torch.equal(torch.rand(1), expected)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert model.training
    assert all(parameter.requires_grad and parameter.grad is None for parameter in model.parameters())
    assert not any(part._forward_hooks for part in model.modules())
    np.testing.assert_array_equal(inputs[0], data.train_inputs)
    np.testing.assert_array_equal(inputs[1], data.test_inputs)

    again = [damages(model, data, seeds=[5]), credits(model, data), neuron_credits(model, layer, data)]
    for one, two in zip(tables, again, strict=True):
        np.testing.assert_array_equal(one, two)
    alone = damages(model, data, seeds=[5], kinds=["reinitialise", "weight_noise"])
    np.testing.assert_array_equal(alone, tables[0][["reinitialise", "weight_noise"]])
    assert (damages(model, data, seeds=[6]) != tables[0]).to_numpy().any()


def test_bad_requests_of_damages():
    model = plain(0)
    data = labelled(model, 0)
    with pytest.raises(ValueError, match=r"kinds must be a list of names from \['weight_noise'.*got \['burn'\]"):
        damages(model, data, kinds=["burn"])
    with pytest.raises(ValueError, match="kinds must be a list"):
        damages(model, data, kinds="skip")
    with pytest.raises(ValueError, match=r"kinds must be a list.* and seeds one or more numbers, .* \[\]"):
        damages(model, data, seeds=[])
    short = Dataset("short", data.train_inputs, data.train_labels, data.test_inputs, data.test_labels[:-1])
    with pytest.raises(ValueError, match=r"a label for each of the 200 test inputs .* labels of shape \(199,\)"):
        damages(model, short)
    model[2] = Scaled()
    with pytest.raises(ValueError, match="'linear2' has parameters but no reset_parameters"):
        damages(model, data)
    assert np.isfinite(damages(model, data, kinds=["skip", "weight_noise"]).to_numpy()).all()


class Scaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(9, 7, dtype=torch.float64))

    def forward(self, x):
        return x @ self.scale


# Units.


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("layer", ["act2", "linear2", "block1.act"])
def test_credits_of_units_are_their_formulas(layer, seed):
    model = blocks(seed) if "block" in layer else plain(seed)
    data, v = made_data(seed), contrasts(4)
    table = neuron_credits(model, layer, data)
    assert list(table.columns) == list(NEURON_METHODS)
    if "block" in layer:
        part = model.block1
        head = model[: list(model._modules).index("block1")]
        rest = model[list(model._modules).index("block1") + 1 :]

        def read(x):
            return torch.relu(part.up(x))

        def write(x, h):
            return rest(x @ part.path + part.gain * part.down(h))
    else:
        place = list(model._modules).index(layer)
        head, rest = model[:2], model[place + 1 :]

        def read(x):
            return model[2 : place + 1](x)

        def write(x, h):
            return rest(h)

    x, new = (head(torch.tensor(inputs)).detach() for inputs in (data.train_inputs, data.test_inputs))
    h, held = read(x).detach(), read(new).detach().numpy()
    reads = np.mean([torch.autograd.functional.jacobian(read, row).numpy() for row in x], axis=0)
    tails = np.mean(
        [
            torch.autograd.functional.jacobian(lambda unit, row=row: write(row, unit), unit).numpy()
            for row, unit in zip(x, h, strict=True)
        ],
        axis=0,
    )
    outputs = write(x, h).detach().numpy() @ v
    spread = np.sqrt(((outputs - outputs.mean(axis=0)) ** 2).sum(axis=1).mean())
    h = h.numpy()
    fitted = LinearRegression().fit(x, h)
    for unit in range(h.shape[1]):
        seen = np.linalg.norm(v.T @ tails[:, unit]) / spread
        assert table["swap"][unit] == pytest.approx(np.sqrt(np.mean(h[:, unit] ** 2)) * seen, abs=1e-8)
        assert table["noise_gain"][unit] == pytest.approx(h[:, unit].std() * seen, abs=1e-8)
        size = np.sqrt(np.mean(reads[unit] ** 2) * np.mean((x.numpy() ** 2).sum(axis=1)))
        gate = np.sqrt(np.mean(h[:, unit] != 0))
        assert table["weight_gain"][unit] == pytest.approx(size * gate * seen, abs=1e-8)
        missed = np.sqrt(np.mean((fitted.predict(new)[:, unit] - held[:, unit]) ** 2))
        assert table["residual_gain"][unit] == pytest.approx(missed * seen, abs=1e-8)
        if held[:, unit].std() == 0:
            assert np.isnan(table["residual"][unit])
            continue
        assert table["residual"][unit] == pytest.approx(missed / held[:, unit].std(), abs=1e-7)


def test_the_swap_of_a_unit_before_the_head_is_exact_for_silencing_it():
    model, data, v = plain(0), made_data(0), contrasts(4)
    table = neuron_credits(model, "act4", data, methods=["swap"])
    x = torch.tensor(data.train_inputs)
    whole = model(x).detach().numpy() @ v
    spread = np.sqrt(((whole - whole.mean(axis=0)) ** 2).sum(axis=1).mean())
    for unit in range(8):
        silenced = deepcopy(model)
        with torch.no_grad():
            silenced.linear5.weight[:, unit] = 0
        lost = whole - silenced(x).detach().numpy() @ v
        assert table["swap"][unit] == pytest.approx(np.sqrt((lost**2).sum(axis=1).mean()) / spread, abs=1e-10)


def test_units_before_an_activation_in_place():
    model = nn.Sequential(nn.Linear(6, 5), nn.ReLU(inplace=True), nn.Linear(5, 4)).double()
    apart = nn.Sequential(model[0], nn.ReLU(), model[2])
    for layer in ("0", "1"):
        np.testing.assert_array_equal(*(neuron_credits(one, layer, made_data(0)) for one in (model, apart)))


@pytest.mark.parametrize("seed", range(5))
def test_a_trojan_stands_out_by_its_residual_in_its_block_and_among_its_units(seed):
    model = residual_mlp(8, 4, width=12, gains=[0.5] * 4, seed=seed)
    x = np.random.default_rng(seed).normal(size=(900, 8))
    data = Dataset("gaussian", x[:600], np.zeros(600, int), x[600:], np.zeros(300, int))
    with torch.no_grad():
        states = model[:4](torch.tensor(x[:600], dtype=torch.float32)).numpy()  # what block3 is given
    before = deepcopy(model.state_dict())
    infected = plant_trojan(model, "block3", states, seed=seed)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    changed = {name for name, value in infected.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"block3.up.weight", "block3.up.bias", "block3.down.weight"}
    fires = infected.block3.act(infected.block3.up(torch.tensor(states))).detach().numpy()[:, 0]
    assert abs((fires > 0).mean() - 0.05) < 0.005
    written = fires[fires > 0].mean() * infected.block3.down.weight.detach().norm(dim=0)[0]
    assert written == pytest.approx(4 * np.sqrt((states.astype(float) ** 2).sum(axis=1).mean()), rel=1e-4)

    table = credits(infected, data, methods=["residual"])["residual"]
    assert table[["block1", "block2", "block3", "block4"]].idxmax() == "block3"
    assert credits(model, data, methods=["residual"])["residual"]["block3"] < 0.5 * table["block3"]
    assert neuron_credits(infected, "block3.act", data)["residual_gain"].idxmax() == 0


def test_bad_requests_of_units():
    model, data = plain(0), made_data(0)
    with pytest.raises(ValueError, match="no module named 'act9' in the components; they hold \\['linear1', 'act1'"):
        neuron_credits(model, "act9", data)
    with pytest.raises(ValueError, match="methods must be a list of names from \\['swap'"):
        neuron_credits(model, "act2", data, methods=["volume"])
    with pytest.raises(ValueError, match="methods must be a list"):
        neuron_credits(model, "act2", data, methods="swap")
    twice = nn.Sequential(nn.Linear(6, 5), Twice(), nn.Linear(5, 4))
    with pytest.raises(ValueError, match=r"units of '1\.inner' are wanted once a run.*they came 2 times"):
        neuron_credits(twice, "1.inner", data)
    with pytest.raises(ValueError, match=r"need the name of a ResidualBlock, one of \['block1', .*\]; got 'head'"):
        plant_trojan(blocks(0), "head", np.zeros((5, 8)))
    with pytest.raises(
        ValueError, match=r"states of shape \(n_samples, 8\) and a share between 0 and 1, got .*\(5, 7\)"
    ):
        plant_trojan(blocks(0), "block1", np.zeros((5, 7)))


class Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(5, 5)

    def forward(self, x):
        return self.inner(self.inner(x))


def test_accuracy_is_that_of_the_models():
    model = mlp([6, 5, 4], seed=0)
    data = labelled(model.double(), 0)
    table = damages(model, data, kinds=["skip"])
    silent = deepcopy(model)
    with torch.no_grad():
        silent.linear2.weight.copy_(torch.eye(4, 5))
        silent.linear2.bias.zero_()
    drop = accuracy(model.float(), data.test_inputs, data.test_labels) - accuracy(
        silent.float(), data.test_inputs, data.test_labels
    )
    assert table.loc["linear2", "skip"] == pytest.approx(drop, abs=1e-9)
