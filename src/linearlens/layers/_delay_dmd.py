"""DMD on delay coordinates of many short trajectories, for many delays and numbers of trajectories at once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from linearlens.koopman import check_trajectories, eigenvalue_order

WINDOWS = ("glued", "inside")


@dataclass(frozen=True)
class DelayDMD:
    """A projected DMD of delay windows ``z_t = [h_t, h_{t-1}, …, h_{t-d}]``.

    With pairs as rows, ``X = P S Qᵀ`` cut to the rank, and Y what follows: ``K = S⁻¹ Pᵀ Y Q``.

    Parameters
    ----------
    delays : int
        d, states kept beside the present one.
    n_trajectories : int
        Trajectories it was fitted to.
    n_pairs : int
        Rows of X.
    directions : ndarray of shape (n_features * (delays + 1), rank)
        Q, newest state first.
    strengths : ndarray of shape (rank,)
        The diagonal of S, by falling size.
    operator : ndarray of shape (rank, rank)
        K; it acts from the right on ``z Q``.
    readout : ndarray of shape (rank, n_features)
        ``S⁻¹ Pᵀ Y``, its columns of the newest state: from ``z Q`` to the next state, not projected.
    """

    delays: int
    n_trajectories: int
    n_pairs: int
    directions: np.ndarray
    strengths: np.ndarray
    operator: np.ndarray
    readout: np.ndarray

    @property
    def n_features(self) -> int:
        """Units of a state."""
        return self.readout.shape[1]

    @property
    def eigenvalues(self) -> np.ndarray:
        """Of K, of shape (rank,), in the order of :func:`linearlens.koopman.eigenvalue_order`."""
        values = np.linalg.eigvals(self.operator).astype(complex)
        return values[eigenvalue_order(values)]

    def linear_map(self, steps: int, *, projected: bool = True) -> np.ndarray:
        """All steps as one matrix, from a window to a state.

        Parameters
        ----------
        steps : int
            1 or more.
        projected : bool
            Read the state out of the span of Q, as the authors do: ``Q Kˢ Qᵀ``. A state that is never an input,
            as the last of a trajectory with windows inside, has no place there; False reads the last step out
            by least squares, ``Q Kˢ⁻¹ readout``.

        Returns
        -------
        ndarray of shape (n_features * (delays + 1), n_features)
            Acts from the right on windows with the newest state first.

        Raises
        ------
        ValueError
            If `steps` is below 1.
        """
        if steps < 1:
            raise ValueError(f"steps must be 1 or more, got {steps}")
        if projected:
            last = np.linalg.matrix_power(self.operator, steps) @ self.directions[: self.n_features].T
        else:
            last = np.linalg.matrix_power(self.operator, steps - 1) @ self.readout
        return self.directions @ last

    def predict(self, windows: np.ndarray, steps: int, *, projected: bool = True) -> np.ndarray:
        """Advance windows linearly.

        Parameters
        ----------
        windows : ndarray of shape (n_samples, delays + 1, n_features)
            In order of time, the present state last.
        steps, projected
            As in `linear_map`.

        Returns
        -------
        ndarray of shape (n_samples, n_features)

        Raises
        ------
        ValueError
            If the shape does not fit, or `steps` is below 1.
        """
        windows = np.asarray(windows)
        if windows.ndim != 3 or windows.shape[1:] != (self.delays + 1, self.n_features):
            raise ValueError(
                f"need windows of shape (n_samples, {self.delays + 1}, {self.n_features}), got {windows.shape}"
            )
        return windows[:, ::-1].reshape(len(windows), -1) @ self.linear_map(steps, projected=projected)

    def time_vectors(self, trajectories: np.ndarray, n_vectors: int) -> np.ndarray:
        """The top right singular vectors of the Hankel matrix: what the windows do in the order they are glued.

        Parameters
        ----------
        trajectories : ndarray of shape (n_trajectories, n_steps, n_features)
            Those of the fit, with windows glued.
        n_vectors : int

        Returns
        -------
        ndarray of shape (n_windows, n_vectors)
            ``X Q S⁻¹``, with the last window beside those that begin a pair.

        Raises
        ------
        ValueError
            If the trajectories have another width or are shorter than a window, or there are not so many vectors.
        """
        states = np.asarray(trajectories, dtype=np.float64)
        if states.ndim != 3 or states.shape[2] != self.n_features or states[..., 0].size <= self.delays:
            raise ValueError(
                f"need trajectories of shape (n_trajectories, n_steps, {self.n_features}) with more than {self.delays} "
                f"states in all, got shape {states.shape}"
            )
        if not 1 <= n_vectors <= len(self.strengths):
            raise ValueError(f"n_vectors must lie between 1 and the rank {len(self.strengths)}, got {n_vectors}")
        series = states.reshape(-1, self.n_features)
        weights = (self.directions / self.strengths)[:, :n_vectors].reshape(self.delays + 1, self.n_features, -1)
        n_windows = len(series) - self.delays
        lagged = (series[self.delays - lag :][:n_windows] for lag in range(self.delays + 1))
        return sum((rows @ weight for rows, weight in zip(lagged, weights, strict=True)), np.zeros(weights.shape[2]))


def delay_dmd(trajectories: np.ndarray, *, delays: int, rank: int | None = None, windows: str = "glued") -> DelayDMD:
    """One fit of `delay_dmd_grid`, to all trajectories.

    Parameters
    ----------
    trajectories : ndarray of shape (n_trajectories, n_steps, n_features)
    delays : int
    rank, windows
        As in `delay_dmd_grid`.

    Returns
    -------
    DelayDMD

    Raises
    ------
    ValueError
        As in `delay_dmd_grid`.
    """
    return next(delay_dmd_grid(trajectories, delays=[delays], rank=rank, windows=windows))


def delay_dmd_grid(
    trajectories: np.ndarray,
    *,
    delays: Sequence[int],
    counts: Sequence[int] | None = None,
    rank: int | None = None,
    windows: str = "glued",
) -> Iterator[DelayDMD]:
    """Fit DMD for each number of delays and each number of trajectories, sharing the work.

    Parameters
    ----------
    trajectories : ndarray of shape (n_trajectories, n_steps, n_features)
    delays : sequence of int
        Past states kept beside the present one, 0 or more each.
    counts : sequence of int, optional
        Fit to so many of the first trajectories; by default to all.
    rank : int, optional
        Most singular directions to keep; None keeps all that the data span.
    windows : {"glued", "inside"}
        ``"glued"`` puts the trajectories end to end and takes every window of that series, as the authors do: most
        then hold states of two trajectories, and some steps lead from one to the next. ``"inside"`` takes
        windows and steps within one trajectory only.

    Yields
    ------
    DelayDMD
        Ordered by the number of trajectories; within one, the delays come as the work goes.

    Raises
    ------
    ValueError
        On trajectories that are no finite array of that shape, and on delays, counts or a rank that do not fit.

    Notes
    -----
    The Gram matrix of the longest windows holds those of all shorter ones as blocks; what is missing are the pairs
    that begin too early for the longest window, and they are added as the windows get shorter. Where there are
    fewer pairs than features, the matrix of inner products of windows is summed instead, one lag at a time. More
    trajectories add to the sums of fewer. Directions whose singular value is below about 1e-7 of the largest
    are left out: a Gram matrix does not know them.
    """
    states, lags, numbers = _check(trajectories, delays, counts, rank, windows)
    n_features = states.shape[2]
    pairs = _Pairs.of(states[: numbers[-1]], windows)
    long = [lag for lag in lags if n_features * (lag + 1) < (pairs.history >= lag).sum()]
    gram, done = np.zeros((n_features * (max(long, default=-2) + 2),) * 2), 0
    for count in numbers:
        pairs = _Pairs.of(states[:count], windows)
        if long:
            new = pairs.windows((pairs.history >= max(long)) & (pairs.now >= done - 1), max(long))
            gram += new.T @ new
            done = count * states.shape[1]
        primal = [lag for lag in long if n_features * (lag + 1) < (pairs.history >= lag).sum()]
        dual = [lag for lag in lags if lag not in primal]
        if primal:
            yield from pairs.by_features(gram, max(long), primal, rank, count)
        if dual:
            yield from pairs.by_windows(dual, rank, count)


@dataclass(frozen=True)
class _Pairs:
    """Steps of a series that may be used, and how many states before each belong to it.

    Parameters
    ----------
    series : ndarray of shape (n_states, n_features)
    now : ndarray of shape (n_pairs,)
        Number in the series of the state that begins a pair; the next one ends it.
    history : ndarray of shape (n_pairs,)
        Longest delay with which the pair may be used.
    """

    series: np.ndarray
    now: np.ndarray
    history: np.ndarray

    @classmethod
    def of(cls, states: np.ndarray, windows: str) -> "_Pairs":
        n_trajectories, n_steps, n_features = states.shape
        now = np.arange(n_trajectories * n_steps - 1)
        history = now if windows == "glued" else now % n_steps
        usable = np.ones(len(now), bool) if windows == "glued" else history < n_steps - 1
        return cls(states.reshape(-1, n_features), now[usable], history[usable])

    def windows(self, chosen: np.ndarray, delays: int) -> np.ndarray:
        """One row a pair: the next state, the present one, and so many before it."""
        rows = self.now[chosen]
        return self.series[rows[:, None] + 1 - np.arange(delays + 2)].reshape(len(rows), -1)

    def by_features(
        self, gram: np.ndarray, longest: int, lags: list[int], rank: int | None, count: int
    ) -> Iterator[DelayDMD]:
        """From products of features; `gram` has them for all pairs with the longest history."""
        n = self.series.shape[1]
        for lag in range(longest, min(lags) - 1, -1):
            size = n * (lag + 2)
            gram = gram[:size, :size]
            if lag < longest:
                late = self.windows(self.history == lag, lag)
                gram = gram + late.T @ late
            if lag in lags:
                strengths, directions = _principal(gram[n:, n:], rank)
                ahead = (directions / strengths**2).T @ gram[n:, :-n]  # S⁻¹ Pᵀ Y, since Pᵀ = S⁻¹ Qᵀ Xᵀ
                n_pairs = int((self.history >= lag).sum())
                yield DelayDMD(lag, count, n_pairs, directions, strengths, ahead @ directions, ahead[:, :n])

    def by_windows(self, lags: list[int], rank: int | None, count: int) -> Iterator[DelayDMD]:
        """From products of windows, where there are fewer of them than features."""
        products = self.series @ self.series.T
        rows, history = self.now, self.history
        same, ahead = np.zeros((2, len(rows), len(rows)))
        for lag in range(max(lags) + 1):
            if (history < lag).any():
                kept = history >= lag
                rows, history = rows[kept], history[kept]
                same, ahead = _block(same, kept.nonzero()[0]), _block(ahead, kept.nonzero()[0])
            same = same + _block(products, rows - lag)  # X Xᵀ
            ahead = ahead + _block(products, rows + 1 - lag, rows - lag)  # Y Xᵀ
            if lag in lags:
                strengths, vectors = _principal(same, rank)
                weights = vectors / strengths  # P S⁻¹
                blocks = [self.series[rows - back].T @ weights for back in range(lag + 1)]
                yield DelayDMD(
                    lag,
                    count,
                    len(rows),
                    np.concatenate(blocks),
                    strengths,
                    weights.T @ ahead @ weights,
                    weights.T @ self.series[rows + 1],
                )


def _block(matrix: np.ndarray, rows: np.ndarray, columns: np.ndarray | None = None) -> np.ndarray:
    """Rows and columns of a matrix; a view where they follow each other."""
    columns = rows if columns is None else columns
    if all(len(part) == part[-1] - part[0] + 1 for part in (rows, columns)):
        return matrix[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return matrix[np.ix_(rows, columns)]


def _principal(gram: np.ndarray, rank: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Singular values and vectors from a Gram matrix, largest first, at most so many."""
    size = len(gram)
    top = None if rank is None or rank >= size else (size - rank, size - 1)
    squares, vectors = linalg.eigh(gram, subset_by_index=top)
    squares, vectors = squares[::-1], vectors[:, ::-1]
    kept = squares > max(squares[0], 0.0) * max(size, 32) * np.finfo(float).eps
    if not kept.any():
        raise ValueError("all states that begin a pair are zero, so no operator can be fitted")
    return np.sqrt(squares[kept]), vectors[:, kept]


def _check(
    trajectories: np.ndarray, delays: Sequence[int], counts: Sequence[int] | None, rank: int | None, windows: str
) -> tuple[np.ndarray, list[int], list[int]]:
    if windows not in WINDOWS:
        raise ValueError(f"windows must be one of {WINDOWS}, got {windows!r}")
    items = check_trajectories(trajectories, min_steps=2)
    lengths = {len(item) for item in items}
    if len(lengths) > 1:
        raise ValueError(f"all trajectories need the same number of states, got {sorted(lengths)}")
    numbers = sorted(set(counts)) if counts is not None else [len(items)]
    if not numbers or numbers[0] < 1 or numbers[-1] > len(items):
        raise ValueError(f"counts must lie between 1 and the {len(items)} trajectories, got {counts}")
    lags = sorted(set(delays))
    n_states = lengths.pop() * (numbers[0] if windows == "glued" else 1)
    if not lags or lags[0] < 0 or lags[-1] > n_states - 2:
        raise ValueError(
            f"delays must lie between 0 and {n_states - 2}: a window and the state after it have to fit into "
            f"{n_states} states; got {list(delays)}"
        )
    if rank is not None and rank < 1:
        raise ValueError(f"rank must be 1 or more, got {rank}")
    return np.stack(items).astype(np.float64), lags, numbers
