"""Chapter 42: what solves its exercises, and what their checks must catch."""

# %% ex-trial-hand [markdown]
# Without the first component the rest gets $x_0$ in place of $-x_0$: a difference of $2$, doubled by the tail, over an
# output of size $2$, so $2$. Without the second the output is $x_1$ in place of $2 x_1$: a difference of $1$ over $2$.
# The first turns the sign of everything and changes no volume: $\log 1 = 0$.

# %% solution
swap_first = 2 * 2 / 2
swap_second = 1 / 2
determinant_first = np.log(1)

# %% wrong: turns the sign of everything
swap_first, swap_second, determinant_first = 0, 0.5, 0

# %% wrong: what does the tail make of it
swap_first, swap_second, determinant_first = 1, 0.5, 0

# %% wrong: over the size of the output
swap_first, swap_second, determinant_first = 4, 0.5, 0

# %% wrong: over the size of the output
swap_first, swap_second, determinant_first = 2, 1, 0

# %% wrong: the logarithm of its absolute value
swap_first, swap_second, determinant_first = 2, 0.5, -1

# %% wrong: how does it change volume
swap_first, swap_second, determinant_first = 2, 0.5, np.log(2)

# %% invented: x_1 less x_0
swap_first, swap_second, determinant_first = 1.7, 0.3, 0.1

# %% ex-trial-table [markdown]
# What is left is the knowledge of the single network. It is largest where strengths were dealt out, since there one
# network's order is no guide to another's. A credit with {given}`0.8` beside {given}`0.85` for `depth` has shown
# nothing yet: an order that looks at no network did better. Whether it knows more must be tried where depth is of no
# use.

# %% solution
row_of = {n: knows[n].loc[("weight_gain", "weight_noise")] for n in plainly}
known = {n: row["own"] - row["others"] for n, row in row_of.items()}

# %% wrong: another network have told
pair = "weight_gain", "weight_noise"
known = {n: knows[n].loc[pair, "own"] for n in plainly}

# %% wrong: depth is a control
pair, rival = ("weight_gain", "weight_noise"), ("depth", "weight_noise")
known = {
    n: knows[n].loc[pair, "own"] - knows[n].loc[rival, "own"] for n in plainly
}

# %% wrong: positive should mean
pair = "weight_gain", "weight_noise"
known = {
    n: knows[n].loc[pair, "others"] - knows[n].loc[pair, "own"] for n in plainly
}

# %% wrong: weight_gain, against weight_noise
pair = "noise_gain", "activation_noise"
known = {
    n: knows[n].loc[pair, "own"] - knows[n].loc[pair, "others"] for n in plainly
}

# %% wrong: one number for each design
known = "nothing"

# %% invented: weight_gain, against weight_noise
known = dict.fromkeys(plainly, 0.25)

# %% ex-trial-ceiling [markdown]
# The reliability of the mean of two halves is $2 r / (1 + r)$, and the ceiling is its root. A ceiling of $c$ needs a
# reliability of $c^2$, so $r = c^2 / (2 - c^2)$: for {given}`0.9` two halves must agree with {given}`0.68`. In some of
# the tables above they do not.


# %% solution
def ceiling_of(r):
    return np.sqrt(2 * r / (1 + r))


halves_needed = round(0.9**2 / (2 - 0.9**2), 2)


# %% wrong: ceiling of one half
def ceiling_of(r):
    return np.sqrt(r)


halves_needed = 0.81


# %% wrong: that is the reliability
def ceiling_of(r):
    return 2 * r / (1 + r)


halves_needed = 0.82


# %% wrong: with it the ceiling is
def ceiling_of(r):
    return np.sqrt(2 * r / (1 + r))


halves_needed = 0.9


# %% wrong: in place of None
def ceiling_of(r):
    return None


halves_needed = 0.68


# %% invented: the root of
def ceiling_of(r):
    return 0.9


halves_needed = 0.68

# %% ex-trial-design [markdown]
# Places are drawn anew for each network, so that `depth` could not know them. An idle block gives back its input bit
# for bit, so nothing is left for `swap` to weigh; every trained block has something.

# %% solution
places = [np.random.default_rng(k).permutation(6)[:2] for k in range(3)]
gains = [[0 if b in two else 1 for b in range(6)] for two in places]
mine = [residual_mlp(64, 10, gains=g, seed=k) for k, g in enumerate(gains)]
x, y = digits.train_inputs, digits.train_labels
train_together(mine, x, y, epochs=8, batch_size=64)
idle = [{blocks[b] for b in two} for two in places]

# %% wrong: are they trained
mine = [residual_mlp(64, 10, gains=(0, 0, 1, 1, 1, 1)) for _ in range(3)]
idle = [{"block1", "block2"}] * 3

# %% wrong: blocks do something
mine = networks["digits_residual"][:3]
idle = [{"block1", "block2"}] * 3

# %% wrong: should be 3 things
mine, idle = networks["digits_dealt"], [{"block1", "block2"}] * 3

# %% wrong: a list or a set of words
mine, idle = networks["digits_dealt"][:3], [{0, 1}] * 3

# %% wrong: counted from 1
mine = [deepcopy(n) for n in networks["digits_residual"][:3]]
for n in mine:
    n.block6.gain.zero_(), n.block5.gain.zero_()
idle = [{"block4", "block5"}] * 3

# %% invented: are they trained
mine = [residual_mlp(64, 10, gains=(1,) * 6, seed=k) for k in range(3)]
idle = [("block2", "block5")] * 3

# %% ex-trial-build [markdown]
# States first, forwards; then from the back, with a tail that begins as the contrasts and is multiplied, at each part,
# by the matrix fitted to it. In the principal directions least squares is a division by strengths. The constant of a
# fit is no part of the tail: it is the same with and without the component. Nothing in the doing-nothing is fitted.


# %% solution
def my_swap(parts, x):
    states = [np.asarray(x, dtype=float)]
    for part in parts:
        states.append(np.asarray(part(states[-1])))
    n = states[-1].shape[1]
    basis, _ = np.linalg.qr(np.eye(n) - np.ones((n, n)) / n)
    tail, sizes = basis[:, : n - 1], []
    for before, after in zip(states[-2::-1], states[:0:-1], strict=True):
        nothing = np.eye(before.shape[1], after.shape[1])
        change = (after - before @ nothing) @ tail
        sizes.append(np.sqrt((change**2).sum(1).mean()))
        left, strengths, directions = np.linalg.svd(
            before - before.mean(0), full_matrices=False
        )
        shares = np.cumsum(strengths**2) / (strengths**2).sum()
        kept = 1 + int((shares < 0.99).sum())
        middle = left[:, :kept].T @ (after - after.mean(0))
        matrix = directions[:kept].T @ (middle / strengths[:kept, None])
        tail = matrix @ tail
    seen_end = (states[-1] - states[-1].mean(0)) @ basis[:, : n - 1]
    return np.array(sizes[::-1]) / np.sqrt((seen_end**2).sum(1).mean())


# %% wrong: one number for each part
def my_swap(parts, x):
    return np.zeros(99)


# %% wrong: over the spread about the mean
def my_swap(parts, x):
    y = x
    for part in parts:
        y = part(y)
    return np.array([1.0, 0.0])


# %% wrong: does the tail go from the back
def my_swap(parts, x):
    states = [x]
    for part in parts:
        states.append(part(states[-1]))
    n = states[-1].shape[1]
    basis = contrasts(n)
    seen_end = (states[-1] - states[-1].mean(0)) @ basis
    sizes = []
    for i, after in enumerate(states[1:]):
        nothing = np.eye(states[i].shape[1], after.shape[1])
        change = after - states[i] @ nothing
        change = change @ basis if change.shape[1] == n else change
        sizes.append(np.sqrt((change**2).sum(1).mean()))
    return np.array(sizes) / np.sqrt((seen_end**2).sum(1).mean())


# %% wrong: which directions are kept
def my_swap(parts, x):
    states = [x]
    for part in parts:
        states.append(part(states[-1]))
    n = states[-1].shape[1]
    tail, sizes = contrasts(n), []
    seen_end = (states[-1] - states[-1].mean(0)) @ tail
    for before, after in zip(states[-2::-1], states[:0:-1], strict=True):
        nothing = np.eye(before.shape[1], after.shape[1])
        change = (after - before @ nothing) @ tail
        sizes.append(np.sqrt((change**2).sum(1).mean()))
        fit = np.linalg.lstsq(
            before - before.mean(0), after - after.mean(0), rcond=None
        )
        tail = fit[0] @ tail
    return np.array(sizes[::-1]) / np.sqrt((seen_end**2).sum(1).mean())


# %% invented: over the spread about the mean
def my_swap(parts, x):
    return np.full(len(parts), 0.5)


# %% copied: write it yourself
def my_swap(parts, x):
    states = [np.asarray(x, dtype=float)]
    for part in parts:
        states.append(np.asarray(part(states[-1])))
    n = states[-1].shape[1]
    basis = contrasts(n)
    tail, sizes = basis, []
    for before, after in zip(states[-2::-1], states[:0:-1], strict=True):
        nothing = np.eye(before.shape[1], after.shape[1])
        change = (after - before @ nothing) @ tail
        sizes.append(np.sqrt((change**2).sum(1).mean()))
        left, strengths, directions = np.linalg.svd(
            before - before.mean(0), full_matrices=False
        )
        shares = np.cumsum(strengths**2) / (strengths**2).sum()
        kept = 1 + int((shares < 0.99).sum())
        middle = left[:, :kept].T @ (after - after.mean(0))
        matrix = directions[:kept].T @ (middle / strengths[:kept, None])
        tail = matrix @ tail
    seen_end = (states[-1] - states[-1].mean(0)) @ basis
    return np.array(sizes[::-1]) / np.sqrt((seen_end**2).sum(1).mean())


# %% ex-trial-formula [markdown]
# We do not have the paper's. The distance of an operator from doing nothing passes both trials, since neither
# strength nor a rotation can hide from it. It grows with the strength, as do `moved`, `swap` and `branch`. Whatever
# your formula is: hold it against `depth`, against other networks, and against a rotation. With tanh we tried one set
# of ten networks: skipping was as reliable and as specific as with ReLU, and neither swap nor attribution patching
# agreed with it. `moved` did, the baseline that looks at no tail: {given}`0.52` against {given}`0.38` for other
# networks, $p$ {given}`0.002`.


# %% solution
def formula(study):
    """How far each operator is from doing nothing."""
    pairs = zip(study.operators, study.identities, strict=True)
    return [np.linalg.norm(k.matrix - pi) for k, pi in pairs]


# %% wrong: rotation counts as nothing
formula = METHODS["determinant"]

# %% wrong: does it see the branch
formula = BASELINES["depth"]

# %% wrong: does it see the branch
formula = METHODS["noise_gain"]


# %% wrong: one number a component
def formula(study):
    return np.linalg.norm(study.operators[0].matrix)


# %% invented: does it see the branch
def formula(study):
    return np.linspace(0.9, 0.1, len(study.operators))
