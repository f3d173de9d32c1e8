"""Judge attributions: take the pixels away that they call important, or put them in, and see what a model says."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, eq=False)
class Curves:
    """Probability of the class while features are taken away, or put in, most important first.

    Parameters
    ----------
    deletion, insertion : Tensor of shape (n_steps + 1,)
        Mean over the instances, from none to all features.
    shares : Tensor of shape (n_steps + 1,)
        Of the features that are away, or in, at each point: from 0 to 1. The last step may be shorter than the others.
    """

    deletion: Tensor
    insertion: Tensor
    shares: Tensor

    @property
    def deletion_area(self) -> float:
        """Mean height of the deletion curve: low is good."""
        return torch.trapezoid(self.deletion, self.shares).item()

    @property
    def insertion_area(self) -> float:
        """Mean height of the insertion curve: high is good."""
        return torch.trapezoid(self.insertion, self.shares).item()


def perturbation_curves(
    model: nn.Module, x: Tensor, scores: Tensor, targets: Tensor, *, step: int = 2, baseline: float = 0.0
) -> Curves:
    """Delete and insert features in the order of their scores.

    Parameters
    ----------
    model : nn.Module
        Gives logits of shape (n, n_classes).
    x : Tensor of shape (n, *input_shape)
    scores : Tensor of shape (n, *input_shape)
        An attribution; larger means more important for the class.
    targets : Tensor of shape (n,), of int64
        The class of each instance whose probability is followed.
    step : int
        Features a step.
    baseline : float
        What stands in the place of a feature that is away.

    Returns
    -------
    Curves

    Raises
    ------
    ValueError
        If shapes do not fit, `x` or scores are not finite, a target is no class of the model, or `step` is below 1.

    Notes
    -----
    Petsiuk, Das and Saenko (2018). Features of equal score come in the order of the input.
    """
    if scores.shape != x.shape or targets.shape != (len(x),) or not torch.isfinite(scores).all():
        raise ValueError(
            f"need one finite score a feature and one class an instance for x of shape {tuple(x.shape)}; got scores of "
            f"shape {tuple(scores.shape)} and targets of shape {tuple(targets.shape)}"
        )
    if step < 1:
        raise ValueError(f"step must be 1 or more, got {step}")
    logits = _checked_logits(model, x)
    if targets.dtype != torch.int64 or targets.min() < 0 or targets.max() >= logits.shape[1]:
        raise ValueError(
            f"targets must be int64 class numbers from 0 to {logits.shape[1] - 1}, got {targets.dtype} from "
            f"{targets.min()} to {targets.max()}"
        )
    rank = _rank(scores)
    deletion: list[Tensor] = []
    insertion: list[Tensor] = []
    n_features = x[0].numel()
    counts = [*range(0, n_features, step), n_features]
    with torch.no_grad():
        for gone in counts:
            first = rank < gone
            for found, away in ((deletion, first), (insertion, ~first)):
                probability = model(torch.where(away, baseline, x)).softmax(dim=1)
                found.append(probability.gather(1, targets[:, None]).mean())
    return Curves(torch.stack(deletion), torch.stack(insertion), x.new_tensor(counts) / n_features)


@torch.no_grad()
def features_to_change(model: nn.Module, x: Tensor, scores: Tensor, *, most: int, baseline: float = 0.0) -> Tensor:
    """How many features must go, those with the highest scores first, until the model names another class.

    Parameters
    ----------
    model : nn.Module
        Gives logits of shape (n, n_classes); the largest names the class.
    x : Tensor of shape (n, *input_shape)
    scores : Tensor of shape (n, *input_shape)
        Larger means sooner; equal scores go in the order of the input.
    most : int
        Where so many do not suffice, no more are tried.
    baseline : float
        What stands in the place of a feature that is away.

    Returns
    -------
    Tensor of shape (n,), of int64
        From 1 to `most`, and ``most + 1`` where the class is still the same after `most`.

    Raises
    ------
    ValueError
        If shapes do not fit, `x` or scores are not finite, or `most` is below 1.

    Examples
    --------
    >>> model = nn.Linear(3, 2, bias=False)
    >>> _ = model.weight.data.copy_(torch.tensor([[1.0, 1.0, 1.0], [0.0, 0.0, 1.5]]))
    >>> features_to_change(model, torch.ones(1, 3), torch.tensor([[3.0, 2.0, 1.0]]), most=3)
    tensor([2])
    """
    if scores.shape != x.shape or not torch.isfinite(scores).all():
        raise ValueError(
            f"need one finite score a feature for x of shape {tuple(x.shape)}, got scores of shape "
            f"{tuple(scores.shape)}"
        )
    if most < 1:
        raise ValueError(f"most must be 1 or more, got {most}")
    own = _checked_logits(model, x).argmax(dim=1)
    rank, found = _rank(scores), torch.full((len(x),), most + 1, device=x.device)
    for gone in range(min(most, x[0].numel()), 0, -1):  # from many to few, so that the fewest remain
        found[model(torch.where(rank < gone, baseline, x)).argmax(dim=1) != own] = gone
    return found


def _rank(scores: Tensor) -> Tensor:
    """Place of each feature, from 0 for the highest score of its instance."""
    order = scores.detach().flatten(1).argsort(dim=1, descending=True, stable=True)
    return order.argsort(dim=1).view_as(scores)


def _checked_logits(model: nn.Module, x: Tensor) -> Tensor:
    if not torch.isfinite(x).all():
        raise ValueError("x has entries that are NaN or infinite; leave those instances out or fill them in")
    with torch.no_grad():
        logits = model(x)
    if logits.dim() != 2 or len(logits) != len(x):
        raise ValueError(f"model must give logits of shape ({len(x)}, n_classes), got {tuple(logits.shape)}")
    return logits
