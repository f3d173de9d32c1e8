"""Calls as people write them: operands by keyword, live bounds, two tensors compared; or a clear refusal."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from linearlens.instance import linearize

# Of single units, many are off at an instance.
pytestmark = pytest.mark.filterwarnings("ignore:of .* all maps are zero")


class Own(nn.Module):
    """A model whose forward is a function, with two linear maps it may use."""

    def __init__(self, forward) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.function, self.a, self.b = forward, nn.Linear(4, 5), nn.Linear(4, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self, x)


def inputs(*shape: int) -> Tensor:
    torch.manual_seed(0)
    return torch.randn(*shape, dtype=torch.float64)


def assert_is_the_jacobian(function, x: Tensor, form: str = "ratio") -> None:
    """The map is the model's, and its weight torch's own gradient; so its bias is right as well."""
    model = Own(function).double()
    affine = linearize(model, x, form=form)
    x = x.clone().requires_grad_()
    y = model(x).reshape(len(x), -1)
    torch.testing.assert_close(affine(x), y.detach(), rtol=1e-12, atol=1e-13)
    rows = [torch.autograd.grad(y[:, k].sum(), x, retain_graph=True)[0] for k in range(y.shape[1])]
    torch.testing.assert_close(affine.weight, torch.stack(rows, 1), rtol=1e-12, atol=1e-13)


# Operands by keyword, and operands that depend on the input where a number is usual.


@pytest.mark.parametrize(
    "function",
    [
        lambda self, x: torch.add(self.a(x), other=self.b(x)),
        lambda self, x: torch.add(input=self.a(x), other=self.b(x), alpha=3),
        lambda self, x: torch.sub(self.a(x), other=self.b(x)),
        lambda self, x: torch.sub(self.a(x), other=2.0),
        lambda self, x: self.a(x).add(other=self.b(x)),
        lambda self, x: self.a(x).sub(other=self.b(x), alpha=2),
        lambda self, x: self.a(x).add_(other=self.b(x)),
        lambda self, x: torch.clamp(self.a(x), min=self.b(x)),
        lambda self, x: torch.clamp(self.a(x), max=self.b(x)),
        lambda self, x: torch.clamp(self.a(x), self.b(x) - 1, self.b(x) + 0.5),
        lambda self, x: self.a(x).clamp(min=self.b(x)[:, :1], max=torch.ones(5).double()),
        lambda self, x: self.a(x).clamp_min(self.b(x)),
        lambda self, x: self.a(x).clamp_max_(max=self.b(x)),
        lambda self, x: torch.clamp(torch.zeros(5).double(), min=self.b(x)),
        lambda self, x: torch.clamp(self.a(x), max=torch.linspace(-1, 1, 5).double()),
        lambda self, x: torch.clamp(self.a(x)[:, :1], min=torch.linspace(-1, 1, 5).double()),
    ],
)  # fmt: skip
def test_operands_by_keyword_and_live_bounds(function):
    assert_is_the_jacobian(function, inputs(6, 4))
    assert_is_the_jacobian(function, inputs(1, 4))


# Exactly at a bound torch has a gradient of its own.


@pytest.mark.parametrize("form", ["ratio", "tangent"])
@pytest.mark.parametrize(
    ("function", "bounds"),
    [
        (lambda self, x: F.relu6(x), [0.0, 6.0]),
        (lambda self, x: F.hardtanh(x), [-1.0, 1.0]),
        (lambda self, x: F.hardtanh(x, -0.5, 2.0), [-0.5, 2.0]),
        (lambda self, x: F.hardtanh(x.clone(), max_val=3.0, inplace=True), [-1.0, 3.0]),
        (lambda self, x: x.clamp(-1, 1), [-1.0, 1.0]),
        (lambda self, x: x.clamp_min(0.5), [0.5]),
        (lambda self, x: x.clamp(max=0.5), [0.5]),
        (lambda self, x: torch.clamp(x, 2 * x.new_ones(1), 2 * x.new_ones(1)), [2.0]),
        (lambda self, x: F.threshold(x, 0.5, 2.0), [0.5]),
        (lambda self, x: F.relu(x), [0.0]),
        (lambda self, x: F.leaky_relu(x), [0.0]),
    ],
)
def test_at_a_bound_the_gate_is_torchs_own_gradient(function, bounds, form):
    x = torch.tensor([[b + shift for b in bounds for shift in (-0.25, 0.0, 0.25)]] * 2, dtype=torch.float64)
    assert_is_the_jacobian(function, x, form)


# Instances that do not lie along the first axis alone, and a batch of one.


@pytest.mark.parametrize(
    "function",
    [
        lambda self, x: F.relu(self.a(x.view(-1, 4))).view(len(x), -1),
        lambda self, x: F.max_pool1d(x.reshape(-1, 2, 6), 2).view(len(x), -1),
        lambda self, x: F.relu(x.squeeze()).reshape(len(x), -1),
        lambda self, x: F.relu(self.a(x).transpose(0, 1)).transpose(0, 1),
        lambda self, x: F.relu(self.a(x.squeeze(0)) - 0.2).reshape(len(x), -1) * 2 + 1,
    ],
)
def test_instances_along_another_axis(function):
    x = inputs(5, 3, 4)
    for some in (x, x[:1]):
        assert_is_the_jacobian(function, some)


# Writes, functions that are affine but not linear, keyword calls, attention with masks.


def written(self, x):
    y = self.a(x)
    y[:, 0] = 1.0
    y[:, 1:3] = 2 * y[:, 1:3]
    return y


@pytest.mark.parametrize(
    "function",
    [
        written,
        lambda self, x: self.a(x).masked_fill_(x[:, :1] > 0, 3.0),
        lambda self, x: self.a(x).scatter(1, torch.zeros(len(x), 1, dtype=torch.int64), 4.0),
        lambda self, x: self.a(x).index_fill(1, torch.tensor([1]), 4.0),
        lambda self, x: torch.rsub(self.a(x), 2.0),
        lambda self, x: torch.rsub(self.a(x), self.b(x)),
        lambda self, x: torch.rsub(self.a(x), torch.ones(5).double(), alpha=2),
        lambda self, x: F.bilinear(x, x.new_ones(len(x), 5), torch.ones(2, 4, 5).double(), x.new_ones(2)),
        lambda self, x: torch.relu(input=self.a(x)),
        lambda self, x: F.relu(input=self.a(x)),
        lambda self, x: F.linear(input=x, weight=self.a.weight, bias=self.a.bias),
        lambda self, x: F.linear(x, weight=self.a.weight),
        lambda self, x: torch.mul(self.a(x), other=2.0),
        lambda self, x: torch.div(input=self.a(x), other=2.0),
        lambda self, x: torch.matmul(input=x, other=self.a.weight.T),
        lambda self, x: torch.cat(tensors=[self.a(x), x], dim=1),
        lambda self, x: torch.sum(input=self.a(x), dim=1, keepdim=True),
        lambda self, x: F.leaky_relu(input=self.a(x), negative_slope=0.3),
        lambda self, x: torch.transpose(input=self.a(x)[:, None], dim0=1, dim1=2),
        lambda self, x: torch.addmm(self.a.bias, x, self.a.weight.T),
        lambda self, x: torch.addmm(self.b(x), x, self.a.weight.T, beta=0.5, alpha=2),
        lambda self, x: torch.baddbmm(self.a(x)[:, None], x[:, None], self.b.weight.T.repeat(len(x), 1, 1)),
        lambda self, x: torch.max(self.a(x), self.b(x)),
        lambda self, x: torch.min(self.a(x), other=self.b(x)),
        lambda self, x: torch.maximum(self.a(x), torch.tensor(0.1).double()),
        lambda self, x: torch.fmin(self.a(x), self.b(x)),
        lambda self, x: torch.maximum(F.relu(self.a(x)), F.relu(self.b(x))),
        lambda self, x: (self.a(x)[:, :, None] * torch.ones(5, 3).double()).amax((1, 2)),
        lambda self, x: self.a(x).amin(dim=1, keepdim=True),
        lambda self, x: self.a(x).max(dim=1).values,
        lambda self, x: self.a(x).max(1, keepdim=True)[0],
        lambda self, x: F.relu(self.a(x)).amax(-1),
    ],
)  # fmt: skip
def test_more_calls(function):
    x = inputs(6, 4)
    for form in ("ratio", "tangent"):
        assert_is_the_jacobian(function, x, form)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda self, x: x / x.max(), "max.*of all instances together.*give the axis"),
        (lambda self, x: x - x.amin(), "amin.*of all instances together.*give the axis"),
        (lambda self, x: F.prelu(x, self.a(x)[0, :1]), "prelu.*weight.*depends on the input"),
        (lambda self, x: F.layer_norm(x, (4,), self.a(x)[0, :4]), "layer_norm.*depends on the input"),
        (lambda self, x: F.layer_norm(torch.ones(6, 4).double(), (4,), x[0]), "layer_norm.*depends on the input"),
        pytest.param(
            lambda self, x: torch.mm(x, x.new_ones(4, 2), out_dtype=x.dtype),
            "mm, called by .*cannot be linearized as it is called",
            marks=pytest.mark.skipif(not hasattr(torch.ops.aten.mm, "dtype"), reason="this torch takes no out_dtype"),
        ),
        (lambda self, x: F.leaky_relu(x, x[0, 0]), "the model fails.*leaky_relu.*must be Number"),
        (lambda self, x: F.elu(x, x[0, 0]), "the model fails.*elu.*must be Number"),
        (lambda self, x: F.batch_norm(x, None, None, training=True), "no running statistics.*track_running_stats"),
        (nn.BatchNorm1d(4, track_running_stats=False).double().eval(), "no running statistics.*track_running_stats"),
    ],
)
def test_calls_that_are_refused_say_why(function, message):
    model = function if isinstance(function, nn.Module) else Own(function).double()
    with pytest.raises(ValueError, match=message):
        linearize(model, inputs(6, 4))


@pytest.mark.parametrize("outputs", [0, torch.tensor(0), [0.5], "01", None])
def test_outputs_are_a_sequence_of_whole_numbers(outputs):
    model, x = nn.Linear(4, 3).double(), inputs(2, 4)
    if outputs is None:
        assert linearize(model, x, outputs=torch.tensor([2, 0])).weight.shape == (2, 2, 4)
        return
    with pytest.raises(ValueError, match=r"outputs must be a sequence of whole numbers, such as \[0\], got"):
        linearize(model, x, outputs=outputs)


@pytest.mark.parametrize("form", ["ratio", "tangent"])
@pytest.mark.parametrize("weights", [False, True])
@pytest.mark.parametrize("kind", ["float", "padding", "both", "bool"])
def test_attention_with_masks(kind, weights, form):
    torch.manual_seed(2)
    attention = nn.MultiheadAttention(4, 2, batch_first=True).double().eval()
    ahead = torch.ones(5, 5, dtype=torch.bool).triu(1)
    padding = torch.zeros(3, 5, dtype=torch.bool)
    padding[1, 3:] = True
    masks = {
        "float": {"attn_mask": torch.zeros(5, 5).double().masked_fill(ahead, -torch.inf) + 0.1},
        "padding": {"key_padding_mask": padding},
        "both": {"attn_mask": ahead, "key_padding_mask": padding},
        "bool": {"attn_mask": ahead},
    }[kind]
    model = Own(lambda self, x: attention(x, x, x, need_weights=weights, **masks)[0])
    model.attention = attention
    model, x = model.double(), inputs(3, 5, 4)
    affine = linearize(model, x, form=form)
    with torch.no_grad():
        torch.testing.assert_close(affine(x), model(x).flatten(1), rtol=1e-12, atol=1e-13)
    if form == "tangent":
        slow = torch.autograd.functional.jacobian(model, x)
        slow = torch.stack([slow[i, :, :, i].flatten(0, 1) for i in range(3)])
        torch.testing.assert_close(affine.weight, slow, rtol=1e-11, atol=1e-13)


def test_a_hard_sigmoid_is_a_gate_as_the_other_sigmoids_are():
    x = inputs(6, 4)
    for gate in (torch.sigmoid, F.hardsigmoid):
        model = Own(lambda self, x, gate=gate: gate(self.a(x)) * F.relu(self.b(x))).double()
        on = (model.b(x) > 0) * gate(model.a(x))
        expected = (on[:, :, None] * model.b.weight).detach()
        torch.testing.assert_close(linearize(model, x).weight, expected, rtol=1e-12, atol=1e-13)
    near = torch.tensor([[1e-9, 1e-200, -1e-9, 0.5]], dtype=torch.float64)
    weight = linearize(nn.Hardsigmoid(), near).weight[0].diagonal()
    torch.testing.assert_close(weight, torch.full((4,), 1 / 6, dtype=torch.float64), rtol=1e-15, atol=0)
