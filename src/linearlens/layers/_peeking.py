"""The paper's hybrid, as its code runs it."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import nn

from linearlens.layers._cost import Cost, count_cost
from linearlens.layers._delay_dmd import DelayDMD, delay_dmd_grid
from linearlens.layers._scaling import LayerScaling


class PeekingOperator(nn.Module):
    """The true states ``h_0 … h_d`` of a scaled layer, then linear steps of a DMD to its output.

    Parameters
    ----------
    scaling : LayerScaling
        Trained; shared, not copied.
    dmd : DelayDMD
        Fitted to trajectories of this scaling; one of a feature more was fitted to states with a constant 1 behind.
    projected : bool
        As in :meth:`DelayDMD.linear_map`.

    Raises
    ------
    ValueError
        If the states of the two differ in width, or the DMD wants more delays than there are inserted layers.

    Notes
    -----
    ``inference_with_koopman`` in the code of Aswani et al. (2024): ``traj_in = out[:num_delays + 1]``. With n
    inserted layers, d of them are evaluated as they are, and ``n + 1 − d`` steps are linear. At d = n one step
    is.
    """

    def __init__(self, scaling: LayerScaling, dmd: DelayDMD, *, projected: bool = True) -> None:
        super().__init__()
        n_layers = scaling.n_layers
        if dmd.n_features not in (scaling.width, scaling.width + 1) or dmd.delays > n_layers:
            raise ValueError(
                f"the scaling has {n_layers} layers of {scaling.width} units; a DMD of {dmd.delays} delays and "
                f"{dmd.n_features} units does not fit"
            )
        self.start, self.stop = scaling.start, scaling.stop
        self.scaling, self.delays = scaling, dmd.delays
        self.constant = dmd.n_features > scaling.width
        steps = n_layers + 1 - dmd.delays
        self.weights: torch.Tensor
        linear = dmd.linear_map(steps, projected=projected)[:, : scaling.n_outputs]
        self.register_buffer("weights", torch.from_numpy(linear))

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """From states at `start`, of shape (n_samples, width) or with more axes, to those at `stop`."""
        inner = self.scaling.inner(states.flatten(1), self.delays)[::-1]
        if self.constant:
            inner = [nn.functional.pad(state, (0, 1), value=1.0) for state in inner]
        window = torch.cat(inner, dim=1)
        return (window.to(self.weights) @ self.weights).to(states).reshape(-1, *self.scaling.out_shape)

    def cost(self) -> Cost:
        """The inserted layers that are evaluated, and the linear steps as one matrix."""
        numbers = self.weights.numel()
        inner = list(self.scaling.maps)[: self.delays]  # one, if it serves all steps
        return Cost(
            nonlinear_layers=self.delays,
            inner_layers=self.delays,
            parameters=numbers + sum(count_cost(linear).parameters for linear in inner),
            multiply_adds=numbers + self.delays * self.scaling.width**2,
            lifted_dimensions=(len(self.weights),),
        )


class DelayWindow(TransformerMixin, BaseEstimator):
    """The states ``h_0, …, h_d`` of a scaled layer, newest first: a lift of ``h_0`` by trained ReLU layers.

    Parameters
    ----------
    scaling : LayerScaling
        Trained. Nothing is learnt from the samples of a fit.
    delays : int
        d, from 0 to the number of inserted layers.

    Raises
    ------
    ValueError
        In `fit`, if there are not so many inserted layers.

    Notes
    -----
    The windows that `PeekingOperator` begins from, as a scikit-learn transformer: so `fit_layer` can be given trained
    features and random ones alike.
    """

    def __init__(self, scaling: LayerScaling, delays: int = 10) -> None:
        self.scaling = scaling
        self.delays = delays

    def fit(self, X: np.ndarray, y: None = None) -> "DelayWindow":
        """Check states of shape (n_samples, width)."""
        validate_data(self, X, dtype=np.float64)
        if not 0 <= self.delays <= self.scaling.n_layers:
            raise ValueError(f"delays must lie between 0 and {self.scaling.n_layers}, got {self.delays}")
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Windows of shape (n_samples, width * (delays + 1))."""
        check_is_fitted(self, "n_features_in_")
        states = self.scaling.trajectory(validate_data(self, X, dtype=np.float64, reset=False))
        return states[:, self.delays :: -1].reshape(len(states), -1).astype(np.float64)

    def cost(self) -> Cost:
        """The inserted layers that fill the window."""
        inner = list(self.scaling.maps)[: self.delays]  # one, if it serves all steps
        return Cost(
            nonlinear_layers=self.delays,
            inner_layers=self.delays,
            parameters=sum(count_cost(linear).parameters for linear in inner),
            multiply_adds=self.delays * self.scaling.width**2,
        )


def peeking_grid(
    scaling: LayerScaling,
    states: np.ndarray,
    later: np.ndarray,
    *,
    projected: bool = True,
    constant: bool = False,
    **options: Any,
) -> Iterator[tuple[DelayDMD, np.ndarray]]:
    """Fit DMD for many delays and numbers of trajectories, and run each as a `PeekingOperator` would.

    Parameters
    ----------
    scaling : LayerScaling
    states : ndarray of shape (n_trajectories, width)
        Activations at the start of the layer whose trajectories the fits learn from.
    later : ndarray of shape (n_samples, width)
        Activations to run the operators on. Their true inner states are computed once for all fits.
    projected : bool
        As in :meth:`DelayDMD.linear_map`.
    constant : bool
        Put a 1 behind each state, so that the maps are affine. The authors have none.
    **options
        `delays`, `counts`, `rank` and `windows` of `delay_dmd_grid`.

    Yields
    ------
    fit : DelayDMD
    outputs : ndarray of shape (n_samples, n_outputs)
        What stands in for the output of the layer.

    Raises
    ------
    ValueError
        If there are more delays than inserted layers, and as in `LayerScaling.trajectory` and `delay_dmd_grid`.
    """
    known, given = scaling.trajectory(states), scaling.trajectory(later)
    if constant:
        known, given = with_constant(known), with_constant(given)
    for fit in delay_dmd_grid(known, **options):
        if fit.delays > scaling.n_layers:
            raise ValueError(f"with {scaling.n_layers} inserted layers there are no {fit.delays} delays to start from")
        steps = scaling.n_layers + 1 - fit.delays
        yield fit, fit.predict(given[:, : fit.delays + 1], steps, projected=projected)[:, : scaling.n_outputs]


def with_constant(states: np.ndarray) -> np.ndarray:
    """States of shape (..., n_features) with a 1 behind each: what is linear in them is affine in the states."""
    return np.concatenate([states, np.ones_like(states[..., :1])], axis=-1)
