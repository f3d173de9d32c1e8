"""Networks whose weights others have published, put together again from arrays."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import nn

from linearlens.models.residual import ResidualBlock

Arrays = Mapping[str, np.ndarray]
SLOPE = 0.01  # of their leaky ReLU
EPS = 1e-5  # of their batch normalisation


def koopmann_network(weights: Arrays) -> nn.Sequential:
    """The residual network of Aswani and Jabari (2025) from its published weights, batch normalisation folded in.

    Parameters
    ----------
    weights : mapping of str to ndarray
        The file ``resmlp5_yinyang`` of the data set ``koopmann``.

    Returns
    -------
    nn.Sequential
        ``linear1, act1, block1, act2, …, block5, act6, head``, in eval mode: a ReLU follows each block.
    """
    network = nn.Sequential()
    first = _folded(weights, "components.input_layer.components.", "linear.", "batchnorm.")
    network.add_module("linear1", first)
    network.add_module("act1", nn.ReLU())
    number = 1
    while any(name.startswith(f"components.residual_block_{number}.") for name in weights):
        root = f"components.residual_block_{number}.components."
        block = ResidualBlock(first.out_features, first.out_features)
        for part, name in (("up", "fc1"), ("down", "fc2")):
            setattr(block, part, _folded(weights, f"{root}{name}.components.", "linear.", "batchnorm."))
        network.add_module(f"block{number}", block)
        network.add_module(f"act{number + 1}", nn.ReLU())
        number += 1
    network.add_module("head", _linear(*_affine(weights, "components.output_layer.components.linear.")))
    return network.eval().requires_grad_(False)


class KoopmanAutoencoder(nn.Module):
    """Encode, multiply by one matrix, decode: a published Koopman autoencoder between two states of a network.

    Parameters
    ----------
    weights : mapping of str to ndarray
        Of the autoencoder.
    preprocessing : mapping of str to ndarray
        Means, directions and sizes of the states at both ends, from the file of the same name with ``_preprocessing``.
    start, stop : str
        Names of the modules whose outputs it takes and gives.

    Notes
    -----
    Aswani and Jabari (2025): from states with the mean taken off, turned, scaled and aligned, through one hidden
    layer of leaky ReLU units to the observables; ``exp(M / k)`` applied k times is ``exp(M)``; then through a hidden
    layer back.
    """

    def __init__(self, weights: Arrays, preprocessing: Arrays, *, start: str = "act1", stop: str = "act6") -> None:
        super().__init__()
        self.start, self.stop = start, stop
        before, after = (
            {name.removesuffix(end): value.astype(float) for name, value in preprocessing.items() if name.endswith(end)}
            for end in ("_0", "_5")
        )
        turn = before["directions"].T / before["norm"] @ before["align"]
        back = np.linalg.pinv(after["directions"].T) * after["norm"]
        enter, leave = (
            _affine(weights, f"components.{name}.components.linear.")
            for name in ("encoder.encoder_0", "decoder.decoder_0")
        )
        self.encoder = nn.Sequential(
            _linear(enter[0] @ turn.T, enter[1] - enter[0] @ turn.T @ before["means"][0]),
            nn.LeakyReLU(SLOPE),
            _linear(*_affine(weights, "components.encoder.encoder_1.components.linear.")),
        )
        self.decoder = nn.Sequential(
            _linear(*_affine(weights, "components.decoder.decoder_1.components.linear.")),
            nn.LeakyReLU(SLOPE),
            _linear(back.T @ leave[0], back.T @ leave[1] + after["means"][0]),
        )
        generator = weights["components.koopman_matrix.components.linear.parametrizations.weight.original"]
        self.weights: torch.Tensor
        self.register_buffer("weights", torch.matrix_exp(torch.tensor(generator.T.astype(float))).float())
        self.eval().requires_grad_(False)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """From states of shape (n_samples, n_units) at `start` to those at `stop`."""
        return self.decoder(self.encoder(states) @ self.weights)


def _affine(weights: Arrays, root: str) -> tuple[np.ndarray, np.ndarray]:
    return weights[f"{root}weight"].astype(float), weights[f"{root}bias"].astype(float)


def _folded(weights: Arrays, root: str, linear: str, norm: str) -> nn.Linear:
    """A linear layer with the batch normalisation that follows it."""
    matrix, shift = _affine(weights, root + linear)
    gain, bias = _affine(weights, root + norm)
    mean, variance = (weights[f"{root}{norm}running_{name}"].astype(float) for name in ("mean", "var"))
    scale = gain / np.sqrt(variance + EPS)
    return _linear(matrix * scale[:, None], (shift - mean) * scale + bias)


def _linear(matrix: np.ndarray, shift: np.ndarray) -> nn.Linear:
    layer = nn.Linear(matrix.shape[1], matrix.shape[0])
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(matrix))
        layer.bias.copy_(torch.tensor(shift))
    return layer
