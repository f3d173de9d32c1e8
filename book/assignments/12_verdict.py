# %% [markdown]
# # Three lenses, one verdict
#
# *180 to 240 minutes, hard, essential. After [one network, four lenses](../notebooks/51_one_network.ipynb) and
# [your own model](../own-model.ipynb).*
#
# You are handed a network that reads, and nobody can tell you what it has learnt to look at. Three lenses give three
# answers: how far the spectrum of its memory carries a row, what slopes say each row adds to the output, and what
# attribution patching says each step is worth. They disagree.
#
# You write the three lenses and two interventions, find the pair of rows about which two lenses disagree most, and
# write a *procedure* that settles such a dispute by an intervention, or says that it cannot be settled. It will be
# tried on networks that you have not seen. At the end you write a verdict.
#
# Use NumPy and PyTorch, with automatic differentiation; SciPy is allowed. `linearlens.report` is there to be read;
# the functions that you write must do without the package. States are rows, and maps act from the right.

# %%
import zlib

import matplotlib.pyplot as plt
import numpy as np
import torch
from scipy.stats import rankdata, spearmanr
from sklearn.datasets import load_digits
from torch import nn

import linearlens

torch.set_num_threads(1)

# %% [markdown]
# Write your name between the quotation marks: the one under which you hand in. It gives your network, which nobody
# else has.

# %% student
student = ""

# %% [markdown]
# The network reads small digits row by row, eight rows of eight pixels, but in an **order of rows of its own**:
# `order` says which row of the image it reads at each step, counted from 0. So a step that matters may do so
# because it is late, or because its row is telling. `mine` is your network; `other` has the same design, data and
# order, and began with other weights. `x_train` and `x_test` are tensors of shape `(n_images, 8, 8)`: image, step,
# pixel.

# %%
seed = zlib.crc32(student.encode())


class Reader(nn.Module):
    def __init__(self, width=24, n_pixels=8, n_outputs=10):
        super().__init__()
        self.read = nn.RNN(n_pixels, width, batch_first=True)
        self.head = nn.Sequential(
            nn.Linear(width, 24), nn.ReLU(), nn.Linear(24, n_outputs)
        )

    def forward(self, x):
        memory, _ = self.read(x)  # (n_images, n_steps, width)
        return self.head(memory[:, -1])


def shuffled_digits(seed):
    """Images and labels to train on, to test on, and the order of rows."""
    images, labels = load_digits(return_X_y=True)
    rng = np.random.default_rng(seed)
    mix, order = rng.permutation(len(labels)), rng.permutation(8)
    x = images[mix].reshape(-1, 8, 8)[:, order] / 16
    x, y = torch.tensor(x, dtype=torch.float32), torch.tensor(labels[mix])
    return x[:1200], y[:1200], x[1200:], y[1200:], order


def train(x, y, seed, epochs=25):
    torch.manual_seed(seed)
    network, toss = Reader(), torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(network.parameters(), lr=5e-3)
    for _ in range(epochs):
        for batch in torch.randperm(len(x), generator=toss).split(64):
            loss = nn.functional.cross_entropy(network(x[batch]), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return network.requires_grad_(False).eval()


x_train, y_train, x_test, y_test, order = shuffled_digits(seed)
mine, other = (train(x_train, y_train, seed + k) for k in (0, 1))
for name, network in {"mine": mine, "other": other}.items():
    share = (network(x_test).argmax(1) == y_test).float().mean().item()
    print(f"{name} reads {share:.1%} of the test images")

# %% [markdown]
# What the package says of it. Read it now, and again at the end.

# %%
report = linearlens.report(
    mine,
    x_train.numpy(),
    x_test.numpy(),
    labels=(y_train.numpy(), y_test.numpy()),
    budget=20,
    progress=False,
)
print(report)

# %% reach [markdown]
# ## 1. How far does the spectrum carry a row? (5 points)
#
# *25 to 35 minutes.* `h` holds memories, of shape `(n_images, n_steps, width)`, and `x` what was read, of shape
# `(n_images, n_steps, n_inputs)`: `h[:, t]` is the memory after `x[:, t]` has been read. Fit one operator with
# inputs,
#
# $$h_{t+1} \approx h_t K + x_{t+1} B + c,$$
#
# by least squares over all steps of all images at once. By this operator, what was read at step $t$ is still in the
# last memory as $(x_t - \bar x_t)\, B K^{m}$, where $m$ is the number of steps that follow, and $\bar x_t$ the mean
# over images at this step. Write `reach(h, x)`, which returns for each step the square root of the mean, over
# images, of the squared length of that vector. All are NumPy arrays.


# %% answer
def reach(h, x):
    # your code
    return None


# %% form
h_train = mine.read(x_train)[0].numpy()
assert np.shape(reach(h_train, x_train.numpy())) == (8,), "one per step"

# %% slopes [markdown]
# ## 2. What do slopes say that a row adds? (3 points)
#
# *15 to 20 minutes.* `network` is a function from images, a tensor of shape `(n_images, n_steps, n_inputs)`, to
# outputs. Write `slopes(network, x)`. It returns, for each image and step, what the row adds to the output that
# wins for this image, compared with the mean row of this step over all images of `x`, by the slope of that output
# at the image: a tensor or an array of shape `(n_images, n_steps)`, signs kept.


# %% answer
def slopes(network, x):
    # your code
    return None


# %% form
assert np.shape(slopes(mine, x_test)) == (len(x_test), 8)

# %% patching [markdown]
# ## 3. What does patching say that a step is worth? (4 points)
#
# *25 to 35 minutes.* If step $t$ were skipped, the memory would stay at $h_{t-1}$ (at the first step: zeros), and
# the rest would be read from there. Write `patching(network, x)`, which estimates to first order what the output
# that wins for the whole image loses by it: its slope at the memory $h_t$, with all later rows as they are, times
# $h_t - h_{t-1}$. It returns shape `(n_images, n_steps)`, signs kept. `network` has `read`, a layer like `nn.RNN`,
# and `head`, as `mine` has; widths and numbers of steps may be others. (`read(x, first)` begins at the memory `first`
# of shape `(1, n_images, width)`.)


# %% answer
def patching(network, x):
    # your code
    return None


# %% form
assert np.shape(patching(mine, x_test)) == (len(x_test), 8)

# %% damages [markdown]
# ## 4. Two interventions (4 points)
#
# *15 to 25 minutes.* Now do it. Both functions return, for each image and step, what is lost of the output that
# wins for the whole image: its value there, less the value of the *same* output after the intervention. Shape
# `(n_images, n_steps)`, signs kept.
#
# - `without_row(network, x)`: the row of this step is replaced by its mean over the images of `x`. `network` is any
#   function of images.
# - `without_step(network, x)`: the step is skipped, as in task 3, and `network` is as there.


# %% answer
def without_row(network, x):
    # your code
    return None


def without_step(network, x):
    # your code
    return None


# %% form
assert np.shape(without_row(mine, x_test)) == (len(x_test), 8)
assert np.shape(without_step(mine, x_test)) == (len(x_test), 8)

# %% dispute [markdown]
# ## 5. What do they disagree about? (3 points)
#
# *15 to 20 minutes.* Two lenses score the same steps; larger means that a step matters more. Write `dispute(first,
# second)`, which returns two steps `(i, j)`, counted from 0, such that the first lens ranks `i` above `j` and the
# second ranks `j` above `i`. Of all such pairs take the one where the *smaller* of the two differences of ranks is
# largest (if there are several, any of them; equal scores share a mean rank). If there is no such pair, return an
# empty tuple.


# %% answer
def dispute(first, second):
    # your code
    return None


# %% form
assert len(dispute(np.array([1.0, 2, 3]), np.array([3.0, 2, 1]))) == 2

# %% settle [markdown]
# ## 6. A procedure that settles (6 points)
#
# *40 to 60 minutes.* Does row `i` matter more to a network than row `j`? We say that it does if replacing it by its
# mean row changes the output that wins more, in the mean of squares over all images that there could be. You have a
# few hundred images. Write `settle(network, x, pair)`, with `pair = (i, j)` and `network` any function of images.
# It returns 1 if row `i` matters more, 2 if row `j` does, and 0 if the images cannot tell.
#
# It will be tried on networks that you have not seen, with 400 images: on some the one row matters much more,
# whatever slopes say; on others both rows matter exactly alike. Where they matter alike, it should return something
# else than 0 in fewer than one case of a hundred.


# %% answer
def settle(network, x, pair):
    # your code
    return None


# %% form
found = settle(mine, x_test, (0, 7))
assert found is not None, "there is no answer yet"
assert np.ndim(found) == 0, "0, 1 or 2"

# %% agreement [markdown]
# ## 7. Your network (4 points)
#
# *20 to 30 minutes.* The score of a lens or an intervention for a step is the root of the mean square over the test
# images (`reach` has one already; take it from the training images). Put into the dictionary `agreement` two
# numbers under each of five keys: the rank correlation (Spearman's) of a score with that of `without_row`, and with
# that of `without_step`, both of `mine`. The keys: `"reach"`, `"slopes"`, `"patching"`, all of `mine`;
# `"position"`, a score that is the number of the step, 0 to 7; and `"other"`: the two interventions on `other`,
# rows held against rows, steps against steps.
#
# Then take the dispute between the scores of `slopes` and `patching`, in this order, and settle it on the test
# images. Put into `ruling` three numbers: `i`, `j`, and what `settle` says.

# %% answer
agreement = None
ruling = None

# %% form
keys = {"reach", "slopes", "patching", "position", "other"}
assert isinstance(agreement, dict), "a dictionary"
assert set(agreement) == keys, "five keys"
assert all(np.shape(two) == (2,) for two in agreement.values())
assert np.shape(ruling) == (3,), "i, j and 0, 1 or 2"

# %% verdict [markdown]
# ## 8. The verdict (6 points)
#
# *40 to 50 minutes, 250 to 350 words, for a colleague who will act upon it.* What does your network look at? Which
# lens do you believe for which question, and which for none? Say it with your numbers, and name the dispute that
# you settled and how. Say which of your findings are about *this* network, and which another network or the mere
# position would have told as well. Set one sentence of the report beside your findings: does it hold, or what does
# it leave open? Close with one experiment that could show that you are wrong, and with what you would have to see.

# %% written
# *Your verdict.*
