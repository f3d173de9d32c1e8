"""One chapter at one seed, as a worker of :mod:`linearlens.press.running.seeds` runs it."""

import socket
from typing import Any

from linearlens.press.chapter.errors import PressError
from linearlens.press.chapter.freshness import Executed
from linearlens.press.chapter.notebooks import Edition
from linearlens.press.evidence.costs import known_megabytes
from linearlens.press.running.process import Children

children = Children()

ORIGIN = ("commit", "dirty", "device", "python", "versions")  # where a run comes from, beside its sources


def run_one(chapter: str, profile: str, seed: int) -> dict[str, Any]:
    """Execute a chapter, unless it is fresh here, and return its stamp.

    Returns
    -------
    dict
        The metadata ``linearlens_run`` of the executed notebook, see
        :func:`linearlens.press.running.one_chapter.execute`.

    Raises
    ------
    PressError
        If it fails: which machine, which cell, and where the notebook up to there is.
    """
    edition = Edition(profile, seed)
    executed, trouble = Executed(chapter, edition), None
    if executed.trouble():
        with children.room(known_megabytes(chapter, edition)):
            trouble = children.execute(chapter, edition)
    if trouble:
        parts = trouble.split("\n\n")
        said = parts[0] if len(parts) == 1 else f"{parts[0]}\n{parts[-1]}"  # without the traceback between them
        raise PressError(f"{said} (on {socket.gethostname()})")
    if (stamp := executed.stamp()) is None:
        raise PressError(f"{executed.path} has gone meanwhile (on {socket.gethostname()})")
    return {name: stamp[name] for name in (*ORIGIN, "records", "sources", "cpu_seconds")}
