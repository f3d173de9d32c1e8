"""The style of every figure: a colour-blind-safe palette (Okabe and Ito), thin axes, vector output."""

import sys
from typing import Any

import matplotlib as mpl
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.rcsetup import cycler

from linearlens.figures.export import MIME, drawn_data, to_pdf, to_png

BLUE, ORANGE, GREEN, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#AA4499", "#595959"


def signed_colors() -> LinearSegmentedColormap:
    """A colour map for numbers of both signs: what adds is blue, what takes away orange, as in a text."""
    return LinearSegmentedColormap.from_list("signed", [ORANGE, "white", BLUE])


def style() -> dict[Any, Any]:
    """What `use_style` sets, for those who set it for a while only."""
    return {
        "figure.figsize": (7.0, 3.0),
        "figure.constrained_layout.use": True,
        "font.size": 10,
        "axes.prop_cycle": cycler(color=[BLUE, ORANGE, GREEN, PURPLE, GREY]),
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.color": "#DDDDDD",
        "grid.linewidth": 0.6,
        "axes.axisbelow": True,
        "axes.titlesize": 10,
        "axes.titleweight": "bold",
        "legend.frameon": False,
        "lines.linewidth": 1.6,
        "svg.fonttype": "path",
        "svg.hashsalt": "linearlens",
        "pdf.fonttype": 42,  # letters that can be searched and copied
    }


def use_style() -> None:
    """Set matplotlib's defaults for the book; in a notebook, figures become SVG; PNG, PDF and data go along.

    The colours are then ``"C0"`` blue, ``"C1"`` orange, ``"C2"`` green, ``"C3"`` purple and ``"C4"`` grey.
    """
    mpl.rcParams.update(style())
    if "IPython" in sys.modules:  # without it there is no notebook
        _style_notebook()


def _style_notebook() -> None:
    from IPython.core.formatters import JSONFormatter
    from IPython.core.getipython import get_ipython
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    if (shell := get_ipython()) is None:
        return
    set_matplotlib_formats("svg", metadata={"Date": None})
    assert shell.display_formatter is not None
    formatters = shell.display_formatter.formatters
    formatters["application/pdf"].for_type(Figure, to_pdf)
    formatters["image/png"].for_type(Figure, to_png)
    data = JSONFormatter(parent=shell.display_formatter, format_type=MIME, print_method="_repr_drawn_data_")
    data.for_type(Figure, drawn_data)
    formatters[MIME] = data
