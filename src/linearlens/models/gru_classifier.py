"""A GRU that reads a text word by word and says whether it is positive."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence


class GRUClassifier(nn.Module):
    """Embedding, GRU, and a linear readout of the last state of each text.

    Parameters
    ----------
    n_words, n_embedding, n_hidden : int
    dropout : float
        Share of embedding entries dropped in training.
    seed : int
        Seeds the initial weights; torch's global generator is left as it was.
    """

    def __init__(self, n_words: int, n_embedding: int, n_hidden: int, *, dropout: float = 0.0, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.embedding = nn.Embedding(n_words, n_embedding)
            self.dropout = nn.Dropout(dropout)
            self.gru = nn.GRU(n_embedding, n_hidden, batch_first=True)
            self.readout = nn.Linear(n_hidden, 1)
            recurrent = self.gru.get_parameter("weight_hh_l0")
            nn.init.normal_(self.embedding.weight, std=0.1)
            for row in range(0, 3 * n_hidden, n_hidden):
                nn.init.orthogonal_(recurrent[row : row + n_hidden])

    def forward(self, numbers: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Logit of "positive" for each text.

        Parameters
        ----------
        numbers : Tensor of shape (n_texts, n_longest)
            Word numbers, padded at the end; see `pad_texts`.
        lengths : Tensor of shape (n_texts,)

        Returns
        -------
        Tensor of shape (n_texts,)
        """
        states, _ = self.gru(self.dropout(self.embedding(numbers)))
        last = states[torch.arange(len(states), device=states.device), lengths - 1]
        return self.readout(last)[:, 0]


def pad_texts(texts: Sequence[np.ndarray], *, longest: int | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """Encoded texts as one tensor, padded with 0 at the end, and their lengths.

    Parameters
    ----------
    texts : sequence of ndarray of shape (n_words_i,)
    longest : int, optional
        Keep only so many words from the end of each text.

    Returns
    -------
    numbers : Tensor of shape (n_texts, n_longest)
    lengths : Tensor of shape (n_texts,)

    Raises
    ------
    ValueError
        If a text has no words, or `longest` is below 1.
    """
    if longest is not None and longest < 1:
        raise ValueError(f"longest counts words that are kept, 1 or more, got {longest}; leave it out to keep all")
    kept = [torch.as_tensor(text if longest is None else text[-longest:]) for text in texts]
    for number, text in enumerate(kept):
        if len(text) == 0:
            raise ValueError(f"text {number} has no words; leave it out")
    return pad_sequence(kept, batch_first=True), torch.tensor([len(text) for text in kept])
