"""Where things lie in a checkout of the book, and what says where networks are trained."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
BOOK = ROOT / "book"
DATA = ROOT / "data"
BUILD = ROOT / "_build"
DEVICE = "LINEARLENS_DEVICE"  # variable of the environment
