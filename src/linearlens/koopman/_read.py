"""Trajectories in any form that `Koopman.fit` takes, read into pairs."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from linearlens.koopman._blocks import check_dask_array, is_dask_array, sum_blocks
from linearlens.koopman._device import is_elsewhere, is_small, sum_on_device
from linearlens.koopman._lift import Lift
from linearlens.koopman._pairs import Pairs
from linearlens.koopman._trajectories import Features, as_array, check_trajectories, each_checked, is_tensor


def read_pairs(
    trajectories: Any, lift: Lift, *, like: Features | None, earlier: Pairs | None = None
) -> tuple[Pairs, Lift, Features]:
    """The pairs of all trajectories, lifted.

    Parameters
    ----------
    trajectories : list, array, iterator, dask array or tensor
        As in ``Koopman.fit``.
    lift : Lift
        Its dictionary as given by the caller; with `like`, as fitted earlier.
    like : Features, optional
        Those of an earlier fit.
    earlier : Pairs, optional
        Those of an earlier fit.

    Returns
    -------
    pairs : Pairs
    lift : Lift
        With a dictionary that is fitted.
    features : Features

    Raises
    ------
    ValueError
        On trajectories or a dictionary that will not do.

    Notes
    -----
    Where the data can be read again and sums of products turn out to have lost a direction, they are read again
    without forming products.
    """
    if is_tensor(trajectories) and is_elsewhere(trajectories) and not is_small(trajectories, delays=lift.delays):
        if lift.dictionary is not None or lift.lag > 1:
            raise ValueError(
                f"a dictionary or a lag needs NumPy arrays, but the tensor is on {trajectories.device}; "
                "give tensor.cpu()"
            )
        pairs = sum_on_device(trajectories, delays=lift.delays, like=like)
        if not pairs.lossy:
            return pairs, lift, Features.of(trajectories)
    if is_tensor(trajectories):
        trajectories = as_array(trajectories, "the tensor")
    min_steps = lift.min_steps
    if is_dask_array(trajectories):
        check_dask_array(trajectories)
        lift = lift if like is not None else lift.ready()
        features = Features(int(trajectories.shape[2]))

        def read(*, exact: bool) -> Pairs:
            return sum_blocks(trajectories, partial(lift.pairs, exact=exact), min_steps=min_steps, like=like)

    elif isinstance(trajectories, Iterator):
        lift = lift if like is not None else lift.ready()
        pairs = lift.pairs(each_checked(_flat(trajectories), min_steps=min_steps, like=like), earlier=earlier)
        return pairs, lift, like or Features(lift.n_features(pairs))
    else:
        checked = check_trajectories(trajectories, min_steps=min_steps, like=like)
        lift = lift if like is not None else lift.fitted(checked)
        features = Features.of(next(iter(trajectories)))

        def read(*, exact: bool) -> Pairs:
            return lift.pairs(checked, exact=exact, earlier=earlier)

    pairs = read(exact=False)
    if (earlier is None or earlier.grams is None) and pairs.lossy:
        pairs = read(exact=True)
    return pairs, lift, features


def _flat(items: Iterator[Any]) -> Iterator[np.ndarray]:
    """Trajectories one by one, whether they come so or as lists of several."""
    for item in items:
        several = isinstance(item, list) and item and np.ndim(item[0]) == 2
        yield from item if several or getattr(item, "ndim", 2) == 3 else [item]
