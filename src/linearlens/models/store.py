"""Trained networks kept on disk, so that a long run can be taken up again."""

import hashlib
import json
import math
import os
import random
import secrets
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import nn

from linearlens.models.device import training_device
from linearlens.paths import NETWORKS

FOLDER = NETWORKS
# They choose among instructions that round differently.
VARIABLES = ("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "MKL_ENABLE_INSTRUCTIONS", "OPENBLAS_CORETYPE")

Weights = dict[str, torch.Tensor]


def keep_trained(
    model: nn.Module,
    train: Callable[[nn.Module], object],
    *,
    settings: Mapping[str, object],
    data: Iterable[np.ndarray | torch.Tensor],
) -> float:
    """Train a network in place, or load the weights that an equal training has left.

    Edit a loss in a cell, and the network is trained anew; put it back, and the first weights are there again. Two
    trainings are equal if these are:

    - `train`, with all it leads to: its code and that of each function and class it calls, in cells, in own modules
      and in this package; defaults, closures, globals, attributes. Comments, docstrings and layout are no part of it;
    - the model: its class, initial weights and other attributes;
    - settings and data;
    - the kind of device, the versions of Python, torch and numpy, and what else decides how numbers are rounded.

    The global random generators of torch, numpy and Python are seeded from all this while `train` runs, so the weights
    do not depend on what was drawn before; then they are put back.
    Files that `train` reads, the time, and compiled code of one's own are not seen: name them in `settings`.
    Weights are stored as safetensors, in a checkout below ``_build/networks``, otherwise in the user's cache folder. A
    file that is damaged, or of another training, gives a warning and is made anew; where nothing can be written, the
    network is trained, a warning given, and nothing kept.

    Parameters
    ----------
    model : nn.Module
        With its initial weights; it gets the trained ones in place.
    train : callable
        Trains the model it is given, in place, and does nothing else: when weights are loaded, it is not called.
    settings : mapping of str to number, str or None, or lists and dicts of these
        What else makes this training another, in any order.
    data : iterable of ndarray
        What it is trained on.

    Returns
    -------
    float
        CPU seconds the training took, now or when it was done. The model is left in eval mode, without gradients.

    Raises
    ------
    TypeError
        If `train`, model or settings lead to something whose state cannot be seen, such as an open file; the message
        says through what it was reached.

    Examples
    --------
    A kill at any moment loses no finished network::

        seconds = keep_trained(network, lambda m: fit(m, **settings), settings=settings, data=[inputs, labels])
    """
    from linearlens.models._fingerprint import fingerprint  # what trains nothing does not depend on it

    key = fingerprint(
        conditions=_conditions(),
        settings=sorted(settings.items()),
        data=list(data),
        model=model,
        train=train,
    )
    path = FOLDER / f"{type(model).__name__}-{key[:16]}.safetensors"
    kept = _read(path, key, model.state_dict())
    if kept is not None:
        weights, seconds = kept
        model.load_state_dict(weights)
    else:
        untrained, rest = _weights(model), _beside_weights(model)
        start = time.process_time()
        with _seeded(key):
            train(model)
        seconds = time.process_time() - start
        model.zero_grad()
        weights = _weights(model)
        fits = _forms(weights) == _forms(untrained)
        if fits:
            model.load_state_dict(untrained)
            fits = _beside_weights(model) == rest
            model.load_state_dict(weights)
        if fits:
            _write(path, key, weights, seconds)
        else:
            warnings.warn("the trained network is not kept: more of it has changed than its weights", stacklevel=2)
    model.eval()
    return seconds


def _conditions() -> list:
    """What decides, beside the code, to the last bit what is computed."""
    hooks = [entry for name, entry in sorted(vars(nn.modules.module).items()) if name.startswith("_global")]
    return [
        [torch.__version__, np.__version__, f"{sys.version_info.major}.{sys.version_info.minor}"],
        [training_device().type, torch.get_default_device(), torch.get_default_dtype(), torch.get_num_threads()],
        [torch.are_deterministic_algorithms_enabled(), torch.get_float32_matmul_precision()],
        [torch.is_autocast_enabled(kind) for kind in ("cpu", "cuda")],
        [torch.backends.cpu.get_cpu_capability(), *(os.environ.get(name) for name in VARIABLES)],
        [list(entry.values()) if isinstance(entry, dict) else entry for entry in hooks],
    ]


@contextmanager
def _seeded(key: str) -> Iterator[None]:
    """The global generators of torch, numpy and Python, seeded by the key; afterwards as they were."""
    seed, device = int(key[:16], 16), training_device()
    chips = [device] if device.type == "cuda" and torch.cuda.device_count() else []
    states = np.random.get_state(), random.getstate()  # noqa: NPY002
    with torch.random.fork_rng(devices=chips):
        try:
            torch.manual_seed(seed)
            np.random.seed(seed % 2**32)  # noqa: NPY002
            random.seed(seed)
            yield
        finally:
            np.random.set_state(states[0])  # noqa: NPY002
            random.setstate(states[1])


def _read(path: Path, key: str, wanted: Weights) -> tuple[Weights, float] | None:
    """Weights and seconds of a file, or None if there is none that can be trusted."""
    try:
        content = path.read_bytes()
        weights = load(content)
        notes = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]
        seconds = float(notes["cpu_seconds"])
        if notes["key"] != key:
            raise ValueError("it is of another training")
        if notes["sha256"] != _checksum(weights, seconds) or not math.isfinite(seconds):
            raise ValueError("its numbers are not those that were written")
        if _forms(weights) != _forms(wanted):
            raise ValueError("its weights do not fit the network")
    except FileNotFoundError:
        return None
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        warnings.warn(f"{path} is no kept network ({error}); it is trained anew", stacklevel=3)
        return None
    return weights, seconds


def _write(path: Path, key: str, weights: Weights, seconds: float) -> None:
    notes = {"key": key, "sha256": _checksum(weights, seconds), "cpu_seconds": repr(seconds)}
    draft = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            draft.write_bytes(save(weights, notes))
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        warnings.warn(f"the trained network is not kept, {path} cannot be written ({error})", stacklevel=3)


def _weights(model: nn.Module) -> Weights:
    """Copies of them, none of which shares memory with another."""
    return {name: tensor.clone(memory_format=torch.contiguous_format) for name, tensor in model.state_dict().items()}


def _beside_weights(model: nn.Module) -> str:
    """A fingerprint of the network as if in eval mode; if its weights are equal, of all else."""
    from linearlens.models._fingerprint import fingerprint

    modes = [(part, part.training) for part in model.modules()]
    try:
        return fingerprint(model=model.eval())
    finally:
        for part, mode in modes:
            part.training = mode


def _forms(weights: Weights) -> dict:
    return {name: (tensor.dtype, tensor.shape) for name, tensor in weights.items()}


def _checksum(weights: Weights, seconds: float) -> str:
    digest = hashlib.sha256(repr(seconds).encode())
    for name, tensor in sorted(weights.items()):
        digest.update(f"\n{name!r} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
