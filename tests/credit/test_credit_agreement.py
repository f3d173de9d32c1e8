"""Rank agreement of credits with damages, against scipy and by hand."""

from copy import deepcopy
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import spearmanr
from torch import nn

from linearlens.credit import (
    BASELINES,
    METHODS,
    RIVALS,
    components,
    contrasts,
    credits,
    noise_ceiling,
    permutation_p,
    rank_agreement,
    specificity,
)
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


def test_own_and_others_are_those_of_two_loops() -> None:
    rng = np.random.default_rng(5)
    given, lost = tables(rng, ["a", "b"], n=5), tables(rng, ["x", "y"], n=5)
    found = specificity(given, lost, rows=PARTS[1:], permutations=9)
    for credit, damage in found.index:
        rho = np.array([[spearmanr(g[credit][1:], d[damage][1:])[0] for d in lost] for g in given])
        own = np.mean([rho[k, k] for k in range(5)])
        others = np.mean([rho[i, j] for i in range(5) for j in range(5) if i != j])
        np.testing.assert_allclose(found.loc[(credit, damage), ["own", "others"]], [own, others], atol=1e-12)


def test_p_of_own_is_the_exact_one_of_all_orders() -> None:
    rng = np.random.default_rng(6)
    lost = tables(rng, ["x"], n=4)
    given = [(table + rng.normal(size=table.shape)).set_axis(["a"], axis=1) for table in lost]
    rho = np.array([[spearmanr(g["a"], d["x"])[0] for d in lost] for g in given])
    every = [np.mean([rho[i, k] for k, i in enumerate(order)]) for order in permutations(range(4))]
    exact = np.mean(np.array(every) >= every[0] - 1e-12)
    assert specificity(given, lost, permutations=6000).loc[("a", "x"), "p"] == pytest.approx(exact, abs=0.02)


def test_an_order_that_all_networks_share_is_not_specific_though_it_is_not_chance() -> None:
    rng = np.random.default_rng(7)
    depth = [pd.DataFrame({"a": np.arange(6.0)}, index=PARTS)] * 6
    lost = [pd.DataFrame({"x": np.arange(6) + 0.1 * rng.normal(size=6)}, index=PARTS) for _ in range(6)]
    assert permutation_p(depth, lost, permutations=499)["a", "x"] < 0.01
    shared = specificity(depth, lost, permutations=499).loc[("a", "x")]
    assert shared["own"] == pytest.approx(shared["others"])
    assert shared["p"] == 1.0
    drawn = tables(rng, ["x"], n=6)
    same = [table.rename(columns={"x": "a"}) for table in drawn]
    assert specificity(same, drawn, permutations=499).loc[("a", "x"), "p"] < 0.02


def test_the_ceiling_is_that_of_spearman_and_brown() -> None:
    rng = np.random.default_rng(8)
    truth = rng.normal(size=(300, 1))
    halves = [
        [pd.DataFrame(truth + rng.normal(size=truth.shape), columns=["x"], index=range(300)) for _ in range(8)]
        for _ in range(2)
    ]
    found = noise_ceiling(*halves).loc["x"]
    r = np.mean([spearmanr(a["x"], b["x"])[0] for a, b in zip(*halves, strict=True)])
    np.testing.assert_allclose(found, [r, 2 * r / (1 + r), np.sqrt(2 * r / (1 + r))])
    reached = [spearmanr(truth[:, 0], (a + b)["x"])[0] for a, b in zip(*halves, strict=True)]
    assert found["ceiling"] == pytest.approx(np.mean(reached), abs=0.03)
    against = [[-table for table in halves[0]], halves[0]]
    assert noise_ceiling(*against).loc["x"].tolist() == pytest.approx([-1, 0, 0])


def test_too_few_networks_are_told() -> None:
    rng = np.random.default_rng(9)
    with pytest.raises(ValueError, match="three networks or more, got 2"):
        specificity(tables(rng, ["a"], n=2), tables(rng, ["x"], n=2))
    with pytest.raises(ValueError, match="one permutation or more"):
        specificity(tables(rng, ["a"]), tables(rng, ["x"]), permutations=0)


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


@pytest.mark.parametrize("model", [mlp([6, 7, 5, 4], seed=0), mlp([6, 5, 8, 1], activation=nn.GELU, seed=1)])
def test_rivals_are_those_of_autograd_sample_by_sample(model) -> None:
    x = np.random.default_rng(10).normal(size=(40, 6))
    before = deepcopy(model.state_dict())
    found = credits(model, Dataset("any", x, x[:, 0], x, x[:, 0]), methods=RIVALS)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    parts = components(model)
    states = [x]
    for part in parts:
        states.append(part(states[-1]))
    outputs = states[-1]
    seen = outputs @ contrasts(outputs.shape[1])
    spread = np.sqrt(((seen - seen.mean(axis=0)) ** 2).sum(axis=1).mean())
    for i, part in enumerate(parts):
        leads, sizes = [], []
        for n in range(len(x)):
            before_it, after = states[i][n], states[i + 1][n]
            stays = np.zeros_like(after)
            shared = min(len(before_it), len(after))
            stays[:shared] = before_it[:shared]

            def tail(z, i=i):
                for later in parts[i + 1 :]:
                    z = later.run(z)
                return z

            slopes = torch.autograd.functional.jacobian(tail, torch.tensor(after[None]))
            change = slopes.reshape(outputs.shape[1], -1).numpy() @ (after - stays)
            order = np.argsort(outputs[n])
            leads.append(change[order[-1]] - change[order[-2]] if len(change) > 1 else change[0])
            sizes.append(((change @ contrasts(len(change))) ** 2).sum())
        row = found.loc[part.name]
        assert row["attribution_patching"] == pytest.approx(np.mean(leads), abs=1e-10)
        assert row["absolute_patching"] == pytest.approx(np.mean(np.abs(leads)), abs=1e-10)
        assert row["gradient_swap"] == pytest.approx(np.sqrt(np.mean(sizes)) / spread, abs=1e-10)
