"""The shared core: one linear operator from many trajectories, and what tells a true eigenvalue from a false one."""

from linearlens.koopman._base import Koopman
from linearlens.koopman._bootstrap import EigenvalueSpread, bootstrap_eigenvalues
from linearlens.koopman._chapman import ChapmanKolmogorov, chapman_kolmogorov
from linearlens.koopman._control import ControlledKoopman
from linearlens.koopman._delays import delay_embed, delay_windows
from linearlens.koopman._dictionaries import fourier_dictionary, lift_states
from linearlens.koopman._fitted import FittedOperator
from linearlens.koopman._fixed_points import (
    FixedPoint,
    NearestLinearization,
    fixed_points,
    linearize_at_fixed_point,
    slow_points,
)
from linearlens.koopman._forecast import ForecastError, error_between, forecast, forecast_error, gather, rollout
from linearlens.koopman._noise import noise_robust_operator
from linearlens.koopman._nulls import (
    Extrapolation,
    LinearMap,
    Persistence,
    random_operator,
    shuffle_time,
)
from linearlens.koopman._similarity import controllability, linear_cka, procrustes_distance, rotation_distance
from linearlens.koopman._spectrum import (
    check_group,
    conjugate_groups,
    eigenvalue_distance,
    eigenvalue_order,
    eigenvector_condition,
    half_life,
    memory_horizon,
    modes,
    span_projector,
    spectral_projector,
)
from linearlens.koopman._trajectories import Trajectories, check_states, check_trajectories

__all__ = [
    "ChapmanKolmogorov",
    "ControlledKoopman",
    "EigenvalueSpread",
    "Extrapolation",
    "FittedOperator",
    "FixedPoint",
    "ForecastError",
    "Koopman",
    "LinearMap",
    "NearestLinearization",
    "Persistence",
    "Trajectories",
    "bootstrap_eigenvalues",
    "chapman_kolmogorov",
    "check_group",
    "check_states",
    "check_trajectories",
    "conjugate_groups",
    "controllability",
    "delay_embed",
    "delay_windows",
    "eigenvalue_distance",
    "eigenvalue_order",
    "eigenvector_condition",
    "error_between",
    "fixed_points",
    "forecast",
    "forecast_error",
    "fourier_dictionary",
    "gather",
    "half_life",
    "lift_states",
    "linear_cka",
    "linearize_at_fixed_point",
    "memory_horizon",
    "modes",
    "noise_robust_operator",
    "procrustes_distance",
    "random_operator",
    "rollout",
    "rotation_distance",
    "shuffle_time",
    "slow_points",
    "span_projector",
    "spectral_projector",
]
