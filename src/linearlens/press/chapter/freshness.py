"""Is an executed chapter still what its sources would give?

What a chapter gives depends on the code of its cells and of every module of the package it can reach by imports,
on the data files those modules read, on the versions of the libraries that compute, and on the parameters. The
executed notebook carries hashes of them, and a digest of its own cells, as a stamp. Prose is not among them, nor
are comments, docstrings and the layout of code: no number depends on these, and the pages take the prose from the
notebook as it is now. A name imported from a package whose ``__init__`` is a mere table of contents leads to the
module it comes from, so that a new data set makes no chapter stale that does not use it.
"""

import ast
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import nbformat

from linearlens.paths import BUILD, ROOT
from linearlens.press.chapter.notebooks import Edition, is_exercise, read_source, source_of

PACKAGE = ROOT / "src" / "linearlens"
# How a chapter is executed is part of what it depends on; what else the press does is not.
EXECUTES = "linearlens.press.running.one_chapter"
# Libraries whose results or drawings reach the page; a new version of another one changes no number.
COMPUTES = ("numpy", "scipy", "scikit-learn", "pandas", "torch", "pydmd", "captum", "matplotlib")
DRAWS = "src/linearlens/figures/"
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
# Files that modules read when they run, which imports cannot tell.
READS = {"linearlens.datasets.registry": ("data/registry.yml",)}


@dataclass(frozen=True)
class Executed:
    """An executed chapter on disk."""

    chapter: str
    edition: Edition

    @property
    def path(self) -> Path:
        """Where it lies, whether or not it is there."""
        return BUILD / "executed" / self.edition.folder / f"{self.chapter}.ipynb"

    def read(self) -> nbformat.NotebookNode | None:
        """The notebook, or None if it was never executed."""
        return nbformat.read(self.path, as_version=4) if self.path.is_file() else None

    def trouble(self) -> str | None:
        """Why it cannot be used as it is; None if it is fresh."""
        notebook = self.read()
        if notebook is None:
            return "never executed"
        stamp = notebook.metadata.get("linearlens_run", {})
        if stamp.get("digest") != digest(notebook):
            return "its cells were changed after it was executed"
        now = sources(self.chapter, self.edition)
        then = stamp.get("sources", {})
        changed = sorted(name for name in now.keys() | then.keys() if now.get(name) != then.get(name))
        return f"changed since: {', '.join(changed)}" if changed else None

    def page(self) -> nbformat.NotebookNode:
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


def code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """Cells of code, but for exercises and the one papermill puts in."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code" and not is_exercise(cell)]
    return [cell for cell in cells if "injected-parameters" not in cell.metadata.get("tags", [])]


def sources(chapter: str, edition: Edition) -> dict[str, str]:
    """Hashes of everything the chapter's output depends on, by what it is.

    Returns
    -------
    dict of str to str
        Paths relative to the repository, and ``parameters``.
    """
    notebook = read_source(chapter)
    cells = [_without_magics(cell.source) for cell in code_cells(notebook)]
    modules = _closure(_imports("\n\n".join(cells), package="") | {"linearlens"}) | {EXECUTES}
    code = {path: _hash_code(path.read_text(encoding="utf-8")) for module in modules if (path := _file_of(module))}
    data = {ROOT / name: _hash((ROOT / name).read_bytes()) for module in modules for name in READS.get(module, ())}
    hashes = {path.relative_to(ROOT).as_posix(): value for path, value in (code | data).items()}
    hashes[source_of(chapter).relative_to(ROOT).as_posix()] = _hash(
        "\n".join(_hash_code(cell) for cell in cells).encode()
    )
    if edition.proves:
        exercises = "\n\n".join(cell.source for cell in notebook.cells if is_exercise(cell))
        hashes["exercises"] = _hash(exercises.encode())
    return hashes | {"versions": _versions(), "parameters": json.dumps(edition.parameters)}


def measuring(hashes: Mapping[str, str]) -> dict[str, str]:
    """Of `sources` those on which a measured number depends: not what draws figures, nor the exercises."""
    return {name: value for name, value in hashes.items() if name != "exercises" and not name.startswith(DRAWS)}


def _versions() -> str:
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    return " ".join(line for line in lines if line.partition("==")[0].strip().lower() in COMPUTES)


@cache
def _hash_code(code: str) -> str:
    """Hash of what Python makes of it: the same after an edit of comments, docstrings or layout."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            del node.body[0]
    return _hash(ast.dump(tree).encode())


def digest(notebook: nbformat.NotebookNode) -> str:
    """Hash of all cells with their outputs."""
    return _hash(json.dumps(notebook.cells, sort_keys=True).encode())


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _without_magics(source: str) -> str:
    return "\n".join(line for line in source.split("\n") if not line.lstrip().startswith(("%", "!", "?")))


def _closure(modules: set[str]) -> set[str]:
    """The modules, their parent packages unless these only list contents, and all they import inside the package."""
    reached: set[str] = set()
    waiting = set(modules)
    while waiting:
        name = waiting.pop()
        if name in reached or (path := _file_of(name)) is None:
            continue
        reached.add(name)
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        waiting |= _imports(path.read_text(encoding="utf-8"), package=package)
        parent = name.rpartition(".")[0]
        waiting |= set() if _contents(parent) else {parent}
    return reached


def _imports(code: str, *, package: str) -> set[str]:
    """Names of modules of linearlens that the code imports anywhere; attributes are told apart by `_file_of`."""
    return {_origin(base, name) if name else base for base, name in _import_statements(code, package)}


@cache
def _import_statements(code: str, package: str) -> frozenset[tuple[str, str]]:
    """``(module, "")`` or ``(module, name)`` for all that the code imports from linearlens."""
    found: set[tuple[str, str]] = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            found |= {(alias.name, "") for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                base = ".".join([*parts[: len(parts) - node.level + 1], *filter(None, [base])])
            found |= {(base, alias.name) for alias in node.names}
    return frozenset(pair for pair in found if pair[0].split(".")[0] == "linearlens")


def _origin(base: str, name: str) -> str:
    """The module that ``from base import name`` leads to."""
    if _file_of(f"{base}.{name}"):
        return f"{base}.{name}"
    return _contents(base).get(name, base)


def _contents(package: str) -> dict[str, str]:
    """Names and their modules, if the package's ``__init__`` only imports from its own; nothing otherwise."""
    path = _file_of(package)
    if path is None or path.name != "__init__.py":
        return {}
    _, *body = ast.parse(path.read_text(encoding="utf-8")).body  # a docstring comes first
    listed = [node for node in body if isinstance(node, ast.ImportFrom) and not node.level]
    others = [node for node in body if node not in listed and not _is_all(node)]
    if others or not all((node.module or "").startswith(f"{package}.") for node in listed):
        return {}
    return {alias.asname or alias.name: node.module or "" for node in listed for alias in node.names}


def _is_all(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["__all__"]


def _file_of(module: str) -> Path | None:
    if module.split(".")[0] != "linearlens":
        return None
    stem = PACKAGE.joinpath(*module.split(".")[1:])
    return next((path for path in (stem.with_suffix(".py"), stem / "__init__.py") if path.is_file()), None)
