"""Small networks with random weights, for the tests and the bench of `linearlens.instance`."""

from collections.abc import Callable
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def mlp(*widths: int, act: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(widths):
        layers += [nn.Linear(n_in, n_out), act()]
    return nn.Sequential(*layers[:-1])


class Residual(nn.Module):
    def __init__(self, channels: int, act: type[nn.Module], p: float) -> None:
        super().__init__()
        self.conv1, self.conv2 = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))
        self.norm1, self.norm2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)
        self.act, self.drop = act(), nn.Dropout(p)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.norm2(self.conv2(self.drop(self.act(self.norm1(self.conv1(x))))))


class CNN(nn.Module):
    """Convolution, batch-norm, pooling and a residual block on images of `size` × `size`, 16 and 32 channels."""

    def __init__(self, size: int, act: type[nn.Module] = nn.ReLU, p: float = 0.2) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16)
        self.block = Residual(16, act, p)
        self.conv2, self.norm2 = nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32)
        self.act = act()
        self.head = nn.Linear(32 * (size // 4) ** 2, 10)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.normal_(module.bias, std=0.3)
                nn.init.normal_(module.running_mean, std=0.3)
                nn.init.uniform_(module.running_var, 0.5, 2)
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(self.act(self.norm1(self.conv1(x))), 2)
        x = self.act(self.block(x))
        x = F.avg_pool2d(self.act(self.norm2(self.conv2(x))), 2)
        return self.head(x.flatten(1))


class Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.qkv, self.out, self.heads = nn.Linear(width, 3 * width), nn.Linear(width, width), heads

    def forward(self, x: Tensor) -> Tensor:
        n, tokens, width = x.shape
        q, k, v = self.qkv(x).view(n, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v)
        return self.out(mixed.transpose(1, 2).reshape(n, tokens, width))


class SwiGLU(nn.Module):
    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.gate, self.up, self.down = nn.Linear(width, hidden), nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(F.silu(self.gate(x)) * self.up(x))


class Block(nn.Module):
    def __init__(self, width: int, feed_forward: nn.Module) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention, self.feed_forward = Attention(width, 4), feed_forward
        for norm in (self.norm1, self.norm2):
            nn.init.uniform_(norm.weight, 0.5, 1.5)
            nn.init.normal_(norm.bias, std=0.3)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm1(x))
        return x + self.feed_forward(self.norm2(x))


class ViT(nn.Module):
    """Eight row tokens, two pre-norm blocks, the mean of the tokens read out."""

    def __init__(self, feed_forward: Callable[[int], nn.Module], width: int = 32) -> None:
        super().__init__()
        self.embed, self.position = nn.Linear(8, width), nn.Parameter(0.1 * torch.randn(8, width))
        self.blocks = nn.Sequential(*(Block(width, feed_forward(width)) for _ in range(2)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.embed(x.view(-1, 8, 8)) + self.position
        return self.head(self.norm(self.blocks(tokens)).mean(1))


def vit(kind: str) -> ViT:
    if kind == "swiglu":
        return ViT(lambda width: SwiGLU(width, 2 * width))
    return ViT(lambda width: mlp(width, 2 * width, width, act=nn.GELU))


NETS: dict[str, Callable[[], nn.Module]] = {
    "mlp-relu": lambda: mlp(64, 128, 128, 10),
    "mlp-leaky": lambda: mlp(64, 128, 128, 10, act=nn.LeakyReLU),
    "mlp-gelu": lambda: mlp(64, 128, 128, 10, act=nn.GELU),
    "mlp-silu": lambda: mlp(64, 128, 128, 10, act=nn.SiLU),
    "mlp-tanh": lambda: mlp(64, 128, 128, 10, act=nn.Tanh),
    "mlp-sigmoid": lambda: mlp(64, 128, 128, 10, act=nn.Sigmoid),
    "mlp-softplus": lambda: mlp(64, 128, 128, 10, act=nn.Softplus),
    "cnn-relu": lambda: CNN(8),
    "cnn-leaky": lambda: CNN(8, nn.LeakyReLU),
    "cnn-gelu": lambda: CNN(8, nn.GELU),
    "vit-gelu": lambda: vit("gelu"),
    "vit-swiglu": lambda: vit("swiglu"),
}
DEPTH = {"mlp": 5, "cnn": 12, "vit": 20}
PIECEWISE = [name for name in NETS if name.endswith(("relu", "leaky"))]


def make(name: str, seed: int = 0, dtype: torch.dtype = torch.float64) -> tuple[nn.Module, Tensor]:
    """The network of that name and twelve inputs, some entries of which are zero."""
    torch.manual_seed(seed)
    model = NETS[name]().to(dtype).eval()
    shape = (1, 8, 8) if name.startswith("cnn") else (64,)
    return model, torch.rand(12, *shape, dtype=dtype).mul(1.3).sub(0.3).clamp(min=0)
