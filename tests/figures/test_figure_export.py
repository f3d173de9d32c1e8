"""What leaves a figure beside its drawing."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from linearlens.figures import drawn_data
from linearlens.figures.export import to_pdf, to_png


@pytest.fixture(autouse=True)
def agg():
    with mpl.rc_context({**mpl.rcParamsDefault, "backend": "agg"}):  # whatever style was used before
        yield
        plt.close("all")


def only(ax):
    (series,) = drawn_data(ax.figure)
    return series


def test_lines_have_their_labels_and_their_axes():
    _, (left, right) = plt.subplots(1, 2)
    left.set(title="first", xlabel="steps", ylabel="error")
    left.plot([1, 2, 3], [0.1, np.nan, np.inf], label="Koopman")
    right.plot([5], [6])
    first, second = drawn_data(left.figure)
    wanted = {
        "axes": 0, "row": 0, "column": 0, "title": "first", "xlabel": "steps", "ylabel": "error", "xscale": "linear",
        "kind": "line", "label": "Koopman", "color": "#1f77b4", "line": "-", "marker": "",
        "x": [1.0, 2.0, 3.0], "y": [0.1, None, None],
    }  # fmt: skip
    assert first | wanted == first
    assert (second["axes"], second["column"], second["label"], second["y"]) == (1, 1, "", [6.0])


def test_looks_and_groups_tell_series_apart():
    _, ax = plt.subplots()
    ax.plot([1], [2], "s", color="red", markerfacecolor="none")
    assert {name: only(ax)[name] for name in ("kind", "marker", "line", "color", "fill")} == {
        "kind": "points", "marker": "s", "line": "", "color": "#ff0000", "fill": "none",
    }  # fmt: skip
    _, ax = plt.subplots()
    ax.bar(["a", "b"], [5, 6], label="both", color=["red", "blue"])
    bars, ticks = drawn_data(ax.figure)
    assert (bars["label"], bars["height"], bars["color"]) == ("both", [5.0, 6.0], ["#ff0000", "#0000ff"])
    assert (ticks["kind"], ticks["x"], ticks["name"]) == ("xticks", [0.0, 1.0], ["a", "b"])
    figure, ax = plt.subplots()
    points = ax.scatter([1, 2], [3, 4], c=[0.5, 0.6], marker="^", cmap="magma", vmin=0)
    figure.colorbar(points, label="residual")
    shown = only(ax)
    assert [shown[name] for name in ("marker", "colormap", "low", "meaning")] == ["^", "magma", 0.0, "residual"]


def test_a_legend_of_the_figure_and_a_line_across_and_an_arrow():
    figure, ax = plt.subplots()
    (line,) = ax.plot([1], [2])
    ax.axvline(3)
    ax.annotate("", (1, 2), (3, 4), arrowprops={"arrowstyle": "->"})
    ax.annotate("here", (1, 2), xytext=(5, 5), textcoords="offset points")
    figure.legend([line], ["method"])
    _, across, arrow, text, legend = drawn_data(figure)
    assert (across["x"], across["fractions"]) == ([3.0, 3.0], "y")
    assert (arrow["kind"], arrow["x"], arrow["y"]) == ("arrow", [3.0, 1.0], [4.0, 2.0])
    assert (text["name"], text["x"]) == (["here"], [1.0])
    assert (legend["axes"], legend["kind"], legend["name"], legend["color"]) == (None, "legend", ["method"], "#1f77b4")


def test_colours_are_taken_in_turn_as_they_are_drawn():
    _, ax = plt.subplots()
    ax.scatter([1, 2, 3], [1, 2, 3], c=["red", "blue", "red"])
    assert only(ax)["color"] == ["#ff0000", "#0000ff", "#ff0000"]
    _, ax = plt.subplots()
    points = ax.scatter([1, 2, 3], [1, 2, 3], facecolors="none", edgecolors="red")
    assert (only(ax)["color"], only(ax)["fill"], only(ax)["marker"]) == ("#ff0000", "none", "o")
    points.set_edgecolors(["red", "blue"])
    assert only(ax)["color"] == ["#ff0000", "#0000ff", "#ff0000"]
    _, ax = plt.subplots()
    ax.scatter([], [])
    ax.add_patch(mpl.patches.Circle((0, 0), 1, fill=False))
    assert [series["kind"] for series in drawn_data(ax.figure)] == ["points", "outline"]
    _, ax = plt.subplots()
    ax.contour([[0, 1], [1, 2]], levels=[0.5], colors="red")
    assert only(ax)["color"] == "#ff0000"


def test_pixels_stand_where_they_are_and_have_their_colours():
    _, ax = plt.subplots()
    ax.imshow([[[255, 0, 0], [0, 0, 255]]], extent=(0, 4, 0, 1))
    assert (only(ax)["x"], only(ax)["y"], only(ax)["color"]) == ([1.0, 3.0], [0.5, 0.5], ["#ff0000", "#0000ff"])
    _, ax = plt.subplots()
    ax.pcolormesh([0, 1, 3], [0, 2], [[7, 8]])
    assert (only(ax)["x"], only(ax)["y"], only(ax)["value"]) == ([0.5, 2.0], [1.0, 1.0], [7.0, 8.0])


def test_points_bars_outlines_and_images():
    _, ax = plt.subplots()
    ax.scatter([1, 2], [3, 4], c=[0.5, 0.6])
    assert (only(ax)["kind"], only(ax)["x"], only(ax)["value"]) == ("points", [1.0, 2.0], [0.5, 0.6])
    _, ax = plt.subplots()
    ax.bar([1], [5], bottom=2, width=0.5, label="b")
    bar = only(ax)
    assert [bar[name] for name in ("kind", "x", "y", "width", "height")] == ["bar", [0.75], [2.0], [0.5], [5.0]]
    _, ax = plt.subplots()
    ax.fill_between([0, 1], [0, 0], [1, 2])
    outline = only(ax)
    assert outline["kind"] == "outline"
    assert {(0.0, 1.0), (1.0, 2.0)} <= set(zip(outline["x"], outline["y"], strict=True))
    _, ax = plt.subplots()
    ax.imshow(np.ma.masked_equal([[1, 2], [3, 4]], 4))
    assert (only(ax)["x"], only(ax)["y"], only(ax)["value"]) == ([0, 1, 0, 1], [0, 0, 1, 1], [1.0, 2.0, 3.0, None])
    _, ax = plt.subplots()
    ax.vlines([1, 2], 0, 3)
    assert [series["x"] for series in drawn_data(ax.figure)] == [[1.0, 1.0], [2.0, 2.0]]


def test_what_is_hidden_is_not_there_and_insets_are():
    _, ax = plt.subplots()
    ax.plot([1], [2], visible=False)
    ax.inset_axes((0.5, 0.5, 0.4, 0.4)).plot([7], [8])
    assert only(ax)["x"] == [7.0]


@pytest.mark.parametrize(("save", "begins"), [(to_pdf, b"%PDF"), (to_png, b"\x89PNG")])
def test_equal_figures_are_equal_files(save, begins):
    def draw():
        figure, ax = plt.subplots()
        ax.plot([1, 2])
        return save(figure)

    assert draw().startswith(begins)
    assert draw() == draw()
