"""A word where what is tested was seen in training."""

import warnings
from collections.abc import Hashable, Mapping, Sequence
from itertools import combinations
from pathlib import Path


def warn_of_repeats(path: str | Path, parts: Mapping[str, Sequence[Hashable]], what: str) -> None:
    """Warn, with their number, of items of one part that stand in an earlier one, too."""
    kinds = {name: set(items) for name, items in parts.items()}
    said = []
    for earlier, later in combinations(parts, 2):
        if n := sum(item in kinds[earlier] for item in parts[later]):
            said.append(f"{n} of {len(parts[later])} in {later} are also in {earlier}")
    if said:
        warnings.warn(f"{path}: some {what} stand there more than once: {'; '.join(said)}", stacklevel=3)
