"""Instance-wise linearization (Li et al. 2023): for one input, a network is one linear map."""

from linearlens.instance._affine import AffineMap
from linearlens.instance._curves import Curves, features_to_change, perturbation_curves
from linearlens.instance._linearize import linearize
from linearlens.instance._regions import gate_distance, gate_pattern

__all__ = [
    "AffineMap",
    "Curves",
    "features_to_change",
    "gate_distance",
    "gate_pattern",
    "linearize",
    "perturbation_curves",
]
