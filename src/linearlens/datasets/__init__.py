"""Data sets: generated ones, bundled ones and downloads look the same to the caller."""

from linearlens.datasets._dataset import Dataset
from linearlens.datasets.digits import load_digits
from linearlens.datasets.mnist import load_mnist
from linearlens.datasets.registry import DataError, fetch, list_data

__all__ = ["DataError", "Dataset", "fetch", "list_data", "load_digits", "load_mnist"]
