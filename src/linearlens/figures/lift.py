"""A nonlinear system of the plane, lifted into space by the square of its first coordinate."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

EXTENT = 2.0  # of sheet and plane, in x


def plot_lift(axes: Axes, trajectories: Sequence[np.ndarray], *, slope: float, turn: float) -> Axes:
    """States (x, y) at (x, y, x²): the sheet they lie on, and the plane y = slope · x² that cuts it.

    A point stands at ``x cos(turn) + x² sin(turn)`` across and at ``y`` up: at 0 degrees this is the plane of the
    states, and at 90 degrees the plane that cuts the sheet is seen from its edge.

    Parameters
    ----------
    axes : matplotlib Axes
    trajectories : sequence of ndarray of shape (n_steps, 2)
    slope : float
        Of the plane; on the sheet it cuts out the parabola y = slope · x².
    turn : float
        Degrees about the axis of y.

    Returns
    -------
    Axes
    """
    view = np.deg2rad(turn)

    def seen(x: np.ndarray, y: np.ndarray, square: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return x * np.cos(view) + square * np.sin(view), y

    across, up = np.linspace(-EXTENT, EXTENT, 41), np.linspace(-EXTENT, slope * EXTENT**2, 9)
    ends, squares = EXTENT * np.array([-1, 1, 1, -1]), EXTENT**2 * np.array([0, 0, 1, 1])
    axes.fill(*seen(ends, slope * squares, squares), color="C2", alpha=0.25, linewidth=0)
    for x in across[::5]:
        axes.plot(*seen(np.full(9, x), up, np.full(9, x**2)), color="C4", linewidth=0.5, alpha=0.6)
    for y in up:
        axes.plot(*seen(across, np.full(41, y), across**2), color="C4", linewidth=0.5, alpha=0.6)
    for x, y in (states.T for states in trajectories):
        axes.plot(*seen(x, y, x**2), ".-", color="C0", linewidth=0.8, markersize=4)
    axes.plot(*seen(across, slope * across**2, across**2), color="C1", linewidth=2)
    axes.grid(False)
    return axes
