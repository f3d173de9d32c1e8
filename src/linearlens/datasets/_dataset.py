"""What the loaders return."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Dataset:
    """Training and test inputs with their labels.

    Parameters
    ----------
    name : str
    train_inputs, test_inputs : ndarray of shape (n_samples, *input_shape)
    train_labels, test_labels : ndarray of shape (n_samples,)
        Classes as whole numbers from 0.
    """

    name: str
    train_inputs: np.ndarray
    train_labels: np.ndarray
    test_inputs: np.ndarray
    test_labels: np.ndarray


@dataclass(frozen=True)
class Reviews:
    """Texts, already split into words, with their labels.

    Parameters
    ----------
    name : str
    train_texts, test_texts : list of list of str
    train_labels, test_labels : ndarray of shape (n_texts,)
        1 for a positive text, 0 for a negative one.
    valence : dict of str to int
        Polarity of words, where it is known: positive above 0, negative below.
    """

    name: str
    train_texts: list[list[str]]
    train_labels: np.ndarray
    test_texts: list[list[str]]
    test_labels: np.ndarray
    valence: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Series:
    """Series of one length for anomaly detection: normal ones to learn from, normal and anomalous ones to test.

    Parameters
    ----------
    name : str
    train, validation, normal, anomalous : ndarray of shape (n_series, n_steps)
        The first three hold normal series only.
    severity : ndarray of shape (n_anomalous,), optional
        How far each anomalous series is from a normal one, above 0, where it is known.
    """

    name: str
    train: np.ndarray
    validation: np.ndarray
    normal: np.ndarray
    anomalous: np.ndarray
    severity: np.ndarray | None = None
