"""The directions that data span, decided in units of the columns, and least squares within them."""

from dataclasses import dataclass

import numpy as np
from scipy import linalg

DOUBLE, SINGLE = np.finfo(np.float64).eps, np.finfo(np.float32).eps

COMPARABLE = 1e3  # columns whose sizes differ by less have a norm in common


def is_single(dtype: np.dtype) -> bool:
    """Whether numbers of this type are rounded as float32 or more coarsely."""
    return bool(np.issubdtype(dtype, np.floating) and np.finfo(dtype).eps >= SINGLE)


def cut(n_columns: int, *, single: bool) -> float:
    """The width, beside that of the widest, below which a direction of scaled columns is rounding."""
    widest = max(n_columns, 32) * DOUBLE  # rounding leaves about 7 eps even in the products of a few columns
    return float(np.sqrt(widest) if single else widest)


@dataclass(frozen=True, eq=False)
class Principal:
    """Principal directions of a matrix X whose columns are scaled to length 1, and a matrix Y in their coordinates.

    With ``X = U S V D``, D the lengths of the columns, and only directions of S above rounding.

    Parameters
    ----------
    widths : ndarray of shape (n_kept,)
        The diagonal of S, by falling size.
    directions : ndarray of shape (n_kept, n_columns)
        V.
    scale : ndarray of shape (n_columns,)
        The diagonal of D.
    then : ndarray of shape (n_kept, n_targets)
        ``Uᵀ Y``.
    """

    widths: np.ndarray
    directions: np.ndarray
    scale: np.ndarray
    then: np.ndarray

    @classmethod
    def of_rows(cls, x: np.ndarray, y: np.ndarray, *, single: bool) -> "Principal":
        """Of X and Y themselves, both of as many rows."""
        sizes = column_lengths(x)
        alive = sizes > 0
        if len(x) <= alive.sum() and _comparable(sizes[alive]):  # rows are then independent in any units, as a rule
            found = cls._scaled(x, y, np.ones(len(sizes)), slice(None), single=single)
            if len(found.widths) == len(x):
                return found
        return cls._scaled(x, y, np.where(alive, sizes, 1.0), alive, single=single)

    @classmethod
    def _scaled(
        cls, x: np.ndarray, y: np.ndarray, scale: np.ndarray, alive: np.ndarray | slice, *, single: bool
    ) -> "Principal":
        left, widths, some = linalg.svd(x[:, alive] / scale[alive], full_matrices=False, check_finite=False)
        kept = widths > widths[:1] * cut(len(scale), single=single)
        directions = np.zeros((kept.sum(), len(scale)))
        directions[:, alive] = some[kept]
        return cls(widths[kept], directions, scale, left[:, kept].T @ y)

    @classmethod
    def of_products(cls, xx: np.ndarray, xy: np.ndarray) -> "Principal":
        """Of ``XᵀX`` and ``XᵀY``, which do not tell directions thinner than 1e-7 from rounding."""
        sizes = _finite(np.sqrt(np.diag(xx).clip(min=0)))
        alive = sizes > 0
        scale = sizes[alive]
        strengths, columns = np.linalg.eigh(xx[np.ix_(alive, alive)] / np.outer(scale, scale))
        kept = strengths > strengths[-1:].clip(min=0) * cut(len(xx), single=True) ** 2
        widths, columns = np.sqrt(strengths[kept])[::-1], columns[:, kept][:, ::-1]
        then = (columns / scale[:, None] / widths).T @ xy[alive]
        directions = np.zeros((len(widths), len(sizes)))
        directions[:, alive] = columns.T
        return cls(widths, directions, np.where(alive, sizes, 1.0), then)

    @property
    def rows(self) -> np.ndarray:
        """``S V D``: n_kept rows that have the products of X."""
        return self.widths[:, None] * self.directions * self.scale

    @property
    def is_plain(self) -> bool:
        """Whether no column was scaled."""
        return bool((self.scale == 1).all())

    def plain(self) -> "Principal":
        """The same in plain units."""
        if self.is_plain:
            return self
        turn, widths, directions = linalg.svd(self.rows, full_matrices=False)
        return Principal(widths, directions, np.ones(len(self.scale)), turn.T @ self.then)

    def least_squares(
        self, *, rank: int | None, wide: bool, alpha: float = 0.0, energy: float | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Whitening W of the columns of X, and A, so that ``W A`` is the map from X to Y of least squares and norm.

        Parameters
        ----------
        rank : int, optional
            Most directions to keep: the widest in plain units, if it cuts any that the data do span.
        wide : bool
            Whether X has no more rows than columns. The norm is then that in plain units; else where sizes of
            columns differ by so much that small ones would lose their digits, it is that in scaled units.
        alpha : float
            Ridge, in plain units.
        energy : float, optional
            In place of a rank, the share of the sum of squares that is kept.
        """
        if alpha or energy is not None or (rank is not None and rank < len(self.widths)):
            plain = self.plain()
            if energy is not None:
                shares = np.cumsum(plain.widths**2) / (plain.widths**2).sum()
                rank = int(np.searchsorted(shares, energy * (1 - DOUBLE))) + 1
            widths = plain.widths[:rank]
            shrink = 1 / (1 + alpha / widths[:, None] ** 2)
            return plain.directions[:rank].T / widths, shrink * plain.then[:rank]
        sizes = self.scale[self.directions.any(axis=0)]
        spanned = self.is_plain or len(self.widths) == len(sizes)
        if spanned or (not wide and not _comparable(sizes)):
            return self.directions.T / self.widths / self.scale[:, None], self.then
        # Rows by falling size and pivots keep the digits of small columns beside large ones (Cox and Higham 1998).
        order = np.argsort(-self.scale, kind="stable")
        basis, triangle, pivots = linalg.qr(self.rows.T[order], mode="economic", pivoting=True)
        whiten = np.empty_like(basis)
        whiten[order] = linalg.solve_triangular(triangle, basis.T).T
        return whiten, self.then[pivots]


def column_lengths(x: np.ndarray) -> np.ndarray:
    """The norm of each column; a ValueError where squares leave the range of float64."""
    with np.errstate(over="ignore", under="ignore"):
        sizes = _finite(np.linalg.norm(x, axis=0))
    if (x.any(axis=0) & (sizes == 0)).any():
        raise ValueError("observables are so small that their squares are 0 in float64; scale the states")
    return sizes


def _comparable(sizes: np.ndarray) -> bool:
    return bool(sizes.max(initial=0) <= COMPARABLE * sizes.min(initial=np.inf))


def _finite(sizes: np.ndarray) -> np.ndarray:
    if not np.isfinite(sizes).all():
        raise ValueError("observables are so large that their squares overflow float64; scale the states")
    return sizes
