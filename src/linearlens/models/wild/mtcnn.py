"""The networks of the MTCNN face detector (MIT; the weights lie in the wheel of facenet-pytorch)."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from linearlens.datasets.registry import fetch
from linearlens.models.wild._load import Arrays, arrays_of, filled

SIDES = {"pnet": 12, "rnet": 24, "onet": 48}  # pixels of the images they are given
# Convolutions (channels, size) each with a PReLU, and the pooling after it (size, stride); then the dense layers.
_PARTS: dict[str, tuple[list[tuple[int, int]], list[tuple[int, int] | None], list[int]]] = {
    "pnet": ([(10, 3), (16, 3), (32, 3)], [(2, 2), None, None], []),
    "rnet": ([(28, 3), (48, 3), (64, 2)], [(3, 2), (3, 2), None], [128]),
    "onet": ([(32, 3), (64, 3), (64, 3), (128, 2)], [(3, 2), (3, 2), (2, 2), None], [256]),
}
_WIDTH = {"pnet": 1, "rnet": 3, "onet": 3}  # of the maps that the dense layers are given
_FACE = {"pnet": "conv4_1", "rnet": "dense5_1", "onet": "dense6_1"}
_LEFT_OUT = {"pnet": ("conv4_2.",), "rnet": ("dense5_2.",), "onet": ("dense6_2.", "dense6_3.")}  # boxes, landmarks


class _First(nn.Conv2d):
    """A convolution that refuses images of another size, with which pools and dense layers would go on all the same."""

    def __init__(self, side: int, n_out: int, size: int) -> None:
        super().__init__(3, n_out, size)
        self.side = side

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if tuple(images.shape[-2:]) != (self.side, self.side):
            raise ValueError(
                f"this network is for images of {self.side} by {self.side} pixels, as from `face_inputs`; got "
                f"{tuple(images.shape)}"
            )
        return super().forward(images)


def face_network(name: str, weights: Arrays | None = None) -> nn.Sequential:
    """One of the three published networks, up to the logits of "no face" and "face".

    Parameters
    ----------
    name : {"pnet", "rnet", "onet"}
        For images of 12, 24 and 48 pixels a side.
    weights : mapping of str to ndarray, optional
        The arrays of the file of that name; by default those of the data set ``facenet-pytorch``, fetched on first
        use. What gives boxes and landmarks is left out.

    Returns
    -------
    nn.Sequential
        ``conv1, prelu1, pool1, …, flatten, …, face``; from (n_images, 3, side, side), as from `face_inputs`, to
        (n_images, 2).

    Notes
    -----
    The published dense layer reads its maps by column, row, channel; its weights are put into torch's order here.
    """
    if name not in SIDES:
        raise ValueError(f"the networks are {', '.join(SIDES)}; got {name!r}")
    given = dict(arrays_of(fetch("facenet-pytorch"), f"{name}.safetensors") if weights is None else weights)
    network, arrays, channels = nn.Sequential(), {}, 3
    convolutions, pools, dense = _PARTS[name]
    for number, ((n_out, size), pool) in enumerate(zip(convolutions, pools, strict=True), 1):
        first = number == 1
        convolution = _First(SIDES[name], n_out, size) if first else nn.Conv2d(channels, n_out, size)
        network.add_module(f"conv{number}", convolution)
        network.add_module(f"prelu{number}", nn.PReLU(n_out))
        if pool is not None:
            network.add_module(f"pool{number}", nn.MaxPool2d(pool[0], pool[1], ceil_mode=True))
        channels = n_out
    network.add_module("flatten", nn.Flatten())
    for number, n_out in enumerate(dense, len(convolutions) + 1):
        network.add_module(f"dense{number}", nn.Linear(channels * _WIDTH[name] ** 2, n_out))
        network.add_module(f"prelu{number}", nn.PReLU(n_out))
        key = f"dense{number}.weight"
        if key in given:
            given[key] = _by_channel(given[key], channels)
        channels = n_out
    network.add_module("face", nn.Linear(channels, 2))
    for key, value in given.items():
        if key.startswith(_FACE[name]):
            arrays[f"face.{key.rpartition('.')[2]}"] = value.reshape(len(value), -1) if value.ndim > 1 else value
        elif not key.startswith(_LEFT_OUT[name]):
            arrays[key] = value
    return filled(network, arrays)


def _by_channel(matrix: np.ndarray, channels: int) -> np.ndarray:
    """Columns that stand by column, row and channel of a square map, by channel, row and column."""
    side = round((matrix.shape[1] / channels) ** 0.5)
    if side * side * channels != matrix.shape[1]:
        return matrix  # of another shape: `filled` says so
    return matrix.reshape(-1, side, side, channels).transpose(0, 3, 2, 1).reshape(len(matrix), -1)


def face_inputs(images: np.ndarray, side: int) -> torch.Tensor:
    """Grey images as the networks want them.

    Parameters
    ----------
    images : ndarray of shape (n_images, height, width)
        From 0 to 1.
    side : int
        Pixels, as in `SIDES`.

    Returns
    -------
    Tensor of shape (n_images, 3, side, side)
        From −1 to 1, three times the same; resized by areas.
    """
    if np.ndim(images) != 3 or min(np.shape(images)[1:]) < SIDES["pnet"]:
        raise ValueError(
            f"images are grey, of shape (n_images, height, width), of 12 pixels or more; got {np.shape(images)}"
        )
    if side not in SIDES.values():
        raise ValueError(f"the networks are for images of 12, 24 or 48 pixels, got side={side}")
    given = torch.tensor(np.asarray(images, dtype=np.float32))[:, None]
    if not bool(((given >= 0) & (given <= 1)).all()):
        raise ValueError("images go from 0, black, to 1, white; divide by 255 what has 8 bits")
    given = given * 255
    resized = functional.interpolate(given, (side, side), mode="area")
    return ((resized - 127.5) / 128).expand(-1, 3, -1, -1).contiguous()
