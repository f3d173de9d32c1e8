"""Real architectures, small, in double precision, with random weights."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

# What torchvision's compiled part would register: without it, it cannot be imported beside a torch of another build.
OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


def torchvision():
    """The package; tests that need it are skipped where it is not."""
    try:
        torch._C._dispatch_find_schema_or_throw("torchvision::nms", "")
    except RuntimeError:
        library = torch.library.Library("torchvision", "FRAGMENT")
        for operator in OPERATORS:
            library.define(operator)
        KEPT.append(library)
    return pytest.importorskip("torchvision", reason="torchvision is not installed")


KEPT: list = []


class First(nn.Module):
    """The first outputs of a model, as one tensor."""

    def __init__(self, model: nn.Module, pick: Callable[[object], Tensor], name: str = "x", **more) -> None:
        super().__init__()
        self.model, self.pick, self.name, self.more = model, pick, name, more

    def forward(self, x: Tensor) -> Tensor:
        return self.pick(self.model(**{self.name: x}, **self.more))


def settled(model: nn.Module) -> nn.Module:
    """In double precision, with norms and heads that do something."""
    torch.manual_seed(1)
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            nn.init.normal_(module.running_mean, std=0.1)
        elif isinstance(module, nn.Linear) and not module.weight.any():
            nn.init.normal_(module.weight, std=0.1)
    return model.double().eval()
