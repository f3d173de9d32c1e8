"""Pairs of consecutive states in as little memory as a fit needs: rows, a triangular factor, or sums of products."""

from collections.abc import Iterable, Iterator

import numpy as np

from linearlens.koopman._gram import PairGrams
from linearlens.koopman._principal import DOUBLE, Principal, column_lengths

FEWEST_ROWS = 1024  # pairs that are kept as they are, however few the observables
THIN = 1e-6  # a direction that thin, beside the widest, is more than products of float64 should be trusted with
QUIET = 1e-10  # noise, beside what it is on, below which the rounding of products might be seen


class Pairs:
    """Pairs of rows, ``x`` and the targets that follow, from which any linear map between them can be fitted.

    Parameters
    ----------
    n_observables, n_targets : int
        The rows of a trajectory are targets; their first `n_observables` columns are ``x``.
    single : bool
        Whether the numbers came as float32 or coarser.
    exact : bool
        Never form products.

    Notes
    -----
    Few pairs are kept as they are: fewer than twice the observables, or than a thousand. More are reduced to one
    of two things, as the first of them advise. *Products* (`PairGrams`) are quick, but square the condition
    number: a direction thinner than 1e-7 of the widest is lost in them, and one of thickness 1/κ has errors of κ
    roundings. That does not matter where the numbers came as float32, whose own rounding is larger, nor where
    the targets hold more noise than that. Elsewhere the *triangular factor* of a QR decomposition is kept, with
    the targets in its coordinates; it loses nothing, and takes three to five times as long.
    """

    def __init__(self, n_observables: int, n_targets: int, *, single: bool = False, exact: bool = False) -> None:
        self.n_observables, self.n_targets = n_observables, n_targets
        self.single, self.exact = single, exact
        self.n_rows_seen = 0
        # Rows of [1, x, targets], or fewer rows that have the same products.
        self.rows = np.empty((0, 1 + n_observables + n_targets))
        self.grams: PairGrams | None = None

    @property
    def n_pairs(self) -> int:
        """Pairs seen."""
        return self.n_rows_seen if self.grams is None else self.grams.n_pairs

    @property
    def _most_rows(self) -> int:
        return max(FEWEST_ROWS, 2 * (self.n_observables + 1))

    @property
    def lossy(self) -> bool:
        """Whether a direction may be lost in products that the numbers as they came do tell."""
        if self.grams is None or self.single:
            return False
        xx = self.grams.moments()[2]
        return len(Principal.of_products(xx, xx[:, :0]).widths) < int((np.diag(xx) > 0).sum())

    def add(self, chunks: Iterable[list[np.ndarray]]) -> None:
        """Add all pairs of trajectories of shape (n_steps, n_targets), each of two rows or more."""
        chunks = iter(chunks)
        if self.grams is not None:
            self.grams.add(chunks)
            return
        first = list(_until(chunks, self._most_rows - len(self.rows)))
        n_first = sum(len(z) - 1 for chunk in first for z in chunk)
        if self.single and not self.exact and n_first > self._most_rows:
            self.grams = PairGrams(self.n_observables, self.n_targets)
            self.grams.add(first)
        else:
            self._append([z for chunk in first for z in chunk])
        del first  # so that it is not held beside those to come
        while self.grams is None and (chunk := next(chunks, None)) is not None:
            self._append(chunk)
            del chunk
        if self.grams is not None:
            self.grams.add(chunks)

    def like(self) -> "Pairs":
        """No pairs yet, to be kept as these are; `absorb` then has little to do."""
        new = Pairs(self.n_observables, self.n_targets, single=self.single, exact=self.exact)
        if self.grams is not None:
            new.grams = PairGrams(self.n_observables, self.n_targets)
            new.grams.shift = self.grams.shift
        return new

    def absorb(self, other: "Pairs") -> "Pairs":
        """Add the pairs of another, which stays as it is; the order does not matter but for rounding."""
        exact, single = self.exact or other.exact, self.single and other.single
        if (self.grams or other.grams) and not exact:
            grams = self.products()
            grams.absorb(other.products())
            self.grams, self.rows = grams, self.rows[:0]
        else:
            n_pairs = self.n_pairs + other.n_pairs
            self.rows = np.concatenate([self._as_rows(), other._as_rows()])
            self.grams, self.n_rows_seen = None, n_pairs
        self.exact, self.single = exact, single
        if self.grams is None:
            self._reduce()
        return self

    def means(self) -> tuple[np.ndarray, np.ndarray]:
        """Of ``x`` and of the targets."""
        if self.grams is not None:
            return self.grams.moments()[:2]
        ones, *both = self._split(self.rows)
        means = []
        for part in both:
            mean = ones @ part / self.n_pairs
            means.append(mean + ones @ (part - np.outer(ones, mean)) / self.n_pairs)  # less what the sum was rounded by
        return means[0], means[1]

    def deviations(self, *, about_0: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Rows A and B of deviations from the means, or from 0: AᵀA and AᵀB are the products of all pairs."""
        if self.grams is None:
            ones, now, ahead = self._split(self.rows)
            if about_0:
                return now, ahead
            mean_x, mean_t = self.means()
            return now - np.outer(ones, mean_x), ahead - np.outer(ones, mean_t)
        mean_x, mean_t, xx, xt = self.grams.moments()
        found = Principal.of_products(xx, xt)
        if not about_0:
            return found.rows, found.then
        root = np.sqrt(self.n_pairs)  # one more row makes deviations from the mean those from 0
        return np.vstack([found.rows, root * mean_x]), np.vstack([found.then, root * mean_t])

    def _append(self, trajectories: list[np.ndarray]) -> None:
        new = np.ones((sum(len(z) - 1 for z in trajectories), self.rows.shape[1]))
        _, x, targets = self._split(new)
        np.concatenate([z[:-1, : self.n_observables] for z in trajectories], out=x)
        np.concatenate([z[1:] for z in trajectories], out=targets)
        self.rows = np.concatenate([self.rows, new]) if len(self.rows) else new
        self.n_rows_seen += len(new)
        self._reduce()

    def _reduce(self) -> None:
        if len(self.rows) <= self._most_rows:
            return
        if self.exact or (not self.single and self._is_hard()):
            self.exact = True
            now, ahead = self.deviations()
            basis, triangle = np.linalg.qr(now)
            self.rows = self._around(*self.means(), triangle, basis.T @ ahead)
        else:
            self.grams = self.products()
            self.rows = self.rows[:0]

    def _is_hard(self) -> bool:
        """Whether products would be less exact than the data: nearly dependent observables, or hardly any noise."""
        now, ahead = self.deviations()
        now, ahead = now[:, now.any(axis=0)], ahead[:, ahead.any(axis=0)]
        if not now.size or not ahead.size:
            return False
        now, ahead = (part / column_lengths(part) for part in (now, ahead))
        basis, triangle = np.linalg.qr(now)
        widths = np.linalg.svd(triangle, compute_uv=False)
        noise = np.linalg.norm(ahead - basis @ (basis.T @ ahead)) / np.linalg.norm(ahead)
        return bool(widths[-1] < THIN * widths[0] or noise < max(QUIET, 100 * DOUBLE * widths[0] / widths[-1]))

    def products(self) -> PairGrams:
        """The sums of products of all pairs."""
        if self.grams is not None:
            return self.grams
        if not self.n_pairs:
            return PairGrams(self.n_observables, self.n_targets)
        (mean_x, mean_t), (now, ahead) = self.means(), self.deviations()
        # A mean is shifted away where it would cost digits; elsewhere the shift itself might, if targets are smaller.
        far = np.abs(mean_t) > 10 * np.linalg.norm(ahead, axis=0) / np.sqrt(self.n_pairs)
        shift = np.where(far, mean_t, 0.0)
        from_x, from_t = mean_x - shift[: self.n_observables], mean_t - shift
        return PairGrams.of_products(
            self.n_pairs,
            shift,
            (self.n_pairs * from_x, self.n_pairs * from_t),
            now.T @ now + self.n_pairs * np.outer(from_x, from_x),
            now.T @ ahead + self.n_pairs * np.outer(from_x, from_t),
        )

    def _as_rows(self) -> np.ndarray:
        """The rows; where there are products, rows that have the same."""
        return self.rows if self.grams is None or not self.n_pairs else self._around(*self.means(), *self.deviations())

    def _around(self, mean_x: np.ndarray, mean_t: np.ndarray, now: np.ndarray, ahead: np.ndarray) -> np.ndarray:
        """Rows with these means and these deviations from them."""
        mean = np.concatenate([[1.0], mean_x, mean_t]) * np.sqrt(self.n_pairs)
        return np.vstack([mean, np.hstack([np.zeros((len(now), 1)), now, ahead])])

    def _split(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return rows[:, 0], rows[:, 1 : 1 + self.n_observables], rows[:, 1 + self.n_observables :]


def _until(chunks: Iterator[list[np.ndarray]], n_pairs: int) -> Iterator[list[np.ndarray]]:
    """Chunks until they have more pairs than that."""
    while n_pairs >= 0 and (chunk := next(chunks, None)) is not None:
        n_pairs -= sum(len(z) - 1 for z in chunk)
        yield chunk
