"""What a chapter records, held against what the ledger claims."""

import functools
import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from linearlens.ledger._bounds import LedgerError, Recorded, as_recorded, bound_holds, decide_bound
from linearlens.ledger._claims import Claim, load_claims
from linearlens.ledger._controls import breaks_bound, in_words

MIME = "application/vnd.linearlens.record+json"


def record(claim: str, value: Any) -> None:
    """Print a measured value, and put it into the executed notebook: for the ledger, and for the text to show.

    Whoever runs the notebook reads the value and whether its claim holds; the page, which shows both elsewhere, does
    not print them. Where there is no notebook they are printed, and that is all.

    Parameters
    ----------
    claim : str
        The id in ``data/claims.yml``. The text shows a single number with myst-nb's glue role under this id, a
        list under ``id.median``, ``id.min`` and ``id.max``, a mapping under ``id.name`` (and, for a list in
        it, ``id.name.median``).
    value : float, or sequence of float, or mapping of str to either
        Numbers of numpy and torch are fine, and True and False too. A sequence has one entry for each seed,
        network or whatever else was repeated.

    Raises
    ------
    LedgerError
        If the value is none of these.
    """
    plain = as_recorded(claim, value)
    text = told(claim, plain)
    if not _in_notebook():
        print(text)
        return
    from IPython.display import display

    shown = {"application/papermill.record/text/plain": "", "text/plain": text}
    display(
        {MIME: {"id": claim, "value": plain}, **shown},
        raw=True,
        metadata={"scrapbook": {"name": f"_record.{claim}", "mime_prefix": "application/papermill.record/"}},
    )
    for name, number in texts_of(claim, plain):
        display(
            {"application/papermill.record/text/plain": repr(number)},
            raw=True,
            metadata={"scrapbook": {"name": name, "mime_prefix": "application/papermill.record/"}},
        )


def _in_notebook() -> bool:
    try:
        from IPython.core.interactiveshell import InteractiveShell
    except ModuleNotFoundError:
        return False
    return InteractiveShell.initialized()


def texts_of(name: str, value: Recorded) -> list[tuple[str, float]]:
    """The names under which a text can show a recorded value, each with its number."""
    if isinstance(value, dict):
        return [text for key, item in value.items() for text in texts_of(f"{name}.{key}", item)]
    if isinstance(value, list):
        return [(f"{name}.{how.__name__}", float(how(value))) for how in (np.median, np.min, np.max, len)]
    return [(name, value)]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the ledger: a claim beside what was measured.

    ``breaks`` tells whether the control breaks the bound, as it must; None where that was not measured or is not
    asked. ``broken_by`` says in words what is put in the claim's place.
    """

    id: str
    chapter: str
    kind: str
    paper: str
    where: str
    says: str
    measured: Recorded | None
    bound: str | None
    holds: bool | None
    set: str
    why: str
    verdict: str | None
    broken_by: str | None
    breaks: bool | None
    profile: str
    seed: int
    stale: bool = False


SHARED = ("id", "chapter", "kind", "paper", "where", "says", "set", "why", "verdict")  # by a claim and its row


def judge(
    claim: Claim,
    value: Recorded | None,
    *,
    profile: str,
    seed: int,
    stale: bool = False,
    records: Mapping[str, Recorded] | None = None,
) -> Row:
    """Hold one claim against what was measured; `records` is all that the same run recorded, by id.

    ``holds`` is None where nothing was measured or the claim has no bound in this profile. A claim
    "reproduced" must satisfy the paper's own statement too where one is given; "not reproduced" must fail it,
    and NaN fails nothing. ``breaks`` is None there too, and where no control was recorded.
    """
    bound = claim.bound.get(profile)
    holds = breaks = None
    if value is not None and bound is not None:
        holds = bound_holds(bound, value)
        if claim.paper_bound is not None and claim.verdict in ("reproduced", "not reproduced"):
            holds = holds and decide_bound(claim.paper_bound, value) is (claim.verdict == "reproduced")
        breaks = breaks_bound(bound, value, control=claim.control, broken_by=claim.broken_by, records=records)
    return Row(
        **{name: getattr(claim, name) for name in SHARED},
        measured=value,
        bound=bound,
        holds=holds,
        broken_by=in_words(claim.control, claim.broken_by),
        breaks=breaks,
        profile=profile,
        seed=seed,
        stale=stale,
    )


def mismatches(recorded: Mapping[str, Sequence[str]], claims: Mapping[str, Claim]) -> list[str]:
    """Complaints about ids that chapters record and the ledger lacks, or the other way round.

    Parameters
    ----------
    recorded : mapping of chapter to the ids it recorded
    claims : mapping of id to Claim

    Returns
    -------
    list of str
    """
    complaints = []
    for chapter, ids in recorded.items():
        for name in sorted(set(ids)):
            if ids.count(name) > 1:
                complaints.append(f"{chapter} records {name} more than once")
            if name not in claims:
                complaints.append(f"{chapter} records {name}, which is not in data/claims.yml")
            elif claims[name].chapter != chapter:
                complaints.append(f"{chapter} records {name}, which belongs to {claims[name].chapter}")
    for name, claim in claims.items():
        if name not in recorded.get(claim.chapter, ()):
            complaints.append(f"{name} is in data/claims.yml, but {claim.chapter} does not record it")
    return complaints


def show(value: Recorded | None) -> str:
    """A recorded value in few characters; a list as its median and range.

    Examples
    --------
    >>> show(0.01234), show([0.1, 0.2, 0.3]), show({"a": 1, "b": [0.5]})
    ('0.0123', '0.2 (0.1 to 0.3, 3 values)', 'a 1, b 0.5')
    """
    if value is None:
        return "not measured"
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')} {show(item)}" for name, item in value.items())
    if isinstance(value, list):
        if len(value) == 1:
            return show(value[0])
        if isinstance(value[0], bool):
            return f"yes in {sum(value)} of {len(value)}"
        return f"{show(float(np.median(value)))} ({show(min(value))} to {show(max(value))}, {len(value)} values)"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not math.isfinite(value):
        return str(value)
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def told(name: str, value: Recorded) -> str:
    """What `record` prints: the measured value in words, and where the ledger is at hand what became of the claim.

    Parameters
    ----------
    name : str
        The id in ``data/claims.yml``.
    value : float, list or dict
        As recorded.

    Returns
    -------
    str
        A line for a number or a list, and one for each name of a mapping; then one for the claim. The profile that
        decides on the bound is that of the notebook, its variable ``profile``.

    Notes
    -----
    No number depends on this function, and no edit of it makes a chapter stale.

    Examples
    --------
    >>> print(told("a.b", {"koopman": 0.012, "persistence": [0.3, 0.5]}))
    a.b
      koopman      0.012
      persistence  0.4 (0.3 to 0.5, 2 values)
    """
    if isinstance(value, dict):
        width = max(map(len, value))
        lines = [name, *(f"  {key:{width}}  {show(item)}" for key, item in value.items())]
    else:
        lines = [f"{name}  {show(value)}"]
    profile = getattr(sys.modules["__main__"], "profile", "")
    if (claim := _claims_at_hand().get(name)) and profile in claim.bound:
        lines.append(f"  {_verdict(claim, value, profile)}: {claim.bound[profile]}")
    return "\n".join(lines)


def _verdict(claim: Claim, value: Recorded, profile: str) -> str:
    try:
        holds = judge(claim, value, profile=profile, seed=0).holds
    except LedgerError as error:
        return f"cannot be judged, {error}"
    return "the claim holds" if holds else "the claim DOES NOT HOLD"


@functools.cache
def _claims_at_hand() -> dict[str, Claim]:
    """The claims of the book; none where the library is installed without it, or the file is being edited."""
    try:
        return load_claims()
    except (LedgerError, ModuleNotFoundError):
        return {}


def to_json(rows: Sequence[Row]) -> str:
    """The rows as a JSON list of objects."""
    return json.dumps([asdict(row) for row in rows], indent=2)
