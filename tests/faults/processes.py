"""The processes of a trial: all carry a mark, so that none is lost, whatever it is named and whoever its parent is."""

import os
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil

MARK = "FAULTS_TRIAL"  # variable that holds the folder of the copy
LINGER = 15  # seconds until nothing of a command may be left running


def kind_of(process: psutil.Process) -> str:
    """What a process below a command is, by what it runs: kernel, sphinx, browser, else child if it is Python."""
    words = " ".join(process.cmdline())
    if "ipykernel" in words:
        return "kernel"
    if "jupyter_book" in words or "sphinx" in words:
        return "sphinx"
    if process.name().startswith(("chrom", "headless")):
        return "browser"
    return "child" if os.path.realpath(process.exe()) == os.path.realpath(sys.executable) else "other"


def processes_of(root: Path) -> list[psutil.Process]:
    """All that carry the mark of this copy."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.status() != psutil.STATUS_ZOMBIE and process.environ().get(MARK) == str(root):
                found.append(process)
    return found


def lingering(root: Path) -> list[str]:
    """Those that have not ended some seconds after their command; they are ended then."""
    deadline = time.monotonic() + LINGER
    while (found := processes_of(root)) and time.monotonic() < deadline:
        time.sleep(0.2)
    names = []
    for process in found:
        with suppress(psutil.Error):
            names.append(f"{kind_of(process)}: {' '.join(process.cmdline())[:80]}")
    end_all(root)
    return names


def end_all(root: Path) -> None:
    """Kill what carries the mark."""
    for process in processes_of(root):
        with suppress(psutil.Error):
            process.kill()
