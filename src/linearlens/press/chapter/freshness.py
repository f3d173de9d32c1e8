"""Is an executed chapter still what its sources would give?

What a chapter gives depends on the code of its cells and on all they reach, on the data sets it asks for, on the
versions of the libraries that compute, on the parameters and on the device. The executed notebook carries hashes of
these as a stamp, and a seal. Prose is not among them, nor are comments, docstrings and layout: no number depends on
them, and pages take the prose from the notebook as it is now. What only draws is hashed apart from what measures.
"""

import ast
import hashlib
import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from linearlens.paths import BUILD, DEVICE, ROOT
from linearlens.press.chapter.drawing import parts_of
from linearlens.press.chapter.errors import DamagedError, PressError
from linearlens.press.chapter.exercises import exercises_of
from linearlens.press.chapter.files import read_sealed
from linearlens.press.chapter.notebooks import Cell, Edition, cells_of, code_of, is_exercise, read_source
from linearlens.press.chapter.reachable import Reach, find, forget_changed, look
from linearlens.press.chapter.statements import Module, Statement, hash_code, hash_of

if TYPE_CHECKING:
    from nbformat import NotebookNode

# How a chapter is executed is part of what it depends on; what else the press does is not.
EXECUTES = "linearlens.press.running.kernel"
PROVES = ("linearlens.press.chapter.proof", "linearlens.press.chapter.attempts", "linearlens.exercises")
REGISTRY = ROOT / "src" / "linearlens" / "datasets" / "registry.toml"
# Libraries whose results, or drawings, reach the page; a new version of another one changes nothing.
COMPUTES = ("numpy", "scipy", "scikit-learn", "pandas", "torch", "pydmd", "captum")
DRAWS = ("matplotlib", "contourpy")
FIGURES = "linearlens.figures"
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
        content = _content(self.path, state.st_mtime_ns, state.st_ctime_ns, state.st_size, state.st_ino)
        stamp = content.get("metadata", {}).get("linearlens_run", {})
        wanted = {"chapter": self.chapter, **self.edition.parameters}
        if {name: stamp.get(name) for name in wanted} != wanted:
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
        return self.outdated(stamp, device)

    def outdated(self, stamp: Mapping[str, Any], device: str | None = None) -> str | None:
        """Why a run with this stamp is not what today's sources would give here, wherever it lies; None if it is."""
        wanted = device or asked_device(self.edition)
        if wanted in ("cpu", "cuda") and stamp.get("device") != wanted:
            return f"it was run on {stamp.get('device')}, {wanted} is wanted"
        try:
            changed = sources(self.chapter, self.edition).changes(stamp.get("sources", {}), stamp.get("files", {}))
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


@lru_cache(64)
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
    if forget_changed():
        _code.cache_clear()
    hashes, files = _code(chapter, json.dumps(cells_of(chapter)))
    hashes = {
        **hashes,
        "drawings": f"{hashes['drawings']} {_versions(DRAWS)}",
        "versions": _versions(COMPUTES),
        "execution": _hash_module(EXECUTES),
        "parameters": json.dumps(edition.parameters),
    }
    if edition.proves:
        tried = [(one.label, one.stub, one.check, replace(one.answers, told="")) for one in exercises_of(chapter)]
        hashes["exercises"] = hash_of(f"{tried} {[*map(_hash_module, PROVES)]}")
    return Sources(hashes, files)


@cache
def _code(chapter: str, _cells: str) -> tuple[dict[str, str], dict[str, str]]:
    cells = code_of(chapter)
    whole, measuring, every = parts_of([(tree, _shows(cell)) for tree, cell in cells])
    measured = [one for cell in measuring for one in cell]
    with _readable():
        reach = Reach(whole, measured, _only_draws(whole, measuring, cells), FIGURES)
        n = len(reach.of)
    asked = reach.asked_for()
    data = [] if asked == set() else [one for one in _checksums() if asked is None or one[0] in asked]
    files: dict[str, list[str]] = {}
    for statement, where in reach.of.items():
        if where.name and (path := find(where.name)):
            files.setdefault(path.relative_to(ROOT).as_posix(), []).append(statement.own)
    with _readable():
        reach.extend(whole, [one for cell in every for one in cell])
    tags = [sorted(TAGS & {*cell["tags"]}) for _, cell in cells]
    # How cells are cut matters to a number only where a tag does; to the page it does, which puts the outputs in place.
    run = [(tag, [one.own for one in cell]) for tag, cell in zip(tags, measuring, strict=True)]
    cut = [[one.own for one in cell if one not in measured] for cell in every]
    hashes = {
        "cells": hash_of(str([entry for tag, cell in run for entry in ([(tag, cell)] if tag else cell)])),
        "code": reach.hash(0, n),
        "data": hash_of(str(data)),
        "drawings": hash_of(f"{cut} {reach.hash(n)}"),
    }
    return hashes, {name: hash_of(str(sorted(many))) for name, many in sorted(files.items())}


def _only_draws(
    whole: Module, measuring: list[list[Statement]], cells: list[tuple[ast.Module, Cell]]
) -> set[Statement]:
    """Of the cells that measure, what may use figures without giving a number: those that show one, and bare calls."""
    calls = {node: node.value for node in whole.read if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)}
    bare = {whole.read[node] for node, call in calls.items() if not call.args and not call.keywords}  # use_style()
    return bare | {one for many, (_, cell) in zip(measuring, cells, strict=True) if _shows(cell) for one in many}


def _shows(cell: Cell) -> bool:
    """Whether a cell shows or keeps a figure; `drawing` decides whether it does nothing else."""
    figure = any("figure" in str(cell["metadata"].get(key)) for key in ("mystnb", "linearlens"))
    records = "record(" in cell["source"]
    return not records and (figure or any(word in cell["source"] for word in ("plt.show(", "Slider(", "glue(")))


def measuring(hashes: Mapping[str, str]) -> dict[str, str]:
    """Of the hashes those on which a measured number depends: not what draws figures, nor the exercises."""
    return {kind: value for kind, value in hashes.items() if kind not in APART}


def _checksums() -> list[tuple[str, list]]:
    """What the registry says of the content of data sets: checksums alone, so that it may be worded anew."""
    try:
        registry = tomllib.loads((look(str(REGISTRY)) or b"").decode())  # type: ignore[union-attr]
        return [(name, [(one["name"], one["sha256"]) for one in registry[name]["files"]]) for name in sorted(registry)]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PressError(f"{REGISTRY.relative_to(ROOT)} cannot be read: {error}") from error


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
    code = look(str(path)) if path else None
    if not isinstance(code, bytes):
        raise PressError(f"{name} cannot be read")
    with _readable():
        return hash_code(code)


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except (SyntaxError, ValueError, RecursionError) as error:
        where = f"{getattr(error, 'filename', None)}, line {getattr(error, 'lineno', None)}"
        raise PressError(f"{where}: {getattr(error, 'msg', error)}") from error


def hash_bytes(content: bytes) -> str:
    """A hash of a file's content."""
    return hashlib.sha256(content).hexdigest()[:16]
