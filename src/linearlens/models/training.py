"""One training loop for all networks of the book."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from linearlens.models.device import training_device
from linearlens.models.modes import evaluating

BUCKET = 50  # batches whose samples are sorted by length together


def train(
    model: nn.Module,
    loss: Callable[..., torch.Tensor],
    data: Sequence[np.ndarray | torch.Tensor],
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

    Model and data are moved to :func:`linearlens.models.training_device`; the model comes back to the CPU.

    Parameters
    ----------
    model : nn.Module
        It is changed: that is what training means.
    loss : callable
        ``loss(model, *batch)`` takes the model and, as tensors, the rows of a batch from each array of `data`; it
        returns their mean loss.
    data : sequence of arrays of shape (n_samples, ...)
        Inputs, labels, and whatever else the loss takes. Floats are taken in the precision of the model, whole
        numbers as int64.
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
        If data are no sequence of arrays with one row a sample, there is no sample, epochs, batch_size or
        learning_rate are not above 0, lengths are not numbers above 0, one a sample, or there is no such device.
    RuntimeError
        If the loss is no longer finite; the message says in which step.

    Examples
    --------
    >>> from linearlens.models import mlp
    >>> def loss(model, x, y):
    ...     return (model(x) - y).square().mean()
    >>> x = np.linspace(0, 1, 20)[:, None]
    >>> model = train(mlp([1, 4, 1]), loss, [x, x**2], epochs=2, batch_size=5, learning_rate=1e-2)
    """
    tensors = _tensors(data, _dtype_of(model))
    n_samples = len(tensors[0])
    n_steps = _count_steps(n_samples, epochs, batch_size, learning_rate)
    sizes = None if lengths is None else _checked_lengths(lengths, n_samples)
    generator = torch.Generator().manual_seed(seed)
    device = training_device()
    with _in_training([model], device), torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        tensors = [tensor.to(device) for tensor in tensors]
        optimizer, schedule = _one_cycle(model.parameters(), learning_rate, weight_decay, n_steps)
        for step, batch in enumerate(_batches(n_samples, epochs, batch_size, sizes, generator)):
            optimizer.zero_grad()
            value = loss(model, *(tensor[batch.to(device)] for tensor in tensors))
            if not torch.isfinite(value):
                held = all(tensor[batch.to(device)].isfinite().all() for tensor in tensors)
                advice = "lower learning_rate or set clip" if held else "the data themselves hold NaN or infinity"
                raise RuntimeError(f"the loss is {value.item()} in step {step} of {n_steps}; {advice}")
            value.backward()
            if clip is not None:
                nn.utils.clip_grad_norm_(model.parameters(), clip)
            optimizer.step()
            schedule.step()
    return model


def _tensors(data: Sequence[np.ndarray | torch.Tensor], dtype: torch.dtype) -> list[torch.Tensor]:
    """One tensor for each array: floats in the precision given, whole numbers as int64."""
    alone = isinstance(data, np.ndarray | torch.Tensor)  # its rows would be taken for arrays
    tensors = [
        torch.as_tensor(a if isinstance(a, torch.Tensor) else np.asarray(a)) for a in ([data] if alone else data)
    ]
    shapes = [tuple(tensor.shape) for tensor in tensors]
    if alone or () in shapes or len({shape[0] for shape in shapes}) != 1:
        raise ValueError(
            f"data are a sequence of arrays with one row a sample, such as [inputs, labels], got "
            f"{'one array' if alone else f'{len(shapes)} arrays'} of shapes {shapes}"
        )
    return [tensor.to(dtype if tensor.is_floating_point() else torch.long) for tensor in tensors]


def _dtype_of(model: nn.Module) -> torch.dtype:
    return next((weight.dtype for weight in model.parameters()), torch.get_default_dtype())


def _count_steps(n_samples: int, epochs: int, batch_size: int, learning_rate: float) -> int:
    """Steps of a training, if the settings make one."""
    if min(n_samples, epochs, batch_size) < 1 or learning_rate <= 0:
        raise ValueError(
            f"need at least one sample, one epoch, one sample a batch and a learning_rate above 0, got "
            f"n_samples={n_samples}, epochs={epochs}, batch_size={batch_size}, learning_rate={learning_rate}"
        )
    return epochs * -(-n_samples // batch_size)


def _checked_lengths(lengths: np.ndarray, n_samples: int) -> torch.Tensor:
    sizes = np.asarray(lengths)
    if sizes.shape != (n_samples,) or sizes.dtype.kind not in "iuf" or not (sizes > 0).all():
        raise ValueError(
            f"lengths are numbers above 0, one a sample, shape ({n_samples},), got shape {sizes.shape} of "
            f"{sizes.dtype}" + (f" with the least {sizes.min()}" if sizes.size and sizes.dtype.kind in "iuf" else "")
        )
    return torch.as_tensor(sizes)


@contextmanager
def _in_training(models: Sequence[nn.Module], device: torch.device) -> Iterator[None]:
    """The networks on the device, in training mode; afterwards on the CPU, in eval mode."""
    # Gates near 0 make numbers so small that multiplying them takes several times as long.
    torch.set_flush_denormal(True)
    try:
        for model in models:
            model.to(device).train()
        yield
    finally:
        torch.set_flush_denormal(False)
        for model in models:
            model.cpu().eval()


def _one_cycle(
    weights: Iterable[torch.Tensor], learning_rate: float, weight_decay: float, n_steps: int
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    # All weights in one call: the same numbers to the last bit, with less of the time spent between them.
    optimizer = torch.optim.AdamW(weights, lr=learning_rate, weight_decay=weight_decay, foreach=True)
    return optimizer, torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=learning_rate, total_steps=n_steps)


def _batches(
    n_samples: int, epochs: int, batch_size: int, sizes: torch.Tensor | None, generator: torch.Generator
) -> Iterator[torch.Tensor]:
    """Numbers of the samples of each batch; each epoch sees each sample once."""
    for _ in range(epochs):
        order = torch.randperm(n_samples, generator=generator)
        if sizes is None:
            yield from order.split(batch_size)
            continue
        buckets = [bucket[sizes[bucket].argsort()] for bucket in order.split(BUCKET * batch_size)]
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
    return train(
        model,
        _cross_entropy,
        [_tensor(inputs, model), labels],
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
        Run in eval mode, where it is; left in the mode it was in.
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
    device = next((weight.device for weight in model.parameters()), None)
    with evaluating(model):
        predicted = model(_tensor(inputs, model).to(device)).argmax(dim=1).numpy(force=True)
    return float(np.mean(predicted == np.asarray(labels)))


def _cross_entropy(model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return nn.functional.cross_entropy(model(inputs), labels)


def _check_labels(inputs: np.ndarray, labels: np.ndarray) -> None:
    labels = np.asarray(labels)
    if labels.shape != (len(inputs),) or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"need one whole number a sample as label, shape ({len(inputs)},), got "
            f"shape {labels.shape} of {labels.dtype}"
        )


def _tensor(array: np.ndarray, model: nn.Module) -> torch.Tensor:
    """In the precision of the model."""
    return torch.as_tensor(np.asarray(array), dtype=_dtype_of(model))
