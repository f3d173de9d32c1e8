"""The lens on layers: an operator in their place, beside an affine map and the mean."""

import copy
from typing import Any

import numpy as np
import pandas as pd
import torch
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from torch import nn

from linearlens.layers import fit_layer, fourier_lift, replace
from linearlens.reporting._finding import (
    Asked,
    Budget,
    BudgetError,
    Finding,
    NotApplicableError,
    count,
    outputs_of,
    score,
    take,
)
from linearlens.snapshots import collect_layers, cut_points, run_from

TITLE = "Layers as operators"
MOST_SAMPLES, MOST_SPANS = 2000, 6
WIDEST = 2048  # numbers in a state
OBSERVABLES = 300
POINT = 0.01  # a difference of accuracy that matters


def look(asked: Asked, budget: Budget) -> Finding:
    """Put an affine map, then a lifted operator, in the place of each part between two cut points."""
    budget.step("layers: finding where the model can be cut")
    train, test = asked.of_train(MOST_SAMPLES), asked.of_test(MOST_SAMPLES)
    try:
        spans = list(asked.between) if asked.between is not None else _spans(asked.model, train)
    except (ValueError, TypeError) as error:
        raise NotApplicableError(str(error)) from error
    if not spans:
        raise NotApplicableError(
            f"the model cannot be cut at two places with at most {WIDEST} numbers a sample between which something "
            "happens; name some with between=[(start, stop)]."
        )
    own = outputs_of(asked.model, test)
    labels = asked.labels_of_test(MOST_SAMPLES)
    rows, warnings = {}, []
    for start, stop in spans:
        name = f"{start or 'input'} → {stop}"
        try:
            budget.step(f"layers: {name}")
            rows[name] = _one_span(asked, start, stop, train, test, own, labels)
        except BudgetError:
            warnings.append(f"the budget was spent before {name}")
        except ValueError as error:
            warnings.append(f"{name} was left out: {error}")
    if not rows:
        raise NotApplicableError("; ".join(warnings))
    table = pd.DataFrame(rows).T
    table.insert(0, "own", score(own, labels, own))
    return Finding(
        "layers",
        TITLE,
        applies=True,
        verdict=_verdict(table, labels is not None),
        tables={"replacement": table},
        figures={"replacement": _draw(table, labels is not None)},
        warnings=warnings,
    )


def _spans(model: nn.Module, inputs: Any) -> list[tuple[str | None, str]]:
    """Pairs of cut points whose states are narrow, at most so many, spread over the depth; each is more than affine."""
    few = take(inputs, np.arange(min(16, count(inputs))))
    states = {name: collect_layers(model, few, [name])[:, 0] for name in cut_points(model, few)}
    narrow = [name for name, state in states.items() if state.shape[1] <= WIDEST]
    pairs: list[tuple[str | None, str]] = []
    start, *rest = narrow or [""]
    for stop in rest:
        if not _is_affine(model, start, stop, few, states[start]):
            pairs.append((start, stop))
            start = stop
    kept = np.unique(np.linspace(0, len(pairs) - 1, min(len(pairs), MOST_SPANS)).round().astype(int))
    return [pairs[place] for place in kept] if pairs else []


def _is_affine(model: nn.Module, start: str, stop: str, few: Any, states: np.ndarray) -> bool:
    """Whether what is between takes the middle of two states to the middle of theirs."""
    left, right = np.array_split(states[: len(states) // 2 * 2], 2)
    one, other, middle = (
        run_from(model, start, given, stop=stop, inputs=few).reshape(len(given), -1).astype(float)
        for given in (left, right, (left + right) / 2)
    )
    return bool(np.abs(middle - (one + other) / 2).max() <= 1e-4 * np.abs(np.stack([one, other])).max())


def _one_span(
    asked: Asked, start: str | None, stop: str, train: Any, test: Any, own: np.ndarray, labels: np.ndarray | None
) -> dict[str, float]:
    """What is kept of the score, and missed of the variance, with each stand-in."""
    row = {}
    true = collect_layers(asked.model, test, [stop])[:, 0].astype(float)
    mean = collect_layers(asked.model, train, [stop])[:, 0].astype(float).mean(axis=0)
    spread = ((true - mean) ** 2).sum()
    stand_ins = {
        name: fit_layer(asked.model, start, stop, train, lift=lift, seed=asked.seed)
        for name, lift in (("affine", None), ("lifted", fourier_lift(OBSERVABLES, seed=asked.seed)))
    }
    stand_ins["mean"] = copy.deepcopy(stand_ins["affine"])
    stand_ins["mean"].weights.zero_()
    stand_ins["mean"].offset.copy_(torch.from_numpy(mean))
    for name, operator in stand_ins.items():
        hybrid = replace(asked.model, operator)
        row[name] = score(outputs_of(hybrid, test), labels, own)
        missed = ((collect_layers(hybrid, test, [stop])[:, 0].astype(float) - true) ** 2).sum()
        row[f"{name} misses"] = float(missed / spread) if spread else float("nan")
    return row


def _verdict(table: pd.DataFrame, labelled: bool) -> str:
    """What survives, and whether the lift had to do with it."""
    what = "accuracy" if labelled else "decisions"
    dull = table["own"] - table["mean"] <= POINT
    affine = (table["own"] - table["affine"] <= POINT) & ~dull
    lift = (table["lifted"] - table["affine"] > POINT) & ~dull
    parts = []
    if dull.any():
        parts.append(f"at {', '.join(table.index[dull])} even a constant keeps the {what}, so nothing is learnt there")
    if affine.any():
        parts.append(f"at {', '.join(table.index[affine])} an affine map already keeps the {what} to a point")
    if lift.any():
        parts.append(
            f"at {', '.join(table.index[lift])} the lifted operator keeps more than an affine map, by more than a point"
        )
    if rest := [name for name in table.index if not (dull | affine | lift)[name]]:
        parts.append(f"at {', '.join(rest)} neither does")
    said = "; ".join(parts)
    return f"{said[0].upper()}{said[1:]}."


def _draw(table: pd.DataFrame, labelled: bool) -> Figure:
    """A row a span, one axes each for the score and for what is missed."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 0.6 * len(table) + 1.6), sharey=True)
    looks = (("own", "C4", "|"), ("lifted", "C0", "o"), ("affine", "C1", "s"), ("mean", "C3", "D"))
    for name, color, marker in looks:
        left.scatter(table[name], range(len(table)), color=color, marker=marker, s=60, label=name, zorder=3)
        if name != "own":
            right.scatter(table[f"{name} misses"], range(len(table)), color=color, marker=marker, s=60, zorder=3)
    left.set_yticks(range(len(table)), list(table.index))
    left.set(xlabel="test accuracy" if labelled else "share of own decisions kept", ylim=(len(table) - 0.5, -0.5))
    right.set(xlabel="share of the variance missed, test data", xscale="log")
    figure.legend(loc="outside upper center", ncols=len(looks), fontsize=8)
    return figure
