"""Every chapter through papermill, with every claim held against its bound."""

import pytest

from linearlens.ledger import PROFILES, load_claims, mismatches
from linearlens.press.chapter.freshness import Executed
from linearlens.press.chapter.notebooks import all_chapters
from linearlens.press.evidence.costs import BOOK_MINUTES, MEGABYTES, NOISE, budget_of
from linearlens.press.evidence.measurements import ledger_rows, recorded_ids


@pytest.fixture(scope="module")
def rows(quick):
    return {row.id: row for row in ledger_rows(quick)}


@pytest.mark.parametrize("claim", list(load_claims()))
def test_claim_holds(rows, claim):
    row = rows[claim]
    assert row.measured is not None, f"{claim} was not measured"
    assert not row.stale
    assert row.bound is None or row.holds, f"{row.says} measured {row.measured}, bound {row.bound}"


def test_every_record_has_its_claim_and_every_claim_its_record(quick):
    assert mismatches(recorded_ids(quick), load_claims()) == []


@pytest.mark.parametrize("chapter", all_chapters())
def test_chapter_is_quick_and_quiet(quick, chapter):
    notebook = Executed(chapter, quick).read()
    run = notebook.metadata["linearlens_run"]
    assert run["cpu_seconds"] <= NOISE * budget_of(chapter)
    assert run["peak_megabytes"] <= MEGABYTES
    noise = [o.text for c in notebook.cells for o in c.get("outputs", []) if o.get("name") == "stderr"]
    assert noise == [], "a chapter prints no warnings"


def test_the_whole_book_is_quick(quick):
    runs = [Executed(chapter, quick).read().metadata["linearlens_run"] for chapter in all_chapters()]
    assert sum(run["cpu_seconds"] for run in runs) <= NOISE * 60 * BOOK_MINUTES


def test_every_claim_has_a_bound_somewhere_and_a_reason():
    for claim in load_claims().values():
        assert set(claim.bound) & set(PROFILES), claim.id
        assert len(claim.why) > 20, claim.id
