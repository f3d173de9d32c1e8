"""Figures: what is drawn stands where it should."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from linearlens.figures import (
    draw_horizons,
    draw_running,
    draw_spectrum,
    draw_text,
    draw_texts,
    draw_unrolled,
    draw_window,
    use_style,
)


@pytest.fixture(autouse=True)
def style():
    with mpl.rc_context({"backend": "agg"}):
        use_style()
        yield
        plt.close("all")


def test_a_spectrum_keeps_every_eigenvalue_and_its_residual():
    _, ax = plt.subplots()
    values, residuals = np.array([0.5 + 0.5j, 0.5 - 0.5j, 0.9]), np.array([0.1, 0.2, 0.3])
    points = draw_spectrum(ax, values, residuals=residuals)
    np.testing.assert_array_equal(points.get_offsets(), np.column_stack([values.real, values.imag]))
    np.testing.assert_array_equal(points.get_array(), residuals)
    draw_spectrum(ax, values, marker="^", color="C1")
    assert len(ax.lines) == 1, "one unit circle for all spectra"


def test_only_open_marks_are_hollow():
    _, ax = plt.subplots()
    filled = [
        len(draw_spectrum(ax, np.array([0.5]), marker=marker).get_facecolor()) for marker in ("o", "s", "^", "D", "")
    ]
    assert filled == [0, 0, 0, 1, 1]


def test_a_horizon_is_the_circle_on_which_an_eigenfunction_shrinks_to_the_threshold():
    _, ax = plt.subplots()
    draw_horizons(ax, [10, 100], threshold=0.05)
    radii = [np.hypot(*line.get_data()) for line in ax.lines]
    for radius, steps in zip(radii, (10, 100), strict=True):
        np.testing.assert_allclose(radius**steps, 0.05)


def test_a_spectrum_after_other_lines_has_its_circle_and_labels_once():
    _, ax = plt.subplots()
    draw_horizons(ax, [10])
    for _ in range(2):
        draw_spectrum(ax, np.array([0.5]))
    assert len(ax.lines) == 2
    np.testing.assert_allclose(np.hypot(*ax.lines[1].get_data()), 1)
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_aspect()) == ("real part", "imaginary part", 1)


@pytest.mark.parametrize(
    ("steps", "threshold", "says"),
    [
        ([10, 0], 0.01, r"steps must be 1 or more each, got \[10, 0\]"),
        ([-5], 0.01, "steps must be 1 or more"),
        ([10], 0, "threshold must be between 0 and 1, got 0"),
        ([10], 1, "threshold must be between 0 and 1, got 1"),
        ([10], np.nan, "threshold must be between 0 and 1, got nan"),
    ],
)
def test_horizons_that_are_none(steps, threshold, says):
    _, ax = plt.subplots()
    with pytest.raises(ValueError, match=says):
        draw_horizons(ax, steps, threshold=threshold)
    assert not ax.lines


def words_of(figure):
    """Text and slant of everything drawn in monospace, line by line from the top."""
    texts = [t for t in figure.axes[0].texts if "monospace" in t.get_fontfamily()]
    return [(t.get_text(), t.get_fontstyle()) for t in texts]


def test_a_text_is_drawn_once_for_each_row_with_negative_words_slanted():
    figure = draw_text(["not", "bad", "."], {"a": np.array([-1.0, 0.5, 0.0]), "b": np.zeros(3)})
    assert words_of(figure) == [
        ("not", "italic"),
        ("bad", "normal"),
        (".", "normal"),
        ("not", "normal"),
        ("bad", "normal"),
        (".", "normal"),
    ]
    assert len(figure.axes[0].patches) == 2, "only words with a weight are shaded"


def test_lines_break_between_words_and_no_words_overlap():
    words = ["word" * (1 + k % 4) for k in range(60)]
    figure = draw_text(words, {"row": np.ones(60)}, columns=40)
    ends: dict[float, float] = {}
    for text in (t for t in figure.axes[0].texts if "monospace" in t.get_fontfamily()):
        column, line = text.get_position()
        assert column >= ends.get(line, -1) + 1
        ends[line] = column + len(text.get_text())
    assert max(ends.values()) <= 40


@pytest.mark.parametrize("weights", [np.ones(2), np.array([1.0, np.nan, 0.0])])
def test_weights_that_do_not_fit_are_named(weights):
    with pytest.raises(ValueError, match="row: need 3 finite weights, one a word"):
        draw_text(["a", "b", "c"], {"good": np.ones(3), "row": weights})
    assert not plt.get_fignums(), "no figure is left open"


@pytest.mark.parametrize(("words", "rows"), [([], {"row": np.ones(0)}), (["a"], {})])
def test_a_text_needs_words_and_rows(words, rows):
    with pytest.raises(ValueError, match="need at least one word and one row of weights"):
        draw_text(words, rows)
    assert not plt.get_fignums()


def test_words_stay_readable_on_the_fullest_shade():
    figure = draw_text(["bad", "good"], {"row": np.array([-3.0, 3.0])})
    for patch in figure.axes[0].patches:
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in patch.get_facecolor()[:3]]
        assert (np.dot(linear, [0.2126, 0.7152, 0.0722]) + 0.05) / 0.05 >= 7, "contrast of WCAG 2, AAA"
    assert {text.get_color() for text in figure.axes[0].texts} == {"black"}


def test_an_unrolled_network_shows_states_inputs_and_an_operator_that_no_input_enters():
    _, ax = plt.subplots()
    draw_unrolled(ax, n_steps=3)
    said = [text.get_text() for text in ax.texts]
    assert sorted(said) == sorted(["$h_1$", "$h_2$", "$h_3$", "$x_1$", "$x_2$", "$x_3$", "$F$", "$F$", "$K$", "$K$"])
    with pytest.raises(ValueError, match="two steps"):
        draw_unrolled(ax, n_steps=1)


def test_the_window_of_delay_dmd_has_a_box_for_each_state_it_shows():
    for n_layers, delays, states, label in ((10, 10, 5, "one linear step"), (4, 2, 6, "3 linear steps")):
        _, ax = plt.subplots()
        draw_window(ax, n_layers=n_layers, delays=delays)
        assert len(ax.patches) == states
        assert any(text.get_text().startswith(label) for text in ax.texts)


def test_texts_of_their_own_stand_in_rows_and_sizes_have_no_sign():
    rows = {"one": (["a", "b"], np.array([1.0, -1.0])), "two": (["c"] * 40, np.arange(40.0))}
    figure = draw_texts(rows, columns=30, sizes=["two"])
    assert [style for word, style in words_of(figure) if word == "b"] == ["italic"]
    assert {style for word, style in words_of(figure) if word == "c"} == {"normal"}
    colors = [patch.get_facecolor()[:3] for patch in figure.axes[0].patches]
    assert colors[0][2] > colors[0][0], "blue"
    assert colors[1][0] > colors[1][2], "orange"
    assert all(color[1] > max(color[0], color[2]) for color in colors[3:]), "green"


def test_a_running_text_shows_what_was_read_and_no_more():
    values = np.array([0.0, 1.0, -1.0, -1.0])
    figure = draw_running(["up", "down", "stay"], {"score": values, "truth": values}, until=2)
    above, below = figure.axes
    assert [text.get_color() for text in above.texts] == ["black", "black", "#999999"]
    assert len(above.patches) == 2
    assert [len(line.get_xdata()) for line in below.lines[:2]] == [3, 3]
    whole = draw_running(["up", "down", "stay"], {"score": values}, until=3)
    assert whole.axes[1].get_ylim() == below.get_ylim(), "the scale does not jump while one reads"


@pytest.mark.parametrize(("lines", "until"), [({}, 1), ({"a": np.zeros(3)}, 1), ({"a": np.zeros(4)}, 4)])
def test_a_running_text_refuses_what_does_not_fit(lines, until):
    with pytest.raises(ValueError, match="need lines of 4 values, one more than there are words"):
        draw_running(["a", "b", "c"], lines, until=until)
    assert not plt.get_fignums()
