# %% [markdown]
# # Which features, how many, how many images?
#
# *175 to 240 minutes, hard, essential. After [the chapter on digits](../notebooks/22_layers_digits.ipynb).*
#
# "With few images our features are better." Better than what, on how many draws of images, and made from which
# images? A layer of your own network is replaced by an affine map of five kinds of features: none, random ones in
# two numbers, ones trained on all images, and ones trained on the few images only. Draw other images, and each
# accuracy changes by more than features differ.
#
# You write the comparison that holds: each kind on the same images, draw by draw, an exact test of the
# differences, and what pairing saves. Then you write a *procedure* that may ask for runs, one after the other,
# and must say which of two methods is better, or that it cannot tell. It will be tried on hundreds of
# comparisons, many of them between equals.
#
# Use NumPy, SciPy and PyTorch, but no ready-made test (none of `scipy.stats`). Functions of other packages that
# do the task in your place earn nothing. States are rows, as in the chapter.

# %%
import zlib

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)

# %% [markdown]
# Write your name between the quotation marks: the one under which you hand in. It gives your images and your
# network, which nobody else has.

# %% student
student = ""

# %%
seed = zlib.crc32(student.encode())


def images_of(rng, n_images, noise=0.3):
    """Rings, crosses, bars and corners of 12 by 12 pixels, and their kinds."""
    kind = rng.integers(4, size=n_images)
    x0, y0 = rng.uniform(4, 7, size=(2, n_images, 1, 1))
    size = rng.uniform(2.2, 3.8, size=(n_images, 1, 1))
    turn = rng.uniform(-0.5, 0.5, size=(n_images, 1, 1))
    y, x = np.mgrid[:12, :12]
    u = np.cos(turn) * (x - x0) + np.sin(turn) * (y - y0)
    v = np.cos(turn) * (y - y0) - np.sin(turn) * (x - x0)
    inside = (abs(u) < size) & (abs(v) < size)
    far = np.hypot(u, v)
    shapes = [
        abs(far - size) < 0.7,
        inside & ((abs(u) < 0.7) | (abs(v) < 0.7)),
        inside & (abs(v) < 0.9),
        inside & ((abs(u + size) < 1.2) | (abs(v - size) < 1.2)),
    ]
    image = np.choose(kind[:, None, None], shapes).astype(float)
    image += noise * rng.normal(size=image.shape)
    return image.reshape(n_images, 144), kind


def trained(model, loss, n_steps, learning_rate=5e-3):
    step = torch.optim.Adam(model.parameters(), lr=learning_rate)
    for _ in range(n_steps):
        step.zero_grad()
        loss().backward()
        step.step()
    return model


rng = np.random.default_rng(seed)
images, kinds = images_of(rng, 2000)
new_images, new_kinds = images_of(rng, 1500)
torch.manual_seed(seed)
network = nn.Sequential(
    nn.Linear(144, 24),
    nn.ReLU(),  # the state h
    nn.Linear(24, 16),
    nn.ReLU(),  # f(h), the output of the layer that is replaced
    nn.Linear(16, 4),
).double()
x, y = torch.tensor(images), torch.tensor(kinds)
trained(network, lambda: nn.functional.cross_entropy(network(x), y), 150)


def through(part, rows):
    with torch.no_grad():
        return part(torch.tensor(rows)).numpy()


states, new_states = (through(network[:2], z) for z in (images, new_images))
outputs, new_outputs = (through(network[2:4], z) for z in (states, new_states))


def accuracy(found):
    """Of the network, if the new outputs of the layer were these."""
    return np.mean(through(network[4:], found).argmax(axis=1) == new_kinds)


print("accuracy of the network:", accuracy(new_outputs))


# %% [markdown]
# `lift_of` makes features: it returns a function of states, whose rows are $h$ itself and what is put beside it.
# For `"all"` and `"few"` two layers are inserted before the one that is replaced, and trained so that its output
# stays as it was: on all 2,000 images, or on the few alone. Their outputs are the features, 48 as in `"random
# 48"`. The number `k` seeds what is random in it. `fit` fits an affine map to pairs and returns a function, too.

# %%
FEATURES = ("none", "random 12", "random 48", "all", "few")


def inserted(z, k, n_steps=100):
    """Two layers that leave the output of the replaced layer as it was."""
    torch.manual_seed(k)
    widths = [nn.Linear(24, 24), nn.ReLU(), nn.Linear(24, 24), nn.ReLU()]
    block, z = nn.Sequential(*widths).double(), torch.tensor(z)
    goal = network[2:4](z).detach()
    loss = nn.functional.huber_loss
    return trained(block, lambda: loss(network[2:4](block(z)), goal), n_steps)


block_of_all = inserted(states, 0)


def lift_of(features, few, k):
    """A function of states: h, and features of this kind beside it."""
    if features == "none":
        return lambda z: z
    if features.startswith("random"):
        rng, n = np.random.default_rng(k), int(features.split()[1])
        W = rng.normal(size=(24, n)) / 5
        b = -(few[rng.integers(len(few), size=n)] * W.T).sum(axis=1)
        return lambda z: np.hstack([z, np.maximum(z @ W + b, 0)])
    block = block_of_all if features == "all" else inserted(few, k)
    first, both = block[:2], block
    return lambda z: np.hstack([z, through(first, z), through(both, z)])


def fit(X, Y):
    """An affine map with a small penalty."""
    x, y = X.mean(axis=0), Y.mean(axis=0)
    left = (X - x).T @ (X - x) + np.eye(X.shape[1])
    W = np.linalg.solve(left, (X - x).T @ (Y - y))
    return lambda Z: (Z - x) @ W + y


fig, axes = plt.subplots(1, 8, figsize=(7.4, 1.2))
for ax, image, kind in zip(axes, images, kinds, strict=False):
    ax.imshow(image.reshape(12, 12), cmap="gray_r")
    ax.set_title(["ring", "cross", "bar", "corner"][kind], fontsize=9)
    ax.axis("off")
plt.show()

# %% runs [markdown]
# ## 1. Runs that can be compared (4 points)
#
# *20 to 30 minutes.* Write `runs(n_images, n_runs)`. Run $k$, from 0 on, takes the images whose numbers are the
# first `n_images` of `np.random.default_rng([seed, k]).permutation(2000)`. **All** kinds of features see these
# and no others: for each of `FEATURES`, in this order, make the lift with `lift_of(features, few, k)` from the
# states of the few, fit an affine map from their lifted states to their outputs, and take the `accuracy` with
# what it makes of `new_states`. Return an array of shape `(n_runs, 5)`.


# %% answer
def runs(n_images, n_runs):
    # your code
    return None


# %% form
assert np.shape(runs(20, 2)) == (2, 5), "a row per run, a column per kind"

# %% sign_flips [markdown]
# ## 2. An exact test of differences (4 points)
#
# *30 to 40 minutes.* Two methods were run in pairs, and `differences` holds the first minus the second. Were they
# equal, each difference could as well have the other sign. Write `sign_flips(differences)` for up to 14 of them:
# of **all** $2^n$ ways to choose the signs, return the share in which the mean is at least as far from zero as it
# is in truth. Both directions count, so do ways that give the same, and rounding should not decide whether they
# do.


# %% answer
def sign_flips(differences):
    # your code
    return None


# %% form
found = sign_flips([0.1, 0.2, -0.1])
assert found is not None, "there is no answer yet"
assert np.ndim(found) == 0, "one number"

# %% fewest [markdown]
# ## 3. How many pairs must there be at least? (2 points)
#
# *10 to 15 minutes.* Write `fewest(level)`: the smallest number of pairs with which `sign_flips` can give `level`
# or less at all, if the differences are none of them zero and as clear as you like.


# %% answer
def fewest(level):
    # your code
    return None


# %% form
found = fewest(0.2)
assert found is not None, "there is no answer yet"
assert np.ndim(found) == 0, "one number"

# %% saved [markdown]
# ## 4. What pairing saves (3 points)
#
# *15 to 25 minutes.* The mean difference of two methods could also be had from runs on *different* images. Write
# `saved(first, second)` for the accuracies of two methods in the same runs: by which factor is the variance of
# the mean difference larger if as many runs of each method were made on images of their own, so that first and
# second are independent? Estimate all variances from these runs. What makes the factor less than 1?


# %% answer
def saved(first, second):
    # your code
    return None


# %% form
found = saved([0.7, 0.8, 0.9], [0.6, 0.8, 0.8])
assert found is not None, "there is no answer yet"
assert np.ndim(found) == 0, "one number"

# %% results [markdown]
# ## 5. Few images and many (4 points)
#
# *15 to 25 minutes.* Guess first: which kinds win with 20 images, and which with 200? Then make ten runs of
# either. Four comparisons, first against second: `"random 48"` against `"none"`, `"random 48"` against `"random
# 12"`, `"all"` against `"random 48"`, and `"all"` against `"few"`. Put into `wins`, of shape `(2, 4)`, in how
# many of the ten runs the first is strictly better, 20 images in the first row and 200 in the second; and into
# `p_values`, of the same shape, what `sign_flips` gives.

# %% answer
wins, p_values = None, None

# %% form
assert np.shape(wins) == np.shape(p_values) == (2, 4), "a column per comparison"

# %% standing [markdown]
# ## 6. Eight tests are not one (3 points)
#
# *20 to 25 minutes.* Of many tests between equals some come out small. Holm's rule: sort the $m$ values; compare
# the smallest with level$/m$, the next with level$/(m - 1)$, and so on up to the largest with level; a value
# stands if it and **all smaller ones** are not above what they are compared with. Write `standing(values, level)`
# for an array of any shape. It returns an array of the same shape, 1 where a value stands and 0 where it does
# not.


# %% answer
def standing(values, level):
    # your code
    return None


# %% form
assert np.shape(standing([[0.5, 0.01]], 0.05)) == (1, 2), "one for each value"

# %% study [markdown]
# ## 7. A procedure that may stop (7 points)
#
# *45 to 55 minutes.* Runs are expensive. Write `study(run, most)`. `run(k)` gives the accuracies of two methods
# in run $k$, for $k$ from 0 to `most - 1`, always the same pair for the same $k$. Ask for as many runs as you
# like, in any order, and return 1 if the first method is better, −1 if the second is, and 0 if you cannot tell.
# `most` will be 40.
#
# - Between equals, be wrong in at most one of 20 studies. If you look after each run and stop when it seems clear, you
#   will be wrong more often: why?
# - Where one is better by 0.6 standard deviations of the difference, find it in four of five studies or more.
# - Two methods may give exactly the same in each run.
#
# Accuracies of one run go up and down together, by much more than they differ. `comparison` makes studies to try it
# on. Your procedure is tried on some hundred of them, so it should take some milliseconds.


# %%
def comparison(seed, better):
    """Runs of two methods; the first is `better` by so many deviations."""
    rng = np.random.default_rng(seed)
    images = 0.05 * rng.normal(size=1000)
    apart = 0.01 * (better + rng.laplace(size=1000) / np.sqrt(2))
    return lambda k: (0.8 + images[k] + apart[k], 0.8 + images[k])


# %% answer
def study(run, most):
    # your code
    return None


# %% form
assert study(comparison(seed, 0.6), 40) in (-1, 0, 1), "1, 0 or -1"

# %% judgement [markdown]
# ## 8. What would you print? (4 points)
#
# *20 to 25 minutes, 150 to 250 words.* Write the paragraph that you would print on features of your network:
# which kinds are better than which, with how many images, in how many of ten runs, and what stands at a level of
# 0.05 among the eight tests. Say what `"all"` has seen that the others have not, and which comparison shows what
# that is worth. Name one sentence that your first run alone, or the means alone, would have let you print, and
# that you do not print now.

# %% written
# *Your answer.*
