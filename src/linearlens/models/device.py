"""Where networks are trained."""

import os

import torch

from linearlens.paths import DEVICE

NAMES = ("auto", "cpu", "cuda")


def training_device(name: str | None = None) -> torch.device:
    """The device on which networks are trained; all else is computed on the CPU.

    Parameters
    ----------
    name : str, optional
        ``cpu``, ``cuda``, or ``auto`` for cuda if there is one and cpu otherwise; by default what the environment
        variable ``LINEARLENS_DEVICE`` says, and cpu if it is not set.

    Returns
    -------
    torch.device
        Of the type ``cpu`` or ``cuda``.

    Raises
    ------
    ValueError
        If the name is not known, or cuda is asked for and torch finds none.

    Examples
    --------
    >>> training_device("cpu")
    device(type='cpu')
    """
    name = name or os.environ.get(DEVICE) or "cpu"
    if name not in NAMES:
        raise ValueError(
            f"networks are trained on one of {', '.join(NAMES)}, got {name!r}; set {DEVICE} to one of them"
        )
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("networks cannot be trained on cuda, torch finds no such device; take auto or cpu")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)
