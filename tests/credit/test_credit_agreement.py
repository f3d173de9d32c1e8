"""Rank agreement of credits with damages, against scipy and by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from linearlens.credit import BASELINES, METHODS, credits, permutation_p, rank_agreement
from linearlens.datasets import Dataset
from linearlens.models import mlp, residual_mlp

PARTS = [f"layer{k}" for k in range(6)]


def tables(rng, names, n=4, parts=PARTS):
    return [pd.DataFrame(rng.normal(size=(len(parts), len(names))), index=parts, columns=names) for _ in range(n)]


def test_agrees_with_scipy_network_by_network() -> None:
    rng = np.random.default_rng(0)
    given, lost = tables(rng, ["a", "b"]), tables(rng, ["x", "y", "z"])
    given[0].iloc[2:4, 0] = 1.0  # ties
    given[1].iloc[3, 1] = -np.inf
    found = rank_agreement(given, lost)
    assert found.shape == (4, 6)
    for k in range(4):
        for credit, damage in found:
            assert found.loc[k, (credit, damage)] == pytest.approx(spearmanr(given[k][credit], lost[k][damage])[0])


def test_rows_are_picked_by_name() -> None:
    rng = np.random.default_rng(1)
    given, lost = tables(rng, ["a"]), tables(rng, ["x"])
    inner = PARTS[1:5]
    shuffled = [table.loc[PARTS[::-1]] for table in lost]
    expected = [spearmanr(g.loc[inner, "a"], d.loc[inner, "x"])[0] for g, d in zip(given, lost, strict=True)]
    np.testing.assert_allclose(rank_agreement(given, shuffled, rows=inner)["a", "x"], expected)


def test_a_credit_that_is_the_same_everywhere_orders_nothing() -> None:
    rng = np.random.default_rng(2)
    given, lost = tables(rng, ["a"]), tables(rng, ["x"])
    for table in given:
        table["a"] = -np.inf
    assert (rank_agreement(given, lost) == 0).all(axis=None)
    assert permutation_p(given, lost, permutations=9)["a", "x"] == 1.0


def test_p_is_small_for_an_order_and_even_for_noise() -> None:
    rng = np.random.default_rng(3)
    lost = tables(rng, ["x"], n=6)
    same = [table.rename(columns={"x": "a"}) for table in lost]
    mirrored = [-table for table in same]
    assert permutation_p(same, lost, permutations=499)["a", "x"] == pytest.approx(1 / 500)
    assert permutation_p(mirrored, lost, permutations=499)["a", "x"] == pytest.approx(1 / 500)
    by_chance = [permutation_p(tables(rng, ["a"]), tables(rng, ["x"]), permutations=199).item() for _ in range(60)]
    assert 0.35 < np.mean(by_chance) < 0.65


def test_p_is_the_exact_one_of_few_components() -> None:
    parts = ["one", "two", "three"]
    given = [pd.DataFrame({"a": [1.0, 2.0, 3.0]}, index=parts)]
    lost = [pd.DataFrame({"x": [1.0, 2.0, 3.0]}, index=parts)]
    assert permutation_p(given, lost, permutations=6000)["a", "x"] == pytest.approx(2 / 6, abs=0.02)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda g, d: (g[:2], d), "got 2 and 4"),
        (lambda g, d: ([], []), "for each network"),
        (lambda g, d: (g, [*d[:3], d[3].iloc[1:]]), "must hold the components"),
        (lambda g, d: ([t.iloc[:1] for t in g], [t.iloc[:1] for t in d]), "two different components or more"),
        (lambda g, d: (g, [t.where(t > 0) for t in d]), "holds NaN"),
        (lambda g, d: (g, [*d[:3], d[3].rename(columns={"x": "y"})]), "must have the columns"),
    ],
)
def test_bad_tables_are_told(change, message) -> None:
    rng = np.random.default_rng(4)
    with pytest.raises(ValueError, match=message):
        rank_agreement(*change(tables(rng, ["a"]), tables(rng, ["x"])))


def test_no_permutation_is_told() -> None:
    rng = np.random.default_rng(5)
    with pytest.raises(ValueError, match="one permutation"):
        permutation_p(tables(rng, ["a"]), tables(rng, ["x"]), permutations=0)


def test_baselines_know_depth_and_weights_only() -> None:
    model, rng = mlp([4, 5, 3]).double(), np.random.default_rng(6)
    x = rng.normal(size=(30, 4))
    table = credits(model, Dataset("any", x, x[:, 0], x, x[:, 0]), methods=METHODS | BASELINES)
    assert table["depth"].tolist() == [2.0, 1.0]
    norm = np.sqrt(sum(p.detach().square().sum().item() for p in model.linear1.parameters()))
    assert table["weight_norm"].iloc[0] == pytest.approx(norm)


def test_columns_are_taken_by_name() -> None:
    rng = np.random.default_rng(7)
    given, lost = tables(rng, ["a", "b"]), tables(rng, ["x"])
    turned = [given[0], *(table[["b", "a"]] for table in given[1:])]
    pd.testing.assert_frame_equal(rank_agreement(turned, lost), rank_agreement(given, lost))


@pytest.mark.parametrize("rows", ["layer1", ["layer1", "layer1"], ["layer1"]])
def test_rows_that_are_no_list_of_components_are_told(rows) -> None:
    rng = np.random.default_rng(8)
    with pytest.raises(ValueError, match="two different components or more"):
        rank_agreement(tables(rng, ["a"]), tables(rng, ["x"]), rows=rows)


def test_no_method_is_told_in_either_form() -> None:
    rng = np.random.default_rng(9)
    x = rng.normal(size=(30, 4))
    data = Dataset("any", x, x[:, 0], x, x[:, 0])
    for none in ([], {}):
        with pytest.raises(ValueError, match="methods must be a list of names"):
            credits(mlp([4, 5, 3]), data, methods=none)


def test_weight_gain_is_of_weights_and_not_of_a_path_around_them() -> None:
    planted = residual_mlp(4, 3, width=6, gains=(1, 0, 0), rotated=(2,), seed=0)
    x = np.random.default_rng(10).normal(size=(60, 4))
    gains = credits(planted, Dataset("any", x, x[:, 0], x, x[:, 0]), methods=["weight_gain"])["weight_gain"]
    assert gains["block1"] > 0.01
    assert abs(gains["block2"]) < 1e-6, "a rotation without weights"
    assert abs(gains["block3"]) < 1e-12, "an identity without weights"
