"""Run a model, collect the states inside it, and run it on from states.

Modules are named as in ``model.named_modules()``; ``""`` is the model itself. Where one is run several times in a
forward pass, ``"name#2"`` is its second run.
"""

from linearlens.snapshots._cut import Cut, between, cut_points
from linearlens.snapshots._hidden import collect_hidden, iterate_hidden
from linearlens.snapshots._layers import collect_layers, run_from
from linearlens.snapshots._rows import Rows
from linearlens.snapshots.chain import is_chain

__all__ = [
    "Cut",
    "Rows",
    "between",
    "collect_hidden",
    "collect_layers",
    "cut_points",
    "is_chain",
    "iterate_hidden",
    "run_from",
]
