"""Gram matrices of consecutive states, accumulated in float64 so that memory does not grow with the data."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from scipy.linalg import blas


class PairGrams:
    """Sums over pairs of consecutive rows, enough to fit any linear map from ``x`` to ``targets``, centred or not.

    The rows of a trajectory are targets; their first `n_observables` columns are ``x``. A pair is the ``x`` of one
    row and the targets of the next.

    Parameters
    ----------
    n_observables, n_targets : int
        Columns of ``x`` and of a row.

    Notes
    -----
    Rows are shifted by the first one seen before products are formed: centring a Gram matrix afterwards would
    otherwise cancel digits when the mean is large against the spread. The shift is undone in :meth:`moments`.

    The sums wanted are ``XᵀX``, to which a pair ``x → y`` adds ``xᵀx``, and ``XᵀY``, to which it adds ``xᵀy``.
    The first is symmetric, so half of its entries need not be computed; the second is not, and costs twice as
    much. But the ``y`` of one pair is the ``x`` of the next. Take the two pairs of three rows ``a → b → c``::

        to XᵀX they add  aᵀa + bᵀb
        to XᵀY they add  aᵀb + bᵀc  =  (aᵀb + bᵀa) + bᵀ(c - a)

    The first bracket is symmetric, too. Both symmetric parts come from the sum ``s = a + b`` and the difference
    ``d = a - b``, since ``sᵀs`` and ``dᵀd`` are ``(aᵀa + bᵀb) ± (aᵀb + bᵀa)``::

        aᵀa + bᵀb = (sᵀs + dᵀd) / 2
        aᵀb + bᵀa = (sᵀs - dᵀd) / 2

    With a product that is not symmetric as the unit, two pairs cost 1/2 + 1/2 + 1 in place of 1 + 2: two thirds
    of the arithmetic, which is most of the time a fit takes. A trajectory with an odd number of pairs begins
    with ``a = 0``, which adds the single pair ``b → c`` by the same formulas.
    """

    def __init__(self, n_observables: int, n_targets: int) -> None:
        self.n_pairs = 0
        self.shift: Any = None
        self.sum_x = np.zeros(n_observables)
        self.sum_t = np.zeros(n_targets)
        # In the order of axes that BLAS adds to in place; of the symmetric ones the lower triangle only.
        self.ss, self.dd, self.bc = (np.zeros((n_observables, n_observables), order="F") for _ in range(3))
        self.rest = np.zeros((n_observables, n_targets - n_observables))  # x with the other targets

    @classmethod
    def of_products(
        cls, n_pairs: int, shift: np.ndarray, sums: tuple[np.ndarray, np.ndarray], xx: np.ndarray, xt: np.ndarray
    ) -> "PairGrams":
        """From the products of pairs formed elsewhere: ``x.T @ x``, ``x.T @ targets``, both shifted, and their sums."""
        n = len(xx)
        grams = cls(n, xt.shape[1])
        grams.n_pairs, grams.shift = n_pairs, shift
        grams.sum_x += sums[0]
        grams.sum_t += sums[1]
        for part, product in ((grams.ss, xx), (grams.dd, xx), (grams.bc, xt[:, :n]), (grams.rest, xt[:, n:])):
            part += product
        return grams

    def add(self, chunks: Iterable[list[np.ndarray]]) -> None:
        """Add all pairs of trajectories of shape (n_steps, n_targets), each of two rows or more."""
        # One work space for all chunks: the system takes about as long to hand out fresh memory as BLAS to fill it.
        work = np.empty((4, 0, len(self.sum_t)))
        for trajectories in chunks:
            n_triples = sum(len(z) // 2 for z in trajectories)
            if n_triples > work.shape[1]:
                work = np.empty((4, n_triples, len(self.sum_t)))
            self._add(trajectories, work[:, :n_triples])

    def _add(self, trajectories: list[np.ndarray], work: np.ndarray) -> None:
        if self.shift is None:
            self.shift = trajectories[0][0].astype(np.float64)
        n = len(self.sum_x)
        a, b, c, s = work
        for rows, parts in zip((a, b, c), self._triples(trajectories), strict=True):
            np.concatenate(parts, out=rows)
            rows -= self.shift
        self.rest += a[:, :n].T @ b[:, n:] + b[:, :n].T @ c[:, n:]
        c -= a
        self.bc = blas.dgemm(1.0, b[:, :n].T, c[:, :n].T, beta=1.0, c=self.bc, trans_b=True, overwrite_c=True)
        np.add(a, b, out=s)
        self.ss = blas.dsyrk(1.0, s[:, :n].T, beta=1.0, c=self.ss, lower=True, overwrite_c=True)
        a -= b
        self.dd = blas.dsyrk(1.0, a[:, :n].T, beta=1.0, c=self.dd, lower=True, overwrite_c=True)

        total = s.sum(axis=0)
        firsts, lasts = (np.sum([z[end] for z in trajectories], axis=0, dtype=np.float64) for end in (0, -1))
        self.sum_x += total[:n]
        self.sum_t += total - firsts + lasts
        self.n_pairs += sum(len(z) - 1 for z in trajectories)

    def _triples(self, trajectories: list[np.ndarray]) -> tuple[list[np.ndarray], ...]:
        """Rows ``a``, ``b``, ``c``; where the number of pairs is odd, the first ``a`` is 0 once shifted."""
        a, b, c = [], [], []
        for z in trajectories:
            odd = (len(z) - 1) % 2
            a += [self.shift[None]] * odd + [z[odd:-1:2]]
            b.append(z[1 - odd : -1 : 2])
            c.append(z[2 - odd :: 2])
        return a, b, c

    def absorb(self, other: "PairGrams") -> None:
        """Add the sums over the pairs of another, which stays as it is.

        The rows of `other` are those about its own shift, plus the step ``e`` from our shift to its::

            Σ (x + e)ᵀ(t + e) = Σ xᵀt + (Σ x)ᵀe + eᵀ(Σ t) + n eᵀe
        """
        if other.n_pairs == 0:
            return
        if self.n_pairs == 0:
            self.shift = other.shift
        n, pairs, step = len(self.sum_x), other.n_pairs, other.shift - self.shift
        self.ss += other.ss
        self.dd += other.dd
        self.bc += other.bc
        self.rest += other.rest
        if step.any():
            moved = np.outer(other.sum_x, step) + np.outer(step[:n], other.sum_t + pairs * step)
            moved_x = np.outer(other.sum_x, step[:n]) + np.outer(step[:n], other.sum_x + pairs * step[:n])
            self.ss += moved_x
            self.dd += moved_x
            self.bc += moved[:, :n]
            self.rest += moved[:, n:]
        self.sum_x += other.sum_x + pairs * step[:n]
        self.sum_t += other.sum_t + pairs * step
        self.n_pairs += pairs

    def moments(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Means of ``x`` and ``targets``, and the products ``x.T @ x``, ``x.T @ targets`` about those means."""
        ss, dd = (np.tril(lower) + np.tril(lower, -1).T for lower in (self.ss, self.dd))
        mean_x, mean_t = self.sum_x / self.n_pairs, self.sum_t / self.n_pairs
        xx = (ss + dd) / 2 - np.outer(self.sum_x, mean_x)
        xt = np.hstack([(ss - dd) / 2 + self.bc, self.rest]) - np.outer(self.sum_x, mean_t)
        return mean_x + self.shift[: len(mean_x)], mean_t + self.shift, xx, xt
