"""From one forward pass to ``F(x) = W x + b``."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from linearlens.instance import _activations, _general, _layers, _products
from linearlens.instance._record import Recorder

RULES = {**_general.RULES, **_activations.RULES, **_products.RULES, **_layers.RULES}
FORMS = ("ratio", "tangent")
CACHED = 4 * 2**20  # bytes of rows that are carried back together


@dataclass(frozen=True)
class AffineMap:
    """``F(x) = W x + b`` at each of `n` instances.

    Parameters
    ----------
    weight : Tensor of shape (n, n_outputs, *input_shape)
    bias : Tensor of shape (n, n_outputs)
        The replay at zero.
    biases : dict of str to Tensor of shape (n, n_outputs)
        The bias, split by the module that put it there; "" is the model's own forward.
    x : Tensor of shape (n, *input_shape)
        The instances it was made at.
    """

    weight: Tensor
    bias: Tensor
    biases: dict[str, Tensor]
    x: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """``W x + b``, of shape (n, n_outputs), for one `x` an instance or one for all."""
        return self.contributions(x).flatten(2).sum(-1) + self.bias

    def contributions(self, x: Tensor | None = None) -> Tensor:
        """``W * x``: what each feature adds to each output.

        Parameters
        ----------
        x : Tensor of shape (n, *input_shape), optional
            The instances themselves if not given.

        Returns
        -------
        Tensor of shape (n, n_outputs, *input_shape)
        """
        x = self.x if x is None else x
        if x.shape not in (self.x.shape, self.x.shape[1:]):
            raise ValueError(
                f"need one input for each map, of shape {tuple(self.x.shape)}, or one of shape "
                f"{tuple(self.x.shape[1:])} for all; got {tuple(x.shape)}"
            )
        return self.weight * x.to(self.weight.dtype).expand(self.x.shape).unsqueeze(1)


def linearize(model: nn.Module, x: Tensor, *, outputs: Sequence[int] | None = None, form: str = "ratio") -> AffineMap:
    if form not in FORMS:
        raise ValueError(f"form must be one of {FORMS}, got {form!r}")
    with _as_it_was(model), torch.no_grad():
        rec = Recorder(model, x, form, RULES)
        out = rec.run(model)
        node = rec.live(out)
        n, n_outputs = len(x), out[0].numel()
        picked = list(range(n_outputs)) if outputs is None else list(outputs)
        rows = torch.zeros(len(picked), 1, n_outputs, dtype=x.dtype)
        rows[range(len(picked)), 0, picked] = 1
        rows = rows.expand(-1, n, -1).reshape(len(picked), n, *out.shape[1:])
        size = rec.tape.largest_part(CACHED // (x.element_size() * len(picked)))
        parts = []
        n_parts = -(-n // size)
        size = -(-n // n_parts)
        for start in range(0, n, size):
            part = slice(start, start + size)
            weight, biases = rec.tape.propagate(node, rows[:, part], rec.x_node, part)
            parts.append((weight, biases))
    if len(parts) == 1:
        weight, biases = parts[0]
    else:
        weight = torch.cat([w for w, _ in parts], dim=1)
        biases = {name: torch.cat([b[name] for _, b in parts]) for name in parts[0][1]}
    if node.offset is not None:
        rest = node.offset.reshape(n, n_outputs)[:, picked]
        biases[""] = biases[""] + rest if "" in biases else rest
    bias = sum(biases.values(), x.new_zeros(n, len(picked)))
    return AffineMap(weight.transpose(0, 1), bias, biases, x)


@contextmanager
def _as_it_was(model: nn.Module) -> Iterator[None]:
    kept = [(m, name, b, b.clone(), b._version) for m in model.modules() for name, b in m._buffers.items() if b is not None]
    random = torch.get_rng_state()
    try:
        yield
    finally:
        torch.set_rng_state(random)
        for module, name, buffer, value, version in kept:
            if buffer._version != version:
                with torch.no_grad():
                    buffer.copy_(value)
            module._buffers[name] = buffer
