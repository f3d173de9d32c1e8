"""The library stands alone: what it imports, what starting the command imports, and nothing of one system only."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from linearlens import paths
from linearlens.paths import ROOT

LIBRARY = sorted(
    path for path in (ROOT / "src" / "linearlens").rglob("*.py") if path.parts[len(ROOT.parts) + 2] != "press"
)
# Imported only inside functions, and only where somebody has them.
WHERE_THERE_IS_ONE = {
    "datasets/_convert.py": {"h5py"},  # files of Keras, for part VII
    "koopman/_blocks.py": {"dask"},  # who passes a dask array has it
    "ledger/_glue.py": {"IPython"},  # a notebook
    "ledger/_ledger.py": {"IPython"},  # the same
    "ledger/_claims.py": {"yaml"},  # data/claims.yml of the book
    "figures/style.py": {"IPython", "matplotlib_inline"},
    "__main__.py": set(),
}
NAMES = {"scikit-learn": "sklearn"}  # imported by another name than installed by
UNIX = {"crypt", "fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}
UNIX_CALLS = re.compile(
    r"\bos\.(fork\w*|[gs]et(uid|euid|gid|pgid|pgrp|sid)|killpg|setsid|sched_\w+|mkfifo|nice|uname|wait\w+|getloadavg)\b"
    r"|\bsignal\.(SIG(KILL|HUP|USR[12]|ALRM|CHLD|PIPE|STOP|CONT)|alarm|setitimer|pause)\b"
    r"|[\"'](/proc|/dev|/tmp|/sys|/etc|~/\.cache)\b"
    r"|get_context\([\"']fork"
)


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def names_of(requirements: list[str]) -> set[str]:
    """What requirements are imported by."""
    found = {re.match(r"[\w.-]+", requirement)[0].lower() for requirement in requirements}
    return {NAMES.get(name, name) for name in found}


def imports(tree: ast.AST) -> set[str]:
    """Roots of what is imported in a tree of code."""
    nodes = list(ast.walk(tree))
    plain = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names = plain + [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: path.relative_to(ROOT / "src" / "linearlens").as_posix())
def test_the_library_imports_what_it_brings(path):
    name = path.relative_to(ROOT / "src" / "linearlens").as_posix()
    code = path.read_text(encoding="utf-8")
    tree = ast.parse(code)
    brought = names_of(project()["dependencies"]) | set(sys.stdlib_module_names) | {"linearlens"}
    optional = imports(tree) - brought
    assert optional <= WHERE_THERE_IS_ONE.get(name, set())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    inside = [node for function in functions for node in ast.walk(function)]
    outside = [node for node in ast.walk(tree) if node not in inside]
    at_once = set().union(*(imports(node) for node in outside if isinstance(node, ast.Import | ast.ImportFrom)))
    assert at_once <= brought, "before anything is called"
    assert not imports(tree) & UNIX
    assert not UNIX_CALLS.search(code)


def test_each_dependency_is_imported_somewhere():
    used = set().union(*(imports(ast.parse(path.read_text(encoding="utf-8"))) for path in LIBRARY))
    assert names_of(project()["dependencies"]) <= used


def imported_by(statement: str) -> set[str]:
    """All modules there are after a statement in a new process."""
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


HEAVY = {"IPython", "captum", "jsonschema", "matplotlib", "nbclient", "nbformat", "pandas", "papermill", "pydmd",
         "scipy", "sklearn", "sphinx", "torch", "yaml"}  # fmt: skip


@pytest.mark.parametrize(
    ("statement", "without"),
    [
        ("import linearlens", HEAVY | {"numpy", "pooch"}),
        ("import linearlens.press.cli", HEAVY | {"numpy", "pooch"}),
        ("import linearlens.datasets", HEAVY),
        ("import linearlens.ledger", HEAVY),
        ("from linearlens.press.cli import _telling_errors\nwith _telling_errors(): pass", HEAVY),
        (
            "from linearlens import credit, figures, instance, kann, koopman, layers, models, snapshots\n"
            "figures.use_style()",
            {"IPython", "captum", "dask", "jsonschema", "nbformat", "papermill", "pydmd", "typer", "yaml"},
        ),
    ],
)
def test_what_is_slow_is_imported_when_it_is_needed(statement, without):
    assert not imported_by(statement) & without


def test_a_checkout_is_known_by_its_chapters_and_its_name(tmp_path):
    assert paths.CHECKOUT
    assert paths.DOWNLOADS == ROOT / "data" / "cache"
    assert not paths._is_checkout(tmp_path)
    (tmp_path / "notebooks").mkdir()
    assert not paths._is_checkout(tmp_path)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "another"\n')
    assert not paths._is_checkout(tmp_path)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "linearlens"\n')
    assert paths._is_checkout(tmp_path)
    assert not paths._is_checkout(Path(tmp_path.anchor))
