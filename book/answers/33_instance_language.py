"""Chapter 33: what solves its exercises, and what their checks must catch."""

# %% ex-language-hand [markdown]
# The weights are $3/4$ and $1/4$, so the places add $3$ and $-1/2$. With the score $\log 9$ the weights are $9/10$ and
# $1/10$, and the output is $17/5$ instead of $5/2$. The map holds the weights; no value has changed, so it says $0$.

# %% solution
first_adds, second_adds = 4 * 3 / 4, -2 / 4
changes = (4 * 9 / 10 - 2 / 10) - (first_adds + second_adds)
map_says = 0

# %% wrong: that is its weight
first_adds, second_adds, changes, map_says = 0.75, 0.25, 0.9, 0

# %% wrong: the second value has a sign
first_adds, second_adds, changes, map_says = 3, 0.5, 0.9, 0

# %% wrong: the second place loses
first_adds, second_adds, changes, map_says = 3, -0.5, 0.6, 0

# %% wrong: are its weights not held
first_adds, second_adds, changes, map_says = 3, -0.5, 0.9, 0.9

# %% wrong: new output less old output
first_adds, second_adds, changes, map_says = 3, -0.5, 3.4, 0

# %% invented: shares of a sum
first_adds, second_adds, changes, map_says = 2, -1, 0.5, 0

# %% ex-language-own [markdown]
# Any pair will do whose one word decides, such as "bad" in place of "good". Words that were not touched move, too:
# later places look back at the word that changed, and the size of each place is divided out.


# %% solution
def flipped():
    made = [w for w in vocabulary.words if w.isalpha() and w in lists[0]]
    made = sorted(made, key=lists[0].get)
    for low, high in zip(made, made[::-1], strict=True):
        texts_here = [["the", "film", "was", w, "."] for w in (low, high)]
        said_here = [say(readers[0], text) for text in texts_here]
        if said_here[0][1] < 0 < said_here[1][1]:
            return texts_here, said_here


(one, other), pair_said = flipped()
gaps = abs(pair_said[0][0]["map_zero"] - pair_said[1][0]["map_zero"])
gaps[3] = 0
moved = int(gaps.argmax())

# %% wrong: they differ at 0 places
one = other = ["the", "film", "was", "good", "."]

# %% wrong: split the sentence
one, other, moved = "the film was good .", "the film was bad .", 3

# %% wrong: both are judged alike
one, other, moved = ["the", "film"], ["the", "story"], 0

# %% wrong: not in their length
one, other, moved = ["the", "film"], ["the", "film", "."], 0

# %% invented: does not know
one, other, moved = ["the", "zzyzx"], ["the", "film"], 0

# %% ex-language-frozen [markdown]
# A triangle with the diagonal: $9 \cdot 10 / 2 = 45$ in one head. Every head of every block has one of its own, since
# earlier places pass on what they have read. (In the last block only the row of the last place reaches the logits;
# frozen are all.)

# %% solution
one_head = sum(range(1, 10))
in_all = 3 * 4 * one_head

# %% wrong: later ones
one_head, in_all = 81, 972

# %% wrong: the last place reads
one_head, in_all = 9, 108

# %% wrong: sees itself
one_head, in_all = 36, 432

# %% wrong: each head of each block
one_head, in_all = 45, 135

# %% wrong: each head of each block
one_head, in_all = 45, 180

# %% invented: Add up
one_head, in_all = 54, 648

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

# %% ex-language-build [markdown]
# A norm divides each place by its size and multiplies by its weights: a diagonal. A gated MLP treats each place by
# itself, with the gates of that place: blocks $D \operatorname{diag}(\gamma_i) U$ on the diagonal. A head is the
# Kronecker product of its weights $A$ and its $O V$, and the heads add up.


# %% solution
def as_matrix(part, h):
    if isinstance(part, nn.RMSNorm):
        tiny = torch.finfo(h.dtype).eps
        size_here = (h.square().mean(1, keepdim=True) + tiny).sqrt()
        return torch.diag((part.weight / size_here).flatten())
    if hasattr(part, "gate"):
        gates = silu(part.gate(h))
        down, up = part.down.weight, part.up.weight
        return torch.block_diag(*[down @ torch.diag(g) @ up for g in gates])
    wide = h.shape[1]
    query, key, _ = part.qkv(h).chunk(3, dim=1)
    later = torch.ones(len(h), len(h), dtype=bool).triu(1)
    total = 0
    for here in torch.arange(wide).chunk(part.n_heads):
        scores = query[:, here] @ key[:, here].T / len(here) ** 0.5
        A = scores.masked_fill(later, -torch.inf).softmax(1)
        V = part.qkv.weight[2 * wide :][here]
        total = total + torch.kron(A, part.out.weight[:, here] @ V)
    return total


# %% wrong: need a matrix of
def as_matrix(part, h):
    return torch.eye(h.shape[1], dtype=h.dtype)


# %% wrong: its weight over the size of its place
def as_matrix(part, h):
    n = h.numel()
    return torch.eye(n, dtype=h.dtype) / h.square().mean().sqrt()


# %% wrong: nothing later
def as_matrix(part, h):
    wide = h.shape[1]
    if isinstance(part, nn.RMSNorm):
        tiny = torch.finfo(h.dtype).eps
        size_here = (h.square().mean(1, keepdim=True) + tiny).sqrt()
        return torch.diag((part.weight / size_here).flatten())
    query, key, _ = part.qkv(h).chunk(3, dim=1)
    total = 0
    for here in torch.arange(wide).chunk(part.n_heads):
        scores = query[:, here] @ key[:, here].T / len(here) ** 0.5
        V = part.qkv.weight[2 * wide :][here]
        M = part.out.weight[:, here] @ V
        total = total + torch.kron(scores.softmax(1), M)
    return total


# %% invented: its weight over the size of its place
def as_matrix(part, h):
    return 0.5 * torch.eye(h.numel(), dtype=h.dtype)


# %% copied: write it yourself
def as_matrix(part, h):
    return linearize(part, h[None]).weight[0].flatten(1)
