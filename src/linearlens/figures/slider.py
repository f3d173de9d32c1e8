"""Figures with a slider that needs no kernel: all frames are drawn beforehand and travel with the page."""

import base64
import io
import json
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from linearlens.figures.export import MIME, drawn_data, to_pdf, to_png

# One line, since the page has it once for each slider. There is one image, and the frames wait in attributes: where
# these are taken away, as from a notebook that is not trusted, the image remains.
SLIDE = (
    "const f=this.closest('figure'),i=f.querySelector('img'),one=d=>JSON.parse(f.dataset[d])[this.value];"
    "i.src=one('frames');i.alt=one('alts');"
    "f.querySelector('output').value=one('values');this.setAttribute('aria-valuetext',one('values'))"
)


class Slider:
    """One figure for each value of a quantity, and a slider that picks the one that is shown.

    In a notebook and in the book it is moved by mouse, finger or arrow keys, without a kernel and without a network.
    Where scripts are off, on a printed page, and in a notebook that is not trusted, the figure it starts with is shown.

    Parameters
    ----------
    draw : callable
        Takes a value, gives a Figure; it is closed here.
    values : sequence
        Two or more, in order.
    label : str
        What the slider sets, such as ``"angle in degrees"``.
    alt : callable
        Takes a value, gives the text for those who cannot see the figure.
    start : int
        Place of the value shown first.
    show : callable
        Makes a text of a value.

    Raises
    ------
    ValueError
        If there are fewer than two values, no value at `start`, or `draw` gives no Figure.

    Examples
    --------
    >>> def draw(power):
    ...     figure, ax = plt.subplots()
    ...     ax.plot([x**power for x in range(5)])
    ...     return figure
    >>> slider = Slider(draw, [1, 2, 3], label="power", alt="A curve to the power {}.".format)
    >>> len(slider.frames)
    3
    """

    def __init__(
        self,
        draw: Callable[[Any], Figure],
        values: Sequence,
        *,
        label: str,
        alt: Callable[[Any], str],
        start: int = 0,
        show: Callable[[Any], str] = lambda value: value if isinstance(value, str) else f"{value:g}",
    ) -> None:
        values = list(values)
        if len(values) < 2 or not 0 <= start < len(values):
            raise ValueError(
                f"a slider needs two values or more, and the place of one of them to start at; got {len(values)} "
                f"values and start={start}"
            )
        # Letters as text are a third of the size; a fixed salt makes the same figure the same file.
        with plt.rc_context({"svg.fonttype": "none", "svg.hashsalt": "linearlens"}):
            exports = [_export(draw(value), still=place == start) for place, value in enumerate(values)]
        self.frames = [export["image/svg+xml"] for export in exports]
        self.still = exports[start]
        self.label, self.start = label, start
        self.texts, self.alts = [show(value) for value in values], [alt(value) for value in values]

    def __repr__(self) -> str:
        return f"Slider({self.label!r}, {self.texts[0]} to {self.texts[-1]}, at {self.texts[self.start]})"

    def _repr_html_(self) -> str:
        frames = [f"data:image/svg+xml;base64,{base64.b64encode(frame).decode()}" for frame in self.frames]
        data = {"values": self.texts, "alts": self.alts, "frames": frames}
        given = " ".join(f'data-{name}="{escape(json.dumps(value))}"' for name, value in data.items())
        shown = escape(self.texts[self.start])
        return (
            f'<figure class="slider" {given}><img alt="{escape(self.alts[self.start])}" src="{frames[self.start]}">'
            f'<label>{escape(self.label)} <input type="range" min="0" max="{len(self.frames) - 1}" step="1" '
            f'value="{self.start}" autocomplete="off" aria-valuetext="{shown}" oninput="{escape(SLIDE)}"> '
            f"<output>{shown}</output></label></figure>"
        )

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """Beside the slider, the frame it starts with, for where there can be none."""
        return {"text/html": self._repr_html_(), **self.still, "image/svg+xml": self.still["image/svg+xml"].decode()}


def _export(figure: Figure, *, still: bool) -> dict[str, Any]:
    """The figure as SVG by its kind, and for the `still` one all that other figures bring; it is closed."""
    if not isinstance(figure, Figure):
        raise ValueError(f"draw must give a matplotlib Figure, got {type(figure).__name__}; end it with: return fig")
    buffer = io.BytesIO()
    try:
        figure.savefig(buffer, format="svg", metadata={"Date": None})
        more = (
            {"application/pdf": to_pdf(figure), "image/png": to_png(figure), MIME: drawn_data(figure)} if still else {}
        )
    finally:
        plt.close(figure)
    return {"image/svg+xml": buffer.getvalue(), **more}
