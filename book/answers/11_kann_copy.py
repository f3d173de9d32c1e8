"""Chapter 11: what solves its exercises, and what their checks must catch."""

# %% ex-copy-horizon [markdown]
# The ratio of the logarithms, rounded up: a step fewer would leave the eigenfunction a little above a hundredth. The
# eigenvalue printed in the paper has a small imaginary part as well, which adds a step.

# %% solution
horizon = np.ceil(np.log(0.01) / np.log(0.9942))

# %% wrong: what of their ratio
horizon = np.log(0.01) / -np.log(0.9942)

# %% wrong: half a percent
horizon = np.log(0.9942) / np.log(0.01)

# %% wrong: not yet down
horizon = round(1 / (1 - 0.9942))

# %% wrong: whole number
horizon = np.log(0.01) / np.log(0.9942)

# %% wrong: not yet down
horizon = np.floor(np.log(0.01) / np.log(0.9942))

# %% wrong: a step before
horizon = 800

# %% invented: not yet down
horizon = 640

# %% ex-copy-growth [markdown]
# A number $c$ beside the diagonal couples the two: the power $k$ of the matrix has $k\,c\,/\,2^{k-1}$ there, which is
# $c$ at first and falls to nothing later. The eigenvalues never see $c$.


# %% solution
def growing_matrix():
    return np.array([[0.5, 40], [0, 0.5]])


# %% wrong: what may stand beside it
def growing_matrix():
    return np.eye(2) / 2


# %% wrong: couple more
def growing_matrix():
    return np.array([[0.5, 1], [0, 0.5]])


# %% wrong: both eigenvalues
def growing_matrix():
    return np.array([[20, 0], [0, 0.5]])


# %% wrong: should have the shape (2, 2)
def growing_matrix():
    return 0.5


# %% invented: couple more
def growing_matrix():
    return np.array([[0.5, 7], [0, 0.5]])


# %% right: the mirrored one, as a list
def growing_matrix():
    return [[0.5, 0], [-99, 0.5]]


# %% ex-copy-noise [markdown]
# The estimate is the covariance of measured next and present values, $\lambda v$, over the variance of the measured
# present value, $v + s$. The factor is `v / (v + s)`.


# %% solution
def factor(v, s):
    return v / (v + s)


# %% wrong: no bias
def factor(v, s):
    return s / (v + s)


# %% wrong: larger or smaller
def factor(v, s):
    return (v + s) / v


# %% wrong: turn its sign
def factor(v, s):
    return (v - s) / v


# %% wrong: a covariance over a variance
def factor(v, s):
    return np.sqrt(v / (v + s))


# %% wrong: units of z
def factor(v, s):
    return 1 / (1 + s)


# %% invented: no bias
def factor(v, s):
    return 0.75


# %% right: by the ratio of signal and noise
def factor(v, s):
    return 1 / (1 + s / v)


# %% ex-copy-inputs [markdown]
# The next input tends to push where the last one pushed, and the last one is still in the state: the fit sees a state
# that keeps going, and takes the persistence of the inputs for its own. Even the eigenvalue {given}`0.6` comes out
# near the unit circle. With `ControlledKoopman` and the inputs the fit is exact. (A negative correlation has no such
# simple answer; it depends on the system.)

# %% solution
guess = "outwards"
states, _ = system.simulate(1000, np.random.default_rng(seed), correlation=0.8)
moduli = np.abs(Koopman().fit(states).eigenvalues_)

# %% wrong: as if there were no inputs
guess = "outwards"
states, inputs = system.simulate(
    1000, np.random.default_rng(seed), correlation=0.8
)
moduli = np.abs(ControlledKoopman().fit(states, inputs).eigenvalues_)

# %% wrong: hardly moved
guess = "outwards"
states, _ = system.simulate(1000, np.random.default_rng(seed), correlation=0.0)
moduli = np.abs(Koopman().fit(states).eigenvalues_)

# %% wrong: the other way
guess = "inwards"
states, _ = system.simulate(1000, np.random.default_rng(seed), correlation=0.8)
moduli = np.abs(Koopman().fit(states).eigenvalues_)

# %% wrong: eigenvalues are complex
guess = "outwards"
states, _ = system.simulate(1000, np.random.default_rng(seed), correlation=0.8)
moduli = Koopman().fit(states).eigenvalues_

# %% wrong: should have the shape (6,)
guess = "outwards"
states, _ = system.simulate(1000, np.random.default_rng(seed), correlation=0.8)
moduli = np.abs(Koopman().fit(states).eigenvalues_).min()

# %% wrong: no inputs
guess = "outwards"
states, _ = system.simulate(1000, np.random.default_rng(seed))
moduli = np.abs(Koopman().fit(states).eigenvalues_)

# %% invented: other draws of such inputs
guess, moduli = "outwards", [1.0] * 6

# %% ex-copy-longer [markdown]
# The operator is wrong with the network, and mostly in the same way: it agrees with it on most symbols, with a
# constant on more. So it is a good model of the network just where the network fails at its task. Compare models
# with the *network's* answers or, better, with its states, by `error_between`.


# %% solution
def shares(delay, operator=models[0]["koopman"], network=networks[0]):
    unseen = np.random.default_rng([seed, 3])
    inputs, symbols = copy_task(256, delay=delay, seed=unseen)
    states = states_of(network, inputs)
    said = say(network, states[:, -5:])
    ahead = rollout(operator, states[:, 4], steps=delay + 5)[:, -5:]
    return np.mean(said == symbols), np.mean(say(network, ahead) == said)


# %% wrong: who is told of delay
def shares(delay):
    inputs, symbols = copy_task(256, seed=np.random.default_rng([seed, 3]))
    states = states_of(networks[0], inputs)
    said = say(networks[0], states[:, -5:])
    ahead = rollout(models[0]["koopman"], states[:, 4], steps=25)[:, -5:]
    return np.mean(said == symbols), np.mean(say(networks[0], ahead) == said)


# %% wrong: what is it compared with
def shares(delay):
    inputs, symbols = copy_task(256, delay=delay, seed=seed + 90)
    states = states_of(networks[0], inputs)
    said = say(networks[0], states[:, -5:])
    ahead = rollout(models[0]["koopman"], states[:, 4], steps=delay + 5)[:, -5:]
    foreseen = say(networks[0], ahead)
    return np.mean(said == symbols), np.mean(foreseen == symbols)


# %% wrong: how many steps
def shares(delay):
    inputs, symbols = copy_task(256, delay=delay, seed=seed + 90)
    states = states_of(networks[0], inputs)
    said = say(networks[0], states[:, -5:])
    ahead = rollout(models[0]["koopman"], states[:, 4], steps=25)[:, -5:]
    return np.mean(said == symbols), np.mean(say(networks[0], ahead) == said)


# %% wrong: where does the rollout start
def shares(delay):
    inputs, symbols = copy_task(256, delay=delay, seed=seed + 90)
    states = states_of(networks[0], inputs)
    said = say(networks[0], states[:, -5:])
    ahead = rollout(models[0]["koopman"], states[:, 5], steps=delay + 5)[:, -5:]
    return np.mean(said == symbols), np.mean(say(networks[0], ahead) == said)


# %% wrong: the last five
def shares(delay):
    inputs, symbols = copy_task(256, delay=delay, seed=seed + 90)
    states = states_of(networks[0], inputs)
    said = say(networks[0], states[:, :5])
    ahead = rollout(models[0]["koopman"], states[:, 4], steps=delay + 5)[:, -5:]
    return np.mean(said == symbols), np.mean(say(networks[0], ahead) == said)


# %% invented: who is told of delay
def shares(delay):
    return 0.99, 1.0
