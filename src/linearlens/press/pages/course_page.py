"""The table of graded work: exercises of the chapters, assignments, a project; made from what each says of itself."""

import re
from collections import Counter
from collections.abc import Iterator

from linearlens.paths import BOOK
from linearlens.press.chapter.efforts import Effort, effort_in, efforts_of
from linearlens.press.chapter.errors import PressError
from linearlens.press.chapter.homework import all_homework, parts_of
from linearlens.press.chapter.notebooks import all_chapters, read_source, title_of

PREREQUISITES = re.compile(r"\[To the chapter\.\]\(notebooks/(\w+)\.ipynb\) \*\*Prerequisites:\*\* (.+?)\n\n", re.S)
AFTER = re.compile(r"(?:essential|useful|optional)\. (After .+?)\.?\*$", re.M | re.S)
PROJECT = Effort(600, 900, "open", "essential")  # one for each student, in a week beside other courses
NOTHING = "–"


def graded_work() -> dict[str, list[Effort]]:
    """What is graded: of each chapter and each assignment, by name, and the project."""
    work = {name: [one for one in _of_chapter(name) if one.difficulty != "open"] for name in all_chapters()}
    return {**work, **{name: [homework_effort(name)] for name in all_homework()}, "project": [PROJECT]}


def hours(efforts: list[Effort]) -> str:
    """The sum of ranges, as minutes below two hours and hours above."""
    low, high = sum(one.low for one in efforts), sum(one.high for one in efforts)
    if not efforts:
        return NOTHING
    return f"{low} to {high} min" if high < 120 else f"{_hours(low)} to {_hours(high)} h"


def _hours(minutes: int) -> str:
    return f"{round(minutes / 30) / 2:g}"


def homework_effort(name: str) -> Effort:
    """What an assignment says below its title."""
    effort = effort_in(next(parts_of(name)).source)
    if effort is None:
        raise PressError(f"assignment {name} does not say what it takes")
    return effort


def _of_chapter(name: str) -> list[Effort]:
    return list(efforts_of(read_source(name)).values())


def course_table() -> str:
    """Two tables as Markdown: chapters with their exercises, and assignments; then the sum."""
    return "\n".join([*_chapters(), "", *_assignments(), "", _sum()]) + "\n"


def _chapters() -> Iterator[str]:
    page = (BOOK / "for-lecturers.md").read_text(encoding="utf-8") if (BOOK / "for-lecturers.md").is_file() else ""
    needed = {name: " ".join(words.split()).rstrip(".") for name, words in PREREQUISITES.findall(page)}
    yield "## Exercises of the chapters"
    yield ""
    yield "| chapter | what it needs | graded exercises | their time | how hard | essential | open ones |"
    yield "|---|---|---|---|---|---|---|"
    for name in all_chapters():
        efforts = _of_chapter(name)
        graded = [one for one in efforts if one.difficulty != "open"]
        row = [
            f"[{title_of(name)}](notebooks/{name}.ipynb)",
            needed.get(name, NOTHING),
            str(len(graded)),
            hours(graded),
            _counted([one.difficulty for one in graded], ("easy", "medium", "hard")),
            str(sum(one.importance == "essential" for one in graded)),
            hours([one for one in efforts if one.difficulty == "open"]),
        ]
        yield f"| {' | '.join(row)} |"


def _assignments() -> Iterator[str]:
    yield "## Assignments"
    yield ""
    yield "| assignment | after | time | how hard | importance |"
    yield "|---|---|---|---|---|"
    for name in all_homework():
        head = next(parts_of(name)).source
        effort, after = homework_effort(name), AFTER.search(head)
        words = " ".join(after[1].removeprefix("After ").replace("](../", "](").split()) if after else NOTHING
        title = head.partition("\n")[0].removeprefix("# ")
        link = f"[{title}](assignments/{name}.ipynb)"
        yield f"| {link} | {words} | {hours([effort])} | {effort.difficulty} | {effort.importance} |"


def _sum() -> str:
    work = graded_work()
    exercises = [one for name in all_chapters() for one in work[name]]
    assignments = [one for name in all_homework() for one in work[name]]
    return (
        f"All in all, graded: exercises {hours(exercises)}, assignments {hours(assignments)}, and one project, a week "
        f"beside other courses, {hours([PROJECT])}: **{hours([one for efforts in work.values() for one in efforts])}**."
    )


def _counted(words: list[str], order: tuple[str, ...]) -> str:
    counts = Counter(words)
    return ", ".join(f"{counts[word]} {word}" for word in order if counts[word]) or NOTHING
