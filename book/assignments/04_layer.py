# %% [markdown]
# # What can stand in for a layer?
#
# *170 to 240 minutes, hard, essential. After [the chapter on one layer](../notebooks/21_layers_yin_yang.ipynb).*
#
# A matrix is to do the work of a hidden layer. It may be given the state alone, the states that trained layers make
# of it, or what random ReLU units make of it. Which features are worth their number, and does accuracy tell?
#
# You write the fits and the lifts first, then replace a layer of your own network in five ways and judge each by
# accuracy *and* by the variance it misses. Then you write a *procedure* that stands in for layers nobody shows
# you, and says whether it needed a lift at all. Some of these layers are affine.
#
# Use NumPy and PyTorch; SciPy is allowed but for `orthogonal_procrustes`, which is one of the tasks. Functions of
# other packages that do the task in your place earn nothing. States are rows, and maps act from the right, as in
# the chapter.

# %%
import zlib

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)

# %% [markdown]
# Write your name between the quotation marks: the one under which you hand in. It gives your data and your network,
# which nobody else has.

# %% student
student = ""

# %%
seed = zlib.crc32(student.encode())


def points_of(seed, stream, n_points):
    """Points of the plane in three winding arms, and the arm of each."""
    turns = np.random.default_rng(seed).uniform(0.8, 1.2)
    rng = np.random.default_rng([seed, stream])
    arm, radius = rng.integers(3, size=n_points), rng.uniform(0.1, 1, n_points)
    angle = 2 * np.pi * (arm / 3 + 0.6 * turns * radius)
    angle += rng.normal(size=n_points) * 0.3
    x = 2 * radius[:, None] * np.c_[np.cos(angle), np.sin(angle)]
    return x, arm


def trained(model, loss, n_steps=400, learning_rate=1e-2):
    step = torch.optim.Adam(model.parameters(), lr=learning_rate)
    for _ in range(n_steps):
        step.zero_grad()
        loss().backward()
        step.step()
    return model


torch.manual_seed(seed)
x, arms = points_of(seed, 1, 1500)
x, arms = torch.tensor(x, dtype=torch.float32), torch.tensor(arms)
network = nn.Sequential(
    nn.Linear(2, 10),
    nn.ReLU(),  # the state h
    nn.Linear(10, 10),
    nn.ReLU(),  # f(h), the output of the layer that is replaced
    nn.Linear(10, 10),
    nn.ReLU(),
    nn.Linear(10, 3),
)
trained(network, lambda: nn.functional.cross_entropy(network(x), arms))

# %% [markdown]
# Four layers are inserted before the one that is replaced, and trained so that the output stays as it was:
# $f(h_4) \approx f(h_0)$, as in the chapter. `block` lists the matrix and the offset of each: $h_{t+1} =
# \operatorname{ReLU}(h_t A + c)$.

# %%
head, layer, tail = network[:2], network[2:4], network[4:]
inserted = nn.Sequential(*[nn.Linear(10, 10) for _ in range(4)])
with torch.no_grad():
    h = head(x)
    for one in inserted:
        one.weight.copy_(torch.eye(10) + 0.25 * torch.randn(10, 10))


def after_block(states):
    for one in inserted:
        states = one(states).relu()
    return states


trained(
    inserted,
    lambda: nn.functional.huber_loss(layer(after_block(h)), layer(h).detach()),
)
block = [
    (one.weight.detach().double().numpy().T, one.bias.detach().double().numpy())
    for one in inserted
]
network.double()


def through(part, states):
    """Rows through a part of the network."""
    with torch.no_grad():
        return part(torch.tensor(states)).numpy()


# %% [markdown]
# `few_states` and `few_outputs` are 300 pairs of $h$ and $f(h)$, on which everything is fitted. `new_states` and
# `new_outputs` are for judging.

# %%
few_points, _ = points_of(seed, 2, 300)
new_points, new_arms = points_of(seed, 3, 2000)
few_states, new_states = through(head, few_points), through(head, new_points)
few_outputs, new_outputs = (
    through(layer, few_states),
    through(layer, new_states),
)
penalties = list(10.0 ** np.arange(-4, 3))


def missed(outputs, found):
    """Share of the variance of the outputs that is missed by what was found."""
    spread = ((outputs - outputs.mean(axis=0)) ** 2).sum()
    return ((found - outputs) ** 2).sum() / spread


def accuracy(found):
    """Of the network, if the new outputs of the layer were these."""
    return np.mean(through(tail, found).argmax(axis=1) == new_arms)


def apply(M, X):
    """An affine map whose last row is the constant."""
    return X @ M[:-1] + M[-1]


print("accuracy of the network:", accuracy(new_outputs))
fig, ax = plt.subplots(figsize=(3.4, 3.4))
ax.scatter(*new_points.T, c=new_arms, s=4)
ax.set(xlabel="first input", ylabel="second input", aspect="equal")
plt.show()

# %% ridge [markdown]
# ## 1. An affine map with a penalty (3 points)
#
# *15 to 25 minutes.* Write `ridge(X, Y, penalty)`. It returns one matrix of shape `(n + 1, m)`: the rows of $W$,
# and below them the constant $c$, which minimise
#
# $$\sum_i \lVert x_i W + c - y_i \rVert^2 + \text{penalty} \cdot \lVert W \rVert^2,$$
#
# where $\lVert W \rVert^2$ is the sum of all squared entries. The constant is not penalised.


# %% answer
def ridge(X, Y, penalty):
    # your code
    return None


# %% form
assert np.shape(ridge(few_states, few_outputs, 0.1)) == (11, 10), "W and c"

# %% chosen [markdown]
# ## 2. A penalty chosen on samples kept apart (3 points)
#
# *15 to 20 minutes.* Write `chosen(X, Y, penalties)`. With $N$ rows, fit to the first $3N/4$ (rounded down) with
# each of the penalties, and take the one with the smallest squared error on the rows that follow. Then fit with
# it to all rows. Return the matrix of this last fit, and the penalty.


# %% answer
def chosen(X, Y, penalties):
    # your code
    return None


# %% form
M, penalty = chosen(few_states, few_outputs, penalties)
assert np.shape(M) == (11, 10), "W and c"
assert penalty in penalties, "one of the penalties"

# %% units [markdown]
# ## 3. Random ReLU units that bend where the states are (3 points)
#
# *15 to 25 minutes.* Unit $j$ is $\operatorname{ReLU}(h\, w_j + b_j)$. Write `random_units(points, n_units, rng)`
# for an array of states, `points`, and a generator of NumPy. It returns `W` of shape `(width, n_units)`, whose
# entries are independent and standard normal, and `b` of shape `(n_units,)`, such that each unit is just about to
# fire, $h\, w_j + b_j = 0$, at one of the points, chosen at random for each unit anew. Why not $b = 0$, if states
# are outputs of ReLU?


# %% answer
def random_units(points, n_units, rng):
    # your code
    return None


# %% form
W, b = random_units(few_states, 40, np.random.default_rng(0))
assert np.shape(W) == (10, 40), "a column per unit"
assert np.shape(b) == (40,), "a number per unit"

# %% window [markdown]
# ## 4. The window as a lift (3 points)
#
# *15 to 20 minutes.* Write `window(states, block, delays)`. `block` is a list of pairs $(A, c)$ as above, of any
# number of layers and with layers as wide as the states. From rows $h_0$ it makes rows $[h_d, h_{d-1}, \dots,
# h_0]$, newest first, where $d$ is `delays` and $h_{t+1} = \operatorname{ReLU}(h_t A_{t+1} + c_{t+1})$: a
# function of $h_0$ and of nothing else.


# %% answer
def window(states, block, delays):
    # your code
    return None


# %% form
assert np.shape(window(few_states, block, 4)) == (300, 50), "five states"

# %% turned [markdown]
# ## 5. The best rotation (3 points)
#
# *20 to 30 minutes.* A rival that cannot bend and cannot even stretch: write `turned(X, Y)` for arrays of the
# same shape. It returns the matrix $Q$ with $Q^\top Q = I$, rotation or reflection, that minimises $\sum_i \lVert
# (x_i - \bar x)\, Q - (y_i - \bar y) \rVert^2$, with the means over the rows of `X` and `Y`. Hint: which $Q$
# makes the trace of $Q^\top C$ largest, where $C$ is the product of the two centred matrices?


# %% answer
def turned(X, Y):
    # your code
    return None


# %% form
assert np.shape(turned(few_states, few_outputs)) == (10, 10), (
    "one square matrix"
)

# %% table [markdown]
# ## 6. Five stand-ins for your layer (5 points)
#
# *20 to 30 minutes.* Guess an order first. Then put into `table`, a row per stand-in, `accuracy(…)` and
# `missed(new_outputs, …)` of what it makes of `new_states`. All is fitted to the few pairs, with `chosen` and
# `penalties` where there is a penalty.
#
# 1. An affine map of $h$.
# 2. An affine map of the window with four delays.
# 3. An affine map of $h$ beside forty units of `random_units(few_states, 40, rng)`: here the *medians* of accuracy
#    and of variance missed over 15 draws.
# 4. The rotation, with the means of the few: $(h - \bar x)\, Q + \bar y$.
# 5. The mean of `few_outputs` for every state.

# %% answer
table = None

# %% form
assert np.shape(table) == (5, 2), "a row per stand-in"

# %% enough [markdown]
# ## 7. How many random units are as good? (2 points)
#
# *10 to 15 minutes.* Which is the smallest of the numbers 1, 2, 5, 10, 20, 40, 80, 160 of random units beside $h$
# that misses, in the median of 15 draws, no more of your `new_outputs` than the window with its forty trained
# features? Put it into `enough`, or 0 if none of them does.

# %% answer
enough = None

# %% form
assert enough in (0, 1, 2, 5, 10, 20, 40, 80, 160), "one of the numbers"

# %% stand_in [markdown]
# ## 8. A procedure for layers that nobody shows you (7 points)
#
# *40 to 50 minutes.* `hidden_layer` gives 250 to 450 pairs of states and noisy outputs of a layer, which is bent or
# affine. Write `stand_in(X, Y, new)`. It returns
#
# - what it makes of the states in `new`, of shape `(len(new), Y.shape[1])`;
# - how many features it used beside the state: 0 if it took an affine map.
#
# Your procedure is not told which kind it has. It is held against an affine map fitted to the same pairs: the best on
# the outputs without noise that `ridge` gives with any of `penalties`. On these outputs it should miss at most *half*
# of what that map misses where the layer is bent, and use features; and at most *twice* as much where it is affine,
# and use none. Try it on `hidden_layer(…)` with seeds of your own.


# %%
def hidden_layer(seed, bent):
    """States and noisy outputs; new states, and their outputs without noise."""
    rng = np.random.default_rng(seed)
    n = rng.integers(250, 450)
    x = rng.normal(size=(n + 1000, 5)) @ rng.normal(size=(5, 8))
    x = np.maximum(x + rng.normal(size=8), 0)
    y = x @ rng.normal(size=(8, 6))
    y = y - np.median(y, axis=0) + 0.3 * y.std(axis=0) * rng.normal(size=6)
    y = np.maximum(y, 0) / y.std() if bent else y / y.std()
    noise = (0.05 if bent else 0.3) * rng.normal(size=(n, 6))
    return x[:n], y[:n] + noise, x[n:], y[n:]


# %% answer
def stand_in(X, Y, new):
    # your code
    return None


# %% form
X, Y, new, outputs = hidden_layer(seed, bent=True)
found, count = stand_in(X, Y, new)
assert np.shape(found) == np.shape(outputs), "a row per new state"
assert np.ndim(count) == 0, "one number"

# %% judgement [markdown]
# ## 9. What does the window know? (4 points)
#
# *20 to 25 minutes, 150 to 250 words.* Someone reports: "With a window of four delays a linear operator keeps the
# accuracy of the network, so delay coordinates reveal the dynamics of the layer." Judge this with your numbers of
# tasks 6 and 7. What do accuracy and variance missed say differently? What do the random units, the affine map
# and the rotation each rule out? And what would you have had to find to believe the sentence?

# %% written
# *Your answer.*
