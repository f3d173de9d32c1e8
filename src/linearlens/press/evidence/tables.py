"""The tables that pages include: claims beside what was measured of them, and what the chapters cost."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from linearlens.ledger import PROFILES, Claim, Row, load_claims
from linearlens.press.chapter.notebooks import Edition, all_chapters
from linearlens.press.evidence import costs, planted
from linearlens.press.evidence.full_runs import kept_rows, read_kept
from linearlens.press.evidence.ledger_page import by_paper, chapter_rows, shortfalls, summary, whole_ledger
from linearlens.press.evidence.measurements import ledger_rows
from linearlens.press.evidence.seed_runs import seeds_rows

EDITION = Edition("quick", 0)


@dataclass(frozen=True)
class Tables:
    """What they are made of, read once; chapters must have been executed in the quick profile."""

    @cached_property
    def claims(self) -> dict[str, Claim]:
        """The claims of the book."""
        return load_claims()

    @cached_property
    def rows(self) -> list[Row]:
        """Claims beside the last quick run."""
        return ledger_rows(EDITION, self.claims)

    @cached_property
    def runs(self) -> dict[str, dict[str, Any]]:
        """Kept full runs, by chapter."""
        return read_kept()

    @cached_property
    def kept(self) -> dict[str, Row]:
        """Claims beside the kept full runs."""
        return kept_rows(self.claims, self.runs)

    @cached_property
    def seeds(self) -> Mapping[str, Any]:
        """Claims beside the sweeps, by profile."""
        return {profile: seeds_rows(self.claims, profile) for profile in PROFILES}

    @cached_property
    def of_chapters(self) -> dict[str, str]:
        """The table at the end of each chapter, by its name."""
        return {name: chapter_rows(self.rows, name, self.kept) for name in all_chapters()}

    @property
    def pages(self) -> dict[str, str]:
        """All of them, by the name of the file in ``_generated``."""
        return {
            "ledger": whole_ledger(self.rows, self.claims, self.kept, self.runs, self.seeds),
            "summary": summary(self.rows, self.kept),
            "by_paper": by_paper(self.rows),
            "shortfalls": shortfalls(self.rows, self.claims, self.kept),
            "bugs": planted.bugs(),
            "faults": planted.faults(),
            "times": costs.table(EDITION, self.runs),
            **self.of_chapters,
        }
