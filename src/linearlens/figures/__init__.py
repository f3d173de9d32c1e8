"""Results in, figures out; one style for the whole book."""

from linearlens.figures.spectra import draw_spectrum
from linearlens.figures.style import BLUE, GREEN, GREY, ORANGE, PURPLE, use_style

__all__ = ["BLUE", "GREEN", "GREY", "ORANGE", "PURPLE", "draw_spectrum", "use_style"]
