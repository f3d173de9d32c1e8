"""Trajectories in any form that `Koopman.fit` takes, read into pairs."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from linearlens.koopman._blocks import check_dask_array, is_dask_array, sum_blocks
from linearlens.koopman._device import is_elsewhere, is_small, sum_on_device
from linearlens.koopman._lift import Lift
from linearlens.koopman._pairs import Pairs
from linearlens.koopman._trajectories import Features, as_array, check_trajectories, each_checked, is_tensor


def read_pairs(trajectories: Any, lift: Lift, *, like: Features | None) -> tuple[Pairs, Lift, Features]:
    """The pairs of all trajectories, lifted.

    Parameters
    ----------
    trajectories : list, array, iterator, dask array or tensor
        As in ``Koopman.fit``.
    lift : Lift
        Its dictionary as given by the caller; with `like`, as fitted earlier.
    like : Features, optional
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
    min_steps = lift.min_steps
    if is_tensor(trajectories) and (not is_elsewhere(trajectories) or is_small(trajectories)):
        trajectories = as_array(trajectories, "the tensor")
    if is_dask_array(trajectories):
        check_dask_array(trajectories)
        features = Features(int(trajectories.shape[2]))
        ready = lift if like is not None else lift.ready()
        return (
            _twice_if_need_be(
                lambda exact: sum_blocks(
                    trajectories, partial(ready.pairs, exact=exact), min_steps=min_steps, like=like
                )
            ),
            ready,
            features,
        )
    if is_tensor(trajectories):
        if lift.dictionary is not None or lift.lag > 1:
            raise ValueError(
                f"a dictionary or a lag needs NumPy arrays, but the tensor is on {trajectories.device}; "
                "give tensor.cpu()"
            )
        pairs = sum_on_device(trajectories, delays=lift.delays, like=like)
        return pairs, lift, Features.of(trajectories)
    if isinstance(trajectories, Iterator):
        ready = lift if like is not None else lift.ready()
        pairs = ready.pairs(each_checked(_flat(trajectories), min_steps=min_steps, like=like))
        return pairs, ready, like or Features(ready.n_features(pairs))
    checked = check_trajectories(trajectories, min_steps=min_steps, like=like)
    ready = lift if like is not None else lift.fitted(checked)
    return _twice_if_need_be(lambda exact: ready.pairs(checked, exact=exact)), ready, Features.of(trajectories[0])


def _twice_if_need_be(read: Callable[[bool], Pairs]) -> Pairs:
    pairs = read(False)
    return read(True) if pairs.lossy else pairs


def _flat(items: Iterator[Any]) -> Iterator[np.ndarray]:
    """Trajectories one by one, whether they come so or as lists of several."""
    for item in items:
        several = isinstance(item, list) and item and np.ndim(item[0]) == 2
        yield from item if several or getattr(item, "ndim", 2) == 3 else [item]
