"""Which chapters there are, and what their cells promise."""

import ast
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from linearlens.ledger import PROFILES
from linearlens.paths import NOTEBOOKS
from linearlens.press.chapter.errors import PressError
from linearlens.press.chapter.files import reason_of

if TYPE_CHECKING:
    from nbformat import NotebookNode

CHAPTER = re.compile(r"\d\d_\w+")  # 01_primer; not Untitled, nor 01_primer-Copy1
Cell = dict[str, Any]


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
    return sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb") if CHAPTER.fullmatch(path.stem))


def choose(names: list[str]) -> list[str]:
    """The chapters named, all for none; a unique beginning such as ``01`` is enough.

    Raises
    ------
    PressError
        If a name fits no chapter or several.
    """
    chapters = all_chapters()
    stems = [Path(name).name.removesuffix(".ipynb") for name in names]
    return [one_named("chapter", stem, chapters) for stem in stems] if names else chapters


def one_named(kind: str, name: str, known: list[str], *beginnings: str) -> str:
    """The one of some names that is this one, or that alone begins with it, or with a beginning that may be left out.

    Raises
    ------
    PressError
        If none does, or several.
    """
    fitting = [one for one in known if one == name]
    if name and not fitting:
        fitting = [one for one in known if one.startswith((name, *(f"{before}{name}" for before in beginnings)))]
    if len(fitting) != 1:
        trouble = f"several {kind}s begin with" if fitting else f"no {kind} is named"
        raise PressError(f"{trouble} {name!r}; there are: {', '.join(known)}")
    return fitting[0]


def source_of(chapter: str) -> Path:
    """The chapter's notebook as it stands in the repository."""
    return NOTEBOOKS / f"{chapter}.ipynb"


def cells_of(chapter: str) -> list[Cell]:
    """The cells of a chapter as it stands in the repository: plain dictionaries, read quickly.

    Raises
    ------
    PressError
        If the file is no notebook.
    """
    path = source_of(chapter)
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        return [_joined(cell) for cell in cells]
    except (OSError, ValueError, RecursionError) as error:
        raise PressError(f"notebooks/{path.name} cannot be read: {reason_of(error)}") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise PressError(f"notebooks/{path.name} is no notebook: it has no list of cells") from error


def _joined(cell: Cell) -> Cell:
    source = cell["source"]
    return {
        **cell,
        "cell_type": str(cell["cell_type"]),
        "metadata": dict(cell["metadata"]),
        "source": source if isinstance(source, str) else "".join(source),
        "tags": tags_of(cell),
    }


def read_source(chapter: str) -> "NotebookNode":
    """The chapter's notebook, read.

    Raises
    ------
    PressError
        If the file is no notebook.
    """
    import nbformat

    cells_of(chapter)  # with a word on what is wrong
    try:
        return nbformat.read(source_of(chapter), as_version=4)
    except Exception as error:  # nbformat raises many kinds
        reason = str(error).partition("\n")[0]
        raise PressError(f"notebooks/{chapter}.ipynb is no notebook: {reason}") from error


def code_of(chapter: str) -> list[tuple[ast.Module, Cell]]:
    """The syntax tree of each cell of code, exercises left out, with the cell.

    Raises
    ------
    PressError
        If Python cannot read one: the message names chapter, cell and line.
    """
    trees = []
    for number, cell in enumerate(cells_of(chapter)):
        if cell["cell_type"] == "code" and not is_exercise(cell):
            try:
                trees.append((ast.parse(cell["source"]), cell))
            except (SyntaxError, ValueError, RecursionError) as error:
                where = f"notebooks/{chapter}.ipynb, cell {number}"
                line = getattr(error, "lineno", None) or 1
                said = "".join(cell["source"].split("\n")[line - 1 : line]).strip()
                raise PressError(
                    f"{where}, line {line}: {getattr(error, 'msg', error)}: {said!r} (chapters are plain Python, "
                    "without % and ! commands)"
                ) from error
    return trees


def title_of(chapter: str) -> str:
    """The chapter's first heading; its name if there is no such chapter, or it cannot be read."""
    try:
        return heading_of(cells_of(chapter))
    except PressError:
        return chapter


def heading_of(cells: list[Cell]) -> str:
    """The first heading among cells."""
    first = next((cell["source"] for cell in cells if cell["cell_type"] == "markdown"), "")
    return first.split("\n")[0].removeprefix("# ").strip()


def tags_of(cell: Cell) -> list[str]:
    """Tags of a cell, as a list."""
    return [str(tag) for tag in cell.get("metadata", {}).get("tags", [])]


def is_exercise(cell: Cell) -> bool:
    """Whether it is a cell of code of an exercise, the stub or the check; a run of the chapter goes without."""
    return cell["cell_type"] == "code" and not {"exercise", "check"}.isdisjoint(tags_of(cell))


def expected_seconds(chapter: str, profile: str) -> float | None:
    """Seconds the chapter says it takes, from its metadata ``linearlens.seconds``."""
    try:
        metadata = json.loads(source_of(chapter).read_text(encoding="utf-8"))["metadata"]
        return metadata["linearlens"]["seconds"][profile]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None


def needs_of(chapter: str) -> list[str]:
    """Data sets it cannot be run without, and that are too large to be fetched unasked: ``linearlens.needs``."""
    try:
        metadata = json.loads(source_of(chapter).read_text(encoding="utf-8"))["metadata"]
        return list(metadata["linearlens"]["needs"])
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return []


def check_parameters(chapter: str, parameters: dict) -> None:
    """Refuse parameters the chapter's ``parameters`` cell does not set; papermill itself would only warn.

    Raises
    ------
    PressError
        Naming those that exist, or saying that there is no such cell or more than one.
    """
    tagged = [tree for tree, cell in code_of(chapter) if "parameters" in cell["tags"]]
    if len(tagged) != 1:
        raise PressError(
            f"notebooks/{chapter}.ipynb has {len(tagged) or 'no'} cells tagged 'parameters', one is wanted"
        )
    assigned = [target for node in tagged[0].body if isinstance(node, ast.Assign) for target in node.targets]
    known = [target.id for target in assigned if isinstance(target, ast.Name)]
    if unknown := sorted(set(parameters) - set(known)):
        raise PressError(f"{chapter} has no parameter {', '.join(unknown)}; it has: {', '.join(known)}")
