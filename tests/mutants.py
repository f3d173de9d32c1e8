"""Plant one fault at a time in a copy of the package, and see whether a test notices: what `make mutants` runs."""

import os
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


def main() -> int:
    """Try all; 1 if one went unnoticed."""
    missed = []
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / "src"
        shutil.copytree(ROOT / "src", package, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        for fault in faults():
            noticed = is_noticed(fault, package)
            sys.stdout.write(f"{'noticed' if noticed else 'MISSED '}  {fault['what']} ({fault['file']})\n")
            sys.stdout.flush()
            missed += [] if noticed else [fault]
    sys.stdout.write(f"{len(faults()) - len(missed)} of {len(faults())} planted faults were noticed\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
