"""One training loop for all networks of the book."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

BUCKET = 50  # batches whose samples are sorted by length together


def train(
    model: nn.Module,
    loss: Callable[[torch.Tensor], torch.Tensor],
    n_samples: int,
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    weight_decay: float = 0.0,
    clip: float | None = None,
    lengths: np.ndarray | None = None,
    seed: int = 0,
) -> nn.Module:
    """Train in place with AdamW and a one-cycle learning rate; return the model in eval mode.

    Parameters
    ----------
    model : nn.Module
        It is changed: that is what training means.
    loss : callable
        Takes the numbers of the samples of a batch, shape (n,), and returns their mean loss.
    n_samples : int
    epochs, batch_size : int
    learning_rate : float
        The peak of the cycle.
    weight_decay : float
    clip : float, optional
        Largest norm of the gradient.
    lengths : ndarray of shape (n_samples,), optional
        Lengths of the samples; batches are then made of samples of like length, which saves padding.
    seed : int
        Seeds the order of the batches, and dropout; torch's global generator is left as it was.

    Returns
    -------
    nn.Module

    Raises
    ------
    ValueError
        If there is no sample, or epochs, batch_size or learning_rate are not above 0.
    RuntimeError
        If the loss is no longer finite; the message says in which step.
    """
    if min(n_samples, epochs, batch_size) < 1 or learning_rate <= 0:
        raise ValueError(
            f"need at least one sample, one epoch, one sample a batch and a learning_rate above 0, got "
            f"n_samples={n_samples}, epochs={epochs}, batch_size={batch_size}, learning_rate={learning_rate}"
        )
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=weight_decay)
    n_steps = epochs * -(-n_samples // batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=learning_rate, total_steps=n_steps)
    generator = torch.Generator().manual_seed(seed)
    model.train()
    with _flushing_denormals(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for step, batch in enumerate(_batches(n_samples, epochs, batch_size, lengths, generator)):
            optimizer.zero_grad()
            value = loss(batch)
            if not torch.isfinite(value):
                raise RuntimeError(
                    f"the loss is {value.item()} in step {step} of {n_steps}; lower learning_rate or set clip"
                )
            value.backward()
            if clip is not None:
                nn.utils.clip_grad_norm_(model.parameters(), clip)
            optimizer.step()
            schedule.step()
    return model.eval()


@contextmanager
def _flushing_denormals() -> Iterator[None]:
    """Gates near 0 make numbers so small that multiplying them takes several times as long."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def _batches(
    n_samples: int, epochs: int, batch_size: int, lengths: np.ndarray | None, generator: torch.Generator
) -> Iterator[torch.Tensor]:
    for _ in range(epochs):
        order = torch.randperm(n_samples, generator=generator)
        if lengths is None:
            yield from order.split(batch_size)
            continue
        size = torch.as_tensor(np.asarray(lengths))
        buckets = [bucket[size[bucket].argsort()] for bucket in order.split(BUCKET * batch_size)]
        batches = [batch for bucket in buckets for batch in bucket.split(batch_size)]
        yield from (batches[i] for i in torch.randperm(len(batches), generator=generator))


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
    """Train a classifier in place on the cross-entropy, as `train` does.

    Parameters
    ----------
    model : nn.Module
        Maps ``(n, *input_shape)`` to ``(n, n_classes)`` logits.
    inputs : ndarray of shape (n_samples, *input_shape)
    labels : ndarray of shape (n_samples,)
        Classes as whole numbers from 0.
    epochs, batch_size, learning_rate, weight_decay, seed
        As in `train`.

    Returns
    -------
    nn.Module

    Raises
    ------
    ValueError
        If labels are not whole numbers, one for each input.
    """
    _check_labels(inputs, labels)
    x, y = _tensor(inputs), torch.as_tensor(np.asarray(labels), dtype=torch.long)
    return train(
        model,
        lambda batch: nn.functional.cross_entropy(model(x[batch]), y[batch]),
        len(x),
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        seed=seed,
    )


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

    Raises
    ------
    ValueError
        If labels are not whole numbers, one for each input.
    """
    _check_labels(inputs, labels)
    predicted = model(_tensor(inputs)).argmax(dim=1).numpy()
    return float(np.mean(predicted == np.asarray(labels)))


def _check_labels(inputs: np.ndarray, labels: np.ndarray) -> None:
    labels = np.asarray(labels)
    if labels.shape != (len(inputs),) or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"need one whole number a sample as label, shape ({len(inputs)},), got "
            f"shape {labels.shape} of {labels.dtype}"
        )


def _tensor(array: np.ndarray) -> torch.Tensor:
    return torch.as_tensor(np.asarray(array), dtype=torch.get_default_dtype())
