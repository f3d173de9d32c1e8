"""Chapter 63: what solves its exercises, and what their checks must catch."""

# %% ex-sentence-hand [markdown]
# The mean is $(1.5, 2)$, of length $5 / 2$. The words add $1.5 / 2.5 = 0.6$ and $2 / 2.5 = 0.8$, together $7 / 5$.
# Alone the first word has the vector $(1, 0)$ and the lead 1, so that $7 / 5 - 1$ is lost without the second: the
# length, which the map holds, shrinks with it.

# %% solution
first_adds = 1.5 / 2.5
second_adds = 2 / 2.5
left_out = 1.4 - 1

# %% wrong: has length 1
first_adds, second_adds, left_out = 1.5, 2.0, 0.4

# %% wrong: each has a half
first_adds, second_adds, left_out = 1.2, 1.6, 0.4

# %% wrong: they add up to
first_adds, second_adds, left_out = 0.6, 0.6, 0.4

# %% wrong: its parts are not
first_adds, second_adds, left_out = 0.8, 0.6, 0.4

# %% wrong: without it the length changes
first_adds, second_adds, left_out = 0.6, 0.8, 0.8

# %% invented: of (3, 0) alone
first_adds, second_adds, left_out = 0.6, 0.8, 0.5

# %% ex-sentence-hardly [markdown]
# As with *not*: praise is lowered always, and blame mostly, too, though *hardly dull* is praise. The map gives the word
# a part that speaks for blame in nearly all sentences.

# %% solution
with_hardly = clauses_with("hardly")
first, _ = probes["trained"][0]
move = ((vectors_of(with_hardly) - base) @ first).numpy()
inside, where = embedded(encoder, with_hardly)
tilt = slope(lambda h: read(encoder, h, where) @ first, inside)
each = spread_out((tilt * (inside - mean_piece)).sum(-1), with_hardly)
each = np.array([words[3] for words in each])
lowered = {kind: (move < 0)[value == v].mean() for kind, v in kinds.items()}
speaks = {kind: (each < 0)[value == v].mean() for kind, v in kinds.items()}

# %% shared
first, _ = probes["trained"][0]
move = ((vectors_of(clauses_with("hardly")) - base) @ first).numpy()
lowered = {kind: (move < 0)[value == v].mean() for kind, v in kinds.items()}
speaks = {"praise": 1.0, "blame": 1.0}

# %% wrong: one share for each kind
lowered = [1.0, 0.9]

# %% wrong: a dict with praise and blame
speaks = {"good": 1.0, "bad": 1.0}

# %% wrong: how often it rises
lowered = {kind: (move > 0)[value == v].mean() for kind, v in kinds.items()}

# %% wrong: from which zero
each = part_of("hardly")[0]
speaks = {kind: (each > 0)[value == v].mean() for kind, v in kinds.items()}

# %% invented: by the first probe
lowered = {"praise": 0.63, "blame": 0.37}

# %% ex-sentence-lexicon [markdown]
# One affine map from the states before the first block to those after the last, fitted to the reviews, gives each piece
# a state that depends on nothing but the piece and its place. Their mean, of length 1, goes to the probe: a list of
# pieces with one weight each, but for the length.


# %% solution
def lexicon(texts):
    depth = rows["trained"]["depth"]
    matrix, constant = affine(depth[0], depth[6])
    w, b = probes["trained"][0]
    z, mask = embedded(encoder, texts)
    z = first_states(z) @ matrix + constant
    return (mean_vector(z, mask) @ w + b).tolist()


# %% wrong: praise is above zero
def lexicon(texts):
    depth = rows["trained"]["depth"]
    matrix, constant = affine(depth[0], depth[6])
    w, b = probes["trained"][0]
    z, mask = embedded(encoder, texts)
    z = first_states(z) @ matrix + constant
    return (-mean_vector(z, mask) @ w - b).tolist()


# %% wrong: their correlation with the leads
def lexicon(texts):
    return [len(text) + len(text[0]) / 100 for text in texts]


# %% wrong: one number for each
def lexicon(texts):
    return [0.5]


# %% wrong: all alike
def lexicon(texts):
    return [0.5] * len(texts)


# %% invented: their correlation
def lexicon(texts):
    return np.random.default_rng(3).normal(size=len(texts))


# %% ex-sentence-between [markdown]
# Slopes along the way from nothing to what the sublayer gives, averaged and multiplied with it, add up to the
# difference between both ends: integrated gradients of one sublayer. A few steps are nearly exact.


# %% solution
def averaged(n, steps):
    total = 0
    for k in range(steps):
        share = (k + 0.5) / steps
        extra = torch.zeros_like(x).requires_grad_()

        def change(m, out, share=share, extra=extra):
            return share * given[n] + extra if m == n else out

        out = read(encoder, x, mask, torch.clone, change=change)
        leads = lead_of(out, every).sum()
        (found_slope,) = torch.autograd.grad(leads, extra)
        total = total + found_slope / steps
    return (total * given[n]).sum((1, 2))


# %% wrong: half-way is wanted
def averaged(n, steps):
    return credits["skip", "slopes"][:, n]


# %% wrong: 4 steps it is off by
def averaged(n, steps):
    return credits["skip", "relp"][:, n]


# %% wrong: half of what it gives
def averaged(n, steps):
    def gone(m, out):
        return torch.zeros_like(out) if m == n else out

    with torch.no_grad():
        less = read(encoder, x, mask, torch.clone, change=gone)
    return whole - lead_of(less, every)


# %% wrong: a mean, no sum
def averaged(n, steps):
    total = 0
    for k in range(steps):
        extra = torch.zeros_like(x).requires_grad_()

        def change(m, out, share=(k + 0.5) / steps, extra=extra):
            return share * given[n] + extra if m == n else out

        out = read(encoder, x, mask, torch.clone, change=change)
        leads = lead_of(out, every).sum()
        total = total + torch.autograd.grad(leads, extra)[0]
    return (total * given[n]).sum((1, 2))


# %% wrong: one number for each of
def averaged(n, steps):
    return torch.zeros(2)


# %% invented: 4 steps it is off by
def averaged(n, steps):
    return torch.linspace(-1, 1, len(texts))
