"""What came of the trials, as a table for people and as JSON to keep."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faults.checks import BAD, REST
from faults.trial import Verdict
from faults.trials import WHAT


@dataclass(frozen=True)
class Summary:
    """Counts by group, and what was seen in each trial that did not go well."""

    commit: str | None
    groups: dict[str, dict[str, Any]]
    failures: list[dict[str, Any]]
    skipped: dict[str, str]

    @property
    def bad(self) -> int:
        """Trials with a wrong number, a raw traceback, or work for a hand."""
        return sum(1 for failure in self.failures if set(BAD) & set(failure["seen"]))

    def text(self) -> str:
        """A table, a row a group."""
        columns = ("trials", *BAD, *REST, "skipped")
        rows = [["", *columns], *[[name, *[str(row[c]) for c in columns]] for name, row in self.groups.items()]]
        rows.append(["all", *[str(sum(row[c] for row in self.groups.values())) for c in columns]])
        widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
        return "".join(
            "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) + "\n" for row in rows
        )


def summary(verdicts: Sequence[Verdict], source: Path) -> Summary:
    """Count them."""
    groups: dict[str, dict[str, Any]] = {}
    for verdict in verdicts:
        name = verdict.trial.partition("/")[0]
        row = groups.setdefault(name, {"what": WHAT[name], **dict.fromkeys(("trials", *BAD, *REST, "skipped"), 0)})
        row["skipped" if verdict.skipped else "trials"] += 1
        for kind in verdict.complaints:
            row[kind] += 1
    failures = [{"trial": v.trial, "seen": v.complaints} for v in verdicts if v.complaints]
    skipped = {v.trial: v.skipped for v in verdicts if v.skipped}
    return Summary(_commit(source), groups, failures, skipped)


def _commit(source: Path) -> str | None:
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=source, capture_output=True, text=True, check=False)
    return done.stdout.strip() or None


def write_summary(result: Summary, path: Path) -> None:
    """Keep it; it holds no date and no path, so that it changes only with what it says."""
    content = {"commit": result.commit, "groups": result.groups, "failures": result.failures, "skipped": result.skipped}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
