"""Watch a forward pass, call by call, and write it on a tape."""

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from inspect import signature
from types import FrameType, FunctionType
from typing import Any, NamedTuple, NoReturn

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode, get_testing_overrides

from linearlens.instance._tape import Affine, Node, Step, Tape

Rule = Callable[..., Any]

# What torch's own Python functions ask to find out whether somebody watches.
UNWATCHED = {
    name: lambda *_: False for name in ("has_torch_function", "has_torch_function_unary", "has_torch_function_variadic")
}
# These say something about a tensor, not what is in it, or make one that takes only its shape.
_ABOUT = (
    "size dim numel nelement stride __len__ element_size get_device shape dtype device ndim layout requires_grad "
    "grad_fn itemsize names _version zeros_like ones_like empty_like full_like rand_like randn_like "
    "new_zeros new_ones new_full new_empty new_tensor"
)
ABOUT = set(_ABOUT.split())


class Recorder(TorchFunctionMode):
    """Record the forward pass of a model, by `run`.

    Parameters
    ----------
    modules : dict of str to nn.Module
        The model and its modules by their dotted names, which are given to callers.
    x : Tensor of shape (n, *input_shape)
        What it will be run on.
    form : str
        "ratio" or "tangent".
    rules : dict of str to callable
        How each function is frozen, by its name in torch.
    """

    def __init__(self, modules: Mapping[str, nn.Module], x: Tensor, form: str, rules: Mapping[str, Rule]) -> None:
        super().__init__()
        self.form = form
        self.tape = Tape(len(x), x.dtype)
        self.rules = rules
        self.names = {id(module): name for name, module in modules.items()}
        self.x = x.detach().clone()
        self.x_node = Node(x.shape, 0, axis=0)

    def run(self, model: nn.Module) -> Any:
        """What the model gives, its tensors noted."""
        given = self.x.clone()  # the model may write into it
        self.note(given, self.x_node)
        with torch.no_grad(), self:
            out = model(given)
        for tensor in tensors_in(out):
            if (node := self.node(tensor)) and tensor._version != node.version:
                self._refuse_changed("return")
        return out

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        found = [(t, node) for t in tensors_in((args, kwargs) if kwargs else args) if (node := self.node(t))]
        if not found or (call := _read(func)).about:
            return func(*args, **kwargs)
        frozen = True
        for tensor, node in found:
            frozen = frozen and node.frozen
            if tensor._version != node.version:
                self._refuse_changed(call.name)
        if frozen:
            return self.freeze(func, args, kwargs)
        if func is F.relu and len(args) == 1 and not kwargs.get("inplace"):
            return self.rules["relu"](self, torch.relu, *args)  # opened below as well, but this is the hot one
        if call.opened is not None:
            with self:
                return call.opened(*args, **kwargs)
        if kwargs and (not args or "other" in kwargs or tensors_in(kwargs)):
            args, kwargs = _in_their_places(func, args, kwargs)
        rule = self.rules.get(call.base)
        if rule is None or kwargs.get("out") is not None:
            self.refuse(call.name, "cannot be linearized")
        try:
            out = rule(self, call.out_of_place, *args, **kwargs)
        except TypeError as error:  # the rule, or torch, does not know it in this form
            self.refuse(call.name, f"cannot be linearized as it is called: {error}")
        return self._overwrite(args[0], out) if call.in_place else out

    def node(self, tensor: Tensor) -> Node | None:
        """The node of a tensor that depends on the input of this recording."""
        tape, node = getattr(tensor, "_linearlens", (None, None))
        return node if tape is self.tape else None

    def live(self, tensor: Any) -> Node | None:
        """As `node`, but None for frozen ones."""
        node = self.node(tensor) if isinstance(tensor, Tensor) else None
        return None if node is None or node.frozen else node

    def known(self, tensor: Tensor) -> Node:
        """As `live`, for a tensor that must have one."""
        node = self.live(tensor)
        if node is None:
            raise TypeError("its first argument is a constant, and another one depends on the input")
        return node

    def must_be_fixed(self, func: Any, **given: Any) -> None:
        """Refuse a function of which one of these depends on the input; as gates they may."""
        for what, value in given.items():
            if self.live(value):
                self.refuse(func.__name__, f"has a {what} that depends on the input")

    def note(self, tensor: Tensor, node: Node) -> Node:
        """Write a node on its tensor."""
        node.version = tensor._version
        tensor._linearlens = (self.tape, node)  # type: ignore[attr-defined]
        return node

    def freeze(self, func: Any, args: tuple, kwargs: dict) -> Any:
        """The result of a function, its tensors marked as gates."""
        out = func(*args, **kwargs)
        axis = axis_through(self, func, args, kwargs, out) if isinstance(out, Tensor) else None
        for tensor in tensors_in(out):
            if self.node(tensor) is None:
                self.note(tensor, Node(tensor.shape, 0, axis=axis, frozen=True))
        return out

    def step(
        self,
        value: Tensor,
        inputs: Sequence[Tensor | Node],
        affine: Affine,
        *,
        axis: int | None,
        strength: int = 0,
        constant: Tensor | None = None,
        **how: Any,
    ) -> Tensor:
        """Write a step on the tape and its output's node on `value`; `how` is the rest of a `Step`."""
        nodes, offset = [], False
        if axis is None and self.tape.n == 1 and value.dim():
            axis = 0  # all entries are the one instance's
        for t in inputs:
            if (node := t if isinstance(t, Node) else self.node(t)) is not None:
                nodes.append(node)
                offset = offset or node.offset is not None
            if value is t:
                value = value.view_as(value)
        if offset or (axis is None and constant is not None):
            nothing = torch.zeros((), dtype=value.dtype)
            offsets = [nothing.expand(i.shape) if i.offset is None else i.offset for i in nodes]
            constant = affine(*offsets)
        output = self.note(value, Node(value.shape, 0, axis=axis, strength=strength))
        if axis is None:
            output.offset, constant = constant, None
        output.step = Step(tuple(nodes), output, affine, constant=constant, **how)
        if "layer" not in how and (constant is not None or "state" in how):
            output.step.layer = self.caller()
        self.tape.steps.append(output.step)
        return value

    def caller(self) -> str:
        """Dotted name of the innermost module now running; "" for the model itself."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            method = frame.f_code.co_varnames[:1] == ("self",)
            if method and (name := self.names.get(id(frame.f_locals.get("self")))) is not None:
                return name
            frame = frame.f_back
        return ""

    def refuse(self, name: str, why: str) -> NoReturn:
        """Raise an error that names the function and the module that called it."""
        layer = self.caller()
        where = f"module {layer!r}" if layer else "the model's own forward"
        raise ValueError(f"{name}, called by {where}, {why}")

    def _refuse_changed(self, name: str) -> NoReturn:
        self.refuse(name, "got a tensor that was changed in place through a view of it; use a copy")

    def _overwrite(self, target: Tensor, value: Tensor) -> Tensor:
        if value is target:
            return target
        node = self.node(value)
        target.copy_(value)
        if node is None:
            target.__dict__.pop("_linearlens", None)
        else:
            self.note(target, node)
        return target


def axis_through(rec: "Recorder", func: Any, args: tuple, kwargs: dict, out: Tensor) -> int | None:
    """Where the instances lie in ``out = func(...)``: the one axis that would grow with one batch more.

    Asked of tensors without contents. None where there is no such axis, or no telling.
    """
    nodes = {id(t): rec.node(t) for t in tensors_in((args, kwargs))}
    shapes = {id(t): list(t.shape) for t in tensors_in((args, kwargs))}
    for key, node in nodes.items():
        if node:
            if node.axis is None:
                return None
            shapes[key][node.axis] += rec.tape.n
    try:
        empty = {id(t): torch.empty(shapes[id(t)], dtype=t.dtype, device="meta") for t in tensors_in((args, kwargs))}
        grown = func(*replace_tensors(args, empty), **replace_tensors(kwargs, empty))
    except (RuntimeError, IndexError, TypeError, ValueError, NotImplementedError):
        return None
    if grown.dim() != out.dim():
        return None
    change = [(a, new - old) for a, (new, old) in enumerate(zip(grown.shape, out.shape, strict=True)) if new != old]
    return change[0][0] if len(change) == 1 and change[0][1] == rec.tape.n else None


def under(names: str, rule: Rule) -> dict[str, Rule]:
    """The rule under each of the names."""
    return dict.fromkeys(names.split(), rule)


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


def _in_their_places(func: Any, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
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


class _Call(NamedTuple):
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
def _read(func: Any) -> _Call:
    name = func.__name__ if func.__name__ != "__get__" else func.__self__.__name__
    base = name
    if name.startswith("__i") and name not in ("__invert__", "__index__", "__int__"):
        base = "__" + name[3:]
    elif name.endswith("_") and not name.endswith("__"):
        base = name[:-1]
    elsewhere = with_item if name == "__setitem__" else _of_name(base) if base != name else None
    return _Call(
        name=name,
        base=base,
        out_of_place=elsewhere or func,
        in_place=base != name or name == "__setitem__",
        about=name in ABOUT or (name.startswith("is_") and name != "is_nonzero"),
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
