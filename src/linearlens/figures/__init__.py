"""Results in, figures out; one style for the whole book."""

from linearlens.figures.export import drawn_data
from linearlens.figures.slider import Slider
from linearlens.figures.spectra import draw_horizons, draw_spectrum
from linearlens.figures.style import use_style
from linearlens.figures.text import draw_text

__all__ = ["Slider", "draw_horizons", "draw_spectrum", "draw_text", "drawn_data", "use_style"]
