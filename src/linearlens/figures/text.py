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


def draw_text(words: Sequence[str], rows: Mapping[str, np.ndarray], *, columns: int = 72) -> Figure:
    """One text several times, each time shaded by other weights.

    Positive weights are blue, negative ones orange; negative weights of more than a tenth of the largest size in
    their row are slanted. The shade is full at that largest size.

    Parameters
    ----------
    words : sequence of str
        One or more.
    rows : mapping of str to ndarray of shape (n_words,)
        What each shading shows, and its weights; one or more.
    columns : int
        Characters in a line.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        If there are no words or no rows, or a row has not one finite weight for each word.
    """
    if len(words) == 0 or not rows:
        raise ValueError(f"need at least one word and one row of weights, got {len(words)} words and {len(rows)} rows")
    checked = {label: np.asarray(weights, dtype=float) for label, weights in rows.items()}
    for label, weights in checked.items():
        if weights.shape != (len(words),) or not np.isfinite(weights).all():
            raise ValueError(f"{label}: need {len(words)} finite weights, one a word, got shape {weights.shape}")
    places = _places(words, columns)
    n_lines = places[-1][1] + 1
    height = (n_lines + 1.6) * len(rows)
    size = WIDTH * 72 / columns / CHARACTER
    figure = plt.figure(figsize=(WIDTH, height * size * 1.5 / 72), layout="none")
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, columns), ylim=(height, 0))
    axes.set_axis_off()
    for number, (label, weights) in enumerate(checked.items()):
        top = number * (n_lines + 1.6)
        axes.text(0, top + 0.5, label, va="center", fontsize=size, fontweight="bold")
        shares = weights / max(np.abs(weights).max(), 1e-12)
        for word, (column, line), share in zip(words, places, shares, strict=True):
            _draw_word(axes, word, column, top + 1.1 + line, share, size)
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


def _draw_word(axes: plt.Axes, word: str, column: int, top: float, share: float, size: float) -> None:
    color = to_rgb("C0" if share > 0 else "C1")
    shade = FULL_SHADE * abs(share)
    if shade > 0.02:
        mixed = [1 - shade * (1 - part) for part in color]
        axes.add_patch(Rectangle((column - 0.1, top + 0.05), len(word) + 0.2, 0.9, color=mixed, linewidth=0))
    axes.text(
        column,
        top + 0.5,
        word,
        va="center",
        fontsize=size,
        family="monospace",
        fontstyle="italic" if share < -0.1 else "normal",
        color="black",
    )
