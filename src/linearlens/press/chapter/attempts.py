"""Answers that nobody wrote, made from the solution of an exercise: what a check must not take, and what it must.

A value is made up in several ways, of the same form; a function answers with made-up values in the place of its own.
A value of another kind must meet a sentence, and the same value as a list, as a tensor or in single precision is right.
"""

import ast
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import numpy as np

Change = Callable[[np.ndarray], Any]
ALIKE = 0.02
PARTS = 4  # of so many or fewer parts each is made up alone

BLIND: dict[str, Change] = {
    "zeros": np.zeros_like,
    "ones": np.ones_like,
    "halves": lambda value: np.full(value.shape, 0.5),
    "tens": lambda value: np.full(value.shape, 10.0),
    "noise": lambda value: np.random.default_rng(0).normal(size=value.shape),
}
NEAR: dict[str, Change] = {"a quarter more": lambda value: 1.25 * value, "a fifth less": lambda value: 0.8 * value}
SINGLE = "single precision"


def _tensor(value: np.ndarray) -> Any:
    import torch

    return torch.tensor(value.copy())  # of an array that is turned round torch takes no other


FORMS: dict[str, Change] = {
    "lists": lambda value: value.tolist(),
    "tensors": _tensor,
    SINGLE: lambda value: value.astype({"f": np.float32, "c": np.complex64}.get(value.dtype.kind, value.dtype)),
}
OTHER_KINDS: dict[str, Any] = {
    "a string": "some words",
    "an empty list": [],
    "a ragged list": [[1.0], [2.0, 3.0]],
    "a list of nothing": [None, None],
    "a dictionary": {"a": None},
    "a type": complex,
    "not a number": float("nan"),
}


@dataclass(frozen=True)
class Attempt:
    """What is bound in place of the solution's own, and what this is called."""

    called: str
    names: Mapping[str, Any]


@dataclass(frozen=True)
class Asked:
    """What an exercise asks for: names of values and of functions, as its solution binds them."""

    values: tuple[str, ...]
    functions: tuple[str, ...]
    solved: Mapping[str, Any]

    @property
    def numbers(self) -> dict[str, Any]:
        """The values that hold numbers."""
        return {name: self.solved[name] for name in self.values if has_numbers(self.solved[name])}


def asked_for(stub: str, blank: Mapping[str, Any], solved: Mapping[str, Any]) -> Asked:
    """What the stub of an exercise leaves open, with what the solution binds."""
    body = ast.parse(stub).body
    assigned = [target for node in body if isinstance(node, ast.Assign) for target in node.targets]
    stored = [node.id for target in assigned for node in ast.walk(target) if isinstance(node, ast.Name)]
    values = [name for name in stored if _is_blank(blank.get(name)) and name in solved]
    functions = [node.name for node in body if isinstance(node, ast.FunctionDef) and node.name in solved]
    functions += [name for name in values if isinstance(solved[name], FunctionType)]
    return Asked(tuple(name for name in values if name not in functions), tuple(functions), solved)


def made_up(asked: Asked, guesses: Set[str], *, only_answer: bool) -> Iterator[Attempt]:
    """Numbers of the right form that somebody made up, but for guesses, which may be anything.

    Unless there is one right answer only, values near it are not tried.
    """
    numbers = {name: value for name, value in asked.numbers.items() if name not in guesses}
    for called, change in {**BLIND, **(NEAR if only_answer else {})}.items():
        made = {name: mapped(value, change) for name, value in numbers.items()}
        made = {name: value for name, value in made.items() if not alike(value, numbers[name])}
        if made:
            yield Attempt(f"{called} for {', '.join(made)}", made)
        if len(numbers) > 1:
            yield from (Attempt(f"{called} for {name}", {name: value}) for name, value in made.items())
        for name in made:
            for part, value in _in_one_part(numbers[name], change):
                yield Attempt(f"{called} for {name}[{part!r}]", {name: value})
    for called, change in BLIND.items():
        for name in asked.functions:
            yield Attempt(f"{called} from {name}", {name: answering(asked.solved[name], change)})


def of_other_kinds(asked: Asked) -> Iterator[Attempt]:
    """Values, and results of functions, of kinds that were not asked for."""
    for called, wrong in OTHER_KINDS.items():
        for name in asked.values:
            yield Attempt(f"{called} for {name}", {name: wrong})
        for name in asked.functions:
            yield Attempt(f"{called} from {name}", {name: lambda *_, wrong=wrong, **__: wrong})
    for name in asked.functions:
        yield Attempt(f"a number for {name}", {name: 0.5})


def in_other_forms(asked: Asked) -> Iterator[Attempt]:
    """The solution as lists, as tensors, in single precision."""
    for called, change in FORMS.items():
        made = {name: mapped(value, change) for name, value in asked.numbers.items()}
        if made:
            yield Attempt(f"{called} for {', '.join(made)}", made)
        for name in asked.functions if called != SINGLE else ():
            yield Attempt(f"{called} from {name}", {name: answering(asked.solved[name], change)})


def has_numbers(value: Any) -> bool:
    """Whether it is a number, an array of numbers, or holds one."""
    if isinstance(value, list | tuple | dict):
        return any(map(has_numbers, value.values() if isinstance(value, dict) else value))
    return _as_array(value) is not None


def mapped(value: Any, change: Change) -> Any:
    """The same with each number and each array of numbers in it changed."""
    if isinstance(value, dict):
        return {key: mapped(one, change) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(mapped(one, change) for one in value) if type(value) in (list, tuple) else value
    found = _as_array(value)
    if found is None:
        return value
    made = change(found)
    return made.item() if isinstance(made, np.ndarray) and not made.ndim and change not in FORMS.values() else made


def answering(function: Callable, change: Change) -> Callable:
    """A function like it whose results have their numbers changed."""

    def answer(*arguments: Any, **named: Any) -> Any:
        return mapped(function(*arguments, **named), change)

    return answer


def alike(made: Any, value: Any) -> bool:
    """Whether all numbers in it are as they were, nearly."""
    if isinstance(value, dict):
        return all(alike(made[key], one) for key, one in value.items())
    if isinstance(value, list | tuple):
        return all(map(alike, made, value))
    found = _as_array(value)
    return found is None or np.allclose(made, found, rtol=ALIKE)


def _in_one_part(value: Any, change: Change) -> Iterator[tuple[Any, Any]]:
    """It with one part of a few changed, and which."""
    if isinstance(value, list | tuple | dict) and 1 < len(value) <= PARTS:
        pairs = list(value.items() if isinstance(value, dict) else enumerate(value))
        for part, one in pairs:
            made = {key: mapped(old, change) if key == part else old for key, old in pairs}
            if not alike(made[part], one):
                yield part, made if isinstance(value, dict) else type(value)(made.values())


def _is_blank(value: Any) -> bool:
    return value is None or (isinstance(value, tuple) and all(item is None for item in value))


def _as_array(value: Any) -> np.ndarray | None:
    """A number, an array or a tensor of numbers as an array; None if it is none."""
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    if not isinstance(value, int | float | complex | np.ndarray | np.number) or isinstance(value, bool):
        return None
    found = np.asarray(value)
    return found if found.dtype.kind in "iufc" and found.size else None
