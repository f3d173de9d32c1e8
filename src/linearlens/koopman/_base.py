"""The Koopman operator of a dictionary, estimated from many trajectories."""

from collections.abc import Iterator
from functools import cached_property
from numbers import Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from linearlens.koopman._lift import Lift
from linearlens.koopman._pairs import Pairs
from linearlens.koopman._read import read_pairs
from linearlens.koopman._solve import Solution, solve
from linearlens.koopman._trajectories import Features, Trajectories, as_array, check_real, check_trajectories


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
    alpha : float
        Ridge: adds ``alpha * ‖K‖²`` to the sum of squares, as scikit-learn's ``Ridge`` does, in the units of the
        observables; the constant of `constant` is free.
    lag : int
        Steps of the data from the first state of a pair to the second, so that ``z[t+lag] ≈ z[t] K``. Eigenvalues,
        and steps of a forecast, are then those of so many steps.

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

    With X the observables and Y their successors, the fit needs ``XᵀX`` and ``XᵀY`` only, or a triangular factor
    with the same products. They are summed chunk by chunk in float64, so memory depends on the number of
    observables, not of trajectories, and no pair ever crosses a seam. With `constant` they are taken about
    the mean and the operator is moved back afterwards, so that a mean far from 0 costs no digits. Where there are
    fewer pairs than observables, the pairs themselves are kept, and the operator is held as a product of two thin
    matrices: `operator_` is formed where it is asked for, a forecast does not need it.
    For a given `rank` the eigenvalues are those of projected DMD (Schmid 2010) with the basis from X.

    So data may be larger than memory. Of an iterator about a thousand states are held at a time; of a dask array,
    each block is summed where it is and only sums of the size of the operator travel, joined in a tree. Either is
    read once, which leaves no pass to fit a dictionary in: take one that learns nothing, as a
    ``FunctionTransformer``, or fit it on a sample beforehand and give
    ``sklearn.frozen.FrozenEstimator(dictionary.fit(sample))``. Then the operator is that of a list of the same
    trajectories, but for rounding.

    Directions the data do not span (units that never fire, features that repeat others) are no fault and raise no
    warning: `n_eigenvalues_` counts the others. What is spanned is decided with each observable scaled to one size,
    so that it does not depend on units: a direction thinner than about 1e-14 of the widest is rounding, 1e-7 where
    states come as float32. Of the operators that fit equally the one of least norm is taken, in these scaled units;
    where there are no more pairs than observables, in plain units, as in DMD. As many directions as pairs
    fit any data without error, and raise a warning. A `rank` below the number of directions that the data span keeps
    the widest in the units of the observables, so small features go first; where units differ, take a
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
        alpha: float = 0.0,
        lag: int = 1,
    ) -> None:
        self.rank = rank
        self.delays = delays
        self.dictionary = dictionary
        self.center = center
        self.constant = constant
        self.alpha = alpha
        self.lag = lag

    def fit(self, trajectories: Trajectories | Iterator[np.ndarray], y: None = None) -> "Koopman":
        """Fit the operator, forgetting any earlier fit.

        Parameters
        ----------
        trajectories : list or iterator of ndarray of shape (n_steps_i, n_features), or ndarray or dask array of \
                shape (n_trajectories, n_steps, n_features)
            Each needs at least ``delays + lag + 1`` states. An iterator is used up, whether the fit succeeds or not;
            it may also yield lists of trajectories, as `iterate_hidden` does.
            A dask array is split along its first axis; its scheduler is that of dask: threads, or the processes
            of a ``distributed.Client``. A torch tensor may stand for an ndarray; on another device than the
            processor its sums are formed there, and it takes neither dictionary nor lag. Tables (pandas) must have
            the same columns in the same order.
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
        pairs, lift, features = read_pairs(trajectories, Lift(self.delays, self.dictionary, self.lag), like=None)
        solution = self._solve(pairs, lift)
        self._become(pairs, lift, features)
        self._solution = solution
        return self

    def partial_fit(self, trajectories: Trajectories | Iterator[np.ndarray], y: None = None) -> "Koopman":
        """Add trajectories to those already seen.

        The dictionary stays as it was fitted on the first call. So this equals one `fit` on all trajectories
        if there is none or it learns nothing from data, as ``PolynomialFeatures``. One that does learn, as
        ``StandardScaler`` or `fourier_dictionary`, would have seen all of them in `fit`. Parameters, return
        value and errors are those of `fit`. The operator is solved for when something of it is first asked for,
        so that many calls in a row cost no more than one `fit`; a warning about it comes then, too.
        """
        self._check_settings()
        earlier = self.__dict__.get("pairs_")
        dictionary = self.dictionary if earlier is None else self._lift.dictionary
        like = None if earlier is None else self._features
        if earlier is not None and (self.lag, self.delays) != (self._lift.lag, self._lift.delays):
            raise ValueError(
                f"the earlier fit had delays={self._lift.delays}, lag={self._lift.lag}, now delays={self.delays}, "
                f"lag={self.lag} came; call fit to start anew"
            )
        lift = Lift(self.delays, dictionary, self.lag)
        pairs, lift, features = read_pairs(trajectories, lift, like=like, earlier=earlier)
        if earlier is not None:
            pairs.absorb(earlier)
        self._check_rank(pairs)
        self._become(pairs, lift, features if like is None else like)
        return self

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
        observables, found = self._observables(states), self._solution
        if steps == 0:
            now = as_array(states, "the array of states")
            return np.array(now[:, -1] if self._lift.delays else now, dtype=np.float64)
        coordinates = observables @ found.whiten
        if steps > 1:
            coordinates = coordinates @ np.linalg.matrix_power(found.ahead @ found.whiten, int(steps) - 1)
        return coordinates @ found.read + found.offset

    def rollout(self, states: np.ndarray, *, steps: int) -> np.ndarray:
        """All states up to `steps` ahead, step by step: what `predict` gives for 1, 2, …, `steps`.

        Parameters
        ----------
        states : ndarray
            As in `predict`.
        steps : int
            1 or more.

        Returns
        -------
        ndarray of shape (n_states, steps, n_features)

        Raises
        ------
        ValueError
            As in `predict`.
        """
        if not isinstance(steps, int | np.integer) or steps < 1:
            raise ValueError(f"steps must be a whole number, 1 or more, got {steps!r}")
        found = self._solution
        coordinates, step = self._observables(states) @ found.whiten, found.ahead @ found.whiten
        path = np.empty((len(coordinates), steps, len(step)))
        for index in range(steps):
            path[:, index] = coordinates
            coordinates = coordinates @ step
        return path @ found.read + found.offset

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
        return self._observables(states) @ self.eigenvectors_

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
        checked = check_trajectories(trajectories, min_steps=self._lift.min_steps, like=self._features)
        found = self._solution
        missed, size = np.zeros(self.n_eigenvalues_), np.zeros(self.n_eigenvalues_)
        for chunk in self._lift.observed(checked):
            x, y = (
                np.concatenate([z[part, : self.pairs_.n_observables] for z in chunk])
                for part in (np.s_[:-1], np.s_[1:])
            )
            now, then = found.observables(x) @ self.eigenvectors_, found.observables(y) @ self.eigenvectors_
            missed += (np.abs(then - now * self.eigenvalues_) ** 2).sum(axis=0)
            size += (np.abs(now) ** 2).sum(axis=0)
        return np.sqrt(np.divide(missed, size, out=np.full(self.n_eigenvalues_, np.nan), where=size > 0))

    # What a fit found. It is solved for when first asked for, and forgotten by the next fit.

    @cached_property
    def _solution(self) -> Solution:
        check_is_fitted(self)
        return self._solve(self.pairs_, self._lift)

    @cached_property
    def operator_(self) -> np.ndarray:
        return self._solution.whiten @ self._solution.ahead

    @cached_property
    def readout_(self) -> np.ndarray:
        return self._solution.whiten @ self._solution.read

    @cached_property
    def eigenvalues_(self) -> np.ndarray:
        return self._solution.eigenvalues

    @cached_property
    def eigenvectors_(self) -> np.ndarray:
        return self._solution.eigenvectors

    @property
    def mean_(self) -> np.ndarray:
        return self._solution.mean

    @property
    def offset_(self) -> np.ndarray:
        return self._solution.offset

    @property
    def n_eigenvalues_(self) -> int:
        return len(self._solution.eigenvalues)

    @property
    def n_pairs_(self) -> int:
        check_is_fitted(self)
        return self.pairs_.n_pairs

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "pairs_")

    @property
    def dictionary_(self) -> Any:
        check_is_fitted(self)
        return self._lift.dictionary

    def _become(self, pairs: Pairs, lift: Lift, features: Features) -> None:
        for name in ("_solution", "operator_", "readout_", "eigenvalues_", "eigenvectors_", "feature_names_in_"):
            self.__dict__.pop(name, None)
        self.pairs_, self._lift, self._features = pairs, lift, features
        self.n_features_in_ = features.width
        if features.names is not None:
            self.feature_names_in_ = np.array(features.names, dtype=object)

    def _solve(self, pairs: Pairs, lift: Lift) -> Solution:
        self._check_rank(pairs)
        return solve(
            pairs,
            next_states=lift.states(pairs),
            rank=self.rank,
            center=self.center,
            constant=self.constant,
            alpha=self.alpha,
        )

    def _observables(self, states: np.ndarray) -> np.ndarray:
        """The observables of states or windows, centred and with the constant as in the fit."""
        check_is_fitted(self)
        found, delays = self._solution, self._lift.delays
        array = check_real(as_array(states, "the array of states"), "the array of states")
        if array.ndim != (3 if delays else 2) or (delays and array.shape[1] != delays + 1):
            wanted = f"(n_states, {delays + 1}, n_features)" if delays else "(n_states, n_features)"
            raise ValueError(f"need states of shape {wanted}, got shape {array.shape}")
        windows = array if delays else array[:, None]
        self._features.check(states, "the array of states")
        if not np.isfinite(windows).all():
            raise ValueError("states must be finite, but NaN or infinity came; leave those states out")
        return found.observables(self._lift.windows(windows))

    # What may be asked for.

    def _check_settings(self) -> None:
        for name, least in (("delays", 0), ("rank", 1), ("lag", 1)):
            value = getattr(self, name)
            if name == "rank" and value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
                raise ValueError(f"{name} must be a whole number, {least} or more, got {value!r}")
        for name in ("center", "constant"):
            if not isinstance(getattr(self, name), bool | np.bool):
                raise ValueError(f"{name} must be True or False, got {getattr(self, name)!r}")
        if isinstance(self.alpha, bool) or not isinstance(self.alpha, Real) or not 0 <= self.alpha < np.inf:
            raise ValueError(f"alpha must be a number, 0 or more, got {self.alpha!r}")
        if self.dictionary is not None and not hasattr(self.dictionary, "transform"):
            raise ValueError(f"dictionary must be a scikit-learn transformer, got {type(self.dictionary).__name__}")

    def _check_rank(self, pairs: Pairs) -> None:
        n_observables = pairs.n_observables + self.constant
        if self.rank is not None and self.rank > n_observables:
            raise ValueError(
                f"rank={self.rank} is larger than the {n_observables} features the states have after "
                f"delays, dictionary and constant; give at most {n_observables}"
            )
