# %% [markdown]
# # Where it looked, what it took, and why there
#
# *150 to 210 minutes, hard, essential. After [a sentence as a linear map](../notebooks/33_instance_language.ipynb).*
#
# A network with attention and norms answers questions about a sequence. Four methods tell you which token is the
# reason, and they disagree. Here you can know who is right: nobody has trained this network. Its weights were put
# together by hand, so that it is known which token it copies and what decides where it looks.
#
# You write the frozen map of a sequence, token by token, and its rivals: the rules of AttnLRP, integrated gradients,
# weights of attention. You hold them against the known reasons. Then you write down a *procedure* that says of a
# network which token it copied, and whether it would have looked elsewhere had another question been asked. It will
# be tried on networks that you have not seen; in some of them the question decides nothing.
#
# Use NumPy and PyTorch. Functions of other packages that do the task in your place earn nothing. Tokens are rows of a
# state, as everywhere in this course; matrices act from the right.

# %%
import zlib

import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)

# %% [markdown]
# Write your name between the quotation marks: the one under which you hand in. It gives your network and your
# sequences, which nobody else has.

# %% student
student = ""

# %% [markdown]
# A sequence has eight places. At place 0 stands a mark, which means nothing. Places 1 to 6 hold items, each with a
# colour and a value; the six colours are all different, the values need not be. At place 7 stands a question, which
# names a colour. The answer is one of five values: that of the item with this colour, if the network does what it
# should. Each token is embedded in 24 dimensions: a sum of directions for what it is, and some noise, all of it
# longer or shorter by chance.
#
# The network has one block of attention with two heads, a norm before it and a norm after it, and a linear readout of
# the last place. With $x_j$ the embedding at place $j$ and $r(x) = \sqrt{\operatorname{mean}(x^2)}$, the mean over
# the 24 entries,
#
# $$z_j = \frac{g \odot x_j}{r(x_j)}, \quad
# A^h = \operatorname{softmax}_j \frac{(z_7 Q_h)(z_j K_h)^\top}{\sqrt 6}, \quad
# y = x_7 + \sum_h \sum_j A^h_j\, z_j V_h O_h, \quad F(x) = \frac{g' \odot y}{r(y)}\, U.$$

# %%
seed = zlib.crc32(student.encode())
directions = {"colour": 6, "value": 5, "mark": 1, "question": 1, "answer": 5}


def basis(seed):
    """An orthonormal direction for each thing, by name; `rest` for noise."""
    rng = np.random.default_rng(seed)
    rows, found = np.linalg.qr(rng.normal(size=(24, 24)))[0], {}
    for name, n in directions.items():
        found[name], rows = rows[:n], rows[n:]
    return found | {"rest": rows}


def sequences(seed, n, network_seed):
    """Embeddings (n, 8, 24) for the network of a seed, and what they are."""
    rng, of = np.random.default_rng(seed), basis(network_seed)
    colours = rng.random((n, 6)).argsort(axis=1)
    values, asked = rng.integers(5, size=(n, 6)), rng.integers(6, size=n)
    x = rng.normal(size=(n, 8, len(of["rest"]))) @ of["rest"] / 5
    x[:, 0] += of["mark"][0]
    x[:, 1:7] += of["colour"][colours] + of["value"][values]
    x[:, 7] += of["question"][0] + of["colour"][asked]
    x *= rng.uniform(0.5, 2, size=(n, 8, 1))
    known = {"colours": colours, "values": values, "asked": asked}
    return torch.tensor(x), known


class Planted(nn.Module):
    """Attention and norms, with weights that were put together by hand.

    With a `colour` it looks for this colour, whatever is asked.
    """

    def __init__(self, seed, colour=None):
        super().__init__()
        of, rng = basis(seed), np.random.default_rng(seed)
        g, g2 = rng.uniform(0.5, 1.5, size=(2, 24))
        first = np.eye(6)[:1]
        query = [1.2 * of["colour"].T, 1.5 * of["question"].T @ first]
        if colour is not None:
            query[0] = 1.2 * of["question"].T @ np.eye(6)[[colour]]
        key = [of["colour"].T, of["mark"].T @ first]
        value = [of["value"].T @ np.eye(5, 6), of["mark"].T @ first]
        out = [2 * np.eye(6, 5) @ of["answer"]]
        out += [first.T @ of["answer"].sum(axis=0, keepdims=True)]
        self.set("g", g)
        self.set("g2", g2)
        for name, parts in (("Q", query), ("K", key), ("V", value)):
            self.set(name, np.stack(parts) / g[:, None])
        self.set("O", np.stack(out))
        mixed = 0.2 * rng.normal(size=(6, 5))
        self.set("U", (of["answer"].T + of["colour"].T @ mixed) / g2[:, None])

    def set(self, name, array):
        weight = nn.Parameter(torch.tensor(array), requires_grad=False)
        setattr(self, name, weight)

    def forward(self, x):
        z = self.g * x / x.square().mean(dim=-1, keepdim=True).sqrt()
        y = x[:, -1]
        for Q, K, V, back in zip(self.Q, self.K, self.V, self.O, strict=True):
            scores = (z[:, -1:] @ Q) @ (z @ K).mT / 6**0.5  # (n, 1, 8)
            y = y + (scores.softmax(dim=-1) @ (z @ V) @ back)[:, 0]
        return (
            self.g2 * y / y.square().mean(dim=-1, keepdim=True).sqrt() @ self.U
        )


network = Planted(seed)
x, known = sequences(seed + 1, 200, seed)
source = 1 + np.argmax(known["colours"] == known["asked"][:, None], axis=1)
wanted = known["values"][np.arange(200), source - 1]
right = (network(x).argmax(dim=1).numpy() == wanted).mean()
print(f"{right:.0%} of the questions are answered rightly")

# %% held [markdown]
# ## 1. What is held (4 points)
#
# *20 to 30 minutes.* Write `held(network, x)` for `x` of shape `(n, 8, 24)`. It returns all that is frozen in the
# linear map of a sequence, as three arrays: the sizes $r(x_j)$, of shape `(n, 8)`; the weights $A^h_j$ of both heads,
# of shape `(n, 2, 8)`; and the sizes $r(y)$, of shape `(n,)`.


# %% answer
def held(network, x):
    # your code
    return None, None, None


# %% form
before, weights, behind = held(network, x)
assert np.shape(before) == (200, 8), "a size for each token"
assert np.shape(weights) == (200, 2, 8), "a weight for each head and token"
assert np.shape(behind) == (200,), "one size for each sequence"

# %% token_map [markdown]
# ## 2. A map for each token (4 points)
#
# *20 to 30 minutes.* Write `token_map(network, x)`, which returns the frozen map `W` of each sequence, of shape `(n,
# 5, 8, 24)`, so that `W[k, c, j] @ x[k, j]` is what place `j` of sequence `k` adds to logit `c`. Write the product of
# matrices, or take the derivative of a forward pass in which `detach` holds what task 1 returns.


# %% answer
def token_map(network, x):
    # your code
    return None


# %% form
assert np.shape(token_map(network, x[:3])) == (3, 5, 8, 24), "see above"

# %% added [markdown]
# ## 3. What a token adds (3 points)
#
# *10 to 15 minutes.* A softmax does not see a common shift of all logits. So all methods here explain one number, the
# **margin**: the logit of the class that the network reads in this sequence, less the mean of all five logits. Write
# `added(network, x)`, which returns an array of shape `(n, 8)`: what each place adds to the margin in the frozen map.


# %% answer
def added(network, x):
    # your code
    return None


# %% form
assert np.shape(added(network, x[:3])) == (3, 8), "one number for each place"

# %% attnlrp [markdown]
# ## 4. Relevance through the softmax (4 points)
#
# *25 to 35 minutes.* AttnLRP holds the sizes $r$ as the frozen map does, but not $A$: where two things are multiplied
# each gets a half of the relevance, and relevance goes on through the softmax. In terms of a derivative: with the
# sizes held, the value $z_j V_h$ that is multiplied by $A$ gives back one half of its derivative. $A$ gets the other
# half, which comes to the scores by the derivative of the softmax; there it is halved once more, so that $z_7 Q_h$
# and $z_j K_h$ give back one quarter of theirs each. (A tensor with the value $t$ that gives back the share $s$ of
# its derivative is `t.detach() + s * (t - t.detach())`.) Write `attnlrp(network, x)`, of shape `(n, 8)`: the
# derivative of the margin by these rules, times $x$, summed over the entries of each place. The class of the margin
# stays fixed.


# %% answer
def attnlrp(network, x):
    # your code
    return None


# %% form
assert np.shape(attnlrp(network, x[:3])) == (3, 8), "one number for each place"

# %% integrated [markdown]
# ## 5. Integrated gradients (3 points)
#
# *15 to 20 minutes.* Write `integrated(network, x, base, n_steps)`. `base` has the shape of one sequence, `(8, 24)`.
# On the straight way from `base` to `x`, at the middles of `n_steps` equal steps, take the mean of the gradients of
# the margin, with nothing held and with the class that is read at the end of the way, at `x`. Return the scores of
# the places, of shape `(n, 8)`, which sum to the difference of the margin between `x` and `base`, but for the error
# of the steps.


# %% answer
def integrated(network, x, base, n_steps):
    # your code
    return None


# %% form
base = x.mean(dim=0)
assert np.shape(integrated(network, x[:3], base, 4)) == (3, 8), "one per place"

# %% hits [markdown]
# ## 6. Four methods and a known reason (4 points)
#
# *15 to 25 minutes.* In your `network` two tokens are the reason for an answer: the item at place `source`, which is
# copied, and the question, which decides that it is this one. Put two shares of your 200 sequences `x` into each row
# of `hits`, of shape `(4, 2)`: how often the largest score is that of the item copied; and how often the two largest
# **sizes** of scores are those of the item copied and of the question, in any order. The rows: your frozen map (task
# 3); AttnLRP; integrated gradients with `base = x.mean(dim=0)` and 16 steps; attention, below.


# %%
def attention(network, x):
    """Weights of the last place, mean over heads, (n, 8)."""
    z = network.g * x / x.square().mean(dim=-1, keepdim=True).sqrt()
    scores = (z[:, None, -1:] @ network.Q) @ (z[:, None] @ network.K).mT
    return (scores / 6**0.5).softmax(dim=-1)[:, :, 0].mean(dim=1)


# %% answer
hits = None

# %% form
assert np.shape(hits) == (4, 2), "a row for each method"

# %% reasons [markdown]
# ## 7. A procedure that gives reasons (7 points)
#
# *40 to 55 minutes.* Write `reasons(network, x)` for a network of the same form, whose weights you have not seen, and
# `x` of shape `(n, 8, 24)` with `n` of 40 or more. It returns two things: the places of the tokens that were copied,
# `n` whole numbers; and `True` or `False`: does the question decide where the network looks? `True` means that with
# another question at place 7, and all else as it is, it would usually have copied another item.
#
# In some networks the question decides. In others it does not: these look for one and the same colour, whatever is
# asked, and only need to see at place 7 *that* something is asked, not what. `Planted(seed, colour=2)` is one of
# these. In all of them a second head looks at the mark. In the networks of the test strengths are different, too:
# attention may be sharper or softer, and the mark may add more or less. Your places should be right in 95 of 100
# sequences. You are not told which colours and which basis are behind `x`: what you know is the network and the
# sequences.


# %% answer
def reasons(network, x):
    # your code
    return None, None


# %% form
places, decides = reasons(network, x)
assert np.shape(places) == (200,), "a place for each sequence"
assert decides in (True, False), "True or False"

# %% judgement [markdown]
# ## 8. Why that answer? (4 points)
#
# *20 to 30 minutes, 150 to 250 words.* Take one sequence of yours. Say where attention looks most, which token was
# copied, and which token decided that it was this one, and how you know each of the three, with numbers. What can the
# frozen map not see, though it is exact, and why? In `Planted(seed, colour=2)`, in which the question decides
# nothing, how often are the item copied and the question still the two largest in AttnLRP? What did your procedure do
# to tell these networks apart from yours? Name one case in which it would be fooled.

# %% written
# *Your answer.*
