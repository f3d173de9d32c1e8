"""Trained networks kept on disk, so that a long run can be taken up again."""

import ast
import hashlib
import inspect
import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from linearlens.models import training
from linearlens.models.device import training_device
from linearlens.paths import BUILD

FOLDER = BUILD / "networks"


def keep_trained(
    model: nn.Module,
    train: Callable[[nn.Module], object],
    *,
    settings: Mapping[str, float | int | str | None],
    data: Iterable[np.ndarray],
) -> float:
    """Train a network in place, or load the weights an equal training has left.

    Two trainings are equal if model class, initial weights, settings, data, the kind of the device, the version of
    torch, and the code of class and training loop are, comments and docstrings aside. The code of `train` itself is
    NOT looked at: whatever it does beyond the training loop, the loss included, must be named in `settings`, or a
    changed `train` gets the old weights.
    Weights are stored as safetensors below ``_build/networks``.

    Parameters
    ----------
    model : nn.Module
        With its initial weights; it gets the trained ones in place.
    train : callable
        Trains the model it is given, in place, by these settings and data and nothing else.
    settings : mapping of str to number or str
        Everything that `train` does not share with all others: loss, epochs, rates, seed, …
    data : iterable of ndarray
        What it is trained on.

    Returns
    -------
    float
        CPU seconds the training took, now or when it was done. The model is left in eval mode.

    Examples
    --------
    A kill at any moment loses no finished network::

        seconds = keep_trained(network, lambda m: fit(m, **settings), settings=settings, data=[inputs, labels])
    """
    path = FOLDER / f"{type(model).__name__}-{_key(model, settings, data)}.safetensors"
    try:
        with safe_open(path, "pt") as kept:
            seconds = float((kept.metadata() or {})["cpu_seconds"])
        model.load_state_dict(load_file(path))
    except (FileNotFoundError, SafetensorError, KeyError):
        start = time.process_time()
        train(model)
        seconds = time.process_time() - start
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".part{os.getpid()}")
        weights = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
        try:
            save_file(weights, draft, metadata={"cpu_seconds": str(seconds)})
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    model.eval()
    return seconds


def _key(model: nn.Module, settings: Mapping, data: Iterable[np.ndarray]) -> str:
    recipe = [torch.__version__, training_device().type, repr(model), dict(settings)]
    digest = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode())
    for code in (type(model), training):
        digest.update(_statements(Path(inspect.getfile(code)).read_text(encoding="utf-8")).encode())
    for tensor in model.state_dict().values():
        digest.update(tensor.numpy().tobytes())
    for array in data:
        digest.update(f"{array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]


def _statements(source: str) -> str:
    """The code of a module without comments, docstrings and layout."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)
