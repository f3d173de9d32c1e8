"""What full runs measured is kept with its provenance, shown, and held against its bounds."""

import json
import subprocess

import pytest
from conftest import SMALL_CELL, a_claim, write_chapter

from linearlens.ledger import LedgerError, load_claims
from linearlens.paths import ROOT
from linearlens.press.chapter.errors import PressError
from linearlens.press.chapter.files import to_json
from linearlens.press.chapter.freshness import Sources, measuring
from linearlens.press.chapter.notebooks import Edition
from linearlens.press.chapter.provenance import commit_of_checkout
from linearlens.press.evidence import full_runs
from linearlens.press.evidence.full_runs import kept_rows, read_kept
from linearlens.press.evidence.ledger_page import whole_ledger
from linearlens.press.evidence.measurements import ledger_rows


def page():
    """The ledger as it would be included in the book."""
    claims, runs = load_claims(), read_kept()
    return whole_ledger(ledger_rows(Edition()), claims, kept_rows(claims, runs), runs)


def test_a_full_run_is_kept_shown_and_marked_when_stale(ran, here, command):
    kept = ran / "data" / "results" / "full" / "01_small.json"
    assert "The papers’ scale" not in page(), "a quick run keeps nothing"
    assert command("run", "--profile", "full", "--seed", "1").returncode == 0
    assert not kept.exists(), "only seed 0 is kept"

    assert command("run", "--profile", "full").returncode == 0
    run = json.loads(kept.read_text())
    assert run["records"] == [{"id": "small.value", "value": 16.0}]
    assert {
        "commit",
        "dirty",
        "sources",
        "versions",
        "cpu_seconds",
        "python",
        "device",
        "profile",
        "seed",
    } <= run.keys()
    assert str(ran) not in kept.read_text(), "no path of a machine"
    shown = page()
    assert "**the papers’ scale**, seed 0<br>16<br>`value >= 0`: holds" in shown
    assert "*The papers’ scale:* " in shown

    write_chapter(ran / "notebooks" / "01_small.ipynb", SMALL_CELL, "1 / 0")
    before = kept.read_bytes()
    assert command("run", "--profile", "full").returncode == 1
    assert kept.read_bytes() == before, "a run that fails leaves what was kept"
    assert "made with other sources of this chapter; it is not shown" in page()
    assert "**the papers’ scale**" not in page()


def test_the_commit_kept_is_that_at_the_start_of_the_run(small, command):
    """The chapter makes a commit while it runs, and changes a file."""

    def git(*arguments):
        given = ("-c", "user.name=t", "-c", "user.email=t@t.t", "-c", "core.hooksPath=/dev/null")
        return subprocess.run(
            ["git", *given, *arguments], cwd=small, capture_output=True, text=True, check=True
        ).stdout.strip()

    cell = (
        "import subprocess\nfrom linearlens.paths import ROOT\n"
        "git = ['git', '-c', 'user.name=t', '-c', 'user.email=t@t.t']\n"
        "_ = subprocess.run([*git, 'commit', '--allow-empty', '-m', 'later'], cwd=ROOT, check=True)\n"
        "_ = (ROOT / 'Makefile').write_text('changed')"
    )
    write_chapter(small / "notebooks" / "01_small.ipynb", SMALL_CELL, cell)
    git("init")
    git("add", "src", "notebooks", "data", "Makefile")
    git("commit", "-m", "first")
    first = git("rev-parse", "HEAD")
    ran = command("run", "--profile", "full")
    assert ran.returncode == 0, ran.stderr
    run = json.loads((small / "data" / "results" / "full" / "01_small.json").read_text())
    assert git("rev-parse", "HEAD") != first
    assert (run["commit"], run["dirty"]) == (first, False)


def test_results_written_meanwhile_make_no_checkout_dirty(here):
    def git(*arguments):
        given = ("-c", "user.name=t", "-c", "user.email=t@t.t", "-c", "core.hooksPath=/dev/null")
        subprocess.run(["git", *given, *arguments], cwd=here, capture_output=True, check=True)

    result = here / "data" / "results" / "seeds" / "quick" / "01_small.json"
    result.parent.mkdir(parents=True)
    result.write_text("[]\n")
    git("init")
    git("add", ".")
    git("commit", "-m", "first")
    result.write_text("[ ]\n")
    assert not commit_of_checkout()["dirty"]
    (here / "Makefile").write_text("changed")
    assert commit_of_checkout()["dirty"]


def test_no_number_depends_on_what_draws_or_on_exercises():
    assert measuring({"drawings": "a", "code": "b", "exercises": "c"}) == {"code": "b"}


def test_what_has_gone_is_not_kept(monkeypatch):
    monkeypatch.setattr(full_runs.Executed, "trouble", lambda self: None)
    monkeypatch.setattr(full_runs.Executed, "stamp", lambda self: None)
    with pytest.raises(PressError, match=r"full run of 01_gone cannot be kept: .*01_gone\.ipynb has gone meanwhile"):
        full_runs.keep("01_gone")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda text: text[: len(text) // 2], "is damaged: it is no JSON"),
        (lambda text: "", "is damaged: it is no JSON"),
        (lambda text: text.replace("0.5", "0.6"), "is damaged: it was changed after it was written"),
        (lambda text: "{}", "is damaged: it has no seal"),
        (lambda text: to_json({"chapter": "02_other"}), "is the run of another chapter"),
    ],
)
def test_a_damaged_result_is_named_with_what_to_do(here, change, says):
    kept = here / "data" / "results" / "full" / "01_small.json"
    kept.parent.mkdir(parents=True)
    kept.write_text(to_json({"chapter": "01_small", "records": [{"id": "small.value", "value": 0.5}]}))
    assert read_kept()["01_small"]["records"][0]["value"] == 0.5
    kept.write_text(change(kept.read_text()))
    with pytest.raises(PressError) as error:
        read_kept()
    assert says in str(error.value)
    assert "get it back with `git checkout -- data/results/full/01_small.json`, or remove it and run" in str(
        error.value
    )
    assert "\n" not in str(error.value)


def test_a_stale_run_that_a_new_bound_cannot_judge_is_left_out(monkeypatch):
    bound = "median(plain) > 0 and median(added) > 0"
    claim = a_claim(bound={"full": bound})
    run = {"sources": {"cells": "older"}, "records": [{"id": "a.b", "value": {"plain": [1.0]}}]}
    monkeypatch.setattr(full_runs, "sources", lambda *_: Sources({"cells": "newer"}, {}))
    assert kept_rows({"a.b": claim}, {"01_a": run}) == {}
    monkeypatch.setattr(full_runs, "sources", lambda *_: Sources({"cells": "older"}, {}))
    with pytest.raises(LedgerError, match="names 'added'"):
        kept_rows({"a.b": claim}, {"01_a": run})


def test_every_kept_measurement_holds_its_bound():
    rows = kept_rows(load_claims(), read_kept())
    failed = {name: (row.measured, row.bound) for name, row in rows.items() if row.bound and not row.holds}
    assert not failed


def test_what_is_kept_comes_from_a_commit_without_changes():
    for path in (ROOT / "data" / "results" / "full").glob("*.json"):
        run = json.loads(path.read_text(encoding="utf-8"))
        assert (run["profile"], run["seed"], run["dirty"]) == ("full", 0, False), path
        assert len(run["commit"]) == 40, path
