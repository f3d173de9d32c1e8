# %% [markdown]
# # Whose doing is it?
#
# *150 to 210 minutes, hard, essential. After [a map of digits, and how to steer on
# it](../notebooks/32_instance_tsne.ipynb) or [one input, one linear
# map](../notebooks/31_instance_classifiers.ipynb).*
#
# Inputs of one class have similar linear maps. Has the network found a way of reading each class, or were the inputs
# similar before it saw them? A heat map looks like an explanation. Is it about this network, or would any network
# have drawn it, or none? Both are questions about who did it, and both are decided by controls: the inputs alone, a
# network before training, one that was trained on shuffled labels, one whose weights were put into random order.
#
# You write the maps and the controls, and then two *procedures*: one that says whose doing a likeness is, one that
# says whether an attribution knows the network. They will be tried on data, networks and attributions that you have
# not seen.
#
# Use NumPy, SciPy and PyTorch. Functions of other packages that do the task in your place earn nothing. Inputs are
# rows of an array; in $F(x) = W x + b$ one input $x$ is a column and $W$ has a row for each class.

# %%
import copy
import zlib

import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)

# %% [markdown]
# Write your name between the quotation marks: the one under which you hand in. It gives your data and networks, which
# nobody else has.

# %% student
student = ""

# %% [markdown]
# Inputs have 20 entries. Four directions, which no entry shows alone, hold the class, one of three. In eight others
# there may be much that has nothing to do with the class; whether it is so in *your* data is given by your name. All
# networks are perceptrons of two hidden layers with ReLU, as `perceptron` makes them. You have four: `fresh` before
# training, `network` after it, `mixed` trained on labels in random order, and `another` trained like `network` from
# another seed.

# %%
seed = zlib.crc32(student.encode())


def clouds(seed, n, loud=None):
    """Inputs and classes; `loud`: there is much besides the class."""
    rng = np.random.default_rng(seed)
    loud = rng.random() < 0.5 if loud is None else loud
    basis = np.linalg.qr(rng.normal(size=(20, 20)))[0]
    middles = np.linalg.qr(rng.normal(size=(4, 4)))[0][:3]
    classes = rng.integers(3, size=n)
    x = 0.3 * rng.normal(size=(n, 20))
    x[:, :8] *= 7 if loud else 1
    x[:, 8:12] += (1.5 if loud else 2.5) * middles[classes]
    return torch.tensor(x @ basis), torch.tensor(classes)


def perceptron(seed):
    """A network before training."""
    torch.manual_seed(seed)
    layers = [nn.Linear(20, 40), nn.ReLU(), nn.Linear(40, 40), nn.ReLU()]
    network = nn.Sequential(*layers, nn.Linear(40, 3)).double()
    return network.requires_grad_(False)


def trained(network, x, classes, steps=150):
    network = copy.deepcopy(network).requires_grad_(True)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(x), classes).backward()
        optimizer.step()
    return network.requires_grad_(False)


every, labels = clouds(seed, 600)
training, inputs = every[:300], every[300:]
learned, classes = labels[:300], labels[300:]
order = np.random.default_rng(seed).permutation(300)
fresh = perceptron(seed)
network = trained(fresh, training, learned)
mixed = trained(fresh, training, learned[order])
another = trained(perceptron(seed + 1), training, learned)
right = (network(inputs).argmax(dim=1) == classes).double().mean()
print(f"{right:.0%} of the inputs that were held out are read rightly")

# %% maps [markdown]
# ## 1. A map for each input (3 points)
#
# *20 to 30 minutes.* Write `maps(network, inputs)`: the exact maps $W$ of a perceptron as above, of any widths, at
# each of `n` inputs, from the gates of one forward pass. The shape is `(n, n_classes, n_entries)`.


# %% answer
def maps(network, inputs):
    # your code
    return None


# %% form
assert np.shape(maps(network, inputs[:7])) == (7, 3, 20), "see the shape above"

# %% named [markdown]
# ## 2. Named by the nearest (3 points)
#
# *15 to 20 minutes.* Write `named(rows, classes)`. `rows` has `n` things in it, of any shape `(n, …)`. Two things are
# as near as the cosine of their entries is large (a thing of zeros has the cosine 0 with all). Return the share of
# things whose nearest **other** thing has the same class.


# %% answer
def named(rows, classes):
    # your code
    return None


# %% form
found = named(inputs, classes)
assert found is not None, "there is no answer yet"
assert np.ndim(found) == 0, "one number"

# %% randomised [markdown]
# ## 3. The same weights in random order (2 points)
#
# *10 to 15 minutes.* Write `randomised(network, seed)`. It returns a new network of the same form in which the
# entries of each weight matrix, and of each bias, stand in random order among themselves. Which order is given by
# `seed`, and another seed gives another. The network that is handed over stays as it is.


# %% answer
def randomised(network, seed):
    # your code
    return None


# %% form
assert randomised(network, 0)(inputs).shape == (300, 3), "it can be called"

# %% drops [markdown]
# ## 4. What really happens (2 points)
#
# *10 to 15 minutes.* The **margin** of an input is the logit of the class that the network reads in it, less the mean
# of all logits. Write `drops(network, inputs)`, of shape `(n, n_entries)`: by how much the margin falls if one entry
# of the input alone becomes 0. The class is that of the whole input.


# %% answer
def drops(network, inputs):
    # your code
    return None


# %% form
assert np.shape(drops(network, inputs[:7])) == (7, 20), "one number per entry"

# %% agreement [markdown]
# ## 5. How alike are two attributions? (2 points)
#
# *10 minutes.* An attribution gives each entry of each input a score. Write `agreement(one, other)` for two arrays of
# shape `(n, n_entries)`: the rank correlation (Spearman) of the two over the entries of an input, and of these the
# median over the inputs. An input in which all scores of one of the two are equal counts as 0.


# %% answer
def agreement(one, other):
    # your code
    return None


# %% form
found = agreement(np.eye(3), np.eye(3))
assert found is not None, "there is no answer yet"
assert np.ndim(found) == 0, "one number"

# %% shares [markdown]
# ## 6. Your data (3 points)
#
# *10 to 15 minutes.* Put five shares into `shares`, all on `inputs` and `classes`, which were held out. How often
# does the nearest name the class, if near means near: among the inputs themselves; among the maps of `fresh`; of
# `network`; of `mixed`? And fifth, how often would it if the nearest were drawn at random: the chance that two
# different inputs, drawn from your 300, have the same class.

# %% answer
shares = None

# %% form
assert np.shape(shares) == (5,), "five numbers"

# %% whose [markdown]
# ## 7. Whose doing is the likeness? (5 points)
#
# *30 to 40 minutes.* Write `whose(fresh, network, inputs, classes)`, which gets a network before and after its
# training, and inputs that were held out. It returns who is to be thanked if maps of one class are alike:
#
# - `"training"`: maps of the trained network name the class clearly more often than the inputs do, and than maps did
#   before training;
# - `"inputs"`: maps of the trained network name the class clearly more often than chance, and the inputs alone do so
#   as well or nearly;
# - `"nobody"`: maps of the trained network name the class about as often as chance.
#
# It will be tried on new data with 300 inputs held out, loud and not, and on data whose labels mean nothing. What is
# clear? Make up data of all three sorts and look at how the shares vary.


# %% answer
def whose(fresh, network, inputs, classes):
    # your code
    return None


# %% form
found = whose(fresh, network, inputs, classes)
assert found in ("training", "inputs", "nobody"), "one of the three words"

# %% knows [markdown]
# ## 8. Does an attribution know the network? (7 points)
#
# *45 to 60 minutes.* Write `knows(attribute, network, inputs)`. `attribute` is a function: `attribute(network,
# inputs)` returns scores of shape `(n, n_entries)`; a positive score speaks for the class that the network reads, a
# negative one against it. You may call it with any network of the same form. Return `True` if the scores tell
# something about what **this** network does with these inputs, something that is not to be had without its weights as
# they are; else `False`.
#
# Among those that know are $W * x$ of the margin, and such a map with something else added to it. Among those that do
# not: the inputs or their sizes, whatever the network; the map of one fixed other network, which may well have
# learned the same task; the map of one fixed untrained network; and noise that is drawn anew for each network, the
# same noise for the same weights. So it is not enough that scores change with the network, nor that they are right
# about it. It will be tried on such attributions, with new networks that were trained well, and some 60 inputs.


# %% answer
def knows(attribute, network, inputs):
    # your code
    return None


# %% form
def sizes(network, inputs):
    return inputs.abs()


assert knows(sizes, network, inputs[:60]) in (True, False), "True or False"

# %% judgement [markdown]
# ## 9. Two claims (4 points)
#
# *20 to 30 minutes, 150 to 250 words.* "Maps of one class are alike in my network, so it has found a way of reading
# each class." "My heat maps change when I put the weights into random order, so they explain this network." Answer
# both, with numbers of your own data. What did each of your controls rule out, `mixed` among them? The map of
# `another` forecasts your network's drops rather well: how well, and why does it not know your network? Say how your
# second procedure decides, and name an attribution about which it would be wrong.

# %% written
# *Your answer.*
