"""An LSTM autoencoder of series: one state must hold the whole series."""

import math

import torch
from torch import nn


class LSTMAutoencoder(nn.Module):
    """An LSTM, the encoder, reads a series; another, the decoder, draws it again from the encoder's last state.

    The decoder gets the same input at every step: that last state, and beside it, if asked for, sines and cosines
    that tell it the time. Without those it trains many times slower.

    Parameters
    ----------
    n_steps : int
        Length of the series.
    n_hidden : int
        Width of the encoder.
    n_decoder : int, optional
        Width of the decoder; that of the encoder by default.
    n_positions : int
        Sines and cosines together, an even number; 0 for the constant input of Naiman and Azencot (2023).
    seed : int
        Seeds the initial weights; torch's global generator is left as it was.

    Raises
    ------
    ValueError
        If `n_positions` is odd or below 0.
    """

    def __init__(
        self, n_steps: int, n_hidden: int = 64, *, n_decoder: int | None = None, n_positions: int = 24, seed: int = 0
    ) -> None:
        super().__init__()
        if n_positions < 0 or n_positions % 2:
            raise ValueError(f"n_positions counts sines and cosines, so it must be even, got {n_positions}")
        self.n_steps = n_steps
        n_decoder = n_decoder or n_hidden
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.encoder = _lstm(1, n_hidden)
            self.decoder = _lstm(n_hidden + n_positions, n_decoder)
            self.readout = nn.Linear(n_decoder, 1)
        time = math.pi * torch.arange(n_steps)[:, None] / n_steps
        waves = time * torch.arange(1, n_positions // 2 + 1)
        self.positions: torch.Tensor
        self.register_buffer("positions", torch.cat([waves.sin(), waves.cos()], dim=1))

    def encode(self, series: torch.Tensor) -> torch.Tensor:
        """Last hidden states, shape (n_series, n_hidden), of series (n_series, n_steps)."""
        _, (last, _) = self.encoder(series[..., None])
        return last[0]

    def decode(self, states: torch.Tensor) -> torch.Tensor:
        """Series (n_series, n_steps) drawn from states (n_series, n_hidden)."""
        constant = states[:, None].expand(-1, self.n_steps, -1)
        times = self.positions.expand(len(states), -1, -1)
        drawn, _ = self.decoder(torch.cat([constant, times], dim=2))
        return self.readout(drawn)[..., 0]

    def forward(self, series: torch.Tensor) -> torch.Tensor:
        """Reconstructed series, shape (n_series, n_steps)."""
        return self.decode(self.encode(series))


def _lstm(n_inputs: int, n_hidden: int) -> nn.LSTM:
    """An LSTM that begins with orthogonal recurrence and a forget gate that keeps."""
    lstm = nn.LSTM(n_inputs, n_hidden, batch_first=True)
    recurrent, bias = lstm.get_parameter("weight_hh_l0"), lstm.get_parameter("bias_hh_l0")
    for row in range(0, 4 * n_hidden, n_hidden):
        nn.init.orthogonal_(recurrent[row : row + n_hidden])
    nn.init.ones_(bias[n_hidden : 2 * n_hidden])
    return lstm
