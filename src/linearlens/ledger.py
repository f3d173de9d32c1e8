"""Claims: what the paper says, what we measured, whether the bound holds.

A chapter calls :func:`record`. ``data/claims.yml`` says for each id what must hold of the recorded value.
A recorded value is a number, a list of numbers (one for each seed or network), or a mapping of names to either;
True and False count as numbers. A bound is a comparison such as ``value <= 1e-10``, ``all(value >= 0.9)`` or
``median(lifted) > median(affine)``.
"""

import ast
import functools
import json
import math
import operator
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from linearlens.paths import DATA

VERDICTS = ("reproduced", "partly", "not reproduced", "beyond the paper")
PROFILES = ("quick", "full")
MIME = "application/vnd.linearlens.record+json"

Recorded = float | int | bool | list | dict


class LedgerError(ValueError):
    """The ledger, or a value for it, is not well formed."""


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
    plain = _plain(claim, value)
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
    for name, number in _texts(claim, plain):
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


def _plain(claim: str, value: Any) -> Recorded:
    if not isinstance(value, Mapping):
        return _plain_list(claim, value)
    if not value or not all(isinstance(name, str) and name.isidentifier() for name in value):
        raise LedgerError(f"{claim}: the names of a mapping must be plain words, got {list(value)}")
    return {name: _plain_list(f"{claim}, {name}", item) for name, item in value.items()}


def _plain_list(claim: str, value: Any) -> Recorded:
    value = value.tolist() if hasattr(value, "tolist") else value  # numpy, torch
    if not isinstance(value, Sequence) or isinstance(value, str):
        return _plain_number(claim, value)
    if not value:
        raise LedgerError(f"{claim}: an empty list was recorded")
    numbers = [_plain_number(claim, item) for item in value]
    if len({isinstance(number, bool) for number in numbers}) > 1:
        raise LedgerError(f"{claim}: a list mixes numbers with True and False")
    return numbers


def _plain_number(claim: str, value: Any) -> float | int | bool:
    value = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(value, bool | int | float):
        return value
    raise LedgerError(f"{claim}: need a number, a list of numbers or a mapping to these, got {type(value).__name__}")


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
_OF_TRUTHS: dict[str, Callable] = {"all": np.all, "share": np.mean}
_OF_NUMBERS: dict[str, Callable] = {"median": np.median, "min": np.min, "max": np.max, "abs": np.abs}


class _UndefinedError(ArithmeticError):
    """A bound came upon NaN, or divided by zero."""


def bound_holds(bound: str, value: Recorded) -> bool:
    """Whether a recorded value satisfies a bound.

    Parameters
    ----------
    bound : str
        Comparisons, possibly chained or joined by ``and``, of numbers, ``+ - * /``,
        ``median min max all share abs`` and names: ``value`` for a number or a list, otherwise the names of
        the mapping. ``all`` and ``share`` take comparisons or what was recorded as True and False, the
        other functions take numbers; True and False count as 1 and 0 where a number is wanted.
    value : float, list or dict
        As recorded.

    Returns
    -------
    bool
        False also where the bound meets NaN, recorded or arisen on the way, or a quotient that is not finite.

    Raises
    ------
    LedgerError
        If the bound is not such a comparison, names what was not recorded, compares a list without
        saying how its entries count, or joins lists of different lengths; if the value is not one that
        `record` takes.

    Examples
    --------
    >>> bound_holds("value <= 1e-10", 3e-12)
    True
    >>> bound_holds("share(lifted > affine) >= 0.9", {"lifted": [0.9, 0.8], "affine": [0.7, 0.85]})
    False
    """
    return bool(decide_bound(bound, value))


def decide_bound(bound: str, value: Recorded) -> bool | None:
    """As `bound_holds`, but None where NaN or a division by zero leaves it open."""
    tree = _parse(bound)
    plain = _plain(f"the bound {bound!r}", value)
    recorded = plain if isinstance(plain, dict) else {"value": plain}
    names = {name: np.asarray(item) for name, item in recorded.items()}
    try:
        with np.errstate(all="ignore"):
            result = _evaluate(tree, names, bound)
    except _UndefinedError:
        return None
    if not _names_in(tree):
        raise LedgerError(f"the bound {bound!r} names nothing that was recorded")
    if result.ndim or result.dtype != bool:
        raise LedgerError(f"the bound {bound!r} must come to one yes or no; for a list use all(…) or median(…)")
    return bool(result)


def _parse(bound: str) -> ast.expr:
    try:
        return ast.parse(bound, mode="eval").body
    except (SyntaxError, TypeError) as error:  # the latter if it is no text
        raise LedgerError(f"the bound {bound!r} is not a comparison: {getattr(error, 'msg', error)}") from error


def _names_in(tree: ast.expr) -> set[str]:
    functions = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in functions}


def _check(bound: str) -> None:
    """Raise a LedgerError for what is wrong with a bound whatever may be recorded."""
    # True suits every bound that some value suits: it may stand for a number and for a comparison.
    decide_bound(bound, dict.fromkeys(_names_in(_parse(bound)), True) or True)


def _evaluate(node: ast.expr, names: Mapping[str, np.ndarray], bound: str) -> np.ndarray:
    def numbers(*children: ast.expr) -> list[np.ndarray]:
        values = [_evaluate(child, names, bound) for child in children]
        for child, value in zip(children, values, strict=True):
            if value.dtype == bool and not isinstance(child, ast.Name):
                raise LedgerError(f"the bound {bound!r} takes {ast.unparse(child)!r} for a number")
            if np.isnan(value).any():
                raise _UndefinedError
        return _of_one_length([value.astype(float) for value in values], bound)

    def truths(*children: ast.expr) -> list[np.ndarray]:
        values = [_evaluate(child, names, bound) for child in children]
        for child, value in zip(children, values, strict=True):
            if value.dtype != bool:
                raise LedgerError(f"the bound {bound!r} takes {ast.unparse(child)!r} for a comparison")
        return _of_one_length(values, bound)

    result: Any
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            result = number
        case ast.Name(id=name) if name in names:
            result = names[name]
        case ast.Name(id=name):
            raise LedgerError(f"the bound {bound!r} names {name!r}; recorded were {sorted(names)}")
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            result = -numbers(operand)[0]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            result = _OPERATORS[type(op)](*numbers(left, right))
            if isinstance(op, ast.Div) and not np.isfinite(result).all():
                raise _UndefinedError
        case ast.Compare(left=left, ops=ops, comparators=rest) if all(type(op) in _OPERATORS for op in ops):
            sides = numbers(left, *rest)
            pairs = zip(ops, sides[:-1], sides[1:], strict=True)
            result = functools.reduce(np.logical_and, [_OPERATORS[type(op)](a, b) for op, a, b in pairs])
        case ast.BoolOp(op=ast.And(), values=parts):
            result = functools.reduce(np.logical_and, truths(*parts))
        case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in _OF_TRUTHS:
            result = _OF_TRUTHS[name](truths(argument)[0])
        case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in _OF_NUMBERS:
            result = _OF_NUMBERS[name](numbers(argument)[0])
        case _:
            raise LedgerError(f"the bound {bound!r} may not contain {ast.unparse(node)!r}")
    return np.asarray(result)


def _of_one_length(values: list[np.ndarray], bound: str) -> list[np.ndarray]:
    """The values as they came; a number goes with any list, but lists only with lists of their length."""
    lengths = {len(value) for value in values if value.ndim}
    if len(lengths) > 1:
        raise LedgerError(f"the bound {bound!r} joins lists of different lengths: {sorted(lengths)}")
    return values


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
        If the file cannot be read or holds no list of entries; if an entry lacks a field, has an unknown one, a
        verdict or profile that does not exist, or is there twice; if a bound is none, as far as that can be seen
        before anything is recorded.
    """
    claims: dict[str, Claim] = {}
    for entry in _entries(path or DATA / "claims.yml"):
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
        if not isinstance(claim.bound, dict):
            raise LedgerError(f"claim {name}: the bound {claim.bound!r} is neither a text nor one for each profile")
        if unknown := set(claim.bound) - set(PROFILES):
            raise LedgerError(f"claim {name}: no profile {sorted(unknown)}; there are {', '.join(PROFILES)}")
        for bound in [*claim.bound.values(), *([] if claim.paper_bound is None else [claim.paper_bound])]:
            try:
                _check(bound)
            except LedgerError as error:
                raise LedgerError(f"claim {name}: {error}") from error
        if claim.verdict == "not reproduced" and claim.paper_bound is None:
            raise LedgerError(f"claim {name}: 'not reproduced' needs a paper_bound, so that its failing is checked")
        claims[name] = claim
    return claims


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


def judge(claim: Claim, value: Recorded | None, *, profile: str, seed: int, stale: bool = False) -> Row:
    """Hold one claim against what was measured.

    ``holds`` is None where nothing was measured or the claim has no bound in this profile. A claim
    "reproduced" must satisfy the paper's own statement too where one is given; "not reproduced" must fail it,
    and NaN fails nothing.
    """
    bound = claim.bound.get(profile)
    holds = None
    if value is not None and bound is not None:
        holds = bound_holds(bound, value)
        if claim.paper_bound is not None and claim.verdict in ("reproduced", "not reproduced"):
            holds = holds and decide_bound(claim.paper_bound, value) is (claim.verdict == "reproduced")
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
