"""The one cell that installs the package where a notebook meets a machine without it.

Where the package comes from is said once, as ``repository-code`` in ``CITATION.cff``, and its version once, in
``pyproject.toml``. Without an address the cell says what is missing.
"""

import tomllib

import yaml

from linearlens.paths import ROOT

CELL = """# The package of this book, {version}, is installed here if it is missing.
import importlib.util
import subprocess
import sys

if importlib.util.find_spec("linearlens") is None:
    package = "{package}"
    subprocess.run([sys.executable, "-m", "pip", "install", package], check=True)"""

WITHOUT = """# The package of this book, {version}, must be installed: pip install PATH_OR_ADDRESS_OF_THE_BOOK
import linearlens  # noqa: F401"""


def repository() -> str | None:
    """The public address of the repository, or None as long as ``CITATION.cff`` has none."""
    path = ROOT / "CITATION.cff"
    citation = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return citation.get("repository-code")


def package_version() -> str:
    """The version that ``pyproject.toml`` says."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


def install_cell() -> str:
    """Code of the first cell of each notebook that leaves the repository."""
    version = package_version()
    if address := repository():
        return CELL.format(version=version, package=f"linearlens @ git+{address}@v{version}")
    return WITHOUT.format(version=version)
