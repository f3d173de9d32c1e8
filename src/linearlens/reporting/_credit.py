"""The lens on parts: what each definition of credit gives them, beside the damage that their loss does."""

import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from linearlens.credit import BASELINES, METHODS, Study, components, credits, damages, permutation_p, rank_agreement
from linearlens.datasets import Dataset
from linearlens.figures import plot_credits
from linearlens.reporting._finding import WIDTH, Asked, Budget, Finding, NotApplicableError, shortened
from linearlens.snapshots import collect_layers

TITLE = "Credit of its parts"
MOST_SAMPLES = 3000
NAMED = ("swap", "weight_gain", "noise_gain", "residual")
KIND = "weight_noise"
SEEDS = ((0, 1, 2), (3, 4, 5))
WIDEST, FEW = 1500, 8  # numbers in a state; samples on which they are counted
FEWEST_PARTS = 4  # below, a rank correlation says nothing
LUCK = 0.05  # of the orders
CEILING = 0.5  # correlation of the damage with itself, below which no credit can be judged


def look(asked: Asked, budget: Budget) -> Finding:
    """Give credit by several definitions, and damage each part twice."""
    labels = asked.labels_of_train(MOST_SAMPLES), asked.labels_of_test(MOST_SAMPLES)
    if labels[0] is None or labels[1] is None:
        raise NotApplicableError("damage is a loss of accuracy, and no labels came.")
    if asked.n_outputs < 2:
        raise NotApplicableError("damage is a loss of accuracy among two outputs or more, and the model has one.")
    budget.step("credit: fitting")
    try:
        _refuse_wide(asked)
        data = Dataset(
            "mine",
            np.asarray(asked.of_train(MOST_SAMPLES)),
            labels[0],
            np.asarray(asked.of_test(MOST_SAMPLES)),
            labels[1],
        )
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            methods = {name: _within(budget, name, METHODS[name]) for name in NAMED} | BASELINES
            table = credits(asked.model, data, methods=methods, start=asked.start, seed=asked.seed)
            first, again = (
                pd.concat([_damage(asked, budget, data, seed) for seed in seeds], axis=1).mean(axis=1)
                for seeds in SEEDS
            )
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
        warnings=[str(one.message) for one in said if issubclass(one.category, UserWarning)],
    )


def _refuse_wide(asked: Asked) -> None:
    """Raise where states are so wide that the operators between them would take hours."""
    few = asked.of_test(FEW)
    parts = components(asked.model, inputs=few, start=asked.start)
    stops = [part.stop for part in parts if part.stop]
    widths = {stop: collect_layers(asked.model, few, [stop]).shape[-1] for stop in [asked.start, *stops] if stop}
    if wide := {name: width for name, width in widths.items() if width > WIDEST}:
        name, width = max(wide.items(), key=lambda item: item[1])
        raise NotApplicableError(
            f"operators between states of more than {WIDEST} numbers take too long, and {name} has {width}; give "
            "linearlens.credit a narrower part of the model."
        )


def _within(budget: Budget, name: str, method: Callable[[Study], np.ndarray]) -> Callable[[Study], np.ndarray]:
    """The method, if there is time for it."""

    def timed(study: Study) -> np.ndarray:
        budget.step(f"credit: {name}")
        return method(study)

    return timed


def _damage(asked: Asked, budget: Budget, data: Dataset, seed: int) -> pd.Series:
    budget.step(f"credit: damage, draw {seed}")
    return damages(asked.model, data, kinds=[KIND], seeds=[seed], start=asked.start)[KIND]


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
        f"{said}, {rival} alone {agreement[rival]:.2f}; a credit dealt at random among {len(damage)} parts does as "
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
        parts=[shortened(table.index)(part) for part in table.index],
        agreement=agreement.to_dict(),
        repeat=again.to_numpy(),
        ceiling=ceiling,
    )
    return figure
