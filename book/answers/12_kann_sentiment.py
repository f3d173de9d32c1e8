"""Chapter 12: what solves its exercises, and what their checks must catch."""

# %% ex-sentiment-static [markdown]
# With the share $q$: neither negated, $(1-q)^2$, ranked rightly. Both negated, $q^2$, ranked wrongly. One of both,
# $2q(1-q)$: the two places hold words of the same kind, and the ranking is a toss. Together $(1-q)^2 + q(1-q) = 1 -
# q$. Without negators it is one. In our grammar one adjective in five is negated; the check prints what the list of
# polar words scores on the test reviews.


# %% solution
def area(negated):
    neither = (1 - negated) ** 2
    either = 2 * negated * (1 - negated)
    return neither + either / 2


# %% wrong: what of ties
def area(negated):
    return (1 - negated) ** 2


# %% wrong: all negated
def area(negated):
    return (1 - negated) ** 2 + negated**2


# %% wrong: what of ties
def area(negated):
    return (1 - negated) ** 2 + 2 * negated * (1 - negated)


# %% wrong: all negated
def area(negated):
    return 1 - negated / 2


# %% wrong: no negators
def area(negated):
    return negated


# %% invented: no negators
def area(negated):
    return 0.8


# %% right: shorter, by the mean over both places
def area(negated):
    return 1 - negated


# %% ex-sentiment-ratio [markdown]
# The root of each ratio. A ratio of squares below 1 is smaller than that of lengths, so an error looks smaller than
# it is; and an advantage, which is a ratio of two such, looks larger.

# %% solution
relative_length = np.sqrt(errors["koopman"][0])
of_persistence = np.sqrt(errors["koopman"][0] / errors["persistence"][0])

# %% wrong: ratio of squares
relative_length = errors["koopman"][0]
of_persistence = np.sqrt(errors["koopman"][0] / errors["persistence"][0])

# %% wrong: square your length
relative_length = errors["koopman"][0] ** 2
of_persistence = np.sqrt(errors["koopman"][0] / errors["persistence"][0])

# %% wrong: a square itself
relative_length = np.sqrt(errors["koopman"][0])
of_persistence = errors["koopman"][0] / errors["persistence"][0]

# %% wrong: misses less
relative_length = np.sqrt(errors["koopman"][0])
of_persistence = np.sqrt(errors["persistence"][0] / errors["koopman"][0])

# %% wrong: how long is each
relative_length = np.sqrt(errors["koopman"][0])
of_persistence = 1 - np.sqrt(errors["koopman"][0] / errors["persistence"][0])

# %% invented: square your length
relative_length, of_persistence = 0.61, 0.83

# %% ex-sentiment-mcnemar [markdown]
# The splits at least as uneven are those with as few or fewer on the smaller side, and as many again the other way
# round. At an even split both directions meet in the middle, so the sum is cut at 1. The reviews on which both agree
# or both fail say nothing, however many there are.

# %% solution
import math


def p_value(only_first, only_second):
    tosses = only_first + only_second
    tail = range(min(only_first, only_second) + 1)
    return min(1, 2 * sum(math.comb(tosses, k) for k in tail) / 2**tosses)


# %% wrong: the other direction
import math


def p_value(only_first, only_second):
    n = only_first + only_second
    tail = range(min(only_first, only_second) + 1)
    return sum(math.comb(n, k) for k in tail) / 2**n


# %% wrong: as uneven as
import math


def p_value(only_first, only_second):
    n = only_first + only_second
    return sum(math.comb(n, k) for k in range(only_second + 1)) / 2**n


# %% wrong: add them
import math


def p_value(only_first, only_second):
    n = only_first + only_second
    return min(1, 2 * math.comb(n, only_first) / 2**n)


# %% wrong: at most 1
import math


def p_value(only_first, only_second):
    n = only_first + only_second
    tail = range(min(only_first, only_second) + 1)
    return 2 * sum(math.comb(n, k) for k in tail) / 2**n


# %% wrong: ten tosses
import math


def p_value(only_first, only_second):
    z = abs(only_first - only_second) / np.sqrt(only_first + only_second)
    return math.erfc(z / np.sqrt(2))


# %% invented: the other direction
def p_value(only_first, only_second):
    return 0.5**10


# %% copied: write it yourself
def p_value(only_first, only_second):
    from scipy.stats import binomtest

    return binomtest(only_first, only_first + only_second).pvalue


# %% right: by adding all splits that are no more even
def p_value(only_first, only_second):
    from math import comb

    n, uneven = only_first + only_second, abs(only_first - only_second)
    rows = range(n + 1)
    return sum(comb(n, k) for k in rows if abs(n - 2 * k) >= uneven) / 2**n


# %% ex-sentiment-fool [markdown]
# One way is to shuffle a few strong words, without any clauses, and to take the first text about which the network is
# wrong. Adjectives one after the other, two negators in a row, or a negator with another adjective between it and its
# own: the network has never met these, and what it has learnt about negators need not be the rule of the grammar.
# Each error is evidence about the rule it follows; a second network may follow another. Try your text on all three.

# %% solution
coin = np.random.default_rng(seed)
few = ["not", "never", "very", "good", "bad", "great", "awful"]
tried = [list(coin.choice(few, 6)) for _ in range(300)]
true = np.array([effects(one).sum() for one in tried])
ends = gather(read_texts(networks[0], list(map(vocabulary.encode, tried))), -1)
fooled = (true != 0) & ((logits_of(networks[0], ends) > 0) != (true > 0))
text = " ".join(tried[np.flatnonzero(fooled)[0]])

# %% wrong: is right about this one
text = "the plot was not very good ."

# %% wrong: cancel
text = "the plot was good . the music was bad ."

# %% wrong: never seen
text = "the plot was meh ."

# %% wrong: no word in it
text = "the plot was not ."

# %% invented: is right about this one
text = "good"

# %% right: the same, as a list of words
coin = np.random.default_rng(seed)
few = ["not", "never", "very", "good", "bad", "great", "awful"]
tried = [list(coin.choice(few, 6)) for _ in range(300)]
true = np.array([effects(one).sum() for one in tried])
ends = gather(read_texts(networks[0], list(map(vocabulary.encode, tried))), -1)
fooled = (true != 0) & ((logits_of(networks[0], ends) > 0) != (true > 0))
text = [str(one) for one in tried[np.flatnonzero(fooled)[-1]]]

# %% ex-sentiment-own [markdown]
# The code makes two files out of texts of the grammar, so that it runs anywhere; yours are there already. There is no
# one answer to the rest. What to look at first: accuracy (if the network has not learnt, nothing follows), then the
# token score of the eigenvector beside those of the state before the word and of random directions.

# %% solution
from pathlib import Path
from tempfile import mkdtemp

from linearlens.datasets import read_corpus

folder = Path(mkdtemp())
made = generate_reviews(n_train=1000, n_test=1, seed=seed + 1)
lines = np.array([" ".join(text) for text in made.train_texts])
for label, name in enumerate(("neg.txt", "pos.txt")):
    chosen_lines = "\n".join(lines[made.train_labels == label])
    (folder / name).write_text(chosen_lines, encoding="utf-8")
own = read_corpus(folder / "neg.txt", folder / "pos.txt")
how_many = {"n_words": 10, "min_texts": 20}
own_words = class_words(own.train_texts, own.train_labels, **how_many)

# %% wrong: in both parts
from dataclasses import replace

made = generate_reviews(n_train=1000, n_test=200, seed=seed + 1)
own = replace(made, test_texts=made.train_texts[:200])
own_words = made.valence

# %% wrong: much larger
from dataclasses import replace

made = generate_reviews(n_train=1000, n_test=200, seed=seed + 1)
kept = [i for i in range(1000) if made.train_labels[i] or i % 10 == 0]
texts = [made.train_texts[i] for i in kept]
own = replace(made, train_texts=texts, train_labels=made.train_labels[kept])
own_words = made.valence

# %% wrong: both classes
own = generate_reviews(n_train=1000, n_test=200, seed=seed + 1)
own_words = {"good": 1, "great": 1}

# %% wrong: from the training texts
own = generate_reviews(n_train=1000, n_test=200, seed=seed + 1)
own_words = {"good": 1, "meh": -1}

# %% invented: too few places
own = generate_reviews(n_train=1000, n_test=200, seed=seed + 1)
own_words = {"good": 1, "bad": -1}
