"""Speech, words and faces for the networks of part VII, out of packages that ship them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from linearlens.datasets.registry import fetch
from linearlens.datasets.weights import read_weights

RATE = 16000  # samples a second, as the networks want them


@dataclass(frozen=True)
class Faces:
    """Small grey images, and whether there is a face.

    Parameters
    ----------
    images : ndarray of shape (n_images, height, width)
        From 0 to 1.
    labels : ndarray of shape (n_images,)
        1 for a face, 0 for another part of a photograph.
    """

    images: np.ndarray
    labels: np.ndarray


def load_prompts(names: Iterable[str] | None = None) -> dict[str, np.ndarray]:
    """Prompts of a telephone exchange, spoken by one person; fetched, checked, on first use.

    Parameters
    ----------
    names : iterable of str, optional
        Such as ``"digits/7"``, ``"letters/a"`` or ``"vm-goodbye"``; by default all 568.

    Returns
    -------
    dict of str to ndarray of shape (n_samples,)
        At 16,000 samples a second, from −1 to 1, float32; recorded at 8,000.

    Raises
    ------
    DataError
        If the file is missing and cannot be fetched.
    ValueError
        If there is no prompt of a name.
    """
    from scipy.signal import resample_poly

    (path,) = fetch("asterisk-speech")
    arrays = read_weights(path)
    rate = int(arrays.pop("rate")[0])
    if isinstance(names, str):
        raise ValueError(f"names are a list of names, got the text {names!r}")
    wanted = sorted(arrays) if names is None else list(names)
    if missing := [name for name in wanted if name not in arrays]:
        raise ValueError(
            f"there is no prompt named {', '.join(missing)}; names are like {', '.join(sorted(arrays)[:3])}"
        )
    return {name: resample_poly(arrays[name] / 2**15, RATE, rate).astype(np.float32) for name in wanted}


def load_pronunciations() -> dict[str, list[str]]:
    """Words of American English and their sounds; fetched, checked, on first use.

    Returns
    -------
    dict of str to list of str
        Of each word of the letters a to z alone its first pronunciation, as in ``{"dog": ["D", "AO1", "G"]}``.

    Raises
    ------
    DataError
        If the file is missing and cannot be fetched.
    """
    (path,) = fetch("cmudict")
    found: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        word, *sounds = line.partition("#")[0].split()
        if re.fullmatch("[a-z]+", word):
            found[word] = sounds
    return found


def load_lfw_subset() -> Faces:
    """100 faces, then 100 other parts of photographs, of 25 × 25 pixels; fetched, checked, on first use.

    Returns
    -------
    Faces

    Raises
    ------
    DataError
        If the file is missing and cannot be fetched.
    """
    (path,) = fetch("lfw-subset")
    images = np.load(path, allow_pickle=False).astype(float)
    return Faces(images, np.repeat([1, 0], len(images) // 2))
