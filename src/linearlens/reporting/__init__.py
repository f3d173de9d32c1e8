"""A model of your own through all four lenses in one call: numbers, the controls beside them, pictures, warnings."""

from linearlens.reporting._finding import Finding
from linearlens.reporting._report import LENSES, Report, report

__all__ = ["LENSES", "Finding", "Report", "report"]
