"""The entries of ``data/claims.yml``, and what each of them must have."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from linearlens.ledger._bounds import LedgerError, check_bound, names_in, parse
from linearlens.ledger._controls import bare_comparisons
from linearlens.paths import DATA

KINDS = ("paper", "ours", "known", "identity")
COULD_FAIL = ("paper", "ours")  # the kinds that must show it
SETS = ("before", "after")
VERDICTS = ("reproduced", "partly", "not reproduced")
PROFILES = ("quick", "full")


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One entry of ``data/claims.yml``.

    Attributes
    ----------
    kind : str
        ``paper`` (one of the four papers states it), ``ours`` (an empirical statement of this book), ``known`` (a known
        result, checked here) or ``identity`` (it cannot fail unless the code is wrong).
    bound : mapping of profile to str
        What must hold of the recorded value; see `bound_holds`.
    set : str
        Whether the bound was set ``before`` or ``after`` looking.
    earlier : mapping of profile to str
        The bound before it was changed, where it was.
    verdict : str, optional
        Whether a paper's statement was reproduced; None for all other kinds.
    paper_bound : str, optional
        The paper's own statement.
    control, broken_by : sequence of str, mapping of str to str
        What breaks the bound; see `linearlens.ledger._controls.breaks_bound`.
    margin : str, optional
        Why a comparison of two recorded names needs none.
    """

    id: str
    chapter: str
    kind: str
    paper: str
    where: str
    says: str
    bound: Mapping[str, str]
    set: str
    why: str
    verdict: str | None = None
    paper_bound: str | None = None
    earlier: Mapping[str, str] = field(default_factory=dict)
    control: Sequence[str] = ()
    broken_by: Mapping[str, str] = field(default_factory=dict)
    margin: str | None = None


def load_claims(path: Path | None = None) -> dict[str, Claim]:
    """Read the ledger, in its order.

    Parameters
    ----------
    path : Path, optional
        ``data/claims.yml`` by default.

    Returns
    -------
    dict of str to Claim

    Raises
    ------
    LedgerError
        If the file cannot be read or holds no list of entries; if an entry lacks a field, has an unknown one, a
        kind, verdict or profile that does not exist, or is there twice; if a bound is none, as far as that can be
        seen before anything is recorded; if a claim that could fail names nothing that would break it, or compares
        two recorded names without a margin.
    """
    claims: dict[str, Claim] = {}
    for entry in _entries(path or DATA / "claims.yml"):
        name = entry.get("id", "an entry without id")
        fields = dict(entry)
        for one in ("bound", "earlier"):
            if isinstance(fields.get(one), str):
                fields[one] = dict.fromkeys(PROFILES, fields[one])
        try:
            claim = Claim(**fields)
        except TypeError as error:
            raise LedgerError(f"claim {name}: {error}") from error
        if name in claims:
            raise LedgerError(f"claim {name} is in the ledger twice")
        for complaint in _complaints(claim):
            raise LedgerError(f"claim {name}: {complaint}")
        claims[name] = claim
    for claim in claims.values():
        for other in filter(lambda other: "." in other, claim.broken_by.values()):
            source = claims.get(other) or claims.get(other.rpartition(".")[0])
            if source is None or source.chapter != claim.chapter:
                raise LedgerError(f"claim {claim.id}: its chapter has no record {other!r} to break it with")
    return claims


def _complaints(claim: Claim) -> Iterator[str]:
    """What is wrong with one entry."""
    if claim.kind not in KINDS:
        yield f"no kind {claim.kind!r}; there are {', '.join(KINDS)}"
    if claim.set not in SETS:
        yield f"its bound was set {claim.set!r}; say {' or '.join(SETS)} looking"
    if claim.kind != "paper" and claim.verdict is not None:
        yield f"a verdict is for what a paper states, kind paper; this one is {claim.kind}"
    if claim.kind == "paper" and claim.verdict not in VERDICTS:
        yield f"no verdict {claim.verdict!r}; there are {', '.join(VERDICTS)}"
    for bounds in (claim.bound, claim.earlier):
        if not isinstance(bounds, dict):
            yield f"the bound {bounds!r} is neither a text nor one for each profile"
        if unknown := {*bounds} - {*PROFILES}:
            yield f"no profile {sorted(unknown)}; there are {', '.join(PROFILES)}"
    papers = [] if claim.paper_bound is None else [claim.paper_bound]
    for bound in [*claim.bound.values(), *claim.earlier.values(), *papers]:
        try:
            check_bound(bound)
        except LedgerError as error:
            yield str(error)
    if claim.verdict == "not reproduced" and claim.paper_bound is None:
        yield "'not reproduced' needs a paper_bound, so that its failing is checked"
    if not all(isinstance(name, str) for name in [*claim.control, *claim.broken_by.values()]):
        yield f"a control is a name, got {[*claim.control, *claim.broken_by.values()]}; quote what YAML takes otherwise"
    if unused := {*claim.broken_by} - {name for bound in claim.bound.values() for name in names_in(parse(bound))}:
        yield f"broken_by replaces {sorted(unused)}, which no bound of it names"
    if claim.kind in COULD_FAIL:
        yield from _unbreakable(claim)


def _unbreakable(claim: Claim) -> Iterator[str]:
    """What a claim that could fail lacks to show it."""
    if claim.verdict != "not reproduced" and not (claim.control or claim.broken_by):
        yield f"kind {claim.kind} needs a control, or broken_by: what would break the bound"
    for bound in claim.bound.values():
        for comparison in bare_comparisons(bound) if claim.margin is None else ():
            yield f"{comparison!r} has no margin: say how much matters, or with `margin` why any difference does"


def _entries(path: Path) -> list[dict[str, Any]]:
    import yaml

    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:  # PyYAML names the line; a ValueError if it is no text
        raise LedgerError(f"{path} cannot be read: {error}") from error
    if not isinstance(entries, list) or not entries:
        raise LedgerError(f"{path} holds no list of claims")
    for number, entry in enumerate(entries, start=1):
        if not isinstance(entry, dict):
            raise LedgerError(f"{path}: entry {number} is no claim with fields, but {entry!r:.60}")
        if not isinstance(entry.get("id", ""), str):
            raise LedgerError(f"{path}: entry {number}: the id must be a text, got {entry['id']!r:.60}")
    return entries
