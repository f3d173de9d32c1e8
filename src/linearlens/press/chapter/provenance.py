"""Which state of the checkout something comes from."""

import subprocess
from collections.abc import Mapping
from typing import Any

from linearlens.paths import ROOT

MADE = "data/results"  # what runs write there is no change of what they run


def commit_of_checkout() -> dict[str, str | bool | None]:
    """The commit of the checkout, and whether files differ from it; both None outside git."""
    changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", f":!{MADE}")
    return {"commit": git("rev-parse", "HEAD"), "dirty": None if changed is None else bool(changed)}


def commit_of_run(run: Mapping[str, Any], *, code: str = "") -> str:
    """The commit a run came from, in words; `code` marks its number as code."""
    if not run["commit"]:
        return "no commit"
    return f"commit {code}{run['commit'][:10]}{code}{' with changes' if run['dirty'] else ''}"


def git(*arguments: str) -> str | None:
    """What a command of git prints; None outside git."""
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
