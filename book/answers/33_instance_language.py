"""Chapter 33: what solves its exercises, and what their checks must catch."""

# %% ex-language-frozen [markdown]
# A triangle with the diagonal: $9 \cdot 10 / 2 = 45$ in one head. Every head of every block has one of its own, since
# earlier places pass on what they have read. (In the last block only the row of the last place reaches the logits;
# frozen are all.)

# %% solution
one_head = sum(range(1, 10))
in_all = 2 * 4 * one_head

# %% wrong: later ones
one_head, in_all = 81, 648

# %% wrong: the last place reads
one_head, in_all = 9, 72

# %% wrong: sees itself
one_head, in_all = 36, 288

# %% wrong: each head of each block
one_head, in_all = 45, 180

# %% wrong: each head of each block
one_head, in_all = 45, 90

# %% invented: Add up
one_head, in_all = 54, 432

# %% ex-language-euler [markdown]
# With the norm held, $W = A / \lVert v \rVert$ and $W v = F(v)$. The product rule adds a second term, $J = W - A\, v
# v^\top / \lVert v \rVert^3$, which takes away all that lies along $v$: $J v = 0$. Sooner: $F(cv) = F(v)$ for all $c >
# 0$, so the derivative by $c$, which is $J v$ at $c = 1$, is zero. Across $v$ both agree.

# %% solution
A, v = torch.tensor([[1.0, 2.0], [3.0, -1.0]]), torch.tensor([3.0, 4.0])
frozen = A / v.norm()
unit = v / v.norm()
jacobian = (A - torch.outer(A @ unit, unit)) / v.norm()

# %% wrong: in J the norm moves
A, v = torch.tensor([[1.0, 2.0], [3.0, -1.0]]), torch.tensor([3.0, 4.0])
frozen, jacobian = A / v.norm(), A / v.norm()

# %% wrong: what must J v be
A, v = torch.tensor([[1.0, 2.0], [3.0, -1.0]]), torch.tensor([3.0, 4.0])
frozen, jacobian = A / v.norm(), A - torch.outer(A @ v, v) / v.norm()

# %% wrong: W v must be F(v)
A, v = torch.tensor([[1.0, 2.0], [3.0, -1.0]]), torch.tensor([3.0, 4.0])
frozen, jacobian = A, A / v.norm()

# %% wrong: J is not
A, v = torch.tensor([[1.0, 2.0], [3.0, -1.0]]), torch.tensor([3.0, 4.0])
frozen, jacobian = A / v.norm(), 0 * A

# %% wrong: the norm is only a number
A, v = torch.tensor([[1.0, 2.0], [3.0, -1.0]]), torch.tensor([3.0, 4.0])
frozen, jacobian = torch.diag(A @ v / v.norm() / v), A

# %% wrong: across v
A, v = torch.tensor([[1.0, 2.0], [3.0, -1.0]]), torch.tensor([3.0, 4.0])
unit = v / v.norm()
frozen, jacobian = A / v.norm(), A - torch.outer(A @ unit, unit)

# %% invented: must be F(v)
A, v = torch.tensor([[1.0, 2.0], [3.0, -1.0]]), torch.tensor([3.0, 4.0])
frozen, jacobian = [[0.3, 0.4], [0.5, -0.2]], [[0.1, 0.1], [0.4, -0.3]]

# %% ex-language-place [markdown]
# Take the rows of $W$ of the predicted letter, once times the vectors of the tokens, once times those of the places.
# The logit of a *letter* should come from the letter, and it does: the token part finds the source. Places were
# needed to know where to look, but that is in the attention weights, and these are frozen: the map does not show it.

# %% solution
network, x = networks[0], embedded(networks[0], 3)
found_here = linearize(FromEmbeddings(network), x)
rows = found_here.weight[range(40), found_here(x).argmax(dim=1)]
token_part = (rows * network.tokens(new[:40, :12])).sum(dim=-1)
place_part = (rows * network.places.weight[:12]).sum(dim=-1)

# %% wrong: do not add up
network, x = networks[0], embedded(networks[0], 3)
rows = linearize(FromEmbeddings(network), x).weight.mean(dim=1)
token_part = (rows * network.tokens(new[:40, :12])).sum(dim=-1)
place_part = (rows * network.places.weight[:12]).sum(dim=-1)

# %% wrong: do not add up
network, x = networks[0], embedded(networks[0], 3)
found_here = linearize(FromEmbeddings(network), x)
rows = found_here.weight[range(40), found_here(x).argmax(dim=1)]
token_part = (rows * x).sum(dim=-1)
place_part = (rows * network.places.weight[:12]).sum(dim=-1)

# %% wrong: the first token by itself
network, x = networks[0], embedded(networks[0], 3)
found_here = linearize(FromEmbeddings(network), x)
rows = found_here.weight[range(40), found_here(x).argmax(dim=1)]
place_part = (rows * network.tokens(new[:40, :12])).sum(dim=-1)
token_part = (rows * network.places.weight[:12]).sum(dim=-1)

# %% wrong: words by places read
token_part = place_part = results[0][3][2][0].sum(dim=1)

# %% wrong: without its place
network, x = networks[0], embedded(networks[0], 3)
found_here = linearize(FromEmbeddings(network), x)
rows = found_here.weight[range(40), found_here(x).argmax(dim=1)]
token_part, place_part = (rows * x).sum(dim=-1), torch.zeros(40, 12)

# %% invented: do not add up
token_part, place_part = [[0.5] * 12] * 40, [[0.1] * 12] * 40

# %% ex-language-swap [markdown]
# The network follows the exchange. $W x'$ does so in some words only: with the letter the norms and gated units move,
# and these it holds. Accounting is a poor forecast where the gates depend on what you change. A letter elsewhere
# changes little in either.

# %% solution
network, source = networks[0], length - 4
swapped = new[:40, : length + 4].clone()
swapped[:, source] = swapped[:, source] % n_letters + 1
x_new = network.embed(swapped).detach()
old_map = linearize(FromEmbeddings(network), embedded(network, 3))
with torch.no_grad():
    logits = {
        "followed": network.read(x_new)[:, -1],
        "forecast": old_map(x_new),
    }
followed, forecast = (
    (y.argmax(dim=1) == swapped[:, source]).double().mean().item()
    for y in logits.values()
)

# %% wrong: the place to be copied
swapped = new[:40, : length + 4].clone()
swapped[:, 3] = swapped[:, 3] % n_letters + 1
followed, forecast = 0.0, 0.0

# %% wrong: not the new
network, source = networks[0], length - 4
swapped = new[:40, : length + 4].clone()
swapped[:, source] = swapped[:, source] % n_letters + 1
x_new = network.embed(swapped).detach()
y = linearize(FromEmbeddings(network), x_new)(x_new).argmax(dim=1)
followed = forecast = (y == swapped[:, source]).double().mean()

# %% wrong: a share
swapped, followed, forecast = new[:40, : length + 4], 40, 12

# %% wrong: one letter of each word
swapped, followed, forecast = new[:40, : length + 4], 0.9, 0.1

# %% invented: what the network says
swapped = new[:40, : length + 4].clone()
swapped[:, length - 4] = swapped[:, length - 4] % n_letters + 1
followed, forecast = 0.83, 0.1

# %% invented: separator, and the letters
swapped, followed, forecast = [[1] * 16] * 40, 0.95, 0.1
