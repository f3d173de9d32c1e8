"""Texts whose words are shaded by a number each."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

WIDTH = 7.0  # inches
CHARACTER = 0.602  # width of a character over the size of the font, DejaVu Sans Mono
FULL_SHADE = 0.55  # share of the colour, so that black letters stay readable on it


def draw_text(
    words: Sequence[str], rows: Mapping[str, np.ndarray], *, columns: int = 72, sizes: Sequence[str] = ()
) -> Figure:
    """One text several times, each time shaded by other weights; see `draw_texts`.

    Parameters
    ----------
    words : sequence of str
        One or more.
    rows : mapping of str to ndarray of shape (n_words,)
        What each shading shows, and its weights; one or more.
    columns : int
        Characters in a line.
    sizes : sequence of str
        Which rows have no sign.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        If there are no words or no rows, or a row has not one finite weight for each word.
    """
    return draw_texts({label: (words, weights) for label, weights in rows.items()}, columns=columns, sizes=sizes)


def draw_texts(
    rows: Mapping[str, tuple[Sequence[str], np.ndarray]], *, columns: int = 72, sizes: Sequence[str] = ()
) -> Figure:
    """Texts whose words are shaded by a weight each.

    Positive weights are blue, negative ones orange; negative weights of more than a tenth of the largest size in
    their row are slanted. The shade is full at that largest size. Rows that have no sign are shaded in green.

    Parameters
    ----------
    rows : mapping of str to (sequence of str, ndarray of shape (n_words,))
        What each shading shows, its words, one or more, and their weights.
    columns : int
        Characters in a line.
    sizes : sequence of str
        Which rows have no sign: their weights are 0 or more.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        If there are no words or no rows, or a row has not one finite weight for each word.
    """
    checked = _checked(rows)
    places = {label: _places(words, columns) for label, (words, _) in checked.items()}
    heights = [there[-1][1] + 2.6 for there in places.values()]
    size = WIDTH * 72 / columns / CHARACTER
    figure = plt.figure(figsize=(WIDTH, sum(heights) * size * 1.5 / 72), layout="none")
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, columns), ylim=(sum(heights), 0))
    axes.set_axis_off()
    top = 0.0
    for (label, (words, weights)), height in zip(checked.items(), heights, strict=True):
        axes.text(0, top + 0.5, label, va="center", fontsize=size, fontweight="bold")
        shares = weights / max(np.abs(weights).max(), 1e-12)
        for word, (column, line), share in zip(words, places[label], shares, strict=True):
            _draw_word(axes, word, column, top + 1.1 + line, share, size, signed=label not in sizes)
        top += height
    return figure


def _checked(
    rows: Mapping[str, tuple[Sequence[str], np.ndarray]],
) -> dict[str, tuple[Sequence[str], np.ndarray]]:
    lengths = [len(words) for words, _ in rows.values()]
    if not rows or min(lengths) == 0:
        raise ValueError(
            f"need at least one word and one row of weights, got {min(lengths, default=0)} words and {len(rows)} rows"
        )
    checked = {label: (words, np.asarray(weights, dtype=float)) for label, (words, weights) in rows.items()}
    for label, (words, weights) in checked.items():
        if weights.shape != (len(words),) or not np.isfinite(weights).all():
            raise ValueError(f"{label}: need {len(words)} finite weights, one a word, got shape {weights.shape}")
    return checked


def draw_running(words: Sequence[str], lines: Mapping[str, np.ndarray], *, until: int, columns: int = 52) -> Figure:
    """A text that is being read, and what runs along with it.

    Parameters
    ----------
    words : sequence of str
    lines : mapping of str to ndarray of shape (n_words + 1,)
        Values before the first word and after each, on one scale; the first line also shades the words by its steps.
    until : int
        How many words have been read; the others are pale, and the lines end there.
    columns : int
        Characters in a line of text.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        If there are no words or no lines, a line has not one value more than there are words, or `until` is not
        between 0 and their number.
    """
    if not lines or not 0 <= until <= len(words) or any(np.shape(line) != (len(words) + 1,) for line in lines.values()):
        raise ValueError(
            f"need lines of {len(words) + 1} values, one more than there are words, and 0 <= until <= {len(words)}, "
            f"got shapes {[np.shape(line) for line in lines.values()]} and until={until}"
        )
    steps = np.diff(next(iter(lines.values())))
    places, size = _places(words, columns), 5.3 * 72 / columns / CHARACTER  # the axes are narrower than the figure
    n_lines = places[-1][1] + 1
    heights = (size * 1.6 / 72 * n_lines, 2.6)
    figure, (above, below) = plt.subplots(2, 1, figsize=(6.0, sum(heights) + 0.5), height_ratios=heights)
    above.set(xlim=(0, columns), ylim=(n_lines, 0))
    above.set_axis_off()
    shares = steps / max(np.abs(steps).max(), 1e-12)
    for number, (word, (column, line)) in enumerate(zip(words, places, strict=True)):
        read = number < until
        _draw_word(above, word, column, line, shares[number] if read else 0, size, color="black" if read else "#999999")
    for (label, values), (color, marker) in zip(lines.items(), (("C0", "o"), ("C4", "s"), ("C1", "^")), strict=False):
        below.plot(np.arange(until + 1), values[: until + 1], color=color, marker=marker, markersize=4, label=label)
    every = np.concatenate(list(lines.values()))
    room = 0.08 * np.ptp(every) + 1e-12
    below.axhline(0, color="C4", linewidth=0.8)
    below.set(xlim=(-0.5, len(words) + 0.5), ylim=(every.min() - room, every.max() + room), xlabel="words read")
    below.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(lines), borderaxespad=0)
    return figure


def _places(words: Sequence[str], columns: int) -> list[tuple[int, int]]:
    """Column and line of each word."""
    places, column, line = [], 0, 0
    for word in words:
        if column and column + len(word) > columns:
            column, line = 0, line + 1
        places.append((column, line))
        column += len(word) + 1
    return places


def _draw_word(
    axes: plt.Axes,
    word: str,
    column: int,
    top: float,
    share: float,
    size: float,
    *,
    signed: bool = True,
    color: str = "black",
) -> None:
    hue = to_rgb(("C0" if share > 0 else "C1") if signed else "C2")
    shade = FULL_SHADE * abs(share)
    if shade > 0.02:
        mixed = [1 - shade * (1 - part) for part in hue]
        axes.add_patch(Rectangle((column - 0.1, top + 0.05), len(word) + 0.2, 0.9, color=mixed, linewidth=0))
    axes.text(
        column,
        top + 0.5,
        word,
        va="center",
        fontsize=size,
        family="monospace",
        fontstyle="italic" if signed and share < -0.1 else "normal",
        color=color,
    )
