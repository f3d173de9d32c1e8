"""The matrix of each layer, worked out slowly, against what `linearize` gives."""

from itertools import product

import pytest
import torch
import torch.nn.functional as F
from instance_nets import jacobian, relative
from torch import Tensor, nn

from linearlens.instance import linearize

# Of single units, many are off at an instance.
pytestmark = pytest.mark.filterwarnings("ignore:of .* all maps are zero")


class Own(nn.Module):
    """A model whose forward is a function, with modules it may use."""

    def __init__(self, forward, **modules: nn.Module) -> None:
        super().__init__()
        self.function = forward
        for name, module in modules.items():
            self.add_module(name, module)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self, x)


def maps(model: nn.Module, x: Tensor, **how) -> tuple[Tensor, Tensor]:
    """Weights of shape (n, n_outputs, n_inputs) and biases; the map is checked to be the model's."""
    affine = linearize(model, x, **how)
    with torch.no_grad():
        y = model(x).flatten(1)
    torch.testing.assert_close(affine(x), y, rtol=1e-12, atol=1e-13)
    return affine.weight.flatten(2), affine.bias


def close(one: Tensor, other: Tensor) -> None:
    torch.testing.assert_close(one, other.detach().expand(one.shape), rtol=1e-11, atol=1e-13)


def images(*shape: int) -> Tensor:
    torch.manual_seed(0)
    return torch.randn(*shape, dtype=torch.float64)


def probe(function, shape: torch.Size) -> Tensor:
    """Matrix of a linear function of one image, column by column."""
    columns = []
    for index in product(*map(range, shape)):
        unit = torch.zeros(1, *shape, dtype=torch.float64)
        unit[(0, *index)] = 1
        columns.append(function(unit).flatten())
    return torch.stack(columns, 1)


# Convolutions, by explicit loops.


def toeplitz(weight: Tensor, sizes, out_sizes, stride, padding, dilation, groups) -> Tensor:
    """Entry (out channel, out place) × (in channel, in place) of a convolution in two dimensions."""
    n_out, per_group = weight.shape[:2]
    matrix = torch.zeros(n_out, *out_sizes, per_group * groups, *sizes, dtype=weight.dtype)
    for o, i, a, b in product(range(n_out), range(per_group), *map(range, weight.shape[2:])):
        channel = o // (n_out // groups) * per_group + i
        for p, q in product(*map(range, out_sizes)):
            row = p * stride[0] - padding[0] + a * dilation[0]
            column = q * stride[1] - padding[1] + b * dilation[1]
            if 0 <= row < sizes[0] and 0 <= column < sizes[1]:
                matrix[o, p, q, channel, row, column] += weight[o, i, a, b]
    return matrix.flatten(3).flatten(0, 2)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("channels", [(2, 4), (6, 8)])
@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "dilation", "groups"),
    [
        ((3, 3), 1, 1, 1, 1),
        ((3, 2), 1, 0, 1, 1),
        ((3, 3), 2, 1, 1, 1),
        ((2, 3), (2, 3), (0, 2), 1, 1),
        ((3, 3), 1, 2, 2, 1),
        ((3, 3), 2, 0, (1, 2), 2),
        ((3, 3), 1, 1, 1, 2),
        ((1, 1), 1, 2, 1, 1),
        ((3, 5), 1, "same", 1, 1),
        ((2, 4), 1, "same", 1, 1),
        ((3, 3), 1, "same", 2, 2),
        ((3, 3), 1, "valid", 1, 1),
    ],
)
def test_convolutions_are_toeplitz_matrices(channels, kernel, stride, padding, dilation, groups):
    x = images(2, channels[0], 7, 8)
    layer = nn.Conv2d(*channels, kernel, stride=stride, padding=padding, dilation=dilation, groups=groups).double()
    weight, bias = maps(layer, x)
    out_sizes = layer(x).shape[2:]
    if padding == "same":
        begin = [d * (k - 1) // 2 for d, k in zip(layer.dilation, kernel, strict=True)]
    else:
        begin = [0, 0] if padding == "valid" else layer.padding
    slow = toeplitz(layer.weight, (7, 8), out_sizes, layer.stride, begin, layer.dilation, groups)
    close(weight, slow)
    close(bias, layer.bias.repeat_interleave(out_sizes.numel()))


@pytest.mark.parametrize("how", [{"stride": 2, "padding": 1}, {"dilation": 2}, {"groups": 2}, {"padding": 2}])
def test_one_dimensional_convolutions(how):
    x = images(2, 4, 9)
    layer = nn.Conv1d(4, 6, 3, **how).double()
    weight, bias = maps(layer, x)
    given = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, **how}
    groups = given.pop("groups")
    pairs = [(1 if name != "padding" else 0, value) for name, value in given.items()]
    width = layer(x).shape[2]
    slow = toeplitz(layer.weight[:, :, None], (1, 9), (1, width), *pairs, groups)
    close(weight, slow)
    close(bias, layer.bias.repeat_interleave(width))


@pytest.mark.parametrize("mode", ["reflect", "circular", "replicate"])
def test_other_paddings(mode):
    x = images(2, 2, 5, 5)
    layer = nn.Conv2d(2, 3, 3, padding=1, padding_mode=mode).double()
    weight, _ = maps(layer, x)
    close(weight, probe(lambda z: layer(z) - layer(torch.zeros_like(z)), x.shape[1:]))


@pytest.mark.parametrize("how", [{"stride": 2, "output_padding": 1}, {"padding": 1, "dilation": 2}, {"groups": 2}])
def test_transposed_convolutions_are_transposed_toeplitz_matrices(how):
    x = images(2, 4, 4, 5)
    layer = nn.ConvTranspose2d(4, 6, 3, **how).double()
    weight, bias = maps(layer, x)
    out_sizes = layer(x).shape[2:]
    # Its weight has shape (in, out / groups, …): the convolution that it transposes goes from out to in.
    slow = toeplitz(layer.weight, out_sizes, (4, 5), layer.stride, layer.padding, layer.dilation, layer.groups).T
    close(weight, slow)
    close(bias, layer.bias.repeat_interleave(out_sizes.numel()))


def test_linear_layers_on_two_and_three_axes():
    layer = nn.Linear(4, 3).double()
    weight, bias = maps(layer, images(2, 4))
    close(weight, layer.weight)
    close(bias, layer.bias)
    weight, bias = maps(layer, images(2, 5, 4))
    close(weight, torch.block_diag(*[layer.weight] * 5))
    close(bias, layer.bias.repeat(5))


# Norms.


def random_norm(layer: nn.Module) -> nn.Module:
    torch.manual_seed(1)
    for name, values in layer.state_dict().items():
        if values.is_floating_point():
            values.copy_(torch.rand(values.shape) + (0.5 if name != "bias" else 0))
    return layer.double().eval()


@pytest.mark.parametrize("before", [None, nn.Conv2d(3, 3, 1), nn.ReLU()])
@pytest.mark.parametrize("eps", [1e-5, 0.3])
def test_batch_norm_is_a_diagonal(before, eps):
    norm = random_norm(nn.BatchNorm2d(3, eps=eps))
    model = norm if before is None else nn.Sequential(before.double(), norm)
    x = images(2, 3, 4, 2).abs()  # all units of the ReLU are on
    weight, bias = maps(model, x)
    scale = norm.weight / torch.sqrt(norm.running_var + eps)
    shift = norm.bias - norm.running_mean * scale
    if isinstance(before, nn.Conv2d):
        one = scale[:, None] * before.weight[:, :, 0, 0]
        close(weight, torch.kron(one, torch.eye(8).double()))
        close(bias, (scale * before.bias + shift).repeat_interleave(8))
    else:
        close(weight, torch.diag(scale.repeat_interleave(8)))
        close(bias, shift.repeat_interleave(8))


def test_batch_norm_after_a_linear_layer_and_with_the_layer_used_twice():
    norm = random_norm(nn.BatchNorm1d(3))
    linear = nn.Linear(4, 3).double()
    model = Own(lambda self, x: self.norm(y := self.linear(x)) + 2 * y, norm=norm, linear=linear)
    weight, bias = maps(model, images(2, 4))
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    close(weight, (scale + 2)[:, None] * linear.weight)
    close(bias, (scale + 2) * linear.bias + norm.bias - norm.running_mean * scale)
    plain = nn.BatchNorm1d(3, eps=0.3, affine=False).double().eval()
    close(maps(plain, images(2, 3))[0], torch.eye(3).double() / (1 + plain.eps) ** 0.5)


@pytest.mark.parametrize("affine", [True, False])
def test_layer_norm_is_a_centring_over_a_frozen_scale(affine):
    norm = random_norm(nn.LayerNorm(5, elementwise_affine=affine))
    x = images(3, 5)
    weight, bias = maps(norm, x)
    gain = norm.weight if affine else torch.ones(5).double()
    for i in range(3):
        sigma = ((x[i] - x[i].mean()) ** 2).mean().add(norm.eps).sqrt()
        close(weight[i], torch.diag(gain) @ (torch.eye(5).double() - 1 / 5) / sigma)
    close(bias, norm.bias if affine else torch.zeros(5).double())


def test_rms_norm_freezes_its_scale_also_when_written_by_hand():
    norm = random_norm(nn.RMSNorm(5, eps=0.1))
    x = images(3, 5)
    by_hand = Own(lambda self, x: x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 0.1) * self.norm.weight, norm=norm)
    over = Own(lambda self, x: x / ((x**2).mean(-1, keepdim=True) + 0.1).sqrt() * self.norm.weight, norm=norm)
    for model in (norm, by_hand, over):
        weight, bias = maps(model, x)
        for i in range(3):
            close(weight[i], torch.diag(norm.weight / torch.sqrt((x[i] ** 2).mean() + 0.1)))
        close(bias, torch.zeros(5).double())


def test_layer_norm_by_hand_is_layer_norm():
    def by_hand(self, x):
        mean = x.mean(-1, keepdim=True)
        return (x - mean) / torch.sqrt(x.var(-1, unbiased=False, keepdim=True) + 1e-5)

    x = images(3, 5)
    close(maps(Own(by_hand), x)[0], maps(nn.LayerNorm(5, elementwise_affine=False).double(), x)[0])


@pytest.mark.parametrize("layer", [nn.GroupNorm(2, 4), nn.InstanceNorm2d(4, affine=True)])
def test_group_norms_centre_each_group(layer):
    norm = random_norm(layer)
    groups = getattr(norm, "num_groups", 4)
    x = images(2, 4, 3, 2)
    weight, bias = maps(norm, x)
    size = 24 // groups
    for i in range(2):
        blocks = []
        for group in x[i].reshape(groups, size):
            sigma = group.var(correction=0).add(norm.eps).sqrt()
            blocks.append((torch.eye(size).double() - 1 / size) / sigma)
        close(weight[i], norm.weight.repeat_interleave(6)[:, None] * torch.block_diag(*blocks))
    close(bias, norm.bias.repeat_interleave(6))


# Pooling.


def selection(x: Tensor, kernel: int, stride: int, padding: int) -> Tensor:
    """0/1 matrix of the winners of one plane; of equal ones the first."""
    height, width = x.shape
    rows = []
    places = (range((size + 2 * padding - kernel) // stride + 1) for size in (height, width))
    for p, q in product(*places):
        best, where = -torch.inf, None
        for a, b in product(range(kernel), repeat=2):
            i, j = p * stride - padding + a, q * stride - padding + b
            if 0 <= i < height and 0 <= j < width and x[i, j] > best:
                best, where = x[i, j], i * width + j
        rows.append(F.one_hot(torch.tensor(where), height * width))
    return torch.stack(rows).double()


@pytest.mark.parametrize(("kernel", "stride", "padding"), [(2, 2, 0), (3, 2, 1), (3, 1, 1), (2, 3, 0)])
@pytest.mark.parametrize("ties", [False, True])
def test_max_pool_selects(kernel, stride, padding, ties):
    x = images(2, 3, 6, 7)
    x = x.round() if ties else x
    weight, bias = maps(nn.MaxPool2d(kernel, stride, padding), x)
    for i in range(2):
        close(weight[i], torch.block_diag(*(selection(plane, kernel, stride, padding) for plane in x[i])))
    close(bias, torch.zeros(()).double())


@pytest.mark.parametrize("channels", [1, 5])
@pytest.mark.parametrize("act", [nn.ReLU(), nn.LeakyReLU(0.3), nn.Dropout(0.4), nn.Identity(), nn.Hardtanh(-0.2, 0.4)])
@pytest.mark.parametrize("pool", [nn.MaxPool2d(2), nn.MaxPool2d(3, 1, 1), nn.AdaptiveMaxPool2d((2, 3))])
@pytest.mark.parametrize("split", [False, True])
def test_what_comes_before_a_max_pool(channels, act, pool, split, monkeypatch):
    if split:
        monkeypatch.setattr("linearlens.instance._tape.PART", 1)
        monkeypatch.setattr("linearlens.instance._tape.MANY", 1)
    x = images(3, channels, 6, 6)
    conv, norm = nn.Conv2d(channels, 4, 3, padding=1).double(), nn.BatchNorm2d(4).double().eval()
    nn.init.uniform_(norm.running_mean)
    model = nn.Sequential(conv, norm, act, pool).train(isinstance(act, nn.Dropout))
    norm.eval()
    state = torch.get_rng_state()
    weight, bias = maps(model, x)
    torch.set_rng_state(state)
    model.append(nn.Flatten())
    slopes = jacobian(model, x).flatten(2)
    close(weight, slopes)
    torch.set_rng_state(state)
    close(bias, model(x).detach() - (slopes * x.flatten(1)[:, None]).sum(2))


def test_a_tensor_that_is_pooled_and_used_elsewhere():
    conv = nn.Conv2d(1, 3, 3, padding=1).double()
    x = images(2, 1, 6, 6)

    def forward(self: Own, x: Tensor) -> Tensor:
        before = self.conv(x)
        after = before.relu()
        pooled = F.max_pool2d(after, 2).flatten(1)
        return torch.cat([pooled, after.flatten(1), F.max_pool2d(before, 3).flatten(1), pooled * pooled.mean()], 1)

    affine = linearize(Own(forward, conv=conv), x[:1])
    first = linearize(Own(lambda self, x: self.conv(x).relu(), conv=conv), x[:1])
    winners = selection(conv(x)[0, 0].relu(), 2, 2, 0)
    close(affine.weight[0, :9].flatten(1), winners @ first.weight[0, :36].flatten(1))
    close(affine.weight[0, 27 : 27 + 108], first.weight[0])
    close(affine.bias[0, :9], winners @ first.bias[0, :36])
    assert set(affine.biases) == {"conv"}


def test_pools_that_are_called_by_keyword():
    x = images(2, 3, 6, 6)
    for function in (
        lambda self, x: F.avg_pool2d(x, kernel_size=2),
        lambda self, x: F.avg_pool2d(x, (2, 3), stride=(2, 3)),
        lambda self, x: F.avg_pool2d(x, 2, divisor_override=3),
        lambda self, x: F.avg_pool2d(x, 4, ceil_mode=True),
        lambda self, x: F.avg_pool2d(x, 2, stride=2, padding=1),
        lambda self, x: F.avg_pool1d(x.flatten(2), 6),
        lambda self, x: F.avg_pool3d(x, (3, 2, 1)),
        lambda self, x: F.adaptive_avg_pool2d(x, output_size=(3, 2)),
        lambda self, x: F.adaptive_avg_pool2d(x, 4),
        lambda self, x: F.max_pool2d(x, kernel_size=2, stride=1),
        lambda self, x: F.max_pool3d(x, (3, 2, 1)),  # of x as one image with many channels
    ):
        weight, bias = maps(Own(function), x)
        close(weight[0], torch.func.jacrev(lambda x, f=function: f(None, x[None]))(x[0]).flatten(0, -4).flatten(1))
        assert not bias.any()


def test_other_max_pools():
    x = images(2, 3, 8)
    weight, _ = maps(nn.MaxPool1d(2), x)
    assert torch.equal(weight.sum(2), torch.ones(2, 12).double())
    assert set(weight.unique().tolist()) == {0, 1}
    weight, _ = maps(nn.AdaptiveMaxPool2d(2), images(2, 1, 5, 5))
    assert torch.equal(weight.sum(2), torch.ones(2, 4).double())
    for function in (lambda self, x: x.amax(-1), lambda self, x: x.max(dim=1).values, lambda self, x: x.amin(1, True)):
        weight, _ = maps(Own(function), x)
        assert torch.equal(weight.sum(2), torch.ones(()).double().expand(weight.shape[:2]))


@pytest.mark.parametrize(
    "layer",
    [
        nn.AvgPool2d(2),
        nn.AvgPool2d(3, 2, 1),
        nn.AvgPool2d(3, 1, 1, count_include_pad=False),
        nn.AdaptiveAvgPool2d((2, 3)),
        nn.AdaptiveAvgPool2d(1),
        nn.Upsample(scale_factor=2),
        nn.Upsample(scale_factor=2, mode="bilinear"),
        nn.ZeroPad2d(1),
        nn.PixelShuffle(2),
        nn.Flatten(),
        nn.Identity(),
        nn.Dropout(0.5).eval(),
        nn.Unfold(2),
    ],
    ids=repr,
)
def test_layers_that_are_linear_as_they_are(layer):
    x = images(2, 4, 5, 6)
    weight, bias = maps(layer, x)
    close(weight, probe(layer, x.shape[1:]))
    close(bias, torch.zeros(()).double())


# Activations.


@pytest.mark.parametrize(
    "layer",
    [
        nn.ReLU(), nn.ReLU(inplace=True), nn.LeakyReLU(0.2), nn.LeakyReLU(0.2, inplace=True), nn.PReLU(),
        nn.PReLU(6), nn.ELU(), nn.ELU(0.7, inplace=True), nn.GELU(), nn.GELU("tanh"), nn.SiLU(), nn.SiLU(inplace=True),
        nn.Tanh(), nn.Sigmoid(), nn.Softplus(), nn.Softplus(2.0, 3.0), nn.CELU(), nn.SELU(), nn.Mish(), nn.ReLU6(),
        nn.Hardtanh(-0.5, 0.7), nn.Softsign(), nn.Hardswish(), nn.LogSigmoid(), nn.Tanhshrink(),
    ],
    ids=repr,
)  # fmt: skip
def test_activations_are_diagonals(layer):
    x = 2 * images(3, 6)
    given = x.clone()
    layer = layer.double()
    weight, bias = maps(Own(lambda self, x: self.layer(x.clone()), layer=layer), x)
    assert torch.equal(x, given)
    with torch.no_grad():
        y, start = layer(x.clone()), layer(torch.zeros_like(x))
    off = weight - torch.diag_embed(weight.diagonal(dim1=1, dim2=2))
    assert not off.any()
    if not isinstance(layer, nn.ReLU6 | nn.Hardtanh):
        close(weight.diagonal(dim1=1, dim2=2), (y - start) / x)
        close(bias, start)
    slope = x.clone().requires_grad_()
    layer(slope.clone()).sum().backward()
    close(maps(Own(lambda self, x: layer(x.clone())), x, form="tangent")[0].diagonal(dim1=1, dim2=2), slope.grad)


def test_a_bound_that_is_hit_is_a_bias():
    weight, bias = maps(nn.ReLU6(), torch.tensor([[-1.0, 3.0, 7.0]]).double())
    close(weight[0], torch.diag(torch.tensor([0.0, 1.0, 0.0]).double()))
    close(bias[0], torch.tensor([0.0, 0.0, 6.0]).double())


# Products: which factor is frozen.


def test_the_stronger_gate_is_frozen_in_either_order():
    x = images(3, 4)
    a, b = nn.Linear(4, 4).double(), nn.Linear(4, 4).double()
    for function in (
        lambda self, x: torch.sigmoid(self.a(x)) * self.b(x),
        lambda self, x: self.b(x) * torch.sigmoid(self.a(x)),
        lambda self, x: F.glu(torch.cat([self.b(x), self.a(x)], 1)),
    ):
        weight, bias = maps(Own(function, a=a, b=b), x)
        gate = torch.sigmoid(a(x))
        close(weight, gate[:, :, None] * b.weight)
        close(bias, gate * b.bias)
    weight, bias = maps(Own(lambda self, x: torch.sigmoid(self.a(x)) * torch.tanh(self.b(x)), a=a, b=b), x)
    inner = b(x)
    close(weight, (torch.sigmoid(a(x)) * torch.tanh(inner) / inner)[:, :, None] * b.weight)


def test_equals_share_a_product():
    x = images(3, 4)
    a, b = nn.Linear(4, 4).double(), nn.Linear(4, 4).double()
    weight, bias = maps(Own(lambda self, x: self.a(x) * self.b(x), a=a, b=b), x)
    close(weight, (a(x)[:, :, None] * b.weight + b(x)[:, :, None] * a.weight) / 2)
    close(bias, (a(x) * b.bias + b(x) * a.bias) / 2)
    close(maps(Own(lambda self, x: x * x), x)[0], torch.diag_embed(x))
    close(maps(Own(lambda self, x: x**3), x)[0], torch.diag_embed(x**2))
    tangent, constant = maps(Own(lambda self, x: x * x), x, form="tangent")
    close(tangent, torch.diag_embed(2 * x))
    close(constant, -(x**2))


# Attention.


def frozen_attention(q, k, v, mask=None) -> Tensor:
    """Matrix from the values of all tokens to the outputs of all tokens, for one head."""
    scores = q @ k.T / q.shape[-1] ** 0.5
    scores = scores if mask is None else scores.masked_fill(~mask, -torch.inf)
    return scores.exp() / scores.exp().sum(-1, keepdim=True)


def attention_by(kind: str):
    def forward(self, x):
        q, k, v = self.q(x), self.k(x), self.v(x)
        allowed = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).tril()
        if kind == "library":
            return F.scaled_dot_product_attention(q, k, v, is_causal=True)
        if kind == "mask":
            return F.scaled_dot_product_attention(q, k, v, attn_mask=allowed)
        if kind == "einsum":
            scores = torch.einsum("bqc,bkc->bqk", q, k) / x.shape[-1] ** 0.5
            weights = scores.masked_fill(~allowed, -torch.inf).softmax(-1)
            return torch.einsum("bqk,bkc->bqc", weights, v)
        scores = (q @ k.transpose(1, 2)) / x.shape[-1] ** 0.5 + torch.zeros(()).masked_fill(~allowed, -torch.inf)
        if kind == "exp":
            powers = torch.exp(scores - scores.amax(-1, keepdim=True).detach()).masked_fill(~allowed, 0.0)
            return powers / powers.sum(-1, keepdim=True) @ v
        return torch.softmax(scores, dim=-1).matmul(v)

    return forward


@pytest.mark.parametrize("kind", ["library", "mask", "einsum", "softmax", "exp"])
def test_attention_weights_are_frozen(kind):
    x = images(2, 5, 4)
    parts = {name: nn.Linear(4, 4).double() for name in "qkv"}
    weight, bias = maps(Own(attention_by(kind), **parts), x)
    allowed = torch.ones(5, 5, dtype=torch.bool).tril()
    for i in range(2):
        q, k, v = (part(x[i]) for part in parts.values())
        mixing = frozen_attention(q, k, v, allowed)
        close(weight[i], torch.kron(mixing, parts["v"].weight))
        close(bias[i], (mixing @ parts["v"].bias.expand(5, 4)).flatten())


@pytest.mark.parametrize("batch_first", [True, False])
def test_multihead_attention_is_that_of_its_heads(batch_first):
    torch.manual_seed(3)
    layer = nn.MultiheadAttention(6, 2, batch_first=True).double().eval()
    nn.init.normal_(layer.in_proj_bias)
    nn.init.normal_(layer.out_proj.bias)

    def forward(self, x):
        if not batch_first:
            self.layer.batch_first = False
            try:
                x = x.transpose(0, 1)
                return self.layer(x, x, x, need_weights=False)[0].transpose(0, 1)
            finally:
                self.layer.batch_first = True
        return self.layer(x, x, x, need_weights=True)[0]

    x = images(3, 5, 6)
    weight, bias = maps(Own(forward, layer=layer), x)
    q_w, k_w, v_w = layer.in_proj_weight.chunk(3)
    q_b, k_b, v_b = layer.in_proj_bias.chunk(3)
    for i in range(3):
        slow, mixed = torch.zeros(30, 30).double(), torch.zeros(5, 6).double()
        for head in (slice(0, 3), slice(3, 6)):
            q, k = x[i] @ q_w[head].T + q_b[head], x[i] @ k_w[head].T + k_b[head]
            mixing = frozen_attention(q, k, None)
            slow += torch.kron(mixing, layer.out_proj.weight[:, head] @ v_w[head])
            mixed[:, head] = mixing @ v_b[head].expand(5, 3)
        close(weight[i], slow)
        close(bias[i], (mixed @ layer.out_proj.weight.T + layer.out_proj.bias).flatten())


def test_a_library_transformer_layer():
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, norm_first=True, activation="gelu").double()
    for training in (False, True):
        affine = linearize(layer.train(training), x := images(2, 3, 8))
        with torch.no_grad():
            torch.testing.assert_close(affine(x), layer(x).flatten(1), rtol=1e-12, atol=1e-13)


# Plain forward code.


@pytest.mark.parametrize(
    "function",
    [
        lambda self, x: x.view(len(x), -1)[:, 3:].reshape(-1, 3, 3).sum((1, 2)).unsqueeze(1),
        lambda self, x: torch.cat([x, 2 * x.flip(2)], 1).mean(2),
        lambda self, x: torch.stack([x[:, 0], x[:, 1, ::2].repeat(1, 2)], -1),
        lambda self, x: torch.einsum("bij,jk->bik", x, torch.arange(12.0).double().view(4, 3)),
        lambda self, x: (x.transpose(0, 1) * 3 + 1).transpose(0, 1),
        lambda self, x: x.permute(1, 0, 2).reshape(3, -1).view(3, len(x), 4).transpose(0, 1) - 1,
        lambda self, x: sum(x.chunk(2, dim=2)) / 2 - sum(x.unbind(1))[:, None, :2],
        lambda self, x: 1 - x.cumsum(2)[..., -1],
        lambda self, x: torch.where(x > 0, x, torch.full_like(x, 5.0)),
        lambda self, x: x * (x > 0) + x.masked_fill(x > 0, 2.0),
        lambda self, x: x.abs() + x.clamp(-0.3, 0.4),
        lambda self, x: F.pad(x, (1, 2), value=3.0),
        lambda self, x: x[:, [2, 0]] + x[:, torch.tensor([1, 1])],
        lambda self, x: x.new_zeros(len(x), 2) + x.sum(2)[:, :2] if x.sum() > -99 else x,
        lambda self, x: -x.squeeze().unsqueeze(1).expand(-1, 2, -1, -1),
        lambda self, x: x @ torch.ones(4, 2).double() - torch.ones(3, 3).double() @ x @ torch.ones(4, 2).double(),
        lambda self, x: x.split([1, 2], 1)[1].movedim(1, 2).flatten(1).T.T,
        lambda self, x: torch.matmul(torch.ones(4).double(), x.mT),
        lambda self, x: torch.hstack([x, torch.ones_like(x)]) - x[:, :1].roll(1, 2),
    ],
)  # fmt: skip
def test_forward_code_as_people_write_it(function):
    x = images(5, 3, 4)
    model = Own(function)
    weight, _ = maps(model, x)
    slow = torch.autograd.functional.jacobian(lambda z: function(None, z).flatten(1), x)
    close(weight, torch.stack([slow[i, :, i].flatten(1) for i in range(5)]))


def test_in_place_code_is_followed():
    def forward(self, x):
        y = self.linear(x)
        y += 1
        z = y.clone()
        y.relu_()
        F.relu(z, inplace=True)
        y *= 2
        out = x.new_zeros(len(x), 6)
        out[:, :3] = y
        out[:, 3:] = z.mul_(3).add_(x[:, :3])
        return out

    linear = nn.Linear(4, 3).double()
    x = images(5, 4)
    weight, bias = maps(Own(forward, linear=linear), x)
    gate = (linear(x) + 1 > 0).double()[:, :, None]
    close(weight[:, :3], 2 * gate * linear.weight)
    close(weight[:, 3:], 3 * gate * linear.weight + torch.eye(3, 4).double())
    close(bias, torch.cat([2 * gate[..., 0] * (linear.bias + 1), 3 * gate[..., 0] * (linear.bias + 1)], 1))


def test_a_model_may_write_into_its_input():
    x = images(3, 4)
    affine = linearize(nn.LeakyReLU(0.2, inplace=True), x)
    assert torch.equal(x, images(3, 4))
    assert torch.equal(affine.x, x)
    close(affine.contributions().sum(2), F.leaky_relu(x, 0.2))


def test_residuals_concatenations_and_a_layer_used_twice():
    linear = nn.Linear(4, 4).double()
    x = images(3, 4)

    def forward(self, x):
        return torch.cat([x + F.relu(self.linear(x)), self.linear(F.relu(self.linear(x)))], 1)

    weight, _ = maps(Own(forward, linear=linear), x)
    inner = (linear(x) > 0).double()[:, :, None] * linear.weight
    close(weight, torch.cat([torch.eye(4).double() + inner, linear.weight @ inner], 1))


def test_an_embedding_is_kept_as_the_input():
    torch.manual_seed(0)
    embedding, gru = nn.Embedding(9, 4).double(), nn.GRUCell(4, 5).double()

    def forward(self, embedded):
        h = embedded.new_zeros(len(embedded), 5)
        for word in embedded.unbind(1):
            h = self.gru(word, h)
        return h

    words = torch.tensor([[1, 2, 3], [4, 4, 0]])
    weight, _ = maps(Own(forward, gru=gru), embedding(words).detach())
    assert weight.shape == (2, 5, 12)


@pytest.mark.parametrize("part", [(slice(5),), (slice(5, 10),), (slice(5), slice(0, 7, 2)), (slice(1),)])
@pytest.mark.parametrize("turned", [False, True])
def test_single_precision_goes_through_a_part_of_a_matrix(part, turned, monkeypatch):
    monkeypatch.setattr("linearlens.instance._layers.LARGE", 0)
    torch.manual_seed(0)
    weight = torch.randn(10, 7)[part]
    weight = weight.T if turned else weight
    x = torch.randn(3, 2, weight.shape[1])
    found = linearize(Own(lambda self, x: F.linear(x.relu(), weight)), x).weight.view(3, 2, -1, *x.shape[1:])
    for place in range(2):
        torch.testing.assert_close(found[:, place, :, place], weight * (x[:, place, None] > 0))
        assert not found[:, place, :, 1 - place].any()


@pytest.mark.parametrize(
    "bias",
    [None, torch.tensor([0.5]).expand(6), torch.arange(12.0)[::2], torch.ones(1), torch.ones(1, 6), torch.tensor(0.5)],
    ids=["none", "expanded", "strided", "one", "row", "scalar"],
)
def test_a_bias_in_single_precision_may_have_any_form(bias, monkeypatch):
    monkeypatch.setattr("linearlens.instance._layers.LARGE", 0)
    weight = torch.randn(6, 4)
    model = Own(lambda self, x: F.linear(F.linear(x, weight, bias).relu(), weight.T))
    x = torch.randn(5, 4)
    assert relative(linearize(model, x)(x), model(x)) < 2e-6


@pytest.mark.filterwarnings("ignore:.*rounded in torch.bfloat16")
def test_under_autocast_products_are_left_to_torch(monkeypatch):
    monkeypatch.setattr("linearlens.instance._layers.LARGE", 0)
    model = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 64)).requires_grad_(False)
    x = torch.randn(60, 64)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert relative(linearize(model, x)(x), model(x)) < 0.02


@pytest.mark.parametrize("large", [0, 2**62])
def test_single_precision_is_as_exact_by_either_product(large, monkeypatch):
    monkeypatch.setattr("linearlens.instance._layers.LARGE", large)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 9), nn.ReLU(), nn.Linear(9, 9, bias=False), nn.ReLU(), nn.Linear(9, 4))
    x = torch.randn(7, 5, 3, 6).movedim(1, 2)  # not contiguous
    assert relative(linearize(model, x)(x), model(x).detach().flatten(1)) < 2e-6
    exact = linearize(model.double(), x.double())
    assert relative(linearize(model.float(), x).weight, exact.weight) < 2e-6
