"""What is lost when a component is damaged: the ground truths that credits are held against."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.func import functional_call

from linearlens.credit._align import align
from linearlens.credit._components import Component, collect_states, flat, split
from linearlens.credit._operators import apart, trusted_operator
from linearlens.datasets import Dataset

WEIGHT_NOISE = (0.3, 0.6, 1.0, 1.5)
ACTIVATION_NOISE = (0.5, 1.0, 2.0)


@dataclass(frozen=True)
class Site:
    """A component with what goes in and what comes out.

    Parameters
    ----------
    part : Component
    before, after : ndarray of shape (n_samples, *its_shape)
        On the inputs on which accuracy is taken.
    train_before, train_after : ndarray
        On the training inputs, to which stand-ins are fitted.
    """

    part: Component
    before: np.ndarray
    after: np.ndarray
    train_before: np.ndarray
    train_after: np.ndarray


def weight_noise(site: Site, rng: np.random.Generator) -> list[np.ndarray]:
    """Each parameter tensor with Gaussian noise of .3, .6, 1 and 1.5 times its root mean square."""
    module, outputs = site.part.module, []
    for level in WEIGHT_NOISE:
        noisy = {
            name: weight + level * weight.square().mean().sqrt() * _normal(weight, rng)
            for name, weight in site.part.weights.items()
        }
        outputs.append(_run(site, lambda x, noisy=noisy: functional_call(module, noisy, (x,))))
    return outputs


def _normal(weight: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    return torch.from_numpy(rng.standard_normal(weight.shape)).to(weight)


def activation_noise(site: Site, rng: np.random.Generator) -> list[np.ndarray]:
    """Outputs with Gaussian noise of .5, 1 and 2 times the standard deviation of each unit."""
    spread = site.after.std(axis=0)
    return [site.after + level * spread * rng.standard_normal(site.after.shape) for level in ACTIVATION_NOISE]


def skip(site: Site, rng: np.random.Generator) -> list[np.ndarray]:
    """Inputs in place of outputs; where widths differ, the last inputs are cut off, or zeros put behind them."""
    identity = align(flat(site.before), flat(site.after)).identity
    return [(flat(site.before) @ identity).reshape(site.after.shape)]


def reinitialise(site: Site, rng: np.random.Generator) -> list[np.ndarray]:
    """Parameters as drawn before a training, by ``reset_parameters`` of each part that has them."""
    module = deepcopy(site.part.module)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**62)))
        for name, part in module.named_modules():
            held = [f"{name}.{each}".lstrip(".") for each, _ in part.named_parameters(recurse=False)]
            if not set(held) & set(site.part.own):
                continue
            # nn.MultiheadAttention has it by the second name only.
            reset = getattr(part, "reset_parameters", getattr(part, "_reset_parameters", None))
            if reset is not None:
                reset()
            else:
                raise ValueError(
                    f"{name!r} of {site.part.name!r} has parameters but no reset_parameters(), so it cannot be drawn "
                    "anew; give its class that method, or leave out 'reinitialise'"
                )
    return [_run(site, module)]


def affine(site: Site, rng: np.random.Generator) -> list[np.ndarray]:
    """The affine operator of the training states in place of the component."""
    operator = trusted_operator(site.part.name, flat(site.train_before), flat(site.train_after))
    return [operator.predict(flat(site.before)).reshape(site.after.shape)]


Damage = Callable[[Site, np.random.Generator], list[np.ndarray]]

DAMAGES: dict[str, Damage] = {
    "weight_noise": weight_noise,
    "activation_noise": activation_noise,
    "skip": skip,
    "reinitialise": reinitialise,
    "affine": affine,
}
DRAWN = ("weight_noise", "activation_noise", "reinitialise")  # the others are the same for each seed


def damages(
    model: nn.Module,
    data: Dataset,
    *,
    kinds: Sequence[str] = tuple(DAMAGES),
    seeds: Sequence[int] = (0, 1, 2),
    stops: Sequence[str] | None = None,
    start: str | None = None,
) -> pd.DataFrame:
    """Loss of test accuracy when one component is damaged and the others stay as they are.

    Parameters
    ----------
    model : nn.Module
        A classifier. Left as it was, bit for bit.
    data : Dataset
        Accuracy is that of the test samples; stand-ins are fitted to the training inputs.
    kinds : sequence of str
        Names from `DAMAGES`.
    seeds : sequence of int
        Each draws the random damages once; drops are means over seeds and levels.
    stops, start
        As in `components`.

    Returns
    -------
    DataFrame
        A row for each component, in order; a column for each kind: accuracy of the whole model less that of the
        damaged one.

    Raises
    ------
    ValueError
        As in `component_operators`; if there is no such kind or no seed, or a component has parameters that cannot be
        drawn anew.

    Notes
    -----
    Kinds rank components differently: say which one is meant. How well an order is known, `noise_ceiling` tells from
    the tables of two halves of the test samples.
    """
    unknown = [kind for kind in kinds if kind not in DAMAGES]
    if isinstance(kinds, str) or unknown or not len(kinds) or not len(seeds):
        raise ValueError(
            f"kinds must be a list of names from {list(DAMAGES)} and seeds one or more numbers, got {kinds!r} "
            f"and {seeds!r}"
        )
    prefix, parts, train = split(model, data.train_inputs, stops, start)
    test = collect_states(parts, data.test_inputs, prefix)
    labels = np.asarray(data.test_labels)
    if labels.shape != (len(test[0]),) or test[-1].ndim != 2:
        raise ValueError(
            f"need a label for each of the {len(test[0])} test inputs and outputs (n_samples, n_classes), got labels "
            f"of shape {labels.shape} and outputs of shape {test[-1].shape}"
        )
    whole = _accuracy(test[-1], labels)
    table = pd.DataFrame(0.0, index=pd.Index([part.name for part in parts], name="component"), columns=list(kinds))
    for i, part in enumerate(parts):
        site = Site(part, test[i], test[i + 1], train[i], train[i + 1])
        for kind in kinds:
            left = [
                _accuracy(_finish(parts[i + 1 :], outputs), labels)
                for seed in (seeds if kind in DRAWN else seeds[:1])
                for outputs in DAMAGES[kind](site, apart(seed, i, list(DAMAGES).index(kind)))
            ]
            table.loc[part.name, kind] = whole - np.mean(left)
    return table


def _run(site: Site, module: Callable) -> np.ndarray:
    with torch.no_grad():
        return site.part.run(site.part.tensor(site.before), module).numpy(force=True)


def _finish(parts: Sequence[Component], states: np.ndarray) -> np.ndarray:
    for part in parts:
        states = part(states)
    return states


def _accuracy(logits: np.ndarray, labels: np.ndarray) -> float:
    return float((logits.argmax(axis=1) == labels).mean())
