"""Activations: a gate for each entry, and what is left of the activation at zero."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from linearlens.instance._calls import under
from linearlens.instance._general import live_in
from linearlens.instance._record import Recorder, Rule

# How much of a gate: a scale, a share in (0, 1), a unit that is on or off, one with both signs.
SCALE, SHARE, UNIT, SIGNED = 4, 3, 2, 1


def gated(
    rec: Recorder,
    z: Tensor,
    value: Tensor,
    gate: Tensor,
    *,
    constant: Tensor | None = None,
    strength: int | None = None,
) -> Tensor:
    """A step that multiplies each entry by its gate and adds the constant.

    A gate that is on or off may be given as true or false, which takes a quarter of the memory.
    """
    node = rec.known(z)
    return rec.step(
        value,
        [z],
        lambda z: z * gate if constant is None else z * gate + constant,
        axis=node.axis,
        strength=node.strength if strength is None else strength,
        gate=gate,
        held=(gate,) if gate.shape == z.shape and node.axis == 0 and len(gate) == rec.tape.n else None,
        alike=gate.dim() < z.dim(),
        constant=constant,
    )


def relu(rec: Recorder, func: Any, z: Tensor) -> Tensor:
    """``z > 0``; a unit at zero is off, as in torch's own gradient."""
    value = torch.relu(z)
    on = value > 0
    return gated(rec, z, value, on, strength=UNIT)


def leaky_relu(rec: Recorder, func: Any, z: Tensor, negative_slope: float = 0.01) -> Tensor:
    """1 above zero, the slope elsewhere."""
    rec.must_be_fixed(func, slope=negative_slope)
    on = z > 0
    gate = torch.where(on, z.new_ones(()), negative_slope)
    return gated(rec, z, z * gate, gate, strength=UNIT)


def prelu(rec: Recorder, func: Any, z: Tensor, weight: Tensor) -> Tensor:
    """As `leaky_relu`, with a slope for each channel."""
    rec.must_be_fixed(func, weight=weight)
    on = z > 0
    slope = weight.view(-1, *(1,) * (z.dim() - 2)) if weight.numel() > 1 and z.dim() > 1 else weight
    gate = torch.where(on, z.new_ones(()), slope.detach())
    return gated(rec, z, z * gate, gate, strength=UNIT)


def absolute(rec: Recorder, func: Any, z: Tensor) -> Tensor:
    """The sign."""
    return gated(rec, z, func(z), z.sign(), strength=UNIT)


def smooth(strength: int, centred: Callable[..., Tensor] | None = None) -> Callable[..., Tensor]:
    """The rule of a smooth activation φ.

    Parameters
    ----------
    strength : int
    centred : callable, optional
        φ(z) - φ(0) without the rounding of the difference near zero; only needed where φ(0) is not 0.
    """

    def rule(rec: Recorder, func: Any, z: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        def phi(z: Tensor) -> Tensor:
            return func(z, *args, **kwargs)

        if live_in(rec, args, kwargs):
            rec.refuse(func.__name__, "has a parameter that depends on the input")
        value = phi(z)
        origin = z.new_zeros(1)
        at_zero = phi(origin)
        if not torch.isfinite(at_zero):
            rec.refuse(func.__name__, 'has no value at zero, so it has no ratio form; take form="tangent"')
        rise = value - at_zero
        if centred is not None:
            rise = torch.where(z.abs() < 1, centred(z, *args, **kwargs), rise)
        gate = torch.where(z == 0, _slope(phi, origin), rise / z)
        constant = at_zero.view((1,) * z.dim()) if at_zero != 0 else None
        return gated(rec, z, value, gate, constant=constant, strength=strength)

    return rule


def _slope(phi: Callable[[Tensor], Tensor], z: Tensor) -> Tensor:
    with torch.enable_grad():
        leaf = z.detach().requires_grad_()
        return torch.autograd.grad(phi(leaf).sum(), leaf)[0]


def _softplus_rise(z: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    return torch.log1p(torch.expm1(beta * z) / 2) / beta


def straight(knees: Callable[..., tuple[float, float, float, float]], strength: int) -> Rule:
    """The rule of a function that is one line, flat or of slope one, on each side of a part of another slope.

    `knees` takes its parameters and gives both ends of the part in between, the slope there and the slope outside. So
    the gate is torch's own gradient, and the rest a constant.
    """

    def rule(rec: Recorder, func: Any, z: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        low, high, inner, outer = knees(*args, **kwargs)
        value = func(z, *args, **kwargs)
        between = (z > low) & (z < high) if inner else (z >= low) & (z <= high)
        gate = torch.where(between, z.new_tensor(inner), outer)
        return gated(rec, z, value, gate, constant=value - gate * z, strength=strength)

    return rule


def power(rec: Recorder, func: Any, z: Tensor, exponent: Any) -> Any:
    """``z ** p`` for p of 1 or more, and roots; below 0 it is a gate, as the scale of a norm is."""
    if isinstance(exponent, Tensor) or not rec.live(z):
        rec.refuse(func.__name__, "has an exponent that is a tensor")
    if exponent == 0.5:
        return root(rec, func, z, exponent)
    if exponent < 1:
        return rec.freeze(func, (z, exponent), {})
    return smooth(0)(rec, func, z, exponent)


def root(rec: Recorder, func: Any, z: Tensor, *args: Any) -> Tensor:
    """``√z = z / √z`` with the root below frozen: a magnitude √(a² + b²) so has its own gradient. In products, as in
    denominators, a root is frozen before anything else."""
    value = func(z, *args)
    return gated(rec, z, value, torch.where(z == 0, 0, value / z), strength=SCALE)


def log_softmax(rec: Recorder, func: Any, z: Tensor, dim: int, *_: Any, dtype: torch.dtype | None = None) -> Tensor:
    """The logarithm of the sum is frozen: what is left are the logits."""
    if dtype is not None:
        with rec:
            z = z.to(dtype)
    node, value = rec.known(z), func(z, dim)
    total = torch.logsumexp(z, dim, keepdim=True)
    held = () if node.axis == 0 else None
    return rec.step(value, [z], lambda z: z - total, axis=node.axis, rows=lambda r: [r], held=held, constant=-total)


def frozen(rec: Recorder, func: Any, *args: Any, **kwargs: Any) -> Any:
    """Functions whose result is a gate: comparisons, norms, softmax."""
    return rec.freeze(func, args, kwargs)


RULES: dict[str, Rule] = {
    "relu": relu,
    "leaky_relu": leaky_relu,
    "rrelu": lambda rec, func, z, lower=1 / 8, upper=1 / 3, training=False, **_: (
        rec.refuse("rrelu", "is random in train mode; call model.eval()")
        if training
        else leaky_relu(rec, func, z, (lower + upper) / 2)
    ),
    "prelu": prelu,
    "_prelu_kernel": prelu,
    **under("abs absolute __abs__", absolute),
    **under("gelu silu elu selu celu mish hardswish", smooth(UNIT)),
    **under("tanh erf sin arctan atan asinh arcsinh sinh tan square", smooth(SIGNED)),
    **under("log1p expm1 log log2 log10", smooth(0)),
    "sigmoid": smooth(SHARE, lambda z: torch.tanh(z / 2) / 2),
    "softplus": smooth(UNIT, _softplus_rise),
    "exp": smooth(SHARE, torch.expm1),
    "hardsigmoid": straight(lambda: (-3.0, 3.0, 1 / 6, 0.0), SHARE),
    "softshrink": straight(lambda lambd=0.5: (-lambd, lambd, 0.0, 1.0), SIGNED),
    "hardshrink": straight(lambda lambd=0.5: (-lambd, lambd, 0.0, 1.0), SIGNED),
    **under("log_sigmoid cos", smooth(UNIT)),
    **under("pow __pow__", power),
    "sqrt": root,
    "log_softmax": log_softmax,
    **under("softmax _softmax rsqrt reciprocal std var norm linalg_norm linalg_vector_norm logsumexp", frozen),
    **under(
        "detach data gt ge lt le eq ne __gt__ __ge__ __lt__ __le__ __eq__ __ne__ greater greater_equal less less_equal "
        "sign sgn isnan isinf isfinite isclose allclose equal argmax argmin argsort __bool__ is_nonzero logical_not "
        "logical_and logical_or any all nonzero count_nonzero floor ceil round trunc",
        frozen,
    ),
}
