"""Recurrent networks for the copy task: orthogonal recurrence with the modReLU nonlinearity, and torch's own layers."""

from copy import deepcopy

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

    def without_bias(self) -> "ModReLURNN":
        """A copy whose bias is 0: its recurrence only turns the state."""
        other = deepcopy(self)
        other.recurrence.bias.data.zero_()
        return other


class LayerRNN(nn.Module):
    """One recurrent layer of torch with a linear readout.

    Parameters
    ----------
    kind : type
        ``nn.RNN`` (tanh), ``nn.GRU`` or ``nn.LSTM``.
    n_inputs, n_hidden, n_outputs : int
    seed : int
        Seeds the initial weights; torch's global generator is left as it was.
    """

    def __init__(self, kind: type[nn.RNNBase], n_inputs: int, n_hidden: int, n_outputs: int, *, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.recurrence = kind(n_inputs, n_hidden, batch_first=True)  # type: ignore[call-arg, arg-type]
            self.readout = nn.Linear(n_hidden, n_outputs)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Logits of shape (n_sequences, n_steps, n_outputs) from inputs (n_sequences, n_steps, n_inputs)."""
        return self.readout(self.recurrence(inputs)[0])

    def step(self, state: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
        """One step from states (n, n_hidden) under inputs (n, n_inputs); an LSTM's state has its memory behind it.

        In plain operations, which `torch.func` can batch and differentiate, as it cannot torch's own cells.
        """
        layer = self.recurrence
        hidden, memory = state.chunk(2, dim=-1) if isinstance(layer, nn.LSTM) else (state, state)
        driven = nn.functional.linear(inputs, layer.weight_ih_l0, layer.bias_ih_l0)  # type: ignore[arg-type]
        recalled = nn.functional.linear(hidden, layer.weight_hh_l0, layer.bias_hh_l0)  # type: ignore[arg-type]
        if isinstance(layer, nn.LSTM):
            write, keep, new, show = (driven + recalled).chunk(4, dim=-1)
            memory = torch.sigmoid(keep) * memory + torch.sigmoid(write) * torch.tanh(new)
            return torch.cat([torch.sigmoid(show) * torch.tanh(memory), memory], dim=-1)
        if isinstance(layer, nn.GRU):
            (reset, keep, new), (reset_, keep_, new_) = driven.chunk(3, dim=-1), recalled.chunk(3, dim=-1)
            keep = torch.sigmoid(keep + keep_)
            return keep * hidden + (1 - keep) * torch.tanh(new + torch.sigmoid(reset + reset_) * new_)
        return torch.tanh(driven + recalled)


def answer_loss(network: nn.Module, inputs: torch.Tensor, symbols: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of the last steps, as many as there are symbols to be said: the loss of the copy task.

    Parameters
    ----------
    network : nn.Module
        Inputs (n_sequences, n_steps, n_inputs) to logits (n_sequences, n_steps, n_symbols).
    inputs : Tensor of shape (n_sequences, n_steps, n_inputs)
    symbols : Tensor of shape (n_sequences, length)

    Returns
    -------
    Tensor
    """
    logits = network(inputs)[:, -symbols.shape[1] :]
    return nn.functional.cross_entropy(logits.flatten(0, 1), symbols.flatten())


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
