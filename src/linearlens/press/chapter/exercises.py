"""Exercises: readers find the stub and its check in the notebook; what answers them lies elsewhere.

In ``notebooks/NN.ipynb`` an exercise is the ``{exercise}`` that asks, with a label, a cell tagged ``exercise`` that
holds the stub, and next to it one tagged ``check``. Its answers stand in ``book/answers/NN.py``, cells as jupytext
writes them::

    # %% ex-three [markdown]
    # Count on from the base.

    # %% solution
    three = base + 2

    # %% wrong: begin to count
    three = 2

    # %% invented: one more than
    three = 7

    # %% copied: write it yourself
    three = count(base)

    # %% right: by another road
    three = len("abc")

From these the page's folded solution is made, the instructor's notebook, and the proof in the quick run of the chapter
(:mod:`linearlens.press.chapter.proof`): the check fails for the stub, passes for the solution, and fails for each wrong
answer with a message that holds the words beside it. One that somebody made up must be among these; what calls a
function in place of one's own is *copied*. Another answer that is right passes, too; if its numbers are others than
those of the solution, the check must judge what they do, and not what they are. What several of these have in common
may stand once, in a part ``shared`` after the solution, and is put before each of them; an empty one stands for the
solution.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from linearlens.paths import BOOK
from linearlens.press.chapter.errors import PressError
from linearlens.press.chapter.notebooks import cells_of
from linearlens.press.chapter.percent import cells_in, title_in, words_in

if TYPE_CHECKING:
    from nbformat import NotebookNode

LABEL = re.compile(r"\{exercise[\w-]*\}.*?^:label: (\S+)$", re.S | re.M)
LEAST_WRONG = 2
ALONE = ("solution", "shared")
KINDS = ("wrong", "invented", "copied", "right")


@dataclass(frozen=True)
class Answers:
    """What ``book/answers`` says of one exercise.

    ``told`` is Markdown, the rest is code; each wrong, invented or copied answer stands behind words of the message it
    meets, another right one behind what it is called.
    """

    told: str
    solution: str
    wrong: tuple[tuple[str, str], ...]
    invented: tuple[tuple[str, str], ...]
    copied: tuple[tuple[str, str], ...] = ()
    right: tuple[tuple[str, str], ...] = ()

    @property
    def caught(self) -> tuple[tuple[str, str], ...]:
        """All that a check must not take."""
        return self.wrong + self.invented + self.copied


@dataclass(frozen=True)
class Exercise:
    """One exercise of a chapter with its answers."""

    label: str
    stub: str
    check: str
    answers: Answers


def exercises_of(chapter: str) -> list[Exercise]:
    """The exercises of a chapter, in order.

    Raises
    ------
    PressError
        If a stub has no label before it or no check next to it, or its answers are missing or lack a part; if answers
        belong to no exercise.
    """
    found = list(_tasks(chapter))
    answers = _answers(chapter) if found else {}
    labels = [label for label, *_ in found]
    if odd := sorted({*labels} ^ {*answers}) or [label for label in labels if labels.count(label) > 1]:
        raise PressError(f"notebooks/{chapter}.ipynb and {_path(chapter)} should hold each exercise once: {odd[0]}")
    return [Exercise(label, stub, check, answers[label]) for label, stub, check in found]


def _tasks(chapter: str) -> Iterator[tuple[str, str, str]]:
    """Label, stub and check of each exercise in a notebook."""
    label, cells = None, cells_of(chapter)
    for cell, following in zip(cells, [*cells[1:], None], strict=True):
        if cell["cell_type"] == "markdown":
            label = next(iter(LABEL.findall(cell["source"])[-1:]), label)
        elif "exercise" in cell["tags"]:
            where = f"notebooks/{chapter}.ipynb: the exercise {cell['source'][:60]!r}"
            if label is None:
                raise PressError(f"{where} has no {{exercise}} with a :label: before it")
            if following is None or "check" not in following["tags"]:
                raise PressError(f"{where} has no cell tagged check next to it")
            yield label, cell["source"], following["source"]
            label = None


def _path(chapter: str) -> str:
    return f"book/answers/{chapter}.py"


def _answers(chapter: str) -> dict[str, Answers]:
    """What a file of answers holds, by label."""
    try:
        text = (BOOK / "answers" / f"{chapter}.py").read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise PressError(f"the answers {_path(chapter)} cannot be read: {error}") from error
    cells = cells_in(text)
    starts = [place for place, (head, _) in enumerate(cells) if title_in(head) is not None]
    found = {}
    for start, stop in zip(starts, [*starts[1:], len(cells)], strict=True):
        label, told = title_in(cells[start][0]) or "", words_in(cells[start][1])
        found[label] = _gathered(f"{_path(chapter)}: {label}", told, cells[start + 1 : stop])
    return found


def _gathered(where: str, told: str, parts: list[tuple[str, str]]) -> Answers:
    kinds: dict[str, list[tuple[str, str]]] = {kind: [] for kind in (*ALONE, *KINDS)}
    for head, body in parts:
        kind, _, hint = head.partition(": ")
        if kind not in kinds or bool(hint) == (kind in ALONE):
            known = ", ".join([*map(repr, ALONE), *(repr(f"{one}: HINT") for one in KINDS)])
            raise PressError(f"{where} has a part {head!r}; there are {known}")
        if kind == "shared" and not body:
            body = "".join(code for _, code in kinds["solution"])
        before = kinds["shared"] if hint else []
        kinds[kind].append((hint, "\n\n\n".join([*(code for _, code in before), body])))
    if not told or len(kinds["solution"]) != 1 or len(kinds["wrong"]) < LEAST_WRONG:
        raise PressError(f"{where} needs words, one solution and {LEAST_WRONG} wrong answers or more")
    if "shared" in [head for head, _ in parts[2:]]:
        raise PressError(f"{where}: a shared part stands once, next to the solution, before what shares it")
    return Answers(told, kinds["solution"][0][1], **{kind: tuple(kinds[kind]) for kind in KINDS})


def with_solutions(page: "NotebookNode", chapter: str) -> "NotebookNode":
    """The page of a chapter with a folded ``{solution}`` below each check, changed in place."""
    import nbformat

    waiting, cells = iter(exercises_of(chapter)), []
    for cell in page.cells:
        cells.append(cell)
        if "check" in cell.metadata.get("tags", []):
            one = next(waiting)
            cell.metadata["mystnb"] = {"code_prompt_show": "Show the check", "code_prompt_hide": "Hide the check"}
            code = f"```python\n{one.answers.solution}\n```"
            text = f"````{{solution}} {one.label}\n:class: dropdown\n\n{one.answers.told}\n\n{code}\n````"
            cells.append(nbformat.v4.new_markdown_cell(text, id=f"solution-{cell.id}"[:64]))
    page.cells = cells
    return page
