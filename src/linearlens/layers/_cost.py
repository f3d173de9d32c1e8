"""What a network costs at inference, and how much of its nonlinearity is still there."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from sklearn.kernel_approximation import Nystroem, RBFSampler
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer, PolynomialFeatures, StandardScaler
from threadpoolctl import threadpool_limits
from torch import nn

from linearlens.layers._lifts import GaussianBumps, MedianScaler, RandomReLU
from linearlens.snapshots.running import as_inputs

AFFINE = (nn.Linear, nn.Identity, nn.Flatten, nn.Dropout)  # in eval mode


@dataclass(frozen=True)
class Cost:
    """What one sample costs.

    Parameters
    ----------
    nonlinear_layers : int
        True nonlinear layers evaluated, those an operator needs included.
    inner_layers : int
        Those of them that an operator evaluates inside the part it stands in for: 0 for a fair replacement.
    parameters : int
        Numbers that are stored, those a lift was given at random included.
    multiply_adds : int
        Multiplications with additions; cosines, exponentials and comparisons are not counted.
    lifted_dimensions : tuple of int
        Observables of each operator, in order; the constant is one where there is one.
    """

    nonlinear_layers: int = 0
    inner_layers: int = 0
    parameters: int = 0
    multiply_adds: int = 0
    lifted_dimensions: tuple[int, ...] = ()

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))


def count_cost(model: nn.Module) -> Cost:
    """Count layers, parameters and multiply-adds of a network of linear layers, activations and operators.

    Parameters
    ----------
    model : nn.Module
        The original or a hybrid. Each of its modules is taken to run once a sample.

    Returns
    -------
    Cost

    Raises
    ------
    ValueError
        If it holds a module with parameters that is neither nn.Linear nor an operator, or an operator with a lift
        whose cost is not known.

    Examples
    --------
    >>> from linearlens.models import mlp
    >>> count_cost(mlp([2, 8, 2]))
    Cost(nonlinear_layers=1, inner_layers=0, parameters=42, multiply_adds=32, lifted_dimensions=())
    """
    return sum((_cost_of(leaf) for leaf in _leaves(model)), Cost())


def inference_seconds(models: Mapping[str, nn.Module], inputs: np.ndarray, *, repeats: int = 5) -> dict[str, float]:
    """Processor seconds each model takes for a batch, all measured in one run on one thread.

    Parameters
    ----------
    models : mapping of str to nn.Module
        In eval mode.
    inputs : ndarray of shape (n_samples, *input_shape)
        One batch.
    repeats : int
        The models take turns so many times; the least of each counts, since noise only adds.

    Returns
    -------
    dict of str to float
        Compare them with each other; seconds of different runs or machines are different things.

    Raises
    ------
    ValueError
        If there is no model, or `repeats` is below 1.
    """
    if not models or repeats < 1:
        raise ValueError(f"need one model or more and repeats of 1 or more, got {list(models)} and {repeats}")
    batches = {name: as_inputs(model, inputs).first for name, model in models.items()}
    taken: dict[str, list[float]] = {name: [] for name in models}
    n_threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        with threadpool_limits(1), torch.no_grad():
            for _ in range(repeats):
                for name, model in models.items():
                    begin = time.process_time()
                    model(batches[name])
                    taken[name].append(time.process_time() - begin)
    finally:
        torch.set_num_threads(n_threads)
    return {name: min(seconds) for name, seconds in taken.items()}


def lift_cost(lift: Any) -> Cost:
    """Parameters and multiply-adds of a fitted lift; errors as in `count_cost`."""
    if lift is None or isinstance(lift, FunctionTransformer):
        return Cost()
    if own := _own_cost(lift):
        return own()
    if isinstance(lift, Pipeline):
        return sum((lift_cost(step) for _, step in lift.steps), Cost())
    if isinstance(lift, FeatureUnion):
        return sum((lift_cost(step) for _, step in lift.transformer_list), Cost())
    n = lift.n_features_in_
    match lift:
        case MedianScaler():
            return Cost(parameters=1, multiply_adds=n)
        case StandardScaler():
            return Cost(parameters=2 * n, multiply_adds=n)
        case PolynomialFeatures():
            # Each monomial above degree 1 is one of lower degree times one unit.
            return Cost(multiply_adds=lift.n_output_features_ - n - lift.include_bias)
        case RBFSampler():
            return Cost(parameters=(n + 1) * lift.n_components, multiply_adds=n * lift.n_components)
        case RandomReLU():
            return Cost(parameters=(n + 1) * lift.n_units, multiply_adds=n * lift.n_units)
        case GaussianBumps():
            return Cost(parameters=lift.centres_.size, multiply_adds=lift.centres_.size)
        case Nystroem():
            size = lift.components_.size + lift.normalization_.size
            return Cost(parameters=size, multiply_adds=size)
    raise ValueError(f"the cost of a lift by {type(lift).__name__} is not known; count it by hand")


def _leaves(module: nn.Module) -> Iterator[nn.Module]:
    """Parts that have no parts, each as often as it is used; an operator is one."""
    if _own_cost(module) or not module._modules:
        yield module
        return
    for child in module._modules.values():
        if child is not None:
            yield from _leaves(child)


def _cost_of(leaf: nn.Module) -> Cost:
    if own := _own_cost(leaf):
        return own()
    if isinstance(leaf, nn.Linear):
        return Cost(parameters=sum(p.numel() for p in leaf.parameters()), multiply_adds=leaf.weight.numel())
    if isinstance(leaf, AFFINE):
        return Cost()
    if any(True for _ in leaf.parameters()):
        raise ValueError(f"the cost of {type(leaf).__name__} is not known; count it by hand")
    return Cost(nonlinear_layers=1)


def _own_cost(module: Any) -> Callable[[], Cost] | None:
    """The method by which an operator, or a lift, counts itself; a child that happens to be called cost is none."""
    own = getattr(type(module), "cost", None)
    return None if own is None else partial(own, module)
