"""A claim that its own control satisfies says nothing."""

import math

import pytest
from conftest import a_claim

from linearlens.ledger import LedgerError, judge
from linearlens.ledger._controls import bare_comparisons, breaks_bound, in_words

PAIR = {"koopman": [0.1, 0.2], "persistence": [0.5, 0.6], "random": [0.15, 0.1]}
BELOW = "all(koopman <= 0.5 * persistence)"


@pytest.mark.parametrize(
    ("bound", "value", "how", "breaks"),
    [
        (BELOW, PAIR, {"control": ["persistence"]}, True),
        ("all(koopman <= 0.3)", PAIR, {"control": ["persistence"]}, True),
        ("all(koopman <= 0.3)", PAIR, {"control": ["random"]}, False),
        ("all(koopman <= 0.3)", PAIR, {"control": ["persistence", "random"]}, False),
        ("all(koopman <= 0.3)", PAIR, {"control": ["untrained"]}, None),
        ("all(koopman <= 0.3)", PAIR, {"control": ["untrained", "random"]}, False),
        ("all(koopman <= 0.3)", PAIR, {"control": ["untrained", "persistence"]}, None),
        ("all(koopman <= 0.3)", PAIR, {"control": ["persistence"], "broken_by": {"koopman": "untrained"}}, None),
        ("all(koopman <= 0.3)", PAIR, {}, None),
        ("all(koopman <= 0.3)", PAIR, {"broken_by": {"koopman": "persistence"}}, True),
        ("all(koopman <= 0.3)", PAIR, {"broken_by": {"koopman": "untrained"}}, None),
        (f"{BELOW} and all(random <= 0.2)", PAIR, {"broken_by": {"random": "persistence"}}, True),
        ("value >= 0.9", 0.95, {"broken_by": {"value": "other.id"}}, True),
        ("all(value >= 0.9)", [0.95, 1.0], {"broken_by": {"value": "other.pair.low"}}, True),
        ("value >= 0.9", 0.95, {"broken_by": {"value": "other.pair.high"}}, False),
        ("value >= 0.9", 0.95, {"broken_by": {"value": "other.pair.none"}}, None),
        ("value >= 0.9", 0.95, {"broken_by": {"value": "no.such"}}, None),
        ("value >= 0.9", 0.95, {"broken_by": {"value": "other.nan"}}, None),
    ],
)
def test_the_control_stands_in_for_the_claim(bound, value, how, breaks):
    records = {"other.id": 0.2, "other.pair": {"low": 0.1, "high": 0.99}, "other.nan": math.nan}
    assert breaks_bound(bound, value, records=records, **how) is breaks


def test_a_control_that_the_bound_cannot_take_is_refused():
    with pytest.raises(LedgerError, match="one yes or no"):
        breaks_bound("value <= 1", {"value": 0.5, "many": [1, 2]}, broken_by={"value": "many"})


@pytest.mark.parametrize(
    ("bound", "bare"),
    [
        ("a > b", ["a > b"]),
        ("all(a - b > 0)", ["a - b > 0"]),
        ("median(a / b) > 1", ["median(a / b) > 1"]),
        ("share(a > b) >= 0.9", ["a > b"]),
        ("0 < a < b", ["0 < a < b"]),
        ("max(a) < min(b) and c <= 1", ["max(a) < min(b)"]),
        ("median(a - b) >= 0", ["median(a - b) >= 0"]),
        ("a >= b + 0.02", []),
        ("a >= 1.1 * b", []),
        ("a >= b + 1", []),
        ("median(a / b) >= 1.1", []),
        ("share(a > b + 0.01) >= 0.9", []),
        ("median(a - b) > 0.5 * median(c - b)", []),
        ("max(value) > 0 and value < 1", []),
    ],
)
def test_what_has_no_margin_is_found(bound, bare):
    assert bare_comparisons(bound) == bare


def test_a_row_says_what_breaks_the_claim_and_whether_it_does():
    claim = a_claim(bound={"quick": BELOW}, control=["persistence"])
    row = judge(claim, PAIR, profile="quick", seed=0)
    assert (row.holds, row.breaks, row.kind, row.set) == (True, True, "ours", "before")
    assert row.broken_by == "persistence in place of the others"
    assert judge(claim, None, profile="quick", seed=0).breaks is None
    assert judge(claim, PAIR, profile="full", seed=0).breaks is None
    claim = a_claim(broken_by={"value": "c.d.untrained"})
    row = judge(claim, 0.5, profile="quick", seed=0, records={"a.b": 0.5, "c.d": {"untrained": 2}})
    assert (row.broken_by, row.breaks) == ("c.d.untrained in place of what was measured", True)
    assert in_words([], {}) is None
