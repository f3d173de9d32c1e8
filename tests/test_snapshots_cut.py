"""Models cut between two modules: against running the pieces by hand, and against paths in random graphs."""

from collections import namedtuple

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from linearlens.models import RowTransformer, TokenTransformer, mlp, residual_mlp
from linearlens.snapshots import Cut, Rows, collect_layers, cut_points, is_chain, run_from

Pair = namedtuple("Pair", "first second")


class Net(nn.Module):
    """As people write them: one activation for all, a residual block, functions in between."""

    def __init__(self, gives="tensor"):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.norm = nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3)
        self.inner, self.act = nn.Conv2d(3, 3, 3, padding=1), nn.ReLU(inplace=True)
        self.shape = Shape(gives)
        self.neck, self.head = nn.Linear(12, 5), nn.Linear(5, 2)

    def forward(self, x):
        x = self.stem(x)
        return self.tail(self.block(x))

    def stem(self, x):
        return self.act(self.norm(self.conv(x)))

    def block(self, x):
        return self.act(x + self.inner(x))

    def tail(self, x):
        x = self.shape(F.max_pool2d(x, 2))
        x = x[0] if isinstance(x, tuple | list) else x["last_hidden_state"] if isinstance(x, dict) else x
        return self.head(F.gelu(self.neck(x.flatten(1))))


class Shape(nn.Module):
    def __init__(self, gives):
        super().__init__()
        self.gives = gives

    def forward(self, x):
        match self.gives:
            case "tuple":
                return x, None
            case "named":
                return Pair(x, 3)
            case "list":
                return [x]
            case "dict":
                return {"last_hidden_state": x, "other": None}
        return x


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(size=(9, 1, 4, 4)).astype(np.float32)


POINTS = ["conv", "norm", "act#1", "act#2", "shape", "neck", "head"]


@pytest.mark.parametrize("gives", ["tensor", "tuple", "named", "list", "dict"])
def test_pieces_are_what_they_are_by_hand(gives, x):
    model = Net(gives).eval()
    given = torch.as_tensor(x)
    stem = model.stem(given).detach()
    pooled = F.max_pool2d(model.block(stem.clone()), 2).detach()
    out = model(given).detach()
    for start, state, stop, wanted in (
        (None, given, "act#1", stem),
        ("act#1", stem, "shape", pooled),
        ("act#1", stem, "", out),
        ("shape", pooled, "neck", model.neck(pooled.flatten(1)).detach()),
        ("conv", model.conv(given).detach(), "head", out),
    ):
        cut = Cut(model, start, stop, x)
        kept = state.clone()
        torch.testing.assert_close(cut(state), wanted, atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(cut(state[:1]), wanted[:1], atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(state, kept, atol=0, rtol=0)
        assert (cut.shape, cut.out_shape) == (state.shape[1:], wanted.shape[1:])
    assert cut_points(model, x) == POINTS
    np.testing.assert_allclose(run_from(model, "act#1", stem, inputs=x), out, atol=1e-6)
    np.testing.assert_allclose(run_from(model, "act#1", stem.flatten(1), stop="shape", inputs=x), pooled, atol=1e-6)


def test_a_model_is_left_as_it_was(x):
    model = Net().train()
    model.inner.eval()
    modes = [part.training for part in model.modules()]
    before = {name: value.clone() for name, value in model.state_dict().items()}
    given = torch.as_tensor(x).requires_grad_()
    cut_points(model, given)
    state = model.conv(given).detach()
    Cut(model, "conv", "", x)(state)
    with pytest.raises(ValueError, match="passes by"):
        Cut(model, "inner", "", x)
    assert [part.training for part in model.modules()] == modes
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in model.modules())
    assert torch.backends.mha.get_fastpath_enabled()


def test_gradients_pass_a_cut(x):
    model = Net().double().eval()
    stem = model.stem(torch.as_tensor(x).double()).detach()
    cut = Cut(model, "act#1", "", x)
    one = torch.autograd.functional.jacobian(cut, stem[:2])
    other = torch.autograd.functional.jacobian(lambda s: model.tail(model.block(s.clone())), stem[:2])
    torch.testing.assert_close(one, other, atol=1e-12, rtol=0)


@pytest.mark.parametrize(
    ("start", "stop", "message"),
    [
        ("inner", "head", r"something passes by 'inner' .* from 'inner' alone is nothing; cut_points"),
        ("neck", "shape", "'shape' does not come after 'neck'"),
        ("neck", "neck", "'neck' does not come after 'neck'"),
        ("act", "head", "reached act 2 times; its states are wanted once a run; name one of them, 'act#1' to 'act#2'"),
        ("act#3", "head", "reached act#3 never"),
        ("gone", "head", r"no module named \['gone'\]; the model has \['conv', 'norm'"),
    ],
)
def test_what_cannot_be_cut_is_said(start, stop, message, x):
    with pytest.raises(ValueError, match=message):
        Cut(Net(), start, stop, x)


def test_what_follows_from_a_module_inside_a_block_is_named():
    model = residual_mlp(4, 3, width=6, gains=[1, 1])
    x = np.random.default_rng(0).normal(size=(6, 4))
    with pytest.raises(ValueError, match=r"from 'block1.up' alone is \['block1.act', 'block1.down'\]"):
        Cut(model, "block1.up", "head", x)
    assert Cut(model, "block1.up", "block1.down", x)(torch.zeros(2, 6)).shape == (2, 6)
    assert cut_points(model, x) == ["linear1", "act1", "block1", "block2", "head"]


class Mixing(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, x):
        return self.two(self.one(x) - self.one(x).mean(dim=0))


@pytest.mark.parametrize("use", [lambda m, x: Cut(m, None, "two", x), cut_points, lambda m, x: Cut(m, "one#2", "", x)])
def test_samples_that_depend_on_each_other_are_seen(use):
    with pytest.raises(ValueError, match=r"samples depend on each other: .* does the first axis"):
        use(Mixing(), np.random.default_rng(0).normal(size=(6, 4)))


def test_samples_must_differ_and_states_must_fit(x):
    for few in (x[:1], np.repeat(x[:1], 5, axis=0)):
        with pytest.raises(ValueError, match="two samples or more that differ"):
            Cut(Net(), "conv", "head", few)
    with pytest.raises(ValueError, match=r"states of shape \(n_samples, 3, 4, 4\) at 'conv', got shape \(2, 3, 4, 3\)"):
        Cut(Net(), "conv", "head", x)(torch.zeros(2, 3, 4, 3))
    with pytest.raises(ValueError, match=r"states of shape \(n_samples, 3, 4, 4\)"):
        run_from(Net(), "conv", np.zeros((2, 7)), inputs=x)
    with pytest.raises(ValueError, match=r"no children of a plain nn.Sequential.*give inputs"):
        run_from(Net(), "conv", np.zeros((2, 3, 4, 4)))


class Counting(nn.Module):
    """Its forward needs as many samples behind a cut as entered; a mask goes with the samples."""

    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(4, 6), nn.Linear(3, 2)

    def forward(self, x, mask=None):
        h = self.one(x).view(len(x), 2, 3)
        h = h if mask is None else h * mask[:, :, None]
        return self.two(h.mean(dim=1))


def test_models_that_count_their_samples_and_inputs_that_go_with_them():
    model, x = Counting(), np.random.default_rng(0).normal(size=(7, 4))
    h = torch.randn(11, 6)
    torch.testing.assert_close(Cut(model, "one", "", x)(h), model.two(h.view(11, 2, 3).mean(dim=1)))
    mask = np.random.default_rng(1).uniform(size=(7, 2))
    for inputs in ((x, mask), {"x": x, "mask": mask}):
        assert cut_points(model, inputs) == ["one", "two"]
        with pytest.raises(ValueError, match="further inputs with a row for each sample"):
            Cut(model, "one", "", inputs)(h)


def test_transformers_are_cut_at_their_blocks():
    model = RowTransformer(6)
    x = np.random.default_rng(0).normal(size=(5, 36))
    points = cut_points(model, x)
    assert points == ["embed", "blocks.0", "blocks.1", "blocks", "norm", "head"]
    writer, tokens = TokenTransformer(9, 7, width=8, n_blocks=2), np.random.default_rng(0).integers(0, 9, (5, 6))
    assert cut_points(writer, tokens) == ["tokens", "blocks.0", "blocks.1", "blocks", "norm", "head"]
    states = collect_layers(writer, tokens, ["blocks.0", "blocks.1"], rows="each", positions=1)
    assert states.shape == (30, 2, 8)
    logits = writer(torch.as_tensor(tokens)).detach().numpy()
    again = run_from(writer, "blocks.0", states[:, 0].reshape(5, 6, 8), inputs=tokens)
    np.testing.assert_allclose(again, logits, atol=1e-5)


class Graph(nn.Module):
    """Node i reads the sum of some earlier nodes; node −1 is the input. The last one is the output."""

    def __init__(self, reads, seed):
        super().__init__()
        torch.manual_seed(seed)
        self.reads, self.nodes = reads, nn.ModuleList(nn.Sequential(nn.Linear(3, 3), nn.Tanh()) for _ in reads)

    def forward(self, x):
        values = {-1: x}
        for number, (node, reads) in enumerate(zip(self.nodes, self.reads, strict=True)):
            values[number] = node(sum(values[other] for other in reads))
        return values[len(self.reads) - 1]

    def leads_past(self, start, stop):
        """Whether a path from the input to a node passes by another one."""
        reached = {-1}
        for number, reads in enumerate(self.reads):
            if number != start and reached & set(reads):
                reached.add(number)
        return stop in reached


@pytest.mark.parametrize("seed", range(25))
def test_in_random_graphs_a_cut_is_possible_just_where_no_path_passes_by(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(3, 8))
    reads = [rng.choice(np.arange(-1, i), size=min(i + 1, int(rng.integers(1, 3))), replace=False) for i in range(n)]
    model = Graph([list(map(int, item)) for item in reads], seed)
    x = rng.normal(size=(6, 3))
    needed = {n - 1}
    for number in reversed(range(n)):
        needed |= set(model.reads[number]) if number in needed else set()
    wanted = [i for i in range(n) if i in needed and not model.leads_past(i, n - 1)]
    points = cut_points(model, x)
    assert [name for name in points if name.count(".") == 1] == [f"nodes.{i}" for i in wanted]
    values = {name: collect_layers(model, x, [name])[:, 0] for name in (f"nodes.{i}" for i in range(n))}
    for start in range(n):
        for stop in range(start + 1, n):
            names = f"nodes.{start}", f"nodes.{stop}"
            if model.leads_past(start, stop):
                with pytest.raises(ValueError, match="something passes by"):
                    Cut(model, *names, x)
            elif start in needed_by(model, stop):
                np.testing.assert_allclose(run_from(model, names[0], values[names[0]], stop=names[1], inputs=x),
                                           values[names[1]], atol=1e-5)  # fmt: skip


def needed_by(model, stop):
    needed = {stop}
    for number in reversed(range(stop + 1)):
        needed |= set(model.reads[number]) if number in needed else set()
    return needed


# Chains.


class OwnForward(nn.Sequential):
    def forward(self, x):
        return x + super().forward(x)


def test_a_chain_is_only_what_runs_its_children_and_nothing_else():
    hooked = mlp([3, 3, 2])
    hooked.register_forward_hook(lambda _module, _args, output: output + 1)
    for model, plain in ((mlp([3, 3, 2]), True), (OwnForward(nn.Linear(3, 3)), False), (hooked, False)):
        assert is_chain(model) is plain
    x = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    states = collect_layers(hooked, x, ["act1"])[:, 0]
    np.testing.assert_allclose(
        run_from(hooked, "act1", states, inputs=x), hooked(torch.as_tensor(x)).detach(), atol=1e-6
    )
    with pytest.raises(ValueError, match="give inputs"):
        run_from(hooked, "act1", states)
    nested = nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.ReLU(), OwnForward(nn.Linear(4, 4))), nn.Linear(4, 2))
    wanted = nested(torch.as_tensor(x)).detach()
    for name in ("0", "1.0", "1.1", "1", "2"):
        states = collect_layers(nested, x, [name])[:, 0]
        np.testing.assert_allclose(run_from(nested, name, states), wanted, atol=1e-6)
    with pytest.raises(ValueError, match=r"no child named '1\.1\.0'"):
        run_from(nested, "1.1.0", states)


# States as rows.


@pytest.mark.parametrize(
    ("shape", "positions"), [((4, 3), 1), ((4, 3), 2), ((5, 2, 3), (2, 3)), ((5, 2, 3), (3, 1)), ((5, 2, 3), 2)]
)
def test_rows_are_positions_one_by_one_and_come_back(shape, positions):
    states = torch.randn(6, *shape)
    axes = [positions] if isinstance(positions, int) else sorted(positions)
    slow = []
    for sample in states:
        for place in np.ndindex(*(shape[axis - 1] for axis in axes)):
            index = [slice(None)] * len(shape)
            for axis, number in zip(axes, place, strict=True):
                index[axis - 1] = number
            slow.append(sample[tuple(index)].flatten())
    each, mean = Rows("each", positions), Rows("mean", positions)
    torch.testing.assert_close(each.of(states), torch.stack(slow), atol=0, rtol=0)
    torch.testing.assert_close(each.back(each.of(states), shape), states, atol=0, rtol=0)
    torch.testing.assert_close(Rows().back(Rows().of(states), shape), states, atol=0, rtol=0)
    torch.testing.assert_close(mean.of(states), torch.stack(slow).reshape(6, -1, len(slow[0])).mean(dim=1))
    torch.testing.assert_close(mean.back(mean.of(states), shape), states.mean(dim=axes, keepdim=True).expand_as(states))
    flat = torch.randn(6, 7)
    assert torch.equal(each.of(flat), flat)
    assert torch.equal(mean.back(flat, (7,)), flat)


@pytest.mark.parametrize(
    ("kind", "positions"), [("each", ()), ("mean", ()), ("flat", 1), ("mean", 0), ("each", -1), ("sum", 1)]
)
def test_no_layout_is_guessed(kind, positions):
    with pytest.raises(
        ValueError, match=r"rows must be 'flat', or 'each' or 'mean' with the axes that number positions"
    ):
        Rows(kind, positions)
    with pytest.raises(ValueError, match=r"axes \(3,\) for positions beside one for units, got shape \(2, 3, 4\)"):
        Rows("each", 3).of(torch.zeros(2, 3, 4))
    with pytest.raises(ValueError, match=r"axes \(1, 2\) for positions"):
        Rows("mean", (1, 2)).of(torch.zeros(2, 3, 4))


def test_layers_of_feature_maps_become_rows(x):
    model = Net()
    maps = collect_layers(model, x, ["act#1", "act#2"])
    assert maps.shape == (9, 2, 48)
    means = collect_layers(model, x, ["act#1", "act#2"], rows="mean", positions=(2, 3))
    np.testing.assert_allclose(means, maps.reshape(9, 2, 3, 16).mean(axis=3), atol=1e-6)
    pixels = collect_layers(model, x, ["act#1", "act#2"], rows="each", positions=(2, 3))
    np.testing.assert_array_equal(pixels, maps.reshape(9, 2, 3, 16).transpose(0, 3, 1, 2).reshape(144, 2, 3))
    assert collect_layers(model.bfloat16(), x, ["conv"]).dtype == np.float32
    with pytest.raises(ValueError, match=r"'cut' must give a tensor .* with 9 samples, got shape \(8, 3\)"):
        collect_layers(Cuts(), x, ["cut"])


class Cuts(nn.Module):
    def __init__(self):
        super().__init__()
        self.cut = nn.Linear(16, 3)

    def forward(self, x):
        return self.cut(x.flatten(1)[1:])


class Silent(nn.Module):
    """A skip connection past a block, and a head whose weights are 0, or all but 0 beside its bias."""

    def __init__(self, size):
        super().__init__()
        torch.manual_seed(0)
        self.inner, self.head = nn.Linear(4, 4), nn.Linear(4, 2)
        nn.init.normal_(self.head.weight, std=size)

    def forward(self, x):
        return self.head(x + self.inner(x))


@pytest.mark.parametrize("size", [0.0, 1e-6])
def test_nothing_can_be_tried_where_all_samples_come_out_alike(size):
    x = np.random.default_rng(0).normal(size=(6, 4))
    for use in (lambda m: Cut(m, "inner", "head", x), lambda m: cut_points(m, x)):
        with pytest.raises(ValueError, match=r"the same for all samples, or nearly so .* give inputs that differ more"):
            use(Silent(size))
    with pytest.raises(ValueError, match="passes by 'inner'"):
        Cut(Silent(1e-2), "inner", "head", x)


def test_a_weak_connection_that_passes_by_is_seen():
    model, x = Silent(1.0), np.random.default_rng(0).normal(size=(6, 4))
    with torch.no_grad():
        model.inner.weight.mul_(1e3)
    with pytest.raises(ValueError, match="passes by 'inner'"):
        Cut(model, "inner", "head", x)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (np.array([["a"] * 4] * 3), "array of real numbers, got dtype <U1"),
        (np.ones((3, 4), complex), "array of real numbers, got dtype complex128"),
        (np.ones(4), r"a tensor of shape \(n_samples, ...\) with 4 samples, got shape \(3,\)"),
        (None, "must be an array or a tensor, got NoneType"),
    ],
)
def test_inputs_that_are_none_are_refused(inputs, message):
    with pytest.raises(ValueError, match=message):
        collect_layers(mlp([4, 3, 2]), inputs, ["act1"])


@pytest.mark.parametrize("hide", [torch.jit.script, lambda model: torch.jit.trace(model, torch.ones(3, 4))])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_models_that_hide_their_parts_are_refused(hide):
    with pytest.raises(ValueError, match=r"hides its parts(;|: give) .*the model it was made of|act1 never"):
        collect_layers(hide(mlp([4, 3, 2])), np.ones((3, 4)), ["act1"])


def test_samples_are_taken_from_all_of_the_inputs():
    """The first ones may be alike, as in data sorted by class."""
    x = np.repeat(np.random.default_rng(0).normal(size=(10, 4)), 20, axis=0)
    assert Cut(Silent(1.0), None, "inner", x).out_shape == (4,)
