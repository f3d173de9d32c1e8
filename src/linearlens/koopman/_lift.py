"""What delays and a dictionary make of trajectories, a chunk at a time."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from linearlens.koopman._delays import delay_embed
from linearlens.koopman._dictionaries import lift_states
from linearlens.koopman._pairs import Pairs
from linearlens.koopman._principal import is_single

CHUNK_ROWS = 1024  # states taken at a time: enough for fast products, few enough for the processor's cache


@dataclass(frozen=True)
class Lift:
    """From states to observables.

    Parameters
    ----------
    delays : int
    dictionary : fitted scikit-learn transformer or None
    lag : int
        Steps from the first state of a pair to the second.
    """

    delays: int
    dictionary: Any
    lag: int = 1

    @property
    def min_steps(self) -> int:
        """Fewest states of a trajectory that has a pair."""
        return self.delays + self.lag + 1

    def fitted(self, trajectories: list[np.ndarray]) -> "Lift":
        """With a copy of the dictionary, fitted on the embedded states of these trajectories."""
        if self.dictionary is None:
            return self
        states = np.concatenate([self.embed(item) for item in trajectories], dtype=np.float64)
        return replace(self, dictionary=clone(self.dictionary).fit(states, None))

    def ready(self) -> "Lift":
        """With a copy of the dictionary, which needs to be fitted, where no pass over the data is left for it."""
        if self.dictionary is None:
            return self
        dictionary = clone(self.dictionary)
        try:
            check_is_fitted(dictionary)
        except NotFittedError:
            raise ValueError(
                f"the dictionary {self.dictionary} is still to be fitted, but an iterator or dask array is read once; "
                "fit it on a sample and give sklearn.frozen.FrozenEstimator(dictionary.fit(sample)), "
                "or call fit on a list of some trajectories and partial_fit on the others"
            ) from None
        return replace(self, dictionary=dictionary)

    def embed(self, trajectory: np.ndarray) -> np.ndarray:
        """Each state with its predecessors, newest first."""
        return delay_embed(trajectory, delays=self.delays) if self.delays else trajectory

    def observables(self, embedded: np.ndarray) -> np.ndarray:
        """What the dictionary makes of embedded states."""
        return lift_states(embedded, self.dictionary)

    def observed(self, trajectories: Iterable[np.ndarray]) -> Iterator[list[np.ndarray]]:
        """Chunks of trajectories of observables, in which a pair is two rows after each other.

        Without a dictionary the first columns are the states themselves; a dictionary may leave them out, so then
        they come again behind the observables.
        """
        for chunk in _chunks(trajectories, overlap=self.delays + self.lag):
            embedded = [self.embed(item) for item in chunk]
            if self.dictionary is not None:
                ends = np.cumsum([len(item) for item in embedded])[:-1]
                states = np.concatenate(embedded, dtype=np.float64)
                lifted = np.hstack([self.observables(states), states[:, : chunk[0].shape[1]]])
                embedded = np.split(lifted, ends)
            if self.lag > 1:
                embedded = [z[start :: self.lag] for z in embedded for start in range(min(self.lag, len(z) - self.lag))]
            yield embedded

    def n_features(self, pairs: Pairs) -> int:
        """Features of the states of which these pairs were made."""
        return (
            pairs.n_observables // (self.delays + 1)
            if self.dictionary is None
            else pairs.n_targets - pairs.n_observables
        )

    def states(self, pairs: Pairs) -> slice:
        """Which targets are the next states themselves."""
        return slice(self.n_features(pairs)) if self.dictionary is None else slice(pairs.n_observables, None)

    def windows(self, states: np.ndarray) -> np.ndarray:
        """Observables of windows in order of time, of shape (n_states, delays + 1, n_features)."""
        n_states, n_blocks, n_features = states.shape
        return self.observables(states[:, ::-1].reshape(n_states, n_blocks * n_features).astype(np.float64))

    def pairs(self, trajectories: Iterable[np.ndarray], *, exact: bool = False, earlier: Pairs | None = None) -> Pairs:
        """The pairs of checked trajectories, read once, and kept as `earlier` ones are, if there are any."""
        rest = iter(trajectories)
        first = next(rest)
        width = self.observables(self.embed(first[: self.delays + 1].astype(np.float64))).shape[1]
        # A dictionary may leave the states out, so then they come again behind the observables.
        n_targets = width + (0 if self.dictionary is None else first.shape[1])
        pairs = Pairs(width, n_targets) if earlier is None else earlier.like()
        pairs.single, pairs.exact = is_single(first.dtype), exact or pairs.exact
        pairs.add(self.observed(chain([first], rest)))
        return pairs


def _chunks(trajectories: Iterable[np.ndarray], *, overlap: int) -> Iterator[list[np.ndarray]]:
    """Groups of trajectories of about CHUNK_ROWS states; a longer one comes in pieces that share `overlap` states."""
    chunk: list[np.ndarray] = []
    n_rows = 0
    for trajectory in trajectories:
        for start in range(0, len(trajectory) - overlap, CHUNK_ROWS):
            chunk.append(trajectory[start : start + CHUNK_ROWS + overlap])
            n_rows += len(chunk[-1])
            if n_rows >= CHUNK_ROWS:
                yield chunk
                chunk, n_rows = [], 0
    if chunk:
        yield chunk
