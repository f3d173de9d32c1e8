"""Which chapters there are, and what their first cells promise."""

from dataclasses import dataclass
from pathlib import Path

import nbformat
from papermill.inspection import inspect_notebook
from papermill.iorw import load_notebook_node
from papermill.utils import find_first_tagged_cell_index

from linearlens.ledger import PROFILES
from linearlens.paths import NOTEBOOKS


class PressError(RuntimeError):
    """Something asked of the press cannot be done; the message says what and what to do."""


@dataclass(frozen=True)
class Edition:
    """What a chapter is run with: the profile and the seed."""

    profile: str = "quick"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.profile not in PROFILES:
            raise PressError(f"no profile named {self.profile!r}; there are: {', '.join(PROFILES)}")
        if self.seed < 0:
            raise PressError(f"a seed is 0 or more, got {self.seed}")

    @property
    def folder(self) -> str:
        """Name of the folder its executed chapters lie in."""
        return f"{self.profile}-seed{self.seed}"

    @property
    def proves(self) -> bool:
        """Whether the exercises are tried: once is enough, in the edition the book is made of."""
        return self == Edition()

    @property
    def parameters(self) -> dict[str, str | int]:
        """As papermill wants them."""
        return {"profile": self.profile, "seed": self.seed}


def all_chapters() -> list[str]:
    """Names of all chapters in the order of the book."""
    return sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb"))


def choose(names: list[str]) -> list[str]:
    """The chapters named, all for none; a unique beginning such as ``01`` is enough.

    Raises
    ------
    PressError
        If a name fits no chapter or several.
    """
    chapters = all_chapters()
    return [_choose_one(name, chapters) for name in names] if names else chapters


def _choose_one(name: str, chapters: list[str]) -> str:
    stem = Path(name).name.removesuffix(".ipynb")
    fitting = [chapter for chapter in chapters if chapter == stem] or [
        chapter for chapter in chapters if stem and chapter.startswith(stem)
    ]
    if len(fitting) != 1:
        trouble = "several chapters begin with" if fitting else "no chapter is named"
        raise PressError(f"{trouble} {name!r}; there are: {', '.join(chapters)}")
    return fitting[0]


def source_of(chapter: str) -> Path:
    """The chapter's notebook as it stands in the repository."""
    return NOTEBOOKS / f"{chapter}.ipynb"


def read_source(chapter: str) -> nbformat.NotebookNode:
    """The chapter's notebook, read."""
    return load_notebook_node(str(source_of(chapter)))


def title_of(chapter: str) -> str:
    """The chapter's first heading; its name if there is no such chapter."""
    if not source_of(chapter).is_file():
        return chapter
    return heading_of(read_source(chapter))


def heading_of(notebook: nbformat.NotebookNode) -> str:
    """The first heading of a chapter."""
    first = next(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    return first.split("\n")[0].removeprefix("# ").strip()


def is_exercise(cell: nbformat.NotebookNode) -> bool:
    """Whether it is a cell of code that holds an exercise; a run of the chapter goes without."""
    return cell.cell_type == "code" and "exercise" in cell.metadata.get("tags", [])


def expected_seconds(notebook: nbformat.NotebookNode, profile: str) -> float | None:
    """Seconds the chapter says it takes, from its metadata ``linearlens.seconds``."""
    return notebook.metadata.get("linearlens", {}).get("seconds", {}).get(profile)


def check_parameters(chapter: str, parameters: dict) -> None:
    """Refuse parameters the chapter's ``parameters`` cell does not set; papermill itself would only warn.

    Raises
    ------
    PressError
        Naming those that exist.
    """
    if find_first_tagged_cell_index(read_source(chapter), "parameters") < 0:
        raise PressError(f"{chapter} has no cell tagged 'parameters'")
    known = list(inspect_notebook(str(source_of(chapter))))
    if unknown := sorted(set(parameters) - set(known)):
        raise PressError(f"{chapter} has no parameter {', '.join(unknown)}; it has: {', '.join(known)}")
