"""`linearlens read`: each sentence beside what both editions and the seeds measured."""

import json

import nbformat
import pytest

from linearlens.press.chapter.files import SEAL, to_json
from linearlens.press.evidence.reading import measured_by
from linearlens.press.evidence.seed_runs import SeedRun, keep_seed, origin_of

TEXT = """# A small chapter

It measured {glue:text}`small.value:.1f` and {glue:text}`small.other:.1f`.

## A result

It is {claim}`more than nothing <small.value>` and {claim}`so is that <small.none>`. It is better.
"""


@pytest.fixture
def told(ran, here):
    """The small chapter, run in both editions and at two seeds, with a text that mentions what it measured."""
    path = ran / "notebooks" / "01_small.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[0].source = TEXT
    nbformat.write(notebook, path)
    for seed, value in ((0, 16.0), (1, 19.0)):
        records = [{"id": "small.value", "value": value}]
        keep_seed("01_small", "quick", SeedRun(seed, 1.0, records, {"sources": origin_of("01_small", "quick")}))
    return ran


def lines(done):
    assert done.returncode == 0, done.stderr
    return [line.strip() for line in done.stdout.splitlines() if line.strip()]


def test_numbers_and_claims_stand_under_the_sentence_with_both_editions_and_the_seeds(told, command):
    assert lines(command("read", "01")) == [
        "## 01_small",
        "It measured 16.0 and not measured.",
        "small.value: quick 16.0 [16.0 to 19.0 in 2 seeds] | full not measured",
        "small.other: quick not measured | full not measured",
        "## A result",
        "It is more than nothing and so is that.",
        "small.value: A sum is what it is.",
        "small.value: quick holds [2 of 2 seeds] | full not measured",
        "small.none: there is no such claim",
        "small.none: quick not measured | full not measured",
        "? It is better.",
        "3 sentences; 1 compare, show no number and name no claim, unexcused (?)",
    ]
    run = json.loads((told / "_build" / "executed" / "quick-seed0" / "01_small.ipynb").read_text())
    stamp = run["metadata"]["linearlens_run"] | {"profile": "full", "records": [{"id": "small.value", "value": -1.0}]}
    kept = told / "data" / "results" / "full" / "01_small.json"
    kept.parent.mkdir(parents=True)
    kept.write_text(to_json({name: value for name, value in stamp.items() if name not in (SEAL, "exercises")}))
    shown = lines(command("read", "01"))
    assert shown[2].endswith("| full -1.0 (stale)"), "it was run with other parameters"
    assert shown[7].endswith("| full FAILS (stale)")


def test_what_sources_of_old_measured_is_marked(told, command):
    source = told / "notebooks" / "01_small.ipynb"
    source.write_text(source.read_text().replace("+ 1 + seed", "+ 2 + seed"))
    shown = lines(command("read", "01"))
    assert shown[2] == "small.value: quick 16.0 (stale) [16.0 to 19.0 in 2 seeds] (stale) | full not measured"
    assert measured_by("01_small", "quick").seeds_are_stale


def test_what_is_excused_is_not_marked(told, command):
    (told / "data" / "comparisons.yml").write_text("01_small: {known: [It is better]}")
    assert lines(command("read", "01"))[-2:] == [
        "It is better.",
        "3 sentences; 0 compare, show no number and name no claim, unexcused (?)",
    ]


def test_a_chapter_that_is_none_is_refused(small, command):
    refused = command("read", "99")
    assert refused.returncode == 1
    assert "no chapter is named '99'" in refused.stderr
