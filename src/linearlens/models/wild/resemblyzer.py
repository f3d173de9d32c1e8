"""Resemblyzer: whose voice is it? (Apache-2.0; the weights lie in the wheel of Resemblyzer.)"""

import numpy as np
import torch
from scipy.signal import stft
from torch import nn

from linearlens.datasets.registry import fetch
from linearlens.datasets.wild import RATE
from linearlens.models.wild._load import Arrays, arrays_of, filled, sound

WINDOW, HOP = 400, 160  # samples: 25 and 10 ms
N_MELS = 40


class VoiceEncoder(nn.Module):
    """Three layers of LSTM over mel frames; the last state, through a linear layer and a ReLU, is the voice.

    Its parts: ``lstm`` (3 layers of 256 units), ``linear``.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(N_MELS, 256, 3, batch_first=True)
        self.linear = nn.Linear(256, 256)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Voices, of length 1, from mel frames of shape (n_waves, n_frames, 40); (n_waves, 256)."""
        if frames.ndim != 3 or frames.shape[2] != N_MELS or not frames.shape[1]:
            raise ValueError(f"frames are of shape (n_waves, n_frames, {N_MELS}), got {tuple(frames.shape)}")
        states, _ = self.lstm(frames)
        return nn.functional.normalize(self.linear(states[:, -1]).relu(), dim=1)


def voice_encoder(weights: Arrays | None = None) -> VoiceEncoder:
    """The published network.

    Parameters
    ----------
    weights : mapping of str to ndarray, optional
        The arrays of ``pretrained``; by default those of the data set ``resemblyzer``, fetched on first use.

    Returns
    -------
    VoiceEncoder
    """
    given = arrays_of(fetch("resemblyzer"), "pretrained.safetensors") if weights is None else weights
    names = {name: name.removeprefix("model_state.") for name in given}
    return filled(VoiceEncoder(), {new: given[old] for old, new in names.items() if "similarity" not in new})


def mel_frames(wave: np.ndarray) -> np.ndarray:
    """Power in 40 mel bands every 10 ms, as the network was trained on: no logarithm.

    Parameters
    ----------
    wave : ndarray of shape (n_samples,)
        At 16,000 samples a second, from −1 to 1.

    Returns
    -------
    ndarray of shape (n_frames, 40)
        float32.

    Notes
    -----
    As librosa's ``melspectrogram``: Hann windows of 400 samples around every 160th, the wave continued by zeros, and
    Slaney's filters of equal area.
    """
    if np.ndim(wave) != 1 or len(wave) < WINDOW:
        raise ValueError(f"one wave of at least {WINDOW} samples is wanted, got shape {np.shape(wave)}")
    sound(wave)
    wave = np.asarray(wave, dtype=float)
    _, _, found = stft(wave, nperseg=WINDOW, noverlap=WINDOW - HOP, boundary="zeros", padded=False, scaling="spectrum")
    power = np.abs(found * np.hanning(WINDOW + 1)[:-1].sum()) ** 2
    return (mel_filters() @ power).T.astype(np.float32)


def mel_filters() -> np.ndarray:
    """Slaney's triangles, of equal area, on the frequencies of a transform of 400 samples; (40, 201)."""
    edges = _hertz(np.linspace(0, _mel(RATE / 2), N_MELS + 2))
    bins = np.linspace(0, RATE / 2, WINDOW // 2 + 1)
    rise = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    fall = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    return np.maximum(0, np.minimum(rise, fall)) * (2 / (edges[2:] - edges[:-2]))[:, None]


def _mel(hertz: float) -> float:
    """Linear up to 1,000 Hz, where it is 15, then 27 for each factor 6.4."""
    return 3 * hertz / 200 if hertz < 1000 else 15 + 27 * np.log(hertz / 1000) / np.log(6.4)


def _hertz(mel: np.ndarray) -> np.ndarray:
    return np.where(mel < 15, 200 * mel / 3, 1000 * np.exp(np.log(6.4) * (mel - 15) / 27))
