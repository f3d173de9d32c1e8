"""What leaves a figure beside its drawing: the numbers it shows, and a form for print."""

import io
import warnings
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import Collection, LineCollection, PathCollection, QuadMesh
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

MIME = "application/vnd.linearlens.figure+json"
DIGITS = 7  # significant ones: more than anyone reads off, and few enough to travel with the notebook


def drawn_data(figure: Figure) -> list[dict[str, Any]]:
    """The numbers a figure shows, one entry for each series in it.

    Parameters
    ----------
    figure : Figure

    Returns
    -------
    list of dict
        With ``axes`` (their number), ``title``, ``xlabel`` and ``ylabel`` of the axes, ``kind`` and ``label`` of the
        series, and lists of equal length: ``x`` and ``y`` of a ``line``, of ``points`` and of an ``outline``; also
        ``value`` where points are coloured by one, and of an ``image`` whose ``x`` and ``y`` are columns and rows;
        ``width`` and ``height`` of a ``bar`` whose corner is at ``x`` and ``y``. Places are in the units of the axes,
        or fractions of the axes where a line spans them.
    """
    series = []
    for number, ax in enumerate(figure.findobj(Axes)):
        assert isinstance(ax, Axes)
        where = {"axes": number, "title": _title(ax), "xlabel": ax.get_xlabel(), "ylabel": ax.get_ylabel()}
        for artist in [*ax.images, *ax.collections, *ax.lines, *ax.patches]:
            for kind, columns in _columns(artist):
                label = str(artist.get_label() or "")
                shown = {"kind": kind, "label": "" if label.startswith("_") else label}
                series.append({**where, **shown, **{name: _plain(column) for name, column in columns.items()}})
    return series


def _title(ax: Axes) -> str:
    return " ".join(filter(None, (ax.get_title(loc=side) for side in ("left", "center", "right"))))


def _columns(artist: Any) -> list[tuple[str, dict[str, Any]]]:
    """Kind and columns of all series of an artist; none for what shows no numbers."""
    if not artist.get_visible():
        return []
    if isinstance(artist, Line2D):
        x, y = artist.get_data(orig=False)
        return [("line", {"x": x, "y": y})]
    if isinstance(artist, PathCollection):
        x, y = np.ma.getdata(artist.get_offsets()).T
        values = artist.get_array()
        return [("points", {"x": x, "y": y} | ({} if values is None else {"value": values}))]
    if isinstance(artist, LineCollection):
        return [("line", {"x": x, "y": y}) for x, y in (part.T for part in artist.get_segments())]
    if isinstance(artist, QuadMesh | AxesImage):
        return [("image", _pixels(np.ma.asarray(artist.get_array(), dtype=float).filled(np.nan)))]
    if isinstance(artist, Collection):
        return [("outline", {"x": x, "y": y}) for x, y in (np.asarray(p.vertices).T for p in artist.get_paths())]
    if isinstance(artist, Rectangle):
        corner = {"x": [artist.get_x()], "y": [artist.get_y()]}
        return [("bar", corner | {"width": [artist.get_width()], "height": [artist.get_height()]})]
    return []


def _pixels(values: np.ndarray) -> dict[str, Any]:
    grid = values if values.ndim < 3 else values[..., :3].mean(axis=2)  # colours as brightness
    rows, columns = np.indices(np.atleast_2d(grid).shape)
    return {"x": columns.ravel(), "y": rows.ravel(), "value": grid.ravel()}


def _plain(column: Any) -> list[float | None]:
    """Numbers as JSON has them; what is not finite is None."""
    numbers: np.ndarray = np.ma.asarray(column, dtype=float).filled(np.nan).ravel()
    return [float(f"{number:.{DIGITS}g}") if np.isfinite(number) else None for number in numbers]


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
