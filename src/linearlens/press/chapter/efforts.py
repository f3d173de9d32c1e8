"""What exercises and assignments say they take."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from linearlens.press.chapter.exercises import LABEL

if TYPE_CHECKING:
    from nbformat import NotebookNode

EFFORT = re.compile(
    r"\*(?P<low>\d+) to (?P<high>\d+) minutes, (?P<difficulty>easy|medium|hard|open), "
    r"(?P<importance>essential|useful|optional)\b"
)


@dataclass(frozen=True)
class Effort:
    """What work takes and what it is worth, as its first line says: ``*10 to 15 minutes, easy, essential. …*``.

    ``low`` minutes are for one who has the chapter fresh in mind. The difficulty is easy, medium, hard, or open, which
    has no single answer and is not graded; the importance essential, useful or optional.
    """

    low: int
    high: int
    difficulty: str
    importance: str

    def __str__(self) -> str:
        return f"{self.low} to {self.high} minutes, {self.difficulty}, {self.importance}"


def effort_in(text: str) -> Effort | None:
    """The first effort that a text states; none if it states none, or its range does not rise."""
    found = EFFORT.search(text)
    if found is None or int(found["low"]) >= int(found["high"]):
        return None
    return Effort(int(found["low"]), int(found["high"]), found["difficulty"], found["importance"])


def efforts_of(notebook: "NotebookNode") -> dict[str, Effort]:
    """What each exercise takes that says so below its title, by label."""
    text = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    asked = re.findall(rf"{LABEL.pattern}\n(.*?)^`{{3}}", text, re.S | re.M)
    efforts = {label: effort_in(asks) for label, asks in asked}
    return {label: effort for label, effort in efforts.items() if effort}
