"""The proof of exercises, in the kernel of their chapter: which answers a check lets pass, and what it says of others.

A check stands where readers see it, and whoever reads all of it can answer to suit it. What it must not do is take
numbers that somebody made up. So each exercise has such an answer among its own, and more are made from the solution
(:mod:`linearlens.press.chapter.attempts`), with values of other kinds, which must meet a sentence, and of other forms,
which are right.
"""

import contextlib
import io
import time
import warnings
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from linearlens.press.chapter.attempts import Attempt, alike, asked_for, in_other_forms, made_up, of_other_kinds

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
    answers, check = one["answers"], one["check"]
    blank, said = _run(names, one["stub"], check)
    faults = [] if _is_sentence(said) else [f"the stub should fail with a message, but {said or 'passes'}"]
    solved, said = _run(names, answers["solution"], check)
    if said:
        return [*faults, f"the solution fails: {said}"]
    others = [(words, *_run(names, answer, check)) for words, answer in answers["right"]]
    faults += [f"{words!r} is right, but {said}" for words, _, said in others if said]
    for kind in ("wrong", "invented", "copied"):
        for hint, answer in answers[kind]:
            _, said = _run(names, answer, check)
            if hint not in said:
                faults.append(f"{answer!r} should meet {hint!r}, but {said or 'passes'}")
    if not answers["invented"]:
        faults.append("made-up numbers must be tried: add an answer '# %% invented: HINT'")
    asked = asked_for(one["stub"], blank, solved)
    differ = [
        {name for name, value in asked.numbers.items() if not alike(bound[name], value)} for _, bound, _ in others
    ]
    guesses = {name for names in differ for name in names if len(names) == 1 < len(asked.values)}
    for attempt in made_up(asked, guesses, only_answer=not any(differ)):
        said = _checked(solved, attempt, check)
        if not _is_sentence(said):
            faults.append(f"{attempt.called}, made up: {said or 'passes'}")
    for attempt in of_other_kinds(asked):
        said = _checked(solved, attempt, check)
        if not _is_sentence(said):
            faults.append(f"{attempt.called} should meet a sentence, but {said or 'passes'}")
    for attempt in in_other_forms(asked):
        if said := _checked(solved, attempt, check):
            faults.append(f"{attempt.called} are right, but {said}")
    return faults


def _is_sentence(said: str) -> bool:
    """Whether a check has found fault with an answer, in words."""
    return said.startswith("AssertionError: ") and len(said.split()) > 1


def _checked(solved: Names, attempt: Attempt, check: str) -> str:
    """What a check raised of an attempt: nothing if it passes."""
    return raised(check, {**solved, **attempt.names})


def _run(names: Names, answer: str, check: str) -> tuple[dict[str, Any], str]:
    """What an answer binds, and what it or the check raised: nothing if it passes."""
    own = dict(names)
    if said := raised(answer, own):
        return {}, said
    return own, raised(check, dict(own))


def raised(code: str, names: dict[str, Any]) -> str:
    """What code raises where it is executed among `names`, or nothing.

    Output goes nowhere, figures are closed; a warning is no error, as it is none in a notebook.
    """
    from matplotlib import pyplot as plt

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
