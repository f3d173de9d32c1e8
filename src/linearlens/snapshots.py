"""Run a model and collect the states inside it."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

RECURRENT = (nn.RNN, nn.GRU, nn.LSTM)


@torch.no_grad()
def collect_layers(model: nn.Module, inputs: np.ndarray, modules: Sequence[str]) -> np.ndarray:
    """Outputs of the named modules, layer by layer: depth becomes time.

    Parameters
    ----------
    model : nn.Module
        Run once, in eval mode; left in the mode it was in, without hooks.
    inputs : ndarray of shape (n_samples, *input_shape)
    modules : sequence of str
        Names as in ``model.named_modules()``, in the order of the layers. All must give outputs of shape
        ``(n_samples, width)`` with one width.

    Returns
    -------
    ndarray of shape (n_samples, len(modules), width)
        One trajectory a sample.

    Raises
    ------
    ValueError
        If a name does not exist, is reached never or more than once, or the widths differ.
    """
    if isinstance(modules, str) or not modules:
        raise ValueError(f"modules must be a list of one or more names, got {modules!r}")
    with _evaluating(model), _watching(model, modules) as seen:
        model(_as_input(model, inputs))
    states = {name: _only(name, seen[name]).output for name in modules}
    shapes = {name: tuple(state.shape) for name, state in states.items()}
    if len(set(shapes.values())) > 1 or states[modules[0]].ndim != 2:
        raise ValueError(f"all states need one shape (n_samples, width), got {shapes}")
    return np.stack([states[name].numpy(force=True) for name in modules], axis=1)


@torch.no_grad()
def run_from(model: nn.Sequential, start: str, states: np.ndarray) -> np.ndarray:
    """Continue a sequential model after the module `start`, from states put in its output's place.

    Parameters
    ----------
    model : nn.Sequential
        Run in eval mode; left in the mode it was in.
    start : str
        Name of a child; its output is replaced by `states`.
    states : ndarray of shape (n_samples, width)

    Returns
    -------
    ndarray of shape (n_samples, n_outputs)

    Raises
    ------
    ValueError
        If there is no child of that name.
    """
    names = list(model._modules)  # named_children leaves out a module that is used twice
    if start not in names:
        raise ValueError(f"no child named {start!r}; the model has {names}")
    tail = model[names.index(start) + 1 :]
    with _evaluating(model):
        return tail(_as_input(model, states)).numpy(force=True)


@torch.no_grad()
def collect_hidden(
    model: nn.Module,
    *inputs: Any,
    lengths: Sequence[int] | np.ndarray | torch.Tensor | None = None,
    module: str | None = None,
    cell: bool = False,
    initial: bool = False,
) -> list[np.ndarray]:
    """Hidden states of a recurrent model, one trajectory a sequence; padding never enters.

    Parameters
    ----------
    model : nn.Module
        Run once on `inputs`, in eval mode; left in the mode it was in, without hooks.
    *inputs : array or anything the model takes
        numpy arrays become tensors, those of floats with the dtype of the model.
    lengths : sequence of int, optional
        Steps of each sequence before the padding. Not needed where the model packs its sequences itself, or
        where all have one length.
    module : str, optional
        Name of the recurrent part as in ``model.named_modules()``; found by itself if the model has one
        nn.RNN, nn.GRU or nn.LSTM; of several layers in it the states of the last are returned. Any part that
        returns states of shape (n_sequences, n_steps, n_features), or steps first if its ``batch_first`` is
        False, alone or first in a tuple, will do.
    cell : bool
        For an nn.LSTM: states are ``[h, c]`` of all layers, not the outputs ``h`` of the last. It is run once
        more, step by step.
    initial : bool
        Put the state 0, from which the model starts, before the others.

    Returns
    -------
    list of ndarray of shape (n_steps_i, n_features)
        With `initial`, of shape (n_steps_i + 1, n_features).

    Raises
    ------
    ValueError
        If there is no such part or several to choose from, it does not return states of that shape (the
        message names the shapes), is bidirectional, or the lengths do not fit; with `cell` or `initial`, if
        the model starts it from another state than 0.

    Notes
    -----
    For data that do not fit into memory, call it batch by batch and give each result to
    ``Koopman.partial_fit``; see `iterate_hidden`.
    """
    name = module if module is not None else _recurrent_name(model)
    with _evaluating(model):
        with _watching(model, [name]) as seen:
            model(*(_as_input(model, part, whole=True) if isinstance(part, np.ndarray) else part for part in inputs))
        part, label = model.get_submodule(name), name or type(model).__name__
        if getattr(part, "bidirectional", False):
            raise ValueError(
                f"{label} is bidirectional: its states at a step know the future, so they are no trajectory"
            )
        call = _only(label, seen[name])
        moved = isinstance(part, RECURRENT) and call.start is not None and any(map(torch.any, call.start))
        if (cell or initial) and moved:
            raise ValueError(f"the model starts {label} from another state than 0; leave out cell and initial")
        output = _full_state(label, part, call.given) if cell else call.output
    states, packed = _as_batch(label, part, output)
    n_steps = _check_lengths(label, part, states, packed, lengths)
    start = np.zeros((int(initial), states.shape[2]), dtype=states.dtype)
    return [np.concatenate([start, item[:n]]) for item, n in zip(states, n_steps, strict=True)]


def iterate_hidden(model: nn.Module, batches: Iterable[tuple], **options: Any) -> Iterator[list[np.ndarray]]:
    """`collect_hidden` batch by batch, so that only one batch of states is in memory.

    Parameters
    ----------
    model : nn.Module
    batches : iterable of tuple
        Each holds the model's inputs; where a model takes ``(numbers, lengths)``, as
        :class:`linearlens.models.GRUClassifier` does, the lengths are taken from there. Where a second input
        is something else, give ``lengths=None``.
    **options
        Passed on to `collect_hidden`.

    Yields
    ------
    list of ndarray of shape (n_steps_i, n_features)

    Raises
    ------
    ValueError
        If a batch is not a tuple or list of inputs, and as in `collect_hidden`.
    """
    for inputs in batches:
        if not isinstance(inputs, tuple | list):
            raise ValueError(f"a batch is a tuple of the model's inputs, got {type(inputs).__name__}; write (inputs,)")
        found = {"lengths": inputs[1]} if len(inputs) == 2 and "lengths" not in options else {}
        yield collect_hidden(model, *inputs, **found, **options)


class _Call(NamedTuple):
    """One call of a module: its first output, its first input, and the tensors of the state it was started from."""

    output: Any
    given: Any
    start: tuple | None


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Eval mode for a while; then each part is put back into its own mode."""
    training = {part: part.training for part in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for part, mode in training.items():
            part.training = mode


@contextmanager
def _watching(model: nn.Module, names: Sequence[str]) -> Iterator[dict[str, list[_Call]]]:
    """The calls of the named modules while the model runs."""
    available = dict(model.named_modules(remove_duplicate=False))
    missing = [name for name in names if name not in available]
    if missing:
        raise ValueError(f"no module named {missing}; the model has {[name for name in available if name]}")
    seen: dict[str, list[_Call]] = {name: [] for name in names}

    def keep(name: str) -> Any:
        def hook(_module: nn.Module, args: tuple, named: dict, output: Any) -> None:
            given = args[0] if args else named.get("input")
            start = args[1] if len(args) > 1 else named.get("hx")
            output = output[0] if type(output) is tuple else output
            if isinstance(output, torch.Tensor):
                output = output.clone()  # an activation in place would write over it
            seen[name].append(_Call(output, given, (start,) if isinstance(start, torch.Tensor) else start))

        return hook

    handles = [available[name].register_forward_hook(keep(name), with_kwargs=True) for name in names]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def _only(name: str, calls: list[_Call]) -> _Call:
    if len(calls) != 1:
        times = "never" if not calls else f"{len(calls)} times"
        raise ValueError(f"the model's forward reached {name} {times}; its states are wanted once a run")
    return calls[0]


def _as_input(model: nn.Module, array: np.ndarray, *, whole: bool = False) -> torch.Tensor:
    """A copy in the dtype of the model, which may write to it; `whole` numbers, if asked for, stay what they are."""
    like = next(model.parameters(), torch.empty(0))
    array = np.asarray(array)
    return torch.tensor(array, dtype=None if whole and array.dtype.kind in "iub" else like.dtype, device=like.device)


def _recurrent_name(model: nn.Module) -> str:
    names = [name for name, part in model.named_modules() if isinstance(part, RECURRENT)]
    if len(names) != 1:
        found = f"has several: {names}" if names else "has no nn.RNN, nn.GRU or nn.LSTM"
        parts = [name for name, _ in model.named_modules() if name]
        raise ValueError(f"the model {found}; say which part returns the states with module=…, one of {parts}")
    return names[0]


def _as_batch(name: str, part: nn.Module, output: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """States as (n_sequences, n_steps, n_features), and the lengths if they were packed."""
    if isinstance(output, PackedSequence):
        padded, n_steps = pad_packed_sequence(output, batch_first=True)
        return padded.numpy(force=True), n_steps.numpy()
    if not isinstance(output, torch.Tensor) or output.ndim != 3:
        came = f"shape {tuple(output.shape)}" if isinstance(output, torch.Tensor) else type(output).__name__
        raise ValueError(f"{name} must return states of shape (n_sequences, n_steps, n_features), got {came}")
    return (output if getattr(part, "batch_first", True) else output.transpose(0, 1)).numpy(force=True), None


def _check_lengths(
    name: str, part: nn.Module, states: np.ndarray, packed: np.ndarray | None, lengths: Any
) -> np.ndarray:
    n_sequences, longest, _ = states.shape
    if lengths is None:
        return np.full(n_sequences, longest) if packed is None else packed
    lengths = np.asarray(lengths)
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
    if packed is not None and (lengths != packed).any():
        raise ValueError(f"{name} packed sequences of lengths {packed.tolist()}, but lengths={lengths.tolist()} came")
    return lengths


def _full_state(name: str, part: nn.Module, given: Any) -> torch.Tensor | PackedSequence:
    """``[h, c]`` of an LSTM after every step, in the layout of its outputs."""
    if not isinstance(part, nn.LSTM):
        raise ValueError(f"cell=True needs an nn.LSTM, but {name} is of type {type(part).__name__}")
    if isinstance(given, PackedSequence):
        padded, lengths = pad_packed_sequence(given, batch_first=part.batch_first)
        states = _full_state(name, part, padded)
        assert isinstance(states, torch.Tensor)
        return nn.utils.rnn.pack_padded_sequence(states, lengths, batch_first=part.batch_first, enforce_sorted=False)
    time = 1 if part.batch_first else 0
    state, after = None, []
    for step in given.split(1, dim=time):
        _, state = part(step, state)
        after.append(torch.cat([*state[0], *state[1]], dim=1))
    return torch.stack(after, dim=time)
