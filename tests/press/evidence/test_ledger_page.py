"""The pages and lines that list claims."""

import re
from dataclasses import replace

import pytest
from conftest import a_claim

from linearlens.ledger import judge
from linearlens.press.chapter.errors import PressError
from linearlens.press.evidence import claim_table, listing
from linearlens.press.evidence.ledger_page import by_paper, chapter_rows, papers, shortfalls, summary, whole_ledger
from linearlens.press.evidence.seed_runs import seeds_row


def paper_claim(name, paper, verdict, **more):
    bound = {"paper_bound": "value > 9"} if verdict == "not reproduced" else {}
    return a_claim(
        id=name, kind="paper", paper=paper, says=f"Says {name}.", why=f"Why {name}.", verdict=verdict,
        bound={"quick": "value > 0"}, **bound, **more,
    )  # fmt: skip


GIVEN = [
    a_claim(id="a.ours", bound={"quick": "value > 0"}, set="after", earlier={"quick": "value > 7"}),
    a_claim(id="a.known", kind="known", paper="schmid2010", bound={"quick": "value > 9"}),
    paper_claim("a.whole", "naiman2023", "reproduced"),
    paper_claim("a.none", "li2023", "not reproduced"),
    paper_claim("a.part", "naiman2023", "partly"),
]
CLAIMS = {one.id: one for one in GIVEN}
ROWS = [judge(one, 5, profile="quick", seed=0) for one in GIVEN]


def cells(text, claim):
    """The cells of a claim's row."""
    (line,) = [line for line in text.splitlines() if f'id="claim-{claim.replace(".", "-")}"' in line]
    return [cell.strip() for cell in line.strip("|").split(" | ")]


def test_a_row_says_what_holds_in_both_editions_and_folds_away_what_decides():
    claim = a_claim(
        kind="paper", verdict="not reproduced", bound={"quick": "x > y", "full": "x >= 4"}, paper_bound="x == 4",
        control=["y"], why="Why | not.", earlier={"quick": "x > 7", "full": "x > 7"}, set="after",
    )  # fmt: skip
    value = {"x": 5, "y": 4}
    rows, claims = [judge(claim, value, profile="quick", seed=0)], {"a.b": claim}
    full = {"a.b": judge(claim, {"x": 3, "y": 4}, profile="full", seed=0)}
    over = {"quick": {"a.b": seeds_row(claim, {0: {"a.b": value}, 1: {"a.b": {"x": 4, "y": 4}}}, profile="quick")}}
    said, verdict, quick, papers_scale = cells(claim_table.full_table(rows, claims, full, over), "a.b")
    assert (verdict, quick, papers_scale) == (
        "not reproduced",
        "fails, as said<br><small>1 of 2 seeds</small>",
        "**not as said**",
    )
    assert said.startswith('<span class="claim-mark" id="claim-a-b" data-chapter="01_a" data-paper="this book" ')
    assert 'data-verdict="not reproduced" data-set="after" data-quick="holds" data-full="fails"></span>Small.' in said
    before, folded = said.split("<details>")
    assert "x > y" not in before
    for part in (
        "x: 5 [seeds: 4.5, 4 to 5]<br>y: 4 [seeds: 4, 4 to 4]<br>"
        "`x > y`: holds<br>the paper’s: `x == 4` fails<br>"
        "over the seeds the claim holds in 1 of 2 seeds, its control breaks it in 1<br>"
        "control: with y in place of the others, the bound fails<br>",
        "x: 3<br>y: 4<br>`x >= 4`: **does not hold**<br>",
        r"was set after looking; before that it was `x > 7`. Why \| not.",
    ):
        assert part in folded


@pytest.mark.parametrize("what", ["", "row", "kept", "seeds"])
def test_what_is_stale_is_not_shown(what):
    claim = a_claim(bound={"quick": "value <= 8", "full": "value <= 8"})
    row = judge(claim, 5, profile="quick", seed=0, stale=what == "row")
    full = judge(claim, 6, profile="full", seed=0, stale=what == "kept")
    over = seeds_row(claim, {0: {"a.b": 7}}, profile="quick", stale=what == "seeds")
    text = whole_ledger([row], {"a.b": claim}, {"a.b": full}, {"01_a": run()}, {"quick": {"a.b": over}})
    assert ("<br>5" in text) is (what != "row")
    assert ("<br>6<br>" in text) is (what != "kept")
    assert ("<small>1 of 1 seeds" in text) is (what not in ("row", "seeds"))
    assert ("made with other sources of this chapter; it is not shown" in text) is (what == "kept")
    assert ("*Many seeds, `quick`:* all claims hold in 1 of 1 seeds." in text) is (what != "seeds")
    assert "stale" not in text


def test_a_chapter_says_in_how_many_seeds_all_its_claims_hold_and_what_fails():
    given = [a_claim(id="a.b", bound={"quick": "value <= 1"}), a_claim(id="a.c", bound={"quick": "value <= 2"})]
    measured = {seed: {"a.b": seed, "a.c": seed} for seed in range(4)}
    over = {"quick": {one.id: seeds_row(one, measured, profile="quick") for one in given}}
    rows = [judge(one, 0, profile="quick", seed=0) for one in given]
    text = whole_ledger(rows, {one.id: one for one in given}, {}, {}, over)
    assert "all claims hold in 2 of 4 seeds (what fails: `a.b` at 2; `a.b`, `a.c` at 3)." in text


def run(**changes):
    return {"commit": "c" * 40, "dirty": False, "versions": {"numpy": "2"}, "cpu_seconds": 120, "python": "3"} | changes


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_full_run_says_where_it_comes_from(device):
    kept = {one.id: judge(one, 5, profile="full", seed=0) for one in GIVEN}
    text = whole_ledger(ROWS, CLAIMS, kept, {"01_a": run(device=device)})
    beside = " beside a GPU" if device == "cuda" else ""
    assert f"*The papers’ scale:* commit `cccccccccc`, 2 minutes of one processor{beside} (" in text


def test_the_first_screen_counts_statements_of_papers_kinds_and_bounds():
    assert "| {cite:t}`naiman2023` | 2 | 1 | 1 | 0 | 0 |" in papers(ROWS)
    assert "| {cite:t}`liang2022` | 0 | 0 | 0 | 0 | 0 |" in papers(ROWS)
    assert papers(ROWS).endswith("| **all** | 3 | 1 | 1 | 1 | 0 |")
    text = summary(ROWS, {})
    assert "5 claims: 3 statements of papers (1 reproduced, 1 partly, 1 not reproduced); 1 known results" in text
    assert "4 of 5 bounds hold" in text
    assert "3 of 5 bounds hold" in summary([replace(ROWS[0], stale=True), *ROWS[1:]], {}), "stale is not shown either"
    assert "Of all bounds 1 were set after looking" in text
    assert whole_ledger([], {}, {}, {}) == "There are no claims.\n"
    rows = [judge(a_claim(id=one, chapter=one), 0, profile="quick", seed=0) for one in ("02_b", "01_a", "02_c", "02_b")]
    text = whole_ledger(rows, {row.id: a_claim(id=row.id) for row in rows}, {}, {})
    assert re.findall(r"^## \[(\w+)", text, re.M) == ["01_a", "02_b", "02_c"], "a section a chapter, in their order"


def test_claims_by_paper_and_those_that_fell_short():
    text = by_paper(ROWS)
    assert re.findall(r"^## (.*)$", text, re.M) == [
        "Spectra of recurrent networks", "One input, one linear map", "Known results, checked here",
    ]  # fmt: skip
    assert "- {cite:t}`schmid2010`: Small. ([01](notebooks/01_a.ipynb), `a.known`)" in text
    assert "a.ours" not in text
    assert "- *partly*: Says a.part. ([01](notebooks/01_a.ipynb), `a.part`)" in text
    text = shortfalls(ROWS, CLAIMS, {})
    assert re.findall(r'id="(claim-[\w-]+)"', text) == ["claim-a-none", "claim-a-part"]
    assert "the paper’s: `value > 9` fails" in text
    assert "Why a.none." in text
    assert shortfalls([], {}, {}).count("None.") == 2


def test_what_a_paper_states_and_cannot_fail_is_counted_apart_and_listed():
    given = [
        a_claim(id="a.exact", kind="identity", paper="liang2022", says="Says a.exact."),
        a_claim(id="a.other", kind="identity", paper="golden2025"),
    ]
    rows = [*ROWS, *(judge(one, 5, profile="quick", seed=0) for one in given)]
    assert "| {cite:t}`liang2022` | 0 | 0 | 0 | 0 | 1 |" in papers(rows)
    assert "golden2025" not in papers(rows), "a row is for a paper of the book, or one that can fail"
    assert papers(rows).endswith("| **all** | 3 | 1 | 1 | 1 | 1 |")
    text = by_paper(rows)
    assert "- *by construction*: Says a.exact. ([01](notebooks/01_a.ipynb), `a.exact`)" in text
    assert "a.other" not in text


def test_claims_of_a_chapter_are_one_line_and_no_predicates_behind_it():
    text = chapter_rows(ROWS, "01_a", {})
    assert text.startswith("::::{dropdown} 5 claims, 1 of them does not hold\n")
    assert "| Says a.part. | partly | holds<br>5 | – |" in text
    assert "value >" not in text
    many = a_claim(bound={"full": "a > 1"})
    values = {**dict.fromkeys("abcdef", 2), "c": [1.0, 2.0, 9.0], "d": [True, False]}
    row, kept = (judge(many, values, profile=profile, seed=0) for profile in ("quick", "full"))
    assert chapter_rows([row], "01_a", {}).startswith("::::{dropdown} 1 claims, 0 do not hold, 1 are not measured\n")
    text = chapter_rows([row], "01_a", {row.id: kept})
    assert text.startswith("::::{dropdown} 1 claims, all hold (1 decided at the papers’ scale only)\n")
    assert "| no bound<br>a 2, b 2, c 2, d yes in 1 of 2, and 2 more |" in text


@pytest.mark.parametrize(
    ("quick", "full", "said"),
    [
        ({"value": 1}, {"value": 1}, "all hold"),
        ({"value": 1}, {"value": 9}, "1 of them does not hold"),
        ({"value": 1}, {"value": 9, "stale": True}, "all hold"),
        ({"value": None}, {"value": 1}, "0 do not hold, 1 are not measured"),
        ({"value": 1, "stale": True}, {"value": 9}, "1 of them does not hold"),
    ],
)
def test_all_hold_is_said_of_what_is_shown_in_both_editions(quick, full, said):
    claim = a_claim(bound={"quick": "value <= 1", "full": "value <= 1"})
    row = judge(claim, **quick, profile="quick", seed=0)
    kept = {"a.b": judge(claim, **full, profile="full", seed=0)}
    assert chapter_rows([row], "01_a", kept).startswith(f"::::{{dropdown}} 1 claims, {said}\n")


def details(claim, value):
    row = judge(claim, value, profile="quick", seed=0)
    return claim_table.full_table([row], {claim.id: claim}, {}, {})


def test_bounds_of_before_are_said_in_words_and_apart_where_they_differed():
    one = a_claim(set="after", earlier={"quick": "value > 7", "full": "value > 7"})
    assert "looking; before that it was `value > 7`. No" in details(one, 0)
    two = a_claim(set="after", earlier={"quick": "value > 7", "full": "value > 8"})
    both = "`value > 7` (this machine, quick), `value > 8` (the papers’ scale)"
    assert f"before that it was {both}. No" in details(two, 0)
    assert "before that it was `value > 8` (the papers’ scale)" in details(a_claim(earlier={"full": "value > 8"}), 0)


def test_a_bound_is_told_from_what_the_paper_states_and_a_control_from_no_bound():
    claim = a_claim(kind="paper", verdict="reproduced", paper_bound="value <= 0.1")
    assert "`value <= 1`: holds<br>the paper’s: `value <= 0.1` fails" in details(claim, 0.5)
    assert "`value <= 1`: **does not hold**" in details(a_claim(), 2)
    unbounded = a_claim(bound={"full": "x <= 1"}, control=["y"])
    assert "not measured" not in details(unbounded, {"x": 0, "y": 3})
    row = judge(unbounded, {"x": 0, "y": 3}, profile="quick", seed=0)
    assert "not measured" not in "\n".join(listing.listed([row], bounds=True))


def test_lines_have_sentences_and_a_total_and_bounds_where_they_are_asked_for():
    plain = "\n".join(listing.listed(ROWS, bounds=False))
    assert "  holds  Says a.part.  [a.part; partly]" in plain
    assert "  FAILS  Small.  [a.known; known result]" in plain
    assert "value >" not in plain
    assert "5 claims, quick, seed 0: 4 hold, 1 do not hold\n3 statements of papers (" in plain
    claim = a_claim(bound={"quick": "x > y + 1"}, control=["y"])
    row = judge(claim, {"x": 5, "y": 1}, profile="quick", seed=0)
    assert "\n".join(listing.listed([row], bounds=True)).splitlines()[2:5] == [
        "           measured x 5, y 1",
        "           bound x > y + 1, set before looking",
        "           control: y in place of the others; it breaks the bound",
    ]


def test_claims_are_chosen_by_chapter_and_by_id(here):
    claims = {"small.value": a_claim(id="small.value", chapter="01_small"), **CLAIMS}
    assert [*listing.choose_claims([], claims)] == ["small.value"], "of chapters that are there"
    assert [*listing.choose_claims(["01"], claims)] == ["small.value"]
    assert [*listing.choose_claims(["a.part", "a.ours"], claims)] == ["a.ours", "a.part"]
    assert [*listing.choose_claims(["a.part", "01"], claims)] == ["small.value", "a.part"]
    for name, says in (
        ("a.parts", "no claim is named 'a.parts'; some that are: a.part"),
        ("99", "no chapter is named"),
    ):
        with pytest.raises(PressError, match=says):
            listing.choose_claims([name], claims)
