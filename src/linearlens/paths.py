"""Where things lie: in a checkout of the book, or, for the installed library, in the user's cache folder."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
BOOK = ROOT / "book"
DATA = ROOT / "data"
BUILD = ROOT / "_build"
DEVICE = "LINEARLENS_DEVICE"  # variable of the environment, says where networks are trained


def _is_checkout(folder: Path) -> bool:
    """Whether there are chapters to run and a book to build."""
    project = folder / "pyproject.toml"
    named = project.is_file() and 'name = "linearlens"' in project.read_text(encoding="utf-8")
    return named and (folder / "notebooks").is_dir()


CHECKOUT = _is_checkout(ROOT)
if CHECKOUT:
    DOWNLOADS, NETWORKS = DATA / "cache", BUILD / "networks"
else:
    from pooch import os_cache

    CACHE = Path(os_cache("linearlens"))
    DOWNLOADS, NETWORKS = CACHE / "data", CACHE / "networks"
