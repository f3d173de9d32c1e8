"""Files that others ship, put into the one format that is read here: arrays, by name, and nothing that can run.

Each function is given the contents of files by their names and returns the bytes of a safetensors file. These are the
same on every machine, so that the registry can hold them against a checksum.
"""

import io
import json
import struct
import wave
from collections.abc import Callable, Mapping

import numpy as np

Contents = Mapping[str, bytes]
TYPES = {"float64": "F64", "float32": "F32", "float16": "F16", "int64": "I64", "int32": "I32", "int16": "I16",
         "int8": "I8", "uint8": "U8", "bool": "BOOL"}  # fmt: skip


def to_safetensors(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Arrays as a safetensors file, by name, those of the longest items first; always the same bytes.

    Parameters
    ----------
    arrays : mapping of str to ndarray

    Returns
    -------
    bytes

    Raises
    ------
    ValueError
        If there are none, or one is of a type that the format does not have.
    """
    if not arrays or (strange := sorted({str(one.dtype) for one in arrays.values()} - TYPES.keys())):
        raise ValueError(f"of type {', '.join(strange)}" if arrays else "no arrays")
    order = sorted(arrays, key=lambda name: (-arrays[name].dtype.itemsize, name))
    header: dict[str, dict] = {}
    parts: list[bytes] = []
    start = 0
    for name in order:
        values = np.ascontiguousarray(arrays[name]).reshape(arrays[name].shape)
        parts.append(values.astype(values.dtype.newbyteorder("<")).tobytes())
        stop = start + len(parts[-1])
        header[name] = {"dtype": TYPES[str(values.dtype)], "shape": list(values.shape), "data_offsets": [start, stop]}
        start = stop
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(parts)


def from_torch(contents: Contents) -> bytes:
    """The tensors of a file of ``torch.save``, read with ``weights_only=True``, which refuses all that could run."""
    import torch

    (content,) = contents.values()
    loaded = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    return to_safetensors({name: one.numpy() for name, one in _tensors(loaded, torch.Tensor)})


def _tensors(tree, kind: type, name: str = ""):
    """Those in dictionaries within dictionaries, but not those of an optimiser, by their path joined with dots."""
    if isinstance(tree, kind):
        yield name, tree
    elif isinstance(tree, Mapping):
        for key, value in tree.items():
            if key != "optimizer_state":
                yield from _tensors(value, kind, f"{name}.{key}" if name else str(key))


def from_hdf5(contents: Contents) -> bytes:
    """The arrays of an HDF5 file, by their paths in there."""
    import h5py

    (content,) = contents.values()
    found: dict[str, np.ndarray] = {}
    with h5py.File(io.BytesIO(content), "r") as file:
        file.visititems(lambda name, one: found.update({name: one[()]}) if isinstance(one, h5py.Dataset) else None)
    return to_safetensors(found)


def from_wav(contents: Contents) -> bytes:
    """Recordings of one channel and 16 bits, each as whole numbers under the name of its file without ``.wav``.

    Their common rate stands in an array ``rate``.
    """
    found: dict[str, np.ndarray] = {}
    rates: set[int] = set()
    for name, content in contents.items():
        if name.endswith(".wav"):
            with wave.open(io.BytesIO(content)) as file:
                if (file.getnchannels(), file.getsampwidth()) != (1, 2):
                    raise ValueError(f"{name} is not of one channel and 16 bits")
                rates.add(file.getframerate())
                found[name.removesuffix(".wav")] = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    if len(rates) != 1:
        raise ValueError(f"the rates of the recordings are {sorted(rates)}, and one is wanted")
    return to_safetensors({**found, "rate": np.array(list(rates), dtype=np.int32)})


CONVERTERS: dict[str, Callable[[Contents], bytes]] = {"torch": from_torch, "hdf5": from_hdf5, "wav": from_wav}
