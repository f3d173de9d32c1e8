"""A network as a series of sub-dynamics."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn

from linearlens.koopman import check_states

# They have weights, but belong to the layer before them.
FOLLOWERS = (
    nn.modules.batchnorm._NormBase,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.RMSNorm,
    nn.PReLU,
)


@dataclass(frozen=True)
class Component:
    """One sub-dynamics of a network, callable on arrays.

    Parameters
    ----------
    name : str
        Name of the module that begins it, as in ``model.named_modules()``; activations in front are passed over.
    start : str or None
        Name of the module before it; None for the first component.
    stop : str
        Name of its last module. What lies between `start` and `stop` is what :mod:`linearlens.layers` replaces.
    module : nn.Sequential
        Its modules, copied and frozen, in eval mode and float64.
    block : bool
        Whether it is a single module with parts of its own, such as a residual block.
    """

    name: str
    start: str | None
    stop: str
    module: nn.Sequential
    block: bool

    @torch.no_grad()
    def __call__(self, states: np.ndarray) -> np.ndarray:
        """From states of shape ``(n_samples, *input_shape)`` to those after it.

        Raises
        ------
        ValueError
            If the states cannot pass, or what comes out is not one finite tensor with a row for each of them.
        """
        return self.run(torch.tensor(np.asarray(states, dtype=np.float64))).numpy()

    def run(self, states: torch.Tensor, module: Callable | None = None) -> torch.Tensor:
        """The same on a float64 tensor, with gradients; `module` stands in for its modules."""
        came = f"states of shape {tuple(states.shape)}"
        try:
            output = (module or self.module)(states)
        except (RuntimeError, TypeError, IndexError, ValueError) as error:
            raise ValueError(
                f"{came} cannot pass the component {self.name!r}: {error}; give what its first module takes, in "
                "real numbers"
            ) from error
        if not isinstance(output, torch.Tensor):
            raise ValueError(
                f"the component {self.name!r} gives a {type(output).__name__}, but one tensor is wanted; wrap it in a "
                "module that picks or joins what the next one takes"
            )
        if output.ndim < 2 or len(output) != len(states):
            raise ValueError(
                f"the component {self.name!r} makes shape {tuple(output.shape)} of {came}, but a row for each sample "
                "is wanted"
            )
        return output


def components(model: nn.Module, stops: Sequence[str] | None = None) -> tuple[Component, ...]:
    """Split a network into its components, in order.

    Parameters
    ----------
    model : nn.Sequential
        Left as it was, bit for bit; an nn.Sequential inside counts as its children in its place.
    stops : sequence of str, optional
        Names of the modules with which the components end, the last module of the model included. By default
        each module that has parameters, buffers or parts of its own begins a component, and activations,
        normalisations and whatever else holds no weights belong to the one before. A child with parts of its own,
        such as a residual block, stays whole.

    Returns
    -------
    tuple of Component
        ``f_L ∘ … ∘ f_1`` as ``(f_1, …, f_L)``.

    Raises
    ------
    ValueError
        If the model is no nn.Sequential, a name does not exist or stands in the wrong order, the last one is not
        the end of the model, or there are fewer than two components.

    Examples
    --------
    >>> from linearlens.models import mlp
    >>> [(part.name, part.stop) for part in components(mlp([4, 3, 2]))]
    [('linear1', 'act1'), ('linear2', 'linear2')]
    """
    if not isinstance(model, nn.Sequential):
        raise ValueError(
            f"a network is split by the children of an nn.Sequential, but a {type(model).__name__} came; give its "
            "part that is one, or write the steps of its forward pass as one"
        )
    modules = list(_flat(deepcopy(model)))
    names = [name for name, _ in modules]
    ends = _own_ends(modules) if stops is None else _named_ends(names, stops)
    if len(ends) < 2:
        raise ValueError(
            f"credit is shared between two components or more, but the model has {len(ends)}: its modules are {names}; "
            "give a deeper model, or say with stops where components end"
        )
    return tuple(
        _component(modules[first:last], names[first - 1] if first else None)
        for first, last in zip([0, *ends[:-1]], ends, strict=True)
    )


def collect_states(parts: Sequence[Component], inputs: np.ndarray) -> list[np.ndarray]:
    """Inputs and the outputs of each component, ``[x_0, …, x_L]``, each of shape (n_samples, *its_shape).

    Raises
    ------
    ValueError
        If the inputs cannot pass, are not finite, or a component gives one output for all samples.
    """
    inputs = np.asarray(inputs)
    if not (np.issubdtype(inputs.dtype, np.number) or inputs.dtype == bool) or np.iscomplexobj(inputs):
        raise ValueError(f"inputs must be real numbers, got dtype {inputs.dtype}")
    if inputs.ndim < 2 or len(inputs) < 2:
        raise ValueError(f"inputs need shape (n_samples, *input_shape), two samples or more, got {inputs.shape}")
    states = [inputs.astype(np.float64)]
    check_states(flat(states[0]), "the inputs")
    for part in parts:
        states.append(part(states[-1]))
        check_states(flat(states[-1]), f"the outputs of component {part.name!r}")
        if not np.ptp(states[-1], axis=0).any():
            raise ValueError(
                f"the component {part.name!r} gives one and the same output for all {len(inputs)} samples, so nothing "
                "after it depends on the data; look at its units, or give inputs that differ"
            )
    return states


def has_way_around(part: Component) -> bool:
    """Whether anything can pass the component when all its parameters are 0: not through a layer of the chain."""
    return not any(isinstance(module, nn.Linear | nn.modules.conv._ConvNd) for module in part.module)


def without_weights(part: Component) -> Component:
    """The same component with all parameters 0: what is left is the path around them."""
    module = deepcopy(part.module)
    with torch.no_grad():
        for weight in module.parameters():
            weight.zero_()
    return replace(part, module=module)


def flat(states: np.ndarray) -> np.ndarray:
    """States as rows, of shape (n_samples, width)."""
    return states.reshape(len(states), -1)


def _flat(model: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    for name, child in model._modules.items():
        if isinstance(child, nn.Sequential):
            yield from _flat(child, f"{prefix}{name}.")
        elif child is not None:
            yield prefix + name, child


def _begins(module: nn.Module) -> bool:
    held = any(True for _ in module.parameters()) or any(True for _ in module.buffers()) or any(module.children())
    return held and not isinstance(module, FOLLOWERS)


def _own_ends(modules: list[tuple[str, nn.Module]]) -> list[int]:
    begins = [place for place, (_, module) in enumerate(modules) if _begins(module)]
    return [*begins[1:], len(modules)] if begins else []


def _named_ends(names: list[str], stops: Sequence[str]) -> list[int]:
    missing = [name for name in ([stops] if isinstance(stops, str) else stops) if name not in names]
    if isinstance(stops, str) or missing:
        raise ValueError(f"stops must be a list of names from {names}, got {stops!r}")
    ends = [names.index(name) + 1 for name in stops]
    if ends != sorted(set(ends)) or not ends or ends[-1] != len(names):
        raise ValueError(
            f"stops must be in the order of the modules, each once, and end with the last of them: {names}; got "
            f"{list(stops)}"
        )
    return ends


def _component(modules: list[tuple[str, nn.Module]], start: str | None) -> Component:
    name = next((name for name, module in modules if _begins(module)), modules[0][0])
    whole = nn.Sequential(OrderedDict((name.replace(".", "/"), module) for name, module in modules))
    block = len(modules) == 1 and any(True for _ in modules[0][1].children())
    return Component(name, start, modules[-1][0], whole.requires_grad_(False).double().eval(), block)
