"""What the lens on single inputs returns: how much each part of an input adds to one output, and the bias beside."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from linearlens.figures.style import signed_colors


def plot_contributions(
    axes: Axes,
    contributions: np.ndarray,
    bias: float,
    *,
    labels: Sequence[str] | None = None,
    most: int = 12,
    signal: np.ndarray | None = None,
) -> Axes:
    """Contributions w * x of one instance to one output; with the bias they add up to the output exactly.

    Parameters
    ----------
    axes : matplotlib Axes
    contributions : ndarray
        Of shape (height, width) or (channels, height, width) an image, channels added up: blue adds, orange takes away.
        Of shape (n,) bars for the `most` largest, with names from `labels`. Of shape (n_steps, n_features) a sequence:
        bars for the steps, features added up.
    bias : float
        What no part of the input accounts for. It is a bar of its own, or stands in the title of an image.
    labels : sequence of str, optional
        Names of features, or tokens; one for each.
    most : int
        So many bars at most; the others are added up in one.
    signal : ndarray of shape (n_steps,) or (n_steps, n_features), optional
        The instance itself, where it is a signal: its curve is drawn, with a mark at each step in colour and size of
        what it adds.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If contributions have another shape, are not finite, there is not one label for each, or a signal of the same
        shape.
    """
    values = np.asarray(contributions, dtype=float)
    if values.ndim not in (1, 2, 3) or not np.isfinite(values).all() or not np.isfinite(bias):
        raise ValueError(f"need finite contributions of one instance, with 1 to 3 dimensions, got shape {values.shape}")
    if signal is not None:
        if np.shape(signal) != values.shape or values.ndim > 2:
            raise ValueError(f"need a signal of the shape of its contributions, {values.shape}, got {np.shape(signal)}")
        return _curve(axes, np.asarray(signal, dtype=float), values, float(bias))
    if values.ndim == 3 or (values.ndim == 2 and labels is None and min(values.shape) > 4):
        return _image(axes, values.sum(axis=0) if values.ndim == 3 else values, bias)
    row = values.sum(axis=1) if values.ndim == 2 else values
    names = [str(place) for place in range(len(row))] if labels is None else list(labels)
    if len(names) != len(row):
        raise ValueError(f"need one label for each of {len(row)} contributions, got {len(names)}")
    return _bars(axes, row, float(bias), names, most)


def _image(axes: Axes, values: np.ndarray, bias: float) -> Axes:
    largest = np.abs(values).max() or 1.0
    axes.imshow(values, cmap=signed_colors(), vmin=-largest, vmax=largest, interpolation="nearest")
    axes.set_axis_off()
    axes.set_title(f"pixels {values.sum():+.2f}, bias {bias:+.2f}", fontsize=9, fontweight="normal")
    return axes


def _curve(axes: Axes, signal: np.ndarray, values: np.ndarray, bias: float) -> Axes:
    largest = np.abs(values).max() or 1.0
    steps = np.arange(len(signal))
    for curve, added in zip(signal.reshape(len(signal), -1).T, values.reshape(len(values), -1).T, strict=True):
        axes.plot(steps, curve, color="C4", linewidth=0.8)
        marks = axes.scatter(steps, curve, c=added, s=36 * np.abs(added) / largest, cmap=signed_colors(), linewidths=0)
        marks.set(clim=(-largest, largest), zorder=3)
    axes.set(xlabel="step", ylabel="input")
    axes.set_title(f"steps {values.sum():+.2f}, bias {bias:+.2f}", fontsize=9, fontweight="normal")
    return axes


def _bars(axes: Axes, row: np.ndarray, bias: float, names: list[str], most: int) -> Axes:
    order = np.argsort(-np.abs(row))
    kept = sorted(order[:most])
    shown = [(names[place], row[place]) for place in kept]
    if len(row) > most:
        shown.append((f"{len(row) - most} others", row[order[most:]].sum()))
    shown.append(("bias", bias))
    colors = ["C4" if name == "bias" else "C0" if value >= 0 else "C1" for name, value in shown]
    axes.barh(range(len(shown)), [value for _, value in shown], color=colors)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks(range(len(shown)), [name for name, _ in shown])
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.set(xlabel=f"adds to the output, {row.sum() + bias:+.2f} in all")
    return axes
