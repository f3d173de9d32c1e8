"""The lens on sequences: eigenvalues of what a recurrent part does, beside persistence and shuffled time."""

import warnings
from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from torch import nn

from linearlens.figures import plot_forecast, plot_spectrum
from linearlens.koopman import (
    Koopman,
    Persistence,
    eigenvector_condition,
    forecast,
    memory_horizon,
    shuffle_time,
)
from linearlens.reporting._finding import (
    WIDTH,
    Asked,
    Budget,
    Finding,
    NotApplicableError,
    seconds_for,
    svd_operations,
)
from linearlens.snapshots import collect_hidden
from linearlens.snapshots.running import as_inputs

TITLE = "The spectrum of what it reads"
MOST_SEQUENCES = 400
AHEAD = (1, 2, 3, 5, 8)
DRAWS = 10  # of shuffled time
RESAMPLED = 1000
LUCK = 0.05  # of a verdict at any horizon
FEW = 5  # pairs a feature
THIN, ROUNDED = 1e4, 1e7  # times as wide as a direction of the states is the widest
FRAGILE = 1e3  # condition of the eigenfunctions
CONTROLS = {"persistence": "Persistence", "mean": "The mean state"}


def look(asked: Asked, budget: Budget) -> Finding:
    """Fit one operator to the hidden states of training sequences, and judge it on those of test sequences."""
    budget.step("spectrum: collecting states")
    try:
        fit = _states(asked, asked.of_train(MOST_SEQUENCES))
        held_out = _states(asked, asked.of_test(MOST_SEQUENCES))
    except (ValueError, TypeError, NotImplementedError) as error:
        why = str(error).partition(", one of [")[0]  # a hundred names of modules, of a large model
        raise NotApplicableError(f"{why}.") from error
    longest = max(map(len, held_out))
    if max(map(len, fit)) < 3 or longest < 3:
        raise NotApplicableError("sequences have fewer than 3 steps.")
    needs = _seconds(fit)
    budget.step("spectrum: fitting", needs=(DRAWS + 2) * needs)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        koopman = Koopman(constant=True).fit(fit)
        residuals = koopman.residuals(held_out)
    heard = [str(one.message) for one in said if issubclass(one.category, UserWarning)]
    budget.step("spectrum: shuffled time", needs=DRAWS * needs)
    null = [
        _without_constant(Koopman(constant=True).fit(shuffle_time(fit, seed=asked.seed + draw)).eigenvalues_)
        for draw in range(DRAWS)
    ]
    budget.step("spectrum: forecasts")
    ahead = [steps for steps in AHEAD if steps < longest]
    errors = {
        "operator": _errors(koopman, held_out, ahead),
        "persistence": _errors(Persistence(), held_out, ahead),
        "mean": _errors(np.concatenate(fit).mean(axis=0, dtype=float), held_out, ahead),
    }
    table, outcome = _compare(errors, ahead, asked.seed)
    return Finding(
        "spectrum",
        TITLE,
        applies=True,
        verdict=_verdict(table, outcome),
        tables={"forecast": table, "eigenvalues": _eigenvalues(koopman.eigenvalues_, residuals)},
        figures={
            "spectrum": _draw_spectrum(koopman.eigenvalues_, residuals, null),
            "forecast": _draw_forecast(table, ahead),
        },
        warnings=[
            *(*_one_way(asked), *_padded(asked), *heard),
            *(*_fragile(fit, koopman), *_warnings(fit, koopman, residuals, null)),
        ],
    )


def _states(asked: Asked, inputs) -> list[np.ndarray]:
    given = inputs if isinstance(inputs, tuple) else (inputs,)
    try:
        found = collect_hidden(asked.model, *given, module=asked.module)
    except ValueError as error:
        if "is bidirectional" not in str(error):
            raise
        found = collect_hidden(asked.model, *given, module=asked.module, direction="forward")
    return [item for item in found if len(item) > 1]


def _one_way(asked: Asked) -> Iterator[str]:
    """Whether only one of two directions is seen."""
    part = dict(asked.model.named_modules()).get(asked.module or "")
    parts = [part] if asked.module else asked.model.modules()
    if any(isinstance(one, nn.RNNBase) and one.bidirectional for one in parts):
        yield "the recurrent part reads in both directions, and these are the states of the forward one alone"


def _without_constant(eigenvalues: np.ndarray) -> np.ndarray:
    """Those that are not the constant's, which is 1 by construction."""
    return np.delete(eigenvalues, np.abs(eigenvalues - 1).argmin())


def _errors(model, trajectories: list[np.ndarray], ahead: list[int]) -> np.ndarray:
    """Squared errors and sizes of states, of shape (2, n_horizons, n_sequences); of a model, or of one state always."""
    sums = np.zeros((2, len(ahead), len(trajectories)))
    for place, steps in enumerate(ahead):
        for number, item in enumerate(trajectories):
            if len(item) > steps:
                (predicted,) = [model] if isinstance(model, np.ndarray) else forecast(model, [item], steps=steps)
                true = item[steps:].astype(float)
                sums[:, place, number] = ((predicted - true) ** 2).sum(), (true**2).sum()
    return sums


def _compare(errors: dict[str, np.ndarray], ahead: list[int], seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Relative errors, and intervals of their ratios over sequences drawn anew; how each horizon comes out.

    A horizon comes out as 1 where the operator is better than both controls, −1 where it is worse than one, else 0.
    """
    n_sequences = errors["operator"].shape[2]
    drawn = np.random.default_rng([seed, 2]).integers(n_sequences, size=(RESAMPLED, n_sequences))
    tiny = np.finfo(float).tiny
    columns = {name: error[0].sum(axis=1) / np.maximum(error[1].sum(axis=1), tiny) for name, error in errors.items()}
    missed = {name: error[0][:, drawn].sum(axis=2) for name, error in errors.items()}
    outcome = np.ones(len(ahead))
    for control in CONTROLS:
        ratio = missed["operator"] / np.maximum(missed[control], tiny)
        low, high = np.quantile(ratio, [LUCK / len(ahead), 1 - LUCK / len(ahead)], axis=1)  # so many are tried
        columns |= {f"operator / {control}, low": low, f"operator / {control}, high": high}
        outcome = np.minimum(outcome, np.where(high < 1, 1, np.where(low > 1, -1, 0)))
    return pd.DataFrame(columns, index=pd.Index(ahead, name="steps ahead")), outcome


def _verdict(table: pd.DataFrame, outcome: np.ndarray) -> str:
    one = table.iloc[0]
    numbers = (
        f"one step ahead it misses {one['operator']:.2g} of the squared size of a state, persistence "
        f"{one['persistence']:.2g}, the mean state {one['mean']:.2g}"
    )
    better = outcome > 0
    if better.all():
        return (
            f"The operator predicts better than persistence and than the mean up to {table.index[-1]} steps ahead: "
            f"{numbers}."
        )
    if better.any():
        steps = ", ".join(str(step) for step in table.index[better])
        return (
            f"The operator predicts better than persistence and than the mean {steps} steps ahead, not at the others "
            f"tried: {numbers}."
        )
    if (outcome < 0).all():
        rival = min(CONTROLS, key=lambda name: one[name])
        return f"{CONTROLS[rival]} predicts better than the operator: {numbers}. Its eigenvalues say nothing here."
    return (
        f"The operator is not shown to predict better than both controls: {numbers}. Its eigenvalues are no evidence."
    )


def _padded(asked: Asked) -> Iterator[str]:
    """Whether sequences end in steps that are all the same, which an operator would take for dynamics."""
    inputs = asked.of_test(MOST_SEQUENCES)
    if isinstance(inputs, Mapping) and "attention_mask" in inputs:
        return
    if isinstance(inputs, list) and len({np.shape(one) for one in inputs}) > 1:
        return
    first = as_inputs(asked.model, inputs).first.numpy(force=True)
    if first.ndim in (2, 3) and first.shape[1] > 3:
        ends = np.all(first[:, -3:].reshape(len(first), 3, -1) == first[:, -1:].reshape(len(first), 1, -1), axis=(1, 2))
        if ends.mean() > 0.05:
            yield (
                f"{ends.mean():.0%} of the sequences end in three steps or more that are the same: if that is padding, "
                "it counts as dynamics here; give a list of sequences without it, or an attention_mask"
            )


def _eigenvalues(eigenvalues: np.ndarray, residuals: np.ndarray) -> pd.DataFrame:
    eigenvalues = np.where(np.arange(len(eigenvalues)) == np.abs(eigenvalues - 1).argmin(), 1, eigenvalues)  # rounded
    angle = np.abs(np.angle(eigenvalues))
    with np.errstate(divide="ignore"):
        period = np.where(angle > 0, 2 * np.pi / angle, np.inf)
    columns = {"eigenvalue": eigenvalues, "modulus": np.abs(eigenvalues), "period": period}
    return pd.DataFrame({**columns, "horizon": memory_horizon(eigenvalues), "residual": residuals})


def _draw_spectrum(eigenvalues: np.ndarray, residuals: np.ndarray, null: list[np.ndarray]) -> plt.Figure:
    figure, axes = plt.subplots(figsize=(WIDTH, 4))
    plot_spectrum(axes, eigenvalues, residuals=residuals, null=null)
    return figure


def _draw_forecast(table: pd.DataFrame, ahead: list[int]) -> plt.Figure:
    figure, axes = plt.subplots(figsize=(WIDTH, 3))
    plot_forecast(axes, {name: table[name].to_numpy() for name in ("operator", *CONTROLS)}, steps=ahead)
    return figure


def _seconds(fit: list[np.ndarray]) -> float:
    """About what one fit takes, its eigenvalues included; residuals and forecasts take about one more."""
    n_pairs, width = sum(map(len, fit)), fit[0].shape[1]
    return seconds_for(multiply_adds=4 * n_pairs * width**2, factored=2 * svd_operations(min(n_pairs, width), width))


def _fragile(fit: list[np.ndarray], koopman: Koopman) -> Iterator[str]:
    """Whether a little noise would give other eigenvalues."""
    states = np.concatenate(fit).astype(float)
    spread = np.linalg.eigvalsh(np.cov(states.T)).clip(min=0) ** 0.5
    thin = int(((spread * THIN < spread[-1]) & (spread * ROUNDED > spread[-1])).sum())  # what is thinner is left out
    if thin:
        yield (
            f"states vary more than {THIN:.0f} times less in {thin} of {len(spread)} directions than in the widest: "
            "the fit is ill-conditioned, and eigenvalues may be those of what is next to nothing in the states"
        )
    condition = eigenvector_condition(koopman.eigenfunctions(states))
    if condition > FRAGILE:
        yield (
            f"the eigenfunctions are nearly dependent (condition {condition:.1g}): an error of the operator can move "
            "eigenvalues by as many times its size, so single ones are fragile"
        )


def _warnings(fit: list[np.ndarray], koopman: Koopman, residuals: np.ndarray, null: list[np.ndarray]) -> Iterator[str]:
    eigenvalues = koopman.eigenvalues_
    n_pairs, width = sum(len(item) - 1 for item in fit), fit[0].shape[1]
    if n_pairs < FEW * width:
        yield f"{n_pairs} pairs of states for {width} features: too few; give more or longer sequences"
    own = np.abs(eigenvalues - 1).argmin()
    others = np.delete(residuals, own)
    if len(others) and np.median(others) > 0.5:
        yield (
            f"half of the eigenfunctions miss their own law by {np.median(others):.0%} or more on test sequences: "
            "inputs drive this part, and one operator without them describes it on the average only"
        )
    largest = np.abs(_without_constant(eigenvalues)).max(initial=0)
    ceiling = np.quantile([np.abs(draw).max(initial=0) for draw in null], 0.95)
    if largest <= ceiling:
        yield (
            f"the largest modulus, {largest:.3f}, is no larger than that of states in random order, {ceiling:.3f}: it "
            "shows how sequences differ from each other, not how they go on"
        )
    if (np.abs(eigenvalues) > 1.01).any():
        yield "eigenvalues outside the unit circle: states grow over the steps seen, and no memory horizon follows"
