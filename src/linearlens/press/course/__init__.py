"""What a lecturer needs of the book: notebooks for students and instructors, graded assignments, slides and plans."""

from collections.abc import Sequence
from pathlib import Path

import nbformat
from rich.console import Console

from linearlens.press.chapter.errors import PressError
from linearlens.press.chapter.files import aside, write_text
from linearlens.press.course import assignments, plans, slides
from linearlens.press.evidence.tables import EDITION
from linearlens.press.pages.materials import Materials
from linearlens.press.pages.portable import student
from linearlens.press.running.chapters import run_chapters

NBGRADER = """c = get_config()  # noqa: F821

c.CourseDirectory.course_id = "linear-lenses"
c.ClearSolutions.code_stub = {"python": ""}  # the stub of the exercise stays
c.Execute.timeout = 900
c.ExecutePreprocessor.timeout = 900
"""


def make_pack(chapters: Sequence[str], target: Path, *, jobs: int, console: Console, device: str | None = None) -> Path:
    """Run what is stale in the quick profile, then write the pack.

    Parameters
    ----------
    chapters : sequence of str
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
        If the folder has something in it, or a chapter cannot be told in plain notebooks.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise PressError(f"{target} is there already; name a folder that does not exist or is empty")
    run_chapters(list(chapters), EDITION, jobs=jobs, force=False, console=console, device=device)
    return write_pack(chapters, target)


def write_pack(chapters: Sequence[str], target: Path) -> Path:
    """Write the pack from the executed chapters as they are; see :func:`make_pack`."""
    materials = Materials()
    with aside(target) as draft:
        for name in chapters:
            _write(student(name, materials), draft / "student" / f"{name}.ipynb")
            _write(assignments.instructor(name, materials), draft / "instructor" / f"{name}.ipynb")
            _write(assignments.graded(name, materials), draft / "nbgrader" / "source" / name / f"{name}.ipynb")
            if deck := slides.slides(name, materials):
                write_text(draft / "slides" / f"{name}.html", deck)
        times = {name: plans.times_of(name, materials) for name in chapters}
        write_text(draft / "TIMES.md", plans.times_page(times))
        write_text(draft / "PLANS.md", plans.plans_page(times))
        (draft / "nbgrader" / "nbgrader_config.py").write_text(NBGRADER, encoding="utf-8")
    return target


def _write(notebook: nbformat.NotebookNode, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.validate(notebook)
    nbformat.write(notebook, path)
