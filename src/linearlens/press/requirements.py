"""Write ``requirements.lock`` and its conda twin ``environment.yml`` from what is installed here."""

import subprocess
import sys

from linearlens.paths import ROOT
from linearlens.press.chapter.files import write_text

HEADER = "# Exact versions of everything the book runs on. Written by `make lock`; do not edit.\n"


def lock() -> str:
    """What pip holds, without this package and without the build tag of torch."""
    command = [sys.executable, "-m", "pip", "freeze", "--exclude-editable", "--all"]
    frozen = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    kept = [line.split("+")[0] for line in frozen if "==" in line and not line.startswith("pip==")]
    return HEADER + "\n".join(kept) + "\n"


def environment(locked: str) -> str:
    """The conda environment that holds the same versions: Python from conda, the rest through pip."""
    pins = [line for line in locked.splitlines() if line and not line.startswith("#")]
    head = f"{HEADER}name: linearlens\nchannels:\n  - conda-forge\ndependencies:\n  - python=3.11\n  - pip\n  - pip:\n"
    return head + "".join(f"      - {pin}\n" for pin in pins)


if __name__ == "__main__":
    text = lock()
    write_text(ROOT / "requirements.lock", text)
    write_text(ROOT / "environment.yml", environment(text))
