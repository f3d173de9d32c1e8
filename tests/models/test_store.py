"""Trained networks that are kept: what makes two trainings one, and files that were cut short."""

import importlib.util
import sys
import types

import numpy as np
import pytest
import torch

from linearlens.models import ModReLURNN, keep_trained, mlp, store

SETTINGS = {"epochs": 3, "rate": 0.1, "clip": None, "name": "a"}
DATA = [np.arange(6.0).reshape(2, 3), np.array([0, 1])]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "FOLDER", tmp_path / "networks")
    return tmp_path / "networks"


class Trainer:
    """Adds 1 to all weights, and counts how often it was asked to."""

    def __init__(self):
        self.calls = 0

    @torch.no_grad()
    def __call__(self, model):
        self.calls += 1
        for parameter in model.parameters():
            parameter.add_(1.0)


def keep(trainer, model=None, *, settings=SETTINGS, data=DATA):
    model = model or mlp([3, 4, 2], seed=0)
    keep_trained(model, trainer, settings=settings, data=data)
    assert not model.training
    return model


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


def test_changed_code_of_class_or_loop_trains_anew(tmp_path, monkeypatch):
    path = tmp_path / "made.py"
    path.write_text("import torch\n\nclass Made(torch.nn.Linear):\n    pass\n")
    spec = importlib.util.spec_from_file_location("made_for_store", path)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "made_for_store", module)
    spec.loader.exec_module(module)
    loop = tmp_path / "loop.py"
    loop.write_text("")
    monkeypatch.setattr(store, "training", types.ModuleType("loop"))
    store.training.__file__ = str(loop)
    trainer, start = Trainer(), module.Made(3, 2).state_dict()
    start = {name: tensor.clone() for name, tensor in start.items()}

    def once_more():
        model = module.Made(3, 2)
        model.load_state_dict(start)
        keep(trainer, model)
        return trainer.calls

    assert [once_more(), once_more()] == [1, 1]
    path.write_text(path.read_text() + "changed = 1\n")
    assert [once_more(), once_more()] == [2, 2]
    loop.write_text("changed = 1\n")
    assert [once_more(), once_more()] == [3, 3]
    path.write_text(path.read_text().replace("    pass", "    changed = 1"))
    assert [once_more(), once_more()] == [4, 4]


def test_comments_docstrings_and_layout_are_no_code():
    plain = "def f(x):\n    def g(): return 'a'\n    return g() + x\nclass A:\n    b = 1\n"
    dressed = (
        '"""A module."""\n\ndef f(x):  # adds\n    """Adds.\n\n    Much."""\n'
        "    def g():\n        'G.'\n        return \"a\"\n\n    return (g()\n        + x)\n"
        'class A:\n    """A class."""\n\n    b = 1\n'
    )
    assert store._statements(plain) == store._statements(dressed)
    for other in (plain.replace("'a'", "'b'"), plain.replace("b = 1", "b = 2"), plain.replace("+", "-"), plain + "'a'"):
        assert store._statements(plain) != store._statements(other)


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
    again = keep(trainer)
    assert trainer.calls == 2
    for one, other in zip(wanted.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)
    assert list(folder.iterdir()) == [path]
    assert path.stat().st_size >= len(whole) - 40
    keep(trainer)
    assert trainer.calls == 2


def test_a_training_or_a_writing_that_fails_leaves_no_network(folder, monkeypatch):
    def failing(model):
        raise RuntimeError("the loss is nan")

    with pytest.raises(RuntimeError, match="the loss is nan"):
        keep(failing)
    assert not folder.exists() or not list(folder.iterdir())

    def half(weights, path, **_):
        path.write_bytes(b"half")
        raise OSError("disk full")

    trainer = Trainer()
    with monkeypatch.context() as patch:
        patch.setattr(store, "save_file", half)
        with pytest.raises(OSError, match="disk full"):
            keep(trainer)
    assert not list(folder.iterdir()), "neither a network nor a draft of one"
    keep(trainer)
    assert trainer.calls == 2


def test_parametrized_weights_come_back_as_they_were():
    trainer = Trainer()
    first, second = (keep(trainer, ModReLURNN(3, 5, 2, seed=0)) for _ in range(2))
    assert trainer.calls == 1
    x = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(0))
    assert torch.equal(first(x), second(x))
    turn = second.recurrence.turn.weight
    torch.testing.assert_close(turn @ turn.T, torch.eye(5), atol=1e-5, rtol=0)
