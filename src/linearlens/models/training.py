"""One training loop for the classifiers of the book."""

import numpy as np
import torch
from torch import nn


def train_classifier(
    model: nn.Module,
    inputs: np.ndarray,
    labels: np.ndarray,
    *,
    epochs: int,
    batch_size: int = 128,
    learning_rate: float = 3e-3,
    weight_decay: float = 1e-2,
    seed: int = 0,
) -> nn.Module:
    """Train in place with AdamW and a one-cycle learning rate on the cross-entropy; return the model in eval mode.

    Parameters
    ----------
    model : nn.Module
        Maps ``(n, *input_shape)`` to ``(n, n_classes)`` logits. It is changed: that is what training means.
    inputs : ndarray of shape (n_samples, *input_shape)
    labels : ndarray of shape (n_samples,)
        Classes as whole numbers from 0.
    epochs, batch_size : int
    learning_rate : float
        The peak of the cycle.
    weight_decay : float
    seed : int
        Seeds the order of the batches; torch's global generator is not used.

    Returns
    -------
    nn.Module

    Raises
    ------
    ValueError
        If inputs and labels differ in number, or there are none.
    """
    if len(inputs) != len(labels) or len(inputs) == 0:
        raise ValueError(f"need one label for each input, got {len(inputs)} inputs and {len(labels)} labels")
    x, y = _tensor(inputs), torch.as_tensor(labels, dtype=torch.long)
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=weight_decay)
    n_steps = epochs * -(-len(x) // batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=learning_rate, total_steps=n_steps)
    model.train()
    for _ in range(epochs):
        for batch in torch.randperm(len(x), generator=generator).split(batch_size):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x[batch]), y[batch]).backward()
            optimizer.step()
            schedule.step()
    return model.eval()


@torch.no_grad()
def accuracy(model: nn.Module, inputs: np.ndarray, labels: np.ndarray) -> float:
    """Share of inputs whose largest logit is the right class.

    Parameters
    ----------
    model : nn.Module
    inputs : ndarray of shape (n_samples, *input_shape)
    labels : ndarray of shape (n_samples,)

    Returns
    -------
    float
    """
    predicted = model(_tensor(inputs)).argmax(dim=1).numpy()
    return float(np.mean(predicted == np.asarray(labels)))


def _tensor(array: np.ndarray) -> torch.Tensor:
    return torch.as_tensor(np.asarray(array), dtype=torch.get_default_dtype())
