"""What exercises and assignments say they take."""

import re
from dataclasses import dataclass

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
