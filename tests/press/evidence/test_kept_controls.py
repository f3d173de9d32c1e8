"""In every kept run, full or at any seed, the measured control breaks each claim that it is the control of."""

import pytest

from linearlens.ledger import COULD_FAIL, PROFILES, judge, load_claims
from linearlens.ledger._bounds import names_in, parse
from linearlens.press.chapter.notebooks import all_chapters
from linearlens.press.evidence.full_runs import read_full_run
from linearlens.press.evidence.seed_runs import read_seeds


def kept_runs(chapter):
    """What each kept run recorded, with its profile and a name to tell it by."""
    if full := read_full_run(chapter):
        yield "full", "full", full["records"]
    for profile in PROFILES:
        for seed, run in read_seeds(chapter, profile).items():
            yield profile, f"{profile}, seed {seed}", run.records


def judged(claim, profile, records):
    """The claim's row; None if the run, of an older version of the chapter, lacks what the bound names."""
    bound, value = claim.bound.get(profile), records.get(claim.id)
    recorded = value if isinstance(value, dict) else {"value": value}
    if bound is None or value is None or names_in(parse(bound)) - set(recorded):
        return None
    return judge(claim, value, profile=profile, seed=0, records=records)


@pytest.mark.parametrize("chapter", all_chapters())
def test_no_control_satisfies_its_claim(chapter):
    claims = [one for one in load_claims().values() if one.chapter == chapter and one.kind in COULD_FAIL]
    satisfied = []
    for profile, run, items in kept_runs(chapter):
        records = {item["id"]: item["value"] for item in items}
        rows = [judged(claim, profile, records) for claim in claims]
        satisfied += [f"{row.id} ({run}): {row.broken_by}" for row in rows if row and row.breaks is False]
    assert not satisfied
