"""The one cell that installs what a notebook needs where it meets a machine without it.

Where the package comes from is said once, as ``repository-code`` in ``CITATION.cff``; its version, and what the
notebooks import beside it, once in ``pyproject.toml``. Without an address it must come as a wheel, as the pack for
lecturers has it.
"""

import re
import tomllib
from typing import Any

import yaml

from linearlens.paths import ROOT

CELL = """# What this notebook needs is looked for here, and installed where it is missing.
import importlib.util
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path


def missing(modules):
    importlib.invalidate_caches()
    return [one for one in modules if importlib.util.find_spec(one) is None]


if sys.version_info < (3, 11):
    raise RuntimeError("Python 3.11 or newer is needed; SETUP.md says how to get it")
wanted = {{
{wanted}
}}
lacking = [wanted[name] for name in missing(wanted)]
if missing(["linearlens"]):
    places = [Path(), Path("..")]  # beside this notebook, and in the pack
    wheels = [one for place in places for one in place.glob("linearlens-*.whl")]
    lacking += [{package}]
if lacking:
    subprocess.run([sys.executable, "-m", "pip", "install", *lacking], check=True)
if missing(["linearlens"]):
    raise RuntimeError(
        "the package of this book is missing: put linearlens-{version}-py3-none-any.whl "
        "beside this notebook and run this cell again, or see SETUP.md"
    )
if version("linearlens") != "{version}":
    print("made for linearlens {version}; installed is", version("linearlens"))"""

FROM_WHEEL = "str(one.resolve()) for one in wheels[:1]"
EXTRA = "student"


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
    lines = "\n".join(f'    "{name}": "{one}",' for name, one in wanted.items())
    package = FROM_WHEEL
    if address := repository():
        package += f'] or [\n        "linearlens[{EXTRA}] @ git+{address}@v{version}"\n    '
    return CELL.format(wanted=lines, version=version, package=package)


def _project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
