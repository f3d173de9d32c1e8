"""The lens on parts: what each definition of credit gives them, beside the damage that their loss does."""

import time
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from torch import nn

from linearlens.credit import (
    BASELINES,
    METHODS,
    components,
    credits,
    damages,
    permutation_p,
    rank_agreement,
)
from linearlens.datasets import Dataset
from linearlens.figures import plot_credits
from linearlens.reporting._finding import (
    WIDTH,
    Asked,
    Budget,
    Finding,
    NotApplicableError,
    seconds_for,
    shortened,
    svd_operations,
)
from linearlens.snapshots.running import run_and_watch, to_array

TITLE = "Credit of its parts"
MOST_SAMPLES = 3000
NAMED = ("swap", "weight_gain", "noise_gain", "residual")
KIND = "weight_noise"
SEEDS = ((0, 1, 2), (3, 4, 5))
WIDEST, FEW = 1500, 32  # numbers in a state; samples on which they are counted
FEWEST_PARTS = 4  # below, a rank correlation says nothing
LUCK = 0.05  # of the orders
LEVELS, RIDGES = 4, 7  # of noise in a damage; tried for an operator
CEILING = 0.5  # correlation of the damage with itself, below which no credit can be judged


def look(asked: Asked, budget: Budget) -> Finding:
    """Give credit by several definitions, and damage each part twice."""
    labels = asked.labels_of_train(MOST_SAMPLES), asked.labels_of_test(MOST_SAMPLES)
    if labels[0] is None or labels[1] is None:
        raise NotApplicableError("damage is a loss of accuracy, and no labels came.")
    if asked.n_outputs < 2:
        raise NotApplicableError("damage is a loss of accuracy among two outputs or more, and the model has one.")
    budget.step("credit: timing the parts")
    try:
        parts = _parts(asked)
        data = Dataset(
            "mine",
            np.asarray(asked.of_train(MOST_SAMPLES)),
            labels[0],
            np.asarray(asked.of_test(MOST_SAMPLES)),
            labels[1],
        )
        two_damages, needs = _seconds(parts, len(data.train_inputs), len(data.test_inputs))
        methods, left_out = _affordable(budget, two_damages, needs)
        if parts[0].start != asked.start:
            left_out.append(f"credit begins behind {parts[0].start}: before it states have more than {WIDEST} numbers")
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            budget.step(f"credit: {', '.join(methods)}")
            start = parts[0].start
            table = credits(
                asked.model,
                data,
                methods={name: METHODS[name] for name in methods} | BASELINES,
                start=start,
                seed=asked.seed,
            )
            first, again = (_damage(asked.model, start, budget, data, seeds, two_damages / 2) for seeds in SEEDS)
    except (ValueError, TypeError) as error:
        raise NotApplicableError(str(error)) from error
    damage = first.to_frame(KIND)
    agreement = rank_agreement([table], [damage]).iloc[0].xs(KIND, level=1)
    luck = permutation_p([table], [damage], seed=asked.seed).xs(KIND, level=1)
    ceiling = float(rank_agreement([damage], [again.to_frame(KIND)]).iloc[0, 0])
    return Finding(
        "credit",
        TITLE,
        applies=True,
        verdict=_verdict(agreement, luck, ceiling, first),
        tables={
            "credit": table.assign(damage=first, again=again),
            "agreement": pd.DataFrame({"with the damage": agreement, "as good by luck": luck}),
        },
        figures={"credit": _draw(table, first, again, agreement, ceiling)},
        warnings=left_out + [str(one.message) for one in said if issubclass(one.category, UserWarning)],
    )


class Part(NamedTuple):
    """Of a component: the modules around it, the widths of their states, and CPU seconds for a sample."""

    start: str | None
    stop: str
    before: int
    after: int
    seconds: float


def _parts(asked: Asked) -> list[Part]:
    """Components as they run on a few samples: all of them, or those behind the last states that are too wide.

    Raises
    ------
    NotApplicableError
        If fewer than two are left.
    """
    few = asked.of_test(FEW)
    state, parts = np.asarray(few), []
    if asked.start is not None:
        state = to_array(run_and_watch(asked.model, few, [asked.start])[asked.start])
    for one in components(asked.model, inputs=few, start=asked.start):
        before, begin = state, time.process_time()
        state = one(before)
        seconds = (time.process_time() - begin) / len(few)
        parts.append(Part(one.start, one.stop, before[0].size, state[0].size, seconds))
    wide = [place for place, part in enumerate(parts) if part.before > WIDEST]
    if not wide:
        return parts
    last = parts[wide[-1]]
    if len(parts) - wide[-1] < 3:
        raise NotApplicableError(
            f"operators between states of more than {WIDEST} numbers take too long, and {last.start or 'its input'} "
            f"has {last.before}; give linearlens.credit a narrower part of the model."
        )
    return parts[wide[-1] + 1 :]


def _seconds(parts: list[Part], n: int, n_test: int) -> tuple[float, dict[tuple[str, ...], float]]:
    """About what both damages take, and each group of definitions of credit, from n samples to fit and some to test."""
    run = [part.seconds for part in parts]
    behind = sum(run[place] for first in range(len(run)) for place in range(first, len(run)))
    damage = n_test * LEVELS * sum(map(len, SEEDS)) * behind + len(SEEDS) * (FEW + n_test) * sum(run)
    bases = sum(svd_operations(n, part.before) for part in parts)
    tried = sum(2 * n * k * (k + 2 * after) for _, _, before, after, _ in parts for k in [min(n, before)])
    fitted = seconds_for(multiply_adds=RIDGES * tried, factored=bases)
    excited = sum(8 * n * before * (before + after) for _, _, before, after, _ in parts)
    return damage, {
        ("swap", "noise_gain"): fitted + seconds_for(factored=bases) + (n + n_test) * sum(run),
        ("weight_gain",): 2 * (5 * n * sum(run) + seconds_for(multiply_adds=excited)),
        ("residual",): fitted,
    }


def _affordable(budget: Budget, damage: float, needs: dict[tuple[str, ...], float]) -> tuple[list[str], list[str]]:
    """Which definitions of credit there is time for beside the damages, and what is left out.

    Raises
    ------
    BudgetError
        If there is time for none.
    """
    total = damage
    chosen: list[str] = []
    for group in sorted(needs, key=lambda group: needs[group]):
        if not chosen:
            budget.step("credit: damages and one definition", needs=total + needs[group])
        if total + needs[group] <= budget.left_here:
            total += needs[group]
            chosen += group
    rest = [name for name in NAMED if name not in chosen]
    said = f"{', '.join(rest)} left out: the budget leaves no time for more than damages and what is shown"
    return [name for name in NAMED if name in chosen], [said] if rest else []


def _damage(
    model: nn.Module, start: str | None, budget: Budget, data: Dataset, seeds: tuple[int, ...], needs: float
) -> pd.Series:
    budget.step(f"credit: damage, draws {', '.join(map(str, seeds))}", needs=needs)
    few = replace(data, train_inputs=data.train_inputs[:FEW], train_labels=data.train_labels[:FEW])  # none is fitted
    return damages(model, few, kinds=[KIND], seeds=seeds, start=start)[KIND]


def _verdict(agreement: pd.Series, luck: pd.Series, ceiling: float, damage: pd.Series) -> str:
    if len(damage) < FEWEST_PARTS or damage.nunique() == 1:
        return (
            f"Of {len(damage)} parts, too few or too alike, no right order can be told from luck. Believe the damage."
        )
    if ceiling < CEILING:
        return (
            f"The damage agrees with itself by {ceiling:.2f} only when its noise is drawn anew: no credit can be "
            "judged by it. Take more test samples, or a network with more to lose."
        )
    best, rival = agreement.drop(list(BASELINES)).idxmax(), agreement[list(BASELINES)].idxmax()
    said = f"{best} agrees best with the damage ({agreement[best]:.2f}; the damage with itself {ceiling:.2f})"
    if agreement[rival] >= agreement[best] - 0.1:
        return (
            f"{said}, and {rival} alone does as well or better ({agreement[rival]:.2f}): believe the damage, not a "
            "credit."
        )
    tried = len(agreement) - len(BASELINES)
    rest = "a hint and no proof" if luck[best] * tried > LUCK else "more than luck, in this one network"
    return (
        f"{said}, {rival} alone {agreement[rival]:.2f}; a credit drawn at random among {len(damage)} parts does as "
        f"well in {luck[best]:.2g} of the cases, and {tried} were tried: {rest}."
    )


def _draw(table: pd.DataFrame, first: pd.Series, again: pd.Series, agreement: pd.Series, ceiling: float) -> Figure:
    finite = [name for name in table if np.isfinite(table[name]).all()]
    best = sorted(finite, key=lambda name: -agreement[name])[:3]
    figure, axes = plt.subplots(figsize=(WIDTH, 4.5))
    plot_credits(
        axes,
        {name: table[name].to_numpy() for name in best},
        first.to_numpy(),
        parts=_short(table.index),
        agreement=agreement.to_dict(),
        repeat=again.to_numpy(),
        ceiling=ceiling,
    )
    return figure


def _short(names: Sequence[str]) -> list[str]:
    """The last parts of names where they tell them apart."""
    last = [name.rpartition(".")[2] for name in names]
    return last if len(set(last)) == len(last) else list(map(shortened(names), names))
