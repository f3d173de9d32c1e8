"""Small transformers: one reads images row by row, the other writes tokens."""

import torch
from torch import nn
from torch.nn import functional as F


class GatedMLP(nn.Module):
    """``(silu(x G) * x U) D``: a feed-forward part in which one branch gates the other."""

    def __init__(self, width: int, n_hidden: int, bias: bool) -> None:
        super().__init__()
        self.gate = nn.Linear(width, n_hidden, bias=bias)
        self.up = nn.Linear(width, n_hidden, bias=bias)
        self.down = nn.Linear(n_hidden, width, bias=bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape (…, width) to the same."""
        return self.down(F.silu(self.gate(x)) * self.up(x))


class Attention(nn.Module):
    """Self-attention with several heads."""

    def __init__(self, width: int, n_heads: int, bias: bool, causal: bool) -> None:
        super().__init__()
        self.n_heads, self.causal = n_heads, causal
        self.qkv = nn.Linear(width, 3 * width, bias=bias)
        self.out = nn.Linear(width, width, bias=bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape (n, n_tokens, width) to the same."""
        q, k, v = (
            part.unflatten(-1, (self.n_heads, -1)).transpose(1, 2) for part in self.qkv(x).chunk(3, dim=-1)
        )  # each (n, n_heads, n_tokens, width / n_heads)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        return self.out(mixed.transpose(1, 2).flatten(2))


class Block(nn.Module):
    """``x + attention(norm(x))``, then ``x + feedforward(norm(x))``.

    Parameters
    ----------
    width, n_heads : int
    gated : bool
        A gated MLP with RMSNorm, as in today's language models, in place of a GELU MLP with LayerNorm.
    bias : bool
        In the linear parts and norms.
    causal : bool
        Each token sees itself and earlier ones only.
    """

    def __init__(self, width: int, n_heads: int, *, gated: bool, bias: bool = True, causal: bool = False) -> None:
        super().__init__()
        self.norm1, self.norm2 = _norm(width, gated, bias), _norm(width, gated, bias)
        self.attention = Attention(width, n_heads, bias, causal)
        self.feedforward: nn.Module
        if gated:
            self.feedforward = GatedMLP(width, 2 * width, bias)
        else:
            wide = nn.Linear(width, 4 * width, bias=bias)
            self.feedforward = nn.Sequential(wide, nn.GELU(), nn.Linear(4 * width, width, bias=bias))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape (n, n_tokens, width) to the same."""
        x = x + self.attention(self.norm1(x))
        return x + self.feedforward(self.norm2(x))


class RowTransformer(nn.Module):
    """A classifier whose tokens are the rows of an image.

    Parameters
    ----------
    side : int
        Height and width of the images; they come as rows of side² pixels.
    width, n_heads, n_blocks : int
    gated : bool
        As in `Block`.
    n_outputs : int
    seed : int
        Seeds the initial weights; torch's global generator is left as it was.
    """

    def __init__(
        self,
        side: int,
        *,
        width: int = 32,
        n_heads: int = 4,
        n_blocks: int = 2,
        gated: bool = False,
        n_outputs: int = 10,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.side = side
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.embed = nn.Linear(side, width)
            self.place = nn.Parameter(0.02 * torch.randn(side, width))
            self.blocks = nn.Sequential(*(Block(width, n_heads, gated=gated) for _ in range(n_blocks)))
            self.norm = _norm(width, gated, True)
            self.head = nn.Linear(width, n_outputs)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Logits of shape (n, n_outputs) for pixels of shape (n, side²)."""
        rows = pixels.view(-1, self.side, self.side)
        x = self.norm(self.blocks(self.embed(rows) + self.place))
        return self.head(x.mean(dim=1))


class TokenTransformer(nn.Module):
    """A causal transformer that predicts the next token, without any bias.

    Parameters
    ----------
    n_tokens : int
        Different tokens.
    n_places : int
        Longest sequence.
    width, n_heads, n_blocks : int
    seed : int
        Seeds the initial weights; torch's global generator is left as it was.
    """

    def __init__(
        self, n_tokens: int, n_places: int, *, width: int = 64, n_heads: int = 4, n_blocks: int = 4, seed: int = 0
    ) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.tokens = nn.Embedding(n_tokens, width)
            self.places = nn.Embedding(n_places, width)
            nn.init.normal_(self.tokens.weight, std=0.1)
            nn.init.normal_(self.places.weight, std=0.1)
            blocks = (Block(width, n_heads, gated=True, bias=False, causal=True) for _ in range(n_blocks))
            self.blocks = nn.Sequential(*blocks)
            self.norm = nn.RMSNorm(width)
            self.head = nn.Linear(width, n_tokens, bias=False)

    def forward(self, numbers: torch.Tensor) -> torch.Tensor:
        """Logits of shape (n, length, n_tokens) for the token after each of `numbers`, of shape (n, length)."""
        return self.read(self.embed(numbers))

    def embed(self, numbers: torch.Tensor) -> torch.Tensor:
        """Token and place, added: shape (n, length) to (n, length, width)."""
        return self.tokens(numbers) + self.places.weight[: numbers.shape[1]]

    def read(self, embedded: torch.Tensor) -> torch.Tensor:
        """Logits from embeddings of shape (n, length, width)."""
        return self.head(self.norm(self.blocks(embedded)))


def _norm(width: int, gated: bool, bias: bool) -> nn.Module:
    return nn.RMSNorm(width) if gated else nn.LayerNorm(width, bias=bias)
