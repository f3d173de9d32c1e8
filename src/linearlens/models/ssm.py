"""A linear state-space model whose eigenvalues are known: the ground truth of part II."""

import numpy as np
import torch
from torch import nn


class DiagonalSSM(nn.Module):
    """``z[t] = z[t-1] A + x[t] B`` with the eigenvalues of A given; states are rows.

    A is block-diagonal, a number for a real eigenvalue and a scaled rotation for a conjugate pair, and is then
    turned by a random rotation Q, so that no coordinate shows a single eigenvalue: ``A = Qᵀ D Q``. Everything is
    float64.

    Parameters
    ----------
    eigenvalues : sequence of complex
        One of each conjugate pair: a number with an imaginary part stands for itself and its conjugate.
    n_inputs : int
    seed : int
        Seeds Q and B.

    Attributes
    ----------
    transition : Tensor of shape (n_features, n_features)
        A.
    eigenvalues : ndarray of shape (n_features,), complex
        All of them, conjugates included.

    Raises
    ------
    ValueError
        If no eigenvalue comes, or both members of a conjugate pair.
    """

    def __init__(self, eigenvalues: list[complex], n_inputs: int = 1, *, seed: int = 0) -> None:
        super().__init__()
        paired = {complex(value) for value in eigenvalues if complex(value).imag}
        if not eigenvalues or any(value.conjugate() in paired for value in paired):
            raise ValueError(f"need one or more eigenvalues, one of each conjugate pair, got {eigenvalues}")
        rng = np.random.default_rng(seed)
        blocks = [_block(complex(value)) for value in eigenvalues]
        size = sum(map(len, blocks))
        diagonal, start = np.zeros((size, size)), 0
        for block in blocks:
            diagonal[start : start + len(block), start : start + len(block)] = block
            start += len(block)
        rotation, _ = np.linalg.qr(rng.standard_normal((size, size)))
        self.eigenvalues = np.linalg.eigvals(diagonal)
        self.transition: torch.Tensor
        self.input_map: torch.Tensor
        self.register_buffer("transition", torch.from_numpy(rotation.T @ diagonal @ rotation))
        self.register_buffer("input_map", torch.from_numpy(rng.standard_normal((n_inputs, size))))

    def forward(self, inputs: torch.Tensor, start: torch.Tensor | None = None) -> torch.Tensor:
        """States after each input.

        Parameters
        ----------
        inputs : Tensor of shape (n_sequences, n_steps, n_inputs)
        start : Tensor of shape (n_sequences, n_features), optional
            The state before the first input, 0 by default.

        Returns
        -------
        Tensor of shape (n_sequences, n_steps, n_features)
        """
        state = inputs.new_zeros(len(inputs), len(self.transition)) if start is None else start
        states = []
        for step in range(inputs.shape[1]):
            state = state @ self.transition + inputs[:, step] @ self.input_map
            states.append(state)
        return torch.stack(states, dim=1)


def _block(value: complex) -> np.ndarray:
    if value.imag == 0:
        return np.array([[value.real]])
    return np.array([[value.real, value.imag], [-value.imag, value.real]])
