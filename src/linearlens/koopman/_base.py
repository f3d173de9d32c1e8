"""The Koopman operator of a dictionary, estimated from many trajectories."""

from collections.abc import Iterator
from numbers import Real
from typing import Any

import numpy as np

from linearlens.koopman._fitted import FittedOperator
from linearlens.koopman._lift import Lift
from linearlens.koopman._pairs import Pairs
from linearlens.koopman._read import read_pairs
from linearlens.koopman._solve import Solution, solve
from linearlens.koopman._trajectories import Features, Trajectories, check_whole


class Koopman(FittedOperator):
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
    energy : float, optional
        In place of a rank: as few of the widest directions as hold this share of the sum of squares of the lifted
        states, between 0 and 1.
    alpha : float
        Ridge: adds ``alpha * ‖K‖²`` to the sum of squares, as scikit-learn's ``Ridge`` does, in the units of the
        observables; the constant of `constant` is free.
    lag : int
        Steps of the data from the first state of a pair to the second, so that ``z[t+lag] ≈ z[t] K``. Eigenvalues,
        and steps of a forecast, are then those of so many steps.
    dt : float
        Time between two states, the unit of the frequencies and rates in `summary`.

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
    modes_ : ndarray of shape (n_eigenvalues, n_features), complex
        What each eigenfunction adds to coming states: ``z[t+n] ≈ (phi(z[t]) * eigenvalues_ⁿ⁻¹) @ modes_ + offset_``.
        :func:`linearlens.koopman.modes` gives those of the observables.
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
    states come as float32. Of the operators that fit equally the one of least norm is taken, as
    ``numpy.linalg.lstsq`` does; if there are more pairs than observables, whose sizes differ more than a
    thousandfold, that of least norm in scaled units. As many directions as pairs fit any data without error,
    and raise a warning. A `rank` below the number of directions that the data span keeps
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
        energy: float | None = None,
        dt: float = 1.0,
    ) -> None:
        self.rank = rank
        self.delays = delays
        self.dictionary = dictionary
        self.center = center
        self.constant = constant
        self.alpha = alpha
        self.lag = lag
        self.energy = energy
        self.dt = dt

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

    def _become(self, pairs: Pairs, lift: Lift, features: Features) -> None:
        for name in (
            "_solution",
            "operator_",
            "readout_",
            "modes_",
            "eigenvalues_",
            "eigenvectors_",
            "feature_names_in_",
        ):
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
            energy=self.energy,
            alpha=self.alpha,
        )

    # What may be asked for.

    def _check_settings(self) -> None:
        check_whole("delays", self.delays, 0)
        check_whole("lag", self.lag, 1)
        if self.rank is not None:
            check_whole("rank", self.rank, 1)
        for name in ("center", "constant"):
            if not isinstance(getattr(self, name), bool | np.bool):
                raise ValueError(f"{name} must be True or False, got {getattr(self, name)!r}")
        if not _is_number(self.alpha) or not 0 <= self.alpha < np.inf:
            raise ValueError(f"alpha must be a number, 0 or more, got {self.alpha!r}")
        if not _is_number(self.dt) or not 0 < self.dt < np.inf:
            raise ValueError(f"dt must be a number above 0, got {self.dt!r}")
        if self.energy is not None and (not _is_number(self.energy) or not 0 < self.energy <= 1):
            raise ValueError(f"energy must be a share between 0 and 1, got {self.energy!r}")
        if self.energy is not None and self.rank is not None:
            raise ValueError(f"give rank or energy, not both; rank={self.rank} and energy={self.energy} came")
        if self.dictionary is not None and not hasattr(self.dictionary, "transform"):
            raise ValueError(f"dictionary must be a scikit-learn transformer, got {type(self.dictionary).__name__}")

    def _check_rank(self, pairs: Pairs) -> None:
        n_observables = pairs.n_observables + self.constant
        if self.rank is not None and self.rank > n_observables:
            raise ValueError(
                f"rank={self.rank} is larger than the {n_observables} features the states have after "
                f"delays, dictionary and constant; give at most {n_observables}"
            )


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)
