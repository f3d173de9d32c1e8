"""The wheel of the package, for students who have no checkout."""

import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from linearlens.paths import ROOT
from linearlens.press.chapter.errors import PressError

NEEDED = ("pyproject.toml", "README.md", "LICENSE", "MANIFEST.in")
BUILD = "import sys; from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[1]))"


def build_wheel(target: Path) -> Path:
    """Build it into a folder, from a copy, since building leaves folders behind; nothing is looked for on an index.

    Raises
    ------
    PressError
        If it cannot be built.
    """
    target.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "project"
        shutil.copytree(ROOT / "src", copy / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        for name in NEEDED:
            if (ROOT / name).is_file():
                shutil.copy(ROOT / name, copy / name)
        command = [sys.executable, "-c", BUILD, str(target.resolve())]
        done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PressError(f"no wheel of the package could be built: {done.stderr.strip().rpartition(chr(10))[2]}")
    return target / done.stdout.splitlines()[-1]
