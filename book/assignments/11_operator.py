# %% [markdown]
# # When is it an operator?
#
# *170 to 230 minutes, hard, essential. After [the frontier](../notebooks/52_frontier.ipynb).*
#
# An encoder, a square matrix $K$, a decoder: that may be a Koopman autoencoder, whose matrix can be applied again and
# again, or a perceptron with a superfluous linear layer in its middle. Both forecast the next state well.
#
# You write what makes the difference: the forecast over many steps, the two losses, and a number that says how far
# $K$ is from being an operator. You train both on a system of your own and hold them against a straight line. Then
# you write a *procedure* that says which of two systems is linear in some observables. It will be tried on systems
# that you have not seen.
#
# Use NumPy and PyTorch, with automatic differentiation; SciPy is allowed. Functions of other packages that do the
# task in your place earn nothing. States are rows, and maps act from the right, as in the chapter.

# %%
import zlib

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)

# %% [markdown]
# Write your name between the quotation marks: the one under which you hand in. It gives your system, which nobody
# else has.

# %% student
student = ""

# %% [markdown]
# Four kinds of system. All move a point $u$ of the plane by a simple rule. What is seen of it is $h$, two numbers:
# $u$ or a bent picture of it, turned, stretched, shifted, and with a little noise.
#
# - `turning`: $u$ turns and shrinks a little; bent by $u_2 + c\, u_1^2$.
# - `slow`: $u_1$ decays slowly and $u_2$ fast; bent alike.
# - `folding`: Hénon's map, $(1 - a\, u_1^2 + u_2,\; 0.3\, u_1)$, which is chaotic.
# - `two`: $u_1 + a\,(u_1 - u_1^3)$ comes to rest at 1 or at −1, and drives $u_2$.
#
# The first two are **linear in some observables**: there are finitely many polynomials of $h$, of degree four at
# most, that contain $h$ itself and that *one* operator maps to what they are a step later. (If you see why, you
# have half of this assignment.) For the last two there are no such polynomials.

# %%
seed = zlib.crc32(student.encode())


def system(rng, kind):
    """The rule, what is seen, and n starting points, as functions."""
    mix = np.linalg.qr(rng.normal(size=(2, 2)))[0]
    mix, shift = mix * rng.uniform(0.7, 1.4, size=2), rng.normal(size=2)
    a, b, c = rng.uniform(size=3)
    if kind == "turning":
        angle = 0.3 + 0.9 * a
        turn = [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
        turn = (0.97 + 0.03 * b) * np.array(turn)

        def rule(u):
            return u @ turn
    elif kind == "slow":

        def rule(u):
            return u * [0.95 + 0.04 * a, 0.6 + 0.25 * b]
    elif kind == "folding":

        def rule(u):
            first = 1 - (1.36 + 0.04 * a) * u[:, 0] ** 2 + u[:, 1]
            return np.stack([first, 0.3 * u[:, 0]], axis=1)
    else:

        def rule(u):
            first = u[:, 0] + (0.4 + 0.3 * a) * (u[:, 0] - u[:, 0] ** 3)
            second = (0.6 + 0.3 * b) * u[:, 1] + 0.3 * u[:, 0] ** 2
            return np.stack([first, second], axis=1)

    def seen(u):
        bend = 0.4 + 0.4 * c if kind in ("turning", "slow") else 0
        bent = np.stack([u[:, 0], u[:, 1] + bend * u[:, 0] ** 2], axis=1)
        return bent * ([1, 3] if kind == "folding" else 1) @ mix + shift

    def starts(n):
        if kind == "two":
            first = rng.uniform(-1.3, 1.3, size=n)
            return np.stack([first, 0.7 * rng.normal(size=n)], axis=1)
        u = rng.uniform(-1, 1, size=(n, 2)) * (
            0.1 if kind == "folding" else 1.3
        )
        for _ in range(20 if kind == "folding" else 0):
            u = rule(u)
        return u

    return rule, seen, starts


def paths(seed, kind, n_paths=80, n_steps=16, noise=0.005):
    """States that are seen, of shape (n_paths, n_steps, 2)."""
    rng = np.random.default_rng(seed)
    rule, seen, starts = system(rng, kind)
    u, found = starts(n_paths), []
    for _ in range(n_steps):
        found.append(seen(u))
        u = rule(u)
    h = np.stack(found, axis=1)
    return h + noise * h.std(axis=(0, 1)) * rng.normal(size=h.shape)


# %% [markdown]
# Your system turns. Its states are scaled to a mean of 0 and a spread of 1; 400 paths are there to train on, of 9
# states each, and 100 are held out, of 24 states.

# %%
mine = paths(seed, "turning", n_paths=500, n_steps=24)
mine = (mine - mine[:400].mean(axis=(0, 1))) / mine[:400].std(axis=(0, 1))
mine = torch.tensor(mine, dtype=torch.float32)
training, held_out = mine[:400, :9], mine[400:]
fig, axes = plt.subplots(1, 2, figsize=(7, 2.8))
axes[0].plot(*held_out[:6].permute(2, 1, 0), ".-", markersize=3)
axes[0].set(xlabel="first number", ylabel="second number", title="your system")
other = paths(seed, "folding")
axes[1].plot(*other[:, 5:].reshape(-1, 2).T, ".", markersize=2)
axes[1].set(xlabel="first number", title="one that folds")
fig.tight_layout()
plt.show()

# %% rollout [markdown]
# ## 1. Encode once, apply many times (3 points)
#
# *10 to 15 minutes.* `encode` and `decode` are functions of tensors whose last axis is the state or its
# observables, with any axes before it; `K` is a square tensor. Write `rollout(encode, K, decode, start, n_steps)`.
# From `start`, of shape `(n, d)`, it returns $D(E(h_0)\, K^k)$ for $k = 0, 1, \dots,$ `n_steps`: a tensor of shape
# `(n, n_steps + 1, d)`. The start is encoded once, and no forecast is ever encoded again.


# %% answer
def rollout(encode, K, decode, start, n_steps):
    # your code
    return None


# %% form
seen = rollout(lambda h: h, torch.eye(2), lambda z: z, held_out[:, 0], 3)
assert seen.shape == (100, 4, 2), "start, and three states more"

# %% losses [markdown]
# ## 2. Two losses (6 points)
#
# *30 to 40 minutes.* For paths $h$ of shape `(n, n_steps, d)` and a forecast $g$ of the same shape, the *share
# missed* is the mean over the steps $k$ of
#
# $$\frac{\sum_i \lVert g_{ik} - h_{ik} \rVert^2}{\sum_i \lVert h_{ik} - \bar h_k \rVert^2},$$
#
# with the sums over paths $i$, and $\bar h_k$ the mean of step $k$ over the paths. Write
#
# - `kae_loss(encode, K, decode, h)`: the share that the states $D(E(h_0)\, K^k)$ miss of $h_k$, for $k = 0, 1,
#   \dots$, plus the share that the observables $E(h_0)\, K^k$ miss of $E(h_k)$, for $k = 1, 2, \dots$ (at $k = 0$
#   there is nothing to miss);
# - `perceptron_loss(encode, K, decode, h)`: for all pairs of a state and the next one on its path, taken together
#   as if they were one step of many paths, the share that $D(E(h)\, K)$ misses of the next state.
#
# Both return one number as a tensor through which PyTorch can differentiate.


# %% answer
def kae_loss(encode, K, decode, h):
    # your code
    return None


def perceptron_loss(encode, K, decode, h):
    # your code
    return None


# %% form
probe = torch.eye(2, requires_grad=True)
for loss in (kae_loss, perceptron_loss):
    loss(lambda h: h, probe, lambda z: z, training).backward()
assert probe.grad.abs().sum() > 0, "PyTorch should reach K"

# %% closure [markdown]
# ## 3. How far from an operator? (4 points)
#
# *20 to 25 minutes.* Write `closure(encode, K, h, lag)`, one number:
#
# $$\sqrt{\frac{\sum \lVert E(h_{t+\ell}) - E(h_t)\, K^\ell \rVert^2}{\sum \lVert E(h_{t+\ell}) - \bar e \rVert^2}},$$
#
# both sums over all pairs of states that lie $\ell$ = `lag` steps apart on a path; $\bar e$ is the mean of
# $E(h_{t+\ell})$ over these pairs. It is 0 for an operator, and 1 for what does no better than the mean.


# %% answer
def closure(encode, K, h, lag):
    # your code
    return None


# %% form
seen = closure(lambda h: h, torch.eye(2), held_out, 2)
assert seen is not None, "there is no answer yet"
assert np.ndim(seen) == 0, "one number"

# %% freedom [markdown]
# ## 4. Which K is free? (4 points)
#
# *15 to 25 minutes; a pencil first.*
#
# - A perceptron $D(E(h)\, K)$ has been trained, and somebody wants it to have the invertible matrix $M$ in the
#   place of $K$. Write `pretend(K, M)`, which returns a matrix $T$ such that the new encoder $E'(h) = E(h)\, T$
#   with the old decoder makes the same forecasts: $D(E'(h)\, M) = D(E(h)\, K)$, whatever $E$ and $D$ are.
# - A Koopman autoencoder has been trained, and somebody wants other observables, $E'(h) = E(h)\, A$ with an
#   invertible $A$. Write `recast(K, A)`, which returns the operator $K'$ of the new observables: if $E(h') = E(h)\,
#   K$ for a state $h$ and the next one $h'$, then $E'(h') = E'(h)\, K'$.
#
# Matrices are NumPy arrays here, of shape `(p, p)`.


# %% answer
def pretend(K, M):
    # your code
    return None


def recast(K, A):
    # your code
    return None


# %% form
assert np.shape(pretend(np.eye(3), 2 * np.eye(3))) == (3, 3)
assert np.shape(recast(np.eye(3), 2 * np.eye(3))) == (3, 3)

# %% [markdown]
# ## Both trained
#
# The same parts, the same start, the same training paths and steps; only the losses are different.


# %%
class Parts(nn.Module):
    def __init__(self, width=2, p=8, hidden=48):
        super().__init__()

        def pair(a, b):
            return nn.Sequential(
                nn.Linear(a, hidden), nn.Tanh(), nn.Linear(hidden, b)
            )

        self.encode, self.decode = pair(width, p), pair(p, width)
        self.K = nn.Parameter(torch.eye(p))


def fit(loss, h, seed, n_steps=1500):
    torch.manual_seed(seed)
    parts, batches = Parts(), torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(parts.parameters())
    rate = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 1e-2, total_steps=n_steps
    )
    for _ in range(n_steps):
        batch = h[torch.randint(len(h), (100,), generator=batches)]
        optimizer.zero_grad()
        loss(parts.encode, parts.K, parts.decode, batch).backward()
        optimizer.step()
        rate.step()
    return parts.requires_grad_(False)


# %% errors [markdown]
# ## 5. Your system (5 points)
#
# *20 to 30 minutes.* Train two networks with `fit(…, training, seed)`, `kae` with the one loss and `perceptron`
# with the other, in the cell below. All forecasts begin at the **second** state of the held-out paths, `held_out[:,
# 1]`, and are judged 1, 5 and 20 steps later by the square root of $\sum_i \lVert g_i - h_i \rVert^2 / \sum_i
# \lVert h_i - \bar h \rVert^2$, with sums over the held-out paths and their true states at that step. Guess before
# you look. Put into the dictionary `errors` three numbers under each of five keys:
#
# - `"kae"`: the rollout of the autoencoder;
# - `"powers"`: the rollout of the perceptron, as if its $K$ were an operator;
# - `"again"`: the perceptron applied once, its forecast encoded, the perceptron applied again, and so on;
# - `"line"`: on a straight line through the first state and the second;
# - `"stay"`: the second state as it is.
#
# And into `closures` two numbers: `closure` of `kae` and of `perceptron` on `held_out`, with a lag of 5.

# %% answer
errors = {}
closures = None

# %% form
keys = {"kae", "powers", "again", "line", "stay"}
assert set(errors) == keys, "five keys"
assert all(np.shape(three) == (3,) for three in errors.values())
assert np.shape(closures) == (2,), "two numbers"

# %% which [markdown]
# ## 6. A procedure that decides (7 points)
#
# *40 to 60 minutes.* Write `which(first, second)`. It gets the paths of two systems, arrays as `paths(seed, kind)`
# returns them: 80 paths of 16 states each, not scaled, with noise as here. One of the two is `turning` or `slow`,
# the other `folding` or `two`, with numbers that you do not know. It returns 1 if the first is linear in some
# observables, and 2 if the second is.
#
# A decision may take five seconds. Try it on pairs of your own, of all four combinations, in both orders.


# %% answer
def which(first, second):
    # your code
    return None


# %% form
said = which(paths(1, "slow"), paths(2, "two"))
assert said is not None, "there is no answer yet"
assert np.ndim(said) == 0, "1 or 2"

# %% judgement [markdown]
# ## 7. When is it an operator? (4 points)
#
# *20 to 30 minutes, 150 to 250 words.* A colleague has trained `perceptron` on your system, reads the eigenvalues
# of its $K$, and concludes how fast the system turns. Say with the numbers of task 5 and with task 4 why they tell
# nothing, and why those of `kae` may tell something. Who is right about the state 20 steps ahead, and does it take
# an operator to be right? Then say how your procedure of task 6 decides, and which simpler procedure you tried, or
# could have, that goes wrong, and on which pair.

# %% written
# *Your answer.*
