"""What one artist of a figure shows: its numbers, and the looks that tell it from others."""

from collections.abc import Iterator
from itertools import cycle, islice
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import Collection, LineCollection, PathCollection, QuadMesh
from matplotlib.colors import to_hex
from matplotlib.container import BarContainer
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.markers import MarkerStyle
from matplotlib.patches import Patch, Rectangle
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Transform

DIGITS = 7  # significant ones: more than anyone reads off, and few enough to travel with the notebook
MARKERS = "os^v<>Dd*pPhHX+x1234.|_"  # that a scatter may have; its artist remembers no more than their outline

Series = dict[str, Any]


def series_of(ax: Axes) -> Iterator[Series]:
    """All series that axes show: bars of one call are one, and so is each other artist, or each of its lines."""
    grouped: set[Artist] = set()
    names: dict[Artist, str] = {}
    for container in ax.containers:
        parts = [part for part in container.get_children() if isinstance(part, Artist)]
        names |= dict.fromkeys(parts, _label(container))
        if isinstance(container, BarContainer):
            yield {"kind": "bar", "label": _label(container), **_bars(list(container.patches))}
            grouped |= set(container.patches)
    for artist in [*ax.images, *ax.collections, *ax.lines, *ax.patches, *ax.texts]:
        if artist.get_visible() and artist not in grouped:
            label = names.get(artist) or _label(artist)
            yield from ({"kind": kind, "label": label, **columns} for kind, columns in _columns(artist, ax))


def looks(artist: Any) -> Series:
    """Colour, marker and line of an artist, as a legend shows them."""
    if isinstance(artist, Line2D):
        line, marker = str(artist.get_linestyle()), str(artist.get_marker())
        shown = {"marker": "" if marker in ("None", " ") else marker, "line": "" if line in ("None", " ") else line}
        fill = {"fill": _hex(artist.get_markerfacecolor())} if shown["marker"] else {}
        return {"color": _hex(artist.get_color()), **shown, **fill}
    if isinstance(artist, Collection):
        return _face(artist, 1)
    if isinstance(artist, Patch):
        return {"color": _hex(artist.get_facecolor()), "hatch": artist.get_hatch() or ""}
    return {"color": _hex(artist.get_color())} if isinstance(artist, Text) else {}


def numbers(column: Any) -> list[float | None]:
    """Numbers as JSON has them; what is not finite is None."""
    values: np.ndarray = np.ma.asarray(column, dtype=float).filled(np.nan).ravel()
    return [float(f"{number:.{DIGITS}g}") if np.isfinite(number) else None for number in values]


def _columns(artist: Any, ax: Axes) -> Iterator[tuple[str, Series]]:
    """Kind and columns of all series of an artist; none for what shows no numbers."""
    if isinstance(artist, Line2D):
        shown = looks(artist)
        kind = "line" if shown["line"] else "points"
        yield kind, {**shown, **_where(artist.get_transform(), ax), **_points(*artist.get_data(orig=False))}
    elif isinstance(artist, PathCollection):
        offsets = np.ma.getdata(artist.get_offsets()).T
        shown = {**_face(artist, offsets.shape[1]), **_where(artist.get_offset_transform(), ax)}
        yield "points", {**shown, **_points(*offsets), **_values(artist)}
    elif isinstance(artist, LineCollection):
        shown = _where(artist.get_transform(), ax)
        colors = artist.get_colors()
        for number, part in enumerate(artist.get_segments()):
            yield "line", {"color": _hex(colors[number % len(colors)]), "line": "-", **shown, **_points(*part.T)}
    elif isinstance(artist, AxesImage | QuadMesh):
        yield "image", _pixels(artist)
    elif isinstance(artist, Collection):
        paths = artist.get_paths()
        each = _face(artist, len(paths))
        for number, path in enumerate(paths):
            own = {name: value[number] if isinstance(value, list) else value for name, value in each.items()}
            yield "outline", {**own, **_where(artist.get_transform(), ax), **_points(*np.asarray(path.vertices).T)}
    elif isinstance(artist, Rectangle):
        yield "bar", {**_where(artist.get_transform() - artist.get_patch_transform(), ax), **_bars([artist])}
    elif isinstance(artist, Patch):
        outline = artist.get_path().transformed(artist.get_patch_transform())
        for polygon in outline.to_polygons(closed_only=False):
            yield "outline", {**looks(artist), **_points(*np.asarray(polygon).T)}
    elif isinstance(artist, Text) and artist.get_text():
        place = artist.xy if isinstance(artist, Annotation) else artist.get_position()
        space = artist.xycoords if isinstance(artist, Annotation) else artist.get_transform()
        yield "text", {**looks(artist), **_where(space, ax), **_points(*place), "name": [artist.get_text()]}
    if isinstance(artist, Annotation) and artist.arrow_patch and artist.xycoords == "data" == artist.anncoords:
        tail, tip = artist.get_position(), artist.xy
        yield "arrow", {"color": _hex(artist.arrow_patch.get_edgecolor()), **_points(*zip(tail, tip, strict=True))}


def _label(artist: Any) -> str:
    label = str(artist.get_label() or "")
    return "" if label.startswith("_") else label


def _points(x: Any, y: Any) -> Series:
    return {"x": numbers(x), "y": numbers(y)}


def _where(transform: Any, ax: Axes) -> Series:
    """Nothing if places are in the units of both axes; else which are fractions of the axes."""
    if not isinstance(transform, Transform):  # of an annotation: words
        return {} if transform == "data" else {"fractions": "xy"}
    along_x, along_y = transform.contains_branch_seperately(ax.transData)
    fractions = f"{'' if along_x else 'x'}{'' if along_y else 'y'}"
    return {"fractions": fractions} if fractions else {}


def _bars(bars: list[Rectangle]) -> Series:
    corners = {**_points([bar.get_x() for bar in bars], [bar.get_y() for bar in bars])}
    sizes = {"width": numbers([bar.get_width() for bar in bars]), "height": numbers([bar.get_height() for bar in bars])}
    colors = [_hex(bar.get_facecolor()) for bar in bars]
    hatch = str(bars[0].get_hatch() or "") if bars else ""
    return {**corners, **sizes, "color": _one_or_each(colors, len(bars)), "hatch": hatch}


def _face(artist: Collection, n: int) -> Series:
    """Looks of the `n` parts of a collection; of points that values colour, the marker alone."""
    shown: Series = {"marker": _marker(artist)} if isinstance(artist, PathCollection) else {}
    if shown and artist.get_array() is not None:
        return shown
    artist.update_scalarmappable()  # lines of a contour have colours from now on
    faces, edges = ([_hex(color) for color in colors] for colors in (artist.get_facecolor(), artist.get_edgecolor()))
    return {**shown, "color": _one_or_each(edges or faces, n), "fill": _one_or_each(faces or ["none"], n)}


def _marker(artist: PathCollection) -> str:
    (path, *_) = artist.get_paths()
    for name in MARKERS:
        style = MarkerStyle(name)
        outline = style.get_path().transformed(style.get_transform()).vertices
        if np.shape(outline) == np.shape(path.vertices) and np.allclose(outline, path.vertices):
            return name
    return ""


def _values(artist: ScalarMappable) -> Series:
    """The values that colour it, and what the colours mean."""
    if (values := artist.get_array()) is None:
        return {}
    scale = {"colormap": artist.get_cmap().name, "low": _bound(artist.norm.vmin), "high": _bound(artist.norm.vmax)}
    bar = artist.colorbar
    return {**scale, "meaning": bar.ax.get_ylabel() or bar.ax.get_xlabel() if bar else "", "value": numbers(values)}


def _bound(value: Any) -> float | None:
    return None if value is None else numbers([value])[0]


def _pixels(artist: AxesImage | QuadMesh) -> Series:
    """The middle of each pixel, and its value, or its colour where it has one of its own."""
    grid: np.ma.MaskedArray = np.ma.atleast_2d(np.ma.asarray(artist.get_array()))
    n_rows, n_columns = grid.shape[:2]
    if isinstance(artist, QuadMesh):
        corners = np.asarray(artist.get_coordinates())
        x, y = (corners[:-1, :-1] + corners[1:, 1:]).reshape(-1, 2).T / 2
    else:
        left, right, bottom, top = artist.get_extent()
        first, last = (bottom, top) if artist.origin == "lower" else (top, bottom)
        x = np.tile(left + (right - left) * (np.arange(n_columns) + 0.5) / n_columns, n_rows)
        y = np.repeat(first + (last - first) * (np.arange(n_rows) + 0.5) / n_rows, n_columns)
    if grid.ndim == 3:
        pixels = np.asarray(grid).reshape(n_rows * n_columns, -1)
        return {
            **_points(x, y),
            "color": [_hex(pixel / 255 if pixels.dtype == np.uint8 else pixel) for pixel in pixels],
        }
    return {**_points(x, y), **_values(artist)}


def _hex(color: Any) -> str:
    """As ``#rrggbb``, with ``aa`` behind it where it lets something through; none if it is nothing at all."""
    if isinstance(color, str) and color == "none":
        return "none"
    text = to_hex(color, keep_alpha=True)
    return "none" if text.endswith("00") else text.removesuffix("ff") if len(text) == 9 else text


def _one_or_each(colors: list[str], n: int) -> str | list[str]:
    """The colour of all, or of each of `n` parts, which take the colours in turn."""
    return colors[0] if len(set(colors)) == 1 else [*islice(cycle(colors), n)]
