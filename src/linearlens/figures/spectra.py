"""Eigenvalues in the complex plane."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes


def draw_spectrum(
    axes: Axes, eigenvalues: np.ndarray, *, marker: str = "o", color: str = "C0", label: str = ""
) -> None:
    """Mark eigenvalues beside the unit circle.

    Parameters
    ----------
    axes : matplotlib Axes
    eigenvalues : ndarray of shape (n,), complex
    marker, color, label : str
        Passed to matplotlib; use another marker, not only another colour, for a second spectrum. The open
        markers ``"o"``, ``"s"`` and ``"^"`` are drawn hollow.
    """
    if not axes.lines:
        angle = np.linspace(0, 2 * np.pi, 200)
        axes.plot(np.cos(angle), np.sin(angle), color="C4", linewidth=0.8)
        axes.set(xlabel="real part", ylabel="imaginary part", aspect="equal")
    colors: dict[str, Any] = {"facecolor": "none", "edgecolor": color} if marker in "os^" else {"color": color}
    axes.scatter(eigenvalues.real, eigenvalues.imag, marker=marker, s=48, label=label, zorder=3, **colors)
