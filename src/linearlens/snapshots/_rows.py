"""States as rows, and back: feature maps and tokens have more axes than one."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import torch

KINDS = ("flat", "each", "mean")


@dataclass(frozen=True)
class Rows:
    """How states of shape ``(n, *shape)`` become rows, and how rows become states again.

    Parameters
    ----------
    kind : {"flat", "each", "mean"}
        "flat": a row a sample, all its numbers one behind the other; back again without loss. "each": a row for each
        position of each sample, such as a token or a pixel, so that all positions share one operator; back again
        without loss. "mean": a row a sample, the mean over positions; back, all positions get the same.
        States of shape (n, width) have no positions and stay as they are.
    positions : int or sequence of int
        Axes that number positions: 1 for tokens (n, tokens, width), (2, 3) for feature maps (n, channels, h, w). No
        layout is guessed, so "each" and "mean" need them.

    Raises
    ------
    ValueError
        If there is no such kind, or positions come without need or are missing.

    Examples
    --------
    >>> maps = torch.zeros(5, 3, 4, 4)
    >>> [tuple(Rows(kind, (2, 3)).of(maps).shape) for kind in ("each", "mean")], tuple(Rows().of(maps).shape)
    ([(80, 3), (5, 3)], (5, 48))
    >>> tuple(Rows("each", (2, 3)).back(torch.zeros(80, 7), (7, 4, 4)).shape)
    (5, 7, 4, 4)
    """

    kind: str = "flat"
    positions: int | Sequence[int] = ()

    def __post_init__(self) -> None:
        axes = self.axes
        if self.kind not in KINDS or (self.kind == "flat") == bool(axes) or min(axes, default=1) < 1:
            raise ValueError(
                f"rows must be 'flat', or 'each' or 'mean' with the axes that number positions, such as positions=1 "
                f"for (n, tokens, width) or (2, 3) for (n, channels, h, w); got {self.kind!r} and "
                f"positions={self.positions}"
            )

    @property
    def axes(self) -> tuple[int, ...]:
        """The positions as a tuple, in order."""
        return (self.positions,) if isinstance(self.positions, int) else tuple(sorted(self.positions))

    def of(self, states: torch.Tensor) -> torch.Tensor:
        """Rows of shape (n_rows, width) of states ``(n, *shape)``.

        Raises
        ------
        ValueError
            If the states have no axis for the samples and one beside it, or not the axes of the positions.
        """
        self._check(states.shape)
        if self.kind == "flat" or states.ndim == 2:
            return states.flatten(1)
        if self.kind == "mean":
            return states.mean(dim=self.axes).flatten(1)
        last = tuple(range(states.ndim - len(self.axes), states.ndim))
        return states.movedim(self.axes, last).flatten(1, -len(self.axes) - 1).movedim(1, -1).flatten(0, -2)

    def back(self, rows: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
        """States ``(n, *shape)`` of rows, where `shape` is that of one sample."""
        shape = tuple(shape)
        if self.kind == "flat" or len(shape) == 1:
            return rows.reshape(-1, *shape)
        places = tuple(shape[axis - 1] for axis in self.axes)
        rest = tuple(size for axis, size in enumerate(shape, start=1) if axis not in self.axes)
        last = tuple(range(1 + len(rest), 1 + len(shape)))
        if self.kind == "mean":
            spread = rows.reshape(-1, *rest, *(1 for _ in places)).expand(-1, *rest, *places)
        else:
            spread = rows.reshape(-1, prod(places), prod(rest)).transpose(1, 2).reshape(-1, *rest, *places)
        return spread.movedim(last, self.axes)

    def _check(self, shape: torch.Size) -> None:
        if len(shape) < 2 or (len(shape) > 2 and self.axes and not (self.axes[-1] < len(shape) > len(self.axes) + 1)):
            wanted = f" and axes {self.axes} for positions beside one for units" if self.axes else ""
            raise ValueError(f"need states of shape (n_samples, ...){wanted}, got shape {tuple(shape)}")
