"""Operators of a driven system: the input stands beside the state."""

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from linearlens.koopman._pairs import Pairs
from linearlens.koopman._principal import Principal, is_single
from linearlens.koopman._spectrum import eigenvalue_order
from linearlens.koopman._trajectories import Trajectories, check_real, check_trajectories


class ControlledKoopman(BaseEstimator):
    """``z[t+1] ≈ z[t] K + e[t+1] B + c`` by least squares: DMD with control.

    `Koopman` describes a driven system on the average over its inputs. Where the inputs are known, this
    tells apart what the state does by itself and what the input does to it.

    Attributes
    ----------
    operator_ : ndarray of shape (n_features, n_features)
        K, acting from the right.
    input_map_ : ndarray of shape (n_inputs, n_features)
        B.
    offset_ : ndarray of shape (n_features,)
        c.
    eigenvalues_ : ndarray of shape (n_features,), complex
        Of K, in the order of `eigenvalue_order`.

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

    def fit(self, trajectories: Trajectories, inputs: Trajectories) -> "ControlledKoopman":
        """Fit K, B and c together.

        Parameters
        ----------
        trajectories : list of ndarray of shape (n_steps_i, n_features), or ndarray of shape \
                (n_trajectories, n_steps, n_features)
        inputs : list of ndarray of shape (n_steps_i, n_inputs), or ndarray of shape \
                (n_trajectories, n_steps, n_inputs)
            Row ``t`` is what the system was given on its way *to* state ``t``; the first row of each is not used.

        Returns
        -------
        ControlledKoopman
            The estimator itself.

        Raises
        ------
        ValueError
            As ``Koopman.fit``, and if there is not one input for each state.
        """
        states = check_trajectories(trajectories, min_steps=2)
        given = check_trajectories(inputs)
        lengths = [len(item) for item in states], [len(item) for item in given]
        if lengths[0] != lengths[1]:
            where = next((i for i, (a, b) in enumerate(zip(*lengths, strict=False)) if a != b), min(map(len, lengths)))
            raise ValueError(
                f"need one input for each state: {len(states)} trajectories and {len(given)} inputs came, the first "
                f"that differs in length is number {where}"
            )
        width, n_inputs = states[0].shape[1], given[0].shape[1]
        single = is_single(states[0].dtype) or is_single(given[0].dtype)
        pairs = Pairs(width + n_inputs, width + n_inputs, single=single)
        pairs.add([_beside_next_input(z, e)] for z, e in zip(states, given, strict=True))
        (mean, mean_next), (now, then) = pairs.means(), pairs.deviations()
        found = Principal.of_rows(now, then[:, :width], single=single)
        whiten, ahead = found.least_squares(rank=None, wide=pairs.n_pairs <= width + n_inputs)
        solution = whiten @ ahead
        self.n_features_in_, self.n_inputs_in_ = width, n_inputs
        self.operator_, self.input_map_ = solution[:width], solution[width:]
        self.offset_ = mean_next[:width] - mean @ solution
        eigenvalues = np.linalg.eigvals(self.operator_).astype(complex)
        self.eigenvalues_ = eigenvalues[eigenvalue_order(eigenvalues)]
        return self

    def predict(self, states: np.ndarray, inputs: np.ndarray) -> np.ndarray:
        """Advance states under one or more inputs.

        Parameters
        ----------
        states : ndarray of shape (n_states, n_features)
        inputs : ndarray of shape (n_states, n_inputs), or (n_states, n_steps, n_inputs)
            In order of time; with `n_steps` inputs the state after the last one is returned.

        Returns
        -------
        ndarray of shape (n_states, n_features)

        Raises
        ------
        ValueError
            If the shapes do not fit each other or the operator, or either holds complex numbers or text.
        """
        check_is_fitted(self)
        states = check_real(np.asarray(states), "the array of states").astype(np.float64)
        inputs = check_real(np.asarray(inputs), "the array of inputs").astype(np.float64)
        steps = inputs[:, None] if inputs.ndim == 2 else inputs
        wanted = (states.shape[:1], (self.n_features_in_,), (self.n_inputs_in_,))
        if states.ndim != 2 or steps.ndim != 3 or (steps.shape[:1], states.shape[1:], steps.shape[2:]) != wanted:
            raise ValueError(
                f"need states of shape (n_states, {self.n_features_in_}) and inputs of shape (n_states, n_steps, "
                f"{self.n_inputs_in_}), got {states.shape} and {inputs.shape}"
            )
        for step in range(steps.shape[1]):
            states = states @ self.operator_ + steps[:, step] @ self.input_map_ + self.offset_
        return states


def _beside_next_input(states: np.ndarray, inputs: np.ndarray) -> np.ndarray:
    """Rows ``[z[t], e[t+1]]``; the last has no next input, and is never where a pair begins."""
    coming = np.vstack([inputs[1:], np.zeros_like(inputs[:1])])
    return np.hstack([states, coming], dtype=np.float64)
