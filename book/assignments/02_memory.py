# %% [markdown]
# # What a network forgets, and how fast
#
# *175 to 240 minutes, hard, essential. After [the chapter on a memory](../notebooks/11_kann_copy.ipynb).*
#
# A recurrent network reads three inputs per step. Two of them it was trained to remember, one for long and one for
# short; the third does not matter for its task. What does it forget at which rate? An operator fitted to its hidden
# states has eigenvalues, and each looks like a rate. But the network is driven: an eigenvalue may belong to the
# network, to its inputs, or to nothing that was ever read.
#
# You write the operator of a driven network for many sequences, judge it on held-out ones beside persistence and an
# untrained network, and measure apart from it how a pulse fades. Then you write a *procedure* that says from
# recordings alone what is forgotten at which rate. It will be tried on recordings that you have not seen.
#
# Use NumPy, SciPy and PyTorch. Functions of other packages that do the task in your place earn nothing. States are
# rows, and maps act from the right, as in the chapter.

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

# %% [markdown]
# `correlated` makes inputs of shape (sequences, steps, channels), each channel of variance 1. With
# `correlation=0` they are fresh at every step.

# %%
seed = zlib.crc32(student.encode())


def correlated(rng, n_sequences, n_steps, n_channels=3, correlation=0.0):
    """Inputs whose next value is correlated with the present one."""
    x = rng.normal(size=(n_sequences, n_steps, n_channels))
    for t in range(1, n_steps):
        fresh = np.sqrt(1 - correlation**2) * x[:, t]
        x[:, t] = correlation * x[:, t - 1] + fresh
    return x


def task_rates(seed):
    """What the two channels of the task decay by per step, 0.5 to 0.94."""
    rng = np.random.default_rng(seed)
    rates = [rng.uniform(0.86, 0.94), rng.uniform(0.5, 0.62)]
    return rng.permutation(rates)


class Reader(nn.Module):
    """Reads three channels, reports leaky sums of the first two."""

    def __init__(self, n_units=16):
        super().__init__()
        self.recurrence = nn.RNN(3, n_units, batch_first=True)
        self.readout = nn.Linear(n_units, 2)

    def forward(self, x):
        return self.readout(self.recurrence(x)[0])


def train_reader(seed, n_batches=250):
    """A network before training, and the same after it."""
    torch.manual_seed(seed)
    fresh, network = Reader(), Reader()
    network.load_state_dict(fresh.state_dict())
    rng, rates = np.random.default_rng([seed, 1]), task_rates(seed)
    step = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(n_batches):
        x = correlated(rng, 64, 30)
        sums = np.zeros((64, 30, 2))
        for t in range(30):
            before = sums[:, t - 1] if t else 0
            sums[:, t] = rates * before + (1 - rates) * x[:, t, :2]
        inputs, goal = (torch.tensor(a, dtype=torch.float32) for a in (x, sums))
        step.zero_grad()
        ((network(inputs) - goal) ** 2).mean().backward()
        step.step()
    return fresh.double(), network.double()


def states_of(network, inputs):
    """Hidden states after each step, of shape (sequences, steps, units)."""
    with torch.no_grad():
        return network.recurrence(torch.tensor(inputs))[0].numpy()


fresh, network = train_reader(seed)

# %% [markdown]
# What the network reads in use is correlated in time, unlike what it was trained on. Fit on `fit_inputs`, judge on
# `new_inputs`.

# %%
rng = np.random.default_rng([seed, 2])
fit_inputs = correlated(rng, 80, 40, correlation=0.8)
new_inputs = correlated(rng, 40, 40, correlation=0.8)
fit_states = states_of(network, fit_inputs)
new_states = states_of(network, new_inputs)

fig, ax = plt.subplots(figsize=(7, 2.5))
ax.plot(new_states[0, :, :4])
ax.set(xlabel="step", ylabel="four of the units", title="one sequence")
plt.show()

# %% widest [markdown]
# ## 1. The widest directions of all states (3 points)
#
# *15 to 20 minutes.* Write `widest(trajectories, rank)` for a list of arrays of shape (steps, n_units), of unequal
# lengths. Take all states of all trajectories together and return
#
# - `mean` of shape `(n_units,)`, their mean: every state counts as much as every other;
# - `directions` of shape `(n_units, rank)`, orthonormal columns: the directions of the largest variance about that
#   mean, in any order.
#
# A state's coordinates are then `(h - mean) @ directions`.


# %% answer
def widest(trajectories, rank):
    # your code
    return None


# %% form
mean, directions = widest(list(fit_states), 5)
assert np.shape(mean) == (16,), "one number per unit"
assert np.shape(directions) == (16, 5), "one column per direction"

# %% fit [markdown]
# ## 2. One operator for many driven sequences (5 points)
#
# *30 to 40 minutes.* In the recordings, row `t` of a trajectory is the state *after* the input in row `t` was
# read. So a step of a driven linear system is
#
# $$z_{t+1} \approx z_t K + x_{t+1} B + c .$$
#
# Write `fit(trajectories, inputs=None)`. It takes a list of trajectories of shape (steps, n) and, unless it is
# `None`, a list of their inputs of shape (steps, p), and returns **one** matrix of shape `(n + p + 1, n)`: the
# rows of $K$, then those of $B$, then $c$, which minimise the squared error over all steps within trajectories.
# Without inputs there are no rows of $B$: the shape is `(n + 1, n)`. Trajectories have unequal lengths, and some
# may have one state only.


# %% answer
def fit(trajectories, inputs=None):
    # your code
    return None


# %% form
found = fit(list(fit_states), list(fit_inputs))
assert np.shape(found) == (20, 16), "16 rows of K, 3 of B, 1 of c"
assert np.shape(fit(list(fit_states))) == (17, 16), "without inputs"

# %% ahead [markdown]
# ## 3. Forecasts beside persistence (5 points)
#
# *30 to 40 minutes.* Write `ahead(M, trajectories, inputs, horizon)`, where `M` is a matrix as `fit` returns it.
# For each $h$ from 1 to `horizon` the forecast $\hat z_{t+h}$ begins at the true $z_t$ and makes $h$ steps with
# `M`; the inputs that are read on the way are given, the states are not. Return an array of shape `(horizon,)`
# whose entry $h - 1$ is
#
# $$\frac{\sum_t \lVert \hat z_{t+h} - z_{t+h} \rVert^2}{\sum_t \lVert z_t - z_{t+h} \rVert^2},$$
#
# both sums over all starts $t$ of all trajectories for which the state $h$ steps later exists. Below 1 the
# operator is better than persistence. With `inputs=None`, `M` has no rows of $B$. Trajectories too short for some
# $h$ are left out of that entry only.


# %% answer
def ahead(M, trajectories, inputs, horizon):
    # your code
    return None


# %% form
found = ahead(np.zeros((20, 16)), list(new_states), list(new_inputs), 4)
assert np.shape(found) == (4,), "one number per horizon"

# %% table [markdown]
# ## 4. Trained and untrained (3 points)
#
# *10 to 15 minutes.* `fresh` is your network before training. Give each of the two networks its own states, of
# the same inputs, and its own 8 widest directions, both from `fit_inputs`. Fit in these coordinates, and put the
# numbers of `ahead` at **five** steps on `new_inputs` into `table`: first row `network`, second row `fresh`;
# first column without inputs, second column with. Guess first: of which network is an operator the better model?

# %% answer
table = None

# %% form
assert np.shape(table) == (2, 2), "a row per network, a column per operator"

# %% fade [markdown]
# ## 5. How a pulse fades (4 points)
#
# *20 to 30 minutes.* No operator is needed to see what is forgotten. Write `fade(run, inputs, channel, when,
# size)`. `run` takes inputs of shape (sequences, steps, p) and returns states of shape (sequences, steps, n). Add
# `size` to one `channel` at the single step `when`, in all sequences, and see how far the states depart from
# those without. Return an array of shape `(steps - when,)`: for each step from `when` on, the root mean square
# over sequences of the length of the departure, divided by `size`.


# %% answer
def fade(run, inputs, channel, when, size):
    # your code
    return None


# %% form
found = fade(lambda x: states_of(network, x), new_inputs, 0, 10, 0.1)
assert np.shape(found) == (30,), "one number per step from the pulse on"

# %% pulses [markdown]
# ## 6. Three rates of your network (2 points)
#
# *5 to 10 minutes.* Put into `pulses`, for channels 0, 1 and 2 of `network`, what a pulse is multiplied by per
# step between the third and the twelfth step after it: if $f_k$ is the departure $k$ steps after the pulse, and
# $f_0$ that at the step of the pulse, $(f_{12} / f_3)^{1/9}$. Use `new_inputs`, a pulse at step 10 of size 0.1.

# %% answer
pulses = None

# %% form
assert np.shape(pulses) == (3,), "one number per channel"

# %% memories [markdown]
# ## 7. A procedure for recordings (7 points)
#
# *40 to 50 minutes.* `recordings` makes states of a system that you cannot run again. Each of three channels
# writes into a leaky integrator of its own, with a rate between 0.5 and 0.95, or writes **nothing**. Two further
# modes are moved by noise that nobody records. Eight units hold mixtures of all that. Inputs are fresh in some
# recordings and correlated in others.
#
# Write `memories(trajectories, inputs)`. From two lists, of states and of inputs, it returns three numbers: for
# each channel the factor by which what it wrote is multiplied per step, or 0 if the channel writes nothing. Each
# should be right to 0.06. Try it on `recordings(…)` with seeds, rates and correlations of your own.


# %%
def recordings(seed, rates, correlation, n_sequences=60, n_steps=40):
    """States and inputs; a rate of 0 is a channel that writes nothing."""
    rng = np.random.default_rng(seed)
    x = correlated(rng, n_sequences, n_steps, correlation=correlation)
    own = rng.uniform(0.5, 0.95, size=2)
    decay = np.concatenate([rates, own])
    mixing = rng.normal(size=(5, 8))
    z, states = np.zeros((n_sequences, 5)), []
    for t in range(n_steps):
        noise = 0.1 * rng.normal(size=(n_sequences, 5))
        noise[:, 3:] *= 10
        push = np.zeros((n_sequences, 5))
        push[:, :3] = x[:, t] * (np.array(rates) > 0)
        z = z * decay + push + noise
        states.append(z @ mixing + 0.02 * rng.normal(size=(n_sequences, 8)))
    return list(np.stack(states, axis=1)), list(x)


# %% answer
def memories(trajectories, inputs):
    # your code
    return None


# %% form
found = memories(*recordings(seed, [0.9, 0, 0.6], 0.8))
assert np.shape(found) == (3,), "one number per channel"

# %% slowest [markdown]
# ## 8. Whose memory is it? (2 points)
#
# *5 to 10 minutes.* Fit your `network` once more in its 8 widest directions on `fit_inputs`, without inputs and
# with them. Put the largest modulus of the eigenvalues of $K$ into `slowest`: first without inputs, then with.

# %% answer
slowest = None

# %% form
assert np.shape(slowest) == (2,), "two numbers"

# %% judgement [markdown]
# ## 9. What does your network forget? (4 points)
#
# *20 to 25 minutes, 150 to 250 words.* Say what your network forgets at which rate, with `task_rates(seed)`,
# `pulses` and `slowest` beside each other. Which of the two numbers of `slowest` would you report as its memory,
# and what shows that the other is not? Does the third channel, which it was never asked about, leave sooner than
# the others? And what does `table` say, and not say, about training?

# %% written
# *Your answer.*
