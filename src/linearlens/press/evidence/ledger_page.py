"""The pages that list claims: the ledger with its summary, the papers, and what fell short."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby

from linearlens.ledger import VERDICTS, Claim, Row
from linearlens.press.chapter.notebooks import title_of
from linearlens.press.chapter.provenance import commit_of_run
from linearlens.press.evidence.claim_table import Seeds, editions_shown, full_table, short_table
from linearlens.press.evidence.seed_runs import Together, together

PAPERS = {
    "naiman2023": "Spectra of recurrent networks",
    "aswani2024": "Layers as linear operators",
    "li2023": "One input, one linear map",
    "liang2022": "Credit of components",
}
WORDS = {"known": "known results, checked here", "identity": "identities that check the code", "ours": "of this book"}


def whole_ledger(
    rows: Sequence[Row],
    claims: Mapping[str, Claim],
    kept: Mapping[str, Row],
    runs: Mapping[str, Mapping],
    seeds: Seeds | None = None,
) -> str:
    """All claims, a section a chapter, with all that decides each folded away.

    `kept` are the rows of the last full runs, by id, and `runs` tell where those come from, by chapter; `seeds` are
    the rows over many seeds, by profile and id.
    """
    parts = [] if rows else ["There are no claims."]
    swept = {
        profile: together(row for row in over.values() if not row.stale) for profile, over in (seeds or {}).items()
    }
    for chapter, group in groupby(sorted(rows, key=_chapter), key=_chapter):
        own = list(group)
        parts += [f"## [{title_of(chapter)}](notebooks/{chapter}.ipynb)"]
        parts += [_of_full_run(runs[chapter], own, kept)] if chapter in runs else []
        parts += [
            f"*Many seeds, `{profile}`:* {one[chapter]}{_which_fail(one[chapter])}."
            for profile, one in swept.items()
            if chapter in one
        ]
        parts += [full_table(own, claims, kept, seeds or {})]
    return "\n\n".join(parts) + "\n"


def chapter_rows(rows: Sequence[Row], chapter: str, kept: Mapping[str, Row]) -> str:
    """The claims of one chapter, folded into a line that says how many there are and whether they hold."""
    own = [row for row in rows if row.chapter == chapter]
    fates = [_fate(row, kept) for row in own]
    failing, missing, apart = (fates.count(fate) for fate in ("fails", "missing", "full only"))
    said = f"{failing} of them do{'es' if failing == 1 else ''} not hold" if failing else "all hold"
    said = said if not missing else f"{failing} do not hold, {missing} are not measured"
    said += f" ({apart} decided at the papers’ scale only)" if apart else ""
    more = "Bounds, controls and many seeds: in [the ledger](../ledger.md)."
    return f"::::{{dropdown}} {len(own)} claims, {said}\n{short_table(own, kept)}\n\n{more}\n::::"


def _fate(row: Row, kept: Mapping[str, Row]) -> str:
    """Whether a claim holds in all editions that are shown."""
    shown = editions_shown(row, kept)
    if any(one.holds is False for one in shown.values()):
        return "fails"
    if (row.bound and row.profile not in shown) or not any(one.bound for one in shown.values()):
        return "missing"
    return "holds" if row.bound else "full only"


def summary(rows: Sequence[Row], kept: Mapping[str, Row]) -> str:
    """What a visitor wants to know of all claims: a table of the papers, and a few sentences."""
    fresh = [row for row in kept.values() if not row.stale]
    after = sum(row.set == "after" for row in rows)
    said = [f"{len(rows)} claims: {tally(rows)}.", *(_count(some) for some in (rows, fresh) if some)]
    said += [f"Of all bounds {after} were set after looking at what was measured; each says so."]
    return f"{papers(rows)}\n\n{' '.join(said)}"


def papers(rows: Sequence[Row]) -> str:
    """How many statements of each paper can fail, what came of them, and how many hold by construction."""
    stated = [row for row in rows if row.kind == "paper"]
    if not stated:
        return "No paper's statement is among the claims."
    lines = ["| paper | can fail | reproduced | partly | not | hold by construction |", "|---|--:|--:|--:|--:|--:|"]
    listed = dict.fromkeys([*PAPERS, *_in_order(stated)])
    shown = [row for row in rows if row.kind == "paper" or (row.kind == "identity" and row.paper in listed)]
    for paper in listed:
        lines.append(_counted(f"{{cite:t}}`{paper}`", [row for row in shown if row.paper == paper]))
    return "\n".join([*lines, _counted("**all**", shown)])


def tally(rows: Sequence[Row]) -> str:
    """How many claims of which kind there are."""
    kinds = Counter(row.kind for row in rows)
    verdicts = Counter(row.verdict for row in rows if row.kind == "paper")
    counted = ", ".join(f"{verdicts[verdict]} {verdict}" for verdict in VERDICTS)
    parts = [f"{kinds['paper']} statements of papers ({counted})"] if kinds["paper"] else []
    parts += [f"{kinds[kind]} {words}" for kind, words in WORDS.items() if kinds[kind]]
    return "; ".join(parts)


def by_paper(rows: Sequence[Row]) -> str:
    """What papers state, a section a paper, each statement with its verdict and its chapter; then what is known."""
    stated = [row for row in rows if row.kind == "paper" or (row.kind == "identity" and row.paper in PAPERS)]
    parts = []
    for paper in _in_order(stated):
        own = [f"- *{row.verdict or 'by construction'}*: {_said(row)}" for row in stated if row.paper == paper]
        parts += [f"## {PAPERS.get(paper, paper)}", f"{{cite:t}}`{paper}`:", "\n".join(own)]
    if known := [f"- {{cite:t}}`{row.paper}`: {_said(row)}" for row in rows if row.kind == "known"]:
        parts += ["## Known results, checked here", "\n".join(known)]
    return "\n\n".join(parts) + "\n"


def shortfalls(rows: Sequence[Row], claims: Mapping[str, Claim], kept: Mapping[str, Row]) -> str:
    """The claims that were not reproduced, then those that were in part, with what was measured."""
    parts = []
    for verdict, heading in (("not reproduced", "Not reproduced"), ("partly", "Reproduced in part")):
        chosen = [row for row in rows if row.verdict == verdict]
        parts += [f"## {heading}", full_table(chosen, claims, kept, {}) if chosen else "None."]
    return "\n\n".join(parts) + "\n"


def _chapter(row: Row) -> str:
    return row.chapter


def _in_order(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(row.paper for row in rows))


def _counted(name: str, rows: Sequence[Row]) -> str:
    verdicts = Counter(row.verdict for row in rows if row.kind == "paper")
    identities = sum(row.kind == "identity" for row in rows)
    counts = [verdicts.total(), *(verdicts[verdict] for verdict in VERDICTS), identities]
    return f"| {' | '.join([name, *map(str, counts)])} |"


def _said(row: Row) -> str:
    return f"{row.says} ([{row.chapter[:2]}](notebooks/{row.chapter}.ipynb), `{row.id}`)"


def _count(rows: Sequence[Row]) -> str:
    bounded = [row for row in rows if row.bound]
    held = [row for row in bounded if row.holds and not row.stale]
    asked = [row for row in held if row.breaks is not None]
    broken = sum(row.breaks is True for row in asked)
    controls = f"; {broken} of the {len(asked)} that have a measured control are broken by it" if asked else ""
    return f"In the profile `{rows[0].profile}`, {len(held)} of {len(bounded)} bounds hold{controls}."


def _of_full_run(run: Mapping, rows: Sequence[Row], kept: Mapping[str, Row]) -> str:
    commit = commit_of_run(run, code="`")
    judged = [kept[row.id] for row in rows if row.id in kept]
    if not judged or any(row.stale for row in judged):
        return f"The full run that is kept ({commit}) was made with other sources of this chapter; it is not shown."
    versions = ", ".join(f"{name} {number}" for name, number in run["versions"].items())
    beside = " beside a GPU" if run.get("device") == "cuda" else ""
    return (
        f"*The papers’ scale:* {commit}, {run['cpu_seconds'] / 60:.0f} minutes of one processor{beside} "
        f"(networks trained before are not trained again), Python {run['python']}, {versions}."
    )


def _which_fail(chapter: Together) -> str:
    said = "; ".join(f"{', '.join(f'`{name}`' for name in names)} at {seed}" for seed, names in chapter.fails.items())
    return f" (what fails: {said})" if said else ""
