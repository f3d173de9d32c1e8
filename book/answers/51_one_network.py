"""Chapter 51: what solves its exercises, and what their checks must catch."""

# %% ex-one-left [markdown]
# Three steps multiply by $0.9^3 = 0.729$ and by $0.5^3 = 0.125$. Of the sum the first number has a share of
# $0.729 / 0.854 = 0.85$. So what is left of an early input lies in the slow directions, if it was written into both
# alike. If the inputs write mostly into fast ones, nothing of them is left, whatever the slow eigenvalues are.

# %% solution
first, second = 0.9**3, 0.5**3
share = first / (first + second)

# %% wrong: one step too many
first, second, share = 0.9**4, 0.5**4, 0.9

# %% wrong: so multiply
first, second, share = 2.7, 1.5, 0.64

# %% wrong: once for each step
first, second, share = 0.9, 0.5, 0.64

# %% wrong: not its share of the sum
first, second, share = 0.729, 0.125, 0.729

# %% wrong: for the second
first, second, share = 0.729, 0.5, 0.6

# %% wrong: one part over both
first, second, share = 0.729, 0.125, 0.5

# %% invented: once for each step
first, second, share = 0.8, 0.2, 0.8

# %% ex-one-chain [markdown]
# Near zero the tanh is nearly its own input, so ratio and slope are both about $1$ and the two maps agree: (b). In
# saturation each step multiplies the quotient of the two once more, so with more steps the frozen number is the larger
# by ever more: (a). One step at $z = 4$ makes a factor of about $0.25 / 0.00134$, near $186$.

# %% solution
small, long = "b", "a"
factor = (np.tanh(4) / 4) / (1 - np.tanh(4) ** 2)

# %% wrong: near zero they are
small, long, factor = "a", "a", 186

# %% wrong: never below the slope
small, long, factor = "c", "a", 186

# %% wrong: multiplies the quotient
small, long, factor = "b", "b", 186

# %% wrong: the other way round
small, long, factor = "b", "a", 1 / 186.4

# %% wrong: one minus its square
small, long, factor = "b", "a", 4

# %% invented: one minus its square
small, long, factor = "b", "a", 100

# %% invented: multiplies the quotient
small, long, factor = "b", "c", 10

# %% ex-one-which [markdown]
# Only the third lens says something about one image, only the second ends with a part that can be built in. Moduli of
# eigenvalues say what lasts, and `gain` is meant to say what noise on weights becomes. For each of the four there is
# also a plain experiment; the table above says where it is the better answer.

# %% solution
lenses = ["instance", "operators", "spectrum", "credit"]

# %% wrong: of all images at once
lenses = ["spectrum", "operators", "instance", "credit"]

# %% wrong: not of an image
lenses = ["credit", "operators", "spectrum", "instance"]

# %% wrong: images alike
lenses = ["operators", "instance", "spectrum", "credit"]

# %% wrong: builds nothing
lenses = ["instance", "credit", "spectrum", "operators"]

# %% wrong: replace nothing
lenses = ["instance", "spectrum", "operators", "credit"]

# %% wrong: not of one step
lenses = ["instance", "operators", "credit", "spectrum"]

# %% wrong: each of the four
lenses = ["instance"] * 4

# %% invented: images alike
lenses = ["operators", "instance", "credit", "spectrum"]

# %% right: as a tuple
lenses = "instance", "operators", "spectrum", "credit"

# %% ex-one-stein [markdown]
# The mean derivative is $P(z > 0)$: $1/2$ for the normal, $P(e > 1) = 1/\mathrm{e}$ for the other. Stein's identity
# gives the first regression at once. For the second, $\mathbb{E}[z^2; z > 0] = \int_0^\infty z^2\, \mathrm{e}^{-z-1}
# \, dz = 2/\mathrm{e}$, twice the mean slope: a few large $z$, all where the unit is on, pull the line.

# %% solution
regression = 1 / 2, 2 / np.e
mean_slope = 1 / 2, 1 / np.e

# %% wrong: how often is it
regression, mean_slope = (1, 1), (1, 1)

# %% wrong: above 0
regression, mean_slope = (1 / 2, 1 / 2), (1 / 2, 1 / 2)

# %% wrong: is skewed
regression, mean_slope = (1 / 2, 1 / np.e), (1 / 2, 1 / np.e)

# %% wrong: covariance
regression, mean_slope = (0.4, 2 / np.e), (1 / 2, 1 / np.e)

# %% wrong: covariance
regression, mean_slope = (1 / 2, 1), (1 / 2, 1 / np.e)

# %% invented: how often is z above 0
regression, mean_slope = (0.5, 0.7), (0.5, 0.4)

# %% right: by draws
drawn = np.random.default_rng(5)
drawn = drawn.normal(size=10**6), drawn.exponential(size=10**6) - 1
regression = [np.polyfit(z, z.clip(0), 1)[0] for z in drawn]
mean_slope = [(z > 0).mean() for z in drawn]

# %% ex-one-backwards [markdown]
# The network that reads upside down gives its credits to the same *steps* as ours, not to the same rows. So in the
# tables above `swap` spoke of the design: a late step passes on all that has been read before it, whatever is written
# in its row. Only an experiment that parts the two could tell.


# %% solution
def turn(images):
    return np.flip(images.reshape(-1, 8, 8), axis=1).reshape(len(images), -1)


turned = Dataset(
    "turned",
    turn(digits.images),
    digits.labels,
    turn(digits.test),
    digits.truth,
)
reader = readers(turned, 8, 32, 20, numbers=[1])
mine = reader.networks[0]
theirs = swap_credit(reader, 0, affine_steps(reader, 0))
by_step = rank_correlation([theirs], [ours])[0]
by_row_read = rank_correlation([theirs[:6][::-1]], [ours[:6]])[0]

# %% wrong: train it
mine, by_step, by_row_read = digits.networks[0], 1.0, -1.0

# %% wrong: rank correlations
mine, by_step, by_row_read = digits.networks[0], 8, 1

# %% wrong: in place of None
mine, by_step, by_row_read = digits.networks[0], 0.9, None

# %% wrong: which steps stand beside which
turned = digits.images.reshape(-1, 8, 8)[:, ::-1].reshape(-1, 64).copy()
mine = row_reader(8, 8, 10, n_memory=32, seed=1)
train_together([mine], turned, digits.labels, epochs=20, **how)
by_step, by_row_read = -0.9, 0.9

# %% invented: train it
mine, by_step, by_row_read = digits.networks[1], 0.9, -0.9

# %% ex-one-fifth [markdown]
# The obvious try, the length of the gradient, fails on MNIST: slopes are large where nothing is written, too. Slopes
# times pixels know something of which rows matter. But ink knows as much or more, and so do the losses of *another*
# network. A view knows this network only if it does better than these, over all of them, and if it does worse when it
# is asked about another.


# %% solution
def view(network):
    """Size of the gradient times the pixels by row, mean over images."""
    x = torch.tensor(mnist.test, dtype=torch.float32, requires_grad=True)
    winners = network(x).max(dim=1).values.sum()
    parts = torch.autograd.grad(winners, x)[0] * x.detach()
    return parts.unflatten(1, (28, 28)).sum(2).abs().mean(0).numpy()


# %% wrong: learnt nothing
def view(network):
    return mnist.new.sum(2).mean(0)


# %% wrong: means over images
def view(network):
    return mnist.new.sum(2)


# %% wrong: truth itself
def view(network):
    return blank_loss(mnist, network)


# %% wrong: all rows alike
def view(network):
    return np.ones(28)


# %% wrong: large numbers
def view(network):
    x = torch.tensor(mnist.test, dtype=torch.float32, requires_grad=True)
    winners = network(x).max(dim=1).values.sum()
    parts = torch.autograd.grad(winners, x)[0] * x.detach()
    return -parts.unflatten(1, (28, 28)).sum(2).abs().mean(0).numpy()


# %% invented: learnt nothing
def view(network):
    return np.arange(28) + 0.5


# %% ex-one-build [markdown]
# Both forms are one program: only the number that stands for a tanh differs, and with slopes each tanh adds
# $\tanh(z) - z (1 - \tanh^2 z)$ to $b$, since its tangent misses zero.


# %% solution
def unroll(network, image, form):
    look, keep = network.read2.look, network.read2.keep
    U, u = look.weight.detach().numpy().T, look.bias.detach().numpy()
    V = keep.weight.detach().numpy().T
    h, gates, added = np.zeros(len(V)), [], []
    for t, row in enumerate(image):
        z = row @ U + u + (h @ V if t else 0)
        h = np.tanh(z)
        gate = h / z if form == "ratio" else 1 - h**2
        gates.append(gate)
        added.append(h - gate * z)
    first, head = network.linear1, network.head
    A, a = first.weight.detach().numpy(), first.bias.detach().numpy()
    on = A @ h + a > 0
    R = head.weight.detach().numpy() * on
    b = R @ a + head.bias.detach().numpy()
    rows, W = R @ A, np.zeros((10, *image.shape))
    for t in reversed(range(len(image))):
        b = b + rows @ added[t]
        rows = rows * gates[t]
        b = b + rows @ u
        W[:, t] = rows @ U.T
        rows = rows @ V.T
    return W, b


# %% wrong: one tanh, then the head
def unroll(network, image, form):
    A, R = network.linear1.weight, network.head.weight
    whole = (R @ A @ network.read2.look.weight).detach().numpy()
    W = np.repeat(whole[:, None], 8, axis=1)
    return W, network.head.bias.detach().numpy()


# %% wrong: put 2 things in place of None
def unroll(network, image, form):
    print("W and b, one day")


# %% wrong: yours has
def unroll(network, image, form):
    return np.zeros((10, 64)), np.zeros(10)


# %% invented: one tanh, then the head
def unroll(network, image, form):
    return np.ones((10, 8, 8)), np.zeros(10)


# %% copied: write it yourself
def unroll(network, image, form):
    x = torch.tensor(image.reshape(1, -1))
    found = linearize(network, x, form=form)
    return found.weight[0].reshape(10, 8, 8).numpy(), found.bias[0].numpy()
