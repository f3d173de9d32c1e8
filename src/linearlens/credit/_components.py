"""A network as a series of sub-dynamics."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from linearlens.credit._ends import segments_of
from linearlens.koopman import check_states
from linearlens.snapshots.running import as_inputs, like_model, running, tensor_in

COMPOSED = 64  # samples on which components are held against the model


@dataclass(frozen=True)
class Component:
    """One sub-dynamics of a network, callable on arrays.

    Parameters
    ----------
    name : str
        Name of the module that begins it, as in ``model.named_modules()``; activations in front are passed over.
    start : str or None
        Name of the module before it; None for the inputs of the model.
    stop : str
        Name of its last module. What lies between `start` and `stop` is what :mod:`linearlens.layers` replaces.
    module : nn.Module
        From states to states, copied and frozen, in eval mode and float64: an nn.Sequential of its modules, or a
        :class:`linearlens.snapshots.Cut` of the whole model.
    block : bool
        Whether it is a single module with parts of its own, such as a residual block.
    own : tuple of str
        Which parameters of `module` are those of the component.
    inside : mapping of str to nn.Module
        The modules that run in it, by their names in the model.
    """

    name: str
    start: str | None
    stop: str
    module: nn.Module
    block: bool
    own: tuple[str, ...] = ()
    inside: Mapping[str, nn.Module] = field(default_factory=dict, repr=False)

    @property
    def weights(self) -> dict[str, torch.Tensor]:
        """The parameters of the component."""
        found = dict(self.module.named_parameters())
        return {name: found[name] for name in self.own}

    @torch.no_grad()
    def __call__(self, states: np.ndarray) -> np.ndarray:
        """From states of shape ``(n_samples, *input_shape)`` to those after it.

        Raises
        ------
        ValueError
            If the states cannot pass, or what comes out is not one finite tensor with a row for each of them.
        """
        return self.run(self.tensor(states)).numpy(force=True)

    def tensor(self, states: np.ndarray) -> torch.Tensor:
        """A copy in float64 on the device of the model; whole numbers stay so where they are looked up."""
        like = like_model(self.module)
        looked_up = np.asarray(states).dtype.kind in "iu" and self.looks_up
        return torch.tensor(np.asarray(states), dtype=None if looked_up else torch.float64, device=like.device)

    @property
    def looks_up(self) -> bool:
        """Whether it takes whole numbers and looks them up, as an nn.Embedding does."""
        return self.start is None and any(isinstance(part, nn.Embedding) for part in self.inside.values())

    def run(self, states: torch.Tensor, module: Callable | None = None) -> torch.Tensor:
        """The same on a tensor, with gradients; `module` stands in for its modules."""
        came = f"states of shape {tuple(states.shape)}"
        given = states.clone()  # an activation in place would write over it
        try:
            output = (module or self.module)(given)
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


def components(
    model: nn.Module, stops: Sequence[str] | None = None, *, inputs: Any = None, start: str | None = None
) -> tuple[Component, ...]:
    """Split a network into its components, in order.

    Parameters
    ----------
    model : nn.Module
        Left as it was, bit for bit; an nn.Sequential inside of an nn.Sequential counts as its children in its place.
    stops : sequence of str, optional
        Names of the modules with which the components end, the last module of the model included, or ``""`` for its
        end. By default each module that has parameters, buffers or parts of its own begins a component, and
        activations, normalisations and whatever else holds no weights belong to the one before. A child with parts
        of its own, such as a residual block, stays whole. Of a model that is no plain nn.Sequential, components end
        where it can be cut, as :func:`linearlens.snapshots.cut_points` finds.
    inputs : ndarray, optional
        A few of what the model takes, two or more; needed if it is no plain nn.Sequential, to try where it can be cut.
    start : str, optional
        Name of the module after which the first component begins, such as an embedding; by default the inputs.

    Returns
    -------
    tuple of Component
        ``f_L ∘ … ∘ f_1`` as ``(f_1, …, f_L)``.

    Raises
    ------
    ValueError
        If a name does not exist or stands in the wrong order, the last one is not the end of the model, something
        passes by one, such as a skip connection, or there are fewer than two components.

    Examples
    --------
    >>> from linearlens.models import mlp
    >>> [(part.name, part.stop) for part in components(mlp([4, 3, 2]))]
    [('linear1', 'act1'), ('linear2', 'linear2')]
    """
    return take_apart(model, stops, inputs, start)[1]


def take_apart(
    model: nn.Module, stops: Sequence[str] | None, inputs: Any, start: str | None
) -> tuple[Component | None, tuple[Component, ...]]:
    """What stands before `start`, and the components after it."""
    whole = deepcopy(model).requires_grad_(False).double().eval()
    before, segments = segments_of(whole, stops, inputs, start)
    prefix, *parts = [None if segment is None else Component(**segment._asdict()) for segment in (before, *segments)]
    return prefix, tuple(part for part in parts if part is not None)


def split(
    model: nn.Module, inputs: np.ndarray, stops: Sequence[str] | None, start: str | None
) -> tuple[Component | None, tuple[Component, ...], list[np.ndarray]]:
    """What stands before `start`, the components, and the states between them on the inputs.

    Raises
    ------
    ValueError
        As `components` and `collect_states`; if the components one after another do not make what the model makes.
    """
    prefix, parts = take_apart(model, stops, inputs, start)
    states = collect_states(parts, inputs, prefix)
    whole = deepcopy(model).double().eval()
    given = as_inputs(whole, np.asarray(inputs)[:COMPOSED])
    with torch.no_grad(), running(whole):
        output = tensor_in(whole(*given.args))
    assert isinstance(output, torch.Tensor)  # or it could not have been cut
    found, wanted = states[-1][:COMPOSED], output.numpy(force=True)
    if found.shape != wanted.shape or not np.allclose(found, wanted, rtol=0, atol=1e-6 * np.abs(wanted).max()):
        raise ValueError(
            f"the components {[part.name for part in parts]} one after another do not make what the model makes; say "
            "with stops where it can be cut, or give a model whose forward draws no random numbers"
        )
    return prefix, parts, states


def collect_states(parts: Sequence[Component], inputs: np.ndarray, prefix: Component | None = None) -> list[np.ndarray]:
    """States before the first component and after each, ``[x_0, …, x_L]``, each of shape (n_samples, *its_shape).

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
    if prefix is None and inputs.dtype.kind in "iu" and parts[0].looks_up:
        raise ValueError(
            f"the component {parts[0].name!r} looks numbers up, which are no states; say with start after which module "
            f"credit begins, for instance start={parts[0].stop!r}"
        )
    states = [inputs.astype(np.float64) if prefix is None else prefix(inputs)]
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


def has_way_around(part: Component, states: np.ndarray) -> bool:
    """Whether anything of the states can pass the component when all its parameters are 0."""
    return bool(np.ptp(without_weights(part)(states[:COMPOSED]), axis=0).any())


def without_weights(part: Component) -> Component:
    """The same component with all parameters 0: what is left is the path around them."""
    other = replace(part, module=deepcopy(part.module))
    with torch.no_grad():
        for weight in other.weights.values():
            weight.zero_()
    return other


def flat(states: np.ndarray) -> np.ndarray:
    """States as rows, of shape (n_samples, width)."""
    return states.reshape(len(states), -1)
