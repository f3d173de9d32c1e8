"""Random forward passes: views, writes in place, masks, scripts, two dtypes; small enough to be read when one fails."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTH = 6


def _gate(z: Tensor) -> Tensor:
    return z * torch.sigmoid(z)


class Graph(nn.Module):
    """Its steps, each of which takes the graph, the current tensor and an earlier one, drawn with a seed."""

    def __init__(self, seed: int, *, piecewise: bool, n: int) -> None:
        super().__init__()
        rng = torch.Generator().manual_seed(seed)

        def draw(most: int) -> int:
            return int(torch.randint(most, (1,), generator=rng))

        self.n, self.names, self.backs, self.numbers = n, [], [], []
        choices = [*LINEAR, *WRITES, *UNITS] + ([] if piecewise else [*SMOOTH])
        for _ in range(4 + draw(9)):
            self.names.append(choices[draw(len(choices))].__name__)
            self.backs.append(draw(10**6))
            self.numbers.append(draw(WIDTH))
        if draw(12) == 0:
            self.names[-1] = "scripted"
        if draw(12) == 0:
            self.names[-2] = "single"
        self.layers = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in self.names).double()
        for layer in self.layers:
            for parameter in layer.parameters():
                parameter.data = torch.randn(parameter.shape, generator=rng, dtype=torch.float64) / 2

    def forward(self, x: Tensor) -> Tensor:
        h, earlier = self.layers[0](x), [x]
        for place, name in enumerate(self.names):
            self.place, self.number = place, self.numbers[place]
            other = earlier[self.backs[place] % len(earlier)]
            earlier.append(h)
            h = STEPS[name](self, h, other)
        return torch.cat([h, sum(earlier) / len(earlier)], 1)


def layer(g, h, o):
    return g.layers[g.place](h)


def residual(g, h, o):
    return h + o


def difference(g, h, o):
    return 1.5 - h - 2 * o


def turned(g, h, o):
    return h.view(-1, 2, 3).transpose(1, 2).reshape(-1, WIDTH) + o.flip(1)


def across(g, h, o):
    return (h.T * 2 + o.T).T


def parts(g, h, o):
    a, b = h.chunk(2, 1)
    return torch.cat([b, a + o[:, :3]], 1)


def flat(g, h, o):
    return (h.reshape(-1) + 0.25).view(-1, WIDTH)


def picked(g, h, o):
    index, found = torch.zeros(1, dtype=torch.int64), []
    for _ in range(WIDTH):
        found.append(h[:, index])
        index += 1
    found.reverse()
    return torch.cat(found, 1)


def mixed(g, h, o):
    return torch.einsum("ni,ij->nj", h, g.layers[g.place].weight)


def column(g, h, o):
    h = h.clone()
    h[:, g.number] += 0.5
    h[:, g.number :].mul_(1.5)
    return h


def column_of(g, h, o):
    h = h * 1
    early = h[:, g.number]
    h[:, g.number] = o[:, 0]
    return h + early[:, None]


def buffer(g, h, o):
    out = h.new_zeros(len(h), WIDTH)
    early = out[:, 1:]
    out[:, :3] = h[:, 3:]
    out[:, 3:].add_(o[:, :3])
    return out + F.pad(early, (0, 1))


def scattered(g, h, o):
    out = h.new_ones(len(h), WIDTH)
    out.view(-1).index_add_(0, torch.arange(out.numel()).roll(WIDTH * len(h)), h.reshape(-1))
    out.T.add_(o.T)
    return out


def copied(g, h, o):
    out = torch.empty_like(h)
    out.copy_(h)
    out[:, ::2].copy_(o[:, ::2])
    return out


def by_alias(g, h, o):
    out = h.new_zeros(len(h), WIDTH)
    out.detach()[:, g.number] = h[:, 0]
    return out + o


def relu_in_place(g, h, o):
    h = h + 0
    h[:, g.number :].relu_()
    h.view(len(h), 2, 3)[:, 0].clamp_(max=1)
    return h


def relu(g, h, o):
    return F.relu(h)


def leaky(g, h, o):
    return F.leaky_relu(h + o, 0.2)


def clamped(g, h, o):
    return h.clamp(-1, 0.7)


def shrunk(g, h, o):
    return F.softshrink(h, 0.3) + F.hardsigmoid(o)


def pooled(g, h, o):
    return F.max_pool1d(h[:, None], 2).repeat(1, 1, 2)[:, 0] + o


def larger(g, h, o):
    return torch.maximum(h, o - 0.1)


def sorted_(g, h, o):
    return h.sort(1).values + h.topk(2, 1).values.sum(1, keepdim=True)


def masked(g, h, o):
    mask = torch.arange(WIDTH) < g.number
    out = torch.where(mask, h, o)
    mask.logical_not_()
    return out.masked_fill(mask & (torch.arange(WIDTH) == 0), 0.5)


def where_on(g, h, o):
    return torch.where(h > 0.1, h, o) + h * (o > 0)


def gelu(g, h, o):
    return F.gelu(h)


def tanh(g, h, o):
    return torch.tanh(h) + o


def silu_in_place(g, h, o):
    return F.silu(h + 0, inplace=True)


def normed(g, h, o):
    return F.layer_norm(h, (WIDTH,)) + o


def normed_by_hand(g, h, o):
    return h * torch.rsqrt(h.pow(2).mean(-1, keepdim=True) + 1e-3)


def gated(g, h, o):
    return g.layers[g.place](h) * torch.sigmoid(g.layers[0](o))


def multiplied(g, h, o):
    return g.layers[g.place](h) * g.layers[0](o) / 4


def shared(g, h, o):
    return g.layers[g.place](h) * h.softmax(-1)


def attended(g, h, o):
    q, v = h.view(-1, 3, 2), g.layers[g.place](o).view(-1, 3, 2)
    mask = torch.ones(3, 3, dtype=torch.bool).tril() if g.number % 2 else None
    return F.scaled_dot_product_attention(q, q, v, attn_mask=mask).flatten(1)


def magnitude(g, h, o):
    return torch.sqrt(h**2 + o**2 + 0.1)


def logarithm(g, h, o):
    return F.log_softmax(h, -1) / 4


def scripted(g, h, o):
    return h + torch.jit.script(_gate)(h)


def single(g, h, o):
    return g.layers[g.place](h).float().relu().double()


LINEAR = [layer, layer, layer, residual, difference, turned, across, parts, flat, picked, mixed]
WRITES = [column, column_of, buffer, scattered, copied, by_alias, relu_in_place]
UNITS = [relu, relu, leaky, clamped, shrunk, pooled, larger, sorted_, masked, where_on]
SMOOTH = [gelu, tanh, silu_in_place, normed, normed_by_hand, gated, multiplied, shared, attended, magnitude, logarithm]
STEPS: dict[str, Callable] = {f.__name__: f for f in [*LINEAR, *WRITES, *UNITS, *SMOOTH, scripted, single]}


def differences(model: nn.Module, x: Tensor, step: float) -> Tensor:
    """Slopes by small steps, of shape (n, n_outputs, n_inputs)."""
    columns = []
    with torch.no_grad():
        for one in torch.eye(x.shape[1], dtype=x.dtype):
            columns.append((model(x + step * one) - model(x - step * one)) / (2 * step))
    return torch.stack(columns, -1)
