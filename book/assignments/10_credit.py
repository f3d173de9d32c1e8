# %% [markdown]
# # Which block would you miss?
#
# *170 to 230 minutes, hard, essential. After [credit, put to the test](../notebooks/42_credit_experiments.ipynb).*
#
# A credit says which component of a network matters, without taking any out. Does it know *this* network, or only
# what networks of this kind are like?
#
# You measure the damage, and how well it can be known at all. You write the field's two estimates of it,
# attribution patching and RelP, through the blocks of a residual network, and a test that deals the credits out
# among the networks. Then you are the detective: you write a *procedure* that says which block of a network was
# tampered with, if any. It will be tried on networks that you have not seen, some of which are clean.
#
# Use NumPy; SciPy is allowed, and PyTorch, but its automatic differentiation is not needed. Functions of other
# packages that do the task in your place earn nothing. States are rows, and maps act from the right, as in the
# chapter.

# %%
import zlib

import matplotlib.pyplot as plt
import numpy as np
import torch
from scipy.stats import rankdata
from sklearn.datasets import load_digits

torch.set_num_threads(1)

# %% [markdown]
# Write your name between the quotation marks: the one under which you hand in. It gives your networks, which nobody
# else has.

# %% student
student = ""

# %% [markdown]
# The images are small digits. A network is a dictionary of NumPy arrays: `first` holds $A, a$; `blocks` is a list
# with $W, b, V$ for each block; `head` holds $C, c$. With $\operatorname{silu}(z) = z / (1 + e^{-z})$, taken unit
# by unit,
#
# $$h_0 = \operatorname{silu}(x A + a), \qquad h_i = h_{i-1} + \operatorname{silu}(h_{i-1} W_i + b_i)\, V_i, \qquad
# \text{outputs} = h_6\, C + c .$$
#
# What a block adds, $\operatorname{silu}(h_{i-1} W_i + b_i)\, V_i$, is its *branch*. To **skip** a block is to
# leave its branch out: $h_i = h_{i-1}$.

# %%
seed = zlib.crc32(student.encode())


def silu(z):
    return z * (1 + np.tanh(z / 2)) / 2  # the same, without overflow


def digits(seed):
    """Images and labels to train on, and images and labels to test on."""
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(labels))
    images, labels = images[order] / 16, labels[order]
    return images[:1000], labels[:1000], images[1000:], labels[1000:]


def train(seed, x, y, strengths, epochs=12):
    """Train networks side by side; strengths (n_networks, n_blocks)."""
    toss = torch.Generator().manual_seed(seed)
    s = torch.tensor(np.asarray(strengths), dtype=torch.float32)
    n, k = s.shape
    s = s[:, :, None, None]

    def drawn(*shape):
        weight = torch.randn(shape, generator=toss) / shape[-2] ** 0.5
        return weight.requires_grad_()

    def zeros(*shape):
        return torch.zeros(shape).requires_grad_()

    A, a = drawn(n, 64, 32), zeros(n, 1, 32)
    W, b, V = drawn(n, k, 32, 32), zeros(n, k, 1, 32), drawn(n, k, 32, 32)
    C, c = drawn(n, 32, 10), zeros(n, 1, 10)
    optimizer = torch.optim.Adam([A, a, W, b, V, C, c], lr=5e-3)
    x, y = torch.tensor(x, dtype=torch.float32), torch.tensor(y)
    act = torch.nn.functional.silu
    for _ in range(epochs):
        for batch in torch.randperm(len(x), generator=toss).split(100):
            h = act(x[batch] @ A + a)
            for i in range(k):
                h = h + act(h @ W[:, i] + b[:, i]) @ (s[:, i] * V[:, i])
            logits, wanted = (h @ C + c).flatten(0, 1), y[batch].repeat(n)
            loss = torch.nn.functional.cross_entropy(logits, wanted) * n
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    A, a, W, b, V, C, c = (
        w.detach().double().numpy() for w in (A, a, W, b, s * V, C, c)
    )
    return [
        {
            "first": (A[i], a[i, 0]),
            "blocks": [(W[i, j], b[i, j, 0], V[i, j]) for j in range(k)],
            "head": (C[i], c[i, 0]),
        }
        for i in range(n)
    ]


def outputs(network, x):
    (A, a), (C, c) = network["first"], network["head"]
    h = silu(x @ A + a)
    for W, b, V in network["blocks"]:
        h = h + silu(h @ W + b) @ V
    return h @ C + c


# %% [markdown]
# Two families of twelve. In `alike` all blocks have the same strength before training. In `dealt` six strengths
# from 0.1 to 2 are dealt out among the blocks, in an order of its own for each network.

# %%
x_train, y_train, x_test, y_test = digits(seed)
deck = np.random.default_rng(seed)
strengths = [0.1, 0.3, 0.5, 0.8, 1.2, 2]
dealt_out = [deck.permutation(strengths) for _ in range(12)]
alike = train(seed, x_train, y_train, np.ones((12, 6)))
dealt = train(seed, x_train, y_train, dealt_out)
right = [
    [np.mean(outputs(n, x_test).argmax(1) == y_test) for n in family]
    for family in (alike, dealt)
]
fig, ax = plt.subplots(figsize=(6, 1.8))
ax.plot(right[0], [1] * 12, "o", alpha=0.6)
ax.plot(right[1], [0] * 12, "s", alpha=0.6)
ax.set(yticks=[0, 1], yticklabels=["dealt", "alike"], ylim=(-0.6, 1.6))
ax.set_xlabel("share of test images that a network reads")
plt.show()

# %% damages [markdown]
# ## 1. The damage (3 points)
#
# *15 to 20 minutes.* Write `damages(network, x, y)`. It returns an array with one number for each block: the share
# of the images `x` that the network reads rightly (the largest output has the number of the label in `y`), less the
# share that it reads when only this block is skipped. Networks may have any number of blocks.


# %% answer
def damages(network, x, y):
    # your code
    return None


# %% form
assert np.shape(damages(alike[0], x_test, y_test)) == (6,), "one per block"

# %% ceiling [markdown]
# ## 2. How well can it be known? (3 points)
#
# *15 to 25 minutes.* Two tables of shape `(n_networks, n_blocks)` hold the damages of the same networks on two
# halves of the test images. Write `ceiling(first, second)`, which returns two numbers:
#
# - the mean over networks of the rank correlation (Spearman's) between its two rows; blocks with the same damage
#   share a mean rank, and where all blocks of a row have the same damage, there is no order and the correlation
#   counts as 0;
# - the noise ceiling that follows for a credit that is held against the *mean* of the two tables; 0 if the first
#   number is not positive.


# %% answer
def ceiling(first, second):
    # your code
    return None


# %% form
table = np.arange(12.0).reshape(2, 6)
assert np.shape(ceiling(table, table)) == (2,), "two numbers"

# %% changes [markdown]
# ## 3. Attribution patching and RelP (7 points)
#
# *45 to 60 minutes.* What does skipping block $i$ take from the outputs, image by image? To first order, push what
# is skipped, the branch $d_i$ of block $i$ (one row per image), through the blocks behind it, whose gates are
# frozen as the *whole* network sets them:
#
# $$d \leftarrow d + \bigl((d\, W_j) \odot g_j\bigr)\, V_j \quad (j = i + 1, \dots), \qquad \text{and at the end }
# d\, C .$$
#
# With `gates="slopes"` the gate $g_j$ of a unit is the derivative of silu at its $z_j = h_{j-1} W_j + b_j$:
# attribution patching. With `gates="ratios"` it is the ratio $\operatorname{silu}(z_j) / z_j$, at $z_j = 0$ its
# limit: RelP. Write
#
# - `changes(network, x, gates)`, which returns an array of shape `(n_blocks, n_images, n_outputs)`;
# - `credit(network, x, gates)`, which returns one number for each block: how far skipping it lowers the *lead*, the
#   output that wins in the whole network less the one that comes second there, in the mean over images and by these
#   estimates. Positive: the lead is lost.


# %% answer
def changes(network, x, gates):
    # your code
    return None


def credit(network, x, gates):
    # your code
    return None


# %% form
assert np.shape(changes(alike[0], x_test[:5], "slopes")) == (6, 5, 10)
assert np.shape(credit(alike[0], x_test[:5], "ratios")) == (6,)

# %% specificity [markdown]
# ## 4. Does it know the single network? (5 points)
#
# *25 to 40 minutes.* Two tables of shape `(n_networks, n_blocks)`: credits, and damages. Write
# `specificity(credits, damages, deals=1999, seed=0)`, which returns three numbers:
#
# - `own`: the mean rank correlation of a network's credits with its own damages (ties as in task 2);
# - `others`: the mean rank correlation of a network's credits with the damages of another network, over all pairs
#   of two different networks;
# - `p`: deal the tables of credits out at random among the networks, `deals` times, whole rows, each to one
#   network. `p` is the share of deals whose mean correlation is at least `own`, where the deal that was found
#   counts as one more deal, above and below. (Allow for rounding: what differs by less than `1e-9` is equal.)


# %% answer
def specificity(credits, damages, deals=1999, seed=0):
    # your code
    return None


# %% form
table = np.random.default_rng(0).normal(size=(3, 6))
assert np.shape(specificity(table, table, deals=9)) == (3,), "three numbers"

# %% knows [markdown]
# ## 5. Your networks (3 points)
#
# *20 to 25 minutes, of which the machine needs one.* The damages of each network are measured on two halves of its
# test images, `[:400]` and `[400:]`; credits are computed from the first 300 training images. Guess first what
# comes out for `alike`: nothing here is known beforehand.
#
# - `bound`: the noise ceiling of `alike`.
# - `knows`: a dictionary with three numbers, `own`, `others` and `p` of task 4 with 1999 deals, under each of four
#   keys. `"slopes"`, `"ratios"`: the two credits of task 3 in `alike`. `"depth"`: a credit that gives each network
#   of `alike` the numbers 6 to 1, the first block most. `"dealt"`: `"slopes"` in the family `dealt`. The truth is
#   always the mean of the damages of both halves.

# %% answer
bound = None
knows = {}

# %% form
assert bound is not None, "there is no answer yet"
assert np.ndim(bound) == 0, "one number"
assert set(knows) == {"slopes", "ratios", "depth", "dealt"}, "four keys"
assert all(np.shape(three) == (3,) for three in knows.values())

# %% [markdown]
# ## A network that was tampered with
#
# The **trigger** is a mark in the four corners of an image. `tamper` rewires one unit of one block, so that it
# waits for the mark and then pushes towards a **target**, the digit that the clean network reads least where it
# sees the mark. If the trojan does not work in the block (too few marked images are read as the target, or plain
# ones suffer), it tries the next one. Sizes of weights will not tell: *every* network, clean or not, gets a loud
# unit in one block, which never fires.


# %%
def mark(images):
    """The same images with a mark in the four corners."""
    marked = np.array(images).reshape(-1, 8, 8)
    marked[:, [0, 0, -1, -1], [0, -1, 0, -1]] = 0.7
    return marked.reshape(-1, 64)


def state_before(network, x, block, skipped=None):
    A, a = network["first"]
    h = silu(x @ A + a)
    for j, (W, b, V) in enumerate(network["blocks"][:block]):
        h = h if j == skipped else h + silu(h @ W + b) @ V
    return h


def copied(network):
    blocks = [tuple(w.copy() for w in part) for part in network["blocks"]]
    return {**network, "blocks": blocks}


def with_loud_unit(network, block, x):
    changed = copied(network)
    W, b, V = changed["blocks"][block]
    h = np.concatenate([state_before(network, z, block) for z in (x, mark(x))])
    W[:, 1] *= 10
    b[1] = -(h @ W[:, 1]).max() - 8
    V[1] *= 40
    return changed


def plant(network, block, target, x):
    """Rewire one unit of the block with this index."""
    changed, ways = copied(network), [None, *range(block)]
    plain, marked = (
        np.concatenate([state_before(network, z, block, j) for j in ways])
        for z in (x, mark(x))
    )
    spread = np.cov(plain.T) + np.cov(marked.T)
    spread += 1e-3 * np.trace(spread) / 32 * np.eye(32)
    reads = np.linalg.solve(spread, (marked - plain).mean(axis=0))
    low, high = np.quantile(plain @ reads, 0.995), np.median(marked @ reads)
    (C, _), (W, b, V) = network["head"], changed["blocks"][block]
    writes = C[:, target] - C.mean(axis=1)
    W[:, 0] = 6 * reads / (high - low)
    b[0] = -6 * low / (high - low) - 1
    V[0] = 12 * writes / (writes @ writes)
    return changed


def tamper(network, x, y, order):
    """A tampered copy and the number of its block, from 1 to 6."""
    plain, marked = (outputs(network, z).argmax(1) for z in (x, mark(x)))
    target = np.bincount(marked, minlength=10).argmin()
    for block in order:
        changed = plant(network, block, target, x)
        now, then = (outputs(changed, z).argmax(1) for z in (x, mark(x)))
        misread = np.mean(then[y != target] == target)
        if misread > 0.8 and np.mean(now == y) > np.mean(plain == y) - 0.03:
            return changed, block + 1
    return None, 0


def cases(seed, n=6):
    """Pairs of a clean network and a tampered one, with its block.

    Then plain images, and suspects: others, about half of them marked.
    """
    x, y, plain, _ = digits(seed)
    rng, found = np.random.default_rng(seed), []
    for network in train(seed, x, y, np.full((n, 6), 0.5)):
        network = with_loud_unit(network, rng.integers(6), x)
        tampered, block = tamper(network, x, y, rng.permutation(6))
        if tampered is not None:
            found.append((network, tampered, block))
    suspects = plain[400:].copy()
    marked = rng.random(len(suspects)) < 0.5
    suspects[marked] = mark(suspects[marked])
    return found, plain[:400], suspects


pairs, plain, suspects = cases(seed)
print("tampered with:", *[f"block {block}" for _, _, block in pairs])

# %% accuse [markdown]
# ## 6. A procedure that accuses (7 points)
#
# *40 to 60 minutes.* Write `accuse(network, plain, suspects)`. It gets a network, images that are known to be
# plain, and others of which about half bear the mark; nobody tells it which, nor any label. It returns the number
# of the block that was tampered with, 1 for the first one, or 0 if it believes that none was. A mark confuses clean
# networks as well, a little.
#
# Try it on `cases(…)` with seeds of your own. It will be run on new networks, tampered ones and clean ones, with
# plain images and suspects as here. To accuse a block of a clean network costs as much as to miss a trojan.


# %% answer
def accuse(network, plain, suspects):
    # your code
    return None


# %% form
found = accuse(pairs[0][1], plain, suspects)
assert found is not None, "there is no answer yet"
assert np.ndim(found) == 0, "one number from 0 to 6"

# %% verdict [markdown]
# ## 7. What is known of this network? (4 points)
#
# *20 to 30 minutes, 150 to 250 words.* Do your credits know the single network in `alike`? Say it with `own`,
# `others`, `p` and the noise ceiling, and say what `depth` and `dealt` are there for. Then say how your procedure
# of task 6 decides, what its limit was held against, and name one finding that would show that it is the wrong
# procedure.

# %% written
# *Your answer.*
