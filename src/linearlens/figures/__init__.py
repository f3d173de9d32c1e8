"""Results in, figures out; one style for the whole book."""

from linearlens.figures.spectra import draw_horizons, draw_spectrum
from linearlens.figures.style import use_style

__all__ = ["draw_horizons", "draw_spectrum", "use_style"]
