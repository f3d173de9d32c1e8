"""The proof of an assignment: what its hidden tests make of every answer one can think of.

For each student the notebook runs from top to bottom with the solutions. At each task the tests must fail for the stub,
pass for the solution, and pass for it in other forms: as lists, as tensors, in float32. Each wrong answer must lose
points with a message that holds its hint; invented and copied ones must earn none. So must what is tried of every
task: values of a wrong type, functions that return one, and functions that return a constant of the right shape.
"""

import contextlib
import io
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib import pyplot as plt

from linearlens.press.chapter.homework import Homework, Task, bound_by

MISREAD = "the answer cannot be read"  # what linearlens.grading says of an error that no test foresaw
ODD: tuple[Any, ...] = (None, "about 3", [], {}, object(), float("nan"), ["a", "b"], (1, "b"), np.zeros((2, 3, 4)))
Names = dict[str, Any]


@dataclass(frozen=True)
class Proved:
    """What came of the proof for one student: seconds of the notebook with solutions and tests, and all faults."""

    student: str
    seconds: float
    faults: tuple[str, ...]


def prove_homework(homework: Homework, student: str, *, solutions_only: bool = False) -> Proved:
    """Run the assignment for one student, and try at each task what could be answered.

    Parameters
    ----------
    homework : Homework
    student : str
        The name that gives the seed.
    solutions_only : bool
        Try the solutions and the stubs, and no other answer: seconds in place of minutes.
    """
    with matplotlib.rc_context():  # an assignment may set a style of figures
        return _proved(homework, student, solutions_only)


def _proved(homework: Homework, student: str, solutions_only: bool) -> Proved:
    names: Names = {"__name__": "__main__"}
    faults: list[str] = []
    seconds = 0.0
    for part in homework.parts:
        task, start = None, time.process_time()
        if part.kind == "student":
            said = _run(f"student = {student!r}", names)
        elif part.kind in ("code", "form"):
            said = _run(part.source, names)
        elif part.kind == "answer":
            task, before = homework.tasks[part.label or ""], dict(names)
            said = _run(task.key.solution, names)
            points, messages = _scores(homework, task, names)
        else:
            continue
        seconds += time.process_time() - start
        if task:
            if points != task.points:
                faults.append(f"{task.label}: the solution earns {points} of {task.points} points: {messages[0]}")
            faults += [f"{task.label}: {fault}" for fault in _faults(homework, task, before, names, solutions_only)]
        if said:
            faults.append(f"{part.label or 'the notebook'}: the {part.kind} {part.source[:40]!r} stops: {said}")
    return Proved(student, seconds, tuple(faults))


def _faults(homework: Homework, task: Task, before: Names, solved: Names, solutions_only: bool) -> Iterator[str]:
    """What tests make of all but the solution, where `before` holds what is bound so far, and `solved` that, too."""

    def score(answer: str) -> tuple[int, list[str]]:
        names = dict(before)
        said = _run(answer, names)
        points, messages = _scores(homework, task, names)
        return points, [said, *messages] if said else messages

    key = task.key
    points, messages = score(task.stub or "")
    if points:
        yield f"the stub earns {points} points"
    yield from (f"the stub meets {said!r}" for said in messages if said.startswith(MISREAD))
    names = dict(before)
    _run(task.stub or "", names)
    forms = [part.source for part in homework.parts if part.label == task.label and part.kind == "form"]
    yield from (f"the form {form!r} lets the stub pass" for form in forms if not _run(form, names))
    if solutions_only:
        return
    for hint, answer in key.wrong:
        points, messages = score(answer)
        if points == task.points or not any(hint in said for said in messages):
            yield f"{_short(answer)} should meet {hint!r}, but earns {points} points: {messages}"
    for hint, answer in (*key.invented, *key.copied):
        points, messages = score(answer)
        if points or not any(hint in said for said in messages):
            yield f"{_short(answer)} should earn nothing and meet {hint!r}, but earns {points} points: {messages}"
    for words, attempt in _attempts(task, solved):
        points, messages = _scores(homework, task, {**solved, **attempt})
        if points:
            yield f"{words} earns {points} points"
        yield from (f"{words} meets {said!r}, no sentence of a test" for said in messages if said.startswith(MISREAD))
    for words, attempt in _right_forms(task, solved):
        points, messages = _scores(homework, task, {**solved, **attempt})
        if points != task.points:
            yield f"the solution {words} earns {points} of {task.points} points: {messages[0]}"


def _scores(homework: Homework, task: Task, names: Names) -> tuple[int, list[str]]:
    """Points that the tests give, and what the others say."""
    points, messages = 0, []
    for test in task.key.scored:
        said = _run(homework.test_code(test), dict(names))
        if said:
            messages.append(said.removeprefix("AssertionError: "))
        else:
            points += test.points
    return points, messages


def _run(code: str, names: Names) -> str:
    """Run code where these names are bound; what it raised, or nothing.

    Output goes nowhere, figures are closed; a warning is no error, as it is none in a notebook.
    """
    quiet = io.StringIO()
    with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            exec(compile(code, "<cell>", "exec"), names)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        finally:
            plt.close("all")
    return ""


def _short(answer: str) -> str:
    return repr(answer if len(answer) < 120 else f"{answer[:117]}…")


def _asked(task: Task, solved: Names) -> Names:
    """What the stub asks for, with the solution's values."""
    return {name: solved[name] for name in sorted(bound_by(task.stub or "")) if name in solved}


def _attempts(task: Task, solved: Names) -> Iterator[tuple[str, Names]]:
    """Answers that must earn nothing, all names of the task at once."""
    asked = {name: value for name, value in _asked(task, solved).items() if not _is_module(value)}
    for odd in ODD:
        yield f"{_said(odd)} in place of the answer", dict.fromkeys(asked, odd)
        functions = {name: _returns(odd) for name, value in asked.items() if callable(value)}
        if functions:
            yield f"a function that returns {_said(odd)}", functions
    for words, change in (("zeros", np.zeros_like), ("ones", np.ones_like)):
        functions = {name: _constant(value, change) for name, value in asked.items() if _is_function(value)}
        if functions:
            yield f"a function that returns {words} of the right shape", functions
        elif all(_is_numeric(value) for value in asked.values()):
            yield f"{words} of the right shape", {name: _mapped(value, change) for name, value in asked.items()}


def _right_forms(task: Task, solved: Names) -> Iterator[tuple[str, Names]]:
    """The solution in other forms."""
    import torch

    def single(value: np.ndarray) -> np.ndarray:
        return value.astype({"f": np.float32, "c": np.complex64}.get(value.dtype.kind, value.dtype))

    asked = {name: value for name, value in _asked(task, solved).items() if not _is_module(value)}
    for words, change in (("as lists", np.ndarray.tolist), ("as tensors", torch.tensor), ("in float32", single)):
        yield (
            words,
            {
                name: _changed(value, change) if _is_function(value) else _mapped(value, change)
                for name, value in asked.items()
            },
        )


def _said(odd: Any) -> str:
    return "an object" if type(odd) is object else "an array of zeros" if isinstance(odd, np.ndarray) else repr(odd)


def _returns(value: Any) -> Callable:
    return lambda *_, **__: value


def _changed(function: Callable, change: Callable) -> Callable:
    """The function with all arrays it returns changed."""
    return lambda *given, **more: _mapped(function(*given, **more), change)


def _constant(function: Callable, change: Callable) -> Callable:
    """The function with all it returns made constant; what is no number becomes None."""

    def blank(value: Any) -> Any:
        if isinstance(value, bool | np.bool_):
            return bool(change(np.array(value)))
        if isinstance(value, tuple | list) and not _is_row(value):
            return type(value)(blank(one) for one in value)
        return _mapped(value, change) if _is_numeric(value) else None

    return lambda *given, **more: blank(function(*given, **more))


def _mapped(value: Any, change: Callable) -> Any:
    """A value with all its arrays and numbers changed; what is neither stays."""
    if isinstance(value, tuple | list) and not _is_row(value):
        return type(value)(_mapped(one, change) for one in value)
    if isinstance(value, dict):
        return {name: _mapped(one, change) for name, one in value.items()}
    if isinstance(value, str | bool) or not _is_numeric(value):
        return value
    return change(np.asarray(value.detach().numpy() if hasattr(value, "detach") else value))


def _is_row(value: Any) -> bool:
    """Whether a list is one of plain numbers."""
    return bool(value) and all(isinstance(one, int | float | complex | np.number) for one in value)


def _is_numeric(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return bool(value) and all(map(_is_numeric, value))
    return isinstance(value, int | float | complex | np.number | np.ndarray) or hasattr(value, "detach")


def _is_function(value: Any) -> bool:
    return callable(value) and not isinstance(value, type)


def _is_module(value: Any) -> bool:
    return type(value).__name__ == "module"
