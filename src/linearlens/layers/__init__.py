"""Layers as linear operators (Aswani, Jabari and Shafique 2024), and a fair way to replace them."""

from linearlens.layers._cost import Cost, count_cost, inference_seconds
from linearlens.layers._delay_dmd import DelayDMD, delay_dmd, delay_dmd_grid
from linearlens.layers._evidence import center_steps, periodic_share, roots_found, shuffle_samples
from linearlens.layers._fit import fit_layer, fit_layers
from linearlens.layers._judge import Judged, judge_outputs
from linearlens.layers._lifts import fourier_lift, gaussian_lift, kernel_lift, polynomial_lift, relu_lift
from linearlens.layers._operator import LayerOperator
from linearlens.layers._peeking import DelayWindow, PeekingOperator, peeking_grid, with_constant
from linearlens.layers._rivals import stand_ins, stand_ins_by_delay
from linearlens.layers._scaling import LayerScaling
from linearlens.layers._spans import replace
from linearlens.layers._together import fit_scalings, scale_layers

__all__ = [
    "Cost",
    "DelayDMD",
    "DelayWindow",
    "Judged",
    "LayerOperator",
    "LayerScaling",
    "PeekingOperator",
    "center_steps",
    "count_cost",
    "delay_dmd",
    "delay_dmd_grid",
    "fit_layer",
    "fit_layers",
    "fit_scalings",
    "fourier_lift",
    "gaussian_lift",
    "inference_seconds",
    "judge_outputs",
    "kernel_lift",
    "peeking_grid",
    "periodic_share",
    "polynomial_lift",
    "relu_lift",
    "replace",
    "roots_found",
    "scale_layers",
    "shuffle_samples",
    "stand_ins",
    "stand_ins_by_delay",
    "with_constant",
]
