"""Blocks of one shape trained at once, from several starts each, so that a start that dies costs nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from linearlens.layers._scaling import LayerScaling
from linearlens.models import train_alike
from linearlens.snapshots import collect_layers


def fit_scalings(
    scalings: Sequence[LayerScaling],
    states: Sequence[np.ndarray],
    *,
    epochs: int = 450,
    batch_size: int = 512,
    learning_rate: float = 3e-3,
    weight_decay: float = 1e-4,
    seeds: Sequence[int] | None = None,
) -> list[LayerScaling]:
    """Train the inserted layers of many scalings in place, all in one batched model.

    Parameters
    ----------
    scalings : sequence of LayerScaling
        Equal but for their weights: of one width, one number of layers, and one kind of layer behind.
    states : sequence of ndarray of shape (n_samples, width)
        Activations at the `start` of each; as many samples for all.
    epochs, batch_size, learning_rate, weight_decay
        As in :meth:`LayerScaling.fit`.
    seeds : sequence of int, optional
        Seeds the order of the batches of each; 0 for all by default, as in :meth:`LayerScaling.fit`.

    Returns
    -------
    list of LayerScaling
        The same, each with its `loss_`, the Huber loss on its states. Choose among starts by it, never by test data.

    Raises
    ------
    ValueError
        If none comes, they differ in their parts or shapes, or states or settings do not fit.
    RuntimeError
        If a loss is no longer finite.

    Notes
    -----
    Scaling i takes the steps of ``scalings[i].fit(states[i], …, seed=seeds[i])``; only the order in which products are
    rounded differs. Twelve small blocks take about as long as two.
    """
    scalings, seeds = list(scalings), [0] * len(scalings) if seeds is None else list(seeds)
    if not scalings or not len(scalings) == len(states) == len(seeds):
        raise ValueError(
            f"need one scaling or more, states and a seed for each, got {len(scalings)}, {len(states)} and {len(seeds)}"
        )
    parts = [[(name, tuple(weight.shape)) for name, weight in one.state_dict().items()] for one in scalings]
    if different := [number for number, part in enumerate(parts) if part != parts[0]]:
        raise ValueError(f"scaling {different[0]} differs from scaling 0 in its parts or shapes; train it apart")
    if len({len(part) for part in states}) > 1:
        raise ValueError(f"need as many states for each scaling, got {[len(part) for part in states]}")
    x = torch.stack([one._tensor(part) for one, part in zip(scalings, states, strict=True)])
    with torch.no_grad():
        y = torch.stack([one.layer(part) for one, part in zip(scalings, x, strict=True)]).flatten(2)
    losses = train_alike(
        scalings,
        lambda block, rows, wanted: nn.functional.huber_loss(block(rows).flatten(1), wanted),
        [x, y],
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        seeds=seeds,
    )
    for one, loss in zip(scalings, losses, strict=True):
        one.loss_ = loss
    return scalings


def scale_layers(
    networks: Sequence[nn.Module],
    start: str,
    stop: str,
    inputs: np.ndarray,
    *,
    n_starts: int = 4,
    dead: float = 0.01,
    options: Mapping[str, Any] | None = None,
    **how: Any,
) -> list[LayerScaling]:
    """Scale the same layer of several networks of one design, each from several starts, all trained together.

    Parameters
    ----------
    networks : sequence of nn.Module
    start, stop : str
        As in :class:`LayerScaling`.
    inputs : ndarray of shape (n_samples, *input_shape)
        Training inputs of the networks.
    n_starts : int
        Random starts for each network. With He's initial weights one more begins near the identity.
    dead : float
        The start near the identity counts only if the loss of every other one is above this: blocks die.
    options : mapping, optional
        Of :class:`LayerScaling`.
    **how
        Of :func:`fit_scalings`.

    Returns
    -------
    list of LayerScaling
        The best of each network by its training loss.
    """
    given = dict(options or {})
    inits = [given.pop("init")] * n_starts if "init" in given else ["he"] * n_starts + ["identity"]
    starts = [
        [LayerScaling(network, start, stop, init=init, seed=seed, **given) for seed, init in enumerate(inits)]
        for network in networks
    ]
    states = [collect_layers(network, inputs, [start])[:, 0] for network in networks]
    fit_scalings([one for row in starts for one in row], [part for part in states for _ in inits], **how)
    alive = [row[:n_starts] if min(one.loss_ for one in row[:n_starts]) <= dead else row for row in starts]
    return [min(row, key=lambda one: one.loss_) for row in alive]
