"""Quick runs of chapters that need large downloads, kept in ``data/results/lent`` for whoever has not fetched these.

A chapter names the data sets it needs in its metadata, ``linearlens.needs``. Where one of them is missing, its kept run
takes the place of a run here, as long as it is one of the code that stands here; where all are there, the chapter runs.
"""

import json
from collections.abc import Sequence
from copy import deepcopy

from linearlens.paths import DATA
from linearlens.press.chapter.errors import DamagedError, PressError
from linearlens.press.chapter.files import SEAL, UNSEALED, read_sealed, seal, write_text
from linearlens.press.chapter.freshness import Executed
from linearlens.press.chapter.notebooks import Edition, needs_of

EDITION = Edition()
FOLDER = DATA / "results" / "lent"


def lend(chapters: Sequence[str], edition: Edition) -> dict[str, int]:
    """Put kept runs in the place of those that must run and cannot, since a download is missing.

    Parameters
    ----------
    chapters : sequence of str
        Those that are stale or were never executed.
    edition : Edition
        Only the one that the pages are made of is kept.

    Returns
    -------
    dict of str to int
        The chapters that need not run any more, with the bytes of the downloads that they miss.

    Raises
    ------
    PressError
        If a kept run is damaged.
    """
    absent = {one: sum(missing(one).values()) for one in chapters} if edition == EDITION else {}
    return {one: n_bytes for one, n_bytes in absent.items() if n_bytes and _put_in_place(one)}


def missing(chapter: str) -> dict[str, int]:
    """Data sets that the chapter needs and that are not here, with the bytes of their downloads."""
    if not (needs := needs_of(chapter)):
        return {}
    from linearlens.datasets.registry import list_data  # takes a second

    entries = list_data()
    if unknown := sorted(set(needs) - set(entries)):
        raise PressError(f"{chapter} needs {', '.join(unknown)}, which the registry of data sets does not list")
    absent = [entries[name] for name in needs if not all(file.path.exists() for file in entries[name].files)]
    return {entry.name: entry.download_bytes() for entry in absent}


def keep(chapter: str) -> None:
    """Write down the run of a chapter that needs downloads, for machines without them."""
    content = deepcopy(Executed(chapter, EDITION).content())
    for output in (output for cell in content["cells"] for output in cell.get("outputs", [])):
        for form in [form for form in output.get("data", {}) if form.endswith("image/png")]:
            del output["data"][form]  # no page shows it, and it can be had from the PDF
    content["metadata"]["linearlens_run"] |= {"lent": True, SEAL: UNSEALED}
    write_text(FOLDER / f"{chapter}.json", seal(json.dumps(content, indent=1, ensure_ascii=False) + "\n"))


def _put_in_place(chapter: str) -> bool:
    """Whether a kept run of today's code lies now where a run would have left its own."""
    path, executed = FOLDER / f"{chapter}.json", Executed(chapter, EDITION)
    try:
        stamp = read_sealed(path)["metadata"]["linearlens_run"]
    except FileNotFoundError:
        return False
    except DamagedError as error:
        raise PressError(f"{error}; get it back with git, or fetch what {chapter} needs and run it") from error
    if fresh := executed.outdated(stamp) is None:
        write_text(executed.path, path.read_text(encoding="utf-8"))
    return fresh
