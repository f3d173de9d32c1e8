"""Whether a question makes sense, and what a reader should know of model and data before any number."""

import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

from linearlens.reporting._finding import Asked, count, raw_outputs, take
from linearlens.snapshots.running import as_inputs, to_array

FEWEST, PROBED, COMPARED = 20, 64, 2000
SAME = 1e-3  # of the largest output; rounding differs with the size of a batch
SHARED = 0.01  # of the test samples


def checked(model: nn.Module, train: Any, test: Any, labels: tuple[Any, Any] | None, *options: Any) -> Asked:
    """The question, with a copy of the model, once it makes sense.

    Raises
    ------
    ValueError
        If it does not: no model, too few samples, a model that these inputs do not run, or that gives no finite
        numbers, labels that are not those of its outputs.
    """
    if not isinstance(model, nn.Module):
        raise ValueError(f"the model must be a torch.nn.Module, got {type(model).__name__}")
    sizes = {name: count(inputs) for name, inputs in (("train", train), ("test", test))}
    if few := {name: size for name, size in sizes.items() if size < FEWEST}:
        raise ValueError(f"need {FEWEST} samples or more for training and for testing, got {few}")
    given = (None, None) if labels is None else tuple(map(_classes, labels))
    for (name, size), one in zip(sizes.items(), given, strict=True):
        if one is not None and one.shape != (size,):
            raise ValueError(f"need one label for each of {size} {name} samples, got shape {one.shape}")
    asked = Asked(_copied(model), train, test, *given, *options)
    if ragged(test):  # sequences of several lengths do not go into a model at once
        return asked
    return _with_decisions(asked, _probe(asked))


def _copied(model: nn.Module) -> nn.Module:
    """So that a state that it keeps from one call to the next is not written to; itself where torch makes no copy."""
    try:
        return copy.deepcopy(model)
    except RuntimeError:  # weights that were computed, as by the old torch.nn.utils.weight_norm
        return model


def ragged(inputs: Any) -> bool:
    """Whether these are sequences of several lengths."""
    return isinstance(inputs, list) and len({np.shape(one) for one in inputs}) > 1


def _classes(labels: Any) -> np.ndarray:
    """As whole numbers."""
    array = labels.numpy(force=True) if isinstance(labels, torch.Tensor) else np.asarray(labels)
    if array.dtype.kind not in "iubf" or not np.array_equal(array, np.round(array)):
        raise ValueError(f"labels are whole numbers from 0, the places of outputs; got {array.dtype}: {array[:3]}")
    return array.astype(int)


def _probe(asked: Asked) -> np.ndarray:
    few = {"test": asked.of_test(PROBED), "train": asked.of_train(PROBED)}
    try:
        given = {name: raw_outputs(asked.model, inputs) for name, inputs in few.items()}
    except (RuntimeError, TypeError, IndexError, ValueError) as error:
        raise ValueError(f"the model does not run on these inputs: {type(error).__name__}: {error}") from error
    for name, outputs in given.items():
        if not np.isfinite(outputs).all():
            raise ValueError(
                f"the model gives numbers that are not finite for some {name} samples; no lens sees through"
            )
    return given["test"]


def _with_decisions(asked: Asked, outputs: np.ndarray) -> Asked:
    """What its outputs mean, and whether the labels are theirs."""
    labels = [one for one in (asked.train_labels, asked.test_labels) if one is not None]
    n_outputs = outputs.shape[1] if outputs.ndim == 2 else 1 if outputs.ndim == 1 else 0
    if asked.classes is not None and len(asked.classes) not in {n_outputs, max(n_outputs, 2)}:
        raise ValueError(f"{len(asked.classes)} classes are named, and the model gives shape {outputs.shape}")
    probabilities = n_outputs == 1 and outputs.min() >= 0 and outputs.max() <= 1
    asked = replace(asked, n_outputs=n_outputs, threshold=0.5 if probabilities else 0.0)
    if not labels:
        return replace(asked, decides=n_outputs > 1)
    if not n_outputs:
        raise ValueError(
            f"with labels, the model must give one row of outputs a sample, got shape {outputs.shape}; wrap it, or "
            "leave out labels"
        )
    n_classes = max(n_outputs, 2)
    low, high = min(one.min() for one in labels), max(one.max() for one in labels)
    if low < 0 or high >= n_classes:
        raise ValueError(
            f"labels go from {low} to {high}, but the model tells {n_classes} classes apart, 0 to {n_classes - 1}"
        )
    return asked


def remarks(asked: Asked) -> Iterator[str]:
    """What is true of all that follows."""
    if ragged(asked.test):
        return
    few = asked.of_test(PROBED)
    whole, again = raw_outputs(asked.model, few), raw_outputs(asked.model, few)
    size = SAME * max(np.abs(whole).max(), np.finfo(float).tiny)
    n = count(few)
    halves = [raw_outputs(asked.model, take(few, part)) for part in np.array_split(np.arange(n - 1, -1, -1), 2)]
    if np.abs(whole - again).max() > size:
        yield (
            "the model gives other outputs for the same samples: it draws random numbers, or keeps a state from one "
            "call to the next; all numbers here are of one run"
        )
    elif np.abs(whole[::-1] - np.concatenate(halves)).max() > size:
        yield (
            "what the model gives for a sample depends on the others of its batch: either it normalizes over them, or "
            "samples do not come first"
        )
    labels = asked.labels_of_test(COMPARED)
    if labels is not None:
        outputs = raw_outputs(asked.model, asked.of_test(COMPARED)).reshape(len(labels), -1)
        right = float((asked.decisions(outputs) == labels).mean())
        frequent = np.bincount(labels).max() / len(labels)
        if right <= frequent + 2 * np.sqrt(frequent * (1 - frequent) / len(labels)):
            yield (
                f"the model is right in {right:.0%} of the test samples, the most frequent class alone would be in "
                f"{frequent:.0%}: either it has learnt nothing, or inputs, outputs and labels do not belong together"
            )
        if asked.threshold:
            yield "its single output lies between 0 and 1 and is read as a probability: above 0.5 is class 1"
    shared = _shared(as_inputs(asked.model, asked.test).first, as_inputs(asked.model, asked.train).first)
    if shared > SHARED:
        yield f"{shared:.0%} of the test samples stand among the training samples, too: nothing is held out there"


def _shared(test: torch.Tensor, train: torch.Tensor) -> float:
    seen = {hash(row.tobytes()) for row in to_array(train)}
    return float(np.mean([hash(row.tobytes()) in seen for row in to_array(test)]))
