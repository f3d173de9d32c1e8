"""Multilayer perceptrons."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn


def mlp(
    widths: Sequence[int], *, activation: type[nn.Module] = nn.ReLU, he: bool = False, seed: int = 0
) -> nn.Sequential:
    """Fully connected network whose parts have names: ``linear1, act1, linear2, …, linearN``.

    Parameters
    ----------
    widths : sequence of int
        Widths of input, hidden layers and output, at least two numbers.
    activation : type of nn.Module
        Put after every linear part but the last.
    he : bool
        Begin with He's normal weights and biases of 0.01, which keep narrow ReLU layers alive, in place of torch's
        own start.
    seed : int
        Seeds the initial weights; torch's global generator is left as it was.

    Returns
    -------
    nn.Sequential

    Raises
    ------
    ValueError
        If fewer than two widths come.

    Examples
    --------
    >>> [name for name, _ in mlp([64, 32, 10]).named_children()]
    ['linear1', 'act1', 'linear2']
    """
    if len(widths) < 2:
        raise ValueError(f"need at least an input and an output width, got {list(widths)}")
    network = nn.Sequential()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for layer, (n_in, n_out) in enumerate(pairwise(widths), start=1):
            linear = nn.Linear(n_in, n_out)
            if he:
                nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
                nn.init.constant_(linear.bias, 0.01)
            network.add_module(f"linear{layer}", linear)
            if layer < len(widths) - 1:
                network.add_module(f"act{layer}", activation())
    return network
