"""What every loader returns."""

from dataclasses import dataclass

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
