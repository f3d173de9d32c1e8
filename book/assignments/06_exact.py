# %% [markdown]
# # What each pixel added, and who checked
#
# *150 to 210 minutes, hard, essential. After [one input, one linear
# map](../notebooks/31_instance_classifiers.ipynb).*
#
# For one image a network with a convolution, a max-pool and gated units is an affine map, $F(x) = W x + b$, to the
# last digit. You build that map from the gates of one forward pass, split its bias by the layers that it comes from,
# and find out whether it is the only one. Then comes the question that no identity answers: is the map good for
# anything? You let it compete with rankings that know less, or more, in several networks, and write down a
# *procedure* that says who is better, or that nobody can say. It will be tried on results that you have not seen.
#
# Use NumPy, SciPy and PyTorch. Functions of other packages that do the task in your place earn nothing. The letters
# are those of the chapter, where $x$ is a column: $W$ has a row for each class.

# %%
import zlib

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)

# %% [markdown]
# Write your name between the quotation marks: the one under which you hand in. It gives your images and networks,
# which nobody else has.

# %% student
student = ""

# %% [markdown]
# The images have 10 × 10 pixels, numbered row by row. Each shows a bar, horizontal, vertical or diagonal, and some
# dots; all other pixels are exactly 0. A network takes images of shape `(n, 10, 10)` to three logits. It has four
# filters with ReLU, a max-pool over windows of 2 × 2, and 12 **gated units**: each is a product of two numbers, of
# which we take the first, `silu(gate(h))`, as the gate, and the second, `up(h)`, as what passes through it.

# %%
seed = zlib.crc32(student.encode())


def bars(seed, n):
    """Images and their classes: 0 horizontal, 1 vertical, 2 diagonal."""
    rng = np.random.default_rng(seed)
    images, classes = np.zeros((n, 10, 10)), rng.integers(3, size=n)
    for image, kind in zip(images, classes, strict=True):
        along = rng.integers(1, 4) + np.arange(6)
        across = np.full(6, rng.integers(1, 9))
        places = [(across, along), (along, across), (along, along[::-1])][kind]
        image[places] = rng.uniform(0.4, 1, size=6)
        dots = tuple(rng.integers(10, size=(2, 14)))
        image[dots] = rng.uniform(0.2, 1, size=14)
    return torch.tensor(images), torch.tensor(classes)


class Reader(nn.Module):
    """A convolution, a pool, gated units."""

    def __init__(self, seed):
        super().__init__()
        torch.manual_seed(seed)
        self.conv = nn.Conv2d(1, 4, 3)
        self.gate = nn.Linear(64, 12)
        self.up = nn.Linear(64, 12)
        self.head = nn.Linear(12, 3)
        self.double()

    def forward(self, images):
        h = self.conv(images[:, None]).relu()  # (n, 4, 8, 8)
        h = nn.functional.max_pool2d(h, 2).flatten(1)  # (n, 64)
        return self.head(nn.functional.silu(self.gate(h)) * self.up(h))


def trained(seed, images, classes, steps=80):
    network = Reader(seed)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(images), classes).backward()
        optimizer.step()
    return network.requires_grad_(False)


images, classes = bars(seed, 200)
networks = [trained(seed + k, images, classes) for k in range(8)]
network, image = networks[0], images[0]
tested, truth = bars(seed + 1, 300)
scores = [(net(tested).argmax(dim=1) == truth).double() for net in networks]
print("right on new images:", *[f"{score.mean():.0%}" for score in scores])
plt.figure(figsize=(2, 2))
plt.imshow(image, cmap="gray_r")
plt.show()

# %% gates [markdown]
# ## 1. What one forward pass decides (3 points)
#
# *15 to 25 minutes.* Write `gates(network, image)` for one image of shape `(10, 10)`. It returns three arrays:
#
# - `on`, of shape `(4, 8, 8)`: true where a unit of the convolution is on, that is, where what comes to the ReLU is
#   larger than 0;
# - `winners`, 64 whole numbers, one for each entry that leaves the pool, in the order of `h`: the place of the winner
#   of its window among the 4 · 8 · 8 = 256 units of the convolution, numbered filter by filter and row by row. Of
#   equal entries the first in this order wins;
# - `gate`, 12 numbers: those that the gated units are multiplied by.


# %% answer
def gates(network, image):
    # your code
    return None, None, None


# %% form
on, winners, gate = gates(network, image)
assert np.shape(on) == (4, 8, 8), "one for each unit of the convolution"
assert np.shape(winners) == (64,), "one for each window of each filter"
assert np.shape(gate) == (12,), "one for each gated unit"

# %% exact_map [markdown]
# ## 2. The exact map (5 points)
#
# *35 to 50 minutes.* Write `exact_map(network, image)`. With on and off, winners and gates frozen as they are for
# this image, the network is affine. Return its `W`, of shape `(3, 100)`, and its `b`, of shape `(3,)`: what the
# biases of the layers add on the way. Build it from matrices, or carry rows back through the layers.


# %% answer
def exact_map(network, image):
    # your code
    return None, None


# %% form
W, b = exact_map(network, image)
assert np.shape(W) == (3, 100), "a row for each class, a column for each pixel"
assert np.shape(b) == (3,), "one number for each class"

# %% bias_by_layer [markdown]
# ## 3. Where the bias comes from (3 points)
#
# *15 to 20 minutes.* Write `bias_by_layer(network, image)`. It returns an array of shape `(3, 3)`: what the biases of
# `conv`, of `up` and of `head`, in this order, add to each class. Each row is one layer. (The bias of `gate` has no
# row. You will be asked why.)


# %% answer
def bias_by_layer(network, image):
    # your code
    return None


# %% form
assert np.shape(bias_by_layer(network, image)) == (3, 3), "a row for each layer"

# %% read [markdown]
# ## 4. How much of it can be read? (2 points)
#
# *10 minutes.* Write `read(W, b, image)`, which returns two arrays with one number per class $c$: the cancellation
# $\sum_j \lvert W_{cj} x_j \rvert / \lvert F_c(x) \rvert$, which is 1 at least if nothing is in the bias; and the
# share of the bias, $\lvert b_c \rvert / (\lvert b_c \rvert + \lvert \sum_j W_{cj} x_j \rvert)$.


# %% answer
def read(W, b, image):
    # your code
    return None, None


# %% form
cancellation, share = read(W, b, image)
assert np.shape(cancellation) == np.shape(share) == (3,), "one per class"

# %% unsettled [markdown]
# ## 5. Is it the only one? (3 points)
#
# *20 to 30 minutes.* Where entries of a window are equal and largest, the pool may take any of them, and the forward
# pass does not care. Write `unsettled(network, image)`: build the map once with the first of equal entries as the
# winner, and once with the last, and return $\lVert W_{\text{last}} - W_{\text{first}} \rVert / \lVert
# W_{\text{first}} \rVert$, with the norm over all entries. It is 0 if no choice is open.


# %% answer
def unsettled(network, image):
    # your code
    return None


# %% form
found = unsettled(network, image)
assert found is not None, "there is no answer yet"
assert np.ndim(found) == 0, "one number"

# %% deletion [markdown]
# ## 6. Deletion (3 points)
#
# *15 to 20 minutes.* Write `deletion(network, image, scores)`. `scores` has shape `(100,)`. Blank the pixels one
# after the other, the one with the largest score first and those with equal scores in the order of their numbers; a
# pixel that is blank already takes its turn as well. Return the 101 probabilities (softmax) of the class that the
# network reads in the *whole* image: before anything goes, after one pixel, …, after all.


# %% answer
def deletion(network, image, scores):
    # your code
    return None


# %% form
curve = deletion(network, image, np.arange(100.0))
assert np.shape(curve) == (101,), "one number before, one after each pixel"

# %% better [markdown]
# ## 7. Who is better, if anyone (6 points)
#
# *35 to 50 minutes.* The area of a deletion curve is its mean; low is good. Two rankings were tried in the same
# networks, trained alike from different seeds, and on the same images: `own` and `rival` have shape `(n_networks,
# n_images)` and hold areas. Write `better(own, rival)`, which returns `"own"` if the first ranking is better **in
# networks of this kind**, also in those that have not been trained yet, `"rival"` if the second is, and `"neither"`
# if that cannot be said.
#
# It will be tried on made-up areas of 8 networks and 30 images. In some there is no difference, on average over
# networks of this kind, although one ranking has luck in one network and the other in the next: of these your
# procedure should name a winner in about one of twenty, and in no more than one of ten. In others the difference, on
# average over networks, is two and a half times as large as the standard deviation with which it varies from network
# to network: there it should name the right one in eight of ten or more. Images differ much more from each other than
# rankings do. Make up areas of both sorts and try it.


# %% answer
def better(own, rival):
    # your code
    return None


# %% form
found = better(np.ones((8, 30)), np.ones((8, 30)))
assert found in ("own", "rival", "neither"), "one of the three words"

# %% contest [markdown]
# ## 8. Your eight networks (4 points)
#
# *25 to 35 minutes.* Four rankings compete in each of your `networks`, on the first 20 images of `tested`. For each
# image all explain the class that the network reads in it:
#
# 0. the network's own exact map, $W_c * x$;
# 1. occlusion, below;
# 2. the exact map of **another** network, again for the class that the first one reads: for `networks[k]` that of
#    `networks[(k + 1) % 8]`;
# 3. chance: the row of `draws` with the number of the image, below.
#
# Put the areas into `areas`, of shape `(4, 8, 20)`, and what your procedure says of the own map against each of the
# other three into `verdicts`, a list of three words.


# %%
def occlusion(network, image):
    """By how much the logit of the class falls without a pixel."""
    without = image.repeat(100, 1, 1)
    without.view(100, 100)[range(100), range(100)] = 0
    logits = network(image[None])[0]
    kind = logits.argmax()
    return logits[kind] - network(without)[:, kind]


draws = np.random.default_rng(seed).random((20, 100))

# %% answer
areas = None
verdicts = None

# %% form
assert np.shape(areas) == (4, 8, 20), "ranking, network, image"
assert len(verdicts) == 3, "one word for each of the rivals"

# %% judgement [markdown]
# ## 9. What is the map worth? (4 points)
#
# *20 to 30 minutes, 150 to 250 words.* A friend says: "The map is exact, so it is the explanation." Answer with
# numbers of your own networks. What does exactness test, and what not? Why has the bias of `gate` no row in task 3,
# and what would one miss who never looks at $b$? In how many of your images is the map unique, and what follows for a
# picture of $W$ and for one of $W * x$? Who won in deletion, and what does the map of another network say about what
# deletion asks?

# %% written
# *Your answer.*
