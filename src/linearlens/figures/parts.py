"""What the lenses on layers and on credit return, each beside the control that could have done as well."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from linearlens.figures.rows import draw_rows, values_of

LAYER_MARKS = "o^sDvPX*"


def plot_replacement(
    axes: tuple[Axes, Axes],
    accuracy: Mapping[str, Any],
    missed: Mapping[str, Any],
    *,
    controls: Sequence[str] = ("affine",),
    layers: Sequence[str] = (),
) -> tuple[Axes, Axes]:
    """What a network does with an operator in the place of a layer: accuracy, and the variance that is missed.

    Parameters
    ----------
    axes : two matplotlib Axes
    accuracy : mapping of str to float or ndarray of shape (n_networks,) or (n_networks, n_layers)
        Test accuracy with each stand-in; the network's own is named ``"own"``.
    missed : mapping of str to float or ndarray of shape (n_networks,) or (n_networks, n_layers)
        Which share of the variance of what comes after the layer each stand-in misses on test data. Accuracy forgives;
        this does not. A row that only `accuracy` has, such as the network's own, stays empty here.
    controls : sequence of str
        Which of the rows are controls.
    layers : sequence of str
        Names of the layers, where numbers come by layer: each then has a line of its own within its row, and its own
        mark.

    Returns
    -------
    tuple of two Axes

    Raises
    ------
    ValueError
        If a row by layer has not one number for each.
    """
    left, right = axes
    beside = {name: missed.get(name, np.nan) for name in accuracy} | dict(missed)  # rows stand beside each other
    _draw_table(left, accuracy, controls, layers)
    left.set(xlabel="test accuracy")
    _draw_table(right, beside, controls, layers)
    right.set(xlabel="share of the variance missed, test data")
    if min(row.min() for row in values_of(missed).values()) > 0:
        right.set_xscale("log")
    if layers:
        left.legend(handles=_layer_marks(layers), loc="upper left", fontsize=8)
    return axes


def _draw_table(axes: Axes, table: Mapping[str, Any], controls: Sequence[str], layers: Sequence[str]) -> None:
    """Rows as `draw_rows` has them, those with numbers by layer split into lines."""
    if wrong := {
        name: np.shape(row) for name, row in table.items() if np.ndim(row) == 2 and np.shape(row)[1] != len(layers)
    }:
        raise ValueError(f"need one number for each of the {len(layers)} layers {list(layers)}, got shapes {wrong}")
    draw_rows(axes, {name: np.nan if np.ndim(row) == 2 else row for name, row in table.items()}, controls=controls)
    offsets = (np.arange(len(layers)) - (len(layers) - 1) / 2) * 0.8 / max(len(layers), 1)
    for place, (name, row) in enumerate(table.items()):
        if np.ndim(row) != 2:
            continue
        color = "C1" if name in controls else "C0"
        for offset, mark, cells in zip(offsets, LAYER_MARKS, np.asarray(row).T, strict=False):
            where = place + offset
            axes.plot(cells, np.full(len(cells), where), linewidth=0.8, color=color, alpha=0.5)
            axes.scatter(cells, np.full(len(cells), where), marker=mark, color=color, alpha=0.7, zorder=3, label=name)
            axes.plot([np.median(cells)] * 2, [where - 0.11, where + 0.11], color="black", linewidth=1.6, zorder=4)


def _layer_marks(layers: Sequence[str]) -> list[Line2D]:
    return [
        Line2D([], [], linestyle="", marker=mark, color="C4", label=name)
        for mark, name in zip(LAYER_MARKS, layers, strict=False)
    ]


def plot_credits(
    axes: Axes,
    credits: Mapping[str, Any],
    damage: Any,
    *,
    parts: Sequence[str],
    agreement: Mapping[str, float] | None = None,
    repeat: Any = None,
    ceiling: float | None = None,
) -> Axes:
    """How each way of giving credit ranks the parts, beside the damage that each part's loss does.

    Parameters
    ----------
    axes : matplotlib Axes
    credits : mapping of str to ndarray of shape (n_parts,)
        Each is scaled so that its sizes add up to 1.
    damage : ndarray of shape (n_parts,)
        What is lost with each part, such as points of accuracy; scaled likewise.
    parts : sequence of str
        Names of the parts, in the order of the network.
    agreement : mapping of str to float, optional
        Rank correlation of credits with the damage, as :func:`linearlens.credit.rank_agreement` gives it; stands beside
        the label.
    repeat : ndarray of shape (n_parts,), optional
        The same damage once more, on other data or with other noise.
    ceiling : float, optional
        How well the damage and its repetition agree: the most that a credit could reach. Stands beside the label.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If something has not one finite number for each part.
    """
    rows = {"damage": damage} | ({} if repeat is None else {"damage again": repeat}) | dict(credits)
    table = {name: np.asarray(row, dtype=float) for name, row in rows.items()}
    if wrong := [name for name, row in table.items() if row.shape != (len(parts),) or not np.isfinite(row).all()]:
        raise ValueError(
            f"need one finite number for each of the {len(parts)} parts, got { ({name: rows[name] for name in wrong}) }"
        )
    width = 0.8 / len(table)
    said = {name: f"{name}: {value:.2f}" for name, value in ({} if agreement is None else agreement).items()}
    if ceiling is not None:
        said["damage again"] = f"damage again: {ceiling:.2f}, the noise ceiling"
    colors = {"damage": "black", "damage again": "C4"} | {name: f"C{place % 4}" for place, name in enumerate(credits)}
    for place, (name, row) in enumerate(table.items()):
        size = np.abs(row).sum()
        where = np.arange(len(parts)) + (place - (len(table) - 1) / 2) * width
        axes.bar(where, row / size if size else row, width, color=colors[name], label=said.get(name, name))
    axes.axhline(0, color="C4", linewidth=0.8)
    wide = len("".join(parts)) > 40  # letters; then they are slanted
    axes.set_xticks(range(len(parts)), list(parts), rotation=40 if wide else 0, ha="right" if wide else "center")
    axes.set(ylabel="share of all parts")
    title = "rank correlation with the damage" if said else None
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), title=title, alignment="left")
    return axes
