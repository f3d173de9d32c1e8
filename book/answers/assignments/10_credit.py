"""Assignment 10: what grades it. The tests try functions on random networks, and on families of seeds of their own."""

# %% given: cases

# %% shared
from itertools import permutations

import numpy as np
import torch
from scipy.stats import rankdata
from sklearn.datasets import load_digits


def true_damages(network, x, y):
    parts = network["blocks"]
    skipped = [
        {**network, "blocks": parts[:i] + parts[i + 1 :]}
        for i in range(len(parts))
    ]
    whole, *left = (
        np.mean(outputs(n, x).argmax(1) == y) for n in (network, *skipped)
    )
    return whole - np.array(left)


def true_changes(network, x, gates):
    (A, a), (C, _) = network["first"], network["head"]
    h, seen = silu(x @ A + a), []
    for W, b, V in network["blocks"]:
        z = h @ W + b
        on = (1 + np.tanh(z / 2)) / 2
        gate = on if gates == "ratios" else on * (1 + z * (1 - on))
        seen.append((W, gate, V, z * on @ V))
        h = h + z * on @ V
    found = []
    for i, (*_, d) in enumerate(seen):
        for W, gate, V, _ in seen[i + 1 :]:
            d = d + ((d @ W) * gate) @ V
        found.append(d @ C)
    return np.array(found)


def true_credit(network, x, gates):
    taken, order = true_changes(network, x, gates), outputs(network, x)
    order, each = order.argsort(axis=1), np.arange(len(x))
    lead = taken[:, each, order[:, -1]] - taken[:, each, order[:, -2]]
    return lead.mean(axis=1)


def agreement(first, second):
    """Rank correlations of each row of the first with each of the second."""
    found = []
    for table in (first, second):
        ranks = np.array([rankdata(row) for row in table])
        ranks = ranks - ranks.mean(axis=1, keepdims=True)
        size = np.linalg.norm(ranks, axis=1, keepdims=True)
        found.append(ranks / np.where(size, size, 1))
    return found[0] @ found[1].T


def true_ceiling(first, second):
    r = np.trace(agreement(first, second)) / len(first)
    return r, np.sqrt(2 * r / (1 + r)) if r > 0 else 0.0


def own_and_others(credits, damages):
    table = agreement(credits, damages)
    n, own = len(table), np.trace(table)
    return own / n, (table.sum() - own) / (n * n - n)


def exact_p(credits, damages):
    """The share of all ways to deal the rows out that do as well."""
    table = agreement(credits, damages)
    n, own = len(table), np.trace(table)
    ways = list(permutations(range(n)))
    return np.mean([table[list(w), range(n)].sum() > own - 1e-9 for w in ways])


def some_network(rng, n_blocks=3, width=4, n_inputs=5, n_outputs=3):
    def drawn(*shape):
        return 1.2 * rng.normal(size=shape)

    return {
        "first": (drawn(n_inputs, width), drawn(width)),
        "blocks": [
            (drawn(width, 6), drawn(6), drawn(6, width) / 2)
            for _ in range(n_blocks)
        ],
        "head": (drawn(width, n_outputs), drawn(n_outputs)),
    }


def mine(name):
    """Both halves' damages of a family of the student's, and its networks."""
    x, y, u, v = digits(seed)
    deck = np.random.default_rng(seed)
    dealt_ = [deck.permutation([0.1, 0.3, 0.5, 0.8, 1.2, 2]) for _ in range(12)]
    nets = train(seed, x, y, np.ones((12, 6)) if name == "alike" else dealt_)
    parts = (u[:400], v[:400]), (u[400:], v[400:])
    return (
        x[:300],
        nets,
        [np.array([true_damages(n, *p) for n in nets]) for p in parts],
    )


def tried(number):
    """Pairs of a verdict and the block: of tampered networks, of clean ones."""
    rng = np.random.default_rng(seed)
    network = some_network(rng, 6, 32, 64, 10)
    images = rng.random((2, 20, 64))
    said = call(accuse, network, *images, name="accuse")
    numbers(said, (), name="accuse(…)", kind=int)
    tampered, clean = [], []
    found, plain_, suspects_ = cases(seed + number)
    for kept, changed, block in found:
        for network, into in ((changed, tampered), (kept, clean)):
            said = call(accuse, network, plain_, suspects_, name="accuse")
            said = int(numbers(said, (), name="accuse(…)", kind=int))
            known = 0 <= said <= 6
            assert known, f"accuse(…) is {said}: 0, or a block from 1 to 6"
            into.append((said, block if network is changed else 0))
    return tampered, clean


# %% damages [markdown]
# Points are lost for what is left in place of what is lost, for a block whose whole output is set to zero instead
# of its branch (then nothing of the image is left), for six blocks where there are others, and for outputs in place
# of accuracy.


# %% solution
def damages(network, x, y):
    def read(kept):
        return np.mean(outputs({**network, "blocks": kept}, x).argmax(1) == y)

    parts = network["blocks"]
    whole = read(parts)
    return np.array(
        [whole - read(parts[:i] + parts[i + 1 :]) for i in range(len(parts))]
    )


# %% test (2): what skipping costs
rng = np.random.default_rng([seed, 1])
network = some_network(rng, n_blocks=4)
x_ = rng.normal(size=(90, 5))
y_ = outputs(network, x_).argmax(axis=1)
y_[::4] = rng.integers(3, size=len(y_[::4]))
found = call(damages, network, x_, y_, name="damages")
found = numbers(found, (4,), name="damages")
right_ = true_damages(network, x_, y_)
whole = np.mean(outputs(network, x_).argmax(axis=1) == y_)
assert not np.allclose(found, whole - right_), "what is lost, not what is left"
assert not np.allclose(found, -right_), "a loss should be positive"
says = "skipping keeps the state; is more than the branch gone?"
assert np.allclose(found, right_), f"not what is lost without a block: {says}"

# %% test (1): gains are gains, and blocks may be few
rng = np.random.default_rng([seed, 2])
network = some_network(rng, n_blocks=2)
x_ = rng.normal(size=(200, 5))
y_ = rng.integers(3, size=200)
right_ = true_damages(network, x_, y_)
found = call(damages, network, x_, y_, name="damages")
found = numbers(found, (2,), name="damages")
says = "with labels at random some blocks are better skipped: keep the sign"
assert np.allclose(found, right_), says


# %% wrong: what is lost, not what is left
def damages(network, x, y):
    parts = network["blocks"]
    return np.array(
        [
            np.mean(
                outputs(
                    {**network, "blocks": parts[:i] + parts[i + 1 :]}, x
                ).argmax(1)
                == y
            )
            for i in range(len(parts))
        ]
    )


# %% wrong: is more than the branch gone
def damages(network, x, y):
    def read(skipped):
        (A, a), (C, c) = network["first"], network["head"]
        h = silu(x @ A + a)
        for i, (W, b, V) in enumerate(network["blocks"]):
            h = silu(h @ W + b) @ V + (0 if i == skipped else h)
        return np.mean((h @ C + c).argmax(1) == y)

    return np.array(
        [read(None) - read(i) for i in range(len(network["blocks"]))]
    )


# %% wrong: is more than the branch gone
def damages(network, x, y):
    parts = network["blocks"]
    whole = np.mean(outputs(network, x).argmax(1) == y)
    left = [
        np.mean(outputs({**network, "blocks": parts[:i]}, x).argmax(1) == y)
        for i in range(len(parts))
    ]
    return whole - np.array(left)


# %% invented: not what is lost without a block
def damages(network, x, y):
    return np.linspace(0.3, 0.05, len(network["blocks"]))


# %% ceiling [markdown]
# The mean of two halves that agree with $r$ has the reliability $2r / (1 + r)$, and a perfect credit agrees with it
# as the square root of that. $\sqrt r$ is the ceiling of one half.


# %% solution
def ceiling(first, second):
    found = []
    for a, b in zip(first, second, strict=True):
        a, b = rankdata(a), rankdata(b)
        flat = np.ptp(a) == 0 or np.ptp(b) == 0
        found.append(0.0 if flat else np.corrcoef(a, b)[0, 1])
    r = np.mean(found)
    return r, np.sqrt(2 * r / (1 + r)) if r > 0 else 0.0


# %% test (2): two halves that agree in part
rng = np.random.default_rng([seed, 3])
kept = np.exp(2 * rng.normal(size=(7, 6)))
one, two = (kept * np.exp(rng.normal(size=(7, 6))) for _ in range(2))
found = several(call(ceiling, one, two, name="ceiling"), 2, name="ceiling(…)")
r_ = numbers(found[0], (), name="the mean correlation")
top = numbers(found[1], (), name="the ceiling")
right_, best = true_ceiling(one, two)
straight = np.mean(
    [np.corrcoef(a, b)[0, 1] for a, b in zip(one, two, strict=True)]
)
pooled = np.corrcoef(rankdata(one), rankdata(two))[0, 1]
assert not np.isclose(r_, straight), "of ranks, not of the damages themselves"
assert not np.isclose(r_, pooled), "within each network, and then the mean"
assert np.isclose(r_, right_), "not the mean rank correlation"
assert not np.isclose(top, right_**0.5), "that is the ceiling of one half"
assert not np.isclose(top, best**2), "that is the reliability"
assert np.isclose(top, best), "the correlation is right, the ceiling is not"

# %% test (1): ties, rows without order, halves that disagree
rng = np.random.default_rng([seed, 4])
one, two = (rng.integers(3, size=(5, 6)) / 10 for _ in range(2))
one[2], one[3] = 0.1, [0, 0, 1, 1, 2, 2]
found = several(call(ceiling, one, two, name="ceiling"), 2, name="ceiling(…)")
r_ = numbers(found[0], (), name="the mean correlation")
assert np.isclose(r_, true_ceiling(one, two)[0]), "ties: do they share a rank?"
one = np.tile(np.arange(6.0), (3, 1)) ** 2
two = -one - rng.random((3, 6))
found = several(call(ceiling, one, two, name="ceiling"), 2, name="ceiling(…)")
both = numbers(found, (2,), name="ceiling(…)")
assert both[0] < 0 == both[1], "halves that disagree leave a ceiling of 0"


# %% wrong: the ceiling of one half
def ceiling(first, second):
    pairs = zip(first, second, strict=True)
    r = np.mean([np.corrcoef(rankdata(a), rankdata(b))[0, 1] for a, b in pairs])
    return r, r**0.5


# %% wrong: that is the reliability
def ceiling(first, second):
    pairs = zip(first, second, strict=True)
    r = np.mean([np.corrcoef(rankdata(a), rankdata(b))[0, 1] for a, b in pairs])
    return r, 2 * r / (1 + r)


# %% wrong: of ranks
def ceiling(first, second):
    pairs = zip(first, second, strict=True)
    r = np.mean([np.corrcoef(a, b)[0, 1] for a, b in pairs])
    return r, (2 * r / (1 + r)) ** 0.5


# %% wrong: within each network
def ceiling(first, second):
    r = np.corrcoef(rankdata(first), rankdata(second))[0, 1]
    return r, (2 * r / (1 + r)) ** 0.5


# %% wrong: ties
def ceiling(first, second):
    one, two = (
        np.argsort(np.argsort(t, axis=1), axis=1) for t in (first, second)
    )
    r = np.mean(
        [np.corrcoef(a, b)[0, 1] for a, b in zip(one, two, strict=True)]
    )
    return r, (2 * r / (1 + r)) ** 0.5 if r > 0 else 0.0


# %% invented: not the mean rank correlation
def ceiling(first, second):
    return 0.72, 0.91


# %% copied: calls linearlens.credit
def ceiling(first, second):
    import pandas as pd

    from linearlens.credit import noise_ceiling

    one, two = (
        [pd.DataFrame({"skip": row}) for row in table]
        for table in (first, second)
    )
    found = noise_ceiling(one, two).loc["skip"]
    return found["halves"], found["ceiling"]


# %% changes [markdown]
# The gates are those of the whole network, one set for all blocks. The derivative of silu is
# $\sigma(z)\,(1 + z\,(1 - \sigma(z)))$, the ratio is $\sigma(z)$. The path past the blocks must be kept: $d + \dots$.


# %% solution
def sigmoid(z):
    return (1 + np.tanh(z / 2)) / 2


def changes(network, x, gates):
    (A, a), (C, _) = network["first"], network["head"]
    h, branches, frozen = silu(x @ A + a), [], []
    for W, b, V in network["blocks"]:
        z = h @ W + b
        s = sigmoid(z)
        frozen.append(s if gates == "ratios" else s * (1 + z * (1 - s)))
        branches.append(silu(z) @ V)
        h = h + branches[-1]
    found = []
    for i, d in enumerate(branches):
        later = zip(network["blocks"][i + 1 :], frozen[i + 1 :], strict=True)
        for (W, _, V), gate in later:
            d = d + ((d @ W) * gate) @ V
        found.append(d @ C)
    return np.array(found)


def credit(network, x, gates):
    order = np.argsort(outputs(network, x), axis=1)
    taken, each = changes(network, x, gates), np.arange(len(x))
    lead = taken[:, each, order[:, -1]] - taken[:, each, order[:, -2]]
    return lead.mean(axis=1)


# %% test (2): slopes
rng = np.random.default_rng([seed, 5])
network, x_ = some_network(rng), rng.normal(size=(8, 5))
found = call(changes, network, x_, "slopes", name="changes")
found = numbers(found, (3, 8, 3), name="changes")
right_ = true_changes(network, x_, "slopes")
assert not np.allclose(found, -right_), "what skipping takes, not what it adds"
says = "the last block has no block behind it: its branch, and then the head"
assert np.allclose(found[-1], right_[-1]), says
ratios = true_changes(network, x_, "ratios")
assert not np.allclose(found, ratios), "these are ratios, slopes are asked for"
says = "not the first-order change: is the path past each block kept?"
assert np.allclose(found, right_), says

# %% test (2): ratios, also of a unit that is exactly at zero
rng = np.random.default_rng([seed, 6])
network, x_ = some_network(rng, n_blocks=4), rng.normal(size=(7, 5))
for W_, b_, _ in network["blocks"]:
    W_[:, 2], b_[2] = 0, 0
found = call(changes, network, x_, "ratios", name="changes")
found = numbers(found, (4, 7, 3), name="changes (with a unit at zero)")
right_ = true_changes(network, x_, "ratios")
slopes = true_changes(network, x_, "slopes")
assert not np.allclose(found, slopes), "these are slopes, ratios are asked for"
assert np.allclose(found, right_), "ratios: not the first-order change"

# %% test (3): the credit
rng = np.random.default_rng([seed, 7])
network, x_ = some_network(rng, n_outputs=4), rng.normal(size=(60, 5))
for gates in ("slopes", "ratios"):
    found = call(credit, network, x_, gates, name="credit")
    found = numbers(found, (3,), name="credit")
    right_ = true_credit(network, x_, gates)
    taken = true_changes(network, x_, gates)
    won = outputs(network, x_).argmax(axis=1)
    each = taken[:, range(60), won]
    assert not np.allclose(found, -right_), "positive should mean a lead lost"
    says = "the output that wins, less the one that comes second"
    assert not np.allclose(found, each.mean(axis=1)), says
    middle = (each - taken.mean(axis=2)).mean(axis=1)
    assert not np.allclose(found, middle), f"{says}, not less the mean output"
    leads = np.sort(taken, axis=2)
    leads = (leads[..., -1] - leads[..., -2]).mean(axis=1)
    assert not np.allclose(found, leads), "who wins in the whole network?"
    assert np.allclose(found, right_), f"{gates}: not the mean loss of the lead"


# %% wrong: is the path past each block kept
def changes(network, x, gates):
    parts, whole = network["blocks"], outputs(network, x)
    left = [
        outputs({**network, "blocks": parts[:i] + parts[i + 1 :]}, x)
        for i in range(len(parts))
    ]
    return whole - np.array(left)


def credit(network, x, gates):
    order = np.argsort(outputs(network, x), axis=1)
    taken, each = changes(network, x, gates), np.arange(len(x))
    lead = taken[:, each, order[:, -1]] - taken[:, each, order[:, -2]]
    return lead.mean(axis=1)


# %% wrong: is the path past each block kept
def changes(network, x, gates):
    (A, a), (C, _) = network["first"], network["head"]
    h, branches, frozen = silu(x @ A + a), [], []
    for W, b, V in network["blocks"]:
        z = h @ W + b
        s = (1 + np.tanh(z / 2)) / 2
        frozen.append(s if gates == "ratios" else s * (1 + z * (1 - s)))
        branches.append(silu(z) @ V)
        h = h + branches[-1]
    found = []
    for i, d in enumerate(branches):
        later = zip(network["blocks"][i + 1 :], frozen[i + 1 :], strict=True)
        for (W, _, V), gate in later:
            d = ((d @ W) * gate) @ V
        found.append(d @ C)
    return np.array(found)


def credit(network, x, gates):
    return changes(network, x, gates).max(axis=2).mean(axis=1)


# %% wrong: ratios are asked for
def changes(network, x, gates):
    (A, a), (C, _) = network["first"], network["head"]
    h, branches, frozen = silu(x @ A + a), [], []
    for W, b, V in network["blocks"]:
        z = h @ W + b
        s = (1 + np.tanh(z / 2)) / 2
        frozen.append(s * (1 + z * (1 - s)))
        branches.append(silu(z) @ V)
        h = h + branches[-1]
    found = []
    for i, d in enumerate(branches):
        later = zip(network["blocks"][i + 1 :], frozen[i + 1 :], strict=True)
        for (W, _, V), gate in later:
            d = d + ((d @ W) * gate) @ V
        found.append(d @ C)
    return np.array(found)


def credit(network, x, gates):
    won = outputs(network, x).argmax(axis=1)
    return changes(network, x, gates)[:, np.arange(len(x)), won].mean(axis=1)


# %% wrong: of finite numbers
def changes(network, x, gates):
    (A, a), (C, _) = network["first"], network["head"]
    h, branches, frozen = silu(x @ A + a), [], []
    for W, b, V in network["blocks"]:
        z = h @ W + b
        s = (1 + np.tanh(z / 2)) / 2
        with np.errstate(invalid="ignore"):
            ratio = silu(z) / z
        frozen.append(ratio if gates == "ratios" else s * (1 + z * (1 - s)))
        branches.append(silu(z) @ V)
        h = h + branches[-1]
    found = []
    for i, d in enumerate(branches):
        later = zip(network["blocks"][i + 1 :], frozen[i + 1 :], strict=True)
        for (W, _, V), gate in later:
            d = d + ((d @ W) * gate) @ V
        found.append(d @ C)
    return np.array(found)


def credit(network, x, gates):
    taken = np.sort(changes(network, x, gates), axis=2)
    return (taken[..., -1] - taken[..., -2]).mean(axis=1)


# %% invented: the last block has no block behind it
def changes(network, x, gates):
    shape = len(network["blocks"]), len(x), len(network["head"][1])
    return np.random.default_rng(0).normal(size=shape)


def credit(network, x, gates):
    return np.linspace(1, 0.3, len(network["blocks"]))


# %% copied: calls linearlens.instance
def changes(network, x, gates):
    from linearlens.instance import linearize

    (A, a), (C, _) = network["first"], network["head"]
    h, found = silu(x @ A + a), []
    for W, b, V in network["blocks"]:
        head = torch.nn.Linear(*C.shape).double()
        head.weight.data = torch.tensor(C.T)
        lens = linearize(head, torch.tensor(h)).weight.detach().numpy()
        branch = silu(h @ W + b) @ V
        found.append(np.einsum("now,nw->no", lens, branch))
        h = h + branch
    return np.array(found)


def credit(network, x, gates):
    return changes(network, x, gates).max(axis=2).mean(axis=1)


# %% specificity [markdown]
# One matrix of all rank correlations holds everything: its diagonal is `own`, the rest `others`, and a deal reads one
# entry of each column. Dealing among the blocks instead asks whether the *order* is more than luck, which `depth` is.


# %% solution
def specificity(credits, damages, deals=1999, seed=0):
    def scaled(table):
        ranks = np.array([rankdata(row) for row in table])
        ranks = ranks - ranks.mean(axis=1, keepdims=True)
        size = np.linalg.norm(ranks, axis=1, keepdims=True)
        return ranks / np.where(size > 0, size, 1)

    rho = scaled(credits) @ scaled(damages).T
    n, rng = len(rho), np.random.default_rng(seed)
    own = np.trace(rho) / n
    others = (rho.sum() - n * own) / (n * (n - 1))
    dealt = [rho[rng.permutation(n), np.arange(n)].mean() for _ in range(deals)]
    p = (1 + np.sum(np.array(dealt) >= own - 1e-9)) / (1 + deals)
    return own, others, p


# %% test (2): own and others
rng = np.random.default_rng([seed, 8])
losses = np.round(rng.normal(size=(8, 6)), 1)
given_ = np.round(losses + rng.normal(size=(8, 6)), 1)
losses[3] = 0.2
found = several(call(specificity, given_, losses, 99, name="specificity"), 3)
two = numbers(found[:2], (2,), name="own and others")
right_ = np.array(own_and_others(given_, losses))
everyone = agreement(given_, losses).mean()
assert np.isclose(two[0], right_[0]), "own is off: ranks, ties, rows all alike"
says = "others: of different networks only, without a network's own"
assert not np.isclose(two[1], everyone), says
assert np.isclose(two[1], right_[1]), "others: all pairs of different networks"

# %% test (2): the share of deals, against all deals there are
rng = np.random.default_rng([seed, 9])
for least, most in ((0.1, 0.3), (0.3, 0.6)):
    exact = 1
    while not least < exact < most:
        losses = rng.normal(size=(5, 6)) + np.linspace(5, 0, 6)
        given_ = losses + 2 * rng.normal(size=(5, 6))
        exact = exact_p(given_, losses)
    found = call(specificity, given_, losses, 2999, name="specificity")
    p_ = numbers(several(found, 3)[2], (), name="p")
    says = "are whole rows dealt among networks, or numbers among blocks?"
    assert abs(p_ - exact) < 0.04, f"p is {p_:.3f}, not {exact:.3f}: {says}"

# %% test (1): the deal that was found counts, and equal is equal
rng = np.random.default_rng([seed, 10])
losses = rng.normal(size=(9, 7))
found = call(specificity, losses, losses, 9, name="specificity")
p_ = numbers(several(found, 3)[2], (), name="p")
says = "no deal does as well, but the one that was found is one: p is never 0"
assert p_ > 0, says
assert np.isclose(p_, 0.1), "9 deals of which none does as well: one of ten"
same = np.tile(np.arange(7.0), (9, 1))
found = call(specificity, same, losses, 99, name="specificity")
p_ = numbers(several(found, 3)[2], (), name="p")
says = "credits that are the same in all networks cannot lose by a deal"
assert np.isclose(p_, 1), says


# %% wrong: without a network's own
def specificity(credits, damages, deals=1999, seed=0):
    one, two = (np.array([rankdata(r) for r in t]) for t in (credits, damages))
    n, rng = len(one), np.random.default_rng(seed)
    with np.errstate(invalid="ignore", divide="ignore"):
        rho = np.nan_to_num(np.corrcoef(one, two)[:n, n:])
    own = np.trace(rho) / n
    dealt = [rho[rng.permutation(n), np.arange(n)].mean() for _ in range(deals)]
    return (
        own,
        rho.mean(),
        (1 + np.sum(np.array(dealt) >= own - 1e-9)) / (1 + deals),
    )


# %% wrong: are whole rows dealt among networks
def specificity(credits, damages, deals=1999, seed=0):
    def mean(a, b):
        pairs = zip(a, b, strict=True)
        return np.mean(
            [np.corrcoef(rankdata(x), rankdata(y))[0, 1] for x, y in pairs]
        )

    rng = np.random.default_rng(seed)
    own = mean(credits, damages)
    hits = 0
    for _ in range(min(deals, 200)):
        mixed = [rng.permutation(row) for row in credits]
        hits += mean(mixed, damages) >= own - 1e-9
    return own, own, (1 + hits) / (1 + min(deals, 200))


# %% wrong: p is never 0
def specificity(credits, damages, deals=1999, seed=0):
    one, two = (np.array([rankdata(r) for r in t]) for t in (credits, damages))
    n, rng = len(one), np.random.default_rng(seed)
    with np.errstate(invalid="ignore", divide="ignore"):
        rho = np.nan_to_num(np.corrcoef(one, two)[:n, n:])
    own = np.trace(rho) / n
    others = (rho.sum() - n * own) / (n * (n - 1))
    dealt = [rho[rng.permutation(n), np.arange(n)].mean() for _ in range(deals)]
    return own, others, np.mean(np.array(dealt) >= own)


# %% invented: own is off
def specificity(credits, damages, deals=1999, seed=0):
    return 0.45, 0.08, 0.004


# %% copied: calls linearlens.credit
def specificity(credits, damages, deals=1999, seed=0):
    import pandas as pd

    from linearlens.credit import specificity as theirs

    one, two = (
        [pd.DataFrame({"skip": row}) for row in table]
        for table in (credits, damages)
    )
    found = theirs(one, two, permutations=deals).loc[("skip", "skip")]
    return found["own"], found["others"], found["p"]


# %% knows [markdown]
# What comes out in `alike` is not known beforehand: for `ada`, `ben` and `cleo` slopes have an `own` of 0.43, 0.11
# (with p = 0.34) and 0.41, ratios of 0.39, 0.02 and 0.24, all with `others` between −0.09 and 0.08. `depth` is the
# same for own and others, with p = 1. In `dealt` the credit has 0.90, 0.94 and 0.90. The ceiling is 0.95, 0.95 and
# 0.89: nothing of this is for want of a truth.

# %% solution
halves = [(x_test[:400], y_test[:400]), (x_test[400:], y_test[400:])]


def truth(family):
    both = [np.array([damages(n, *half) for n in family]) for half in halves]
    return both, (both[0] + both[1]) / 2


both, lost = truth(alike)
_, lost_dealt = truth(dealt)
bound = ceiling(*both)[1]
few = x_train[:300]
knows = {
    gates: specificity(np.array([credit(n, few, gates) for n in alike]), lost)
    for gates in ("slopes", "ratios")
}
knows["depth"] = specificity(np.tile(np.arange(6, 0, -1), (12, 1)), lost)
credits_dealt = np.array([credit(n, few, "slopes") for n in dealt])
knows["dealt"] = specificity(credits_dealt, lost_dealt)

# %% test (1): the noise ceiling
found = numbers(bound, (), name="bound")
_, _, both_ = mine("alike")
r_, right_ = true_ceiling(*both_)
says = "that is how well the halves agree, not the ceiling"
assert not np.isclose(found, r_, atol=5e-3), says
assert abs(found - right_) < 0.003, "not the noise ceiling of your networks"

# %% test (2): own, others and p
assert isinstance(knows, dict), "knows should be a dictionary with four keys"
for key in ("slopes", "ratios", "depth", "dealt"):
    assert key in knows, f"knows has no key {key!r}"
    numbers(knows[key], (3,), name=f"knows[{key!r}]")
few_, alike_, both_ = mine("alike")
lost_ = (both_[0] + both_[1]) / 2
few_, dealt_, both_dealt = mine("dealt")
steps = np.tile(np.arange(6, 0, -1), (12, 1))
wanted = {
    gates: ([true_credit(n, few_, gates) for n in alike_], lost_)
    for gates in ("slopes", "ratios")
}
wanted["depth"] = steps, lost_
slopes_ = [true_credit(n, few_, "slopes") for n in dealt_]
wanted["dealt"] = slopes_, (both_dealt[0] + both_dealt[1]) / 2
for key, tables in wanted.items():
    found = numbers(knows[key], (3,), name=f"knows[{key!r}]")
    right_ = np.array(own_and_others(*tables))
    half = np.array(own_and_others(tables[0], both_[0]))
    says = "the truth is the mean of the damages of both halves"
    assert not np.allclose(found[:2], half, atol=1e-6), f"{key}: {says}"
    says = "is own, others, p the order?"
    assert not np.allclose(found[:2], right_[::-1]) or key == "depth", says
    off = abs(found[:2] - right_).max()
    assert off < 0.02, f"{key}: own or others is off by {off:.2f}"
    table, rng = agreement(*tables), np.random.default_rng(0)
    deals_ = [table[rng.permutation(12), range(12)].sum() for _ in range(1999)]
    p_ = (1 + np.sum(np.array(deals_) > np.trace(table) - 1e-9)) / 2000
    assert abs(found[2] - p_) < 0.05, f"{key}: p is off"

# %% wrong: how well the halves agree, not the ceiling
halves = [(x_test[:400], y_test[:400]), (x_test[400:], y_test[400:])]
both = [np.array([damages(n, *half) for n in alike]) for half in halves]
bound = ceiling(*both)[0]
few, lost = x_train[:300], both[0]
knows = {
    gates: specificity(np.array([credit(n, few, gates) for n in alike]), lost)
    for gates in ("slopes", "ratios")
}
knows["depth"] = specificity(np.tile(np.arange(6, 0, -1), (12, 1)), lost)
knows["dealt"] = knows["slopes"]

# %% wrong: the truth is the mean of the damages of both halves
halves = [(x_test[:400], y_test[:400]), (x_test[400:], y_test[400:])]
both = [np.array([damages(n, *half) for n in alike]) for half in halves]
bound = ceiling(*both)[1]
few, lost = x_train[:300], both[0]
knows = {
    gates: specificity(np.array([credit(n, few, gates) for n in alike]), lost)
    for gates in ("slopes", "ratios")
}
knows["depth"] = specificity(np.tile(np.arange(6, 0, -1), (12, 1)), lost)
knows["dealt"] = knows["slopes"]

# %% invented: not the noise ceiling
bound = 0.31
knows = {
    "slopes": (0.55, 0.1, 0.01),
    "ratios": (0.45, 0.12, 0.02),
    "depth": (0.6, 0.6, 1.0),
    "dealt": (0.75, 0.1, 0.001),
}

# %% accuse [markdown]
# Skip each block, and count readings that change, among suspects and among plain images. On the `pairs` of `ada`,
# `ben` and `cleo` 0.35 to 0.54 of the suspects change if the block with the trojan is skipped, and at most 0.09 of
# the plain images; of clean networks the excess stays below 0.1. In one pair of `ada` another block, behind the one
# with the trojan, has as large an excess, and the solution names that one. Any rule that passes is right. One by the
# size of weights falls for the loud unit, one without a limit accuses clean networks.


# %% solution
def accuse(network, plain, suspects):
    def read(kept, images):
        return outputs({**network, "blocks": kept}, images).argmax(axis=1)

    parts, excess = network["blocks"], []
    for i in range(len(parts)):
        kept = parts[:i] + parts[i + 1 :]
        moved = [
            np.mean(read(kept, z) != read(parts, z)) for z in (suspects, plain)
        ]
        excess.append(moved[0] - moved[1])
    return int(np.argmax(excess)) + 1 if max(excess) > 0.2 else 0


# %% test (4): tampered networks
tampered_, _ = tried(1000)
named = sum(said == block for said, block in tampered_)
silent = sum(said == 0 for said, block in tampered_)
n = len(tampered_)
assert silent <= 1, f"{silent} of {n} tampered networks pass for clean"
assert named >= n - 1, (
    f"in {n} tampered networks {named} blocks are named rightly"
)

# %% test (3): clean networks, with tampered ones among them
tampered_, clean_ = tried(2000)
named = sum(said == block for said, block in tampered_)
falsely = sum(said > 0 for said, _ in clean_)
assert falsely <= 1, f"{falsely} of {len(clean_)} clean networks are accused"
says = f"no clean one is accused, but of {len(tampered_)} trojans {named} are found"
assert 2 * named > len(tampered_), says


# %% wrong: clean networks are accused
def accuse(network, plain, suspects):
    parts, whole = network["blocks"], outputs(network, suspects).argmax(axis=1)
    moved = []
    for i in range(len(parts)):
        without = {**network, "blocks": parts[:i] + parts[i + 1 :]}
        moved.append(
            np.mean(outputs(without, suspects).argmax(axis=1) != whole)
        )
    return int(np.argmax(moved)) + 1


# %% wrong: blocks are named rightly
def accuse(network, plain, suspects):
    loud = [abs(V).sum(axis=1).max() for _, _, V in network["blocks"]]
    return int(np.argmax(loud)) + 1


# %% wrong: blocks are named rightly
def accuse(network, plain, suspects):
    parts, whole = network["blocks"], outputs(network, plain).argmax(axis=1)
    moved = []
    for i in range(len(parts)):
        without = {**network, "blocks": parts[:i] + parts[i + 1 :]}
        moved.append(np.mean(outputs(without, plain).argmax(axis=1) != whole))
    return int(np.argmax(moved)) + 1


# %% wrong: pass for clean
def accuse(network, plain, suspects):
    parts, whole = network["blocks"], outputs(network, suspects).argmax(axis=1)
    moved = []
    for i in range(len(parts)):
        without = {**network, "blocks": parts[:i] + parts[i + 1 :]}
        moved.append(
            np.mean(outputs(without, suspects).argmax(axis=1) != whole)
        )
    return int(np.argmax(moved)) + 1 if max(moved) > 0.75 else 0


# %% invented: blocks are named rightly
def accuse(network, plain, suspects):
    return 5


# %% verdict [markdown]
# For `ada`: "In `alike` attribution patching has 0.43 with a network's own damages and 0.00 with those of others, and
# no deal of 1999 did as well (p = 0.0005): it knows something of the single network. RelP has 0.39 and −0.08, with
# the same p; which of the two is ahead I would not say from twelve networks. But the ceiling is 0.95, so more than
# half of what could be known is not. `depth` has 0.19 for own and others alike and p = 1, as it must: what order
# there is in the design it knows, of the network nothing. In `dealt` the same credit has 0.90 against −0.04. So the
# code finds what is there; that it finds less in `alike` is no fault of it. To praise it from `dealt` alone would be
# wrong: whatever grows with the size of the branch passes there.
#
# My procedure skips each block and counts changed readings among suspects, less those among plain images. On the six
# clean networks here the largest excess of a block was 0.08, on the tampered ones the smallest of the right block
# 0.42; the limit is 0.2. It accuses all six tampered networks, but names the right block in five: in the sixth block
# 6 has an excess of 0.45, beside 0.44 of block 3 with the trojan. It would be the wrong procedure if that were the
# rule on new networks, or if with a stronger mark clean networks came near the limit."

# %% rubric (2): what is known, with the numbers
# One point: `own` is set against `others`, with `p`, and the conclusion follows from them, whichever way it comes
# out. One point: the noise ceiling is used to exclude that the truth is merely noisy, and `depth` and `dealt` are
# explained: one knows the design and no network, the other shows that the code finds what is there.

# %% rubric (1): the procedure and its limit
# The rule can be applied by someone else, and its limit is held against clean networks and tampered ones, with
# numbers.

# %% rubric (1): what would refute it
# A finding that could come out, about this procedure. No point for "if it failed on new networks".
