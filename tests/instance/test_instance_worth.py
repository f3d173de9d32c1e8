"""What a map says about itself: how much cancels, how much is bias, whether it is the only one."""

import warnings

import pytest
import torch
import torch.nn.functional as F
from instance_nets import Own, jacobian, relative
from ratio_oracle import ratio_weight
from torch import Tensor, nn

from linearlens.instance import gate_distance, gate_pattern, linearize


def inputs(*shape: int) -> Tensor:
    torch.manual_seed(0)
    return torch.randn(*shape, dtype=torch.float64)


def test_a_map_says_how_much_cancels_and_what_share_is_bias():
    model = nn.Linear(3, 2).double()
    affine = linearize(model, inputs(4, 3))
    w, b, x, y = model.weight, model.bias, affine.x, affine.output
    for i in range(4):
        for k in range(2):
            size = sum(abs(w[k, j] * x[i, j]) for j in range(3))
            torch.testing.assert_close(affine.size[i, k], size.detach())
            torch.testing.assert_close(affine.cancellation[i, k], (size / abs(y[i, k])).detach())
            torch.testing.assert_close(affine.bias_share[i, k], (b[k] / y[i, k]).detach())
            assert affine.precision[i, k] >= 2e-16 * (size + abs(b[k])) / abs(y[i, k])
    assert torch.equal(affine.output, model(x).detach())
    assert affine.precision.max() < 1e-13
    assert not affine.is_zero.any()
    assert affine.unique.all()
    single = linearize(model.float(), x.float())
    assert 1e-8 < single.precision.min() < 1e-4


@pytest.mark.parametrize("form", ["ratio", "tangent"])
def test_maps_that_cancel_are_warned_of(form):
    model = nn.Sequential(nn.Linear(4, 50), nn.Linear(50, 1)).double()
    x = inputs(6, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        linearize(model, x, form=form)
    huge = Own(lambda self, x: 1e4 * x[:, :1] - 1e4 * x[:, 1:2]).double()
    x[:, 1] = x[:, 0] + 1e-4
    with pytest.warns(UserWarning, match=r"in 6 of 6 maps the contributions add up to 100 times.*nearer to its output"):
        affine = linearize(huge, x, form=form)
    assert affine.cancellation.min() > 100


@pytest.mark.filterwarnings("ignore:in 6 of 6 maps the contributions")
def test_rounding_that_shows_is_warned_of():
    x = inputs(6, 4).float()
    model = Own(lambda self, x: 1e5 * x[:, :1] - 1e5 * x[:, 1:2])
    x[:, 1] = x[:, 0] + 1e-5
    with pytest.warns(UserWarning, match=r"rounded in torch\.float32; convert model and input to double"):
        linearize(model, x)


def test_maps_that_are_zero_are_warned_of():
    model = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 2)).double()
    nn.init.constant_(model[0].bias, -100.0)
    x = inputs(3, 4)
    x[1] = torch.sign(model[0].weight[0].detach()) * 1e3
    with pytest.warns(UserWarning, match="of 2 of 3 instances all maps are zero"):
        affine = linearize(model, x)
    assert affine.is_zero.tolist() == [[True, True], [False, False], [True, True]]
    torch.testing.assert_close(affine.bias_share[0], torch.ones(2).double())


@pytest.mark.parametrize(
    "pool",
    [
        lambda z: F.max_pool2d(z, 2),
        lambda z: F.max_pool2d(z, 3, 1, 1),
        lambda z: F.adaptive_max_pool2d(z, 2),
        lambda z: z.flatten(2).max(2).values,
        lambda z: z.amax((2, 3)),
        lambda z: F.max_pool1d(z.flatten(2), 4),
    ],
)
def test_a_tie_means_that_another_map_would_do(pool):
    conv = nn.Conv2d(1, 2, 1).double()
    model = Own(lambda self, x: pool(conv(x)).flatten(1)).double()
    x = inputs(3, 1, 4, 4)
    assert linearize(model, x).unique.tolist() == [True] * 3
    x[1] = 0.7
    affine = linearize(model, x)
    assert affine.unique.tolist() == [True, False, True]
    moved = linearize(model, x + 1e-12 * inputs(3, 1, 4, 4))
    assert relative(affine.weight[[0, 2]], moved.weight[[0, 2]]) < 1e-9
    # Units that are off are equal too, and it does not matter which of them is taken.
    nn.init.constant_(conv.bias, -1e3)
    off = linearize(Own(lambda self, x: pool(conv(x).relu()).flatten(1) + x.flatten(1)[:, :1]).double(), x)
    assert off.unique.all()


# Further inputs.


@pytest.mark.parametrize("form", ["ratio", "tangent"])
def test_further_inputs_are_constants(form):
    layer = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
    model = nn.TransformerEncoder(layer, 2).double().eval()
    x, padding = inputs(3, 5, 4), torch.zeros(3, 5, dtype=torch.bool)
    padding[1, 3:] = True
    affine = linearize(model, x, src_key_padding_mask=padding, form=form)
    with torch.enable_grad():
        y = model(x.clone().requires_grad_(), src_key_padding_mask=padding).detach()
    torch.testing.assert_close(affine(x), y.flatten(1), rtol=1e-12, atol=1e-12)
    own = Own(lambda self, x, scale, *, shift: self.a(x) * scale + shift).double()
    affine = linearize(own, x[:, 0], torch.tensor(2.0), shift=torch.ones(3, 1).double(), form=form)
    torch.testing.assert_close(affine.weight, 2 * own.a.weight.detach().expand(3, 5, 4))
    gated = Own(lambda self, x, scale: F.relu(self.a(x) - scale)).double()
    zero = Own(lambda self, x: F.relu(self.a(x) - 0.5)).double()
    assert torch.equal(gate_pattern(gated, x[:, 0], 0.5), gate_pattern(zero, x[:, 0]))
    torch.testing.assert_close(gate_distance(gated, x[:, 0], 0.5), gate_distance(zero, x[:, 0]))


# Calls that were refused.


def normalized(self, x):
    return F.normalize(self.a(x), dim=-1) * F.normalize(self.b(x), dim=-1)


def of_a_type(self, x):
    return self.a(x).float().type_as(x) + self.b(x).to(x) + self.b(x).view_as(self.a(x))


def shared_heads(self, x):
    q, k = x.view(len(x), 4, 1, 1), self.a(x)[:, :2].view(len(x), 2, 1, 1).expand(-1, -1, 3, -1)
    return F.scaled_dot_product_attention(q, k, k * 2, enable_gqa=True)


def magnitude(self, x):
    return torch.sqrt(self.a(x) ** 2 + self.b(x) ** 2) + torch.hypot(self.a(x), self.b(x))


def logits(self, x):
    return F.log_softmax(self.a(x), dim=1) + F.log_softmax(self.b(x), 1, dtype=torch.float64)


def with_products(self, x):
    y = torch.addcmul(self.a(x), self.b(x), torch.sigmoid(self.a(x)), value=0.5)
    return torch.lerp(y, self.b(x), 0.3) + torch.addcdiv(y, self.b(x), 1 + self.a(x).square())


def standardized(self, x):
    std, mean = torch.std_mean(self.a(x), -1, keepdim=True)
    var, also = torch.var_mean(self.b(x), dim=-1, keepdim=True, unbiased=False)
    return (self.a(x) - mean) / std + (self.b(x) - also) * torch.rsqrt(var + 1e-3)


def alike(self, x):
    return F.cosine_similarity(self.a(x), self.b(x), dim=1)[:, None] + torch.sigmoid(x).log1p().expm1().sum(
        1, keepdim=True
    )


CALLS = [normalized, of_a_type, shared_heads, magnitude, logits, with_products, standardized, alike]


@pytest.mark.filterwarnings("ignore:of .* all maps are zero")
@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("function", CALLS, ids=lambda function: function.__name__)
def test_more_calls_than_before(function, n):
    model, x = Own(function).double(), inputs(n, 4)
    tolerance = 1e-6 if function is of_a_type else 1e-11
    for form in ("ratio", "tangent"):
        affine = linearize(model, x, form=form)
        y = model(x).detach().reshape(n, -1)
        torch.testing.assert_close(affine(x), y, rtol=tolerance, atol=tolerance)
        if form == "tangent" or function is magnitude:  # which has its own gradient
            torch.testing.assert_close(affine.weight, jacobian(model, x), rtol=tolerance, atol=tolerance)
        elif function not in (with_products, standardized, alike):
            torch.testing.assert_close(affine.weight, ratio_weight(model, x), rtol=tolerance, atol=tolerance)


@pytest.mark.filterwarnings("ignore:of .* all maps are zero")
@pytest.mark.parametrize(
    "function",
    [
        lambda self, x: F.softshrink(self.a(x)),
        lambda self, x: F.hardshrink(self.a(x), 0.2),
        lambda self, x: F.hardsigmoid(5 * self.a(x)),
        lambda self, x: self.a(x).sort(1).values,
        lambda self, x: self.a(x).sort(dim=1, descending=True)[0],
        lambda self, x: self.a(x).topk(3, 1).values,
        lambda self, x: self.a(x).kthvalue(2, 1, True).values,
        lambda self, x: self.a(x).median(1, keepdim=True).values,
        lambda self, x: self.a(x).cummax(1).values,
    ],
)
def test_piecewise_linear_functions_have_their_jacobian(function):
    model, x = Own(function).double(), inputs(5, 4)
    affine = linearize(model, x)
    torch.testing.assert_close(affine.weight, jacobian(model, x), rtol=1e-6, atol=1e-12)  # torch's 1/6 is single
    torch.testing.assert_close(affine(x), model(x).detach(), rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(gate_pattern(model, x), torch.cat([gate_pattern(model, one[None]) for one in x]))


def test_a_batch_norm_whose_gradient_comes_permuted():
    norm = nn.BatchNorm1d(6).double().eval()
    nn.init.uniform_(norm.running_var, 0.5, 1.5)
    nn.init.uniform_(norm.weight)
    model = Own(lambda self, x: norm(self.a(x).repeat(1, 1, 2)[..., :6].flatten(0, 1)).view(len(x), 3, 6).mT.flatten(1))
    x = inputs(2, 3, 4)
    tangent, ratio = (linearize(model.double(), x, form=form).weight for form in ("tangent", "ratio"))
    torch.testing.assert_close(tangent, ratio, rtol=1e-12, atol=1e-13)
