"""A recurrent network that can remember: orthogonal recurrence with the modReLU nonlinearity."""

import torch
from torch import nn
from torch.nn.utils.parametrizations import orthogonal


class ModReLURNN(nn.Module):
    """``h[t] = modReLU(h[t-1] W + x[t] U)``, W orthogonal; ``modReLU(a) = sign(a) max(|a| + b, 0)``.

    Parameters
    ----------
    n_inputs, n_hidden, n_outputs : int
    seed : int
        Seeds the initial weights; torch's global generator is left as it was.

    Notes
    -----
    Arjovsky, Shah and Bengio (2016) for modReLU; W is the exponential of a skew-symmetric matrix at every step
    of training.
    """

    def __init__(self, n_inputs: int, n_hidden: int, n_outputs: int, *, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.recurrence = ModReLURecurrence(n_inputs, n_hidden)
            self.readout = nn.Linear(n_hidden, n_outputs)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Logits of shape (n_sequences, n_steps, n_outputs) from inputs (n_sequences, n_steps, n_inputs)."""
        return self.readout(self.recurrence(inputs))


class ModReLURecurrence(nn.Module):
    """The recurrent part: inputs to hidden states."""

    batch_first = True  # as nn.RNN says which axis numbers the sequences

    def __init__(self, n_inputs: int, n_hidden: int) -> None:
        super().__init__()
        self.read = nn.Linear(n_inputs, n_hidden, bias=False)
        self.turn = orthogonal(nn.Linear(n_hidden, n_hidden, bias=False), orthogonal_map="matrix_exp")
        self.bias = nn.Parameter(torch.zeros(n_hidden))

    def step(self, state: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
        """One step from states (n, n_hidden) under inputs (n, n_inputs)."""
        return self._mod_relu(nn.functional.linear(state, self._weight()) + self.read(inputs))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Hidden states of shape (n_sequences, n_steps, n_hidden), from the state 0."""
        weight = self._weight()  # the exponential is taken once, not at every step
        driven = self.read(inputs)
        state = driven.new_zeros(len(inputs), len(weight))
        states = []
        for step in range(inputs.shape[1]):
            state = self._mod_relu(nn.functional.linear(state, weight) + driven[:, step])
            states.append(state)
        return torch.stack(states, dim=1)

    def _weight(self) -> torch.Tensor:
        weight = self.turn.weight
        assert isinstance(weight, torch.Tensor)
        return weight

    def _mod_relu(self, activation: torch.Tensor) -> torch.Tensor:
        return torch.sign(activation) * torch.relu(activation.abs() + self.bias)
