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
        If there are not as many tables of one kind as of the other, components or columns differ, fewer than two
        components are compared, or a table holds NaN.
    """
    rho = _correlations(*_ranks(credits, damages, rows))
    return pd.DataFrame(rho, columns=_pairs(credits, damages), index=pd.RangeIndex(len(rho), name="network"))


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

    Notes
    -----
    The null is that components can be exchanged within a network. An order that all networks of a design share, such
    as depth, is enough to reject it; it need not know anything of the single network. Pairs are not corrected for
    how many of them are tested.
    """
    if permutations < 1:
        raise ValueError(f"need one permutation or more, got {permutations}")
    credited, damaged = _ranks(credits, damages, rows)
    found = _correlations(credited, damaged).mean(axis=0)
    rng, larger = np.random.default_rng(seed), np.zeros(len(found))
    for _ in range(permutations):
        order = rng.permuted(np.tile(np.arange(credited.shape[2]), (len(credited), 1)), axis=1)
        dealt = np.take_along_axis(credited, order[:, None], axis=2)
        by_chance = _correlations(dealt, damaged).mean(axis=0)
        larger += np.abs(by_chance) >= np.abs(found) - 1e-12
    return pd.Series((1 + larger) / (1 + permutations), index=_pairs(credits, damages))


def specificity(
    credits: Sequence[pd.DataFrame],
    damages: Sequence[pd.DataFrame],
    *,
    rows: Sequence[str] | None = None,
    permutations: int = 9999,
    seed: int = 0,
) -> pd.DataFrame:
    """Whether a credit knows the single network, or only what all networks of a design have in common.

    Parameters
    ----------
    credits, damages, rows
        As in `rank_agreement`; of three networks or more.
    permutations : int
    seed : int

    Returns
    -------
    DataFrame
        A row for each pair (credit, damage). ``own``: mean rank correlation of the credits of each network with its
        damage. ``others``: of the credits of each network with the damage of every other one. ``p``: one-sided,
        ``(1 + number as large) / (1 + permutations)``, where tables of credits are dealt out among the networks.

    Raises
    ------
    ValueError
        As in `rank_agreement`; if there are fewer than three networks, or no permutation.

    Notes
    -----
    The null is that any network's credits serve as well: an order that all share, such as depth, has
    ``own = others`` and p = 1. It is the null of `permutation_p` that such an order rejects. With damages of one half
    of the test samples in place of credits and those of the other half as damages, it tells whether *damage* is
    specific. Pairs are not corrected for how many of them are tested.
    """
    if permutations < 1:
        raise ValueError(f"need one permutation or more, got {permutations}")
    if len(credits) < 3:
        raise ValueError(f"tables are dealt out among three networks or more, got {len(credits)}")
    credited, damaged = _ranks(credits, damages, rows)
    rho = np.einsum("ick,jdk->ijcd", credited, damaged).reshape(len(credited), len(damaged), -1)
    networks = np.arange(len(rho))
    own = rho[networks, networks].mean(axis=0)
    others = (rho.sum(axis=(0, 1)) / len(rho) - own) / (len(rho) - 1)
    rng, larger = np.random.default_rng(seed), np.zeros(len(own))
    for _ in range(permutations):
        larger += rho[rng.permutation(networks), networks].mean(axis=0) >= own - 1e-12
    columns = {"own": own, "others": others, "p": (1 + larger) / (1 + permutations)}
    return pd.DataFrame(columns, index=_pairs(credits, damages))


def noise_ceiling(
    half: Sequence[pd.DataFrame], other_half: Sequence[pd.DataFrame], *, rows: Sequence[str] | None = None
) -> pd.DataFrame:
    """How well any credit could agree with damages that are known only up to noise.

    Parameters
    ----------
    half, other_half : sequence of DataFrame
        Damages of the same networks, measured on two halves of the test samples, with noise drawn anew.
    rows : sequence of str, optional
        As in `rank_agreement`.

    Returns
    -------
    DataFrame
        A row for each damage. ``halves``: mean rank correlation of the two halves within networks. ``reliability``:
        of their mean, by the formula of Spearman and Brown, ``2 r / (1 + r)``; 0 if r is negative. ``ceiling``: its
        square root, the correlation that a credit without noise, proportional to the true damage, would reach.

    Raises
    ------
    ValueError
        As in `rank_agreement`.

    Notes
    -----
    The formulas are those of products of moments; of ranks they hold approximately.
    """
    agreement = rank_agreement(half, other_half, rows=rows).mean()
    found = pd.Series({name: agreement[name, name] for name in half[0].columns}, dtype=float)
    known = found.clip(lower=0)
    reliability = 2 * known / (1 + known)
    table = pd.DataFrame({"halves": found, "reliability": reliability, "ceiling": np.sqrt(reliability)})
    return table.rename_axis("damage")


def _pairs(credits: Sequence[pd.DataFrame], damages: Sequence[pd.DataFrame]) -> pd.MultiIndex:
    return pd.MultiIndex.from_product([credits[0].columns, damages[0].columns], names=["credit", "damage"])


def _correlations(credited: np.ndarray, damaged: np.ndarray) -> np.ndarray:
    """Of ranks as `_ranks` gives them, of shape (networks, pairs)."""
    return (credited @ damaged.swapaxes(1, 2)).reshape(len(credited), -1)


def _ranks(
    credits: Sequence[pd.DataFrame], damages: Sequence[pd.DataFrame], rows: Sequence[str] | None
) -> tuple[np.ndarray, np.ndarray]:
    """Ranks of shape (networks, columns, components), centred and of length 1."""
    if not len(credits) or len(credits) != len(damages):
        raise ValueError(
            f"need a table of credits and one of damages for each network, got {len(credits)} and {len(damages)}"
        )
    chosen = list(credits[0].index if rows is None else rows)
    if isinstance(rows, str) or len(chosen) < 2 or len(set(chosen)) < len(chosen):
        raise ValueError(f"an order needs a list of two different components or more, got {rows or chosen!r}")
    picked = [_picked(tables, chosen, whole=rows is None) for tables in (credits, damages)]
    return _unit(rankdata(picked[0], axis=2)), _unit(rankdata(picked[1], axis=2))


def _picked(tables: Sequence[pd.DataFrame], chosen: list[str], *, whole: bool) -> np.ndarray:
    """Shape (networks, columns, components), columns in the order of the first table."""
    columns, found = list(tables[0].columns), []
    for number, table in enumerate(tables):
        if not set(chosen) <= set(table.index) or (whole and len(table) != len(chosen)):
            raise ValueError(f"all tables must hold the components {chosen}; number {number} holds {list(table.index)}")
        if sorted(table.columns) != sorted(columns):
            raise ValueError(f"all tables must have the columns {columns}; number {number} has {list(table.columns)}")
        picked = table.loc[chosen, columns].to_numpy().T
        if pd.isna(picked).any():
            raise ValueError(f"table {number} holds NaN, which has no rank; leave out that column or component")
        found.append(picked)
    return np.array(found)


def _unit(ranks: np.ndarray) -> np.ndarray:
    centred = ranks - ranks.mean(axis=2, keepdims=True)
    length = np.linalg.norm(centred, axis=2, keepdims=True)
    return np.divide(centred, length, out=np.zeros_like(centred), where=length > 0)
