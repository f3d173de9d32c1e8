# %% [markdown]
# # What does a mode carry?
#
# *180 to 240 minutes, hard, essential. After [the chapter on what a network
# counts](../notebooks/12_kann_sentiment.ipynb) and [the one on what an eigenvector
# draws](../notebooks/13_kann_ecg.ipynb).*
#
# A network reads words and says after each whether good ones outweigh bad ones so far. Somewhere in its states
# there must be a score. Is it in the slow modes of an operator, in the widest principal component, in both? To drop
# a part of the state and see decisions change proves little: something else, as long, may change as many.
#
# You write spectral projectors without eigenvectors, random controls that take away as much of each state, and a
# measure of how well a direction reads words. Then you write a *procedure* that finds a score in recordings, or
# says that there is none.
#
# Use NumPy, SciPy and PyTorch. Functions of other packages that do the task in your place earn nothing. States are
# rows, and maps act from the right: a state $h$ goes to $hK$, and its part is $hP$.

# %%
import zlib

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

# %%
seed = zlib.crc32(student.encode())


def word_values(seed):
    """What ten words are worth: three good, three bad, four neutral."""
    rng = np.random.default_rng(seed)
    sizes = rng.uniform(0.6, 1.4, size=6) * [1, 1, 1, -1, -1, -1]
    return rng.permutation(np.concatenate([sizes, np.zeros(4)]))


def texts(rng, n_texts, n_words=24):
    """Texts of random words, numbers from 0 to 9: (texts, words)."""
    return rng.integers(10, size=(n_texts, n_words))


class Judge(nn.Module):
    """Reads words; its output is positive where good ones outweigh bad."""

    def __init__(self, n_units=16):
        super().__init__()
        self.recurrence = nn.RNN(10, n_units, batch_first=True)
        self.readout = nn.Linear(n_units, 1)

    def forward(self, words):
        hot = nn.functional.one_hot(words, 10).to(self.readout.weight.dtype)
        return self.readout(self.recurrence(hot)[0])[..., 0]


def train_judge(seed, n_batches=300):
    torch.manual_seed(seed)
    network, rng = Judge(), np.random.default_rng([seed, 1])
    values, step = (
        word_values(seed),
        torch.optim.Adam(network.parameters(), 5e-3),
    )
    for _ in range(n_batches):
        words = texts(rng, 64)
        good = torch.tensor(values[words].cumsum(axis=1) > 0).float()
        output = network(torch.tensor(words))
        step.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(output, good).backward()
        step.step()
    return network.double()


def states_of(network, words):
    """States after each word, of shape (texts, words, units)."""
    hot = torch.eye(10, dtype=torch.float64)[torch.tensor(words)]
    with torch.no_grad():
        return network.recurrence(hot)[0].numpy()


network = train_judge(seed)
weights = network.readout.weight.detach().numpy()[0]
offset = network.readout.bias.item()


def decide(states):
    """1 where the network finds the good words ahead, else 0."""
    return (states @ weights + offset > 0).astype(int)


# %% [markdown]
# Below, `fit_words` are there to fit on and `new_words` to judge on. `K` is fitted to what the states have beyond
# their mean $\bar h$, with a constant beside it: $h_{t+1} - \bar h \approx (h_t - \bar h) K + c$.

# %%
rng = np.random.default_rng([seed, 2])
fit_words, new_words = texts(rng, 150), texts(rng, 100)
fit_states = states_of(network, fit_words)
new_states = states_of(network, new_words)

mean = fit_states.reshape(-1, 16).mean(axis=0)
now = (fit_states[:, :-1] - mean).reshape(-1, 16)
then = (fit_states[:, 1:] - mean).reshape(-1, 16)
K = np.linalg.lstsq(np.c_[now, np.ones(len(now))], then, rcond=None)[0][:16]

values = np.linalg.eigvals(K)
fig, ax = plt.subplots(figsize=(3.4, 3.4))
ax.plot(values.real, values.imag, "o", label="eigenvalues of K")
ax.add_patch(plt.Circle((0, 0), 1, fill=False))
ax.add_patch(plt.Circle((1, 0), 0.08, fill=False, linestyle="--"))
ax.set(xlim=(-1.3, 1.3), ylim=(-1.3, 1.3), xlabel="real", ylabel="imaginary")
plt.show()

# %% projector [markdown]
# ## 1. A projector without eigenvectors (4 points)
#
# *30 to 40 minutes.* The part of a state that belongs to the eigenvalues inside a circle can be had without a
# single eigenvector, from an integral along the circle:
#
# $$P = \frac{1}{2 \pi i} \int_{\text{circle}} (z I - K)^{-1}\, dz .$$
#
# Write `projector(K, centre, radius)` for a real matrix $K$ and a circle about the real number `centre`, on which
# no eigenvalue lies. It returns the real matrix $P$ of the shape of $K$: $hP$ is the part of $h$ that belongs to
# the eigenvalues strictly inside, $P^2 = P$, and $PK = KP$. It must be right to six digits, also where $K$ has
# fewer eigenvectors than rows, if eigenvalues keep a tenth of the radius or more from the circle. Hint: put $z =
# \text{centre} + \text{radius} \cdot e^{i\theta}$, find $dz$, and take the mean over enough equally spaced
# $\theta$. Other ways are right as well.


# %% answer
def projector(K, centre, radius):
    # your code
    return None


# %% form
P = projector(K, 1, 0.08)
assert np.shape(P) == (16, 16), "of the shape of K"
assert np.isrealobj(P), "a real matrix"

# %% control [markdown]
# ## 2. As much of something else (5 points)
#
# *30 to 40 minutes.* What changes if $hP$ is taken from each state? Compare with a random part of the same rank and
# length. Write `control(states, mean, P, rng)`, where `states` has the shape (n_states, n) and `rng` is a generator
# of NumPy:
#
# 1. Let $D$ be the states without `mean`, and $r$ the rank of $P$, which is its trace rounded.
# 2. Draw $r$ directions *where the states vary*: each is a random combination of the rows of $D$, with independent
#    standard normal factors. Directions that states never take would be too easy a rival.
# 3. Project each row of $D$ orthogonally on the span of these directions.
# 4. Scale the projected row of **each** state so that it is as long as that state's own part, its row of $DP$.
# 5. Return the states without these rows, of shape (n_states, n).


# %% answer
def control(states, mean, P, rng):
    # your code
    return None


# %% form
states = new_states.reshape(-1, 16)
found = control(states, mean, P, np.random.default_rng(0))
assert np.shape(found) == np.shape(states), "one state for each"

# %% effects [markdown]
# ## 3. What each word does along a direction (3 points)
#
# *15 to 25 minutes.* Row `t` of a trajectory is the state after word `t`. Before the first word the state is
# zero. The *movement* at a word is how far the state moves along `direction` when it is read. Write
# `effects(trajectories, words, direction, n_words)` for lists of trajectories and of their words, of unequal
# lengths. It returns an array of shape `(n_words,)`: the mean movement at each word over all its places, the
# first places included. A word that does not occur gets 0.


# %% answer
def effects(trajectories, words, direction, n_words):
    # your code
    return None


# %% form
found = effects(list(new_states), list(new_words), weights, 10)
assert np.shape(found) == (10,), "one number per word"

# %% explained [markdown]
# ## 4. How well a direction reads words (3 points)
#
# *15 to 20 minutes.* Write `explained(trajectories, words, direction, n_words)`: the share of the variance of all
# movements along `direction` that is explained by which word was read. It is 1 if a word always moves the state
# alike, and 0 if the mean movement is the same for all words.


# %% answer
def explained(trajectories, words, direction, n_words):
    # your code
    return None


# %% form
found = explained(list(new_states), list(new_words), weights, 10)
assert found is not None, "there is no answer yet"
assert np.ndim(found) == 0, "one number"

# %% reading [markdown]
# ## 5. Four directions of your network (3 points)
#
# *10 to 15 minutes.* Guess first, then put into `reading` what is explained on `new_states` along four
# directions, in this order:
#
# 1. `weights`, those of the readout: `h @ weights` is the output without its offset;
# 2. `P @ weights` with `P = projector(K, 1, 0.08)`: what the slow part $hP$ adds to the output;
# 3. the first principal component of all rows of `fit_states`;
# 4. `weights - P @ weights`: what all other parts add.

# %% answer
reading = None

# %% form
assert np.shape(reading) == (4,), "four numbers"

# %% damage [markdown]
# ## 6. What is lost without it (4 points)
#
# *20 to 25 minutes.* Of all rows of `new_states`, which share of decisions changes (`decide` before and after)
#
# 1. if the slow part, $(h - \bar h) P$ with `P = projector(K, 1, 0.08)`, is taken away;
# 2. if the part along the first principal component of `fit_states` is, $(h - \bar h)\, p^\top p$ with the row
#    $p$ of length 1;
# 3. if a random part is, taken away by `control` with that `P`, in the mean of 100 draws?
#
# Put the three shares into `damage`. Take `mean` as $\bar h$ throughout.

# %% answer
damage = None

# %% form
assert np.shape(damage) == (3,), "three shares"

# %% carrier [markdown]
# ## 7. A procedure that finds the score (7 points)
#
# *40 to 50 minutes.* `recordings` makes states of ten units. In some recordings a score counts six words: it
# keeps 0.9 to 0.97 of itself per step and moves by what the word is worth. In others the same mode is there and
# moves by chance, and no word is counted. There are also a wide, slow rotation that no word moves and an echo of
# each word that is forgotten at once.
#
# Write `carrier(trajectories, words)`. It returns a direction $v$ of shape `(10,)` such that $h \cdot v$ follows
# the score; sign, size and offset do not matter. Where nothing is counted it returns zeros. It
# is tried on recordings that you have not seen: the correlation of $h \cdot v$ with their score should be above 0.95.


# %%
def recordings(seed, counts, n_texts=60, n_steps=30):
    """States and words; and the score, or the mode in its place."""
    rng = np.random.default_rng(seed)
    worth = rng.permutation([-1.5, -1, -0.5, 0.5, 1, 1.5])
    codes, mixing = rng.normal(size=(6, 2)), rng.normal(size=(5, 10))
    rate, angle = rng.uniform(0.9, 0.97), rng.uniform(0.5, 1.2)
    turn = np.array([[0, 1], [-1, 0]]) * np.sin(angle) + np.eye(2) * np.cos(
        angle
    )
    words = rng.integers(6, size=(n_texts, n_steps))
    z, states, scores = np.zeros((n_texts, 5)), [], []
    for t in range(n_steps):
        noise = rng.normal(size=(n_texts, 5)) * [0.1, 1.5, 1.5, 0.1, 0.1]
        push = worth[words[:, t]] if counts else 10 * noise[:, 0]
        score = rate * z[:, 0] + push + noise[:, 0]
        rotation = 0.97 * z[:, 1:3] @ turn + noise[:, 1:3]
        echo = 0.2 * z[:, 3:] + 2 * codes[words[:, t]] + noise[:, 3:]
        z = np.hstack([score[:, None], rotation, echo])
        states.append(z @ mixing + 0.02 * rng.normal(size=(n_texts, 10)))
        scores.append(score)
    return list(np.stack(states, 1)), list(words), list(np.stack(scores, 1))


# %% answer
def carrier(trajectories, words):
    # your code
    return None


# %% form
trajectories, words, scores = recordings(seed, counts=True)
assert np.shape(carrier(trajectories, words)) == (10,), "one number per unit"

# %% judgement [markdown]
# ## 8. Does the slow mode carry the score? (4 points)
#
# *20 to 25 minutes, 150 to 250 words.* Someone writes: "Without the slow mode many decisions change, so the
# network keeps its score there." Judge this for your network with the numbers of `reading` and `damage`: what do
# the random controls and the principal component say? How does it help that the control was drawn where states
# vary? What would have to be measured, and come out how, for the sentence to be true of the slow mode and not of
# the principal component?

# %% written
# *Your answer.*
