"""Small networks with random weights, and what to hold their maps against, for `linearlens.instance`."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from linearlens.models import ConvNet, RowTransformer, mlp

NORMS = (nn.BatchNorm2d, nn.LayerNorm, nn.RMSNorm)


def unsettled(network: nn.Module) -> nn.Module:
    """The network with norms that do something: random gains, shifts and running statistics."""
    for module in network.modules():
        if isinstance(module, NORMS):
            for name, values in module.state_dict().items():
                if name in ("weight", "running_var"):
                    nn.init.uniform_(values, 0.5, 1.5)
                elif values.is_floating_point():
                    nn.init.normal_(values, std=0.3)
    return network.eval()


def conv_net(side: int = 8, *, seed: int = 0, **how) -> nn.Module:
    return unsettled(ConvNet(side, seed=seed, **how))


def transformer(*, gated: bool, seed: int = 0) -> nn.Module:
    return unsettled(RowTransformer(8, gated=gated, seed=seed))


def _mlp(act: type[nn.Module]) -> Callable[..., nn.Module]:
    return partial(mlp, [64, 128, 128, 10], activation=act)


NETS: dict[str, Callable[..., nn.Module]] = {
    "mlp-relu": _mlp(nn.ReLU),
    "mlp-leaky": _mlp(nn.LeakyReLU),
    "mlp-gelu": _mlp(nn.GELU),
    "mlp-silu": _mlp(nn.SiLU),
    "mlp-tanh": _mlp(nn.Tanh),
    "mlp-sigmoid": _mlp(nn.Sigmoid),
    "mlp-softplus": _mlp(nn.Softplus),
    "cnn-relu": conv_net,
    "cnn-leaky": partial(conv_net, activation=nn.LeakyReLU),
    "cnn-gelu": partial(conv_net, activation=nn.GELU),
    "vit-gelu": partial(transformer, gated=False),
    "vit-swiglu": partial(transformer, gated=True),
}
DEPTH = {"mlp": 5, "cnn": 12, "vit": 20}
PIECEWISE = [name for name in NETS if name.endswith(("relu", "leaky"))]


def make(name: str, seed: int = 0, dtype: torch.dtype = torch.float64) -> tuple[nn.Module, Tensor]:
    """The network of that name and twelve inputs, some entries of which are zero."""
    torch.manual_seed(seed)
    model = NETS[name](seed=seed).to(dtype).eval()
    return model, torch.rand(12, 64, dtype=dtype).mul(1.3).sub(0.3).clamp(min=0)


def jacobian(model: nn.Module, x: Tensor) -> Tensor:
    """(n, n_outputs, *input_shape), one row at a time."""
    x = x.clone().requires_grad_()
    y = model(x).reshape(len(x), -1)
    rows = [torch.autograd.grad(y[:, k].sum(), x, retain_graph=True)[0] for k in range(y.shape[1])]
    return torch.stack(rows, 1)


def relative(one: Tensor, other: Tensor) -> float:
    return float((one - other).abs().max() / other.abs().max())


class Own(nn.Module):
    """A model whose forward is a function of it and its input, with two linear maps that it may use."""

    def __init__(self, forward: Callable[["Own", Tensor], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.function, self.a, self.b = forward, nn.Linear(4, 5), nn.Linear(4, 5)

    def forward(self, x: Tensor, *more, **named) -> Tensor:
        return self.function(self, x, *more, **named)
