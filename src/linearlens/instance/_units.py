"""Units of a forward pass: what is on or off, which entries are chosen, and where that changes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from linearlens.instance._calls import caller, in_their_places, read, tensors_in, under
from linearlens.instance._tangent import Watch


@dataclass(frozen=True, eq=False)
class Unit:
    """The units of one call.

    Parameters
    ----------
    state : Tensor
        Which units are on (true, or above 0), or which entry was chosen (an integer).
    borders : list of Tensor of the shape of `state`
        Where one of these is 0 the state changes; none where entries are chosen.
    value : Tensor of the shape of `state`
        Numbers that move with the input.
    where : str
        The module that asked.
    """

    state: Tensor
    borders: list[Tensor]
    value: Tensor
    where: str


class Units(Watch):
    """Note the units of a forward pass as it runs, which torch differentiates meanwhile."""

    def __init__(self, modules: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.names = {id(module): name for name, module in modules.items()}
        self.found: list[Unit] = []

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        call = read(func)
        if call.about or not any(t.requires_grad for t in tensors_in((args, kwargs))):
            return super().__torch_function__(func, types, args, kwargs)
        if call.name in ("detach", "data"):
            return args[0]  # what is cut off for gradients moves with the input all the same
        if call.opened is not None:
            with self:
                return call.opened(*args, **kwargs)
        if call.base in UNCOUNTED:
            raise ValueError(f"{call.name} has a step at every whole number, or jumps; its units cannot be listed")
        placed, rest = in_their_places(func, args, kwargs)
        rest = {name: value for name, value in rest.items() if name not in ("inplace", "out")}
        if call.base in SWITCHES:
            state, borders = SWITCHES[call.base](*placed, **rest)
            self._note(state, borders, borders[0])
        out = super().__torch_function__(func, types, args, kwargs)
        if call.base in CHOICES:
            self._note(*CHOICES[call.base](out, *placed, **rest))
        return out

    def _note(self, state: Tensor, borders: list[Tensor], value: Tensor) -> None:
        layer = caller(self.names)
        where = f"module {layer!r}" if layer else "the model's own forward"
        self.found.append(Unit(state, borders, value.detach().clone(), where))


def _on(z: Tensor, *_: Any, **__: Any) -> tuple[Tensor, list[Tensor]]:
    return z > 0, [z.clone()]


def _between(low: Any, high: Any) -> Callable[..., tuple[Tensor, list[Tensor]]]:
    """Off on both sides of two bounds, which are given by number or taken from the arguments by place and name."""

    def unit(z: Any, *args: Any, **kwargs: Any) -> tuple[Tensor, list[Tensor]]:
        below, above = (
            bound if not isinstance(bound, tuple) else _argument(bound, args, kwargs) for bound in (low, high)
        )
        apart = [z - bound for bound in (below, above) if bound is not None]
        state = torch.ones_like(apart[0], dtype=torch.int64)
        if below is not None:
            state = state - (z < below).long()
        return (state if above is None else state + (z > above).long()), apart

    return unit


def _argument(which: tuple, args: tuple, kwargs: dict) -> Any:
    place, name, default = which
    return kwargs.get(name, args[place] if len(args) > place else default)


def _shrunk(z: Tensor, lambd: float = 0.5) -> tuple[Tensor, list[Tensor]]:
    return _between(-lambd, lambd)(z)


def _threshold(z: Tensor, threshold: float, value: float) -> tuple[Tensor, list[Tensor]]:
    return z > threshold, [z - threshold]


def _compared(a: Any, b: Any, *_: Any, **__: Any) -> tuple[Tensor, list[Tensor]]:
    return a > b, [a - b]


def _named(out: Any, *_: Any, **__: Any) -> tuple[Tensor, list[Tensor], Tensor]:
    """Of functions that give entries and where they were, or the latter only."""
    return (out, [], out) if isinstance(out, Tensor) else (out[1], [], out[0])


def _extreme(out: Any, z: Tensor, other: Any = None, *_: Any, **kwargs: Any) -> tuple[Tensor, list[Tensor], Tensor]:
    other = kwargs.get("other", other)
    if isinstance(other, Tensor):
        state, borders = _compared(z, other)
        return state, borders, borders[0]
    if isinstance(out, Tensor):
        return (z == out).long().argmax().view(1), [], out.view(1)  # of all entries
    return _named(out)


def _extremes(out: Tensor, z: Tensor, dim: Any = (), keepdim: bool = False) -> tuple[Tensor, list[Tensor], Tensor]:
    dims = tuple(range(z.dim())) if dim == () else (dim,) if isinstance(dim, int) else tuple(dim)
    shape = [1 if axis in {d % z.dim() for d in dims} else size for axis, size in enumerate(z.shape)]
    wins = z == out.reshape(shape)
    last = tuple(range(-len(dims), 0))
    return wins.movedim(dims, last).flatten(-len(dims)).long().argmax(-1).reshape(out.shape), [], out


def _pooled(name: str) -> Callable[..., tuple[Tensor, list[Tensor], Tensor]]:
    with_indices = getattr(F, f"{name}_with_indices")

    def choice(out: Any, z: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, list[Tensor], Tensor]:
        kwargs.pop("return_indices", None)
        value, places = with_indices(z, *args, **kwargs)
        return places, [], value

    return choice


SWITCHES: dict[str, Callable[..., tuple[Tensor, list[Tensor]]]] = {
    **under("relu leaky_relu prelu _prelu_kernel rrelu abs absolute __abs__ sign sgn heaviside", _on),
    **under("clamp clip", _between((0, "min", None), (1, "max", None))),
    "clamp_min": _between((0, "min", None), None),
    "clamp_max": _between(None, (0, "max", None)),
    "hardtanh": _between((0, "min_val", -1.0), (1, "max_val", 1.0)),
    "relu6": _between(0.0, 6.0),
    **under("hardsigmoid hardswish", _between(-3.0, 3.0)),
    "threshold": _threshold,
    **under("softshrink hardshrink", _shrunk),
    **under("maximum minimum fmax fmin gt ge lt le __gt__ __ge__ __lt__ __le__", _compared),
    **under("greater greater_equal less less_equal", _compared),
}
_POOLS = [f"{kind}max_pool{spatial}d" for kind in ("", "adaptive_") for spatial in (1, 2, 3)]
CHOICES: dict[str, Callable[..., tuple[Tensor, list[Tensor], Tensor]]] = {
    **under("max min", _extreme),
    **under("amax amin", _extremes),
    **under("sort topk kthvalue median cummax cummin argmax argmin argsort", _named),
    **{name: _pooled(name) for name in _POOLS},
}
_UNCOUNTED = "round floor ceil trunc frac fmod remainder floor_divide __floordiv__ __mod__ bucketize quantile"
UNCOUNTED = set(_UNCOUNTED.split())
