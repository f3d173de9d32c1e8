"""Networks put together from published weights, against their formulas."""

import numpy as np
import torch
from scipy.linalg import expm

from linearlens.models import KoopmanAutoencoder, koopmann_network

RNG = np.random.default_rng(0)


def layer(root, n_in, n_out, *, norm=True):
    """Arrays of a linear layer, with the batch normalisation that follows it, under the published names."""
    found = {f"{root}linear.weight": RNG.normal(size=(n_out, n_in)), f"{root}linear.bias": RNG.normal(size=n_out)}
    if norm:
        found |= {f"{root}batchnorm.{name}": RNG.uniform(0.5, 2, n_out) for name in ("weight", "bias", "running_var")}
        found[f"{root}batchnorm.running_mean"] = RNG.normal(size=n_out)
    return found


def apply(arrays, root, x, *, norm=True):
    x = x @ arrays[f"{root}linear.weight"].T + arrays[f"{root}linear.bias"]
    if not norm:
        return x
    gain, shift, mean, variance = (
        arrays[f"{root}batchnorm.{name}"] for name in ("weight", "bias", "running_mean", "running_var")
    )
    return (x - mean) / np.sqrt(variance + 1e-5) * gain + shift


def test_the_network_is_its_formula():
    first, last = "components.input_layer.components.", "components.output_layer.components."
    blocks = [f"components.residual_block_{k}.components." for k in (1, 2)]
    arrays = layer(first, 2, 4) | layer(last, 4, 3, norm=False)
    for block in blocks:
        arrays |= layer(f"{block}fc1.components.", 4, 4) | layer(f"{block}fc2.components.", 4, 4)
    x = RNG.normal(size=(50, 2))
    h = np.maximum(apply(arrays, first, x), 0)
    for block in blocks:
        inner = np.maximum(apply(arrays, f"{block}fc1.components.", h), 0)
        h = np.maximum(h + apply(arrays, f"{block}fc2.components.", inner), 0)
    wanted = apply(arrays, last, h, norm=False)
    network = koopmann_network(arrays)
    assert [name for name, _ in network.named_children()][-3:] == ["block2", "act3", "head"]
    assert np.allclose(network(torch.tensor(x, dtype=torch.float32)).numpy(), wanted, rtol=1e-3, atol=1e-3)


def test_the_autoencoder_is_its_formula():
    names = {
        "encoder.encoder_0": (4, 7),
        "encoder.encoder_1": (7, 5),
        "decoder.decoder_1": (5, 7),
        "decoder.decoder_0": (7, 4),
    }
    arrays = {}
    for name, (n_in, n_out) in names.items():
        arrays |= layer(f"components.{name}.components.", n_in, n_out, norm=False)
    generator = 0.3 * RNG.normal(size=(5, 5))
    arrays["components.koopman_matrix.components.linear.parametrizations.weight.original"] = generator
    turns = {f"directions_{k}": np.linalg.qr(RNG.normal(size=(4, 4)))[0] for k in (0, 5)}
    ends = {f"means_{k}": RNG.normal(size=(1, 4)) for k in (0, 5)} | {f"norm_{k}": np.array(1.7 + k) for k in (0, 5)}
    ends |= turns | {"align_0": np.linalg.qr(RNG.normal(size=(4, 4)))[0]}

    def step(name, x):
        return apply(arrays, f"components.{name}.components.", x, norm=False)

    def bend(x):
        return np.where(x > 0, x, 0.01 * x)

    x = RNG.normal(size=(30, 4))
    z = (x - ends["means_0"]) @ ends["directions_0"].T / ends["norm_0"] @ ends["align_0"]
    z = step("encoder.encoder_1", bend(step("encoder.encoder_0", z)))
    for _ in range(100):
        z = z @ expm(generator / 100).T
    y = step("decoder.decoder_0", bend(step("decoder.decoder_1", z)))
    wanted = y * ends["norm_5"] @ np.linalg.pinv(ends["directions_5"].T) + ends["means_5"]
    operator = KoopmanAutoencoder(arrays, ends)
    assert (operator.start, operator.stop) == ("act1", "act6")
    assert np.allclose(operator(torch.tensor(x, dtype=torch.float32)).numpy(), wanted, rtol=1e-3, atol=1e-2)
