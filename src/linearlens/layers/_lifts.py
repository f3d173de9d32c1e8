"""Lifts ``h -> ψ(h)``: scikit-learn transformers, all with the state itself among the observables.

The constant is not one of them; the fit adds it.
"""

import numpy as np
from scipy.spatial.distance import pdist
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.kernel_approximation import Nystroem, RBFSampler
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, PolynomialFeatures, StandardScaler
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

MOST_DISTANCES = 1000  # samples whose distances are taken


class MedianScaler(TransformerMixin, BaseEstimator):
    """Divide states by the median distance between two of them, so that a kernel width means the same everywhere.

    Parameters
    ----------
    seed : int
        Seeds the choice of at most 1,000 states whose distances are taken.

    Attributes
    ----------
    distance_ : float
        The median over pairs of different states; 1 if all states are equal.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def fit(self, X: np.ndarray, y: None = None) -> "MedianScaler":
        """Learn the distance from states of shape (n_samples, n_features)."""
        X = validate_data(self, X, dtype=np.float64)
        distances = pdist(_some(X, MOST_DISTANCES, self.seed))
        self.distance_ = float(np.median(distances[distances > 0])) if distances.any() else 1.0
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """States over `distance_`."""
        check_is_fitted(self)
        return validate_data(self, X, dtype=np.float64, reset=False) / self.distance_


class GaussianBumps(TransformerMixin, BaseEstimator):
    """``exp(-gamma ‖h - c‖²)`` for centres c drawn from the states of the fit.

    Parameters
    ----------
    n_bumps : int
    gamma : float
    seed : int

    Attributes
    ----------
    centres_ : ndarray of shape (n_bumps, n_features)

    Raises
    ------
    ValueError
        In `fit`, if there are fewer states than centres.
    """

    def __init__(self, n_bumps: int = 100, gamma: float = 0.5, seed: int = 0) -> None:
        self.n_bumps = n_bumps
        self.gamma = gamma
        self.seed = seed

    def fit(self, X: np.ndarray, y: None = None) -> "GaussianBumps":
        """Draw the centres from states of shape (n_samples, n_features)."""
        X = validate_data(self, X, dtype=np.float64)
        if len(X) < self.n_bumps:
            raise ValueError(f"need {self.n_bumps} samples or more to draw as many centres, got {len(X)}")
        self.centres_ = _some(X, self.n_bumps, self.seed)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Bumps of shape (n_samples, n_bumps)."""
        check_is_fitted(self)
        return rbf_kernel(validate_data(self, X, dtype=np.float64, reset=False), self.centres_, gamma=self.gamma)


class RandomReLU(TransformerMixin, BaseEstimator):
    """``max(h Ω + β, 0)`` with random directions Ω, and β such that each kink goes through a state of the fit.

    Parameters
    ----------
    n_units : int
    seed : int

    Attributes
    ----------
    directions_ : ndarray of shape (n_features, n_units)
        Gaussian, of a length that gives the units about the spread of the states.
    shifts_ : ndarray of shape (n_units,)
    """

    def __init__(self, n_units: int = 100, seed: int = 0) -> None:
        self.n_units = n_units
        self.seed = seed

    def fit(self, X: np.ndarray, y: None = None) -> "RandomReLU":
        """Draw the units for states of shape (n_samples, n_features)."""
        X = validate_data(self, X, dtype=np.float64)
        random = check_random_state(self.seed)
        spread = X.std() or 1.0
        self.directions_ = random.normal(size=(X.shape[1], self.n_units)) / (spread * np.sqrt(X.shape[1]))
        kinks = X[random.randint(len(X), size=self.n_units)]
        self.shifts_ = -np.einsum("un,nu->u", kinks, self.directions_)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Units of shape (n_samples, n_units)."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return np.maximum(X @ self.directions_ + self.shifts_, 0)


def polynomial_lift(degree: int) -> Pipeline:
    """All monomials of the standardised state up to a degree.

    Parameters
    ----------
    degree : int

    Returns
    -------
    Pipeline

    Raises
    ------
    ValueError
        If a number is out of range.
    """
    _check_numbers(degree)
    return make_pipeline(StandardScaler(), PolynomialFeatures(degree, include_bias=False))


def fourier_lift(n_cosines: int, *, sharpness: float = 1.0, seed: int = 0) -> FeatureUnion:
    """The state beside random Fourier features ``cos(h Ω + β)`` (Rahimi and Recht 2007).

    Parameters
    ----------
    n_cosines : int
    sharpness : float
        Entries of Ω have the variance sharpness / (median distance between two states)². A Gaussian kernel of
        the width of that distance has sharpness 1; a larger one is narrower.
    seed : int

    Returns
    -------
    FeatureUnion

    Raises
    ------
    ValueError
        If a number is out of range.

    Notes
    -----
    `linearlens.koopman.fourier_dictionary` standardises each unit instead; units that hardly ever fire then
    count as much as all others.
    """
    _check_numbers(n_cosines, sharpness)
    return _beside(RBFSampler(gamma=sharpness / 2, n_components=n_cosines, random_state=seed))


def gaussian_lift(n_bumps: int, *, sharpness: float = 1.0, seed: int = 0) -> FeatureUnion:
    """The state beside Gaussian bumps about random training states.

    Parameters
    ----------
    n_bumps : int
    sharpness : float
        Of the bumps, as in `fourier_lift`.
    seed : int

    Returns
    -------
    FeatureUnion

    Raises
    ------
    ValueError
        If a number is out of range.
    """
    _check_numbers(n_bumps, sharpness)
    return _beside(GaussianBumps(n_bumps, gamma=sharpness / 2, seed=seed))


def kernel_lift(n_centres: int, *, sharpness: float = 1.0, seed: int = 0) -> FeatureUnion:
    """The state beside the Nyström features of a Gaussian kernel: kernel DMD with so many centres.

    Parameters
    ----------
    n_centres : int
        At most the samples the fit learns from.
    sharpness : float
        As in `fourier_lift`.
    seed : int

    Returns
    -------
    FeatureUnion

    Raises
    ------
    ValueError
        If a number is out of range.
    """
    _check_numbers(n_centres, sharpness)
    return _beside(Nystroem(gamma=sharpness / 2, n_components=n_centres, random_state=seed))


def relu_lift(n_units: int, *, seed: int = 0) -> FeatureUnion:
    """The state beside random ReLU units: a random hidden layer.

    Parameters
    ----------
    n_units : int
    seed : int

    Returns
    -------
    FeatureUnion

    Raises
    ------
    ValueError
        If a number is out of range.
    """
    _check_numbers(n_units)
    return make_union(FunctionTransformer(), RandomReLU(n_units, seed))


def _check_numbers(n_observables: int, sharpness: float = 1.0) -> None:
    whole = isinstance(n_observables, int | np.integer) and not isinstance(n_observables, bool)
    if not whole or n_observables < 1 or not 0 < sharpness < np.inf:
        raise ValueError(
            f"a lift needs a whole number of observables (or a degree) of 1 or more and a sharpness above 0, got "
            f"{n_observables!r} and {sharpness!r}"
        )


def _beside(features: BaseEstimator) -> FeatureUnion:
    return make_union(FunctionTransformer(), make_pipeline(MedianScaler(), features))


def _some(states: np.ndarray, n_states: int, seed: int) -> np.ndarray:
    """At most so many of the states, at random."""
    order = check_random_state(seed).permutation(len(states))
    return states[order[:n_states]]
