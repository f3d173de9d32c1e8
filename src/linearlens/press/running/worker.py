"""One chapter at one seed, as a worker of :mod:`linearlens.press.running.seeds` runs it."""

import socket
from typing import Any

from linearlens.press.chapter.freshness import Executed
from linearlens.press.chapter.notebooks import Edition, PressError
from linearlens.press.running.process import Children

children = Children()


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
    executed = Executed(chapter, Edition(profile, seed))
    if executed.trouble() and (trouble := children.execute(chapter, Edition(profile, seed))):
        parts = trouble.split("\n\n")
        said = parts[0] if len(parts) == 1 else f"{parts[0]}\n{parts[-1]}"  # without the traceback between them
        raise PressError(f"{said} (on {socket.gethostname()})")
    if (notebook := executed.read()) is None:
        raise PressError(f"{executed.path} has gone meanwhile (on {socket.gethostname()})")
    stamp = notebook.metadata["linearlens_run"]
    return {name: stamp[name] for name in ("records", "sources", "cpu_seconds", "python", "versions")}
