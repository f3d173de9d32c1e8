"""From one forward pass to ``F(x) = W x + b``."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from math import isfinite
from operator import index

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from linearlens.instance import _activations, _choices, _general, _layers, _pools, _products, _recurrent
from linearlens.instance._affine import AffineMap
from linearlens.instance._record import Recorder, Rule
from linearlens.instance._tape import PART, Node, in_equal_parts

RULES: dict[str, Rule] = {
    **_general.RULES,
    **_activations.RULES,
    **_choices.RULES,
    **_products.RULES,
    **_layers.RULES,
    **_pools.RULES,
    **_recurrent.RULES,
}
FORMS = ("ratio", "tangent")
AGREES = {torch.float64: 1e-9, torch.float32: 1e-3}  # relative; a map that misses by more is of another model


def linearize(model: nn.Module, x: Tensor, *, outputs: Sequence[int] | None = None, form: str = "ratio") -> AffineMap:
    """Write a network's outputs at each instance as ``W x + b``, exactly.

    One forward pass is recorded with its gates: which units are on, which entry wins a pool, the scale of a norm,
    the weights of an attention. With these frozen, the network is affine; `weight` is its matrix, by carrying one
    row for each output back through the recorded steps, and `bias` is its value at zero.

    Parameters
    ----------
    model : nn.Module
        Taken as it is, in the mode it is in; left as it was. Instances must not depend on each other, so batch-norm
        must be in eval mode. Dropout in train mode draws the mask that the next ``model(x)`` will draw.
    x : Tensor of shape (n, *input_shape)
        Of the model's own floating dtype.
    outputs : sequence of int, optional
        Rows that are wanted, all if not given; the cost is in proportion. An output with more axes than
        (n, n_outputs) is counted through in the order of its entries.
    form : {"ratio", "tangent"}
        How a smooth activation φ is made affine at z. "ratio": ``φ(0) + z · (φ(z) - φ(0)) / z``, with φ'(0) as the
        factor at zero; norms, attention weights and gates of products are frozen. "tangent": every step is replaced
        by its tangent, so that W is the Jacobian. Of piecewise-linear networks both give the Jacobian.

    Returns
    -------
    AffineMap

    Raises
    ------
    ValueError
        If the input, `outputs` or `form` cannot be used, if the model's output is not a tensor with one entry an
        instance that depends on the input, if instances depend on each other, or if the model calls a function
        that cannot be linearized; then the function and the module that called it are named.

    Notes
    -----
    In a product of two tensors that depend on the input, the one that is more of a gate is frozen: sigmoid before
    ReLU, GELU or SiLU before tanh before what went through no activation. Of equals, each stays live for one half.
    Denominators, roots and softmax are frozen always.

    In single precision the sums of large products may be taken in another order than in the model's own forward pass,
    which moves its outputs by their rounding; a unit that is as close to zero may then be on in the one and off in the
    other. In double precision the model's own pass is the one recorded.

    Examples
    --------
    >>> from linearlens.models import mlp
    >>> model, x = mlp([4, 8, 3]), torch.ones(5, 4)
    >>> affine = linearize(model, x)
    >>> affine.weight.shape, affine.bias.shape
    (torch.Size([5, 3, 4]), torch.Size([5, 3]))
    >>> torch.allclose(affine(x), model(x), atol=1e-6)
    True
    """
    if form not in FORMS:
        raise ValueError(f"form must be one of {FORMS}, got {form!r}")
    with recorded(model, x, form) as (recorder, out):
        node = _checked(recorder, out)
        n = out.shape[0]
        n_outputs = out.numel() // n
        picked = _picked(outputs, n_outputs)
        rows = torch.eye(n_outputs) if outputs is None else one_hot(torch.tensor(picked), n_outputs)
        rows = rows.to(out)
        weight, biases = carry_back(recorder, node, rows.view(-1, 1, *out.shape[1:]))
    bias = sum(biases.values(), out.new_zeros(n, len(picked)))
    affine = AffineMap(weight, bias, biases, recorder.x)
    flat = out.reshape(n, -1)
    _check_agreement(affine, flat if outputs is None else flat[:, picked])
    return affine


@contextmanager
def recorded(model: nn.Module, x: Tensor, form: str) -> Iterator[tuple[Recorder, Tensor]]:
    """The recorder after a forward pass, and what the model gave; the model is put back as it was on the way out."""
    if not isinstance(model, nn.Module):
        raise ValueError(f"model must be an nn.Module, got {type(model).__name__}; wrap a function in one")
    modules = dict(model.named_modules())
    _check_input(modules.values(), x)
    with _unchanged(modules.values()), torch.inference_mode(False), torch.no_grad():
        recorder = Recorder(modules, x, form, RULES)
        try:
            out = recorder.run(model)
        except (RuntimeError, IndexError) as error:
            raise ValueError(f"the model fails on an input of shape {tuple(x.shape)}: {error}") from error
        try:
            yield recorder, out
        finally:
            recorder.tape.forget()


def carry_back(recorder: Recorder, node: Node, rows: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Rows at a node, the same for all instances, as rows at the input.

    Parameters
    ----------
    recorder : Recorder
    node : Node
        With the instances along its leading axis.
    rows : Tensor of shape (n_rows, 1, *node.shape[1:])

    Returns
    -------
    weight : Tensor of shape (n, n_rows, *input_shape)
    biases : dict of str to Tensor of shape (n, n_rows)
        By module.
    """
    tape, x, n = recorder.tape, recorder.x, len(recorder.x)
    tape.common.clear()
    rows = rows.expand(-1, n, *node.shape[1:])
    size = in_equal_parts(n, tape.largest_part(node, len(rows), PART // x.element_size()))
    weight = x.new_empty(n, len(rows), *x.shape[1:]) if size < n else None
    found = []
    for start in range(0, n, size):
        part = slice(start, start + size)
        back, biases = tape.propagate(node, rows[:, part], recorder.x_node, part)
        found.append(biases)
        if back is None:
            raise ValueError(
                "nothing of this output is linear in the input: it comes out of a softmax, a norm's scale or another "
                "gate that is frozen; linearize what goes into it, such as the logits"
            )
        if weight is None:
            weight = back.transpose(0, 1)
        else:
            weight[part] = back.transpose(0, 1)
    assert weight is not None
    biases = found[0] if len(found) == 1 else {name: torch.cat([part[name] for part in found]) for name in found[0]}
    if node.offset is not None:
        rest = (rows * node.offset).reshape(len(rows), n, -1).sum(-1).T
        biases[""] = biases[""] + rest if "" in biases else rest
    return weight, biases


def _check_input(modules: Iterable[nn.Module], x: Tensor) -> None:
    if not isinstance(x, Tensor) or x.dim() < 2 or not x.numel():
        came = f"shape {tuple(x.shape)}" if isinstance(x, Tensor) else type(x).__name__
        raise ValueError(f"x must be a tensor of shape (n, *input_shape) with one instance or more, got {came}")
    if not x.is_floating_point():
        raise ValueError(
            f"x must have real numbers, got {x.dtype}; of a model that begins with an embedding, linearize the part "
            "behind it, from the embedded words"
        )
    if not (isfinite(x.detach().sum()) or torch.isfinite(x).all()):  # the sum is quicker, but may overflow
        raise ValueError("x has entries that are NaN or infinite; leave those instances out or fill them in")
    dtypes = {p.dtype for module in modules for p in module._parameters.values() if p is not None}
    floating = {dtype for dtype in dtypes if dtype.is_floating_point}
    if floating and x.dtype not in floating:
        raise ValueError(f"x is {x.dtype}, but the model is {', '.join(map(str, floating))}; convert one of them")


def _checked(recorder: Recorder, out: object) -> Node:
    """The node of the model's output, if it is one tensor with an entry an instance."""
    n = len(recorder.x)
    if not isinstance(out, Tensor):
        raise ValueError(f"the model must return one tensor, got {type(out).__name__}; wrap it and pick one")
    if not out.dim() or len(out) != n:
        raise ValueError(f"the model must return one entry for each of {n} instances, got shape {tuple(out.shape)}")
    node = recorder.node(out)
    if node is None:
        raise ValueError("the model's output does not depend on x, or by ways that cannot be followed, such as numpy")
    return node


def _picked(outputs: Sequence[int] | None, n_outputs: int) -> list[int]:
    if outputs is None:
        return list(range(n_outputs))
    try:
        picked = [index(output) for output in outputs]
    except TypeError as error:
        raise ValueError(f"outputs must be a sequence of whole numbers, such as [0], got {outputs!r}") from error
    if not picked or len(set(picked)) < len(picked) or not all(0 <= output < n_outputs for output in picked):
        raise ValueError(
            f"outputs must be one or more different numbers from 0 to {n_outputs - 1}, got {list(outputs)}"
        )
    return picked


def _check_agreement(affine: AffineMap, expected: Tensor) -> None:
    """See whether an instance had a hand in another's output: then a map misses what the model gave."""
    products = torch.linalg.vecdot(affine.weight.flatten(2), affine.x.flatten(1).unsqueeze(1))
    missed, limit = (products + affine.bias - expected).abs(), AGREES.get(expected.dtype, 0.05)
    far = missed > limit * expected.abs()
    if not far.any():
        return
    for i in far.any(1).nonzero()[:, 0].tolist():  # where terms of both signs nearly cancel, their size is what counts
        size = (affine.weight[i] * affine.x[i]).flatten(1).abs().sum(1) + affine.bias[i].abs() + expected[i].abs()
        if (missed[i] > limit * size).any():
            raise ValueError(
                f"the map of instance {i} misses the model's output by {missed[i].max():.2g}: instances depend on "
                "each other, as after a mean over the batch; linearize one instance at a time"
            )


@contextmanager
def _unchanged(modules: Iterable[nn.Module]) -> Iterator[None]:
    """Put back buffers and the random state, whatever happens."""
    buffers = [
        (module, name, buffer, buffer.clone(), buffer._version)
        for module in modules
        for name, buffer in module._buffers.items()
        if buffer is not None
    ]
    random = torch.get_rng_state()
    try:
        yield
    finally:
        torch.set_rng_state(random)
        for module, name, buffer, before, version in buffers:
            module._buffers[name] = buffer
            if buffer._version != version:
                with torch.no_grad():
                    buffer.copy_(before)
