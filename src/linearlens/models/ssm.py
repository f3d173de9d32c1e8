"""State-space models: a linear one whose eigenvalues are known, and one whose input chooses them."""

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

    def simulate(
        self, n_sequences: int, rng: np.random.Generator, *, n_steps: int = 10, correlation: float | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Trajectories from random starts, left alone or driven by random inputs.

        Parameters
        ----------
        n_sequences : int
        rng : numpy Generator
        n_steps : int
        correlation : float, optional
            Of each input with the one before; 0 for inputs that are fresh at every step. Without it there are none.

        Returns
        -------
        states : ndarray of shape (n_sequences, n_steps, n_features)
        inputs : ndarray of shape (n_sequences, n_steps, n_inputs)
            Of variance 1, or all 0.
        """
        starts = torch.from_numpy(rng.standard_normal((n_sequences, len(self.transition))))
        inputs = np.zeros((n_sequences, n_steps, len(self.input_map)))
        if correlation is not None:
            inputs = rng.standard_normal(inputs.shape)
            fresh = np.sqrt(1 - correlation**2)
            for t in range(1, n_steps):
                inputs[:, t] = correlation * inputs[:, t - 1] + fresh * inputs[:, t]
        return self(torch.from_numpy(inputs), starts).numpy(), inputs


class GatedSSM(nn.Module):
    """``z[t] = a(x[t]) z[t-1] + b(x[t])``, number by number: the input chooses the eigenvalues.

    With one number, ``a(1) = -1``, ``a(0) = 1`` and ``b(x) = x`` it is the parity of the ones it has read. A network
    whose eigenvalues cannot be negative cannot do that at any length (Grazzi et al. 2024).

    Parameters
    ----------
    n_inputs, n_hidden, n_outputs : int
    lowest : float
        Eigenvalues lie between this and 1: 0 or -1.
    seed : int
        Seeds the initial weights; torch's global generator is left as it was.
    """

    def __init__(self, n_inputs: int, n_hidden: int, n_outputs: int, *, lowest: float = -1.0, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.recurrence = GatedRecurrence(n_inputs, n_hidden, lowest)
            self.readout = nn.Linear(n_hidden, n_outputs)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Logits of shape (n_sequences, n_steps, n_outputs) from inputs (n_sequences, n_steps, n_inputs)."""
        return self.readout(self.recurrence(inputs))


class GatedRecurrence(nn.Module):
    """The recurrent part: inputs to hidden states."""

    batch_first = True  # as nn.RNN says which axis numbers the sequences

    def __init__(self, n_inputs: int, n_hidden: int, lowest: float) -> None:
        super().__init__()
        self.lowest = lowest
        self.gate = nn.Linear(n_inputs, n_hidden)
        self.write = nn.Linear(n_inputs, n_hidden)
        nn.init.normal_(self.gate.weight, std=2.0)  # so that inputs make a difference from the start
        nn.init.normal_(self.gate.bias)

    def eigenvalues(self, inputs: torch.Tensor) -> torch.Tensor:
        """What each number of the state is multiplied by under inputs of shape (..., n_inputs)."""
        return self.lowest + (1 - self.lowest) * torch.sigmoid(self.gate(inputs))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Hidden states of shape (n_sequences, n_steps, n_hidden), from the state 0."""
        factors, written = self.eigenvalues(inputs), self.write(inputs)
        state = torch.zeros_like(written[:, 0])
        states = []
        for step in range(inputs.shape[1]):
            state = factors[:, step] * state + written[:, step]
            states.append(state)
        return torch.stack(states, dim=1)


def _block(value: complex) -> np.ndarray:
    if value.imag == 0:
        return np.array([[value.real]])
    return np.array([[value.real, value.imag], [-value.imag, value.real]])
