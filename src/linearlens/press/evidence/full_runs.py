"""Measurements of the full profile, kept in ``data/results/full`` with where they come from.

A reader has no hours to spare; so the last full run of each chapter is committed, and the ledger shows it beside
the quick one. A run whose sources have changed since is marked as stale.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from linearlens.ledger import Claim, LedgerError, Row, judge
from linearlens.paths import DATA, ROOT
from linearlens.press.chapter.errors import DamagedError, PressError
from linearlens.press.chapter.files import SEAL, read_sealed, to_json, write_text
from linearlens.press.chapter.freshness import Executed, measuring, sources
from linearlens.press.chapter.notebooks import Edition, all_chapters
from linearlens.press.evidence.full_pages import FullPage, keep_files, read_page, shown_files

EDITION = Edition("full", 0)
FOLDER = DATA / "results" / EDITION.profile


def keep(chapter: str) -> Path:
    """Write what the last full run of a chapter recorded and showed, and its provenance.

    Parameters
    ----------
    chapter : str
        Executed in the edition `EDITION`.

    Returns
    -------
    Path
        The file, one a chapter; figures and tables lie in a folder beside it.

    Raises
    ------
    PressError
        If the chapter was not executed, or is stale.
    """
    executed = Executed(chapter, EDITION)
    if trouble := executed.trouble():
        raise PressError(f"the full run of {chapter} cannot be kept: {trouble}")
    if (stamp := executed.stamp()) is None:
        raise PressError(f"the full run of {chapter} cannot be kept: {executed.path} has gone meanwhile")
    path = _path(chapter)
    shown = keep_files(path.with_suffix(""), shown_files(executed.page()))
    kept = {name: value for name, value in stamp.items() if name not in ("exercises", SEAL)}
    write_text(path, to_json({**kept, "shown": shown}))
    return path


def read_kept() -> dict[str, dict[str, Any]]:
    """The kept runs, by chapter.

    Raises
    ------
    PressError
        If a file is damaged; the message says what to do.
    """
    runs = {chapter: read_full_run(chapter) for chapter in all_chapters()}
    return {chapter: run for chapter, run in runs.items() if run is not None}


def read_full_run(chapter: str) -> dict[str, Any] | None:
    """The kept run of a chapter; None if there is none.

    Raises
    ------
    PressError
        If its file is damaged; the message says what to do.
    """
    path = _path(chapter)
    try:
        run = read_sealed(path)
    except FileNotFoundError:
        return None
    except DamagedError as error:
        raise PressError(f"{error}; {remedy(path, f'linearlens run {chapter} --profile full')}") from error
    if run.get("chapter") != chapter:
        raise PressError(f"{path} is the run of another chapter; {remedy(path, 'linearlens run --profile full')}")
    return run


def remedy(path: Path, command: str) -> str:
    """How to get a kept result back."""
    return f"get it back with `git checkout -- {path.relative_to(ROOT)}`, or remove it and run: {command}"


def kept_rows(claims: Mapping[str, Claim], runs: Mapping[str, Mapping[str, Any]]) -> dict[str, Row]:
    """A row for each claim that a kept run recorded, by id; `runs` as from `read_kept`.

    What an older version of a chapter recorded and today's bound cannot judge is left out.
    """
    rows = {}
    for chapter, run in runs.items():
        stale = not is_fresh(chapter, run["sources"])
        records = {item["id"]: item["value"] for item in run["records"]}
        for name in records:
            if name not in claims or claims[name].chapter != chapter:
                continue
            try:
                rows[name] = judge(
                    claims[name],
                    records[name],
                    profile=EDITION.profile,
                    seed=EDITION.seed,
                    stale=stale,
                    records=records,
                )
            except LedgerError:
                if not stale:
                    raise
    return rows


def full_pages(runs: Mapping[str, Mapping[str, Any]]) -> dict[str, FullPage]:
    """What pages show of the kept runs that would measure the same today, by chapter; `runs` as from `read_kept`.

    Raises
    ------
    PressError
        If a kept figure or table is damaged.
    """
    fresh = [chapter for chapter, run in runs.items() if is_fresh(chapter, run["sources"])]
    return {
        chapter: read_page(
            runs[chapter],
            _path(chapter).with_suffix(""),
            drawn_today=runs[chapter]["sources"].get("drawings") == sources(chapter, EDITION).hashes["drawings"],
        )
        for chapter in fresh
    }


def is_fresh(chapter: str, hashes: Mapping[str, str]) -> bool:
    """Whether a full run with these sources would measure the same today; not where the chapter cannot be read."""
    try:
        return measuring(hashes) == measuring(sources(chapter, EDITION).hashes)
    except PressError:
        return False


def _path(chapter: str) -> Path:
    return FOLDER / f"{chapter}.json"
