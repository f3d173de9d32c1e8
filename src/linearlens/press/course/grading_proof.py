"""The proof of an assignment: what its hidden tests make of every answer one can think of.

For each student the notebook runs from top to bottom with the solutions. At each task the tests must fail for the stub,
pass for the solution, and pass for it in other forms: as lists, as tensors, in float32. Each wrong answer must lose
points with a message that holds its hint; invented and copied ones must earn none. So must what is tried of every
task: values of a wrong type, functions that return one, and functions that return a constant of the right shape.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import matplotlib
import numpy as np

from linearlens.press.chapter.attempts import BLIND, FORMS, OTHER_KINDS, Change, answering, has_numbers, mapped
from linearlens.press.chapter.homework import Homework, Task, bound_by
from linearlens.press.chapter.proof import raised

MISREAD = "the answer cannot be read"  # what linearlens.grading says of an error that no test foresaw
ODD: dict[str, Any] = {
    **OTHER_KINDS,
    "None": None,
    "a number and a word": (1, "b"),
    "an array of another shape": np.zeros((2, 3, 4)),
}
CONSTANT = ("zeros", "ones")
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
            said = raised(f"student = {student!r}", names)
        elif part.kind in ("code", "form"):
            said = raised(part.source, names)
        elif part.kind == "answer":
            task, before = homework.tasks[part.label or ""], dict(names)
            said = raised(task.key.solution, names)
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
        said = raised(answer, names)
        points, messages = _scores(homework, task, names)
        return points, [said, *messages] if said else messages

    key = task.key
    points, messages = score(task.stub or "")
    if points:
        yield f"the stub earns {points} points"
    yield from (f"the stub meets {said!r}" for said in messages if said.startswith(MISREAD))
    names = dict(before)
    raised(task.stub or "", names)
    forms = [part.source for part in homework.parts if part.label == task.label and part.kind == "form"]
    yield from (f"the form {form!r} lets the stub pass" for form in forms if not raised(form, names))
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
        said = raised(homework.test_code(test), dict(names))
        if said:
            messages.append(said.removeprefix("AssertionError: "))
        else:
            points += test.points
    return points, messages


def _short(answer: str) -> str:
    return repr(answer if len(answer) < 120 else f"{answer[:117]}…")


def _asked(task: Task, solved: Names) -> Names:
    """What the stub asks for, with the solution's values."""
    found = {name: solved[name] for name in sorted(bound_by(task.stub or "")) if name in solved}
    return {name: value for name, value in found.items() if not isinstance(value, ModuleType)}


def _attempts(task: Task, solved: Names) -> Iterator[tuple[str, Names]]:
    """Answers that must earn nothing, all names of the task at once."""
    asked = _asked(task, solved)
    for words, odd in ODD.items():
        yield f"{words} in place of the answer", dict.fromkeys(asked, odd)
        functions = {name: _returns(odd) for name, value in asked.items() if callable(value)}
        if functions:
            yield f"a function that returns {words}", functions
    for words in CONSTANT:
        change = BLIND[words]
        functions = {name: _constant(value, change) for name, value in asked.items() if _is_function(value)}
        if functions:
            yield f"a function that returns {words} of the right shape", functions
        elif all(map(has_numbers, asked.values())):
            yield f"{words} of the right shape", {name: mapped(value, change) for name, value in asked.items()}


def _right_forms(task: Task, solved: Names) -> Iterator[tuple[str, Names]]:
    """The solution in other forms, of which words and truth values have none."""
    asked = _asked(task, solved)
    for words, change in FORMS.items():
        changes: list[None] = []

        def noted(value: np.ndarray, change: Change = change, changes: list[None] = changes) -> Any:
            changes.append(None)
            return change(value)

        yield (
            f"as {words}",
            {
                name: answering(value, noted) if _is_function(value) else mapped(value, noted)
                for name, value in asked.items()
            },
        )
        if not changes:
            return


def _returns(value: Any) -> Callable:
    return lambda *_, **__: value


def _constant(function: Callable, change: Change) -> Callable:
    """The function with all it returns made constant; what is no number becomes None."""

    def blank(value: Any) -> Any:
        if isinstance(value, tuple | list):
            return type(value)(blank(one) for one in value)
        plain = value.detach().numpy() if hasattr(value, "detach") else value
        if isinstance(plain, bool | np.bool_ | np.ndarray) and np.asarray(plain).dtype == bool:
            return change(np.asarray(plain)).tolist()
        return mapped(value, change) if has_numbers(value) else None

    return lambda *given, **more: blank(function(*given, **more))


def _is_function(value: Any) -> bool:
    return callable(value) and not isinstance(value, type)
