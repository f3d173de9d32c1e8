"""A signal for one process of a command, at a moment of our choice."""

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import psutil

from faults.processes import kind_of
from faults.project import LIMIT, Done, Project

TICK = 0.02


@dataclass(frozen=True)
class Signal:
    """A signal for one process of a command, some seconds after that process is first seen.

    ``target`` is parent, group (the parent and all that share its terminal, as after Ctrl-C), child (the process of a
    chapter), kernel, sphinx or browser.
    """

    target: str
    number: signal.Signals
    after: float
    again: float | None = None  # seconds later: once more


def run_and(project: Project, command: Sequence[str], attack: Signal | None = None, **options) -> tuple[Done, bool]:
    """Run a command of a project to its end, or to the limit; also whether the signal met a living process."""
    struck = []

    def strike(process: subprocess.Popen) -> None:
        if attack is not None:
            struck.append(_strike(process, attack))

    return project.execute(command, meanwhile=strike, **options), any(struck)


def _strike(process: subprocess.Popen, attack: Signal) -> bool:
    """Wait for the target and its moment; False if the command ended before."""
    deadline, pause = time.monotonic() + LIMIT, attack.after
    while time.monotonic() < deadline and process.poll() is None:
        if victim := _find(process, attack.target):
            time.sleep(pause)
            pause = 0.0  # one that has ended meanwhile is followed by the next of its kind
            if _send(process, attack, victim):
                if attack.again is not None:
                    time.sleep(attack.again)
                    _send(process, attack, victim)
                return True
        time.sleep(TICK)
    return False


def _send(process: subprocess.Popen, attack: Signal, victim: psutil.Process) -> bool:
    """Whether it could still be sent."""
    with suppress(psutil.NoSuchProcess, ProcessLookupError):
        if process.poll() is None and victim.status() != psutil.STATUS_ZOMBIE:
            if attack.target == "group":
                os.killpg(process.pid, attack.number)
            else:
                victim.send_signal(attack.number)
            return True
    return False


def _find(process: subprocess.Popen, target: str) -> psutil.Process | None:
    """The first process of that kind below the command, by what it runs and where it stands, not by names of ours."""
    with suppress(psutil.Error):
        parent = psutil.Process(process.pid)
        if target in ("parent", "group"):
            return parent
        for one in parent.children(recursive=True):
            with suppress(psutil.Error):
                if kind_of(one) == target:
                    return one
    return None
