"""The lens on layers: an operator in their place, beside an affine map and the mean."""

import copy
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import torch
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import nn

from linearlens.figures import plot_replacement
from linearlens.layers import fit_layer, fourier_lift, replace
from linearlens.reporting._finding import (
    WIDTH,
    Asked,
    Budget,
    BudgetError,
    Finding,
    NotApplicableError,
    count,
    outputs_of,
    seconds_for,
    shortened,
    svd_operations,
    take,
)
from linearlens.snapshots import collect_layers, cut_points, run_from
from linearlens.snapshots.running import as_inputs, run_and_watch

TITLE = "Layers as operators"
MOST_SAMPLES, MOST_SPANS = 2000, 4
WIDEST = 2048  # numbers in a state
OBSERVABLES = 300
STAND_INS = ("lifted", "affine", "mean")
FEW = 16  # samples on which places are found
PASSES = 6, 6  # of all training and of all test samples through the model, for one span
POINT = 0.01  # a loss that matters
SURE = 1.645  # standard errors to either side: one-sided 95 percent
LETTERS = 45  # in a line of a title
DEAD = 0.1  # share of the numbers in a state


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
    rows, left_out, heard = _replaced(asked, budget, spans, train, test)
    if not rows:
        raise NotApplicableError("; ".join(left_out))
    table = pd.DataFrame(rows).T
    what = "accuracy" if asked.test_labels is not None else "decisions" if asked.decides else "output"
    return Finding(
        "layers",
        TITLE,
        applies=True,
        verdict=_verdict(table, what, count(test)),
        tables={"replacement": table},
        figures={"replacement": _draw(table, what)},
        warnings=left_out + heard,
    )


def _replaced(
    asked: Asked, budget: Budget, spans: list[tuple[str | None, str]], train: Any, test: Any
) -> tuple[dict[str, dict[str, float]], list[str], list[str]]:
    """A row a span, what was left out, and warnings; those that cost least come first, and stay if it is stopped."""
    rows: dict[str, dict[str, float]] = {}
    left_out: list[str] = []
    heard: list[str] = []
    short = shortened([name for span in spans for name in span if name])
    names = {span: f"{short(span[0]) or 'input'} → {short(span[1])}" for span in spans}
    needs = _seconds(asked, spans, train, test)
    for span in sorted(spans, key=lambda span: needs[span]):
        (start, stop), name = span, names[span]
        try:
            budget.step(f"layers: {name}", needs=needs[span])
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always", UserWarning)
                rows[name] = _one_span(asked, start, stop, train, test)
            heard += [f"{name}: {one.message}" for one in said if issubclass(one.category, UserWarning)]
            heard += [f"{name}: {one}" for one in _remarks(asked, start, train)]
        except (BudgetError, KeyboardInterrupt) as error:
            budget.interrupted |= isinstance(error, KeyboardInterrupt)
            if not rows:
                raise
            left_out.append(f"{name} left out: {budget.over or error}")
        except ValueError as error:
            left_out.append(f"{name} left out: {error}")
    return {name: rows[name] for name in names.values() if name in rows}, left_out, heard


def _seconds(
    asked: Asked, spans: list[tuple[str | None, str]], train: Any, test: Any
) -> dict[tuple[str | None, str], float]:
    """About what each span takes: passes through the model, and two fits, each of a part and of all samples."""
    names = sorted({name for span in spans for name in span if name})
    few = take(train, np.arange(min(FEW, count(train))))
    try:
        states = run_and_watch(asked.model, few, names)
    except ValueError:  # a name that does not exist; it is reported where it is used
        return dict.fromkeys(spans, 0.0)
    widths: dict[str | None, int] = {name: state.flatten(1).shape[1] for name, state in states.items()}
    widths[None] = as_inputs(asked.model, few).first.flatten(1).shape[1]
    n = count(train)
    passes = asked.seconds_a_sample * (PASSES[0] * n + PASSES[1] * count(test))
    found = {}
    for start, stop in spans:
        both = widths[start], widths[start] + OBSERVABLES
        products = sum(d * (2 * n * d * (n >= d) + 20 * min(n, d) * widths[stop] + 4 * n * widths[stop]) for d in both)
        found[start, stop] = passes + seconds_for(
            multiply_adds=products, factored=sum(2 * svd_operations(min(n, d), d) for d in both)
        )
    return found


def _remarks(asked: Asked, start: str | None, train: Any) -> Iterator[str]:
    """What to know of the states that are lifted."""
    inputs = as_inputs(asked.model, train).first
    states = collect_layers(asked.model, train, [start])[:, 0] if start else inputs.flatten(1).numpy(force=True)
    still = np.ptp(states, axis=0) == 0
    if still.mean() > DEAD:
        yield f"{still.sum()} of {len(still)} numbers never change over the training samples: dead units or borders"
    if len(states) < (~still).sum():
        yield (
            f"{len(states)} training samples for {(~still).sum()} numbers: only the ridge holds the affine map, and "
            "more samples may change what it keeps"
        )


def _spans(model: nn.Module, inputs: Any) -> list[tuple[str | None, str]]:
    """Pairs of cut points whose states are narrow, at most so many, spread over the depth; each is more than affine."""
    few = take(inputs, np.arange(min(FEW, count(inputs))))
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


def _one_span(asked: Asked, start: str | None, stop: str, train: Any, test: Any) -> dict[str, float]:
    """What is kept with each stand-in, bounds of what one loses to another, and what is missed of the variance."""
    own, labels = outputs_of(asked.model, test), asked.labels_of_test(MOST_SAMPLES)
    before, after = _ends(asked.model, start, stop, test)
    true = after.flatten(1).double().numpy(force=True)
    mean = collect_layers(asked.model, train, [stop])[:, 0].astype(float).mean(axis=0)
    spread = ((true - mean) ** 2).sum()
    stand_ins = {
        name: fit_layer(asked.model, start, stop, train, lift=lift, seed=asked.seed)
        for name, lift in (("lifted", fourier_lift(OBSERVABLES, seed=asked.seed)), ("affine", None))
    }
    stand_ins["mean"] = copy.deepcopy(stand_ins["affine"])
    stand_ins["mean"].weights.zero_()
    stand_ins["mean"].offset.copy_(torch.from_numpy(mean))
    missed = {"own": asked.missed(own, labels, own)}
    row = {}
    for name, operator in stand_ins.items():
        hybrid = replace(asked.model, operator)
        missed[name] = asked.missed(outputs_of(hybrid, test), labels, own)
        off = ((operator(before).flatten(1).double().numpy(force=True) - true) ** 2).sum()
        row[f"{name} misses"] = float(off / spread) if spread else float("nan")
    kept = {name: float(1 - one.mean()) for name, one in missed.items()}
    bounds = {
        f"{less} − {more}, {end}": value
        for more, less in (("affine", "own"), ("affine", "lifted"), ("mean", "own"))
        for end, value in zip(("low", "high"), _bounds(missed[more] - missed[less], decides=asked.decides), strict=True)
    }
    return kept | row | bounds


def _ends(model: nn.Module, start: str | None, stop: str, inputs: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """States at both ends of a span."""
    states = run_and_watch(model, inputs, [name for name in (start, stop) if name])
    return as_inputs(model, inputs).first if start is None else states[start], states[stop]


def _bounds(lost: np.ndarray, *, decides: bool) -> tuple[float, float]:
    """Between which the mean loss is, 95 percent to either side, over test samples.

    Of decisions one sample more is lost and one won, so that few samples that all agree are no proof.
    """
    lost = np.append(lost, [1.0, -1.0]) if decides else lost
    half = SURE * lost.std() / np.sqrt(len(lost))
    return float(lost.mean() - half), float(lost.mean() + half)


def _verdict(table: pd.DataFrame, what: str, n_test: int) -> str:
    """What survives, and whether the lift had to do with it."""
    dull = table["own − mean, high"] <= POINT
    affine = (table["own − affine, high"] <= POINT) & ~dull
    loses = (table["own − affine, low"] > 0) & ~(dull | affine)
    lift = (table["lifted − affine, low"] > 0) & loses
    unknown = ~(dull | affine | loses)
    says = {
        f"even a constant keeps the {what}, so nothing is learnt there": dull,
        f"an affine map already keeps the {what} to a point": affine,
        f"an affine map does not keep the {what}, and the lifted operator keeps more of it": lift,
        f"an affine map does not keep the {what}, and the lifted operator is not shown to keep more": loses & ~lift,
        f"{n_test} test samples cannot tell whether an affine map keeps the {what} to a point": unknown,
    }
    said = "; ".join(f"{_places(table.index, where)} {one}" for one, where in says.items() if where.any())
    return f"{said[0].upper()}{said[1:]}."


def _places(names: pd.Index, where: pd.Series) -> str:
    return f"at all {len(names)} places tried" if where.all() and len(names) > 1 else f"at {', '.join(names[where])}"


def _draw(table: pd.DataFrame, what: str) -> Figure:
    """A pair of axes a span: what is kept, and what is missed of the variance."""
    figure, axes = plt.subplots(len(table), 2, figsize=(WIDTH, 1.4 * len(table) + 0.8), sharex="col", squeeze=False)
    names = {"accuracy": "test accuracy", "decisions": "own decisions kept", "output": "R² of own output"}
    for pair, (span, row) in zip(axes, table.iterrows(), strict=True):
        kept = {name: row[name] for name in ("own", *STAND_INS)}
        plot_replacement(
            tuple(pair), kept, {name: row[f"{name} misses"] for name in STAND_INS}, controls=("affine", "mean")
        )
        title = pair[0].set_title(span if len(span) <= LETTERS else span.replace(" → ", "\n→ "), loc="left")
        title.set_in_layout(False)  # it may reach over both axes
        pair[0].xaxis.set_major_locator(MaxNLocator(4))
        pair[0].set_xlabel(names[what])
        pair[1].set_xlabel("variance missed, test data")
        pair[1].xaxis.set_major_formatter("{x:g}")  # a power's exponent is too small to read on a phone
        for one in pair:
            one.label_outer(remove_inner_ticks=True)
            one.tick_params(axis="y", labelleft=True)
    return figure
