"""What stands in for layers."""

from typing import Any

import numpy as np
import torch
from torch import nn

from linearlens.koopman import lift_states
from linearlens.layers._cost import Cost, lift_cost
from linearlens.snapshots import Rows
from linearlens.snapshots.running import to_array


class LayerOperator(nn.Module):
    """``f(h) ≈ ψ(h) K + k``: a lift, and a linear map from the lifted input of a layer to its output.

    Made by `fit_layer`. It runs on the CPU through scikit-learn, so no gradient passes it, and its `state_dict`
    holds the linear map only; the lift is made again by fitting with the same seed.

    Parameters
    ----------
    start : str or None
        Name of the module whose output it takes; None for the model's inputs.
    stop : str
        Name of the module whose output it gives.
    lift : fitted scikit-learn transformer, optional
        None leaves the map affine.
    weights : ndarray of shape (n_observables, n_outputs)
        K.
    offset : ndarray of shape (n_outputs,)
        k, the row of the constant observable.
    ridge : float
        The one that was chosen.
    error : float
        Mean squared error of the held-out samples over the variance of the targets, before the last fit to all.
    form : Rows, optional
        How states at `start` become rows, and rows states at `stop`.
    shape : tuple of int, optional
        Of the state of one sample at `stop`; by default (n_outputs,).
    """

    def __init__(
        self,
        start: str | None,
        stop: str,
        lift: Any,
        weights: np.ndarray,
        offset: np.ndarray,
        *,
        ridge: float,
        error: float,
        form: Rows | None = None,
        shape: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__()
        self.form, self.shape = form or Rows(), offset.shape if shape is None else shape
        self.start, self.stop, self.lift, self.ridge, self.error = start, stop, lift, ridge, error
        self.weights: torch.Tensor
        self.offset: torch.Tensor
        self.register_buffer("weights", torch.from_numpy(weights))
        self.register_buffer("offset", torch.from_numpy(offset))

    @property
    def lifted_dimension(self) -> int:
        """Observables, the constant included."""
        return 1 + len(self.weights)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """From states (n_samples, *shape) at `start` to those at `stop`, in the same dtype."""
        rows = to_array(self.form.of(states)).astype(np.float64)
        lifted = torch.from_numpy(lift_states(rows, self.lift)).to(self.weights)
        return self.form.back(lifted @ self.weights + self.offset, self.shape).to(states)

    def predict(self, states: np.ndarray) -> np.ndarray:
        """The same on arrays, in float64; states may come as rows."""
        return self(torch.as_tensor(np.asarray(states, dtype=np.float64))).numpy()

    def cost(self) -> Cost:
        """Layers, parameters and multiply-adds of the operator with its lift."""
        numbers = self.weights.numel()
        linear = Cost(
            parameters=numbers + self.offset.numel(),
            multiply_adds=numbers,
            lifted_dimensions=(self.lifted_dimension,),
        )
        return lift_cost(self.lift) + linear
