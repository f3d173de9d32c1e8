"""Times of the chapters, and plans for a day and for a term, made from what the chapters say and how long they ran."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import nbformat

from linearlens.press.chapter.efforts import Effort, efforts_of
from linearlens.press.chapter.homework import all_homework, parts_of
from linearlens.press.chapter.notebooks import heading_of
from linearlens.press.pages.course_page import homework_effort
from linearlens.press.pages.materials import Materials

WORDS_PER_MINUTE = 200
MINUTES_PER_FIGURE = 1
NOT_WORDS = re.compile(r"\{[\w:-]+\}|^:[\w-]+:.*$|`{3,}|:{3,}|\$\$?[^$]*\$\$?", re.M)
TITLED = re.compile(r"\{exercise[\w-]*\} (?P<title>.+)\n:label: (?P<label>\S+)$", re.M)
SAID = re.compile(r"about (\d+) minutes\s+to\s+read")
PROJECT = re.compile(r"^## Project\b", re.M)

# A day is the foundations and one chapter of each lens; the term takes all, in the order of the book.
DAY = ("01_primer", "11_kann_copy", "21_layers_yin_yang", "31_instance_classifiers", "51_one_network")
LUNCH_AFTER = 2
DAY_MINUTES = 360
TALK = 35
SHOWING = 10
TERM = (
    ("01_primer",),
    ("11_kann_copy",),
    ("12_kann_sentiment",),
    ("13_kann_ecg",),
    ("21_layers_yin_yang",),
    ("22_layers_digits",),
    ("31_instance_classifiers", "32_instance_tsne"),
    ("33_instance_language",),
    ("41_credit_theory",),
    ("42_credit_experiments",),
    ("51_one_network", "52_frontier"),
    ("61_wild_recurrent", "62_wild_images", "63_wild_language"),
)
CLASS_MINUTES = 90


@dataclass(frozen=True)
class Task:
    """An exercise: its title, and what it takes."""

    title: str
    effort: Effort

    @property
    def graded(self) -> bool:
        """Whether a check can judge it."""
        return self.effort.difficulty != "open"

    def __str__(self) -> str:
        return f"*{self.title}* ({self.effort})"


@dataclass(frozen=True)
class Times:
    """What a chapter takes.

    ``words`` are minutes for its words and figures alone, ``said`` those the chapter says it takes, formulas and code
    included; ``run`` seconds of its quick run.
    """

    title: str
    words: int
    said: int | None
    run: float
    tasks: tuple[Task, ...]
    project: bool

    @property
    def reading(self) -> int:
        """Minutes to read: those the chapter says, if it does."""
        return self.said or self.words

    @property
    def practice(self) -> tuple[int, int]:
        """Minutes of all exercises, at least and at most."""
        return sum(task.effort.low for task in self.tasks), sum(task.effort.high for task in self.tasks)


def times_of(name: str, materials: Materials) -> Times:
    """The times of an executed chapter; text of exercises is not counted as reading."""
    page = materials.page(name)
    efforts = efforts_of(page)
    text = _text(page)
    tasks = tuple(
        Task(match["title"].strip(), efforts[match["label"]])
        for match in TITLED.finditer(text)
        if match["label"] in efforts
    )
    said = SAID.search(text)
    return Times(
        title=heading_of(page.cells),
        words=reading_minutes(page),
        said=int(said[1]) if said else None,
        run=page.metadata["linearlens_run"]["wall_seconds"],
        tasks=tasks,
        project=bool(PROJECT.search(text)),
    )


def reading_minutes(page: nbformat.NotebookNode) -> int:
    """Words of the text before the exercises over 200 a minute, and a minute for each figure.

    Code is not counted; rounded up to five.
    """
    text = _text(page).partition("\n## Exercises")[0]
    n_words = len(NOT_WORDS.sub(" ", text).split())
    n_figures = text.count("{glue:figure}") + sum("figure" in cell.metadata.get("mystnb", {}) for cell in page.cells)
    return 5 * math.ceil((n_words / WORDS_PER_MINUTE + MINUTES_PER_FIGURE * n_figures) / 5)


def _text(page: nbformat.NotebookNode) -> str:
    return "\n\n".join(cell.source for cell in page.cells if cell.cell_type == "markdown")


def times_page(times: Mapping[str, Times]) -> str:
    """The table of times as Markdown."""
    lines = [
        "# Times",
        "",
        f"Words and figures: {WORDS_PER_MINUTE} words a minute and {MINUTES_PER_FIGURE} minute a figure, without code, "
        "formulas and exercises. Reading: what the chapter says, with these. Quick run: measured when this pack was "
        "made, one thread. Exercises: the minutes they state, from and to, added up.",
        "",
        "| chapter | words and figures, minutes | reading, minutes | quick run, seconds | exercises | from, minutes | "
        "to, minutes |",
        "|---|---|---|---|---|---|---|",
    ]
    rows = [(one.words, one.reading, one.run, len(one.tasks), *one.practice) for one in times.values()]
    heads = [f"{name[:2]} {one.title}" for name, one in times.items()]
    for head, row in zip([*heads, "all"], [*rows, [sum(column) for column in zip(*rows, strict=True)]], strict=True):
        lines.append(f"| {head} | " + " | ".join(f"{number:.0f}" for number in row) + " |")
    return "\n".join(lines) + "\n"


def plans_page(times: Mapping[str, Times], work: Mapping[str, Sequence[Task]] = MappingProxyType({})) -> str:
    """The two plans as Markdown; chapters that are not in the pack are left out.

    Parameters
    ----------
    times : mapping of str to Times
        By chapter.
    work : mapping of str to sequence of Task
        Assignments, by the chapter they come after.
    """
    return "\n".join(["# Plans", "", *_day(times), "", *_term(times, work)]) + "\n"


def assignments_by_chapter() -> dict[str, list[Task]]:
    """All assignments of the book, by the last chapter that each names as what it comes after."""
    found: dict[str, list[Task]] = {}
    for name in all_homework():
        head = next(parts_of(name)).source
        chapters = re.findall(r"notebooks/(\w+)\.ipynb", head.split("\n\n")[1])
        title = head.partition("\n")[0].removeprefix("# ")
        found.setdefault(max(chapters, default=""), []).append(Task(title, homework_effort(name)))
    return found


def _day(times: Mapping[str, Times]) -> Iterable[str]:
    chapters = [name for name in DAY if name in times]
    yield "## One day"
    yield ""
    yield (
        "Six hours, and an hour for lunch, for people who know linear algebra and some Python. Everyone installs the "
        "package and runs the first chapter the day before. Each part is a talk with the slides of the chapter, then "
        "an exercise in pairs at the notebook for students, then time for two pairs to show what they found."
    )
    yield ""
    each = DAY_MINUTES // len(chapters) if chapters else 0
    for number, name in enumerate(chapters, start=1):
        task = _fitting(times[name].tasks, each - TALK - SHOWING)
        work = f"In pairs: {task}." if task else "The rest of the time is for questions."
        yield f"{number}. **{times[name].title}** (chapter {name[:2]}, {each} minutes). Talk, {TALK} minutes. {work}"
        if number == LUNCH_AFTER and number < len(chapters):
            yield "   Lunch."
    yield ""
    yield "To take home: the chapters between, and one exercise marked *open* of the lens each liked best."


def _fitting(tasks: Sequence[Task], minutes: int) -> Task | None:
    """The longest graded task that fits."""
    short = (task for task in tasks if task.graded and task.effort.high <= minutes)
    return max(short, key=lambda task: task.effort.high, default=None)


def _term(times: Mapping[str, Times], work: Mapping[str, Sequence[Task]]) -> Iterable[str]:
    yield "## Twelve weeks"
    yield ""
    yield (
        f"One meeting of {CLASS_MINUTES} minutes a week. Students read the chapter before it and run it. The meeting "
        f"begins with their questions, goes through the slides in about {TALK} minutes, and then turns to an exercise: "
        "in pairs, for the longer of the times it states, until two pairs show what they found and where they were "
        "stuck. Homework is handed in as the notebook of the nbgrader assignment, which holds the exercise of the "
        "meeting too. Exercises marked *open* have no single answer and are not in the assignment: let two students a "
        "week present one."
    )
    for week, names in enumerate(TERM, start=1):
        here = [name for name in names if name in times]
        if not here:
            continue
        yield ""
        yield f"### Week {week}: {' and '.join(times[name].title for name in here)}"
        yield ""
        reading = " and ".join(f"chapter {name[:2]} ({times[name].reading} minutes)" for name in here)
        yield f"- Read beforehand: {reading}."
        tasks = [task for name in here for task in times[name].tasks]
        inside = _fitting(tasks, CLASS_MINUTES // 2)
        if inside:
            yield f"- In the meeting: {inside}."
        homework = [task for task in tasks if task is not inside and task.graded]
        if homework:
            yield f"- Homework: {'; '.join(map(str, homework))}."
        if given := [task for name in here for task in work.get(name, [])]:
            yield f"- Assignment, for two weeks: {'; '.join(map(str, given))}."
        if free := [task for task in tasks if not task.graded]:
            yield f"- Open: {'; '.join(map(str, free))}."
        for name in here:
            if times[name].project:
                yield f"- The project at the end of chapter {name[:2]} may be given out now."
    yield ""
    yield (
        "Everyone chooses one project by the week after it was given out, and hands it in two weeks after the last "
        "meeting; the table below each project says what is judged. Graded: "
        "exercises a quarter, assignments a half, the project a quarter."
    )
