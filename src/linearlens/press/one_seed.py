"""One chapter at one seed, as a worker of :mod:`linearlens.press.sweep` runs it.

The chapter has a process of its own, which this module is the entry point of: its crash, or that of its kernel, is one
task's failure and no worker's. It ends with the worker, however that ends: then its standard input closes.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import Any

from linearlens.paths import ROOT
from linearlens.press.chapters import Edition, PressError
from linearlens.press.freshness import Executed

running: set[subprocess.Popen] = set()


def run_one(chapter: str, profile: str, seed: int) -> dict[str, Any]:
    """Execute a chapter, unless it is fresh here, and return its stamp.

    Returns
    -------
    dict
        The metadata ``linearlens_run`` of the executed notebook, see :func:`linearlens.press.execute.execute`.

    Raises
    ------
    PressError
        If it fails: which machine, which cell, and where the notebook up to there is.
    """
    executed = Executed(chapter, Edition(profile, seed))
    if executed.trouble():
        _run_child(chapter, profile, seed)
    if (notebook := executed.read()) is None:
        raise PressError(f"{executed.path} has gone meanwhile (on {socket.gethostname()})")
    stamp = notebook.metadata["linearlens_run"]
    return {name: stamp[name] for name in ("records", "sources", "cpu_seconds", "python", "versions")}


def _run_child(chapter: str, profile: str, seed: int) -> None:
    command = [sys.executable, "-m", "linearlens.press.one_seed", chapter, profile, str(seed)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,  # stays open until the child has ended
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        cwd=ROOT,
        start_new_session=True,
    ) as child:
        running.add(child)
        try:
            assert child.stdout is not None
            said = child.stdout.read().strip()
        finally:
            running.discard(child)
        if child.wait():
            tail = "\n".join(said.splitlines()[-20:])
            raise PressError(f"{tail or f'its process ended with {child.returncode}'} (on {socket.gethostname()})")


def end_all() -> None:
    """Let the chapters that this process runs come to an end."""
    for child in list(running):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGTERM)


def _end_with_worker() -> None:
    """Wait for the end of standard input; then end, and the kernel with us."""
    os.read(sys.stdin.fileno(), 1)  # unbuffered: a buffer's lock would be held when the interpreter ends
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(10)
    os._exit(1)


def _child(chapter: str, profile: str, seed: str) -> int:
    threading.Thread(target=_end_with_worker, daemon=True).start()
    from linearlens.press.execute import execute

    try:
        execute(chapter, Edition(profile, int(seed)))
    except PressError as error:
        first, *_, last = str(error).split("\n\n")
        print(first if first == last else f"{first}\n{last}")  # the traceback is in the notebook
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_child(*sys.argv[1:]))
