"""Claims: what the paper says, what we measured, whether the bound holds.

A chapter calls :func:`record`. ``data/claims.yml`` says for each id what must hold of the recorded value.
A recorded value is a number, a list of numbers (one a seed), or a mapping of names to either; a bound is a
comparison such as ``value <= 1e-10``, ``all(value >= 0.9)`` or ``median(lifted) > median(affine)``.
"""

import ast
import json
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from IPython.display import display

from linearlens.paths import DATA

VERDICTS = ("reproduced", "partly", "not reproduced", "beyond the paper")
PROFILES = ("quick", "full")
MIME = "application/vnd.linearlens.record+json"

Recorded = float | int | bool | list | dict


class LedgerError(ValueError):
    """The ledger, or a value for it, is not well formed."""


def record(claim: str, value: Any) -> None:
    """Put a measured value into the executed notebook: for the ledger, and for the text to show.

    Parameters
    ----------
    claim : str
        The id in ``data/claims.yml``. The text shows a single number with myst-nb's glue role under this id, a
        list under ``id.median``, ``id.min`` and ``id.max``, a mapping under ``id.name`` (and, for a list in
        it, ``id.name.median``).
    value : float, or sequence of float, or mapping of str to either
        Numbers of numpy and torch are fine. A sequence has one entry a seed.

    Raises
    ------
    LedgerError
        If the value is none of these.
    """
    plain = _plain(claim, value)
    shown = {"application/papermill.record/text/plain": ""}
    display(
        {MIME: {"id": claim, "value": plain}, **shown},
        raw=True,
        metadata={"scrapbook": {"name": f"_record.{claim}", "mime_prefix": "application/papermill.record/"}},
    )
    for name, number in _texts(claim, plain):
        display(
            {"application/papermill.record/text/plain": repr(number)},
            raw=True,
            metadata={"scrapbook": {"name": name, "mime_prefix": "application/papermill.record/"}},
        )


def _plain(claim: str, value: Any) -> Recorded:
    if isinstance(value, Mapping):
        if not value or not all(isinstance(name, str) and name.isidentifier() for name in value):
            raise LedgerError(f"{claim}: the names of a mapping must be plain words, got {list(value)}")
        return {name: _plain(claim, item) for name, item in value.items()}
    if hasattr(value, "tolist"):  # numpy, torch
        value = value.tolist()
    if isinstance(value, Sequence) and not isinstance(value, str):
        if not value:
            raise LedgerError(f"{claim}: an empty list was recorded")
        return [_plain(claim, item) for item in value]
    if isinstance(value, bool | int | float):
        return value
    raise LedgerError(f"{claim}: need a number, a list of numbers or a mapping, got {type(value).__name__}")


def _texts(name: str, value: Recorded) -> list[tuple[str, float]]:
    if isinstance(value, dict):
        return [text for key, item in value.items() for text in _texts(f"{name}.{key}", item)]
    if isinstance(value, list):
        return [(f"{name}.{how.__name__}", float(how(value))) for how in (np.median, np.min, np.max, len)]
    return [(name, value)]


# Bounds.

_OPERATORS: dict[type, Callable] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
}
_FUNCTIONS: dict[str, Callable] = {
    "median": np.median,
    "min": np.min,
    "max": np.max,
    "all": np.all,
    "share": np.mean,
    "abs": np.abs,
}


def bound_holds(bound: str, value: Recorded) -> bool:
    """Whether a recorded value satisfies a bound.

    Parameters
    ----------
    bound : str
        Comparisons, possibly chained or joined by ``and``, of numbers, ``+ - * /``,
        ``median min max all share abs`` and names: ``value`` for a number or a list, otherwise the names of
        the mapping. NaN satisfies nothing.
    value : float, list or dict
        As recorded.

    Returns
    -------
    bool

    Raises
    ------
    LedgerError
        If the bound is not such a comparison, names what was not recorded, or compares a list without
        saying how its entries count.

    Examples
    --------
    >>> bound_holds("value <= 1e-10", 3e-12)
    True
    >>> bound_holds("share(lifted > affine) >= 0.9", {"lifted": [0.9, 0.8], "affine": [0.7, 0.85]})
    False
    """
    names = value if isinstance(value, dict) else {"value": value}
    try:
        tree = ast.parse(bound, mode="eval").body
    except SyntaxError as error:
        raise LedgerError(f"the bound {bound!r} is not a comparison: {error.msg}") from error
    result = _evaluate(tree, {name: np.asarray(item, dtype=float) for name, item in names.items()}, bound)
    if np.ndim(result) or not isinstance(result, bool | np.bool_):
        raise LedgerError(f"the bound {bound!r} must come to one yes or no; for a list use all(…) or median(…)")
    return bool(result)


def _evaluate(node: ast.AST, names: Mapping[str, np.ndarray], bound: str) -> Any:
    def value_of(child: ast.AST) -> Any:
        return _evaluate(child, names, bound)

    match node:
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -value_of(operand)
        case ast.Name(id=name) if name in names:
            return names[name]
        case ast.Name(id=name):
            raise LedgerError(f"the bound {bound!r} names {name!r}; recorded were {sorted(names)}")
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](value_of(left), value_of(right))
        case ast.Compare(left=left, ops=ops, comparators=rest) if all(type(op) in _OPERATORS for op in ops):
            sides = [value_of(side) for side in (left, *rest)]
            pairs = zip(ops, sides[:-1], sides[1:], strict=True)
            return np.logical_and.reduce([_OPERATORS[type(op)](a, b) for op, a, b in pairs])
        case ast.BoolOp(op=ast.And(), values=parts):
            return np.logical_and.reduce([value_of(part) for part in parts])
        case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in _FUNCTIONS:
            return _FUNCTIONS[name](value_of(argument))
        case _:
            raise LedgerError(f"the bound {bound!r} may not contain {ast.unparse(node)!r}")


# Claims.


@dataclass(frozen=True)
class Claim:
    """One entry of ``data/claims.yml``."""

    id: str
    chapter: str
    paper: str
    where: str
    says: str
    why: str
    verdict: str
    bound: Mapping[str, str]
    paper_bound: str | None = None


@dataclass(frozen=True)
class Row:
    """One line of the ledger: a claim beside what was measured."""

    id: str
    chapter: str
    paper: str
    where: str
    says: str
    measured: Recorded | None
    bound: str | None
    holds: bool | None
    why: str
    verdict: str
    profile: str
    seed: int
    stale: bool = False


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
        If an entry lacks a field, has an unknown one, a verdict or profile that does not exist, or is there twice.
    """
    entries = yaml.safe_load((path or DATA / "claims.yml").read_text(encoding="utf-8"))
    claims: dict[str, Claim] = {}
    for entry in entries:
        name = entry.get("id", "an entry without id")
        fields = dict(entry)
        if isinstance(fields.get("bound"), str):
            fields["bound"] = dict.fromkeys(PROFILES, fields["bound"])
        try:
            claim = Claim(**fields)
        except TypeError as error:
            raise LedgerError(f"claim {name}: {error}") from error
        if name in claims:
            raise LedgerError(f"claim {name} is in the ledger twice")
        if claim.verdict not in VERDICTS:
            raise LedgerError(f"claim {name}: no verdict {claim.verdict!r}; there are {', '.join(VERDICTS)}")
        if unknown := set(claim.bound) - set(PROFILES):
            raise LedgerError(f"claim {name}: no profile {sorted(unknown)}; there are {', '.join(PROFILES)}")
        if claim.verdict == "not reproduced" and claim.paper_bound is None:
            raise LedgerError(f"claim {name}: 'not reproduced' needs a paper_bound, so that its failing is checked")
        claims[name] = claim
    return claims


def judge(claim: Claim, value: Recorded | None, *, profile: str, seed: int, stale: bool = False) -> Row:
    """Hold one claim against what was measured.

    ``holds`` is None where nothing was measured or the claim has no bound in this profile. A claim
    "reproduced" must satisfy the paper's own statement too where one is given; "not reproduced" must fail it.
    """
    bound = claim.bound.get(profile)
    holds = None
    if value is not None and bound is not None:
        holds = bound_holds(bound, value)
        if claim.paper_bound is not None and claim.verdict in ("reproduced", "not reproduced"):
            holds = holds and bound_holds(claim.paper_bound, value) == (claim.verdict == "reproduced")
    shared = {key: item for key, item in asdict(claim).items() if key not in ("bound", "paper_bound")}
    return Row(**shared, measured=value, bound=bound, holds=holds, profile=profile, seed=seed, stale=stale)


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
    ('0.0123', '0.2 (0.1 to 0.3, 3 seeds)', 'a 1, b 0.5')
    """
    if value is None:
        return "not measured"
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')} {show(item)}" for name, item in value.items())
    if isinstance(value, list):
        if len(value) == 1:
            return show(value[0])
        return f"{show(float(np.median(value)))} ({show(min(value))} to {show(max(value))}, {len(value)} seeds)"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not math.isfinite(value):
        return str(value)
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def to_json(rows: Sequence[Row]) -> str:
    """The rows as a JSON list of objects."""
    return json.dumps([asdict(row) for row in rows], indent=2)
