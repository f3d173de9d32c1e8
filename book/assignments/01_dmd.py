# %% [markdown]
# # How many oscillations?
#
# *150 to 210 minutes, hard, essential. After [the first chapter](../notebooks/01_primer.ipynb).*
#
# A sensor gives one number per step. The number is a sum of oscillations, each with a frequency and a decay of its own,
# and noise. How many oscillations are there, and which eigenvalues of a fit would you stake money on?
#
# You write the tools first: dynamic mode decomposition (DMD) that sees one trajectory at a time, delays with gaps, and
# a test of eigenvalues over many steps. Then you write down a *procedure* that decides by itself what it believes. It
# will be tried on recordings that you have not seen, some of which hold no oscillation at all.
#
# Use NumPy alone; SciPy is allowed too. Functions of other packages that do the task in your place earn nothing. States
# are rows, and maps act from the right, as in the chapter.

# %%
import zlib

import matplotlib.pyplot as plt
import numpy as np

# %% [markdown]
# Write your name between the quotation marks: the one under which you hand in. It gives your recordings, which nobody
# else has.

# %% student
student = ""

# %%
seed = zlib.crc32(student.encode())


def recordings(seed, n_recordings, count=None, noise=0.1, n_steps=80):
    """Sums of `count` decaying oscillations with noise, each (n_steps, 1)."""
    rng = np.random.default_rng(seed)
    count = rng.integers(2, 5) if count is None else count
    angles = rng.permutation(np.arange(0.3, 2.9, 0.4))[:count]
    angles = angles + rng.uniform(-0.1, 0.1, size=count)
    rates = rng.uniform(0.95, 1.0, size=count) * np.exp(1j * angles)
    powers = rates ** np.arange(n_steps)[:, None]
    found = []
    for _ in range(n_recordings):
        start = rng.uniform(0.7, 1.3, size=count)
        start = start * np.exp(2j * np.pi * rng.uniform(size=count))
        signal = (powers * start).real.sum(axis=1)
        found.append((signal + noise * rng.normal(size=n_steps))[:, None])
    return found


mine = recordings(seed, 10)
training, held_out = mine[:6], mine[6:]
fig, ax = plt.subplots(figsize=(7, 2.5))
ax.plot(training[0], label="first recording")
ax.plot(training[1], label="second recording", linestyle="--")
ax.set(xlabel="step", ylabel="sensor")
ax.legend()
plt.show()

# %% sums [markdown]
# ## 1. Sums of pairs (3 points)
#
# *20 to 25 minutes.* Least squares needs two matrices only, whatever the number of trajectories:
#
# $$G = \sum z_t^\top z_t, \qquad A = \sum z_t^\top z_{t+\ell},$$
#
# summed over all pairs of states that lie $\ell$ steps apart **within** a trajectory. Write `sums(trajectories, lag)`,
# which returns `G` and `A`, each of shape `(n_features, n_features)`. Trajectories have unequal lengths, and some may
# be too short to hold a pair: these add nothing.


# %% answer
def sums(trajectories, lag=1):
    # your code
    return None


# %% form
found = sums([np.ones((5, 2)), np.ones((1, 2))])
assert found is not None, "sums returns nothing yet"
G, A = found
assert np.shape(G) == np.shape(A) == (2, 2), "two square matrices"

# %% spectrum [markdown]
# ## 2. The spectrum on the widest directions (4 points)
#
# *30 to 45 minutes.* Let $U$, of shape `(n_features, rank)`, hold the eigenvectors of $G$ with the `rank` largest
# eigenvalues. In the coordinates $zU$ the operator is a matrix $\hat K$ of shape `(rank, rank)`: the one that
# minimises $\sum \lVert z_t U \hat K - z_{t+\ell} U \rVert^2$. Write `spectrum(G, A, rank)`, which returns
#
# - `values`, the `rank` eigenvalues of $\hat K$, in any order;
# - `vectors` of shape `(n_features, rank)`, so that $\varphi_j(z) = z\,v_j$ with column $v_j$ is the eigenfunction of
#   the $j$-th value.
#
# Derive $\hat K$ from $G$, $A$ and $U$ on paper first. You need no data but these.


# %% answer
def spectrum(G, A, rank):
    # your code
    return None


# %% form
found = spectrum(np.eye(3), np.diag([0.9, 0.5, 0.1]), 2)
assert found is not None, "spectrum returns nothing yet"
values, vectors = found
assert np.shape(values) == (2,), "one value per direction kept"
assert np.shape(vectors) == (3, 2), "one column per value"

# %% delayed [markdown]
# ## 3. Delays with gaps (2 points)
#
# *15 to 20 minutes.* Write `delayed(trajectory, delays, stride)`. A row holds the present state first, then the states
# `stride`, `2 * stride`, …, `delays * stride` steps before it. With `stride=1` these are the delay coordinates of the
# chapter. States that lack a predecessor begin no row.


# %% answer
def delayed(trajectory, delays, stride=1):
    # your code
    return None


# %% form
assert np.shape(delayed(np.ones((9, 2)), 2, 3)) == (3, 6), "rows are lost"

# %% departures [markdown]
# ## 4. Do eigenfunctions obey their law? (4 points)
#
# *30 to 40 minutes.* An eigenfunction with eigenvalue $\lambda_j$ should obey
# $\varphi_j(z_{t+h}) = \lambda_j^h\,\varphi_j(z_t)$ for every $h$, on trajectories that the fit has not seen. Write
# `departures(values, vectors, trajectories, horizon)`. It returns an array of shape `(horizon, len(values))`, whose row
# $h - 1$ holds
#
# $$\sqrt{\frac{\sum_t \lvert \varphi_j(z_{t+h}) - \lambda_j^h \varphi_j(z_t) \rvert^2}
# {\sum_t \lvert \varphi_j(z_t) \rvert^2}},$$
#
# both sums over the same starts: all $t$ of all trajectories for which the state $h$ steps later exists. Trajectories
# that are too short for some $h$ are left out of that row only.


# %% answer
def departures(values, vectors, trajectories, horizon):
    # your code
    return None


# %% form
found = departures(np.ones(2), np.eye(2), [np.ones((9, 2))], 5)
assert np.shape(found) == (5, 2), "a row per step, a column per value"

# %% believed [markdown]
# ## 5. A procedure that decides (7 points)
#
# *40 to 60 minutes.* Write `believed(training, held_out)`. It takes two lists of recordings of shape `(n_steps, 1)` and
# returns the eigenvalues it believes: one conjugate pair for each oscillation, in any order. If it believes nothing, it
# returns an empty array.
#
# You choose delays, rank and the rule of decision; try them on `recordings(…)` with seeds, counts and noise of your
# own, with `count=0` too. Your procedure will be run on new recordings, ten of 80 steps as here, with noise of 0.05 to
# 0.15. Believing an oscillation that is not there costs as much as missing one. Each eigenvalue should be right to
# 0.03.


# %% answer
def believed(training, held_out):
    # your code
    return None


# %% form
found = believed(training, held_out)
assert np.ndim(found) == 1, "one row of eigenvalues"

# %% periods [markdown]
# ## 6. Your recordings (2 points)
#
# *5 minutes.* Put the periods of the oscillations in your own recordings, in steps, into the list `periods`, in any
# order. An oscillation that turns by the angle $\theta$ per step has the period $2\pi / \theta$.

# %% answer
periods = None

# %% form
assert np.ndim(periods) == 1, "a list of numbers"

# %% chance [markdown]
# ## 7. What chance gives (2 points)
#
# *10 to 15 minutes.* `shuffled` holds your training recordings with their steps in random order: nothing in them can be
# predicted. Fit them with 24 delays, stride 1 and all 25 directions, and put into `chance` the smallest departure over
# ten steps that any of the 25 eigenvalues has on your `held_out` recordings, which are left as they are.

# %%
mix = np.random.default_rng(seed)
shuffled = [mix.permutation(recording) for recording in training]

# %% answer
chance = None

# %% form
assert chance is not None, "there is no answer yet"
assert np.ndim(chance) == 0, "one number"

# %% judgement [markdown]
# ## 8. What would you stake money on? (4 points)
#
# *20 to 30 minutes, 150 to 250 words.* Say how your procedure decides, and why you set its limits where they are,
# with the numbers of tasks 5 to 7. Name an eigenvalue of your own fit that a look at its modulus would have taken for
# true, and what shows that it is not. Then name one finding that would have changed your mind about an oscillation that
# you believe.

# %% written
# *Your answer.*
