"""What trajectories and states must look like, checked once, at the door."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

Trajectories = Sequence[np.ndarray] | np.ndarray


def check_trajectories(trajectories: Trajectories, *, min_steps: int = 1) -> list[np.ndarray]:
    """Return the trajectories as a list of 2-D arrays, or say what is wrong with them.

    Parameters
    ----------
    trajectories : list of ndarray of shape (n_steps_i, n_features), or ndarray of shape \
            (n_trajectories, n_steps, n_features)
        Trajectories may have different lengths; all have the same features, real and finite.
    min_steps : int
        Fewest states a trajectory may have.

    Returns
    -------
    list of ndarray of shape (n_steps_i, n_features)
        Views of the caller's arrays where possible; nothing is changed.

    Raises
    ------
    ValueError
        If there is no trajectory, one is not 2-D, is shorter than `min_steps`, has other features than
        the first, or holds NaN, infinity or complex numbers.

    Examples
    --------
    >>> [t.shape for t in check_trajectories(np.zeros((3, 5, 2)))]
    [(5, 2), (5, 2), (5, 2)]
    """
    if isinstance(trajectories, np.ndarray) and trajectories.ndim != 3:
        hint = "; wrap one trajectory in a list: [trajectory]" if trajectories.ndim == 2 else ""
        raise ValueError(
            "need a list of (n_steps, n_features) arrays or one (n_trajectories, n_steps, n_features) array, "
            f"got an array of shape {trajectories.shape}{hint}"
        )
    if not isinstance(trajectories, Iterable):
        raise ValueError(f"need a list of (n_steps, n_features) arrays, got {type(trajectories).__name__}")
    return list(each_checked(trajectories, min_steps=min_steps))


def check_states(states: np.ndarray, label: str, width: int | None = None) -> np.ndarray:
    """Return states as an array of one row a sample, or say what is wrong with them.

    Parameters
    ----------
    states : ndarray of shape (n_samples, width)
        Real and finite.
    label : str
        What a message calls them, in the plural.
    width : int, optional
        How many units they must have; by default any number.

    Returns
    -------
    ndarray of shape (n_samples, width)
        The caller's own where possible; nothing is changed.

    Raises
    ------
    ValueError
        If the shape is another, there is no sample, or one holds NaN, infinity or complex numbers.

    Examples
    --------
    >>> check_states([[1.0, 2.0]], "the inputs").shape
    (1, 2)
    """
    states = np.asarray(states)
    if states.ndim != 2 or not len(states) or (width is not None and states.shape[1] != width):
        wanted = "(n_samples, width)" if width is None else f"(n_samples, {width})"
        raise ValueError(f"{label} need shape {wanted} and a sample or more, got shape {states.shape}")
    if not np.issubdtype(states.dtype, np.number) or np.iscomplexobj(states):
        raise ValueError(f"{label} must be real numbers, got dtype {states.dtype}")
    finite = np.isfinite(states)
    if not finite.all():
        sample, unit = np.argwhere(~finite)[0]
        raise ValueError(
            f"{label} hold {states[sample, unit]} in sample {sample}, unit {unit}; leave such samples out, or train "
            "the model again at a lower rate"
        )
    return states


def each_checked(trajectories: Iterable[np.ndarray], *, min_steps: int = 1, first: int = 0) -> Iterator[np.ndarray]:
    """Check trajectories one by one as they are asked for, holding none of them; errors as `check_trajectories`.

    Parameters
    ----------
    trajectories : iterable of ndarray of shape (n_steps_i, n_features)
    min_steps : int
        Fewest states a trajectory may have.
    first : int
        Number by which messages call the first one: that of a part of a longer list.

    Yields
    ------
    ndarray of shape (n_steps_i, n_features)
    """
    width = 0
    for index, item in enumerate(trajectories, start=first):
        checked = _check_one(np.asarray(item), index, min_steps)
        width = width or checked.shape[1]
        if checked.shape[1] != width:
            raise ValueError(
                f"all trajectories need the same features: trajectory {first} has {width}, "
                f"trajectory {index} has {checked.shape[1]}"
            )
        yield checked
    if not width:
        raise ValueError("need at least one trajectory, got an empty list or iterator")


def check_real(item: np.ndarray, name: str) -> np.ndarray:
    """Return the array, or raise a ValueError that names it if it holds anything but real numbers."""
    if not (np.issubdtype(item.dtype, np.number) or item.dtype == bool):
        raise ValueError(f"{name} needs numbers, got dtype {item.dtype}; convert it, for instance by .astype(float)")
    if np.iscomplexobj(item):
        raise ValueError(f"{name} is complex ({item.dtype}); stack real and imaginary parts as features")
    return item


def _check_one(item: np.ndarray, index: int, min_steps: int) -> np.ndarray:
    name = f"trajectory {index}"
    if item.ndim != 2:
        hint = "; wrap one trajectory in a list: [trajectory]" if item.ndim == 1 else ""
        raise ValueError(f"{name} needs shape (n_steps, n_features), got shape {item.shape}{hint}")
    if item.shape[1] == 0:
        raise ValueError(f"{name} has no features: shape {item.shape}")
    check_real(item, name)
    if len(item) < min_steps:
        raise ValueError(f"{name} is too short: {len(item)} states came, at least {min_steps} are needed")
    finite = np.isfinite(item)
    if not finite.all():
        step, feature = np.argwhere(~finite)[0]
        raise ValueError(f"{name} holds {item[step, feature]} at step {step}, feature {feature}; states must be finite")
    return item
