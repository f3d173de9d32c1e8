"""Instance-wise linearization: exact, with the bias of the frozen network, of models as they are."""

import math
import warnings

import pytest
import torch
import torch.nn.functional as F
from architectures import torchvision
from captum.attr import LRP, InputXGradient
from instance_nets import DEPTH, NETS, PIECEWISE, conv_net, jacobian, make, relative
from ratio_oracle import ratio_weight
from torch import Tensor, nn

from linearlens.datasets import load_digits
from linearlens.instance import gate_distance, gate_pattern, linearize
from linearlens.models import ConvNet, mlp

# Of single units, many are off at an instance.
pytestmark = pytest.mark.filterwarnings("ignore:of .* all maps are zero")

# Exactness.


@pytest.mark.parametrize("form", ["ratio", "tangent"])
@pytest.mark.parametrize("name", NETS)
def test_the_map_is_the_network_at_its_instances(name, form):
    model, x = make(name)
    with torch.no_grad():
        y = model(x)
    affine = linearize(model, x, form=form)
    assert affine.weight.shape == (12, 10, *x.shape[1:])
    assert relative(affine(x), y) <= min(5e-15 * DEPTH[name[:3]], 1e-13)
    whole = affine.contributions().flatten(2).sum(-1) + affine.bias
    assert (whole - y).abs().max() <= 5e-14
    torch.testing.assert_close(sum(affine.biases.values()), affine.bias, rtol=1e-12, atol=1e-13)
    model, x = make(name, dtype=torch.float32)
    with torch.no_grad():
        assert relative(linearize(model, x, form=form)(x), model(x)) <= 2e-6


@pytest.mark.parametrize("name", PIECEWISE)
def test_on_piecewise_linear_networks_the_weight_is_the_jacobian_and_captums(name):
    model, x = make(name, seed=1)
    affine = linearize(model, x)
    assert relative(affine.weight, jacobian(model, x)) < 5e-15
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # captum says that it needs gradients, and takes them
        theirs = torch.stack([InputXGradient(model).attribute(x, target=k) for k in range(10)], 1)
    assert (affine.contributions() - theirs).abs().max() < 1e-14


@pytest.mark.parametrize("name", NETS)
def test_the_tangent_form_is_the_jacobian_and_the_ratio_form_is_not_on_smooth_networks(name):
    model, x = make(name, seed=2)
    slow = jacobian(model, x)
    assert relative(linearize(model, x, form="tangent").weight, slow) < 1e-14
    assert (relative(linearize(model, x).weight, slow) > 1e-3) == (name not in PIECEWISE)


# The contributions of the ratio form are the relevances of LRP-0, and the oracle's maps are ours.


@pytest.mark.filterwarnings("ignore:Setting forward, backward hooks", "ignore:Input Tensor 0 did not")
def test_contributions_are_captums_relevances():
    model, x = make("mlp-relu", seed=4)
    theirs = torch.stack([LRP(model).attribute(x.clone(), target=k) for k in range(10)], 1).detach()
    assert (linearize(model, x).contributions() - theirs).abs().max() < 1e-6  # their ε is 1e-9


@pytest.mark.parametrize("name", ["mlp-relu", "mlp-gelu", "mlp-silu", "mlp-tanh"])
def test_contributions_are_zennits_relevances(name):
    torchvision()  # which zennit imports
    pytest.importorskip("zennit", reason="zennit is not installed")
    from zennit import attribution, composites, rules, types

    model, x = make(name, seed=4)
    layers = [(types.Activation, rules.Pass()), (types.Linear, rules.Epsilon(epsilon=1e-13))]
    ours = linearize(model, x).contributions()
    with attribution.Gradient(model, composites.LayerMapComposite(layers)) as attributor:
        for k in range(10):
            _, theirs = attributor(x.clone(), torch.eye(10, dtype=x.dtype)[[k] * len(x)] * model(x).detach())
            torch.testing.assert_close(ours[:, k], theirs.detach(), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", NETS)
def test_the_oracle_gives_the_same_map(name):
    model, x = make(name, seed=6)
    assert relative(linearize(model, x).weight, ratio_weight(model, x)) < 1e-11


# The bias is that of the frozen network at zero, worked out here by hand.


def replay_mlp(model: nn.Sequential, x: Tensor, at: Tensor, freeze) -> Tensor:
    for layer in model:
        if isinstance(layer, nn.Linear):
            x, at = (z @ layer.weight.T + layer.bias for z in (x, at))
        else:
            slope, constant = freeze(layer, x)
            x, at = layer(x), slope * at + constant
    return at


def by_ratio(layer: nn.Module, z: Tensor) -> tuple[Tensor, Tensor]:
    start = layer(torch.zeros_like(z))
    return (layer(z) - start) / z, start


@pytest.mark.parametrize("name", [name for name in NETS if name.startswith("mlp")])
def test_bias_of_an_mlp(name):
    model, x = make(name, seed=3)
    with torch.no_grad():
        affine = linearize(model, x)
        at_zero = replay_mlp(model, x, torch.zeros_like(x), by_ratio)
        torch.testing.assert_close(affine.bias, at_zero, rtol=1e-11, atol=1e-12)
        other = torch.randn_like(x)
        torch.testing.assert_close(affine(other), replay_mlp(model, x, other, by_ratio), rtol=1e-11, atol=1e-11)


def replay_cnn(model: ConvNet, x: Tensor, at: Tensor, mask: Tensor) -> Tensor:
    def act(x, at):
        slope = (model.act(x) / x).nan_to_num()
        return model.act(x), at * slope

    def both(layer, *pair):
        return tuple(layer(z) for z in pair)

    x, at = (z.view(-1, 1, 8, 8) for z in (x, at))
    x, at = act(*both(model.norm1, *both(model.conv1, x, at)))
    windows = x.unfold(2, 2, 2).unfold(3, 2, 2).flatten(-2)
    windows_at = at.unfold(2, 2, 2).unfold(3, 2, 2).flatten(-2)
    winner = windows.argmax(-1, keepdim=True)
    x, at = (w.gather(-1, winner)[..., 0] for w in (windows, windows_at))
    inner, inner_at = act(*both(model.norm2, *both(model.conv2, x, at)))
    inner, inner_at = both(model.norm3, *both(model.conv3, inner * mask, inner_at * mask))
    x, at = act(x + inner, at + inner_at)
    x, at = act(*both(model.norm4, *both(model.conv4, x, at)))
    x, at = (z.unfold(2, 2, 2).unfold(3, 2, 2).mean((-2, -1)).flatten(1) for z in (x, at))
    return model.head(at)


@pytest.mark.parametrize("act", [nn.ReLU, nn.LeakyReLU, nn.GELU])
@pytest.mark.parametrize("train", [False, True])
def test_bias_of_a_cnn_with_batch_norm_pool_residual_and_dropout(act, train):
    torch.manual_seed(4)
    model, x = conv_net(activation=act, seed=4).double(), torch.rand(6, 64).double()
    model.dropout.train(train)
    with torch.no_grad():
        affine = linearize(model, x)
        state = torch.get_rng_state()
        y = model(x)  # draws the mask that linearize recorded
        torch.set_rng_state(state)
        mask = F.dropout(torch.ones(6, 16, 4, 4).double(), 0.2, train)
        assert (mask == 1).all() != train
        assert relative(affine(x), y) < 1e-14
        bias = replay_cnn(model, x, torch.zeros_like(x), mask)
        torch.testing.assert_close(affine.bias, bias, rtol=1e-11, atol=1e-12)
        other = torch.randn_like(x)
        torch.testing.assert_close(affine(other), replay_cnn(model, x, other, mask), rtol=1e-10, atol=1e-11)


def replay_vit(model: nn.Module, x: Tensor, at: Tensor) -> Tensor:
    def norm(layer, x, at):
        if isinstance(layer, nn.RMSNorm):
            scale = layer.weight / torch.sqrt(x.square().mean(-1, keepdim=True) + torch.finfo(x.dtype).eps)
            return x * scale, at * scale
        scale = 1 / torch.sqrt(x.var(-1, correction=0, keepdim=True) + layer.eps)
        return tuple((z - z.mean(-1, keepdim=True)) * scale * layer.weight + layer.bias for z in (x, at))

    def attend(layer, x, at):
        width = x.shape[-1]
        mixed, mixed_at = torch.zeros_like(x), torch.zeros_like(x)
        size = width // layer.n_heads
        q, k, v = layer.qkv(x).split(width, -1)
        v_at = layer.qkv(at)[..., 2 * width :]
        for head in range(layer.n_heads):
            part = slice(head * size, (head + 1) * size)
            scores = torch.einsum("nqc,nkc->nqk", q[..., part], k[..., part]) / math.sqrt(size)
            weights = scores.exp() / scores.exp().sum(-1, keepdim=True)
            mixed[..., part], mixed_at[..., part] = weights @ v[..., part], weights @ v_at[..., part]
        return layer.out(mixed), layer.out(mixed_at)

    def feed_forward(layer, x, at):
        if isinstance(layer, nn.Sequential):
            first, act, last = layer
            x, at = first(x), first(at)
            return last(act(x)), last(act(x) / x * at)
        gate = F.silu(layer.gate(x))
        return layer.down(gate * layer.up(x)), layer.down(gate * layer.up(at))

    x, at = (model.embed(z.view(-1, 8, 8)) + model.place for z in (x, at))
    for block in model.blocks:
        more, more_at = attend(block.attention, *norm(block.norm1, x, at))
        x, at = x + more, at + more_at
        more, more_at = feed_forward(block.feedforward, *norm(block.norm2, x, at))
        x, at = x + more, at + more_at
    return model.head(norm(model.norm, x, at)[1].mean(1))


@pytest.mark.parametrize("name", ["vit-gelu", "vit-swiglu"])
def test_bias_of_an_attention_network(name):
    model, x = make(name, seed=5)
    with torch.no_grad():
        affine = linearize(model, x)
        torch.testing.assert_close(affine.bias, replay_vit(model, x, torch.zeros_like(x)), rtol=1e-11, atol=1e-12)
        other = torch.randn_like(x)
        torch.testing.assert_close(affine(other), replay_vit(model, x, other), rtol=1e-10, atol=1e-11)


class Unrolled(nn.Module):
    def __init__(self, cell: nn.Module, n_hidden: int) -> None:
        super().__init__()
        self.cell, self.n_hidden, self.head = cell, n_hidden, nn.Linear(n_hidden, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = c = x.new_zeros(len(x), self.n_hidden)
        for t in range(x.shape[1]):
            if isinstance(self.cell, nn.LSTMCell):
                h, c = self.cell(x[:, t], (h, c))
            else:
                h = self.cell(x[:, t], h)
        return self.head(h)


def replay_cell(model: Unrolled, x: Tensor, at: Tensor) -> Tensor:
    cell = model.cell
    h = c = h_at = c_at = x.new_zeros(len(x), model.n_hidden)
    for t in range(x.shape[1]):
        now, now_at = x[:, t] @ cell.weight_ih.T + cell.bias_ih, at[:, t] @ cell.weight_ih.T + cell.bias_ih
        old, old_at = h @ cell.weight_hh.T + cell.bias_hh, h_at @ cell.weight_hh.T + cell.bias_hh
        if isinstance(cell, nn.GRUCell):
            (r, z, _), (_, _, n), (_, _, n_at) = ((now + old).chunk(3, 1), now.chunk(3, 1), now_at.chunk(3, 1))
            r, z = torch.sigmoid(r), torch.sigmoid(z)
            n, n_at = n + r * old.chunk(3, 1)[2], n_at + r * old_at.chunk(3, 1)[2]
            h, h_at = (1 - z) * n.tanh() + z * h, (1 - z) * (n.tanh() / n * n_at) + z * h_at
        else:
            i, f, g, o = (now + old).chunk(4, 1)
            g_at = (now_at + old_at).chunk(4, 1)[2]
            i, f, o = i.sigmoid(), f.sigmoid(), o.sigmoid()
            c, c_at = f * c + i * g.tanh(), f * c_at + i * (g.tanh() / g * g_at)
            h, h_at = o * c.tanh(), o * (c.tanh() / c * c_at)
    return model.head(h_at)


@pytest.mark.parametrize("kind", [nn.GRUCell, nn.LSTMCell])
def test_bias_of_recurrent_cells(kind):
    torch.manual_seed(6)
    model, x = Unrolled(kind(4, 7), 7).double(), torch.randn(5, 6, 4).double()
    with torch.no_grad():
        affine = linearize(model, x)
        assert relative(affine(x), model(x)) < 3e-14
        assert relative(linearize(model, x, form="tangent")(x), model(x)) < 3e-14
        torch.testing.assert_close(affine.bias, replay_cell(model, x, torch.zeros_like(x)), rtol=1e-11, atol=1e-12)
        other = torch.randn_like(x)
        torch.testing.assert_close(affine(other), replay_cell(model, x, other), rtol=1e-10, atol=1e-11)


def test_the_bias_says_which_layer_put_it_there():
    model, x = make("mlp-relu")
    affine = linearize(model, x)
    assert set(affine.biases) == {"linear1", "linear2", "linear3"}
    torch.testing.assert_close(affine.biases["linear3"], model[4].bias.detach().expand(12, 10))
    gate = (model[:3](x) > 0).double()
    second = torch.einsum("kj,nj,j->nk", model[4].weight, gate, model[2].bias).detach()
    torch.testing.assert_close(affine.biases["linear2"], second)


# Ties of a max-pool, and activations at zero.


def test_ties_are_counted_once():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64, 10))
    digits = load_digits()
    images = torch.tensor(digits.train_inputs[:40], dtype=torch.float32).view(-1, 1, 8, 8)
    for x in (torch.full((3, 1, 8, 8), 0.5), images, images.double()):
        model = model.to(x.dtype)
        before = model[:2](x).unfold(2, 2, 2).unfold(3, 2, 2).flatten(-2)
        tied = (before == before.amax(-1, keepdim=True)).sum(-1) > 1
        assert tied.any(), "or there is nothing to see"
        affine = linearize(model, x)
        assert relative(affine.weight, jacobian(model, x)) < (1e-6 if x.dtype == torch.float32 else 1e-14)
        assert relative(affine(x), model(x).detach()) < 2e-6


# In older releases of torch, ELU rounds what lies just below zero to zero.
EXACT_ELU = pytest.param(
    nn.ELU,
    marks=pytest.mark.skipif(
        not nn.ELU()(torch.tensor(-1e-200, dtype=torch.float64)), reason="ELU of this torch loses small numbers"
    ),
)


@pytest.mark.parametrize("act", [nn.GELU, nn.SiLU, nn.Tanh, nn.Sigmoid, nn.Softplus, EXACT_ELU, nn.ReLU, nn.PReLU])
def test_at_zero_the_gate_is_the_derivative(act):
    model = nn.Sequential(act()).double()
    at = torch.tensor([[0.0, 1e-200, -1e-200, 1e-9, -1e-9]], dtype=torch.float64)
    weight = linearize(model, at).weight[0].diagonal()
    x = torch.zeros(1, 1).double().requires_grad_()
    (slope,) = torch.autograd.grad(model(x).sum(), x)
    assert weight[0] == slope.item()
    if act in (nn.ReLU, nn.PReLU):
        assert weight[1] == 1
    else:
        torch.testing.assert_close(weight, slope.expand(1, 5)[0], rtol=1e-8, atol=0)


# Rows, parts of the batch, regions.


@pytest.mark.parametrize("name", ["mlp-relu", "cnn-gelu", "vit-swiglu"])
def test_some_rows_are_rows_of_all(name):
    model, x = make(name)
    every, some = linearize(model, x), linearize(model, x, outputs=[7, 2])
    torch.testing.assert_close(some.weight, every.weight[:, [7, 2]], rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(some.bias, every.bias[:, [7, 2]], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("few", [1, 5])
@pytest.mark.parametrize("name", ["mlp-gelu", "cnn-relu", "vit-gelu"])
def test_rows_carried_back_in_parts_are_the_same(name, few, monkeypatch):
    model, x = make(name)
    whole = linearize(model, x)
    widest = 128 if name == "mlp-gelu" else 512  # numbers of one instance
    monkeypatch.setattr("linearlens.instance._tape.PART", few * widest * 10 * 8)
    monkeypatch.setattr("linearlens.instance._tape.MANY", 1)
    parts = linearize(model, x)
    torch.testing.assert_close(parts.weight, whole.weight, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(parts.bias, whole.bias, rtol=1e-12, atol=1e-14)


def test_a_few_outputs_of_very_many_cost_little():
    model, x = nn.Linear(2, 300_000), torch.ones(1, 2)
    affine = linearize(model, x, outputs=[7, 299_999])  # a square of as many numbers would be 360 GB
    assert torch.equal(affine.weight[0], model.weight[[7, -1]])
    assert torch.equal(affine.bias[0], model.bias[[7, -1]])


def test_outputs_of_more_axes_are_counted_through_and_one_axis_is_one_output():
    class Grid(nn.Module):
        def forward(self, x):
            return torch.stack([x, 2 * x], 1)

    x = torch.rand(3, 4).double()
    affine = linearize(Grid(), x)
    assert affine.weight.shape == (3, 8, 4)
    torch.testing.assert_close(affine(x), torch.cat([x, 2 * x], 1))
    torch.testing.assert_close(linearize(Grid(), x, outputs=[5]).weight[0, 0], 2 * torch.eye(4).double()[1])
    torch.testing.assert_close(linearize(nn.Flatten(0), x[:, :1]).weight, torch.ones(3, 1, 1).double())


def test_contributions_at_another_point_and_wrong_points():
    model, x = make("mlp-relu")
    affine = linearize(model, x)
    torch.testing.assert_close(affine.contributions(x[0]), affine.weight * x[0])
    with pytest.raises(ValueError, match=r"need one input for each map.*\(12, 64\).*got shape \(2, 64\)"):
        affine(x[:2])


def test_patterns_and_distances():
    model, x = make("mlp-relu", seed=1)
    pattern = gate_pattern(model, x)
    with torch.no_grad():
        z1 = model[0](x)
        z2 = model[2](z1.relu())
    assert torch.equal(pattern, torch.cat([z1 > 0, z2 > 0], 1).long())
    slow = []
    for i in range(3):
        found = []
        for layers in (1, 3):
            point = x[i : i + 1].clone().requires_grad_()
            z = model[:layers](point)[0]
            gradients = torch.stack([torch.autograd.grad(unit, point, retain_graph=True)[0][0] for unit in z])
            found.append((z.abs() / gradients.norm(dim=1)).min())
        slow.append(min(found))
    torch.testing.assert_close(gate_distance(model, x[:3]), torch.stack(slow).detach())
    cnn, images = make("cnn-relu")
    assert gate_pattern(cnn, images).shape == (12, 16 * 64 + 16 * 16 + 16 * 16 + 16 * 16 + 32 * 16)
    assert gate_distance(cnn, images[:2]).shape == (2,)
    for ask in (gate_pattern, gate_distance):
        with pytest.raises(ValueError, match="no unit that is on or off"):
            ask(nn.Linear(2, 2), torch.ones(1, 2))


# Models are left as they were.


class Faulty(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(4)

    def forward(self, x):
        return torch.fft.rfft(self.norm(x)).real


@pytest.mark.parametrize("fails", [False, True])
def test_model_input_and_random_state_are_unchanged(fails):
    torch.manual_seed(0)
    model = Faulty().train() if fails else nn.Sequential(nn.BatchNorm1d(4).eval(), nn.Dropout(0.5), nn.Linear(4, 2))
    x = torch.rand(6, 4, requires_grad=True)
    kept = {name: value.clone() for name, value in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    random, before = torch.get_rng_state(), x.detach().clone()
    if fails:
        with pytest.raises(ValueError):
            linearize(model, x)
        model.eval()
        with pytest.raises(ValueError, match="fft_rfft, called by the model's own forward, cannot be linearized"):
            linearize(model, x)
        model.train()
    else:
        linearize(model, x)
    assert all(torch.equal(kept[name], value) for name, value in model.state_dict().items())
    assert [module.training for module in model.modules()] == modes
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    assert torch.equal(torch.get_rng_state(), random)
    assert torch.equal(x, before)
    assert x.requires_grad
    assert x.grad is None
    assert all(parameter.grad is None and parameter.requires_grad for parameter in model.parameters())


def test_gradients_and_inference_mode_around_it_do_not_matter():
    model, x = make("cnn-relu")
    plain = linearize(model, x)
    with torch.inference_mode():
        assert torch.equal(linearize(model, x.clone()).weight, plain.weight)
    assert not plain.weight.requires_grad


def test_hooks_of_the_model_run():
    seen = []
    model = mlp([4, 6, 2])
    model[0].register_forward_hook(lambda module, args, out: seen.append(out.shape))
    linearize(model, torch.rand(3, 4))
    assert seen == [
        torch.Size([3, 6]),
        torch.Size([2, 6]),
    ]  # two of them once more, to see whether instances depend on each other


# Bad input.


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.tensor([[1.0, math.nan]]), "NaN or infinite"),
        (torch.tensor([[1.0, math.inf]]), "NaN or infinite"),
        (torch.ones(2, 3), r"the model fails on an input of shape \(2, 3\): mat1 and mat2"),
        (torch.ones(2, 2, dtype=torch.int64), "real numbers, got torch.int64.*embedding"),
        (torch.ones(2, 2, dtype=torch.float64), "x is torch.float64, but the model is torch.float32"),
        (torch.ones(0, 2), r"one instance or more, got shape \(0, 2\)"),
        (torch.ones(2), r"shape \(n, \*input_shape\)"),
        ([[1.0, 2.0]], "got list"),
    ],
)
def test_bad_inputs(x, message):
    with pytest.raises(ValueError, match=message):
        linearize(nn.Linear(2, 2), x)


@pytest.mark.parametrize("outputs", [[], [0, 0], [3], [-1]])
def test_bad_outputs(outputs):
    with pytest.raises(ValueError, match="different numbers from 0 to 2, got"):
        linearize(nn.Linear(2, 3), torch.ones(1, 2), outputs=outputs)


class Own(nn.Module):
    """A model whose forward is a function."""

    def __init__(self, forward) -> None:
        super().__init__()
        self.function = forward

    def forward(self, x):
        return self.function(x)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: (x, x), "must return one tensor, got tuple"),
        (lambda x: x.sum(), r"one entry for each of 3 instances, got shape \(\)"),
        (lambda x: x[:2], r"one entry for each of 3 instances, got shape \(2, 2\)"),
        (lambda x: torch.ones(3, 2), "does not depend on x"),
        (lambda x: x.softmax(1), "nothing of this output is linear.*logits"),
        (lambda x: x.detach(), "nothing of this output is linear"),
        (lambda x: x - x.mean(0), "depend on each other"),
        (lambda x: x + x.flip(0), "depend on each other"),
        (lambda x: torch.cat([x[:1], x[1:] + x[1:].mean(0)]), "the map of instance 1 .*depend on each other"),
        (lambda x: torch.cat([x[:2], x[1:2] * 2]), "the map of instance 1 .*depend on each other"),
        (lambda x: torch.fft.rfft(x).real, "fft_rfft, called by the model's own forward, cannot be linearized"),
        (lambda x: x.log(), "log, called by the model's own forward, has no value at zero.*tangent"),
        (lambda x: x * float(x[0, 0]), "__float__|item"),
        (lambda x: torch.add(x, 1, out=torch.empty(3, 2)), "add, .*cannot be linearized"),
        (lambda x: x.numpy(), "numpy, .*takes numbers out of torch"),
        (lambda x: F.conv1d(x[:, None], x[:1, None])[:, 0], "conv1d, .*a kernel that depends on the input"),
        (lambda x: 2**x, "cannot be linearized|exponent"),
    ],
)
def test_functions_that_cannot_be_followed(function, message):
    with pytest.raises(ValueError, match=message):
        linearize(Own(function), torch.rand(3, 2) + 0.5)


def test_a_forward_that_lets_go_of_itself_is_followed():
    class Gone(nn.Module):
        def forward(self, x):
            del self
            return torch.relu(x - 1)

    assert linearize(Gone(), torch.full((1, 2), 2.0)).bias.sum() == -2


def test_the_module_that_called_is_named():
    model = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.ReLU(), nn.RReLU()))
    with pytest.raises(ValueError, match=r"rrelu, called by module '1.1', is random in train mode"):
        linearize(model, torch.rand(3, 2))
    with pytest.raises(ValueError, match=r"batch_norm, called by module '1', is in train mode.*model.eval\(\)"):
        linearize(nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)), torch.rand(3, 2))


def test_unknown_form_and_no_module():
    with pytest.raises(ValueError, match="form must be one of"):
        linearize(nn.Linear(2, 2), torch.ones(1, 2), form="secant")
    with pytest.raises(ValueError, match=r"must be an nn\.Module, got builtin_function_or_method"):
        linearize(torch.relu, torch.ones(1, 2))


def test_models_without_parameters_are_fine():
    x = torch.tensor([[1.0, -2.0]])
    assert torch.equal(linearize(nn.ReLU(), x).weight, torch.tensor([[[1.0, 0.0], [0.0, 0.0]]]))
