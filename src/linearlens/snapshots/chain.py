"""Models that are nothing but one module after another."""

from collections import OrderedDict
from dataclasses import dataclass, field

from torch import nn


@dataclass
class Chain:
    """The modules of an nn.Sequential in order, with those of an nn.Sequential inside in its place.

    Parameters
    ----------
    parts : list of (str, nn.Module)
    ends : dict of str to int
        How many of the parts have run when the module of that name is done.
    """

    parts: list[tuple[str, nn.Module]] = field(default_factory=list)
    ends: dict[str, int] = field(default_factory=dict)

    def between(self, start: str | None, stop: str) -> nn.Sequential:
        """The modules after `start` up to `stop`, not copied; a ValueError if there are none."""
        first, last = 0 if start is None else self.ends[start], self.ends[stop]
        if first >= last:
            names = [name for name, _ in self.parts]
            raise ValueError(f"stop must come after start; {stop!r} does not come after {start!r} in {names}")
        return nn.Sequential(OrderedDict((name.replace(".", "/"), part) for name, part in self.parts[first:last]))


def find_chain(model: nn.Module) -> Chain | None:
    """The chain that a model is; None if its `forward` is its own, or hooks may change what passes."""
    if not is_chain(model):
        return None
    chain = Chain()
    _extend(chain, model, "")
    return chain


def is_chain(model: nn.Module) -> bool:
    """Whether a model is an nn.Sequential that runs its children one after another, and does nothing else.

    Parameters
    ----------
    model : nn.Module

    Returns
    -------
    bool
        False for a subclass with a `forward` of its own, and where hooks are registered.

    Examples
    --------
    >>> is_chain(nn.Sequential(nn.Linear(2, 3), nn.ReLU())), is_chain(nn.Linear(2, 3))
    (True, False)
    """
    hooked = model._forward_hooks or model._forward_pre_hooks or "forward" in vars(model)
    return getattr(type(model), "forward", None) is nn.Sequential.forward and not hooked


def _extend(chain: Chain, model: nn.Module, name: str) -> None:
    for child_name, child in model._modules.items():
        path = f"{name}.{child_name}" if name else child_name
        if child is None:
            continue
        if is_chain(child):
            _extend(chain, child, path)
            continue
        chain.parts.append((path, child))
        chain.ends[path] = len(chain.parts)
    chain.ends[name] = len(chain.parts)
