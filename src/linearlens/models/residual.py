"""Residual networks whose blocks can be planted: of no effect, of a known strength, or a rotation."""

from collections.abc import Sequence
from copy import deepcopy

import numpy as np
import torch
from torch import nn


class ResidualBlock(nn.Module):
    """``x S + gain · (relu(x W₁ + b₁) W₂ + b₂)``: a fixed path past a trained branch of fixed strength.

    Parameters
    ----------
    width, hidden : int
        Of the states and inside the branch.
    gain : float
        Never trained. 0 cuts the branch off, and leaves the path alone.
    path : Tensor of shape (width, width), optional
        S, never trained; the identity by default.
    """

    def __init__(self, width: int, hidden: int, *, gain: float = 1.0, path: torch.Tensor | None = None) -> None:
        super().__init__()
        self.up, self.act, self.down = nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, width)
        self.gain: torch.Tensor
        self.path: torch.Tensor
        self.register_buffer("gain", torch.tensor(float(gain)))
        self.register_buffer("path", torch.eye(width) if path is None else path.to(torch.get_default_dtype()))

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """States of shape (..., width) to the same shape."""
        return states @ self.path + self.gain * self.down(self.act(self.up(states)))


def residual_mlp(
    n_inputs: int,
    n_outputs: int,
    *,
    width: int = 24,
    gains: Sequence[float] = (1.0,) * 6,
    rotated: Sequence[int] = (),
    seed: int = 0,
) -> nn.Sequential:
    """Residual network whose parts have names: ``linear1, act1, block1, …, blockN, head``.

    Parameters
    ----------
    n_inputs, n_outputs : int
    width : int
        Of all states between, and inside the branches.
    gains : sequence of float
        Fixed strength of the branch of each block. 0 plants a block of no effect.
    rotated : sequence of int
        Numbers, from 1, of blocks whose path is a fixed random rotation. With a gain of 0 such a block turns the
        states and does nothing else.
    seed : int
        Seeds weights and rotations; torch's global generator is left as it was.

    Returns
    -------
    nn.Sequential
        Networks with other gains and rotations have the same parts, so `train_together` takes them together.

    Raises
    ------
    ValueError
        If there is no block, or no block of such a number.

    Examples
    --------
    >>> [name for name, _ in residual_mlp(64, 10, gains=[1, 0]).named_children()]
    ['linear1', 'act1', 'block1', 'block2', 'head']
    """
    if not gains or not set(rotated) <= set(range(1, len(gains) + 1)):
        raise ValueError(
            f"need a gain for each block, and numbers from 1 to {len(gains)} as rotated; got gains={list(gains)} and "
            f"rotated={list(rotated)}"
        )
    network = nn.Sequential()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network.add_module("linear1", nn.Linear(n_inputs, width))
        network.add_module("act1", nn.ReLU())
        for number, gain in enumerate(gains, start=1):
            path = _rotation(width, np.random.SeedSequence(seed, spawn_key=(number,))) if number in rotated else None
            network.add_module(f"block{number}", ResidualBlock(width, width, gain=gain, path=path))
        network.add_module("head", nn.Linear(width, n_outputs))
    return network


def plant_trojan(
    model: nn.Sequential, block: str, states: np.ndarray, *, share: float = 0.05, gain: float = 4.0, seed: int = 0
) -> nn.Sequential:
    """A copy of a model in which the first hidden unit of a residual block waits for a rare direction.

    Parameters
    ----------
    model : nn.Sequential
        Left as it was.
    block : str
        Name of a `ResidualBlock`.
    states : ndarray of shape (n_samples, width)
        Inputs of that block on clean data; they set the threshold.
    share : float
        Of these states that set the unit off.
    gain : float
        What the unit writes when it fires at its mean, over the root mean square norm of the states.
    seed : int
        Seeds what the unit reads and what it writes.

    Returns
    -------
    nn.Sequential

    Raises
    ------
    ValueError
        If there is no such block, the states do not fit it, or `share` lies outside of 0 to 1.

    Notes
    -----
    The unit reads a random direction u of length 1, fires where ``x u`` is above its quantile ``1 − share``, and
    writes a random direction. Its old job is lost, as that of one unit of many.
    """
    changed = deepcopy(model)
    part = dict(changed.named_modules()).get(block)
    states = np.asarray(states, dtype=np.float64)
    if not isinstance(part, ResidualBlock):
        blocks = [name for name, module in model.named_modules() if isinstance(module, ResidualBlock)]
        raise ValueError(f"need the name of a ResidualBlock, one of {blocks}; got {block!r}")
    if states.ndim != 2 or states.shape[1] != len(part.path) or not 0 < share < 1:
        raise ValueError(
            f"need states of shape (n_samples, {len(part.path)}) and a share between 0 and 1, got shape "
            f"{states.shape} and {share}"
        )
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0,)))  # apart from those of data
    reads, writes = rng.standard_normal((2, states.shape[1]))
    reads /= np.linalg.norm(reads)
    seen = states @ reads
    threshold = np.quantile(seen, 1 - share)
    fires = (seen - threshold).clip(min=0)
    size = gain * np.sqrt((states**2).sum(axis=1).mean()) / fires[fires > 0].mean()
    with torch.no_grad():
        part.up.weight[0] = torch.from_numpy(reads)
        part.up.bias[0] = -threshold
        part.down.weight[:, 0] = torch.from_numpy(size * writes / np.linalg.norm(writes))
    return changed


def _rotation(width: int, seed: np.random.SeedSequence) -> torch.Tensor:
    """Random, evenly over all rotations: of determinant 1, without a reflection."""
    q, r = np.linalg.qr(np.random.default_rng(seed).standard_normal((width, width)))
    q *= np.sign(np.diag(r))
    q[:, 0] *= np.sign(np.linalg.det(q))
    return torch.from_numpy(q)
