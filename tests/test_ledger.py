"""Claims, bounds and what is recorded for them."""

import json
import math
import sys

import numpy as np
import pytest
import torch
import yaml

from linearlens.ledger import (
    MIME,
    LedgerError,
    bound_holds,
    judge,
    load_claims,
    mismatches,
    record,
    show,
    to_json,
    told,
)
from linearlens.ledger import _ledger as ledger_module

ENTRY = {
    "id": "a.b",
    "chapter": "01_a",
    "kind": "paper",
    "paper": "someone2020",
    "where": "Fig. 1",
    "says": "It is small.",
    "set": "before",
    "bound": "value <= 1",
    "why": "A reason.",
    "verdict": "reproduced",
    "control": ["plain"],
}


def ledger(tmp_path, *changes):
    path = tmp_path / "claims.yml"
    path.write_text(yaml.safe_dump([{**ENTRY, **change} for change in changes]))
    return load_claims(path)


@pytest.mark.parametrize(
    ("bound", "value", "holds"),
    [
        ("value <= 1e-10", 1e-11, True),
        ("value <= 1e-10", 1e-9, False),
        ("0.9 <= value <= 1.1", 1.0, True),
        ("0.9 <= value <= 1.1", 1.2, False),
        ("value == 3", 3, True),
        ("value > -1", 0, True),
        ("value == 1", True, True),
        ("all(value >= 0.9)", [0.95, 0.89], False),
        ("median(value) >= 0.9", [0.95, 0.91, 0.1], True),
        ("share(value >= 0.9) >= 0.5", [0.95, 0.1], True),
        ("min(value) > 0 and max(value) < 1", [0.2, 0.5], True),
        ("min(value) > 0 and max(value) < 1", [0.2, 1.5], False),
        ("koopman < persistence", {"koopman": 0.1, "persistence": 0.4}, True),
        ("koopman <= 0.1 * persistence", {"koopman": 0.1, "persistence": 0.4}, False),
        ("all(lifted > affine)", {"lifted": [2, 3], "affine": [1, 4]}, False),
        ("abs(value - 2) / 2 < 0.1", 2.1, True),
        ("value <= 1", math.nan, False),
        ("value >= 1", math.nan, False),
        ("all(value <= 1)", [0.1, math.nan], False),
        ("share(value > 0.5) <= 0.2", [0.1, math.nan], False),
        ("median(value) <= 1", [0.1, 0.2, math.nan], False),
        ("value - value <= 1", math.inf, False),
        ("lifted <= 1", {"lifted": 0.5, "affine": math.nan}, True),
        ("all(lifted > affine) and affine < 1", {"lifted": [0.5, math.nan], "affine": 0.1}, False),
        ("lifted / affine >= 10", {"lifted": 1, "affine": 0}, False),
        ("all(lifted / affine >= 10)", {"lifted": [1, 1], "affine": [0.0, 0.1]}, False),
        ("lifted / affine <= 10", {"lifted": -1, "affine": 0.0}, False),
        ("diverged >= 10 * kept", {"diverged": math.inf, "kept": 1.0}, True),
        ("value", True, True),
        ("value", False, False),
        ("all(value)", [True, True], True),
        ("all(value)", [True, False], False),
        ("share(value) >= 0.6", [True, True, False], True),
        ("share(value) >= 0.7", [True, True, False], False),
        ("all(first and second)", {"first": [True, True], "second": [True, False]}, False),
        ("all(0 < lifted < affine)", {"lifted": [0.1, 0.2], "affine": 0.3}, True),
        ("0 <= low and all(low < high)", {"low": 0.1, "high": [0.2, 0.3]}, True),
        ("all(low <= 0.5 <= high)", {"low": 0.1, "high": [0.6, 0.7]}, True),
        ("max(value) < 1", [0.5], True),
    ],
)
def test_bounds(bound, value, holds):
    assert bound_holds(bound, value) is holds


@pytest.mark.parametrize(
    ("bound", "value", "says"),
    [
        ("value <= ", 1, "not a comparison"),
        ("value", 1, "one yes or no"),
        ("value <= 1", [1, 2], "one yes or no"),
        ("other <= 1", {"a": 1}, "names 'other'; recorded were"),
        ("value.real <= 1", 1, "may not contain"),
        ("__import__('os') == 1", 1, "may not contain"),
        ("open(value) == 1", 1, "may not contain"),
        ("value != 1", 1, "may not contain"),
        ("value <= '1'", 1, "may not contain"),
        ("True", 1, "may not contain 'True'"),
        ("value == True", True, "may not contain 'True'"),
        ("1 < 2", 1, "names nothing"),
        ("all(value) >= 0.9", [0.1, 0.2], "'value' for a comparison"),
        ("share(value) >= 0.9", [0.1, 0.2], "'value' for a comparison"),
        ("all(value)", [math.nan], "'value' for a comparison"),
        ("all(value >= 0.1) >= 0.9", [0.1, 0.2], "for a number"),
        ("median(value > 0.1) >= 0.5", [0.1, 0.2], "'value > 0.1' for a number"),
        ("value and value > 0", 1, "'value' for a comparison"),
        ("all(a < b)", {"a": [1, 2], "b": [1, 2, 3]}, r"different lengths: \[2, 3\]"),
        ("all(a < b)", {"a": [1], "b": [1, 2, 3]}, r"different lengths: \[1, 3\]"),
        ("min(a - b) > 0", {"a": [5], "b": [1, 2]}, "different lengths"),
        ("all(a > 0 and b > 0)", {"a": [5], "b": [1, 2]}, "different lengths"),
        ("a > 0", {"a": 1, "b": {"c": 1}}, "got dict"),
        ("all(value > 0)", [[1], [1, 2]], "got list"),
        ("all(value > 0)", [], "empty list"),
        ("all(value > 0)", [True, 0.5], "mixes"),
    ],
)
def test_bad_bounds(bound, value, says):
    with pytest.raises(LedgerError, match=says):
        bound_holds(bound, value)


def test_judging_the_papers_statement(tmp_path):
    paper = "value <= 0.1"
    cases = [("reproduced", 0.05, True), ("reproduced", 0.5, False)]
    cases += [("not reproduced", 0.5, True), ("not reproduced", 0.05, False), ("partly", 0.5, True)]
    for verdict, value, holds in cases:
        claim = ledger(tmp_path, {"verdict": verdict, "paper_bound": paper})["a.b"]
        assert judge(claim, value, profile="quick", seed=0).holds is holds, (verdict, value)


def test_nan_fails_no_statement_of_a_paper(tmp_path):
    changes = {"verdict": "not reproduced", "bound": "plain >= 1", "paper_bound": "lifted <= 0.1"}
    claim = ledger(tmp_path, changes)["a.b"]
    assert judge(claim, {"plain": 2.0, "lifted": 0.5}, profile="quick", seed=0).holds is True
    assert judge(claim, {"plain": 2.0, "lifted": math.nan}, profile="quick", seed=0).holds is False


def test_what_was_not_measured_does_not_hold(tmp_path):
    claim = ledger(tmp_path, {"bound": {"full": "value <= 1"}})["a.b"]
    assert judge(claim, None, profile="full", seed=0).holds is None
    assert judge(claim, 0.5, profile="quick", seed=0).holds is None
    assert judge(claim, 0.5, profile="full", seed=0).holds is True


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ([{"verdict": "maybe"}], "no verdict 'maybe'"),
        ([{"kind": "fact"}], "no kind 'fact'"),
        ([{"set": "later"}], "set 'later'; say before or after"),
        ([{"kind": "ours"}], "a verdict is for what a paper states"),
        ([{"kind": "paper", "verdict": None}], "no verdict None"),
        ([{"broken_by": {"other": "plain"}}], r"replaces \['other'\], which no bound of it names"),
        ([{"broken_by": {"value": "c.d"}}], "no record 'c.d'"),
        ([{"broken_by": {"value": "c.d"}}, {"id": "c.d", "chapter": "02_d"}], "no record 'c.d'"),
        ([{"broken_by": {"value": None}}], r"a control is a name, got \['plain', None\]"),
        ([{"control": []}], "kind paper needs a control, or broken_by"),
        ([{"kind": "ours", "verdict": None, "control": []}], "kind ours needs a control, or broken_by"),
        ([{"bound": "a > b"}], "'a > b' has no margin"),
        ([{"bound": {"quick": "a > b + 1", "full": "share(a > b) >= 0.9"}}], "'a > b' has no margin"),
        ([{"earlier": "value =< 1"}], r"a\.b: .*not a comparison"),
        ([{"bound": {"fast": "value <= 1"}}], "no profile"),
        ([{}, {}], "twice"),
        ([{"verdict": "not reproduced"}], "needs a paper_bound"),
        ([{"unknown": 1}], "unknown"),
        ([{"bound": "meidan(value) <= 1"}], r"a\.b: .*may not contain 'meidan"),
        ([{"bound": "value <= 1 or value >= 2"}], r"a\.b: .*may not contain"),
        ([{"bound": "value =< 1"}], r"a\.b: .*not a comparison"),
        ([{"bound": {"quick": "value <= 1", "full": "all(median(value) )"}}], r"a\.b: .*for a comparison"),
        ([{"bound": "median(value)"}], r"a\.b: .*one yes or no"),
        ([{"bound": "True"}], r"a\.b: .*may not contain 'True'"),
        ([{"bound": {"quick": True}}], r"a\.b: .*not a comparison"),
        ([{"bound": 1}], r"a\.b: .*neither"),
        ([{"paper_bound": "value <= "}], r"a\.b: .*not a comparison"),
    ],
)
def test_bad_ledgers(tmp_path, changes, says):
    with pytest.raises(LedgerError, match=says):
        ledger(tmp_path, *changes)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "holds no list of claims"),
        ("id: a.b", "holds no list of claims"),
        ("[]", "holds no list of claims"),
        ("- a text\n- another", "entry 1 is no claim with fields, but 'a text'"),
        ("- id: [a, b]", r"entry 1: the id must be a text, got \['a', 'b'\]"),
        ("- id: a.b\n  says: 'not closed", r"cannot be read: (.|\n)*line 2"),
        ("- id: a.b\n<<<<<<< ours\n- id: c.d", r"cannot be read: (.|\n)*line [23]"),
        ("\xff", "cannot be read: .*utf-8"),
        (None, "cannot be read: .*No such file"),
    ],
)
def test_a_file_that_is_no_ledger_is_named(tmp_path, text, says):
    path = tmp_path / "claims.yml"
    if text is not None:
        path.write_bytes(text.encode("latin1"))
    with pytest.raises(LedgerError, match=says) as error:
        load_claims(path)
    assert str(path) in str(error.value)


def test_bounds_are_refused_only_for_what_no_value_can_mend(tmp_path):
    good = ["value", "all(value)", "share(value) >= 0.5", "value == 1", "1 / (a - b) <= 2", "min(a) > 0 and all(b < a)"]
    for bound in good:
        assert ledger(tmp_path, {"bound": bound, "paper_bound": bound, "margin": "None."})["a.b"].paper_bound == bound


def test_what_cannot_fail_needs_no_control_nor_a_margin(tmp_path):
    free = {"bound": "a >= b", "control": []}
    for changes in ({"kind": "known", "verdict": None, **free}, {"kind": "identity", "verdict": None, **free}):
        assert ledger(tmp_path, changes)["a.b"].verdict is None
    assert ledger(tmp_path, {"bound": "a >= b", "margin": "They need only be equal."})["a.b"].margin
    failed = {"verdict": "not reproduced", "paper_bound": "value == 4", "control": []}
    assert ledger(tmp_path, failed)["a.b"].control == []


def test_the_bound_before_may_be_one_for_each_profile(tmp_path):
    both = ledger(tmp_path, {"set": "after", "earlier": "value <= 2"})["a.b"].earlier
    assert both == {"quick": "value <= 2", "full": "value <= 2"}
    assert ledger(tmp_path, {"earlier": {"full": "value <= 2"}})["a.b"].earlier == {"full": "value <= 2"}


def test_record_and_ledger_must_match(tmp_path):
    claims = ledger(tmp_path, {}, {"id": "a.c"}, {"id": "d.e", "chapter": "02_d"})
    assert mismatches({"01_a": ["a.b", "a.c"], "02_d": ["d.e"]}, claims) == []
    assert "not in data/claims.yml" in mismatches({"01_a": ["a.b", "a.c", "new"], "02_d": ["d.e"]}, claims)[0]
    assert "does not record it" in mismatches({"01_a": ["a.b", "a.c"], "02_d": []}, claims)[0]
    assert "more than once" in mismatches({"01_a": ["a.b", "a.b", "a.c"], "02_d": ["d.e"]}, claims)[0]
    assert "belongs to" in mismatches({"01_a": ["a.b", "a.c"], "02_d": ["d.e", "a.b"]}, claims)[0]


@pytest.fixture
def recorded(monkeypatch):
    """Record a value; return what was kept, and the texts that pages can show."""

    def run(value):
        outputs = []
        monkeypatch.setattr("IPython.core.interactiveshell.InteractiveShell.initialized", lambda: True)
        monkeypatch.setattr("IPython.display.display", lambda data, raw, metadata: outputs.append((data, metadata)))
        record("a.b", value)
        texts = {
            metadata["scrapbook"]["name"]: data["application/papermill.record/text/plain"] for data, metadata in outputs
        }
        return outputs[0][0][MIME]["value"], texts

    return run


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.float64(0.5), 0.5),
        (np.int64(3), 3),
        (torch.tensor(2.0), 2.0),
        (np.array([1.0, 2.0]), [1.0, 2.0]),
        ({"a": np.float32(1), "b": (1, 2)}, {"a": 1.0, "b": [1, 2]}),
        (True, True),
        (np.array([True, False]), [True, False]),
        ([np.bool_(True), False], [True, False]),
        ([torch.tensor(2.0), np.float32(1)], [2.0, 1.0]),
    ],
)
def test_record_takes_the_usual_numbers(recorded, value, plain):
    kept, _ = recorded(value)
    assert kept == plain
    assert json.loads(json.dumps(kept)) == plain


def test_record_gives_the_text_its_numbers(recorded):
    _, texts = recorded({"x": [1.0, 2.0, 6.0], "y": 0.25})
    assert texts["a.b.x.median"] == "2.0"
    assert texts["a.b.x.max"] == "6.0"
    assert texts["a.b.y"] == "0.25"


NOT_FLAT = ({"a": {"b": 1}}, [[1.0], [1.0, 2.0]], np.ones((2, 2)), [{"a": 1}], [True, 0.5])


@pytest.mark.parametrize("value", ["0.5", None, [], {}, {"not a name": 1}, {"a": "b"}, object(), *NOT_FLAT])
def test_record_refuses_what_is_no_number(value):
    with pytest.raises(LedgerError, match=r"a\.b"):
        record("a.b", value)


@pytest.mark.parametrize("missing", [("IPython", "IPython.core.interactiveshell"), ()])
def test_record_prints_where_there_is_no_notebook(monkeypatch, capsys, missing):
    for name in missing:
        monkeypatch.setitem(sys.modules, name, None)
    record("a.b", 0.5)
    assert capsys.readouterr().out == "a.b  0.5\n"
    with pytest.raises(LedgerError, match="need a number"):
        record("a.b", "no number")


@pytest.mark.parametrize(
    ("profile", "value", "says"),
    [
        ("quick", {"a": 0.5, "b": [1, 2]}, "a.b\n  a  0.5\n  b  1.5 (1 to 2, 2 values)\n  the claim holds: a < 1"),
        ("quick", {"a": 2.0}, "a.b\n  a  2\n  the claim DOES NOT HOLD: a < 1"),
        ("quick", 0.5, "a.b  0.5\n  cannot be judged, the bound 'a < 1' names 'a'"),
        ("full", {"a": 0.5}, "a.b\n  a  0.5"),  # no bound in this profile
        (None, {"a": 0.5}, "a.b\n  a  0.5"),
    ],
)
def test_record_says_whether_the_claim_holds(monkeypatch, tmp_path, profile, value, says):
    claims = ledger(tmp_path, {"bound": {"quick": "a < 1"}})
    monkeypatch.setattr(ledger_module, "_claims_at_hand", lambda: claims)
    monkeypatch.setattr(sys.modules["__main__"], "profile", profile, raising=False)
    said = told("a.b", value)
    assert said.startswith(says) if "judged" in says else said == says


def test_without_the_book_there_are_no_claims(monkeypatch):
    def nothing():
        raise LedgerError("no file")

    monkeypatch.setattr(ledger_module, "load_claims", nothing)
    assert ledger_module._claims_at_hand.__wrapped__() == {}


def test_json_has_what_readers_need(tmp_path):
    row = json.loads(to_json([judge(ledger(tmp_path, {})["a.b"], 0.5, profile="quick", seed=7)]))[0]
    wanted = {"id", "paper", "where", "says", "measured", "bound", "holds", "verdict", "profile", "seed"}
    assert wanted <= set(row)
    assert (row["measured"], row["holds"], row["profile"], row["seed"]) == (0.5, True, "quick", 7)


def test_show_is_short():
    assert show(None) == "not measured"
    assert show(True) == "yes"
    assert show([0.5]) == "0.5"
    assert show([1, 2, 3]) == "2 (1 to 3, 3 values)"
    assert show([True, False, True]) == "yes in 2 of 3"
    assert show(math.inf) == "inf"
