"""How the cells of a chapter are executed: failures stay their own, and say which cell and what to do."""

import json
import sys

import nbformat
from conftest import SMALL_CELL, write_chapter

DIES = "print('so far')\nimport os\nos.kill(os.getpid(), 9)"


def test_a_kernel_that_ends_is_a_failure_of_its_own_chapter(small, command, tmp_path):
    """One is killed, one leaves as if all were well, one runs; another kernel of the same name is registered."""
    foreign = tmp_path / "kernels" / "python3"
    foreign.mkdir(parents=True)
    spec = {"argv": ["false", "{connection_file}"], "display_name": "Python 3", "language": "python"}
    (foreign / "kernel.json").write_text(json.dumps(spec))
    write_chapter(small / "notebooks" / "02_dies.ipynb", "x = 1", DIES, "x = 2")
    write_chapter(small / "notebooks" / "03_leaves.ipynb", "import sys", "sys.exit(0)", "x = 2")
    done = command("run", JUPYTER_PATH=str(tmp_path))
    assert done.returncode == 1
    assert "01_small: done" in done.stderr, "with the Python that runs the press"
    said = {part[:7]: part for part in done.stderr.partition("error: ")[2].split("notebooks/")}
    died, left = said["02_dies"], said["03_leav"]
    assert died.startswith("02_dies.ipynb, cell 3: the kernel died; ")
    assert "MB of memory were held at most" in died
    assert "--jobs 1" in died
    kept = small / "_build" / "failed" / "quick-seed0" / "02_dies.ipynb"
    assert f"the notebook up to there: {kept}" in died
    counts = [cell.get("execution_count") for cell in nbformat.read(kept, as_version=4).cells]
    assert counts[:4] == [None, 1, 2, 3], "what ran before"
    assert counts[4:] in ([4, None], [None, None]), "it may die before it says that it began"
    assert left.startswith("03_leaves.ipynb, cell ")
    folder = small / "_build" / "executed" / "quick-seed0"
    assert [path.name for path in sorted(folder.iterdir())] == ["01_small.ipynb"]
    stamp = json.loads((folder / "01_small.ipynb").read_text())["metadata"]["linearlens_run"]
    assert stamp["python"] == sys.version.split()[0]


BROKEN = {
    "02_syntax": lambda text: text.replace("x = 1", "x = = 1"),
    "03_magic": lambda text: text.replace("x = 1", "x = !ls"),
    "04_merge": lambda text: text.replace("x = 1", "<<<<<<< ours\\nx = 1"),
    "05_untagged": lambda text: text.replace('"parameters"', '"other"'),
    "06_cut": lambda text: text[:-20],
    "07_conflict": lambda text: "<<<<<<< ours\n" + text,
    "08_list": lambda text: "[]",
}
SAYS = (
    "notebooks/02_syntax.ipynb, cell 2, line 1: invalid syntax: 'x = = 1'",
    "notebooks/03_magic.ipynb, cell 2, line 1: invalid syntax: 'x = !ls'",
    "notebooks/04_merge.ipynb, cell 2, line 1: invalid syntax: '<<<<<<< ours'",
    "notebooks/05_untagged.ipynb has no cells tagged 'parameters', one is wanted",
    "notebooks/06_cut.ipynb cannot be read: it is no JSON",
    "notebooks/07_conflict.ipynb cannot be read: it is no JSON",
    "notebooks/08_list.ipynb is no notebook: it has no list of cells",
)


def test_a_chapter_that_cannot_be_read_is_named_and_stops_no_other(ran, command):
    for name, breaks in BROKEN.items():
        path = ran / "notebooks" / f"{name}.ipynb"
        write_chapter(path, "x = 1")
        path.write_text(breaks(path.read_text()))
    done = command("run")
    assert done.returncode == 1
    assert "1 chapter is fresh" in done.stderr
    assert [said for said in SAYS if said not in done.stderr] == []
    assert done.stderr.count("notebooks/") == len(BROKEN)
    assert command("run", "01").returncode == 0
    write_chapter(ran / "notebooks" / "01_small.ipynb", SMALL_CELL, "print(1)")
    done = command("run")
    assert "01_small: done" in done.stderr
    assert [said for said in SAYS if said not in done.stderr] == []


def test_a_module_that_cannot_be_read_is_named(ran, command):
    (ran / "src" / "linearlens" / "small.py").write_text("def total(:\n")
    done = command("run")
    assert done.returncode == 1
    assert "src/linearlens/small.py, line 1: " in done.stderr


def test_what_an_editor_leaves_among_the_chapters_is_none(ran, command):
    for name in ("Untitled", "Untitled1", "01_small-Copy1", "notes"):
        write_chapter(ran / "notebooks" / f"{name}.ipynb", "1 / 0")
    for arguments in (("run",), ("run", "01")):
        assert "1 chapter is fresh" in command(*arguments).stderr


def test_what_a_readers_own_ipython_does_when_it_starts_is_left_out(small, command, tmp_path):
    startup = tmp_path / "mine" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00.py").write_text("import builtins\nbuiltins.FOREIGN = 1\n")
    cell = "import builtins\nfrom linearlens.ledger import record\n"
    cell += "record('small.value', float(hasattr(builtins, 'FOREIGN')))"
    write_chapter(small / "notebooks" / "01_small.ipynb", cell)
    done = command("run", IPYTHONDIR=str(tmp_path / "mine"))
    assert done.returncode == 0, done.stderr
    assert json.loads(command("claims", "--json").stdout)[0]["measured"] == 0.0


def test_what_is_not_a_number_is_recorded_and_does_not_hold(small, command):
    cell = "from linearlens.ledger import record\nrecord('small.value', float('nan'))"
    write_chapter(small / "notebooks" / "01_small.ipynb", cell)
    done = command("run")
    assert done.returncode == 0, done.stderr
    said = command("claims")
    assert said.returncode == 1
    assert "does not hold: small.value" in said.stderr
