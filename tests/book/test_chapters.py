"""Every chapter through papermill, with every claim held against its bound."""

from statistics import median
from time import process_time

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from linearlens.ledger import COULD_FAIL, PROFILES, load_claims, mismatches
from linearlens.press.chapter.freshness import Executed, code_cells
from linearlens.press.chapter.notebooks import all_chapters, expected_seconds
from linearlens.press.evidence.costs import BOOK_MINUTES, MEGABYTES, NOISE, budget_of
from linearlens.press.evidence.measurements import ledger_rows, recorded_ids
from linearlens.press.running.worker import run_one


@pytest.fixture(scope="module")
def rows(quick):
    return {row.id: row for row in ledger_rows(quick)}


@pytest.mark.parametrize("claim", list(load_claims()))
def test_claim_holds(rows, claim):
    row = rows[claim]
    assert row.measured is not None, f"{claim} was not measured"
    assert not row.stale
    assert row.bound is None or row.holds, f"{row.says} measured {row.measured}, bound {row.bound}"


@pytest.mark.parametrize("claim", [name for name, claim in load_claims().items() if claim.kind in COULD_FAIL])
def test_the_control_breaks_the_claim(rows, claim):
    row = rows[claim]
    needed = row.bound is not None and row.broken_by is not None
    assert row.breaks is True or not needed, f"{row.says} holds with {row.broken_by}, or that was not recorded"


def test_every_record_has_its_claim_and_every_claim_its_record(quick):
    assert mismatches(recorded_ids(quick), load_claims()) == []


@pytest.mark.parametrize("chapter", all_chapters())
def test_chapter_is_small_and_quiet(quick, chapter):
    notebook = Executed(chapter, quick).read()
    assert notebook.metadata["linearlens_run"]["peak_megabytes"] <= MEGABYTES
    noise = [o.text for c in notebook.cells for o in c.get("outputs", []) if o.get("name") == "stderr"]
    assert noise == [], "a chapter prints no warnings"


SHOWN = {"text/plain", "text/html", "image/svg+xml"}


@pytest.mark.parametrize("chapter", all_chapters())
def test_every_visible_cell_prints_or_draws(quick, chapter):
    silent = []
    for cell in code_cells(Executed(chapter, quick).read()):
        says = any("text" in output or SHOWN & output.get("data", {}).keys() for output in cell.outputs)
        if not says and {"hide-input", "hide-cell", "parameters"}.isdisjoint(cell.metadata.get("tags", [])):
            silent.append(cell.source)
    assert silent == []


# How long chapters take. What each says it takes is held against its budget. What it took is held against what it says
# and what the others took: a machine that is slow or busy slows all of them, a chapter that has doubled doubles alone.


def slow_ones(took):
    """Chapters that took more, beside what they say, than the rest: each with how many times as much."""
    shares = {chapter: seconds / expected_seconds(chapter, "quick") for chapter, seconds in took.items()}
    usual = median(shares.values())
    return {chapter: share / usual for chapter, share in shares.items() if share > NOISE * usual}


def test_what_chapters_say_they_take_is_within_their_budgets():
    told = {chapter: expected_seconds(chapter, "quick") for chapter in all_chapters()}
    assert {chapter: seconds for chapter, seconds in told.items() if seconds > budget_of(chapter)} == {}
    assert sum(told.values()) <= 60 * BOOK_MINUTES


def test_no_chapter_is_slower_than_it_says(quick):
    took = {chapter: Executed(chapter, quick).stamp()["cpu_seconds"] for chapter in all_chapters()}
    for chapter in slow_ones(took):  # others may have had its caches: once more, with networks of its own
        took[chapter] = min(took[chapter], run_one(chapter, quick.profile, seed=1)["cpu_seconds"])
    assert slow_ones(took) == {}


def test_a_chapter_that_has_doubled_is_seen_on_any_machine():
    for pace in (0.5, 1, 4):
        took = {chapter: pace * expected_seconds(chapter, "quick") for chapter in all_chapters()}
        assert slow_ones(took) == {}
        for chapter in took:
            assert list(slow_ones({**took, chapter: 2.01 * took[chapter]})) == [chapter]


def test_the_whole_book_is_quick(quick):
    """Beside a fixed piece of work, timed here and now: a book whose chapters have all doubled is seen, too."""
    took = sum(Executed(chapter, quick).stamp()["cpu_seconds"] for chapter in all_chapters())
    assert took <= NOISE * 60 * BOOK_MINUTES * max(1, seconds_of_work() / QUIET)


QUIET = 0.045  # CPU seconds of `work` where the budgets were set; 0.09 where all chapters took twice theirs


def work():
    """Some of what chapters do: products of matrices, eigenvalues, and plain Python."""
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(150, 150)) / 12
    for _ in range(5):
        np.linalg.eigvals(matrix)
    for _ in range(100):
        matrix @ matrix
    return sum(number * number for number in range(300_000))


def seconds_of_work():
    """CPU seconds on one thread: the shortest of five tries, so that others who are at work count little."""
    tries = []
    with threadpool_limits(1):
        for _ in range(5):
            begin = process_time()
            work()
            tries.append(process_time() - begin)
    return min(tries)


def test_every_claim_has_a_bound_somewhere_and_a_reason():
    for claim in load_claims().values():
        assert set(claim.bound) & set(PROFILES), claim.id
        assert len(claim.why) > 20, claim.id
