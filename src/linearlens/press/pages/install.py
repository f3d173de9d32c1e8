"""The one cell that installs what a notebook needs where it meets a machine without it.

Where the package comes from is said once, as ``repository-code`` in ``CITATION.cff``; its version, and what the
chapters import beside it, once in ``pyproject.toml``. Without an address the cell says what is missing.
"""

import re
import tomllib
from typing import Any

import yaml

from linearlens.paths import ROOT

CELL = """# What this notebook imports is installed here if it is missing.{first}
import importlib.util
import subprocess
import sys

wanted = {{
{wanted}
}}
missing = [wanted[name] for name in wanted if importlib.util.find_spec(name) is None]
if missing:
    subprocess.run([sys.executable, "-m", "pip", "install", *missing], check=True)"""

FIRST = """
# But first the package of this book, {version}: pip install PATH_OR_ADDRESS_OF_THE_BOOK"""
EXTRA = "chapters"


def repository() -> str | None:
    """The public address of the repository, or None as long as ``CITATION.cff`` has none."""
    path = ROOT / "CITATION.cff"
    citation = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return citation.get("repository-code")


def package_version() -> str:
    """The version that ``pyproject.toml`` says."""
    return _project()["version"]


def install_cell() -> str:
    """Code of the first cell of each notebook that leaves the repository."""
    version, extra = package_version(), _project()["optional-dependencies"][EXTRA]
    wanted = {re.split(r"[^\w-]", one)[0].replace("-", "_"): one for one in extra}
    if address := repository():
        wanted = {"linearlens": f"linearlens[{EXTRA}] @ git+{address}@v{version}", **wanted}
    lines = "\n".join(f'    "{name}": "{one}",' for name, one in wanted.items())
    return CELL.format(wanted=lines, first="" if address else FIRST.format(version=version))


def _project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
