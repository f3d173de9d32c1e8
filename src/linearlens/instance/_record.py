"""Watch a forward pass, call by call, and write it on a tape."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from linearlens.instance._calls import (
    LIKE,
    OUTSIDE,
    SET_GRAD,
    Call,
    caller,
    copied,
    in_their_places,
    read,
    replace_tensors,
    tensors_in,
)
from linearlens.instance._tangent import check_mode
from linearlens.instance._tape import Affine, Node, Step, Tape
from linearlens.instance._writes import memory_of, read_again, written

Rule = Callable[..., Any]


class Recorder(TorchFunctionMode):
    """Record the forward pass of a model, by `run`.

    Every tensor that depends on the input is marked as one that requires a gradient. So what is made of it out of
    sight, by a scripted function, `vmap` or a thread, is known by its gradient function, and refused.

    Parameters
    ----------
    modules : dict of str to nn.Module
        The model and its modules by their dotted names, which are given to callers.
    x : Tensor of shape (n, *input_shape)
        What it will be run on.
    rules : dict of str to callable
        How each function is frozen, by its name in torch.
    """

    plain = False  # a part of the model that wants no gradients

    def __init__(self, modules: Mapping[str, nn.Module], x: Tensor, rules: Mapping[str, Rule]) -> None:
        super().__init__()
        self.tape = Tape(len(x))
        self.rules = rules
        self.names = {id(module): name for name, module in modules.items()}
        self.x = x.detach().clone()
        self.x_node = Node(x.shape, 0, axis=0)
        self.coarsest = x.dtype  # of all tensors on the way
        self.roots: dict[int, Tensor] = {}  # by their memory: what was written into
        self.marked: list[Tensor] = []  # of these, what will have to be as it was
        self.held: list[tuple[Tensor, int, str]] = []  # constants that are not copied, with their versions
        self.unique = torch.ones(len(x), dtype=torch.bool, device=x.device)

    def run(self, call: Callable[[Tensor], Any]) -> Any:
        """What the model gives, its tensors noted."""
        given = self.x.clone()  # the model may write into it
        self.note(given, self.x_node)
        with torch.enable_grad(), self:
            return call(given)

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        if func is SET_GRAD:
            self.plain = not args[0]
            return None
        kwargs = kwargs or {}
        call = read(func)
        if call.about:
            return func(*args, **kwargs)
        check_mode(call.name)
        where = args[:1] if call.base in LIKE else (args, kwargs) if kwargs else args
        found = [node for t in tensors_in(where) if (node := self.current(t, call.name))]
        if not found:
            with torch.set_grad_enabled(not self.plain and torch.is_grad_enabled()):
                return func(*args, **kwargs)
        if all(node.frozen for node in found):
            with torch.no_grad():
                return self.freeze(func, args, kwargs)
        if call.opened is not None:
            with self:
                return call.opened(*args, **kwargs)
        with torch.no_grad():
            return self._record(call, func, args, kwargs)

    def _record(self, call: Call, func: Any, args: tuple, kwargs: dict) -> Any:
        target: Any = args[0] if args else None
        args, kwargs = copied(args), copied(kwargs)
        if kwargs and (not args or "other" in kwargs or tensors_in(kwargs)):
            args, kwargs = in_their_places(func, args, kwargs)
        rule = self.rules.get(call.base)
        if call.name in OUTSIDE:
            self.refuse(call.name, "takes numbers out of torch, where they cannot be followed; keep them in tensors")
        if rule is None or kwargs.get("out") is not None:
            self.refuse(
                call.name,
                'cannot be linearized in ratio form; form="tangent" takes all that torch can differentiate, or '
                "linearize the part of the model behind it",
            )
        try:
            out = rule(self, call.out_of_place, *args, **kwargs)
        except TypeError as error:  # the rule, or torch, does not know it in this form
            self.refuse(call.name, f"cannot be linearized as it is called: {error}")
        return self._overwrite(target, out) if call.in_place else out

    def node(self, tensor: Tensor) -> Node | None:
        """The node of a tensor that depends on the input of this recording."""
        tape, node = getattr(tensor, "_linearlens", (None, None))
        return node if tape is self.tape else None

    def current(self, tensor: Tensor, name: str) -> Node | None:
        """As `node`, of what the tensor now holds: something may have been written into its memory."""
        node = self.node(tensor)
        if node is not None and (node.frozen or node.version == tensor._version):
            return node
        root = tensor._base
        if root is None or not self._is_current(root):
            root = self.roots.get(memory_of(tensor)) if self.roots else None
        if root is not None and root is not tensor and self._is_current(root):
            with torch.no_grad():
                read_again(self, root, tensor)
            return self.node(tensor)
        if node is not None or root is not None:
            self.refuse(name, "got a tensor that was changed in place by a way that was not seen; use a copy")
        if tensor.grad_fn is not None and self._reaches(tensor.grad_fn):
            self.refuse(
                name,
                "got a tensor that depends on the input by a way that was not seen, such as a scripted function or "
                'vmap; write it out in plain torch, or use form="tangent"',
            )
        return None

    def _is_current(self, tensor: Tensor) -> bool:
        node = self.live(tensor)
        return node is not None and node.version == tensor._version

    def _reaches(self, function: Any) -> bool:
        """Whether a gradient would arrive at a tensor of this recording."""
        ahead, seen = [function], {function}
        while ahead:
            function = ahead.pop()
            variable = getattr(function, "variable", None)
            if variable is not None and self.node(variable) is not None:
                return True
            new = {f for f, _ in function.next_functions if f is not None} - seen
            seen |= new
            ahead += new
        return False

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
        if not node.frozen and self.live(tensor) is None:
            tensor.requires_grad_()  # also if a view says that it does: it may speak of what it is a view of
        node.version, node.dtype = tensor._version, tensor.dtype
        tensor._linearlens = (self.tape, node)  # type: ignore[attr-defined]
        if tensor.dtype != self.coarsest and tensor.is_floating_point():
            self.coarsest = max(self.coarsest, tensor.dtype, key=lambda dtype: torch.finfo(dtype).eps)
        return node

    def hold(self, tensor: Tensor, func: Any) -> Tensor:
        """A constant that a step keeps without a copy: it must not be changed before the rows are carried back."""
        self.held.append((tensor, tensor._version, func.__name__))
        return tensor.detach()

    def check_held(self) -> None:
        """See whether constants are what they were."""
        for tensor, version, name in self.held:
            if tensor._version != version:
                raise ValueError(f"a constant of {name} is changed in place later in the forward pass; use a copy")

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
            nothing = value.new_zeros(())
            offsets = [nothing.to(i.dtype).expand(i.shape) if i.offset is None else i.offset for i in nodes]
            constant = affine(*offsets)
        output = self.note(value, Node(value.shape, 0, axis=axis, strength=strength))
        if axis is None:
            output.offset, constant = constant, None
        output.step = Step(tuple(nodes), output, affine, constant=constant, **how)
        if "layer" not in how and constant is not None:
            output.step.layer = caller(self.names)
        self.tape.steps.append(output.step)
        return value

    def refuse(self, name: str, why: str) -> NoReturn:
        """Raise an error that names the function and the module that called it."""
        layer = caller(self.names)
        where = f"module {layer!r}" if layer else "the model's own forward"
        raise ValueError(f"{name}, called by {where}, {why}")

    def _overwrite(self, target: Tensor, value: Tensor) -> Tensor:
        """Put a value where the target is, and follow what else lies there."""
        if value is target:
            return target
        node, root = self.node(value), self.roots.get(memory_of(target)) if self.roots else None
        if root is None:
            root = target if target._base is None else target._base
        before = self.live(root)
        live = node is not None and not node.frozen
        old = root.detach().clone() if live and before is None and root is not target else root
        if before is not None and before.version != root._version:
            self.refuse("a write in place", "follows one that was not seen; use a copy")
        if not root.requires_grad:
            self.marked.append(root)
        target.copy_(value)
        if root is not target and (live or before is not None):
            written(self, root, before, old, target, value)
        if live and (root is not target or before is None):
            self.roots[memory_of(root)] = root
        elif root is target:
            self.roots.pop(memory_of(root), None)
        if node is None:
            target.__dict__.pop("_linearlens", None)
        else:
            self.note(target, node)
        return target

    def forget(self) -> None:
        """Let go of the tape, and of marks on tensors that were there before."""
        self.tape.forget()
        for root in [*self.roots.values(), *self.marked]:
            root.__dict__.pop("_linearlens", None)
        for root in self.marked:
            root.requires_grad_(False)
        self.roots.clear()
        self.marked.clear()
        self.held.clear()


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
