"""What leaves a figure beside its drawing: the numbers it shows, and a form for print."""

import io
import warnings
from collections.abc import Iterator
from typing import Any

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.category import StrCategoryFormatter, StrCategoryLocator
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.ticker import FixedFormatter, FixedLocator, FuncFormatter

from linearlens.figures._series import Series, looks, numbers, series_of

MIME = "application/vnd.linearlens.figure+json"


def drawn_data(figure: Figure) -> list[dict[str, Any]]:
    """All that a figure shows, so that it can be drawn again: an entry for each series in it.

    Parameters
    ----------
    figure : Figure

    Returns
    -------
    list of dict
        Of the axes each entry has the number ``axes``, ``row`` and ``column`` among the panels, ``title``, ``xlabel``,
        ``ylabel``, ``xscale``, ``yscale``, and the limits ``xleft``, ``xright``, ``ybottom``, ``ytop``. Of the series
        it has ``kind`` and ``label``; ``color`` and ``fill``, ``marker``, ``line`` and ``hatch`` where it has them;
        and lists of equal length, by kind:

        - ``line`` (joined), ``points`` (not joined), ``outline``, ``arrow``: ``x`` and ``y``;
        - ``bar``: a corner ``x``, ``y``, and ``width`` and ``height``; the bars of one group are one series;
        - ``image``: ``x`` and ``y`` of the middle of each pixel, and its ``value`` or ``color``;
        - ``text``: ``x``, ``y`` and what stands there, ``name``;
        - ``xticks``, ``yticks``: places along an axis, and the ``name`` of each, where an axis has categories;
        - ``legend``: the ``name`` of each entry, with its ``color``, ``fill``, ``marker``, ``line`` and ``hatch``.

        Where colours stand for a ``value``, ``colormap`` goes from ``low`` to ``high``, and ``meaning`` says what of.
        Places are in the units of the axes, but for those that ``fractions`` names, which are fractions of the axes.
    """
    mapped = [one for one in figure.findobj() if isinstance(one, ScalarMappable)]
    bars = {one.colorbar.ax for one in mapped if one.colorbar}
    series: list[dict[str, Any]] = []
    for number, ax in enumerate(ax for ax in figure.findobj(Axes) if ax not in bars):
        assert isinstance(ax, Axes)
        own = [*series_of(ax), *_categories("x", ax.xaxis), *_categories("y", ax.yaxis), *_legend(ax.get_legend())]
        series += [{"axes": number, **_of_axes(ax), **one} for one in own]
    return series + [{"axes": None, **one} for legend in figure.legends for one in _legend(legend)]


def _of_axes(ax: Axes) -> Series:
    spec = ax.get_subplotspec()
    panel = {"row": spec.rowspan.start, "column": spec.colspan.start} if spec else {"row": None, "column": None}
    title = " ".join(filter(None, (ax.get_title(loc=side) for side in ("left", "center", "right"))))
    (xleft, xright), (ybottom, ytop) = numbers(ax.get_xlim()), numbers(ax.get_ylim())
    return {
        **panel,
        "title": title,
        "xlabel": ax.get_xlabel(),
        "ylabel": ax.get_ylabel(),
        "xscale": ax.get_xscale(),
        "yscale": ax.get_yscale(),
        **{"xleft": xleft, "xright": xright, "ybottom": ybottom, "ytop": ytop},
    }


def _categories(along: str, axis: Axis) -> Iterator[Series]:
    """The names along an axis, if it has any of its own."""
    formatter, places = axis.get_major_formatter(), axis.get_majorticklocs()
    chosen = isinstance(axis.get_major_locator(), FixedLocator | StrCategoryLocator)
    if chosen and isinstance(formatter, FixedFormatter | FuncFormatter | StrCategoryFormatter) and len(places):
        names = formatter.format_ticks(list(places))
        if any(names):
            yield {"kind": f"{along}ticks", "label": "", along: numbers(places), "name": names}


def _legend(legend: Legend | None) -> Iterator[Series]:
    """An entry for each line of a legend."""
    if legend and legend.get_visible():
        for handle, text in zip(legend.legend_handles, legend.get_texts(), strict=True):
            yield {"kind": "legend", "label": "", **looks(handle), "name": [text.get_text()]}


def to_pdf(figure: Figure) -> bytes:
    """The figure as PDF, the same bytes for the same figure."""
    return _saved(figure, "pdf", metadata={"CreationDate": None})


def to_png(figure: Figure) -> bytes:
    """The figure as PNG, for where SVG is not shown: a notebook that is not trusted; the same for the same figure."""
    return _saved(figure, "png", metadata={"Software": None}, dpi=144)


def _saved(figure: Figure, kind: str, **how: Any) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "There are no gridspecs with layoutgrids")  # a figure of free axes is fine
        figure.savefig(buffer, format=kind, bbox_inches="tight", **how)
    return buffer.getvalue()
