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

# %% ex-instance-zero [markdown]
# $W_1 (x + 1/2) + b_1'$ must be $W_1 x + b_1$, so the new bias is $b_1$ less half the sum of each row of $W_1$. All
# gates are the same and so is $W$; $b$ becomes $b - W \cdot 1/2$, and what it loses $W * x$ gains, in empty pixels,
# too. An attribution by products depends on what is called zero, and the network cannot tell you what to call so:
# choose a zero that means "nothing there".

# %% solution
new_bias = b1 - 0.5 * W1.sum(dim=1)
changed = {"b", "W * x"}

# %% wrong: Push it through W1
new_bias, changed = b1 - 0.5, {"b", "W * x"}

# %% wrong: mind the sign
new_bias, changed = b1 + 0.5 * W1.sum(dim=1), {"b", "W * x"}

# %% wrong: one number for each unit
new_bias, changed = b1 - 0.5 * W1.sum(), {"b", "W * x"}
new_bias = new_bias[:1]

# %% wrong: one of its two factors
new_bias, changed = b1 - 0.5 * W1.sum(dim=1), {"b"}

# %% wrong: of what is W made
new_bias, changed = b1 - 0.5 * W1.sum(dim=1), {"W", "b", "W * x"}

# %% wrong: spell them
new_bias, changed = b1 - 0.5 * W1.sum(dim=1), {"b", "W*x"}

# %% wrong: a set, in braces
new_bias, changed = b1 - 0.5 * W1.sum(dim=1), "b"

# %% invented: Push it through W1
new_bias, changed = np.full(len(b1), 0.25), {"b", "W * x"}

# %% ex-instance-contrast [markdown]
# Subtract the row of the runner-up from that of the predicted class, then look for the largest entry. The lead is a
# sum over pixels (and a bias), so a pixel's entry is what the lead loses when the pixel goes blank and the gates
# stay. Ink that speaks for both classes alike drops out, and that is why the answer is often another pixel than the
# largest in the map of one class.

# %% solution
each, second = range(len(x)), logits.argsort(descending=True)[:, 1]
adds = maps[seen].contributions()
pixels = (adds[each, guess] - adds[each, second]).argmax(dim=1)

# %% wrong: against nothing
pixels = maps[seen].contributions()[range(len(x)), guess].argmax(dim=1)

# %% wrong: mind the sign
adds = maps[seen].contributions()[range(len(x))]
second = logits.argsort(descending=True)[:, 1]
pixels = (adds[range(300), second] - adds[range(300), guess]).argmax(dim=1)

# %% wrong: W without x
plain = maps[seen].weight
second = logits.argsort(descending=True)[:, 1]
pixels = (plain[range(300), guess] - plain[range(300), second]).argmax(dim=1)

# %% wrong: one number for each image
pixels = maps[seen].contributions().argmax(dim=2)

# %% wrong: the sign matters
adds, second = maps[seen].contributions(), logits.argsort(dim=1)[:, -2]
gap = adds[range(300), guess] - adds[range(300), second]
pixels = gap.abs().argmax(dim=1)

# %% wrong: cost more of the lead
second = logits.argsort(descending=True)[:, 1]
pixels = maps[seen].contributions()[range(300), second].argmin(dim=1)

# %% invented: cost more of the lead
pixels = [27] * 300

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
