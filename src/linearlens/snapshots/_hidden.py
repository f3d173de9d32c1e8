"""States of sequence models, one trajectory a sequence."""

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from linearlens.snapshots._recurrent import DIRECTIONS, Wanted, check_steps, find_recurrent, says_batch_first, states_of
from linearlens.snapshots.running import as_inputs, running, split_name, to_array, watching

SIDES = ("right", "left")


@torch.no_grad()
def collect_hidden(
    model: nn.Module,
    *inputs: Any,
    lengths: Sequence[int] | np.ndarray | torch.Tensor | None = None,
    module: str | None = None,
    full: bool = False,
    initial: bool = False,
    direction: str | None = None,
    batch_first: bool | None = None,
    padding: str = "right",
) -> list[np.ndarray]:
    """Hidden states of a sequence model, one trajectory a sequence; padding never enters.

    Parameters
    ----------
    model : nn.Module
        Run once on `inputs`, in eval mode; left in the mode it was in, without hooks.
    *inputs : array or anything the model takes
        Arrays become tensors, those of floats with the dtype of the model. A mapping is given by name, as tokenizers
        make it; where it holds an ``attention_mask``, states are taken where that is 1. A list of sequences of
        different lengths is run in batches of one length, so nothing is padded; sequences come first in a batch
        unless the part says otherwise.
    lengths : sequence of int, optional
        Steps of each sequence without the padding. Not needed where the model packs its sequences itself, or
        where all have one length.
    module : str, optional
        Name of the part as in ``model.named_modules()``; found by itself if the model has one nn.RNN, nn.GRU or
        nn.LSTM, or else one cell. Any part will do that returns states of three axes, alone, first in a tuple or as
        ``last_hidden_state``, or one state (n_sequences, n_features) each time it is run. Of a part that is run
        several times, on other sequences, ``"name#2"`` is the second run.
    full : bool
        The full state, which follows from the one before and the input alone: ``h`` of all layers, of an LSTM
        ``[h, c]``, in place of ``h`` of the last layer. An nn.RNN, nn.GRU or nn.LSTM is run once more, step by step.
    initial : bool
        Put the state from which the part starts before the others: what the model gives it, or 0.
    direction : {"forward", "backward"}, optional
        Of a bidirectional layer, which must be a single one; "backward" comes in the order in which it reads.
    batch_first : bool, optional
        Whether sequences come before steps in what the part returns. Needed if neither it nor the attention in it
        has an attribute of that name: nothing is guessed.
    padding : {"right", "left"}
        Where the steps beyond `lengths` stand.

    Returns
    -------
    list of ndarray of shape (n_steps_i, n_features)
        With `initial`, of shape (n_steps_i + 1, n_features). Half precision comes as float32.

    Raises
    ------
    ValueError
        If there is no such part or several to choose from, it does not return states of that shape (the
        message names the shapes), is bidirectional, or the lengths do not fit.

    Notes
    -----
    For data that do not fit into memory, call it batch by batch and give each result to
    ``Koopman.partial_fit``; see `iterate_hidden`.
    """
    if padding not in SIDES or direction not in (None, *DIRECTIONS):
        raise ValueError(f"padding is one of {SIDES}, direction of {DIRECTIONS}, got {padding!r} and {direction!r}")
    name = module if module is not None else find_recurrent(model)
    options: dict[str, Any] = {
        "full": full, "initial": initial, "direction": direction, "batch_first": batch_first, "padding": padding,
    }  # fmt: skip
    if len(inputs) == 1 and _is_ragged(inputs[0]):
        if lengths is not None:
            raise ValueError("a list of sequences says how long they are; leave out lengths")
        return _by_length(model, inputs[0], name, options)

    part, number = split_name(model, name)
    label = name or type(model).__name__
    given = as_inputs(model, inputs[0] if len(inputs) == 1 and isinstance(inputs[0], Mapping) else inputs)
    with running(model):
        with watching(model, [name]) as seen:
            model(*given.args, **given.named)
        found = states_of(label, part, seen[name], Wanted(full, direction, batch_first))
    n_sequences, longest, _ = found.states.shape
    keep = torch.ones((n_sequences, longest), dtype=torch.bool)
    mask = given.named.get("attention_mask")
    if lengths is not None:
        counted = _check_lengths(label, part, (n_sequences, longest), lengths)
        keep = torch.arange(longest) < torch.as_tensor(counted)[:, None]
    elif found.packed is None and mask is not None:
        keep = _kept(label, mask, keep)
    if found.packed is not None:
        packed = torch.arange(longest) < found.packed[:, None]
        if lengths is not None and (packed != keep).any():
            raise ValueError(
                f"{label} packed sequences of lengths {found.packed.tolist()}, but lengths={counted.tolist()} came"
            )
        keep = packed
    elif padding == "left" and lengths is not None:
        keep = keep.flip(1)
    if direction == "backward" and found.packed is None and not keep.all():
        raise ValueError(f"the backward direction of {label} reads the padding first; pack the sequences")
    if number is None:
        check_steps(label, part, seen[name], keep)
    states, before = to_array(found.states), to_array(found.before)[:, None]
    taken = zip(before[:, : int(initial)], states, keep.numpy(), strict=True)
    return [np.concatenate([first, item[steps]]) for first, item, steps in taken]


def iterate_hidden(
    model: nn.Module, batches: Iterable[Any], *, lengths: int | str | None = "lengths", **options: Any
) -> Iterator[list[np.ndarray]]:
    """`collect_hidden` batch by batch, so that only one batch of states is in memory.

    Parameters
    ----------
    model : nn.Module
    batches : iterable of tuple, or of mapping
        Each holds the model's inputs, in order or by name.
    lengths : int, str or None
        Which of them are the lengths of the sequences: its place in the tuple, or its name in the model's `forward`
        or in the mapping. None says that there are none.
    **options
        Passed on to `collect_hidden`.

    Yields
    ------
    list of ndarray of shape (n_steps_i, n_features)

    Raises
    ------
    ValueError
        If a batch is neither a tuple nor a list nor a mapping, or holds several inputs of which none is called
        lengths, such as labels: say ``lengths=None``; and as in `collect_hidden`.
    """
    for inputs in batches:
        if not isinstance(inputs, tuple | list | Mapping):
            raise ValueError(f"a batch is a tuple of the model's inputs, got {type(inputs).__name__}; write (inputs,)")
        given = (inputs,) if isinstance(inputs, Mapping) else tuple(inputs)
        yield collect_hidden(model, *given, lengths=_lengths_in(model, inputs, lengths), **options)


def _lengths_in(model: nn.Module, inputs: Any, which: int | str | None) -> Any:
    if not isinstance(which, str | int | None):
        raise ValueError(f"lengths says which input holds them, by its name or place, or None, got {which}")
    if which is None or isinstance(which, int):
        return None if which is None else inputs[which]
    if isinstance(inputs, Mapping):
        return inputs.get(which)
    names = list(inspect.signature(model.forward).parameters)
    if which in names[: len(inputs)]:
        return inputs[names.index(which)]
    if len(inputs) > 1:
        raise ValueError(
            f"a batch of {len(inputs)} inputs came, but none of them is called {which!r} in the model's "
            f"forward({', '.join(names)}); say lengths=None if there are none, or lengths=1 if the second is that; "
            "labels that the model does not take must be left out of the batch"
        )
    return None


def _is_ragged(inputs: Any) -> bool:
    """A list of sequences, one array each; an object array of them, too."""
    if isinstance(inputs, np.ndarray):
        return inputs.dtype == object
    return isinstance(inputs, list) and len(inputs) > 0 and all(np.ndim(item) > 0 for item in inputs)


def _by_length(model: nn.Module, sequences: Any, name: str, options: dict[str, Any]) -> list[np.ndarray]:
    arrays = [np.asarray(item) for item in sequences]
    said = says_batch_first(split_name(model, name)[0]) if options["batch_first"] is None else options["batch_first"]
    first = said is not False  # sequences come first wherever nobody says otherwise
    found: list[np.ndarray] = [np.empty(0)] * len(arrays)
    for length in sorted({len(item) for item in arrays}):
        places = [place for place, item in enumerate(arrays) if len(item) == length]
        batch = np.stack([arrays[place] for place in places], axis=0 if first else 1)
        states = collect_hidden(model, batch, lengths=[length] * len(places), module=name, **options)
        for place, item in zip(places, states, strict=True):
            found[place] = item
    return found


def _kept(name: str, mask: torch.Tensor, keep: torch.Tensor) -> torch.Tensor:
    mask = mask.cpu() != 0
    if mask.shape != keep.shape or (mask.diff(dim=1).sum(dim=1) > 1).any() or not mask.any(dim=1).all():
        # One change at most: what is kept stands in one piece at the left or at the right.
        raise ValueError(
            f"the attention_mask of shape {tuple(mask.shape)} must mark one piece of each of the {len(keep)} sequences "
            f"of {keep.shape[1]} steps of {name}, at its beginning or end; give lengths"
        )
    return mask


def _check_lengths(name: str, part: nn.Module, shape: tuple[int, int], lengths: Any) -> np.ndarray:
    n_sequences, longest = shape
    lengths = lengths.numpy(force=True) if isinstance(lengths, torch.Tensor) else np.asarray(lengths)
    if not np.issubdtype(lengths.dtype, np.integer):
        raise ValueError(f"lengths must be whole numbers, got {lengths.dtype}")
    if lengths.shape != (n_sequences,):
        layout = getattr(part, "batch_first", None)
        hint = "" if layout is None else f", since batch_first={layout}; is the batch in the other place?"
        raise ValueError(
            f"lengths of shape {lengths.shape} came, but the states of {name} were read as "
            f"{n_sequences} sequences of {longest} steps{hint}"
        )
    for number, length in enumerate(lengths):
        if not 1 <= length <= longest:
            raise ValueError(f"sequence {number} has length {length}; it must be between 1 and {longest}")
    return lengths
