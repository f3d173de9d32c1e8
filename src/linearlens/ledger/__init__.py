"""Claims: what the paper says, what we measured, whether the bound holds.

A chapter calls :func:`record`. ``data/claims.yml`` says for each id what must hold of the recorded value.
A recorded value is a number, a list of numbers (one for each seed or network), or a mapping of names to either;
True and False count as numbers. A bound is a comparison such as ``value <= 1e-10``, ``all(value >= 0.9)`` or
``median(lifted) > median(affine)``.
"""

from linearlens.ledger._bounds import LedgerError, Recorded, as_recorded, bound_holds, decide_bound
from linearlens.ledger._claims import COULD_FAIL, KINDS, PROFILES, SETS, VERDICTS, Claim, load_claims
from linearlens.ledger._glue import glue
from linearlens.ledger._ledger import MIME, Row, judge, mismatches, record, show, texts_of, to_json, told

__all__ = [
    "COULD_FAIL",
    "KINDS",
    "MIME",
    "PROFILES",
    "SETS",
    "VERDICTS",
    "Claim",
    "LedgerError",
    "Recorded",
    "Row",
    "as_recorded",
    "bound_holds",
    "decide_bound",
    "glue",
    "judge",
    "load_claims",
    "mismatches",
    "record",
    "show",
    "texts_of",
    "to_json",
    "told",
]
