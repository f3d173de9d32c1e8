"""Decisions of a classifier over the disc of the Yin-Yang symbol."""

import numpy as np
from matplotlib.axes import Axes

CENTRE, RADIUS = 0.5, 0.5


def disc_points(side: int = 110) -> tuple[np.ndarray, np.ndarray]:
    """A square grid of points, and which of them lie in the disc.

    Parameters
    ----------
    side : int
        Points along each side.

    Returns
    -------
    points : ndarray of shape (n_inside, 2)
        Those in the disc.
    inside : ndarray of shape (side, side), bool
    """
    steps = np.linspace(0, 1, side)
    square = np.stack(np.meshgrid(steps, steps), axis=-1)
    inside = np.hypot(*(square - CENTRE).transpose(2, 0, 1)) <= RADIUS
    return square[inside], inside


def draw_regions(axes: Axes, classes: np.ndarray, inside: np.ndarray, *, border: np.ndarray | None = None) -> Axes:
    """Paint the disc by class, light and dark, with the border of another classifier as a line.

    Parameters
    ----------
    axes : matplotlib Axes
    classes : ndarray of shape (n_inside,)
        0 or 1 for each point of `disc_points`.
    inside : ndarray of shape (side, side), bool
    border : ndarray of shape (n_inside,), optional
        Classes of the other one.

    Returns
    -------
    Axes
    """
    axes.imshow(_square(classes, inside), origin="lower", extent=(0, 1, 0, 1), cmap="cividis", vmin=0, vmax=1)
    if border is not None:
        axes.contour(_square(border, inside), [0.5], colors="C1", linewidths=1.6, extent=(0, 1, 0, 1))
    axes.set(xticks=[], yticks=[], frame_on=False)
    return axes


def _square(values: np.ndarray, inside: np.ndarray) -> np.ndarray:
    square = np.full(inside.shape, np.nan)
    square[inside] = values
    return square
