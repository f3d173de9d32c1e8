"""Activations: a gate for each entry, and what is left of the activation at zero."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from linearlens.instance._general import live_in
from linearlens.instance._record import Recorder, Rule, under
from linearlens.instance._tangent import tangent

SHARE, UNIT, SIGNED = 3, 2, 1  # how much of a gate: a share in (0, 1), a unit that is on or off, one with both signs


def gated(
    rec: Recorder,
    z: Tensor,
    value: Tensor,
    gate: Tensor,
    *,
    constant: Tensor | None = None,
    strength: int | None = None,
    state: Tensor | None = None,
    bounds: tuple[float | Tensor, ...] = (0.0,),
) -> Tensor:
    """A step that multiplies each entry by its gate and adds the constant; the state changes where z meets a bound.

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
        **({} if state is None else {"state": state, "bounds": bounds}),
    )


def relu(rec: Recorder, func: Any, z: Tensor) -> Tensor:
    """``z > 0``; a unit at zero is off, as in torch's own gradient."""
    value = torch.relu(z)
    on = value > 0
    return gated(rec, z, value, on, strength=UNIT, state=on)


def leaky_relu(rec: Recorder, func: Any, z: Tensor, negative_slope: float = 0.01) -> Tensor:
    """1 above zero, the slope elsewhere."""
    rec.must_be_fixed(func, slope=negative_slope)
    on = z > 0
    gate = torch.where(on, z.new_ones(()), negative_slope)
    return gated(rec, z, z * gate, gate, strength=UNIT, state=on)


def prelu(rec: Recorder, func: Any, z: Tensor, weight: Tensor) -> Tensor:
    """As `leaky_relu`, with a slope for each channel."""
    rec.must_be_fixed(func, weight=weight)
    on = z > 0
    slope = weight.view(-1, *(1,) * (z.dim() - 2)) if weight.numel() > 1 and z.dim() > 1 else weight
    gate = torch.where(on, z.new_ones(()), slope.detach())
    return gated(rec, z, z * gate, gate, strength=UNIT, state=on)


def absolute(rec: Recorder, func: Any, z: Tensor) -> Tensor:
    """The sign."""
    return gated(rec, z, func(z), z.sign(), strength=UNIT, state=z > 0)


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
        if rec.form == "tangent":
            gate = _slope(phi, z)
            return gated(rec, z, value, gate, constant=value - gate * z, strength=strength)
        origin = z.new_zeros(1)
        at_zero = phi(origin)
        if not torch.isfinite(at_zero):
            rec.refuse(func.__name__, "has no value at zero, so it has no ratio form")
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


def power(rec: Recorder, func: Any, z: Tensor, exponent: Any) -> Any:
    """``z ** p`` for p of 1 or more; below that it is a gate, as the scale of a norm is."""
    if isinstance(exponent, Tensor) or not rec.live(z):
        rec.refuse(func.__name__, "has an exponent that is a tensor")
    if exponent < 1:
        return scale(rec, func, z, exponent)
    return smooth(0)(rec, func, z, exponent)


def scale(rec: Recorder, func: Any, *args: Any, **kwargs: Any) -> Tensor:
    """Roots, reciprocals, norms and softmax: frozen as a whole. In tangent form their tangent."""
    if rec.form == "tangent":
        return tangent(rec, func, *args, **kwargs)
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
    **under("tanh erf sin arctan atan asinh square softshrink", smooth(SIGNED)),
    "sigmoid": smooth(SHARE, lambda z: torch.tanh(z / 2) / 2),
    "softplus": smooth(UNIT, _softplus_rise),
    "exp": smooth(SHARE, torch.expm1),
    "hardsigmoid": smooth(SHARE, lambda z: z / 6),
    **under("log_sigmoid cos", smooth(UNIT)),
    **under("pow __pow__", power),
    **under("softmax _softmax sqrt rsqrt reciprocal std var norm linalg_norm linalg_vector_norm logsumexp", scale),
}
