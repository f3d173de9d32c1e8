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


# %% wrong: an array of shape
def observables(z):
    return z[:, 0] ** 3


# %% ex-primer-residual [markdown]
# Both norms run over the same pairs, all trajectories in one long list. A trajectory of $n$ states has $n - 1$ pairs,
# and its last state begins none. Stacking the states first and cutting pairs afterwards is shorter to write, and
# makes the seam again.


# %% solution
def residual(values, eigenvalue):
    now = np.concatenate([phi[:-1] for phi in values])
    then = np.concatenate([phi[1:] for phi in values])
    return np.linalg.norm(then - eigenvalue * now) / np.linalg.norm(now)


# %% wrong: from one to other
def residual(values, eigenvalue):
    phi = np.concatenate(values)
    missed = phi[1:] - eigenvalue * phi[:-1]
    return np.linalg.norm(missed) / np.linalg.norm(phi[:-1])


# %% wrong: norms
def residual(values, eigenvalue):
    now = np.concatenate([phi[:-1] for phi in values])
    then = np.concatenate([phi[1:] for phi in values])
    return np.sum(abs(then - eigenvalue * now) ** 2) / np.sum(abs(now) ** 2)


# %% wrong: begins no pair
def residual(values, eigenvalue):
    missed = [phi[1:] - eigenvalue * phi[:-1] for phi in values]
    missed, size = np.concatenate(missed), np.concatenate(values)
    return np.linalg.norm(missed) / np.linalg.norm(size)


# %% wrong: one number
def residual(values, eigenvalue):
    return [abs(p[1:] - eigenvalue * p[:-1]) / abs(p[:-1]) for p in values]


# %% wrong: in one norm
def residual(values, eigenvalue):
    def one(phi):
        missed = phi[1:] - eigenvalue * phi[:-1]
        return np.linalg.norm(missed) / np.linalg.norm(phi[:-1])

    return np.mean([one(phi) for phi in values])


# %% wrong: imaginary parts
def residual(values, eigenvalue):
    now = np.concatenate([phi[:-1] for phi in values]).real
    then = np.concatenate([phi[1:] for phi in values]).real
    missed = then - np.real(eigenvalue) * now
    return np.linalg.norm(missed) / np.linalg.norm(now)


# %% wrong: one number
def residual(values, eigenvalue):
    missed = [phi[1:] - eigenvalue * phi[:-1] for phi in values]
    sizes = [np.linalg.norm(phi[:-1]) for phi in values]
    return [np.linalg.norm(m) / s for m, s in zip(missed, sizes, strict=True)]


# %% wrong: not pair by pair
def residual(values, eigenvalue):
    now = np.concatenate([phi[:-1] for phi in values])
    then = np.concatenate([phi[1:] for phi in values])
    return np.mean(abs(then - eigenvalue * now) / abs(now))


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
