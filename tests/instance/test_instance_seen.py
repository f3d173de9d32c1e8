"""Nothing reaches an output unseen: what is written through views is followed, what cannot be followed is refused."""

import copy
import gc
import re
import threading
import warnings

import pytest
import torch
import torch.nn.functional as F
from instance_nets import Own, jacobian
from torch import Tensor, nn

from linearlens.instance import gate_distance, gate_pattern, linearize

pytestmark = pytest.mark.filterwarnings("ignore:of .* all maps are zero")


def inputs(*shape: int) -> Tensor:
    torch.manual_seed(0)
    return torch.randn(*shape, dtype=torch.float64)


# Writes: into constants and into live tensors, whole or through views taken before or after.


def column(self, x):
    out = x.new_zeros(len(x), 3)
    out[:, 1].add_(x[:, 0])
    return out


def selected(self, x):
    out = x.new_ones(3, len(x))
    out.select(0, 1).add_(2 * x[:, 1])
    return out.T


def scattered(self, x):
    out = x.new_zeros(len(x), 4)
    out.view(-1).scatter_add_(0, torch.arange(4 * len(x)), x.reshape(-1))
    return out + x


def indexed(self, x):
    out = x.new_zeros(len(x), 2, 2)
    out.view(len(x), 4).index_add_(1, torch.tensor([0, 2, 2, 1]), x)
    return out


def halves(self, x):
    buffer = x.new_zeros(len(x), 8)
    a, b = buffer[:, :4], buffer[:, 4:]
    a.add_(x)
    b.copy_(x.relu())
    return buffer * 2 + buffer.roll(1, 1)


def turned(self, x):
    buffer = x.new_zeros(4, len(x)).T
    buffer.T.add_(x.T)
    return buffer + 1


def taken_before(self, x):
    cache = x.new_zeros(len(x), 6)
    early = cache[:, 1:3]
    cache[:, :2] = x[:, :2]
    cache[:, 2:] = x.relu()
    return early + x[:, 2:]


def by_another_name(self, x):
    cache = x.new_zeros(len(x), 4)
    cache.detach()[:, 1] = x[:, 0]
    cache.data[:, 2] = x[:, 1].relu()
    return cache + x


def live_column(self, x):
    h = self.a(x)
    h[:, 0] += 1.0
    h[:, 1:3].relu_()
    h[:, 3].zero_()
    h.view(len(x), -1)[:, 4] = 3 * x[:, 0]
    return h


def live_seen_by_views(self, x):
    h = self.a(x)
    left, right = h[:, :2], h[:, 2:]
    h.relu_()
    h[:, 1] = x[:, 3]
    left.mul_(2)
    return torch.cat([left, right, h], 1)


def channels_last(self, x):
    z = x.view(len(x), 1, 2, 2).expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)
    z[:, 1].mul_(2)
    z[:, :, 0].clamp_(min=0)
    return z.permute(0, 2, 3, 1).reshape(len(x), -1)


def recurrent_cache(self, x):
    cache = x.new_zeros(len(x), 3, 4)
    for step in range(3):
        cache[:, step] = x * (step + 1) if step == 0 else (cache[:, :step].sum(1) - x).relu()
    return cache


def copied(self, x):
    out = torch.empty(len(x), 4, dtype=x.dtype)
    out.copy_(x[:, :1])
    out[:, 1:].copy_(x[:, 1:].relu())
    return out


def counted(self, x):
    index, found = torch.zeros(1, dtype=torch.int64), []
    for _ in range(3):
        found.append(x[:, index])
        index += 1
    return torch.cat(found[::-1], 1)


def growing_list(self, x):
    parts = [x]
    for _ in range(3):
        parts.append(torch.cat(parts, 1).relu().sum(1, keepdim=True))
    parts.reverse()
    return torch.cat(parts, 1)


def moving_mask(self, x):
    mask = torch.tensor([True, False, False, True])
    out = torch.where(mask, x, 0)
    mask.logical_not_()
    return out + x.masked_fill(mask, 5)


def changing_constant(self, x):
    time, h = x.new_zeros(1), x
    for _ in range(3):
        h = h * (time + 1) + time
        time += 0.5
    return h


WRITES = [
    column, selected, scattered, indexed, halves, turned, taken_before, by_another_name, live_column,
    live_seen_by_views, channels_last, recurrent_cache, copied, counted, growing_list, moving_mask, changing_constant,
]  # fmt: skip


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("function", WRITES, ids=lambda function: function.__name__)
def test_writes_are_followed(function, n):
    model, x = Own(function).double(), inputs(n, 4)
    slow = differences(model, x)
    affine = linearize(model, x)
    torch.testing.assert_close(affine.weight, slow, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(affine(x), model(x).reshape(n, -1).detach(), rtol=1e-12, atol=1e-13)
    try:
        tangent = linearize(model, x, form="tangent")
    except ValueError as error:
        assert re.search("modified by an inplace operation|a detached tensor", str(error))  # noqa: PT017  torch's own backward pass refuses some
    else:
        torch.testing.assert_close(tangent.weight, slow, rtol=1e-9, atol=1e-9)


def differences(model: nn.Module, x: Tensor) -> Tensor:
    """Slopes of a piecewise-linear model, by small steps."""
    columns = []
    for entry in range(x.shape[1]):
        step = 1e-4 * torch.eye(x.shape[1], dtype=x.dtype)[entry]
        with torch.no_grad():
            columns.append((model(x + step) - model(x - step)).reshape(len(x), -1) / 2e-4)
    return torch.stack(columns, -1)


def test_a_buffer_that_was_written_into_is_as_it_was():
    class Cached(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("cache", torch.zeros(3, 6).double())

        def forward(self, x):
            self.cache[:, :4] = x
            self.cache[:, 4:].add_(x[:, :2].relu())
            return self.cache * 1

    model, x = Cached(), inputs(3, 4)
    kept = model.cache
    weight = linearize(model, x).weight
    assert model.cache is kept
    assert not kept.any()
    assert not kept.requires_grad
    assert not hasattr(kept, "_linearlens")
    assert torch.equal(weight[0, :4], torch.eye(4).double())
    assert linearize(nn.Linear(4, 2).double(), x).weight.shape == (3, 2, 4)


def test_a_weight_that_is_changed_after_its_use_is_refused():
    def forward(self, x):
        y = self.a(x)
        with torch.no_grad():
            self.a.weight.mul_(1.0)
        return y

    with pytest.raises(ValueError, match="a constant of linear is changed in place later"):
        linearize(Own(forward).double(), inputs(3, 4))


# Below the functions that are watched.


@pytest.fixture(autouse=True)
def _no_deprecation():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def _gate(x: Tensor) -> Tensor:
    return x * torch.sigmoid(1.7 * x)


def scripted(self, x):
    return x + torch.jit.script(_gate)(x)


def traced(self, x):
    return x + torch.jit.trace(_gate, torch.ones_like(x))(x)


def scripted_write(self, x):
    buffer = x.new_zeros(len(x), 4)
    torch.jit.script(_write)(buffer[:, 1:], x)
    return buffer + x


def _write(out: Tensor, x: Tensor) -> None:
    out.copy_(x[:, 1:] * 2)


def mapped(self, x):
    return x + torch.func.vmap(lambda v: v * v.sum())(x)


def mapped_slope(self, x):
    return x + torch.func.vmap(torch.func.grad(lambda v: (v**3).sum()))(x)


def unwatched(self, x):
    with torch._C.DisableTorchFunctionSubclass(), torch._C.DisableTorchFunction():
        return x + _gate(x)


def aside(self, x):
    found = []
    thread = threading.Thread(target=lambda: found.append(x * x.sum(1, keepdim=True)))
    thread.start()
    thread.join()
    return x + found[0]


def view_unwatched(self, x):
    h = self.a(x)
    with torch._C.DisableTorchFunction():
        h[:, 1].mul_(2)
    return h


HIDDEN = [scripted, traced, scripted_write, mapped, mapped_slope, aside]


@pytest.mark.parametrize("function", HIDDEN, ids=lambda function: function.__name__)
def test_what_is_hidden_is_refused_in_ratio_form_and_right_in_tangent_form(function):
    model, x = Own(function).double(), inputs(3, 4)
    with pytest.raises(ValueError, match=r"by a way that was not seen|cannot be followed|no rule|cannot be linearized"):
        linearize(model, x)
    affine = linearize(model, x, form="tangent")
    torch.testing.assert_close(affine.weight, jacobian(model, x), rtol=1e-12, atol=1e-13)


def test_a_part_without_gradients_is_followed_all_the_same():
    def forward(self, x):
        with torch.no_grad():
            h = self.a(x).relu()
        with torch.set_grad_enabled(False):
            h = 2 * h
        return self.b(x) + h

    model, x = Own(forward).double(), inputs(3, 4)
    slow = jacobian(Own(lambda self, x: self.b(x) + 2 * self.a(x).relu()).double(), x)
    for form in ("ratio", "tangent"):
        torch.testing.assert_close(linearize(model, x, form=form).weight, slow, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("form", ["ratio", "tangent"])
@pytest.mark.parametrize(
    "function",
    [
        lambda self, x: x * float(x[0, 0]),
        lambda self, x: x * x.sum().item(),
        lambda self, x: x + torch.tensor(x[0].tolist(), dtype=x.dtype),
        lambda self, x: x + x.new_tensor(x[0].tolist()),
        lambda self, x: x + torch.from_numpy(x.numpy()),
    ],
)
def test_numbers_do_not_leave_torch(function, form):
    with pytest.raises(ValueError, match=r"takes numbers out of torch|numpy"):
        linearize(Own(function).double(), inputs(1, 4), form=form)


def data_set(self, x):
    buffer = x.new_zeros(x.shape)
    buffer.data = 2 * x
    return buffer + x


def written_behind(self, x):
    h = x * 1
    h.data[:, 0] = 0
    return h + x


def inference(self, x):
    with torch.inference_mode():
        h = 2 * x
    return h + x


def deep_copy(self, x):
    return copy.deepcopy(2 * x) + x


@pytest.mark.parametrize("form", ["ratio", "tangent"])
@pytest.mark.parametrize("function", [data_set, written_behind, inference, deep_copy])
def test_other_ways_around_are_refused(function, form):
    with pytest.raises(ValueError, match=r"data|detached|misses the model's output|inference mode|deepcopy"):
        linearize(Own(function).double(), inputs(3, 4), form=form)


# Instances that have a hand in each other's gates.


@pytest.mark.parametrize("form", ["ratio", "tangent"])
@pytest.mark.parametrize(
    "function",
    [
        lambda self, x: x / x.norm(),
        lambda self, x: x / x.std(),
        lambda self, x: x / x.std(0, correction=0),
        lambda self, x: x * x.softmax(0),
        lambda self, x: x * torch.sigmoid(x.mean(0)),
        lambda self, x: x * torch.sigmoid(x.roll(1, 0)),
        lambda self, x: torch.where(x > x.mean(0), x, 0),
        lambda self, x: torch.cat([x[:1], x[1:] * torch.sigmoid(x[1:].mean(0))]),
        lambda self, x: torch.cat([x[:1] * torch.sigmoid(x[1]), x[1:]]),
        lambda self, x: x * torch.sigmoid(x.cumsum(0)),
        lambda self, x: F.batch_norm(x, None, None, training=True),
    ],
)
def test_instances_that_meet_in_a_gate_are_refused(function, form):
    model, x = Own(function).double(), inputs(6, 4)
    message = "depend on each other"
    with pytest.raises(ValueError, match=message):
        linearize(model, x, form=form)
    with pytest.raises(ValueError, match=f"{message}|of several|no unit|which instance"):
        gate_pattern(model, x)
    if not isinstance(function, nn.Module) and form == "ratio":
        try:
            affine = linearize(model, x[:1])
        except ValueError:
            return
        torch.testing.assert_close(affine(x[:1]), model(x[:1]).detach(), rtol=1e-12, atol=1e-13)


def test_random_numbers_and_inputs_beside_x_do_not_look_like_company():
    model = nn.Sequential(nn.Linear(4, 50), nn.Dropout(0.5), nn.ReLU(), nn.Linear(50, 3)).double()
    x = inputs(7, 4)
    for form in ("ratio", "tangent"):
        torch.manual_seed(3)
        affine = linearize(model, x, form=form)
        torch.testing.assert_close(affine(x), model(x).detach(), rtol=1e-12, atol=1e-13)


# NaN, precision, the tape.


def test_what_is_not_finite_is_refused():
    for function in (lambda self, x: x / (x - x).abs(), lambda self, x: (x - x - 1).sqrt() + x):
        for form in ("ratio", "tangent"):
            with pytest.raises(ValueError, match="NaN or infinite numbers"):
                linearize(Own(function).double(), inputs(2, 4), form=form)


def test_rows_that_are_wholly_masked_give_nothing():
    torch.manual_seed(0)
    attention = nn.MultiheadAttention(4, 2, batch_first=True).double().eval()
    padding = torch.zeros(3, 5, dtype=torch.bool)
    padding[1] = True
    padding[2, :3] = True
    model = Own(lambda self, x: attention(x, x, x, key_padding_mask=padding, need_weights=False)[0]).double()
    x = inputs(3, 5, 4)
    affine = linearize(model, x)
    assert torch.isfinite(affine.weight).all()
    assert not affine.weight[1].any()
    torch.testing.assert_close(affine(x), model(x).detach().flatten(1), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("form", ["ratio", "tangent"])
def test_single_precision_on_the_way_is_allowed_for(form):
    def forward(self, x):
        scale = torch.rsqrt(x.float().pow(2).mean(-1, keepdim=True) + 1e-6)
        half = (x.float() * scale).to(x.dtype)
        return self.a(half).softmax(-1, dtype=torch.float32).to(x.dtype) * self.b(x)

    model, x = Own(forward).double(), inputs(3, 4)
    affine = linearize(model, x, form=form)
    torch.testing.assert_close(affine(x), model(x).detach(), rtol=1e-5, atol=1e-6)
    if form == "tangent":
        torch.testing.assert_close(affine.weight, jacobian(model, x), rtol=1e-5, atol=1e-6)


def test_refused_calls_keep_nothing():
    model, x = Own(lambda self, x: torch.fft.rfft(self.a(x).relu()).real).double(), inputs(200, 4)
    gc.collect()
    gc.disable()
    try:
        kept = []
        for _ in range(4):
            with pytest.raises(ValueError, match="rfft"):
                linearize(model, x)
            kept.append(sum(issubclass(type(found), Tensor) for found in gc.get_objects()))
    finally:
        gc.enable()
    assert kept[-1] <= kept[1] + 2


def test_strides_are_torchs_own():
    def heads(self, x):
        q = x.view(len(x), 3, 2, 2).transpose(1, 2)
        return F.scaled_dot_product_attention(q, q, q).transpose(1, 2).view(len(x), 3, 4)

    def pooled(self, x):
        z = x.view(len(x), 1, 4, 3).expand(-1, 2, -1, -1).contiguous(memory_format=torch.channels_last)
        return F.max_pool2d(z, 2).permute(0, 2, 3, 1).view(len(x), -1)

    x = inputs(3, 12)
    torch.testing.assert_close(linearize(Own(pooled).double(), x).weight, jacobian(Own(pooled).double(), x))
    model, x = Own(heads).double(), inputs(3, 3, 4)
    torch.testing.assert_close(linearize(model, x)(x), model(x).flatten(1), rtol=1e-12, atol=1e-13)


def test_a_model_that_runs_is_not_blamed():
    class Energy(nn.Module):
        def forward(self, x):
            with torch.enable_grad():
                z = x.detach().requires_grad_()
                return x + torch.autograd.grad((z**2).sum(), z)[0]

    with pytest.raises(ValueError, match=r"runs, but cannot be followed|cannot be linearized|not seen"):
        linearize(Energy(), inputs(2, 3))


def test_patterns_and_distances_see_what_the_maps_see():
    model, x = Own(growing_list).double(), inputs(5, 4)
    one = torch.cat([gate_distance(model, x[i : i + 1]) for i in range(5)])
    torch.testing.assert_close(gate_distance(model, x), one)
    hidden = Own(lambda self, x: torch.where(x.detach() > 0.3, x, 0) + x * (x > 1)).double()
    torch.testing.assert_close(gate_distance(hidden, x), torch.minimum((x - 0.3).abs(), (x - 1).abs()).amin(1))
    assert torch.equal(gate_pattern(hidden, x), torch.cat([x > 0.3, x > 1], 1).long())
