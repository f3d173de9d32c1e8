"""Chapter 32: what solves its exercises, and what their checks must catch."""

# %% ex-tsne-three [markdown]
# $w_{12} = 1/2$, $w_{13} = 1/10$, $w_{23} = 1/5$, and each counts twice: the sum is $s = 1.6$, so $q_{12} = 0.3125$ and
# $q_{13} = 0.0625$. The images 1 and 3 are more of neighbours ($p_{13} = 0.1$) than the points are: the loss pulls
# them nearer. It does so gently, since the force has the factor $w_{13}$, which is small for points far apart.

# %% solution
q_12, pair_13 = 0.3125, "nearer"

# %% wrong: divide by the sum
q_12, pair_13 = 0.5, "nearer"

# %% wrong: count each pair twice
q_12, pair_13 = 0.625, "nearer"

# %% wrong: leave out i = j
q_12, pair_13 = 0.5 / 4.6, "nearer"

# %% wrong: is p or q larger
q_12, pair_13 = 0.3125, "further"

# %% invented: sum over ordered pairs
q_12, pair_13 = 0.25, "nearer"

# %% ex-tsne-numbers [markdown]
# Two rows of 784 and two numbers of $b$. The network holds as many numbers as the maps of $170$ points; it has a map
# for *every* point, so most of them share most of what they are made of.

# %% solution
numbers = 2 * 784 + 2
parameters = 784 * 256 + 256 + 256 * 256 + 256 + 256 * 2 + 2

# %% wrong: empty image
numbers, parameters = 2 * 784, 267_266

# %% wrong: for each coordinate
numbers, parameters = 784 + 1, 267_266

# %% wrong: biases, too
numbers, parameters = 1570, 784 * 256 + 256 * 256 + 256 * 2

# %% wrong: three layers
numbers, parameters = 1570, 784 * 256 + 256 + 256 * 2 + 2

# %% invented: for each coordinate
numbers, parameters = 1500, 267_000

# %% invented: three layers
numbers, parameters = 1570, 267_000

# %% right: counted
numbers = maps[0].weight[0].numel() + maps[0].bias[0].numel()
parameters = sum(p.numel() for p in networks[0].parameters())

# %% ex-tsne-turn [markdown]
# A row $y = (W x + b)^\top$ becomes $y R$; as a column that is $R^\top W x + R^\top b$. So the new $W$ is $R^\top W$:
# its rows are mixtures of both, entries change their sign, and only what does not ask for axes stays: singular
# values, lengths of columns, angles between them. That is why the chapter reads directions towards something.

# %% solution
R = torch.tensor([[0.6, 0.8], [-0.8, 0.6]], dtype=x.dtype)
turned = R.T @ maps[0].weight[0]
stays = "the singular values of W"

# %% wrong: turned the other way
R = torch.tensor([[0.6, 0.8], [-0.8, 0.6]], dtype=x.dtype)
turned, stays = R @ maps[0].weight[0], "the singular values of W"

# %% wrong: where it did before
R = torch.tensor([[0.6, 0.8], [-0.8, 0.6]], dtype=x.dtype)
turned, stays = maps[0].weight[0], "the singular values of W"

# %% wrong: a row for each coordinate
R = torch.tensor([[0.6, 0.8], [-0.8, 0.6]], dtype=x.dtype)
turned, stays = maps[0].weight[0].T @ R, "the singular values of W"

# %% wrong: what pushed right
R = torch.tensor([[0.6, 0.8], [-0.8, 0.6]], dtype=x.dtype)
turned, stays = R.T @ maps[0].weight[0], "the signs of W * x"

# %% wrong: a mixture of both
R = torch.tensor([[0.6, 0.8], [-0.8, 0.6]], dtype=x.dtype)
turned, stays = R.T @ maps[0].weight[0], "the rows of W"

# %% wrong: put a word in place of None
R = torch.tensor([[0.6, 0.8], [-0.8, 0.6]], dtype=x.dtype)
turned, stays = R.T @ maps[0].weight[0], None

# %% invented: not what y R does
R = torch.tensor([[0.6, 0.8], [-0.8, 0.6]], dtype=x.dtype)
turned, stays = [[0.3] * points.shape[1]] * 2, "the singular values of W"

# %% ex-tsne-wrong [markdown]
# Shuffle the points of each digit and let each borrow from its neighbour in the shuffled row. Compare the three numbers
# with that of the look-alike in the text: what a map of the same digit forecasts is shared by the digit, what a
# look-alike's forecasts beyond it by images that are alike, and the rest is the point's own.

# %% solution
lender, expected = np.empty(n_test, dtype=int), 0.7
for d in range(10):
    (mine,) = np.nonzero(test_digits == d)
    mine = np.random.default_rng(d).permutation(mine)
    lender[mine] = np.roll(mine, 1)

# %% wrong: of another digit
lender, expected = np.random.default_rng(0).permutation(n_test), 0.5

# %% wrong: from themselves
lender, expected = np.arange(n_test), 0.5

# %% wrong: one lender a digit
firsts = [np.flatnonzero(test_digits == d)[:2] for d in range(10)]
pairs = np.array(firsts)[test_digits.astype(int)]
lender = np.where(pairs[:, 0] == np.arange(n_test), pairs[:, 1], pairs[:, 0])
expected = 0.5

# %% wrong: for each test point
lender, expected = [np.flatnonzero(test_digits == d)[0] for d in range(10)], 0.5

# %% wrong: all of the movement
lender, expected = np.arange(n_test), 50

# %% invented: of another digit
lender, expected = np.arange(n_test)[::-1], 0.7

# %% wrong: counted from 0
lender, expected = np.arange(1, n_test + 1), 0.7

# %% right: another guess
lender, expected = np.empty(n_test, dtype=int), 0.1
for d in range(10):
    (mine,) = np.nonzero(test_digits == d)
    mine = np.random.default_rng(d).permutation(mine)
    lender[mine] = np.roll(mine, 1)

# %% ex-tsne-fair [markdown]
# Taught on movements, one map for all is no longer worse than nothing; put it beside the mean of all maps: where
# no unit switches, the best single map for changes drawn at random is a mean of the maps, weighted by
# the changes. So ridge regression was taught the wrong thing. But one map for all stays far below the points' own: part
# of what happens depends on the image, and no teaching mends that.

# %% solution
rng, total = np.random.default_rng(1), np.zeros((2, 784))
weights = np.full(784, 1e-9)
base = place(networks[0], points)
for _ in range(12):
    pixel = rng.choice(inked, size=n_train)
    edited, each = points.copy(), np.arange(n_train)
    old = points[each, pixel]
    edited[each, pixel] = np.where(old < 0.5, 1.0, 0.0)
    step = edited[each, pixel] - old
    went_to = place(networks[0], edited) - base
    np.add.at(total.T, pixel, went_to * step[:, None])
    np.add.at(weights, pixel, step**2)
taught = total / weights

# %% wrong: fitted to positions
taught = methods[0]["ridge"][0]

# %% wrong: that is the mean
taught = methods[0]["mean"][0]

# %% wrong: two rows
taught = methods[0]["ridge"][0].T

# %% invented: is each pixel drawn often
taught = np.resize([0.3, -0.2, 0.1], (2, 784))

# %% right: by a ridge regression
from sklearn.linear_model import Ridge

draw = np.random.default_rng(2)
which, pixel = draw.integers(n_train, size=9000), draw.choice(inked, 9000)
edited, each = points[which].copy(), np.arange(9000)
edited[each, pixel] = np.where(points[which, pixel] < 0.5, 1.0, 0.0)
went_to = place(networks[0], edited) - place(networks[0], points[which])
ridge = Ridge(alpha=1.0, fit_intercept=False)
taught = ridge.fit(edited - points[which], went_to).coef_

# %% ex-tsne-cheap [markdown]
# Means over training points of each digit, ten maps in all. They place test points better than the middle of their
# digit does. Compare what they forecast with the table of the text: more than one map for all, and far less than the
# point's own. (With labels at hand, that is; a point without one would have to be given the map of its nearest group.)

# %% solution
of_training = linearize(networks[0], torch.tensor(points[:1000]))
each_digit = [torch.tensor(digits[:1000] == d) for d in range(10)]
cheap_weight = torch.stack(
    [of_training.weight[d].mean(dim=0) for d in each_digit]
)
cheap_bias = torch.stack([of_training.bias[d].mean(dim=0) for d in each_digit])

# %% wrong: the points that judge them
one = [torch.tensor(test_digits == d) for d in range(10)]
cheap_weight = torch.stack([maps[0].weight[d].mean(dim=0) for d in one])
cheap_bias = torch.stack([maps[0].bias[d].mean(dim=0) for d in one])

# %% wrong: one map for all
of_training = linearize(networks[0], torch.tensor(points[:1000]))
cheap_weight = np.tile(of_training.weight.mean(dim=0), (10, 1, 1))
cheap_bias = np.tile(of_training.bias.mean(dim=0), (10, 1))

# %% wrong: worse than the centre
of_training = linearize(networks[0], torch.tensor(points[:1000]))
one = [torch.tensor(digits[:1000] == d) for d in range(10)]
cheap_weight = torch.stack([of_training.weight[d].mean(dim=0) for d in one])
cheap_bias = np.zeros((10, 2))

# %% wrong: digits, coordinates, pixels
of_training = linearize(networks[0], torch.tensor(points[:1000]))
cheap_weight = np.array(
    [of_training.weight[digits[:1000] == d].mean() for d in range(10)]
)
cheap_bias = np.zeros((10, 2))

# %% invented: worse than the centre
cheap_weight = np.resize([0.3, -0.2, 0.1], (10, 2, points.shape[1]))
cheap_bias = np.full((10, 2), 0.5)

# %% right: from other points, as lists
of_others = linearize(networks[0], torch.tensor(points[-1000:]))
own_digits = [torch.tensor(digits[-1000:] == d) for d in range(10)]
cheap_weight = [of_others.weight[d].mean(dim=0).tolist() for d in own_digits]
cheap_bias = [of_others.bias[d].mean(dim=0).tolist() for d in own_digits]
