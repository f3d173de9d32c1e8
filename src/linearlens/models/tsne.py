"""Parametric t-SNE: a network that places points in the plane."""

from functools import cache
from itertools import count

import numpy as np
import torch
from scipy.sparse import csr_matrix
from scipy.spatial.distance import squareform
from sklearn.manifold._t_sne import _joint_probabilities, _joint_probabilities_nn
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.neighbors import NearestNeighbors
from torch import nn

from linearlens.models.device import training_device
from linearlens.models.training import _tensor, train

EARLY = 0.2  # share of the steps in which neighbours are pulled together harder


def train_tsne(
    model: nn.Module,
    inputs: np.ndarray,
    *,
    perplexity: float = 30.0,
    epochs: int = 500,
    batch_size: int | None = None,
    learning_rate: float = 2e-3,
    exaggeration: float = 4.0,
    seed: int = 0,
) -> nn.Module:
    """Train a network in place to map points so that neighbours stay neighbours.

    Parameters
    ----------
    model : nn.Module
        Maps ``(n, n_features)`` to ``(n, 2)``.
    inputs : ndarray of shape (n_samples, n_features)
    perplexity : float
        Effective number of neighbours of a point.
    epochs : int
    batch_size : int, optional
        Points that see each other in a step, more than three times the perplexity; by default all. In batches the
        affinities are those of each point to its nearest neighbours among all points.
    learning_rate, seed
        As in :func:`linearlens.models.train`.
    exaggeration : float
        Factor on the affinities in the first fifth of the steps.

    Returns
    -------
    nn.Module

    Raises
    ------
    ValueError
        If points or batches are too few for the perplexity, and as in `train`.

    Notes
    -----
    van der Maaten (2009): ``Σ p_ij log(p_ij / q_ij)`` with ``q_ij ∝ 1 / (1 + ‖y_i − y_j‖²)``. The affinities p,
    Gaussian with one perplexity for all points, are those of scikit-learn's TSNE.
    """
    n_samples = len(inputs)
    size = n_samples if batch_size is None else min(batch_size, n_samples)
    if min(size, n_samples % size or size) <= 3 * perplexity:
        raise ValueError(
            f"each batch needs more than three times {perplexity} points, the perplexity; {n_samples} points in "
            f"batches of {size} leave one too small"
        )
    n_early = round(EARLY * epochs * -(-n_samples // size))
    steps = count()

    @cache
    def of_all() -> torch.Tensor:
        return affinities(inputs, perplexity).to(training_device())

    @cache
    def of_neighbours() -> csr_matrix:
        return neighbour_affinities(inputs, perplexity)

    def of_batch(numbers: torch.Tensor) -> torch.Tensor:
        if size == n_samples:
            return of_all()[numbers][:, numbers]
        rows = numbers.cpu().numpy()
        p = torch.as_tensor(of_neighbours()[rows][:, rows].toarray(), dtype=torch.get_default_dtype())
        return (p / p.sum().clamp_min(1e-12)).to(numbers.device)

    def loss(model: nn.Module, x: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
        p = of_batch(numbers)
        p = p * exaggeration if next(steps) < n_early else p
        return _cross_entropy(p, model(x))

    data = [_tensor(inputs, model), torch.arange(n_samples)]
    return train(model, loss, data, epochs=epochs, batch_size=size, learning_rate=learning_rate, seed=seed)


def affinities(inputs: np.ndarray, perplexity: float) -> torch.Tensor:
    """Joint probabilities p of t-SNE, of shape (n_samples, n_samples), 0 on the diagonal, 1 in all."""
    squares = euclidean_distances(np.asarray(inputs, dtype=np.float32), squared=True)
    joint = squareform(_joint_probabilities(squares, perplexity, 0))
    return torch.as_tensor(joint, dtype=torch.get_default_dtype())


def neighbour_affinities(inputs: np.ndarray, perplexity: float) -> csr_matrix:
    """The same among the nearest neighbours of each point, three times the perplexity of them, and 0 elsewhere."""
    n_neighbours = min(len(inputs) - 1, int(3 * perplexity) + 1)
    found = NearestNeighbors(n_neighbors=n_neighbours, algorithm="brute").fit(np.asarray(inputs, dtype=np.float32))
    distances = found.kneighbors_graph(mode="distance")
    distances.data **= 2
    return _joint_probabilities_nn(distances, perplexity, 0)


def divergence(p: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """``Σ p_ij log(p_ij / q_ij)`` for places of shape (n, 2)."""
    return torch.special.xlogy(p, p).sum() + _cross_entropy(p, places)


def _cross_entropy(p: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """``−Σ p_ij log q_ij``, what of the divergence depends on places; products of matrices make it quick."""
    places = places - places.mean(dim=0)  # squares of distances are differences, and near 0 they round less
    lengths = places.square().sum(dim=1)
    squares = (lengths[:, None] + lengths - 2 * places @ places.T).clamp_min(0).fill_diagonal_(0)
    total = (1 / (1 + squares)).sum() - len(places)
    return (p * torch.log1p(squares)).sum() + p.sum() * torch.log(total)
