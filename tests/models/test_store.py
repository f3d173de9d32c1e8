"""Trained networks that are kept: what makes two trainings one, and files that are not what they were."""

import copy
import importlib
import os
import random
import re
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from linearlens.models import ModReLURNN, keep_trained, mlp, store, train, training

SETTINGS = {"epochs": 3, "rate": 0.1, "clip": None, "name": "a"}
DATA = [np.arange(6.0).reshape(2, 3), np.array([0, 1])]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "FOLDER", tmp_path / "networks")
    return tmp_path / "networks"


class Trainer:
    """Adds 1 to all weights, and counts how often it was asked to, in a file: a number in it would make it another."""

    def __init__(self):
        self.log = store.FOLDER.parent / "calls"
        self.log.write_text("")

    @property
    def calls(self):
        return len(self.log.read_text())

    @torch.no_grad()
    def __call__(self, model):
        with self.log.open("a") as log:
            log.write(".")
        for parameter in model.parameters():
            parameter.add_(1.0)


def keep(trainer, model=None, *, settings=SETTINGS, data=DATA):
    model = model or mlp([3, 4, 2], seed=0)
    keep_trained(model, trainer, settings=settings, data=data)
    assert not model.training
    return model


def parameters(model):
    return [parameter.tolist() for parameter in model.parameters()]


def test_a_second_call_does_not_train(folder):
    trainer = Trainer()
    models = [keep(trainer) for _ in range(2)]
    assert trainer.calls == 1
    for first, second, start in zip(*(model.parameters() for model in (*models, mlp([3, 4, 2], seed=0))), strict=True):
        assert torch.equal(first, second)
        assert torch.equal(first, start + 1)
    assert keep(trainer, settings=dict(reversed(SETTINGS.items()))) is not None
    assert keep(trainer, data=iter(DATA)) is not None
    assert trainer.calls == 1
    assert [path.suffix for path in folder.iterdir()] == [".safetensors"]


@pytest.mark.parametrize(
    "change",
    [
        {"settings": {**SETTINGS, "epochs": 4}},
        {"settings": {**SETTINGS, "more": 1}},
        {"data": [DATA[0] + 1e-9, DATA[1]]},
        {"data": [DATA[0].astype(np.float32), DATA[1]]},
        {"data": [DATA[0].reshape(3, 2), DATA[1]]},
        {"data": [DATA[0].T.copy().T[::-1], DATA[1]]},
        {"data": DATA[:1]},
        {"model": mlp([3, 4, 2], seed=1)},
        {"model": mlp([3, 4, 2], seed=0, activation=torch.nn.Tanh)},
    ],
)
def test_whatever_changes_the_training_trains_anew(change):
    trainer = Trainer()
    keep(trainer)
    keep(trainer, **change)
    assert trainer.calls == 2
    keep(trainer)
    assert trainer.calls == 2


CELLS = {
    "imports": """
        import functools
        import numpy as np
        import torch
        from torch import nn
        import helper_of_a_reader as helper
        from linearlens.models import keep_trained
    """,
    "parts": """
        RATE = 0.5
        TABLE = {"size": [1.0, 2.0]}

        def helped(x, power=2):
            'Docs.'
            return x.abs() ** power

        def made(scale):
            def inner(x, *, shift=1.0):
                return scale * x + shift
            return inner

        inner = made(3.0)
        half = lambda x: x / 4
        scaled = functools.partial(torch.mul, other=7.0)

        def twice(function):
            @functools.wraps(function)
            def wrapper(x):
                return 2.5 * function(x)
            return wrapper

        @twice
        def dressed(x):
            return x - 11

        class Base:
            weight = 1.5
            def term(self, x):
                return x * 0.25

        class Penalty(Base):
            def __init__(self):
                self.strength = 0.125
            def __call__(self, x):
                return self.strength * self.term(x) * self.weight

        penalty = Penalty()
        losses = {"first": lambda x: x * 13.0}
    """,
    "network": """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.power = 1.75
                self.weight = nn.Parameter(torch.ones(3))
            def forward(self, x):
                return (self.weight * x).abs() ** self.power * 17.0
    """,
    "loss": """
        def loss(network):
            x = network(torch.arange(3.0))
            parts = [helped(x), inner(x), half(x), scaled(x), dressed(x), penalty(x), losses["first"](x)]
            return sum(parts) + RATE * sum(TABLE["size"]) + helper.term(x) + getattr(helper, "SCALE") + x * 19.0
    """,
    "training": """
        def learn(network):
            with torch.no_grad():
                network.weight.copy_(loss(network))
            with open(LOG, "a") as log:
                log.write(".")

        def result():
            network = Net()
            keep_trained(network, learn, settings={}, data=[])
            return network.weight.tolist()
    """,
    "other": "unrelated = 1",
}
HELPER = "SCALE = 23.0\ndef term(x):\n    return x * 29.0\n"


class Notebook:
    """Cells in a real shell of IPython, and a module of the reader beside them."""

    def __init__(self, folder):
        self.shell = InteractiveShell()
        self.folder = folder
        self.cells = {name: textwrap.dedent(source) for name, source in CELLS.items()}
        self.write(HELPER)
        for name in self.cells:
            self.run(name)

    def run(self, name):
        source = self.cells[name].replace("LOG", repr(str(self.folder / "log")))
        self.shell.run_cell(source, store_history=True).raise_error()

    def write(self, helper):
        (self.folder / "helper_of_a_reader.py").write_text(helper)
        importlib.invalidate_caches()
        if "helper_of_a_reader" in sys.modules:
            importlib.reload(sys.modules["helper_of_a_reader"])

    def edit(self, old, new):
        """In the cell or the module where it stands."""
        if old in HELPER:
            return self.write(HELPER.replace(old, new))
        (name,) = (name for name, source in CELLS.items() if old in source)
        self.cells[name] = textwrap.dedent(CELLS[name]).replace(old, new)
        self.run(name)

    def result(self):
        """The weights, and how often any were trained."""
        self.shell.run_cell("kept = result()").raise_error()
        return self.shell.user_ns["kept"], len((self.folder / "log").read_text())


@pytest.fixture
def notebook(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    for name in ("displayhook", "excepthook"):
        monkeypatch.setattr(sys, name, getattr(sys, name))
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    monkeypatch.delitem(sys.modules, "helper_of_a_reader", raising=False)
    shown = Notebook(tmp_path)
    yield shown
    shown.shell.history_manager.end_session()
    sys.modules.pop("helper_of_a_reader", None)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("x * 19.0", "x * 20.0"),
        ("return x.abs() ** power", "return x.abs() * power"),
        ("power=2", "power=3"),
        ("shift=1.0", "shift=2.0"),
        ("made(3.0)", "made(4.0)"),
        ("x / 4", "x / 5"),
        ("other=7.0", "other=8.0"),
        ("2.5 * function", "3.5 * function"),
        ("x - 11", "x - 12"),
        ("weight = 1.5", "weight = 2.5"),
        ("x * 0.25", "x * 0.5"),
        ("self.strength = 0.125", "self.strength = 0.25"),
        ("x * 13.0", "x * 14.0"),
        ("RATE = 0.5", "RATE = 0.75"),
        ("[1.0, 2.0]", "[1.0, 3.0]"),
        ("self.power = 1.75", "self.power = 1.25"),
        ("** self.power * 17.0", "** self.power * 18.0"),
        ("SCALE = 23.0", "SCALE = 24.0"),
        ("x * 29.0", "x * 30.0"),
        ("network.weight.copy_(loss(network))", "network.weight.copy_(-loss(network))"),
    ],
)
def test_an_edit_in_a_notebook_trains_anew_and_taken_back_gives_the_old_weights(notebook, old, new):
    first, count = notebook.result()
    assert count == 1
    assert notebook.result() == (first, 1)
    notebook.edit(old, new)
    second, count = notebook.result()
    assert (count, second != first) == (2, True)
    assert notebook.result() == (second, 2)
    notebook.edit(old, old)
    assert notebook.result() == (first, 2)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("def loss(", "# what is made small\ndef loss("),
        ("'Docs.'", "'''Other docs, of two lines.\n\n    Here.'''"),
        ("return x.abs() ** power", "return (\n        x.abs()\n        ** power\n    )"),
        ("def helped(x, power=2):", "def helped(x: torch.Tensor, power: int = 2) -> torch.Tensor:"),
        ("penalty = Penalty()", "def nobody_calls_it(x):\n    return x\n\npenalty = Penalty()"),
        ("class Net(nn.Module):\n", "class Net(nn.Module):\n    'A network.'\n"),
        ("unrelated = 1", "unrelated = 2"),
    ],
)
def test_what_is_no_code_or_not_reached_does_not_train_anew(notebook, old, new):
    first, count = notebook.result()
    assert count == 1
    notebook.edit(old, new)
    assert notebook.result() == (first, 1)
    for name in notebook.cells:
        notebook.run(name)
    assert notebook.result() == (first, 1)


def test_the_package_itself_is_code_like_any_other(monkeypatch):
    def learn(model):
        trainer(model)
        train(model, lambda net, x: net(x).square().mean(), [DATA[0]], epochs=2, batch_size=1, learning_rate=1.0)

    trainer = Trainer()
    keep(learn)
    for calls, (name, value) in enumerate([("BUCKET", 51), ("_count_steps", lambda *_: 9)], start=2):
        with monkeypatch.context() as patch:
            patch.setattr(training, name, value)
            keep(learn)
        assert trainer.calls == calls
        keep(learn)
        assert trainer.calls == calls


@pytest.mark.parametrize("name", ["ATEN_CPU_CAPABILITY", "OPENBLAS_CORETYPE"])
def test_other_instructions_train_anew(monkeypatch, name):
    trainer = Trainer()
    keep(trainer)
    monkeypatch.setenv(name, "default")
    keep(trainer)
    assert trainer.calls == 2


@pytest.mark.parametrize(
    ("read", "write", "other"),
    [
        (torch.get_num_threads, torch.set_num_threads, torch.get_num_threads() + 1),
        (torch.get_default_dtype, torch.set_default_dtype, torch.float64),
        (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision, "medium"),
        (torch.are_deterministic_algorithms_enabled, torch.use_deterministic_algorithms, True),
    ],
)
def test_other_ways_to_compute_train_anew(read, write, other):
    trainer, model, usual = Trainer(), mlp([3, 4, 2], seed=0), read()
    untrained = copy.deepcopy(model)
    keep(trainer, model)
    write(other)
    try:
        keep(trainer, untrained)
    finally:
        write(usual)
    assert trainer.calls == 2


@pytest.mark.parametrize(
    "settings",
    [{"rate": np.float32(0.1), "n": np.int64(3), "on": np.True_}, {"sizes": [1, {"a": None}], "name": "b", "on": True}],
)
def test_settings_hold_numbers_of_numpy_and_nested_ones(settings):
    trainer = Trainer()
    keep(trainer, settings=settings)
    keep(trainer, settings=copy.deepcopy(settings))
    assert trainer.calls == 1
    keep(trainer, settings={**settings, "on": not settings["on"]})
    assert trainer.calls == 2


def test_weights_do_not_depend_on_what_was_drawn_before(folder):
    def learn(model):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.copy_(torch.rand_like(parameter) + np.random.rand() + random.random())  # noqa: NPY002

    def failing(model):
        torch.rand(1).add_(np.random.rand() + random.random())  # noqa: NPY002
        raise RuntimeError("the loss is nan")

    def state():
        return torch.random.get_rng_state().tolist(), np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002

    found = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        random.seed(seed)
        before = state()
        found.append(parameters(keep(learn)))
        assert state() == before
        with pytest.raises(RuntimeError, match="the loss is nan"):
            keep(failing)
        assert state() == before
        next(folder.iterdir()).unlink()
    assert found[0] == found[1]
    assert parameters(keep(learn, settings={})) != found[0]


def test_a_generator_in_reach_counts_with_its_state():
    def learn(model):
        trainer(model)
        with torch.no_grad():
            next(model.parameters()).add_(rng.normal())

    trainer, rng = Trainer(), np.random.default_rng(0)
    first, second = parameters(keep(learn)), parameters(keep(learn))
    assert trainer.calls == 2
    assert first != second
    rng = np.random.default_rng(0)
    assert parameters(keep(learn)) == first
    assert trainer.calls == 2


def test_a_network_trained_on_another_device_is_another(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    trainer = Trainer()
    for device, calls in (("cpu", 1), ("cuda", 2), ("auto", 2), ("cpu", 2)):
        monkeypatch.setenv("LINEARLENS_DEVICE", device)
        keep(trainer)
        assert trainer.calls == calls


@pytest.mark.parametrize("n_bytes", [0, 5, 60, -4])
def test_a_file_cut_short_is_trained_anew(folder, n_bytes):
    trainer = Trainer()
    wanted = keep(trainer)
    (path,) = folder.iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[:n_bytes])
    with pytest.warns(UserWarning, match=path.name):
        again = keep(trainer)
    assert trainer.calls == 2
    assert parameters(wanted) == parameters(again)
    assert list(folder.iterdir()) == [path]
    assert path.stat().st_size >= len(whole) - 40
    keep(trainer)
    assert trainer.calls == 2


def with_sum(weights, notes):
    return weights, {**notes, "sha256": store._checksum(weights, float(notes["cpu_seconds"]))}


FAULTS = {
    "one number": (lambda w, n: ({**w, "linear1.weight": w["linear1.weight"] + 1}, n), "its numbers are not those"),
    "no weights": (lambda w, n: ({}, n), "its numbers are not those"),
    "the seconds": (lambda w, n: (w, {**n, "cpu_seconds": "0.5"}), "its numbers are not those"),
    "no number of seconds": (lambda w, n: (w, {**n, "cpu_seconds": "soon"}), "could not convert"),
    "seconds without end": (lambda w, n: (w, {**n, "cpu_seconds": "inf"}), "its numbers are not those"),
    "no key": (lambda w, n: (w, {"cpu_seconds": n["cpu_seconds"]}), "key"),
    "no notes": (lambda w, n: (w, None), "__metadata__"),
    "another key": (lambda w, n: (w, {**n, "key": "0"}), "of another training"),
    "a name": (lambda w, n: with_sum({f"{name}s": t for name, t in w.items()}, n), "do not fit"),
    "a dtype": (lambda w, n: with_sum({name: t.double() for name, t in w.items()}, n), "do not fit"),
    "a shape": (lambda w, n: with_sum({name: t[None].clone() for name, t in w.items()}, n), "do not fit"),
    "one too few": (lambda w, n: with_sum(dict(list(w.items())[1:]), n), "do not fit"),
}


@pytest.mark.parametrize(("fault", "said"), FAULTS.values(), ids=list(FAULTS))
def test_a_file_that_was_tampered_with_is_trained_anew(folder, fault, said):
    trainer = Trainer()
    wanted = parameters(keep(trainer))
    (path,) = folder.iterdir()
    with safe_open(path, "pt") as kept:
        weights, notes = fault(load_file(path), kept.metadata())
    save_file(weights, path, metadata=notes)
    with pytest.warns(UserWarning, match=rf"{path.name}.*{said}.*trained anew") as warned:
        assert parameters(keep(trainer)) == wanted
    assert len(warned) == 1
    assert "\n" not in str(warned[0].message)
    assert warned[0].filename == __file__
    assert trainer.calls == 2


def test_a_file_of_another_training_in_its_place_is_no_network(folder):
    trainer = Trainer()
    wanted = parameters(keep(trainer))
    (path,) = folder.iterdir()
    keep(trainer, mlp([3, 4, 2], seed=1))
    other = next(one for one in folder.iterdir() if one != path)
    path.write_bytes(other.read_bytes())
    with pytest.warns(UserWarning, match="of another training"):
        assert parameters(keep(trainer)) == wanted


def test_a_folder_in_place_of_the_file_and_a_file_in_place_of_the_folder(folder):
    trainer = Trainer()
    wanted = parameters(keep(trainer))
    (path,) = folder.iterdir()
    path.unlink()
    path.mkdir()
    with pytest.warns(UserWarning, match=path.name) as warned:
        assert parameters(keep(trainer)) == wanted
    assert ["trained anew" in str(one.message) for one in warned] == [True, False]
    assert "not kept" in str(warned[1].message)
    assert list(folder.iterdir()) == [path]
    path.rmdir()
    folder.rmdir()
    folder.write_text("")
    with pytest.warns(UserWarning, match=path.name):
        assert parameters(keep(trainer)) == wanted
    assert trainer.calls == 3


def test_a_training_that_fails_leaves_no_network(folder):
    def failing(model):
        raise RuntimeError("the loss is nan")

    with pytest.raises(RuntimeError, match="the loss is nan"):
        keep(failing)
    assert not folder.exists() or not list(folder.iterdir())


def test_where_nothing_can_be_written_the_network_is_trained_and_not_kept(folder, monkeypatch):
    drafts = []

    def half(path, content):
        with path.open("wb") as file:
            file.write(content[:4])
        drafts.append(path.name)
        raise OSError("disk full")

    trainer = Trainer()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", half)
        with pytest.warns(UserWarning, match="not kept.*disk full"):
            kept = parameters(keep(trainer))
    assert trainer.calls == 1
    assert not list(folder.iterdir()), "neither a network nor a draft of one"
    assert re.fullmatch(rf"\.Sequential-\w+\.safetensors\.{os.getpid()}-\w+\.part", drafts[0])
    assert parameters(keep(trainer)) == kept
    assert trainer.calls == 2


def swap(model):
    model[1] = nn.Tanh()


def note(model):
    model[0].note = 1


def freeze(model):
    model[0].weight.requires_grad_(False)


def hook(model):
    model.register_forward_hook(lambda *_: None)


def widen(model):
    model.double()


@pytest.mark.parametrize("change", [swap, note, freeze, hook, widen])
def test_a_network_that_its_weights_do_not_tell_is_not_kept(folder, change):
    def learn(model):
        trainer(model)
        change(model)

    trainer = Trainer()
    with pytest.warns(UserWarning, match="not kept: more of it has changed"):
        kept = parameters(keep(learn))
    assert not folder.exists()
    plain = mlp([3, 4, 2], seed=0)
    trainer(plain)
    change(plain)
    assert parameters(plain) == kept, "and it has all that it was given"


def test_gradients_are_not_left_behind():
    def learn(model):
        trainer(model)
        model(torch.ones(1, 3)).sum().backward()

    trainer = Trainer()
    for _ in range(2):
        assert [parameter.grad for parameter in keep(learn).parameters()] == [None] * 4
    assert trainer.calls == 1


def test_what_cannot_be_told_apart_is_refused_before_it_is_trained(tmp_path):
    def learn(model):
        trainer(model)
        log.write("done")

    trainer = Trainer()
    with (tmp_path / "log").open("w") as log, pytest.raises(TypeError, match="reached as train -> log, and"):
        keep(learn)
    assert trainer.calls == 0


def test_tied_weights_come_back_tied():
    def tied():
        model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
        for parameter in model.parameters():
            nn.init.ones_(parameter)
        model[1].weight = model[0].weight
        return model

    trainer = Trainer()
    first, second = keep(trainer, tied()), keep(trainer, tied())
    assert trainer.calls == 1
    assert parameters(first) == parameters(second)
    assert second[1].weight is second[0].weight


def test_parametrized_weights_come_back_as_they_were():
    trainer = Trainer()
    first, second = (keep(trainer, ModReLURNN(3, 5, 2, seed=0)) for _ in range(2))
    assert trainer.calls == 1
    x = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(0))
    assert torch.equal(first(x), second(x))
    turn = second.recurrence.turn.weight
    torch.testing.assert_close(turn @ turn.T, torch.eye(5), atol=1e-5, rtol=0)
