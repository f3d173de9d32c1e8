"""The ledger as Markdown tables."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from linearlens.ledger import Claim, Row, show

MARKS = {True: "holds", False: "**does not hold**", None: "not measured"}


def chapter_rows(rows: Sequence[Row], chapter: str) -> str:
    """The table of one chapter's claims, to be included in the chapter."""
    return _table([row for row in rows if row.chapter == chapter])


def whole_ledger(rows: Sequence[Row], claims: Mapping[str, Claim]) -> str:
    """All claims, a section a chapter, with the reason of each bound folded away."""
    parts = [_summary(rows)]
    for chapter, group in groupby(rows, key=lambda row: row.chapter):
        own = list(group)
        parts += [f"## [](notebooks/{chapter}.ipynb)", _table(own), _reasons(own, claims)]
    return "\n\n".join(parts) + "\n"


def _summary(rows: Sequence[Row]) -> str:
    held = sum(row.holds is True for row in rows)
    return f"{held} of {len(rows)} claims hold in the profile `{rows[0].profile}`, seed {rows[0].seed}."


def _table(rows: Iterable[Row]) -> str:
    lines = ["| what is said | what was measured | verdict |", "|---|---|---|"]
    for row in rows:
        source = row.paper if row.paper == "this book" else f"{{cite:t}}`{row.paper}`"
        where = f"{source}, {row.where}" if row.where else source
        says = f"{row.says}<br>{where}<br>`{row.id}`"
        bound = f"`{row.bound}`" if row.bound else "no bound in this profile"
        measured = f"{_measured(row)}<br>{bound}: {MARKS[row.holds]}"
        cells = [says, measured, row.verdict]
        lines.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
    return ":::{div} ledger\n" + "\n".join(lines) + "\n:::"


def _measured(row: Row) -> str:
    stale = " (stale)" if row.stale else ""
    if not isinstance(row.measured, dict):
        return show(row.measured) + stale
    parts = [f"{name.replace('_', ' ')}: {show(value)}" for name, value in row.measured.items()]
    return "<br>".join(parts) + stale


def _reasons(rows: Sequence[Row], claims: Mapping[str, Claim]) -> str:
    items = "\n".join(f"- `{row.id}`: {claims[row.id].why}" for row in rows)
    return f":::{{dropdown}} Why these bounds\n{items}\n:::"
