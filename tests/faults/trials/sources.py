"""What an author, an editor or a merge leaves in the sources: it is said of which file, and the other chapter runs."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import yaml

from faults.project import NET, SUM, VALUES, Project
from faults.trial import Trial

BOTH = frozenset({0, 1})  # understood, or refused with a message
FAILS = frozenset({1})

WRITTEN = yaml.safe_load(Path(__file__).with_name("cells.yml").read_text(encoding="utf-8"))["failing"]
CELL = f"{NET}.ipynb, cell"  # what a message begins with


def trials() -> list[Trial]:
    """Cells that fail, notebooks that are none, and strangers in the folder."""
    return [*_cells(), *_files(), *_strangers(), *_records()]


def _cells() -> Iterator[Trial]:
    for one in WRITTEN:
        for command in ("run", "book") if one["name"] in ("syntax-error", "sys-exit", "kills-itself") else ("run",):
            works = one.get("works", False)
            yield Trial(
                f"cell-{one['name']}-{command}",
                f"a cell of the second chapter: {one['name'].replace('-', ' ')}; then {command}",
                (command,),
                plant=_cell(one["cell"], fails=not works),
                codes=BOTH if works else FAILS,
                names=(one.get("says", CELL),),
                mend=_mend,
                others=(SUM,),
            )
    for command in (("claims",), ("figure", "--list"), ("pack", "-o", "pack", "01"), ("sweep", "01", "--seeds", "0:2")):
        yield Trial(
            f"cell-syntax-error-{command[0]}",
            f"a cell of the second chapter does not compile; then {' '.join(command)}, which may go on with the first",
            command,
            plant=_cell(WRITTEN[0]["cell"], first=False),
            codes=BOTH,
            names=(NET,),
            mend=_mend,
        )


def _cell(code: str, *, fails: bool = True, first: bool = True) -> Callable[[Project], None]:
    """Before the cell that records; if it fails, no number of the chapter is right."""

    def plant(project: Project) -> None:
        if first:
            project.change(SUM)
        _insert(project, code)
        if fails:
            project.mark_impossible(NET)

    return plant


def _insert(project: Project, code: str) -> None:
    notebook = nbformat.read(project.notebook(NET), as_version=4)
    notebook.cells.insert(3, nbformat.v4.new_code_cell(code, id="planted"))
    nbformat.write(notebook, project.notebook(NET))


def _mend(project: Project) -> None:
    project.restore(NET)


# Notebooks.


def _files() -> Iterator[Trial]:
    def text(content: str | bytes) -> Callable[[Project], None]:
        def plant(project: Project) -> None:
            project.change(SUM)
            project.notebook(NET).write_bytes(content.encode() if isinstance(content, str) else content)
            project.mark_impossible(NET)

        return plant

    def conflict(project: Project) -> None:
        project.change(SUM)
        lines = project.notebook(NET).read_text().split("\n")
        lines[10:10] = ["<<<<<<< HEAD", "=======", ">>>>>>> other"]
        project.notebook(NET).write_text("\n".join(lines))
        project.mark_impossible(NET)

    def tags(change: Callable[[list], None]) -> Callable[[Project], None]:
        def plant(project: Project) -> None:
            project.change(SUM)
            notebook = nbformat.read(project.notebook(NET), as_version=4)
            change(notebook.cells)
            nbformat.write(notebook, project.notebook(NET))
            project.mark_impossible(NET)

        return plant

    def untag(cells: list) -> None:
        cells[1].metadata.pop("tags")

    def retag(cells: list) -> None:
        untag(cells)
        cells[2].metadata["tags"] = ["parameters"]

    def kernel(project: Project) -> None:
        project.change(SUM)
        project.edit(project.notebook(NET), '"name": "python3"', '"name": "julia-1.9"')

    for name, what, plant, codes in (
        ("not-json", "is no JSON", text("# A network\n"), FAILS),
        ("empty", "has 0 bytes", text(""), FAILS),
        ("braces", "is {}", text("{}"), FAILS),
        ("a-list", "is a JSON list", text("[1, 2]"), FAILS),
        ("binary", "is binary", text(bytes(range(128, 256))), FAILS),
        ("no-cells", "has no cells", text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'), FAILS),
        ("version-3", "is of nbformat 3", text('{"worksheets": [], "metadata": {}, "nbformat": 3}'), FAILS),
        ("conflict", "holds the marks of a merge", conflict, FAILS),
        ("no-parameters", "has no cell tagged parameters", tags(untag), FAILS),
        ("moved-parameters", "has the tag parameters on its imports", tags(retag), FAILS),
        ("another-kernel", "names the kernel of another language", kernel, BOTH),
    ):
        yield Trial(
            f"notebook-{name}",
            f"the second chapter {what}; the first has a new number; then run",
            ("run",),
            plant=plant,
            codes=codes,
            names=(NET,),
            mend=_mend,
            others=(SUM,),
        )

    def folder(project: Project) -> None:
        project.change(SUM)
        project.notebook(NET).unlink()
        project.notebook(NET).mkdir()

    yield Trial(
        "notebook-a-folder",
        "the second chapter is a folder; then run",
        ("run",),
        plant=folder,
        codes=BOTH,
        names=(NET,),
        mend=lambda project: (project.notebook(NET).rmdir(), _mend(project)),
        others=(SUM,),
    )


# Strangers beside the chapters: whatever is said of them, the chapters are run.


def _strangers() -> Iterator[Trial]:
    def copy(name: str, *, old: bool = True) -> Callable[[Project], None]:
        def plant(project: Project) -> None:
            target = project / "notebooks" / name
            target.parent.mkdir(exist_ok=True)
            shutil.copy(project.notebook(SUM), target)
            if not old:
                target.write_text("")
            project.change()

        return plant

    def untitled(project: Project) -> None:
        nbformat.write(nbformat.v4.new_notebook(), project / "notebooks" / "Untitled.ipynb")
        project.change()

    for name, plant in (
        ("Untitled", untitled),
        ("copy", copy(f"{SUM}-Copy1.ipynb")),
        ("checkpoints", copy(f".ipynb_checkpoints/{SUM}-checkpoint.ipynb")),
        ("hidden", copy(f".{SUM}.ipynb", old=False)),
        ("backup", copy(f"{SUM}.ipynb~")),
        ("appledouble", copy(f"._{SUM}.ipynb", old=False)),
    ):
        for command in (("run",), ("run", "01"), *([("book",)] if name in ("Untitled", "copy") else [])):
            yield Trial(
                f"stranger-{name}-{'-'.join(command)}",
                f"a stranger in the folder of the chapters: {name}; then {' '.join(command)}",
                command,
                plant=plant,
            )


# What chapters record.


def _records() -> Iterator[Trial]:
    def recorded(code: str) -> Callable[[Project], None]:
        def plant(project: Project) -> None:
            project.edit_cell(SUM, 'record("sum.value", int(np.array([total, seed]).sum()))', code)
            project.mark_impossible(SUM)
            project.run("run", "01")

        return plant

    for name, code in (
        ("nothing", "pass"),
        ("another-name", 'record("sum.other", total)'),
        ("nan", 'record("sum.value", float("nan"))'),
    ):
        yield Trial(
            f"record-{name}",
            f"a chapter records {name.replace('-', ' ')}; then claims after a run",
            ("claims",),
            plant=recorded(code),
            codes=FAILS,
            names=(VALUES[SUM], SUM),
            mend=lambda project: project.restore(SUM),
        )
