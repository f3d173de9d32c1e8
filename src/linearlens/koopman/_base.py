"""The Koopman operator of a dictionary, estimated from many trajectories."""

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
from scipy import linalg
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from linearlens.koopman._blocks import check_dask_array, is_dask_array, sum_blocks
from linearlens.koopman._delays import delay_embed
from linearlens.koopman._device import is_elsewhere, is_tensor, sum_on_device
from linearlens.koopman._dictionaries import lift_states
from linearlens.koopman._gram import PairGrams, whitening
from linearlens.koopman._spectrum import eigenvalue_order
from linearlens.koopman._trajectories import Trajectories, check_real, check_trajectories, each_checked

CHUNK_ROWS = 1024  # states taken at a time: enough for fast products, few enough for the processor's cache


class Koopman(BaseEstimator):
    """Linear operator ``psi(z[t+1]) ≈ psi(z[t]) @ K``, fitted by least squares to all consecutive states.

    One estimator for the whole family: plain DMD (no dictionary, no delays), Hankel DMD (`delays`),
    EDMD (`dictionary`), affine maps (`constant`), and any mixture: states are delay-embedded first,
    then lifted by the dictionary.

    Parameters
    ----------
    rank : int, optional
        Largest number of principal directions of the lifted states that are kept (the ``svd_rank`` of
        DMD). The constant of `constant` is one of them and always kept. None keeps all that the data span.
    delays : int
        Number of past states kept beside the present one, as `delay_embed` stacks them.
    dictionary : scikit-learn transformer, optional
        Lifts delay-embedded states to observables. It is cloned, then fitted on the states of the first
        call of `fit` or `partial_fit`, unless they come as an iterator or a dask array: see the notes.
        None leaves states as they are.
    center : bool
        Subtract `mean_`, the mean of the lifted present states, from present and next ones alike. It suits
        states that stay about one mean. Where the mean moves from step to step, use `constant`.
    constant : bool
        Append the observable 1, which makes the fitted map affine: the mean may move.

    Attributes
    ----------
    operator_ : ndarray of shape (n_observables, n_observables)
        Acts from the right: states are rows. The notes say what it acts on.
    eigenvalues_ : ndarray of shape (n_eigenvalues,), complex
        By falling modulus, each conjugate pair adjacent with the positive imaginary part first.
    eigenvectors_ : ndarray of shape (n_observables, n_eigenvalues), complex
        Column ``j`` weighs the observables of eigenfunction ``j``, scaled to root mean square 1 on the
        fitted states: ``phi_j(z) = x(z) @ eigenvectors_[:, j]``.
    readout_ : ndarray of shape (n_observables, n_features)
        Least-squares map from observables to the *next* state: ``z[t+1] ≈ x(z[t]) @ readout_ + offset_``.
        Fitted to next states because present and next ones may differ in kind, as those of two layers do.
    mean_ : ndarray of shape (n_lifted,)
        What is subtracted from lifted states: with `center` the mean of those that begin a pair, else 0.
    offset_ : ndarray of shape (n_features,)
        What a forecast adds back: with `center` alone the mean of the states that end a pair, else 0. With
        `constant` the last row of `readout_` does the same.
    n_eigenvalues_ : int
        Directions kept: as many as `rank` says, or fewer if the data span fewer. If it is below
        ``len(operator_)``, part of the operator was chosen rather than learnt; see the notes.
    n_features_in_ : int
    n_pairs_ : int
        Pairs of consecutive states the fit has seen.

    Notes
    -----
    The observables are ``x(z) = psi(z) - mean_``, where psi is what delays and dictionary make of a state. With
    `constant` the number 1 stands behind them; the last row of the operator is then the affine part, and its
    last column ``(0, …, 0, 1)``. So ``x(z[t+1]) ≈ x(z[t]) @ operator_``, eigenfunctions and residuals are
    those of x, and a forecast is ``z[t+n] ≈ x(z[t]) @ operator_ⁿ⁻¹ @ readout_ + offset_``. One eigenvalue of
    an affine map is 1: it belongs to the constant, and its residual of 0 says nothing. With `center` alone, a
    forecast of many steps equals repeated ones of one step only if present and next states have one mean.

    With X the observables and Y their successors, the fit needs the Gram matrices ``XᵀX`` and ``XᵀY``
    only. They are summed trajectory by trajectory in float64, so memory depends on the number of
    observables, not of trajectories, and no pair ever crosses a seam. With `constant` they are taken about
    the mean and the operator is moved back afterwards, so that a mean far from 0 costs no digits.
    For a given `rank` the eigenvalues are those of projected DMD (Schmid 2010) with the basis from X.

    So data may be larger than memory. Of an iterator about a thousand states are held at a time; of a dask array,
    each block is summed where it is and only sums of the size of the operator travel, joined in a tree. Either is
    read once, which leaves no pass to fit a dictionary in: take one that learns nothing, as a
    ``FunctionTransformer``, or fit it on a sample beforehand and give
    ``sklearn.frozen.FrozenEstimator(dictionary.fit(sample))``. Then the operator is that of a list of the same
    trajectories, but for rounding.

    A Gram matrix squares the condition number: directions whose singular value is below about 1e-7 of the
    largest are treated as noise. Directions the data do not span (units that never fire, features that repeat
    others, more observables than pairs) are no fault and raise no warning: the operator of least norm is
    taken, which maps them to 0, and `n_eigenvalues_` counts the others. A `rank` keeps directions by their
    size in the units of the features, so small features go first; where units differ, take a
    ``StandardScaler`` as the dictionary.

    Examples
    --------
    >>> turn = np.array([[0.6, 0.8], [-0.8, 0.6]])
    >>> z = [np.array([1.0, 0.0])]
    >>> for _ in range(9):
    ...     z.append(z[-1] @ turn)
    >>> Koopman().fit([np.stack(z)]).eigenvalues_.round(6)
    array([0.6+0.8j, 0.6-0.8j])
    """

    def __init__(
        self,
        rank: int | None = None,
        delays: int = 0,
        dictionary: Any = None,
        center: bool = False,
        constant: bool = False,
    ) -> None:
        self.rank = rank
        self.delays = delays
        self.dictionary = dictionary
        self.center = center
        self.constant = constant

    def fit(self, trajectories: Trajectories | Iterator[np.ndarray], y: None = None) -> "Koopman":
        """Fit the operator, forgetting any earlier fit.

        Parameters
        ----------
        trajectories : list or iterator of ndarray of shape (n_steps_i, n_features), or ndarray or dask array of \
                shape (n_trajectories, n_steps, n_features)
            Each needs at least ``delays + 2`` states. An iterator is used up, whether the fit succeeds or not.
            A dask array is split along its first axis; its scheduler is that of dask: threads, or the processes
            of a ``distributed.Client``. A torch tensor may stand for an ndarray; on another device than the
            processor its sums are formed there, and it takes no dictionary.
        y : None
            Ignored; there for scikit-learn.

        Returns
        -------
        Koopman
            The estimator itself.

        Raises
        ------
        ValueError
            On trajectories that are empty, too short, not finite or of mixed widths, on a `rank` or `delays` that
            does not fit them, and on a dictionary still to be fitted where they can be read once only.
        """
        self._check_settings()
        return self._accumulate(trajectories, fresh=True)

    def partial_fit(self, trajectories: Trajectories | Iterator[np.ndarray], y: None = None) -> "Koopman":
        """Add trajectories to those already seen.

        The dictionary stays as it was fitted on the first call. So this equals one `fit` on all trajectories
        if there is none or it learns nothing from data, as ``PolynomialFeatures``. One that does learn, as
        ``StandardScaler`` or `fourier_dictionary`, would have seen all of them in `fit`. Parameters, return
        value and errors are those of `fit`.
        """
        self._check_settings()
        return self._accumulate(trajectories, fresh=not hasattr(self, "grams_"))

    def predict(self, states: np.ndarray, steps: int = 1) -> np.ndarray:
        """Advance states linearly: lift once, apply the operator ``steps - 1`` times, read the next state out.

        In the letters of the notes above, ``x(states) @ operator_ⁿ⁻¹ @ readout_ + offset_``.

        Parameters
        ----------
        states : ndarray of shape (n_states, n_features), or (n_states, delays + 1, n_features)
            With delays, each window is in order of time, the present state last, as `delay_windows` gives them;
            `delay_embed` stacks them newest first.
        steps : int
            Number of steps ahead, 0 or more; 0 gives the states themselves.

        Returns
        -------
        ndarray of shape (n_states, n_features)

        Raises
        ------
        ValueError
            If the shape does not fit the operator, states are complex, text or not finite, or `steps` is negative.
        """
        if not isinstance(steps, int | np.integer) or steps < 0:
            raise ValueError(f"steps must be a whole number, 0 or more, got {steps!r}")
        lifted = self._lift_windows(states)
        if steps == 0:
            return np.array(states if self.delays == 0 else np.asarray(states)[:, -1], dtype=np.float64)
        return lifted @ np.linalg.matrix_power(self.operator_, int(steps) - 1) @ self.readout_ + self.offset_

    def eigenfunctions(self, states: np.ndarray) -> np.ndarray:
        """Values of the eigenfunctions, ``phi(z[t+1]) ≈ phi(z[t]) * eigenvalues_``.

        They weigh the observables as fitted: `mean_` is subtracted, and `constant` adds a number to each.

        Parameters
        ----------
        states : ndarray
            As in `predict`.

        Returns
        -------
        ndarray of shape (n_states, n_eigenvalues), complex

        Raises
        ------
        ValueError
            As in `predict`.
        """
        return self._lift_windows(states) @ self.eigenvectors_

    def residuals(self, trajectories: Trajectories) -> np.ndarray:
        """How far each eigenpair is from being one, on the trajectories given.

        Parameters
        ----------
        trajectories : as in `fit`
            Give trajectories the fit has not seen: on its own data a fit flatters itself.

        Returns
        -------
        ndarray of shape (n_eigenvalues,)
            ``‖phi_j(z[t+1]) − λ_j phi_j(z[t])‖ / ‖phi_j(z[t])‖`` over all pairs, in the order of
            `eigenvalues_`, with `mean_` subtracted as in the fit: 0 for a true eigenpair, NaN where the
            eigenfunction vanishes on all of these states.

        Raises
        ------
        ValueError
            As in `fit`.

        Notes
        -----
        The residual of ResDMD (Colbrook and Townsend 2024), with the sums taken over given trajectories.

        No one threshold tells a true eigenpair from a spurious one: noise lifts the residual of a true one, and
        the slower an eigenfunction changes, the smaller its residual, true or not. Compare it with those of
        the other eigenpairs, and with those of a fit to a null, as `shuffle_time` gives.
        """
        check_is_fitted(self)
        checked = check_trajectories(trajectories, min_steps=self.delays + 2)
        self._check_width(checked[0].shape[1])
        missed, size = np.zeros(self.n_eigenvalues_), np.zeros(self.n_eigenvalues_)
        for chunk in self._observed(checked, self.dictionary_):
            x, y = (np.concatenate([z[part, : len(self.mean_)] for z in chunk]) for part in (np.s_[:-1], np.s_[1:]))
            now, then = self._finish(x) @ self.eigenvectors_, self._finish(y) @ self.eigenvectors_
            missed += (np.abs(then - now * self.eigenvalues_) ** 2).sum(axis=0)
            size += (np.abs(now) ** 2).sum(axis=0)
        return np.sqrt(np.divide(missed, size, out=np.full(self.n_eigenvalues_, np.nan), where=size > 0))

    # The fit, step by step.

    def _accumulate(self, trajectories: Any, *, fresh: bool) -> "Koopman":
        min_steps = self.delays + 2
        width = None if fresh else self.n_features_in_
        if is_tensor(trajectories) and not is_elsewhere(trajectories):
            trajectories = trajectories.detach().numpy()
        if is_dask_array(trajectories):
            check_dask_array(trajectories)
            dictionary = self._ready_dictionary() if fresh else self.dictionary_
            work = partial(clone(self)._sum_pairs, dictionary=dictionary, width=width)
            grams = sum_blocks(trajectories, work, min_steps=min_steps)
        elif is_tensor(trajectories):
            if self.dictionary is not None:
                raise ValueError(
                    f"a dictionary lifts NumPy arrays, but the tensor is on {trajectories.device}; give tensor.cpu()"
                )
            dictionary = None
            grams = sum_on_device(trajectories, delays=self.delays)
            self._check_rank(len(grams.sum_x) + self.constant)
            if width is not None:
                self._check_width(trajectories.shape[2], width)
        elif isinstance(trajectories, Iterator):
            dictionary = self._ready_dictionary() if fresh else self.dictionary_
            grams = self._sum_pairs(each_checked(trajectories, min_steps=min_steps), dictionary, width)
        else:
            checked = check_trajectories(trajectories, min_steps=min_steps)
            dictionary = self._fit_dictionary(checked) if fresh else self.dictionary_
            grams = self._sum_pairs(checked, dictionary, width)
        n_observables, n_targets = len(grams.sum_x), len(grams.sum_t)
        if not fresh:
            if len(self.grams_.sum_x) != n_observables:
                raise ValueError(
                    f"the earlier fit had {len(self.grams_.sum_x)} observables, now there are {n_observables}: delays "
                    "or dictionary were changed; call fit to start anew"
                )
            grams = self.grams_.merge(grams)
        self.dictionary_: Any = dictionary
        width = n_observables // (self.delays + 1) if dictionary is None else n_targets - n_observables
        self.n_features_in_: int = width
        self.grams_: PairGrams = grams
        return self._solve()

    def _sum_pairs(self, trajectories: Iterable[np.ndarray], dictionary: Any, width: int | None) -> PairGrams:
        """Sums over the pairs of checked trajectories, read once; `width` is that of an earlier fit."""
        rest = iter(trajectories)
        first = next(rest)
        if width is not None:
            self._check_width(first.shape[1], width)
        n_observables = lift_states(self._embed(first[: self.delays + 1].astype(np.float64)), dictionary).shape[1]
        self._check_rank(n_observables + self.constant)
        # A dictionary may leave the states out, so then they come again behind the observables.
        grams = PairGrams(n_observables, n_observables + (0 if dictionary is None else first.shape[1]))
        grams.add(self._observed(chain([first], rest), dictionary))
        return grams

    def _solve(self) -> "Koopman":
        """Turn the sums into the operator, its spectrum and the readout."""
        mean_x, mean_targets, xx, xt = self.grams_.moments()
        n_pairs, width = self.grams_.n_pairs, len(mean_x)
        next_states = slice(self.n_features_in_) if self.dictionary_ is None else slice(width, None)
        self.mean_ = mean_x if self.center else np.zeros(width)
        centred = self.center and not self.constant
        self.offset_ = mean_targets[next_states] if centred else np.zeros(self.n_features_in_)
        # Moments about the means are at hand. Without a constant, move them to the origin asked for. With one,
        # solve about the mean, where no digits cancel, and move the operator afterwards.
        origin = mean_x if self.constant else self.mean_
        shift_x, shift_y = mean_x - origin, mean_targets[:width] - origin
        shift_next = mean_targets[next_states] - self.offset_
        xx = xx + n_pairs * np.outer(shift_x, shift_x)
        xy = xt[:, :width] + n_pairs * np.outer(shift_x, shift_y)
        xs = xt[:, next_states] + n_pairs * np.outer(shift_x, shift_next)
        whiten = whitening(xx, self.rank and self.rank - self.constant)
        if self.constant:
            whiten = linalg.block_diag(whiten, 1 / np.sqrt(n_pairs))
            xy = linalg.block_diag(xy, n_pairs)  # the constant stays 1
            xy[-1, :-1] = n_pairs * shift_y
            xs = np.vstack([xs, n_pairs * shift_next])
        if not whiten.shape[1]:
            raise ValueError("all lifted states are zero (or all equal, with center), so no operator can be fitted")

        projected, read = whiten.T @ xy, whiten.T @ xs
        eigenvalues, vectors = np.linalg.eig(projected @ whiten)
        if self.constant:
            away = origin - self.mean_
            whiten[-1] -= away @ whiten[:-1]
            projected[:, :-1] += np.outer(projected[:, -1], away)
        order = eigenvalue_order(eigenvalues)
        self.n_eigenvalues_ = whiten.shape[1]
        self.n_pairs_ = n_pairs
        self.operator_ = whiten @ projected
        self.eigenvalues_ = eigenvalues[order].astype(complex)
        self.eigenvectors_ = (whiten @ vectors[:, order] * np.sqrt(n_pairs)).astype(complex)
        self.readout_ = whiten @ read
        return self

    def _observed(self, trajectories: Iterable[np.ndarray], dictionary: Any) -> Iterator[list[np.ndarray]]:
        """Chunks of trajectories of observables.

        Without a dictionary the first columns are the states themselves; a dictionary may leave them out, so then
        they come again behind the observables.
        """
        for chunk in _chunks(trajectories, overlap=self.delays + 1):
            embedded = [self._embed(item) for item in chunk]
            if dictionary is None:
                yield embedded
            else:
                ends = np.cumsum([len(item) for item in embedded])[:-1]
                states = np.concatenate(embedded, dtype=np.float64)
                yield np.split(np.hstack([lift_states(states, dictionary), states[:, : chunk[0].shape[1]]]), ends)

    def _embed(self, trajectory: np.ndarray) -> np.ndarray:
        return delay_embed(trajectory, delays=self.delays) if self.delays else trajectory

    def _finish(self, lifted: np.ndarray) -> np.ndarray:
        """Centre the lifted states and append the constant, as the fit did."""
        lifted = lifted - self.mean_
        return np.hstack([lifted, np.ones((len(lifted), 1))]) if self.constant else lifted

    def _lift_windows(self, states: np.ndarray) -> np.ndarray:
        check_is_fitted(self)
        states = check_real(np.asarray(states), "the array of states")
        wanted = "(n_states, n_features)" if self.delays == 0 else f"(n_states, {self.delays + 1}, n_features)"
        if states.ndim != (2 if self.delays == 0 else 3):
            raise ValueError(f"need states of shape {wanted}, got shape {states.shape}")
        windows = states[:, None, :] if self.delays == 0 else states
        if windows.shape[1] != self.delays + 1:
            raise ValueError(f"need states of shape {wanted}, got shape {states.shape}")
        self._check_width(windows.shape[2])
        if not np.isfinite(windows).all():
            raise ValueError("states must be finite, but NaN or infinity came; leave those states out")
        newest_first = windows[:, ::-1].reshape(len(windows), -1).astype(np.float64)
        return self._finish(lift_states(newest_first, self.dictionary_))

    def _fit_dictionary(self, trajectories: list[np.ndarray]) -> Any:
        if self.dictionary is None:
            return None
        return clone(self.dictionary).fit(
            np.concatenate([self._embed(item) for item in trajectories], dtype=np.float64)
        )

    def _ready_dictionary(self) -> Any:
        """The dictionary where no pass over the data is left to fit it in."""
        if self.dictionary is None:
            return None
        dictionary = clone(self.dictionary)
        try:
            check_is_fitted(dictionary)
        except NotFittedError:
            raise ValueError(
                f"the dictionary {self.dictionary} is still to be fitted, but an iterator or dask array is read once; "
                "fit it on a sample and give sklearn.frozen.FrozenEstimator(dictionary.fit(sample)), "
                "or call fit on a list of some trajectories and partial_fit on the others"
            ) from None
        return dictionary

    # What may be asked for.

    def _check_settings(self) -> None:
        for name, least in (("delays", 0), ("rank", 1)):
            value = getattr(self, name)
            if name == "rank" and value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
                raise ValueError(f"{name} must be a whole number, {least} or more, got {value!r}")
        if self.dictionary is not None and not hasattr(self.dictionary, "transform"):
            raise ValueError(f"dictionary must be a scikit-learn transformer, got {type(self.dictionary).__name__}")

    def _check_rank(self, n_observables: int) -> None:
        if self.rank is not None and self.rank > n_observables:
            raise ValueError(
                f"rank={self.rank} is larger than the {n_observables} features the states have after "
                f"delays, dictionary and constant; give at most {n_observables}"
            )

    def _check_width(self, width: int, fitted: int | None = None) -> None:
        fitted = self.n_features_in_ if fitted is None else fitted
        if width != fitted:
            raise ValueError(f"fitted on states of {fitted} features, got {width}")


def _chunks(trajectories: Iterable[np.ndarray], *, overlap: int) -> Iterator[list[np.ndarray]]:
    """Groups of trajectories of about CHUNK_ROWS states; a longer one comes in pieces that share `overlap` states."""
    chunk: list[np.ndarray] = []
    n_rows = 0
    for trajectory in trajectories:
        for start in range(0, len(trajectory) - overlap, CHUNK_ROWS):
            chunk.append(trajectory[start : start + CHUNK_ROWS + overlap])
            n_rows += len(chunk[-1])
            if n_rows >= CHUNK_ROWS:
                yield chunk
                chunk, n_rows = [], 0
    if chunk:
        yield chunk
