"""Instance-wise linearization (Li et al. 2023): one input, one linear map."""

from linearlens.instance._linearize import AffineMap, linearize

__all__ = ["AffineMap", "linearize"]
