"""A network that reads an image row by row, then classifies what it remembers."""

from collections import OrderedDict
from copy import deepcopy

import numpy as np
import torch
from torch import nn


class Read(nn.Module):
    """One step of reading: ``h' = tanh(x_t U + u + h V)`` with the next row ``x_t``, which is then gone.

    The state before the step is the memory h beside all rows that are still to be read, the next one last. Before
    the first step there is no memory and the rows stand in the order of the page.

    Parameters
    ----------
    look : nn.Linear
        U and u, from a row to the memory; the same in all steps of a network.
    keep : nn.Linear
        V, from memory to memory; the same in all steps.
    first : bool
    """

    def __init__(self, look: nn.Linear, keep: nn.Linear, *, first: bool) -> None:
        super().__init__()
        self.look, self.keep, self.first = look, keep, first

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """From shape (n, n_memory + rows_left * width) to one row less."""
        width, n_memory = self.look.weight.shape[1], len(self.look.weight)
        if self.first:
            rows = states.unflatten(1, (-1, width)).flip(1).flatten(1)
            return torch.cat([torch.tanh(self.look(rows[:, -width:])), rows[:, :-width]], dim=1)
        memory, rest, row = states.split([n_memory, states.shape[1] - n_memory - width, width], dim=1)
        return torch.cat([torch.tanh(self.look(row) + self.keep(memory)), rest], dim=1)


def row_reader(
    n_rows: int, width: int, n_outputs: int, *, n_memory: int = 32, n_head: int = 24, seed: int = 0
) -> nn.Sequential:
    """A recurrent reader of rows, unrolled, with a head of one hidden layer: ``read1, …, readT, linear1, act1, head``.

    Parameters
    ----------
    n_rows, width : int
        Of the images, which come as rows of ``n_rows * width`` pixels.
    n_outputs, n_memory, n_head : int
    seed : int
        Seeds the initial weights; torch's global generator is left as it was.

    Returns
    -------
    nn.Sequential
        All steps share their weights. Each is a child of its own, so it can be watched, replaced, credited and
        damaged alone.

    Raises
    ------
    ValueError
        If there are fewer than two rows.

    Examples
    --------
    >>> [name for name, _ in row_reader(3, 8, 10).named_children()]
    ['read1', 'read2', 'read3', 'linear1', 'act1', 'head']
    """
    if n_rows < 2:
        raise ValueError(f"reading takes two rows or more, got {n_rows}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        look, keep = nn.Linear(width, n_memory), nn.Linear(n_memory, n_memory, bias=False)
        nn.init.orthogonal_(keep.weight)
        steps = OrderedDict((f"read{t}", Read(look, keep, first=t == 1)) for t in range(1, n_rows + 1))
        parts = {"linear1": nn.Linear(n_memory, n_head), "act1": nn.ReLU(), "head": nn.Linear(n_head, n_outputs)}
    return nn.Sequential(OrderedDict(steps | parts))


@torch.no_grad()
def memories(network: nn.Sequential, images: np.ndarray) -> np.ndarray:
    """What a `row_reader` remembers after each row.

    Parameters
    ----------
    network : nn.Sequential
        As `row_reader` makes it; left as it was.
    images : ndarray of shape (n_images, n_rows * width)

    Returns
    -------
    ndarray of shape (n_images, n_rows, n_memory)
        In float64, which the steps are computed in, too.

    Raises
    ------
    ValueError
        If the network has no step that reads, or the images have another number of pixels.
    """
    steps = [deepcopy(part).cpu().double() for part in network.children() if isinstance(part, Read)]
    if not steps:
        raise ValueError(f"need a network of row_reader, whose first parts read, got a {type(network).__name__}")
    n_memory, width = steps[0].look.weight.shape
    states = torch.tensor(np.asarray(images, dtype=np.float64))
    if states.ndim != 2 or states.shape[1] != len(steps) * width:
        raise ValueError(
            f"images of {len(steps)} rows of {width} pixels come in shape (n_images, {len(steps) * width}), got shape "
            f"{tuple(states.shape)}"
        )
    remembered = []
    for step in steps:
        states = step(states)
        remembered.append(states[:, :n_memory])
    return torch.stack(remembered, dim=1).numpy()
