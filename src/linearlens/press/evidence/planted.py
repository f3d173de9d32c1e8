"""The planted faults that the tests must notice, as a table; ``make mutants`` plants them."""

import yaml

from linearlens.paths import ROOT

LIST = ROOT / "tests" / "mutants.yml"


def table() -> str:
    """A Markdown table of all faults; a sentence if there is no list."""
    faults = yaml.safe_load(LIST.read_text(encoding="utf-8")) if LIST.is_file() else []
    if not faults:
        return "None are planted.\n"
    lines = ["| what a fault would do | where | tests that must notice |", "|---|---|---|"]
    lines += [f"| {one['what']} | `{one['file']}` | `{one['tests']}` |" for one in faults]
    return "\n".join(lines) + "\n"
