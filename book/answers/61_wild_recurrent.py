"""Chapter 61: what solves its exercises, and what their checks must catch."""

# %% ex-recurrent-life [markdown]
# $\lambda^n = 1/2$ gives $n = 6.6$ steps, which is about a fifth of a second. For one second there
# are about thirty-one steps, and the eigenvalue is $\lambda = 0.978$. The slowest mode
# of the detector is nearer to one still.

# %% solution
seconds = np.log(0.5) / np.log(0.9) * 0.032
longer = 0.5 ** (0.032 / 1)

# %% wrong: those are steps
seconds, longer = np.log(0.5) / np.log(0.9), 0.978

# %% wrong: time runs forwards
seconds, longer = -0.21, 0.978

# %% wrong: an eigenvalue between 0 and 1
seconds, longer = 0.21, 1.02

# %% wrong: longer than the first
seconds, longer = 0.21, 0.9

# %% wrong: then it is half after
seconds, longer = 0.21, 0.97

# %% invented: after that
seconds, longer = 1.0, 0.95

# %% ex-recurrent-constant [markdown]
# The ten directions with the smallest ratio of variance within words to variance altogether: a generalised eigenvalue
# problem, which is linear discriminant analysis with words as classes. It needs no pairs and no order.

# %% solution
from scipy.linalg import eigh


def steady(states):
    every = np.concatenate(states)
    within = np.concatenate([z - z.mean(0) for z in states])
    S, W = np.cov(every.T), within.T @ within / len(every)
    return eigh(W, S + 1e-4 * np.trace(S) / len(S) * np.eye(len(S)))[1][:, :10]


# %% wrong: widest is not steadiest
def steady(states):
    every = np.concatenate(states)
    return np.linalg.svd(every - every.mean(0), full_matrices=False)[2][:10].T


# %% wrong: ten different directions
def steady(states):
    return np.ones((256, 10))


# %% wrong: of shape
def steady(states):
    return np.eye(256)


# %% invented: widest is not steadiest
def steady(states):
    return np.random.default_rng(0).normal(size=(256, 10))


# %% ex-recurrent-cancel [markdown]
# $F = 1000 - 998 = 2$. The sizes add up to $1998$, so the ratio is $999$. If both shrink by a tenth the output falls by
# a tenth of itself, a fifth, although each contribution alone promises a change by about $100$:
# their common part never shows.

# %% solution
output = 1000 - 998
ratio = (1000 + 998) / 2
fall = 0.1 * 2

# %% wrong: with their signs
output, ratio, fall = 1998, 999, 0.2

# %% wrong: over the output
output, ratio, fall = 2, 1998, 0.2

# %% wrong: without their signs
output, ratio, fall = 2, 1, 0.2

# %% wrong: it falls
output, ratio, fall = 2, 999, -0.2

# %% wrong: what is a tenth of each
output, ratio, fall = 2, 999, 100

# %% invented: sizes over the output
output, ratio, fall = 2, 500, 0.2

# %% ex-recurrent-build [markdown]
# One least-squares problem: rows $(z_t, e_{t+1}, 1)$, targets $z_{t+1}$, stacked over sequences. It holds $K$,
# then $B$, then $c$. The package solves the same, about the mean, and drops directions that the data do not span.


# %% solution
def lens(states, inputs):
    rows = [
        np.column_stack([z[:-1], e[1:], np.ones(len(z) - 1)])
        for z, e in zip(states, inputs, strict=True)
    ]
    then = np.concatenate([z[1:] for z in states])
    solution, *_ = np.linalg.lstsq(np.concatenate(rows), then, rcond=None)
    n = states[0].shape[1]
    return solution[:n], solution[n:-1], solution[-1]


# %% shared
def solved(states, inputs, skip):
    """K, B and c, where a state is met with the input so many steps later."""
    rows = [
        np.column_stack(
            [z[:-1], e[skip : len(e) - 1 + skip], np.ones(len(z) - 1)]
        )
        for z, e in zip(states, inputs, strict=True)
    ]
    then = np.concatenate([z[1:] for z in states])
    solution, *_ = np.linalg.lstsq(np.concatenate(rows), then, rcond=None)
    n = states[0].shape[1]
    return solution[:n], solution[n:-1], solution[-1]


# %% wrong: which input leads to which state
def lens(states, inputs):
    return solved(states, inputs, 0)


# %% wrong: which input leads to which state
def lens(states, inputs):
    return solved([np.concatenate(states)], [np.concatenate(inputs)], 1)


# %% wrong: states are rows, z K
def lens(states, inputs):
    K, B, c = solved(states, inputs, 1)
    return K.T, B, c


# %% invented: which input leads to which state
def lens(states, inputs):
    n, m = states[0].shape[1], inputs[0].shape[1]
    return np.eye(n), np.zeros((m, n)), np.zeros(n)


# %% copied: write it yourself
def lens(states, inputs):
    fit = ControlledKoopman().fit(states, inputs)
    zero, none = (
        np.zeros((1, states[0].shape[1])),
        np.zeros((1, inputs[0].shape[1])),
    )
    c = fit.predict(zero, none)[0]
    n, m = zero.shape[1], none.shape[1]
    K = fit.predict(np.eye(n), np.zeros((n, m))) - c
    return K, fit.predict(np.zeros((m, n)), np.eye(m)) - c, c
