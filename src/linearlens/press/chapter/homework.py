"""Assignments: what students get stands in ``book/assignments``, what answers and grades it in ``book/answers``.

An assignment is a file of cells, ``book/assignments/NN_name.py``::

    # %% [markdown]
    # # Title
    #
    # *150 to 210 minutes, hard, essential. After [the first chapter](../notebooks/01_primer.ipynb).*

    # %%
    import zlib

    # %% student
    student = ""

    # %%
    seed = zlib.crc32(student.encode())

    # %% sums [markdown]
    # ## 1. Sums of pairs (3 points)

    # %% answer
    def sums(trajectories):
        return None

    # %% form
    assert ...  # an optional check that says no more than the form

    # %% reading [markdown]
    # ## 2. What is believed (4 points)

    # %% written
    # *150 to 250 words.*

and ``book/answers/assignments/NN_name.py`` has, behind the label of each task, in any order but for the words::

    # %% given: recordings, Reader     # before all tasks: what tests take from the cells that students get, as it
    # %% shared                        # stands there, whatever a student has made of it; and what several tests need
    def true_sums(trajectories): ...

    # %% sums [markdown]
    # Words for whoever grades.

    # %% solution
    # %% shared                        # what the answers below that are not right begin with; empty: the solution
    # %% test (2): no pair crosses a seam
    # %% wrong: HINT
    # %% invented: HINT
    # %% copied: HINT

    # %% reading [markdown]
    # A model answer.

    # %% rubric (2): names what speaks against it
    # What earns the points.

Names that :mod:`linearlens.grading` offers, the student's ``seed`` and all that the notebook has bound so far are at
hand in a test. :mod:`linearlens.press.course.grading_proof` tries all of it.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from textwrap import indent

from linearlens.paths import BOOK
from linearlens.press.chapter.efforts import effort_in
from linearlens.press.chapter.errors import PressError
from linearlens.press.chapter.notebooks import one_named
from linearlens.press.chapter.percent import cells_in, title_in, words_in

FOLDER = BOOK / "assignments"
ANSWERS = BOOK / "answers" / "assignments"
NAME = re.compile(r"\d\d_\w+")
HEADING = re.compile(r"^## (?P<title>.+) \((?P<points>\d+) points?\)$", re.M)
POINTS = re.compile(r"(?P<kind>test|rubric) \((?P<points>\d+)\): (?P<words>.+)")
HINTED = re.compile(r"(?P<kind>wrong|invented|copied): (?P<hint>.+)")
GIVEN = re.compile(r"given: (?P<names>\w+(, \w+)*)")
KINDS = ("student", "answer", "form", "written")
LEAST_WRONG = 2

GRADED = """from linearlens import grading as _grading


def _graded():
    from linearlens.grading import call, numbers, seed_of, several, student_of

    seed = seed_of(student_of(globals().get("student")))
{code}


try:
    _grading.checked(_graded)
finally:
    del _graded"""


@dataclass(frozen=True)
class Part:
    """A cell of what students get: ``text``, ``code`` or one of `KINDS`; of a task it bears the label."""

    kind: str
    source: str
    label: str | None = None


@dataclass(frozen=True)
class Scored:
    """A hidden test, or a line of a rubric: its points, what they are for, and code or words."""

    points: int
    words: str
    body: str
    is_rubric: bool = False


@dataclass(frozen=True)
class Key:
    """What ``book/answers`` says of one task; a written one has a rubric in place of tests."""

    told: str
    solution: str
    scored: tuple[Scored, ...]
    wrong: tuple[tuple[str, str], ...] = ()
    invented: tuple[tuple[str, str], ...] = ()
    copied: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Task:
    """One task: its title and points, its stub (none if it is written), and what answers it."""

    label: str
    title: str
    points: int
    stub: str | None
    key: Key


@dataclass(frozen=True)
class Homework:
    """One assignment."""

    name: str
    parts: tuple[Part, ...]
    shared: str
    keys: dict[str, Key] = field(repr=False)

    @property
    def title(self) -> str:
        """The first heading."""
        return self.parts[0].source.partition("\n")[0].removeprefix("# ")

    @cached_property
    def tasks(self) -> dict[str, Task]:
        """The tasks in order, by label."""
        found = {}
        for part in self.parts:
            if part.label is None or part.label in found:
                continue
            heading = HEADING.search(part.source)
            if heading is None:
                raise PressError(f"{self.name}: {part.label} should begin with '## TITLE (3 points)'")
            own = {one.kind: one.source for one in self.parts if one.label == part.label}
            if ("answer" in own) == ("written" in own):
                raise PressError(f"{self.name}: {part.label} needs one cell 'answer', or one 'written'")
            key = self.keys[part.label]
            found[part.label] = Task(part.label, heading["title"], int(heading["points"]), own.get("answer"), key)
        return found

    @property
    def points(self) -> int:
        """Those of all tasks."""
        return sum(task.points for task in self.tasks.values())

    def test_code(self, test: Scored) -> str:
        """A test as it is run in the notebook: in a function, so that it leaves no name behind."""
        return GRADED.format(code=indent("\n\n".join(filter(None, [self.shared, test.body])), "    "))


def all_homework() -> list[str]:
    """Names of all assignments, in order."""
    return sorted(path.stem for path in FOLDER.glob("*.py") if NAME.fullmatch(path.stem))


def choose_homework(names: list[str]) -> list[str]:
    """The assignments named, all for none; a unique beginning such as ``01`` is enough.

    Raises
    ------
    PressError
        If a name fits none or several.
    """
    known = all_homework()
    return [one_named("assignment", Path(name).stem, known) for name in names] if names else known


def read_homework(name: str, own: Path | None = None) -> Homework:
    """An assignment with its answers.

    Parameters
    ----------
    name : str
        As in ``book/assignments``.
    own : Path, optional
        A folder of variants: its ``NAME.py`` and ``answers/NAME.py`` take the place of the book's.

    Raises
    ------
    PressError
        If a file is missing or badly written; the message says what is wanted.
    """
    parts = tuple(parts_of(name, own))
    answers = _answers(name, own)
    given = "\n\n\n".join(part.source for part in parts if part.kind == "code")
    shared, keys = _keys(_where(answers), _read(answers), given)
    labels = [part.label for part in parts if part.label]
    if odd := sorted({*labels} ^ {*keys}):
        raise PressError(f"{_where(_asked(name, own))} and {_where(answers)} should both hold each task: {odd[0]}")
    homework = Homework(name, parts, shared, keys)
    for task in homework.tasks.values():
        _check(homework, task, f"{_where(answers)}: {task.label}")
    return homework


def parts_of(name: str, own: Path | None = None) -> Iterator[Part]:
    """The cells of what students get.

    Raises
    ------
    PressError
        If the file is missing, or has a cell that is not known.
    """
    path, label = _asked(name, own), None
    where, cells = _where(path), cells_in(_read(path))
    kinds = [head for head, _ in cells]
    if not cells or title_in(kinds[0]) is None or not cells[0][1].startswith("# # "):
        raise PressError(f"{where} should begin with '# %% [markdown]' and '# # TITLE'")
    if effort_in(cells[0][1]) is None:
        raise PressError(f"{where} should say below its title what it takes, *150 to 210 minutes, hard, essential. …*")
    if kinds.count("student") != 1:
        raise PressError(f"{where} needs one cell '# %% student' with the line student = \"\"")
    for head, body in cells:
        title = title_in(head)
        if title is not None:
            label = title or None
            yield Part("text", words_in(body), label)
        elif head == "written":
            yield Part("written", words_in(body), label)
        elif head in KINDS or not head:
            if head in ("answer", "form") and label is None:
                raise PressError(f"{where}: {body[:40]!r} belongs to no task; '# %% LABEL [markdown]' begins one")
            yield Part(head or "code", body, label if head else None)
        else:
            known = ", ".join(["[markdown]", "LABEL [markdown]", *KINDS])
            raise PressError(f"{where} has a cell {head!r}; there are: {known}")


def _asked(name: str, own: Path | None) -> Path:
    mine = own / f"{name}.py" if own else None
    return mine if mine and mine.is_file() else FOLDER / f"{name}.py"


def _answers(name: str, own: Path | None) -> Path:
    mine = own / "answers" / f"{name}.py" if own else None
    return mine if mine and mine.is_file() else ANSWERS / f"{name}.py"


def _where(path: Path) -> str:
    """How messages name a file."""
    return path.relative_to(BOOK.parent).as_posix() if path.is_relative_to(BOOK.parent) else str(path)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise PressError(f"{_where(path)} cannot be read: {error}") from error


def _keys(where: str, text: str, given: str) -> tuple[str, dict[str, Key]]:
    """What is shared by all tests, and what answers each task; `given` is the code that students get."""
    cells = cells_in(text)
    starts = [place for place, (head, _) in enumerate(cells) if title_in(head) is not None]
    before = cells[: starts[0]] if starts else cells
    shared = []
    for head, body in before:
        if names := GIVEN.fullmatch(head):
            shared.append(_taken(where, names["names"].split(", "), given))
        elif head == "shared":
            shared.append(body)
        else:
            known = "'# %% shared' and '# %% given: NAME, NAME'"
            raise PressError(f"{where}: before the first task only {known} may stand, not {head!r}")
    keys = {}
    for start, stop in zip(starts, [*starts[1:], len(cells)], strict=True):
        label, told = title_in(cells[start][0]) or "", words_in(cells[start][1])
        keys[label] = _key(f"{where}: {label}", told, cells[start + 1 : stop])
    return "\n\n".join(shared), keys


def _taken(where: str, names: list[str], given: str) -> str:
    """Functions and classes of these names as students get them, with all that these call of one another."""
    lines = given.splitlines()
    defined = {one.name: one for one in ast.parse(given).body if isinstance(one, ast.FunctionDef | ast.ClassDef)}
    taken: set[str] = set()
    while names:
        name = names.pop()
        if name not in defined:
            raise PressError(f"{where}: no cell that students get defines a function or class {name!r}")
        taken.add(name)
        used = {node.id for node in ast.walk(defined[name]) if isinstance(node, ast.Name)}
        names += sorted(used & {*defined} - taken)
    kept = [one for name, one in defined.items() if name in taken]
    starts = [min(line.lineno for line in (one, *one.decorator_list)) for one in kept]
    return "\n\n".join("\n".join(lines[start - 1 : one.end_lineno]) for start, one in zip(starts, kept, strict=True))


def _key(where: str, told: str, cells: list[tuple[str, str]]) -> Key:
    solutions, scored, shared = [], [], ""
    tried: dict[str, list[tuple[str, str]]] = {"wrong": [], "invented": [], "copied": []}
    for head, body in cells:
        if head == "solution":
            solutions.append(body)
        elif head == "shared" and not shared and not any(tried.values()):
            shared = f"{body or ''.join(solutions)}\n\n\n"
        elif points := POINTS.fullmatch(head):
            text = words_in(body) if points["kind"] == "rubric" else body
            scored.append(Scored(int(points["points"]), points["words"], text, points["kind"] == "rubric"))
        elif hinted := HINTED.fullmatch(head):
            tried[hinted["kind"]].append((hinted["hint"], shared + body))
        else:
            wanted = "'solution', 'test (POINTS): WORDS', 'rubric (POINTS): WORDS', and wrong, invented or copied: HINT"
            before = "; before these once 'shared', which all of them begin with"
            raise PressError(f"{where} has a part {head!r}; there are {wanted}{before}")
    if len(solutions) > 1:
        raise PressError(f"{where} has {len(solutions)} solutions, one is wanted")
    return Key(told, "".join(solutions), tuple(scored), **{kind: tuple(found) for kind, found in tried.items()})


def _check(homework: Homework, task: Task, where: str) -> None:
    """Refuse a task whose parts do not fit together."""
    key = task.key
    total = sum(one.points for one in key.scored)
    if total != task.points:
        raise PressError(f"{where} gives {total} points, its heading {task.points}")
    if not key.told:
        raise PressError(f"{where} needs words for whoever grades")
    if task.stub is None:
        if key.solution or key.wrong or key.invented or key.copied:
            raise PressError(f"{where} is written: it takes a model answer and a rubric, and no code")
        return
    if not key.solution or len(key.wrong) < LEAST_WRONG or not key.invented:
        raise PressError(f"{where} needs a solution, {LEAST_WRONG} wrong answers and an invented one")
    asked = bound_by(task.stub)
    for test in key.scored:
        if hidden := sorted(asked & bound_by(f"{homework.shared}\n{test.body}")):
            raise PressError(f"{where}: the test {test.words!r} binds {hidden[0]}, so it cannot see the student's")


def bound_by(code: str) -> set[str]:
    """Names that the statements of some code bind, functions and imports included."""
    found: set[str] = set()
    for node in ast.parse(code).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
        else:
            found |= {one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}
    return found
