"""Is an executed chapter still what its sources would give?

What a chapter gives depends on the code of its cells and on all they reach, on the data sets it asks for, on the
versions of the libraries that compute, on the parameters and on the device. The executed notebook carries hashes of
these as a stamp, and a seal. Prose is not among them, nor are comments, docstrings and layout: no number depends on
them, and pages take the prose from the notebook as it is now. What only draws is hashed apart from what measures.
"""

import hashlib
import json
import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from linearlens.paths import BUILD, DEVICE, ROOT
from linearlens.press.chapter.drawing import parts_of
from linearlens.press.chapter.errors import DamagedError, PressError
from linearlens.press.chapter.files import read_sealed, reason_of
from linearlens.press.chapter.notebooks import Cell, Edition, cells_of, code_of, is_exercise, read_source
from linearlens.press.chapter.reachable import Reach, Statement, find, hash_code, hash_of, module

if TYPE_CHECKING:
    from nbformat import NotebookNode

# How a chapter is executed is part of what it depends on; what else the press does is not.
EXECUTES = "linearlens.press.running.kernel"
PROVES = "linearlens.press.chapter.exercises"
REGISTRY = ROOT / "src" / "linearlens" / "datasets" / "registry.toml"
# Libraries whose results, or drawings, reach the page; a new version of another one changes nothing.
COMPUTES = ("numpy", "scipy", "scikit-learn", "pandas", "torch", "pydmd", "captum")
DRAWS = ("matplotlib", "contourpy")
FIGURES = ROOT / "src" / "linearlens" / "figures"
TAGS = {"parameters", "raises-exception", "skip-execution"}  # that change how a cell is run
APART = ("drawings", "exercises")


@dataclass(frozen=True)
class Sources:
    """What a chapter depends on: hashes by kind, and for whom it helps to know where, by file."""

    hashes: dict[str, str]
    files: dict[str, str]

    def changes(self, hashes: Mapping[str, str], files: Mapping[str, str]) -> list[str]:
        """What differs from these; of code, the files."""
        kinds = sorted(kind for kind in self.hashes.keys() | hashes.keys() if self.hashes.get(kind) != hashes.get(kind))
        where = sorted(name for name in self.files.keys() | files.keys() if self.files.get(name) != files.get(name))
        named = {"code", "drawings"} & {*kinds} and where
        return [*(kind for kind in kinds if not named or kind not in ("code", "drawings")), *(where if named else [])]


@dataclass(frozen=True)
class Executed:
    """An executed chapter on disk."""

    chapter: str
    edition: Edition

    @property
    def path(self) -> Path:
        """Where it lies, whether or not it is there."""
        return BUILD / "executed" / self.edition.folder / f"{self.chapter}.ipynb"

    def content(self) -> dict[str, Any]:
        """The notebook as plain dictionaries.

        Raises
        ------
        FileNotFoundError
            If it was never executed.
        DamagedError
            If its file is not as it was written.
        """
        try:
            state = os.stat(self.path)
        except NotADirectoryError as error:
            raise FileNotFoundError(str(error)) from error
        content = _content(self.path, state.st_mtime_ns, state.st_size, state.st_ino)
        stamp = content.get("metadata", {}).get("linearlens_run", {})
        if (stamp.get("chapter"), stamp.get("profile"), stamp.get("seed")) != (
            self.chapter,
            self.edition.profile,
            self.edition.seed,
        ):
            raise DamagedError(f"{self.path} is damaged: it is the run of another chapter, profile or seed")
        return content

    def stamp(self) -> dict[str, Any] | None:
        """What its execution left of itself: records, sources, times; None if there is no whole file."""
        try:
            return self.content()["metadata"]["linearlens_run"]
        except (FileNotFoundError, DamagedError):
            return None

    def read(self) -> "NotebookNode | None":
        """The notebook, or None if there is no whole file."""
        from nbformat.v4.nbjson import JSONReader

        return None if self.stamp() is None else JSONReader().to_notebook(self.content())

    def trouble(self, device: str | None = None) -> str | None:
        """Why it cannot be used as it is; None if it is fresh. With `device`, it must have been run there."""
        try:
            stamp = self.content()["metadata"]["linearlens_run"]
        except FileNotFoundError:
            return "never executed"
        except DamagedError as error:
            return str(error)
        wanted = device or asked_device(self.edition)
        if wanted in ("cpu", "cuda") and stamp["device"] != wanted:
            return f"it was run on {stamp['device']}, {wanted} is wanted"
        try:
            changed = sources(self.chapter, self.edition).changes(stamp["sources"], stamp["files"])
        except PressError as error:
            return str(error)
        return f"changed since: {', '.join(changed)}" if changed else None

    def page(self) -> "NotebookNode":
        """The notebook with today's prose and captions, and the outputs of the execution, which must be there.

        Cells of code are matched in their order, which is the same in both as long as `trouble` finds nothing.
        """
        executed = self.read()
        assert executed is not None
        page = read_source(self.chapter)
        for cell, done in zip(code_cells(page), code_cells(executed), strict=True):
            cell.outputs, cell.execution_count = done.outputs, done.execution_count
        page.metadata["linearlens_run"] = executed.metadata["linearlens_run"]
        return page


@cache
def _content(path: Path, *_state: int) -> dict[str, Any]:
    """Read once for each state of the file."""
    return read_sealed(path)


def asked_device(edition: Edition) -> str:
    """cpu, cuda or auto, as the environment or else the profile says."""
    return os.environ.get(DEVICE) or ("auto" if edition.profile == "full" else "cpu")


def code_cells(notebook: "NotebookNode") -> list["NotebookNode"]:
    """Cells of code, but for exercises and the one papermill puts in."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code" and not is_exercise(cell)]
    return [cell for cell in cells if "injected-parameters" not in cell.metadata.get("tags", [])]


def sources(chapter: str, edition: Edition) -> Sources:
    """Hashes of everything the chapter's output depends on.

    Raises
    ------
    PressError
        If a cell, or a module it reaches, cannot be read.
    """
    code = [*(ROOT / "src" / "linearlens").rglob("*.py"), *ROOT.glob("*.py"), *REGISTRY.parent.glob(REGISTRY.name)]
    state = [(path, path.stat().st_mtime_ns) for path in sorted(code)]
    hashes, files = _code(chapter, hash_of(json.dumps(cells_of(chapter))), hash_of(str(state)))
    hashes = {
        **hashes,
        "versions": _versions(COMPUTES),
        "execution": _hash_module(EXECUTES),
        "parameters": json.dumps(edition.parameters),
    }
    if edition.proves:
        exercises = "\n\n".join(cell["source"] for cell in cells_of(chapter) if is_exercise(cell))
        hashes["exercises"] = hash_of(exercises + _hash_module(PROVES))
    return Sources(hashes, files)


@cache
def _code(chapter: str, *_state: str) -> tuple[dict[str, str], dict[str, str]]:
    module.cache_clear()
    cells = code_of(chapter)
    whole, measuring, every = parts_of([(tree, _shows(cell)) for tree, cell in cells])
    try:
        reach, all_of_it = Reach(whole, measuring), Reach(whole, every)
    except SyntaxError as error:
        raise PressError(f"{error.filename}, line {error.lineno}: {error.msg}") from error
    tags = [sorted(TAGS & {*cell["tags"]}) for _, cell in cells]
    keys: dict[Path, list[str]] = {}
    for statement, where in reach.of.items():
        if where.path is not None and FIGURES not in where.path.parents:
            keys.setdefault(where.path, []).append(reach.key(statement))
    drawn = [all_of_it.key(one) for one in all_of_it.of if one not in reach.of or _draws(all_of_it, one)]
    hashes = {
        "cells": hash_of(f"{[reach.key(one) for one in measuring]} {tags}"),
        "code": hash_of(str(sorted(key for many in keys.values() for key in many))),
        "data": hash_of(str(_data(sorted({name for one in reach.of for name in one.fetches})))),
        "drawings": hash_of(f"{sorted(drawn)} {_versions(DRAWS)}"),
    }
    files = {path.relative_to(ROOT).as_posix(): hash_of(str(sorted(many))) for path, many in sorted(keys.items())}
    return hashes, files


def _draws(reach: Reach, statement: Statement) -> bool:
    path = reach.of[statement].path
    return path is not None and FIGURES in path.parents


def _shows(cell: Cell) -> bool:
    """Whether a cell shows or keeps a figure; `drawing` decides whether it does nothing else."""
    metadata = cell["metadata"]
    figure = any("figure" in metadata.get(key, {}) for key in ("mystnb", "linearlens"))
    records = "record(" in cell["source"]
    return not records and (figure or any(word in cell["source"] for word in ("plt.show(", "Slider(", "glue(")))


def measuring(hashes: Mapping[str, str]) -> dict[str, str]:
    """Of the hashes those on which a measured number depends: not what draws figures, nor the exercises."""
    return {kind: value for kind, value in hashes.items() if kind not in APART}


def _data(names: Iterable[str]) -> list[Any]:
    """What the registry says of the content of data sets: checksums alone, so that it may be worded anew."""
    try:
        registry = tomllib.loads(REGISTRY.read_text(encoding="utf-8"))
        entries = [registry[name]["files"] for name in names if name in registry]
        return [[(one["name"], one["sha256"]) for one in files] for files in entries]
    except (OSError, ValueError, KeyError, TypeError) as error:
        said = reason_of(error) if isinstance(error, OSError) else error
        raise PressError(f"{REGISTRY.relative_to(ROOT)} cannot be read: {said}") from error


@cache
def _versions(names: tuple[str, ...]) -> str:
    """The versions installed here, of which the lock is a promise."""
    return " ".join(f"{name}=={_version(name)}" for name in names)


def _version(name: str) -> str:
    try:
        return version(name).partition("+")[0]
    except PackageNotFoundError:
        return "none"


def _hash_module(name: str) -> str:
    path = find(name)
    assert path is not None
    return hash_code(path.read_text(encoding="utf-8"))


def hash_bytes(content: bytes) -> str:
    """A hash of a file's content."""
    return hashlib.sha256(content).hexdigest()[:16]
