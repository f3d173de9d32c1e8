"""Assignment 06: what grades it. The tests try functions on random networks, and train those of the student again."""

# %% shared
import copy

import numpy as np
import torch
from scipy.stats import ttest_1samp
from torch import nn


def true_bars(seed, n):
    rng = np.random.default_rng(seed)
    pictures, kinds = np.zeros((n, 10, 10)), rng.integers(3, size=n)
    for picture, kind in zip(pictures, kinds, strict=True):
        along = rng.integers(1, 4) + np.arange(6)
        across = np.full(6, rng.integers(1, 9))
        places = [(across, along), (along, across), (along, along[::-1])][kind]
        picture[places] = rng.uniform(0.4, 1, size=6)
        dots = tuple(rng.integers(10, size=(2, 14)))
        picture[dots] = rng.uniform(0.2, 1, size=14)
    return torch.tensor(pictures), torch.tensor(kinds)


class TrueReader(nn.Module):
    def __init__(self, seed):
        super().__init__()
        torch.manual_seed(seed)
        self.conv = nn.Conv2d(1, 4, 3)
        self.gate = nn.Linear(64, 12)
        self.up = nn.Linear(64, 12)
        self.head = nn.Linear(12, 3)
        self.double()

    def forward(self, pictures):
        h = self.conv(pictures[:, None]).relu()
        h = nn.functional.max_pool2d(h, 2).flatten(1)
        return self.head(nn.functional.silu(self.gate(h)) * self.up(h))


def true_networks(n_networks=8):
    pictures, kinds = true_bars(seed, 200)
    found = []
    for k in range(n_networks):
        net = TrueReader(seed + k)
        optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
        for _ in range(80):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(pictures), kinds).backward()
            optimizer.step()
        found.append(net.requires_grad_(False))
    return found


def some_reader(number):
    """Random weights; two of four filters answer to blank areas."""
    net = TrueReader(seed + number)
    draw = torch.Generator().manual_seed(seed + number)
    for part in (net.gate, net.up, net.head):
        noise = torch.randn(part.bias.shape, generator=draw)
        part.bias.data += noise.double()
        part.weight.data *= 2
    net.conv.bias.data = torch.tensor([0.2, -0.2, 0.3, -0.1]).double()
    return net.requires_grad_(False)


def some_image(number):
    return true_bars(seed + number, 1)[0][0]


def blank_in_a_corner(number):
    """The window in its corner meets blank pixels only, so a choice is open."""
    picture = some_image(number).clone()
    picture[:4, :4] = 0
    return picture


def some_maps(number):
    """W and b: in one class b and the sum of the pixels have one sign, in two they have not."""
    rng, picture = np.random.default_rng([seed, number]), some_image(number)
    W, b = rng.normal(size=(3, 100)), abs(rng.normal(size=3))
    return W, b * np.sign(W @ picture.flatten().numpy()) * [1, -1, -1], picture


def of_two_classes(net, picture):
    """The network, with a head that reads one class in the picture and another in a blank one."""
    pair = net(torch.stack([picture, 0 * picture]))
    net.head.bias -= pair.mean(dim=0)
    return net, picture


def true_gates(net, picture, last=False):
    z = net.conv(picture[None, None])[0]
    h = z.relu()
    windows = h.reshape(4, 4, 2, 4, 2).permute(0, 1, 3, 2, 4).flatten(3)
    best = windows == windows.amax(dim=3, keepdim=True)
    place = best.double().argmax(dim=3)
    if last:
        place = 3 - best.flip(3).double().argmax(dim=3)
    f, i, j = torch.meshgrid(*[torch.arange(4)] * 3, indexing="ij")
    units = f * 64 + (2 * i + place // 2) * 8 + 2 * j + place % 2
    pooled = h.flatten()[units.flatten()]
    return z > 0, units.flatten(), nn.functional.silu(net.gate(pooled))


def true_map(net, picture, last=False):
    """W, and what each layer adds to b."""
    active, units, factor = true_gates(net, picture, last)
    back = net.head.weight * factor
    rows = torch.zeros(3, 256).double()
    rows[:, units] = back @ net.up.weight
    rows = rows * active.flatten()
    eye = torch.eye(100).double().view(100, 1, 10, 10)
    filters = nn.functional.conv2d(eye, net.conv.weight).flatten(1).T
    first = rows @ net.conv.bias.repeat_interleave(64)
    added = torch.stack([first, back @ net.up.bias, net.head.bias])
    return (rows @ filters).numpy(), added.numpy()


def true_deletion(net, picture, ranking):
    order = np.argsort(-np.asarray(ranking), kind="stable")
    rows = picture.flatten().repeat(101, 1)
    for k in range(100):
        rows[k + 1 :, order[k]] = 0
    chances = net(rows.view(-1, 10, 10)).softmax(dim=1)
    return chances[:, chances[0].argmax()].numpy()


def true_areas(nets, numbers_of):
    pictures = true_bars(seed + 1, 300)[0][:20]
    chance = np.random.default_rng(seed).random((20, 100))
    found = np.zeros((4, 8, 20))
    for k in numbers_of:
        net = nets[k]
        for n, picture in enumerate(pictures):
            logits = net(picture[None])[0]
            kind = int(logits.argmax())
            without = picture.repeat(100, 1, 1)
            without.view(100, 100)[range(100), range(100)] = 0
            fallen = (logits[kind] - net(without)[:, kind]).numpy()
            pixels = picture.flatten().numpy()
            own = true_map(net, picture)[0][kind] * pixels
            other = true_map(nets[(k + 1) % 8], picture)[0][kind] * pixels
            for r, ranking in enumerate((own, fallen, other, chance[n])):
                found[r, k, n] = true_deletion(net, picture, ranking).mean()
    return found[:, numbers_of]


def made_up(rng, effect):
    """Areas of 8 networks and 30 images; `effect` on average over networks."""
    hard = 0.4 + 0.12 * rng.normal(size=30)
    gap = 0.03 * (effect + rng.normal(size=8))
    pair = [hard + 0.02 * rng.normal(size=(8, 30)) for _ in range(2)]
    return pair[0] + gap[:, None], pair[1]


# %% gates [markdown]
# All three are read off one forward pass. Points are lost for places that are counted within a filter, for the last
# of equal entries, and for a gate before its activation.


# %% solution
def gates(network, image):
    z = network.conv(image[None, None])[0]
    on, h = z > 0, z.relu()
    pooled, places = nn.functional.max_pool2d(h[None], 2, return_indices=True)
    winners = places[0].flatten(1) + 64 * torch.arange(4)[:, None]
    gate = nn.functional.silu(network.gate(pooled.flatten()))
    return on, winners.flatten(), gate


# %% test (1): which units are on
for number in (1, 2):
    net, picture = some_reader(number), some_image(number)
    found = several(call(gates, net, picture, name="gates"), 3, name="gates(…)")
    found = numbers(found[0], (4, 8, 8), name="on")
    right = true_gates(net, picture)[0].numpy()
    assert not (found == ~right).all(), "on is true where the unit is off"
    assert (found == right).all(), "on: what comes to the ReLU, is it above 0?"

# %% test (1): who wins
for number in (3, 4):
    net, picture = some_reader(number), some_image(number)
    found = several(call(gates, net, picture, name="gates"), 3, name="gates(…)")
    found = numbers(found[1], (64,), name="winners", kind=int)
    _, right, _ = (part.numpy() for part in true_gates(net, picture))
    says = "winners: within its filter; count on through all four"
    assert found.max() > 63 or right.max() <= 63, says
    last = true_gates(net, picture, last=True)[1].numpy()
    assert not (found == last).all(), "winners: of equal entries, the first"
    h = net.conv(picture[None, None]).relu().flatten().numpy()
    assert np.isclose(h[found], h[right]).all(), "winners: not the largest"
    assert (found == right).all(), "winners: of equal entries, the first"

# %% test (1): what the gated units are multiplied by
for number in (5, 6):
    net, picture = some_reader(number), some_image(number)
    found = several(call(gates, net, picture, name="gates"), 3, name="gates(…)")
    found = numbers(found[2], (12,), name="gate")
    _, units, right = true_gates(net, picture)
    h = net.conv(picture[None, None]).relu().flatten()[units]
    assert not np.allclose(found, net.gate(h)), "gate: silu comes after gate(h)"
    assert np.allclose(found, right), "gate: not silu(gate(h)) of this image"


# %% wrong: within its filter
def gates(network, image):
    z = network.conv(image[None, None])[0]
    on, h = z > 0, z.relu()
    pooled, places = nn.functional.max_pool2d(h[None], 2, return_indices=True)
    gate = nn.functional.silu(network.gate(pooled.flatten()))
    return on, places.flatten(), gate


# %% wrong: silu comes after
def gates(network, image):
    z = network.conv(image[None, None])[0]
    on, h = z > 0, z.relu()
    pooled, places = nn.functional.max_pool2d(h[None], 2, return_indices=True)
    winners = places[0].flatten(1) + 64 * torch.arange(4)[:, None]
    return on, winners.flatten(), network.gate(pooled.flatten())


# %% wrong: of equal entries, the first
def gates(network, image):
    z = network.conv(image[None, None])[0]
    on, h = z > 0, z.relu()
    turned = h[None].flip((2, 3))
    pooled, places = nn.functional.max_pool2d(turned, 2, return_indices=True)
    places = (63 - places[0]).flip((1, 2))
    winners = places.flatten(1) + 64 * torch.arange(4)[:, None]
    pooled = pooled.flip((2, 3))
    gate = nn.functional.silu(network.gate(pooled.flatten()))
    return on, winners.flatten(), gate


# %% wrong: is it above 0
def gates(network, image):
    z = network.conv(image[None, None])[0]
    on, h = z > z.mean(), z.relu()
    pooled, places = nn.functional.max_pool2d(h[None], 2, return_indices=True)
    winners = places[0].flatten(1) + 64 * torch.arange(4)[:, None]
    gate = nn.functional.silu(network.gate(pooled.flatten()))
    return on, winners.flatten(), gate


# %% invented: is it above 0
def gates(network, image):
    places = 64 * np.arange(4)[:, None, None] + 16 * np.arange(4)[:, None]
    places = places + 2 * np.arange(4)
    return np.ones((4, 8, 8)), places.flatten(), np.full(12, 0.3)


# %% exact_map [markdown]
# Rows are carried back: `head`, times the gate, through `up`, to the winners, through the units that are on, through
# the filters. Each bias is carried back from where it is added. The bias of `gate` is not: it is in the gate.
# Autograd with the gate detached is as good for $W$. Full points also for $b = F(x) - W x$ with the right $W$, but
# see the written question. Points are lost for the Jacobian, which lets the gate move, and for $F(0)$ in the place of
# $b$.


# %% solution
def carried(network, image, held):
    on, winners, gate = held
    back = network.head.weight * gate  # (3, 12)
    rows = torch.zeros(3, 256, dtype=torch.float64)
    rows[:, winners] = back @ network.up.weight
    rows = rows * on.flatten()
    pixels = torch.eye(100, dtype=torch.float64).view(100, 1, 10, 10)
    filters = nn.functional.conv2d(pixels, network.conv.weight)
    by_conv = rows @ network.conv.bias.repeat_interleave(64)
    added = torch.stack([by_conv, back @ network.up.bias, network.head.bias])
    return rows @ filters.flatten(1).T, added


def exact_map(network, image):
    W, added = carried(network, image, gates(network, image))
    return W.numpy(), added.sum(dim=0).numpy()


# %% test (2): W
for number in (11, 12, 13):
    net, picture = some_reader(number), some_image(number)
    right, added = true_map(net, picture)
    slopes = torch.autograd.functional.jacobian(
        lambda z, net=net: net(z[None])[0], picture
    )
    found = call(exact_map, net, picture, name="exact_map")
    found = several(found, 2, name="exact_map(…)")
    found = numbers(found[0], (3, 100), name="W")
    says = "W is the Jacobian: the gate is frozen, it does not move"
    assert not np.allclose(found, slopes.reshape(3, 100)), says
    x_ = picture.flatten().numpy()
    says = "this is W * x: W has not met the image yet"
    assert not np.allclose(found, right * x_), says
    assert np.allclose(found, right), "W is not that of the frozen gates"

# %% test (2): b
for number in (14, 15, 16):
    net, picture = some_reader(number), some_image(number)
    right = true_map(net, picture)[1].sum(axis=0)
    found = call(exact_map, net, picture, name="exact_map")
    found = numbers(several(found, 2, name="exact_map(…)")[1], (3,), name="b")
    empty = net(torch.zeros(1, 10, 10).double())[0]
    says = "b is not F(0): an empty image has other gates"
    assert not np.allclose(found, empty), says
    assert not np.allclose(found, net.head.bias), "b is more than the last bias"
    assert np.allclose(found, right), "b is not what the biases add on the way"

# %% test (1): exact, for images of another kind
net = some_reader(17)
draw = np.random.default_rng([seed, 17])
for picture in (draw.normal(size=(10, 10)), np.zeros((10, 10))):
    picture = torch.tensor(picture)
    found = several(call(exact_map, net, picture, name="exact_map"), 2)
    W_ = numbers(found[0], (3, 100), name="W")
    b_ = numbers(found[1], (3,), name="b")
    right, added = true_map(net, picture)
    made = W_ @ picture.flatten().numpy() + b_
    assert np.allclose(made, net(picture[None])[0]), "W x + b is not F(x)"
    says = "W x + b is F(x), but W is not that of the frozen gates"
    assert np.allclose(W_, right), says


# %% wrong: W is the Jacobian
def exact_map(network, image):
    W = torch.autograd.functional.jacobian(
        lambda z: network(z[None])[0], image
    ).reshape(3, 100)
    return W, network(image[None])[0] - W @ image.flatten()


# %% wrong: b is not F(0)
def exact_map(network, image):
    on, winners, gate = gates(network, image)
    rows = torch.zeros(3, 256, dtype=torch.float64)
    rows[:, winners] = network.head.weight * gate @ network.up.weight
    pixels = torch.eye(100, dtype=torch.float64).view(100, 1, 10, 10)
    filters = nn.functional.conv2d(pixels, network.conv.weight).flatten(1).T
    W = rows * on.flatten() @ filters
    return W, network(torch.zeros_like(image)[None])[0]


# %% wrong: b is more than the last bias
def exact_map(network, image):
    on, winners, gate = gates(network, image)
    rows = torch.zeros(3, 256, dtype=torch.float64)
    rows[:, winners] = network.head.weight * gate @ network.up.weight
    pixels = torch.eye(100, dtype=torch.float64).view(100, 1, 10, 10)
    filters = nn.functional.conv2d(pixels, network.conv.weight).flatten(1).T
    W = rows * on.flatten() @ filters
    return W, network.head.bias


# %% wrong: W is not that of the frozen gates
def exact_map(network, image):
    _, winners, gate = gates(network, image)
    rows = torch.zeros(3, 256, dtype=torch.float64)
    rows[:, winners] = network.head.weight * gate @ network.up.weight
    pixels = torch.eye(100, dtype=torch.float64).view(100, 1, 10, 10)
    filters = nn.functional.conv2d(pixels, network.conv.weight).flatten(1).T
    W = rows @ filters
    return W, network(image[None])[0] - W @ image.flatten()


# %% invented: W is not that of the frozen gates
def exact_map(network, image):
    W = torch.randn(3, 100, generator=torch.manual_seed(0)).double()
    return W, network(image[None])[0] - W @ image.flatten()


# %% copied: calls linearlens
def exact_map(network, image):
    from linearlens.instance import linearize

    found = linearize(network, image[None])
    return found.weight[0].reshape(3, 100), found.bias[0]


# %% bias_by_layer [markdown]
# Each bias is carried through all that follows it. The bias of `gate` changes what the gate is, and the gate
# multiplies: it adds nothing by itself.


# %% solution
def bias_by_layer(network, image):
    return carried(network, image, gates(network, image))[1].numpy()


# %% test (2): what each layer adds
for number in (21, 22):
    net, picture = some_reader(number), some_image(number)
    right = true_map(net, picture)[1]
    found = call(bias_by_layer, net, picture, name="bias_by_layer")
    found = numbers(found, (3, 3), name="bias_by_layer(…)")
    assert not np.allclose(found, right.T), (
        "a row for each layer, not each class"
    )
    assert np.allclose(found[2], right[2]), "head: its bias is added last"
    says = "up: its bias meets the gate and then the head"
    assert np.allclose(found[1], right[1]), says
    says = (
        "conv: each filter adds its bias at each unit, if that is on and wins"
    )
    assert np.allclose(found[0], right[0]), says

# %% test (1): an empty image is all bias
net, picture = some_reader(23), torch.zeros(10, 10).double()
found = call(bias_by_layer, net, picture, name="bias_by_layer")
found = numbers(found, (3, 3), name="bias_by_layer(…)")
says = "of an empty image the biases should make all of the output"
assert np.allclose(found.sum(axis=0), net(picture[None])[0]), says
assert np.allclose(found, true_map(net, picture)[1]), "whose bias is it?"


# %% wrong: meets the gate and then the head
def bias_by_layer(network, image):
    added = carried(network, image, gates(network, image))[1].clone()
    added[1] = network.head.weight @ network.up.bias
    return added


# %% wrong: if that is on and wins
def bias_by_layer(network, image):
    _, _, gate = gates(network, image)
    added = carried(network, image, gates(network, image))[1].clone()
    back = (network.head.weight * gate) @ network.up.weight
    added[0] = back @ network.conv.bias.repeat_interleave(16)
    return added


# %% wrong: a row for each layer
def bias_by_layer(network, image):
    return carried(network, image, gates(network, image))[1].T


# %% invented: its bias is added last
def bias_by_layer(network, image):
    return [[0.1, 0.2, -0.1], [0.3, 0.0, 0.1], [0.05, 0.02, -0.04]]


# %% read [markdown]
# Two formulas. Both are about one class at a time.


# %% solution
def read(W, b, image):
    contributions = np.asarray(W) * np.asarray(image).ravel()
    pixels, b = contributions.sum(axis=1), np.asarray(b)
    cancellation = abs(contributions).sum(axis=1) / abs(pixels + b)
    return cancellation, abs(b) / (abs(b) + abs(pixels))


# %% test (1): cancellation
W_, b_, picture = some_maps(31)
found = several(call(read, W_, b_, picture, name="read"), 2, name="read(…)")
found = numbers(found[0], (3,), name="the cancellation")
added = W_ * picture.flatten().numpy()
total = added.sum(axis=1)
says = "cancellation: over the output, bias included"
assert not np.allclose(found, abs(added).sum(axis=1) / abs(total)), says
right = abs(added).sum(axis=1) / abs(total + b_)
says = "cancellation: sizes of the contributions over that of the output"
assert np.allclose(found, right), says

# %% test (1): the share of the bias
W_, b_, picture = some_maps(32)
added = W_ * picture.flatten().numpy()
total = added.sum(axis=1)
found = several(call(read, W_, b_, picture, name="read"), 2, name="read(…)")
found = numbers(found[1], (3,), name="the share of the bias")
says = "share: the pixels together, not one by one"
alone = abs(b_) / (abs(b_) + abs(added).sum(axis=1))
assert not np.allclose(found, alone), says
right = abs(b_) / (abs(b_) + abs(total))
assert np.allclose(found, right), "share: sizes of b and of the sum of pixels"


# %% wrong: bias included
def read(W, b, image):
    added = W * image.flatten().numpy()
    total = added.sum(axis=1)
    share = abs(b) / (abs(b) + abs(total))
    return abs(added).sum(axis=1) / abs(total), share


# %% wrong: not one by one
def read(W, b, image):
    added = W * image.flatten().numpy()
    sizes = abs(added).sum(axis=1)
    return sizes / abs(added.sum(axis=1) + b), abs(b) / (abs(b) + sizes)


# %% wrong: sizes of b and of the sum
def read(W, b, image):
    added = W * image.flatten().numpy()
    output = added.sum(axis=1) + b
    return abs(added).sum(axis=1) / abs(output), b / output


# %% invented: sizes of the contributions
def read(W, b, image):
    return np.array([2.1, 1.4, 3.0]), np.array([0.3, 0.2, 0.25])


# %% unsettled [markdown]
# In blank areas all entries of a window are the bias of the filter, so each filter with a positive bias leaves a
# choice open in each of them. Where the unit is off, the choice changes nothing.


# %% solution
def unsettled(network, image):
    first = gates(network, image)
    h = network.conv(image[None, None])[0].relu()
    windows = h.unfold(1, 2, 2).unfold(2, 2, 2).flatten(3)  # (4, 4, 4, 4)
    best = windows == windows.amax(dim=3, keepdim=True)
    place = 3 - best.flip(3).int().argmax(dim=3)
    units = torch.arange(256).view(4, 8, 8)
    units = units.unfold(1, 2, 2).unfold(2, 2, 2).flatten(3)
    last = units.gather(3, place[..., None]).flatten()
    one, _ = carried(network, image, first)
    two, _ = carried(network, image, (first[0], last, first[2]))
    return ((two - one).norm() / one.norm()).item()


# %% test (2): blank areas leave a choice open
for number in (41, 42, 43):
    net, picture = some_reader(number), blank_in_a_corner(number)
    one, two = (true_map(net, picture, last)[0] for last in (False, True))
    right = np.linalg.norm(two - one) / np.linalg.norm(one)
    found = call(unsettled, net, picture, name="unsettled")
    found = numbers(found, (), name="unsettled(…)")
    x_ = picture.flatten().numpy()
    added = np.linalg.norm((two - one) * x_) / np.linalg.norm(one * x_)
    says = "in blank areas a choice is open: of W, if not of W * x"
    assert found > 0, says
    assert not np.isclose(found, added), says
    assert np.isclose(found, right), "not the distance of the two maps over W"

# %% test (1): no choice, no difference
net = some_reader(44)
draw = np.random.default_rng([seed, 44])
picture = torch.tensor(draw.uniform(0.1, 1, size=(10, 10)))
found = call(unsettled, net, picture, name="unsettled")
found = numbers(found, (), name="unsettled(…)")
blank = call(unsettled, net, blank_in_a_corner(45), name="unsettled")
blank = numbers(blank, (), name="unsettled(…)")
assert blank > 0, "in blank areas a choice is open: of W, if not of W * x"
assert found == 0, "no two entries of a window are equal, and yet it is not 0"
net.conv.bias.data = torch.tensor([-0.1, -0.1, -0.1, -0.1]).double()
picture = some_image(44)
found = call(unsettled, net, picture, name="unsettled")
found = numbers(found, (), name="unsettled(…)")
one, two = (true_map(net, picture, last)[0] for last in (False, True))
right = np.linalg.norm(two - one) / np.linalg.norm(one)
says = "where a unit is off, it does not matter which of two zeros wins"
assert np.isclose(found, right, atol=1e-12), says


# %% wrong: of W, if not of W * x
def unsettled(network, image):
    first = gates(network, image)
    h = network.conv(image[None, None])[0].relu()
    windows = h.unfold(1, 2, 2).unfold(2, 2, 2).flatten(3)
    best = windows == windows.amax(dim=3, keepdim=True)
    place = 3 - best.flip(3).int().argmax(dim=3)
    units = torch.arange(256).view(4, 8, 8)
    units = units.unfold(1, 2, 2).unfold(2, 2, 2).flatten(3)
    last = units.gather(3, place[..., None]).flatten()
    one = carried(network, image, first)[0] * image.flatten()
    two = carried(network, image, (first[0], last, first[2]))[0]
    return ((two * image.flatten() - one).norm() / one.norm()).item()


# %% wrong: of W, if not
def unsettled(network, image):
    one = exact_map(network, image)[0]
    two = exact_map(network, image.clone())[0]
    return np.linalg.norm(two - one) / np.linalg.norm(one)


# %% wrong: not the distance of the two maps
def unsettled(network, image):
    h = network.conv(image[None, None])[0].relu()
    windows = h.unfold(1, 2, 2).unfold(2, 2, 2).flatten(3)
    best = windows == windows.amax(dim=3, keepdim=True)
    open_ones = (best.sum(dim=3) > 1) & (windows.amax(dim=3) > 0)
    return open_ones.double().mean().item()


# %% invented: no two entries of a window are equal
def unsettled(network, image):
    return 0.31


# %% deletion [markdown]
# The class is fixed at the start. Points are lost if it is looked up again after each pixel, and for the wrong end of
# the ranking.


# %% solution
def deletion(network, image, scores):
    order = np.argsort(-np.asarray(scores), kind="stable")
    rows = image.flatten().repeat(101, 1)
    for k, pixel in enumerate(order):
        rows[k + 1 :, pixel] = 0
    chances = network(rows.view(101, 10, 10)).softmax(dim=1)
    return chances[:, chances[0].argmax()].numpy()


# %% test (2): the curve
for number in (51, 52):
    net, picture = some_reader(number), some_image(number)
    ranking = np.random.default_rng([seed, number]).normal(size=100)
    found = call(deletion, net, picture, ranking, name="deletion")
    found = numbers(found, (101,), name="deletion(…)")
    right = true_deletion(net, picture, ranking)
    turned = true_deletion(net, picture, -ranking)
    by_size = true_deletion(net, picture, abs(ranking))
    assert np.isclose(found[0], right[0]), (
        "the first number: nothing is gone yet"
    )
    assert not np.allclose(found, turned), "the largest score goes first"
    assert not np.allclose(found, by_size), "by the score, not by its size"
    assert np.allclose(found, right), "not the probabilities of this class"

# %% test (1): the class stays, and equal scores go in order
for number in (53, 54, 55):
    net, picture = of_two_classes(some_reader(number), some_image(number))
    ranking = np.random.default_rng([seed, number]).integers(3, size=100)
    found = call(deletion, net, picture, ranking.astype(float), name="deletion")
    found = numbers(found, (101,), name="deletion(…)")
    right = true_deletion(net, picture, ranking)
    says = "at the end: the class of the whole image, not of the empty one"
    assert np.isclose(found[-1], right[-1]), says
    says = "equal scores go in the order of their pixels"
    assert np.allclose(found, right), says


# %% wrong: at the end
def deletion(network, image, scores):
    order = np.argsort(-np.asarray(scores), kind="stable")
    rows = image.flatten().repeat(101, 1)
    for k, pixel in enumerate(order):
        rows[k + 1 :, pixel] = 0
    return network(rows.view(101, 10, 10)).softmax(dim=1).amax(dim=1)


# %% wrong: the largest score goes first
def deletion(network, image, scores):
    rows = image.flatten().repeat(101, 1)
    for k, pixel in enumerate(np.argsort(scores, kind="stable")):
        rows[k + 1 :, pixel] = 0
    chances = network(rows.view(101, 10, 10)).softmax(dim=1)
    return chances[:, chances[0].argmax()]


# %% wrong: not the probabilities of this class
def deletion(network, image, scores):
    order = np.argsort(-np.asarray(scores), kind="stable")
    rows = image.flatten().repeat(101, 1)
    for k, pixel in enumerate(order):
        rows[k + 1, pixel] = 0
    chances = network(rows.view(101, 10, 10)).softmax(dim=1)
    return chances[:, chances[0].argmax()]


# %% invented: nothing is gone yet
def deletion(network, image, scores):
    return np.exp(-np.arange(101) / 20)


# %% copied: calls linearlens
def deletion(network, image, scores):
    from linearlens.instance import perturbation_curves

    kind = network(image[None]).argmax(dim=1)
    ranking = torch.as_tensor(scores)[None].view(1, 10, 10)
    run = perturbation_curves(network, image[None], ranking, kind, step=1)
    return run.deletion[0]


# %% better [markdown]
# A statement about networks of this kind has as many witnesses as there are networks: eight. So: the mean over
# images, the difference, and a test of eight numbers against zero (t, signs flipped, or ranks). For `ada`, whoever
# takes all 240 pairs for independent finds winners in 120 of 200 made-up cases without any; whoever compares without
# pairing finds none in these, and none in 100 with a clear winner.


# %% solution
from scipy.stats import ttest_1samp


def better(own, rival):
    gaps = (np.asarray(own) - np.asarray(rival)).mean(axis=1)
    if np.ptp(gaps) == 0 or ttest_1samp(gaps, 0).pvalue > 0.05:
        return "neither"
    return "own" if gaps.mean() < 0 else "rival"


# %% test (3): own is better, or nobody
rng = np.random.default_rng([seed, 61])
words = [
    str(call(better, *made_up(rng, -2.5), name="better")) for _ in range(100)
]
says = "better should return one of the three words"
assert {*words} <= {"own", "rival", "neither"}, says
assert words.count("rival") < 20, "the wrong one is named: a low area is good"
count = words.count("own")
says = f"with a clear difference the winner is found in {count} of 100 cases"
assert count >= 80, says
words = [str(call(better, *made_up(rng, 0), name="better")) for _ in range(400)]
named = 400 - words.count("neither")
says = f"without any difference a winner is named in {named} of 400 cases"
assert named <= 40, says

# %% test (3): rival is better, or nobody
rng = np.random.default_rng([seed, 62])
words = [
    str(call(better, *made_up(rng, 2.5), name="better")) for _ in range(100)
]
says = "better should return one of the three words"
assert {*words} <= {"own", "rival", "neither"}, says
assert words.count("own") < 20, "the wrong one is named: a low area is good"
count = words.count("rival")
says = f"with a clear difference the winner is found in {count} of 100 cases"
assert count >= 80, says
words = [str(call(better, *made_up(rng, 0), name="better")) for _ in range(400)]
named = 400 - words.count("neither")
says = f"without any difference a winner is named in {named} of 400 cases"
assert named <= 40, says


# %% wrong: without any difference a winner is named
def better(own, rival):
    from scipy.stats import ttest_1samp

    gaps = (np.asarray(own) - np.asarray(rival)).ravel()
    if ttest_1samp(gaps, 0).pvalue > 0.05:
        return "neither"
    return "own" if gaps.mean() < 0 else "rival"


# %% wrong: with a clear difference the winner is found
def better(own, rival):
    gap = own.mean() - rival.mean()
    error = np.sqrt((own.var() + rival.var()) / 8)
    if abs(gap) < 2 * error:
        return "neither"
    return "own" if gap < 0 else "rival"


# %% wrong: a low area is good
def better(own, rival):
    from scipy.stats import ttest_1samp

    gaps = (np.asarray(own) - np.asarray(rival)).mean(axis=1)
    if ttest_1samp(gaps, 0).pvalue > 0.05:
        return "neither"
    return "own" if gaps.mean() > 0 else "rival"


# %% wrong: without any difference
def better(own, rival):
    return "own" if np.mean(own) < np.mean(rival) else "rival"


# %% invented: the winner is found in 0 of 100
def better(own, rival):
    return "neither"


# %% contest [markdown]
# Chance loses. Between the own map and occlusion it is open: for `ada` (areas 0.18 and 0.13) and `cleo` (0.24 and
# 0.13) occlusion wins, for `ben` (0.21 and 0.14) neither. The map of another network has 0.37, 0.37 and 0.34 beside
# 0.58, 0.63 and 0.62 of chance, which says that deletion asks for knowledge of bars, too.


# %% solution
pictures, areas = tested[:20], np.zeros((4, 8, 20))
for k, net in enumerate(networks):
    for n, picture in enumerate(pictures):
        kind = int(net(picture[None])[0].argmax())
        pixels = picture.flatten().numpy()
        rankings = [
            exact_map(net, picture)[0][kind] * pixels,
            occlusion(net, picture),
            exact_map(networks[(k + 1) % 8], picture)[0][kind] * pixels,
            draws[n],
        ]
        for r, ranking in enumerate(rankings):
            areas[r, k, n] = deletion(net, picture, ranking).mean()
verdicts = [better(areas[0], rival) for rival in areas[1:]]

# %% test (2): the areas
found = numbers(areas, (4, 8, 20), name="areas")
names = ("the own map", "occlusion", "the map of another network", "chance")
for n_networks, places in ((2, [0]), (8, [1, 4, 7])):
    right = true_areas(true_networks(n_networks), places)
    mine = found[:, places]
    says = "the area is the mean of the curve"
    assert not np.allclose(mine, right * 101, rtol=1e-3), says
    for name, given, want in zip(names, mine, right, strict=True):
        assert np.allclose(given, want, atol=1e-4), (
            f"the areas of {name} are off"
        )

# %% test (2): the verdicts
words = [str(word) for word in several(verdicts, 3, name="verdicts")]
assert {*words} <= {"own", "rival", "neither"}, "three words, each one of three"
assert words[2] != "rival", "against chance: look who has less area"
says = "against chance: the networks agree more than your verdict says"
assert words[2] == "own", says
found = numbers(areas, (4, 8, 20), name="areas")
right = true_areas(true_networks(2), [0])
says = "the verdicts rest on areas, and those of the first network are off"
assert np.allclose(found[:, [0]], right, atol=1e-4), says
names = ("occlusion", "the map of another network", "chance")
for rival, word, name in zip(found[1:], words, names, strict=True):
    gaps = (found[0] - rival).mean(axis=1)
    p = ttest_1samp(gaps, 0).pvalue
    clear = "own" if gaps.mean() < 0 else "rival"
    says = f"against {name}: your eight networks do not agree on that"
    assert p < 0.2 or word == "neither", says
    says = f"against {name}: the networks agree more than your verdict says"
    assert p > 0.005 or word != "neither", says
    assert word in ("neither", clear), f"against {name}: look who has less area"

# %% wrong: the areas of the own map
areas, verdicts = np.zeros((4, 8, 20)), ["neither", "own", "own"]
for k, net in enumerate(networks[:1]):
    for n, picture in enumerate(tested[:20]):
        kind = int(net(picture[None])[0].argmax())
        pixels = picture.flatten().numpy()
        rankings = [
            exact_map(net, picture)[0][kind],
            occlusion(net, picture),
            exact_map(networks[1], picture)[0][kind] * pixels,
            draws[n],
        ]
        for r, ranking in enumerate(rankings):
            areas[r, k, n] = deletion(net, picture, ranking).mean()

# %% wrong: the areas of the map of another network
areas, verdicts = np.zeros((4, 8, 20)), ["neither", "own", "own"]
for k, net in enumerate(networks[:1]):
    for n, picture in enumerate(tested[:20]):
        kind = int(net(picture[None])[0].argmax())
        pixels = picture.flatten().numpy()
        rankings = [
            exact_map(net, picture)[0][kind] * pixels,
            occlusion(net, picture),
            exact_map(networks[1], picture)[0][kind],
            draws[n],
        ]
        for r, ranking in enumerate(rankings):
            areas[r, k, n] = deletion(net, picture, ranking).mean()

# %% wrong: the area is the mean of the curve
areas, verdicts = np.zeros((4, 8, 20)), ["neither", "own", "own"]
for k, net in enumerate(networks[:1]):
    for n, picture in enumerate(tested[:20]):
        kind = int(net(picture[None])[0].argmax())
        pixels = picture.flatten().numpy()
        rankings = [
            exact_map(net, picture)[0][kind] * pixels,
            occlusion(net, picture),
            exact_map(networks[1], picture)[0][kind] * pixels,
            draws[n],
        ]
        for r, ranking in enumerate(rankings):
            areas[r, k, n] = deletion(net, picture, ranking).mean() * 101

# %% wrong: against chance: look who has less area
areas, verdicts = np.zeros((4, 8, 20)), ["neither", "neither", "rival"]

# %% wrong: against chance: the networks agree more
areas, verdicts = np.zeros((4, 8, 20)), ["neither", "neither", "neither"]

# %% invented: the areas of the own map are off
areas = np.random.default_rng(0).uniform(0.1, 0.5, size=(4, 8, 20))
verdicts = ["own", "own", "own"]

# %% judgement [markdown]
# For the student `ada`, with the first 40 images of `tested`: "Exactness tests my program: with any $W$ and $b = F(x)
# - W x$ the sum would come out as well. Mine is a real test only since $b$ is carried back from the layers. It says
# nothing of what happens if a pixel goes. The bias of `gate` adds nothing by itself: it decides how large the gate
# is, which is frozen, and what is frozen multiplies. For the winning class the share of the bias is 0.24 in the
# median of my images: whoever never looks at $b$ misses it. The cancellation is 1.7 in the median. In 3 of 40 images
# the map is unique; in the others $W$ moves by 0.26 of its length, in the median, with the choice of winners in blank
# areas. So I would not show $W$. All of that is where the image is blank, so $W * x$ does not move in any of the 37,
# and a picture of it hides that there was a choice. In deletion the own map (0.18) beats that of another network
# (0.37) and chance (0.58), and occlusion (0.13) beats it, in seven of eight networks and with p = 0.04. The other
# network's map is far ahead of chance although it never saw this network, so deletion asks for knowledge of bars as
# well as of the network, and a good area alone does not show that a map is about this network."

# %% rubric (1): what exactness tests
# Any $W$ with a fitted $b$ is exact, so exactness tests the program (or: it is a test only because $b$ comes from
# elsewhere).

# %% rubric (1): the bias
# Why `gate` has no row (its bias acts through the frozen gate), and a number for what is missed without $b$. Half a
# point for one of them.

# %% rubric (1): whether the map is the only one
# A count or share of own images and a size, and that $W$ in blank areas is a choice of the program, which $W * x$
# hides.

# %% rubric (1): deletion, with the control
# The verdicts with numbers, an honest "neither" where it is one, and that the map of another network beats chance, so
# that deletion does not ask about this network alone. Half a point without the control.
