"""Chapter 32: what solves its exercises, and what their checks must catch."""

# %% ex-tsne-numbers [markdown]
# Two rows of 64 and two numbers of $b$. The network holds as many numbers as the maps of a few hundred points; it has
# a map for *every* point, so most of them share most of what they are made of.

# %% solution
numbers = 2 * 64 + 2
parameters = 64 * 256 + 256 + 256 * 256 + 256 + 256 * 2 + 2

# %% wrong: empty image
numbers, parameters = 2 * 64, 82_946

# %% wrong: for each coordinate
numbers, parameters = 64 + 1, 82_946

# %% wrong: biases, too
numbers, parameters = 130, 64 * 256 + 256 * 256 + 256 * 2

# %% wrong: three layers
numbers, parameters = 130, 64 * 256 + 256 + 256 * 2 + 2

# %% invented: for each coordinate
numbers, parameters = 150, 80_000

# %% invented: three layers
numbers, parameters = 130, 80_000

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

# %% wrong: one of the three
R = torch.tensor([[0.6, 0.8], [-0.8, 0.6]], dtype=x.dtype)
turned, stays = R.T @ maps[0].weight[0], None

# %% invented: not what y R does
R = torch.tensor([[0.6, 0.8], [-0.8, 0.6]], dtype=x.dtype)
turned, stays = [[0.3] * points.shape[1]] * 2, "the singular values of W"

# %% ex-tsne-wrong [markdown]
# Shuffle the points of each digit and let each borrow from its neighbour in the shuffled row. A look-alike's map
# forecasts better than that of anyone, and much worse than the own: images of one digit still lie in different
# regions, and among inked pixels the difference counts. Without the limit to inked pixels the control looks better
# than it is, for the reason told above.

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

# %% wrong: between -1 and 1
lender, expected = np.arange(n_test), 50

# %% invented: of another digit
lender, expected = np.arange(n_test)[::-1], 0.7

# %% wrong: counted from 0
lender, expected = np.arange(1, n_test + 1), 0.7

# %% ex-tsne-cheap [markdown]
# Means over the training points of each digit, ten maps in all. They place test points better than the centre of
# their digit does, and among inked pixels they steer further than one map for all, but not as far as own maps: part
# of what a point's map knows it shares with its digit, and part is its own. (With labels at hand, that is; a point
# without one would have to be given the map of its nearest cluster.)

# %% solution
of_training = linearize(networks[0], torch.tensor(points))
each_digit = [torch.tensor(digits == d) for d in range(10)]
cheap_weight = torch.stack(
    [of_training.weight[d].mean(dim=0) for d in each_digit]
)
cheap_bias = torch.stack([of_training.bias[d].mean(dim=0) for d in each_digit])

# %% wrong: the points that judge them
one = [torch.tensor(test_digits == d) for d in range(10)]
cheap_weight = torch.stack([maps[0].weight[d].mean(dim=0) for d in one])
cheap_bias = torch.stack([maps[0].bias[d].mean(dim=0) for d in one])

# %% wrong: one map for all
of_training = linearize(networks[0], torch.tensor(points))
cheap_weight = np.tile(of_training.weight.mean(dim=0), (10, 1, 1))
cheap_bias = np.tile(of_training.bias.mean(dim=0), (10, 1))

# %% wrong: worse than the centre
of_training = linearize(networks[0], torch.tensor(points))
one = [torch.tensor(digits == d) for d in range(10)]
cheap_weight = torch.stack([of_training.weight[d].mean(dim=0) for d in one])
cheap_bias = np.zeros((10, 2))

# %% wrong: digits, coordinates, pixels
of_training = linearize(networks[0], torch.tensor(points))
cheap_weight = np.array(
    [of_training.weight[digits == d].mean() for d in range(10)]
)
cheap_bias = np.zeros((10, 2))

# %% invented: worse than the centre
cheap_weight = np.resize([0.3, -0.2, 0.1], (10, 2, points.shape[1]))
cheap_bias = np.full((10, 2), 0.5)
