"""Sketches of what is fitted to what: a network unrolled in time, the window of delay DMD."""

from itertools import pairwise
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

ARROW: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 12, "shrinkA": 0, "shrinkB": 0}
NARROW = (0.42, 0.38)


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
        _box(axes, step, 1.0, f"$h_{step}$", "C0", size=NARROW)
        _box(axes, step, 0.0, f"$x_{step}$", "C4", size=NARROW)
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


def draw_window(axes: Axes, *, n_layers: int = 10, delays: int = 10) -> Axes:
    """The states of a scaled layer, the window that is given to the operator, and the steps it makes.

    Parameters
    ----------
    axes : matplotlib Axes
    n_layers : int
        Inserted layers; six or more are drawn as first, second, and the last two.
    delays : int
        d: the window holds ``h_0`` to ``h_d``.

    Returns
    -------
    Axes
    """
    places = [0, 1, n_layers - 1, n_layers] if n_layers > 5 else list(range(n_layers + 1))
    x = {step: 1.5 * number + (0.9 if number > 1 and n_layers > 5 else 0) for number, step in enumerate(places)}
    end = max(x.values()) + 1.9
    for step, left in x.items():
        _box(axes, left, 1.4, f"$h_{{{step}}}$", "C2" if step <= delays else "C4")
    _box(axes, end, 1.4, f"$h_{{{n_layers + 1}}}$", "C0")
    for one, other in pairwise(places):
        if other == one + 1:
            _arrow(axes, x[one] + 0.4, x[other] - 0.4, 1.4, "ReLU", "C2" if other <= delays else "C4")
        else:
            axes.text((x[one] + x[other]) / 2, 1.4, "…", ha="center", va="center", fontsize=14)
    _arrow(axes, x[n_layers] + 0.4, end - 0.4, 1.4, "layer $f$", "C4")
    last = max(left for step, left in x.items() if step <= delays)
    axes.plot([-0.4, -0.4, last + 0.4, last + 0.4], [0.95, 0.75, 0.75, 0.95], color="C1", linewidth=1.6)
    axes.text(last / 2, 0.55, "window $\\psi$: all by true layers", color="C1", ha="center", va="top", fontsize=10)
    steps = n_layers + 1 - delays
    axes.annotate(
        "",
        (end, 0.95),
        (last + 0.5, 0.75),
        arrowprops={"arrowstyle": "->", "color": "C0", "linewidth": 1.6, "connectionstyle": "arc3,rad=0.35"},
    )
    label = "one linear step $K$" if steps == 1 else f"{steps} linear steps $K$"
    axes.text(end - 0.1, 0.25, f"{label},\nthen read out", color="C0", ha="center", va="top", fontsize=10)
    axes.set(xlim=(-0.7, end + 0.9), ylim=(-0.55, 2.0), xticks=[], yticks=[], frame_on=False)
    return axes


def _box(axes: Axes, x: float, y: float, text: str, color: str, *, size: tuple[float, float] = (0.6, 0.6)) -> None:
    width, height = size
    corner = (x - width / 2, y - height / 2)
    axes.add_patch(FancyBboxPatch(corner, width, height, boxstyle="round,pad=0.05", fc="none", ec=color, lw=1.6))
    axes.text(x, y, text, ha="center", va="center", fontsize=11)


def _arrow(axes: Axes, left: float, right: float, y: float, text: str, color: str) -> None:
    axes.annotate("", (right, y), (left, y), arrowprops={"arrowstyle": "->", "color": color, "linewidth": 1.6})
    axes.text((left + right) / 2, y + 0.38, text, ha="center", va="bottom", fontsize=9)
