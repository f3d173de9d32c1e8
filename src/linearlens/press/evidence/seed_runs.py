"""What the chapters measured at many seeds, kept in ``data/results/seeds``, and in how many of them each claim holds.

A file a profile and chapter. Runs of one origin (commit, versions, hashes of the sources) stand together, and each seed
and claim is a line, so that a file stays small and a change of it can be read.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain, groupby
from pathlib import Path
from typing import Any

import numpy as np

from linearlens.ledger import Claim, LedgerError, Recorded, as_recorded, judge, show
from linearlens.paths import DATA
from linearlens.press.chapter.errors import DamagedError, PressError
from linearlens.press.chapter.files import SEAL, UNSEALED, read_sealed, seal, write_text
from linearlens.press.chapter.freshness import measuring, sources
from linearlens.press.chapter.notebooks import Edition, all_chapters
from linearlens.press.evidence.full_runs import remedy

FOLDER = DATA / "results" / "seeds"
INTERVAL = (0.05, 0.95)  # the central 90 % of the seeds
SHARE = 0.95  # a claim that holds in fewer seeds than this is wrong, and so is one that its control breaks in fewer
TOGETHER = 0.9  # in so many seeds all claims of a chapter hold


@dataclass(frozen=True)
class SeedRun:
    """What a chapter recorded at one seed, and where that comes from."""

    seed: int
    cpu_seconds: float
    records: list[dict[str, Recorded]]
    origin: Mapping[str, Any]  # commit, dirty, python, versions, sources


@dataclass(frozen=True)
class Spread:
    """A number over the seeds: its median, and the interval in which the middle 90 % of the seeds lie."""

    median: float
    low: float
    high: float
    n_seeds: int

    def __str__(self) -> str:
        return f"{show(self.median)}, {show(self.low)} to {show(self.high)}"

    def among(self, n_seeds: int) -> str:
        """The same, saying so where not each of so many seeds gave a number."""
        return str(self) if self.n_seeds == n_seeds else f"{self} in {self.n_seeds} of {n_seeds} seeds"


@dataclass(frozen=True)
class SeedsRow:
    """One claim over the seeds it was measured at; ``held`` is None if it has no bound in this profile.

    ``fails`` are the seeds in which it does not hold. Of the others, ``broken`` counts those in which its control
    breaks the bound, as it must, and ``asked`` those in which a control was measured; ``broken`` is None where none
    was. ``left_out`` counts kept runs of older sources.
    """

    id: str
    chapter: str
    kind: str
    verdict: str | None
    profile: str
    bound: str | None
    seeds: tuple[int, ...]
    held: int | None
    fails: tuple[int, ...]
    asked: int
    broken: int | None
    measured: Spread | dict[str, Spread]
    stale: bool
    left_out: int = 0

    @property
    def n_seeds(self) -> int:
        """At how many seeds it was measured."""
        return len(self.seeds)

    @property
    def wrong(self) -> bool:
        """Whether the bound fails in too many seeds."""
        return self.held is not None and self.held < SHARE * self.n_seeds

    @property
    def unbroken(self) -> bool:
        """Whether the control leaves the bound whole in too many of the seeds in which the claim holds."""
        return self.broken is not None and self.broken < SHARE * self.asked

    def show(self) -> str:
        """The median and the interval of each number."""
        if isinstance(self.measured, Spread):
            return self.measured.among(self.n_seeds)
        return "; ".join(
            f"{name.replace('_', ' ')} {spread.among(self.n_seeds)}" for name, spread in self.measured.items()
        )

    def __str__(self) -> str:
        held = "no bound in this profile" if self.held is None else f"holds in {self.held} of {self.n_seeds} seeds"
        broken = "" if self.broken is None else f", its control breaks it in {self.broken}"
        some = f" of {self.asked} in which one was measured" if self.broken is not None and self.unasked else ""
        return held + broken + some + (" (stale)" if self.stale else "")

    @property
    def unasked(self) -> bool:
        """Whether seeds in which it holds lack its control."""
        return self.held is not None and self.asked < self.held


@dataclass(frozen=True)
class Together:
    """In how many seeds all claims of a chapter hold, and what fails in the others, by seed."""

    n_seeds: int
    fails: Mapping[int, list[str]]
    stale: bool = False
    left_out: int = 0

    @property
    def held(self) -> int:
        """In how many seeds none fails."""
        return self.n_seeds - len(self.fails)

    @property
    def wrong(self) -> bool:
        """Whether a reader who changes the seed sees a failure too often."""
        return self.held < TOGETHER * self.n_seeds

    def __str__(self) -> str:
        older = f"; {self.left_out} kept with older sources are left out" if self.left_out else ""
        return f"all claims hold in {self.held} of {self.n_seeds} seeds{' (stale)' if self.stale else ''}{older}"


def parse_seeds(text: str) -> list[int]:
    """Seeds as written on a command line.

    Parameters
    ----------
    text : str
        ``3``, a half-open range ``0:20``, or several of these: ``0,4,7``.

    Returns
    -------
    list of int
        Ascending, each once.

    Raises
    ------
    PressError
        If it is none of these, or a range is empty.

    Examples
    --------
    >>> parse_seeds("0:3"), parse_seeds("7,0:2")
    ([0, 1, 2], [0, 1, 7])
    """
    seeds: set[int] = set()
    for part in text.split(","):
        first, colon, end = part.strip().partition(":")
        numbers = [first, end] if colon else [first]
        if not all(number.isdecimal() for number in numbers):
            raise PressError(f"seeds are written 0:20, 3 or 0,4,7, each 0 or more; got {text!r}")
        chosen = range(int(first), int(end) if colon else int(first) + 1)
        if not chosen:
            raise PressError(f"the seeds {part.strip()!r} are none: the end of a range is not one of them")
        seeds.update(chosen)
    return sorted(seeds)


def origin_of(chapter: str, profile: str) -> dict[str, str]:
    """Hashes of everything the chapter's output depends on in this checkout, but for the seed."""
    return seedless(sources(chapter, Edition(profile)).hashes)


def seedless(hashes: Mapping[str, str]) -> dict[str, str]:
    """What a measurement depends on, but for the parameters, in which the seeds differ."""
    return {name: value for name, value in sorted(measuring(hashes).items()) if name != "parameters"}


def fresh(runs: Mapping[int, SeedRun], hashes: Mapping[str, str]) -> dict[int, SeedRun]:
    """The runs whose sources are those of `origin_of`."""
    return {seed: run for seed, run in runs.items() if run.origin["sources"] == hashes}


def path_of(chapter: str, profile: str) -> Path:
    """Where the chapter's runs are kept."""
    return FOLDER / profile / f"{chapter}.json"


def read_seeds(chapter: str, profile: str) -> dict[int, SeedRun]:
    """The kept runs of a chapter, by seed, ascending.

    Raises
    ------
    PressError
        If the file is not as `keep_seed` writes it.
    """
    path = path_of(chapter, profile)
    try:
        return _parsed(read_sealed(path), path, chapter, profile)
    except FileNotFoundError:
        return {}
    except DamagedError as error:
        raise PressError(f"{error}; {remedy(path, f'linearlens sweep {chapter} --profile {profile}')}") from error


def _parsed(whole: Mapping[str, Any], path: Path, chapter: str, profile: str) -> dict[int, SeedRun]:
    try:
        runs = [SeedRun(**entry, origin=group["origin"]) for group in whole["groups"] for entry in group["seeds"]]
        for run in runs:
            _refuse_what_is_no_run(run)
        by_seed = {run.seed: run for run in sorted(runs, key=lambda run: run.seed)}
        place = str(whole["chapter"]), str(whole["profile"])
    except (TypeError, KeyError, LedgerError) as error:
        raise DamagedError(f"{path} is damaged: it holds no runs of seeds") from error
    if place != (chapter, profile):
        raise DamagedError(f"{path} is damaged: it is of {' in the profile '.join(place)}")
    if len(by_seed) < len(runs):
        raise DamagedError(f"{path} is damaged: it holds a seed twice")
    return by_seed


def _refuse_what_is_no_run(run: SeedRun) -> None:
    names = [item["id"] for item in run.records]
    whole = isinstance(run.seed, int) and not isinstance(run.seed, bool) and run.seed >= 0
    if not (whole and isinstance(run.origin["sources"], dict) and len({*names}) == len(names)):
        raise TypeError("no seed, no sources, or a claim recorded twice")
    for item in run.records:
        as_recorded(str(item["id"]), item["value"])


def keep_seed(chapter: str, profile: str, run: SeedRun) -> Path:
    """Put a run into the chapter's file, in place of an older one of the same seed.

    Returns
    -------
    Path
        The file; it is replaced whole, so that it can be read at any moment.
    """
    path = path_of(chapter, profile)
    runs = {**read_seeds(chapter, profile), run.seed: run}
    write_text(path, _text(chapter, profile, list(runs.values())))
    return path


def _text(chapter: str, profile: str, runs: Sequence[SeedRun]) -> str:
    def key(run: SeedRun) -> str:
        return json.dumps(run.origin, sort_keys=True)

    groups = []
    for _, group in groupby(sorted(runs, key=lambda run: (key(run), run.seed)), key=key):
        own = list(group)
        origin, seeds = json.dumps(own[0].origin, indent=1), ",\n".join(map(_seed_text, own))
        groups.append(f'{{"origin": {origin},\n"seeds": [\n{seeds}\n]}}')
    head = f'"chapter": "{chapter}", "profile": "{profile}"'
    return seal(f'{{"{SEAL}": "{UNSEALED}", {head}, "groups": [' + ",\n".join(groups) + "]}\n")


def _seed_text(run: SeedRun) -> str:
    records = ",\n".join(f"  {json.dumps(item)}" for item in run.records)
    return f' {{"seed": {run.seed}, "cpu_seconds": {run.cpu_seconds}, "records": [\n{records}\n ]}}'


def seeds_rows(claims: Mapping[str, Claim], profile: str) -> dict[str, SeedsRow]:
    """A row for each claim measured at one seed or more, by id.

    Only runs with today's sources count; where a chapter has none, all that are kept, marked as stale. What an
    older version of a chapter recorded and today's bound cannot judge is left out.
    """
    rows = {}
    for chapter in all_chapters():
        kept = read_seeds(chapter, profile)
        runs, stale = _to_show(kept, chapter, profile)
        left_out = len(kept) - len(runs)
        records = {seed: {str(item["id"]): item["value"] for item in run.records} for seed, run in runs.items()}
        there = set(chain.from_iterable(records.values()))
        for name in [name for name, claim in claims.items() if claim.chapter == chapter]:
            # What today's code left out at a seed does not hold there; an older version may not have had it.
            own = {seed: recorded for seed, recorded in records.items() if not stale or name in recorded}
            if not own or (name not in there and profile not in claims[name].bound):
                continue
            try:
                rows[name] = seeds_row(claims[name], own, profile=profile, stale=stale, left_out=left_out)
            except LedgerError as error:
                if not stale:
                    raise LedgerError(
                        f"{chapter}, {name}, at one of the seeds {min(own)} to {max(own)}: {error}"
                    ) from error
    return rows


def runs_to_show(chapter: str, profile: str) -> tuple[dict[int, SeedRun], bool]:
    """The runs with today's sources; where there are none, all that are kept, and True since they are stale."""
    return _to_show(read_seeds(chapter, profile), chapter, profile)


def _to_show(runs: dict[int, SeedRun], chapter: str, profile: str) -> tuple[dict[int, SeedRun], bool]:
    try:
        now = fresh(runs, origin_of(chapter, profile)) if runs else {}
    except PressError:  # the chapter cannot be read
        now = {}
    return now or runs, not now


def seeds_row(
    claim: Claim,
    records: Mapping[int, Mapping[str, Recorded]],
    *,
    profile: str,
    stale: bool = False,
    left_out: int = 0,
) -> SeedsRow:
    """Hold a claim against what was recorded at each seed; `records` is all that was recorded there, by seed and id."""
    judged = {
        seed: judge(claim, recorded.get(claim.id), profile=profile, seed=seed, records=recorded)
        for seed, recorded in records.items()
    }
    bound = claim.bound.get(profile)
    fails = () if bound is None else tuple(seed for seed, row in judged.items() if row.holds is not True)
    breaks = [row.breaks for row in judged.values() if row.holds and row.breaks is not None]
    return SeedsRow(
        id=claim.id,
        chapter=claim.chapter,
        kind=claim.kind,
        verdict=claim.verdict,
        profile=profile,
        bound=bound,
        seeds=tuple(judged),
        held=None if bound is None else len(judged) - len(fails),
        fails=fails,
        asked=len(breaks),
        broken=sum(breaks) if breaks else None,
        measured=_spreads([recorded[claim.id] for recorded in records.values() if claim.id in recorded]),
        stale=stale,
        left_out=left_out,
    )


def together(rows: Iterable[SeedsRow]) -> dict[str, Together]:
    """By chapter, in how many seeds all its claims hold that have a bound; one that was not measured does not."""
    found = {}
    bounded = sorted((row for row in rows if row.held is not None), key=lambda row: row.chapter)
    for chapter, group in groupby(bounded, key=lambda row: row.chapter):
        own = list(group)
        seeds = sorted(set(chain.from_iterable(row.seeds for row in own)))
        fails = {seed: [row.id for row in own if seed in row.fails or seed not in row.seeds] for seed in seeds}
        found[chapter] = Together(
            len(seeds),
            {seed: names for seed, names in fails.items() if names},
            stale=any(row.stale for row in own),
            left_out=max(row.left_out for row in own),
        )
    return found


def _spreads(values: list[Recorded]) -> Spread | dict[str, Spread]:
    mappings = [value for value in values if isinstance(value, dict)]
    if not mappings:
        return spread_of(values)
    names = dict.fromkeys(name for mapping in mappings for name in mapping)
    return {name: spread_of([mapping[name] for mapping in mappings if name in mapping]) for name in names}


def spread_of(values: Iterable[Recorded]) -> Spread:
    """Of one number a seed: a list counts with its median, of True and False with its share; NaN counts as missing."""
    arrays = [np.asarray(value) for value in values]
    each = [float(np.mean(a) if a.dtype == bool else np.median(a)) for a in arrays]
    there = [number for number in each if not np.isnan(number)]
    if not there:
        return Spread(np.nan, np.nan, np.nan, 0)
    low, high = np.quantile(there, INTERVAL, method="nearest")  # of the seeds themselves, infinite ones too
    return Spread(float(np.median(there)), float(low), float(high), len(there))


def to_json(rows: Iterable[SeedsRow]) -> str:
    """The rows as a JSON list of objects."""
    return json.dumps(_plain([asdict(row) | {"n_seeds": row.n_seeds} for row in rows]), indent=2, allow_nan=False)


def _plain(value: Any) -> Any:
    """JSON has no NaN and no infinity."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and np.isnan(value) else str(value) if value in (np.inf, -np.inf) else value
