"""Convolutional networks, transformers and parametric t-SNE."""

import numpy as np
import pytest
import torch
from scipy.stats import entropy
from sklearn.manifold import TSNE, trustworthiness
from torch import nn
from torch.nn import functional as F

from linearlens.datasets import load_digits
from linearlens.models import ConvNet, RowTransformer, TokenTransformer, accuracy, mlp, train_classifier, train_tsne
from linearlens.models.tsne import affinities, divergence


@pytest.fixture(scope="module")
def digits():
    return load_digits()


@pytest.mark.parametrize("make", [ConvNet, RowTransformer, lambda side, seed: TokenTransformer(side, side, seed=seed)])
def test_same_seed_same_weights_and_no_global_state(make):
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    first, second, other = make(8, seed=3), make(8, seed=3), make(8, seed=4)
    assert torch.equal(torch.rand(1), expected)
    for ours, theirs in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    assert any(not torch.equal(a, b) for a, b in zip(first.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize(
    ("network", "epochs"), [(ConvNet(8), 3), (RowTransformer(8), 12), (RowTransformer(8, gated=True), 12)]
)
def test_they_learn_to_read_digits(network, epochs, digits):
    train_classifier(network, digits.train_inputs, digits.train_labels, epochs=epochs, batch_size=64)
    assert accuracy(network, digits.test_inputs, digits.test_labels) > 0.85


def test_a_convolutional_network_is_its_formula():
    network = ConvNet(8, channels=(3, 5), seed=1).double().eval()
    x = torch.rand(4, 64, dtype=torch.float64)
    h = F.relu(network.norm1(network.conv1(x.reshape(4, 1, 8, 8))))
    h = h.reshape(4, 3, 4, 2, 4, 2).amax((3, 5))
    h = F.relu(h + network.norm3(network.conv3(F.relu(network.norm2(network.conv2(h))))))
    h = F.relu(network.norm4(network.conv4(h))).reshape(4, 5, 2, 2, 2, 2).mean((3, 5))
    torch.testing.assert_close(network(x), h.reshape(4, 20) @ network.head.weight.T + network.head.bias)
    with pytest.raises(ValueError, match="multiple of 4; got 10"):
        ConvNet(10)


def slow_attention(part, x):
    """One sample, one head, one token at a time."""
    n_tokens, width = x.shape
    size = width // part.n_heads
    q, k, v = (x @ w.T + b for w, b in zip(part.qkv.weight.chunk(3), part.qkv.bias.chunk(3), strict=True))
    rows = torch.zeros_like(x)
    for head in range(part.n_heads):
        columns = slice(head * size, (head + 1) * size)
        for token in range(n_tokens):
            scores = torch.stack([q[token, columns] @ k[other, columns] for other in range(n_tokens)]) / size**0.5
            rows[token, columns] = torch.softmax(scores, dim=0) @ v[:, columns]
    return rows @ part.out.weight.T + part.out.bias


def test_a_row_transformer_is_its_formula():
    network = RowTransformer(8, width=12, n_heads=3, n_blocks=2, seed=2).double().eval()
    x = torch.rand(3, 64, dtype=torch.float64)
    for image, logits in zip(x, network(x), strict=True):
        h = network.embed(image.reshape(8, 8)) + network.place
        for block in network.blocks:
            h = h + slow_attention(block.attention, block.norm1(h))
            h = h + block.feedforward(block.norm2(h))
        torch.testing.assert_close(logits, network.head(network.norm(h).mean(0)))


def test_a_token_transformer_has_no_bias_and_sees_no_later_token():
    network = TokenTransformer(7, 9, width=16, n_blocks=2).eval()
    assert not any("bias" in name for name, _ in network.named_parameters())
    numbers = torch.randint(7, (2, 9), generator=torch.Generator().manual_seed(0))
    changed = numbers.clone()
    changed[:, 5:] = (changed[:, 5:] + 1) % 7
    before, after = network(numbers), network(changed)
    assert before.shape == (2, 9, 7)
    torch.testing.assert_close(before[:, :5], after[:, :5])
    assert not torch.allclose(before[:, 5:], after[:, 5:])
    torch.testing.assert_close(network.read(network.embed(numbers[:, :4])), before[:, :4])


# Parametric t-SNE.


def test_affinities_have_the_perplexity_and_are_those_of_scikit_learn():
    points = np.random.default_rng(0).normal(size=(60, 5))
    p = affinities(points, 10.0).double()
    assert p.sum() == pytest.approx(1, abs=1e-5)
    assert torch.equal(p, p.T)
    assert (p.diagonal() == 0).all()
    # Slowly: each row's Gaussian by bisection of its width, then made symmetric.
    squares = ((points[:, None] - points) ** 2).sum(-1)
    rows = np.zeros((60, 60))
    for i in range(60):
        low, high = 1e-9, 1e9
        for _ in range(200):
            beta = np.sqrt(low * high)
            others = np.delete(squares[i], i)
            weights = np.exp(-beta * (others - others.min()))
            low, high = (beta, high) if np.exp(entropy(weights)) > 10 else (low, beta)
        rows[i] = np.insert(weights / weights.sum(), i, 0)
    np.testing.assert_allclose(p, (rows + rows.T) / 120, atol=1e-6)


def test_the_divergence_is_its_formula():
    rng = np.random.default_rng(1)
    p, y = affinities(rng.normal(size=(30, 4)), 5.0), rng.normal(size=(30, 2))
    pairs = [(i, j) for i in range(30) for j in range(30) if i != j]
    weights = {(i, j): 1 / (1 + ((y[i] - y[j]) ** 2).sum()) for i, j in pairs}
    total, joint = sum(weights.values()), np.array(p.tolist())
    slow = sum(joint[pair] * np.log(joint[pair] * total / weights[pair]) for pair in pairs if joint[pair] > 0)
    assert divergence(p, torch.tensor(y, dtype=torch.float32)).item() == pytest.approx(slow, rel=1e-4)


@pytest.mark.parametrize("batch_size", [None, 150])
def test_neighbours_stay_neighbours(batch_size, digits):
    points = digits.train_inputs[:300]
    network = mlp([64, 128, 128, 2])
    with torch.no_grad():
        before = trustworthiness(points, network(torch.tensor(points, dtype=torch.float32)).numpy())
    train_tsne(network, points, perplexity=15, epochs=250, batch_size=batch_size, learning_rate=1e-2)
    with torch.no_grad():
        after = trustworthiness(points, network(torch.tensor(points, dtype=torch.float32)).numpy())
    free = trustworthiness(points, TSNE(perplexity=15, random_state=0).fit_transform(points))
    assert before < 0.9 < after <= free + 0.01


def test_too_few_points():
    points = np.random.default_rng(0).normal(size=(90, 4))
    for wrong in ({"perplexity": 30}, {"perplexity": 10, "batch_size": 30}, {"perplexity": 10, "batch_size": 80}):
        with pytest.raises(ValueError, match="more than three times"):
            train_tsne(nn.Linear(4, 2), points, epochs=1, **wrong)
