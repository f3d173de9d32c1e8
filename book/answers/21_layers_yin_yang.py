"""Chapter 21: what solves its exercises, and what their checks must catch."""

# %% ex-yinyang-bend [markdown]
# The slope is $5/10$, the offset $3/4$; the line is off by $\tfrac14$ everywhere, so the squares sum to $\tfrac14$.
# Those of $f$ about its mean sum to $\tfrac{11}{4}$. It misses one eleventh: points further from the bend are nearer to
# a line.

# %% solution
missed_share = 1 / 11

# %% wrong: that is what it keeps
missed_share = 10 / 11

# %% wrong: about the mean
missed_share = 0.25 / 5

# %% wrong: between 0 and 1
missed_share = 9.1

# %% invented: squared and summed
missed_share = 0.2

# %% right: by a fit
at_points = np.array([-2.0, -1.0, 1.0, 2.0])
after = at_points.clip(0)
missed_share = 1 - np.corrcoef(at_points, after)[0, 1] ** 2

# %% ex-yinyang-copies [markdown]
# Eight at most: each column occurs eleven times. Whatever is fitted to the windows linearly could have been fitted to
# $h_0$. A window gains only by features that are no linear functions of $h_0$: those of the layers that fill it, or
# random ones.

# %% solution
h = at(networks[0], "act1", inputs)  # shape (points, 8)
windows = np.tile(h, 11)
rank = np.linalg.matrix_rank(windows)

# %% wrong: one row per point
h = at(networks[0], "act1", inputs)  # shape (points, 8)
windows, rank = np.tile(h, (11, 1)), 8

# %% wrong: one state and ten delays
h = at(networks[0], "act1", inputs)  # shape (points, 8)
windows, rank = np.tile(h, 10), 8

# %% wrong: state beside state
h = at(networks[0], "act1", inputs)  # shape (points, 8)
windows, rank = np.repeat(h, 11, axis=1), 8

# %% wrong: made from others
h = at(networks[0], "act1", inputs)  # shape (points, 8)
windows, rank = np.tile(h, 11), 88

# %% wrong: no constant
h = at(networks[0], "act1", inputs)  # shape (points, 8)
windows, rank = np.tile(h, 11), 9

# %% wrong: how many columns
h = at(networks[0], "act1", inputs)  # shape (points, 8)
windows, rank = np.tile(h, 11), 11

# %% invented: state beside state
h = at(networks[0], "act1", inputs)  # shape (points, 8)
windows, rank = np.full((len(h), 88), 0.5), 7

# %% right: beside each other, one by one
h = at(networks[0], "act1", inputs)  # shape (points, 8)
windows = np.hstack([h for _ in range(11)])
rank = int((np.linalg.svd(h)[1] > 1e-6 * np.linalg.norm(h)).sum())

# %% ex-yinyang-roots [markdown]
# Six inserted layers make eight states, so eighth roots. Untrained layers lead nowhere in particular, and yet all
# eight roots are met: the glue alone makes the ring. What tells glue from dynamics is a fit with windows *inside*
# trajectories.

# %% solution
from linearlens.layers import LayerScaling

short = LayerScaling(networks[0], *spans[0], n_layers=6)
passed = short.trajectory(at(networks[0], "act1", inputs[:500]))
order, fit = passed.shape[1], delay_dmd(passed, delays=6)

# %% wrong: twelve belongs
order, fit = (
    12,
    delay_dmd(np.random.default_rng(0).normal(size=(500, 12, 8)), delays=6),
)

# %% wrong: more states than inserted
order, fit = (
    6,
    delay_dmd(np.random.default_rng(0).normal(size=(500, 8, 8)), delays=6),
)

# %% wrong: both ends count
order, fit = (
    7,
    delay_dmd(np.random.default_rng(0).normal(size=(500, 8, 8)), delays=6),
)

# %% wrong: glued and not inside
from linearlens.layers import LayerScaling

short = LayerScaling(networks[0], *spans[0], n_layers=6)
passed = short.trajectory(at(networks[0], "act1", inputs[:500]))
order, fit = 8, delay_dmd(passed, delays=6, windows="inside")

# %% wrong: should be an object with
order, fit = 8, np.ones(8, bool)

# %% invented: begin again
from linearlens.layers import LayerScaling

short = LayerScaling(networks[0], *spans[0], n_layers=6)
passed = short.trajectory(at(networks[0], "act1", inputs[:500]))
order, fit = 9, delay_dmd(passed, delays=6)

# %% ex-yinyang-closure [markdown]
# There are 1 + 8 + 6 observables, and the operator copies the last six. It works for any layer whatever, so it says
# nothing of this one: a dictionary that contains the answer explains nothing. And to compute $\psi(h)$ the layer must
# be evaluated.

# %% solution
K = np.vstack([np.zeros((1 + 8, 6)), np.eye(6)])

# %% wrong: the constant is
K = np.eye(14)[:, 8:]

# %% wrong: states are rows
K = np.eye(15)[9:]

# %% wrong: which observables
K = np.eye(15)[:, 8:14]

# %% wrong: a row for each
K = np.eye(15)

# %% invented: which observables
K = [[0.2] * 6] * 15

# %% ex-yinyang-one [markdown]
# Either loses little. From the inputs nothing but the last linear map is left: with enough random units of the inputs
# one can draw the symbol without most of the network. As in the first chapter, accuracy does not speak of the layers.

# %% solution
lift = relu_lift(300)
hidden = replace(
    networks[0], fit_layer(networks[0], "act1", "act4", inputs, lift=lift)
)
nearly_all = replace(
    networks[0], fit_layer(networks[0], None, "act4", inputs, lift=lift)
)

# %% wrong: one operator, from
hidden = nearly_all = replace(
    networks[0], *fit_layers(networks[0], spans, inputs)
)

# %% wrong: may its operator bend
hidden = replace(networks[0], fit_layer(networks[0], "act1", "act4", inputs))
nearly_all = replace(networks[0], fit_layer(networks[0], None, "act4", inputs))

# %% wrong: begin at the inputs
lift = relu_lift(300)
hidden = nearly_all = replace(
    networks[0], fit_layer(networks[0], "act1", "act4", inputs, lift=lift)
)

# %% invented: should be an object with
hidden, nearly_all = 0.97, 0.95

# %% ex-yinyang-build [markdown]
# All of it is in the pairs: they are made within one trajectory before anything is stacked. The readout takes the place
# of the last step, so that there are $s - 1$ powers of $K$. On the first layer with one step the map does well, since
# ten true layers fill its window; with eight steps its eigenvalues outside of the circle have time to grow.


# %% solution
def build(trajectories, delays, steps):
    X, Y = [], []
    for states in trajectories:
        end = len(states)
        windows = np.hstack(
            [states[delays - lag : end - lag] for lag in range(delays + 1)]
        )
        X.append(windows[:-1])
        Y.append(windows[1:])
    X, Y = np.concatenate(X), np.concatenate(Y)
    P, s, Qt = np.linalg.svd(X, full_matrices=False)
    kept = s > 1e-7 * s[0]
    P, s, Q = P[:, kept], s[kept], Qt[kept].T
    ahead = (P.T @ Y) / s[:, None]
    readout = ahead[:, : states.shape[1]]
    return Q @ np.linalg.matrix_power(ahead @ Q, steps - 1) @ readout


# %% wrong: lead to another point
def build(trajectories, delays, steps):
    series = np.concatenate(trajectories)
    end, n = len(series), series.shape[1]
    windows = np.hstack(
        [series[delays - lag : end - lag] for lag in range(delays + 1)]
    )
    X, Y = windows[:-1], windows[1:]
    P, s, Qt = np.linalg.svd(X, full_matrices=False)
    K = (P.T @ Y @ Qt.T) / s[:, None]
    return Qt.T @ np.linalg.matrix_power(K, steps) @ Qt.T[:n].T


# %% wrong: newest state stands first
def build(trajectories, delays, steps):
    n = trajectories.shape[2]
    right = delay_dmd(trajectories, delays=delays, windows="inside").linear_map(
        steps, projected=False
    )
    return right.reshape(delays + 1, n, n)[::-1].reshape(-1, n)


# %% wrong: so many steps
def build(trajectories, delays, steps):
    return delay_dmd(trajectories, delays=delays, windows="inside").linear_map(
        1, projected=False
    )


# %% wrong: from the right
def build(trajectories, delays, steps):
    right = delay_dmd(trajectories, delays=delays, windows="inside").linear_map(
        steps, projected=False
    )
    return right.T


# %% wrong: a whole window
def build(trajectories, delays, steps):
    n = trajectories.shape[2]
    return (
        delay_dmd(trajectories, delays=delays, windows="inside").linear_map(
            steps, projected=False
        )[:n]
        * 0.9
    )


# %% invented: not the map of the package
def build(trajectories, delays, steps):
    n = trajectories.shape[2]
    return np.full((n * (delays + 1), n), 0.1)


# %% copied: write it yourself
def build(trajectories, delays, steps):
    fit = delay_dmd(trajectories, delays=delays, windows="inside")
    return fit.linear_map(steps, projected=False)


# %% right: by a pseudo-inverse and a power
def build(trajectories, delays, steps):
    n, length = trajectories.shape[2], trajectories.shape[1] - delays
    rows = [
        np.concatenate([z[t + delays - k] for k in range(delays + 1)])
        for z in trajectories
        for t in range(length)
    ]
    windows = np.reshape(rows, (len(trajectories), length, -1))
    X, Y = (np.concatenate(w) for w in (windows[:, :-1], windows[:, 1:]))
    return np.linalg.matrix_power(np.linalg.pinv(X) @ Y, steps)[:, :n]
