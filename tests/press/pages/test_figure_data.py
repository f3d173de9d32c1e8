"""A figure is drawn again from its CSV alone, and looks the same."""

import csv
from itertools import groupby

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from linearlens.figures import drawn_data
from linearlens.press.pages.figure_files import TABLES

SIZE = (4, 3)
SAME = 0.1  # mean difference of a pixel's colours, of 255: a line may stand a part of a pixel elsewhere


@pytest.fixture(autouse=True)
def agg():
    with mpl.rc_context({"backend": "agg"}):
        yield
        plt.close("all")


def grouped_bars():
    """Two groups of bars over named categories, told apart by colour and hatch."""
    _, ax = plt.subplots(figsize=SIZE)
    places = np.arange(3)
    for shift, (name, heights) in enumerate({"before": [1, -2, 3], "after": [2, 1, -1]}.items()):
        ax.bar(places + 0.4 * shift, heights, width=0.4, label=name, hatch="//" * shift, color=f"C{shift}")
    ax.set_xticks(places, ["first", "second", "third"])
    ax.set(ylabel="credit", title="by layer")
    ax.legend()
    return ax


def lines_and_marks():
    """Joined and unjoined marks on logarithmic axes, a threshold across, a label in place of a legend."""
    _, ax = plt.subplots(figsize=SIZE)
    ax.loglog([1, 10, 100], [0.5, 0.05, 0.01], "o-", color="#0072B2", markerfacecolor="white")
    ax.loglog([1, 10, 100], [0.9, 0.8, 0.7], "^", color="#D55E00", label="doing nothing")
    ax.axhline(0.1, color="0.3", linestyle=":")
    ax.text(10, 0.06, "Koopman", color="#0072B2")
    ax.set(xlabel="steps ahead", ylabel="error", xlim=(200, 0.5))
    ax.legend()
    return ax


def values_as_colours():
    """Points coloured by a value over an image with values of its own, one category a row."""
    _, ax = plt.subplots(figsize=SIZE)
    ax.imshow([[0.0, 1.0], [2.0, 3.0]], cmap="Greys", vmin=0, vmax=6, extent=(-1, 3, -0.5, 1.5), aspect="auto")
    places, values = np.linspace(-0.5, 2.5, 12), np.linspace(0.1, 0.9, 12)
    ax.scatter(places, ["low", "high"] * 6, c=values, cmap="viridis", vmin=0, vmax=1, marker="x")
    return ax


DRAWN = [grouped_bars, lines_and_marks, values_as_colours]


@pytest.mark.parametrize("draw", DRAWN)
def test_a_figure_is_drawn_again_from_its_csv_alone(draw):
    original = draw()
    again = redrawn(TABLES[".csv"](drawn_data(original.figure)))
    assert difference(original, again) < SAME


@pytest.mark.parametrize(
    ("draw", "column"),
    [
        (grouped_bars, "name"),
        (grouped_bars, "color"),
        (grouped_bars, "hatch"),
        (lines_and_marks, "yscale"),
        (lines_and_marks, "xleft"),
        (lines_and_marks, "line"),
        (lines_and_marks, "fill"),
        (lines_and_marks, "fractions"),
        (values_as_colours, "marker"),
        (values_as_colours, "colormap"),
        (values_as_colours, "high"),
    ],
)
def test_no_column_is_for_nothing(draw, column):
    original = draw()
    rows = TABLES[".csv"](drawn_data(original.figure))
    assert difference(original, redrawn(rows, without=column)) > SAME


@pytest.mark.parametrize("draw", DRAWN)
def test_what_stands_for_what_is_said(draw):
    rows = [*csv.DictReader(TABLES[".csv"](drawn_data(draw().figure)).splitlines())]
    names = {row["name"] for row in rows} | {row["label"] for row in rows}
    wanted = {
        grouped_bars: {"before", "after", "first", "second", "third"},
        lines_and_marks: {"Koopman", "doing nothing"},
        values_as_colours: {"low", "high"},
    }
    assert wanted[draw] <= names
    assert {row["kind"] for row in rows} <= {"bar", "line", "points", "image", "text", "legend", "xticks", "yticks"}


def difference(one, other):
    pixels = []
    for ax in (one, other):
        ax.figure.canvas.draw()
        pixels.append(np.asarray(ax.figure.canvas.buffer_rgba(), dtype=float))
    return np.abs(pixels[0] - pixels[1]).mean()


# Drawn with nothing but the rows of the file.

LOOKS = {"color": "color", "fill": "markerfacecolor", "marker": "marker", "line": "linestyle"}


def redrawn(text, without=None):
    rows = [row | ({without: ""} if without else {}) for row in csv.DictReader(text.splitlines())]
    _, ax = plt.subplots(figsize=SIZE)
    first = rows[0]
    ax.set(xscale=first["xscale"] or "linear", yscale=first["yscale"] or "linear")
    handles = []
    for _, group in groupby(rows, key=lambda row: row["series"]):
        series = list(group)
        PARTS[series[0]["kind"]](ax, series, handles)
    limits = {"xlim": ("xleft", "xright"), "ylim": ("ybottom", "ytop")}
    ax.set(**{name: [float(first[end]) if first[end] else None for end in ends] for name, ends in limits.items()})
    ax.set(title=first["title"], xlabel=first["xlabel"], ylabel=first["ylabel"])
    if handles:
        ax.legend(handles=handles)
    return ax


def column(series, name):
    return [float(row[name]) if row[name] else np.nan for row in series]


def looks(row):
    given = {LOOKS[name]: row[name] for name in LOOKS if row[name]}
    return {"linestyle": "none", **given}


def line(ax, series, handles):
    transform = {"": ax.transData, "x": ax.get_yaxis_transform()}[series[0]["fractions"]]
    ax.add_line(Line2D(column(series, "x"), column(series, "y"), transform=transform, **looks(series[0])))


def bars(ax, series, handles):
    places, sizes = (column(series, "x"), column(series, "y")), (column(series, "width"), column(series, "height"))
    looks = {"color": series[0]["color"] or None, "hatch": series[0]["hatch"]}
    ax.bar(places[0], sizes[1], bottom=places[1], width=sizes[0], align="edge", **looks)


def points(ax, series, handles):
    one = series[0]
    if not one["value"]:
        return line(ax, series, handles)
    scale = {"cmap": one["colormap"] or None, "vmin": float(one["low"]), "vmax": float(one["high"] or 9)}
    ax.scatter(
        column(series, "x"), column(series, "y"), c=column(series, "value"), marker=one["marker"] or "o", **scale
    )


def image(ax, series, handles):
    x, y, values = (np.array(column(series, name)) for name in ("x", "y", "value"))
    across, down = np.unique(x), np.unique(y)
    grid = np.full((len(down), len(across)), np.nan)
    grid[np.searchsorted(down, y), np.searchsorted(across, x)] = values
    wide, high = np.diff(across)[0] / 2, np.diff(down)[0] / 2
    extent = (across[0] - wide, across[-1] + wide, down[0] - high, down[-1] + high)
    one = series[0]
    scale = {"cmap": one["colormap"] or None, "vmin": float(one["low"]), "vmax": float(one["high"] or 9)}
    ax.imshow(grid, origin="lower", extent=extent, aspect="auto", **scale)


def text(ax, series, handles):
    for row in series:
        ax.text(float(row["x"]), float(row["y"]), row["name"], color=row["color"] or None)


def ticks(axis):
    def put(ax, series, handles):
        getattr(ax, f"set_{axis}ticks")(column(series, axis), [row["name"] for row in series])

    return put


def legend(ax, series, handles):
    row = series[0]
    if row["marker"] or row["line"]:
        handles.append(Line2D([], [], label=row["name"], **looks(row)))
    else:
        handles.append(Patch(facecolor=row["color"] or None, hatch=row["hatch"], label=row["name"]))


PARTS = {
    "line": line, "bar": bars, "points": points, "image": image, "text": text, "xticks": ticks("x"),
    "yticks": ticks("y"), "legend": legend,
}  # fmt: skip
