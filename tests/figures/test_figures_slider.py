"""Figures with a slider: every frame is there, one is shown, and no kernel is needed."""

import base64
import json
from html.parser import HTMLParser

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from linearlens.figures import Slider


def draw(power):
    figure, ax = plt.subplots(figsize=(2, 1))
    ax.plot([x**power for x in range(5)])
    ax.set_title(f"power {power}")
    return figure


def alt(power):
    return f'A curve to the "power" {power} < 10.'


@pytest.fixture
def slider():
    with mpl.rc_context({"backend": "agg"}):
        yield Slider(draw, [0.5, 1, 2], label="power & more", alt=alt, start=1)


class Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def named(self, name):
        return [attrs for tag, attrs in self.tags if tag == name]


def test_one_of_all_frames_is_shown(slider):
    page = Tags(slider._repr_html_())
    ((figure,), (image,)) = page.named("figure"), page.named("img")
    alts, frames = json.loads(figure["data-alts"]), json.loads(figure["data-frames"])
    assert alts == [alt(power) for power in (0.5, 1, 2)]
    for frame, power in zip(frames, (0.5, 1, 2), strict=True):
        svg = base64.b64decode(frame.removeprefix("data:image/svg+xml;base64,")).decode()
        assert f"power {power}" in svg
    assert (image["alt"], image["src"]) == (alts[1], frames[1]), "also where attributes of data are taken away"
    assert plt.get_fignums() == []


def test_the_slider_names_its_values(slider):
    page = Tags(slider._repr_html_())
    (knob,) = page.named("input")
    assert (knob["min"], knob["max"], knob["value"], knob["aria-valuetext"]) == ("0", "2", "1", "1")
    assert json.loads(page.named("figure")[0]["data-values"]) == ["0.5", "1", "2"]
    assert "power &amp; more" in slider._repr_html_()


def test_the_same_figure_is_the_same_page(slider):
    with mpl.rc_context({"backend": "agg"}):
        again = Slider(draw, [0.5, 1, 2], label="power & more", alt=alt, start=1)
    assert again.frames == slider.frames
    assert repr(slider) == repr(again) == "Slider('power & more', 0.5 to 2, at 1)"


@pytest.mark.parametrize(("values", "start"), [([1], 0), ([], 0), ([1, 2], 2), ([1, 2], -1)])
def test_too_few_values_are_told(values, start):
    with pytest.raises(ValueError, match="two values or more"):
        Slider(draw, values, label="power", alt=alt, start=start)


def test_values_may_be_words():
    with mpl.rc_context({"backend": "agg"}):
        slider = Slider(lambda value: draw(1), ["few", "many"], label="how many", alt=str)
    assert slider.texts == ["few", "many"]


def test_a_draw_that_gives_no_figure_is_told():
    with pytest.raises(ValueError, match="draw must give a matplotlib Figure, got NoneType"):
        Slider(lambda value: None, [1, 2], label="power", alt=str)
