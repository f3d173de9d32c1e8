"""Silero VAD: is somebody speaking? (MIT; the weights lie in the wheel of silero-vad.)"""

import torch
from torch import nn
from torch.nn import functional

from linearlens.datasets.registry import fetch
from linearlens.models.wild._load import Arrays, arrays_of, filled, sound

CHUNK = 512  # samples in a step of the network, 32 ms
CONTEXT = 64  # samples of the chunk before that a step sees, too
N_BINS = 129


class SileroVAD(nn.Module):
    """A spectrum, four convolutions and an LSTM that says for each 32 ms how probable speech is.

    Its parts: ``spectrum`` (filters, sines and cosines), ``convolutions``, ``lstm`` (128 units), ``readout``.
    """

    def __init__(self) -> None:
        super().__init__()
        self.spectrum = nn.Conv1d(1, 2 * N_BINS, 256, stride=128, bias=False)
        self.convolutions = nn.Sequential()
        sizes = [(N_BINS, 128, 1), (128, 64, 2), (64, 64, 2), (64, 128, 1)]
        for number, (n_in, n_out, stride) in enumerate(sizes, 1):
            self.convolutions.add_module(f"conv{number}", nn.Conv1d(n_in, n_out, 3, stride=stride, padding=1))
            self.convolutions.add_module(f"act{number}", nn.ReLU())
        self.lstm = nn.LSTM(128, 128, batch_first=True)
        self.readout = nn.Linear(128, 1)

    def features(self, waves: torch.Tensor) -> torch.Tensor:
        """What the LSTM is given.

        Parameters
        ----------
        waves : Tensor of shape (n_waves, n_samples)
            At 16,000 samples a second, from −1 to 1; the last chunk is filled with zeros.

        Returns
        -------
        Tensor of shape (n_waves, n_steps, 128)
            A step for each 512 samples.
        """
        if waves.ndim != 2 or not waves.numel():
            raise ValueError(f"waves are of shape (n_waves, n_samples), got {tuple(waves.shape)}")
        sound(waves)
        whole = functional.pad(waves, (CONTEXT, -waves.shape[1] % CHUNK))
        chunks = whole.unfold(1, CHUNK + CONTEXT, CHUNK)
        n_waves, n_steps, _ = chunks.shape
        padded = functional.pad(chunks.reshape(n_waves * n_steps, -1), (0, CONTEXT), mode="reflect")
        waves_in_out = self.spectrum(padded[:, None])
        sizes = (waves_in_out[:, :N_BINS] ** 2 + waves_in_out[:, N_BINS:] ** 2).sqrt()
        return self.convolutions(sizes)[..., 0].reshape(n_waves, n_steps, -1)

    def from_features(self, features: torch.Tensor) -> torch.Tensor:
        """Logit of "speech" at each step, from features of shape (n_waves, n_steps, 128); (n_waves, n_steps)."""
        states, _ = self.lstm(features)
        return self.readout(states.relu())[..., 0]

    def forward(self, waves: torch.Tensor) -> torch.Tensor:
        """Probability of speech at each step; (n_waves, n_steps)."""
        return self.from_features(self.features(waves)).sigmoid()


def silero_vad(weights: Arrays | None = None) -> SileroVAD:
    """The published network.

    Parameters
    ----------
    weights : mapping of str to ndarray, optional
        The arrays of ``silero_vad_16k``; by default those of the data set ``silero-vad``, fetched on first use.

    Returns
    -------
    SileroVAD
    """
    given = arrays_of(fetch("silero-vad"), "silero_vad_16k.safetensors") if weights is None else weights
    names = {"stft_conv.weight": "spectrum.weight"}
    names |= {f"conv{n}.{kind}": f"convolutions.conv{n}.{kind}" for n in range(1, 5) for kind in ("weight", "bias")}
    names |= {
        f"lstm_cell.{kind}_{side}": f"lstm.{kind}_{side}_l0" for kind in ("weight", "bias") for side in ("ih", "hh")
    }
    arrays = {names.get(name, name): value for name, value in given.items() if not name.startswith("final_conv")}
    for kind in given.keys() & {"final_conv.weight", "final_conv.bias"}:
        values = given[kind]
        arrays[kind.replace("final_conv", "readout")] = values[..., 0] if values.ndim == 3 else values
    return filled(SileroVAD(), arrays)
