"""Chapter 13: what solves its exercises, and what their checks must catch."""

# %% ex-ecg-lens [markdown]
# Pairs of states from the end of one trajectory to the start of the next were never taken, so each trajectory gives its
# own. Groups are found by value: a partner is the conjugate, wherever it stands. The two terms $v\,u$ and
# $\bar v\,\bar u$ of a pair are conjugates, so what they leave is real. The span of a complex pair of modes is that of
# their real and imaginary parts, and an orthonormal basis of it gives the orthogonal part. In the coordinates $h V$ a
# step multiplies each by its eigenvalue, which stands on the diagonal of $V^{-1} K V$.


# %% solution
def my_operator(trajectories):
    now = np.concatenate([path[:-1] for path in trajectories])
    then = np.concatenate([path[1:] for path in trajectories])
    return np.linalg.lstsq(now, then)[0]


def my_groups(eigenvalues):
    groups = [[i] for i, value in enumerate(eigenvalues) if value.imag == 0]
    for i, value in enumerate(eigenvalues):
        if value.imag > 0:
            groups.append([i, int(np.abs(eigenvalues - value.conj()).argmin())])
    return groups


def my_projection(states, V, group):
    return (states @ V[:, group] @ np.linalg.inv(V)[group]).real


def my_span(states, V, group):
    rows = np.linalg.inv(V)[group]
    both = np.vstack([rows.real, rows.imag])
    _, sizes, basis = np.linalg.svd(both, full_matrices=False)
    basis = basis[sizes > 1e-10 * sizes[0]]
    return states @ basis.T @ basis


def my_rollout(state, K, V, group, steps):
    U = np.linalg.inv(V)
    values = np.diag(U @ K @ V)[group]
    start = state @ V[:, group]
    return np.array(
        [(start * values**s @ U[group]).real for s in range(1, steps + 1)]
    )


# %% shared


# %% wrong: which pairs did you take
def my_operator(trajectories):
    path = np.concatenate(trajectories)
    return np.linalg.lstsq(path[:-1], path[1:])[0]


# %% wrong: on which side stands
def my_operator(trajectories):
    now = np.concatenate([path[:-1] for path in trajectories])
    then = np.concatenate([path[1:] for path in trajectories])
    return np.linalg.lstsq(now, then)[0].T


# %% wrong: who belongs together
def my_groups(eigenvalues):
    order = np.argsort(-np.abs(eigenvalues))
    return [order[i : i + 2] for i in range(0, len(order), 2)]


# %% wrong: in one group, and in no other
def my_groups(eigenvalues):
    return [[i] for i, value in enumerate(eigenvalues) if value.imag >= 0]


# %% wrong: if you project once more
def my_projection(states, V, group):
    return states @ np.abs(V[:, group] @ np.linalg.inv(V)[group])


# %% wrong: a pair leaves something real
def my_projection(states, V, group):
    one = group[:1]
    return states @ V[:, one] @ np.linalg.inv(V)[one]


# %% wrong: along which directions
def my_projection(states, V, group):
    rows = np.linalg.inv(V)[group]
    basis = np.linalg.qr(np.vstack([rows.real[:1], rows.imag[:1]]).T)[0]
    return states @ basis @ basis.T


# %% wrong: at a right angle
def my_span(states, V, group):
    return my_projection(states, V, group)


# %% wrong: should stay as it is
def my_span(states, V, group):
    row = np.linalg.inv(V)[group[:1]].real
    return states @ row.T @ row / np.sum(row**2)


# %% wrong: one step on
def my_rollout(state, K, V, group, steps):
    part = my_projection(state[None], V, group)[0]
    return np.array([part @ np.linalg.matrix_power(K, s) for s in range(steps)])


# %% wrong: six steps on
def my_rollout(state, K, V, group, steps):
    once = my_projection(state[None], V, group) @ K
    return np.tile(once, (steps, 1))


# %% invented: on which side stands
def my_operator(trajectories):
    return 0.6 * np.eye(5)


# %% copied: write it yourself
def my_operator(trajectories):
    return Koopman().fit(trajectories).operator_


# %% ex-ecg-oblique [markdown]
# $(0, 1) = a\,(1, 0) + b\,(\cos\alpha, \sin\alpha)$ gives $b = 1/\sin\alpha$ and $a = -\cos\alpha/\sin\alpha$. The
# length $\lvert a \rvert$ has no bound: this is how a projection on a few of many nearly parallel modes becomes
# longer than what was projected.


# %% solution
def length(alpha):
    return abs(np.cos(alpha) / np.sin(alpha))


# %% wrong: not negative
def length(alpha):
    return 1 / np.tan(alpha)


# %% wrong: nothing is left
def length(alpha):
    return 1 / np.sin(alpha)


# %% wrong: long or short
def length(alpha):
    return abs(np.cos(alpha))


# %% wrong: which triangle
def length(alpha):
    return abs(np.cos(alpha)) / np.sin(alpha) ** 2


# %% invented: nothing is left
def length(alpha):
    return 1.0


# %% right: by solving the two equations
def length(alpha):
    modes = np.array([[1, np.cos(alpha)], [0, np.sin(alpha)]])
    return np.abs(np.linalg.solve(modes, [0, 1])[0])


# %% ex-ecg-mean [markdown]
# One fixed drawing, which knows nothing of any beat, explains nearly all of the median beat, and clearly less of the
# beats themselves. A median over beats removes what is particular, so a method which keeps nothing particular may
# look perfect.

# %% solution
drawing = first.draw(first.centre[None])
of_median = explained(drawing, np.median(first.split.normal, axis=0)[None])
of_each = explained(drawing, first.split.normal)

# %% wrong: normal test beats
drawing = first.draw(first.centre[None])
of_median = explained(drawing, np.median(first.split.normal, axis=0)[None])
of_each = explained(drawing, first.split.train)

# %% wrong: is it the median beat
drawing = first.draw(first.centre[None])
of_each = explained(drawing, first.split.normal)
of_median = of_each

# %% wrong: a share explained
drawing = first.draw(first.centre[None])
of_median = 1 - explained(drawing, np.median(first.split.normal, axis=0)[None])
of_each = 1 - explained(drawing, first.split.normal)

# %% invented: how much of the median beat
drawing = first.draw(first.centre[None])
of_each, of_median = explained(drawing, first.split.normal), 0.95

# %% invented: normal test beats
drawing = np.zeros(140)
of_median, of_each = 0.97, 0.8

# %% ex-ecg-parts [markdown]
# Each half is predicted better by an operator of its own, and worse by that of the other half: the encoder's map is not
# the same early and late, since the signal drives it. More numbers to fit do not make held-out errors smaller by
# themselves, but it is better to see than to believe that: fit two operators to two halves of the *beats*. They have
# as many numbers, and gain nothing. (One delay, without any cut, does as well as the cut or better: the change of $h$
# tells much of what differs.)

# %% solution
early = Koopman().fit(first.fit[:, :70])
late = Koopman().fit(first.fit[:, 70:])

# %% wrong: judge on test beats
early = Koopman().fit(first.test[:, :70])
late = Koopman().fit(first.test[:, 70:])

# %% wrong: not each its half
early = late = Koopman().fit(first.fit)

# %% wrong: its own half best
late = Koopman().fit(first.fit[:, :70])
early = Koopman().fit(first.fit[:, 70:])

# %% wrong: its own half best
early = Koopman().fit(first.fit[:200])
late = Koopman().fit(first.fit[200:])

# %% invented: its own half best
fake = np.random.default_rng(0)
early, late = (Koopman().fit(fake.normal(size=(99, 5, 64))) for _ in range(2))
