"""The lens on parts: what each definition of credit gives them, beside the damage that their loss does."""

import warnings
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from linearlens.credit import BASELINES, METHODS, credits, damages
from linearlens.datasets import Dataset
from linearlens.figures import plot_credits
from linearlens.figures.parts import rank_correlation
from linearlens.reporting._finding import Asked, Budget, Finding, NotApplicableError

TITLE = "Credit of its parts"
MOST_SAMPLES = 3000
NAMED = ("swap", "weight_gain", "noise_gain", "residual")
KIND = "weight_noise"
SEEDS = ((0, 1, 2), (3, 4, 5))
FEWEST_PARTS = 4  # below, a rank correlation says nothing


def look(asked: Asked, budget: Budget) -> Finding:
    """Give credit by several definitions, and damage each part twice."""
    labels = asked.labels_of_train(MOST_SAMPLES), asked.labels_of_test(MOST_SAMPLES)
    if labels[0] is None or labels[1] is None:
        raise NotApplicableError("damage is a loss of accuracy, and no labels came.")
    budget.step("credit: fitting")
    try:
        data = Dataset(
            "mine",
            np.asarray(asked.of_train(MOST_SAMPLES)),
            labels[0],
            np.asarray(asked.of_test(MOST_SAMPLES)),
            labels[1],
        )
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            methods = {name: METHODS[name] for name in NAMED} | BASELINES
            table = credits(asked.model, data, methods=methods, start=asked.start, seed=asked.seed)
            budget.step("credit: damaging")
            first, again = (
                damages(asked.model, data, kinds=[KIND], seeds=seeds, start=asked.start)[KIND] for seeds in SEEDS
            )
    except (ValueError, TypeError) as error:
        raise NotApplicableError(str(error)) from error
    ceiling = rank_correlation(first.to_numpy(), again.to_numpy())
    agreement = {name: rank_correlation(table[name].to_numpy(), first.to_numpy()) for name in table}
    return Finding(
        "credit",
        TITLE,
        applies=True,
        verdict=_verdict(agreement, ceiling, len(table)),
        tables={
            "credit": table.assign(damage=first, again=again),
            "agreement": pd.DataFrame({"with the damage": agreement}),
        },
        figures={"credit": _draw(table, first, again, agreement)},
        warnings=[str(one.message) for one in said if issubclass(one.category, UserWarning)],
    )


def _verdict(agreement: Mapping[str, float], ceiling: float, n_parts: int) -> str:
    known = {name: value for name, value in agreement.items() if np.isfinite(value)}
    if n_parts < FEWEST_PARTS or not known or not np.isfinite(ceiling):
        return f"Of {n_parts} parts, too few or too alike, no right order can be told from luck. Believe the damage."
    controls = {name: known.pop(name) for name in BASELINES if name in known}
    best = max(known, key=lambda name: known[name])
    rival = max(controls, key=lambda name: controls[name])
    said = f"{best} agrees best with the damage ({known[best]:.2f}; the damage with itself {ceiling:.2f})"
    if controls[rival] >= known[best] - 0.1:
        return f"{said}, and {rival} alone does as well ({controls[rival]:.2f}): believe the damage, not a credit."
    return (
        f"{said}, {rival} alone {controls[rival]:.2f}; over {n_parts} parts such a difference is a hint and no proof."
    )


def _draw(table: pd.DataFrame, first: pd.Series, again: pd.Series, agreement: Mapping[str, float]) -> Figure:
    best = sorted((name for name in table if np.isfinite(agreement[name])), key=lambda name: -agreement[name])[:3]
    figure, axes = plt.subplots(figsize=(8, 3.2))
    plot_credits(
        axes,
        {name: table[name].to_numpy() for name in best},
        first.to_numpy(),
        parts=list(table.index),
        repeat=again.to_numpy(),
    )
    return figure
