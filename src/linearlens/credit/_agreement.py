"""Whether a credit orders components as their damage does."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import rankdata


def rank_agreement(
    credits: Sequence[pd.DataFrame], damages: Sequence[pd.DataFrame], *, rows: Sequence[str] | None = None
) -> pd.DataFrame:
    """Spearman's rank correlation of each credit with each damage, within each network.

    Parameters
    ----------
    credits, damages : sequence of DataFrame
        One of each a network, as `credits` and `damages` give them. Credits of −inf are the lowest.
    rows : sequence of str, optional
        Components that are compared; all if not given.

    Returns
    -------
    DataFrame
        A row for each network, a column for each pair (credit, damage). A credit or damage that is the same for all
        components orders nothing, and its correlation is 0.

    Raises
    ------
    ValueError
        If there are not as many tables of one kind as of the other, components differ, fewer than two are compared,
        or a table holds NaN.
    """
    ranks = _ranks(credits, damages, rows)
    rho = np.einsum("ncl,ndl->ncd", *ranks)
    names = pd.MultiIndex.from_product([credits[0].columns, damages[0].columns], names=["credit", "damage"])
    return pd.DataFrame(rho.reshape(len(rho), -1), columns=names, index=pd.RangeIndex(len(rho), name="network"))


def permutation_p(
    credits: Sequence[pd.DataFrame],
    damages: Sequence[pd.DataFrame],
    *,
    rows: Sequence[str] | None = None,
    permutations: int = 9999,
    seed: int = 0,
) -> pd.Series:
    """How often credits dealt out at random among the components of each network agree as well in the mean.

    Parameters
    ----------
    credits, damages, rows
        As in `rank_agreement`.
    permutations : int
    seed : int

    Returns
    -------
    Series
        Two-sided p-values, ``(1 + number as large) / (1 + permutations)``, by pair (credit, damage).

    Raises
    ------
    ValueError
        As in `rank_agreement`; if there is no permutation.
    """
    if permutations < 1:
        raise ValueError(f"need one permutation or more, got {permutations}")
    found = rank_agreement(credits, damages, rows=rows).mean()
    credited, damaged = _ranks(credits, damages, rows)
    rng, larger = np.random.default_rng(seed), np.zeros(len(found))
    for _ in range(permutations):
        order = rng.permuted(np.tile(np.arange(credited.shape[2]), (len(credited), 1)), axis=1)
        dealt = np.take_along_axis(credited, order[:, None], axis=2)
        by_chance = np.einsum("ncl,ndl->cd", dealt, damaged).ravel() / len(credited)
        larger += np.abs(by_chance) >= np.abs(found) - 1e-12
    return pd.Series((1 + larger) / (1 + permutations), index=found.index)


def _ranks(
    credits: Sequence[pd.DataFrame], damages: Sequence[pd.DataFrame], rows: Sequence[str] | None
) -> tuple[np.ndarray, np.ndarray]:
    """Ranks of shape (networks, columns, components), centred and of length 1."""
    if not len(credits) or len(credits) != len(damages):
        raise ValueError(
            f"need a table of credits and one of damages for each network, got {len(credits)} and {len(damages)}"
        )
    chosen = list(credits[0].index if rows is None else rows)
    if len(chosen) < 2:
        raise ValueError(f"an order needs two components or more, got {chosen}")
    for number, table in enumerate([*credits, *damages]):
        missing = [name for name in chosen if name not in table.index]
        if missing or (rows is None and len(table) != len(chosen)):
            raise ValueError(f"all tables must hold the components {chosen}; number {number} holds {list(table.index)}")
        if table.loc[chosen].isna().any(axis=None):
            raise ValueError(f"table {number} holds NaN, which has no rank; leave out that column or component")
    return tuple(  # type: ignore[return-value]
        _unit(rankdata([table.loc[chosen].to_numpy().T for table in tables], axis=2)) for tables in (credits, damages)
    )


def _unit(ranks: np.ndarray) -> np.ndarray:
    centred = ranks - ranks.mean(axis=2, keepdims=True)
    length = np.linalg.norm(centred, axis=2, keepdims=True)
    return np.divide(centred, length, out=np.zeros_like(centred), where=length > 0)
