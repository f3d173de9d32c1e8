"""Run chapters in processes of their own: a crash of one, or of its kernel, is its own failure and nobody else's.

This module is the entry point of such a process, too. It prints what :mod:`linearlens.press.running.one_chapter`
prints, and ends with the process that started it, however that ends: then its standard input closes.
"""

import contextlib
import json
import os
import runpy
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import psutil

from linearlens.paths import ROOT
from linearlens.press.chapter.notebooks import Edition

OnCell = Callable[[int, int], Any]  # as in :mod:`linearlens.press.running.kernel`, which takes long to import


class Children:
    """The processes now running, so that all can be ended, and so that all fit into memory."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen] = set()
        self._ended = False
        self._held: list[int] = []  # megabytes of those that run
        self._free = 0
        self._change = threading.Condition()

    @contextlib.contextmanager
    def room(self, megabytes: int, on_wait: Callable[[], Any] = lambda: None) -> Iterator[None]:
        """Wait until that much memory is free beside what the others are known to take; one alone always runs."""
        with self._change:
            if not self._held:
                self._free = psutil.virtual_memory().available // 2**20
            if not self._fits(megabytes):
                on_wait()
                self._change.wait_for(lambda: self._fits(megabytes))
            self._held.append(megabytes)
        try:
            yield
        finally:
            with self._change:
                self._held.remove(megabytes)
                self._change.notify_all()

    def _fits(self, megabytes: int) -> bool:
        return self._ended or not self._held or sum(self._held) + megabytes <= self._free

    def execute(
        self, chapter: str, edition: Edition, *, on_cell: OnCell = lambda done, n_cells: None, **environment: str
    ) -> str | None:
        """Execute a chapter and wait for it.

        Parameters
        ----------
        chapter : str
        edition : Edition
        on_cell : callable of (int, int)
            Called after each cell with its number and the number of cells.
        **environment : str
            Variables for the process, beside those of this one.

        Returns
        -------
        str or None
            What went wrong, if something did: the message of `execute`, or the last lines of a process that died.
        """
        if self._ended:
            return f"{chapter}: it was not started, since all were told to end"
        error, noise = None, []
        with subprocess.Popen(
            [sys.executable, "-m", "linearlens.press.running.process", chapter, edition.profile, str(edition.seed)],
            stdin=subprocess.PIPE,  # stays open until the child has ended
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src"), **environment},
            cwd=ROOT,
            start_new_session=True,
        ) as child:
            self._running.add(child)
            assert child.stdout is not None
            try:
                for line in child.stdout:
                    try:
                        message = json.loads(line)
                    except json.JSONDecodeError:
                        noise.append(line)
                        continue
                    error = message.get("error", error)
                    if "done" in message:
                        on_cell(message["done"], message["n_cells"])
                child.wait()
            finally:
                self._running.discard(child)
        if child.returncode == 0:
            return None
        if error:
            return error
        number = -child.returncode
        how = f"was ended by {signal.Signals(number).name}" if number > 0 else f"ended with {child.returncode}"
        memory = "; if nobody else did that, memory was short: run fewer chapters at a time" if number == 9 else ""
        return "\n".join([f"{chapter}: its process {how}{memory}", *_last_words(noise)])

    def end(self, *, for_good: bool = True) -> None:
        """End those that run; `for_good`: start no more."""
        self._ended = for_good
        for child in list(self._running):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGTERM)


def _last_words(noise: Sequence[str]) -> list[str]:
    """What a process said at last, without the frames of its traceback."""
    lines = [line.rstrip() for line in noise if line.strip() and not line.startswith((" ", "Traceback"))]
    return lines[-5:]


def _end_with_parent() -> None:
    """Wait for the end of standard input; then end, and the kernel with us."""
    os.read(sys.stdin.fileno(), 1)  # unbuffered: a buffer's lock would be held when the interpreter ends
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(10)
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    runpy.run_module("linearlens.press.running.one_chapter", run_name="__main__", alter_sys=True)
