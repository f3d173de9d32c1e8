"""What a reader sees who points at a number or a conclusion: its claim, both editions, the seeds, the control."""

import re
from collections.abc import Iterator, Mapping
from html import escape

from linearlens.ledger import Claim, Recorded, Row, show
from linearlens.press.evidence.claim_table import EDITIONS, Seeds

HOLDS = {True: "holds", False: "does not hold", None: "not tested"}
KINDS = {
    "paper": "stated by a paper",
    "ours": "a statement of this book",
    "known": "a known result, checked here",
    "identity": "cannot fail unless the code is wrong",
}
MOST_SHOWN = 6  # names of a mapping


def cards(
    claims: Mapping[str, Claim], rows: Mapping[str, Row], kept: Mapping[str, Row], seeds: Seeds
) -> dict[str, str]:
    """A card of HTML for each claim, by id.

    Parameters
    ----------
    claims : mapping of str to Claim
    rows, kept : mapping of str to Row
        Beside the quick run and the kept full run. Rows that are stale are not shown.
    seeds : mapping
        Rows over many seeds, by profile and id.
    """
    return {
        name: "".join(_card(claim, {"full": kept.get(name), "quick": rows.get(name)}, seeds))
        for name, claim in claims.items()
    }


def _card(claim: Claim, editions: Mapping[str, Row | None], seeds: Seeds) -> Iterator[str]:
    shown = {profile: row for profile, row in editions.items() if row and row.measured is not None and not row.stale}
    yield f"<p>{escape(claim.says)}</p><dl>"
    for profile, row in shown.items():
        over = seeds.get(profile, {}).get(claim.id)
        held = f", {over}" if over is not None and over.held is not None and not over.stale else ""
        verdict = f": {HOLDS[row.holds]}{escape(held)}" if row.bound else ""
        bound = f"<br><code>{escape(row.bound)}</code>" if row.bound else ""
        yield f"<dt>{EDITIONS[profile]}{verdict}</dt><dd>{_measured(row.measured)}{bound}</dd>"
    control = next((row.broken_by for row in shown.values() if row.broken_by), "")
    yield f"<dt>the control</dt><dd>{escape(control)}</dd>" if control else ""
    verdict = f", {claim.verdict}" if claim.verdict else ""
    after = "; its bound was set after looking" if claim.set == "after" else ""
    yield f"<dt>{KINDS[claim.kind]}{verdict}{after}</dt><dd><code>linearlens claims {escape(claim.id)}</code></dd></dl>"


def _measured(value: Recorded | None) -> str:
    """A recorded value; of many names the first."""
    if not isinstance(value, dict):
        return escape(show(value))
    counts = {len(item) for item in value.values() if isinstance(item, list)}
    parts = [f"{name.replace('_', ' ')} {_brief(item)}" for name, item in value.items()]
    more = [f"and {len(parts) - MOST_SHOWN} more"] if len(parts) > MOST_SHOWN else []
    of = f" (medians and ranges of {counts.pop()})" if len(counts) == 1 and max(counts) > 1 else ""
    return escape("; ".join([*parts[:MOST_SHOWN], *more]) + of)


def _brief(value: Recorded) -> str:
    """As `show`, without the number of values."""
    return re.sub(r", \d+ values\)$", ")", show(value))
