"""What is read off a fitted operator: forecasts, eigenfunctions, modes, errors."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.metrics import r2_score
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from linearlens.koopman._forecast import forecast
from linearlens.koopman._lift import Lift
from linearlens.koopman._pairs import Pairs
from linearlens.koopman._solve import Solution
from linearlens.koopman._spectrum import half_life, modes
from linearlens.koopman._trajectories import (
    Features,
    Trajectories,
    as_array,
    check_real,
    check_trajectories,
    check_whole,
)


class FittedOperator(BaseEstimator):
    """The part of `Koopman` that comes after its fit."""

    SOLVED_FOR = ("_solution", "operator_", "readout_", "modes_", "eigenvalues_", "eigenvectors_")

    dt: float
    pairs_: Pairs
    _lift: Lift
    _features: Features
    _solve: Callable[[Pairs, Lift], Solution]

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
        check_whole("steps", steps, 0)
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
        check_whole("steps", steps, 1)
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

    def transform(self, states: np.ndarray) -> np.ndarray:
        """`eigenfunctions` under the name that scikit-learn has for it."""
        return self.eigenfunctions(states)

    def inverse_transform(self, values: np.ndarray) -> np.ndarray:
        """States that have these values of the eigenfunctions: exact where no direction was cut.

        Parameters
        ----------
        values : ndarray of shape (n_states, n_eigenvalues), complex

        Returns
        -------
        ndarray of shape (n_states, n_features)

        Raises
        ------
        ValueError
            If there is not one value for each eigenvalue, or a dictionary that cannot be inverted.
        """
        values, found = np.asarray(values), self._solution
        if values.ndim != 2 or values.shape[1] != len(found.eigenvalues):
            raise ValueError(f"need values of shape (n_states, {len(found.eigenvalues)}), got shape {values.shape}")
        lifted = (values @ modes(found.eigenvectors)).real[:, : len(found.mean)] + found.mean
        dictionary = self._lift.dictionary
        if dictionary is not None and not hasattr(dictionary, "inverse_transform"):
            raise ValueError(f"the dictionary {dictionary} has no inverse_transform; modes_ gives coming states")
        embedded = lifted if dictionary is None else dictionary.inverse_transform(lifted)
        return embedded[:, : self.n_features_in_]

    def score(self, trajectories: Trajectories, y: None = None) -> float:
        """Share of the variance of states that a forecast of one step explains (R²), for instance on held-out ones.

        Parameters
        ----------
        trajectories : as in `fit`
        y : None
            Ignored; there for scikit-learn.

        Returns
        -------
        float
            1 for a perfect forecast, 0 for one no better than the mean state; all features together.

        Raises
        ------
        ValueError
            As in `fit`, and if these states do not vary.
        """
        check_is_fitted(self)
        checked = check_trajectories(trajectories, min_steps=self._lift.min_steps, like=self._features)
        first = self._lift.min_steps - 1
        true, predicted = np.concatenate([z[first:] for z in checked]), np.concatenate(forecast(self, checked))
        if not np.ptp(true, axis=0).any():
            raise ValueError("these states do not vary, so there is no variance to explain; take forecast_error")
        return float(r2_score(true, predicted, multioutput="variance_weighted"))

    def summary(self, trajectories: Trajectories | None = None) -> pd.DataFrame:
        """What the eigenvalues say, one row for each.

        Parameters
        ----------
        trajectories : as in `fit`, optional
            To judge eigenpairs on; without them there is no column `residual`.

        Returns
        -------
        DataFrame
            ``eigenvalue`` and its ``modulus``; ``frequency`` in cycles and ``growth_rate`` in units of ``1 / dt``;
            ``half_life`` in the unit of `dt`, infinite where it does not shrink; ``amplitude``, the root mean
            square of what it adds to the next state; ``residual`` as `residuals` gives it.
        """
        values, time = self.eigenvalues_, self.dt * self._lift.lag
        with np.errstate(divide="ignore"):
            growth = np.log(np.abs(values)) / time
        table = {
            "eigenvalue": values,
            "modulus": np.abs(values),
            "frequency": np.angle(values) / (2 * np.pi * time),
            "growth_rate": growth,
            "half_life": half_life(values) * time,
            "amplitude": np.linalg.norm(self.modes_, axis=1),
        }
        if trajectories is not None:
            table["residual"] = self.residuals(trajectories)
        return pd.DataFrame(table)

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

    @cached_property
    def modes_(self) -> np.ndarray:
        found = self._solution  # eigenvectors_ = W V, so that the coordinates x W are phi V⁻¹
        return np.linalg.pinv(np.linalg.pinv(found.whiten) @ found.eigenvectors) @ found.read

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

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.three_d_array = False, True
        return tags

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        said = super().__repr__(N_CHAR_MAX)
        if "_solution" not in vars(self):
            return said
        found, seen = self._solution, f"{self.n_pairs_:,} pairs of {self.n_features_in_} features"
        kept = f"{len(found.eigenvalues)} of {len(found.whiten)} directions"
        return f"{said}  # fitted to {seen}: {kept}, largest |λ| {np.abs(found.eigenvalues).max():.4g}"

    @property
    def dictionary_(self) -> Any:
        check_is_fitted(self)
        return self._lift.dictionary

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
