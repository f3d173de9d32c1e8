"""Exercises: one cell of a notebook holds the stub, a solution, the check, and typical wrong answers.

The cell has the tag ``exercise`` and stands after the ``{exercise}`` that asks the question. Its parts begin with lines
of their own::

    # stub
    n_observables = None
    # solution
    n_observables = 8 + 6 + 1
    # check
    assert n_observables is not None, "put a number in place of None"
    assert n_observables != 14, "the constant is an observable, too"
    assert n_observables == 15, "count the state, the output of the layer, and the constant"
    # wrong: the constant
    n_observables = 8 + 6
    # wrong: count the state
    n_observables = 6

Readers get the stub with the check, and the solution folded away. The quick run of a chapter proves each exercise where
its names are at hand: the check fails for the stub, passes for the solution, and fails for each wrong answer with a
message that contains the words written beside it.
"""

import contextlib
import io
import re
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import nbformat
from IPython.display import display

from linearlens.press.chapter.errors import PressError
from linearlens.press.chapter.notebooks import is_exercise

MIME = "application/vnd.linearlens.proof+json"
PART = re.compile(r"^# (stub|solution|check|wrong: .+)\n", re.M)
LABEL = re.compile(r"\{exercise[\w-]*\}.*?^:label: (\S+)$", re.S | re.M)
LEAST_WRONG = 2


@dataclass(frozen=True)
class Exercise:
    """One exercise; each wrong answer is code, with words of the message it should meet."""

    label: str
    stub: str
    solution: str
    check: str
    wrong: tuple[tuple[str, str], ...]

    @property
    def task(self) -> str:
        """What a reader finds: the stub and the check."""
        return f"{self.stub}\n\n# The check:\n{self.check}"


def exercises_of(notebook: nbformat.NotebookNode) -> list[Exercise]:
    """The exercises of a chapter, in order.

    Raises
    ------
    PressError
        If a part is missing or there twice, fewer than two wrong answers stand beside an exercise, or no
        ``{exercise}`` with a label comes before it.
    """
    label, found = None, []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            label = next(iter(LABEL.findall(cell.source)[-1:]), label)
        elif is_exercise(cell):
            found.append(_parse(label, cell.source))
            label = None
    return found


def _parse(label: str | None, source: str) -> Exercise:
    if label is None:
        raise PressError(f"an exercise has no {{exercise}} with a :label: before it: {source[:60]!r}")
    start, *rest = PART.split(source)
    heads, bodies = rest[::2], [body.strip() for body in rest[1::2]]
    parts = {head: body for head, body in zip(heads, bodies, strict=True) if not head.startswith("wrong")}
    wrong = [(head.removeprefix("wrong: "), body) for head, body in zip(heads, bodies, strict=True) if head[0] == "w"]
    if sorted(head for head in heads if head[0] != "w") != ["check", "solution", "stub"] or start.strip():
        raise PressError(f"exercise {label} needs one part each of # stub, # solution, # check, and nothing before")
    if len(wrong) < LEAST_WRONG:
        raise PressError(f"exercise {label} needs {LEAST_WRONG} wrong answers or more, got {len(wrong)}")
    return Exercise(label, parts["stub"], parts["solution"], parts["check"], tuple(wrong))


# In the kernel of a chapter.


def proof_cell(exercises: list[Exercise]) -> nbformat.NotebookNode:
    """A cell of code that proves them where the names of the chapter are at hand."""
    answers = [asdict(one) for one in exercises]
    code = f"from linearlens.press.chapter.exercises import prove\nprove(globals(), {answers!r})"
    return nbformat.v4.new_code_cell(code, metadata={"tags": ["proof"]})


def prove(names: Mapping[str, Any], exercises: list[dict[str, Any]]) -> None:
    """Try stub, solution and wrong answers of each exercise, each in a copy of `names`, and display what came."""
    start = time.process_time()
    faults = {one["label"]: _faults(names, one) for one in exercises}
    display({MIME: {"faults": faults, "seconds": time.process_time() - start}}, raw=True)


def _faults(names: Mapping[str, Any], one: dict[str, Any]) -> list[str]:
    def meets(answer: str) -> str | None:
        return _failure(names, f"{answer}\n{one['check']}")

    faults = []
    if not (said := meets(one["stub"])) or not said.startswith("AssertionError: "):
        faults.append(f"the stub should fail with a message, but {said or 'passes'}")
    if said := meets(one["solution"]):
        faults.append(f"the solution fails: {said}")
    for hint, answer in one["wrong"]:
        if not (said := meets(answer)) or hint not in said:
            faults.append(f"{answer!r} should meet {hint!r}, but {said or 'passes'}")
    return faults


def _failure(names: Mapping[str, Any], code: str) -> str | None:
    """What the code raised; its output goes nowhere."""
    quiet = io.StringIO()
    with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
        try:
            exec(compile(code, "<exercise>", "exec"), dict(names))
        except Exception as error:
            return f"{type(error).__name__}: {error}"
    return None


def proof_of(notebook: nbformat.NotebookNode) -> dict[str, Any]:
    """What the proof cell displayed; the cell is taken out of the notebook."""
    proof: dict[str, Any] = {"faults": {}, "seconds": 0.0}
    for cell in [cell for cell in notebook.cells if "proof" in cell.metadata.get("tags", [])]:
        notebook.cells.remove(cell)
        proof = next(output.data[MIME] for output in cell.outputs if MIME in output.get("data", {}))
    return proof


# For readers.


def as_tasks(notebook: nbformat.NotebookNode, *, solutions: bool) -> nbformat.NotebookNode:
    """The notebook with stub and check in place of each exercise, changed in place.

    Parameters
    ----------
    notebook : NotebookNode
    solutions : bool
        Put the code of each solution into the ``{solution}`` that tells it; without, take these out.

    Returns
    -------
    NotebookNode
    """
    exercises = exercises_of(notebook)
    cells = [cell for cell in notebook.cells if is_exercise(cell)]
    for cell, exercise in zip(cells, exercises, strict=True):
        cell.source = exercise.task
        cell.metadata["tags"] = sorted({*cell.metadata.tags, "raises-exception"})
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for one in exercises:
                cell.source = _told(cell.source, one, solutions)
    return notebook


def _told(text: str, one: Exercise, solutions: bool) -> str:
    """The text with the code at the end of the ``{solution}`` of an exercise, or without the latter."""

    def with_code(match: re.Match) -> str:
        return f"{match['told']}\n\n```python\n{one.solution}\n```\n{match['fence']}" if solutions else ""

    directive = rf"^(?P<told>(?P<fence>`{{4,}})\{{solution\}} {re.escape(one.label)}\n.*?)\n(?P=fence)$"
    return re.sub(directive, with_code, text, flags=re.S | re.M)
