"""What leaves a figure beside its drawing."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from linearlens.figures import drawn_data
from linearlens.figures.export import to_pdf, to_png


@pytest.fixture(autouse=True)
def agg():
    with mpl.rc_context({"backend": "agg"}):
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
    assert first == {
        "axes": 0, "title": "first", "xlabel": "steps", "ylabel": "error", "kind": "line", "label": "Koopman",
        "x": [1.0, 2.0, 3.0], "y": [0.1, None, None],
    }  # fmt: skip
    assert (second["axes"], second["label"], second["y"]) == (1, "", [6.0])


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
