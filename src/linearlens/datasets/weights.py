"""Trained weights that others have published: read as arrays, by readers that run no code of theirs."""

from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from linearlens.datasets.registry import DataError, fetch


def load_weights(name: str) -> dict[str, dict[str, np.ndarray]]:
    """All weight files of an entry of the registry; downloaded with a checksum on first use.

    Parameters
    ----------
    name : str
        A name of the registry, such as ``"koopmann"``.

    Returns
    -------
    dict of str to dict of str to ndarray
        For each file, by its name without the ending, its arrays by their names.

    Raises
    ------
    DataError
        If a file is missing and cannot be fetched, has a wrong checksum, or is no safetensors or npz file: others
        may run code when they are read.
    """
    return {path.stem: _read(path) for path in fetch(name)}


def _read(path: Path) -> dict[str, np.ndarray]:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                return dict(arrays)
    except (SafetensorError, OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read as weights: {error}") from error
    raise DataError(f"{path} is no safetensors or npz file; others may run code when they are read")


def read_weights(path: Path) -> dict[str, np.ndarray]:
    """The arrays of one safetensors or npz file by their names; a DataError if it is neither."""
    return _read(path)
