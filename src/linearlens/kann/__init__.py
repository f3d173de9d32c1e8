"""KANN: reading a sequence model through the spectrum of its states (Naiman and Azencot 2023).

The operator itself is :class:`linearlens.koopman.Koopman`, fitted to hidden states; here is what the paper does
with its eigenvectors. In the paper's letters, with states as rows: ``H[t+1] ≈ H[t] K``, ``K V = V Λ``,
``U = V⁻¹``. A column of V makes an eigenfunction of a state, a row of U is the direction in which it moves the
state.
"""

from linearlens.kann._direction import increment_phases, oriented, reading_direction
from linearlens.kann._groups import Removal, dominant_groups, period, projection_magnitude, remove_groups
from linearlens.kann._planes import motion_plane, random_part, running_silhouette, whiten
from linearlens.kann._predictors import Agreement, compare_agreement, confusion, forecast_ends
from linearlens.kann._released import released_pairs, released_projector
from linearlens.kann._texts import matched_means, read_padded, read_texts

__all__ = [
    "Agreement",
    "Removal",
    "compare_agreement",
    "confusion",
    "dominant_groups",
    "forecast_ends",
    "increment_phases",
    "matched_means",
    "motion_plane",
    "oriented",
    "period",
    "projection_magnitude",
    "random_part",
    "read_padded",
    "read_texts",
    "reading_direction",
    "released_pairs",
    "released_projector",
    "remove_groups",
    "running_silhouette",
    "whiten",
]
