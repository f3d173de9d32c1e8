"""What is asked of a model, what one lens found, and how long it may look."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from scipy import linalg
from torch import nn

from linearlens.snapshots.running import as_inputs, running, to_array

BATCH = 256
TIMED = 32  # samples
WIDTH = 4.7  # inches of a figure: on a phone its letters are then of nine pixels or more


@dataclass
class Asked:
    """A model with its data, and what its user wants to know; see `linearlens.reporting.report`."""

    model: nn.Module
    train: Any
    test: Any
    train_labels: np.ndarray | None
    test_labels: np.ndarray | None
    module: str | None
    between: Sequence[tuple[str | None, str]] | None
    outputs: Sequence[int] | None
    classes: Sequence[str] | None
    features: Sequence[str] | None
    seed: int
    n_outputs: int = 0  # numbers in a row of them; 0 where they are no row
    decides: bool = True  # whether outputs are those of classes, or one logit; numbers otherwise
    threshold: float = 0.0  # of a single output that decides

    def missed(self, outputs: np.ndarray, labels: np.ndarray | None, own: np.ndarray) -> np.ndarray:
        """What is missed of each sample: 1 for a wrong class, or the squared error over the variance of the own output.

        Parameters
        ----------
        outputs, own : ndarray of shape (n_samples, n_outputs)
            Those that are judged, and those of the model itself.
        labels : ndarray of shape (n_samples,), optional
            Without, the model's own decisions are right.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        if self.decides:
            right = self.decisions(own) if labels is None else labels
            return (self.decisions(outputs) != right).astype(float)
        spread = ((own - own.mean(axis=0)) ** 2).sum(axis=1).mean()
        return ((outputs - own) ** 2).sum(axis=1) / (spread or np.nan)

    def decisions(self, outputs: np.ndarray) -> np.ndarray:
        """The class that each row of outputs stands for."""
        return outputs.argmax(axis=1) if outputs.shape[1] > 1 else (outputs[:, 0] > self.threshold).astype(int)

    def name_of(self, output: int) -> str:
        """What an output is called."""
        if self.classes is None:
            return f"output {output}"
        return self.classes[-1] if len(self.classes) > self.n_outputs == 1 else self.classes[output]

    def of_train(self, most: int) -> Any:
        """Training samples, the first `most` in a random order that the seed gives."""
        return take(self.train, self._chosen(self.train, most, 0))

    def of_test(self, most: int) -> Any:
        """Test samples likewise."""
        return take(self.test, self._chosen(self.test, most, 1))

    def labels_of_train(self, most: int) -> np.ndarray | None:
        """Their labels."""
        return None if self.train_labels is None else self.train_labels[self._chosen(self.train, most, 0)]

    def labels_of_test(self, most: int) -> np.ndarray | None:
        """Their labels."""
        return None if self.test_labels is None else self.test_labels[self._chosen(self.test, most, 1)]

    @cached_property
    def start(self) -> str | None:
        """The module that looks tokens up, where the inputs are tokens: there is nothing linear before it."""
        first = as_inputs(self.model, take(self.test, np.arange(2))).first
        if first.is_floating_point():
            return None
        return next((name for name, part in self.model.named_modules() if isinstance(part, nn.Embedding)), None)

    @cached_property
    def seconds_a_sample(self) -> float:
        """CPU seconds that the model takes for one."""
        few = self.of_test(TIMED)
        begin = time.process_time()
        outputs_of(self.model, few)
        return (time.process_time() - begin) / count(few)

    def _chosen(self, inputs: Any, most: int, stream: int) -> np.ndarray:
        return np.random.default_rng([self.seed, stream]).permutation(count(inputs))[:most]


@dataclass(frozen=True)
class Finding:
    """What one lens found in a model.

    Attributes
    ----------
    lens, title : str
    applies : bool
        False where the lens has nothing to look at; the verdict says why.
    verdict : str
        One sentence.
    tables : dict of str to DataFrame
    figures : dict of str to Figure
    warnings : list of str
        What a reader should know before believing a number here.
    seconds : float
        Of the processor.
    """

    lens: str
    title: str
    applies: bool
    verdict: str
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    figures: dict[str, Figure] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    seconds: float = 0.0


class NotApplicableError(Exception):
    """The lens has nothing to look at in this model; the message says why."""


class BudgetError(Exception):
    """The CPU seconds are spent; what is done is kept."""


class Budget:
    """CPU seconds that may be spent from now on, and who is told what is done.

    Parameters
    ----------
    seconds : float
    say : callable of str
    """

    def __init__(self, seconds: float, say: Callable[[str], None]) -> None:
        self.seconds, self.end, self.say = seconds, time.process_time() + seconds, say
        self.until = self.end
        self.interrupted = False

    def begin(self, *, last: bool) -> None:
        """A lens begins: half of what is left is for it, or all if it is the last."""
        self.until = time.process_time() + self.left * (1.0 if last else 0.5)

    @property
    def left(self) -> float:
        """CPU seconds."""
        return self.end - time.process_time()

    @property
    def left_here(self) -> float:
        """CPU seconds of the present lens."""
        return min(self.left, self.until - time.process_time())

    @property
    def over(self) -> str:
        """Why nothing more is done; empty as long as it is."""
        if self.interrupted:
            return "it was interrupted"
        return f"the budget of {self.seconds:g} CPU seconds was spent" if self.left <= 0 else ""

    def step(self, what: str, *, needs: float = 0.0) -> None:
        """Say what begins.

        Parameters
        ----------
        what : str
        needs : float
            CPU seconds that it is estimated to take.

        Raises
        ------
        BudgetError
            If less is left for it.
        """
        if self.over:
            raise BudgetError(self.over)
        if needs > (left := max(self.left_here, 0)):  # what needs next to nothing is done even so
            raise BudgetError(f"it would take about {needs:.2g} CPU seconds, and the budget leaves it {left:.2g}")
        self.say(what)


def seconds_for(*, multiply_adds: float = 0.0, factored: float = 0.0) -> float:
    """CPU seconds for so many multiply-adds of matrix products, and operations as `svd_operations` counts them."""
    products, factors = _speeds()
    return multiply_adds / products + factored / factors


def svd_operations(n: int, m: int) -> float:
    """About what a singular value decomposition takes; an eigenvalue problem of as many rows takes no more."""
    small, large = sorted((n, m))
    return 6 * large * small**2 + 20 * small**3


@cache
def _speeds() -> tuple[float, float]:
    """Of matrix products and of decompositions on this machine, each the better of two tries at a small one."""
    one = np.random.default_rng(0).random((400, 300))
    taken = []
    for work in (lambda: [one.T @ one for _ in range(10)], lambda: linalg.svd(one, full_matrices=False)):
        tries = []
        for _ in range(2):
            begin = time.process_time()
            work()
            tries.append(time.process_time() - begin)
        taken.append(max(min(tries), 1e-6))
    return 10 * one.size * one.shape[1] / taken[0], svd_operations(*one.shape) / taken[1]


def shortened(names: Sequence[str]) -> Callable[[str | None], str]:
    """A function that leaves out what all these names of modules begin with."""
    parts = [name.split(".") for name in names]
    alike = 0
    while all(len(part) > alike + 1 and part[alike] == parts[0][alike] for part in parts):
        alike += 1
    return lambda name: ".".join((name or "").split(".")[alike:])


def count(inputs: Any) -> int:
    """Number of samples."""
    if isinstance(inputs, Mapping):
        return len(next(iter(inputs.values())))
    return len(inputs[0] if isinstance(inputs, tuple) else inputs)


def take(inputs: Any, chosen: np.ndarray) -> Any:
    """The chosen samples, in the form that came: an array, a tensor, a list, a tuple or a mapping of these."""
    if isinstance(inputs, Mapping):
        return {name: take(one, chosen) for name, one in inputs.items()}
    if isinstance(inputs, tuple):
        return tuple(take(one, chosen) for one in inputs)
    if isinstance(inputs, list):
        return [inputs[place] for place in chosen]
    return inputs[torch.as_tensor(chosen)] if isinstance(inputs, torch.Tensor) else np.asarray(inputs)[chosen]


@torch.no_grad()
def outputs_of(model: nn.Module, inputs: Any) -> np.ndarray:
    """What the model gives, of shape (n_samples, n_outputs), in batches and in eval mode.

    Raises
    ------
    ValueError
        If there is no tensor with a row for each sample.
    """
    return raw_outputs(model, inputs).reshape(count(inputs), -1)


@torch.no_grad()
def raw_outputs(model: nn.Module, inputs: Any) -> np.ndarray:
    """The same, in the shape in which it comes."""
    found = []
    for first in range(0, count(inputs), BATCH):
        chosen = np.arange(first, min(first + BATCH, count(inputs)))
        given = as_inputs(model, take(inputs, chosen))
        with running(model):
            output = tensor_of(model(*given.args, **given.named))
        if output.ndim == 0 or len(output) != len(chosen):
            raise ValueError(
                f"{len(chosen)} samples went in, and the model gave shape {tuple(output.shape)}; its outputs need a "
                "row for each sample, samples first"
            )
        found.append(to_array(output))
    return np.concatenate(found)


def tensor_of(output: Any) -> torch.Tensor:
    """The tensor in what a model gives: itself, ``logits``, or the first of several.

    Raises
    ------
    ValueError
        If there is none.
    """
    if isinstance(output, torch.Tensor):
        return output
    for name in ("logits", "last_hidden_state"):
        found = output.get(name) if isinstance(output, Mapping) else getattr(output, name, None)
        if isinstance(found, torch.Tensor):
            return found
    if isinstance(output, tuple | list) and output and isinstance(output[0], torch.Tensor):
        return output[0]
    raise ValueError(f"the model gives {type(output).__name__}, in which no tensor of outputs was found")
