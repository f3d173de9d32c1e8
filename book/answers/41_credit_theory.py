"""Chapter 41: what solves its exercises, and what their checks must catch."""

# %% ex-theory-gauge [markdown]
# Ten classes have nine contrasts, since a common shift of all logits is lost in the softmax. So $r \log c = 9 \log c =
# 6$ and $c = e^{6/9}$. The third layer pays for it.

# %% solution
c = np.exp(6 / 9)

# %% wrong: every contrast
c = np.exp(6)

# %% wrong: no softmax
c = np.exp(6 / 10)

# %% wrong: grow or shrink
c = np.exp(-6 / 9)

# %% wrong: natural logarithm
c = 10 ** (6 / 9)

# %% wrong: is not one of 6
c = 6 / 9 + 1

# %% wrong: positive factors
c = -2

# %% invented: is not one of 6
c = 2.3

# %% ex-theory-align [markdown]
# Padding looks at widths (P1), the data at the larger of the two ranks (P2). The fitted operator has the rank of the
# outputs, so all other singular values of the square one are zero: ten because of the padding (P3), the rest because
# the data fill less than the layer could.

# %% solution
padding, needed = max(30, 20), max(12, 9)
zeros = padding - 9

# %% wrong: do all of them fit in
padding, needed, zeros = 20, 12, 21

# %% wrong: not side by side
padding, needed, zeros = 50, 12, 41

# %% wrong: for the data only
padding, needed, zeros = 30, 30, 21

# %% wrong: stand in a row
padding, needed, zeros = 30, 21, 21

# %% wrong: inputs must fit
padding, needed, zeros = 30, 9, 21

# %% wrong: for *every* layer
padding, needed, zeros = 30, 12, 10

# %% wrong: does the rank leave
padding, needed, zeros = 30, 12, 18

# %% invented: stand in a row
padding, needed, zeros = 30, 17, 13

# %% ex-theory-own [markdown]
# $K_i$ becomes $c K_i$, and so does its norm; but the states after the layer become $c$ times as large as well. So
# measure both sides of an operator in their own spread. The product of norm and spread before, over spread after, has
# no units. Free of the gauge it is; whether it is of use for anything, the next chapter asks.


# %% solution
def own(study):
    """Norm of each operator, both sides in units of their spread."""
    norms = [np.linalg.norm(k.matrix) for k in study.operators]
    spreads = np.array([states.std() for states in study.rows])
    return norms * spreads[:-1] / spreads[1:]


# %% wrong: moves with the gauge
def own(study):
    return np.array([np.linalg.norm(k.matrix) for k in study.operators])


# %% wrong: one number a component
def own(study):
    return sum(np.linalg.norm(k.matrix) for k in study.operators)


# %% wrong: moves with the gauge
def own(study):
    spreads = np.array([states.std() for states in study.rows])
    norms = np.array([np.linalg.norm(k.matrix) for k in study.operators])
    return norms / spreads[1:]


# %% wrong: learnt nothing
def own(study):
    return np.arange(len(study.parts), 0, -1)


# %% wrong: finite number
def own(study):
    return [log_determinant(k.matrix) for k in study.operators]


# %% ex-theory-delays [markdown]
# Most of the fall is there without any delays. A layer that is applied to its own output again and again leaves the
# data: the further it gets, the better a plain operator foresees the next step. What falls is the difficulty of the
# question, not only the error of the answer. The iterates are no states of the network, either: in it, this layer is
# applied once.

# %% solution
twice = nn.Sequential(*[network.linear3, network.act3] * 2)
orbit = [states[2]]
for _ in range(4):
    orbit.append(parts[2](orbit[-1]))
fitted = [component_operators(twice, orbit[0], delays=q)[0] for q in range(5)]
errors = [operator.residual for operator in fitted]
alone = [component_operators(twice, z)[0].residual for z in orbit]

# %% wrong: begin with 0 delays
errors = [
    component_operators(network, x, delays=q)[2].residual for q in range(1, 6)
]
alone = errors

# %% wrong: without delays
twice = nn.Sequential(*[network.linear3, network.act3] * 2)
fits = [component_operators(twice, states[2], delays=q) for q in range(5)]
errors = [fit[0].residual for fit in fits]
alone = list(errors)

# %% wrong: on states[2]
errors = [
    component_operators(network, x, delays=q)[0].residual for q in range(5)
]
alone = errors

# %% wrong: one step each
twice = nn.Sequential(*[network.linear3, network.act3] * 2)
fits = [component_operators(twice, states[2], delays=q) for q in range(5)]
errors = [fit[0].residual for fit in fits]
z, alone = states[2], []
for _ in range(5):
    z = parts[2](z)
    pairs = np.hstack([states[2], np.ones((len(z), 1))])
    miss = z - pairs @ linalg.lstsq(pairs, z)[0]
    spread = z - z.mean(0)
    alone.append(np.linalg.norm(miss) / np.linalg.norm(spread))

# %% invented: begin with 0 delays
errors, alone = [0.4, 0.2, 0.1, 0.05, 0.02], [0.4, 0.25, 0.15, 0.1, 0.05]

# %% invented: one step each
twice = nn.Sequential(*[network.linear3, network.act3] * 2)
fits = [component_operators(twice, states[2], delays=q) for q in range(5)]
errors = [fit[0].residual for fit in fits]
alone = [errors[0], 0.25, 0.15, 0.1, 0.05]
