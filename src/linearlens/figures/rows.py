"""Values of several networks in rows, one row a method: the dots of each network, and their median."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes


def values_of(table: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The rows as arrays of one dimension.

    Raises
    ------
    ValueError
        If there is none, or one is empty.
    """
    rows = {name: np.atleast_1d(np.asarray(values, dtype=float)).ravel() for name, values in table.items()}
    if not rows or any(row.size == 0 for row in rows.values()):
        raise ValueError(f"need at least one row, and values in each, got { ({n: r.size for n, r in rows.items()}) }")
    return rows


def draw_rows(axes: Axes, table: Mapping[str, Any], *, controls: Sequence[str] = (), color: str = "C0") -> Axes:
    """A row a method, the first above: a dot a network, a bar at their median; controls in orange, with squares.

    Parameters
    ----------
    axes : matplotlib Axes
    table : mapping of str to float or ndarray of shape (n_networks,)
    controls : sequence of str
        Which of the rows are controls.
    color : str
        Of the other rows.

    Returns
    -------
    Axes
    """
    rows = values_of(table)
    for place, (name, row) in enumerate(rows.items()):
        control = name in controls
        axes.scatter(
            row,
            np.full(row.size, place),
            color="C1" if control else color,
            marker="s" if control else "o",
            alpha=0.7,
            zorder=3,
            label=name,
        )
        if row.size > 1:
            axes.plot([np.median(row)] * 2, [place - 0.3, place + 0.3], color="black", linewidth=1.6, zorder=4)
    axes.set_yticks(range(len(rows)), list(rows))
    axes.set_ylim(len(rows) - 0.5, -0.5)
    return axes
