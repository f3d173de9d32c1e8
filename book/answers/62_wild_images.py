"""Chapter 62: what solves its exercises, and what their checks must catch."""

# %% ex-images-hand [markdown]
# At $x = 0.5$ the first unit is above zero, the second below: $F = 2 (x + 3) - 2 \cdot \frac14 (x - 1) = 1.5 x + 6.5$.
# The pixel adds $W x = 0.75$, the bias is $b = 6.5$. From black it is
# $1.5 \cdot 1.5 = 2.25$, and the rest $7.25 - 2.25 = 5$.

# %% solution
added = 1.5 * 0.5
constant = 6.5
from_black = 1.5 * (0.5 + 1)

# %% wrong: that is W
added, constant, from_black = 1.5, 5.75, 2.25

# %% wrong: a negative number passes p
added, constant, from_black = 1.0, 6.0, 3.0

# %% wrong: they add up to
added, constant, from_black = 0.75, 5.5, 2.25

# %% wrong: its parts are not
added, constant, from_black = 0.25, 7.0, 2.25

# %% wrong: from black to x
added, constant, from_black = 0.75, 6.5, -0.75

# %% invented: how far is x from black
added, constant, from_black = 0.75, 6.5, 0.75

# %% ex-images-reference [markdown]
# $W x_0$ enters with a minus. So an image along the direction in which the slopes of faces differ from those of others,
# large enough, makes the pixels' part smaller for faces. A regression on the slopes finds the direction.

# %% solution
seen = splits[0][0]
slopes_seen = slopes_of["rnet"][seen].reshape(len(seen), -1)
found = LogisticRegression(C=0.01, max_iter=300)
found.fit(slopes_seen / slopes_seen.std(), is_face[seen])
my_zero = 1000 * found.coef_[0].reshape(24, 24)

# %% wrong: which sign has W x0
seen = splits[0][0]
flat = slopes_of["rnet"][seen].reshape(len(seen), -1)
fit = LogisticRegression(C=0.01, max_iter=300)
fit.fit(flat / flat.std(), is_face[seen])
my_zero = -1000 * fit.coef_[0].reshape(24, 24)

# %% wrong: one image of shape
my_zero = np.ones(576)

# %% wrong: of finite numbers
my_zero = np.full((24, 24), np.inf)

# %% invented: it is to be below 0.3
my_zero = np.zeros((24, 24))

# %% right: another direction, of another size
seen = splits[0][0]
means = [
    slopes_of["rnet"][seen][is_face[seen] == k].mean(axis=0) for k in (1, 0)
]
my_zero = 300 * (means[0] - means[1]) / np.abs(means[0] - means[1]).max()

# %% ex-images-build [markdown]
# With gates and winners frozen the network is affine, so its parts can be sent through one at a time: the pixels
# without any bias, and the bias of each layer, wherever the layer adds it, through what follows.


# %% solution
def account(network, image):
    layers, states = list(network), [image]
    for layer in layers:
        states.append(layer(states[-1]))

    def frozen(layer, before, state):
        if isinstance(layer, nn.Conv2d):
            return nn.functional.conv2d(state, layer.weight)
        if isinstance(layer, nn.Linear):
            return state @ layer.weight.T
        if isinstance(layer, nn.PReLU):
            factor = (
                layer.weight.view(-1, 1, 1)
                if before.ndim == 4
                else layer.weight
            )
            return torch.where(before > 0, state, factor * state)
        if isinstance(layer, nn.MaxPool2d):
            how = layer.kernel_size, layer.stride, 0, 1, layer.ceil_mode, True
            _, place = nn.functional.max_pool2d(before, *how)
            return state.flatten(2).gather(2, place.flatten(2)).view_as(place)
        return state.flatten(1)

    def lead_of(state, start):
        for layer, before in zip(layers[start:], states[start:-1], strict=True):
            state = frozen(layer, before, state)
        return (state[0, 1] - state[0, 0]).item()

    added = []
    for k, layer in enumerate(layers):
        if hasattr(layer, "bias"):
            bias = (
                layer.bias.view(-1, 1, 1) if states[k].ndim == 4 else layer.bias
            )
            added.append(lead_of(bias.expand_as(states[k + 1]), k + 1))
    return lead_of(image, 0), added


# %% shared
def apart(network, image):
    whole = linearize(network, image)
    pixels = (whole.weight[0, 1] - whole.weight[0, 0]) * image[0]
    by = {n: (v[0, 1] - v[0, 0]).item() for n, v in whole.biases.items()}
    names = [n for n, _ in network.named_children() if n in by]
    return pixels.sum().item(), [by[n] for n in names]


# %% wrong: turn it
def account(network, image):
    pixels, added = apart(network, image)
    return -pixels, [-v for v in added]


# %% wrong: layers with a bias
def account(network, image):
    pixels, added = apart(network, image)
    return pixels, [sum(added)]


# %% wrong: first layer first
def account(network, image):
    pixels, added = apart(network, image)
    return pixels, added[::-1]


# %% wrong: whose biases are in it
def account(network, image):
    pixels, added = apart(network, image)
    return pixels + added[0], [0.0, *added[1:]]


# %% wrong: the parts add up to
def account(network, image):
    out = network(image)
    _, added = apart(network, image)
    return (out[0, 1] - out[0, 0]).item(), added


# %% invented: the parts add up to
def account(network, image):
    n = sum(hasattr(layer, "bias") for layer in network)
    return 1.0, [1.0] * n
