"""Chapter 21: what solves its exercises, and what their checks must catch."""

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

# %% ex-yinyang-copies [markdown]
# Eight at most: each column occurs eleven times. Whatever is fitted to the windows linearly could have been fitted to
# $h_0$. So what the paper's procedure gains with delays is not in the length of the window, but in the true layers
# that are evaluated to fill it.

# %% solution
h = at(networks[0], "act1", inputs)  # shape (points, 8)
windows = np.tile(h, 11)
rank = np.linalg.matrix_rank(windows)

# %% wrong: a point a row
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

# %% ex-yinyang-roots [markdown]
# Six inserted layers make eight states, so eighth roots. Untrained layers lead nowhere in particular, and yet all
# eight roots are met: the glue alone makes the ring. What tells glue from dynamics is a fit with windows *inside*
# trajectories.

# %% solution
short = LayerScaling(networks[0], *spans[0], n_layers=6)
passed = short.trajectory(at(networks[0], "act1", inputs[:500]))
order, fit = passed.shape[1], delay_dmd(passed, delays=6, rank=350)

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
short = LayerScaling(networks[0], *spans[0], n_layers=6)
passed = short.trajectory(at(networks[0], "act1", inputs[:500]))
order, fit = 8, delay_dmd(passed, delays=6, rank=350, windows="inside")

# %% wrong: second None
order, fit = 8, np.ones(8, bool)

# %% invented: begin again
short = LayerScaling(networks[0], *spans[0], n_layers=6)
passed = short.trajectory(at(networks[0], "act1", inputs[:500]))
order, fit = 9, delay_dmd(passed, delays=6, rank=350)

# %% ex-yinyang-one [markdown]
# Either loses little. From the inputs nothing but the last linear map is left: with enough cosines of the inputs one
# can draw the symbol without most of the network. As in the first chapter, accuracy does not speak of the layers.

# %% solution
hidden = fair(networks[0], ("act1", "act4"), fourier)
nearly_all = fair(networks[0], (None, "act4"), fourier)

# %% wrong: one operator, from
hidden = replace(networks[0], *fit_layers(networks[0], spans, inputs))
nearly_all = fair(networks[0], (None, "act4"), fourier)

# %% wrong: may its operator bend
hidden = fair(networks[0], ("act1", "act4"), None)
nearly_all = fair(networks[0], (None, "act4"), None)

# %% wrong: begin at the inputs
hidden = nearly_all = fair(networks[0], ("act1", "act4"), fourier)
