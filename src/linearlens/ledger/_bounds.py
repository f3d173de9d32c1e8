"""Recorded values, and bounds that they are held against.

A recorded value is a number, a list of numbers (one for each seed or network), or a mapping of names to either;
True and False count as numbers. A bound is a comparison such as ``value <= 1e-10``, ``all(value >= 0.9)`` or
``median(lifted) > median(affine)``.
"""

import ast
import functools
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

Recorded = float | int | bool | list | dict


class LedgerError(ValueError):
    """The ledger, or a value for it, is not well formed."""


def as_recorded(claim: str, value: Any) -> Recorded:
    """The value in plain Python numbers; a LedgerError that names the claim if it is none that can be recorded."""
    if not isinstance(value, Mapping):
        return _plain_list(claim, value)
    if not value or not all(isinstance(name, str) and name.isidentifier() for name in value):
        raise LedgerError(f"{claim}: the names of a mapping must be plain words, got {list(value)}")
    return {name: _plain_list(f"{claim}, {name}", item) for name, item in value.items()}


def _plain_list(claim: str, value: Any) -> Recorded:
    value = value.tolist() if hasattr(value, "tolist") else value  # numpy, torch
    if not isinstance(value, Sequence) or isinstance(value, str):
        return _plain_number(claim, value)
    if not value:
        raise LedgerError(f"{claim}: an empty list was recorded")
    numbers = [_plain_number(claim, item) for item in value]
    if len({isinstance(number, bool) for number in numbers}) > 1:
        raise LedgerError(f"{claim}: a list mixes numbers with True and False")
    return numbers


def _plain_number(claim: str, value: Any) -> float | int | bool:
    value = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(value, bool | int | float):
        return value
    raise LedgerError(f"{claim}: need a number, a list of numbers or a mapping to these, got {type(value).__name__}")


_OPERATORS: dict[type, Callable] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
}
_OF_TRUTHS: dict[str, Callable] = {"all": np.all, "share": np.mean}
_OF_NUMBERS: dict[str, Callable] = {"median": np.median, "min": np.min, "max": np.max, "abs": np.abs}


class _UndefinedError(ArithmeticError):
    """A bound came upon NaN, or divided by zero."""


def bound_holds(bound: str, value: Recorded) -> bool:
    """Whether a recorded value satisfies a bound.

    Parameters
    ----------
    bound : str
        Comparisons, possibly chained or joined by ``and``, of numbers, ``+ - * /``,
        ``median min max all share abs`` and names: ``value`` for a number or a list, otherwise the names of
        the mapping. ``all`` and ``share`` take comparisons or what was recorded as True and False, the
        other functions take numbers; True and False count as 1 and 0 where a number is wanted.
    value : float, list or dict
        As recorded.

    Returns
    -------
    bool
        False also where the bound meets NaN, recorded or arisen on the way, or a quotient that is not finite.

    Raises
    ------
    LedgerError
        If the bound is not such a comparison, names what was not recorded, compares a list without
        saying how its entries count, or joins lists of different lengths; if the value is not one that
        `record` takes.

    Examples
    --------
    >>> bound_holds("value <= 1e-10", 3e-12)
    True
    >>> bound_holds("share(lifted > affine) >= 0.9", {"lifted": [0.9, 0.8], "affine": [0.7, 0.85]})
    False
    """
    return bool(decide_bound(bound, value))


def decide_bound(bound: str, value: Recorded) -> bool | None:
    """As `bound_holds`, but None where NaN or a division by zero leaves it open."""
    tree = parse(bound)
    plain = as_recorded(f"the bound {bound!r}", value)
    recorded = plain if isinstance(plain, dict) else {"value": plain}
    names = {name: np.asarray(item) for name, item in recorded.items()}
    try:
        with np.errstate(all="ignore"):
            result = _evaluate(tree, names, bound)
    except _UndefinedError:
        return None
    if not names_in(tree):
        raise LedgerError(f"the bound {bound!r} names nothing that was recorded")
    if result.ndim or result.dtype != bool:
        raise LedgerError(f"the bound {bound!r} must come to one yes or no; for a list use all(…) or median(…)")
    return bool(result)


def parse(bound: str) -> ast.expr:
    """The bound as a tree; a LedgerError if it is no expression."""
    try:
        return ast.parse(bound, mode="eval").body
    except (SyntaxError, TypeError) as error:  # the latter if it is no text
        raise LedgerError(f"the bound {bound!r} is not a comparison: {getattr(error, 'msg', error)}") from error


def names_in(tree: ast.AST) -> set[str]:
    """What a bound calls by name of what was recorded."""
    functions = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in functions}


def check_bound(bound: str) -> None:
    """Raise a LedgerError for what is wrong with a bound whatever may be recorded."""
    # True suits every bound that some value suits: it may stand for a number and for a comparison.
    decide_bound(bound, dict.fromkeys(names_in(parse(bound)), True) or True)


def _evaluate(node: ast.expr, names: Mapping[str, np.ndarray], bound: str) -> np.ndarray:
    def numbers(*children: ast.expr) -> list[np.ndarray]:
        values = [_evaluate(child, names, bound) for child in children]
        for child, value in zip(children, values, strict=True):
            if value.dtype == bool and not isinstance(child, ast.Name):
                raise LedgerError(f"the bound {bound!r} takes {ast.unparse(child)!r} for a number")
            if np.isnan(value).any():
                raise _UndefinedError
        return _of_one_length([value.astype(float) for value in values], bound)

    def truths(*children: ast.expr) -> list[np.ndarray]:
        values = [_evaluate(child, names, bound) for child in children]
        for child, value in zip(children, values, strict=True):
            if value.dtype != bool:
                raise LedgerError(f"the bound {bound!r} takes {ast.unparse(child)!r} for a comparison")
        return _of_one_length(values, bound)

    result: Any
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            result = number
        case ast.Name(id=name) if name in names:
            result = names[name]
        case ast.Name(id=name):
            raise LedgerError(f"the bound {bound!r} names {name!r}; recorded were {sorted(names)}")
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            result = -numbers(operand)[0]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            result = _OPERATORS[type(op)](*numbers(left, right))
            if isinstance(op, ast.Div) and not np.isfinite(result).all():
                raise _UndefinedError
        case ast.Compare(left=left, ops=ops, comparators=rest) if all(type(op) in _OPERATORS for op in ops):
            sides = numbers(left, *rest)
            pairs = zip(ops, sides[:-1], sides[1:], strict=True)
            result = functools.reduce(np.logical_and, [_OPERATORS[type(op)](a, b) for op, a, b in pairs])
        case ast.BoolOp(op=ast.And(), values=parts):
            result = functools.reduce(np.logical_and, truths(*parts))
        case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in _OF_TRUTHS:
            result = _OF_TRUTHS[name](truths(argument)[0])
        case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in _OF_NUMBERS:
            result = _OF_NUMBERS[name](numbers(argument)[0])
        case _:
            raise LedgerError(f"the bound {bound!r} may not contain {ast.unparse(node)!r}")
    return np.asarray(result)


def _of_one_length(values: list[np.ndarray], bound: str) -> list[np.ndarray]:
    """The values as they came; a number goes with any list, but lists only with lists of their length."""
    lengths = {len(value) for value in values if value.ndim}
    if len(lengths) > 1:
        raise LedgerError(f"the bound {bound!r} joins lists of different lengths: {sorted(lengths)}")
    return values
