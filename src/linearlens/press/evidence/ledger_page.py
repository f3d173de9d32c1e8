"""The ledger as Markdown tables."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from linearlens.ledger import Claim, Row, decide_bound, show
from linearlens.press.chapter.notebooks import title_of
from linearlens.press.evidence.seed_runs import SeedsRow, Spread

Seeds = Mapping[str, Mapping[str, SeedsRow]]  # by profile, then by id

OURS = "this book"
KINDS = {"ours": "of this book", "known": "known, checked here", "identity": "identity, checks the code"}
STANDS = {True: "holds", False: "fails", None: "left open, since a value is missing"}
STALE = "(stale)"
WHY_STALE = f"What is marked *{STALE}* was measured before the sources of its chapter last changed."
MARKS = {True: "holds", False: "**does not hold**", None: "not measured"}


def chapter_rows(
    rows: Sequence[Row], chapter: str, claims: Mapping[str, Claim], kept: Mapping[str, Row], seeds: Seeds | None = None
) -> str:
    """The table of one chapter's claims, to be included in it; `kept` and `seeds` as for `whole_ledger`."""
    table = _table([row for row in rows if row.chapter == chapter], claims, kept, seeds or {})
    return "\n\n".join([*_why_stale(table), table])


def whole_ledger(
    rows: Sequence[Row],
    claims: Mapping[str, Claim],
    kept: Mapping[str, Row],
    runs: Mapping[str, Mapping],
    seeds: Seeds | None = None,
) -> str:
    """All claims, a section a chapter, with the reason of each bound folded away.

    `kept` are the rows of the last full runs, by id, and `runs` tell where those come from, by chapter; `seeds` are
    the rows over many seeds, by profile and id.
    """
    parts = []
    for chapter, group in groupby(rows, key=lambda row: row.chapter):
        own = list(group)
        parts += [f"## [{title_of(chapter)}](notebooks/{chapter}.ipynb)", _table(own, claims, kept, seeds or {})]
        parts += [_provenance(runs[chapter])] if chapter in runs else []
        parts += [_reasons(own, claims)]
    return "\n\n".join([" ".join([_summary(rows, kept), *_why_stale("".join(parts))]), *parts]) + "\n"


def by_paper(rows: Sequence[Row]) -> str:
    """All claims, a section a paper, each with its verdict and its chapter; what is ours alone comes last."""
    papers = sorted({row.paper for row in rows}, key=lambda paper: (paper == OURS, _first_place(rows, paper)))
    return "\n\n".join(
        f"## {_heading(paper)}\n\n{_listed(row for row in rows if row.paper == paper)}" for paper in papers
    )


def shortfalls(rows: Sequence[Row], claims: Mapping[str, Claim], kept: Mapping[str, Row]) -> str:
    """The claims that were not reproduced, then those that were in part, with what was measured."""
    parts = []
    for verdict, heading in (("not reproduced", "Not reproduced"), ("partly", "Reproduced in part")):
        chosen = [row for row in rows if row.verdict == verdict]
        shown = [_table(chosen, claims, kept, {}), _reasons(chosen, claims)] if chosen else ["None."]
        parts += [f"## {heading}", *shown]
    return "\n\n".join([*_why_stale("".join(parts)), *parts]) + "\n"


def standing(row: Row | SeedsRow) -> str:
    """The verdict on what a paper states; of other claims what they are."""
    return row.verdict or KINDS[row.kind]


def _first_place(rows: Sequence[Row], paper: str) -> int:
    return next(place for place, row in enumerate(rows) if row.paper == paper)


def _heading(paper: str) -> str:
    return "This book" if paper == OURS else f"{{cite:t}}`{paper}`"


def _listed(rows: Iterable[Row]) -> str:
    return "\n".join(
        f"- *{standing(row)}*: {row.says} ([{row.chapter[:2]}](notebooks/{row.chapter}.ipynb), `{row.id}`)"
        for row in rows
    )


def _why_stale(tables: str) -> list[str]:
    return [WHY_STALE] if STALE in tables else []


def _summary(rows: Sequence[Row], kept: Mapping[str, Row]) -> str:
    said = [_count(rows)]
    if kept:
        said.append(_count(list(kept.values())))
    return " ".join(said)


def _count(rows: Sequence[Row]) -> str:
    if not rows:
        return "There are no claims."
    bounded = [row for row in rows if row.bound]
    held = sum(row.holds is True for row in bounded)
    return f"{held} of {len(bounded)} claims with a bound in the profile `{rows[0].profile}` hold, seed {rows[0].seed}."


def _provenance(run: Mapping) -> str:
    commit = f"commit `{run['commit'][:10]}`" if run["commit"] else "no commit"
    changed = " with changes" if run["dirty"] else ""
    versions = ", ".join(f"{name} {number}" for name, number in run["versions"].items())
    beside = " beside a GPU" if run.get("device") == "cuda" else ""
    return (
        f"*Full profile:* {commit}{changed}, {run['cpu_seconds'] / 60:.0f} minutes of one processor{beside} "
        f"(networks trained before are not trained again), Python {run['python']}, {versions}."
    )


def _table(rows: Iterable[Row], claims: Mapping[str, Claim], kept: Mapping[str, Row], seeds: Seeds) -> str:
    lines = ["| what is said | verdict | what was measured |", "|---|---|---|"]
    for row in rows:
        source = row.paper if row.paper == OURS else f"{{cite:t}}`{row.paper}`"
        where = f"{source}, {row.where}" if row.where else source
        says = f"{row.says}<br>{where}<br>`{row.id}`"
        paper_bound = claims[row.id].paper_bound
        measured = _judged(row, paper_bound, seeds)
        if row.id in kept:
            measured += f"<br><br>*full profile:*<br>{_judged(kept[row.id], paper_bound, seeds)}"
        cells = [says, standing(row), measured]
        lines.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
    return ":::{div} ledger\n" + "\n".join(lines) + "\n:::"


def _judged(row: Row, paper_bound: str | None, seeds: Seeds) -> str:
    many = seeds.get(row.profile, {}).get(row.id)
    parts = [_measured(row, many), f"`{row.bound}`: {MARKS[row.holds]}" if row.bound else "no bound in this profile"]
    if many is not None and row.bound:
        parts.append(str(many))
    if paper_bound and row.measured is not None:
        parts.append(f"the paper's: `{paper_bound}`: {STANDS[decide_bound(paper_bound, row.measured)]}")
    return "<br>".join(parts)


def _measured(row: Row, many: SeedsRow | None) -> str:
    """What was measured, and in brackets what that is over the seeds."""
    over = many.measured if many else {}
    if not isinstance(row.measured, dict):
        parts = [f"{show(row.measured)}{_brackets(over)}"]
    else:
        spreads = over if isinstance(over, dict) else {}
        parts = [
            f"{name.replace('_', ' ')}: {show(value)}{_brackets(spreads.get(name))}"
            for name, value in row.measured.items()
        ]
    return "<br>".join(parts) + (f" {STALE}" if row.stale else "")


def _brackets(over: object) -> str:
    return f" [seeds: {over}]" if isinstance(over, Spread) else ""


def _reasons(rows: Sequence[Row], claims: Mapping[str, Claim]) -> str:
    items = "\n".join(f"- `{row.id}`: {claims[row.id].why}" for row in rows)
    return f":::{{dropdown}} Why these bounds\n{items}\n:::"
