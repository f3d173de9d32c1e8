"""From one forward pass to ``F(x) = W x + b``."""

from collections.abc import Callable, Mapping, Sequence
from operator import index
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from linearlens.instance import (
    _activations,
    _choices,
    _general,
    _layers,
    _norms,
    _pools,
    _products,
    _recurrent,
    _tangent,
)
from linearlens.instance._affine import AffineMap, warn_if_worthless
from linearlens.instance._model import checked_input, checked_output, instances_are_apart, running
from linearlens.instance._record import Recorder, Rule
from linearlens.instance._tape import Node, in_equal_parts

RULES: dict[str, Rule] = {
    **_general.RULES,
    **_activations.RULES,
    **_choices.RULES,
    **_products.RULES,
    **_layers.RULES,
    **_norms.RULES,
    **_pools.RULES,
    **_recurrent.RULES,
}
FORMS = ("ratio", "tangent")
AGREES = {torch.float64: 1e-9, torch.float32: 1e-3}  # relative; a map that misses by more is of another model


def linearize(
    model: nn.Module, x: Tensor, *more: Any, outputs: Sequence[int] | None = None, form: str = "ratio", **named: Any
) -> AffineMap:
    """Write a network's outputs at each instance as ``W x + b``, exactly.

    One forward pass is recorded with its gates: which units are on, which entry wins a pool, the scale of a norm,
    the weights of an attention. With these frozen, the network is affine; `weight` is its matrix, by carrying one
    row for each output back through the recorded steps, and `bias` is its value at zero. The first and the last
    instance then pass again without the others: instances must not depend on each other, not even through a gate.

    Parameters
    ----------
    model : nn.Module
        Taken as it is, in the mode it is in; left as it was. Instances must not depend on each other, so batch-norm
        must be in eval mode. Dropout in train mode draws the mask that the next ``model(x)`` will draw.
    x : Tensor of shape (n, *input_shape)
        Of the model's own floating dtype.
    *more, **named
        What else the model takes, such as an attention mask: constants.
    outputs : sequence of int, optional
        Rows that are wanted, all if not given; the cost is in proportion. An output with more axes than
        (n, n_outputs) is counted through in the order of its entries.
    form : {"ratio", "tangent"}
        How a smooth activation φ is made affine at z. "ratio": ``φ(0) + z · (φ(z) - φ(0)) / z``, with φ'(0) as the
        factor at zero; norms, attention weights and gates of products are frozen. "tangent": W is the Jacobian as
        torch's own automatic differentiation gives it, ``b = F(x) - W x``. Of piecewise-linear networks both give the
        Jacobian.

    Returns
    -------
    AffineMap

    Raises
    ------
    ValueError
        If the input, `outputs` or `form` cannot be used, if the model's output is not a finite tensor with one entry
        an instance that depends on the input, if instances depend on each other, or if the model calls a function
        that cannot be linearized; then the function and the module that called it are named.

    Warns
    -----
    UserWarning
        If contributions are so large that they say little though they are exact, if rounding shows in the sums, or if
        a map is all zero.

    Notes
    -----
    In a product of two tensors that depend on the input, the one that is more of a gate is frozen, as Arras et al.
    (2017) do in recurrent networks: a root before a sigmoid before ReLU, GELU or SiLU before tanh before what went
    through no activation. Of equals, each stays live for one half (Achtibat et al., 2024). Denominators, and so the
    scales of norms, and softmax are frozen always (Ali et al., 2022). A root elsewhere is ``√z = z / √z``. ``W * x`` is
    then the relevance of ε-LRP for ε → 0 (Ancona et al., 2018), but for what stays in b.

    What a model detaches is a constant in both forms. Of a function with a backward pass of its own, such as a
    straight-through estimator, the ratio form takes what it does, the tangent form what its author says its slope is.

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
    modules = checked_input(model, x)

    def call(z: Tensor) -> Any:
        return model(z, *more, **named)

    with running(modules, x, call) as again:
        if form == "ratio":
            affine, out = _by_ratio(modules, x, call, outputs)
        else:
            leaf, out = _tangent.forward(call, x)
            flat = checked_output(out, len(x)).reshape(len(x), -1)
            weight = _tangent.jacobian(leaf, flat if outputs is None else flat[:, _picked(outputs, flat.shape[1])])
            out, leaf = out.detach(), leaf.detach()
            flat = flat.detach() if outputs is None else flat.detach()[:, _picked(outputs, flat.shape[1])]
            bias = flat - _products_of(weight, leaf)
            affine = AffineMap(
                weight, bias, {"": bias}, leaf, flat, torch.ones(len(x), dtype=torch.bool, device=x.device)
            )
        instances_are_apart(again, x, out)
    largest = out.reshape(len(x), -1).abs().amax(1, keepdim=True)
    warn_if_worthless(affine, torch.maximum(largest, largest.mean()), form)
    return affine


def _by_ratio(
    modules: Mapping[str, nn.Module], x: Tensor, call: Callable, outputs: Sequence[int] | None
) -> tuple[AffineMap, Tensor]:
    recorder = Recorder(modules, x, RULES)
    try:
        out = checked_output(recorder.run(call), len(x))
        node = recorder.current(out, "return")
        if node is None:
            raise ValueError(
                "the model's output does not depend on x, or by ways that cannot be followed, such as numpy"
            )
        out, n = out.detach(), len(x)
        n_outputs = out.numel() // n
        picked = _picked(outputs, n_outputs)
        with torch.no_grad():
            numbers = torch.arange(n_outputs, device=x.device)
            rows = torch.eye(n_outputs, device=x.device) if outputs is None else one_hot(numbers[picked], n_outputs)
            weight, biases = _carry_back(recorder, node, rows.to(out.dtype).view(-1, 1, *out.shape[1:]))
            bias = sum(biases.values(), out.new_zeros(n, len(picked)))
            flat = out.reshape(n, -1)[:, picked]
            affine = AffineMap(weight, bias, biases, recorder.x, flat, recorder.unique)
            _check_agreement(affine, recorder.coarsest)
        return affine, out
    finally:
        recorder.forget()


def _carry_back(recorder: Recorder, node: Node, rows: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
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
    recorder.check_held()
    tape, x, n = recorder.tape, recorder.x, len(recorder.x)
    rows = rows.expand(-1, n, *node.shape[1:])
    size = in_equal_parts(n, tape.largest_part(node, len(rows), x.element_size()))
    weight = x.new_empty(n, len(rows), *x.shape[1:]) if size < n else None
    found = []
    for start in range(0, n, size):
        part = slice(start, start + size)
        back, biases = tape.propagate(node, rows[:, part], recorder.x_node, part)
        found.append(biases)
        if back is None:
            raise ValueError(
                "nothing of this output is linear in the input: it comes out of a softmax, a norm's scale or another "
                'gate that is frozen; linearize what goes into it, such as the logits, or take form="tangent"'
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


def _products_of(weight: Tensor, x: Tensor) -> Tensor:
    """``W x``."""
    return torch.linalg.vecdot(weight.flatten(2), x.flatten(1).unsqueeze(1))


def _check_agreement(affine: AffineMap, coarsest: torch.dtype) -> None:
    """See whether the map is the model's: if an instance had a hand in another's output, it misses what came."""
    missed = (_products_of(affine.weight, affine.x) + affine.bias - affine.output).abs()
    limit = AGREES.get(coarsest, 0.05)
    if (missed <= limit * affine.output.abs()).all():
        return
    # Where terms of both signs nearly cancel, their size is what counts.
    near = missed <= limit * (affine.size + affine.bias.abs() + affine.output.abs())
    if not near.all():
        i = int((~near).any(1).nonzero()[0, 0])
        why = (
            "instances depend on each other, as after a mean over the batch, or a tensor was changed by a way that was "
            "not seen; linearize one instance at a time"
            if len(missed) > 1
            else f"rounding in {coarsest}, or a part of the model was not seen; convert it to double precision"
        )
        raise ValueError(f"the map of instance {i} misses the model's output by {missed[i].max():.2g}: {why}")
