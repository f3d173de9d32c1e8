"""Eigenvalues in the complex plane."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection

UNIT_CIRCLE = "unit circle"  # the mark of the line, so that it is drawn once


def draw_spectrum(
    axes: Axes,
    eigenvalues: np.ndarray,
    *,
    marker: str = "o",
    color: str = "C0",
    label: str = "",
    residuals: np.ndarray | None = None,
) -> PathCollection:
    """Mark eigenvalues beside the unit circle.

    Parameters
    ----------
    axes : matplotlib Axes
    eigenvalues : ndarray of shape (n,), complex
    marker, color, label : str
        Passed to matplotlib; use another marker, not only another colour, for a second spectrum. The open
        markers ``"o"``, ``"s"`` and ``"^"`` are drawn hollow. `color` is ignored with `residuals`.
    residuals : ndarray of shape (n,), optional
        Fill each mark by its residual, dark where it is small; give the result to a colour bar.

    Returns
    -------
    PathCollection
    """
    if all(line.get_gid() != UNIT_CIRCLE for line in axes.lines):
        angle = np.linspace(0, 2 * np.pi, 200)
        axes.plot(np.cos(angle), np.sin(angle), color="C4", linewidth=0.8, gid=UNIT_CIRCLE)
        axes.set(xlabel="real part", ylabel="imaginary part", aspect="equal")
    hollow = marker in ("o", "s", "^")
    look: dict[str, Any] = {"facecolor": "none", "edgecolor": color} if hollow else {"color": color}
    if residuals is not None:
        look = {"c": residuals, "cmap": "viridis", "edgecolor": "C4", "linewidth": 0.5}
    return axes.scatter(eigenvalues.real, eigenvalues.imag, marker=marker, s=48, label=label, zorder=3, **look)


def plot_motion(
    axes: tuple[Axes, Axes], operator: np.ndarray, start: Sequence[float], *, n_steps: int = 40
) -> tuple[Axes, Axes]:
    """A trajectory of a linear map of the plane, beside the map's eigenvalues.

    Parameters
    ----------
    axes : two matplotlib Axes
        For the plane of states, and for the complex plane.
    operator : ndarray of shape (2, 2)
        Acts from the right: states are rows.
    start : sequence of 2 floats
        The first state, drawn as a square.
    n_steps : int

    Returns
    -------
    tuple of two Axes
    """
    left, right = axes
    states = [np.asarray(start, dtype=float)]
    for _ in range(n_steps):
        states.append(states[-1] @ operator)
    left.plot(*np.stack(states).T, ".-", color="C0", linewidth=0.8, markersize=5)
    left.plot(*states[0], "s", color="C0", markersize=7)
    left.set(xlabel="first coordinate", ylabel="second coordinate", aspect="equal")
    draw_spectrum(right, np.linalg.eigvals(operator).astype(complex))
    for one in axes:
        one.set(xlim=(-1.5, 1.5), ylim=(-1.5, 1.5))
    return axes


def draw_horizons(axes: Axes, steps: Sequence[int], *, threshold: float = 1e-2, angle: float = -np.pi / 2) -> None:
    """Circles on which an eigenfunction shrinks to `threshold` in so many steps.

    Parameters
    ----------
    axes : matplotlib Axes
    steps : sequence of int
        Each 1 or more.
    threshold : float
        Between 0 and 1, as in :func:`linearlens.koopman.memory_horizon`.
    angle : float
        Where on its circle each label stands, in radians from the real axis.

    Raises
    ------
    ValueError
        If a number of steps is below 1 or the threshold not between 0 and 1; nothing is drawn then.
    """
    if not 0 < threshold < 1:
        raise ValueError(f"threshold must be between 0 and 1, got {threshold}")
    if not all(number >= 1 for number in steps):
        raise ValueError(f"steps must be 1 or more each, got {list(steps)}")
    around = np.linspace(0, 2 * np.pi, 400)
    for number in steps:
        radius = threshold ** (1 / number)
        axes.plot(radius * np.cos(around), radius * np.sin(around), color="C4", linewidth=0.8, linestyle=":")
        place = radius * np.cos(angle), radius * np.sin(angle)
        axes.annotate(
            f"{number}", place, color="C4", fontsize=8, ha="center", va="center", backgroundcolor="white", zorder=2
        )
