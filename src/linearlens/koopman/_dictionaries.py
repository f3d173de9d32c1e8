"""Dictionaries ready to use; any scikit-learn transformer is one."""

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
        Observables ``[z, cos(z_std Ω + β)]``; the frequencies Ω belong to a Gaussian kernel with
        ``gamma = 1 / n_features`` (Rahimi and Recht 2007).

    Examples
    --------
    >>> import numpy as np
    >>> fourier_dictionary(5).fit_transform(np.zeros((3, 2))).shape
    (3, 7)
    """
    cosines = make_pipeline(StandardScaler(), RBFSampler(gamma="scale", n_components=n_fourier, random_state=seed))
    return make_union(FunctionTransformer(), cosines)
