"""What several tests need: a small copy of the project to edit, and the executed chapters of the real one."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from linearlens.paths import ROOT

if TYPE_CHECKING:
    from linearlens.press.chapter.notebooks import Edition

# What the press needs is imported where it is used: the tests of the library run without, and on Windows, too.

Command = Callable[..., subprocess.CompletedProcess]


@pytest.fixture(scope="session")
def quick() -> "Edition":
    """The chapters of the book, executed in the quick profile if they were stale."""
    from rich.console import Console

    from linearlens.press.chapter.notebooks import Edition, all_chapters
    from linearlens.press.running.chapters import run_chapters

    edition = Edition("quick", 0)
    run_chapters(all_chapters(), edition, jobs=2, force=False, console=Console(stderr=True))
    return edition


def write_chapter(path: Path, *cells: str, parameters: str = 'profile = "quick"\nseed = 0') -> None:
    """A chapter of code cells, the first of them its parameters."""
    import nbformat

    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {"name": "python3", "language": "python", "display_name": "Python 3"}
    notebook.cells = [nbformat.v4.new_markdown_cell("# A small chapter\n\nIt measured {glue:text}`small.value`.")]
    notebook.cells += [nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]})]
    notebook.cells += [nbformat.v4.new_code_cell(cell) for cell in cells]
    nbformat.write(notebook, path)


SMALL_CELL = """import numpy as np
from linearlens.koopman import delay_embed
from linearlens.ledger import record
record("small.value", delay_embed(np.arange(5.0)[:, None], delays=1).sum() + seed)"""

SMALL_CLAIM = """- id: small.value
  chapter: 01_small
  paper: this book
  where: ""
  says: A sum is what it is.
  bound: value >= 0
  why: All terms are positive.
  verdict: beyond the paper
"""


def write_registry(path: Path, entries: dict[str, dict[str, Any]]) -> None:
    """Write a registry of data sets, tables of texts, numbers and lists, as TOML."""
    lines = []
    for name, fields in entries.items():
        lines += [f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in fields.items() if key != "files")]
        for file in fields["files"]:
            lines += [f"[[{name}.files]]", *(f"{key} = {json.dumps(value)}" for key, value in file.items())]
    path.write_text("\n".join(lines), encoding="utf-8")


def heed_interrupts() -> None:
    """For a process that is to be interrupted: one started in the background would not listen, nor its children."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


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
    while not true() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert true()


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A copy of the project with one small chapter and three pages, free to be edited."""
    return small_project(tmp_path / "project")


def small_project(root: Path) -> Path:
    """Write it."""
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "src", root / "src", ignore=ignore)
    for name in ("_config.yml", "requirements.lock", "Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, root / name)
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
    """Run the ``linearlens`` command of the small project."""
    return command_of(small)


def command_of(small: Path) -> Command:
    """The same for any."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, "-m", "linearlens", *arguments],
            cwd=small,
            env={**os.environ, "PYTHONPATH": str(small / "src"), "COLUMNS": "200", **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    return run
