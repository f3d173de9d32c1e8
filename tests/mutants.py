"""Plant one fault at a time in a copy of the package, and see whether a test notices: what `make mutants` runs.

With a number only so many of them, always the same: what `make test-all` does.
"""

import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

from linearlens.paths import ROOT

FAULTS = ROOT / "tests" / "mutants.yml"


def faults() -> list[dict[str, str]]:
    """The list, each with ``what``, ``file``, ``old``, ``new`` and ``tests``."""
    return yaml.safe_load(FAULTS.read_text(encoding="utf-8"))


def is_noticed(fault: dict[str, str], package: Path) -> bool:
    """Whether the tests go red with the fault in the copy of the package."""
    path = package / "linearlens" / fault["file"]
    good = path.read_text(encoding="utf-8")
    path.write_text(good.replace(fault["old"], fault["new"]), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", f"tests/{fault['tests']}"]
    environment = {**os.environ, "PYTHONPATH": str(package), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    try:
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False).returncode == 1
    finally:
        path.write_text(good, encoding="utf-8")


def main(*arguments: str) -> int:
    """Try all, or as many as asked for; 1 if one went unnoticed."""
    tried = random.Random(0).sample(faults(), int(arguments[0])) if arguments else faults()
    missed = []
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / "src"
        shutil.copytree(ROOT / "src", package, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        for fault in tried:
            noticed = is_noticed(fault, package)
            sys.stdout.write(f"{'noticed' if noticed else 'MISSED '}  {fault['what']} ({fault['file']})\n")
            sys.stdout.flush()
            missed += [] if noticed else [fault]
    sys.stdout.write(f"{len(tried) - len(missed)} of {len(tried)} planted faults were noticed\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
