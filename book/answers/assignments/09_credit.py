"""Assignment 09: what grades it. The tests try functions on random chains and on networks of seeds of their own."""

# %% shared
import copy
from itertools import pairwise

import numpy as np
import torch
from torch import nn


def true_points(seed, n=300):
    rng = np.random.default_rng(seed)
    centres = 1.5 * rng.normal(size=(10, 12))
    clouds = rng.integers(10, size=n)
    rows = centres[clouds] + rng.normal(size=(n, 12))
    return torch.tensor(rows), torch.tensor(clouds % 5)


def true_network(seed, steps=150, hidden=None):
    if hidden is None:
        hidden = np.random.default_rng(seed).permutation([6, 16, 40, 100])
    widths = [12, *map(int, hidden), 5]
    torch.manual_seed(seed)
    layers = []
    for a, b in pairwise(widths):
        layers += [nn.Linear(a, b), nn.ReLU()]
    net = nn.Sequential(*layers[:-1]).double()
    rows, marks = true_points(seed)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(rows), marks).backward()
        optimizer.step()
    return net.requires_grad_(False)


def some_network(number, widths):
    """Random weights, and biases that matter."""
    torch.manual_seed(seed + number)
    layers = []
    for a, b in pairwise(widths):
        layers += [nn.Linear(a, b), nn.ReLU()]
        layers[-2].weight.data *= 2.5
        layers[-2].bias.data += 0.3
    return nn.Sequential(*layers[:-1]).double().requires_grad_(False)


def some_rows(number, n, width):
    rng = np.random.default_rng([seed, number])
    return torch.tensor(rng.normal(size=(n, width)) + 0.5)


def some_chain(number, shape):
    rng = np.random.default_rng([seed, number])
    return [rng.normal(size=pair) for pair in pairwise(shape)]


def some_contrasts(n, r):
    return np.linalg.qr(np.eye(n)[:, :r] - 1 / n)[0]


def walked(chain, basis):
    """Log-volumes on the way, and the bases after each operator."""
    found, bases = [], []
    for K in chain:
        basis, R = np.linalg.qr(K @ basis)
        found.append(np.log(abs(np.diag(R))).sum())
        bases.append(basis)
    return np.array(found), bases


def true_split(chain, contrasts):
    ends = [*chain[:-1], chain[-1] @ contrasts]
    back, read = walked(ends[::-1], np.eye(contrasts.shape[1]))
    onward, came = walked([K.T for K in ends], read[-1])
    return back[::-1], onward, read[-2::-1], came[:-1]


def true_lost(chain, contrasts):
    back, onward, _, _ = true_split(chain, contrasts)
    return np.cumsum(onward - back)[:-1]


def true_states(net, rows):
    found = [rows]
    for linear in net[::2]:
        z = linear(found[-1])
        found.append(z if linear is net[-1] else z.relu())
    return found


def true_operators(net, rows):
    found = []
    for linear, after in zip(net[::2], true_states(net, rows)[1:], strict=True):
        K = linear.weight.T
        if linear is not net[-1]:
            K = K * (after > 0).double().mean(dim=0)
        found.append(K.numpy())
    return found


def spread_of(outputs, contrasts):
    y = outputs.numpy() @ contrasts
    return np.sqrt(((y - y.mean(axis=0)) ** 2).sum(axis=1).mean())


def true_gain(net, rows, contrasts, own=True):
    parts, T, found = true_states(net, rows), contrasts, []
    for K, state in zip(
        true_operators(net, rows)[:0:-1], parts[-2:0:-1], strict=True
    ):
        T = K @ T
        size = state.numpy().std(axis=0)[:, None] if own else 1
        found.append(np.linalg.norm(size * T))
    return np.array(found[::-1]) / spread_of(parts[-1], contrasts)


def displaced(changed, outputs, contrasts):
    gap = (changed - outputs).numpy() @ contrasts
    moved_by = np.sqrt((gap**2).sum(axis=1).mean())
    return moved_by / spread_of(outputs, contrasts)


def true_noise(net, rows, contrasts, level=0.1, n_draws=8):
    parts, draw = true_states(net, rows), torch.Generator().manual_seed(0)
    found = []
    for i in range(1, len(parts) - 1):
        state = parts[i].repeat(n_draws, 1)
        noise = torch.randn(state.shape, generator=draw, dtype=state.dtype)
        noise = level * noise * parts[i].std(dim=0, unbiased=False)
        shaken, clean = net[2 * i :](state + noise), parts[-1]
        clean = clean.repeat(n_draws, 1)
        found.append(displaced(shaken, clean, contrasts) / level)
    return np.array(found)


def true_skip(net, rows, contrasts):
    parts, found = true_states(net, rows), []
    for i in range(1, len(parts) - 1):
        passed = torch.zeros_like(parts[i])
        n = min(passed.shape[1], parts[i - 1].shape[1])
        passed[:, :n] = parts[i - 1][:, :n]
        found.append(displaced(net[2 * i :](passed), parts[-1], contrasts))
    return np.array(found)


def rescaled(net, layer, by):
    other = copy.deepcopy(net)
    this, following = other[::2][layer - 1 : layer + 1]
    this.weight *= by[:, None]
    this.bias *= by
    following.weight /= by
    return other


def four_networks(number, steps=80):
    """Networks and inputs; to count layers is right in the first by its widths, and wrong in the second."""
    orders = (
        (100, 40, 16, 6),
        (6, 16, 40, 100),
        (16, 100, 6, 40),
        (40, 6, 100, 16),
    )
    seeds = [seed + number + k for k in range(4)]
    pairs = zip(seeds, orders, strict=True)
    nets = [true_network(of, steps, hidden) for of, hidden in pairs]
    return nets, [true_points(of, 100)[0] for of in seeds]


def kept_of(nets, kept):
    """What is kept of a network, whatever its writing: outputs tell which one it is."""
    probe = torch.ones(1, 12).double()
    marks = torch.cat([net(probe) for net in nets])
    return lambda net: kept[int((net(probe) - marks).norm(dim=1).argmin())]


def sizes(net):
    return np.array([float(linear.weight.norm()) for linear in net[::2]][:-1])


def volumes_of(net, rows, contrasts):
    back = true_split(true_operators(net, rows), contrasts)[0]
    return np.maximum(back, -50)[:-1]


def counted(*_):
    return np.arange(4.0)


def said_of(predicts, *given):
    """One of the three words, or a sentence."""
    given = given if len(given) == 6 else (*given, true_noise)
    found = call(predicts, *given, name="predicts")
    named = isinstance(found, str) and found in ("first", "second", "neither")
    assert named, "predicts should return one of the three words"
    return found


# %% log_pdet [markdown]
# Singular values, a limit relative to the largest, logarithms of what is left. Points are lost for an absolute limit
# and for the matrix of zeros.


# %% solution
def log_pdet(K):
    values = np.linalg.svd(np.asarray(K, dtype=float), compute_uv=False)
    kept = values[values > 1e-10 * values.max()]
    return np.log(kept).sum()


# %% test (1): any shape and rank
rng = np.random.default_rng([seed, 1])
for a, b, rank in ((4, 4, 4), (6, 3, 3), (3, 7, 2), (5, 5, 1)):
    K = rng.normal(size=(a, rank)) @ rng.normal(size=(rank, b))
    found = numbers(call(log_pdet, K, name="log_pdet"), (), name="log_pdet(K)")
    right = np.log(np.linalg.svd(K)[1][:rank]).sum()
    of = f"{a} rows, {b} columns, rank {rank}"
    assert not np.isclose(found, np.exp(right)), f"{of}: the logarithm of it"
    assert not np.isclose(found, 2 * right), f"{of}: values, not their squares"
    assert np.isclose(found, right), f"{of}: not the logarithms of the values"

# %% test (1): what counts as zero
rng = np.random.default_rng([seed, 2])
K = 1e-12 * rng.normal(size=(4, 3))
right = np.log(np.linalg.svd(K)[1]).sum()
found = numbers(call(log_pdet, K, name="log_pdet"), (), name="log_pdet(K)")
assert np.isclose(found, right), (
    "small all over: zero is relative to the largest"
)
found = call(log_pdet, np.zeros((3, 2)), name="log_pdet")
found = numbers(found, (), name="log_pdet of zeros")
assert found == 0, "a matrix of zeros gets 0"


# %% wrong: 3 rows, 7 columns, rank 2
def log_pdet(K):
    return np.log(np.linalg.svd(K)[1]).sum()


# %% wrong: small all over
def log_pdet(K):
    values = np.linalg.svd(K)[1]
    return np.log(values[values > 1e-10]).sum()


# %% wrong: log_pdet stops with LinAlgError
def log_pdet(K):
    return np.linalg.slogdet(K)[1]


# %% wrong: values, not their squares
def log_pdet(K):
    values = np.linalg.eigvalsh(K @ K.T)
    return np.log(values[values > 1e-10 * values.max()]).sum()


# %% invented: not the logarithms
def log_pdet(K):
    return 0.0


# %% copied: calls linearlens
def log_pdet(K):
    from linearlens.credit import log_pseudo_determinant

    return log_pseudo_determinant(K)


# %% split [markdown]
# Six lines of the chapter, written again: QR from the outputs back; the basis that is left at the inputs is where the
# forward way begins. Points are lost for the order of the list, for a forward way that begins anywhere else, and for
# pseudo-determinants, which do not add up.


# %% solution
def split(chain, V):
    chain = [np.asarray(K) for K in chain]
    chain = [*chain[:-1], chain[-1] @ V]

    def volumes(steps, basis):
        found = []
        for K in steps:
            basis, R = np.linalg.qr(K @ basis)
            found.append(np.log(abs(np.diag(R))).sum())
        return np.array(found), basis

    backward, read = volumes(chain[::-1], np.eye(V.shape[1]))
    forward, _ = volumes([K.T for K in chain], read)
    return backward[::-1], forward


# %% test (2): the backward volumes
for number, shape, r in ((3, (3, 3, 3), 3), (4, (6, 8, 5, 4), 2)):
    chain_, V_ = some_chain(number, shape), some_contrasts(shape[-1], r)
    found = several(call(split, chain_, V_, name="split"), 2, name="split(…)")
    right = true_split(chain_, V_)[0]
    back = numbers(found[0], right.shape, name="the backward volumes")
    of = f"{r} contrasts, widths {shape}"
    says = f"{of}: the first number belongs to the first operator"
    assert not np.allclose(back, right[::-1]), says
    alone = [np.log(np.linalg.svd(K)[1]).sum() for K in chain_]
    if r < shape[-1]:
        assert not np.allclose(back, alone), f"{of}: pseudo-determinants"
    assert np.allclose(back, right), f"{of}: not the backward volumes"

# %% test (2): the forward volumes
for number, shape, r in ((5, (6, 8, 5, 4), 2), (6, (4, 3, 6, 3), 1)):
    chain_, V_ = some_chain(number, shape), some_contrasts(shape[-1], r)
    found = several(call(split, chain_, V_, name="split"), 2, name="split(…)")
    back, right, _, _ = true_split(chain_, V_)
    onward = numbers(found[1], right.shape, name="the forward volumes")
    of = f"{r} contrasts, widths {shape}"
    assert not np.allclose(onward, back), f"{of}: these are the backward ones"
    says = f"{of}: forward, begin with what is read at the inputs"
    start = np.eye(shape[0])[:, :r]
    ends = [*chain_[:-1], chain_[-1] @ V_]
    elsewhere = walked([K.T for K in ends], start)[0]
    assert not np.allclose(onward, elsewhere), says
    assert np.allclose(onward, right), f"{of}: not the forward volumes"

# %% test (1): both have the sum of the chain
chain_, V_ = some_chain(7, (5, 9, 7, 6)), some_contrasts(6, 3)
found = several(call(split, chain_, V_, name="split"), 2, name="split(…)")
whole = np.log(np.linalg.svd(np.linalg.multi_dot([*chain_, V_]))[1][:3]).sum()
back, onward = (numbers(part, (3,), name="volumes") for part in found)
assert np.isclose(back.sum(), whole), (
    "backward: the sum is not that of the chain"
)
assert np.isclose(onward.sum(), whole), (
    "forward: the sum is not that of the chain"
)


# %% wrong: the first number belongs to the first operator
def split(chain, V):
    chain = [*chain[:-1], chain[-1] @ V]

    def volumes(steps, basis):
        found = []
        for K in steps:
            basis, R = np.linalg.qr(K @ basis)
            found.append(np.log(abs(np.diag(R))).sum())
        return np.array(found), basis

    backward, read = volumes(chain[::-1], np.eye(V.shape[1]))
    return backward, volumes([K.T for K in chain], read)[0]


# %% wrong: pseudo-determinants
def split(chain, V):
    alone = [np.log(np.linalg.svd(K)[1]).sum() for K in chain]
    return alone, alone


# %% wrong: forward, begin with what is read
def split(chain, V):
    chain = [*chain[:-1], chain[-1] @ V]

    def volumes(steps, basis):
        found = []
        for K in steps:
            basis, R = np.linalg.qr(K @ basis)
            found.append(np.log(abs(np.diag(R))).sum())
        return np.array(found)

    backward = volumes(chain[::-1], np.eye(V.shape[1]))[::-1]
    start = np.eye(len(chain[0]))[:, : V.shape[1]]
    return backward, volumes([K.T for K in chain], start)


# %% wrong: the sum is not that of the chain
def split(chain, V):
    backward, basis = [], V
    for K in chain[::-1]:
        basis = K @ basis
        values = np.linalg.svd(basis)[1]
        backward.append(np.log(values).sum())
    return backward[::-1], backward[::-1]


# %% invented: not the backward volumes
def split(chain, V):
    return np.full(len(chain), 0.7), np.full(len(chain), 0.7)


# %% copied: calls linearlens
def split(chain, V):
    from linearlens.credit import backward_volumes, forward_volumes

    chain = [*chain[:-1], chain[-1] @ V]
    return backward_volumes(chain), forward_volumes(chain)


# %% lost [markdown]
# What arrives is the span of $P_i$, what is read that of $Q_i$; the cosines are the singular values of $P_i^\top
# Q_i$. The result is the running sum of forward minus backward volumes: whoever takes that has the points, too, and
# no check.


# %% solution
def lost(chain, V):
    read = [np.asarray(V, dtype=float)]
    for K in chain[::-1]:
        read.insert(0, np.linalg.qr(np.asarray(K) @ read[0])[0])
    came, found = read[0], []
    for K, at in zip(chain[:-1], read[1:-1], strict=True):
        came = np.linalg.qr(np.asarray(K).T @ came)[0]
        cosines = np.linalg.svd(came.T @ at)[1]
        found.append(-np.log(cosines).sum())
    return np.array(found)


# %% test (2): the angles between what arrives and what is read
for number, shape, r in ((8, (6, 8, 5, 4), 2), (9, (4, 6, 3, 6, 3), 1)):
    chain_, V_ = some_chain(number, shape), some_contrasts(shape[-1], r)
    right = true_lost(chain_, V_)
    found = call(lost, chain_, V_, name="lost")
    found = numbers(found, right.shape, name="lost(…)")
    of = f"{r} contrasts, widths {shape}"
    assert not np.allclose(found, -right), f"{of}: minus the logarithm"
    assert np.allclose(found, right), f"{of}: not the angles of the two spans"

# %% test (1): nothing is lost where all that arrives is read
V_ = some_contrasts(4, 4)
Q = np.linalg.qr(some_chain(10, (4, 4))[0])[0]
found = call(lost, [Q, np.diag([3.0, 1, 2, 5]), Q.T], V_, name="lost")
found = numbers(found, (2,), name="lost(…)")
assert np.allclose(found, 0, atol=1e-6), "square operators lose nothing"
chain_ = [np.array([[1.0, 0]]), np.array([[0.5], [np.sqrt(0.75)]])]
found = call(lost, chain_, np.eye(1), name="lost")
found = numbers(found, (1,), name="lost(…)")
assert np.isclose(found[0], np.log(2)), "an arrow at 60 degrees loses log 2"


# %% wrong: not the angles of the two spans
def lost(chain, V):
    found, read = [], V
    for K in chain[:0:-1]:
        read = np.linalg.qr(K @ read)[0]
        came = np.linalg.qr(chain[0].T)[0]
        n = min(len(came), len(read))
        cosines = np.linalg.svd(came[:n].T @ read[:n])[1]
        found.insert(0, -np.log(cosines).sum())
    return found


# %% wrong: minus the logarithm
def lost(chain, V):
    backward, forward = split(chain, V)
    return np.cumsum(backward - forward)[:-1]


# %% wrong: not the angles of the two spans
def lost(chain, V):
    backward, forward = split(chain, V)
    return (forward - backward)[:-1]


# %% invented: not the angles
def lost(chain, V):
    return np.linspace(0.5, 1.5, len(chain) - 1)


# %% copied: calls linearlens
def lost(chain, V):
    from linearlens.credit import backward_volumes, forward_volumes

    chain = [*chain[:-1], chain[-1] @ V]
    ahead = forward_volumes(chain) - backward_volumes(chain)
    return np.cumsum(ahead)[:-1]


# %% mean_jacobians [markdown]
# A gate is 1 or 0, so the mean over the rows is the share of rows in which a unit is on, and it multiplies the unit's
# *column*. Points are lost for a matrix that takes columns, for one Jacobian at the mean state, and for the gates of
# another layer.


# %% solution
def mean_jacobians(network, x):
    found, layers = [], list(network[::2])
    for linear in layers:
        K, z = linear.weight.T, linear(x)
        if linear is not layers[-1]:
            K = K * (z > 0).double().mean(dim=0)
            z = z.relu()
        found.append(K.detach().numpy())
        x = z
    return found


# %% test (2): a random perceptron
net, rows = some_network(11, (5, 9, 7, 3)), some_rows(11, 40, 5)
right = true_operators(net, rows)
found = call(mean_jacobians, net, rows, name="mean_jacobians")
found = several(found, 3, name="mean_jacobians(…)")
for i, (K, want) in enumerate(zip(found, right, strict=True), start=1):
    K = numbers(K, want.shape, name=f"operator {i}")
    plain = net[::2][i - 1].weight.T.numpy()
    if i < 3:
        says = f"operator {i}: the gates of the ReLU are missing"
        assert not np.allclose(K, plain), says
        middle = true_states(net, rows)[i - 1].mean(dim=0, keepdim=True)
        one = plain * (net[::2][i - 1](middle) > 0).double().numpy()
        says = f"operator {i}: the mean of Jacobians, not one at the mean"
        assert not np.allclose(K, one), says
    says = f"operator {i}: which units are on, in which share of the rows?"
    assert np.allclose(K, want), says

# %% test (1): another depth, square layers
net, rows = some_network(12, (6, 6, 6, 6, 6)), some_rows(12, 25, 6)
right = true_operators(net, rows)
found = call(mean_jacobians, net, rows, name="mean_jacobians")
found = several(found, 4, name="mean_jacobians(…)")
for i, (K, want) in enumerate(zip(found, right, strict=True), start=1):
    K = numbers(K, (6, 6), name=f"operator {i}")
    says = f"operator {i} takes columns: states are rows"
    assert not np.allclose(K, want.T), says
    assert np.allclose(K, want), f"operator {i} of four square ones is off"


# %% wrong: the gates of the ReLU are missing
def mean_jacobians(network, x):
    return [linear.weight.T.numpy() for linear in network[::2]]


# %% wrong: not one at the mean
def mean_jacobians(network, x):
    found, layers = [], list(network[::2])
    for linear in layers:
        K = linear.weight.T
        if linear is not layers[-1]:
            K = K * (linear(x.mean(dim=0)) > 0).double()
        found.append(K.numpy())
        x = linear(x).relu()
    return found


# %% wrong: takes columns
def mean_jacobians(network, x):
    found, layers = [], list(network[::2])
    for linear in layers:
        K, z = linear.weight, linear(x)
        if linear is not layers[-1]:
            K = K * (z > 0).double().mean(dim=0)[:, None]
        found.append(K.numpy())
        x = z.relu()
    return found


# %% wrong: which units are on
def mean_jacobians(network, x):
    found, layers = [], list(network[::2])
    for linear in layers:
        K = linear.weight.T * (x > 0).double().mean(dim=0)[:, None]
        found.append(K.numpy())
        x = linear(x).relu()
    return found


# %% invented: which units are on
def mean_jacobians(network, x):
    return [0.5 * linear.weight.T.numpy() for linear in network[::2]]


# %% copied: calls linearlens
def mean_jacobians(network, x):
    from linearlens import credit

    return credit.mean_jacobians(network, x.numpy())


# %% rewritten [markdown]
# One factor for each hidden layer is enough: by P9 component $i$ gains $r \log c$ if it is multiplied by $c$, so the
# product of all factors up to $i$ is $\exp(\sum_{j \le i} (w_j - b_j) / r)$. Weights of layer $i$ are multiplied by
# its product over that of the layer before, biases by the product itself. So nothing outside can tell that the credit
# was made up.


# %% solution
def rewritten(network, wanted, x, V):
    other = copy.deepcopy(network)
    now, _ = split(mean_jacobians(network, x), V)
    gains = np.cumsum(np.asarray(wanted) - now) / V.shape[1]
    scales = [*np.exp(gains[:-1]), 1.0]
    before = 1.0
    for linear, scale in zip(other[::2], scales, strict=True):
        linear.weight.data *= scale / before
        linear.bias.data *= scale
        before = scale
    return other


# %% test (2): credit from one layer to the next
for number in (13, 14):
    net, rows = some_network(number, (5, 9, 7, 8, 6)), some_rows(number, 40, 5)
    V_ = some_contrasts(6, 3)
    now = true_split(true_operators(net, rows), V_)[0]
    asked = now + (number - 12) * np.array([0, 1, -1, 0])
    made = call(rewritten, net, asked, rows, V_, name="rewritten")
    fits = isinstance(made, nn.Sequential) and len(made) == len(net)
    assert fits, "rewritten should return a perceptron of the same layers"
    made = copy.deepcopy(made).double().requires_grad_(False)
    more = torch.cat([rows, some_rows(number + 50, 200, 5) * 3])
    off = (made(more) - net(more)).abs().max() / net(more).abs().max()
    assert off < 1e-6, "the outputs are not the same: what of the biases?"
    came = true_split(true_operators(made, rows), V_)[0]
    says = "the volumes move too far: each of the contrasts gains log c"
    assert not np.allclose(came - now, 3 * (asked - now), atol=1e-4), says
    says = "the volumes of the new network are not those that were wanted"
    assert np.allclose(came, asked, atol=1e-4), says

# %% test (2): all credits at once
net, rows = some_network(15, (5, 9, 7, 8, 6)), some_rows(15, 40, 5)
V_ = some_contrasts(6, 3)
now = true_split(true_operators(net, rows), V_)[0]
steps = np.random.default_rng([seed, 15]).normal(size=4)
asked = now + 2 * (steps - steps.mean())
made = call(rewritten, net, asked, rows, V_, name="rewritten")
fits = isinstance(made, nn.Sequential) and len(made) == len(net)
assert fits, "rewritten should return a perceptron of the same layers"
shapes = [linear.weight.shape for linear in net[::2]]
same = [linear.weight.shape for linear in made[::2]] == shapes
assert same, "rewritten should keep the widths"
made = copy.deepcopy(made).double().requires_grad_(False)
off = (made(rows) - net(rows)).abs().max() / net(rows).abs().max()
assert off < 1e-6, "the outputs are not the same: what of the biases?"
came = true_split(true_operators(made, rows), V_)[0]
says = "the volumes of the new network are not those that were wanted"
assert np.allclose(came, asked, atol=1e-4), says


# %% wrong: each of the contrasts gains log c
def rewritten(network, wanted, x, V):
    other = copy.deepcopy(network)
    now, _ = split(mean_jacobians(network, x), V)
    scales, before = np.exp(np.cumsum(wanted - now)), 1.0
    scales[-1] = 1
    for linear, scale in zip(other[::2], scales, strict=True):
        linear.weight *= scale / before
        linear.bias *= scale
        before = scale
    return other


# %% wrong: what of the biases
def rewritten(network, wanted, x, V):
    other = copy.deepcopy(network)
    now, _ = split(mean_jacobians(network, x), V)
    for linear, gain in zip(other[::2], wanted - now, strict=True):
        linear.weight *= np.exp(gain / V.shape[1])
    return other


# %% wrong: what of the biases
def rewritten(network, wanted, x, V):
    other = copy.deepcopy(network)
    now, _ = split(mean_jacobians(network, x), V)
    for linear, gain in zip(other[::2], wanted - now, strict=True):
        linear.weight *= np.exp(gain / V.shape[1])
        linear.bias *= np.exp(gain / V.shape[1])
    return other


# %% invented: not those that were wanted
def rewritten(network, wanted, x, V):
    return copy.deepcopy(network)


# %% noise_gain [markdown]
# P13 with $D$ diagonal, the variances of the units: $\lVert \operatorname{diag}(\operatorname{std} x_i)\, T_i
# \rVert_F$ over the spread. Points are lost for a tail that ends one operator too early, for noise of one size in all
# units (which moves with the writing), and for outputs that are not seen through $V$.


# %% solution
def noise_gain(network, x, V):
    chain, found = mean_jacobians(network, x), []
    for i in range(1, len(chain)):
        tail = np.linalg.multi_dot([*chain[i:], V])
        state = network[: 2 * i](x).numpy()
        found.append(np.linalg.norm(state.std(axis=0)[:, None] * tail))
    y = network(x).numpy() @ V
    spread = np.sqrt(((y - y.mean(axis=0)) ** 2).sum(axis=1).mean())
    return np.array(found) / spread


# %% test (2): what noise of each unit's own spread does, to first order
net, rows = some_network(16, (5, 9, 7, 8, 6)), some_rows(16, 40, 5)
V_ = some_contrasts(6, 3)
found = call(noise_gain, net, rows, V_, name="noise_gain")
found = numbers(found, (3,), name="noise_gain(…)")
right = true_gain(net, rows, V_)
alike = true_gain(net, rows, V_, own=False)
spread = spread_of(true_states(net, rows)[-1], V_)
says = "noise of one size in all units: each has a deviation of its own"
assert not np.allclose(found, alike), says
assert not np.allclose(found, right * spread), "over the spread of the outputs"
assert not np.allclose(found, true_gain(net, rows, np.eye(6))), "seen through V"
assert np.allclose(found, right), (
    "not the gain of P13: is the tail that after i?"
)

# %% test (1): it does not depend on the writing
net, rows = some_network(17, (5, 9, 7, 8, 6)), some_rows(17, 40, 5)
V_ = some_contrasts(6, 3)
by = torch.tensor(np.exp(np.random.default_rng(seed).normal(size=7)))
one, two = (
    numbers(call(noise_gain, each, rows, V_, name="noise_gain"), (3,))
    for each in (net, rescaled(net, 2, by))
)
assert np.allclose(one, two), "it moves if units get factors of their own"
ratios = one / true_gain(net, rows, V_)
right = ratios.mean() > 0 and np.allclose(ratios, ratios.mean())
assert right, "its ratios are not right"


# %% wrong: each has a deviation of its own
def noise_gain(network, x, V):
    chain, found = mean_jacobians(network, x), []
    for i in range(1, len(chain)):
        tail = np.linalg.multi_dot([*chain[i:], V])
        found.append(np.linalg.norm(tail))
    y = network(x).numpy() @ V
    spread = np.sqrt(((y - y.mean(axis=0)) ** 2).sum(axis=1).mean())
    return np.array(found) / spread


# %% wrong: seen through V
def noise_gain(network, x, V):
    chain, found = mean_jacobians(network, x), []
    for i in range(1, len(chain)):
        tail = np.linalg.multi_dot([*chain[i:], np.eye(len(V))])
        state = network[: 2 * i](x).numpy()
        found.append(np.linalg.norm(state.std(axis=0)[:, None] * tail))
    y = network(x).numpy()
    spread = np.sqrt(((y - y.mean(axis=0)) ** 2).sum(axis=1).mean())
    return np.array(found) / spread


# %% wrong: is the tail that after i
def noise_gain(network, x, V):
    chain, found = mean_jacobians(network, x), []
    for i in range(1, len(chain)):
        tail = np.linalg.multi_dot([*chain[i - 1 :], V])
        state = network[: 2 * i - 2](x).numpy()
        found.append(np.linalg.norm(state.std(axis=0)[:, None] * tail))
    y = network(x).numpy() @ V
    spread = np.sqrt(((y - y.mean(axis=0)) ** 2).sum(axis=1).mean())
    return np.array(found) / spread


# %% wrong: over the spread of the outputs
def noise_gain(network, x, V):
    chain, found = mean_jacobians(network, x), []
    for i in range(1, len(chain)):
        tail = np.linalg.multi_dot([*chain[i:], V])
        state = network[: 2 * i](x).numpy()
        found.append(np.linalg.norm(state.std(axis=0)[:, None] * tail))
    return np.array(found)


# %% invented: not the gain of P13
def noise_gain(network, x, V):
    return np.linspace(0.4, 0.8, len(network[::2]) - 1)


# %% moved [markdown]
# Volumes move, and what is lost to angles as well, since the factors of single units turn the spans. The sum, the
# noise gain and the noise damage stay, up to rounding. What skipping does moves: where units have another scale,
# putting nothing in their place is another change.


# %% solution
def all_six(network):
    chain = mean_jacobians(network, x)
    backward, _ = split(chain, V)
    return [
        backward,
        backward.sum(),
        lost(chain, V),
        noise_gain(network, x, V),
        noise_damage(network, x, V),
        skip_damage(network, x, V),
    ]


pairs = zip(all_six(network), all_six(written), strict=True)
moved = [abs(before - after).max() for before, after in pairs]

# %% test (3): what moves, and what stays
found = numbers(moved, (6,), name="moved")
assert (found >= 0).all(), "absolute changes are not negative"
for place, of in ((1, "the sum"), (3, "noise gain"), (4, "noise damage")):
    assert found[place] < 1e-6, f"{of} does not depend on the writing"
rows, net = true_points(seed)[0], true_network(seed)
V_ = some_contrasts(5, 4)
by = np.exp(np.random.default_rng(seed).uniform(-1.5, 1.5, size=100))
two = rescaled(net, 2, torch.tensor(by)[: net[2].out_features])
pair = [true_operators(each, rows) for each in (net, two)]
asked = {0: lambda chain: true_split(chain, V_)[0]}
asked[2] = lambda chain: true_lost(chain, V_)
names = {0: "backward volumes", 2: "what is lost", 5: "skip damage"}
for place, of in asked.items():
    gap = of(pair[0]) - of(pair[1])
    says = f"{names[place]}: the largest change of a component, not the mean"
    assert not np.isclose(found[place], abs(gap).mean(), rtol=1e-3), says
    says = f"{names[place]}: not the largest change"
    assert np.isclose(found[place], abs(gap).max(), rtol=1e-3), says
gap = true_skip(net, rows, V_) - true_skip(two, rows, V_)
says = "skip damage: not the largest change"
assert np.isclose(found[5], abs(gap).max(), rtol=1e-3), says

# %% wrong: not the mean
moved = []
for of in (
    lambda net: split(mean_jacobians(net, x), V)[0],
    lambda net: np.sum(split(mean_jacobians(net, x), V)[0]),
    lambda net: lost(mean_jacobians(net, x), V),
    lambda net: noise_gain(net, x, V),
    lambda net: noise_damage(net, x, V),
    lambda net: skip_damage(net, x, V),
):
    moved.append(abs(of(network) - of(written)).mean())

# %% wrong: not the largest change
moved = []
squared = other_writing(network, 2, factors**2)
for of in (
    lambda net: split(mean_jacobians(net, x), V)[0],
    lambda net: np.sum(split(mean_jacobians(net, x), V)[0]),
    lambda net: lost(mean_jacobians(net, x), V),
    lambda net: noise_gain(net, x, V),
    lambda net: noise_damage(net, x, V),
    lambda net: skip_damage(net, x, V),
):
    moved.append(abs(of(network) - of(squared)).max())

# %% wrong: noise damage does not depend on the writing
moved = [2.0, 0, 0.5, 0, 0.3, 0.3]

# %% invented: not the largest change
moved = [2.0, 0, 0.5, 0, 0, 0.3]

# %% predicts [markdown]
# Write each network several times, with factors of layers and of single units; ask both credits and the damage each
# time; compare, network by network, all layers of all writings at once, by rank and with the sign; and decide on the
# mean over the networks. For the student `ada`, in `several_networks`, the noise gain comes to 0.95 to 0.97 with the
# damage of noise, in the mean to 0.96 (in her `network`, which is not among them, to 0.37), volumes to 0.00, a credit
# that is right in a single writing to 0.31, and to count layers to 0.10, although it has 0.98 in the first of the
# four.
#
# The tests put widths in such an order that to count layers is right in the first network and wrong in the second:
# whoever looks at the first alone believes the count. Rules that look at one writing fall for the credit that was
# fitted to it. A rule that must name one of the two fails where none predicts.


# %% solution
from scipy.stats import spearmanr


def predicts(networks, inputs, V, first, second, damage):
    rng, ranks = np.random.default_rng(0), []
    for network, x in zip(networks, inputs, strict=True):
        writings = [network]
        for _ in range(4):
            other = network
            for layer, linear in enumerate(network[::2][:-1], start=1):
                log = rng.normal() + rng.normal(size=linear.out_features)
                other = other_writing(other, layer, torch.tensor(np.exp(log)))
            writings.append(other)
        one, two, truth = (
            np.ravel([of(each, x, V) for each in writings])
            for of in (first, second, damage)
        )
        ranks.append([spearmanr(credit, truth)[0] for credit in (one, two)])
    found = np.nan_to_num(ranks).mean(axis=0)
    if max(found) < 0.7:
        return "neither"
    return ("first", "second")[int(np.argmax(found))]


# %% test (3): noise on states
V_ = some_contrasts(5, 4)
said_of(predicts, *four_networks(10, 0), V_, volumes_of, true_gain)
nets, inputs_ = four_networks(10)
pairs = zip(nets, inputs_, strict=True)
start_of = kept_of(nets, [true_noise(net, rows, V_) for net, rows in pairs])
sizes_of = kept_of(nets, [sizes(net) for net in nets])


def lucky(net, rows, contrasts):
    """Right in this writing: it moves with the size of the weights."""
    return start_of(net) * sizes(net) / sizes_of(net)


def logs(*arguments):
    return np.log(true_gain(*arguments))


for one, two, right in (
    (volumes_of, true_gain, "second"),
    (true_gain, lucky, "first"),
    (lucky, logs, "second"),
    (logs, counted, "first"),
):
    found = said_of(predicts, nets, inputs_, V_, one, two)
    says = "a credit that is right in one writing was believed"
    assert found == right or lucky not in (one, two), says
    assert found != "neither", "noise: the gain of noise predicts it"
    says = "noise: a credit that counts layers was believed"
    assert found == right or two is not counted, says
    assert found == right, "noise: the volume was believed"

# %% test (2): skipped layers
V_ = some_contrasts(5, 4)
said_of(predicts, *four_networks(20, 0), V_, volumes_of, true_gain)
nets, inputs_ = four_networks(20)
pairs = zip(nets, inputs_, strict=True)
start_of = kept_of(nets, [true_skip(net, rows, V_) for net, rows in pairs])
others = [true_points(seed + 20 + k, 300)[0][200:] for k in range(4)]
others_of = kept_of(nets, others)


def measured(net, _, contrasts):
    return np.log(true_skip(net, others_of(net), contrasts))


def stuck(net, *_):
    return start_of(net)


for one, two, right in (
    (true_gain, measured, "second"),
    (measured, stuck, "first"),
):
    found = said_of(predicts, nets, inputs_, V_, one, two, true_skip)
    assert found != "neither", "skips: on other points they predict"
    says = "skips: a credit that does not move with the writing was believed"
    assert not (two is stuck and found == "second"), says
    assert found == right, "skips: the gain of noise was believed"

# %% test (2): neither of two
V_ = some_contrasts(5, 4)
said_of(predicts, *four_networks(30, 0), V_, volumes_of, true_gain)
nets, inputs_ = four_networks(30)
damages = [true_noise(*pair, V_) for pair in zip(nets, inputs_, strict=True)]
turned = [np.sort(each)[::-1][each.argsort().argsort()] for each in damages]
turned_of = kept_of(nets, turned)


def constant(*_):
    return np.ones(4)


def backwards(net, *_):
    return turned_of(net)


for one, two, damage in (
    (volumes_of, backwards, true_noise),
    (counted, volumes_of, true_noise),
    (constant, counted, true_noise),
    (volumes_of, constant, true_skip),
):
    found = said_of(predicts, nets, inputs_, V_, one, two, damage)
    says = f"to count layers is right by luck, in few networks: not the {found}"
    assert found == "neither" or counted not in (one, two), says
    assert found == "neither", f"none of the two predicts, not the {found}"


# %% wrong: a credit that is right in one writing
def predicts(networks, inputs, V, first, second, damage):
    from scipy.stats import spearmanr

    found = []
    for given in zip(networks, inputs, strict=True):
        truth = damage(*given, V)
        pair = (of(*given, V) for of in (first, second))
        found.append([spearmanr(credit, truth)[0] for credit in pair])
    found = np.nan_to_num(found).mean(axis=0)
    if max(found) < 0.7:
        return "neither"
    return ("first", "second")[int(np.argmax(found))]


# %% wrong: to count layers is right by luck
def predicts(networks, inputs, V, first, second, damage):
    from scipy.stats import spearmanr

    rng, parts, network = np.random.default_rng(0), [], networks[0]
    for _ in range(5):
        other = network
        for layer, linear in enumerate(network[::2][:-1], start=1):
            log = rng.normal() + rng.normal(size=linear.out_features)
            other = other_writing(other, layer, torch.tensor(np.exp(log)))
        parts.append(
            [of(other, inputs[0], V) for of in (first, second, damage)]
        )
    first, second, damage = np.moveaxis(parts, 1, 0).reshape(3, -1)
    found = [spearmanr(credit, damage)[0] for credit in (first, second)]
    found = np.nan_to_num(found)
    if max(found) < 0.7:
        return "neither"
    return ("first", "second")[int(np.argmax(found))]


# %% wrong: none of the two predicts
def predicts(networks, inputs, V, first, second, damage):
    from scipy.stats import spearmanr

    rng, ranks = np.random.default_rng(0), []
    for network, x in zip(networks, inputs, strict=True):
        parts = []
        for _ in range(4):
            other = network
            for layer, linear in enumerate(network[::2][:-1], start=1):
                log = rng.normal() + rng.normal(size=linear.out_features)
                other = other_writing(other, layer, torch.tensor(np.exp(log)))
            parts.append([of(other, x, V) for of in (first, second, damage)])
        one, two, truth = np.moveaxis(parts, 1, 0).reshape(3, -1)
        ranks.append([spearmanr(credit, truth)[0] for credit in (one, two)])
    found = np.nan_to_num(ranks).mean(axis=0)
    return ("first", "second")[int(np.argmax(found))]


# %% wrong: noise: a credit that counts layers was believed
def predicts(networks, inputs, V, first, second, damage):
    network, x = networks[0], inputs[0]
    start = [of(network, x, V) for of in (first, second, damage)]
    moves = np.zeros(3)
    for layer in range(1, len(network[::2])):
        by = torch.full((network[::2][layer - 1].out_features,), 3.0)
        other = other_writing(network, layer, by.double())
        now = [of(other, x, V) for of in (first, second, damage)]
        moves += [
            abs(a - b).max() > 1e-6 for a, b in zip(now, start, strict=True)
        ]
    if moves[1] == moves[2]:
        return "second"
    return "first" if moves[0] == moves[2] else "neither"


# %% wrong: the gain of noise predicts it
def predicts(networks, inputs, V, first, second, damage):
    given = networks[0], inputs[0], V
    truth, found = damage(*given), []
    for of in (first, second):
        found.append(abs(of(*given) / truth - 1).max())
    if min(found) > 0.05:
        return "neither"
    return ("first", "second")[int(np.argmin(found))]


# %% invented: was believed
def predicts(networks, inputs, V, first, second, damage):
    return "first"


# %% judgement [markdown]
# For the student `ada`: "The largest backward volume is that of layer 4, 5.4; forward it is layer 4 as well, with
# 4.3, but layer 2 gets 0.4 where backward it gets −1.1: up to 1.5 units of logarithm change sides, because of the
# angles between what arrives and what is read. And I wrote the network anew with all five volumes equal, and its
# outputs differ by rounding only, so the statement is about the writing that training happened to end in. What stays
# is the sum, 7.6, which is a number of the whole network and of no layer. The noise gain names layer 4, 0.49, and
# does not move with the writing. In my network it does not predict small noise well: the damage is largest behind
# layer 1, 0.74, where the gain is 0.48, and noise of a hundredth of the size gives nearly the same. It says nothing
# of what is lost if a layer is skipped, which moved by 0.09 with the writing. My procedure asks in four networks, of
# five writings each, whether a credit has the order of the damage, and believes above 0.7 in the mean. In
# `several_networks` the gain has 0.96; volumes have 0.00, a credit fitted to one writing 0.31, and to count layers,
# which has 0.98 in one of them, 0.10: the limit lies between, far from either. I would believe the volumes if someone
# named a damage, measured it in many writings, and they had its order."

# %% rubric (1): what the statement on volumes depends on
# Both are named, the side and the writing, with numbers of the own network (from tasks 2, 3 or 5). Half of the point
# for one of them.

# %% rubric (1): what stays, and what it is a property of
# The sum of the volumes (or the gap under a single factor) is named, and that it belongs to the chain and not to a
# layer.

# %% rubric (1): what the noise gain predicts, and what it does not
# The damage is named (noise on states, in each unit's own spread, small), and one that it does not predict, such as
# skipping, with the evidence. Whoever finds, as `ada` should, that in the own network it does not predict the damage
# of noise well, and shows it, has the point as well. So has whoever notices that `1 / width` orders this damage at
# least as well: it did in all 15 networks of five names. No point for "it is invariant, so it is right".

# %% rubric (1): how the procedure's limit was set, and what would change one's mind
# The limit is held against what predicting and non-predicting credits come to, with numbers, and a finding is named
# that could have come out: volumes that follow a named damage over many writings. Half a point for one of the two.
