"""What the checks of exercises share: answers in any sensible form are read, all others meet a sentence.

A check begins with these, and then compares plain numbers and arrays: ``moduli = as_array(moduli, shape=(6,))``. A
list, a tuple, a tensor on any device, a table of pandas are arrays; one number may come as any of them. What is none of
these raises an ``AssertionError`` that says what came and what is wanted, as every check does.
"""

import functools
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from numbers import Number
from types import CodeType, ModuleType
from typing import Any

import numpy as np

OWN = (__name__, "linearlens.grading", "linearlens.press.")  # what tries answers is not called by them
SHOWN = 40  # letters of a wrong answer that a message repeats
Shape = tuple[int | None, ...]
Borrowed = str | ModuleType | Callable[..., Any]


def as_number(value: Any, name: str = "the answer") -> Any:
    """One finite number, as a Python number.

    Parameters
    ----------
    value : object
        A number of Python, NumPy or torch, or an array that holds one.
    name : str
        What the message calls it.

    Returns
    -------
    int, float or complex

    Raises
    ------
    AssertionError
        If it is none, or not finite.

    Examples
    --------
    >>> as_number(np.array([0.5]))
    0.5
    """
    assert value is not None, f"put a number in place of None: {name}"
    found, says = _numeric(value), f"{name} should be one number, not {_shown(value)}"
    assert found is not None, says
    assert found.size == 1, says
    one = found.reshape(()).item()
    assert np.isfinite(one), f"{name} should be a finite number, not {one}"
    return one


def as_array(value: Any, name: str = "the answer", *, shape: Shape | None = None, finite: bool = True) -> np.ndarray:
    """An array of numbers.

    Parameters
    ----------
    value : object
        An array, a tensor, a table, or nested lists, tuples of numbers.
    name : str
        What the message calls it.
    shape : tuple of int or None, optional
        What it should be, None where any length is right.
    finite : bool
        Whether infinity and NaN are refused.

    Returns
    -------
    ndarray

    Raises
    ------
    AssertionError
        If it is none, or has another shape.
    """
    assert value is not None, f"put an array in place of None: {name}"
    found = _numeric(value)
    assert found is not None, f"{name} should be an array of numbers, not {_shown(value)}"
    if shape is not None:
        fits = found.ndim == len(shape) and all(m in (None, n) for m, n in zip(shape, found.shape, strict=True))
        wanted = f"({', '.join('any' if n is None else str(n) for n in shape)}{',' * (len(shape) == 1)})"
        assert fits, f"{name} should have the shape {wanted}, not {found.shape}"
    assert not finite or np.isfinite(found).all(), f"{name} should be of finite numbers"
    return found


def as_parts(value: Any, n: int, name: str = "the answer") -> list[Any]:
    """The `n` parts of a tuple, a list or a stack of arrays, as they are.

    Raises
    ------
    AssertionError
        If there is another number of them.
    """
    assert value is not None, f"put {n} things in place of None: {name}"
    try:
        found = None if isinstance(value, str | bytes | dict | set | frozenset) else list(value)
    except TypeError:
        found = None
    assert found is not None, f"{name} should be {n} things, not {_shown(value)}"
    assert len(found) == n, f"{name} should be {n} things, not {len(found)}"
    return found


def as_object(value: Any, *attributes: str, name: str = "the answer") -> Any:
    """An object that has some attributes, such as a fitted operator or a network.

    Raises
    ------
    AssertionError
        If it lacks one.
    """
    lacks = [one for one in attributes if isinstance(value, type) or not hasattr(value, one)]
    assert not lacks, f"{name} should be an object with {lacks[0]}, not {_shown(value)}"
    return value


def as_word(value: Any, words: Sequence[str], name: str = "the answer") -> str:
    """One of some words, in small letters, whatever letters it came in.

    Raises
    ------
    AssertionError
        If it is none of them.
    """
    assert value is not None, f"put a word in place of None: {name}"
    found = value.strip().lower() if isinstance(value, str) else None
    known = {one.lower() for one in words}
    assert found in known, f"{name} should be one of {', '.join(map(repr, words))}, not {_shown(value)}"
    return str(found)


def as_words(value: Any, allowed: Iterable[str] | None = None, name: str = "the answer") -> list[str]:
    """Some words, in the order they came: of a list, a tuple, a set, an array.

    Parameters
    ----------
    value : object
    allowed : iterable of str, optional
        What they are taken from; spaces do not count.
    name : str

    Raises
    ------
    AssertionError
        If there is anything but words, or one that is not allowed.
    """
    assert value is not None, f"put some words in place of None: {name}"
    value = value.tolist() if hasattr(value, "tolist") else value
    listed = isinstance(value, list | tuple | set | frozenset) and all(isinstance(one, str) for one in value)
    assert listed, f"{name} should be a list or a set of words, not {_shown(value)}"
    if allowed is None:
        return list(value)
    spelt = {one.replace(" ", ""): one for one in allowed}
    odd = [one for one in value if one.replace(" ", "") not in spelt]
    assert not odd, f"{name}: spell each as one of {', '.join(map(repr, spelt.values()))}, not {odd[0]!r}"
    return [spelt[one.replace(" ", "")] for one in value]


def as_function(value: Any, name: str = "the answer") -> Callable[..., Any]:
    """What can be called: a function, a method or a class.

    Raises
    ------
    AssertionError
        If it cannot.
    """
    assert value is not None, f"put a function in place of None: {name}"
    assert callable(value), f"{name} should be a function, not {_shown(value)}"
    return value


def returning(
    function: Any,
    form: Callable[..., Any],
    *more: Any,
    without: Sequence[Borrowed] = (),
    name: str = "",
    **options: Any,
) -> Callable[..., Any]:
    """A function of which each result is read by a form: `as_number`, `as_array`, `as_parts`, `as_words`.

    Parameters
    ----------
    function : callable
        What was written for an exercise.
    form : callable
    *more, **options : object
        What the form takes beside the value and its name.
    without : sequence of str, module or callable
        What it must do without; see :func:`by_hand`.
    name : str
        What messages call the function; else its own name.

    Returns
    -------
    callable
    """
    called = name or getattr(function, "__name__", "the answer")
    function = as_function(function, called)

    def read(*arguments: Any, **named: Any) -> Any:
        with by_hand(*without, name=called):
            value = function(*arguments, **named)
        return form(value, *more, name=f"what {called} returns", **options)

    return functools.update_wrapper(read, function, updated=())


@contextmanager
def by_hand(*borrowed: Borrowed, name: str = "this") -> Iterator[None]:
    """Refuse calls of what an exercise asks one to write oneself.

    Parameters
    ----------
    *borrowed : str, module or callable
        Packages, by name or themselves, and functions or classes.
    name : str
        What the message says that calls them.

    Raises
    ------
    AssertionError
        At the end, if anything was called that is defined there; one who catches errors does not catch this.

    Examples
    --------
    >>> import statistics
    >>> with by_hand("statistics"):
    ...     statistics.mean([1, 2])
    Traceback (most recent call last):
    AssertionError: this calls statistics.mean: write it yourself
    """
    packages = tuple(one if isinstance(one, str) else one.__name__ for one in borrowed if _is_package(one))
    codes = {code for one in borrowed if not _is_package(one) for code in _codes(one)}

    called: list[str] = []

    def watch(frame: Any, event: str, _: Any) -> None:
        home, code = frame.f_globals.get("__name__", ""), frame.f_code
        if event != "call" or home.startswith(OWN):
            return
        if any(home == package or home.startswith(f"{package}.") for package in packages):
            called.append(f"{home}.{code.co_name}")
        elif code in codes:
            called.append(code.co_name)

    before = sys.getprofile()
    sys.setprofile(watch if borrowed else before)
    try:
        yield
    finally:
        sys.setprofile(before)
    assert not called, f"{name} calls {called[0]}: write it yourself"


def _is_package(one: Borrowed) -> bool:
    return isinstance(one, str | ModuleType)


def _codes(one: Any) -> Iterator[CodeType]:
    """The code of a function, or of all methods of a class."""
    if isinstance(one, type):
        for method in vars(one).values():
            yield from _codes(getattr(method, "__func__", method))
    else:
        code = getattr(getattr(one, "__wrapped__", one), "__code__", None)
        yield from [code] if code else []


def _numeric(value: Any) -> np.ndarray | None:
    """It as an array of numbers; None if it is no such thing."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    if isinstance(value, str | bytes | dict | set | frozenset) or callable(value):
        return None
    if isinstance(value, list | tuple):
        value = [_numeric(one) for one in value]
        if any(one is None for one in value) or len({one.shape for one in value}) > 1:
            return None
    try:
        found = np.asarray(value)
    except (TypeError, ValueError, RuntimeError):
        return None
    if found.dtype == object and all(isinstance(one, Number) for one in found.flat):
        found = _as_numbers(found)
    return found if found.dtype.kind in "iufc" else None


def _as_numbers(found: np.ndarray) -> np.ndarray:
    """Fractions and the like as floats."""
    try:
        return found.astype(float)
    except (TypeError, ValueError):
        return found.astype(complex)


def _shown(value: Any) -> str:
    """A wrong answer in few words."""
    if callable(value):
        return "a function"
    if hasattr(value, "shape") and math.prod(value.shape) > 1:
        return f"an array of shape {tuple(value.shape)}"
    said = " ".join(repr(value).split())
    return said if len(said) <= SHOWN else f"{said[:SHOWN]}…"
