"""The same from a shell: ``python -m linearlens.reporting module:factory --data FILE.npz -o report.html``."""

import argparse
import importlib
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from linearlens.reporting import LENSES, report

ARRAYS = ("x_train", "x_test")
LABELS = ("y_train", "y_test")


def load_model(address: str) -> nn.Module:
    """The model that a function gives, named as ``module:function``; nothing is unpickled.

    Raises
    ------
    ValueError
        If there is no such module or function, or it gives no model.
    """
    module, colon, name = address.partition(":")
    if not colon or not name:
        raise ValueError(f"name the function that gives the model as module:function, got {address!r}")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        factory = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"{address}: {error}") from error
    model = factory() if not isinstance(factory, nn.Module) else factory
    if not isinstance(model, nn.Module):
        raise ValueError(f"{address} gives {type(model).__name__}, no torch.nn.Module")
    return model.eval()


def load_arrays(path: Path) -> tuple[np.ndarray, np.ndarray, tuple[Any, Any] | None]:
    """Training and test samples, and their labels if the file has them.

    Raises
    ------
    ValueError
        If the file is no ``.npz`` with ``x_train`` and ``x_test``, or holds pickled objects.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            found = {name: file[name] for name in (*ARRAYS, *LABELS) if name in file}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise ValueError(f"{path} cannot be read as an .npz of plain arrays: {error}") from error
    if missing := [name for name in ARRAYS if name not in found]:
        raise ValueError(f"{path} has no {', '.join(missing)}; wanted: x_train, x_test, and y_train, y_test for labels")
    labels = tuple(found.get(name) for name in LABELS)
    if (labels[0] is None) != (labels[1] is None):
        raise ValueError(f"{path} has labels of one part only; wanted: both y_train and y_test, or neither")
    return found["x_train"], found["x_test"], None if labels[0] is None else labels  # type: ignore[return-value]


def write_report(model: str, data: Path, output: Path, *, lenses: str, budget: float, seed: int) -> str:
    """Look at the model, write the page or the JSON, and give what to print.

    Raises
    ------
    ValueError
        If something cannot be read, used or written.
    """
    if output.suffix not in (".html", ".json"):
        raise ValueError(f"{output} should end in .html or .json")
    train, test, labels = load_arrays(data)
    chosen = tuple(lenses.split(",")) if lenses else tuple(LENSES)
    found = report(load_model(model), train, test, labels=labels, lenses=chosen, budget=budget, seed=seed)
    path = found.to_html(output) if output.suffix == ".html" else found.to_json(output)
    return f"{found}\nthe report: {path}"


def main(arguments: list[str] | None = None) -> int:
    """The command; 1 with one line if it cannot be done."""
    parser = argparse.ArgumentParser(
        "python -m linearlens.reporting", description=(report.__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("model", help="module:function; the function takes nothing and gives the trained model")
    parser.add_argument("--data", type=Path, required=True, help=".npz with x_train, x_test and labels y_train, y_test")
    parser.add_argument("-o", "--output", type=Path, default=Path("report.html"), help="a .html or .json")
    parser.add_argument("--lenses", default="", help=f"some of {','.join(LENSES)}")
    parser.add_argument("--budget", type=float, default=180.0, help="CPU seconds")
    parser.add_argument("--seed", type=int, default=0)
    asked = vars(parser.parse_args(arguments))
    try:
        print(write_report(asked.pop("model"), asked.pop("data"), asked.pop("output"), **asked))
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
