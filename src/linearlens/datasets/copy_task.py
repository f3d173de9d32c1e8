"""The copy task: remember a few symbols, wait, say them again."""

import numpy as np

N_SYMBOLS = 8
BLANK, GO = N_SYMBOLS, N_SYMBOLS + 1


def copy_task(
    n_sequences: int, *, length: int = 5, delay: int = 20, seed: int | np.random.Generator = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Random sequences of eight symbols to be repeated after a pause.

    A sequence shows `length` symbols, then blanks, then the sign GO, then blanks again, during which the
    symbols are to be said. GO is the last of the `delay` steps between symbols and answer.

    Parameters
    ----------
    n_sequences : int
    length : int
        Symbols to remember.
    delay : int
        Steps between the last symbol and the first answer, GO included; 1 or more.
    seed : int or numpy Generator

    Returns
    -------
    inputs : ndarray of shape (n_sequences, 2 * length + delay, 10), float32
        One-hot: eight symbols, blank, GO.
    symbols : ndarray of shape (n_sequences, length)
        What is to be said in the last `length` steps.

    Raises
    ------
    ValueError
        If there is nothing to remember, no step for GO, or no sequence.

    Examples
    --------
    >>> inputs, symbols = copy_task(1, length=2, delay=3)
    >>> inputs.argmax(axis=2)[0], symbols[0]
    (array([6, 5, 8, 8, 9, 8, 8]), array([6, 5]))
    """
    if min(n_sequences, length, delay) < 1:
        raise ValueError(f"need n_sequences, length and delay of 1 or more, got {n_sequences}, {length} and {delay}")
    symbols = np.random.default_rng(seed).integers(N_SYMBOLS, size=(n_sequences, length))
    shown = np.full((n_sequences, 2 * length + delay), BLANK)
    shown[:, :length] = symbols
    shown[:, length + delay - 1] = GO
    return np.eye(N_SYMBOLS + 2, dtype=np.float32)[shown], symbols
