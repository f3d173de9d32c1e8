"""Chapter 01: what solves its exercises, and what their checks must catch."""

# %% ex-primer-closure [markdown]
# The next $y$ needs $x^3$, and the next $x^3$ needs nothing but itself: $x_{t+1}^3 = \rho^3 x_t^3$. So $(x, y, x^3)$
# closes, and the new eigenvalue is $\rho^3$ where $\rho^2$ was. All polynomials up to degree three hold these as
# well, and others that do not close.


# %% solution
def observables(z):
    return np.column_stack([z, z[:, 0] ** 3])


# %% wrong: no sum of the columns
def observables(z):
    return np.column_stack([z, z[:, 0] ** 2])


# %% wrong: x and y alone
def observables(z):
    return z


# %% wrong: keep both
def observables(z):
    return np.column_stack([z[:, 0], z[:, 0] ** 3])


# %% wrong: one row for each state
def observables(z):
    return np.stack([z[:, 0], z[:, 1], z[:, 0] ** 3])


# %% wrong: no sum of the columns
def observables(z):
    return PolynomialFeatures(3, include_bias=False).fit_transform(z)


# %% wrong: not every column is needed
def observables(z):
    return np.column_stack([z, z[:, 0] ** 2, z[:, 0] ** 3])


# %% wrong: should have the shape
def observables(z):
    return z[:, 0] ** 3


# %% invented: a column is no sum of the columns
def observables(z):
    return np.column_stack([z, np.full(len(z), 0.5), np.sin(z[:, 0])])


# %% right: another multiple of the third function
def observables(z):
    return [[x, y, -2 * x * x * x] for x, y in z.tolist()]


# %% ex-primer-delays [markdown]
# Three conjugate pairs and the eigenvalue 1 of the constant make seven eigenvalues, so seven coordinates: the present
# value and six delays.

# %% solution
delays_needed = 3 * 2 + 1 - 1

# %% wrong: two exponentials
delays_needed = 3

# %% wrong: is the constant counted
delays_needed = 3 * 2 - 1

# %% wrong: the present counts
delays_needed = 3 * 2 + 1

# %% invented: the present counts
delays_needed = 12

# %% ex-primer-lens [markdown]
# Cutting pairs within each trajectory, before anything is put together, takes care of the seams once and for all, with
# delays, too, since delay coordinates are again a list of trajectories. Step five: with one delay there is no room for
# four eigenvalues, and what is found is a compromise with a large residual. With three there is room, but noise in $X$
# biases the fit: the moduli have shrunk. With nine the two oscillations stand near the unit circle with small
# residuals; the others are what ten coordinates make of noise, with smaller moduli and larger residuals. Believe the
# pairs whose residual is small and whose angle comes back with another number of delays.


# %% solution
def pairs(trajectories):
    X = np.concatenate([z[:-1] for z in trajectories])
    return X, np.concatenate([z[1:] for z in trajectories])


def fit(trajectories):
    return np.linalg.lstsq(*pairs(trajectories))[0]


def with_delays(trajectories, delays):
    d = delays
    return [
        np.hstack([z[d - k : len(z) - k] for k in range(d + 1)])
        for z in trajectories
    ]


def residuals(K, trajectories):
    X, Y = pairs(trajectories)
    values, V = np.linalg.eig(K)
    missed = np.linalg.norm(Y @ V - values * (X @ V), axis=0)
    return values, missed / np.linalg.norm(X @ V, axis=0)


# %% shared


# %% wrong: no more
def pairs(trajectories):
    z = np.concatenate(trajectories)
    return z[:-1], z[1:]


# %% wrong: cross a seam
def pairs(trajectories):
    z = np.concatenate(trajectories)
    return z[:-2], z[1:-1]


# %% wrong: one step after X
def pairs(trajectories):
    X = np.concatenate([z[:-1] for z in trajectories])
    return X, X


# %% wrong: should be an array of numbers
def fit(trajectories):
    return np.linalg.lstsq(*pairs(trajectories))


# %% wrong: states are rows
def fit(trajectories):
    return np.linalg.lstsq(*pairs(trajectories))[0].T


# %% wrong: columns are gained
def with_delays(trajectories, delays):
    d = delays
    return [
        np.hstack([z[d - k : len(z) - k] for k in range(d)])
        for z in trajectories
    ]


# %% wrong: the present is first
def with_delays(trajectories, delays):
    d = delays
    return [
        np.hstack([z[k : len(z) - d + k] for k in range(d + 1)])
        for z in trajectories
    ]


# %% wrong: newest first
def with_delays(trajectories, delays):
    d = delays
    return [
        np.hstack([z[d:], *[z[k : len(z) - d + k] for k in range(d)]])
        for z in trajectories
    ]


# %% wrong: not the package's residual
def residuals(K, trajectories):
    X, Y = pairs(trajectories)
    values, V = np.linalg.eig(K.T)
    missed = np.linalg.norm(Y @ V - values * (X @ V), axis=0)
    return values, missed / np.linalg.norm(X @ V, axis=0)


# %% wrong: not the package's residual
def residuals(K, trajectories):
    X, Y = pairs(trajectories)
    values, V = np.linalg.eig(K)
    missed = np.sum(abs(Y @ V - values * (X @ V)) ** 2, axis=0)
    return values, missed / np.sum(abs(X @ V) ** 2, axis=0)


# %% wrong: not the package's residual
def residuals(K, trajectories):
    X, Y = pairs(trajectories)
    values, V = np.linalg.eig(K)
    missed = abs(Y @ V - values * (X @ V)) / abs(X @ V)
    return values, missed.mean(axis=0)


# %% wrong: complex ones too
def residuals(K, trajectories):
    X, Y = pairs(trajectories)
    values, V = np.linalg.eig(K)
    missed = np.linalg.norm(Y @ V - values * (X @ V), axis=0)
    return values.real, missed / np.linalg.norm(X @ V, axis=0)


# %% wrong: one residual for each
def residuals(K, trajectories):
    X, Y = pairs(trajectories)
    values, V = np.linalg.eig(K)
    return values, np.linalg.norm(Y @ V - values * (X @ V), axis=1)


# %% invented: not the package's residual
def residuals(K, trajectories):
    return np.linalg.eigvals(K), np.full(len(K), 0.1)


# %% copied: write it yourself
def fit(trajectories):
    return Koopman().fit(trajectories).operator_


def with_delays(trajectories, delays):
    return [delay_embed(z, delays=delays) for z in trajectories]


# %% right: by the normal equations and loops
def pairs(trajectories):
    now = [z[t] for z in trajectories for t in range(len(z) - 1)]
    then = [z[t + 1] for z in trajectories for t in range(len(z) - 1)]
    return np.array(now), np.array(then)


def fit(trajectories):
    X, Y = pairs(trajectories)
    return np.linalg.solve(X.T @ X, X.T @ Y)


def with_delays(trajectories, delays):
    return [
        np.array(
            [z[t - delays : t + 1][::-1].ravel() for t in range(delays, len(z))]
        )
        for z in trajectories
    ]


def residuals(K, trajectories):
    X, Y = pairs(trajectories)
    values, V = np.linalg.eig(K)
    off = np.array(
        [np.linalg.norm((Y - X @ K) @ v) / np.linalg.norm(X @ v) for v in V.T]
    )
    return values, off


# %% ex-primer-fair [markdown]
# With a width of $n$ the polynomials and the constant are $n(n+3)/2 + 1$ observables, the cosines with $h$ and the
# constant $n + 201$. In the quick profile the polynomials are fewer and miss two to three times as much as the
# cosines, still far less than the affine map. With 100 images both have more observables than images and fit these
# exactly, which says nothing. On the test images both miss several times what they missed before: the cosines less
# than an affine map fitted to the same images, the polynomials more. The digits hardly suffer, once again. `rank=40`
# brings the polynomials below the affine map and changes little for the cosines.


# %% solution
def missed_share(dictionary, pair, new, rank=None):
    fit = Koopman(dictionary=dictionary, constant=True, rank=rank).fit(pair)
    missed = fit.predict(new[:, 0]) - new[:, 1]
    return np.sum(missed**2) / np.sum((new[:, 1] - pair[:, 1].mean(0)) ** 2)


# %% wrong: judge on `new`
def missed_share(dictionary, pair, new, rank=None):
    fit = Koopman(dictionary=dictionary, constant=True, rank=rank).fit(pair)
    missed = fit.predict(pair[:, 0]) - pair[:, 1]
    return np.sum(missed**2) / np.sum((pair[:, 1] - pair[:, 1].mean(0)) ** 2)


# %% wrong: fit on `pair`
def missed_share(dictionary, pair, new, rank=None):
    fit = Koopman(dictionary=dictionary, constant=True, rank=rank).fit(new)
    missed = fit.predict(new[:, 0]) - new[:, 1]
    return np.sum(missed**2) / np.sum((new[:, 1] - new[:, 1].mean(0)) ** 2)


# %% wrong: take means off
def missed_share(dictionary, pair, new, rank=None):
    fit = Koopman(dictionary=dictionary, constant=True, rank=rank).fit(pair)
    missed = fit.predict(new[:, 0]) - new[:, 1]
    return np.sum(missed**2) / np.sum(new[:, 1] ** 2)


# %% wrong: squares, summed
def missed_share(dictionary, pair, new, rank=None):
    fit = Koopman(dictionary=dictionary, constant=True, rank=rank).fit(pair)
    missed = fit.predict(new[:, 0]) - new[:, 1]
    mean = pair[:, 1].mean(0)
    return np.linalg.norm(missed) / np.linalg.norm(new[:, 1] - mean)


# %% wrong: mean over `pair`
def missed_share(dictionary, pair, new, rank=None):
    fit = Koopman(dictionary=dictionary, constant=True, rank=rank).fit(pair)
    missed = fit.predict(new[:, 0]) - new[:, 1]
    return np.sum(missed**2) / np.sum((new[:, 1] - new[:, 1].mean(0)) ** 2)


# %% wrong: squares, summed
def missed_share(dictionary, pair, new, rank=None):
    fit = Koopman(dictionary=dictionary, constant=True, rank=rank).fit(pair)
    missed = fit.predict(new[:, 0]) - new[:, 1]
    spread = new[:, 1] - pair[:, 1].mean(0)
    return np.mean(np.sum(missed**2, axis=0) / np.sum(spread**2, axis=0))


# %% wrong: hand `rank` on
def missed_share(dictionary, pair, new, rank=None):
    fit = Koopman(dictionary=dictionary, constant=True).fit(pair)
    missed = fit.predict(new[:, 0]) - new[:, 1]
    return np.sum(missed**2) / np.sum((new[:, 1] - pair[:, 1].mean(0)) ** 2)


# %% invented: judge on
def missed_share(dictionary, pair, new, rank=None):
    return 0.03
