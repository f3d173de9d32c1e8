"""The tape: one forward pass as a list of affine steps, each with its gates frozen at the input it saw."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from math import prod

import torch
from torch import Tensor

PART = 3 * 2**20  # bytes of rows that are carried back together: about what a cache holds
MANY = 160  # rows that are carried back together in any case, for a product of fewer is slow

Affine = Callable[..., Tensor]
Rows = Callable[..., Sequence[Tensor | None]]


@dataclass(eq=False, slots=True)
class Node:
    """A tensor of the forward pass that depends on the input.

    Parameters
    ----------
    shape : torch.Size
    version : int
        Of the tensor when it was noted; a later one means that its memory was written into.
    axis : int or None
        Where the instances lie: axis of size ``n * m``, the `m` entries of one instance beside each other.
        None if that is not known; constants are then carried forward to where it is.
    strength : int
        How much of a gate the tensor is; in a product, the stronger factor is frozen.
    step : Step or None
        What made it; None for the input and for frozen tensors.
    frozen : bool
        The tensor is a gate: it depends on the input, but is a constant in the replay.
    offset : Tensor or None
        Replay at zero as far as it has not been put down as a step's constant.
    dtype : torch.dtype
    """

    shape: torch.Size
    version: int
    axis: int | None = None
    strength: int = 0
    step: "Step | None" = None
    frozen: bool = False
    offset: Tensor | None = None
    dtype: torch.dtype = torch.float64


@dataclass(eq=False, slots=True)
class Step:
    """One frozen, affine piece of the forward pass.

    Parameters
    ----------
    inputs : tuple of Node
    output : Node
    affine : callable
        The piece as a function of its inputs.
    rows : callable or None
        Takes rows of shape (n_rows, *output.shape), gives rows of shape (n_rows, *input.shape) for each input.
        None: `gate`, `index` or, failing these, automatic differentiation of `affine`.
    gate : Tensor or None
        The piece multiplies by this, entry by entry; true and false stand for 1 and 0.
    index : tuple or None
        The piece picks this part of its input.
    constant : Tensor or None
        What the piece adds; broadcasts to the output.
    alike : bool
        The piece treats each entry of its leading axis alike, so rows that are equal there stay equal.
    held : tuple of Tensor or None
        What `rows` takes after the rows: frozen tensors, one entry an instance along the leading axis. None if
        the piece cannot be applied to a part of the instances.
    layer : str
        Dotted name of the module that asked for it.
    fold : callable or None
        Takes a scale and a shift per channel and the value after both, gives that value as one step's output; None
        if it cannot be one step.
    """

    inputs: tuple[Node, ...]
    output: Node
    affine: Affine
    rows: Rows | None = None
    gate: Tensor | None = None
    index: tuple | None = None
    constant: Tensor | None = None
    alike: bool = False
    held: tuple[Tensor, ...] | None = None
    layer: str = ""
    fold: Callable[[Tensor, Tensor, Tensor], Tensor | None] | None = None


@dataclass(eq=False)
class Tape:
    """Steps in the order they were made, for `n` instances.

    From one part of the instances to the next, `common` keeps rows that are the same for all, and `vectors` the
    constants of steps, an entry for each of an instance's.
    """

    n: int
    steps: list[Step] = field(default_factory=list)
    common: dict[Step, list[Tensor | None]] = field(default_factory=dict)
    vectors: dict[Step, Tensor] = field(default_factory=dict)

    def forget(self) -> None:
        """Let go of all steps. They and their nodes point at each other, so they would wait for the collector."""
        for step in self.steps:
            step.output.step = None
        self.steps.clear()
        self.common.clear()
        self.vectors.clear()

    def largest_part(self, output: Node, n_rows: int, itemsize: int) -> int:
        """How many instances to carry back from a node together, for rows of so many bytes an entry."""
        reached, widest = {output}, 1
        for step in reversed(self.steps):
            if step.output in reached:
                if step.output.axis != 0 or not (step.alike or step.held is not None):
                    return self.n
                reached.update(step.inputs)
                widest = max(widest, n_rows * step.output.shape.numel())
        return max(PART * self.n // (widest * itemsize), MANY // n_rows)

    def propagate(
        self, output: Node, rows: Tensor, x: Node, part: slice = slice(None)
    ) -> tuple[Tensor | None, dict[str, Tensor]]:
        """Carry rows from a node back to the input.

        Parameters
        ----------
        output : Node
        rows : Tensor of shape (n_rows, *output.shape)
            Not written into.
        x : Node
            The input.
        part : slice
            Of the instances the rows are for.

        Returns
        -------
        weight : Tensor of shape (n_rows, *x.shape) or None
            None if no path leads from the input to the node.
        biases : dict of str to Tensor of shape (n, n_rows)
            What the steps add, by the module that asked for them.
        """
        pending: dict[Node, Tensor] = {output: rows}
        owned: set[Node] = set()  # nodes whose pending rows may be written into
        biases: dict[str, Tensor] = {}
        for step in reversed(self.steps):
            if (r := pending.pop(step.output, None)) is None:
                continue
            if step.constant is not None:
                added = self._contract(r, step, part)
                biases[step.layer] = biases[step.layer] + added if step.layer in biases else added
            if step.index is not None:
                node = step.inputs[0]
                if node not in pending or node not in owned:
                    base = pending.get(node)
                    pending[node] = r.new_zeros(len(r), *node.shape) if base is None else base.clone()
                    owned.add(node)
                pending[node][(slice(None), *step.index)] += r
                continue
            mine = step.output in owned and r.is_contiguous()
            for node, back in zip(step.inputs, self._backward(step, r, mine, part), strict=True):
                if back is None:
                    continue
                if back.dtype != node.dtype:
                    back = back.to(node.dtype)
                if node not in pending:
                    pending[node] = back
                    own = back.is_contiguous() and (_storage(back) != _storage(r) or (mine and len(step.inputs) == 1))
                    if own:
                        owned.add(node)
                elif node in owned:
                    pending[node] += back
                else:
                    pending[node] = pending[node] + back
                    owned.add(node)
        return pending.get(x), biases

    def _backward(self, step: Step, r: Tensor, mine: bool, part: slice) -> Iterable[Tensor | None]:
        if step.gate is not None:
            gate = (step.gate[part] if step.held else step.gate).to(r.dtype)  # of true and false, 1 and 0
            return [r.mul_(gate) if mine else r * gate]
        if step.alike and is_alike(r):
            if step not in self.common:
                self.common[step] = list(self._backward(step, r[:, :1], False, part))
            return [b if b is None else b.expand(-1, r.shape[1], *b.shape[2:]) for b in self.common[step]]
        if step.rows is not None:
            return step.rows(r, *(tensor[part] for tensor in step.held or ()))
        return _by_autograd(step, r)

    def _contract(self, rows: Tensor, step: Step, part: slice) -> Tensor:
        """``Σ rows * constant`` for each instance: (n_rows, *node.shape) to (n, n_rows)."""
        constant, node = step.constant, step.output
        assert constant is not None
        assert node.axis is not None
        k, shape = len(rows), node.shape
        if node.axis == 0 and (constant.dim() < len(shape) or constant.shape[0] == 1) and shape[0] == self.n:
            if step not in self.vectors:
                self.vectors[step] = constant.expand(1, *shape[1:]).reshape(-1)
            vector, n = self.vectors[step], rows.shape[1]
            if is_alike(rows):
                return (rows[:, 0].reshape(k, -1) @ vector).repeat(n, 1)
            return (rows.reshape(k * n, -1) @ vector).view(k, n).T
        n = len(range(self.n)[part])
        rows = rows.movedim(node.axis + 1, 1).reshape(k, n, -1)
        c = constant.broadcast_to(shape).movedim(node.axis, 0).reshape(self.n, -1, 1)[part]
        return (rows.transpose(0, 1) @ c)[..., 0]


def in_equal_parts(number: int, most: int) -> int:
    """How many go into each part, if a part takes so many at most and one at least, and all have about one size."""
    return -(-number // -(-number // max(1, most)))


def is_alike(rows: Tensor) -> bool:
    """Whether rows are stored once for all entries of the leading axis of their node."""
    return rows.dim() > 1 and rows.shape[1] > 1 and rows.stride(1) == 0


def _storage(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def _by_autograd(step: Step, r: Tensor) -> list[Tensor | None]:
    """Rows by automatic differentiation of the affine piece; at zero, for any point serves."""
    k = len(r)
    if step.alike:  # all rows at once, along the leading axis
        shapes = [(k * r.shape[1], *node.shape[1:]) for node in step.inputs]
        out_rows = [r.reshape(-1, *r.shape[2:])]
    else:
        shapes, out_rows = [node.shape for node in step.inputs], list(r)
    with torch.enable_grad():
        leaves = [
            r.new_zeros(shape, dtype=node.dtype).requires_grad_()
            for shape, node in zip(shapes, step.inputs, strict=True)
        ]
        out = step.affine(*leaves)
    grads = [
        torch.autograd.grad(out, leaves, row.to(out.dtype), retain_graph=True, allow_unused=True) for row in out_rows
    ]
    stacked: list[Tensor | None] = []
    for of_leaf, node in zip(zip(*grads, strict=True), step.inputs, strict=True):
        shape = (k, -1, *node.shape[1:]) if step.alike else (k, *node.shape)
        stacked.append(None if of_leaf[0] is None else torch.stack(of_leaf).reshape(shape))
    return stacked


def axis_after_reshape(axis: int | None, before: Sequence[int], after: Sequence[int], n: int) -> int | None:
    """Where the instances lie once a tensor has another shape, read in the same order."""
    if axis is None:
        return None
    leading = prod(before[:axis])
    found = [a for a in range(len(after)) if prod(after[:a]) == leading and after[a] % n == 0]
    return found[0] if found else None  # of one instance several may do: then the first
