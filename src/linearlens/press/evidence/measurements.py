"""The ledger filled in from executed chapters."""

from linearlens.ledger import Claim, Row, judge, load_claims
from linearlens.press.chapter.errors import DamagedError
from linearlens.press.chapter.freshness import Executed
from linearlens.press.chapter.notebooks import Edition, all_chapters


def recorded_ids(edition: Edition) -> dict[str, list[str]]:
    """The ids each executed chapter recorded, in order."""
    return {chapter: [item["id"] for item in _records(chapter, edition)] for chapter in all_chapters()}


def ledger_rows(edition: Edition, claims: dict[str, Claim] | None = None) -> list[Row]:
    """One row a claim; what no executed chapter recorded has ``measured`` None."""
    claims = load_claims() if claims is None else claims
    chapters = {claim.chapter for claim in claims.values()}
    values = {item["id"]: item["value"] for chapter in chapters for item in _records(chapter, edition)}
    stale = {chapter: bool(Executed(chapter, edition).trouble()) for chapter in chapters & set(all_chapters())}
    return [
        judge(
            claim,
            values.get(name),
            profile=edition.profile,
            seed=edition.seed,
            stale=stale.get(claim.chapter, True),
            records=values,
        )
        for name, claim in claims.items()
    ]


def unclaimed(edition: Edition) -> list[str]:
    """What fresh executed chapters recorded, and the ledger lacks."""
    claims = load_claims()
    return [
        f"{chapter} records {name}, which is not in data/claims.yml"
        for chapter, ids in recorded_ids(edition).items()
        for name in ids
        if name not in claims and not Executed(chapter, edition).trouble()
    ]


def damaged_runs(edition: Edition) -> list[str]:
    """What is wrong with executed chapters whose files are not as they were written."""
    said = []
    for chapter in all_chapters():
        try:
            Executed(chapter, edition).content()
        except DamagedError as error:
            said.append(str(error))
        except FileNotFoundError:
            pass
    return said


def _records(chapter: str, edition: Edition) -> list[dict]:
    stamp = Executed(chapter, edition).stamp()
    return [] if stamp is None else stamp["records"]
