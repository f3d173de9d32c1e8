"""Dictionaries ready to use; any scikit-learn transformer is one."""

from typing import Any

import numpy as np
from sklearn.kernel_approximation import RBFSampler
from sklearn.pipeline import FeatureUnion, make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, StandardScaler


def fourier_dictionary(n_fourier: int, *, seed: int = 0) -> FeatureUnion:
    """The state itself beside random Fourier features of the standardised state.

    Parameters
    ----------
    n_fourier : int
        Number of random cosines.
    seed : int
        Seeds their frequencies and phases.

    Returns
    -------
    FeatureUnion
        Observables ``[z, sqrt(2 / n_fourier) * cos(z_std Ω + β)]``, where ``z_std`` is standardised column by
        column on the states of the fit. The inner product of the cosines of two states approximates the
        Gaussian kernel ``exp(-gamma * ‖z_std − z_std′‖²)`` (Rahimi and Recht 2007): entries of Ω have variance
        ``2 * gamma``, phases β are uniform, and ``gamma`` is 1 over the number of columns that vary. A
        constant column becomes 0 and adds nothing; if no column varies, ``gamma`` is 1.

    Examples
    --------
    >>> import numpy as np
    >>> fourier_dictionary(5).fit_transform(np.zeros((3, 2))).shape
    (3, 7)
    """
    cosines = make_pipeline(StandardScaler(), RBFSampler(gamma="scale", n_components=n_fourier, random_state=seed))
    return make_union(FunctionTransformer(), cosines)


def lift_states(states: np.ndarray, dictionary: Any) -> np.ndarray:
    """Observables of states, dense and in float64; the states themselves if there is no dictionary.

    Parameters
    ----------
    states : ndarray of shape (n_states, n_features)
    dictionary : fitted scikit-learn transformer or None

    Returns
    -------
    ndarray of shape (n_states, n_observables)

    Raises
    ------
    ValueError
        If an observable is not finite.
    """
    if dictionary is None:
        return states
    lifted = dictionary.transform(states)
    lifted = np.asarray(lifted.toarray() if hasattr(lifted, "toarray") else lifted, dtype=np.float64)
    if not np.isfinite(lifted).all():
        raise ValueError(f"the dictionary {dictionary} gave values that are not finite; scale the states first")
    return lifted
