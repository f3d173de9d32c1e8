"""The ledger as lines of text: what is claimed, whether it holds, and a total."""

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from linearlens.ledger import Claim, Row, show
from linearlens.press.chapter.errors import PressError
from linearlens.press.chapter.notebooks import choose, title_of
from linearlens.press.evidence.claim_table import standing
from linearlens.press.evidence.ledger_page import tally
from linearlens.press.evidence.seed_runs import SHARE, TOGETHER, SeedsRow, Together

MARKS = {True: "holds", False: "FAILS", None: "  ?  "}
BREAKS = {True: "breaks the bound", False: "does NOT break the bound", None: "was not measured"}


def choose_claims(names: Sequence[str], claims: Mapping[str, Claim]) -> dict[str, Claim]:
    """The claims of the chapters named, and those named by their ids; all for no name.

    Raises
    ------
    PressError
        If a name is neither; the message names some that are alike.
    """
    ids = [name for name in names if name in claims]
    if strange := [name for name in names if name not in claims and "." in name.removesuffix(".ipynb")]:
        alike = ", ".join(difflib.get_close_matches(strange[0], claims, cutoff=0.5))
        some = f"some that are: {alike}; " if alike else ""
        raise PressError(f"no claim is named {strange[0]!r}; {some}all: linearlens claims")
    chapters = choose([name for name in names if name not in claims]) if len(ids) < len(names) or not names else []
    return {name: claim for name, claim in claims.items() if name in ids or claim.chapter in chapters}


def _chapter(row: Row | SeedsRow) -> str:
    return row.chapter


def listed(rows: Sequence[Row], *, bounds: bool) -> Iterator[str]:
    """What each claim says and whether it holds, a heading a chapter, and a total; `bounds` adds what decides."""
    for chapter, group in groupby(sorted(rows, key=_chapter), key=_chapter):
        yield f"{chapter}  {title_of(chapter)}"
        for row in group:
            stale = " (stale)" if row.stale and row.measured is not None else ""
            yield f"  {MARKS[row.holds]}{stale}  {row.says}  [{row.id}; {standing(row)}]"
            if bounds:
                yield f"           measured {show(row.measured)}"
                yield f"           bound {row.bound or 'none in this profile'}, set {row.set} looking"
            if bounds and row.broken_by and row.bound:
                yield f"           control: {row.broken_by}; it {BREAKS[row.breaks]}"
    yield total(rows)


def total(rows: Sequence[Row]) -> str:
    """How many claims there are, how many of them hold, and of which kinds they are."""
    held = Counter(row.holds for row in rows)
    parts = ((True, "hold"), (False, "do not hold"), (None, "are not decided in this profile"))
    said = ", ".join(f"{held[key]} {words}" for key, words in parts if held[key])
    return f"{len(rows)} claims, {rows[0].profile}, seed {rows[0].seed}: {said}\n{tally(rows)}" if rows else "no claims"


def listed_over_seeds(
    rows: Iterable[SeedsRow], claims: Mapping[str, Claim], chapters: Mapping[str, Together], *, bounds: bool
) -> Iterator[str]:
    """The same over the seeds of a sweep; `chapters` tell of whole chapters in which seeds not all claims hold."""
    rows = sorted(rows, key=_chapter)
    for chapter, group in groupby(rows, key=_chapter):
        whole = chapters.get(chapter)
        yield f"{chapter}  {title_of(chapter)}: {whole or 'no bound in this profile'}"
        for seed, names in whole.fails.items() if whole else ():
            yield f"         seed {seed}: {', '.join(names)}"
        for row in group:
            mark = "WRONG" if row.wrong or row.unbroken else "     "
            yield f"  {mark}  {row}: {claims[row.id].says}  [{row.id}; {standing(row)}]"
            if bounds:
                yield f"           measured {row.show()}; bound {row.bound or 'none in this profile'}"
                paper, joined = claims[row.id].paper_bound, {"reproduced": "and", "not reproduced": "but not"}
                if paper and row.verdict in joined:
                    yield f"           {joined[row.verdict]} {paper}, the paper's"
    wrong, unbroken = sum(row.wrong for row in rows), sum(row.unbroken for row in rows)
    few = f"in fewer than {SHARE:.0%} of the seeds"
    yield f"{len(rows)} claims; {wrong} hold {few}, and {unbroken} are broken by their control {few}"


def complaints(rows: Sequence[Row]) -> list[str]:
    """What is not measured, stale, or does not hold: nothing if all is well."""
    unmeasured = {row.chapter for row in rows if row.measured is None}
    stale = {row.chapter for row in rows if row.stale} - unmeasured
    parts = (("not measured", unmeasured), ("stale, measured with older sources", stale))
    names = [f"{what}: {', '.join(sorted(chapters))}" for what, chapters in parts if chapters]
    run = (
        [f"{'; '.join(names)}; run: linearlens run --profile {rows[0].profile} --seed {rows[0].seed}"] if names else []
    )
    failed = [row.id for row in rows if row.holds is False]
    return [*run, *([f"does not hold: {', '.join(failed)}"] if failed else [])]


def complaints_over_seeds(
    rows: Mapping[str, SeedsRow], claims: Mapping[str, Claim], chapters: Mapping[str, Together], profile: str
) -> list[str]:
    """What was not swept or is stale, the claims that hold or are broken in too few seeds, and such chapters."""
    own = {claim.chapter for claim in claims.values()}
    apart = [f"{name} ({one.held} of {one.n_seeds})" for name, one in chapters.items() if name in own and one.wrong]
    run, few = f"; run: linearlens sweep --profile {profile}", "in fewer than"
    found = {
        "not swept: {}" + run: sorted({claim.chapter for claim in claims.values() if claim.id not in rows}),
        "stale, swept with older sources: {}" + run: sorted({row.chapter for row in rows.values() if row.stale}),
        "partly stale, seeds of older sources left out: {}" + run: sorted(
            {row.chapter for row in rows.values() if row.left_out}
        ),
        f"holds {few} {SHARE:.0%} of the seeds: {{}}": [row.id for row in rows.values() if row.wrong],
        f"is broken by its control {few} {SHARE:.0%} of the seeds: {{}}": [
            row.id for row in rows.values() if row.unbroken
        ],
        "its control was not measured in each seed: {}": [
            row.id for row in rows.values() if row.unasked and (claims[row.id].control or claims[row.id].broken_by)
        ],
        f"all claims hold {few} {TOGETHER:.0%} of the seeds: {{}}": apart,
    }
    return [says.format(", ".join(which)) for says, which in found.items() if which]
