"""The lens on single inputs: exact linear maps, what they are worth, and deletion beside random features."""

import copy
import time
import warnings
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from torch import nn

from linearlens.figures import plot_contributions
from linearlens.instance import AffineMap, linearize
from linearlens.reporting._finding import WIDTH, Asked, Budget, Finding, NotApplicableError, count, outputs_of, take
from linearlens.snapshots import Cut, collect_layers
from linearlens.snapshots.running import as_inputs, like_model, running

TITLE = "One input, one linear map"
MOST_INSTANCES, MOST_OUTPUTS, SHOWN = 64, 10, 4
MOST_FOR_MEAN = 1000
ALIKE = 0.7  # correlation with an untrained model that a reader should know of
NARROW = 4  # an image is wider in both directions
LONG = 24  # steps, from which on a sequence is drawn as a curve
DELETED = 0.1  # share of the features
CLEAR = 0.65  # share of instances
TIMED, FEWEST = 2, 8  # instances
OTHERS = 2.5  # the maps of an untrained model and three deletions take so much more
SOME, LARGE = 10.0, 100.0  # cancellation above which to know of it, and above which single contributions say little


class Part(NamedTuple):
    """What is linearized: the model, or what is behind its embedding, with instances, further inputs and a mean."""

    model: nn.Module
    x: torch.Tensor
    more: tuple[Any, ...]
    mean: np.ndarray

    def outputs(self, x: torch.Tensor) -> np.ndarray:
        """What it gives."""
        return outputs_of(self.model, (x, *self.more))

    def of(self, n: int) -> "Part":
        """The first n instances."""
        return self._replace(x=self.x[:n], more=tuple(one[:n] for one in self.more))

    def maps(self, outputs: list[int]) -> AffineMap:
        """``W x + b`` of each instance."""
        with running(self.model):
            return linearize(self.model, self.x, *self.more, outputs=outputs)


def look(asked: Asked, budget: Budget) -> Finding:
    """Write the winning output of some test instances as W x + b, and ask what it is worth."""
    budget.step("map: finding what is linear")
    try:
        part = _part(asked, asked.model)
        own = part.outputs(part.x)
        chosen = list(asked.outputs) if asked.outputs is not None else _winners(own)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            n = _affordable(part, chosen, budget)
            said.clear()
            part, own = part.of(n), own[:n]
            affine = part.maps(chosen)
    except (ValueError, TypeError) as error:
        raise NotApplicableError(str(error)) from error
    rows, place = np.arange(len(own)), own[:, chosen].argmax(axis=1)
    column = np.asarray(chosen)[place]
    numbers = _numbers(affine, rows, place)
    contributions = affine.contributions().detach().double().numpy()[rows, place]
    budget.step("map: deleting features")
    deletion = _deletion(part, contributions, own[rows, column], column, asked.seed)
    heard = [str(one.message) for one in said if issubclass(one.category, UserWarning)]
    if n < (wanted := min(MOST_INSTANCES, count(asked.test))):
        heard.append(f"{n} instances in place of {wanted}: the budget leaves no time for more")
    alike = _alike_untrained(asked, chosen, contributions, rows, place)
    if alike is not None and alike > ALIKE:
        heard.append(
            f"the sizes of contributions correlate by {alike:.2f} with those of the same model with weights drawn "
            "anew: much of the picture is the input and not what was learnt"
        )
    if not affine.unique.all():
        share = float((~affine.unique).double().mean())
        heard.append(f"{share:.0%} of the maps are not unique: entries tie for the largest of a pool")
    cancels = numbers["cancellation"].median()
    if cancels > SOME:
        heard.append(f"contributions add up to {cancels:.0f} times the output in the median, and cancel but for it")
    bias = affine.bias.detach().double().numpy()[rows, place]
    return Finding(
        "map",
        TITLE,
        applies=True,
        verdict=_verdict(numbers, deletion),
        tables={"worth": numbers, "deletion": deletion},
        figures={"contributions": _draw(asked, contributions, bias, part.x, _titles(asked, own, column))},
        warnings=heard,
    )


def _affordable(part: Part, outputs: list[int], budget: Budget) -> int:
    """How many instances there is time for, from the time that the maps of a few take."""
    for timed in (TIMED, FEWEST):  # the first time something is loaded and compiled
        begin = time.process_time()
        part.of(timed).maps(outputs)
        each = (time.process_time() - begin) / timed * (1 + OTHERS)
        budget.step(f"map: linearizing, from {timed} instances", needs=FEWEST * each)
    return min(len(part.x), int(budget.left_here / max(each, 1e-9)))


def _part(asked: Asked, model: nn.Module) -> Part:
    """The model with test instances; where inputs are tokens, what is behind their embedding."""
    test, train = asked.of_test(MOST_INSTANCES), asked.of_train(MOST_FOR_MEAN)
    if asked.start is None:
        given = as_inputs(model, test)
        if not given.args or given.named:
            raise ValueError("inputs come by name; linearize what is behind the first of them by hand")
        first, *more = given.args
        return Part(model, first, tuple(more), _mean(as_inputs(model, train).first))
    behind = Cut(model, asked.start, "", take(test, np.arange(min(8, count(test)))))
    shape, dtype = behind.shape, like_model(model).dtype
    states, before = (
        torch.as_tensor(collect_layers(asked.model, inputs, [asked.start])[:, 0], dtype=dtype).reshape(-1, *shape)
        for inputs in (test, train)
    )
    return Part(behind, states, (), _mean(before))


def _mean(x: torch.Tensor) -> np.ndarray:
    return x.detach().double().flatten(1).numpy().mean(axis=0)


def _winners(own: np.ndarray) -> list[int]:
    """The outputs that win most often, or the first of a single one."""
    names, counts = np.unique(own.argmax(axis=1), return_counts=True)
    return sorted(int(name) for name in names[np.argsort(-counts)][:MOST_OUTPUTS])


def _numbers(affine: AffineMap, rows: np.ndarray, place: np.ndarray) -> pd.DataFrame:
    """Of each instance: the output, the share of the bias, the cancellation, whether the map is zero."""
    columns = {
        "output": affine.output,
        "share of the bias": affine.bias_share,
        "cancellation": affine.cancellation,
        "zero": affine.is_zero,
        "precision": affine.precision,
    }
    return pd.DataFrame({name: values.detach().double().numpy()[rows, place] for name, values in columns.items()})


def _deletion(part: Part, contributions: np.ndarray, output: np.ndarray, column: np.ndarray, seed: int) -> pd.DataFrame:
    """What the winning output loses without a tenth of the features: those the map names, large ones, any."""
    flat = part.x.detach().double().flatten(1).numpy()
    n = max(1, round(DELETED * flat.shape[1]))
    orders = {
        "named by the map": contributions.reshape(len(flat), -1),
        "far from their mean": np.abs(flat - part.mean),
        "drawn at random": np.random.default_rng([seed, 3]).random(flat.shape),
    }
    lost = {}
    for name, order in orders.items():
        largest = np.argsort(-order, axis=1)[:, :n]
        changed = flat.copy()
        np.put_along_axis(changed, largest, part.mean[largest], axis=1)
        now = part.outputs(torch.as_tensor(changed.reshape(part.x.shape)).to(part.x))
        lost[name] = output - now[np.arange(len(flat)), column]
    return pd.DataFrame(lost)


def _alike_untrained(
    asked: Asked, chosen: list[int], mine: np.ndarray, rows: np.ndarray, place: np.ndarray
) -> float | None:
    """Median correlation of the sizes of contributions with those of the model with weights drawn anew."""
    other = _untrained(asked.model, asked.seed)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = (
                _part(asked, other).of(len(mine)).maps(chosen).contributions().detach().double().numpy()[rows, place]
            )
    except ValueError:  # a map that the trained model has, but not this one
        return None
    pairs = zip(*(np.abs(both).reshape(len(both), -1) for both in (mine, theirs)), strict=True)
    found = [np.corrcoef(one, other)[0, 1] for one, other in pairs if np.ptp(one) > 0 and np.ptp(other) > 0]
    return float(np.median(found)) if found else None


def _untrained(model: nn.Module, seed: int) -> nn.Module:
    """A copy with weights drawn anew; those that no ``reset_parameters`` reaches are shuffled among themselves."""
    other = copy.deepcopy(model)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        for part in other.modules():
            if callable(reset := getattr(part, "reset_parameters", None)):
                reset()
        for mine, theirs in zip(model.parameters(), other.parameters(), strict=True):
            if torch.equal(mine, theirs):
                theirs.copy_(theirs.flatten()[torch.randperm(theirs.numel())].reshape(theirs.shape))
    return other


def _verdict(numbers: pd.DataFrame, deletion: pd.DataFrame) -> str:
    bias, cancels = numbers["share of the bias"].median(), numbers["cancellation"].median()
    if numbers["zero"].mean() > 0.5:
        return f"{numbers['zero'].mean():.0%} of the maps are all zero: the output is the bias, whatever the features."
    if abs(bias) > 0.9 and cancels < 1:
        return f"The bias is {bias:.0%} of the winning output in the median: the features explain next to nothing here."
    if cancels > LARGE:
        return (
            f"The maps are exact and worth little: contributions add up to {cancels:.0f} times the output and cancel, "
            "so no single one can be read."
        )
    named, large, drawn = (deletion[name] for name in deletion.columns)
    wins = float((named > large).mean() + (named == large).mean() / 2)
    says = "more than" if wins > CLEAR else "less than" if wins < 1 - CLEAR else "about as much as"
    return (
        f"Without the tenth of the features that the map names the winning output falls by {named.median():.2g}, "
        f"without those farthest from their mean by {large.median():.2g}, without any tenth by {drawn.median():.2g}: "
        f"the map says {says} the size of the features ({wins:.0%} of the instances)."
    )


def _tokens(asked: Asked, number: int) -> list[str]:
    """Place and name, or number, of each token of an instance."""
    ids = as_inputs(asked.model, take(asked.of_test(MOST_INSTANCES), np.array([number]))).first[0].tolist()
    words = ids if asked.features is None else [asked.features[token] for token in ids]
    return [f"{place} {word}" for place, word in enumerate(words)]


def _titles(asked: Asked, own: np.ndarray, column: np.ndarray) -> list[str]:
    """What was decided, or which output is shown; of a single output that decides, both."""
    if asked.n_outputs == 1 and not (asked.classes is None and asked.test_labels is None):
        names = asked.classes if asked.classes is not None and len(asked.classes) > 1 else ("class 0", "class 1")
        return [f"{names[decided]}, by the output for {names[1]}" for decided in asked.decisions(own)]
    return [asked.name_of(int(output)) for output in column]


def _draw(asked: Asked, contributions: np.ndarray, bias: np.ndarray, inputs: torch.Tensor, titles: list[str]) -> Figure:
    n = min(SHOWN, len(bias))
    image = contributions.ndim > 2 and min(contributions.shape[-2:]) > NARROW and asked.start is None
    rows = -(-n // 2)
    figure, axes = plt.subplots(rows, 2, figsize=(WIDTH, rows * (2.7 if image else 3.6)), squeeze=False)
    for number, one in enumerate(axes.flat[:n]):
        values, signal = contributions[number], inputs[number].detach().double().numpy(force=True)
        long = False
        if not image and values.ndim > 1:  # a sequence: its longer axis is time
            values, signal = _steps(asked, values), _steps(asked, signal)
            long = asked.start is None and asked.features is None and len(values) > LONG
            values = values if long else values.sum(axis=1)
        names = None if image else _tokens(asked, number) if asked.start is not None else asked.features
        plot_contributions(one, values, float(bias[number]), labels=names, signal=signal if long else None)
        one.set_title(f"{titles[number]}\n{one.get_title()}" if one.get_title() else titles[number], fontsize=10)
    return figure


def _steps(asked: Asked, values: np.ndarray) -> np.ndarray:
    """A row a step."""
    steps = values if asked.start is not None or len(values) > NARROW else values.T
    return steps.reshape(len(steps), -1)
