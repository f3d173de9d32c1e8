"""How good something is that stands in for a layer."""

from dataclasses import dataclass

import numpy as np
from torch import nn

from linearlens.snapshots import collect_layers, run_from


@dataclass(frozen=True)
class Judged:
    """What is left of a network when something else gives the output of one of its layers.

    Parameters
    ----------
    accuracy : float
        Share of the samples that the rest of the network classifies rightly.
    missed : float
        Share of the variance of the layer's output that the stand-in misses; 0 for the layer, 1 for its mean.
    """

    accuracy: float
    missed: float

    def __str__(self) -> str:
        return f"accuracy {self.accuracy:.1%}, {self.missed:.2%} of the variance missed"


def judge_outputs(model: nn.Module, stop: str, outputs: np.ndarray, inputs: np.ndarray, labels: np.ndarray) -> Judged:
    """Put outputs in the place of those of module `stop`, and run the rest of the network.

    Accuracy forgives what does not cross a border; the variance missed does not.

    Parameters
    ----------
    model : nn.Module
        A classifier that `linearlens.snapshots.run_from` can continue.
    stop : str
        Name of the module whose output is replaced.
    outputs : ndarray of shape (n_samples, n_units)
        What the stand-in makes of the samples.
    inputs : ndarray of shape (n_samples, *input_shape)
        Inputs of the model.
    labels : ndarray of shape (n_samples,)

    Returns
    -------
    Judged

    Raises
    ------
    ValueError
        If outputs have not the shape of the layer's.
    """
    wanted = collect_layers(model, inputs, [stop])[:, 0]
    outputs = np.asarray(outputs)
    if outputs.shape != wanted.shape:
        raise ValueError(f"the output of {stop!r} has shape {wanted.shape}, what stands in for it {outputs.shape}")
    spread = ((wanted - wanted.mean(axis=0)) ** 2).sum() or 1.0
    guesses = run_from(model, stop, outputs).argmax(axis=1)
    return Judged(
        accuracy=float(np.mean(guesses == np.asarray(labels))), missed=float(((outputs - wanted) ** 2).sum() / spread)
    )
