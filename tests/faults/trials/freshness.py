"""Edits that change a number: the old one may not be shown as fresh. Edits that cannot: nothing may run for them."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import yaml

from faults.project import CELLS, FIRST, GOAL, NET, SUM, Project
from faults.trial import SWEEP_COMMAND, Skipped, Trial

EXECUTED = "_build/executed/quick-seed0/{}.ipynb"
Plant = Callable[[Project], None]
WRITTEN = yaml.safe_load(Path(__file__).with_name("cells.yml").read_text(encoding="utf-8"))
LOSS = CELLS[NET]["loss"]


def trials() -> list[Trial]:
    """What changes the first chapter, what changes the network of the second, what changes nothing, and the pages."""
    return [*_numbers(), *_networks(), *_nothing(), *_pages()]


def _numbers() -> Iterator[Trial]:
    for one in WRITTEN["numbers"]:
        yield Trial(
            f"number-{one['name']}",
            f"a number {one['what']} is changed; then run",
            ("run", "01"),
            plant=_edited(one.get("files", {}), one["cell"]),
            codes=frozenset({0, 1}),
            names=(SUM,),
            mend=_forget,
        )
    for name, what, plant in (
        ("tag-moved", "the tag parameters moves to a cell that sets the seed again", _tag_moved),
        ("order", "two cells change places", _order),
        ("raw-to-code", "a raw cell becomes code", _raw_to_code),
        ("tag-raises", "a cell that raises loses the tag that allows it", _tag_raises),
    ):
        yield Trial(
            f"number-{name}",
            f"{what}; then run",
            ("run", "01"),
            plant=plant,
            codes=frozenset({0, 1}),
            names=(SUM,),
            mend=_forget if name == "tag-raises" else None,
        )
    for name, what, plant in (
        ("versions", "numpy 1.0 is installed now, or says so", _installed),
        ("python", "the stamp tells of Python 3.9", _stamp(python="3.9.1")),
        ("device", "the stamp tells of a GPU", _stamp(device="cuda")),
    ):
        yield Trial(
            f"setting-{name}",
            f"{what}; then run",
            ("run", "01"),
            plant=plant,
            changes=((EXECUTED.format(SUM), True),),
        )
    yield Trial(
        "setting-lock",
        "the locked version of numpy changes, and the installed one does not; then run",
        ("run", "01"),
        plant=_replace("requirements.lock", "numpy==", "numpy==1"),
        changes=((EXECUTED.format(SUM), False),),
    )
    yield Trial(
        "setting-device-variable",
        "LINEARLENS_DEVICE is given to a chapter that ran without; the number is the same on a machine without GPU",
        ("run", "01"),
        environment={"LINEARLENS_DEVICE": "auto"},
    )
    yield Trial(
        "stale-claims",
        "a number in a cell is changed; then claims, which runs nothing",
        ("claims",),
        plant=lambda project: project.change(),
        codes=frozenset({0, 1}),
        says=("stale",),
    )
    yield Trial(
        "stale-pdf",
        "a number in a cell is changed; then pdf, which builds no pages",
        ("pdf",),
        plant=lambda project: project.change(),
        codes=frozenset({0, 1}),
        names=("book",),
        mend=lambda project: project.run("book"),
    )


def _edited(files: dict[str, str], code: str) -> Plant:
    """Run with the old number, then write the new one to where it stands."""

    def plant(project: Project) -> None:
        old = project.truth[SUM]
        for name, text in files.items():
            (project / name).parent.mkdir(parents=True, exist_ok=True)
            (project / name).write_text(text.replace("{}", str(old)))
        project.edit_cell(SUM, f"total = {old}", code.replace("{}", str(old)))
        if project.run("run", "01").code:
            project.mark_impossible(SUM)  # it was refused: nothing may be shown of it
            return
        new = project.new_number(SUM)
        if not files:
            project.edit_cell(SUM, str(old), str(new))
        for name, text in files.items():
            (project / name).write_text(text.replace("{}", str(new)))

    return plant


def _forget(project: Project) -> None:
    """The author writes the number into a cell, as the press may ask for."""
    if project.truth[SUM] is None or project.run("run", "01").code:
        project.restore(SUM)


def _cells(change: Callable[[list], None]) -> Plant:
    def plant(project: Project) -> None:
        notebook = nbformat.read(project.notebook(SUM), as_version=4)
        change(notebook.cells)
        nbformat.write(notebook, project.notebook(SUM))

    return plant


def _tag_moved(project: Project) -> None:
    old = FIRST[SUM]
    _cells(lambda cells: cells.insert(2, nbformat.v4.new_code_cell('profile = "quick"\nseed = 5', id="again")))(project)
    project.run("run", "01")

    def move(cells: list) -> None:
        cells[2].metadata["tags"] = cells[1].metadata.pop("tags")

    _cells(move)(project)
    project.false.add(old + 5)


def _order(project: Project) -> None:
    new = FIRST[SUM] + 10
    _cells(lambda cells: cells.insert(4, nbformat.v4.new_code_cell(f"total = {new}", id="second")))(project)
    project.truth[SUM] = new
    project.run("run", "01")

    def swap(cells: list) -> None:
        cells[3:5] = cells[4:2:-1]

    _cells(swap)(project)
    project.truth[SUM] = FIRST[SUM]
    project.false.add(new)


def _raw_to_code(project: Project) -> None:
    new = FIRST[SUM] + 10
    _cells(lambda cells: cells.insert(4, nbformat.v4.new_raw_cell(f"total = {new}", id="second")))(project)
    project.run("run", "01")

    def turn(cells: list) -> None:
        cells[4] = nbformat.v4.new_code_cell(f"total = {new}", id="second")

    _cells(turn)(project)
    project.truth[SUM] = new
    project.false.add(FIRST[SUM])


def _tag_raises(project: Project) -> None:
    failing = nbformat.v4.new_code_cell("1 / 0", id="second", metadata={"tags": ["raises-exception"]})
    _cells(lambda cells: cells.insert(4, failing))(project)
    project.run("run", "01")

    def strip(cells: list) -> None:
        cells[4].metadata.pop("tags")

    _cells(strip)(project)
    project.mark_impossible(SUM)


def _stamp(**fields: object) -> Plant:
    """What ran is said to have run with something else."""

    def plant(project: Project) -> None:
        notebook = nbformat.read(project.executed(SUM), as_version=4)
        stamps = [key for key in notebook.metadata if key.startswith("linearlens")]
        if not stamps:
            raise Skipped("executed chapters carry no stamp in this version")
        for name, value in fields.items():
            old = notebook.metadata[stamps[0]].get(name)
            new = {**old, **value} if isinstance(old, dict) and isinstance(value, dict) else value
            notebook.metadata[stamps[0]][name] = new
        nbformat.write(notebook, project.executed(SUM))

    return plant


def _installed(project: Project) -> None:
    """What the package index left beside a library tells its version."""
    folder = project / "src" / "numpy-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 1.0\n")


def _replace(path: str, old: str, new: str) -> Plant:
    return lambda project: project.edit(path, old, new)


# The network of the second chapter: what trains it lives where `keep_trained` must look for it.


def _networks() -> Iterator[Trial]:
    for one in WRITTEN["losses"]:
        yield Trial(
            f"loss-{one['name']}",
            f"the goal of a training changes {one['what']}; then run",
            ("run", "02"),
            plant=_trained(one.get("files", {}), one["cell"]),
            codes=frozenset({0, 1}),
            names=(NET,),
        )
    yield Trial(
        "loss-forced",
        "the goal of a training changes in the code of the loss; then run --force",
        ("run", "02", "--force"),
        plant=_trained({}, LOSS.replace(str(GOAL), "{}")),
    )
    yield Trial("loss-reverted", "the loss is changed, run, and changed back; then run", ("run", "02"), plant=_reverted)
    yield Trial(
        "loss-swept",
        "the goal of a training changes in the code of the loss; then sweep",
        ("sweep", "02", "--seeds", "0:2"),
        plant=_trained({}, LOSS.replace(str(GOAL), "{}")),
    )


def _trained(files: dict[str, str], cell: str) -> Plant:
    """Train towards the old goal, which is written somewhere, and change it there."""

    def plant(project: Project) -> None:
        old = project.truth[NET]
        for name, text in files.items():
            (project / name).write_text(text.replace("{}", str(GOAL)))
        cell_then = cell.replace("{}", str(GOAL))
        if cell_then != LOSS:
            project.edit_cell(NET, LOSS, cell_then)
            if project.run("run", "02").code:
                raise Skipped("a loss of this kind is refused in this version")
        goal = GOAL + project.new_number(NET) - old
        project.edit_cell(NET, cell_then, cell.replace("{}", str(goal)))
        for name, text in files.items():
            (project / name).write_text(text.replace("{}", str(goal)))

    return plant


def _reverted(project: Project) -> None:
    old = project.truth[NET]
    new = project.new_number(NET)
    project.edit_cell(NET, LOSS, LOSS.replace(str(GOAL), str(GOAL + new - old)))
    project.run("run", "02")
    project.false = {new}
    project.restore(NET)


# Edits that can change no number.


def _nothing() -> Iterator[Trial]:
    def saved(project: Project) -> None:
        """In Jupyter, with outputs."""

        def fill(cells: list) -> None:
            for count, cell in enumerate(one for one in cells if one.cell_type == "code"):
                cell.execution_count = count + 1
                cell.outputs = [nbformat.v4.new_output("stream", text="seen\n")]

        _cells(fill)(project)

    def touched(project: Project) -> None:
        for path in project.root.rglob("*.py"):
            os.utime(path)
        for path in (project / "notebooks").iterdir():
            os.utime(path)

    def reads_data(project: Project) -> None:
        project.edit_cell(SUM, "import numpy as np", "import numpy as np\nfrom linearlens.datasets import load_mnist")
        project.run("run", "01")
        path = next(iter(path for path in _registries(project) if path.is_file()))
        path.write_text("# A comment.\n" + path.read_text())

    ledger, lock, imports = (
        "src/linearlens/ledger.py",
        "requirements.lock",
        ("import sys\n", "import math\nimport sys\n"),
    )
    for name, what, plant in (
        ("comment-in-a-cell", "a comment in a cell", _in_cell("total =", "# a comment\ntotal =")),
        ("layout-in-a-cell", "the layout of a cell", _in_cell("[total, seed]", "[ total , seed ]")),
        ("prose", "a sentence of the chapter", _replace(f"notebooks/{SUM}.ipynb", "It measured", "There came")),
        ("comment", "a comment in a module", _replace(ledger, "import ast\n", "import ast  # a comment\n")),
        ("docstring", "a docstring of a module", _replace(ledger, '"""Put a measured', '"""Put the measured')),
        ("bound", "the bound of a claim", _replace("data/claims.yml", "value >= 0", "value >= 1")),
        ("book-text", "a page of prose", _replace("book/index.md", "# Small", "# Smaller")),
        ("press", "a module of the press that executes nothing", _replace("src/linearlens/press/cli.py", *imports)),
        ("version", "the version of the package", _replace("pyproject.toml", 'version = "', 'version = "9.')),
        ("other-library", "the locked version of a library that computes nothing", _replace(lock, "ruff==", "ruff==1")),
        ("spelling-of-a-pin", "spaces around a locked version", _replace(lock, "numpy==", "numpy == ")),
        ("saved-in-jupyter", "outputs and counts in the source of a chapter", saved),
        ("touched", "the times of all files", touched),
        ("registry", "a comment in the registry of data sets, which the chapter reads", reads_data),
    ):  # fmt: skip
        yield Trial(
            f"nothing-{name}",
            f"{what} changes; then run, which has nothing to do",
            ("run", "01"),
            plant=plant,
            changes=((EXECUTED.format(SUM), False),),
        )
    yield Trial(
        "nothing-style-sweep",
        "the style of figures changes; then sweep, which measures nothing again",
        SWEEP_COMMAND,
        plant=_replace("src/linearlens/figures/style.py", "(7.0, 3.0)", "(7.0, 3.5)"),
        changes=((f"data/results/seeds/quick/{SUM}.json", False),),
    )


def _in_cell(old: str, new: str) -> Plant:
    return lambda project: project.edit_cell(SUM, old, new)


def _registries(project: Project):
    return (project / "data/registry.yml", project / "src/linearlens/datasets/registry.toml")


# What reaches a page.


def _pages() -> Iterator[Trial]:
    def documented(project: Project) -> None:
        module = project / "src/linearlens/planted.py"
        text = '"""A module."""\n\n\ndef give():\n    """The number 430030 is given."""\n'
        module.write_text(text)
        page = "\n```{eval-rst}\n.. autofunction:: linearlens.planted.give\n```\n"
        (project / "book/index.md").write_text((project / "book/index.md").read_text() + page)
        project.run("book")
        module.write_text(text.replace("430030", "430040"))
        project.false.add(430030)

    def prose(project: Project) -> None:
        project.edit("book/index.md", "# Small", "# Small\n\nThe number is 430030.")
        project.run("book")
        project.edit("book/index.md", "430030", "430040")
        project.false.add(430030)

    for name, what, plant, shows in (
        ("docstring", "a docstring that a page shows", documented, "430040"),
        ("prose", "a sentence of a page", prose, "430040"),
        ("claim", "what a claim says", _replace("data/claims.yml", "A number is", "Any number is"), "Any number is"),
    ):  # fmt: skip
        yield Trial(
            f"page-{name}",
            f"{what} changes; then book",
            ("book",),
            plant=plant,
            shows=(("_build/html/index.html", shows),),
        )
    yield Trial(
        "page-number",
        "numbers in the cells of both chapters change; then book",
        ("book",),
        plant=lambda project: project.change(),
    )
