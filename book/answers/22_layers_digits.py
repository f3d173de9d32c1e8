"""Chapter 22: what solves its exercises, and what their checks must catch."""

# %% ex-digits-means [markdown]
# The mean over images, for each step and unit. What is left has nothing that repeats every twelve steps, and the
# roots are gone: they were the step means, which the glue repeats.


# %% solution
def without_means(states):
    return states - states.mean(axis=0)


# %% wrong: one mean for all steps
def without_means(states):
    return states - states.mean()


# %% wrong: not of an image
def without_means(states):
    return states - states.mean(axis=1, keepdims=True)


# %% wrong: is to be zero
def without_means(states):
    return states - states.mean(axis=(0, 2), keepdims=True)


# %% wrong: take only the mean away
def without_means(states):
    return (states - states.mean(axis=0)) / states.std(axis=0)


# %% wrong: the shape stays
def without_means(states):
    return states.mean(axis=0)


# %% invented: is to be zero
def without_means(states):
    return states - 0.5


# %% right: step by step
def without_means(states):
    flat = states.copy()
    for t in range(states.shape[1]):
        flat[:, t] -= states[:, t].sum(axis=0) / len(states)
    return flat


# %% ex-digits-pairs [markdown]
# A trajectory of twelve states has two windows of eleven states, hence one pair, and one pair teaches one direction.
# Glued, $r$ images make one series of $12 r$ states with $12 r - d$ windows and a pair less; with ten delays most of
# the pairs lie across seams.


# %% solution
def n_pairs(n_images, n_delays):
    return 12 * n_images - (n_delays + 1)


# %% wrong: two windows
def n_pairs(n_images, n_delays):
    return 12 * n_images - n_delays


# %% wrong: how many states
def n_pairs(n_images, n_delays):
    return 12 * n_images - 1


# %% wrong: glued
def n_pairs(n_images, n_delays):
    return n_images * (11 - n_delays)


# %% wrong: longer windows
def n_pairs(n_images, n_delays):
    return 12 * n_images - 11


# %% invented: how many states
def n_pairs(n_images, n_delays):
    return 109


# %% copied: write it yourself
def n_pairs(n_images, n_delays):
    return delay_dmd(np.ones((n_images, 12, 2)), delays=n_delays).n_pairs


# %% right: by counting
def n_pairs(n_images, n_delays):
    series = list(range(12 * n_images))
    windows = [series[k : k + n_delays + 1] for k in series]
    return sum(len(w) == n_delays + 1 for w in windows) - 1


# %% ex-digits-price [markdown]
# $(10\, n^2 + 11\, n m) / (n m) = 10\, n / m + 11$. The layer itself is no longer needed, so this stands in place of 1.


# %% solution
def multiple(n, m):
    inserted, operator = 10 * n * n, 11 * n * m
    return (inserted + operator) / (n * m)


# %% wrong: the operator costs
def multiple(n, m):
    return 10 * n / m


# %% wrong: the inserted layers cost
def multiple(n, m):
    return 11


# %% wrong: which shape
def multiple(n, m):
    return (10 * n * m + 11 * n * m) / (n * m)


# %% wrong: states in a window
def multiple(n, m):
    return (10 * n * n + 10 * n * m) / (n * m)


# %% wrong: what leads
def multiple(n, m):
    return (10 * m * m + 11 * n * m) / (n * m)


# %% invented: what leads
def multiple(n, m):
    return 31


# %% right: as a fraction
def multiple(n, m):
    from fractions import Fraction

    return 11 + Fraction(10 * n, m)


# %% ex-digits-none [markdown]
# Both are regression on random features, once with the network's logits as targets and once with the labels; the
# network was needed as a teacher at most. That an operator reproduces a network on data of the task is no evidence
# that the network is linear in any deep sense.

# %% solution
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline

taught = fitted(networks[0], (None, "linear5"), cosines)
alone = make_pipeline(cosines, RidgeClassifier()).fit(inputs, labels)

# %% wrong: no layer should be left
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline

taught = fitted(networks[0], (None, "act4"), cosines)
alone = make_pipeline(cosines, RidgeClassifier()).fit(inputs, labels)

# %% wrong: an affine map
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline

taught = fitted(networks[0], (None, "linear5"))
alone = make_pipeline(cosines, RidgeClassifier()).fit(inputs, labels)

# %% wrong: not to test images
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline

taught = fitted(networks[0], (None, "linear5"), cosines)
alone = make_pipeline(cosines, RidgeClassifier()).fit(test_inputs, test_labels)

# %% wrong: how are images scaled
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline

taught = fitted(networks[0], (None, "linear5"), cosines)
raw_images = data.train_inputs * 255
alone = make_pipeline(cosines, RidgeClassifier()).fit(raw_images, labels)

# %% invented: should be an object with
taught, alone = 0.93, 0.95
