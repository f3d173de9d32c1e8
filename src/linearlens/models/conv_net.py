"""A small convolutional network with all that such networks are made of."""

import torch
from torch import nn
from torch.nn import functional as F


class ConvNet(nn.Module):
    """Convolution, batch norm, max-pooling, a residual block with dropout, average-pooling and a linear head.

    Parameters
    ----------
    side : int
        Height and width of the images, a multiple of 4; they come as rows of side² pixels.
    channels : (int, int)
        Before and after the last convolution.
    activation : type of nn.Module
    dropout : float
        In the residual block.
    n_outputs : int
    seed : int
        Seeds the initial weights; torch's global generator is left as it was.

    Raises
    ------
    ValueError
        If the side is no multiple of 4.
    """

    def __init__(
        self,
        side: int,
        *,
        channels: tuple[int, int] = (16, 32),
        activation: type[nn.Module] = nn.ReLU,
        dropout: float = 0.2,
        n_outputs: int = 10,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if side < 4 or side % 4:
            raise ValueError(f"the side is halved twice, so it must be a multiple of 4; got {side}")
        few, many = channels
        self.side, self.act = side, activation()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.conv1, self.norm1 = _convolution(1, few), nn.BatchNorm2d(few)
            self.conv2, self.norm2 = _convolution(few, few), nn.BatchNorm2d(few)
            self.dropout = nn.Dropout(dropout)
            self.conv3, self.norm3 = _convolution(few, few), nn.BatchNorm2d(few)
            self.conv4, self.norm4 = _convolution(few, many), nn.BatchNorm2d(many)
            self.head = nn.Linear(many * (side // 4) ** 2, n_outputs)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Logits of shape (n, n_outputs) for pixels of shape (n, side²)."""
        x = pixels.view(-1, 1, self.side, self.side)
        x = F.max_pool2d(self.act(self.norm1(self.conv1(x))), 2)
        inner = self.dropout(self.act(self.norm2(self.conv2(x))))
        x = self.act(x + self.norm3(self.conv3(inner)))
        x = F.avg_pool2d(self.act(self.norm4(self.conv4(x))), 2)
        return self.head(x.flatten(1))


def _convolution(n_in: int, n_out: int) -> nn.Conv2d:
    return nn.Conv2d(n_in, n_out, 3, padding=1)
