"""Results in, figures out; one style for the whole book, and one plot for each thing a lens returns."""

from linearlens.figures.contributions import plot_contributions
from linearlens.figures.dynamics import plot_forecast, plot_horizons, plot_modes, plot_spectrum
from linearlens.figures.export import drawn_data
from linearlens.figures.lift import plot_lift
from linearlens.figures.parts import plot_credits, plot_replacement
from linearlens.figures.regions import disc_points, draw_regions
from linearlens.figures.rows import draw_rows
from linearlens.figures.sketches import draw_unrolled, draw_window
from linearlens.figures.slider import Slider
from linearlens.figures.spectra import draw_horizons, draw_spectrum, plot_motion
from linearlens.figures.style import signed_colors, use_style
from linearlens.figures.text import draw_running, draw_text, draw_texts

__all__ = [
    "Slider",
    "disc_points",
    "draw_horizons",
    "draw_regions",
    "draw_rows",
    "draw_running",
    "draw_spectrum",
    "draw_text",
    "draw_texts",
    "draw_unrolled",
    "draw_window",
    "drawn_data",
    "plot_contributions",
    "plot_credits",
    "plot_forecast",
    "plot_horizons",
    "plot_lift",
    "plot_modes",
    "plot_motion",
    "plot_replacement",
    "plot_spectrum",
    "signed_colors",
    "use_style",
]
