"""What linearization gives."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, eq=False)
class AffineMap:
    """``F(x) = W x + b``, one map for each of n instances.

    Parameters
    ----------
    weight : Tensor of shape (n, n_outputs, *input_shape)
    bias : Tensor of shape (n, n_outputs)
        The frozen network's value at zero, put together from what its layers add; never ``F(x) - W x``.
    biases : dict of str to Tensor of shape (n, n_outputs)
        The bias, split by the module that added it; "" is the model's own forward.
    x : Tensor of shape (n, *input_shape)
        The instances.
    """

    weight: Tensor
    bias: Tensor
    biases: dict[str, Tensor]
    x: Tensor

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
