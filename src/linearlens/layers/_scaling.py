"""Layer scaling: more layers in front of a layer, so that one step becomes a trajectory."""

from copy import deepcopy
from math import prod
from typing import Any

import numpy as np
import torch
from torch import nn

from linearlens.koopman import check_states
from linearlens.models import train
from linearlens.snapshots import Cut, between
from linearlens.snapshots.running import like_model, to_array

PAD = -1.0  # the authors' MAGIC_NUMBER
STARTS, LASTS = ("he", "identity"), ("layer", "linear")


class LayerScaling(nn.Module):
    """Width-preserving layers before a layer, trained to leave its output as it was.

    ``h_t = ReLU(h_{t-1} A_tᵀ + c_t)`` for t = 1 … n_layers, then the layer f itself, frozen:
    the loss is the mean Huber distance (δ = 1) between ``f(h_{n_layers})`` and ``f(h_0)``. Nothing is asked of
    the states between.

    Parameters
    ----------
    model : nn.Module
        Left as it was; the layer is copied.
    start : str or None
        The layer is what leads from the output of this module, None for the inputs, …
    stop : str
        … to the output of this one.
    inputs : ndarray, Tensor, tuple of positional or mapping of named inputs, optional
        A few of what the model takes, two or more; needed if it is no plain nn.Sequential, as in
        :class:`linearlens.snapshots.Cut`. States with more axes are then rows of all their numbers.
    n_layers : int
        Layers put in; 10 in the paper.
    tied : bool
        One map for all steps: the states then follow one autonomous map, as a Koopman operator supposes. In the
        paper each step has a map of its own.
    init : {"he", "identity"}
        Begin with He's random weights, as the paper does, or near the identity, which keeps narrow layers alive.
    last : {"layer", "linear"}
        With ``"linear"`` a linear map takes the place of the layer, so that all nonlinearity is in the trajectory.
        It begins as the layer's own linear part and is trained with the others.
    seed : int
        Seeds the initial weights; torch's global generator is left as it was.

    Attributes
    ----------
    width : int
        Units at `start`.
    n_outputs : int
        Units at `stop`.
    layer : nn.Module
        The layer, frozen, from rows to rows: an nn.Sequential of its modules if the model is one.
    out_shape : tuple of int
        Of the state of one sample at `stop`.
    maps : nn.ModuleList
        The linear part of each inserted layer; with `tied`, one for all.
    n_layers : int
    loss_ : float
        After `fit`, on the states it was trained on.

    Raises
    ------
    ValueError
        If the names do not lead from one to the other, the layer of an nn.Sequential does not begin with an nn.Linear,
        it is wider at its end than at its beginning, or a setting is not known.

    Notes
    -----
    Aswani et al. (2024), ``freeze_and_scale_model`` in their notebooks 05 and 12. They lower the rate when the
    loss stands still; :func:`linearlens.models.train` takes one cycle.
    """

    def __init__(
        self,
        model: nn.Module,
        start: str | None,
        stop: str,
        *,
        inputs: Any = None,
        n_layers: int = 10,
        tied: bool = False,
        init: str = "he",
        last: str = "layer",
        seed: int = 0,
    ) -> None:
        super().__init__()
        if n_layers < 1 or init not in STARTS or last not in LASTS:
            raise ValueError(
                f"need n_layers of 1 or more, init one of {STARTS} and last one of {LASTS}, got {n_layers}, {init!r} "
                f"and {last!r}"
            )
        self.start, self.stop = start, stop
        whole = between(model, start, stop, inputs)
        layer = Cut(deepcopy(model), start, stop, inputs) if isinstance(whole, Cut) else deepcopy(whole)
        self.layer = (_Rowwise(layer) if isinstance(layer, Cut) else layer).requires_grad_(False).eval()
        self.width, self.out_shape = _sizes(self.layer, start, stop)
        self.n_outputs = prod(self.out_shape)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            maps = [_square(self.width, init).to(like_model(self.layer)) for _ in range(1 if tied else n_layers)]
        # Nothing is registered twice, so that the weights can be saved as they are.
        self.n_layers, self.maps = n_layers, nn.ModuleList(maps)
        self.linear_end = self._linear_end() if last == "linear" else None

    @property
    def last(self) -> nn.Module:
        """What leads from the last inner state to the output: the layer, or the linear map in its place."""
        return self.layer if self.linear_end is None else self.linear_end

    def train(self, mode: bool = True) -> "LayerScaling":
        """Switch the inserted layers; the layer itself stays in eval mode, as it was copied."""
        super().train(mode)
        self.layer.eval()
        return self

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Scaled output for states of shape (n_samples, width), of shape (n_samples, *out_shape)."""
        return self.last(self.inner(states.flatten(1), self.n_layers)[-1]).reshape(-1, *self.out_shape)

    def inner(self, states: torch.Tensor, steps: int) -> list[torch.Tensor]:
        """``h_0`` to ``h_steps``, each of shape (n_samples, width)."""
        trajectory = [states]
        for step in range(steps):
            linear = self.maps[step % len(self.maps)]
            trajectory.append(torch.relu(linear(trajectory[-1])))
        return trajectory

    def fit(
        self,
        states: np.ndarray,
        *,
        epochs: int = 450,
        batch_size: int = 512,
        learning_rate: float = 3e-3,
        weight_decay: float = 1e-4,
        seed: int = 0,
    ) -> "LayerScaling":
        """Train the inserted layers in place.

        Parameters
        ----------
        states : ndarray of shape (n_samples, width)
            Activations at `start`.
        epochs, batch_size, learning_rate, weight_decay, seed
            As in :func:`linearlens.models.train`.

        Returns
        -------
        LayerScaling
            Itself. A run may end badly, with units that never fire: choose among seeds by `loss_`, never by the
            test accuracy.

        Raises
        ------
        ValueError
            If the states do not fit or are not finite.
        """
        h = self._tensor(states)
        with torch.no_grad():
            target = self.layer(h).reshape(-1, *self.out_shape)
        train(
            self,
            lambda block, states, outputs: nn.functional.huber_loss(block(states), outputs),
            [h, target],
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            seed=seed,
        )
        h, target = (item.to(like_model(self.maps)) for item in (h, target))
        with torch.no_grad():
            self.loss_ = nn.functional.huber_loss(self(h), target).item()
        return self

    @torch.no_grad()
    def trajectory(self, states: np.ndarray) -> np.ndarray:
        """Inner states, then the output.

        Parameters
        ----------
        states : ndarray of shape (n_samples, width)
            Activations at `start`.

        Returns
        -------
        ndarray of shape (n_samples, n_layers + 2, width)
            ``h_0 … h_{n_layers}``, then ``[f(h_{n_layers}), −1, …, −1]``: the output padded to the width of the
            others, as the authors do.

        Raises
        ------
        ValueError
            If the states do not fit or are not finite.
        """
        inner = self.inner(self._tensor(states), self.n_layers)
        output = nn.functional.pad(self.last(inner[-1]), (0, self.width - self.n_outputs), value=PAD)
        return to_array(torch.stack([*inner, output], dim=1))

    def displacement(self, states: np.ndarray) -> float:
        """How far the inserted layers move states: ``‖h_{n_layers} − h_0‖ / ‖h_0‖`` over all samples together.

        A trajectory that hardly moves is linear for a trivial reason. Parameters and errors as in `trajectory`.
        """
        trajectory = self.trajectory(states)
        return float(np.linalg.norm(trajectory[:, -2] - trajectory[:, 0]) / np.linalg.norm(trajectory[:, 0]))

    def _linear_end(self) -> nn.Module:
        if not isinstance(self.layer, nn.Sequential):
            raise ValueError(
                "last='linear' begins with the layer's own linear part, so the model must be an nn.Sequential"
            )
        first = deepcopy(self.layer[0]).requires_grad_(True)
        if first.out_features != self.n_outputs:
            raise ValueError(
                f"last='linear' begins with the layer's own linear part, of {first.out_features} units, but "
                f"{self.stop!r} has {self.n_outputs}; take a span of one layer"
            )
        return first

    def _check(self, states: np.ndarray) -> np.ndarray:
        return check_states(states, f"the states at {self.start!r}", self.width)

    def _tensor(self, states: np.ndarray) -> torch.Tensor:
        like = like_model(self.maps)
        return torch.tensor(self._check(states), dtype=like.dtype, device=like.device)


class _Rowwise(nn.Module):
    """A cut from rows to rows."""

    def __init__(self, cut: Cut) -> None:
        super().__init__()
        self.cut = cut

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return self.cut(rows.reshape(-1, *self.cut.shape)).flatten(1)


def _sizes(layer: nn.Module, start: str | None, stop: str) -> tuple[int, tuple[int, ...]]:
    """Width at the beginning, and the shape at the end."""
    if isinstance(layer, _Rowwise):
        width, shape = prod(layer.cut.shape), layer.cut.out_shape
    else:
        first = next(layer.children())
        if not isinstance(first, nn.Linear):
            raise ValueError(f"what follows {start!r} must begin with an nn.Linear, got {type(first).__name__}")
        with torch.no_grad():
            shape = tuple(layer(first.weight.new_zeros((1, first.in_features))).shape[1:])
        width = first.in_features
    if prod(shape) > width:
        raise ValueError(
            f"the output is padded to the width of the input, so {stop!r} may have at most {width} units; it has "
            f"{prod(shape)}"
        )
    return width, shape


def _square(width: int, init: str) -> nn.Linear:
    linear = nn.Linear(width, width)
    nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
    nn.init.constant_(linear.bias, 0.01)
    if init == "identity":
        with torch.no_grad():
            linear.weight.mul_(0.05).add_(torch.eye(width))
    return linear
