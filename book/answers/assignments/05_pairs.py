"""Assignment 05: what grades it. The tests try functions on random data and on comparisons of seeds of their own."""

# %% shared
import itertools
import math

import numpy as np

BANNED = ("linearlens", "pydmd", "captum", "deeptime", "sklearn", "scipy.stats")
PAIRS = ((2, 0), (2, 1), (3, 2), (3, 4))


def ask(function, *given, name):
    """What the student's function returns, who may use no other's."""
    return call(function, *given, name=name, forbidden=BANNED)


def draws(number):
    return np.random.default_rng([seed, 7, number])


def own():
    """Refuse images that are not those of the seed."""
    right, _ = images_of(np.random.default_rng(seed), 2000)
    says = "the images are not those of your seed: run the first cells anew"
    assert np.allclose(images, right), says


def true_runs(n_images, n_runs):
    own()
    found = np.zeros((n_runs, 5))
    for k in range(n_runs):
        pick = np.random.default_rng([seed, k]).permutation(2000)[:n_images]
        for j, kind_ in enumerate(FEATURES):
            lift = lift_of(kind_, states[pick], k)
            guess = fit(lift(states[pick]), outputs[pick])
            found[k, j] = accuracy(guess(lift(new_states)))
    return found


def true_flips(d):
    d = np.asarray(d, dtype=float)
    signs = np.array(list(itertools.product([1, -1], repeat=len(d))))
    means = abs((signs * d).mean(axis=1))
    return np.mean(means >= abs(d.mean()) - 1e-9 * abs(d).max())


def true_standing(p, level):
    flat = np.ravel(p)
    stands, order = np.zeros(len(flat)), np.argsort(flat)
    for place, where in enumerate(order):
        if flat[where] > level / (len(flat) - place):
            break
        stands[where] = 1
    return stands.reshape(np.shape(p))


def studied(number, better, n_studies):
    """What the procedure says of new comparisons of 40 runs."""
    found, rng = [], draws(number)
    for _ in range(n_studies):
        images_ = 0.05 * rng.normal(size=40)
        apart = rng.laplace(size=40) / np.sqrt(2) + (better or 0)
        apart = 0.01 * apart * (better is not None)

        def run(k, both=(0.8 + images_ + apart, 0.8 + images_)):
            assert k == int(k), "run(k): k is a whole number"
            assert 0 <= k < 40, f"run({k}) was asked for, and there are 40"
            return both[0][int(k)], both[1][int(k)]

        said = ask(study, run, 40, name="study")
        said = numbers(said, (), name="what study returns", kind=int)
        assert said in (-1, 0, 1), "study returns 1, 0 or -1"
        found.append(said)
    return np.array(found)


# %% runs [markdown]
# One draw of images for each run, and all kinds fitted to it. Points are lost for a draw of its own for each
# kind, for the same images in all runs, and for an accuracy on the images of the fit.


# %% solution
def runs(n_images, n_runs):
    found = np.zeros((n_runs, len(FEATURES)))
    for k in range(n_runs):
        few = np.random.default_rng([seed, k]).permutation(2000)[:n_images]
        for j, features in enumerate(FEATURES):
            lift = lift_of(features, states[few], k)
            guess = fit(lift(states[few]), outputs[few])
            found[k, j] = accuracy(guess(lift(new_states)))
    return found


# %% test (4): three runs on thirty images
found = ask(runs, 30, 3, name="runs")
found = numbers(found, (3, 5), name="runs(30, 3)")
right = true_runs(30, 3)
says = "each run has images of its own"
assert not np.allclose(found, right[0], atol=1e-6), says
says = "the first column: not the affine map of h on the images of each run"
assert np.allclose(found[:, 0], right[:, 0], atol=1e-3), says
says = "random features: are they those of run k, on the same images?"
assert np.allclose(found[:, 1:3], right[:, 1:3], atol=1e-3), says
says = "trained features: are they fitted to the same images?"
assert np.allclose(found[:, 3:], right[:, 3:], atol=1e-3), says


# %% wrong: each run has images of its own
def runs(n_images, n_runs):
    found = np.zeros((n_runs, len(FEATURES)))
    for k in range(n_runs):
        few = np.random.default_rng([seed, 0]).permutation(2000)[:n_images]
        for j, features in enumerate(FEATURES):
            lift = lift_of(features, states[few], 0)
            guess = fit(lift(states[few]), outputs[few])
            found[k, j] = accuracy(guess(lift(new_states)))
    return found


# %% wrong: on the same images
def runs(n_images, n_runs):
    found = np.zeros((n_runs, len(FEATURES)))
    for k in range(n_runs):
        rng = np.random.default_rng([seed, k])
        for j, features in enumerate(FEATURES):
            few = rng.permutation(2000)[:n_images]
            lift = lift_of(features, states[few], k)
            guess = fit(lift(states[few]), outputs[few])
            found[k, j] = accuracy(guess(lift(new_states)))
    return found


# %% wrong: the first column
def runs(n_images, n_runs):
    found = np.zeros((n_runs, len(FEATURES)))
    for k in range(n_runs):
        few = np.random.default_rng([seed, k]).permutation(2000)[:n_images]
        for j, features in enumerate(FEATURES):
            lift = lift_of(features, states[few], k)
            guess = fit(lift(states[few]), outputs[few])(lift(states[few]))
            said = through(network[4:], guess).argmax(axis=1)
            found[k, j] = np.mean(said == kinds[few])
    return found


# %% invented: the first column
def runs(n_images, n_runs):
    return 0.8 + 0.01 * np.random.default_rng(0).normal(size=(n_runs, 5))


# %% sign_flips [markdown]
# All $2^n$ rows of signs, as the bits of the numbers below $2^n$ or by `itertools.product`. Points are lost for one
# direction, for ties that do not count or that rounding breaks, and for some random flips in place of all.


# %% solution
def sign_flips(differences):
    d = np.asarray(differences, dtype=float)
    bits = np.arange(2 ** len(d))[:, None] >> np.arange(len(d)) & 1
    sums = abs((1 - 2 * bits) @ d)
    return np.mean(sums >= abs(d.sum()) - 1e-9 * abs(d).sum())


# %% test (2): random differences
for number, n in ((1, 5), (2, 9), (3, 12)):
    d = draws(number).normal(size=n) + 0.5
    found = numbers(ask(sign_flips, d, name="sign_flips"), (), name="the share")
    right = true_flips(d)
    assert not np.isclose(found, right / 2, atol=1e-5), "both directions count"
    says = f"{n} differences: not the share of all 2^{n} ways"
    assert np.isclose(found, right, atol=1e-5), says

# %% test (2): ties
for d in ([0.1] * 6, [0.1, 0.2, 0.3, -0.1], [0.003, 0.001, 0.002, 0.0, 0.001]):
    d = np.array(d) * draws(4).choice([1, 3])
    found = numbers(ask(sign_flips, d, name="sign_flips"), (), name="the share")
    says = "ways that give the same mean count, whatever rounding makes of it"
    assert np.isclose(found, true_flips(d), atol=1e-5), says


# %% wrong: both directions count
def sign_flips(differences):
    d = np.asarray(differences, dtype=float)
    bits = np.arange(2 ** len(d))[:, None] >> np.arange(len(d)) & 1
    sums = (1 - 2 * bits) @ d
    return np.mean(sums >= abs(d.sum()) - 1e-9)


# %% wrong: ways that give the same mean count
def sign_flips(differences):
    d = np.asarray(differences, dtype=float)
    bits = np.arange(2 ** len(d))[:, None] >> np.arange(len(d)) & 1
    sums = abs((1 - 2 * bits) @ d)
    return np.mean(sums > abs(d.sum()) + 1e-9) + 2.0 ** (1 - len(d))


# %% wrong: not the share of all
def sign_flips(differences):
    d = np.asarray(differences, dtype=float)
    signs = np.random.default_rng(0).choice([-1, 1], size=(1000, len(d)))
    return np.mean(abs(signs @ d) >= abs(d.sum()) - 1e-9)


# %% wrong: not the share of all
def sign_flips(differences):
    d = np.asarray(differences, dtype=float)
    n, k = len(d), np.sum(d > 0)
    from math import comb

    tail = sum(comb(n, j) for j in range(max(k, n - k), n + 1)) / 2**n
    return min(1, 2 * tail)


# %% invented: not the share of all
def sign_flips(differences):
    return 0.04


# %% copied: calls scipy.stats
def sign_flips(differences):
    from scipy.stats import permutation_test

    kind = {"permutation_type": "samples", "n_resamples": np.inf}
    return permutation_test((differences,), np.mean, **kind).pvalue


# %% fewest [markdown]
# The clearest case is all signs alike: two ways of $2^n$. So the smallest $n$ with $2 / 2^n \le$ level.


# %% solution
def fewest(level):
    n = 1
    while 2 / 2**n > level:
        n += 1
    return n


# %% test (2): several levels
for level in (0.05, 0.01, 0.003, 0.3, 0.0625):
    found = ask(fewest, level, name="fewest")
    found = numbers(found, (), name="fewest(…)", kind=int)
    right = next(n for n in range(1, 30) if 2.0 ** (1 - n) <= level)
    says = "the case with all signs turned is as far from zero: both count"
    one_less = next(n for n in range(1, 30) if 2.0**-n <= level)
    assert found != one_less or found == right, says
    assert found <= right, f"level {level}: fewer pairs can be enough"
    assert found >= right, f"level {level}: so few pairs can never give that"


# %% wrong: both count
def fewest(level):
    n = 1
    while 1 / 2**n > level:
        n += 1
    return n


# %% wrong: fewer pairs can be enough
def fewest(level):
    n = 1
    while 2 / 2**n >= level:
        n += 1
    return n


# %% wrong: so few pairs can never give that
def fewest(level):
    return int(1 / level) if level < 0.01 else 4


# %% invented: fewer pairs can be enough
def fewest(level):
    return 7


# %% saved [markdown]
# Apart, the variance of the difference of two runs is $\operatorname{var}(a) + \operatorname{var}(b)$, paired it
# is $\operatorname{var}(a - b)$; the number of runs cancels. The factor is below 1 if the two are correlated
# negatively.


# %% solution
def saved(first, second):
    first, second = np.asarray(first), np.asarray(second)
    return (first.var() + second.var()) / (first - second).var()


# %% test (2): runs that go up and down together
for number in (10, 11, 12):
    rng = draws(number)
    images_ = rng.normal(size=9) * 0.05
    a, b = (0.8 + images_ + 0.01 * rng.normal(size=9) for _ in range(2))
    found = numbers(ask(saved, a, b, name="saved"), (), name="saved(…)")
    right = (a.var() + b.var()) / (a - b).var()
    says = "variances are asked for, not standard deviations"
    assert not np.isclose(found, np.sqrt(right), rtol=1e-3), says
    says = "this is the share that is left; by which factor is it larger apart?"
    assert not np.isclose(found, 1 / right, rtol=1e-3), says
    says = "apart, both methods vary"
    assert not np.isclose(found, a.var() / (a - b).var(), rtol=1e-3), says
    says = "not the factor of the variance of the mean difference"
    assert np.isclose(found, right, rtol=1e-3), says

# %% test (1): a method that is good where the other is bad
rng = draws(13)
a = rng.normal(size=12)
b = 0.5 * rng.normal(size=12) - a
found = numbers(ask(saved, a, b, name="saved"), (), name="saved(…)")
right = (a.var() + b.var()) / (a - b).var()
says = "pairing can also cost: a factor below 1"
assert np.isclose(found, right, rtol=1e-3), says


# %% wrong: not standard deviations
def saved(first, second):
    first, second = np.asarray(first), np.asarray(second)
    both = np.sqrt(first.var() + second.var())
    return both / (first - second).std()


# %% wrong: the share that is left
def saved(first, second):
    first, second = np.asarray(first), np.asarray(second)
    return (first - second).var() / (first.var() + second.var())


# %% wrong: both methods vary
def saved(first, second):
    first, second = np.asarray(first), np.asarray(second)
    return first.var() / (first - second).var()


# %% wrong: not the factor
def saved(first, second):
    return 1 / (1 - np.corrcoef(first, second)[0, 1])


# %% invented: not the factor
def saved(first, second):
    return 12.0


# %% results [markdown]
# What wins differs between networks. With 20 images the features trained on all 2,000 are often ahead of the
# rest, and the comparison with those trained on the few shows that it is the images they have seen; with 200
# little is left.

# %% solution
PAIRED = ((2, 0), (2, 1), (3, 2), (3, 4))
measured = [runs(n_images, 10) for n_images in (20, 200)]
apart = [[one[:, a] - one[:, b] for a, b in PAIRED] for one in measured]
wins = np.array([[np.sum(d > 0) for d in row] for row in apart])
p_values = np.array([[sign_flips(d) for d in row] for row in apart])

# %% test (4): counts and shares of ten runs
won = numbers(wins, (2, 4), name="wins", kind=int)
shares = numbers(p_values, (2, 4), name="p_values")
assert ((won >= 0) & (won <= 10)).all(), "wins of ten runs lie between 0 and 10"
odd = abs(shares * 1024 - np.round(shares * 1024)).max()
assert odd < 1e-2, "with ten runs each p value is a multiple of 1/1024"
assert not (shares == 0).any(), (
    "no p value is zero: the signs as they are count"
)
both = [true_runs(n, 10) for n in (20, 200)]
d = np.array([[one[:, a] - one[:, b] for a, b in PAIRS] for one in both])
right = (d > 0).sum(axis=2)
p = np.array([[true_flips(one) for one in row] for row in d])
assert not np.array_equal(won, right[::-1]), "20 images belong in the first row"
says = "these are losses: in how many runs is the first better?"
assert not np.array_equal(won, (d < 0).sum(axis=2)), says
assert not np.array_equal(won, (d >= 0).sum(axis=2)) or np.array_equal(
    won, right
), "a tie is no win"
assert np.array_equal(won, right), "not the numbers of wins in ten runs"
assert np.allclose(shares, p, atol=1e-5), "not the p values of sign_flips"

# %% wrong: these are losses
PAIRED = ((2, 0), (2, 1), (3, 2), (3, 4))
measured = [runs(n_images, 10) for n_images in (20, 200)]
apart = [[one[:, b] - one[:, a] for a, b in PAIRED] for one in measured]
wins = np.array([[np.sum(d > 0) for d in row] for row in apart])
p_values = np.array([[sign_flips(d) for d in row] for row in apart])

# %% wrong: 20 images belong in the first row
PAIRED = ((2, 0), (2, 1), (3, 2), (3, 4))
measured = [runs(n_images, 10) for n_images in (200, 20)]
apart = [[one[:, a] - one[:, b] for a, b in PAIRED] for one in measured]
wins = np.array([[np.sum(d > 0) for d in row] for row in apart])
p_values = np.array([[sign_flips(d) for d in row] for row in apart])

# %% wrong: not the numbers of wins
PAIRED = ((1, 0), (1, 2), (4, 1), (4, 3))
measured = [runs(n_images, 10) for n_images in (20, 200)]
apart = [[one[:, a] - one[:, b] for a, b in PAIRED] for one in measured]
wins = np.array([[np.sum(d > 0) for d in row] for row in apart])
p_values = np.array([[sign_flips(d) for d in row] for row in apart])

# %% invented: is a multiple of
wins = [[7, 5, 9, 8], [6, 6, 7, 5]]
p_values = [[0.04, 0.6, 0.01, 0.02], [0.3, 0.4, 0.1, 0.9]]

# %% standing [markdown]
# Points are lost for Bonferroni's rule, which compares all with level$/m$ and is stricter, for no correction, and
# for going on after a value that does not stand.


# %% solution
def standing(values, level):
    flat = np.ravel(values)
    order = np.argsort(flat)
    limits = level / np.arange(len(flat), 0, -1)
    stands = np.zeros(len(flat), dtype=int)
    stands[order] = np.cumprod(flat[order] <= limits)
    return stands.reshape(np.shape(values))


# %% test (2): values where rules differ
p = np.array([0.0095, 0.2, 0.02, 0.001, 0.012, 0.9])
right = np.array([1, 0, 0, 1, 1, 0])
found = ask(standing, p, 0.05, name="standing")
found = numbers(found, (6,), name="standing(…)", kind=int)
says = "all are compared with level / m: the next ones have a wider limit"
assert found.sum() != 1, says
says = "each is compared with the level alone: of many, some are small"
assert not np.array_equal(found, p <= 0.05), says
assert np.array_equal(found, right), "not those that stand by Holm's rule"

# %% test (1): a value that does not stand before one that would
p = np.array([[0.04, 0.001, 0.03], [0.045, 0.002, 0.0401]])
found = ask(standing, p, 0.05, name="standing")
found = numbers(found, (2, 3), name="standing(…)", kind=int)
says = "where one does not stand, none that is larger does"
assert np.array_equal(found, true_standing(p, 0.05)), says


# %% wrong: the next ones have a wider limit
def standing(values, level):
    return (np.asarray(values) <= level / np.size(values)).astype(int)


# %% wrong: compared with the level alone
def standing(values, level):
    return (np.asarray(values) <= level).astype(int)


# %% wrong: none that is larger does
def standing(values, level):
    flat = np.ravel(values)
    order = np.argsort(flat)
    limits = level / np.arange(len(flat), 0, -1)
    stands = np.zeros(len(flat), dtype=int)
    stands[order] = flat[order] <= limits
    return stands.reshape(np.shape(values))


# %% wrong: not those that stand
def standing(values, level):
    flat = np.ravel(values)
    limits = level / np.arange(len(flat), 0, -1)
    return np.cumprod(flat <= limits).reshape(np.shape(values))


# %% invented: none that is larger
def standing(values, level):
    return (np.asarray(values) < 0.0415).astype(int)


# %% study [markdown]
# Take all runs and test the differences once: random sign flips, a sign test or a $t$ test all pass. Who looks
# after each run is wrong in one of five studies between equals, since each look is a chance to be fooled; a few
# looks are fine if the level of each is lowered. Unpaired tests find nothing, since runs vary by five times what
# the methods differ. Where all differences are zero, a $t$ test divides by zero.


# %% solution
def study(run, most):
    d = np.subtract(*np.transpose([run(k) for k in range(most)]))
    signs = np.random.default_rng(0).choice([-1, 1], size=(1000, most))
    further = abs(signs @ d) >= abs(d.sum()) - 1e-12
    share = (1 + further.sum()) / (1 + len(signs))
    return int(np.sign(d.sum())) if share <= 0.05 else 0


# %% test (4): equals, and a first method that is better
better = studied(20, 0.6, 40)
assert (better == -1).sum() <= 1, (
    "the first is better, and the second was named"
)
says = f"the first is better: found in {np.sum(better == 1)} of 40 studies"
assert (better == 1).sum() >= 29, says
equal = studied(21, 0, 250)
says = f"between equals: wrong in {np.sum(equal != 0)} of 250 studies"
assert (equal != 0).sum() <= 28, says

# %% test (3): exactly the same, and a second method that is better
better = studied(22, -0.6, 40)
assert (better == 1).sum() <= 1, "the second is better, and the first was named"
says = f"the second is better: found in {np.sum(better == -1)} of 40 studies"
assert (better == -1).sum() >= 29, says
same = studied(23, None, 3)
assert (same == 0).all(), "exactly the same in each run: neither is better"


# %% wrong: between equals
def study(run, most):
    d = []
    for k in range(most):
        d.append(np.subtract(*run(k)))
        n, s = len(d), np.std(d)
        if n > 7 and abs(np.mean(d)) > 2.1 * s / np.sqrt(n) and s > 1e-12:
            return int(np.sign(np.mean(d)))
    return 0


# %% wrong: found in
def study(run, most):
    first, second = np.transpose([run(k) for k in range(most)])
    error = np.sqrt((first.var() + second.var()) / most)
    off = first.mean() - second.mean()
    return int(np.sign(off)) if abs(off) > 2 * error > 0 else 0


# %% wrong: between equals
def study(run, most):
    first, second = np.transpose([run(k) for k in range(most)])
    won = np.sum(first > second) - np.sum(first < second)
    return int(np.sign(won)) if abs(won) > 6 else 0


# %% wrong: exactly the same in each run
def study(run, most):
    d = np.subtract(*np.transpose([run(k) for k in range(most)]))
    off = abs(d.mean()) - 2.02 * d.std(ddof=1) / np.sqrt(most)
    return 1 if off >= 0 and d.mean() >= 0 else -1 if off >= 0 else 0


# %% invented: found in
def study(run, most):
    first, second = run(0)
    return int(np.sign(first - second)) if abs(first - second) > 0.02 else 0


# %% copied: calls scipy.stats
def study(run, most):
    from scipy.stats import wilcoxon

    first, second = np.transpose([run(k) for k in range(most)])
    if np.all(first == second):
        return 0
    sure = wilcoxon(first, second).pvalue <= 0.05
    return int(np.sign(np.mean(first - second))) if sure else 0


# %% judgement [markdown]
# For the student `ada`: "I compared features for one layer of one network on ten draws of images. With 20 images,
# features trained on all 2,000 images are ahead of as many random ones in nine of ten draws (p = 0.004), by 1.5
# points in the mean; among the eight tests this is the one that stands at 0.05. With 200 images nothing stands: in
# the same comparison the trained ones are ahead in three of ten. The features called all have seen a hundred times as
# many images as the map that is fitted on them. Held against the same design trained on the 20 images alone they are
# ahead in eight of ten (p = 0.033), which would do for a single test and does not among eight, where the second
# smallest is compared with 0.05 / 7. So I print that they were ahead of random ones, and not that it is the training
# as such. What I do not print: that random features lose to none with 20 images. Their p is 0.035, and from the first
# draw alone, where they are 0.8 points behind, or from the means, 0.5 points, I would have. Nor that more random
# features are worse than fewer: two tenths of a point in the mean, p = 0.27."

# %% rubric (1): counts, images and runs are named
# Each statement has its numbers: how many images, in how many of ten runs, and against what.

# %% rubric (1): what stands among eight tests
# `standing` is applied to the eight values, and what does not stand is not printed as found. Half of the point for
# p values without it.

# %% rubric (1): what the features trained on all images have seen
# The comparison of all with few is named as the one that tells training from images. No point for "all is better".

# %% rubric (1): a sentence that is not printed
# From one run or from means, with the number that refutes it. Half of the point for one without a number.
