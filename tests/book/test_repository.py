"""What must hold of the files themselves."""

import ast
import re
import subprocess
from importlib.metadata import version
from itertools import pairwise

import nbformat
import pytest
import yaml
from bench import INTRODUCTION

from linearlens.paths import BOOK, NOTEBOOKS, ROOT
from linearlens.press.chapter.prose import bare_numbers, prose_of
from linearlens.press.requirements import environment

CHAPTERS = sorted(NOTEBOOKS.glob("*.ipynb"))
# The page on speed is written by `make bench`, numbers and all.
PAGES = [*sorted({*BOOK.glob("*.md")} - {BOOK / "speed.md"}), *CHAPTERS, ROOT / "README.md"]
CODE_LINES = 20  # STYLE: the ceiling of a cell
FOLDED = {"hide-input", "hide-cell"}
ROOMS = (
    "paths",
    "datasets",
    "models",
    "snapshots",
    "koopman",
    "kann",
    "layers",
    "instance",
    "credit",
    "figures",
    "ledger",
    "press",
)


def code_cells(path):
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def shown_lines(cell):
    """What readers find of a cell: of an exercise its stub and check."""
    parts = re.split(r"^# (stub|solution|check|wrong: .+)\n", cell.source, flags=re.M)
    kept = [body for head, body in zip(["", *parts[1::2]], parts[::2], strict=True) if head in ("", "stub", "check")]
    return "".join(kept).strip().splitlines()


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
        assert len(shown_lines(cell)) <= CODE_LINES or folded, cell.source[:60]
    kinds = [cell.cell_type for cell in notebook.cells]
    assert ("code", "code") not in pairwise(kinds), "a sentence stands between two code cells"


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


def test_rooms_import_only_from_rooms_above():
    for path in (ROOT / "src" / "linearlens").rglob("*.py"):
        room = path.relative_to(ROOT / "src" / "linearlens").parts[0].removesuffix(".py")
        if room == "__init__":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                if name.startswith("linearlens."):
                    other = name.split(".")[1]
                    assert ROOMS.index(other) <= ROOMS.index(room), f"{path.name} ({room}) imports {name}"


def test_nothing_large_and_no_pickle():
    for path in (ROOT / "src").rglob("*.py"):
        text = path.read_text()
        assert not re.search(r"\bpickle\b|allow_pickle=True|torch\.load\(", text), path
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        file = ROOT / name
        if file.is_file():
            assert file.stat().st_size < 1_500_000, name
