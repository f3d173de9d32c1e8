"""Questions for an examination, with model answers: ``book/answers/exam/NN.md``, a file a chapter, and on no page.

Each begins with a heading that says its points, and holds a model answer, which says what each part of it is worth::

    ## Question 1 (6 points)

    What is asked.

    ### Model answer

    The first step (2 points), the second (4 points).
"""

import re
from dataclasses import dataclass

from linearlens.paths import BOOK
from linearlens.press.chapter.errors import PressError

QUESTION = re.compile(r"^## Question (\d+) \((\d+) points\)\n", re.M)
ANSWER = "\n### Model answer\n"
WORTH = re.compile(r"\((\d+) points?\)")


@dataclass(frozen=True)
class Question:
    """A question with its points and its model answer, both Markdown."""

    number: int
    points: int
    asks: str
    answer: str


def questions_of(chapter: str) -> list[Question]:
    """The questions on a chapter, in order; none if it has no file.

    Raises
    ------
    PressError
        If one lacks a model answer, or the points of its steps do not add up to its own.
    """
    path = BOOK / "answers" / "exam" / f"{chapter[:2]}.md"
    if not path.exists():
        return []
    _, *rest = QUESTION.split(path.read_text(encoding="utf-8"))
    found = []
    for number, points, text in zip(rest[::3], rest[1::3], rest[2::3], strict=True):
        asks, _, answer = text.partition(ANSWER)
        where = f"{path.relative_to(BOOK.parent)}: question {number}"
        if not answer.strip():
            raise PressError(f"{where} has no '### Model answer'")
        if (worth := sum(map(int, WORTH.findall(answer)))) != int(points):
            raise PressError(f"{where} has {points} points, those of its answer add up to {worth}")
        found.append(Question(int(number), int(points), asks.strip(), answer.strip()))
    return found
