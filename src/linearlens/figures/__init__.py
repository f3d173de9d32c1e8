"""Results in, figures out; one style for the whole book."""

from linearlens.figures.spectra import draw_horizons, draw_spectrum
from linearlens.figures.style import use_style
from linearlens.figures.text import draw_text

__all__ = ["draw_horizons", "draw_spectrum", "draw_text", "use_style"]
