"""Operators of a driven system: the input stands beside the state."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from linearlens.koopman._lift import Lift
from linearlens.koopman._pairs import Pairs
from linearlens.koopman._principal import is_single
from linearlens.koopman._solve import principal_of, warn_of
from linearlens.koopman._spectrum import eigenvalue_order
from linearlens.koopman._trajectories import Features, Trajectories, check_trajectories, check_whole, in_double

LEADS = ("to", "from")


class ControlledKoopman(BaseEstimator):
    """``x[t+1] ≈ x[t] K + e B + c`` by least squares: DMD with control, x the state or what it is lifted to.

    `Koopman` describes a driven system on the average over its inputs. Where the inputs are known, this
    tells apart what the state does by itself and what the input does to it.

    Parameters
    ----------
    rank : int, optional
        Largest number of principal directions of states and inputs together that are kept.
    delays : int
        As in `Koopman`.
    dictionary : scikit-learn transformer, optional
        As in `Koopman`; it lifts states, not inputs.
    leads : {"to", "from"}
        What row ``t`` of the inputs does. With ``"to"`` it was given on the way *to* state ``t``, as a recurrent
        network reads, and the first row is not used; with ``"from"`` it leads from state ``t`` to the next, as in
        texts on control (``x[t+1] = x[t] K + u[t] B``), and the last row is not used.

    Attributes
    ----------
    operator_ : ndarray of shape (n_observables, n_observables)
        K, acting from the right.
    input_map_ : ndarray of shape (n_inputs, n_observables)
        B.
    offset_ : ndarray of shape (n_observables,)
        c.
    readout_ : ndarray of shape (n_observables + n_inputs + 1, n_features)
        From observables, input and the number 1 to the next state.
    eigenvalues_ : ndarray of shape (n_observables,), complex
        Of K, in the order of `eigenvalue_order`.
    eigenvectors_ : ndarray of shape (n_observables, n_observables), complex
        Columns that weigh the observables of each eigenfunction, of length 1.
    n_directions_ : int
        Directions of observables and inputs kept; fewer than there are if the data do not span them all.
    n_pairs_ : int

    Notes
    -----
    Proctor, Brunton and Kutz (2016), with a constant.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> inputs = rng.standard_normal((1, 50, 1))
    >>> z = np.zeros((1, 50, 1))
    >>> for t in range(49):
    ...     z[:, t + 1] = 0.5 * z[:, t] + 2 * inputs[:, t + 1] + 1
    >>> model = ControlledKoopman().fit(z, inputs)
    >>> model.operator_.round(6), model.input_map_.round(6), model.offset_.round(6)
    (array([[0.5]]), array([[2.]]), array([1.]))
    """

    def __init__(self, rank: int | None = None, delays: int = 0, dictionary: Any = None, leads: str = "to") -> None:
        self.rank = rank
        self.delays = delays
        self.dictionary = dictionary
        self.leads = leads

    def fit(self, trajectories: Trajectories, inputs: Trajectories) -> "ControlledKoopman":
        """Fit K, B and c together.

        Parameters
        ----------
        trajectories : list of ndarray of shape (n_steps_i, n_features), or ndarray of shape \
                (n_trajectories, n_steps, n_features)
        inputs : list of ndarray of shape (n_steps_i, n_inputs), or ndarray of shape \
                (n_trajectories, n_steps, n_inputs)
            One row for each state; `leads` says what it does.

        Returns
        -------
        ControlledKoopman
            The estimator itself.

        Raises
        ------
        ValueError
            As ``Koopman.fit``, and if there is not one input for each state.
        """
        if self.leads not in LEADS:
            raise ValueError(f"leads must be one of {LEADS}, got {self.leads!r}")
        check_whole("delays", self.delays, 0)
        if self.rank is not None:
            check_whole("rank", self.rank, 1)
        states, given = _in_step(trajectories, inputs, min_steps=self.delays + 2)
        lift = Lift(self.delays, self.dictionary).fitted(states)
        n_features, n_inputs = states[0].shape[1], given[0].shape[1]
        rows = [_beside(lift, z, e, self.leads) for z, e in zip(states, given, strict=True)]
        n_targets = rows[0].shape[1]
        n_joint = n_targets - (0 if self.dictionary is None else n_features)
        if self.rank is not None and self.rank > n_joint:
            raise ValueError(f"rank={self.rank} is larger than the {n_joint} observables and inputs")
        pairs = Pairs(n_joint, n_targets, single=is_single(states[0].dtype) or is_single(given[0].dtype))
        pairs.add([z] for z in rows)
        mean, mean_next, found = principal_of(pairs, about_0=False)
        whiten, ahead = found.least_squares(rank=self.rank, wide=pairs.n_pairs <= n_joint)
        warn_of(pairs, whiten.shape[1] + 1)
        width = n_joint - n_inputs
        solution = whiten @ ahead
        offset = mean_next - mean @ solution
        read = slice(n_features) if self.dictionary is None else slice(n_joint, None)
        eigenvalues, eigenvectors = np.linalg.eig(solution[:width, :width])
        order = eigenvalue_order(eigenvalues)
        self._lift, self._features = lift, Features.of(next(iter(trajectories)))
        self.n_features_in_, self.n_inputs_in_ = n_features, n_inputs
        self.n_pairs_, self.n_directions_ = pairs.n_pairs, whiten.shape[1]
        self.operator_, self.input_map_, self.offset_ = (
            solution[:width, :width],
            solution[width:, :width],
            offset[:width],
        )
        self.readout_ = np.vstack([solution[:, read], offset[read]])
        self.eigenvalues_ = eigenvalues[order].astype(complex)
        self.eigenvectors_ = eigenvectors[:, order].astype(complex)
        return self

    def predict(self, states: np.ndarray, inputs: np.ndarray) -> np.ndarray:
        """Advance states under one or more inputs.

        Parameters
        ----------
        states : ndarray of shape (n_states, n_features), or (n_states, delays + 1, n_features)
            With delays, windows in order of time, as for `Koopman`.
        inputs : ndarray of shape (n_states, n_inputs), or (n_states, n_steps, n_inputs)
            What leads from these states to the next ones. In order of time; with `n_steps` inputs the state after
            the last one is returned.

        Returns
        -------
        ndarray of shape (n_states, n_features)

        Raises
        ------
        ValueError
            If the shapes do not fit each other or the operator, or either holds complex numbers or text.
        """
        check_is_fitted(self)
        windows, inputs = in_double(states, "the array of states"), in_double(inputs, "the array of inputs")
        windows = windows if self._lift.delays else windows[..., None, :]
        steps = inputs[:, None] if inputs.ndim == 2 else inputs
        wanted = (self._lift.delays + 1, self.n_features_in_)
        fits = windows.ndim == steps.ndim == 3 and len(windows) == len(steps) and windows.shape[1:] == wanted
        if not fits or steps.shape[2] != self.n_inputs_in_ or not steps.shape[1]:
            shape = ", ".join(["n_states", *map(str, wanted[0 if self._lift.delays else 1 :])])
            raise ValueError(
                f"need states of shape ({shape}) and inputs of shape (n_states, n_steps, {self.n_inputs_in_}), "
                f"got {np.shape(states)} and {inputs.shape}"
            )
        self._features.check(states, "the array of states")
        lifted = self._lift.windows(windows)
        for step in range(steps.shape[1] - 1):
            lifted = lifted @ self.operator_ + steps[:, step] @ self.input_map_ + self.offset_
        return np.hstack([lifted, steps[:, -1], np.ones((len(lifted), 1))]) @ self.readout_

    def residuals(self, trajectories: Trajectories, inputs: Trajectories) -> np.ndarray:
        """How far each eigenpair is from being one once the inputs' part is taken out.

        Parameters
        ----------
        trajectories, inputs : as in `fit`
            Give those that the fit has not seen.

        Returns
        -------
        ndarray of shape (n_observables,)
            ``‖phi(z[t+1]) − λ phi(z[t]) − (e B + c) v‖ / ‖phi(z[t]) − mean‖`` over all pairs, with ``phi = x v``.

        Raises
        ------
        ValueError
            As in `fit`.
        """
        check_is_fitted(self)
        states, given = _in_step(trajectories, inputs, min_steps=self._lift.min_steps, like=self._features)
        rows = [_beside(self._lift, z, e, self.leads) for z, e in zip(states, given, strict=True)]
        now, then = (np.concatenate([z[part] for z in rows]) for part in (np.s_[:-1], np.s_[1:]))
        width = len(self.operator_)
        driven = now[:, width : width + self.n_inputs_in_] @ self.input_map_ + self.offset_
        phi, coming = now[:, :width] @ self.eigenvectors_, (then[:, :width] - driven) @ self.eigenvectors_
        missed = np.linalg.norm(coming - phi * self.eigenvalues_, axis=0)
        size = np.linalg.norm(phi - phi.mean(axis=0), axis=0)
        return np.divide(missed, size, out=np.full(width, np.nan), where=size > 0)


def _in_step(
    trajectories: Trajectories, inputs: Trajectories, *, min_steps: int, like: Features | None = None
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """States and inputs, one for each."""
    states, given = check_trajectories(trajectories, min_steps=min_steps, like=like), check_trajectories(inputs)
    lengths = [len(item) for item in states], [len(item) for item in given]
    if lengths[0] != lengths[1]:
        where = next((i for i, (a, b) in enumerate(zip(*lengths, strict=False)) if a != b), min(map(len, lengths)))
        raise ValueError(
            f"need one input for each state: {len(states)} trajectories and {len(given)} inputs came, the first "
            f"that differs in length is number {where}"
        )
    return states, given


def _beside(lift: Lift, states: np.ndarray, inputs: np.ndarray, leads: str) -> np.ndarray:
    """Rows of observables, the input that leads on, and states if a dictionary may leave them out.

    The last row has no next state, and is never where a pair begins.
    """
    embedded = lift.embed(states).astype(np.float64)
    leading = inputs[lift.delays :]
    if leads == "to":
        leading = np.vstack([leading[1:], np.zeros_like(leading[:1])])
    parts = [lift.observables(embedded), leading]
    return np.hstack(parts if lift.dictionary is None else [*parts, embedded[:, : states.shape[1]]], dtype=np.float64)
