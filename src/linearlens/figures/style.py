"""The style of every figure: a colour-blind-safe palette (Okabe and Ito), thin axes, vector output."""

import matplotlib as mpl
from cycler import cycler
from matplotlib_inline.backend_inline import set_matplotlib_formats

BLUE, ORANGE, GREEN, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#AA4499", "#595959"


def use_style() -> None:
    """Set matplotlib's defaults for the book; in a notebook, figures become SVG.

    The colours are then ``"C0"`` blue, ``"C1"`` orange, ``"C2"`` green, ``"C3"`` purple and ``"C4"`` grey.
    """
    mpl.rcParams.update(
        {
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
        }
    )
    set_matplotlib_formats("svg", metadata={"Date": None})
