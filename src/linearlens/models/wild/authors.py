"""Networks that the authors of the papers published, for whoever reaches the addresses in the registry.

The book was made without these files: the loaders are tested on files of the same form made for it.
"""

import re

from torch import nn

from linearlens.datasets.registry import fetch
from linearlens.datasets.weights import load_weights
from linearlens.models.gru_classifier import GRUClassifier
from linearlens.models.wild._load import Arrays, arrays_of, filled, path_of

_TURNS = {"relu": nn.ReLU, "tanh": nn.Tanh}


def kann_sentiment(weights: Arrays | None = None) -> GRUClassifier:
    """The sentiment network of Naiman and Azencot (2023).

    Parameters
    ----------
    weights : mapping of str to ndarray, optional
        The arrays of their file; by default those of the data set ``kann-sentiment``, fetched on first use.

    Returns
    -------
    GRUClassifier
        With their embedding of 128 numbers and their cell of 256 units, which is the same as an nn.GRU.
    """
    given = arrays_of(fetch("kann-sentiment"), "gru_weights.safetensors") if weights is None else weights
    names = {"linear.weight": "readout.weight", "linear.bias": "readout.bias"}
    for kind in ("weight", "bias"):
        names |= {f"rnn.{kind}_{side}": f"gru.{kind}_{side}_l0" for side in ("ih", "hh")}
    if "embedding.weight" not in given or "rnn.weight_hh" not in given:
        raise ValueError(f"these are not the arrays of that network: {', '.join(sorted(given)) or 'there are none'}")
    n_words, n_embedding = given["embedding.weight"].shape
    network = GRUClassifier(n_words, n_embedding, given["rnn.weight_hh"].shape[1])
    return filled(network, {names.get(name, name): value for name, value in given.items()})


def kann_pieces() -> list[str]:
    """The word pieces of that network in the order of their numbers, ``##`` before those that go on a word."""
    return path_of(fetch("kann-sentiment"), "imdb.vocab").read_text(encoding="utf-8").split("\n")


def dynamics_network(weights: Arrays | str, *, turn: str) -> nn.Sequential:
    """A perceptron of Aswani, Jabari and Shafique (2024).

    Parameters
    ----------
    weights : mapping of str to ndarray, or str
        The arrays of one of their files, or its name in the data set ``learningdynamics``, such as ``"mnist_model"``.
    turn : {"relu", "tanh"}
        The nonlinearity, which the file does not tell: ``relu`` for MNIST.

    Returns
    -------
    nn.Sequential
        ``linear1, act1, linear2, …``.
    """
    if turn not in _TURNS:
        raise ValueError(f"turn is one of {', '.join(_TURNS)}; got {turn!r}")
    given = load_weights("learningdynamics")[weights] if isinstance(weights, str) else weights
    places = sorted({int(match[1]) for name in given if (match := re.fullmatch(r"features\.(\d+)\.weight", name))})
    if not places:
        raise ValueError(f"these are not the arrays of such a network: {', '.join(sorted(given)) or 'there are none'}")
    network = nn.Sequential()
    names: dict[str, str] = {}
    for number, place in enumerate(places, 1):
        n_out, n_in = given[f"features.{place}.weight"].shape
        network.add_module(f"linear{number}", nn.Linear(n_in, n_out))
        if place != places[-1]:
            network.add_module(f"act{number}", _TURNS[turn]())
        names |= {f"features.{place}.{kind}": f"linear{number}.{kind}" for kind in ("weight", "bias")}
    return filled(network, {names.get(name, name): value for name, value in given.items()})
