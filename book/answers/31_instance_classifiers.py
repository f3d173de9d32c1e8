"""Chapter 31: what solves its exercises, and what their checks must catch."""

# %% ex-instance-hand [markdown]
# Both units are on at $x = 1$, so $F(x) = (2x - 1) - (3 - x) + 1 = 3x - 3$. The second turns off at $x = 3$, the
# first at $x = 1/2$: between these two $W$ and $b$ hold. And $b = -3$ is not $F(0) = -2$, since 0 lies beyond the
# left border: $b$ is what the *frozen* network gives there.

# %% solution
weight = 2 + 1
bias = -1 - 3 + 1
right_end = 3

# %% wrong: is the second unit off
weight, bias, right_end = 2, 0, 3

# %% wrong: minus signs
weight, bias, right_end = 2 - 1, 0, 3

# %% wrong: b is not F(0)
weight, bias, right_end = 3, -2, 3

# %% wrong: count the 1
weight, bias, right_end = 3, -4, 3

# %% wrong: left end
weight, bias, right_end = 3, -3, 0.5

# %% wrong: beyond the border
weight, bias, right_end = 3, -3, 4

# %% wrong: goes on further
weight, bias, right_end = 3, -3, 2.5

# %% wrong: check the sign of b
weight, bias, right_end = 3, 3, 3

# %% wrong: beyond the border
weight, bias, right_end = 3, -3, np.inf

# %% invented: minus signs
weight, bias, right_end = 2.5, -1.5, 2.2

# %% ex-instance-gate [markdown]
# The output is $\tanh 2$. Ratio: $g = \tanh(2) / 2$, and nothing is added. Tangent: $g = 1 - \tanh^2 2$, a seventh of
# that, and the rest of the output, $\tanh 2 - 2 g$, has to come from $b$. The unit is nearly saturated: what it *does*
# for the output now is large, and what a small change of $z$ would do is small. Both are true.

# %% solution
ratio = np.tanh(2) / 2
tangent = 1 - np.tanh(2) ** 2
added = np.tanh(2) - 2 * tangent

# %% wrong: over its input
ratio, tangent, added = np.tanh(2), 1 - np.tanh(2) ** 2, 0.8227

# %% wrong: one minus its
ratio, tangent, added = np.tanh(2) / 2, 1 - np.tanh(2), 0.8927

# %% wrong: the two differ
ratio, tangent, added = np.tanh(2) / 2, np.tanh(2) / 2, 0

# %% wrong: the tangent at 2 misses 0
ratio, tangent, added = np.tanh(2) / 2, 1 - np.tanh(2) ** 2, 0

# %% wrong: does it reach the output
ratio, tangent, added = np.tanh(2) / 2, 1 - np.tanh(2) ** 2, np.tanh(2)

# %% invented: ratio times input
ratio, tangent, added = 0.5, 0.1, 0.8

# %% ex-instance-zero [markdown]
# $W_1 (x + 1/2) + b_1'$ must be $W_1 x + b_1$, so the new bias is $b_1$ less half the sum of each row of $W_1$. All
# gates are the same and so is $W$; $b$ becomes $b - W \cdot 1/2$, and what it loses $W * x$ gains, in empty pixels,
# too. An attribution by products depends on what is called zero, and the network cannot tell you what to call so:
# choose a zero that means "nothing there".

# %% solution
new_bias = first.linear1.bias - 0.5 * first.linear1.weight.sum(dim=1)
changed = {"b", "W * x"}

# %% wrong: Push it through W1
new_bias, changed = first.linear1.bias - 0.5, {"b", "W * x"}

# %% wrong: mind the sign
new_bias, changed = (
    first.linear1.bias + 0.5 * first.linear1.weight.sum(dim=1),
    {"b", "W * x"},
)

# %% wrong: one number for each unit
new_bias, changed = (
    first.linear1.bias - 0.5 * first.linear1.weight.sum(),
    {"b", "W * x"},
)
new_bias = new_bias[:1]

# %% wrong: one of its two factors
new_bias, changed = (
    first.linear1.bias - 0.5 * first.linear1.weight.sum(dim=1),
    {"b"},
)

# %% wrong: of what is W made
new_bias, changed = (
    first.linear1.bias - 0.5 * first.linear1.weight.sum(dim=1),
    {"W", "b", "W * x"},
)

# %% wrong: spell each
new_bias, changed = (
    first.linear1.bias - 0.5 * first.linear1.weight.sum(dim=1),
    {"b", "W*y"},
)

# %% wrong: a list or a set
new_bias, changed = (
    first.linear1.bias - 0.5 * first.linear1.weight.sum(dim=1),
    "b",
)

# %% invented: Push it through W1
new_bias, changed = np.full(len(first.linear1.bias), 0.25), {"b", "W * x"}

# %% right: as a list, and unit by unit
new_bias = [
    (b - row.sum() / 2).item()
    for b, row in zip(first.linear1.bias, first.linear1.weight, strict=True)
]
changed = ["W*x", "b"]

# %% ex-instance-border [markdown]
# Halve the interval between a distance where the pattern is that of the image and one where it is not. In a random
# direction a region reaches much further than to its nearest border, since that is close in *one* direction of all
# and a random one is nearly perpendicular to it. Yet with hundreds of units it is not far: one of them is always in
# the way. Straight at the nearest border, along the gradient of its unit, the reach is `gate_distance` itself.

# %% solution
generator = torch.Generator().manual_seed(seed)
directions = torch.randn(50, n_pixels, generator=generator, dtype=x.dtype)
directions /= directions.norm(dim=1, keepdim=True)
home = gate_pattern(first, x[:50])
inside, reach = torch.zeros(50), torch.full((50,), 100.0)
for _ in range(30):
    middle = (inside + reach) / 2
    there = gate_pattern(first, x[:50] + middle[:, None] * directions)
    stays = (there == home).all(dim=1)
    inside = torch.where(stays, middle, inside)
    reach = torch.where(stays, reach, middle)

# %% wrong: step more finely
directions = torch.eye(n_pixels, dtype=x.dtype)[:50]
reach = torch.full((50,), 1.0)

# %% wrong: no gate switches
directions = nn.functional.normalize(torch.ones_like(x[:50]))
reach = gate_distance(first, x[:50])

# %% wrong: length one
directions, reach = torch.ones_like(x[:50]), gate_distance(first, x[:50])

# %% wrong: one direction for each
directions, reach = torch.ones_like(x[0]), gate_distance(first, x[:50])

# %% wrong: need finer steps
directions = nn.functional.normalize(torch.ones_like(x[:50]))
home, reach = gate_pattern(first, x[:50]), torch.zeros(50)
inside = torch.ones(50, dtype=bool)
for t in torch.arange(0, 3, 0.01):
    inside &= (gate_pattern(first, x[:50] + t * directions) == home).all(dim=1)
    reach[inside] = t

# %% invented: step more finely
directions, reach = torch.eye(n_pixels, dtype=x.dtype)[:50], [2.5] * 50

# %% ex-instance-build [markdown]
# A layer that is affine shows its constant on an empty image, and a column of its matrix on an image with a single
# pixel, once the constant is taken away: that covers convolution and batch norm, with any stride. ReLU is a diagonal.
# Max-pool is *not* affine: of an image with a single pixel every window would name that pixel. So ask for the places of
# the winners of this image; each row of the matrix is the row of the identity at such a place. (torch counts the places
# within a channel.)


# %% solution
def as_matrix(layer, state):
    n = state.numel()
    pixels = torch.eye(n, dtype=state.dtype)
    nothing = torch.zeros((), dtype=state.dtype)
    if isinstance(layer, nn.ReLU):
        return torch.diag((state > 0).flatten().to(state)), nothing.expand(n)
    if isinstance(layer, nn.MaxPool2d):
        how = layer.kernel_size, layer.stride, layer.padding
        _, places = nn.functional.max_pool2d(
            state[None], *how, return_indices=True
        )
        channel = torch.arange(len(state))[:, None] * state[0].numel()
        rows = (places[0].flatten(1) + channel).flatten()
        return pixels[rows], nothing.expand(len(rows))
    with torch.no_grad():
        constant = layer(torch.zeros_like(state)[None]).flatten()
        columns = layer(pixels.view(n, *state.shape)).flatten(1) - constant
    return columns.T, constant


# %% wrong: one number for each entry
def as_matrix(layer, state):
    n = state.numel()
    return torch.ones(n, n, dtype=state.dtype), torch.zeros(n).double()


# %% wrong: yours is
def as_matrix(layer, state):
    if isinstance(layer, nn.ReLU):
        kept = torch.diag((state > 0).flatten().double())
        return kept, torch.zeros(len(kept)).double()
    pixels = torch.eye(state.numel(), dtype=state.dtype)
    nothing = layer(torch.zeros_like(state)[None]).flatten()
    made = layer(pixels.view(-1, *state.shape)).flatten(1) - nothing
    return made, nothing


# %% wrong: what does the layer add to nothing
def as_matrix(layer, state):
    if isinstance(layer, nn.ReLU):
        kept = torch.diag((state > 0).flatten().double())
        return kept, torch.zeros(len(kept)).double()
    pixels = torch.eye(state.numel(), dtype=state.dtype)
    nothing = layer(torch.zeros_like(state)[None]).flatten()
    made = layer(pixels.view(-1, *state.shape)).flatten(1) - nothing
    return made.T, 0 * nothing


# %% wrong: row by output pixel
def as_matrix(layer, state):
    if isinstance(layer, nn.ReLU):
        kept = torch.diag((state > 0).flatten().double())
        return kept, torch.zeros(len(kept)).double()
    pixels = torch.eye(state.numel(), dtype=state.dtype)
    return layer(pixels.view(-1, *state.shape)).flatten(1).T, 0


# %% wrong: the winner is that of this image
def as_matrix(layer, state):
    if isinstance(layer, nn.ReLU):
        kept = torch.diag((state > 0).flatten().double())
        return kept, torch.zeros(len(kept)).double()
    pixels = torch.eye(state.numel(), dtype=state.dtype)
    nothing = layer(torch.zeros_like(state)[None]).flatten()
    made = layer(pixels.view(-1, *state.shape)).flatten(1) - nothing
    return made.T, nothing


# %% invented: one number for each entry
def as_matrix(layer, state):
    n = state.numel()
    return 0.7 * torch.eye(n, dtype=state.dtype), 0.1


# %% copied: write it yourself
def as_matrix(layer, state):
    matrix_of = torch.func.jacrev(lambda s: layer(s[None]).flatten())
    slopes = matrix_of(state).flatten(1)
    return slopes, layer(state[None]).flatten() - slopes @ state.flatten()
