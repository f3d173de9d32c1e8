"""Others' arrays into modules of ours, with a word where they do not fit."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import nn

from linearlens.datasets.weights import read_weights

Arrays = Mapping[str, np.ndarray]
Module = TypeVar("Module", bound=nn.Module)
LOUDEST = 4.0  # of a wave: sums of recordings go beyond 1, but those of 16 bits reach thousands


def filled(module: Module, arrays: Arrays) -> Module:
    """A module with these arrays as its weights, in eval mode and without gradients.

    Parameters
    ----------
    module : nn.Module
        Changed in place.
    arrays : mapping of str to ndarray
        By the names of its state.

    Returns
    -------
    nn.Module
        The module.

    Raises
    ------
    ValueError
        If an array is missing, has another shape, is none of the module's, or holds other than finite real numbers
        with a point (whole ones would be those of a quantized network, without its scale); the message names it.
    """
    wanted = module.state_dict()
    name = type(module).__name__
    if missing := sorted(wanted.keys() - arrays.keys()):
        raise ValueError(f"{name} needs arrays that are not there: {', '.join(missing)}")
    if strange := sorted(arrays.keys() - wanted.keys()):
        raise ValueError(f"{name} has no place for: {', '.join(strange)}")
    for key, there in wanted.items():
        if tuple(there.shape) != tuple(np.shape(arrays[key])):
            raise ValueError(
                f"{name} wants {key} of shape {tuple(there.shape)}, but one of {np.shape(arrays[key])} came"
            )
        if (kind := np.asarray(arrays[key]).dtype).kind != "f" or not np.isfinite(arrays[key]).all():
            raise ValueError(f"{name} wants finite real numbers with a point in {key}; {kind} came, or NaN among it")
    module.load_state_dict({key: torch.tensor(np.asarray(arrays[key])) for key in wanted})
    return module.eval().requires_grad_(False)


def sound(waves: np.ndarray | torch.Tensor) -> None:
    """A ValueError unless waves are of finite numbers, and not on the scale of 16-bit recordings."""
    values = waves.detach() if isinstance(waves, torch.Tensor) else torch.as_tensor(np.asarray(waves))
    if not values.is_floating_point() or not bool((values.abs() <= LOUDEST).all()):
        raise ValueError(
            f"waves are numbers with a point from −1 to 1, got {values.dtype} and sizes up to {values.abs().max():g}; "
            "divide recordings of 16 bits by 32768"
        )


def arrays_of(paths: Sequence[Path], file: str) -> dict[str, np.ndarray]:
    """The arrays of one of the files of a data set, as from `fetch`."""
    return read_weights(path_of(paths, file))


def path_of(paths: Sequence[Path], file: str) -> Path:
    """Where one of the files of a data set lies."""
    return next(path for path in paths if path.name == file)
