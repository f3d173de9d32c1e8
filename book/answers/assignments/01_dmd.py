"""Assignment 01: what grades it. The tests try functions on random data and on recordings of seeds of their own."""

# %% shared
import numpy as np


def true_sums(trajectories, lag):
    pairs = [(z[:-lag], z[lag:]) for z in trajectories if len(z) > lag]
    G = sum(x.T @ x for x, _ in pairs)
    return G, sum(x.T @ y for x, y in pairs)


def true_spectrum(G, A, rank):
    widths, directions = np.linalg.eigh(G)
    U = directions[:, ::-1][:, :rank]
    K = U.T @ A @ U / widths[::-1][:rank, None]
    values, vectors = np.linalg.eig(K)
    return values, U @ vectors


def true_delayed(z, delays, stride=1):
    n = len(z) - delays * stride
    starts = [(delays - k) * stride for k in range(delays + 1)]
    return np.hstack([z[start : start + n] for start in starts])


def true_departures(values, vectors, trajectories, horizon):
    rows = []
    for h in range(1, horizon + 1):
        phi = [z @ vectors for z in trajectories if len(z) > h]
        missed = sum(
            (abs(p[h:] - values**h * p[:-h]) ** 2).sum(axis=0) for p in phi
        )
        rows.append(missed / sum((abs(p[:-h]) ** 2).sum(axis=0) for p in phi))
    return np.sqrt(rows)


def true_recordings(seed, n_recordings, count=None, noise=0.1, n_steps=80):
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
    return found, rates


def walks(lengths, width):
    rng = np.random.default_rng([seed, 1])
    return [rng.normal(size=(n, width)).cumsum(axis=0) for n in lengths]


def nearest(values, others):
    """Distance from each of the values to the nearest of the others."""
    return abs(values[:, None] - others).min(axis=1)


def judged(count, noise, number):
    """What is believed of new recordings, and what is true of them."""
    data, rates = true_recordings([seed, number], 10, count, noise)
    found = call(believed, data[:6], data[6:], name="believed")
    found = numbers(found, (None,), name="what is believed", kind=complex)
    return found, np.concatenate([rates, rates.conj()])


# %% sums [markdown]
# One line a matrix. Points are lost for a seam (all trajectories joined), for a lag that is ignored, and for an
# error at trajectories that are too short.


# %% solution
def sums(trajectories, lag=1):
    long = [z for z in trajectories if len(z) > lag]
    G = sum(z[:-lag].T @ z[:-lag] for z in long)
    A = sum(z[:-lag].T @ z[lag:] for z in long)
    return G, A


# %% test (1): pairs within trajectories, one step apart
data = walks((14, 9, 11), 3)
G_, A_ = several(call(sums, data, 1, name="sums"), 2, name="sums(…)")
right = true_sums(data, 1)
joined = true_sums([np.concatenate(data)], 1)
G_ = numbers(G_, (3, 3), name="G")
A_ = numbers(A_, (3, 3), name="A")
assert not np.allclose(A_, joined[1]), "pairs cross from one walk to the next"
assert not np.allclose(A_, right[1].T), "A is transposed: states are rows"
assert np.allclose(G_, right[0]), "G is not the sum over states that begin one"
assert np.allclose(A_, right[1]), "A is not the sum over pairs"

# %% test (1): pairs several steps apart
data = walks((14, 9, 11), 2)
G_, A_ = several(call(sums, data, 3, name="sums"), 2, name="sums(…)")
right = true_sums(data, 3)
assert np.allclose(numbers(A_, (2, 2), name="A"), right[1]), "lag 3 goes wrong"
assert np.allclose(numbers(G_, (2, 2), name="G"), right[0]), "lag 3 goes wrong"

# %% test (1): trajectories too short to hold a pair
data = walks((14, 2, 1, 11), 2)
G_, A_ = several(call(sums, data, 2, name="sums"), 2, name="sums(…)")
right = true_sums(data, 2)
says = "trajectories that are too short should add nothing"
assert np.allclose(numbers(A_, (2, 2), name="A"), right[1]), says
assert np.allclose(numbers(G_, (2, 2), name="G"), right[0]), says


# %% wrong: pairs cross from one walk to the next
def sums(trajectories, lag=1):
    z = np.concatenate(trajectories)
    return z[:-lag].T @ z[:-lag], z[:-lag].T @ z[lag:]


# %% wrong: A is transposed
def sums(trajectories, lag=1):
    long = [z for z in trajectories if len(z) > lag]
    G = sum(z[:-lag].T @ z[:-lag] for z in long)
    return G, sum(z[lag:].T @ z[:-lag] for z in long)


# %% wrong: G is not the sum over states that begin one
def sums(trajectories, lag=1):
    long = [z for z in trajectories if len(z) > lag]
    A = sum(z[:-lag].T @ z[lag:] for z in long)
    return sum(z.T @ z for z in long), A


# %% wrong: lag 3 goes wrong
def sums(trajectories, lag=1):
    G = sum(z[:-1].T @ z[:-1] for z in trajectories)
    return G, sum(z[:-1].T @ z[1:] for z in trajectories)


# %% invented: is not the sum
def sums(trajectories, lag=1):
    n = trajectories[0].shape[1]
    return 100 * np.eye(n), 97 * np.eye(n)


# %% copied: calls linearlens.koopman
def sums(trajectories, lag=1):
    from linearlens.koopman import Koopman

    long = [z for z in trajectories if len(z) > lag]
    G = sum(z[:-lag].T @ z[:-lag] for z in long)
    return G, G @ Koopman(lag=lag).fit(long).operator_


# %% spectrum [markdown]
# The minimum over $\hat K$ of $\sum \lVert z_t U \hat K - z_{t+\ell} U \rVert^2$ solves $U^\top G U \hat K = U^\top
# A U$, and $U^\top G U$ is the diagonal matrix of the eigenvalues of $G$ kept. If $\hat K w = \lambda w$, then $z U
# w$ is an eigenfunction, so the vectors are $U w$.


# %% solution
def spectrum(G, A, rank):
    widths, directions = np.linalg.eigh(G)
    keep = np.argsort(widths)[::-1][:rank]
    U = directions[:, keep]
    K = np.diag(1 / widths[keep]) @ U.T @ A @ U
    values, w = np.linalg.eig(K)
    return values, U @ w


# %% test (1): all directions kept: the eigenvalues of least squares
G_, A_ = true_sums(walks((20, 15), 4), 1)
found = several(call(spectrum, G_, A_, 4, name="spectrum"), 2)
values_ = numbers(found[0], (4,), name="values", kind=complex)
right, _ = true_spectrum(G_, A_, 4)
assert nearest(right, values_).max() < 1e-6, "all kept: not the eigenvalues"

# %% test (2): some directions kept
G_, A_ = true_sums(walks((20, 15), 6), 1)
found = several(call(spectrum, G_, A_, 3, name="spectrum"), 2)
values_ = numbers(found[0], (3,), name="values", kind=complex)
right, _ = true_spectrum(G_, A_, 3)
least = np.linalg.eigvals(np.linalg.solve(G_, A_))
says = "this is the spectrum in all directions, cut afterwards"
assert nearest(values_, least).max() > 1e-6, says
widths, U = np.linalg.eigh(G_)
narrow = np.linalg.eigvals(U[:, :3].T @ A_ @ U[:, :3] / widths[:3, None])
assert nearest(narrow, values_).max() > 1e-6, "the narrowest are kept"
assert nearest(right, values_).max() < 1e-6, "not the eigenvalues of rank 3"

# %% test (1): eigenfunctions in the coordinates of the states
data = walks((20, 15), 6)
G_, A_ = true_sums(data, 1)
found = several(call(spectrum, G_, A_, 3, name="spectrum"), 2)
values_ = numbers(found[0], (3,), name="values", kind=complex)
vectors_ = numbers(found[1], (6, 3), name="vectors", kind=complex)
size = np.linalg.norm(vectors_, axis=0)
assert size.min() > 1e-9, "an eigenvector of zeros"
widths, directions = np.linalg.eigh(G_)
U = directions[:, -3:]
inside = U.T @ vectors_
assert np.allclose(U @ inside, vectors_), "vectors leave the directions kept"
K = np.linalg.solve(U.T @ G_ @ U, U.T @ A_ @ U)
off = np.linalg.norm(K @ inside - inside * values_, axis=0) / size
assert off.max() < 1e-6, "a vector does not belong to its value"


# %% wrong: not the eigenvalues of rank 3
def spectrum(G, A, rank):
    U = np.linalg.eigh(G)[1][:, -rank:]
    values, w = np.linalg.eig(U.T @ A @ U)
    return values, U @ w


# %% wrong: cut afterwards
def spectrum(G, A, rank):
    values, vectors = np.linalg.eig(np.linalg.solve(G, A))
    return values[:rank], vectors[:, :rank]


# %% wrong: the narrowest are kept
def spectrum(G, A, rank):
    widths, directions = np.linalg.eigh(G)
    U = directions[:, :rank]
    values, w = np.linalg.eig(U.T @ A @ U / widths[:rank, None])
    return values, U @ w


# %% wrong: vectors should have the shape (6, 3)
def spectrum(G, A, rank):
    widths, directions = np.linalg.eigh(G)
    U = directions[:, -rank:]
    return np.linalg.eig(U.T @ A @ U / widths[-rank:, None])


# %% wrong: vectors leave the directions kept
def spectrum(G, A, rank):
    widths, directions = np.linalg.eigh(G)
    U = directions[:, -rank:]
    values, w = np.linalg.eig(U.T @ A @ U / widths[-rank:, None])
    return values, directions[:, :rank] @ w


# %% invented: not the eigenvalues
def spectrum(G, A, rank):
    return np.linspace(0.99, 0.9, rank), np.eye(len(G))[:, :rank]


# %% copied: calls linearlens.koopman
def spectrum(G, A, rank):
    from linearlens.koopman import LinearMap, eigenvalue_order

    widths, directions = np.linalg.eigh(G)
    U = directions[:, -rank:]
    values, w = np.linalg.eig(U.T @ A @ U / widths[-rank:, None])
    order = eigenvalue_order(values)
    return values[order], U @ w[:, order]


# %% delayed [markdown]
# Slices of one array put side by side, the present first.


# %% solution
def delayed(trajectory, delays, stride=1):
    first = delays * stride
    shifts = range(0, first + 1, stride)
    n = len(trajectory)
    return np.hstack([trajectory[first - s : n - s] for s in shifts])


# %% test (1): stride 1
(z,) = walks((12,), 2)
found = numbers(
    call(delayed, z, 3, 1, name="delayed"), (None, 8), name="delayed"
)
right = true_delayed(z, 3)
assert found.shape == right.shape, f"{len(right)} rows, got {len(found)}"
assert not np.allclose(found[:, ::-1], right[:, :]), "newest first"
oldest = right.reshape(len(right), 4, 2)[:, ::-1].reshape(len(right), 8)
assert not np.allclose(found, oldest), "the present state should come first"
assert np.allclose(found, right), "these are not the delay coordinates"

# %% test (1): gaps between the delays
(z,) = walks((20,), 2)
found = call(delayed, z, 3, 4, name="delayed")
right = true_delayed(z, 3, 4)
found = numbers(found, (None, 8), name="delayed(…, 3, 4)")
assert found.shape == right.shape, f"{len(right)} rows, got {len(found)}"
assert np.allclose(found, right), "with gaps: not the states stride steps apart"


# %% wrong: the present state should come first
def delayed(trajectory, delays, stride=1):
    first = delays * stride
    shifts = range(first, -1, -stride)
    n = len(trajectory)
    return np.hstack([trajectory[first - s : n - s] for s in shifts])


# %% wrong: rows, got
def delayed(trajectory, delays, stride=1):
    thinned = trajectory[::stride]
    n = len(thinned)
    shifts = range(delays + 1)
    return np.hstack([thinned[delays - s : n - s] for s in shifts])


# %% wrong: with gaps: not the states stride steps apart
def delayed(trajectory, delays, stride=1):
    first, n = delays * stride, len(trajectory)
    shifts = range(delays + 1)
    return np.hstack([trajectory[first - s : n - s] for s in shifts])


# %% invented: not the delay coordinates
def delayed(trajectory, delays, stride=1):
    n = len(trajectory) - delays * stride
    return np.ones((n, trajectory.shape[1] * (delays + 1)))


# %% copied: calls linearlens.koopman
def delayed(trajectory, delays, stride=1):
    from linearlens.koopman import delay_embed

    width = trajectory.shape[1]
    rows = delay_embed(trajectory, delays=delays * stride)
    blocks = rows.reshape(len(rows), -1, width)[:, ::stride]
    return blocks.reshape(len(rows), -1)


# %% departures [markdown]
# The sums run over the same starts above and below. Points are lost for a mean of the ratios of trajectories, for a
# denominator at the end of the pair, for $\lambda$ in place of $\lambda^h$, and for pairs that cross a seam.


# %% solution
def departures(values, vectors, trajectories, horizon):
    values = np.asarray(values)
    found = np.zeros((horizon, len(values)))
    for h in range(1, horizon + 1):
        phi = [z @ vectors for z in trajectories if len(z) > h]
        x = np.concatenate([p[:-h] for p in phi])
        y = np.concatenate([p[h:] for p in phi])
        missed = (abs(y - values**h * x) ** 2).sum(axis=0)
        found[h - 1] = np.sqrt(missed / (abs(x) ** 2).sum(axis=0))
    return found


# %% test (2): one trajectory
(z,) = walks((15,), 3)
values_ = np.array([0.9, 0.5 + 0.4j])
vectors_ = np.array([[1, 0.3], [0.2, 1j], [0.5, -1]])
found = call(departures, values_, vectors_, [z], 4, name="departures")
found = numbers(found, (4, 2), name="departures")
right = true_departures(values_, vectors_, [z], 4)
assert not np.allclose(found, right**2), "the square root is missing"
assert np.allclose(found[0], right[0]), "one step: not the departure"
assert np.allclose(found, right), "several steps: the power of the eigenvalue?"

# %% test (2): several trajectories, one of them short
data = walks((15, 3, 9), 2)
values_ = np.array([0.9, -0.4])
vectors_ = np.array([[1, 0.3], [0.2, 1]])
found = call(departures, values_, vectors_, data, 5, name="departures")
found = numbers(found, (5, 2), name="departures")
right = true_departures(values_, vectors_, data, 5)
each = [true_departures(values_, vectors_, [z], 2) for z in data]
assert not np.allclose(found[:2], np.mean(each, axis=0)), "a mean of ratios"
long = true_departures(values_, vectors_, [data[0], data[2]], 5)
says = "the short trajectory counts as long as it has a pair"
assert not np.allclose(found[0], long[0]), says
assert np.allclose(found, right), "several trajectories: not the same starts?"


# %% wrong: several steps: the power of the eigenvalue
def departures(values, vectors, trajectories, horizon):
    rows = []
    for h in range(1, horizon + 1):
        phi = [z @ vectors for z in trajectories if len(z) > h]
        x = np.concatenate([p[:-h] for p in phi])
        y = np.concatenate([p[h:] for p in phi])
        missed = (abs(y - values * x) ** 2).sum(axis=0)
        rows.append(np.sqrt(missed / (abs(x) ** 2).sum(axis=0)))
    return np.array(rows)


# %% wrong: the square root is missing
def departures(values, vectors, trajectories, horizon):
    rows = []
    for h in range(1, horizon + 1):
        phi = [z @ vectors for z in trajectories if len(z) > h]
        x = np.concatenate([p[:-h] for p in phi])
        y = np.concatenate([p[h:] for p in phi])
        missed = (abs(y - values**h * x) ** 2).sum(axis=0)
        rows.append(missed / (abs(x) ** 2).sum(axis=0))
    return np.array(rows)


# %% wrong: several trajectories
def departures(values, vectors, trajectories, horizon):
    phi = np.concatenate(trajectories) @ vectors
    rows = []
    for h in range(1, horizon + 1):
        x, y = phi[:-h], phi[h:]
        missed = (abs(y - values**h * x) ** 2).sum(axis=0)
        rows.append(np.sqrt(missed / (abs(x) ** 2).sum(axis=0)))
    return np.array(rows)


# %% wrong: several trajectories
def departures(values, vectors, trajectories, horizon):
    rows = []
    for h in range(1, horizon + 1):
        missed = size = 0
        for z in trajectories:
            phi = z @ vectors
            if len(phi) > h:
                off = phi[h:] - values**h * phi[:-h]
                missed = missed + (abs(off) ** 2).sum(axis=0)
            size = size + (abs(phi) ** 2).sum(axis=0)
        rows.append(np.sqrt(missed / size))
    return np.array(rows)


# %% invented: not the departure
def departures(values, vectors, trajectories, horizon):
    return np.full((horizon, len(values)), 0.05)


# %% copied: calls linearlens.koopman
def departures(values, vectors, trajectories, horizon):
    from linearlens.koopman import Koopman

    fit = Koopman().fit(trajectories)
    return np.stack([fit.residuals(trajectories)] * horizon)[:, : len(values)]


# %% believed [markdown]
# Many delays give the noise room, and the departure over ten steps on held-out recordings separates: those of true
# eigenvalues stay below 0.4 or so, those of others lie above 0.6, since the noise ten steps later knows nothing of
# the present. A rule by modulus fails: spurious eigenvalues have moduli of 0.95 to 0.99, as true ones do. Any rule
# that passes is right; a rule that counts on there being an oscillation fails on the recordings without one.


# %% solution
def believed(training, held_out):
    data = [delayed(z, 24) for z in training]
    new = [delayed(z, 24) for z in held_out]
    values, vectors = spectrum(*sums(data), 25)
    off = departures(values, vectors, new, 10)[-1]
    return values[off < 0.5]


# %% test (4): new recordings of two, three and four oscillations
for count, noise in ((2, 0.05), (3, 0.1), (4, 0.15), (2, 0.15)):
    found, right = judged(count, noise, count)
    of = f"recordings of {count} oscillations"
    assert len(found) <= 2 * count, f"{of}: {len(found)} eigenvalues believed"
    assert len(found) == 2 * count, f"{of}: {len(found)} eigenvalues believed"
    off = max(nearest(found, right).max(), nearest(right, found).max())
    assert off < 0.03, f"{of}: an eigenvalue is off by {off:.2f}"

# %% test (3): recordings without any oscillation, and then with one
for number in (5, 6):
    found, _ = judged(0, 0.1, number)
    assert len(found) == 0, f"pure noise: {len(found)} eigenvalues believed"
found, right = judged(1, 0.1, 7)
assert len(found) == 2, f"one oscillation: {len(found)} eigenvalues believed"
assert nearest(right, found).max() < 0.03, "one oscillation: it is off"


# %% wrong: eigenvalues believed
def believed(training, held_out):
    data = [delayed(z, 24) for z in training]
    values, _ = spectrum(*sums(data), 25)
    return values[abs(values) > 0.945]


# %% wrong: eigenvalues believed
def believed(training, held_out):
    data = [delayed(z, 3) for z in training]
    return spectrum(*sums(data), 4)[0]


# %% wrong: pure noise
def believed(training, held_out):
    data = [delayed(z, 24) for z in training]
    new = [delayed(z, 24) for z in held_out]
    values, vectors = spectrum(*sums(data), 25)
    off = departures(values, vectors, new, 10)[-1]
    order = np.argsort(off)
    gap = np.diff(off[order])[1:12].argmax() + 2
    return values[order[:gap]]


# %% wrong: eigenvalues believed
def believed(training, held_out):
    data = [delayed(z, 24) for z in training]
    new = [delayed(z, 24) for z in held_out]
    values, vectors = spectrum(*sums(data), 25)
    off = departures(values, vectors, new, 10)[-1]
    return values[(off < 0.5) & (values.imag >= 0)]


# %% invented: an eigenvalue is off
def believed(training, held_out):
    values = 0.985 * np.exp(1j * np.array([0.4, 1.2]))
    return np.concatenate([values, values.conj()])


# %% copied: calls linearlens.koopman
def believed(training, held_out):
    from linearlens.koopman import Koopman

    fit = Koopman(delays=24).fit(training)
    off = fit.residuals(held_out)
    return fit.eigenvalues_[off < 0.15]


# %% periods [markdown]
# Each conjugate pair is one oscillation; the pairs come from the procedure.

# %% solution
values = believed(training, held_out)
periods = [2 * np.pi / np.angle(value) for value in values if value.imag > 0]

# %% test (2): the periods of the student's recordings
_, rates = true_recordings(seed, 10)
right = 2 * np.pi / np.angle(rates)
found = numbers(periods, (None,), name="periods")
assert (found > 0).all(), "a period is a positive number of steps"
of = f"{len(found)} periods, not as many as your recordings have"
assert len(found) == len(right), of
off = abs(found[:, None] - right) / right
assert off.min(axis=0).max() < 0.03, "a period is off by more than 3 percent"

# %% wrong: not as many as your recordings have
values = believed(training, held_out)
periods = [2 * np.pi / abs(np.angle(value)) for value in values]

# %% wrong: a period is off
values = believed(training, held_out)
angles = [np.angle(value) for value in values if value.imag > 0]
periods = [1 / angle for angle in angles]

# %% wrong: a period is a positive number
values = believed(training, held_out)
angles = [np.angle(value) for value in values if value.imag < 0]
periods = [2 * np.pi / angle for angle in angles]

# %% invented: period
periods = [6, 9.5, 14]

# %% chance [markdown]
# About 0.7 to 0.9: what an eigenvalue of pure noise misses. The limit of task 5 should lie well below.

# %% solution
data = [delayed(z, 24) for z in shuffled]
new = [delayed(z, 24) for z in held_out]
chance = departures(*spectrum(*sums(data), 25), new, 10)[-1].min()

# %% test (2): the smallest departure of a fit to shuffled recordings
data, _ = true_recordings(seed, 10)
order = np.random.default_rng(seed)
mixed = [true_delayed(order.permutation(z), 24) for z in data[:6]]
new = [true_delayed(z, 24) for z in data[6:]]
values_, vectors_ = true_spectrum(*true_sums(mixed, 1), 25)
right = true_departures(values_, vectors_, new, 10)
on_itself = true_departures(values_, vectors_, mixed, 10)
found = numbers(chance, (), name="chance")
assert not np.isclose(found, right[0].min(), rtol=1e-3), (
    "over ten steps, not one"
)
says = "judge on held_out, not on what was fitted"
assert not np.isclose(found, on_itself[-1].min(), rtol=1e-3), says
assert np.isclose(found, right[-1].min(), rtol=1e-3), (
    "not the smallest departure"
)

# %% wrong: over ten steps, not one
data = [delayed(z, 24) for z in shuffled]
new = [delayed(z, 24) for z in held_out]
chance = departures(*spectrum(*sums(data), 25), new, 1)[-1].min()

# %% wrong: judge on held_out
data = [delayed(z, 24) for z in shuffled]
new = [delayed(z, 24) for z in held_out]
chance = departures(*spectrum(*sums(data), 25), data, 10)[-1].min()

# %% wrong: not the smallest departure
new = [delayed(z, 24) for z in held_out]
data = [delayed(z, 24) for z in training]
chance = departures(*spectrum(*sums(data), 25), new, 10)[-1].min()

# %% invented: not the smallest departure
chance = 0.8

# %% judgement [markdown]
# For the student `ada`, with a limit of 0.5: "With 24 delays my fit has 25 eigenvalues. I believe those whose
# departure over ten steps on the held-out recordings is below 0.5. The true ones of my recordings have 0.07 to 0.13;
# the next one has 0.82. Fitted to shuffled recordings the smallest departure is 0.55, so whatever lies above that is
# what chance gives too, and 0.5 is below it and far above 0.13; on pure noise the procedure believes nothing. One
# pair has the modulus 0.96 and the angles ±2.86. By its modulus it would last as long as the third that I believe,
# which has 0.96 as well, but its departure over ten steps is 0.98, so what it says of ten steps later is hardly
# better than nothing; with 20 delays it is gone and another has come elsewhere. I believe three oscillations. Had the
# third come back at another angle with other delays, or had its departure on held-out recordings been near chance, I
# would have dropped it."

# %% rubric (1): how the procedure decides
# The rule is stated so that someone else could apply it: what is computed, on which recordings, and the limit.

# %% rubric (1): why the limits lie where they do
# The limit is held against what chance gives (task 7, or pure noise) and against the largest departure believed,
# with both numbers. No point for "it worked".

# %% rubric (1): an eigenvalue that its modulus would have taken for true
# One is named with its modulus and its departure, or its behaviour under other delays, ranks or halves of the data.
# Half of the point where the eigenvalue is named and nothing is shown of it.

# %% rubric (1): what would have changed one's mind
# A finding that could have come out otherwise, about an oscillation that is believed. No point for "if the error had
# been large" without saying of what and compared with what.
