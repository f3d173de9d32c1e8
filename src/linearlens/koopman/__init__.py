"""The shared core: one linear operator from many trajectories, and what tells a true eigenvalue from a false one."""

from linearlens.koopman._base import Koopman
from linearlens.koopman._delays import delay_embed
from linearlens.koopman._dictionaries import fourier_dictionary
from linearlens.koopman._trajectories import check_trajectories

__all__ = ["Koopman", "check_trajectories", "delay_embed", "fourier_dictionary"]
