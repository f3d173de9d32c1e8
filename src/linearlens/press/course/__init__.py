"""What a lecturer needs of the book: notebooks for students and instructors, graded assignments, slides and plans."""

import math
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat
from rich.console import Console

from linearlens.paths import BOOK
from linearlens.press.chapter.errors import PressError
from linearlens.press.chapter.files import aside, write_text
from linearlens.press.chapter.homework import all_homework, read_homework
from linearlens.press.chapter.notebooks import expected_seconds
from linearlens.press.course import assignments, plans, slides
from linearlens.press.course.grades import LOG
from linearlens.press.course.homework import graded_homework, solved_homework
from linearlens.press.course.wheel import build_wheel
from linearlens.press.evidence.tables import EDITION
from linearlens.press.pages.homework import homework_notebook
from linearlens.press.pages.install import EXTRA
from linearlens.press.pages.materials import Materials
from linearlens.press.pages.portable import student
from linearlens.press.running.chapters import run_chapters

SETUP = BOOK / "setup.md"
EXAM = BOOK / "answers" / "exam"
MODEL_ANSWER = re.compile(r"^### Model answer\n.*?(?=^## |\Z)", re.S | re.M)
SLOWER = 2  # how much slower a grader's machine may be
LEAST_SECONDS = 60  # within which an assignment runs
NBGRADER = """# One cell may run for {seconds} seconds: the longest chapter says that all of it takes {longest:.0f}.
c = get_config()  # noqa: F821

c.CourseDirectory.course_id = "linear-lenses"
c.ClearSolutions.code_stub = {{"python": ""}}  # the stub of the exercise stays
c.ClearSolutions.text_stub = ""
c.OverwriteCells.add_missing_cells = True  # hidden tests are not in what the pack or the site gives
c.Execute.timeout = {seconds}
c.ExecutePreprocessor.timeout = {seconds}
c.Execute.iopub_timeout = {seconds}  # a busy machine is no reason to give no points
c.NbGrader.logfile = "{log}"  # which `linearlens grades` reads
# Feedback shows what a hidden test says, not how it finds out.
c.GenerateFeedback.preprocessors = [
    "nbgrader.preprocessors.GetGrades",
    "nbgrader.preprocessors.ClearHiddenTests",
    "linearlens.press.course.feedback.ShortErrors",
    "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
]
"""


@dataclass(frozen=True)
class Wanted:
    """What a pack should hold: chapters, whether all that only instructors may see, and a folder of variants."""

    chapters: Sequence[str]
    instructor: bool = False
    variants: Path | None = None


def make_pack(wanted: Wanted, target: Path, *, jobs: int, console: Console, device: str | None = None) -> Path:
    """Run what is stale in the quick profile, then write the pack.

    Parameters
    ----------
    wanted : Wanted
    target : Path
        A folder that does not exist or is empty.
    jobs : int
        Chapters run at a time.
    console : rich Console
    device : str, optional
        Where networks are trained.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    PressError
        If the folder has something in it, a chapter cannot be told in plain notebooks, or an assignment or its answers
        are badly written.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise PressError(f"{target} is there already; name a folder that does not exist or is empty")
    if wanted.variants and not wanted.variants.is_dir():
        raise PressError(f"there is no folder {wanted.variants}; variants are files such as 01_dmd.py in a folder")
    run_chapters(list(wanted.chapters), EDITION, jobs=jobs, force=False, console=console, device=device)
    return write_pack(wanted, target)


def write_pack(wanted: Wanted, target: Path) -> Path:
    """Write the pack from the executed chapters as they are; see :func:`make_pack`."""
    materials = Materials()
    with aside(target) as draft:
        for name in wanted.chapters:
            _write(student(name, materials), draft / "student" / f"{name}.ipynb")
            if deck := slides.slides(name, materials):
                write_text(draft / "slides" / f"{name}.html", deck)
        for name in all_homework():
            _write(homework_notebook(name, wanted.variants), draft / "assignments" / f"{name}.ipynb")
        times = {name: plans.times_of(name, materials) for name in wanted.chapters}
        write_text(draft / "TIMES.md", plans.times_page(times))
        write_text(draft / "PLANS.md", plans.plans_page(times, plans.assignments_by_chapter()))
        wheel = build_wheel(draft)
        write_text(draft / "requirements.txt", f"./{wheel.name}[{EXTRA}]\njupyterlab>=4.4\n")
        if SETUP.is_file():
            shutil.copy(SETUP, draft / "SETUP.md")
        if wanted.instructor:
            _for_instructors(wanted, materials, draft)
    return target


def _for_instructors(wanted: Wanted, materials: Materials, draft: Path) -> None:
    """All answers, and the course for nbgrader."""
    solved, source = draft / "instructor", draft / "nbgrader" / "source"
    for name in wanted.chapters:
        _write(assignments.instructor(name, materials), solved / "chapters" / f"{name}.ipynb")
        _write(assignments.graded(name, materials), source / name / f"{name}.ipynb")
    for name in all_homework():
        work = read_homework(name, wanted.variants)
        _write(solved_homework(work), solved / "assignments" / f"{name}.ipynb")
        _write(graded_homework(work), source / name / f"{name}.ipynb")
    for name in wanted.chapters:
        own = wanted.variants / "exam" / f"{name[:2]}.md" if wanted.variants else None
        exam = own if own and own.is_file() else EXAM / f"{name[:2]}.md"
        if exam.is_file():
            text = exam.read_text(encoding="utf-8")
            write_text(solved / "exam" / exam.name, text)
            write_text(solved / "exam" / f"{name[:2]}-questions.md", MODEL_ANSWER.sub("", text))
    longest = max(expected_seconds(name, EDITION.profile) or 0 for name in wanted.chapters)
    seconds = max(LEAST_SECONDS, 10 * math.ceil(SLOWER * longest / 10))
    write_text(draft / "nbgrader" / "nbgrader_config.py", NBGRADER.format(seconds=seconds, longest=longest, log=LOG))


def _write(notebook: nbformat.NotebookNode, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.validate(notebook)
    nbformat.write(notebook, path)
