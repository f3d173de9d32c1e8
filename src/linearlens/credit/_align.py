"""Dimension alignment: one space for what goes into a component and what comes out."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from linearlens.credit._volumes import pod


@dataclass(frozen=True)
class Alignment:
    """Linear maps from the inputs and the outputs of a component into one space, and back.

    Parameters
    ----------
    inward : ndarray of shape (n_inputs, n)
        E_a: takes inputs, less their mean, into the common space.
    outward : ndarray of shape (n_outputs, n)
        E_b: the same for outputs.
    input_mean : ndarray of shape (n_inputs,)
    output_mean : ndarray of shape (n_outputs,)
        0 unless the method is "svd".

    Notes
    -----
    Both are isometries on what they keep, so ``Eᵀ`` leads back and no volume is made or lost.
    """

    inward: np.ndarray
    outward: np.ndarray
    input_mean: np.ndarray
    output_mean: np.ndarray

    @property
    def dimension(self) -> int:
        """Of the common space."""
        return self.inward.shape[1]

    @property
    def identity(self) -> np.ndarray:
        """Π of shape (n_inputs, n_outputs): what stands for "the component does nothing"."""
        return self.inward @ self.outward.T

    def embed_inputs(self, inputs: np.ndarray) -> np.ndarray:
        """Shape (n_samples, n_inputs) to (n_samples, n)."""
        return (inputs - self.input_mean) @ self.inward

    def embed_outputs(self, outputs: np.ndarray) -> np.ndarray:
        """Shape (n_samples, n_outputs) to (n_samples, n)."""
        return (outputs - self.output_mean) @ self.outward

    def recover_inputs(self, embedded: np.ndarray) -> np.ndarray:
        """Inverse of `embed_inputs`."""
        return embedded @ self.inward.T + self.input_mean

    def recover_outputs(self, embedded: np.ndarray) -> np.ndarray:
        """Inverse of `embed_outputs`."""
        return embedded @ self.outward.T + self.output_mean

    def compose(self, function: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
        """The component with its auxiliary layers: a map of the common space to itself, which can be repeated."""
        return lambda embedded: self.embed_outputs(function(self.recover_inputs(embedded)))

    def decompose(self, function: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
        """The component without them: undoes `compose`."""
        return lambda inputs: self.recover_outputs(function(self.embed_inputs(inputs)))


def align(inputs: np.ndarray, outputs: np.ndarray, method: str = "padding", *, energy: float = 1.0) -> Alignment:
    """Find one space for the inputs and the outputs of a component.

    Parameters
    ----------
    inputs : ndarray of shape (n_samples, n_inputs)
    outputs : ndarray of shape (n_samples, n_outputs)
    method : {"padding", "isometry", "svd"}
        "padding" puts zeros behind the narrower side. "isometry" lays the narrower side into the space of the
        wider one where it comes closest to it in the mean square; equal widths need no alignment and get none.
        Both are lossless, of dimension ``max(n_inputs, n_outputs)``. "svd" takes both sides in their principal
        directions, as few as the data need.
    energy : float
        For "svd": share of the variance of each side that is kept. 1 keeps all the data span.

    Returns
    -------
    Alignment

    Raises
    ------
    ValueError
        If the arrays are no states of the same samples, there is no such method, or energy lies outside of 0 to 1.

    Notes
    -----
    A reconstruction of "minimal linear dimension alignment". Lossless for every component is possible if and only
    if both maps are injective, so ``max(n_inputs, n_outputs)`` is the least dimension; for given data it is the
    larger of the two ranks, and the error of keeping fewer is the sum of squared singular values left out
    (Eckart and Young).

    Examples
    --------
    >>> x = np.eye(3)
    >>> align(x, x[:, :1]).embed_outputs(x[:, :1])
    array([[1., 0., 0.],
           [0., 0., 0.],
           [0., 0., 0.]])
    """
    x, y = (np.asarray(item, dtype=np.float64) for item in (inputs, outputs))
    if x.ndim != 2 or y.ndim != 2 or len(x) != len(y) or not len(x):
        raise ValueError(
            f"need inputs (n_samples, n_inputs) and outputs (n_samples, n_outputs) of the same samples, got shapes "
            f"{x.shape} and {y.shape}"
        )
    means = np.zeros(x.shape[1]), np.zeros(y.shape[1])
    size = max(x.shape[1], y.shape[1])
    inward, outward = np.eye(x.shape[1], size), np.eye(y.shape[1], size)
    if method == "isometry" and x.shape[1] != y.shape[1]:
        left, _, right = np.linalg.svd(x.T @ y, full_matrices=False)
        if x.shape[1] > y.shape[1]:
            outward = (left @ right).T
        else:
            inward = left @ right
    elif method == "svd":
        means = x.mean(axis=0), y.mean(axis=0)
        bases = [pod(item).keep(energy).directions for item in (x, y)]
        size = max(1, *(basis.shape[1] for basis in bases))
        inward, outward = (np.pad(basis, ((0, 0), (0, size - basis.shape[1]))) for basis in bases)
    elif method not in ("padding", "isometry"):
        raise ValueError(f"method must be one of 'padding', 'isometry' and 'svd', got {method!r}")
    return Alignment(inward, outward, *means)
