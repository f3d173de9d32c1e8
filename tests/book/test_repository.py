"""What must hold of the files themselves."""

import ast
import re
import subprocess
import sys
from importlib.metadata import packages_distributions, version
from itertools import pairwise

import nbformat
import pytest
import yaml
from bench import INTRODUCTION

from linearlens.paths import BOOK, NOTEBOOKS, ROOT
from linearlens.press.chapter.exercises import exercises_of
from linearlens.press.chapter.prose import bare_numbers, prose_of
from linearlens.press.requirements import environment

CHAPTERS = sorted(NOTEBOOKS.glob("*.ipynb"))
# The page on speed is written by `make bench`, numbers and all.
PAGES = [*sorted({*BOOK.glob("*.md")} - {BOOK / "speed.md"}), *CHAPTERS, ROOT / "README.md"]
CODE_LINES = 20  # STYLE: the ceiling of a cell
FOLDED = {"hide-input", "hide-cell"}
PACKAGE = ROOT / "src" / "linearlens"
LENSES = {"kann", "layers", "instance", "credit"}
INSTALLED = {*packages_distributions(), *sys.stdlib_module_names, "linearlens"} - {"importlib", "runpy"}
# What no search for the code behind a number would see: code in texts, modules by name, files by path.
HIDDEN = {"__import__", "exec", "eval", "globals"}
READERS = {"read_text", "read_bytes", "load", "loadtxt", "genfromtxt", "fromfile", "memmap"}
DEFINES = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Pass)
WRAPPERS = {
    *("cache", "functools.cache", "lru_cache", "cached_property", "classmethod", "contextmanager", "dataclass"),
    *("functools.singledispatch", "property", "staticmethod", "torch.no_grad"),
}
# Effects of an import that are meant, each with its reason.
MEANT = {
    "__main__.py": {"if __name__ == '__main__':": "what is run by itself is not imported"},
    "reporting/__main__.py": {
        "if __name__ == '__main__':": "what is run by itself is not imported",
        "importlib.import_module": "of the model that a reader names",
    },
    "paths.py": {"if CHECKOUT:": "an installed library finds its folders elsewhere; only names are bound"},
    "models/_fingerprint.py": {
        "@_parts.register": "cases of a function of the same module",
        "__import__": "an import inside a function is followed as the function would follow it",
        "importlib.import_module": "named only, to tell it apart",
    },
}


def code_cells(path):
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_notebook_hygiene(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    cells = code_cells(path)
    assert not any(cell.outputs or cell.execution_count for cell in cells), "outputs never go into git"
    assert sum("parameters" in cell.metadata.get("tags", []) for cell in cells) == 1
    for cell in cells:
        assert not re.search(r"^\s*[!%]", cell.source, re.M), f"shell escape or magic: {cell.source[:60]}"
        assert not re.search(r"\b(urllib|requests|urlopen|urlretrieve|pooch|socket|httpx)\b", cell.source), (
            "only linearlens.datasets talks to the network"
        )
        assert "sys.path" not in cell.source
        assert "filterwarnings" not in cell.source
        folded = set(cell.metadata.get("tags", [])) & FOLDED
        assert len(cell.source.splitlines()) <= CODE_LINES or folded, cell.source[:60]
    kinds = [cell.cell_type for cell in notebook.cells if "check" not in cell.metadata.get("tags", [])]
    assert ("code", "code") not in pairwise(kinds), "a sentence stands between two code cells"
    checks = [cell for cell in cells if "check" in cell.metadata.get("tags", [])]
    assert all({"hide-input", "raises-exception"} <= {*cell.metadata.tags} for cell in checks), "nobody's Run All stops"
    folded = [cell for cell in cells if FOLDED & {*cell.metadata.get("tags", [])}]
    assert all(cell.metadata.get("jupyter", {}).get("source_hidden") for cell in folded), "in JupyterLab, too"


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_every_figure_has_caption_and_alt_text(path):
    for cell in code_cells(path):
        if "plt.show()" in cell.source:
            assert len(cell.metadata.mystnb.image.alt) > 40
            assert cell.metadata.mystnb.figure.caption
            assert cell.metadata.mystnb.figure.name.startswith("fig-")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_no_result_is_typed_into_prose(path):
    assert bare_numbers(prose_of(path)) == []


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_nor_into_what_is_told_of_a_solution(path):
    assert [number for one in exercises_of(path.stem) for number in bare_numbers(one.answers.told)] == []


def test_the_page_on_speed_is_as_make_bench_wrote_it():
    page = (BOOK / "speed.md").read_text(encoding="utf-8")
    assert page.startswith(INTRODUCTION)
    assert bare_numbers(INTRODUCTION) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The error was 0.013.", ["0.013"]),
        ("It reached 97 % of them.", ["97 %"]),
        ("That is 4 times faster, or 4x.", ["4 times", "4x"]),
        ("It held in 9 of 10 runs, 1e-10 off.", ["9 of 10", "1e-10"]),
        ("{glue:text}`a.b:.3f`, {paper}`0.95`, {given}`3 %`, `0.5` and $x = 0.5$ are fine.", []),
        ("In $0.95$ of them", ["$0.95$"]),
        ("```python\nx = 0.5\n```\nand 0.7", ["0.7"]),
        ("```{note}\nIt was 0.7.\n```", ["0.7"]),
        ("````{solution} x\n:class: dropdown\n\n0.3\n````\nThen 0.4.", ["0.3", "0.4"]),
        ("8 × 8 pixels, 1,797 images, three seeds, 28 x 28", []),
        ("See [here](https://example.org/1.5) and arXiv 2102.07824.", []),
    ],
)
def test_the_lint_finds_results_and_nothing_else(text, found):
    assert bare_numbers(text) == found


def test_environment_is_the_lock():
    locked = (ROOT / "requirements.lock").read_text()
    assert (ROOT / "environment.yml").read_text() == environment(locked)
    pins = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"][-1]["pip"]
    assert pins == [line for line in locked.splitlines() if not line.startswith("#")]


def test_the_lock_is_what_runs_here():
    for line in (ROOT / "requirements.lock").read_text().splitlines():
        if not line.startswith("#"):
            name, wanted = line.split("==")
            assert version(name).split("+")[0] == wanted, name


def rooms(folder):
    """Rooms of a package in the order of its docstring, the lowest first."""
    there = rooms_in(folder)
    told = ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8")))
    return [name for name in re.findall(r"``(\w+)``", told) if name in there]


def rooms_in(folder):
    modules = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}
    return {name for name in modules if not name.startswith("__")}


def imported(code):
    """Dotted names that the code takes from modules, wherever it imports them."""
    names = {}
    for node in ast.walk(code):
        if isinstance(node, ast.Import):
            names |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            names |= {alias.asname or alias.name: f"{base}.{alias.name}" for alias in node.names}
    attributes = [node for node in ast.walk(code) if isinstance(node, ast.Attribute)]
    return {*names.values()} | {
        f"{names[base]}.{node.attr}" for node in attributes if (base := ast.unparse(node.value)) in names
    }


def climbing(name, code, folders=(PACKAGE, PACKAGE / "press")):
    """What a module of the package imports from rooms that are not above it, or that one lens takes from another."""
    for folder in folders:
        prefix = ".".join(folder.relative_to(PACKAGE.parent).parts) + "."
        order, room = rooms(folder), name.removeprefix(prefix).partition(".")[0]
        for other in imported(code):
            if name.startswith(prefix) and room in order and other.startswith(prefix):
                source = other.removeprefix(prefix).partition(".")[0]
                if order.index(source) > order.index(room) or (room != source and {room, source} <= LENSES):
                    yield other


def trespassing(name, code):
    """Private modules and names that a module, or a chapter, takes from another room."""
    parts = name.split(".")
    room = ".".join(parts[: 3 if parts[:2] == ["linearlens", "press"] else 2]) + "."
    for other in imported(code):
        private = any(re.match(r"_(?!_)", part) for part in other.split("."))
        if other.startswith("linearlens.") and private and not f"{other}.".startswith(room):
            yield other


def modules():
    """Dotted names and code of the package's modules."""
    for path in PACKAGE.rglob("*.py"):
        name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
        yield name, ast.parse(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("folder", [PACKAGE, PACKAGE / "press"], ids=lambda folder: folder.name)
def test_the_list_of_rooms_is_complete(folder):
    assert sorted(rooms(folder)) == sorted(rooms_in(folder))


def test_rooms_import_only_from_rooms_above_and_lenses_not_from_each_other():
    assert {name: found for name, code in modules() if (found := [*climbing(name, code)])} == {}


def test_what_is_private_stays_in_its_room():
    assert {name: found for name, code in modules() if (found := [*trespassing(name, code)])} == {}
    for path in CHAPTERS:
        for cell in code_cells(path):
            assert [*trespassing(path.stem, ast.parse(cell.source))] == [], path.stem


@pytest.mark.parametrize(
    ("name", "code", "up", "private"),
    [
        ("linearlens.kann", "from linearlens.koopman import modes", 0, 0),
        ("linearlens.kann", "from linearlens.layers import Cost", 1, 0),
        ("linearlens.kann", "from linearlens.koopman._spectrum import check_group", 0, 1),
        ("linearlens.kann", "import linearlens.koopman as k\nk._spectrum", 0, 1),
        ("linearlens.models.tsne", "from linearlens.models.training import _tensor", 0, 0),
        ("linearlens.koopman._base", "def f():\n    from linearlens import ledger", 1, 0),
        ("linearlens.press.evidence.costs", "from linearlens.press.pages import book", 1, 0),
        ("linearlens.press.pages.book", "from linearlens.press.evidence.costs import _rows", 0, 1),
        ("linearlens.press.pages.book", "from linearlens.press.pages.labels import _label", 0, 0),
        ("linearlens.press.course", "from linearlens.press.cli import app", 1, 0),
    ],
)
def test_the_walls_are_seen(name, code, up, private):
    tree = ast.parse(code)
    assert (len([*climbing(name, tree)]) > 0, len([*trespassing(name, tree)]) > 0) == (up, private)


def effects(code):
    """What an import does beside binding names, and what could bind or read more than the code shows."""
    for node in _done(code.body[ast.get_docstring(code) is not None :]):
        yield ast.unparse(node).partition("\n")[0]
    for node in ast.walk(code):
        wraps = [one.func if isinstance(one, ast.Call) else one for one in getattr(node, "decorator_list", [])]
        yield from {f"@{ast.unparse(one)}" for one in wraps} - {f"@{name}" for name in WRAPPERS}
        if isinstance(node, ast.ClassDef):
            yield from map(ast.unparse, _done(node.body[ast.get_docstring(node) is not None :]))
    yield from hidden(code)


def _done(body):
    for node in body:
        targets = getattr(node, "targets", [getattr(node, "target", None)])
        names = [one for target in targets for one in getattr(target, "elts", [target])]
        binds = isinstance(node, ast.Assign | ast.AnnAssign) and all(isinstance(one, ast.Name) for one in names)
        checks = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING" and not [*_done(node.body)]
        if not (isinstance(node, DEFINES) or checks or (binds and "_" not in {one.id for one in names})):
            yield node


def hidden(code):
    """Calls and imports that lead to code no reader can name."""
    for node in ast.walk(code):
        if isinstance(node, ast.Name) and node.id in HIDDEN:
            yield node.id
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            yield ast.unparse(node)
    yield from (name for name in imported(code) if name.startswith("importlib.import_module"))


def test_an_import_of_the_library_only_binds_names():
    found = {}
    for path in PACKAGE.rglob("*.py"):
        name = path.relative_to(PACKAGE).as_posix()
        if not name.startswith("press/"):
            found[name] = {*effects(ast.parse(path.read_text(encoding="utf-8")))} - MEANT.get(name, {}).keys()
    assert {name: some for name, some in found.items() if some} == {}


@pytest.mark.parametrize(
    "code",
    [
        "print(1)",
        "for x in y:\n    z = x",
        "with x:\n    y = 1",
        "try:\n    import x\nexcept ImportError:\n    x = None",
        "if x:\n    y = 1",
        "del x",
        "x.y = 1",
        "x['y'] = 1",
        "x, y.z = 1, 2",
        "x += 1",
        "_ = register(x)",
        "from x import *",
        "@register\ndef f(): pass",
        "class A:\n    register(1)",
        "def f():\n    return eval('x')",
        "globals()['x'] = 1",
        "x = __import__('y')",
        "from importlib import import_module\nx = import_module('y')",
        "import importlib\nx = importlib.import_module('y')",
    ],
)
def test_effects_of_an_import_are_seen(code):
    assert [*effects(ast.parse(code))]


def test_binding_names_is_no_effect():
    code = """'''What.'''
import a
from b import c
if TYPE_CHECKING:
    from d import e
X: int = 1
Y, Z = c(1)

@dataclass(frozen=True)
class A:
    '''B.'''

    x: int

    def f(self):
        for y in self.model.eval():
            print(y)
"""
    assert [*effects(ast.parse(code))] == []


def read_by_path(code):
    """What the code imports that is not installed, and what it calls that reads a file, but for data sets by name."""
    yield from (name for name in imported(code) if name.partition(".")[0] not in INSTALLED)
    for node in ast.walk(code):
        if isinstance(node, ast.Call):
            owner, _, name = (called := ast.unparse(node.func)).rpartition(".")
            reads = name in {"open", "fetch"} or (owner and (name in READERS or name.startswith("read_")))
            by_name = name == "fetch" and [type(one) for one in node.args] == [ast.Constant]
            if reads and not by_name:
                yield called


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_takes_nothing_from_where_no_import_leads(path):
    for cell in code_cells(path):
        code = ast.parse(cell.source)
        assert [*hidden(code), *read_by_path(code)] == [], cell.source[:60]


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("import helper", ["helper"]),
        ("from importlib.util import find_spec", ["importlib.util.find_spec"]),
        ("from .helper import f", [".helper.f"]),
        ("open('a')", ["open"]),
        ("Path('a').read_text()", ["Path('a').read_text"]),
        ("np.load('a')", ["np.load"]),
        ("torch.load('a')", ["torch.load"]),
        ("pd.read_csv('a')", ["pd.read_csv"]),
        ("fetch(name)", ["fetch"]),
        ("fetch('mnist')\nload(k)\nread_corpus(a, b)\nmodel.eval()\nimport numpy as np\nimport math", []),
    ],
)
def test_files_read_by_path_are_seen(code, found):
    assert [*read_by_path(ast.parse(code))] == found


def drawn_anew(code):
    """Random numbers that a ``while`` loop begins again in each round: the same ones, so that it may never end."""
    for loop in (node for node in ast.walk(code) if isinstance(node, ast.While)):
        calls = [node.func for one in loop.body for node in ast.walk(one) if isinstance(node, ast.Call)]
        names = {call.attr if isinstance(call, ast.Attribute) else ast.unparse(call) for call in calls}
        yield from sorted(names & {"default_rng", "RandomState", "seed", "manual_seed", "Generator"})


def test_no_loop_waits_for_numbers_that_it_draws_again():
    cells = [(path.stem, ast.parse(cell.source)) for path in CHAPTERS for cell in code_cells(path)]
    assert not {name: found for name, code in [*cells, *modules()] if (found := [*drawn_anew(code)])}


def test_a_loop_that_draws_the_same_again_is_seen():
    bad = "while far(x):\n    x = np.random.default_rng([seed, 2]).permutation(x)"
    assert list(drawn_anew(ast.parse(bad))) == ["default_rng"]
    assert not list(drawn_anew(ast.parse("rng = default_rng(0)\nwhile far(x):\n    x = rng.permutation(x)")))


def test_what_the_readme_links_and_shows_is_there():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    places = re.findall(r"\]\((?!https?:)([^)#]+)|(?:href|src)=\"([^\"]+)", text)
    paths = [ROOT / (link or shown) for link, shown in places]
    assert [path for path in paths if not path.is_file()] == []
    assert {path for path in paths if path.suffix == ".ipynb"} == {*CHAPTERS}
    pictures = [path for path in paths if path.suffix == ".svg"]
    assert pictures
    assert all(path.stat().st_size < 200_000 for path in pictures), "shown at once, on a phone, too"


def test_nothing_large_and_no_pickle():
    for path in (ROOT / "src").rglob("*.py"):
        text = path.read_text()
        assert not re.search(r"\bpickle\b|allow_pickle=True|torch\.load\((?!.*weights_only=True\))", text), path
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        file = ROOT / name
        if file.is_file():
            assert file.stat().st_size < 1_500_000, name
