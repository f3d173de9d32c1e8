"""Everything that can stand in for a layer, fitted to the same samples, each with a constant."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.linear_model import LinearRegression
from torch import nn

from linearlens.layers._delay_dmd import delay_dmd
from linearlens.layers._fit import fit_layer
from linearlens.layers._lifts import fourier_lift, polynomial_lift, relu_lift
from linearlens.layers._peeking import DelayWindow, peeking_grid, with_constant
from linearlens.layers._scaling import LayerScaling
from linearlens.snapshots import collect_layers


def stand_ins(model: nn.Module, scaling: LayerScaling, inputs: np.ndarray, later: np.ndarray) -> dict[str, np.ndarray]:
    """What each method makes of the output of a layer, all of them fitted to the same samples.

    Parameters
    ----------
    model : nn.Module
        A chain of modules in which the layer begins with one named ``linear…``.
    scaling : LayerScaling
        Of the layer, trained.
    inputs : ndarray of shape (n_samples, *input_shape)
        Of the model; what all are fitted to.
    later : ndarray of shape (n_later, *input_shape)
        Inputs to run them on.

    Returns
    -------
    dict of str to ndarray of shape (n_later, n_outputs)
        ``affine``, ``cubic``, ``cosines`` and ``relu`` are fits on lifts of the layer's input, the last two with as
        many random units as the inserted layers have; ``window`` is the same fit on the states ``h_0`` to ``h_n``;
        ``last`` is affine in the last of them alone. ``paper`` is the delay DMD on glued windows with a constant,
        ``released`` without one; ``inside`` has windows inside trajectories and a least-squares readout, ``unread``
        the projected one. ``copies`` fills the first window with ``h_0``. ``scaled`` is the scaled layer without an
        operator, ``no_relu`` the linear part of the layer, ``constant`` the mean output.
    """
    start, stop = _ends(scaling)
    n, m = scaling.n_layers, scaling.n_outputs
    few, many = (collect_layers(model, points, [start])[:, 0] for points in (inputs, later))
    goal = collect_layers(model, inputs, [stop])[:, 0]
    lifts = {
        "affine": None,
        "cubic": polynomial_lift(3),
        "cosines": fourier_lift(n * scaling.width),
        "relu": relu_lift(n * scaling.width),
        "window": DelayWindow(scaling, n),
    }
    found = {name: fit_layer(model, start, stop, inputs, lift=lift).predict(many) for name, lift in lifts.items()}
    learnt, true = scaling.trajectory(few), scaling.trajectory(many)
    found["last"] = LinearRegression().fit(learnt[:, n], goal).predict(true[:, n])
    kinds: dict[str, dict[str, Any]] = {
        "paper": {"constant": True},
        "released": {"rank": 85},
        "inside": {"constant": True, "windows": "inside", "projected": False},
        "unread": {"constant": True, "windows": "inside"},
    }
    for name, how in kinds.items():
        _, found[name] = next(peeking_grid(scaling, few, many, delays=[n], **how))
    found["copies"] = _from_copies(scaling, learnt, true)
    found["scaled"] = true[:, -1, :m]
    found["no_relu"] = collect_layers(model, later, [stop.replace("act", "linear")])[:, 0]
    found["constant"] = np.repeat(goal.mean(axis=0)[None], len(many), axis=0)
    return found


def stand_ins_by_delay(
    model: nn.Module, scaling: LayerScaling, inputs: np.ndarray, later: np.ndarray, *, delays: Sequence[int]
) -> dict[str, np.ndarray]:
    """The same for each number of delays: what does the window give, and what its length?

    Parameters
    ----------
    model, scaling, inputs, later
        As in `stand_ins`.
    delays : sequence of int
        1 or more each.

    Returns
    -------
    dict of str to ndarray of shape (n_delays, n_later, n_outputs)
        ``paper``: delay DMD on glued windows with a constant. ``window``: one affine map of the true states ``h_0`` to
        ``h_d``. ``relu``: of ``h_0`` and as many random ReLU units. ``single``: of the true state ``h_d`` alone.
    """
    start, stop = _ends(scaling)
    few, many = (collect_layers(model, points, [start])[:, 0] for points in (inputs, later))
    goal = collect_layers(model, inputs, [stop])[:, 0]
    learnt, true = scaling.trajectory(few), scaling.trajectory(many)
    glued = {fit.delays: out for fit, out in peeking_grid(scaling, few, many, delays=delays, constant=True)}

    def fitted(lift: object) -> np.ndarray:
        return fit_layer(model, start, stop, inputs, lift=lift).predict(many)

    return {
        "paper": np.stack([glued[d] for d in delays]),
        "window": np.stack([fitted(DelayWindow(scaling, d)) for d in delays]),
        "relu": np.stack([fitted(relu_lift(d * scaling.width)) for d in delays]),
        "single": np.stack([LinearRegression().fit(learnt[:, d], goal).predict(true[:, d]) for d in delays]),
    }


def _ends(scaling: LayerScaling) -> tuple[str, str]:
    if scaling.start is None:
        raise ValueError("need a layer that begins after a module, not at the inputs")
    return scaling.start, scaling.stop


def _from_copies(scaling: LayerScaling, learnt: np.ndarray, true: np.ndarray) -> np.ndarray:
    """All steps of a delay DMD from a window in which every state is ``h_0``, fitted to histories that begin so."""
    n = scaling.n_layers
    learnt = with_constant(learnt)
    history = np.concatenate([np.repeat(learnt[:, :1], n, axis=1), learnt], axis=1)
    operator = delay_dmd(history, delays=n, windows="inside")
    window = np.repeat(with_constant(true[:, 0])[:, None], n + 1, axis=1)
    return operator.predict(window, n + 1)[:, : scaling.n_outputs]
