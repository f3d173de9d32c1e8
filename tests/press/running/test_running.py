"""Running chapters: what is run again, what is refused, and what a failure, an interrupt or a kill leaves behind."""

import json
import re
import signal

import nbformat
import psutil
import pytest
from conftest import (
    SMALL_CELL,
    command_of,
    processes_of,
    to_be_interrupted,
    wait_until,
    write_chapter,
)

from linearlens.press.chapter.errors import PressError
from linearlens.press.chapter.freshness import Executed
from linearlens.press.chapter.notebooks import Edition
from linearlens.press.running.chapters import _device_kind


def executed(small, edition="quick-seed0"):
    return small / "_build" / "executed" / edition / "01_small.ipynb"


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_fresh_chapter_is_not_run_again(ran, command):
    before = executed(ran).read_bytes()
    assert "1 chapter is fresh" in command("run").stderr
    assert executed(ran).read_bytes() == before
    assert "01_small: done" in command("run", "--force").stderr


def test_a_fresh_page_has_todays_prose_and_the_outputs_of_the_run(ran, here):
    notebook = ran / "notebooks" / "01_small.ipynb"
    edit(notebook, "A small chapter", "A mended chapter")
    edit(notebook, '"tags": [\n     "parameters"\n    ]', '"tags": ["parameters", "hide-cell"]')
    assert Executed("01_small", Edition()).trouble() is None
    page = Executed("01_small", Edition()).page()
    first, given, value = page.cells
    assert "A mended chapter" in first.source
    assert "hide-cell" in given.metadata.tags
    assert value.outputs
    assert page.metadata["linearlens_run"]["records"][0]["value"] == 16.0
    assert not nbformat.read(notebook, as_version=4).cells[-1].outputs, "outputs never go into the source"


def test_a_failing_chapter_never_replaces_the_last_good_output(ran, command):
    before = executed(ran).read_bytes()
    write_chapter(ran / "notebooks" / "01_small.ipynb", SMALL_CELL, "1 / 0")
    failed = command("run")
    assert failed.returncode == 1
    assert "notebooks/01_small.ipynb, cell 3 (In [4])" in failed.stderr
    assert "ZeroDivisionError" in failed.stderr
    assert failed.stdout == ""
    assert executed(ran).read_bytes() == before
    assert (ran / "_build" / "failed" / "quick-seed0" / "01_small.ipynb").is_file()
    assert "stale" in command("claims").stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupt_or_a_kill_leaves_nothing_half_written_and_nothing_running(ran, command, number):
    before, good = executed(ran).read_bytes(), (ran / "notebooks" / "01_small.ipynb").read_bytes()
    cell = "from pathlib import Path\nPath('started').touch()\nimport time\ntime.sleep(600)"
    write_chapter(ran / "notebooks" / "01_small.ipynb", cell)
    process = to_be_interrupted(ran, "run")
    wait_until((ran / "started").exists)
    assert sorted(processes_of(ran)) == ["ipykernel_launcher", "linearlens.press.running.process"]
    (draft,) = executed(ran).parent.glob(".*.part*")
    process.send_signal(number)
    _, said = process.communicate(timeout=300)
    assert process.returncode == (130 if number == signal.SIGINT else -number)
    assert ("interrupted" in said) == (number == signal.SIGINT)
    wait_until(lambda: not processes_of(ran) and not psutil.pid_exists(int(re.search(r"\.(\d+)-", draft.name)[1])))
    assert executed(ran).read_bytes() == before
    (ran / "notebooks" / "01_small.ipynb").write_bytes(good)
    assert command("run", "--force").returncode == 0
    assert [*executed(ran).parent.glob(".*")] == []


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
    assert json.loads(executed(small).read_text())["metadata"]["linearlens_run"]["device"] == "cpu"


def test_unknown_parameters_are_refused(small, command):
    write_chapter(small / "notebooks" / "01_small.ipynb", SMALL_CELL, parameters='profile = "quick"\nspeed = 0')
    done = command("run")
    assert done.returncode == 1
    assert "01_small has no parameter seed; it has: profile, speed" in done.stderr


def test_help_is_for_newcomers(small, command):
    for arguments in (["run"], ["sweep"], ["book"], ["claims"], ["data"], ["data", "fetch"]):
        done = command(*arguments, "--help")
        assert done.returncode == 0
        assert "Usage:" in done.stdout
    as_called = command_of(small)("--help")
    assert as_called.returncode == 0
    assert "Usage: linearlens [OPTIONS] COMMAND" in as_called.stdout


def test_claims_and_seeds(small, command):
    assert command("run", "01", "--seed", "7").returncode == 0
    done = command("claims", "--seed", "7", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)[0]["measured"] == 23
    edit(small / "data" / "claims.yml", "value >= 0", "value >= 100")
    failed = command("claims", "--seed", "7")
    assert failed.returncode == 1
    assert "does not hold: small.value" in failed.stderr
    assert "FAILS  A sum is what it is.  [small.value; " in failed.stdout
    assert command("claims", "small.value", "--seed", "7").stdout == failed.stdout
    assert command("claims", "02").stderr.startswith("error: no chapter is named '02'")


def test_the_data_list_says_where_things_are(command, tmp_path):
    done = command("data", "list", LINEARLENS_DATA=str(tmp_path / "mine"))
    assert done.returncode == 0
    for needed in ("mnist", "not present", "MB", "licence:", "citation:", str(tmp_path / "mine" / "mnist")):
        assert needed in done.stdout
