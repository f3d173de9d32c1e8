"""The small networks of the chapters, and one training loop."""

from linearlens.models.mlp import mlp
from linearlens.models.training import accuracy, train_classifier

__all__ = ["accuracy", "mlp", "train_classifier"]
