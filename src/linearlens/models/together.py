"""Many networks of one design trained at once."""

from collections.abc import Callable, Sequence
from copy import deepcopy

import numpy as np
import torch
from torch import nn
from torch.func import functional_call, stack_module_state, vmap

from linearlens.models.device import training_device
from linearlens.models.training import (
    _batches,
    _check_labels,
    _count_steps,
    _in_training,
    _one_cycle,
    _tensor,
)

APART = (nn.modules.dropout._DropoutNd, nn.modules.batchnorm._BatchNorm)  # they draw numbers, or keep statistics


def train_together(
    models: Sequence[nn.Module],
    inputs: np.ndarray,
    labels: np.ndarray,
    *,
    epochs: int,
    batch_size: int = 128,
    learning_rate: float = 3e-3,
    weight_decay: float = 1e-2,
    seeds: Sequence[int] | None = None,
) -> list[nn.Module]:
    """Train classifiers of one design in place, all in one batched model.

    Parameters
    ----------
    models : sequence of nn.Module
        Equal but for their weights and buffers.
    inputs : ndarray of shape (n_samples, *input_shape)
    labels : ndarray of shape (n_samples,)
        Classes as whole numbers from 0.
    epochs, batch_size, learning_rate, weight_decay
        As in `train_classifier`.
    seeds : sequence of int, optional
        Seeds the order of the batches of each network; 0, 1, … by default.

    Returns
    -------
    list of nn.Module
        The same networks, in eval mode.

    Raises
    ------
    ValueError
        If no network comes, they differ in their parts or shapes, some hold dropout or batch normalisation, there
        is not one seed for each, labels or settings do not fit, or there is no such device.
    RuntimeError
        If a loss is no longer finite; the message says of which network and in which step.

    Notes
    -----
    They are trained on :func:`linearlens.models.training_device` and come back to the CPU.

    Network i sees the batches of ``train_classifier(models[i], …, seed=seeds[i])`` and takes the same steps: AdamW
    works on each number alone and the losses are summed, so no network feels another. Only the order in which
    products are rounded differs. One step of ten small networks takes little longer than one step of one.
    """
    _check_labels(inputs, labels)
    models = list(models)
    seeds = list(range(len(models))) if seeds is None else list(seeds)
    _check_models(models, seeds)
    n_steps = _count_steps(len(inputs), epochs, batch_size, learning_rate)
    device = training_device()
    x = _tensor(inputs, models[0]).to(device)
    y = torch.as_tensor(np.asarray(labels), dtype=torch.long).to(device)
    with _in_training(models, device):
        weights, buffers = stack_module_state(models)
        design = deepcopy(models[0]).to("meta")

        def loss(own: dict, fixed: dict, batch: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
            return nn.functional.cross_entropy(functional_call(design, (own, fixed), (batch,)), wanted)

        losses = vmap(loss)
        optimizer, schedule = _one_cycle(weights.values(), learning_rate, weight_decay, n_steps)
        orders = [_batches(len(x), epochs, batch_size, None, torch.Generator().manual_seed(seed)) for seed in seeds]
        for step, batches in enumerate(zip(*orders, strict=True)):
            batch = torch.stack(batches).to(device)
            optimizer.zero_grad()
            values = losses(weights, buffers, x[batch], y[batch])
            if not torch.isfinite(values).all():
                number = int((~torch.isfinite(values)).nonzero()[0])
                raise RuntimeError(
                    f"the loss of network {number} is {values[number].item()} in step {step} of {n_steps}; lower "
                    "learning_rate"
                )
            values.sum().backward()
            optimizer.step()
            schedule.step()
        with torch.no_grad():
            for number, model in enumerate(models):
                for name, weight in model.named_parameters():
                    weight.copy_(weights[name][number])
    return models


def train_alike(
    models: Sequence[nn.Module],
    loss: Callable[..., torch.Tensor],
    data: Sequence[torch.Tensor],
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    weight_decay: float = 0.0,
    seeds: Sequence[int],
) -> list[float]:
    """Train modules of one design in place, each on data of its own, all in one batched model.

    Parameters
    ----------
    models : sequence of nn.Module
        Equal but for their weights and buffers. Weights that need no gradient are left alone.
    loss : callable
        ``loss(module, *batch)``, as in `train`; `module` may only be called.
    data : sequence of Tensor of shape (n_models, n_samples, ...)
    epochs, batch_size, learning_rate, weight_decay
        As in `train`.
    seeds : sequence of int
        Seeds the order of the batches of each.

    Returns
    -------
    list of float
        The final loss of each on all of its data.

    Raises
    ------
    ValueError
        If settings do not fit.
    RuntimeError
        If a loss is no longer finite; the message says of which model and in which step.
    """
    n_samples = data[0].shape[1]
    n_steps = _count_steps(n_samples, epochs, batch_size, learning_rate)
    device = training_device()
    tensors = [part.to(device) for part in data]
    rows = torch.arange(len(models), device=device)[:, None]
    with _in_training(models, device):
        weights, buffers = stack_module_state(list(models))
        trained = {name: weight for name, weight in weights.items() if weight.requires_grad}
        fixed = {name: weight for name, weight in weights.items() if not weight.requires_grad} | buffers
        design = deepcopy(models[0]).to("meta")

        def one(own: dict, rest: dict, *batch: torch.Tensor) -> torch.Tensor:
            return loss(lambda *given: functional_call(design, (own, rest), given), *batch)

        losses = vmap(one)
        optimizer, schedule = _one_cycle(trained.values(), learning_rate, weight_decay, n_steps)
        orders = [_batches(n_samples, epochs, batch_size, None, torch.Generator().manual_seed(seed)) for seed in seeds]
        for step, batches in enumerate(zip(*orders, strict=True)):
            batch = torch.stack(batches).to(device)
            optimizer.zero_grad()
            values = losses(trained, fixed, *(part[rows, batch] for part in tensors))
            if not torch.isfinite(values).all():
                number = int((~torch.isfinite(values)).nonzero()[0])
                raise RuntimeError(f"the loss of model {number} is not finite in step {step}; lower learning_rate")
            values.sum().backward()
            optimizer.step()
            schedule.step()
        with torch.no_grad():
            final = losses(trained, fixed, *tensors).tolist()
            for number, model in enumerate(models):
                for name, weight in model.named_parameters():
                    if name in trained:
                        weight.copy_(trained[name][number])
    return final


def _check_models(models: list[nn.Module], seeds: list[int]) -> None:
    if not models or len(seeds) != len(models):
        raise ValueError(f"need one network or more and one seed for each, got {len(models)} and {len(seeds)} seeds")
    shapes = [
        (repr(model), {name: tuple(value.shape) for name, value in model.state_dict().items()}) for model in models
    ]
    for number, shape in enumerate(shapes):
        if shape != shapes[0]:
            raise ValueError(f"network {number} differs from network 0 in its parts or their shapes; train it apart")
    apart = [type(part).__name__ for part in models[0].modules() if isinstance(part, APART)]
    if apart:
        raise ValueError(f"networks with {apart[0]} cannot be trained together; train each with train_classifier")
