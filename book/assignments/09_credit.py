# %% [markdown]
# # A credit that you can move, and one that you can test
#
# *150 to 210 minutes, hard, essential. After [credit, and what a determinant can
# know](../notebooks/41_credit_theory.ipynb).*
#
# Two people hand you a credit for each layer of a network, and the two disagree. Each has a formula. Who is right?
# The chapter says that the question needs a second half: right about *what*?
#
# You compute volumes from both sides and the angles that separate them, write a network anew so that its credit
# stands where you like, and find what stays. Then you write down a *procedure* that is given two credits and a
# damage, and says which of the two predicts it, if any does. It will be tried on networks and credits that you have
# not seen.
#
# Use NumPy, SciPy and PyTorch. Functions of other packages that do the task in your place earn nothing. States are
# rows: a layer takes $x_{i-1}$ to $x_i$, and a chain of operators is $x K_1 K_2 \cdots K_L$. The letters are those of
# the chapter.

# %%
import copy
import zlib
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)

# %% [markdown]
# Write your name between the quotation marks: the one under which you hand in. It gives your network, which nobody
# else has.

# %% student
student = ""

# %% [markdown]
# Your network is a perceptron of five layers, `network`, with inputs `x`; `fresh` is the same network before
# training. `network[::2]` are its linear layers, each but the last followed by ReLU. Of its five outputs a softmax
# does not see the common shift; the four columns of `V` are the contrasts.

# %%
seed = zlib.crc32(student.encode())


def points(seed, n=300):
    """Ten clouds of points, two of each class."""
    rng = np.random.default_rng(seed)
    centres = 1.5 * rng.normal(size=(10, 12))
    clouds = rng.integers(10, size=n)
    x = centres[clouds] + rng.normal(size=(n, 12))
    return torch.tensor(x), torch.tensor(clouds % 5)


def perceptron(seed):
    """The network before training: hidden widths in random order."""
    hidden = np.random.default_rng(seed).permutation([6, 16, 40, 100])
    widths = [12, *hidden.tolist(), 5]
    torch.manual_seed(seed)
    layers = []
    for a, b in pairwise(widths):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*layers[:-1]).double().requires_grad_(False)


def trained(seed, steps=150):
    """The network after training."""
    network = perceptron(seed).requires_grad_(True)
    x, labels = points(seed)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(x), labels).backward()
        optimizer.step()
    return network.requires_grad_(False)


x, labels = points(seed)
fresh, network = perceptron(seed), trained(seed)
V = np.linalg.qr(np.eye(5)[:, :4] - 1 / 5)[0]
right = (network(x).argmax(dim=1) == labels).double().mean()
print(f"{right:.0%} of your points are in the right class")

# %% log_pdet [markdown]
# ## 1. A pseudo-determinant (2 points)
#
# *10 minutes.* Write `log_pdet(K)`: the sum of the logarithms of the nonzero singular values of a matrix of any
# shape. A singular value counts as zero if it is smaller than `1e-10` times the largest. A matrix of zeros has none,
# and gets 0.


# %% answer
def log_pdet(K):
    # your code
    return None


# %% form
found = log_pdet(np.ones((3, 2)))
assert found is not None, "there is no answer yet"
assert np.ndim(found) == 0, "one number"

# %% split [markdown]
# ## 2. The volume of a chain, from both sides (5 points)
#
# *25 to 40 minutes.* Write `split(chain, V)`. It takes a list of operators $K_1, \dots, K_L$, of shapes that fit each
# other, and the contrasts $V$ of shape `(n_outputs, r)`. It returns the backward and the forward log-volumes, one
# number for each operator in either, in the order of the chain. The chapter defines them with the propositions P8 and
# P8′.


# %% answer
def split(chain, V):
    # your code
    return None, None


# %% form
backward, forward = split([np.eye(3), np.eye(3)[:, :2]], np.eye(2))
assert np.shape(backward) == np.shape(forward) == (2,), "one per operator"

# %% lost [markdown]
# ## 3. The angles between (3 points)
#
# *20 to 30 minutes.* Behind operator $i$ something arrives and something is read: two subspaces of the same space.
# Write `lost(chain, V)`, which returns for $i = 1, \dots, L - 1$ the number $-\sum_k \log \cos \theta_{ik}$ of their
# principal angles. Compute it from the two subspaces. Then you can hold it against task 2.


# %% answer
def lost(chain, V):
    # your code
    return None


# %% form
found = lost([np.eye(3), np.eye(3), np.eye(3)[:, :2]], np.eye(2))
assert np.shape(found) == (2,), "one number between each two operators"

# %% mean_jacobians [markdown]
# ## 4. Operators of a network (3 points)
#
# *15 to 25 minutes.* Write `mean_jacobians(network, x)` for a perceptron as above, of any widths and depth. It
# returns a list with one array of shape `(width before, width after)` for each component, a linear layer with its
# ReLU (the last has none): the mean, over the rows of `x`, of the component's Jacobian at the state that comes to it.
# As rows: a small change $\delta$ of the state before becomes $\delta K_i$.


# %% answer
def mean_jacobians(network, x):
    # your code
    return None


# %% form
found = mean_jacobians(network, x)
shapes = [(part.in_features, part.out_features) for part in network[::2]]
assert [np.shape(K) for K in found] == shapes, "width before, width after"

# %% rewritten [markdown]
# ## 5. Credit where you like (4 points)
#
# *25 to 35 minutes.* Write `rewritten(network, wanted, x, V)`. It returns a **new** perceptron of the same widths
# that computes the same outputs for every input, and whose backward log-volumes, of its mean Jacobians on `x`, are
# `wanted`, one number per component. (The sum of `wanted` will be that of the volumes that `network` has. The network
# that is given must stay as it is.)


# %% answer
def rewritten(network, wanted, x, V):
    # your code
    return None


# %% form
before, _ = split(mean_jacobians(network, x), V)
even = rewritten(network, np.full(5, np.mean(before)), x, V)
assert isinstance(even, nn.Sequential), "a network of the same layers"
assert even is not network, "a new one"

# %% noise_gain [markdown]
# ## 6. A credit that says what it predicts (3 points)
#
# *15 to 25 minutes.* Put noise on the state $x_i$ behind a hidden layer, independent in each unit, with the standard
# deviation that the unit itself has over the rows of `x`. To first order, and with mean Jacobians in the place of the
# rest, how far do the outputs move, seen through $V$? Write `noise_gain(network, x, V)`, which returns one number for
# each hidden layer, $i = 1, \dots, L - 1$: the root mean square of that movement, over the spread of the outputs,
#
# $$s = \sqrt{\operatorname{mean} \lVert (y - \bar y) V \rVert^2},$$
#
# with the mean over the rows of `x`. P13 of the chapter has the formula. (Standard deviations are those of `np.std`.)


# %% answer
def noise_gain(network, x, V):
    # your code
    return None


# %% form
assert np.shape(noise_gain(network, x, V)) == (4,), "one per hidden layer"

# %% moved [markdown]
# ## 7. What stays (3 points)
#
# *15 to 20 minutes.* Here are two damages, measured and not derived, and a network that is yours in another writing:
# the units of its second hidden layer have factors of their own, which the third layer takes back.


# %%
def states(network, x):
    """Inputs, states behind each hidden layer, outputs."""
    found = [x]
    for linear in network[::2]:
        z = linear(found[-1])
        found.append(z if linear is network[-1] else z.relu())
    return found


def through(network, i, state):
    """The outputs for a state behind hidden layer i."""
    return network[2 * i :](state)


def displacement(found, outputs, V):
    y, changed = outputs.numpy() @ V, found.numpy() @ V
    moved = ((changed - y) ** 2).sum(axis=1).mean()
    return np.sqrt(moved / ((y - y.mean(axis=0)) ** 2).sum(axis=1).mean())


def noise_damage(network, x, V, level=0.1, n_draws=8):
    """How far noise on each hidden state moves the outputs, over `level`."""
    parts, draw = states(network, x), torch.Generator().manual_seed(0)
    found = []
    for i in range(1, len(parts) - 1):
        rows = parts[i].repeat(n_draws, 1)
        noise = torch.randn(rows.shape, generator=draw, dtype=rows.dtype)
        noise = level * noise * parts[i].std(dim=0, unbiased=False)
        shaken = through(network, i, rows + noise)
        whole = parts[-1].repeat(n_draws, 1)
        found.append(displacement(shaken, whole, V) / level)
    return np.array(found)


def skip_damage(network, x, V):
    """How far the outputs move if a hidden layer passes on what it gets.

    Where widths differ: the first units, and zeros where there are none.
    """
    parts, found = states(network, x), []
    for i in range(1, len(parts) - 1):
        passed = torch.zeros_like(parts[i])
        n = min(passed.shape[1], parts[i - 1].shape[1])
        passed[:, :n] = parts[i - 1][:, :n]
        outputs = through(network, i, passed)
        found.append(displacement(outputs, parts[-1], V))
    return np.array(found)


def other_writing(network, layer, factors):
    """Units of a hidden layer times factors, which the next takes back."""
    other = copy.deepcopy(network)
    this, following = other[::2][layer - 1 : layer + 1]
    this.weight *= factors[:, None]
    this.bias *= factors
    following.weight /= factors
    return other


factors = np.random.default_rng(seed).uniform(-1.5, 1.5, size=100)
factors = torch.tensor(np.exp(factors))[: network[2].out_features]
written = other_writing(network, 2, factors)

# %% moved [markdown]
# By how much do these change from `network` to `written`? Put the largest absolute change over the components (or
# over the places between them) into `moved`, six numbers in this order: backward volumes; the sum of the backward
# volumes, one number; what is `lost` to angles; noise gain; noise damage; skip damage.

# %% answer
moved = None

# %% form
assert np.shape(moved) == (6,), "six numbers"

# %% predicts [markdown]
# ## 8. A procedure that decides between two credits (7 points)
#
# *40 to 60 minutes.* Write `predicts(networks, inputs, V, first, second, damage)`. It gets a list of networks and a
# list with the inputs of each. The last three arguments are functions that are called as `noise_gain(network, x, V)`
# and return one number for each hidden layer: two credits and a damage, measured. Your procedure returns `"first"` or
# `"second"`, whichever credit predicts this damage, or `"neither"`. It is never both.
#
# A credit predicts a damage if it is large where the damage is large, and small where it is small, layer by layer,
# **in networks of this kind** and **however they are written**. What is right of one writing by luck is wrong of the
# next; and four layers are put into the right order by luck in one network of 24, whatever one does, but not in one
# after the other. It need not have the units of the damage; a logarithm will do. You choose how many writings to look
# at, which number to compare and where the limit lies. (A call takes a hundredth of a second. Keep to 100 calls of
# each.) It will be tried on four networks at a time. Try it with credits that you make up: one that predicts, one
# that belongs to another damage, one that is right in the writings that you were handed and in no other, one that
# counts layers.


# %%
several_networks = [trained(seed + k, 60) for k in range(1, 5)]
several_inputs = [points(seed + k, 100)[0] for k in range(1, 5)]


# %% answer
def predicts(networks, inputs, V, first, second, damage):
    # your code
    return None


# %% form
def counting(network, x, V):
    return np.arange(4.0)


found = predicts(
    several_networks, several_inputs, V, noise_gain, counting, noise_damage
)
assert found in ("first", "second", "neither"), "one of the three words"

# %% judgement [markdown]
# ## 9. Two people, two credits (4 points)
#
# *20 to 30 minutes, 150 to 250 words.* One says: "By the volumes, this layer of your network earned most." Another:
# "By the noise gain, it is that one." Answer both, with numbers of your own network: what the first statement depends
# on (from which side, in which writing) and what of it stays; what the second one predicts, and of what it says
# nothing. Say how your procedure decides and how you know that its limit is neither too low nor too high. Name one
# finding that would have made you believe the volumes.

# %% written
# *Your answer.*
