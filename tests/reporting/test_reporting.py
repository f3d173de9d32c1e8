"""A model of one's own through all lenses: what is said is true of models whose truth is known, and nothing is lost."""

import json
import re
import time

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from torch import nn

import linearlens
from linearlens.reporting import LENSES, _report
from linearlens.reporting.__main__ import load_arrays, load_model, main

RNG = np.random.default_rng(0)


class Turns(nn.Module):
    """A recurrent part that turns and shrinks its state, whatever comes: its spectrum is known."""

    def __init__(self):
        super().__init__()
        self.cell = nn.RNN(2, 2, batch_first=True, nonlinearity="tanh", bias=False)
        turn = 0.9 * torch.tensor([[np.cos(0.6), -np.sin(0.6)], [np.sin(0.6), np.cos(0.6)]], dtype=torch.float32)
        with torch.no_grad():
            self.cell.weight_hh_l0.copy_(turn)
            self.cell.weight_ih_l0.zero_()
        self.out = nn.Linear(2, 2)

    def forward(self, start):
        first = 0.1 * start[None, :, :2]
        states, _ = self.cell(start.new_zeros(len(start), 12, 2), first)
        return self.out(states[:, -1])


def classifier():
    """A small one that learns which of two halves of its input is larger, and its data."""
    torch.manual_seed(0)
    x = torch.randn(600, 8)
    y = (x[:, :4].sum(1) > x[:, 4:].sum(1)).long()
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(150):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x[:400]), y[:400]).backward()
        optimizer.step()
    return model, x[:400].numpy(), x[400:].numpy(), (y[:400].numpy(), y[400:].numpy())


@pytest.fixture(scope="module")
def seen():
    model, train, test, labels = classifier()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    found = linearlens.report(model, train, test, labels=labels, progress=False)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items()), "left as it was"
    assert model.training, "in the mode it was in"
    return found


def test_each_lens_says_something_or_why_not(seen):
    assert list(seen.findings) == list(LENSES)
    assert not seen.findings["spectrum"].applies
    assert "no nn.RNN, nn.GRU or nn.LSTM" in seen.findings["spectrum"].verdict
    for lens in ("layers", "map", "credit"):
        one = seen.findings[lens]
        assert one.applies, one.verdict
        assert one.tables
        assert one.figures
        assert one.verdict.endswith((".", ")."))
    assert all(isinstance(figure, Figure) for figure in seen.figures.values())
    assert "layers.replacement" in seen.tables


def test_the_numbers_of_layers_are_those_of_the_model(seen):
    table = seen.tables["layers.replacement"]
    assert (table["own"] > 0.9).all()
    assert (table["mean"] < 0.7).all(), "a constant decides nothing"
    assert np.allclose(table["mean misses"], 1, atol=0.1)
    assert (table["lifted misses"] < 1).all()


def test_the_map_finds_what_the_model_was_made_to_use(seen):
    deletion = seen.tables["map.deletion"].median()
    assert deletion["named by the map"] > 2 * abs(deletion["drawn at random"])
    worth = seen.tables["map.worth"]
    assert not worth["zero"].any()
    assert (worth["precision"] < 1e-3).all()


def test_the_spectrum_of_a_turning_state_is_found_and_beats_persistence():
    starts = np.float32(RNG.normal(size=(80, 2)))
    found = linearlens.report(Turns(), starts[:50], starts[50:], lenses=["spectrum"], progress=False)
    one = found.findings["spectrum"]
    assert one.verdict.startswith("The operator predicts better than persistence and than the mean up to")
    eigenvalues = one.tables["eigenvalues"]
    pair = eigenvalues[eigenvalues["modulus"] < 0.95]
    assert np.allclose(pair["modulus"], 0.9, atol=0.02)
    assert np.allclose(pair["period"], 2 * np.pi / 0.6, rtol=0.02)
    assert (pair["residual"] < 0.1).all()


def test_states_without_dynamics_are_no_evidence():
    class Noise(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = nn.RNN(3, 3, batch_first=True)
            with torch.no_grad():
                self.cell.weight_hh_l0.zero_()

        def forward(self, x):
            return self.cell(x)[0][:, -1]

    found = []
    for _ in range(6):
        x = np.float32(RNG.normal(size=(60, 10, 3)))
        one = linearlens.report(Noise(), x[:40], x[40:], lenses=["spectrum"], progress=False).findings["spectrum"]
        found.append(any("no larger than that of states in random order" in said for said in one.warnings))
    assert sum(found) >= 4, f"one draw of noise in twenty passes for dynamics; here {found}"


def test_a_model_that_is_all_bias_is_called_so():
    model = nn.Linear(6, 2)
    with torch.no_grad():
        model.weight.mul_(0.01)
        model.bias.copy_(torch.tensor([10.0, 0.0]))
    x = np.float32(RNG.normal(size=(60, 6)))
    one = linearlens.report(model, x[:40], x[40:], lenses=["map"], progress=False).findings["map"]
    assert "The bias is 100% of the winning output in the median" in one.verdict


def test_tokens_are_seen_from_behind_their_embedding():
    torch.manual_seed(0)

    class Reads(nn.Module):
        def __init__(self):
            super().__init__()
            self.words = nn.Embedding(30, 6)
            self.read = nn.GRU(6, 8, batch_first=True, bidirectional=True)
            self.out = nn.Linear(16, 3)

        def forward(self, ids):
            return self.out(self.read(self.words(ids))[0].amax(1))

    ids = RNG.integers(30, size=(90, 7))
    labels = RNG.integers(3, size=60), RNG.integers(3, size=30)
    found = linearlens.report(Reads().eval(), ids[:60], ids[60:], labels=labels, progress=False)
    assert found.findings["spectrum"].applies, found.findings["spectrum"].verdict
    assert found.findings["map"].applies, found.findings["map"].verdict
    assert found.findings["credit"].applies, found.findings["credit"].verdict


def test_what_the_budget_does_not_reach_is_said():
    model, train, test, labels = classifier()
    start = time.process_time()
    found = linearlens.report(model, train, test, labels=labels, budget=0.0, progress=False)
    assert time.process_time() - start < 2
    assert all(one.verdict == "Left out: the budget of 0 CPU seconds was spent." for one in found.findings.values())


def test_an_interrupt_and_a_failure_keep_what_is_done(monkeypatch):
    model, train, test, _ = classifier()

    def interrupted(asked, budget):
        raise KeyboardInterrupt

    def fails(asked, budget):
        raise RuntimeError("planted")

    monkeypatch.setitem(_report.LENSES, "layers", fails)
    monkeypatch.setitem(_report.LENSES, "credit", interrupted)
    found = linearlens.report(model, train, test, progress=False).findings
    assert "RuntimeError: planted" in found["layers"].verdict
    assert found["map"].applies
    assert found["credit"].verdict == "Left out: it was interrupted."


def test_the_page_needs_nothing_else(seen, tmp_path):
    page = seen.to_html(tmp_path / "r.html").read_text(encoding="utf-8")
    assert not re.findall(r'(?:src|href)="(?!data:)[^"]*"', page), "no request leaves it"
    assert "prefers-color-scheme: dark" in page
    assert 'name="viewport"' in page
    assert page.count("<img alt=") == len(seen.figures)
    assert page.count("data:image/svg+xml;base64,") == len(seen.figures)
    assert "<section" in seen._repr_html_()
    with pytest.raises(ValueError, match="there is no folder"):
        seen.to_html(tmp_path / "none" / "r.html")


def test_the_json_says_what_it_was_made_with(seen, tmp_path):
    read = json.loads(seen.to_json(tmp_path / "r.json").read_text(encoding="utf-8"))
    made = read["made_with"]
    assert len(made["weights_sha256"]) == 64
    assert {"numpy", "torch", "linearlens"} <= made["versions"].keys()
    assert made["samples"] == {"train": 400, "test": 200}
    assert read["findings"]["map"]["tables"]["deletion"]["columns"][0] == "named by the map"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"model": "a model"}, "must be a torch.nn.Module, got str"),
        ({"train": np.zeros((5, 8), np.float32)}, "20 samples or more"),
        ({"labels": (np.zeros(400), np.zeros(3))}, "one label for each of 200 test samples"),
        ({"lenses": ["colour"]}, "no lens"),
    ],
)
def test_what_makes_no_sense_is_refused(change, says):
    model, train, test, labels = classifier()
    given = {"model": model, "train": train, "test": test, "labels": labels, "lenses": ["map"]} | change
    with pytest.raises(ValueError, match=says):
        linearlens.report(given.pop("model"), given.pop("train"), given.pop("test"), **given)


# From a shell.

FACTORY = """import torch
from torch import nn


def make():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))


def other():
    return 3
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "my_model.py").write_text(FACTORY)
    x = np.float32(RNG.normal(size=(90, 4)))
    np.savez(tmp_path / "data.npz", x_train=x[:60], x_test=x[60:])
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_the_same_from_a_shell(folder, capsys):
    assert main(["my_model:make", "--data", "data.npz", "-o", "out.html", "--lenses", "map"]) == 0
    assert "One input, one linear map: " in capsys.readouterr().out
    assert (folder / "out.html").is_file()
    assert main(["my_model:make", "--data", "data.npz", "-o", "out.txt"]) == 1
    assert "should end in .html or .json" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("my_model", "as module:function"),
        ("no_such:make", "No module named"),
        ("my_model:none", "has no attribute"),
        ("my_model:other", "gives int, no torch.nn.Module"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_a_model_that_is_none_is_named(address, says):
    with pytest.raises(ValueError, match=says):
        load_model(address)


def test_data_that_will_not_do_are_named(folder):
    np.savez(folder / "pickled.npz", x_train=np.array([object()], dtype=object), x_test=np.zeros(3))
    with pytest.raises(ValueError, match=r"cannot be read as an \.npz of plain"):
        load_arrays(folder / "pickled.npz")
    np.savez(folder / "less.npz", x_train=np.zeros(3))
    with pytest.raises(ValueError, match="has no x_test"):
        load_arrays(folder / "less.npz")
    np.savez(folder / "half.npz", x_train=np.zeros(3), x_test=np.zeros(3), y_test=np.zeros(3))
    with pytest.raises(ValueError, match="labels of one part only"):
        load_arrays(folder / "half.npz")
    (folder / "text.npz").write_text("no")
    with pytest.raises(ValueError, match="cannot be read"):
        load_arrays(folder / "text.npz")
