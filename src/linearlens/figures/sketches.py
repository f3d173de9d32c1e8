"""Sketches of what is fitted to what."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

ARROW: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 12, "shrinkA": 0, "shrinkB": 0}


def draw_unrolled(axes: Axes, *, n_steps: int = 4) -> Axes:
    """A recurrent network unrolled in time: inputs below, states in a row, and the operator fitted between them above.

    Parameters
    ----------
    axes : matplotlib Axes
    n_steps : int
        So many states are drawn; 2 or more.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If there are fewer than two steps.
    """
    if n_steps < 2:
        raise ValueError(f"need two steps or more, got n_steps={n_steps}")
    for step in range(1, n_steps + 1):
        _box(axes, step, 1.0, f"$h_{step}$", "C0")
        _box(axes, step, 0.0, f"$x_{step}$", "C4")
        axes.add_patch(FancyArrowPatch((step, 0.26), (step, 0.74), color="C4", **ARROW))
        if step < n_steps:
            axes.add_patch(FancyArrowPatch((step + 0.27, 1.0), (step + 0.73, 1.0), color="C0", **ARROW))
            axes.text(step + 0.5, 0.86, "$F$", ha="center", va="top")
            bow: dict[str, Any] = {"connectionstyle": "arc3,rad=-0.45", "linestyle": "--", "linewidth": 1.6}
            axes.add_patch(FancyArrowPatch((step + 0.1, 1.28), (step + 0.9, 1.28), color="C1", **bow, **ARROW))
            axes.text(step + 0.5, 1.55, "$K$", color="C1", ha="center", va="bottom")
    axes.set(xlim=(0.5, n_steps + 0.5), ylim=(-0.35, 1.85))
    axes.set_axis_off()
    return axes


def _box(axes: Axes, x: float, y: float, text: str, color: str) -> None:
    corner, size = (x - 0.24, y - 0.22), (0.48, 0.44)
    shape = FancyBboxPatch(corner, *size, boxstyle="round,pad=0.02", facecolor="none", edgecolor=color, linewidth=1.6)
    axes.add_patch(shape)
    axes.text(x, y, text, ha="center", va="center")
