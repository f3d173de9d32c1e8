"""What trajectories and states must look like, checked once, at the door."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Trajectories = Sequence[np.ndarray] | np.ndarray


def check_trajectories(
    trajectories: Trajectories, *, min_steps: int = 1, like: "Features | None" = None
) -> list[np.ndarray]:
    """Return the trajectories as a list of 2-D arrays, or say what is wrong with them.

    Parameters
    ----------
    trajectories : list of ndarray of shape (n_steps_i, n_features), or ndarray of shape \
            (n_trajectories, n_steps, n_features)
        Trajectories may have different lengths; all have the same features, real and finite.
    min_steps : int
        Fewest states a trajectory may have.
    like : Features, optional
        Those of an earlier fit, which these must have too.

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
        hint = "; an array of arrays is a list of them: list(array)" if trajectories.dtype == object else hint
        raise ValueError(
            "need a list of (n_steps, n_features) arrays or one (n_trajectories, n_steps, n_features) array, "
            f"got an array of shape {trajectories.shape}{hint}"
        )
    if not isinstance(trajectories, Iterable):
        raise ValueError(f"need a list of (n_steps, n_features) arrays, got {type(trajectories).__name__}")
    return list(each_checked(trajectories, min_steps=min_steps, like=like))


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


@dataclass(frozen=True)
class Features:
    """How many features states have, and their names if they came as tables.

    Parameters
    ----------
    width : int
    names : list of str, optional
    """

    width: int
    names: list[str] | None = None

    @classmethod
    def of(cls, states: Any) -> "Features":
        """Those of states whose last axis is that of features."""
        columns = getattr(states, "columns", None)
        return cls(np.shape(states)[-1], None if columns is None else [str(name) for name in columns])

    def check(self, states: Any, name: str) -> None:
        """Raise a ValueError unless the states have these features, in this order if both have names."""
        other = Features.of(states)
        if other.width != self.width:
            raise ValueError(f"fitted on states of {self.width} features, got {other.width} in {name}")
        if self.names is not None and other.names is not None and self.names != other.names:
            raise ValueError(
                f"{name} has the columns {other.names}, but those before had {self.names}; give the same columns in "
                "the same order: table[columns]"
            )


def each_checked(
    trajectories: Iterable[np.ndarray], *, min_steps: int = 1, first: int = 0, like: Features | None = None
) -> Iterator[np.ndarray]:
    """Check trajectories one by one as they are asked for, holding none of them; errors as `check_trajectories`.

    Parameters
    ----------
    trajectories : iterable of ndarray of shape (n_steps_i, n_features)
    min_steps : int
        Fewest states a trajectory may have.
    first : int
        Number by which messages call the first one: that of a part of a longer list.
    like : Features, optional

    Yields
    ------
    ndarray of shape (n_steps_i, n_features)
    """
    features = None
    for index, item in enumerate(trajectories, start=first):
        checked = _check_one(as_array(item, f"trajectory {index}"), index, min_steps)
        if features is None:
            features = Features.of(item)
            if like is not None:
                like.check(item, f"trajectory {index}")
        if checked.shape[1] != features.width:
            raise ValueError(
                f"all trajectories need the same features: trajectory {first} has {features.width}, "
                f"trajectory {index} has {checked.shape[1]}"
            )
        features.check(item, f"trajectory {index}")
        yield checked
    if features is None:
        raise ValueError("need at least one trajectory, got an empty list or iterator")


def is_tensor(item: Any) -> bool:
    """Whether this is a torch tensor; torch is not imported, for who has a tensor has done so."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(item, torch.Tensor)


def as_array(item: Any, name: str) -> np.ndarray:
    """What came as a NumPy array: tensors of any device and precision, tables, nested lists.

    Raises
    ------
    ValueError
        If entries are masked: a mask would be lost.
    """
    if is_tensor(item):
        item = item.detach().cpu()
        return (item if item.dtype.itemsize > 2 or not item.is_floating_point() else item.float()).numpy()
    if isinstance(item, np.ma.MaskedArray):
        if np.ma.is_masked(item):
            raise ValueError(f"{name} has masked entries; leave those states out, or fill them and give item.data")
        return item.data
    return np.asarray(item)


def check_real(item: np.ndarray, name: str) -> np.ndarray:
    """Return the array, or raise a ValueError that names it if it holds anything but real numbers."""
    if not (np.issubdtype(item.dtype, np.number) or item.dtype == bool):
        raise ValueError(f"{name} needs numbers, got dtype {item.dtype}; convert it, for instance by .astype(float)")
    if np.iscomplexobj(item):
        raise ValueError(f"{name} is complex ({item.dtype}); stack real and imaginary parts as features")
    return item


def check_whole(name: str, value: Any, least: int) -> None:
    """Raise a ValueError unless this is a whole number, `least` or more."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{name} must be a whole number, {least} or more, got {value!r}")


def in_double(item: Any, name: str) -> np.ndarray:
    """What came as an array of float64, in which differences of small whole numbers or halves do not overflow."""
    return check_real(as_array(item, name), name).astype(np.float64)


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
