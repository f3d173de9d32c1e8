"""Which edits make which part of a chapter stale, and what is taken for an execution of it."""

import copy
import json
import os
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest
from conftest import KOOPMAN_CELL, small_project, write_chapter

from linearlens.press.chapter import freshness, notebooks, reachable
from linearlens.press.chapter.errors import DamagedError, PressError
from linearlens.press.chapter.files import SEAL, to_json
from linearlens.press.chapter.freshness import Executed, code_cells, measuring, sources
from linearlens.press.chapter.notebooks import Edition

CHAPTER = Path("notebooks") / "01_small.ipynb"
REGISTRY = "src/linearlens/datasets/registry.toml"
FIGURE = """fig, ax = plt.subplots()
draw_spectrum(ax, np.exp(1j * np.arange(3)))
plt.show()"""
CELLS = [
    "import matplotlib.pyplot as plt\nfrom linearlens.figures import draw_spectrum, use_style\nuse_style()",
    KOOPMAN_CELL,
    "from linearlens.datasets import load_mnist\nif profile == 'full':\n    data = load_mnist()",
    FIGURE,
    "ax = None\nratio = 1 / 3",
    "def unused():\n    return 17",
]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A small project that the press of this process works on."""
    root = small_project(tmp_path_factory.mktemp("freshness") / "project")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reachable, "ROOT", root)
        patch.setattr(freshness, "ROOT", root)
        patch.setattr(freshness, "BUILD", root / "_build")
        patch.setattr(freshness, "REGISTRY", root / REGISTRY)
        patch.setattr(notebooks, "NOTEBOOKS", root / "notebooks")
        patch.delenv(freshness.DEVICE, raising=False)
        yield root


@pytest.fixture
def chapter(project):
    """Its chapter, which measures in one cell, may load data in another, and draws in a third."""
    write_chapter(project / CHAPTER, *CELLS)
    return project / CHAPTER


@contextmanager
def edited(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    os.utime(path, ns=(1, 1))  # an edit within one tick of the clock of files is an edit
    yield
    path.write_text(text, encoding="utf-8")


def kinds():
    return sources("01_small", Edition()).hashes


def changed(before):
    after = kinds()
    return {kind for kind in after if after[kind] != before[kind]}


DELAYS, BASE = "src/linearlens/koopman/_delays.py", "src/linearlens/koopman/_base.py"


@pytest.mark.parametrize(
    ("name", "old", "new", "stale"),
    [
        (DELAYS, "windows[:, ::-1]", "windows[:, :]", {"code"}),  # used
        (DELAYS, "or delays < 0 or", "or delays < 1 or", {"code"}),  # called by what is used
        (DELAYS, "Delay coordinates.", "Delay  coordinates.", set()),  # a docstring
        (DELAYS, "import numpy", "# a comment\n\nimport numpy", set()),
        (DELAYS, "import numpy", "import math\nimport numpy", set()),  # an import that changes nothing
        (DELAYS, "def delay_embed", "def _unused():\n    pass\n\n\ndef delay_embed", set()),
        ("src/linearlens/__init__.py", '__version__ = "', '__version__ = "9', set()),
        ("src/linearlens/paths.py", 'os_cache("linearlens")', 'os_cache("lenses")', {"code"}),  # done on import
        ("src/linearlens/koopman/_nulls.py", "radius / np.abs", "2 * radius / np.abs", set()),  # only beside it
        ("src/linearlens/koopman/__init__.py", "__all__", "print(1)\n__all__", {"code"}),  # an effect of the import
        ("src/linearlens/models/mlp.py", "import torch", "import math\nimport torch", set()),  # not reached
        ("src/linearlens/press/cli.py", "import sys", "import math\nimport sys", set()),
        ("src/linearlens/press/running/kernel.py", '"1")', '"2")', {"execution"}),  # how cells are run
        ("src/linearlens/press/chapter/proof.py", "import io\n", "import io\n\nx = 1\n", {"exercises"}),
        ("src/linearlens/exercises.py", "import math\n", "import math\n\nx = 1\n", {"exercises"}),
        (
            "src/linearlens/press/chapter/exercises.py",
            "import re\n",
            "import re\n\nx = 1\n",
            set(),
        ),  # it proves nothing
        ("src/linearlens/ledger/_ledger.py", "the claim holds", "it holds", set()),  # told to readers, not measured
        ("src/linearlens/figures/spectra.py", "s=48", "s=49", {"drawings"}),
        ("src/linearlens/figures/style.py", '"#0072B2"', '"#0072B3"', {"drawings"}),
        ("requirements.lock", "numpy==", "numpy==1", set()),  # a promise: what is installed counts
        ("data/claims.yml", "A sum is", "The sum is", set()),  # changes the ledger, not the chapter
        (REGISTRY, "[mnist]", "# a comment\n[mnist]", set()),
        (REGISTRY, "licence", "license", set()),
        (REGISTRY, "[imdb]", "[imdb2]", set()),
        (CHAPTER, "A small chapter", "A changed chapter", set()),  # prose
        (CHAPTER, "np.arange(5.0)", "np.arange(6.0)", {"cells"}),
        (CHAPTER, "np.arange(5.0)", "np.arange( 5.0 )", set()),  # layout
        (CHAPTER, "np.arange(3)", "np.arange(4)", {"drawings"}),  # a figure
        (CHAPTER, "return 17", "return 18", {"drawings"}),  # what nobody measures with
        (CHAPTER, "import matplotlib.pyplot as plt", "import math, matplotlib.pyplot as plt", {"drawings"}),
        (CHAPTER, "ratio = 1 / 3", "ratio = 2 / 3", {"cells"}),
    ],
)
def test_an_edit_makes_stale_what_depends_on_it(project, chapter, name, old, new, stale):
    before = kinds()
    if old == "[imdb]":
        old, new = "[imdb", "[imdb2"  # with its files
    with edited(project / name, old, new):
        assert changed(before) == stale
    assert not changed(before)


def test_a_checksum_makes_stale_what_reads_that_data(project, chapter):
    before, text = kinds(), (project / REGISTRY).read_text()
    start = text.index("[mnist]")
    assert text.count("sha256", start) >= 1
    (project / REGISTRY).write_text(text[:start] + text[start:].replace('sha256 = "', 'sha256 = "0', 1))
    assert changed(before) == {"data"}
    write_chapter(chapter, KOOPMAN_CELL)
    without = kinds()
    (project / REGISTRY).write_text("broken [")
    assert not changed(without)
    write_chapter(chapter, *CELLS)
    with pytest.raises(PressError, match=r"registry\.toml cannot be read"):
        kinds()
    (project / REGISTRY).write_text(text)


def rewrite(chapter, change):
    content = nbformat.read(chapter, as_version=4)
    change(content.cells)
    nbformat.write(content, chapter)


@pytest.mark.parametrize(
    ("change", "stale"),
    [
        (lambda cells: cells.insert(3, cells.pop(2)), {"cells", "drawings"}),  # two cells change places
        (lambda cells: cells.insert(7, cells.pop(5)), {"drawings"}),  # a figure moves
        (lambda cells: cells.pop(5), {"drawings"}),
        (lambda cells: cells.insert(0, nbformat.v4.new_markdown_cell("More.")), set()),
        (lambda cells: cells[1].metadata.tags.append("hide-cell"), set()),
        (lambda cells: cells[3].metadata.update(tags=cells[1].metadata.pop("tags")), {"cells"}),
        (lambda cells: cells[3].metadata.update(tags=["raises-exception"]), {"cells"}),
        (lambda cells: cells[3].metadata.update(tags=["skip-execution"]), {"cells"}),
        (lambda cells: cells[6].update(source="ax = None"), {"cells"}),
        (lambda cells: cells[5].update(source=cells[5].source + "\nratio = 2"), {"drawings"}),
        (lambda cells: cells.append(nbformat.v4.new_code_cell("ratio")), {"cells", "drawings"}),
    ],
)  # fmt: skip
def test_cells_moved_or_tagged_make_stale_what_depends_on_their_order(chapter, change, stale):
    before = kinds()
    rewrite(chapter, change)
    assert changed(before) - ({"code"} if "cells" in stale else set()) == stale


def test_a_name_in_a_function_that_a_figure_binds_too_is_not_the_figures(chapter):
    write_chapter(chapter, *CELLS, "def f(fig):\n    return fig\nf(1)")
    before = kinds()
    rewrite(chapter, lambda cells: cells[5].update(source=FIGURE.replace("np.exp", "np.abs")))
    assert changed(before) == {"drawings"}


def test_a_cell_cut_in_two_changes_no_number_but_the_page(chapter):
    before = kinds()
    rewrite(chapter, lambda cells: cells.insert(7, nbformat.v4.new_code_cell("ratio = 1 / 3")))
    rewrite(chapter, lambda cells: cells[6].update(source="ax = None"))
    assert changed(before) == {"drawings"}


def test_figures_that_change_places_are_not_shown_in_each_others(chapter):
    write_chapter(chapter, *CELLS, FIGURE.replace("3", "4"))
    before = kinds()
    write_chapter(chapter, *[FIGURE.replace("3", "4") if cell == FIGURE else cell for cell in CELLS], FIGURE)
    assert changed(before) == {"drawings"}


def test_figures_that_give_a_number_are_measured(project, chapter):
    cell = (
        "from linearlens.figures import drawn_data\nfrom linearlens.ledger import record\nrecord('x', drawn_data(fig))"
    )
    write_chapter(chapter, *CELLS, cell)
    before = kinds()
    with edited(project / "src/linearlens/figures/_series.py", "DIGITS = 7", "DIGITS = 8"):
        assert "code" in changed(before)


def test_measuring_is_neither_drawings_nor_exercises(chapter):
    assert measuring(kinds()).keys() == {"cells", "code", "data", "execution", "parameters", "versions"}
    assert "exercises" not in sources("01_small", Edition(seed=1)).hashes


def test_installed_versions_count(chapter, monkeypatch):
    before = kinds()
    for name, stale in (("numpy", {"versions"}), ("matplotlib", {"drawings"}), ("codespell", set())):
        monkeypatch.setattr(freshness, "version", lambda asked, name=name: "0" if asked == name else "as before")
        freshness._versions.cache_clear()
        first = kinds()
        monkeypatch.setattr(freshness, "version", lambda asked, name=name: "1" if asked == name else "as before")
        freshness._versions.cache_clear()
        assert changed(first) == stale
    monkeypatch.undo()
    freshness._versions.cache_clear()
    assert kinds().keys() == before.keys()


def test_what_changed_is_named_by_kind_and_file(project, chapter):
    before = sources("01_small", Edition())
    assert before.changes(before.hashes, before.files) == []
    with edited(project / DELAYS, "windows[:, ::-1]", "windows[:, :]"):
        assert sources("01_small", Edition()).changes(before.hashes, before.files) == [DELAYS]
    with edited(chapter, "np.arange(5.0)", "np.arange(6.0)"):
        assert sources("01_small", Edition()).changes(before.hashes, before.files) == ["cells"]


@pytest.mark.parametrize("text", ["def f(:", "x = 1\0"])
def test_a_module_that_cannot_be_read_is_named(project, chapter, text):
    write_chapter(chapter, KOOPMAN_CELL, "import linearlens.broken")
    (project / "src" / "linearlens" / "broken.py").write_text(text)
    with pytest.raises(PressError, match=r"src/linearlens/broken\.py, line"):
        kinds()
    (project / "src" / "linearlens" / "broken.py").unlink()


# Executions.


@pytest.fixture
def execution(project, chapter):
    """What an execution of the chapter would leave; `write` puts it in place."""
    now = sources("01_small", Edition())
    content = json.loads(chapter.read_text())
    stamp = {"chapter": "01_small", "profile": "quick", "seed": 0, "sources": now.hashes, "files": now.files}
    content["metadata"]["linearlens_run"] = {**stamp, "device": "cpu"}
    return content


def write(project, content):
    path = project / "_build" / "executed" / "quick-seed0" / "01_small.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(to_json(content), encoding="utf-8")
    return Executed("01_small", Edition())


def test_an_execution_is_fresh_until_something_changes(project, chapter, execution):
    executed = write(project, execution)
    assert executed.trouble() is None
    with edited(chapter, "np.arange(3)", "np.arange(4)"):
        assert executed.trouble() == "changed since: drawings"
    assert executed.trouble() is None
    (project / "_build" / "executed" / "quick-seed0" / "01_small.ipynb").unlink()
    assert executed.trouble() == "never executed"
    assert executed.stamp() is None


def test_an_execution_must_have_been_on_the_device_that_is_wanted(project, chapter, execution, monkeypatch):
    executed = write(project, execution)
    assert executed.trouble("cuda") == "it was run on cpu, cuda is wanted"
    assert executed.trouble("cpu") is executed.trouble("auto") is None
    monkeypatch.setenv(freshness.DEVICE, "cuda")
    assert executed.trouble() == "it was run on cpu, cuda is wanted"


@pytest.mark.parametrize("name", ["chapter", "profile", "seed"])
def test_an_execution_of_something_else_is_none(project, execution, name):
    execution["metadata"]["linearlens_run"][name] = "other"
    executed = write(project, execution)
    assert "another chapter, profile or seed" in executed.trouble()
    assert executed.stamp() is executed.read() is None


@pytest.mark.parametrize("name", ["sources", "device"])
def test_a_stamp_that_lacks_something_is_stale(project, execution, name):
    del execution["metadata"]["linearlens_run"][name]
    assert write(project, execution).trouble()


def test_an_execution_that_is_replaced_is_read_again(project, execution):
    executed = write(project, execution)
    assert executed.stamp()["device"] == "cpu"
    path, state = executed.path, executed.path.stat()
    other = copy.deepcopy(execution)
    other["metadata"]["linearlens_run"]["device"] = "gpu"
    path.write_text(to_json(other))
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert executed.stamp()["device"] == "gpu"
    path.write_text(path.read_text().replace("gpu", "cpu"))
    with pytest.raises(DamagedError):
        executed.content()


def test_a_page_has_todays_prose_and_the_outputs_of_the_execution(project, chapter, execution):
    for number, cell in enumerate(one for one in execution["cells"] if one["cell_type"] == "code"):
        cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": [f"cell {number}"]}]
    injected = {"cell_type": "code", "id": "new", "metadata": {"tags": ["injected-parameters"]}, "source": "seed = 0"}
    execution["cells"].insert(2, {**injected, "outputs": [], "execution_count": None})
    executed = write(project, execution)
    with edited(chapter, "A small chapter", "A mended chapter"):
        page = executed.page()
    assert "A mended chapter" in page.cells[0].source
    assert [cell.outputs[0].text for cell in code_cells(page)] == [f"cell {n}" for n in range(len(CELLS) + 1)]
    assert SEAL not in json.dumps(page.metadata)
