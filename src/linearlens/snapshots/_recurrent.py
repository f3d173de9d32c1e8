"""States of recurrent parts: layers of torch, cells in a loop, and whatever else gives states in order of time."""

from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from linearlens.snapshots.running import Call, describe

RECURRENT = (nn.RNN, nn.GRU, nn.LSTM)
DIRECTIONS = ("forward", "backward")


class States(NamedTuple):
    """States (n_sequences, n_steps, n_features), steps of each sequence if packed, and states before the first step."""

    states: torch.Tensor
    packed: torch.Tensor | None
    before: torch.Tensor


class Wanted(NamedTuple):
    """What is asked of a recurrent part, as in `collect_hidden`."""

    full: bool
    direction: str | None
    batch_first: bool | None


def find_recurrent(model: nn.Module) -> str:
    """Name of the one recurrent layer, or else the one cell, of a model."""
    for kinds in (RECURRENT, nn.RNNCellBase):
        names = [name for name, part in model.named_modules() if isinstance(part, kinds)]
        if len(names) == 1:
            return names[0]
        if names:
            break
    found = f"has several: {names}" if names else "has no nn.RNN, nn.GRU or nn.LSTM"
    parts = [name for name, _ in model.named_modules() if name]
    raise ValueError(f"the model {found}; say which part returns the states with module=…, one of {parts}")


def states_of(name: str, part: nn.Module, calls: list[Call], wanted: Wanted) -> States:
    """States that a part went through in one forward pass of the model."""
    if not calls:
        raise ValueError(f"the model's forward reached {name} never; its states are wanted once a run")
    if isinstance(part, RECURRENT):
        return _of_layer(name, part, calls, wanted)
    if wanted.direction is not None:
        raise ValueError(f"direction={wanted.direction!r} needs a bidirectional layer, but {name} is none")
    if isinstance(part, nn.RNNCellBase):
        return _of_cell(name, part, calls, wanted)
    if wanted.full:
        raise ValueError(
            f"full=True needs an nn.RNN, nn.GRU or nn.LSTM or a cell of one, but {name} is of type "
            f"{type(part).__name__}"
        )
    states = [call.state for call in calls]
    if len(calls) > 1 and all(isinstance(item, torch.Tensor) and item.ndim == 2 for item in states):
        _check_shapes(name, states)
        stacked = torch.stack(states, dim=1)  # type: ignore[arg-type]
        return States(stacked, None, torch.zeros_like(stacked[:, 0]))
    if len(calls) > 1:
        raise ValueError(_several(name, len(calls), "and it does not give one state (n_sequences, n_features) a time"))
    state = calls[0].state
    sure = not isinstance(state, torch.Tensor) or state.ndim != 3  # packed, or refused for its shape
    return _laid_out(name, state, calls[0].output, sure or _batch_first(name, part, wanted.batch_first))


def _of_layer(name: str, part: nn.RNNBase, calls: list[Call], wanted: Wanted) -> States:
    first = _batch_first(name, part, wanted.batch_first)
    side = _direction(name, part, wanted)
    for number, (one, two) in enumerate(pairwise(calls), start=2):
        ended = one.output[1] if isinstance(part, nn.LSTM) else (one.output[1],)
        if not _equal(_hx(two), ended):
            raise ValueError(_several(name, len(calls), f"and run {number} does not start where the one before ended"))
    runs = [_full_run(part, call) if wanted.full else call.state for call in calls]
    found = [_laid_out(name, run, call.output, first) for run, call in zip(runs, calls, strict=True)]
    if len(found) > 1 and any(item.packed is not None for item in found):
        raise ValueError(_several(name, len(calls), "with packed sequences"))
    states = torch.cat([item.states for item in found], dim=1)
    before = _before(part, calls[0], states, wanted.full, side)
    if side is not None:
        half = states.shape[2] // 2
        states = states[..., :half] if side == 0 else states[..., half:]
        if side == 1:
            states = _reversed(name, states, found[0].packed)
    return States(states, found[0].packed, before)


def _of_cell(name: str, part: nn.RNNCellBase, calls: list[Call], wanted: Wanted) -> States:
    def state(given: Any) -> torch.Tensor:
        if isinstance(given, torch.Tensor):
            return given
        return torch.cat(list(given), dim=-1) if wanted.full else given[0]

    after = [state(call.output) for call in calls]
    _check_shapes(name, after)
    states = torch.stack(after, dim=1)
    start = _hx(calls[0])
    before = torch.zeros_like(states[:, 0]) if start is None else state(start if len(start) > 1 else start[0])
    return States(states, None, before)


def check_steps(name: str, part: nn.Module, calls: list[Call], keep: torch.Tensor) -> None:
    """Whether each run of a cell starts from what the one before gave, in sequences that go on; else a ValueError."""
    if not isinstance(part, nn.RNNCellBase):
        return
    for number, (one, two) in enumerate(pairwise(calls), start=1):
        gave = one.output if isinstance(one.output, tuple) else (one.output,)
        given = _hx(two)
        going = keep[:, number]
        if given is None or not all(torch.equal(a[going], b[going]) for a, b in zip(gave, given, strict=True)):
            raise ValueError(
                _several(name, len(calls), f"and run {number + 1} does not start where the one before ended")
            )


def _several(name: str, times: int, why: str) -> str:
    return (
        f"the model's forward reached {name} {times} times, {why}; name one run, {name + '#1'!r} to "
        f"{f'{name}#{times}'!r}, or a part that gives the states in order of time"
    )


def _check_shapes(name: str, states: list) -> None:
    shapes = [tuple(item.shape) for item in states]
    if len(set(shapes)) > 1 or len(shapes[0]) != 2:
        raise ValueError(f"{name} must give states of one shape (n_sequences, n_features) each time, got {shapes}")


def says_batch_first(part: nn.Module) -> bool | None:
    """What a part says of itself, or else all the attention in it; None if nothing or not the same."""
    for modules in ([part], part.modules()):
        said = {getattr(module, "batch_first", None) for module in modules} & {True, False}
        if said:
            return bool(said.pop()) if len(said) == 1 else None
    return None


def _batch_first(name: str, part: nn.Module, wanted: bool | None) -> bool:
    said = says_batch_first(part)
    if said is None and wanted is None:
        raise ValueError(
            f"nothing in {name} says which axis of its states numbers the sequences; give batch_first=True for "
            "(n_sequences, n_steps, n_features), False for (n_steps, n_sequences, n_features)"
        )
    if None not in (said, wanted) and said != wanted:
        raise ValueError(f"{name} says batch_first={said}, but batch_first={wanted} came")
    return bool(wanted if said is None else said)


def _laid_out(name: str, state: Any, output: Any, batch_first: bool) -> States:
    if isinstance(state, PackedSequence):
        padded, n_steps = pad_packed_sequence(state, batch_first=True)
        return States(padded, n_steps, torch.zeros_like(padded[:, 0]))
    if not isinstance(state, torch.Tensor) or state.ndim != 3:
        raise ValueError(
            f"{name} must return states of shape (n_sequences, n_steps, n_features), got "
            f"{describe(output if state is None else state)}"
        )
    states = state if batch_first else state.transpose(0, 1)
    return States(states, None, torch.zeros_like(states[:, 0]))


def _direction(name: str, part: nn.RNNBase, wanted: Wanted) -> int | None:
    if not part.bidirectional:
        if wanted.direction is not None:
            raise ValueError(f"direction={wanted.direction!r} needs a bidirectional layer, but {name} is none")
        return None
    if wanted.direction not in DIRECTIONS or part.num_layers > 1 or wanted.full:
        raise ValueError(
            f"{name} is bidirectional: its states at a step know the future, so they are no trajectory; of one layer, "
            f"direction='forward' or 'backward' takes half of them, without full; got direction={wanted.direction!r} "
            f"and {part.num_layers} layers"
        )
    return DIRECTIONS.index(wanted.direction)


def _reversed(name: str, states: torch.Tensor, packed: torch.Tensor | None) -> torch.Tensor:
    """In the order in which the backward direction reads."""
    flipped = states.flip(1)
    if packed is not None:
        for number, length in enumerate(packed):
            flipped[number, :length] = states[number, :length].flip(0)
    return flipped


def _hx(call: Call) -> tuple[torch.Tensor, ...] | None:
    """The state a recurrent part is started from, if one is given."""
    start = call.args[1] if len(call.args) > 1 else call.named.get("hx")
    return (start,) if isinstance(start, torch.Tensor) else start


def _equal(one: Any, two: Any) -> bool:
    return one is not None and all(map(torch.equal, one, two))


def _before(part: nn.RNNBase, call: Call, states: torch.Tensor, full: bool, side: int | None) -> torch.Tensor:
    """States before the first step, of shape (n_sequences, n_features)."""
    start = _hx(call)
    if start is None:
        width = states.shape[2] // (1 if side is None else 2)
        return states.new_zeros((len(states), width))
    if full:
        return torch.cat([layer for each in start for layer in each], dim=1)
    return start[0][-1 if side is None else side]


def _full_run(part: nn.RNNBase, call: Call) -> torch.Tensor | PackedSequence:
    """``h`` of all layers after every step, of an LSTM ``[h, c]``, in the layout of the outputs."""
    given = call.args[0] if call.args else call.named["input"]
    lengths = None
    if isinstance(given, PackedSequence):
        given, lengths = pad_packed_sequence(given, batch_first=part.batch_first)
    time = 1 if part.batch_first else 0
    start, after = _hx(call), []
    state = start if start is None or isinstance(part, nn.LSTM) else start[0]
    for step in given.split(1, dim=time):
        _, state = part(step, state)
        each = state if isinstance(state, tuple) else (state,)
        after.append(torch.cat([layer for layers in each for layer in layers], dim=1))
    states = torch.stack(after, dim=time)
    if lengths is None:
        return states
    return nn.utils.rnn.pack_padded_sequence(states, lengths, batch_first=part.batch_first, enforce_sorted=False)
