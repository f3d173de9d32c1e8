"""What hidden tests of assignments need: work called and read with a word on what is wrong, whatever it is.

A student's name gives the seed of the data, so that no two have the same numbers; a test computes what is right from
the seed, accepts any form of it (lists, arrays, tensors, tables), and refuses what others wrote.
"""

import copy
import os
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from linearlens.exercises import Shape, as_array, as_function, as_parts, by_hand

FORBIDDEN = ("linearlens", "pydmd", "captum", "deeptime")
HANDED_IN = ("autograded", "submitted")  # folders of nbgrader, in which each student has one


def seed_of(student: str) -> int:
    """The seed that a name gives, the same on every machine.

    Examples
    --------
    >>> seed_of("ada"), seed_of("Ada")
    (2372962152, 3040723336)
    """
    return zlib.crc32(student.encode())


def student_of(student: Any, folder: str | Path | None = None) -> str:
    """The name in a notebook, if it is that of whoever handed it in.

    Parameters
    ----------
    student : str
        What the notebook says.
    folder : str or Path, optional
        Where the notebook runs; by default where this process began. In a folder of nbgrader,
        ``autograded/NAME/ASSIGNMENT``, the name must be that one.

    Raises
    ------
    AssertionError
        If the notebook says none, or another.
    """
    named = isinstance(student, str) and bool(student.strip())
    assert named, 'the notebook says no name: write yours into student = ""'
    parts = Path(folder or _start()).parts
    if len(parts) > 2 and parts[-3] in HANDED_IN:
        owner = parts[-2]
        assert str.__eq__(student, owner), f"not the student's seed: the notebook says {student!r}, not {owner!r}"
    return student


def _start() -> str:
    """Where the kernel began: the notebook may have gone elsewhere since."""
    shell = sys.modules.get("IPython")
    running = shell.get_ipython() if shell else None
    return getattr(running, "starting_dir", None) or os.getcwd()


def call(function: Any, *arguments: Any, name: str = "", forbidden: tuple[str, ...] = FORBIDDEN, **more: Any) -> Any:
    """What a student's function returns for copies of the arguments.

    Parameters
    ----------
    function : callable
    *arguments, **more
        Handed on as copies, so that the work on one test cannot spoil the next.
    name : str
        What to call it in messages; by default its own name.
    forbidden : tuple of str
        Packages it may not call, itself or through others: they would do the task in its place.

    Raises
    ------
    AssertionError
        If it is no function, stops with an error, returns nothing or calls what it may not; the message says so.
    """
    name = name or getattr(function, "__name__", "the answer")
    function = as_function(function, name)
    with by_hand(*forbidden, name=name):
        try:
            value = function(*copy.deepcopy(arguments), **copy.deepcopy(more))
        except Exception as error:
            raise AssertionError(f"{name} stops with {type(error).__name__}: {error}") from None
    assert value is not None, f"{name} returns nothing"
    return value


def numbers(value: Any, shape: Shape | None = None, *, name: str = "the answer", kind: type = float) -> Any:
    """A student's numbers as an array of float64 (or complex128), in whatever form they come.

    Parameters
    ----------
    value, shape, name
        As :func:`linearlens.exercises.as_array` takes them; truth values, too, which count as 1 and 0.
    kind : type
        float, complex or int.

    Raises
    ------
    AssertionError
        If it holds anything but finite numbers of that kind, or has another shape; the message says what came.

    Examples
    --------
    >>> numbers([1, 2.5], (2,)).tolist()
    [1.0, 2.5]
    """
    found = as_array(_counted(value), name, shape=shape).astype(complex)
    if kind is complex:
        return found
    assert np.all(found.imag == 0), f"{name} should be real numbers"
    real = found.real.copy()
    if kind is int:
        assert np.all(real == np.round(real)), f"{name} should be whole numbers"
        return real.astype(int)
    return real


several = as_parts


def _counted(value: Any) -> Any:
    """Truth values, and numbers among them, as numbers; all else as it is."""
    try:
        found = np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)
    except (TypeError, ValueError, RuntimeError):
        return value
    return found.astype(int) if found.dtype == bool else found if found.dtype.kind in "iufc" else value


def checked(test: Callable[[], None]) -> None:
    """Run a test; whatever it stops with becomes an AssertionError of one sentence.

    Raises
    ------
    AssertionError
    """
    try:
        test()
    except AssertionError as error:
        raise AssertionError(str(error) or "this is not what was asked for") from None
    except NameError as error:
        raise AssertionError(f"{error.name} is not there: its cell did not run, or stopped with an error") from None
    except Exception as error:
        raise AssertionError(f"the answer cannot be read: {type(error).__name__}: {error}") from None
