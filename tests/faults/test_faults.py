"""The script that `make faults` runs does not rot: its list, one cheap trial, and what it counts."""

from faults import checks, project
from faults.project import SUM, VALUES, Done, Project, write_project
from faults.report import summary, write_summary
from faults.trial import Verdict, try_one
from faults.trials import GROUPS, by_name
from linearlens.paths import ROOT
from linearlens.press.evidence import planted


def test_there_are_many_trials_each_with_a_name_of_its_own():
    trials = by_name()
    assert len(trials) == sum(map(len, GROUPS.values())) >= 200
    assert all(trial.what and trial.command for trial in trials.values())
    assert {trial.command[0] for trial in trials.values()} >= {
        "run",
        "book",
        "sweep",
        "figure",
        "pack",
        "claims",
        "pdf",
    }


def test_one_trial_with_a_damaged_executed_notebook(tmp_path):
    """Nothing is ever run here: claims has nothing but a file of 0 bytes to read."""
    template = tmp_path / "template"
    write_project(template, ROOT)
    executed = Project(template, "template", "linearlens").executed(SUM)
    executed.parent.mkdir(parents=True)
    executed.write_text("{}")
    trial = by_name()["state/executed-claims-empty"]
    verdict = try_one(trial, "claims", template, tmp_path, "linearlens", heal=False)
    assert verdict.complaints == {}
    assert verdict.said.startswith("[1]")


def test_a_wrong_number_is_told_from_a_right_and_a_stale_one(tmp_path):
    copy = Project(tmp_path, "copy", "linearlens")
    number = copy.new_number(SUM)
    for shown, bad in ((number, False), (project.FIRST[SUM], True), (number + 1, True)):
        assert bool(checks.wrong(copy, {f"claims {VALUES[SUM]}": {shown}})) == bad
    row = f"<tr><td>{project.FIRST[SUM]} (stale)</td></tr><tr><td>{number}</td></tr>"
    assert checks.of_text(row) == {number}


def test_raw_tracebacks_are_told_from_those_of_a_cell():
    raw = "Traceback (most recent call last):\n  File x\nValueError: no\n"
    assert checks.tracebacks(Done(1, "", raw, 0.0))
    assert not checks.tracebacks(Done(1, "", f"error: notebooks/02_net.ipynb, cell 3: ValueError: no\n\n{raw}", 0.0))


def test_the_table_counts_trials_not_complaints():
    seen = {"wrong number": ["a", "b"], "unclear": ["c"]}
    verdicts = [Verdict("kills/a", seen), Verdict("kills/b"), Verdict("state/c", skipped="no root")]
    result = summary(verdicts, ROOT)
    assert (result.groups["kills"]["trials"], result.groups["kills"]["wrong number"]) == (2, 1)
    assert result.groups["state"]["trials"] == 0
    assert result.bad == 1


def test_the_page_shows_the_table_and_names_what_did_not_go_well(tmp_path, monkeypatch):
    monkeypatch.setattr(planted, "FAULTS", tmp_path / "faults.json")
    assert planted.faults() == "None were tried.\n"
    verdicts = [Verdict("kills/a", {"traceback": ["a"]}), Verdict("kills/b"), Verdict("state/c", {"in vain": ["d"]})]
    write_summary(summary(verdicts, ROOT), planted.FAULTS)
    shown = planted.faults()
    assert "| **all** | 3 | 0 | 1 | 0 |" in shown
    assert "These did not go well: `kills/a`." in shown
