"""What linearization gives, and what it is worth."""

import warnings
from dataclasses import dataclass

import torch
from torch import Tensor

LARGE = 100  # contributions this many times the outputs cancel so much that single ones say little
POOR = 1e-3  # of the outputs: rounding that a reader should know of


@dataclass(frozen=True, eq=False)
class AffineMap:
    """``F(x) = W x + b``, one map for each of n instances.

    Parameters
    ----------
    weight : Tensor of shape (n, n_outputs, *input_shape)
    bias : Tensor of shape (n, n_outputs)
        In ratio form the frozen network's value at zero, put together from what its layers add, never ``F(x) - W x``;
        in tangent form that difference, which is where the tangent meets zero.
    biases : dict of str to Tensor of shape (n, n_outputs)
        The bias, split by the module that added it; "" is the model's own forward. In tangent form all of it is there.
    x : Tensor of shape (n, *input_shape)
        The instances.
    output : Tensor of shape (n, n_outputs)
        ``F(x)``, as the model gave it.
    unique : Tensor of shape (n,), of bool
        False where two entries of a window were the largest of a pool, or of an axis: another choice among them, which
        the least noise would make, gives another map. Only the ratio form looks; in tangent form all are true.
    """

    weight: Tensor
    bias: Tensor
    biases: dict[str, Tensor]
    x: Tensor
    output: Tensor
    unique: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """``W x + b``: at the instances themselves, what the model gives.

        Parameters
        ----------
        x : Tensor of shape (n, *input_shape) or input_shape
            One input for each map, or one for all.

        Returns
        -------
        Tensor of shape (n, n_outputs)
        """
        return self.contributions(x).flatten(2).sum(-1) + self.bias

    def contributions(self, x: Tensor | None = None) -> Tensor:
        """``W * x``: what each feature adds to each output.

        Parameters
        ----------
        x : Tensor of shape (n, *input_shape) or input_shape, optional
            The instances themselves if not given.

        Returns
        -------
        Tensor of shape (n, n_outputs, *input_shape)

        Raises
        ------
        ValueError
            If `x` has another shape.
        """
        x = self.x if x is None else x
        if x.shape not in (self.x.shape, self.x.shape[1:]):
            raise ValueError(
                f"need one input for each map, of shape {tuple(self.x.shape)}, or one of shape "
                f"{tuple(self.x.shape[1:])} for all; got shape {tuple(x.shape)}"
            )
        return self.weight * x.detach().expand(self.x.shape).unsqueeze(1)

    @property
    def size(self) -> Tensor:
        """``Σ |w x|``, of shape (n, n_outputs): what the features add, whatever its sign."""
        return torch.linalg.vecdot(self.weight.abs().flatten(2), self.x.abs().flatten(1).unsqueeze(1))

    @property
    def cancellation(self) -> Tensor:
        """``Σ |w x| / |F|``, of shape (n, n_outputs): 1 if all contributions pull one way and there is no bias."""
        return self.size / self.output.abs()

    @property
    def bias_share(self) -> Tensor:
        """``b / F``, of shape (n, n_outputs): the share of the output that no feature brought."""
        return self.bias / self.output

    @property
    def is_zero(self) -> Tensor:
        """Maps without a slope, of shape (n, n_outputs): there the output is the bias, whatever the input."""
        return ~self.weight.flatten(2).any(-1)

    @property
    def precision(self) -> Tensor:
        """How far off ``W x + b`` may be, as a share of ``|F|``, of shape (n, n_outputs).

        The larger of what it misses here and of one rounding of the sum of all sizes, which is what other terms of that
        size would be off by.
        """
        rounding = torch.finfo(self.output.dtype).eps * (self.size + self.bias.abs())
        missed = (torch.linalg.vecdot(self.weight.flatten(2), self.x.flatten(1).unsqueeze(1)) + self.bias) - self.output
        return torch.maximum(missed.abs(), rounding) / self.output.abs()


def warn_if_worthless(affine: AffineMap, scale: Tensor, form: str) -> None:
    """Warn of maps that are exact and say little; `scale`, of shape (n, 1), is how large the outputs are."""
    eps = torch.finfo(affine.output.dtype).eps
    weight, x = affine.weight.flatten(2), affine.x.flatten(1)
    length = torch.linalg.vecdot(weight, weight).sqrt()
    most = length * torch.linalg.vecdot(x, x).sqrt().unsqueeze(1)  # Σ |w x| is no larger
    near = (most <= LARGE * scale) & (eps * (most + affine.bias.abs()) <= POOR * scale)
    size, total = most if near.all() else affine.size, affine.output.numel()
    ratio = size / scale
    if (many := int((ratio > LARGE).sum())) > 0:
        other = 'form="tangent", ' if form == "ratio" else ""
        warnings.warn(
            f"in {many} of {total} maps the contributions add up to {LARGE} times the outputs and more, "
            f"{ratio.max():.0f} at most, and cancel: they are exact, but single ones say little; try {other}"
            "a part of the model nearer to its output, or a shorter input",
            stacklevel=3,
        )
    if (many := int((eps * (size + affine.bias.abs()) > POOR * scale).sum())) > 0:
        warnings.warn(
            f"{many} of {total} maps may be off by more than {POOR:.1%} of the outputs, as sums of this size are "
            f"rounded in {affine.output.dtype}; convert model and input to double precision",
            stacklevel=3,
        )
    if (many := int((length == 0).all(1).sum())) > 0:
        warnings.warn(
            f"of {many} of {len(scale)} instances all maps are zero: no small change of the input moves the outputs, "
            "which are all bias; look at `is_zero`",
            stacklevel=3,
        )
