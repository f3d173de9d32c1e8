"""Chapter 41: what solves its exercises, and what their checks must catch."""

# %% ex-theory-hand [markdown]
# $K_1 K_2 = (2, 2)^\top$, so the product of each pair is $2 \sqrt 2$. Backward: $K_2$ has the length $\sqrt 5$, and
# $K_1 q = (2, 2)^\top / \sqrt 5$ the length $2 \sqrt 2 / \sqrt 5$. Forward: $(1, 1) / \sqrt 2$ becomes
# $(2, 1) / \sqrt 2$, of length $\sqrt 5 / \sqrt 2$; along $(2, 1) / \sqrt 5$ the output gets $4 / \sqrt 5$. With
# $c K_1$ and $K_2 / c$ the first backward volume is multiplied by $c$, the second divided, so $c^2$ is their ratio.

# %% solution
backward = 2 * 2**0.5 / 5**0.5, 5**0.5
forward = 5**0.5 / 2**0.5, 4 / 5**0.5
c = (backward[1] / backward[0]) ** 0.5

# %% wrong: not their logarithms
backward = np.log(2 * 2**0.5 / 5**0.5), np.log(5) / 2
forward = np.log(5 / 2) / 2, np.log(4 / 5**0.5)
c = 1.3

# %% wrong: determinant of the first
backward = 2, 5**0.5
forward = 5**0.5 / 2**0.5, 4 / 5**0.5
c = 1.06

# %% wrong: belongs to layer 1
backward = 5**0.5, 2 * 2**0.5 / 5**0.5
forward = 5**0.5 / 2**0.5, 4 / 5**0.5
c = 1.33

# %% wrong: forward begins
backward = 2 * 2**0.5 / 5**0.5, 5**0.5
forward = backward
c = 1.33

# %% wrong: the product is that
backward = 2 * 2**0.5 / 5**0.5, 5**0.5
forward = 5**0.5 / 2**0.5, 5**0.5
c = 1.33

# %% wrong: half way
backward = 2 * 2**0.5 / 5**0.5, 5**0.5
forward = 5**0.5 / 2**0.5, 4 / 5**0.5
c = backward[1] / backward[0]

# %% wrong: which of them is less
backward = 2 * 2**0.5 / 5**0.5, 5**0.5
forward = 5**0.5 / 2**0.5, 4 / 5**0.5
c = (backward[0] / backward[1]) ** 0.5

# %% invented: long is the column
backward, forward, c = (1.5, 1.9), (1.2, 2.4), 1.1

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

# %% ex-theory-own [markdown]
# Count each unit before in its own spreads, and give the unit after as many of *its* spreads. A factor on a unit
# changes state and spread alike, so nothing is left of it. The block that does nothing has the same spreads before and
# after; the rotation has not, and its units are mixed besides. New names of units still move it, as the theorem wants.


# %% solution
def own(study):
    """Swap with units before and after measured in their own spreads."""
    spreads = [states.std(axis=0) for states in study.rows]
    spreads = [np.where(spread > 0, spread, 1) for spread in spreads]
    found = []
    for i, tail in enumerate(study.tails(study.operators)):
        kept = study.rows[i] / spreads[i] @ study.identities[i]
        found.append(rms((study.rows[i + 1] - kept * spreads[i + 1]) @ tail))
    return np.array(found)


# %% wrong: one factor for a whole layer
def own(study):
    return np.array(
        [
            rms((study.rows[i + 1] - study.rows[i] @ study.identities[i]) @ t)
            for i, t in enumerate(study.tails(study.operators))
        ]
    )


# %% wrong: a spread for each unit
def own(study):
    sizes = [states.std() for states in study.rows]
    found = []
    for i, tail in enumerate(study.tails(study.operators)):
        kept = study.rows[i] / sizes[i] @ study.identities[i] * sizes[i + 1]
        found.append(rms((study.rows[i + 1] - kept) @ tail))
    return np.array(found)


# %% wrong: yet it gets 0
def own(study):
    found = []
    for k in study.operators:
        sizes = np.linalg.svd(k.matrix, compute_uv=False)
        still = np.allclose(sizes, 1, atol=1e-5)
        found.append(0 if still else np.linalg.norm(k.matrix))
    return np.array(found)


# %% wrong: block 4 does nothing
def own(study):
    return np.array([np.linalg.norm(k.matrix) for k in study.operators])


# %% wrong: divide by a spread of 0
def own(study):
    with np.errstate(all="ignore"):
        found = []
        for i, tail in enumerate(study.tails(study.operators)):
            ratio = study.rows[i + 1].std(0) / study.rows[i].std(0).min()
            kept = study.rows[i] / (0 * study.rows[i].std(0))
            kept = kept @ study.identities[i] * ratio
            found.append(rms((study.rows[i + 1] - kept) @ tail))
        return np.array(found)


# %% wrong: block 4 does nothing
def own(study):
    return np.arange(len(study.parts), 0, -1.0)


# %% invented: block 4 does nothing
def own(study):
    return [0.5] * len(study.operators)


# %% ex-theory-align [markdown]
# P1 has both: padding looks at widths, the data at the larger of the two ranks. The fitted operator has the rank of the
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

# %% ex-theory-delays [markdown]
# Much of the fall is there without any delays. A layer that is applied to its own output again and again leaves the
# data: the further it gets, the better a plain operator predicts the next step. What falls is the difficulty of the
# question, not only the error of the answer. The iterates are no states of the network, either: in it, this layer is
# applied once.

# %% solution
twice = nn.Sequential(*[first.linear3, first.act3] * 2)
orbit = [states[2]]
for _ in range(4):
    orbit.append(parts[2](orbit[-1]))
fitted = [component_operators(twice, orbit[0], delays=q)[0] for q in range(5)]
errors = [operator.residual for operator in fitted]
alone = [component_operators(twice, z)[0].residual for z in orbit]

# %% wrong: begin with 0 delays
twice = nn.Sequential(*[first.linear3, first.act3] * 2)
errors = [
    component_operators(twice, states[2], delays=q)[0].residual
    for q in range(1, 6)
]
alone = errors

# %% wrong: without delays
twice = nn.Sequential(*[first.linear3, first.act3] * 2)
fits = [component_operators(twice, states[2], delays=q) for q in range(5)]
errors = [fit[0].residual for fit in fits]
alone = list(errors)

# %% wrong: on states[2]
twice = nn.Sequential(*[first.linear3, first.act3] * 2)
errors = [
    component_operators(twice, states[3], delays=q)[0].residual
    for q in range(5)
]
alone = errors

# %% wrong: one step each
twice = nn.Sequential(*[first.linear3, first.act3] * 2)
fits = [component_operators(twice, states[2], delays=q) for q in range(5)]
errors = [fit[0].residual for fit in fits]
z, alone = states[2], []
for _ in range(5):
    z = parts[2](z)
    pairs = np.hstack([states[2], np.ones((len(z), 1))])
    miss = z - pairs @ np.linalg.lstsq(pairs, z)[0]
    spread = z - z.mean(0)
    alone.append(np.linalg.norm(miss) / np.linalg.norm(spread))

# %% invented: begin with 0 delays
twice = nn.Sequential(*[first.linear3, first.act3] * 2)
errors, alone = [0.4, 0.2, 0.1, 0.05, 0.02], [0.4, 0.25, 0.15, 0.1, 0.05]

# %% invented: one step each
twice = nn.Sequential(*[first.linear3, first.act3] * 2)
fits = [component_operators(twice, states[2], delays=q) for q in range(5)]
errors = [fit[0].residual for fit in fits]
alone = [errors[0], 0.25, 0.15, 0.1, 0.05]

# %% ex-theory-build [markdown]
# Backward, each column of the basis is repeated for all inputs, pulled back through the part by `vjp`, and averaged:
# that is one column of the mean Jacobian times the basis. QR, the logarithms of the diagonal, and on with the basis.
# Forward, the basis that is left at the input is sent on in the same way by `jvp`. The last part is followed by $V$, so
# what it sends on is multiplied by $V$ before the QR. An entry of the diagonal that is rounding is a lost direction.


# %% solution
def pulled(part, z, Q):
    _, back = torch.func.vjp(part, z)
    columns = [back(q.expand(len(z), -1).contiguous())[0] for q in Q.T]
    return torch.stack([column.mean(dim=0) for column in columns], dim=1)


def sent(part, z, P):
    columns = [torch.func.jvp(part, (z,), (p.repeat(len(z), 1),)) for p in P.T]
    return torch.stack([column.mean(dim=0) for _, column in columns], dim=1)


def step(columns):
    basis, R = torch.linalg.qr(columns)
    diagonal = R.diagonal().abs()
    diagonal[diagonal < 1e-12 * diagonal.max()] = 0
    return diagonal.log().sum().item(), basis


def lens(parts, x, V):
    states = [x]
    for part in parts:
        states.append(part(states[-1]).detach())
    basis, backward, forward = V, [], []
    for part, z in zip(parts[::-1], states[-2::-1], strict=True):
        volume, basis = step(pulled(part, z, basis))
        backward.insert(0, volume)
    for number, (part, z) in enumerate(zip(parts, states, strict=False)):
        columns = sent(part, z, basis)
        last = number == len(parts) - 1
        volume, basis = step(V.T @ columns if last else columns)
        forward.append(volume)
    return backward, forward


# %% shared


# %% wrong: one number per part
def lens(parts, x, V):
    return [0.0, 0.0], [0.0, 0.0]


# %% wrong: carry Q on
def lens(parts, x, V):
    carried, backward, states = V, [], [x]
    for part in parts:
        states.append(part(states[-1]).detach())
    for part, z in zip(parts[::-1], states[-2::-1], strict=True):
        carried = pulled(part, z, carried)
        backward.insert(0, step(carried)[0])
    return backward, backward


# %% wrong: begin with the span
def lens(parts, x, V):
    basis, backward, states = V, [], [x]
    for part in parts:
        states.append(part(states[-1]).detach())
    for part, z in zip(parts[::-1], states[-2::-1], strict=True):
        volume, basis = step(pulled(part, z, basis))
        backward.insert(0, volume)
    return backward, backward


# %% wrong: average before
def lens(parts, x, V):
    some = x[:1]
    basis, backward, states = V, [], [some]
    for part in parts:
        states.append(part(states[-1]).detach())
    for part, z in zip(parts[::-1], states[-2::-1], strict=True):
        _, back = torch.func.vjp(part, z)
        pull = [back(q[None])[0][0] for q in basis.T]
        basis, R = torch.linalg.qr(torch.stack(pull, dim=1))
        backward.insert(0, R.diagonal().abs().log().sum().item())
    chain = [
        torch.autograd.functional.jacobian(part, z[0]).T.detach().numpy()
        for part, z in zip(parts, states, strict=False)
    ]
    try:
        forward = forward_volumes(chain, V.numpy())
    except ValueError:
        forward = backward
    return backward, forward


# %% invented: one part, backward
def lens(parts, x, V):
    return [0.5] * len(parts), [0.5] * len(parts)


# %% copied: write it yourself
def lens(parts, x, V):
    chain, z = [], x
    for part in parts:
        slopes = torch.func.vmap(torch.func.jacrev(part))(z).detach()
        chain.append(slopes.mean(dim=0).T.numpy())
        z = part(z)
    V = V.numpy()
    return backward_volumes(chain, V), forward_volumes(chain, V)
