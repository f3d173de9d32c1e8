"""States of networks that read texts, and means over their words."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from linearlens.models import pad_texts
from linearlens.snapshots import iterate_hidden


def read_texts(network: nn.Module, numbers: Sequence[np.ndarray], *, batch_size: int = 50) -> list[np.ndarray]:
    """The states of a network that reads texts: the state 0 first, then one after each word.

    Parameters
    ----------
    network : nn.Module
        Takes word numbers and lengths, such as `linearlens.models.GRUClassifier`.
    numbers : sequence of ndarray of shape (n_words_i,)
        Encoded texts; texts of like length next to each other are read fastest.
    batch_size : int

    Returns
    -------
    list of ndarray of shape (n_words_i + 1, n_hidden)
    """
    batches = (pad_texts(numbers[i : i + batch_size]) for i in range(0, len(numbers), batch_size))
    return [states for batch in iterate_hidden(network, batches, initial=True) for states in batch]


def read_padded(network: nn.Module, numbers: Sequence[np.ndarray], *, length: int) -> list[np.ndarray]:
    """The states of a network that reads texts filled up to one length, the paper's recipe; without the state 0.

    Parameters
    ----------
    network : nn.Module
        As in `read_texts`.
    numbers : sequence of ndarray of shape (n_words_i,)
    length : int
        In words; what is missing is filled with the word of number 0.

    Returns
    -------
    list of ndarray of shape (length, n_hidden)
    """
    short, _ = pad_texts(numbers)
    filled = nn.functional.pad(short, (0, length - short.shape[1]))
    (states,) = iterate_hidden(network, [(filled, torch.full((len(filled),), length))])
    return states


def matched_means(
    values: np.ndarray, words: np.ndarray, where: np.ndarray, reference: np.ndarray, *, least: int = 3
) -> tuple[float, float]:
    """Means over two sets of places that hold the same words equally often.

    Parameters
    ----------
    values : ndarray of shape (n_places,)
    words : ndarray of shape (n_places,)
        Number of the word at each place.
    where, reference : ndarray of shape (n_places,)
        Booleans; words count as often as they stand in `where`.
    least : int
        Words with fewer places in either set are left out.

    Returns
    -------
    tuple of float
        The mean in `where`, and that in `reference`.

    Raises
    ------
    ValueError
        If no word has so many places in both.

    Examples
    --------
    >>> values, words = np.array([2.0, 4.0, 1.0, 1.0, 9.0]), np.array([0, 0, 0, 0, 1])
    >>> where = np.array([True, True, False, False, False])
    >>> matched_means(values, words, where, ~where, least=2)
    (3.0, 1.0)
    """
    counts, means = [], []
    for mask in (where, reference):
        n = np.bincount(words[mask], minlength=words.max() + 1)
        counts.append(n)
        means.append(np.bincount(words[mask], values[mask], len(n)) / np.maximum(n, 1))
    both = (counts[0] >= least) & (counts[1] >= least)
    if not both.any():
        raise ValueError(f"no word has {least} places or more in both sets; lower least")
    return tuple(float(np.average(mean[both], weights=counts[0][both])) for mean in means)  # type: ignore[return-value]
