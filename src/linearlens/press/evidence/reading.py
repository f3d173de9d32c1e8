"""A chapter as its proof-reader wants it: each sentence, and under it what both editions and the seeds say of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from linearlens.ledger import PROFILES, Row, load_claims, texts_of
from linearlens.press.chapter.notebooks import Edition
from linearlens.press.chapter.sentences import Mention, read_allowed, sentences_of, unexcused
from linearlens.press.evidence.full_runs import kept_rows, read_full_run
from linearlens.press.evidence.measurements import ledger_rows
from linearlens.press.evidence.seed_runs import SeedsRow, Spread, runs_to_show, seeds_rows, spread_of

MARKS = {True: "holds", False: "FAILS", None: "not measured"}


@dataclass(frozen=True)
class Measured:
    """What one edition of a chapter measured, by id and by the names of numbers in the text; and over the seeds."""

    rows: Mapping[str, Row]
    numbers: Mapping[str, float]
    spreads: Mapping[str, Spread]
    seeds: Mapping[str, SeedsRow]
    seeds_are_stale: bool

    def shown(self, mention: Mention) -> str:
        """A number as the text shows it."""
        number = self.numbers.get(mention.name)
        return "not measured" if number is None else format(number, mention.spec)

    def said_of(self, mention: Mention) -> str:
        """The value of a number, or whether a claim holds; with the seeds behind it, and whether that is stale."""
        if mention.kind == "claim":
            row, over = self.rows.get(mention.name), self.seeds.get(mention.name)
            here = MARKS[row.holds if row else None]
            many = f"[{over.held} of {over.n_seeds} seeds]" if over and over.held is not None else ""
        else:
            ids = [name for name in self.rows if f"{mention.name}.".startswith(f"{name}.")]
            row = self.rows[max(ids, key=len)] if ids else None  # the longest: one id may begin with another
            spread = self.spreads.get(mention.name)
            here = self.shown(mention)
            low, high = (format(end, mention.spec) for end in (spread.low, spread.high)) if spread else ("", "")
            many = f"[{low} to {high} in {spread.n_seeds} seeds]" if spread else ""
        stale = "(stale)" if row and row.stale and row.measured is not None else ""
        return " ".join(filter(None, (here, stale, many, "(stale)" if many and self.seeds_are_stale else "")))


def measured_by(chapter: str, profile: str) -> Measured:
    """What the last run of the chapter measured in a profile, or, at the papers' scale, the kept one."""
    claims = {name: claim for name, claim in load_claims().items() if claim.chapter == chapter}
    if profile == "quick":
        rows = {row.id: row for row in ledger_rows(Edition(profile), claims)}
    else:
        run = read_full_run(chapter)
        rows = kept_rows(claims, {chapter: run} if run else {})
    runs, stale = runs_to_show(chapter, profile)
    each = [dict(text for one in run.records for text in texts_of(one["id"], one["value"])) for run in runs.values()]  # type: ignore[arg-type]
    names = dict.fromkeys(name for texts in each for name in texts)
    return Measured(
        rows=rows,
        numbers=dict(
            text for row in rows.values() if row.measured is not None for text in texts_of(row.id, row.measured)
        ),
        spreads={name: spread_of([texts[name] for texts in each if name in texts]) for name in names},
        seeds=seeds_rows(claims, profile),
        seeds_are_stale=stale,
    )


def proof(chapter: str) -> Iterator[str]:
    """The lines that ``linearlens read`` prints; a question mark begins a sentence that compares and shows nothing.

    In a sentence stand the numbers of the quick edition.
    """
    editions = {profile: measured_by(chapter, profile) for profile in PROFILES}
    claims = load_claims()
    sentences = sentences_of(chapter)
    doubtful = unexcused(sentences, read_allowed().get(chapter, {}))
    section = None
    for sentence in sentences:
        if sentence.section != section:
            section = sentence.section
            yield f"\n## {section or chapter}\n"
        yield f"{'?' if sentence in doubtful else ' '} {sentence.filled(editions['quick'].shown)}"
        for mention in sentence.mentions:
            if mention.kind == "claim":
                claim = claims.get(mention.name)
                yield f"      {mention.name}: {claim.says if claim else 'there is no such claim'}"
            values = " | ".join(f"{profile} {measured.said_of(mention)}" for profile, measured in editions.items())
            yield f"      {mention.name}: {values}"
    yield f"\n{len(sentences)} sentences; {len(doubtful)} compare, show no number and name no claim, unexcused (?)"
