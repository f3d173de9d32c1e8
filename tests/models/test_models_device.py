"""Training on another device. There need be none: torch's meta device has shapes and no numbers, and refuses to mix."""

import numpy as np
import pytest
import torch
from torch import nn

from linearlens.layers import LayerScaling
from linearlens.models import (
    ConvNet,
    GRUClassifier,
    LSTMAutoencoder,
    ModReLURNN,
    RowTransformer,
    TokenTransformer,
    mlp,
    residual_mlp,
    row_reader,
    train,
    train_classifier,
    train_together,
    train_tsne,
    training_device,
)

RNG = np.random.default_rng(0)
IMAGES, LABELS = RNG.random((20, 64)), RNG.integers(0, 10, 20)
TOKENS = RNG.integers(1, 9, (20, 9))
HOW = {"epochs": 1, "batch_size": 8, "learning_rate": 1e-3}


@pytest.mark.parametrize(
    ("there", "kinds"), [(True, ["cpu", "cuda", "cuda", "cpu"]), (False, ["cpu", "cpu", None, "cpu"])]
)
def test_a_device_by_name_and_by_environment(there, kinds, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    for name, kind in zip(("cpu", "auto", "cuda", ""), kinds, strict=True):
        monkeypatch.setenv("LINEARLENS_DEVICE", name)
        if kind is None:
            with pytest.raises(ValueError, match=r"cannot be trained on cuda.*take auto or cpu"):
                training_device()
            continue
        assert training_device().type == kind
    assert training_device("cpu").type == "cpu"
    assert training_device("auto").type == ("cuda" if there else "cpu")
    monkeypatch.delenv("LINEARLENS_DEVICE")
    assert training_device().type == "cpu"


def test_an_unknown_device_is_refused(monkeypatch):
    monkeypatch.setenv("LINEARLENS_DEVICE", "gpu")
    for training in (
        lambda: train_classifier(mlp([64, 10]), IMAGES, LABELS, epochs=1),
        lambda: train_together([mlp([64, 10])], IMAGES, LABELS, epochs=1),
    ):
        with pytest.raises(ValueError, match="one of auto, cpu, cuda, got 'gpu'; set LINEARLENS_DEVICE"):
            training()


class IndexedAsOnCuda(torch.overrides.TorchFunctionMode):
    """Rows are taken by numbers that lie on the same device or on the CPU; meta itself does not mind."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func is torch.Tensor.__getitem__:
            tensor, index = args
            parts = index if isinstance(index, tuple) else (index,)
            devices = {part.device.type for part in parts if isinstance(part, torch.Tensor)}
            assert devices <= {tensor.device.type, "cpu"}, "rows of a tensor that was left behind"
        return func(*args, **(kwargs or {}))


@pytest.fixture
def elsewhere(monkeypatch):
    """All is trained on the meta device, where no loss has a value; the networks that came back, as they come."""
    back = []

    def cpu(model):
        assert {tensor.device.type for tensor in model.state_dict().values()} == {"meta"}, "it was never moved"
        back.append(model)
        return model.to_empty(device="cpu")

    for module in ("training", "together", "tsne"):
        monkeypatch.setattr(f"linearlens.models.{module}.training_device", lambda: torch.device("meta"))
    monkeypatch.setattr(torch, "isfinite", lambda value: torch.tensor(value.device.type == "meta"))
    monkeypatch.setattr(nn.Module, "cpu", cpu)
    with IndexedAsOnCuda():
        yield back


def is_back(model):
    return not model.training and {tensor.device.type for tensor in model.state_dict().values()} == {"cpu"}


@pytest.mark.parametrize(
    "model",
    [
        mlp([64, 9, 10]),
        nn.Sequential(mlp([64, 10]), nn.Dropout(0.5)),
        residual_mlp(64, 10, gains=[1, 0], rotated=[1]),
        row_reader(8, 8, 10),
        ConvNet(8),
        RowTransformer(8),
        RowTransformer(8, gated=True),
    ],
    ids=lambda model: type(model).__name__,
)
def test_classifiers_are_trained_elsewhere_and_come_back(model, elsewhere):
    assert train_classifier(model, IMAGES, LABELS, epochs=1, batch_size=8) is model
    assert elsewhere == [model]
    assert is_back(model)


def last_symbols(model, x):
    return model(x)[:, -1].square().mean()


def next_tokens(model, tokens):
    return nn.functional.cross_entropy(model(tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten())


def rebuilt(model, series):
    return (model(series) - series).abs().mean()


def read_to_the_end(model, tokens, lengths, labels):
    return nn.functional.binary_cross_entropy_with_logits(model(tokens, lengths), labels)


@pytest.mark.parametrize(
    ("model", "loss", "data"),
    [
        (ModReLURNN(3, 6, 2), last_symbols, [RNG.random((20, 7, 3))]),
        (TokenTransformer(9, 9, width=16, n_blocks=2), next_tokens, [TOKENS]),
        (LSTMAutoencoder(9, 4), rebuilt, [RNG.random((20, 9))]),
        (LSTMAutoencoder(9, 4, n_positions=0, n_decoder=5), rebuilt, [RNG.random((20, 9))]),
        (
            GRUClassifier(9, 3, 6, dropout=0.3),
            read_to_the_end,
            [TOKENS, RNG.integers(1, 9, 20), (LABELS > 4).astype(float)],
        ),
    ],
    ids=["ModReLURNN", "TokenTransformer", "LSTMAutoencoder", "LSTMAutoencoder-constant", "GRUClassifier"],
)
def test_readers_of_sequences_are_trained_elsewhere_and_come_back(model, loss, data, elsewhere):
    train(model, loss, data, **HOW, clip=1.0, lengths=np.arange(1, 21))
    assert elsewhere == [model]
    assert is_back(model)


def test_networks_trained_together_are_so_elsewhere(elsewhere):
    models = [residual_mlp(64, 10, seed=seed) for seed in range(3)]
    assert train_together(models, IMAGES, LABELS, epochs=2, batch_size=8) == models
    assert elsewhere == models
    assert all(map(is_back, models))


def test_a_map_and_a_scaled_layer_are_trained_elsewhere(elsewhere):
    plane = mlp([64, 9, 2])
    train_tsne(plane, IMAGES, perplexity=5, epochs=2)
    block = LayerScaling(mlp([64, 12, 9, 10]), "act1", "act2").fit(RNG.random((20, 12)), epochs=1)
    assert elsewhere == [plane, block]
    assert is_back(plane)
    assert is_back(block)


def test_a_loss_that_mixes_devices_is_told_and_the_model_comes_back(elsewhere):
    """The meta device would not let a tensor pass that was left behind on the CPU."""
    model, left_behind = mlp([64, 10]), torch.ones(20, 10)
    with pytest.raises(RuntimeError, match="device"):
        train(model, lambda m, x: (m(x) - left_behind[: len(x)]).square().mean(), [IMAGES], **HOW)
    assert elsewhere == [model]
    assert is_back(model)
