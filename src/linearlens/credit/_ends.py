"""Where components begin and end."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import nn

from linearlens.snapshots import Cut, cut_points
from linearlens.snapshots.chain import Chain, find_chain
from linearlens.snapshots.rerun import few_of, states_in_order, trace
from linearlens.snapshots.running import Call, check_names

# They have weights, but belong to the layer before them.
FOLLOWERS = (
    nn.modules.batchnorm._NormBase,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.RMSNorm,
    nn.PReLU,
)


class Segment(NamedTuple):
    """What a `Component` is made of."""

    name: str
    start: str | None
    stop: str
    module: nn.Module
    block: bool
    own: tuple[str, ...]
    inside: Mapping[str, nn.Module]


def segments_of(
    model: nn.Module, stops: Sequence[str] | None, inputs: Any, start: str | None
) -> tuple[Segment | None, list[Segment]]:
    """What stands before `start`, and the segments after it; the model is not copied.

    Raises
    ------
    ValueError
        As `components`.
    """
    if isinstance(stops, str):
        raise ValueError(f"stops must be a list of names, got {stops!r}")
    chain = find_chain(model)
    if chain is not None and (start is None or start in chain.ends) and set(stops or []) <= set(chain.ends):
        first = 0 if start is None else chain.ends[start]
        ends = _own_ends(chain, first) if stops is None else [chain.ends[name] for name in stops]
        _check_ends([name for name, _ in chain.parts[first:]], ends, first, len(chain.parts), stops)
        segments = [_of_chain(chain, one, two) for one, two in pairwise([first, *ends])]
        return (_of_chain(chain, 0, first) if first else None), segments
    check_names(model, [*([] if start is None else [start]), *(stops or [])])
    if inputs is None:
        raise ValueError(
            f"a {type(model).__name__} is no plain nn.Sequential, or a name lies inside of one of its modules, so it "
            "must be tried where it can be cut; give inputs=…, a few samples of what it takes"
        )
    return _of_model(model, stops, inputs, start)


def _check_ends(names: list[str], ends: list[int], first: int, last: int, stops: Sequence[str] | None) -> None:
    if stops is not None and (ends != sorted(set(ends)) or not ends or ends[-1] != last or ends[0] <= first):
        raise ValueError(
            f"stops must be in the order of the modules, each once, and end with the last of them: {names}; got "
            f"{list(stops)}"
        )
    _check_number(len(ends), names)


def _check_number(n_components: int, names: list[str]) -> None:
    if n_components < 2:
        raise ValueError(
            f"credit is shared between two components or more, but the model has {n_components}: its modules are "
            f"{names}; give a deeper model, or say with stops where components end"
        )


# Plain chains.


def _own_ends(chain: Chain, first: int) -> list[int]:
    begins = [place for place, (_, module) in enumerate(chain.parts) if place >= first and _begins(module)]
    return [*begins[1:], len(chain.parts)] if begins else []


def _begins(module: nn.Module) -> bool:
    held = any(True for _ in module.parameters()) or any(True for _ in module.buffers()) or any(module.children())
    return held and not isinstance(module, FOLLOWERS)


def _of_chain(chain: Chain, first: int, last: int) -> Segment:
    modules = chain.parts[first:last]
    name = next((name for name, module in modules if _begins(module)), modules[0][0])
    start, stop = (chain.parts[place - 1][0] if place else None for place in (first, last))
    whole = chain.between(start, modules[-1][0])
    block = len(modules) == 1 and any(True for _ in modules[0][1].children())
    own = tuple(name for name, _ in whole.named_parameters())
    inside = {name.replace("/", "."): module for name, module in whole.named_modules() if name}
    return Segment(name, start, str(stop), whole, block, own, inside)


# Any other model.


def _of_model(
    model: nn.Module, stops: Sequence[str] | None, inputs: Any, start: str | None
) -> tuple[Segment | None, list[Segment]]:
    few = few_of(model, inputs)
    inputs = few.args or few.named  # no need to copy all of them for each cut
    calls = trace(model, few)
    states = states_in_order(calls, few)
    whole = Cut(model, None, "", inputs)(few.first)
    before = None if start is None else _segment(model, calls, None, start, Cut(model, None, start, inputs))
    if stops is not None:
        last = states.get(stops[-1]) if stops and stops[-1] else whole
        if last is None or not _alike(last, whole):
            raise ValueError(
                f"stops must end with the end of the model, '' or what gives its output; got {list(stops)}"
            )
        starts = [start, *stops[:-1]]
        segments = [
            _segment(model, calls, one, two, Cut(model, one, two, inputs))
            for one, two in zip(starts, stops, strict=True)
        ]
        _check_number(len(segments), list(calls))
        return before, segments
    ends = _distinct(cut_points(model, inputs), calls, states | {"": whole}, start)
    parts: list[Segment] = []
    for stop in ends:
        last = parts[-1].stop if parts else start
        part = _segment(model, calls, last, stop, Cut(model, last, stop, inputs))
        if parts and not (_has_weights(part) and _has_weights(parts[-1])):
            first = parts.pop()
            part = _segment(model, calls, first.start, stop, Cut(model, first.start, stop, inputs))
        parts.append(part)
    _check_number(len(parts), ends)
    return before, parts


def _distinct(
    points: list[str], calls: dict[str, Call], states: dict[str, torch.Tensor], start: str | None
) -> list[str]:
    """Points after the start; of several that end with the same state, as a block and its last part, the widest one."""
    kept: list[str | None] = [start]
    for point in [*points, ""]:
        last, began = kept[-1], calls[point].begin if point else -1
        ended = -1 if start is None else calls[start].end
        if point and calls[point].end <= ended:
            continue
        if last is None or began > calls[last].begin or not _alike(states[point], states[last]):
            kept.append(point)
        elif len(kept) > 1 and began > (-1 if kept[-2] is None else calls[kept[-2]].end):
            kept[-1] = point
    return [point for point in kept[1:] if point is not None]


def _alike(one: torch.Tensor, two: torch.Tensor) -> bool:
    return one.shape == two.shape and torch.allclose(one, two)


def _has_weights(segment: Segment) -> bool:
    """Whether it has weights that are not those of a follower."""
    owners = {name.rpartition(".")[0] for name in segment.own}
    return any(not isinstance(segment.module.get_submodule(owner), FOLLOWERS) for owner in owners)


def _segment(model: nn.Module, calls: dict[str, Call], start: str | None, stop: str, cut: Cut) -> Segment:
    begin = -1 if start is None else calls[start].end
    end = calls[stop].end if stop else float("inf")
    named = dict(model.named_modules())
    inside = {
        name: named[name.partition("#")[0]]
        for name, call in sorted(calls.items(), key=lambda item: item[1].begin)
        if begin < call.begin and call.end <= end
    }
    own = _own_weights(cut, inside)
    owned = {name.removeprefix("model.") for name in own}
    first = [name for name, module in inside.items() if any(w.startswith(f"{name.partition('#')[0]}.") for w in owned)]
    name = next((name for name in first if not isinstance(inside[name], FOLLOWERS)), stop or "output")
    block = name == stop and name in inside and any(True for _ in inside[name].children())
    return Segment(name, start, stop, cut, block, own, inside)


def _own_weights(cut: Cut, inside: Mapping[str, nn.Module]) -> tuple[str, ...]:
    """Parameters that have a gradient in the output of a cut, or belong to a module that runs in it."""
    weights = {name: weight for name, weight in cut.named_parameters() if weight.is_floating_point()}
    held = {id(weight) for module in inside.values() for weight in module.parameters(recurse=False)}
    try:
        for weight in weights.values():
            weight.requires_grad_(True)
        output = cut(cut.example)
        known = list(weights.values()) if output.requires_grad else []
        grads = torch.autograd.grad(output.sum(), known, allow_unused=True) if known else ()
    finally:
        for weight in weights.values():
            weight.requires_grad_(False)
    used = {name for name, grad in zip(weights, grads, strict=False) if grad is not None}
    return tuple(name for name, weight in weights.items() if name in used or id(weight) in held)
