"""What runs beside others: one waits for the other, and all fit into memory; what the dead leave is removed."""

import io
import os
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest
from conftest import environment_of, wait_until
from rich.console import Console

from linearlens.paths import ROOT
from linearlens.press.chapter.files import one_at_a_time, remove_drafts
from linearlens.press.running import process
from linearlens.press.running.process import Children

HOLD = """import sys
from pathlib import Path
from rich.console import Console
from linearlens.press.chapter.files import one_at_a_time
sys.argv = ["linearlens", "run", "--jobs", "1"]
with one_at_a_time(Path(sys.stdin.readline().strip()), Console()):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_second_of_two_says_for_whom_it_waits(tmp_path):
    lock, said, went_on = tmp_path / "run.lock", io.StringIO(), threading.Event()

    def second():
        with one_at_a_time(lock, Console(file=said, width=200)):
            went_on.set()

    first = subprocess.Popen(
        [sys.executable, "-c", HOLD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment_of(ROOT),
        text=True,
    )
    first.stdin.write(f"{lock}\n")
    first.stdin.flush()
    assert first.stdout.readline() == "held\n"
    waiting = threading.Thread(target=second, daemon=True)
    waiting.start()
    wait_until(said.getvalue)
    assert said.getvalue().startswith(f"waiting for process {first.pid}, `linearlens run --jobs 1`, running since ")
    assert not went_on.is_set()
    first.communicate()
    waiting.join()
    assert went_on.is_set()


def test_drafts_of_the_dead_are_removed_and_of_the_living_stay(here):
    dead = subprocess.Popen(["true"])
    dead.wait()
    folders = [here / "_build" / "executed" / "quick-seed0", here / "data" / "results" / "full"]
    for folder in folders:
        folder.mkdir(parents=True)
        for number in (dead.pid, os.getpid()):
            (folder / f".01_small.ipynb.{number}-0123abcd.part").touch()
            (folder / f".01_small.ipynb.{number}-0123abcd.part.ipynb").touch()
            (folder / f".html.{number}-0123abcd.old").mkdir()
            (folder / f".html.{number}-0123abcd.old" / "index.html").touch()
        (folder / ".gitkeep").touch()
        (folder / "01_small.ipynb").touch()
    remove_drafts()
    for folder in folders:
        left = {path.name for path in folder.iterdir()}
        assert {".gitkeep", "01_small.ipynb"} < left
        assert len(left) == 5
        assert not [name for name in left if str(dead.pid) in name]


def have(monkeypatch, megabytes):
    """Let the machine have so much memory."""
    memory = SimpleNamespace(available=megabytes * 2**20)
    monkeypatch.setattr(process, "psutil", SimpleNamespace(virtual_memory=lambda: memory))


def test_chapters_wait_until_they_fit_into_memory(monkeypatch):
    have(monkeypatch, 1000)
    children, waits, entered, leave = Children(), threading.Event(), threading.Event(), threading.Event()

    def second():
        with children.room(600, waits.set):
            entered.set()
            leave.wait()

    with children.room(600):
        beside = threading.Thread(target=second, daemon=True)
        beside.start()
        assert waits.wait(60)
        assert not entered.is_set()
        with children.room(400, lambda: pytest.fail("it fits beside the first")):
            pass
        assert not entered.is_set()
    assert entered.wait(60), "once the first has gone"
    leave.set()
    beside.join()
    with children.room(10**6, lambda: pytest.fail("one alone always runs")):
        pass


def test_those_told_to_end_wait_for_no_memory(monkeypatch):
    have(monkeypatch, 0)
    children = Children()
    with children.room(1):
        children.end()
        with children.room(1, lambda: pytest.fail("all were told to end")):
            pass
