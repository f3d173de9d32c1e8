"""Chapter 42: what solves its exercises, and what their checks must catch."""

# %% ex-trial-table [markdown]
# What is left is the knowledge of the single network. It is largest where strengths were dealt out, since there one
# network's order is no guide to another's. A credit with {given}`0.8` beside {given}`0.85` for `depth` has shown
# nothing yet: an order that looks at no network did better. Whether it knows more must be tried where depth is of no
# use.

# %% solution
pair = "weight_gain", "weight_noise"
known = {n: rho[n][pair].mean() - foreign[n][pair] for n in networks}

# %% wrong: another network have told
known = {n: rho[n]["weight_gain", "weight_noise"].mean() for n in networks}

# %% wrong: depth is a control
pair, rival = ("weight_gain", "weight_noise"), ("depth", "weight_noise")
known = {n: rho[n][pair].mean() - rho[n][rival].mean() for n in networks}

# %% wrong: positive should mean
pair = "weight_gain", "weight_noise"
known = {n: foreign[n][pair] - rho[n][pair].mean() for n in networks}

# %% wrong: weight_gain, against weight_noise
pair = "noise_gain", "activation_noise"
known = {n: rho[n][pair].mean() - foreign[n][pair] for n in networks}

# %% wrong: one number for each design
known = "nothing"

# %% invented: weight_gain, against weight_noise
known = dict.fromkeys(networks, 0.25)

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

# %% wrong: three networks
mine, idle = networks["digits_dealt"], [{"block1", "block2"}] * 3

# %% wrong: names of blocks
mine, idle = networks["digits_dealt"][:3], [{0, 1}] * 3

# %% wrong: counted from 1
mine = [deepcopy(n) for n in networks["digits_residual"][:3]]
for n in mine:
    n.block6.gain.zero_(), n.block5.gain.zero_()
idle = [{"block4", "block5"}] * 3

# %% ex-trial-quiet [markdown]
# With this kind of trojan the norm is hard to beat: it still names the block when there is hardly any harm left. A
# detective is of use where there is harm and the norm is silent, and that has yet to be planted: by weights taken
# away elsewhere in the block, say, until its norm is what it was.


# %% solution
def tried(network, k, gain):
    """Named by the norm, named by the residual, misread when alarmed."""
    block, x = where(k), digits.train_inputs
    z = collect_layers(network, x, [source(block)])[:, 0]
    planted = plant_trojan(network, block, z, gain=gain, seed=k)
    two = {n: (METHODS | BASELINES)[n] for n in ("weight_norm", "residual")}
    first = credits(planted, digits, methods=two).loc[blocks].idxmax()
    alarm = alarmed(planted, block, digits.test_inputs)
    return *(first == block), outcome(planted, alarm)[1]


# %% wrong: not of all
def tried(network, k, gain):
    z = collect_layers(network, digits.train_inputs, [source(where(k))])[:, 0]
    planted = plant_trojan(network, where(k), z, gain=gain, seed=k)
    return True, True, 1 - score(planted, "digits_residual")


# %% wrong: of them are misread
def tried(network, k, gain):
    z = collect_layers(network, digits.train_inputs, [source("block1")])[:, 0]
    planted = plant_trojan(network, "block1", z, gain=gain, seed=k)
    alarm = alarmed(planted, "block1", digits.test_inputs)
    return True, True, outcome(planted, alarm)[1]


# %% wrong: after planting
def tried(network, k, gain):
    z = collect_layers(network, digits.train_inputs, [source(where(k))])[:, 0]
    planted = plant_trojan(network, where(k), z, gain=gain, seed=k)
    alarm = alarmed(planted, where(k), digits.test_inputs)
    return False, False, outcome(planted, alarm)[1]


# %% wrong: yes or no
def tried(network, k, gain):
    return 1, 1


# %% wrong: between 0 and 1
def tried(network, k, gain):
    return True, True, 12


# %% invented: of them are misread
def tried(network, k, gain):
    return True, False, 0.9 if gain == 4 else 0.1


# %% ex-trial-formula [markdown]
# We do not have the paper's. The distance of an operator from doing nothing passes both trials, since neither
# strength nor a rotation can hide from it. It grows with the strength, as do `moved`, `swap` and `branch`, and like
# most credits it fails P9. Whatever your formula is: hold it against `depth`, on dealt strengths, and against a
# rotation, and then ask what it knows that harm would not have told sooner.


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
