"""The pairs of a dask array: those of each block where the block is, then a tree of sums."""

import sys
from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any

import numpy as np

from linearlens.koopman._pairs import Pairs
from linearlens.koopman._trajectories import Features, each_checked


def is_dask_array(trajectories: Any) -> bool:
    """Whether this is a dask array; dask is not imported, for who has none need not have it installed."""
    dask = sys.modules.get("dask.array")
    return dask is not None and isinstance(trajectories, dask.Array)


def check_dask_array(array: Any) -> None:
    """Raise a ValueError unless a dask array has shape (n_trajectories, n_steps, n_features), known and not empty."""
    if array.ndim != 3:
        hint = "; add an axis for one trajectory: array[None]" if array.ndim == 2 else ""
        raise ValueError(
            f"need a dask array of shape (n_trajectories, n_steps, n_features), got shape {array.shape}{hint}"
        )
    if np.isnan(array.shape).any():
        raise ValueError(f"the dask array has blocks of unknown size: shape {array.shape}; call compute_chunk_sizes()")
    if not array.shape[0]:
        raise ValueError(f"need at least one trajectory, got a dask array of shape {array.shape}")


def sum_blocks(
    array: Any, pairs_of: Callable[[Iterable[np.ndarray]], Pairs], *, min_steps: int, like: Features | None = None
) -> Pairs:
    """The pairs of all trajectories of a dask array.

    Parameters
    ----------
    array : dask array of shape (n_trajectories, n_steps, n_features)
        Each block holds whole trajectories once the axes of time and features are joined, if they are split.
    pairs_of : callable
        Maps trajectories to their pairs. It runs where the block is, so only what is kept of them travels.
    min_steps : int
        Fewest states a trajectory may have.
    like : Features, optional
        As in `each_checked`.

    Returns
    -------
    Pairs

    Raises
    ------
    ValueError
        As `check_trajectories`, raised where the block is, with the number of the trajectory in the whole array.
    """
    from dask import delayed

    def pairs_of_block(block: np.ndarray, first: int) -> Pairs:
        return pairs_of(each_checked(block, min_steps=min_steps, first=first, like=like))

    whole = array.rechunk({1: -1, 2: -1})
    firsts = np.cumsum([0, *whole.chunks[0]])
    pairs = [
        delayed(pairs_of_block)(block, int(first))
        for block, first, size in zip(whole.to_delayed().ravel(), firsts, whole.chunks[0], strict=False)
        if size
    ]
    while len(pairs) > 1:  # neighbours join, so that a sum is never further from a block than the depth of the tree
        joined = [delayed(_join)(*two) for two in zip(pairs[::2], pairs[1::2], strict=False)]
        pairs = joined + pairs[2 * len(joined) :]
    return pairs[0].compute()


def _join(one: Pairs, other: Pairs) -> Pairs:
    """The pairs of both; neither is changed, for dask may use them again."""
    return deepcopy(one).absorb(other)
