"""Operators from noisy states."""

import numpy as np

from linearlens.koopman._trajectories import Trajectories, check_trajectories


def noise_robust_operator(trajectories: Trajectories, *, method: str = "instrument") -> np.ndarray:
    """An operator that measurement noise does not bias towards zero.

    Least squares takes the noise in the present state for a property of the system and shrinks every
    eigenvalue. Two remedies, each of which needs ``2 n_features`` samples or more:

    - ``"instrument"``: correlate next and present states with *past* ones, whose noise is another.
      ``K = (Z₋ᵀ Z)⁻¹ Z₋ᵀ Z₊``. Consistent for any noise without memory. Its samples are three states in a
      row: ``n_steps_i - 2`` of each trajectory.
    - ``"total"``: total least squares (Hemati et al. 2017), which treats present and next states alike.
      Consistent for noise of one size in all directions. Its samples are pairs: ``n_steps_i - 1`` of each
      trajectory.

    Parameters
    ----------
    trajectories : list of ndarray of shape (n_steps_i, n_features), or ndarray of shape \
            (n_trajectories, n_steps, n_features)
        Of at least three steps for ``"instrument"``, two for ``"total"``. Not centred: pass deviations
        from the mean if the system does not rest at 0.
    method : str

    Returns
    -------
    ndarray of shape (n_features, n_features)
        Acts from the right.

    Raises
    ------
    ValueError
        On an unknown method, on trajectories as in ``Koopman.fit``, or if they hold fewer than ``2 n_features``
        samples.
    """
    if method not in ("instrument", "total"):
        raise ValueError(f"method must be 'instrument' or 'total', got {method!r}")
    lag = 2 if method == "instrument" else 1
    checked = [np.asarray(item, dtype=np.float64) for item in check_trajectories(trajectories, min_steps=lag + 1)]
    size = checked[0].shape[1]
    if (n_pairs := sum(len(item) - lag for item in checked)) < 2 * size:
        raise ValueError(f"{n_pairs} steps came; {method!r} needs at least {2 * size} for {size} features")
    if method == "instrument":
        past_present = sum(item[:-2].T @ item[1:-1] for item in checked)
        past_next = sum(item[:-2].T @ item[2:] for item in checked)
        return np.linalg.lstsq(past_present, past_next, rcond=None)[0]
    pairs = np.vstack([np.hstack([item[:-1], item[1:]]) for item in checked])
    _, _, directions = np.linalg.svd(pairs, full_matrices=False)
    now, then = directions[:size, :size], directions[:size, size:]
    return np.linalg.lstsq(now, then, rcond=None)[0]
