"""One plot for each thing a lens returns: what is drawn is what came, and what cannot be drawn is refused."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from linearlens.figures import (
    draw_rows,
    drawn_data,
    plot_contributions,
    plot_credits,
    plot_forecast,
    plot_horizons,
    plot_lift,
    plot_modes,
    plot_motion,
    plot_replacement,
    plot_spectrum,
)

RNG = np.random.default_rng(0)
EIGENVALUES = np.array([1, 0.9 + 0.3j, 0.9 - 0.3j, 0.2])


@pytest.fixture
def axes():
    figure, one = plt.subplots()
    yield one
    plt.close(figure)


def points(axes):
    return [np.ma.getdata(part.get_offsets()) for part in axes.collections]


def test_a_spectrum_shows_each_residual_and_the_ring_of_its_null(axes):
    residuals = np.array([0.0, 0.1, 0.1, 3.0])
    null = [np.full(4, radius) for radius in np.linspace(0.4, 0.6, 101)]
    assert plot_spectrum(axes, EIGENVALUES, residuals=residuals, null=null, horizons=[10]) is axes
    (marks,) = [part for part in axes.collections if len(part.get_offsets()) == 4]
    assert np.allclose(np.ma.getdata(marks.get_offsets()) @ [1, 1j], EIGENVALUES)
    assert marks.get_clim() == (0, 1), "the same colour means the same in every spectrum"
    assert np.array_equal(marks.get_array(), residuals)
    within, ring = (np.hypot(*patch.get_xy().T) for patch in axes.patches)
    assert np.allclose([ring.min(), ring.max()], [0.41, 0.59], atol=1e-2)
    assert np.isclose(within.max(), ring.min())


def test_a_signal_is_drawn_with_what_each_step_adds(axes):
    signal, added = RNG.normal(size=(2, 30, 2))
    plot_contributions(axes, added, 0.5, signal=signal)
    for channel in range(2):
        assert np.array_equal(axes.lines[channel].get_ydata(), signal[:, channel])
        assert np.array_equal(axes.collections[channel].get_array(), added[:, channel])
    sizes = axes.collections[0].get_sizes()
    assert np.array_equal(np.argsort(sizes), np.argsort(np.abs(added[:, 0]))), "what adds nothing is not seen"
    low, high = axes.collections[0].get_clim()
    assert -low == high == np.abs(added).max()
    assert axes.get_title() == f"steps {added.sum():+.2f}, bias +0.50"
    with pytest.raises(ValueError, match="a signal of the shape of its contributions"):
        plot_contributions(axes, added, 0.5, signal=signal[:, 0])


@pytest.mark.parametrize("residuals", [[0.1], [0.1, 0.2, -0.1, 0.2], [0.1, 0.2, np.nan, 0.1]])
def test_residuals_that_do_not_fit_are_refused(axes, residuals):
    with pytest.raises(ValueError, match="one residual, 0 or more, for each of 4"):
        plot_spectrum(axes, EIGENVALUES, residuals=residuals)


def test_forecasts_are_drawn_over_their_steps_with_their_range(axes):
    errors = RNG.random((3, 4))
    plot_forecast(axes, {"operator": errors, "persistence": errors[0]}, steps=[1, 2, 5, 10])
    first, second, one = axes.lines
    assert np.array_equal(first.get_xdata(), [1, 2, 5, 10])
    assert np.allclose(first.get_ydata(), np.median(errors, axis=0))
    assert np.allclose(second.get_ydata(), errors[0])
    assert set(one.get_ydata()) == {1}, "the line of a forecast that says nothing"
    assert len(axes.collections) == 1, "a range where there are several networks"
    with pytest.raises(ValueError, match="same horizons"):
        plot_forecast(axes, {"operator": errors, "persistence": errors[0, :2]})


def test_a_horizon_without_end_is_drawn_apart(axes):
    plot_horizons(axes, {"a": [1.0, 10.0, np.inf], "b": [2.0]})
    at = [tuple(place) for part in points(axes) for place in part]
    assert (1, 0) in at
    assert (30, 0) in at, "right of the longest"
    assert (2, 1) in at
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]


def test_of_a_pair_one_mode_is_drawn_and_each_has_one_scale(axes):
    modes = RNG.normal(size=(4, 5)) * 1j
    plot_modes(axes, modes, EIGENVALUES)
    (image,) = axes.images
    drawn = np.asarray(image.get_array())
    assert drawn.shape == (3, 5)
    assert np.allclose(np.abs(drawn).max(axis=1), 1), "turned to where it is largest"
    with pytest.raises(ValueError, match="one mode for each of 4"):
        plot_modes(axes, modes.T, EIGENVALUES)


def test_rows_show_every_network_and_mark_controls(axes):
    draw_rows(axes, {"lifted": [0.9, 0.8, 0.7], "affine": 0.5}, controls=["affine"])
    lifted, affine = points(axes)
    assert np.allclose(lifted, [[0.9, 0], [0.8, 0], [0.7, 0]])
    assert np.allclose(affine, [[0.5, 1]])
    assert np.allclose(axes.lines[0].get_xdata(), 0.8)
    with pytest.raises(ValueError, match="at least one row"):
        draw_rows(axes, {})
    with pytest.raises(ValueError, match="values in each"):
        draw_rows(axes, {"lifted": []})


def test_a_replacement_shows_accuracy_beside_what_is_missed():
    figure, pair = plt.subplots(1, 2)
    plot_replacement(tuple(pair), {"own": 0.9, "affine": 0.8}, {"affine": 0.01})
    assert pair[1].get_xscale() == "log"
    assert [text.get_text() for text in pair[1].get_yticklabels()] == ["own", "affine"], "rows stand beside each other"
    plot_replacement(tuple(pair), {"own": 0.9, "affine": 0.8}, {"affine": 0.0})
    plt.close(figure)


def test_a_replacement_by_layer_has_a_line_for_each_layer():
    figure, pair = plt.subplots(1, 2)
    cells = np.array([[0.9, 0.8], [0.92, 0.7], [0.94, 0.6]])
    plot_replacement(tuple(pair), {"own": [0.9, 0.95, 0.96], "fair": cells}, {"fair": 1 - cells}, layers=["one", "two"])
    drawn = [part for part in points(pair[0]) if len(part) == 3 and np.isfinite(part).all()]
    assert [sorted(part[:, 0]) for part in drawn] == [[0.9, 0.95, 0.96], [0.9, 0.92, 0.94], [0.6, 0.7, 0.8]]
    assert len({part[0, 1] for part in drawn}) == 3, "no line lies on another"
    assert [text.get_text() for text in pair[0].get_legend().get_texts()] == ["one", "two"]
    with pytest.raises(ValueError, match="one number for each of the 3 layers"):
        plot_replacement(tuple(pair), {"fair": cells}, {"fair": cells}, layers=["a", "b", "c"])
    plt.close(figure)


def test_contributions_and_bias_add_up_to_the_output(axes):
    values = RNG.normal(size=30)
    plot_contributions(axes, values, 2.5, labels=[f"w{n}" for n in range(30)], most=5)
    widths = [bar.get_width() for bar in axes.patches]
    assert len(widths) == 7
    assert np.isclose(sum(widths), values.sum() + 2.5)
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names[-2:] == ["25 others", "bias"]
    largest = np.argsort(-np.abs(values))[:5]
    assert names[:5] == [f"w{n}" for n in sorted(largest)]


def test_images_and_sequences_keep_their_shape(axes):
    image = RNG.normal(size=(3, 8, 8))
    plot_contributions(axes, image, 1.0)
    assert np.allclose(axes.images[0].get_array(), image.sum(axis=0))
    assert "bias +1.00" in axes.get_title()
    axes.clear()
    sequence = RNG.normal(size=(4, 3))
    plot_contributions(axes, sequence, 1.0, labels=list("abcd"))
    assert np.allclose([bar.get_width() for bar in axes.patches], [*sequence.sum(axis=1), 1.0])


@pytest.mark.parametrize(
    ("values", "bias", "labels", "says"),
    [
        (np.zeros((1, 3, 8, 8)), 0.0, None, "1 to 3 dimensions"),
        (np.array([np.nan]), 0.0, None, "finite"),
        (np.zeros(3), np.inf, None, "finite"),
        (np.zeros(3), 0.0, ["a"], "one label for each of 3"),
    ],
)
def test_contributions_that_cannot_be_drawn_are_refused(axes, values, bias, labels, says):
    with pytest.raises(ValueError, match=says):
        plot_contributions(axes, values, bias, labels=labels)


def test_credits_stand_beside_the_damage_with_the_numbers_they_are_given(axes):
    damage = np.array([0.1, 0.4, 0.2])
    table = {"swap": damage * 3, "flat": np.ones(3)}
    options = {"agreement": {"swap": 0.25}, "repeat": damage[::-1], "ceiling": 0.5}
    plot_credits(axes, table, damage, parts=list("abc"), **options)
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert legend == ["damage", "damage again: 0.50, the noise ceiling", "swap: 0.25", "flat"]
    heights = np.array([bar.get_height() for bar in axes.patches]).reshape(-1, 3)
    assert np.allclose(heights[0], heights[2]), "scaled alike"


@pytest.mark.parametrize("credit", [[0.1, 0.2], [0.1, 0.2, np.nan], [0.1, 0.2, np.inf]])
def test_credits_that_cannot_be_drawn_are_refused(axes, credit):
    with pytest.raises(ValueError, match="one finite number for each of the 3 parts"):
        plot_credits(axes, {"swap": credit}, np.ones(3), parts=list("abc"))


def test_long_names_of_parts_do_not_cross(axes):
    parts = [f"encoder.layer.{place}.attention" for place in range(9)]
    plot_credits(axes, {}, np.arange(9), parts=parts)
    assert {label.get_ha() for label in axes.get_xticklabels()} == {"right"}


def test_what_they_draw_can_be_taken_away(axes):
    plot_contributions(axes, RNG.normal(size=5), 1.0)
    bars = [one for one in drawn_data(axes.figure) if one["kind"] == "bar"]
    assert sum(len(one["width"]) for one in bars) == 6


def test_a_motion_is_the_powers_of_its_operator_beside_their_eigenvalues():
    figure, (left, right) = plt.subplots(1, 2)
    operator = np.array([[0.0, 0.5], [-0.5, 0.0]])
    plot_motion((left, right), operator, [1.0, 0.2], n_steps=3)
    path, first = (line.get_xydata() for line in left.lines)
    expected = [[1.0, 0.2] @ np.linalg.matrix_power(operator, step) for step in range(4)]
    assert np.allclose(path, expected), "states are rows"
    assert np.allclose(first, [[1.0, 0.2]])
    assert np.allclose(sorted(points(right)[0][:, 1]), [-0.5, 0.5])
    plt.close(figure)


@pytest.mark.parametrize(
    ("turn", "across"), [(0, lambda x: x), (90, lambda x: x**2), (45, lambda x: (x + x**2) / 2**0.5)]
)
def test_a_lift_is_seen_from_where_it_was_turned_to(axes, turn, across):
    states = RNG.normal(size=(5, 2))
    plot_lift(axes, [states], slope=0.7, turn=turn)
    *_, trajectory, parabola = (line.get_xydata() for line in axes.lines)
    assert np.allclose(trajectory, np.column_stack([across(states[:, 0]), states[:, 1]]))
    (plane,) = axes.patches
    if turn == 90:
        for outline in (parabola, plane.get_xy()):
            assert np.allclose(outline[:, 1], 0.7 * outline[:, 0]), "the plane is seen from its edge"
