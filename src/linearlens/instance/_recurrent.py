"""Recurrent cells, and recurrent layers unrolled into them."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from linearlens.instance._record import Recorder, Rule

# Takes the recorder, what the input adds at this step, the state, and the recurrent weight and bias; gives the state.
Cell = Callable[..., tuple[Tensor, ...]]


def gru(rec: Recorder, now: Tensor, state: tuple[Tensor], w_h: Tensor, b_h: Tensor | None) -> tuple[Tensor]:
    """Both gates are frozen, the candidate and the old state stay live."""
    (h,) = state
    x_r, x_z, x_n = now.chunk(3, -1)
    h_r, h_z, h_n = F.linear(h, w_h, b_h).chunk(3, -1)
    r, z = (_held(rec, torch.sigmoid(gate)) for gate in (x_r + h_r, x_z + h_z))
    n = torch.tanh(x_n + r * h_n)
    return ((1 - z) * n + z * h,)


def lstm(
    rec: Recorder,
    now: Tensor,
    state: tuple[Tensor, Tensor],
    w_h: Tensor,
    b_h: Tensor | None,
    w_out: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """All three gates are frozen, the candidate and the old cell stay live."""
    h, c = state
    i, f, g, o = (now + F.linear(h, w_h, b_h)).chunk(4, -1)
    i, f, o = (_held(rec, torch.sigmoid(gate)) for gate in (i, f, o))
    c = f * c + i * torch.tanh(g)
    h = o * torch.tanh(c)
    return (h if w_out is None else F.linear(h, w_out)), c


def _held(rec: Recorder, gate: Tensor) -> Tensor:
    """Frozen also where it meets a constant, as at the first step of a recurrent network."""
    return gate.detach()


def plain(activation: Callable) -> Cell:
    """A cell with one activation and no gates."""

    def cell(rec: Recorder, now: Tensor, state: tuple[Tensor], w_h: Tensor, b_h: Tensor | None) -> tuple[Tensor]:
        return (activation(now + F.linear(state[0], w_h, b_h)),)

    return cell


def one_step(cell: Cell) -> Rule:
    """The rule of a cell that is called by itself."""

    def rule(
        rec: Recorder,
        func: Any,
        x: Tensor,
        state: Any,
        w_x: Tensor,
        w_h: Tensor,
        b_x: Tensor | None = None,
        b_h: Tensor | None = None,
    ) -> Any:
        with rec:
            after = cell(rec, F.linear(x, w_x, b_x), (state,) if isinstance(state, Tensor) else state, w_h, b_h)
        return after[0] if isinstance(state, Tensor) else after

    return rule


def unrolled(cell: Cell) -> Rule:
    """The rule of a whole layer: its cell step by step, direction by direction, layer by layer."""

    def rule(
        rec: Recorder,
        func: Any,
        x: Tensor,
        start: Any,
        weights: Sequence[Tensor],
        has_biases: bool,
        n_layers: int,
        dropout: float,
        train: bool,
        bidirectional: bool,
        batch_first: bool = False,
    ) -> tuple[Tensor, ...]:
        if not isinstance(has_biases, bool):  # then these are the arguments for a packed sequence
            rec.refuse(func.__name__, "of a packed sequence cannot be linearized; pad it, or linearize text by text")
        n_directions = 1 + bidirectional
        per_direction = len(weights) // (n_layers * n_directions)
        starts = (start,) if isinstance(start, Tensor) else start
        lasts = []
        with rec:
            x = x.transpose(0, 1) if batch_first else x
            for layer in range(n_layers):
                both = []
                for direction in range(n_directions):
                    number = layer * n_directions + direction
                    w_x, w_h, *rest = weights[number * per_direction : (number + 1) * per_direction]
                    b_x, b_h = rest[:2] if has_biases else (None, None)
                    state = tuple(part[number] for part in starts)
                    states = []
                    now = F.linear(x, w_x, b_x).unbind(0)
                    for at_once in reversed(now) if direction else now:
                        state = cell(rec, at_once, state, w_h, b_h, *rest[2 * has_biases :])
                        states.append(state[0])
                    both.append(torch.stack(states[::-1] if direction else states))
                    lasts.append(state)
                x = torch.cat(both, -1) if bidirectional else both[0]
                if dropout and train and layer < n_layers - 1:
                    x = torch.dropout(x, dropout, True)
            x = x.transpose(0, 1) if batch_first else x
            return x, *(torch.stack(parts) for parts in zip(*lasts, strict=True))

    return rule


CELLS: dict[str, Cell] = {"gru": gru, "lstm": lstm, "rnn_tanh": plain(torch.tanh), "rnn_relu": plain(torch.relu)}
RULES: dict[str, Rule] = {
    **{name: unrolled(cell) for name, cell in CELLS.items()},
    **{f"{name}_cell": one_step(cell) for name, cell in CELLS.items()},
}
