"""How functions of torch are called: their names, their tensors, and those that only say something about a tensor."""

import sys
from collections.abc import Mapping
from functools import cache
from inspect import signature
from types import FrameType, FunctionType
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import get_testing_overrides

# What torch's own Python functions ask to find out whether somebody watches.
UNWATCHED = {
    name: lambda *_: False for name in ("has_torch_function", "has_torch_function_unary", "has_torch_function_variadic")
}
# These say something about a tensor, not what is in it, or make one that takes only its shape.
_ABOUT = (
    "size dim numel nelement stride __len__ element_size get_device shape dtype device ndim layout requires_grad "
    "grad_fn itemsize names _version _base zeros_like ones_like empty_like full_like rand_like randn_like "
    "new_zeros new_ones new_full new_empty storage_offset __repr__ __format__ __hash__ register_hook"
)
ABOUT = set(_ABOUT.split())
# These give numbers that torch no longer follows.
_OUTSIDE = "item tolist numpy __array__ __float__ __int__ __index__ __complex__ tensor as_tensor new_tensor"
OUTSIDE = set(_OUTSIDE.split())
# Of these, only the first tensor's contents count; the second lends its shape or its dtype.
LIKE = {"expand_as", "view_as", "reshape_as", "type_as", "to"}
# A model's own ``no_grad`` changes nothing of what it computes.
SET_GRAD = torch._C._set_grad_enabled


class Call(NamedTuple):
    """A function of torch, as it is called.

    Parameters
    ----------
    name : str
    base : str
        The name of what it does, without writing in place: ``relu`` of ``relu_``, ``__add__`` of ``__iadd__``.
    out_of_place : callable
        The function of that name.
    in_place : bool
    about : bool
        It says something about a tensor, not what is in it.
    opened : callable or None
        The function with its body watched, if it is written in Python.
    """

    name: str
    base: str
    out_of_place: Any
    in_place: bool
    about: bool
    opened: Any


@cache
def read(func: Any) -> Call:
    """What a function is."""
    name = func.__name__
    if name in ("__get__", "__set__"):
        name = func.__self__.__name__ + (" =" if name == "__set__" else "")
    base = name
    if name.startswith("__i") and name not in ("__invert__", "__index__", "__int__"):
        base = "__" + name[3:]
    elif name.endswith("_") and not name.endswith("__"):
        base = name[:-1]
    elsewhere = with_item if name == "__setitem__" else _of_name(base) if base != name else None
    return Call(
        name=name,
        base=base,
        out_of_place=elsewhere or func,
        in_place=base != name or name == "__setitem__",
        # Torch sets hooks while it holds a lock, when nothing may be asked of the tensor.
        about=name in ABOUT or (name.startswith("is_") and name != "is_nonzero") or "_hooks" in name,
        opened=_open(func) if id(getattr(func, "__globals__", None)) in _OPENED else None,
    )


def _of_name(name: str) -> Any:
    return next((getattr(home, name) for home in (torch.Tensor, torch, torch._C._nn) if hasattr(home, name)), None)


_OPENED = {id(F.__dict__), id(torch.functional.__dict__)}  # modules whose functions are opened


def _open(func: FunctionType) -> FunctionType:
    """A Python function of torch that, watched, runs its body, so that the calls inside are seen."""
    copy = FunctionType(
        func.__code__, {**func.__globals__, **UNWATCHED}, func.__name__, func.__defaults__, func.__closure__
    )
    copy.__kwdefaults__ = func.__kwdefaults__
    return copy


def tensors_in(tree: Any) -> list[Tensor]:
    """All tensors in nested tuples, lists and dictionaries."""
    if isinstance(tree, Tensor):
        return [tree]
    if isinstance(tree, dict):
        tree = tree.values()
    elif not isinstance(tree, tuple | list):
        return []
    found = []
    for part in tree:
        if isinstance(part, Tensor):
            found.append(part)
        elif isinstance(part, tuple | list | dict):
            found += tensors_in(part)
    return found


def replace_tensors(tree: Any, new: dict[int, Tensor]) -> Any:
    """The nested arguments with the tensors of these ids exchanged."""
    if isinstance(tree, Tensor):
        return new.get(id(tree), tree)
    if isinstance(tree, tuple | list):
        return type(tree)(replace_tensors(part, new) for part in tree)
    if isinstance(tree, dict):
        return {key: replace_tensors(part, new) for key, part in tree.items()}
    return tree


def copied(tree: Any) -> Any:
    """The nested arguments as they are now: lists, masks and index tensors may be changed later."""
    if isinstance(tree, Tensor):
        return tree if tree.is_floating_point() else tree.clone()
    if isinstance(tree, list) or type(tree) is tuple:
        return type(tree)(map(copied, tree))
    if isinstance(tree, dict):
        return {key: copied(part) for key, part in tree.items()}
    return tree


def caller(names: Mapping[int, str]) -> str:
    """Dotted name of the innermost module now running, by its id; "" for the model itself."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        method = frame.f_code.co_varnames[:1] == ("self",)
        if method and (name := names.get(id(frame.f_locals.get("self")))) is not None:
            return name
        frame = frame.f_back
    return ""


def in_their_places(func: Any, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
    """Operands that came by keyword, put where the rules look for them. Numbers stay: torch may want their names."""
    placed, rest = list(args), dict(kwargs)
    for name in _names_of_arguments(func)[len(args) :]:
        if name not in rest or name == "out" or (placed and name != "other" and not tensors_in([rest[name]])):
            break
        placed.append(rest.pop(name))
    return tuple(placed), rest


@cache
def _names_of_arguments(func: Any) -> tuple[str, ...]:
    """In their order. Functions in C do not tell; torch has stand-ins for them that do."""
    stand_in = get_testing_overrides().get(func)
    return tuple(signature(stand_in).parameters) if stand_in is not None else ()


def with_item(base: Tensor, index: Any, value: Any) -> Tensor:
    """``base[index] = value`` in a copy."""
    out = base.clone()
    out[index] = value
    return out


def under(names: str, rule: Any) -> dict[str, Any]:
    """The rule under each of the names."""
    return dict.fromkeys(names.split(), rule)
