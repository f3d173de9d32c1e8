"""Credit of the components of a trained network: a reconstruction of Liang et al. (2022), and what holds against it.

Of the paper, "Credit Assignment for Trained Neural Networks Based on Koopman Operator Theory", only the abstract was
known to us. Definitions here are our own reading of it. To put another in their place, give `credits` a function: its
table `METHODS` holds all definitions of credit, each a function from a `Study` to one number a component.
"""

from linearlens.credit._agreement import noise_ceiling, permutation_p, rank_agreement, specificity
from linearlens.credit._align import Alignment, align
from linearlens.credit._components import Component, components
from linearlens.credit._credits import BASELINES, METHODS, RIVALS, Study, credits
from linearlens.credit._damages import DAMAGES, damages
from linearlens.credit._neurons import NEURON_METHODS, neuron_credits
from linearlens.credit._operators import ComponentOperator, component_operators, mean_jacobians
from linearlens.credit._volumes import (
    backward_volumes,
    canonical_correlations,
    contrasts,
    forward_volumes,
    log_determinant,
    log_pseudo_determinant,
)

__all__ = [
    "BASELINES",
    "DAMAGES",
    "METHODS",
    "NEURON_METHODS",
    "RIVALS",
    "Alignment",
    "Component",
    "ComponentOperator",
    "Study",
    "align",
    "backward_volumes",
    "canonical_correlations",
    "component_operators",
    "components",
    "contrasts",
    "credits",
    "damages",
    "forward_volumes",
    "log_determinant",
    "log_pseudo_determinant",
    "mean_jacobians",
    "neuron_credits",
    "noise_ceiling",
    "permutation_p",
    "rank_agreement",
    "specificity",
]
