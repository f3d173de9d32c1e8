"""Measurements of the full profile, kept in ``data/results/full`` with where they come from.

A reader has no hours to spare; so the last full run of each chapter is committed, and the ledger shows it beside
the quick one. A run whose sources have changed since is marked as stale.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from linearlens.ledger import Claim, LedgerError, Row, judge
from linearlens.paths import DATA
from linearlens.press.chapter.files import write_text
from linearlens.press.chapter.freshness import Executed, measuring, sources
from linearlens.press.chapter.notebooks import Edition, PressError, all_chapters

EDITION = Edition("full", 0)
FOLDER = DATA / "results" / EDITION.profile


def keep(chapter: str) -> Path:
    """Write what the last full run of a chapter recorded, and its provenance.

    Parameters
    ----------
    chapter : str
        Executed in the edition `EDITION`.

    Returns
    -------
    Path
        The file, one a chapter.

    Raises
    ------
    PressError
        If the chapter was not executed, or is stale.
    """
    executed = Executed(chapter, EDITION)
    if trouble := executed.trouble():
        raise PressError(f"the full run of {chapter} cannot be kept: {trouble}")
    if (notebook := executed.read()) is None:
        raise PressError(f"the full run of {chapter} cannot be kept: {executed.path} has gone meanwhile")
    run = notebook.metadata["linearlens_run"]
    del run["digest"], run["exercises"]
    path = _path(chapter)
    write_text(path, json.dumps(run, indent=1) + "\n")
    return path


def read_kept() -> dict[str, dict[str, Any]]:
    """The kept runs, by chapter."""
    files = {chapter: _path(chapter) for chapter in all_chapters()}
    return {chapter: json.loads(file.read_text(encoding="utf-8")) for chapter, file in files.items() if file.is_file()}


def kept_rows(claims: Mapping[str, Claim], runs: Mapping[str, Mapping[str, Any]]) -> dict[str, Row]:
    """A row for each claim that a kept run recorded, by id; `runs` as from `read_kept`.

    What an older version of a chapter recorded and today's bound cannot judge is left out.
    """
    rows = {}
    for chapter, run in runs.items():
        stale = measuring(run["sources"]) != measuring(sources(chapter, EDITION))
        for item in run["records"]:
            if (claim := claims.get(item["id"])) is None:
                continue
            try:
                rows[claim.id] = judge(claim, item["value"], profile=EDITION.profile, seed=EDITION.seed, stale=stale)
            except LedgerError:
                if not stale:
                    raise
    return rows


def _path(chapter: str) -> Path:
    return FOLDER / f"{chapter}.json"
