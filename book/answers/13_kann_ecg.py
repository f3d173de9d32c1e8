"""Chapter 13: what solves its exercises, and what their checks must catch."""

# %% ex-ecg-real [markdown]
# The two terms $v\,u$ and $\bar v\,\bar u$ are conjugates, so their sum is twice the real part of either. For two
# neighbours that are no pair nothing cancels, and the product stays complex. Its modulus is real, but it is no
# projector: applied twice it gives something else.


# %% solution
def projector_on(g, V, U):
    return V[:, g] @ U[g]


# %% wrong: columns of V come first
def projector_on(g, V, U):
    return V[g] @ U[:, g]


# %% wrong: half of the pair
def projector_on(g, V, U):
    return np.outer(V[:, g[0]], U[g[0]])


# %% wrong: twice should be
def projector_on(g, V, U):
    return np.abs(V[:, g] @ U[g])


# %% wrong: states are rows
def projector_on(g, V, U):
    return (V[:, g] @ U[g]).T


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


# %% ex-ecg-mean [markdown]
# One fixed drawing, which knows nothing of any beat, explains nearly all of the median beat, and clearly less of the
# beats themselves. A median over beats removes what is particular, so a method which keeps nothing particular may
# look perfect.

# %% solution
drawing = write(cases[0][1], fitted[0][:, -1].mean(axis=0)[None])
median = np.median(data[0].normal, axis=0)
of_median = explained(drawing, median[None])
of_each = explained(drawing, data[0].normal)

# %% wrong: normal test beats
drawing = write(cases[0][1], fitted[0][:, -1].mean(axis=0)[None])
of_median = explained(drawing, np.median(data[0].normal, axis=0)[None])
of_each = explained(drawing, data[0].train)

# %% wrong: is it the median beat
drawing = write(cases[0][1], fitted[0][:, -1].mean(axis=0)[None])
of_each = explained(drawing, data[0].normal)
of_median = of_each

# %% wrong: a share explained
drawing = write(cases[0][1], fitted[0][:, -1].mean(axis=0)[None])
median = np.median(data[0].normal, axis=0)
of_median = 1 - explained(drawing, median[None])
of_each = 1 - explained(drawing, data[0].normal)

# %% invented: how much of the median beat
drawing = write(cases[0][1], fitted[0][:, -1].mean(axis=0)[None])
of_each, of_median = explained(drawing, data[0].normal), 0.95

# %% invented: normal test beats
drawing = np.zeros(140)
of_median, of_each = 0.97, 0.8

# %% ex-ecg-parts [markdown]
# Each half is foreseen better by an operator of its own, and worse by that of the other half: the reader's map is not
# the same early and late, since the signal drives it. More numbers to fit do not make held-out errors smaller by
# themselves, but it is better to see than to believe that: fit two operators to two halves of the *beats*. They have
# as many numbers, and gain nothing. (One delay, without any cut, does as well as the cut or better: the change of $h$
# tells much of what differs.)

# %% solution
early = Koopman().fit(fitted[0][:, :70])
late = Koopman().fit(fitted[0][:, 70:])

# %% wrong: judge on test beats
early = Koopman().fit(tested[0][:, :70])
late = Koopman().fit(tested[0][:, 70:])

# %% wrong: not each its half
early = late = Koopman().fit(fitted[0])

# %% wrong: its own half best
late = Koopman().fit(fitted[0][:, :70])
early = Koopman().fit(fitted[0][:, 70:])

# %% wrong: its own half best
early = Koopman().fit(fitted[0][:200])
late = Koopman().fit(fitted[0][200:])
