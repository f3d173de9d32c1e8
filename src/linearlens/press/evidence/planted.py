"""What was planted on purpose, as tables: bugs that the tests must notice, and faults that the press must survive.

A *bug* is a changed line of code (``make mutants``); a *fault* is what befalls the press, such as a kill or a damaged
file (``make faults``).
"""

import json
from typing import Any

import yaml

from linearlens.paths import ROOT

BUGS = ROOT / "tests" / "mutants.yml"
FAULTS = ROOT / "data" / "results" / "faults.json"
MAY_NOT_BE = {"wrong number": "a wrong number", "traceback": "a raw traceback", "by hand": "left work for a hand"}


def bugs() -> str:
    """A Markdown table of all bugs; a sentence if there is no list."""
    listed = yaml.safe_load(BUGS.read_text(encoding="utf-8")) if BUGS.is_file() else []
    if not listed:
        return "None are planted.\n"
    lines = ["| what a bug would do | where | tests that must notice |", "|---|---|---|"]
    lines += [f"| {one['what']} | `{one['file']}` | `{one['tests']}` |" for one in listed]
    return "\n".join(lines) + "\n"


def faults() -> str:
    """A Markdown table of the trials of ``make faults``, a row a group; a sentence if none were made."""
    if not FAULTS.is_file():
        return "None were tried.\n"
    tried = json.loads(FAULTS.read_text(encoding="utf-8"))
    rows = [{**row, "what": row["what"].rstrip(".")} for row in tried["groups"].values()]
    counted = ("trials", *MAY_NOT_BE)
    rows.append({"what": "**all**", **{name: sum(row[name] for row in rows) for name in counted}})
    lines = [f"| what befalls the press | trials | {' | '.join(MAY_NOT_BE.values())} |", "|---|--:|--:|--:|--:|"]
    lines += [f"| {row['what']} | {' | '.join(str(row[name]) for name in counted)} |" for row in rows]
    return "\n".join([*lines, "", _remarks(tried)]) + "\n"


def _remarks(tried: dict[str, Any]) -> str:
    """Of which commit it is, and which trials did not go well."""
    said = [f"Tried at commit `{tried['commit'][:10]}`."] if tried["commit"] else []
    failed = [one["trial"] for one in tried["failures"] if MAY_NOT_BE.keys() & one["seen"].keys()]
    if failed:
        said.append(f"These did not go well: {', '.join(f'`{name}`' for name in failed)}.")
    if tried["skipped"]:
        said.append(f"{len(tried['skipped'])} more could not be tried on that machine.")
    return " ".join(said)
