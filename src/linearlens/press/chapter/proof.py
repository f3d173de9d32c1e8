"""The proof of exercises, in the kernel of their chapter: which answers a check lets pass, and what it says of others.

A check stands where readers see it, and whoever reads all of it can answer to suit it. What it must not do is take a
number that somebody made up: where what is asked for consists of numbers, such an answer is tried, too.
"""

import ast
import contextlib
import io
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from linearlens.press.chapter.exercises import Exercise

MIME = "application/vnd.linearlens.proof+json"
Names = Mapping[str, Any]


def proof_cell(exercises: "list[Exercise]") -> "NotebookNode":
    """A cell of code that proves them where the names of the chapter are at hand."""
    import nbformat

    given = [asdict(one) for one in exercises]
    code = f"from linearlens.press.chapter.proof import prove\nprove(globals(), {given!r})"
    return nbformat.v4.new_code_cell(code, metadata={"tags": ["proof"]})


def proof_of(notebook: "NotebookNode") -> dict[str, Any]:
    """What the proof cell displayed; the cell is taken out of the notebook."""
    proof: dict[str, Any] = {"faults": {}, "seconds": 0.0}
    for cell in [cell for cell in notebook.cells if "proof" in cell.metadata.get("tags", [])]:
        notebook.cells.remove(cell)
        proof = next(output.data[MIME] for output in cell.outputs if MIME in output.get("data", {}))
    return proof


def prove(names: Names, exercises: list[dict[str, Any]]) -> None:
    """Try all answers of each exercise, each in a copy of `names`, and display what came."""
    from IPython.display import display

    start = time.process_time()
    faults = {one["label"]: faults_of(names, one) for one in exercises}
    display({MIME: {"faults": faults, "seconds": time.process_time() - start}}, raw=True)


def faults_of(names: Names, one: Mapping[str, Any]) -> list[str]:
    """What is wrong with an exercise, given as a mapping; nothing if each answer meets what it should.

    Parameters
    ----------
    names : mapping of str to object
        What the chapter has bound; it stays as it is.
    one : mapping
        The fields of :class:`linearlens.press.chapter.exercises.Exercise`.
    """
    answers, faults = one["answers"], []
    blank, said = _run(names, one["stub"], one["check"])
    if not said.startswith("AssertionError: "):
        faults.append(f"the stub should fail with a message, but {said or 'passes'}")
    solved, said = _run(names, answers["solution"], one["check"])
    if said:
        faults.append(f"the solution fails: {said}")
    for hint, answer in [*answers["wrong"], *answers["invented"]]:
        _, said = _run(names, answer, one["check"])
        if hint not in said:
            faults.append(f"{answer!r} should meet {hint!r}, but {said or 'passes'}")
    asked = [name for name in _bound_by(one["stub"]) if _is_blank(blank.get(name))]
    numbers = [name for name in asked if _is_number(solved.get(name))]
    if numbers and not answers["invented"]:
        faults.append(f"{numbers[0]} is made of numbers: add an answer '# %% invented: HINT'")
    return faults


def _run(names: Names, answer: str, check: str) -> tuple[dict[str, Any], str]:
    """What an answer binds, and what it or the check raised: nothing if it passes. Output goes nowhere."""
    own, quiet, bound = dict(names), io.StringIO(), {}
    with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
        try:
            exec(compile(answer, "<answer>", "exec"), own)
            bound = dict(own)
            exec(compile(check, "<check>", "exec"), own)
        except Exception as error:
            return bound, f"{type(error).__name__}: {error}"
    return bound, ""


def _bound_by(stub: str) -> list[str]:
    """Names that assignments of a stub bind."""
    assigned = [target for node in ast.parse(stub).body if isinstance(node, ast.Assign) for target in node.targets]
    stored = [node for target in assigned for node in ast.walk(target) if isinstance(node, ast.Name)]
    return [node.id for node in stored]


def _is_blank(value: Any) -> bool:
    return value is None or (isinstance(value, tuple) and all(item is None for item in value))


def _is_number(value: Any) -> bool:
    """Whether it is a number, or consists of numbers."""
    value = value.tolist() if hasattr(value, "tolist") else value  # numpy, torch
    if isinstance(value, list | tuple | dict):
        parts = list(value.values()) if isinstance(value, dict) else value
        return bool(parts) and all(map(_is_number, parts))
    return isinstance(value, int | float | complex)
