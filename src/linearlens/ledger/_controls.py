"""Whether a claim could fail: its control's measured value is put in the claim's place, and the bound must break."""

import ast
import itertools
from collections.abc import Mapping, Sequence

from linearlens.ledger._bounds import Recorded, decide_bound, names_in, parse


def breaks_bound(
    bound: str,
    value: Recorded,
    *,
    control: Sequence[str] = (),
    broken_by: Mapping[str, str] | None = None,
    records: Mapping[str, Recorded] | None = None,
) -> bool | None:
    """Whether a bound fails once the control stands where the claim stood.

    Parameters
    ----------
    bound : str
    value : float, list or dict
        As recorded.
    control : sequence of str
        Names of the recorded mapping. Each in turn gives its value to every other name of the bound.
    broken_by : mapping of str to str, optional
        What takes the place of a name (``value`` for a number or a list): a name of the same mapping, or ``id`` or
        ``id.name`` of another record.
    records : mapping of str to float, list or dict, optional
        All that the same run of the chapter recorded, by id.

    Returns
    -------
    bool or None
        None if no control was recorded, or none is named. With several controls each of them must break the bound.

    Examples
    --------
    >>> breaks_bound("trained >= 0.9", {"trained": 0.95, "untrained": 0.1}, broken_by={"trained": "untrained"})
    True
    """
    own = value if isinstance(value, dict) else {"value": value}
    used = names_in(parse(bound))
    attempts = [{**own, **dict.fromkeys(used - {name}, own[name])} for name in control if name in own]
    found = {name: _look_up(other, own, records or {}) for name, other in (broken_by or {}).items()}
    if found and None not in found.values():
        attempts.append({**own, **found})
    decided = [decide_bound(bound, attempt) for attempt in attempts]
    if True in decided:
        return False
    return True if decided and None not in decided and len(decided) == len(control) + bool(found) else None


def _look_up(other: str, own: Mapping[str, Recorded], records: Mapping[str, Recorded]) -> Recorded | None:
    if "." not in other:
        return own.get(other)
    if other in records:
        return records[other]
    record, _, name = other.rpartition(".")
    mapping = records.get(record)
    return mapping.get(name) if isinstance(mapping, dict) else None


def bare_comparisons(bound: str) -> list[str]:
    """The comparisons of a bound that hold two recorded names against each other without a margin.

    A number other than 0 and 1 is a margin, and so is any that keeps equals apart.

    Examples
    --------
    >>> bare_comparisons("all(lifted > affine) and lifted - affine >= 0.02 and share(lifted < 0.9 * affine) >= 0.5")
    ['lifted > affine']
    """
    return [ast.unparse(part) for part in ast.walk(parse(bound)) if isinstance(part, ast.Compare) and _is_bare(part)]


def _is_bare(comparison: ast.Compare) -> bool:
    sides = [comparison.left, *comparison.comparators]
    pairs = [ast.Compare(a, [ast.Eq()], [b]) for a, b in itertools.pairwise(sides)]
    return any(len(names_in(pair)) > 1 and not _has_margin(pair) and _equal_for_equals(pair) for pair in pairs)


def _has_margin(tree: ast.AST) -> bool:
    return any(node.value not in (0, 1) for node in ast.walk(tree) if isinstance(node, ast.Constant))


def _equal_for_equals(pair: ast.Compare) -> bool:
    return decide_bound(ast.unparse(pair), dict.fromkeys(names_in(pair), 2.0)) is True


def in_words(control: Sequence[str], broken_by: Mapping[str, str]) -> str | None:
    """What is put in the claim's place, for a reader."""
    said = [f"{_or(control)} in place of the others"] if control else []
    said += [f"{_plain(other)} in place of {_plain(name)}" for name, other in broken_by.items()]
    return "; ".join(said) or None


def _or(names: Sequence[str]) -> str:
    *first, last = map(_plain, names)
    return f"{', '.join(first)} or {last}" if first else last


def _plain(name: str) -> str:
    return name.replace("_", " ") if name != "value" else "what was measured"
