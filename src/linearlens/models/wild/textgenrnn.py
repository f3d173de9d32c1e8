"""textgenrnn: which sign comes next? (MIT; the weights lie in the source archive of textgenrnn.)"""

import json
from collections.abc import Mapping

import numpy as np
import torch
from torch import nn

from linearlens.datasets.registry import fetch
from linearlens.models.wild._load import Arrays, arrays_of, filled, path_of

LONGEST = 40  # signs that are read
START = "<s>"  # stands before a text
EPS = 1e-7


class CharacterModel(nn.Module):
    """Embedding and two LSTMs, all three averaged over the signs with weights of their own, and a readout.

    Its parts: ``embedding`` (465 signs), ``lstm1`` and ``lstm2`` (128 units each), ``attention``, ``readout``.
    """

    def __init__(self, n_signs: int = 465) -> None:
        super().__init__()
        self.embedding = nn.Embedding(n_signs, 100)
        self.lstm1 = nn.LSTM(100, 128, batch_first=True)
        self.lstm2 = nn.LSTM(128, 128, batch_first=True)
        self.attention = nn.Linear(356, 1, bias=False)
        self.readout = nn.Linear(356, n_signs)

    def from_embedding(self, embedded: torch.Tensor) -> torch.Tensor:
        """Logits of the next sign from embedded signs of shape (n_texts, 40, 100); (n_texts, 465)."""
        if embedded.shape[1] != LONGEST:
            raise ValueError(
                f"texts are of {LONGEST} signs, filled with 0 at their beginning, as from `encode`; "
                f"got {embedded.shape[1]}"
            )
        first, _ = self.lstm1(embedded)
        second, _ = self.lstm2(first)
        every = torch.cat([embedded, first, second], -1)
        weights = self.attention(every).softmax(1)
        return self.readout((every * weights).sum(1))

    def forward(self, numbers: torch.Tensor) -> torch.Tensor:
        """Logits of the next sign from numbers of signs, as from `encode`; (n_texts, 465)."""
        return self.from_embedding(self.embedding(numbers))


def encode(text: str, signs: Mapping[str, int]) -> torch.Tensor:
    """Numbers of the last 40 signs of a text, filled with 0 at its beginning; 0 for unknown ones, as published."""
    numbers = [signs[START], *(signs.get(sign, 0) for sign in text)][-LONGEST:]
    return torch.tensor([0] * (LONGEST - len(numbers)) + numbers)


def textgenrnn_signs() -> dict[str, int]:
    """The number of each sign, from 1; fetched on first use."""
    return json.loads(path_of(fetch("textgenrnn"), "textgenrnn_vocab.json").read_text(encoding="utf-8"))


def textgenrnn(weights: Arrays | None = None) -> CharacterModel:
    """The published network.

    Parameters
    ----------
    weights : mapping of str to ndarray, optional
        The arrays of ``textgenrnn_weights``; by default those of the data set ``textgenrnn``, fetched on first use.

    Returns
    -------
    CharacterModel

    Notes
    -----
    They were trained by CuDNN, whose order of numbers differs from that of Keras: a matrix of inputs is stored
    transposed within each gate, one of states, too, and there are two biases for each gate.
    """
    given = arrays_of(fetch("textgenrnn"), "textgenrnn_weights.safetensors") if weights is None else weights
    arrays = {
        "embedding.weight": given["embedding/embedding/embeddings:0"],
        "attention.weight": given["attention/attention/attention_W:0"].T,
        "readout.weight": given["output/output/kernel:0"].T,
        "readout.bias": given["output/output/bias:0"],
    }
    for number in (1, 2):
        root = f"rnn_{number}/rnn_{number}"
        arrays[f"lstm{number}.weight_ih_l0"] = _gates(given[f"{root}/kernel:0"], _as_rows)
        arrays[f"lstm{number}.weight_hh_l0"] = _gates(given[f"{root}/recurrent_kernel:0"], np.asarray)
        of_inputs, of_states = np.split(given[f"{root}/bias:0"], 2)
        arrays |= {f"lstm{number}.bias_ih_l0": of_inputs, f"lstm{number}.bias_hh_l0": of_states}
    return filled(CharacterModel(len(arrays["embedding.weight"])), arrays)


def _gates(kernel: np.ndarray, read) -> np.ndarray:
    """The blocks of the four gates, which stand side by side, one below the other."""
    return np.vstack([read(block) for block in np.hsplit(kernel, 4)])


def _as_rows(block: np.ndarray) -> np.ndarray:
    """A block of shape (n_in, n_units) whose numbers are those of a matrix (n_units, n_in), row by row."""
    return block.reshape(block.shape[::-1])
