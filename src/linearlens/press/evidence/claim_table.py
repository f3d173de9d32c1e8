"""Claims as rows of a Markdown table: what is said, the verdict, and whether it holds in both editions."""

from collections.abc import Iterable, Iterator, Mapping
from html import escape

import numpy as np

from linearlens.ledger import PROFILES, Claim, Recorded, Row, decide_bound, show
from linearlens.press.evidence.seed_runs import SeedsRow, Spread

Seeds = Mapping[str, Mapping[str, SeedsRow]]  # by profile, then by id

OURS = "this book"
KINDS = {"ours": "of this book", "known": "known result", "identity": "identity"}
EDITIONS = {"quick": "this machine, quick", "full": "the papers’ scale"}
HEAD = "| what is said | verdict | quick | papers’ scale |\n|---|---|---|---|"
MARKS = {True: "holds", False: "**does not hold**", None: "no bound"}
FALLEN = {True: "fails, as said", False: "**not as said**", None: "no bound"}  # what was not reproduced
STANDS = {True: "holds", False: "fails", None: "is left open, since a value is missing"}
NOT_THERE = "–"  # not measured, or with other sources
BREAKS = {True: "the bound fails", False: "**the bound still holds**", None: "not measured"}
MOST_SHOWN = 4  # names of a mapping in a chapter's table


def standing(row: Row | SeedsRow) -> str:
    """The verdict on what a paper states; of other claims what they are."""
    return row.verdict or KINDS[row.kind]


def full_table(rows: Iterable[Row], claims: Mapping[str, Claim], kept: Mapping[str, Row], seeds: Seeds) -> str:
    """A row a claim, to which other pages can link, with all that decides it folded into its first cell.

    `kept` are the rows of the kept full runs and `seeds` those over many seeds; what is stale is not shown. A script
    filters the rows by the data in the mark before each.
    """
    lines = [
        _line(
            f"{_mark(editions, claims[row.id])}{row.says}<br><small>{_source(row)} · `{row.id}`</small> "
            f"<details><summary>numbers, bound, control</summary>"
            f"{'<br>'.join(_details(claims[row.id], editions, seeds))}</details>",
            standing(row),
            *(_holds(editions.get(profile), _over(seeds, profile, row.id)) for profile in PROFILES),
        )
        for row in rows
        for editions in [editions_shown(row, kept)]
    ]
    return "\n".join([":::{div} claims", HEAD, *lines, ":::"])


def short_table(rows: Iterable[Row], kept: Mapping[str, Row]) -> str:
    """A row a claim: the sentence, the verdict, and what was measured in both editions."""
    lines = [
        _line(row.says, standing(row), *(_brief(editions_shown(row, kept).get(profile)) for profile in PROFILES))
        for row in rows
    ]
    return "\n".join([":::{div} claims short", HEAD, *lines, ":::"])


def anchor(claim: str) -> str:
    """Where the claim stands in the ledger."""
    return f"claim-{claim.replace('.', '-')}"


def editions_shown(row: Row, kept: Mapping[str, Row]) -> dict[str, Row]:
    """What there is to show of a claim, by profile."""
    there = [one for one in (row, kept.get(row.id)) if one and one.measured is not None and not one.stale]
    return {one.profile: one for one in there}


def _over(seeds: Seeds, profile: str, name: str) -> SeedsRow | None:
    over = seeds.get(profile, {}).get(name)
    return None if over is None or over.stale else over


def _line(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _mark(editions: Mapping[str, Row], claim: Claim) -> str:
    data = {"chapter": claim.chapter, "paper": claim.paper, "kind": claim.kind, "verdict": claim.verdict or ""}
    data |= {"set": claim.set}
    data |= {profile: {True: "holds", False: "fails", None: ""}[row.holds] for profile, row in editions.items()}
    listed = " ".join(f'data-{name}="{escape(value)}"' for name, value in data.items())
    return f'<span class="claim-mark" id="{anchor(claim.id)}" {listed}></span>'


def _source(row: Row) -> str:
    source = row.paper if row.paper == OURS else f"{{cite:t}}`{row.paper}`"
    return f"{source}, {row.where}" if row.where else source


def _holds(row: Row | None, over: SeedsRow | None) -> str:
    if row is None:
        return NOT_THERE
    many = f"<br><small>{over.held} of {over.n_seeds} seeds</small>" if over and over.held is not None else ""
    return _stands(row) + many


def _brief(row: Row | None) -> str:
    if row is None:
        return NOT_THERE
    values = row.measured if isinstance(row.measured, dict) else {"": row.measured}
    parts = [f"{name.replace('_', ' ')} {_middle(value)}".strip() for name, value in values.items()]
    more = [f"and {len(parts) - MOST_SHOWN} more"] if len(parts) > MOST_SHOWN else []
    return f"{_stands(row)}<br>{', '.join([*parts[:MOST_SHOWN], *more])}"


def _stands(row: Row) -> str:
    return (FALLEN if row.verdict == "not reproduced" else MARKS)[row.holds]


def _middle(value: Recorded | None) -> str:
    """A number; of several the median, of yes and no how many."""
    several = isinstance(value, list) and not isinstance(value[0], bool)
    return show(float(np.median(value)) if several else value)  # type: ignore[arg-type]


def _details(claim: Claim, editions: Mapping[str, Row], seeds: Seeds) -> Iterator[str]:
    for profile, row in editions.items():
        over = _over(seeds, profile, claim.id)
        yield f"**{EDITIONS[profile]}**, seed {row.seed}"
        yield from _values(row.measured, over)
        if row.bound:
            alone = decide_bound(row.bound, row.measured)  # type: ignore[arg-type]
            yield f"`{row.bound}`: {MARKS[alone is True]}"
        if claim.paper_bound:
            yield f"the paper’s: `{claim.paper_bound}` {STANDS[decide_bound(claim.paper_bound, row.measured)]}"  # type: ignore[arg-type]
        if over and over.held is not None:
            yield f"over the seeds the claim {over}"
        if row.broken_by and row.bound:
            yield f"control: with {row.broken_by}, {BREAKS[row.breaks]}"
    yield f"**the bound** was set {claim.set} looking{_before(claim.earlier)}. {claim.why}"


def _before(earlier: Mapping[str, str]) -> str:
    """The bound of before, or those of the editions where they differed."""
    if not earlier:
        return ""
    one = len({*earlier.values()}) == 1 and len(earlier) == len(PROFILES)
    said = [f"`{bound}`{'' if one else f' ({EDITIONS[profile]})'}" for profile, bound in earlier.items()]
    return f"; before that it was {said[0] if one else ', '.join(said)}"


def _values(measured: Recorded | None, over: SeedsRow | None) -> Iterator[str]:
    """A line for each number, and in brackets what it is over the seeds."""
    spread = over.measured if over else {}
    if not isinstance(measured, dict):
        yield f"{show(measured)}{_brackets(spread, over)}"
        return
    spreads = spread if isinstance(spread, dict) else {}
    for name, value in measured.items():
        yield f"{name.replace('_', ' ')}: {show(value)}{_brackets(spreads.get(name), over)}"


def _brackets(spread: object, over: SeedsRow | None) -> str:
    return f" [seeds: {spread.among(over.n_seeds)}]" if over and isinstance(spread, Spread) else ""
