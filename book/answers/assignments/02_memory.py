"""Assignment 02: what grades it. The tests try functions on random data and on recordings of seeds of their own."""

# %% shared
import numpy as np
import torch

BANNED = ("linearlens", "pydmd", "captum", "deeptime", "sklearn")


def ask(function, *given, name):
    """What the student's function returns, who may use no other's."""
    return call(function, *given, name=name, forbidden=BANNED)


def walks(lengths, width, number=1):
    rng = np.random.default_rng([seed, 7, number])
    return [
        rng.normal(size=(n, width)).cumsum(axis=0) + 3 * k
        for k, n in enumerate(lengths)
    ]


def true_widest(trajectories, rank):
    z = np.concatenate(trajectories)
    mean = z.mean(axis=0)
    return mean, np.linalg.svd(z - mean)[2][:rank].T


def true_rows(z, x):
    read = np.zeros((len(z), 0)) if x is None else x
    return np.hstack([z[:-1], read[1:], np.ones((len(z) - 1, 1))])


def true_fit(trajectories, inputs=None):
    inputs = inputs or [None] * len(trajectories)
    rows = [true_rows(z, x) for z, x in zip(trajectories, inputs, strict=True)]
    goals = np.concatenate([z[1:] for z in trajectories])
    return np.linalg.lstsq(np.concatenate(rows), goals, rcond=None)[0]


def true_ahead(M, trajectories, inputs, horizon):
    found = np.zeros((2, horizon))
    for k, z in enumerate(trajectories):
        for h in range(1, min(horizon, len(z) - 1) + 1):
            n, now = len(z) - h, z[: len(z) - h]
            for s in range(1, h + 1):
                x = np.zeros((n, 0)) if inputs is None else inputs[k][s : s + n]
                now = np.hstack([now, x, np.ones((n, 1))]) @ M
            found[0, h - 1] += ((now - z[h:]) ** 2).sum()
            found[1, h - 1] += ((z[:n] - z[h:]) ** 2).sum()
    return found[0] / found[1]


def true_correlated(rng, n_sequences, n_steps, correlation):
    x = rng.normal(size=(n_sequences, n_steps, 3))
    for t in range(1, n_steps):
        part = np.sqrt(1 - correlation**2) * x[:, t]
        x[:, t] = correlation * x[:, t - 1] + part
    return x


def true_run(net, x):
    with torch.no_grad():
        return net.double().recurrence(torch.tensor(x))[0].numpy()


def own_data():
    """What is read in use; the networks must be those of the seed."""
    torch.manual_seed(seed)
    start = torch.nn.RNN(3, 16, batch_first=True).double()
    says = "fresh is not the network of your seed: run the first cells anew"
    for a, b in zip(
        start.parameters(), fresh.recurrence.parameters(), strict=True
    ):
        assert torch.allclose(a, b.double()), says
    rng = np.random.default_rng([seed, 2])
    return true_correlated(rng, 80, 40, 0.8), true_correlated(rng, 40, 40, 0.8)


def own_fit(net, rank=8):
    """States in the widest directions, with their inputs: old and new."""
    old, new = own_data()
    z, unread = true_run(net, old), true_run(net, new)
    mean, Q = true_widest(list(z), rank)
    return list((z - mean) @ Q), list((unread - mean) @ Q), list(old), list(new)


def true_ratios(net, horizon, rank=8):
    z, unread, old, new = own_fit(net, rank)
    free, led = true_fit(z), true_fit(z, old)
    found = [true_ahead(free, unread, None, horizon)]
    return np.array([*found, true_ahead(led, unread, new, horizon)])


def true_fade(run, inputs, channel, when, size):
    moved = np.array(inputs)
    moved[:, when, channel] += size
    apart = (run(moved) - run(inputs))[:, when:]
    return np.sqrt((apart**2).sum(axis=2).mean(axis=0)) / size


def true_recordings(number, rates, correlation):
    rng = np.random.default_rng([seed, 8, number])
    x = true_correlated(rng, 60, 40, correlation)
    decay = np.concatenate([rates, rng.uniform(0.5, 0.95, size=2)])
    mixing = rng.normal(size=(5, 8))
    z, states = np.zeros((60, 5)), []
    for t in range(40):
        noise = 0.1 * rng.normal(size=(60, 5))
        noise[:, 3:] *= 10
        push = np.zeros((60, 5))
        push[:, :3] = x[:, t] * (np.array(rates) > 0)
        z = z * decay + push + noise
        states.append(z @ mixing + 0.02 * rng.normal(size=(60, 8)))
    return list(np.stack(states, axis=1)), list(x)


def remembered(number, rates, correlation):
    """What the procedure says of new recordings, beside the truth."""
    data = true_recordings(number, rates, correlation)
    found = ask(memories, *data, name="memories")
    return numbers(found, (3,), name="what memories returns"), np.array(rates)


# %% widest [markdown]
# The mean of all states, and the right singular vectors of the states without it. Points are lost for a mean of
# means, for directions about zero, and for rows in place of columns.


# %% solution
def widest(trajectories, rank):
    states = np.concatenate(trajectories)
    mean = states.mean(axis=0)
    _, _, Vt = np.linalg.svd(states - mean, full_matrices=False)
    return mean, Vt[:rank].T


# %% test (1): the mean of all states
data = walks((25, 4, 9), 5)
found = several(ask(widest, data, 2, name="widest"), 2, name="widest(…)")
mean_ = numbers(found[0], (5,), name="mean")
right, _ = true_widest(data, 2)
each = np.mean([z.mean(axis=0) for z in data], axis=0)
assert not np.allclose(mean_, each), "a mean of means: each state should count"
assert np.allclose(mean_, right, atol=1e-4), "mean is not that of all states"

# %% test (2): the directions of the largest variance about it
data = walks((25, 4, 9), 5)
found = several(ask(widest, data, 2, name="widest"), 2, name="widest(…)")
Q_ = numbers(found[1], (5, 2), name="directions")
says = "the columns of directions are not orthonormal"
assert np.allclose(Q_.T @ Q_, np.eye(2), atol=1e-4), says
_, right = true_widest(data, 2)
about_zero = np.linalg.svd(np.concatenate(data))[2][:2].T
says = "these are directions about zero, not about the mean"
assert not np.allclose(Q_ @ Q_.T, about_zero @ about_zero.T, atol=1e-4), says
says = "these are not the directions of the largest variance"
assert np.allclose(Q_ @ Q_.T, right @ right.T, atol=1e-4), says


# %% wrong: a mean of means
def widest(trajectories, rank):
    mean = np.mean([z.mean(axis=0) for z in trajectories], axis=0)
    states = np.concatenate(trajectories) - mean
    return mean, np.linalg.svd(states, full_matrices=False)[2][:rank].T


# %% wrong: directions about zero
def widest(trajectories, rank):
    states = np.concatenate(trajectories)
    _, _, Vt = np.linalg.svd(states, full_matrices=False)
    return states.mean(axis=0), Vt[:rank].T


# %% wrong: directions should have the shape
def widest(trajectories, rank):
    states = np.concatenate(trajectories)
    mean = states.mean(axis=0)
    return mean, np.linalg.svd(states - mean, full_matrices=False)[2][:rank]


# %% wrong: not the directions of the largest variance
def widest(trajectories, rank):
    states = np.concatenate(trajectories)
    mean = states.mean(axis=0)
    return mean, np.linalg.eigh(np.cov(states.T))[1][:, :rank]


# %% invented: not the directions
def widest(trajectories, rank):
    n = trajectories[0].shape[1]
    return np.zeros(n), np.eye(n)[:, :rank]


# %% copied: calls sklearn
def widest(trajectories, rank):
    from sklearn.decomposition import PCA

    found = PCA(rank).fit(np.concatenate(trajectories))
    return found.mean_, found.components_.T


# %% fit [markdown]
# One least squares over all steps. The input beside $z_t$ is the one in the row of $z_{t+1}$, since that is the
# one the step reads. A trajectory of one state gives no row, and that needs no special case.


# %% solution
def fit(trajectories, inputs=None):
    rows, goals = [], []
    for k, z in enumerate(trajectories):
        parts = [z[:-1], np.ones((len(z) - 1, 1))]
        if inputs is not None:
            parts.insert(1, inputs[k][1:])
        rows.append(np.hstack(parts))
        goals.append(z[1:])
    rows, goals = np.concatenate(rows), np.concatenate(goals)
    return np.linalg.lstsq(rows, goals, rcond=None)[0]


# %% test (2): with inputs
data, read = walks((30, 22), 3), walks((30, 22), 2, 2)
found = numbers(ask(fit, data, read, name="fit"), (6, 3), name="fit(…)")
early = [np.vstack([x[:1], x[:-1]]) for x in read]
says = "the state in row t has read row t: which input does a step read?"
assert not np.allclose(found, true_fit(data, early)), says
right = true_fit(data, read)
same = np.allclose(found[-1], right[-1], atol=1e-3)
assert same or not np.allclose(found[-1], 0), (
    "with inputs: no constant is fitted"
)
assert np.allclose(found, right, atol=1e-3), "with inputs: not least squares"

# %% test (2): without inputs
data = walks((30, 22), 3)
found = numbers(ask(fit, data, name="fit"), (4, 3), name="fit without inputs")
joined = true_fit([np.concatenate(data)])
assert not np.allclose(found, joined), (
    "a step crosses from one walk to the next"
)
says = "without inputs: not least squares"
assert np.allclose(found, true_fit(data), atol=1e-3), says

# %% test (1): unequal lengths, one of them a single state
data, read = walks((30, 1, 7), 2), walks((30, 1, 7), 1, 2)
found = numbers(ask(fit, data, read, name="fit"), (4, 2), name="fit(…)")
says = "unequal lengths: the fit is over steps within trajectories"
assert np.allclose(found, true_fit(data, read), atol=1e-3), says


# %% wrong: which input does a step read
def fit(trajectories, inputs=None):
    rows, goals = [], []
    for k, z in enumerate(trajectories):
        parts = [z[:-1], np.ones((len(z) - 1, 1))]
        if inputs is not None:
            parts.insert(1, inputs[k][:-1])
        rows.append(np.hstack(parts))
        goals.append(z[1:])
    rows, goals = np.concatenate(rows), np.concatenate(goals)
    return np.linalg.lstsq(rows, goals, rcond=None)[0]


# %% wrong: a step crosses from one walk to the next
def fit(trajectories, inputs=None):
    z = np.concatenate(trajectories)
    parts = [z[:-1], np.ones((len(z) - 1, 1))]
    if inputs is not None:
        parts.insert(1, np.concatenate(inputs)[1:])
    return np.linalg.lstsq(np.hstack(parts), z[1:], rcond=None)[0]


# %% wrong: no constant is fitted
def fit(trajectories, inputs=None):
    rows = [z[:-1] for z in trajectories]
    if inputs is not None:
        rows = [
            np.hstack([z, x[1:]]) for z, x in zip(rows, inputs, strict=True)
        ]
    rows = np.concatenate(rows)
    goals = np.concatenate([z[1:] for z in trajectories])
    found = np.linalg.lstsq(rows, goals, rcond=None)[0]
    return np.vstack([found, 0 * found[:1]])


# %% wrong: unequal lengths
def fit(trajectories, inputs=None):
    found = []
    for k, z in enumerate(trajectories):
        parts = [z[:-1], np.ones((len(z) - 1, 1))]
        if inputs is not None:
            parts.insert(1, inputs[k][1:])
        found.append(np.linalg.lstsq(np.hstack(parts), z[1:], rcond=None)[0])
    return np.mean(found, axis=0)


# %% invented: not least squares
def fit(trajectories, inputs=None):
    n = trajectories[0].shape[1]
    p = 0 if inputs is None else inputs[0].shape[1]
    return np.vstack([0.9 * np.eye(n), np.ones((p + 1, n))])


# %% copied: calls linearlens.koopman
def fit(trajectories, inputs=None):
    from linearlens.koopman import ControlledKoopman, Koopman

    if inputs is None:
        koopman = Koopman(constant=True).fit(trajectories)
    else:
        long = [k for k, z in enumerate(trajectories) if len(z) > 1]
        own = [trajectories[k] for k in long], [inputs[k] for k in long]
        koopman = ControlledKoopman().fit(*own)
    return koopman.operator_


# %% ahead [markdown]
# A forecast of $h$ steps feeds each forecast into the next step. Points are lost for handing it the true states
# on the way, for the inputs of another step, and for a mean of the ratios of trajectories.


# %% solution
def ahead(M, trajectories, inputs, horizon):
    missed, moved = np.zeros(horizon), np.zeros(horizon)
    for k, z in enumerate(trajectories):
        for h in range(1, min(horizon, len(z) - 1) + 1):
            n = len(z) - h
            now = z[:n]
            for s in range(1, h + 1):
                parts = [now, np.ones((n, 1))]
                if inputs is not None:
                    parts.insert(1, inputs[k][s : s + n])
                now = np.hstack(parts) @ M
            missed[h - 1] += ((now - z[h:]) ** 2).sum()
            moved[h - 1] += ((z[:n] - z[h:]) ** 2).sum()
    return missed / moved


# %% test (2): without inputs
data = walks((20, 14), 3)
M_ = true_fit(walks((30,), 3, 3))
found = ask(ahead, M_, data, None, 4, name="ahead")
found = numbers(found, (4,), name="ahead(…)")
right = true_ahead(M_, data, None, 4)
says = "one step: not the squared error over that of persistence"
assert not np.allclose(found[0], np.sqrt(right[0]), rtol=1e-3), (
    "these are roots: the sums are of squares"
)
assert np.isclose(found[0], right[0], rtol=1e-3), says
assert np.allclose(found, right, rtol=1e-3), (
    "one step is right and more are not: a forecast may not see the states on "
    "the way"
)

# %% test (3): with inputs, and a trajectory that is short
data, read = walks((20, 3, 14), 3), walks((20, 3, 14), 2, 2)
M_ = true_fit(walks((30,), 3, 3), walks((30,), 2, 4))
found = ask(ahead, M_, data, read, 5, name="ahead")
found = numbers(found, (5,), name="ahead(…)")
right = true_ahead(M_, data, read, 5)
each = [true_ahead(M_, [z], [x], 2) for z, x in zip(data, read, strict=True)]
says = "a mean of ratios: both sums are over all trajectories"
assert not np.allclose(found[:2], np.mean(each, axis=0), rtol=1e-3), says
assert np.isclose(found[0], right[0], rtol=1e-3), (
    "with inputs, one step: not the squared error over that of persistence"
)
assert np.allclose(found, right, rtol=1e-3), (
    "with inputs, several steps: which inputs are read on the way?"
)


# %% wrong: a forecast may not see the states on the way
def ahead(M, trajectories, inputs, horizon):
    missed, moved = np.zeros(horizon), np.zeros(horizon)
    for k, z in enumerate(trajectories):
        for h in range(1, min(horizon, len(z) - 1) + 1):
            n = len(z) - h
            parts = [z[h - 1 : -1], np.ones((n, 1))]
            if inputs is not None:
                parts.insert(1, inputs[k][h:])
            now = np.hstack(parts) @ M
            missed[h - 1] += ((now - z[h:]) ** 2).sum()
            moved[h - 1] += ((z[:n] - z[h:]) ** 2).sum()
    return missed / moved


# %% wrong: these are roots
def ahead(M, trajectories, inputs, horizon):
    missed, moved = np.zeros(horizon), np.zeros(horizon)
    for k, z in enumerate(trajectories):
        for h in range(1, min(horizon, len(z) - 1) + 1):
            n = len(z) - h
            now = z[:n]
            for s in range(1, h + 1):
                parts = [now, np.ones((n, 1))]
                if inputs is not None:
                    parts.insert(1, inputs[k][s : s + n])
                now = np.hstack(parts) @ M
            missed[h - 1] += ((now - z[h:]) ** 2).sum()
            moved[h - 1] += ((z[:n] - z[h:]) ** 2).sum()
    return np.sqrt(missed / moved)


# %% wrong: which inputs are read on the way
def ahead(M, trajectories, inputs, horizon):
    missed, moved = np.zeros(horizon), np.zeros(horizon)
    for k, z in enumerate(trajectories):
        for h in range(1, min(horizon, len(z) - 1) + 1):
            n = len(z) - h
            now = z[:n]
            for _ in range(h):
                parts = [now, np.ones((n, 1))]
                if inputs is not None:
                    parts.insert(1, inputs[k][1 : 1 + n])
                now = np.hstack(parts) @ M
            missed[h - 1] += ((now - z[h:]) ** 2).sum()
            moved[h - 1] += ((z[:n] - z[h:]) ** 2).sum()
    return missed / moved


# %% wrong: a mean of ratios
def ahead(M, trajectories, inputs, horizon):
    found = np.full((len(trajectories), horizon), np.nan)
    for k, z in enumerate(trajectories):
        for h in range(1, min(horizon, len(z) - 1) + 1):
            n = len(z) - h
            now = z[:n]
            for s in range(1, h + 1):
                parts = [now, np.ones((n, 1))]
                if inputs is not None:
                    parts.insert(1, inputs[k][s : s + n])
                now = np.hstack(parts) @ M
            moved = ((z[:n] - z[h:]) ** 2).sum()
            found[k, h - 1] = ((now - z[h:]) ** 2).sum() / moved
    return np.nanmean(found, axis=0)


# %% invented: not the squared error
def ahead(M, trajectories, inputs, horizon):
    return 1 - 0.9 ** np.arange(1, horizon + 1)


# %% table [markdown]
# With inputs the operator misses a few percent of what persistence misses, without them about three quarters, for
# both networks. That the untrained network is as linear, or more so, is what a student should see: its states are
# small, and tanh is nearly linear there.

# %% solution
table = []
for one in (network, fresh):
    old, new = states_of(one, fit_inputs), states_of(one, new_inputs)
    mean, Q = widest(list(old), 8)
    z, unread = list((old - mean) @ Q), list((new - mean) @ Q)
    free, led = fit(z), fit(z, list(fit_inputs))
    row = [
        ahead(free, unread, None, 5),
        ahead(led, unread, list(new_inputs), 5),
    ]
    table.append([errors[-1] for errors in row])

# %% test (3): the four numbers
found = numbers(table, (2, 2), name="table")
all_ = np.array([true_ratios(one, 5) for one in (network, fresh)])
right = all_[..., -1]
assert not np.allclose(found, all_[..., 0], rtol=0.02), "at five steps, not one"
says = "the operator with inputs belongs in the second column"
assert not np.allclose(found, right[:, ::-1], rtol=0.02), says
assert not np.allclose(found, right[::-1], rtol=0.02), "fresh is the second row"
says = "the first row is not that of network in its 8 widest directions"
assert np.allclose(found[0], right[0], rtol=0.02), says
says = "the second row: states and directions of fresh are its own"
assert np.allclose(found[1], right[1], rtol=0.02), says

# %% wrong: at five steps
table = []
for one in (network, fresh):
    old, new = states_of(one, fit_inputs), states_of(one, new_inputs)
    mean, Q = widest(list(old), 8)
    z, unread = list((old - mean) @ Q), list((new - mean) @ Q)
    free, led = fit(z), fit(z, list(fit_inputs))
    row = [
        ahead(free, unread, None, 1),
        ahead(led, unread, list(new_inputs), 1),
    ]
    table.append([errors[-1] for errors in row])

# %% wrong: the first row is not that of network
table = []
for one in (network, fresh):
    old = states_of(one, fit_inputs)
    mean, Q = widest(list(old), 8)
    z, x = list((old - mean) @ Q), list(fit_inputs)
    row = [ahead(fit(z), z, None, 5), ahead(fit(z, x), z, x, 5)]
    table.append([errors[-1] for errors in row])

# %% wrong: states and directions of fresh are its own
table = []
mean, Q = widest(list(fit_states), 8)
for one in (network, fresh):
    old, new = states_of(one, fit_inputs), states_of(one, new_inputs)
    z, unread = list((old - mean) @ Q), list((new - mean) @ Q)
    free, led = fit(z), fit(z, list(fit_inputs))
    row = [
        ahead(free, unread, None, 5),
        ahead(led, unread, list(new_inputs), 5),
    ]
    table.append([errors[-1] for errors in row])

# %% invented: the first row is not
table = [[0.75, 0.03], [0.67, 0.02]]

# %% fade [markdown]
# Two runs, one with the pulse. A copy of the inputs is needed: if the array is changed in place, both runs are
# the same.


# %% solution
def fade(run, inputs, channel, when, size):
    moved = np.array(inputs)
    moved[:, when, channel] += size
    apart = np.asarray(run(moved)) - np.asarray(run(inputs))
    lengths = np.linalg.norm(apart[:, when:], axis=2)
    return np.sqrt((lengths**2).mean(axis=0)) / size


# %% test (2): a system whose memory is known
turn = np.linalg.qr(walks((3,), 3)[0])[0]


def linear(x):
    z, states = np.zeros((len(x), 3)), []
    for t in range(x.shape[1]):
        z = z @ turn * 0.8 + x[:, t] @ np.diag([1.0, 2.0, 3.0])
        states.append(z)
    return np.stack(states, axis=1)


x = true_correlated(np.random.default_rng([seed, 3]), 6, 12, 0)
found = ask(fade, linear, x, 1, 4, 0.5, name="fade")
found = numbers(found, (8,), name="fade(…)")
assert not np.allclose(found, 0), "no departure at all: are both runs the same?"
right = 2 * 0.8 ** np.arange(8)
assert not np.allclose(found, right / 2), "departures are divided by size"
assert np.allclose(found, right, rtol=1e-3), "not the departure of the states"

# %% test (2): a system that is not linear


def bent(x):
    z, states = np.zeros((len(x), 2)), []
    for t in range(x.shape[1]):
        z = np.tanh(0.9 * z + x[:, t, :2])
        states.append(z)
    return np.stack(states, axis=1)


x = true_correlated(np.random.default_rng([seed, 4]), 9, 10, 0)
found = ask(fade, bent, x, 0, 3, 0.2, name="fade")
found = numbers(found, (7,), name="fade(…)")
right = true_fade(bent, x, 0, 3, 0.2)
says = "where departures differ: the root mean square over sequences"
assert np.allclose(found, right, rtol=1e-3), says


# %% wrong: no departure at all
def fade(run, inputs, channel, when, size):
    moved = inputs
    moved[:, when, channel] += size
    apart = run(moved) - run(inputs)
    lengths = np.linalg.norm(apart[:, when:], axis=2)
    return np.sqrt((lengths**2).mean(axis=0)) / size


# %% wrong: the root mean square over sequences
def fade(run, inputs, channel, when, size):
    moved = np.array(inputs)
    moved[:, when, channel] += size
    apart = run(moved) - run(inputs)
    return np.linalg.norm(apart[:, when:], axis=2).mean(axis=0) / size


# %% wrong: divided by size
def fade(run, inputs, channel, when, size):
    moved = np.array(inputs)
    moved[:, when, channel] += size
    apart = run(moved) - run(inputs)
    lengths = np.linalg.norm(apart[:, when:], axis=2)
    return np.sqrt((lengths**2).mean(axis=0))


# %% wrong: not the departure of the states
def fade(run, inputs, channel, when, size):
    moved = np.array(inputs)
    moved[:, when:, channel] += size
    apart = run(moved) - run(inputs)
    lengths = np.linalg.norm(apart[:, when:], axis=2)
    return np.sqrt((lengths**2).mean(axis=0)) / size


# %% invented: not the departure
def fade(run, inputs, channel, when, size):
    return 0.9 ** np.arange(np.shape(inputs)[1] - when)


# %% pulses [markdown]
# The slow channel comes out near its rate, somewhat below; the fast one above its own, since a little of it lands
# in the slow direction and is all that is left after ten steps. The third is forgotten neither at once nor for a
# reason.

# %% solution
pulses = []
for channel in range(3):
    f = fade(lambda x: states_of(network, x), new_inputs, channel, 10, 0.1)
    pulses.append((f[12] / f[3]) ** (1 / 9))

# %% test (2): what the pulses of three channels are multiplied by
found = numbers(pulses, (3,), name="pulses")
_, new = own_data()
fades = np.array(
    [
        true_fade(lambda x, net=net: true_run(net, x), new, channel, 10, 0.1)
        for net in (network, fresh)
        for channel in range(3)
    ]
)
right, before = ((fades[:, 12] / fades[:, 3]) ** (1 / 9)).reshape(2, 3)
assert not np.allclose(found, before, rtol=5e-3), "this is fresh, not network"
says = "per step: nine steps lie between the two"
assert not np.allclose(found, right**9, rtol=5e-3), says
says = "these are not the factors per step between steps 3 and 12"
assert np.allclose(found, right, rtol=5e-3), says

# %% wrong: per step: nine steps
pulses = []
for channel in range(3):
    f = fade(lambda x: states_of(network, x), new_inputs, channel, 10, 0.1)
    pulses.append(f[12] / f[3])

# %% wrong: this is fresh
pulses = []
for channel in range(3):
    f = fade(lambda x: states_of(fresh, x), new_inputs, channel, 10, 0.1)
    pulses.append((f[12] / f[3]) ** (1 / 9))

# %% wrong: not the factors per step between steps 3 and 12
pulses = []
for channel in range(3):
    f = fade(lambda x: states_of(network, x), new_inputs, channel, 10, 0.1)
    pulses.append((f[12] / f[0]) ** (1 / 12))

# %% invented: not the factors
pulses = [0.9, 0.55, 0]

# %% memories [markdown]
# What a channel writes is its row of $B$, and $k$ steps later $bK^k$. So fit with inputs in the five widest
# directions, and compare the lengths of $b$ and $bK^3$. A row of $B$ is never exactly zero: hold its length
# against the size of a step. Eigenvalues alone cannot say whose they are; without inputs in the fit, correlated
# ones lengthen the rates.


# %% solution
def memories(trajectories, inputs):
    mean, Q = widest(trajectories, 5)
    z = [(one - mean) @ Q for one in trajectories]
    K, B, _ = np.split(fit(z, inputs), [5, 8])
    step = np.concatenate([np.diff(one, axis=0) for one in z])
    size = np.sqrt((step**2).mean())
    written = np.linalg.norm(B, axis=1)
    later = np.linalg.norm(B @ np.linalg.matrix_power(K, 3), axis=1)
    return np.where(written > 0.18 * size, (later / written) ** (1 / 3), 0)


# %% test (2): fresh inputs, all channels write
for number, rates in enumerate(([0.9, 0.6, 0.75], [0.55, 0.8, 0.95])):
    found, right = remembered(number, rates, 0.0)
    assert (found > 0).all(), (
        "fresh inputs: a channel that writes is called silent"
    )
    off = abs(found - right)
    assert off.max() < 0.06, f"fresh inputs: a rate is off by {off.max():.2f}"

# %% test (2): correlated inputs, all channels write
for number, rates in enumerate(([0.7, 0.92, 0.5], [0.85, 0.55, 0.65])):
    found, right = remembered(number + 2, rates, 0.8)
    assert (found > 0).all(), (
        "correlated: a channel that writes is called silent"
    )
    off = abs(found - right)
    assert off.max() < 0.06, (
        f"correlated inputs: a rate is off by {off.max():.2f}"
    )

# %% test (3): channels that write nothing
for number, rates in enumerate(([0.9, 0, 0.6], [0, 0.7, 0], [0, 0, 0])):
    found, right = remembered(number + 4, rates, 0.8)
    silent = right == 0
    says = "a channel that writes nothing is given a rate"
    assert (found[silent] == 0).all(), says
    says = "beside silent channels: one that writes is called silent"
    assert (found[~silent] > 0).all(), says
    off = abs(found - right).max()
    assert off < 0.06, f"beside silent channels: a rate is off by {off:.2f}"


# %% wrong: a channel that writes nothing is given a rate
def memories(trajectories, inputs):
    mean, Q = widest(trajectories, 5)
    z = [(one - mean) @ Q for one in trajectories]
    K, B, _ = np.split(fit(z, inputs), [5, 8])
    written = np.linalg.norm(B, axis=1)
    later = np.linalg.norm(B @ np.linalg.matrix_power(K, 3), axis=1)
    return (later / written) ** (1 / 3)


# %% wrong: correlated inputs: a rate is off
def memories(trajectories, inputs):
    mean, Q = widest(trajectories, 5)
    z = [(one - mean) @ Q for one in trajectories]
    K = fit(z)[:5]
    x, y = (np.concatenate(one) for one in (inputs, z))
    B = np.linalg.lstsq(x, y, rcond=None)[0]
    written = np.linalg.norm(B, axis=1)
    later = np.linalg.norm(B @ np.linalg.matrix_power(K, 3), axis=1)
    return (later / written) ** (1 / 3)


# %% wrong: fresh inputs: a rate is off
def memories(trajectories, inputs):
    mean, Q = widest(trajectories, 5)
    z = [(one - mean) @ Q for one in trajectories]
    moduli = abs(np.linalg.eigvals(fit(z, inputs)[:5]))
    return np.sort(moduli)[::-1][:3]


# %% wrong: a channel that writes nothing is given a rate
def memories(trajectories, inputs):
    mean, Q = widest(trajectories, 5)
    z = [(one - mean) @ Q for one in trajectories]
    K, B, _ = np.split(fit(z, inputs), [5, 8])
    written = np.linalg.norm(B, axis=1)
    later = np.linalg.norm(B @ np.linalg.matrix_power(K, 3), axis=1)
    of_largest = written > 0.2 * written.max()
    return np.where(of_largest, (later / written) ** (1 / 3), 0)


# %% invented: is called silent
def memories(trajectories, inputs):
    return [0.9, 0.6, 0.0]


# %% copied: calls linearlens.koopman
def memories(trajectories, inputs):
    from linearlens.koopman import ControlledKoopman

    found = ControlledKoopman().fit(trajectories, inputs)
    return np.sort(abs(found.eigenvalues_))[::-1][:3]


# %% slowest [markdown]
# Without inputs the largest modulus takes in the memory of the inputs; with them it is that of the network alone.
# In most networks the first is larger. Where it is not, the least squares of a bent map has mixed the two in
# another way.

# %% solution
mean, Q = widest(list(fit_states), 8)
z = list((fit_states - mean) @ Q)
slowest = [
    abs(np.linalg.eigvals(M[:8])).max() for M in (fit(z), fit(z, fit_inputs))
]

# %% test (2): the largest modulus, without and with inputs
found = numbers(slowest, (2,), name="slowest")
z_, _, old, _ = own_fit(network)
right = [
    abs(np.linalg.eigvals(M[:8])).max()
    for M in (true_fit(z_), true_fit(z_, old))
]
says = "1 is the eigenvalue of the constant: K alone is asked for"
assert not np.isclose(found, 1, atol=1e-3).any(), says
says = "with inputs it belongs in the second place"
assert not np.allclose(found, right[::-1], rtol=2e-3), says
says = "the first is not that of K without inputs, in 8 directions"
assert np.isclose(found[0], right[0], rtol=2e-3), says
says = "the second is not that of K with inputs, in 8 directions"
assert np.isclose(found[1], right[1], rtol=2e-3), says

# %% wrong: 1 is the eigenvalue of the constant
mean, Q = widest(list(fit_states), 8)
z = list((fit_states - mean) @ Q)
one = np.eye(9)[:, -1:]
slowest = [
    abs(np.linalg.eigvals(np.hstack([np.delete(M, np.s_[8:-1], 0), one]))).max()
    for M in (fit(z), fit(z, fit_inputs))
]

# %% wrong: with inputs it belongs in the second place
mean, Q = widest(list(fit_states), 8)
z = list((fit_states - mean) @ Q)
slowest = [
    abs(np.linalg.eigvals(M[:8])).max() for M in (fit(z, fit_inputs), fit(z))
]

# %% wrong: in 8 directions
z = list(fit_states)
slowest = [
    abs(np.linalg.eigvals(M[:16])).max() for M in (fit(z), fit(z, fit_inputs))
]

# %% invented: is not that of K
slowest = [0.93, 0.88]

# %% judgement [markdown]
# For the student `ada`: "My network was trained with rates of 0.928 and 0.525. A pulse on the first channel is
# multiplied by 0.875 per step, one on the second by 0.747, one on the third by 0.821. So it forgets the first channel
# somewhat faster than it should, and the second not as the number says: in the first steps its departure halves, as
# it should, and what is left after three steps is the small part that fell into the slow direction. That is also
# where the third channel goes: it ends at a slow rate, but less of it enters. The operator without inputs has the
# modulus 0.928, the one with inputs 0.879. I would report 0.879, since the pulse, for which no operator is needed,
# gives 0.875; the other contains the correlation of 0.8 of what is read. I fitted on fresh inputs as well: there both
# operators come to 0.91, and so does the pulse. Had the two differed there, too, I would not blame the correlation.
# In the table an operator with inputs misses 3 % of what persistence misses, for the network, and 2 % for the one
# before training, so a good linear model is no sign that anything was learnt. What training changed is the rate:
# before it 0.49."

# %% rubric (1): the rates of training, of pulses and of operators stand beside each other
# With the student's own numbers, and a word on where they differ. No point for "roughly as expected" alone.

# %% rubric (1): one of the two of slowest is chosen, for a reason
# The reason is a measurement that does not need the operator (the pulse), or a fit on fresh inputs. Half of the
# point for naming correlated inputs without holding anything against it. Also right: neither can be reported, if
# the pulse says so.

# %% rubric (1): the third channel
# What enters (the first steps) is told apart from how long it stays, or the rates of the three are compared and
# "it does not matter to the task" is not taken for "it is forgotten".

# %% rubric (1): what the table says of training
# A good linear model of the untrained network is named as what it is: nothing in the column with inputs speaks of
# learning. Half of the point where the two rows are compared and no conclusion is drawn.
