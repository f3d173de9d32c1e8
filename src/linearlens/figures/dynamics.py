"""What the lens on sequences returns: spectra with their residuals, forecasts beside persistence, modes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.ticker import MaxNLocator

from linearlens.figures.rows import values_of
from linearlens.figures.spectra import draw_horizons, draw_spectrum
from linearlens.figures.style import signed_colors

LOOKS = (("C0", "o"), ("C1", "s"), ("C2", "^"), ("C3", "D"), ("C4", "v"))


def plot_spectrum(
    axes: Axes,
    eigenvalues: np.ndarray,
    *,
    residuals: np.ndarray | None = None,
    null: Sequence[np.ndarray] = (),
    horizons: Sequence[int] = (),
) -> Axes:
    """Eigenvalues beside the unit circle, each filled by its residual, over those that a null model gives.

    Parameters
    ----------
    axes : matplotlib Axes
    eigenvalues : ndarray of shape (n,), complex
    residuals : ndarray of shape (n,), optional
        How far each eigenfunction is from its own law on held-out states: dark is near the law, 1 and above is white.
    null : sequence of ndarray of shape (n,), complex, optional
        Eigenvalues of fits to what has no dynamics, such as time-shuffled states, one array for each draw: the ring
        between the fifth and the ninety-fifth percentile of their largest moduli is shaded, and what it encloses more
        lightly. An eigenvalue in either is no evidence of memory.
    horizons : sequence of int, optional
        Circles on which an eigenfunction shrinks to a hundredth in so many steps.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If there is not one residual, 0 or more, for each eigenvalue.
    """
    eigenvalues = np.asarray(eigenvalues)
    if residuals is not None:
        residuals = np.asarray(residuals, dtype=float)
        if residuals.shape != eigenvalues.shape or not (residuals >= 0).all():
            raise ValueError(
                f"need one residual, 0 or more, for each of {len(eigenvalues)} eigenvalues, got shape {residuals.shape}"
            )
    if len(null):
        largest = [np.abs(draw).max() for draw in null]
        _ring(axes, *np.quantile(largest, [0.05, 0.95]))
    marks = draw_spectrum(axes, eigenvalues, residuals=residuals)
    if residuals is not None:
        marks.set_cmap("Blues_r")
        marks.set_norm(Normalize(0, 1))
        bar = axes.figure.colorbar(marks, ax=axes, shrink=0.8)
        bar.set_label("residual, held out")
    draw_horizons(axes, horizons)
    return axes


def _ring(axes: Axes, inner: float, outer: float) -> None:
    around = np.linspace(0, 2 * np.pi, 200)
    edge = np.concatenate([outer * np.exp(1j * around), inner * np.exp(1j * around[::-1])])
    within = inner * np.exp(1j * around)
    axes.fill(within.real, within.imag, color="C4", alpha=0.1, linewidth=0)
    axes.fill(edge.real, edge.imag, color="C4", alpha=0.35, linewidth=0, label="largest modulus without dynamics")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0))


def plot_forecast(axes: Axes, errors: Mapping[str, Any], *, steps: Sequence[int] | None = None) -> Axes:
    """The error of each forecast over the number of steps ahead, its label beside its end.

    Parameters
    ----------
    axes : matplotlib Axes
    errors : mapping of str to ndarray of shape (n_horizons,) or (n_networks, n_horizons)
        Relative errors on held-out sequences, the method first and persistence among them; of several networks the
        median is drawn, over the range.
    steps : sequence of int, optional
        How many steps ahead each is; 1, 2, … by default.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If there is no forecast, or they have not the same number of horizons.
    """
    table = {name: np.atleast_2d(np.asarray(error, dtype=float)) for name, error in errors.items()}
    widths = {error.shape[1] for error in table.values()}
    if len(widths) != 1 or any(error.ndim != 2 for error in table.values()):
        raise ValueError(f"need forecasts over the same horizons, got {[error.shape for error in table.values()]}")
    ahead = np.arange(1, widths.pop() + 1) if steps is None else np.asarray(steps)
    for (name, error), (color, marker) in zip(table.items(), LOOKS * len(table), strict=False):
        low, middle, high = np.min(error, axis=0), np.median(error, axis=0), np.max(error, axis=0)
        axes.plot(ahead, middle, color=color, marker=marker, label=name)
        if len(error) > 1:
            axes.fill_between(ahead, low, high, color=color, alpha=0.2, linewidth=0)
    axes.axhline(1, color="C4", linestyle=":", linewidth=1)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(xlabel="steps ahead", ylabel="relative error, held out", ylim=(0, None))
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return axes


def plot_horizons(axes: Axes, horizons: Mapping[str, Any], *, unit: str = "steps") -> Axes:
    """Memory horizons, a row a network or fit, on a logarithmic axis; those without end stand at the right edge.

    Parameters
    ----------
    axes : matplotlib Axes
    horizons : mapping of str to ndarray of shape (n,)
        In steps; inf where an eigenfunction does not shrink.
    unit : str

    Returns
    -------
    Axes
    """
    table = values_of(horizons)
    finite = [value for row in table.values() for value in row[np.isfinite(row)]]
    edge = 3 * max(finite, default=1.0)
    for place, (name, row) in enumerate(table.items()):
        ends = np.isfinite(row)
        axes.scatter(row[ends], np.full(ends.sum(), place), color="C0", alpha=0.7, label=name)
        axes.scatter(np.full((~ends).sum(), edge), np.full((~ends).sum(), place), color="C1", marker=">")
    axes.set(xscale="log", xlabel=f"memory horizon in {unit} (at the right edge: without end)")
    axes.set_yticks(range(len(table)), list(table))
    axes.set_ylim(len(table) - 0.5, -0.5)
    return axes


def plot_modes(axes: Axes, modes: np.ndarray, eigenvalues: np.ndarray, *, most: int = 6) -> Axes:
    """What each of the slowest modes adds to the features: a row a mode, real parts, blue and orange by their sign.

    Parameters
    ----------
    axes : matplotlib Axes
    modes : ndarray of shape (n_modes, n_features), complex
        As rows, in the order of the eigenvalues; each is drawn relative to its largest size. Of a conjugate pair the
        first is drawn.
    eigenvalues : ndarray of shape (n_modes,), complex
    most : int
        So many are drawn.

    Returns
    -------
    Axes
    """
    modes, eigenvalues = np.asarray(modes), np.asarray(eigenvalues)
    if modes.ndim != 2 or len(modes) != len(eigenvalues):
        raise ValueError(f"need one mode for each of {len(eigenvalues)} eigenvalues, as rows, got shape {modes.shape}")
    chosen = [place for place in range(len(modes)) if eigenvalues[place].imag >= 0][:most]
    turned = [modes[place] * np.exp(-1j * np.angle(modes[place][np.abs(modes[place]).argmax()])) for place in chosen]
    rows = np.array([mode.real / max(np.abs(mode).max(), 1e-300) for mode in turned])
    axes.imshow(rows, cmap=signed_colors(), vmin=-1, vmax=1, aspect="auto", interpolation="nearest")
    axes.set_yticks(range(len(chosen)), [f"|λ| = {abs(eigenvalues[place]):.3f}" for place in chosen])
    axes.set(xlabel="feature")
    axes.grid(False)
    return axes
