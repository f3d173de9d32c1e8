"""What several tests need: small copies of the project to edit, and the executed chapters of the real one."""

import importlib
import json
import os
import pkgutil
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

import linearlens
from linearlens.ledger import Claim
from linearlens.paths import ROOT

if TYPE_CHECKING:
    from linearlens.press.chapter.notebooks import Edition

# Workers of xdist share the processors: with threads of their own, which wait in loops, tests of networks take five
# times the CPU seconds. This comes before anything imports numpy.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

# What the press needs is imported where it is used: the tests of the library run without, and on Windows, too.

Command = Callable[..., subprocess.CompletedProcess]
Once = Callable[[str, Callable[[Path], Any]], Path]


@pytest.fixture(scope="session")
def quick() -> "Edition":
    """The chapters of the book, executed in the quick profile if they were stale."""
    from rich.console import Console

    from linearlens.press.chapter.notebooks import Edition, all_chapters
    from linearlens.press.running.chapters import run_chapters

    edition = Edition("quick", 0)
    run_chapters(all_chapters(), edition, jobs=2, force=False, console=Console(stderr=True))
    return edition


_STARTS: dict[str, Any] = {}


@pytest.fixture(autouse=True)
def same_draws(request: pytest.FixtureRequest) -> None:
    """Each test draws on from where its module's `RNG` stood after the import, whichever tests a worker ran before."""
    if rng := getattr(request.module, "RNG", None):
        rng.bit_generator.state = _STARTS.setdefault(request.module.__name__, rng.bit_generator.state)


def write_chapter(path: Path, *cells: str, parameters: str = 'profile = "quick"\nseed = 0') -> None:
    """A chapter of code cells, the first of them its parameters."""
    import nbformat

    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {"name": "python3", "language": "python", "display_name": "Python 3"}
    notebook.cells = [nbformat.v4.new_markdown_cell("# A small chapter\n\nIt measured {glue:text}`small.value`.")]
    notebook.cells += [nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]})]
    notebook.cells += [nbformat.v4.new_code_cell(cell) for cell in cells]
    nbformat.write(notebook, path)


# A chapter and the one function it calls, which takes no time to import; then one that reaches further.
SMALL_CELL = """import numpy as np
from linearlens.ledger import record
from linearlens.small import total
record("small.value", total(np.arange(6.0)) + 1 + seed)"""

SMALL_MODULE = '''"""What the small chapter reaches."""


def total(values):
    """The sum."""
    return values.sum()
'''

KOOPMAN_CELL = """import numpy as np
from linearlens.koopman import delay_embed
from linearlens.ledger import record
record("small.value", delay_embed(np.arange(5.0)[:, None], delays=1).sum() + seed)"""

SMALL_CLAIM = """- id: small.value
  chapter: 01_small
  kind: identity
  paper: this book
  where: ""
  says: A sum is what it is.
  set: before
  bound: value >= 0
  why: All terms are positive.
"""


def a_claim(**changes: Any) -> Claim:
    """A claim of the book's own, with these changes."""
    fields = {"id": "a.b", "chapter": "01_a", "kind": "ours", "paper": "this book", "where": "", "says": "Small."}
    fields |= {"set": "before", "bound": {"quick": "value <= 1"}, "why": "No reason."}
    return Claim(**{**fields, **changes})


def write_registry(path: Path, entries: dict[str, dict[str, Any]]) -> None:
    """Write a registry of data sets, tables of texts, numbers and lists, as TOML."""
    lines = []
    for name, fields in entries.items():
        lines += [f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in fields.items() if key != "files")]
        for file in fields["files"]:
            lines += [f"[[{name}.files]]", *(f"{key} = {json.dumps(value)}" for key, value in file.items())]
    path.write_text("\n".join(lines), encoding="utf-8")


# One started in the background would not listen to interrupts, nor its children. It has threads nowhere, unlike this
# process, where code between fork and exec could wait for the lock of a thread that is gone.
_HEEDING = (
    "import runpy, signal\n"
    "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "runpy.run_module('linearlens', run_name='__main__', alter_sys=True)"
)


def to_be_interrupted(project: Path, *arguments: str) -> subprocess.Popen:
    """The ``linearlens`` command of a project, started and not waited for; what it says goes into its `stderr`."""
    return subprocess.Popen(
        [sys.executable, "-c", _HEEDING, *arguments],
        cwd=project,
        env=environment_of(project),
        stderr=subprocess.PIPE,
        text=True,
    )


def processes_of(project: Path) -> list[str]:
    """What runs chapters of a project now: the process of a chapter, and its kernel."""
    import psutil

    found: list[str] = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):  # it may have ended meanwhile
            if process.cwd() == str(project):
                found += {"linearlens.press.running.process", "ipykernel_launcher"} & set(process.cmdline())
    return found


def wait_until(true: Callable[[], object], seconds: float = 120) -> None:
    """Until it is, and fail if that takes too long."""
    deadline = time.monotonic() + seconds
    while not (seen := true()) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert seen


# Small projects. Each is made once for all workers of a run, and copied for each test.


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """Make a folder under a name unless this run of the tests has it already: `make` is given the path to fill."""
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared

    def once(name: str, make: Callable[[Path], Any]) -> Path:
        from filelock import FileLock

        with FileLock(shared / f"{name}.lock"):
            if not (shared / name).is_dir():
                shutil.rmtree(shared / f"{name}.part", ignore_errors=True)
                make(shared / f"{name}.part")
                (shared / f"{name}.part").rename(shared / name)
        return shared / name

    return once


@pytest.fixture
def small(once: Once, tmp_path: Path) -> Path:
    """A copy of the project with one small chapter and two pages, free to be edited."""
    return shutil.copytree(once("small", small_project), tmp_path / "project")


@pytest.fixture
def ran(small: Path, once: Once) -> Path:
    """The small project with its chapter executed; `command` works on it."""

    def make(folder: Path) -> None:
        shutil.copytree(once("small", small_project), folder)
        _succeed(in_process(folder)("run"))

    shutil.copytree(once("ran", make) / "_build", small / "_build")
    return small


@pytest.fixture
def built(ran: Path, once: Once) -> Path:
    """The small project with its chapter executed and its pages built; `command` works on it."""

    def make(folder: Path) -> None:
        shutil.copytree(ran, folder)
        _succeed(in_process(folder)("book"))

    shutil.copytree(once("built", make) / "_build" / "html", ran / "_build" / "html")
    return ran


def _succeed(done: subprocess.CompletedProcess) -> None:
    assert done.returncode == 0, done.stderr


def small_project(root: Path) -> Path:
    """Write it."""
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "src", root / "src", ignore=ignore)
    for name in ("_config.yml", "requirements.lock", "Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, root / name)
    (root / "src" / "linearlens" / "small.py").write_text(SMALL_MODULE)
    (root / "notebooks").mkdir()
    (root / "book" / "_static").mkdir(parents=True)
    shutil.copy(ROOT / "book" / "_static" / "favicon.svg", root / "book" / "_static")
    shutil.copy(ROOT / "book" / "_static" / "book.css", root / "book" / "_static")
    (root / "book" / "references.bib").write_text("")
    (root / "book" / "index.md").write_text("# Small\n\n```{include} _generated/ledger.md\n```\n")
    (root / "book" / "_toc.yml").write_text("format: jb-book\nroot: index\nchapters:\n- file: notebooks/01_small\n")
    (root / "data").mkdir()
    (root / "data" / "claims.yml").write_text(SMALL_CLAIM)
    (root / "data" / "figures.yml").write_text("")
    write_chapter(root / "notebooks" / "01_small.ipynb", SMALL_CELL)
    return root


@pytest.fixture
def command(small: Path) -> Command:
    """The ``linearlens`` command of the small project, called in this process: code of the press is that of here."""
    return in_process(small)


@pytest.fixture
def here(small: Path) -> Iterator[Path]:
    """The small project, on which functions of the press work as long as the test lasts."""
    with working_on(small):
        yield small


def in_process(project: Path) -> Command:
    """The ``linearlens`` command of a project without the seconds that a process takes to start."""
    from typer.testing import CliRunner

    from linearlens.press.cli import app

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
        with working_on(project) as patch, mock.patch.dict(os.environ, {"COLUMNS": "200", **environment}):
            patch.chdir(project)
            patch.setattr(sys, "argv", ["linearlens", *arguments])
            done = CliRunner().invoke(app, arguments, prog_name="linearlens")
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)

    return run


def command_of(project: Path) -> Command:
    """The ``linearlens`` command of a project in a process of its own, with the project's press."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, "-m", "linearlens", *arguments],
            cwd=project,
            env=environment_of(project, COLUMNS="200", **environment),
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def environment_of(project: Path, **more: str) -> dict[str, str]:
    """The environment of a process that is to import the project's package."""
    return {**os.environ, "PYTHONPATH": str(project / "src"), **more}


@contextmanager
def working_on(project: Path) -> Iterator[pytest.MonkeyPatch]:
    """Let the package in this process work on a project: every path of it below our root becomes one below its root."""
    with pytest.MonkeyPatch.context() as patch:
        for module in _package():
            for name, value in list(vars(module).items()):
                if _is_ours(value):
                    patch.setattr(module, name, project / value.relative_to(ROOT))
                elif getattr(value, "__module__", None) == module.__name__:
                    given = getattr(value, "__kwdefaults__", None) or {}
                    for argument in [argument for argument in given if _is_ours(given[argument])]:
                        patch.setitem(given, argument, project / given[argument].relative_to(ROOT))
        yield patch


def _is_ours(value: object) -> bool:
    return isinstance(value, Path) and (value == ROOT or ROOT in value.parents)


@cache
def _package() -> list[ModuleType]:
    """All modules of the package; one imported later would keep the paths of the project it first saw."""
    found = pkgutil.walk_packages(linearlens.__path__, "linearlens.")
    return [linearlens, *(importlib.import_module(one.name) for one in found if not one.name.endswith("__main__"))]
