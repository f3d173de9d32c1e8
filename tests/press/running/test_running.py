"""Freshness, stamps and atomic writes, with real edits to a small copy of the project."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from conftest import SMALL_CELL, heed_interrupts, processes_of, wait_until, write_chapter

from linearlens.press.chapter.errors import PressError
from linearlens.press.chapter.files import aside, write_text
from linearlens.press.chapter.notebooks import Edition
from linearlens.press.running.chapters import _device_kind


def executed(small, edition="quick-seed0"):
    return small / "_build" / "executed" / edition / "01_small.ipynb"


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_fresh_chapter_is_not_run_again(small, command):
    assert command("run").returncode == 0
    before = executed(small).read_bytes()
    again = command("run")
    assert "1 chapter is fresh" in again.stderr
    assert executed(small).read_bytes() == before
    assert "01_small: done" in command("run", "--force").stderr


@pytest.mark.parametrize(
    ("name", "old", "new", "runs"),
    [
        ("src/linearlens/koopman/_delays.py", "import numpy", "import math\nimport numpy", True),  # used
        ("src/linearlens/koopman/_delays.py", "Delay coordinates.", "Delay  coordinates.", False),  # a docstring
        ("src/linearlens/koopman/_delays.py", "import numpy", "# a comment\n\nimport numpy", False),
        ("src/linearlens/paths.py", "parents[2]", "parents[1 + 1]", True),  # imported by what is used
        (
            "src/linearlens/koopman/_gram.py",
            "import numpy",
            "import math\nimport numpy",
            False,
        ),  # only listed beside it
        ("src/linearlens/koopman/__init__.py", "__all__", "x = 1\n__all__", True),  # no longer a table of contents
        ("src/linearlens/models/mlp.py", "import torch", "import math\nimport torch", False),  # not reached
        ("src/linearlens/press/cli.py", "import sys", "import math\nimport sys", False),
        ("requirements.lock", "numpy==", "numpy==1", True),
        ("requirements.lock", "codespell==", "codespell==1", False),  # computes nothing
        ("notebooks/01_small.ipynb", "A small chapter", "A changed chapter", False),  # prose
        ("notebooks/01_small.ipynb", "np.arange(5.0)", "np.arange(6.0)", True),
        ("notebooks/01_small.ipynb", "np.arange(5.0)", "np.arange( 5.0 )", False),  # layout
        ("data/claims.yml", "A sum is", "The sum is", False),  # changes the ledger, not the chapter
        ("data/registry.yml", "mnist:", "mnist2:", False),  # no data set is read
    ],
)
def test_what_makes_a_chapter_stale(small, name, old, new, runs):
    """The key alone, without running: the sources before and after an edit."""
    code = (
        "import json;"
        "from linearlens.press.chapter.freshness import sources;"
        "from linearlens.press.chapter.notebooks import Edition;"
        "print(json.dumps(sources('01_small', Edition()), sort_keys=True))"
    )

    def key():
        env = {**os.environ, "PYTHONPATH": str(small / "src")}
        return subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True).stdout

    before = key()
    edit(small / name, old, new)
    assert (key() != before) is runs


@pytest.mark.parametrize(("loader", "reads"), [("load_mnist", True), ("load_digits", False)])
def test_data_makes_stale_what_reads_data(small, loader, reads):
    write_chapter(small / "notebooks" / "01_small.ipynb", SMALL_CELL, f"from linearlens.datasets import {loader}")
    code = (
        "from linearlens.press.chapter.freshness import sources;"
        "from linearlens.press.chapter.notebooks import Edition;"
        f"assert ('data/registry.yml' in sources('01_small', Edition())) is {reads}"
    )
    env = {**os.environ, "PYTHONPATH": str(small / "src")}
    subprocess.run([sys.executable, "-c", code], env=env, check=True)


def test_an_edit_in_src_reaches_the_page_and_a_fault_stops_the_book(small):
    """`make book`, as a reader would: number, changed number, broken function, mended function."""
    (small / ".venv").mkdir()
    for part in ("bin", "lib"):
        (small / ".venv" / part).symlink_to(Path(sys.prefix) / part)
    (small / ".venv" / ".ready").touch()
    os.utime(small / ".venv" / ".ready", (2**31, 2**31))
    env = {**os.environ, "PYTHONPATH": str(small / "src")}

    def make_book():
        return subprocess.run(["make", "book"], cwd=small, env=env, capture_output=True, text=True, check=False)

    page = small / "_build" / "html" / "notebooks" / "01_small.html"
    source = small / "src" / "linearlens" / "koopman" / "_delays.py"
    good = source.read_text()

    first = make_book()
    assert first.returncode == 0, first.stderr
    assert "_build/html/index.html" in first.stdout
    assert "16.0</span>" in page.read_text()

    edit(source, ".reshape(len(windows), -1)", ".reshape(len(windows), -1) * 10")
    assert make_book().returncode == 0
    assert "160.0</span>" in page.read_text()

    source.write_text(good.replace("    windows = ", "    raise RuntimeError('planted')\n    windows = "))
    broken = make_book()
    assert broken.returncode != 0
    assert "notebooks/01_small.ipynb, cell 3" in broken.stderr
    assert "RuntimeError: planted" in broken.stderr
    assert "160.0</span>" in page.read_text()  # the last good book stays

    source.write_text(good)
    assert make_book().returncode == 0
    assert "16.0</span>" in page.read_text()

    page_time = page.stat().st_mtime_ns
    started = time.monotonic()
    again = make_book()
    assert "nothing changed" in again.stderr
    assert page.stat().st_mtime_ns == page_time
    assert time.monotonic() - started < 40


def test_a_fresh_page_has_todays_prose_and_the_outputs_of_the_run(small, command):
    assert command("run").returncode == 0
    notebook = small / "notebooks" / "01_small.ipynb"
    edit(notebook, "A small chapter", "A mended chapter")
    edit(notebook, '"tags": [\n     "parameters"\n    ]', '"tags": ["parameters", "hide-cell"]')
    assert "1 chapter is fresh" in command("run").stderr
    code = (
        "from linearlens.press.chapter.freshness import Executed;"
        "from linearlens.press.chapter.notebooks import Edition;"
        "page = Executed('01_small', Edition()).page(); first, given, value = page.cells;"
        "assert 'A mended chapter' in first.source and 'hide-cell' in given.metadata.tags and value.outputs;"
        "assert page.metadata['linearlens_run']['records'][0]['value'] == 16.0"
    )
    env = {**os.environ, "PYTHONPATH": str(small / "src")}
    subprocess.run([sys.executable, "-c", code], env=env, check=True)
    assert not nbformat.read(notebook, as_version=4).cells[-1].outputs, "outputs never go into the source"


def test_a_failing_chapter_never_replaces_the_last_good_output(small, command):
    assert command("run").returncode == 0
    before = executed(small).read_bytes()
    write_chapter(small / "notebooks" / "01_small.ipynb", SMALL_CELL, "1 / 0")
    failed = command("run")
    assert failed.returncode == 1
    assert "notebooks/01_small.ipynb, cell 4" in failed.stderr
    assert "ZeroDivisionError" in failed.stderr
    assert failed.stdout == ""
    assert executed(small).read_bytes() == before
    assert (small / "_build" / "failed" / "quick-seed0" / "01_small.ipynb").is_file()
    refused = command("claims")
    assert "stale" in refused.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupt_or_a_kill_leaves_nothing_half_written_and_nothing_running(small, command, number):
    assert command("run").returncode == 0
    before = executed(small).read_bytes()
    write_chapter(small / "notebooks" / "01_small.ipynb", "import time\ntime.sleep(600)")
    env = {**os.environ, "PYTHONPATH": str(small / "src")}
    process = subprocess.Popen(
        [sys.executable, "-m", "linearlens.press", "run"],
        cwd=small,
        env=env,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_interrupts,
    )
    wait_until(lambda: len(processes_of(small)) == 2 and list(executed(small).parent.glob(".*.part*")))
    time.sleep(1)
    process.send_signal(number)
    _, said = process.communicate(timeout=300)
    assert process.returncode == (130 if number == signal.SIGINT else -number)
    assert ("interrupted" in said) == (number == signal.SIGINT)
    wait_until(lambda: not processes_of(small))
    assert executed(small).read_bytes() == before
    write_chapter(small / "notebooks" / "01_small.ipynb", SMALL_CELL)
    assert command("run").returncode == 0
    assert list(executed(small).parent.glob(".*")) == []


def test_a_book_refuses_what_does_not_match_its_stamp(small, command):
    assert command("run").returncode == 0
    notebook = nbformat.read(executed(small), as_version=4)
    notebook.cells[0].source += " By hand: 17."
    nbformat.write(notebook, executed(small))
    code = (
        "from linearlens.press.pages.book import refuse_stale;"
        "from linearlens.press.chapter.notebooks import all_chapters;"
        "refuse_stale(all_chapters())"
    )
    env = {**os.environ, "PYTHONPATH": str(small / "src")}
    refused = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert "its cells were changed after it was executed" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "99_none"], "no chapter is named '99_none'; there are: 01_small"),
        (["run", "--profile", "slow"], "no profile named 'slow'; there are: quick, full"),
        (["run", "--seed", "-1"], "a seed is 0 or more"),
        (["run", "--jobs", "0"], "jobs must be 1 or more"),
        (["run", "--device", "gpu"], "trained on one of auto, cpu, cuda, got 'gpu'"),
        (["book", "--device", "gpu"], "trained on one of auto, cpu, cuda, got 'gpu'"),
        (["data", "fetch", "none"], "no data set named 'none'; there are: mnist"),
        (["claims"], "not measured: 01_small"),
    ],
)
def test_what_cannot_be_done_is_refused_with_what_can(command, arguments, says):
    done = command(*arguments)
    assert done.returncode == 1
    assert says in done.stderr


@pytest.mark.parametrize("there", [True, False])
def test_the_device_comes_from_the_option_else_the_variable_else_the_profile(there, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: there)
    gpu = "cuda" if there else "cpu"
    for option, variable, profile, expected in (
        (None, "", "quick", "cpu"),
        (None, "", "full", gpu),
        (None, "cpu", "full", "cpu"),
        (None, "auto", "quick", gpu),
        ("auto", "cpu", "quick", gpu),
        ("cpu", "gpu", "full", "cpu"),
    ):
        monkeypatch.setenv("LINEARLENS_DEVICE", variable)
        assert _device_kind(option, Edition(profile)) == expected
    monkeypatch.setenv("LINEARLENS_DEVICE", "gpu")
    with pytest.raises(PressError, match="one of auto, cpu, cuda, got 'gpu'"):
        _device_kind(None, Edition("quick"))


def test_the_device_reaches_the_chapter_and_its_stamp(small, command):
    """The chapter stops unless its process is told a device that was settled."""
    cell = "import os; assert os.environ['LINEARLENS_DEVICE'] == 'cpu'"
    write_chapter(small / "notebooks" / "01_small.ipynb", SMALL_CELL, cell)
    done = command("run", "--device", "cpu", LINEARLENS_DEVICE="cuda")
    assert done.returncode == 0, done.stderr
    assert nbformat.read(executed(small), as_version=4).metadata["linearlens_run"]["device"] == "cpu"


def test_unknown_parameters_are_refused(small, command):
    write_chapter(small / "notebooks" / "01_small.ipynb", SMALL_CELL, parameters='profile = "quick"\nspeed = 0')
    done = command("run")
    assert done.returncode == 1
    assert "01_small has no parameter seed; it has: profile, speed" in done.stderr


def test_help_is_for_newcomers(command):
    for arguments in ([], ["run"], ["sweep"], ["book"], ["claims"], ["data"], ["data", "fetch"]):
        done = command(*arguments, "--help")
        assert done.returncode == 0
        assert "Usage:" in done.stdout


def test_claims_and_seeds(small, command):
    assert command("run", "01", "--seed", "7").returncode == 0
    done = command("claims", "--seed", "7", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)[0]["measured"] == 23
    edit(small / "data" / "claims.yml", "value >= 0", "value >= 100")
    failed = command("claims", "--seed", "7")
    assert failed.returncode == 1
    assert "does not hold: small.value" in failed.stderr
    assert "FAILS  small.value" in failed.stdout


def test_the_data_list_says_where_things_are(command, tmp_path):
    done = command("data", "list", LINEARLENS_DATA=str(tmp_path / "mine"))
    assert done.returncode == 0
    for needed in ("mnist", "not present", "MB", "licence:", "citation:", str(tmp_path / "mine" / "mnist")):
        assert needed in done.stdout


def test_aside_is_all_or_nothing(tmp_path):
    target = tmp_path / "deep" / "a.txt"
    write_text(target, "old")

    def fail_half_way():
        with aside(target) as draft:
            draft.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert target.read_text() == "old"
    with aside(tmp_path / "folder") as draft:
        draft.mkdir()
        (draft / "new").touch()
    with aside(tmp_path / "folder") as draft:
        draft.mkdir()
        (draft / "newer").touch()
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["newer"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["deep", "folder"]
