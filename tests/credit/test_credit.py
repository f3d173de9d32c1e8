"""Credits against slow versions of their formulas, and the propositions they rest on."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy import linalg
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score
from torch import nn

from linearlens.credit import (
    METHODS,
    align,
    backward_volumes,
    canonical_correlations,
    component_operators,
    components,
    contrasts,
    credits,
    forward_volumes,
    log_determinant,
    log_pseudo_determinant,
    mean_jacobians,
)
from linearlens.credit._components import collect_states, has_way_around, without_weights
from linearlens.credit._operators import excited_operator
from linearlens.datasets import Dataset
from linearlens.layers import fit_layer
from linearlens.models import ResidualBlock, mlp, residual_mlp

ENERGY, EXCITE = 0.97, 0.3


def made_data(seed: int, n_inputs: int = 6, n_classes: int = 4) -> Dataset:
    rng = np.random.default_rng(seed)
    mix = rng.normal(size=(n_inputs, n_inputs))
    x = rng.gamma(2.0, size=(500, n_inputs)) @ mix + rng.normal(size=n_inputs)  # skewed, correlated, mean not 0
    y = rng.integers(n_classes, size=500)
    return Dataset("made", x[:300], y[:300], x[300:], y[300:])


def plain(seed: int) -> nn.Sequential:
    """Widths that fall, rise and repeat, so that each way of aligning comes up."""
    network = mlp([6, 9, 7, 7, 8, 4], seed=seed).double()
    with torch.no_grad():
        for module in network[::2]:
            module.weight.mul_(2)
    return network


def blocks(seed: int) -> nn.Sequential:
    network = residual_mlp(6, 4, width=8, gains=[1, 0, 0.5, 0], rotated=[2], seed=seed).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(2)
        for part in network:
            if isinstance(part, ResidualBlock):  # a rotation to the last digit, though it was made in float32
                left, _, right = torch.linalg.svd(part.path)
                part.path.copy_(left @ right)
    return network


def straight(widths: list[int], seed: int) -> nn.Sequential:
    return mlp(widths, activation=nn.Identity, seed=seed).double()


# Slow versions, one sample and one unit at a time where that says it best. Columns, as the formulas are written.


def slow_functions(model: nn.Sequential) -> list:
    """f_1, …, f_L on single vectors, from the weights."""

    def layer(linear, active):
        return lambda x: torch.relu(linear.weight @ x + linear.bias) if active else linear.weight @ x + linear.bias

    def block(part):
        return lambda x: (
            part.path.T @ x
            + part.gain * (part.down.weight @ torch.relu(part.up.weight @ x + part.up.bias) + part.down.bias)
        )

    linears = [module for module in model if isinstance(module, nn.Linear)]
    if len(linears) > 2:
        return [layer(linear, linear is not linears[-1]) for linear in linears]
    middle = [block(part) for name, part in model.named_children() if name.startswith("block")]
    return [layer(linears[0], True), *middle, layer(linears[1], False)]


def slow_states(functions: list, inputs: np.ndarray) -> list[np.ndarray]:
    states = [torch.tensor(inputs)]
    with torch.no_grad():
        for function in functions:
            states.append(torch.stack([function(x) for x in states[-1]]))
    return [x.numpy() for x in states]


def slow_basis(x: np.ndarray, energy: float) -> np.ndarray:
    strengths, directions = np.linalg.eigh(np.cov(x.T, bias=True))
    strengths, directions = strengths[::-1], directions[:, ::-1]
    for rank in range(1, len(strengths) + 1):
        if strengths[:rank].sum() >= energy * strengths.sum():
            return directions[:, :rank]
    raise AssertionError


def slow_operator(x: np.ndarray, y: np.ndarray, energy: float) -> np.ndarray:
    basis = slow_basis(x, energy)
    fitted = LinearRegression().fit(x @ basis, y)
    return fitted.coef_ @ basis.T


def slow_excited(function, x: np.ndarray, seed: list[int]) -> np.ndarray:
    scale = EXCITE * np.mean([x[:, unit].std() for unit in range(x.shape[1])])
    draws = (
        np.random.default_rng(np.random.SeedSequence(seed[0], spawn_key=(seed[1],))).standard_normal((2, *x.shape))
        * scale
    )
    steps, changes = [], []
    for draw in draws:
        for sign in (1, -1):
            for state, d in zip(x, sign * draw, strict=True):
                with torch.no_grad():
                    changes.append((function(torch.tensor(state + d)) - function(torch.tensor(state))).numpy())
                steps.append(d)
    return np.linalg.lstsq(np.array(steps), np.array(changes))[0].T


def slow_contrast(n: int) -> np.ndarray:
    centring = np.eye(n) - 1 / n
    return np.linalg.svd(centring)[0][:, : n - 1]


def slow_tail(operators: list[np.ndarray], i: int) -> np.ndarray:
    """Vᵀ K_L … K_{i+1}, where operators[i - 1] is K_i."""
    tail = slow_contrast(len(operators[-1])).T
    for operator in operators[:i:-1] if i else operators[::-1]:
        tail = tail @ operator
    return tail if i == 0 else tail @ operators[i] if i < len(operators) else tail


def slow_credits(model: nn.Sequential, data: Dataset, seed: int) -> dict[str, list[float]]:
    functions = slow_functions(model)
    x, new = (slow_states(functions, inputs) for inputs in (data.train_inputs, data.test_inputs))
    n, depth = len(x[0]), len(functions)
    v = slow_contrast(x[-1].shape[1])
    ks = [slow_operator(x[i], x[i + 1], ENERGY) for i in range(depth)]
    excited = [slow_excited(functions[i], x[i], [seed, i]) for i in range(depth)]
    centred = x[-1] - x[-1].mean(axis=0)
    spread = np.sqrt(sum(np.linalg.norm(v.T @ z) ** 2 for z in centred) / n)
    found: dict[str, list[float]] = {name: [] for name in METHODS}

    q, volumes = v, []
    for i in reversed(range(depth)):
        jacobians = [torch.autograd.functional.jacobian(functions[i], torch.tensor(state)).numpy() for state in x[i]]
        q, r = np.linalg.qr(np.mean(jacobians, axis=0).T @ q)
        volumes.append(sum(np.log(abs(r[j, j])) for j in range(len(r))))
    found["volume"] = volumes[::-1]

    for i in range(1, depth + 1):
        before, after = slow_basis(x[i - 1], ENERGY), slow_basis(x[i], ENERGY)
        strengths = np.linalg.svd(after.T @ ks[i - 1] @ before)[1]
        found["determinant"].append(sum(np.log(s) for s in strengths if s > 1e-6 * strengths[0]))

        a, b = x[i - 1].shape[1], x[i].shape[1]
        nothing = np.array([[1.0 if row == column else 0.0 for column in range(a)] for row in range(b)])
        tail = slow_tail(ks, i)
        moved = [np.linalg.norm(tail @ (z - nothing @ z0)) ** 2 for z0, z in zip(x[i - 1], x[i], strict=True)]
        found["swap"].append(np.sqrt(sum(moved) / n) / spread)
        found["noise_gain"].append(
            np.sqrt(sum((x[i][:, j].std() * np.linalg.norm(tail[:, j])) ** 2 for j in range(b))) / spread
        )

        tail, k = slow_tail(excited, i), excited[i - 1]
        residual = 1 < i < depth and "block1" in dict(model.named_children())
        branch = k - model.get_submodule(f"block{i - 1}").path.double().numpy().T if residual else k
        gates = [1.0 if residual else (x[i][:, j] != 0).mean() for j in range(b)]
        size = np.sqrt(sum(np.linalg.norm(z) ** 2 for z in x[i - 1]) / n)
        gain = np.sqrt(sum(gates[j] * np.linalg.norm(tail[:, j]) ** 2 for j in range(b)))
        found["weight_gain"].append(np.linalg.norm(branch) / np.sqrt(a * b) * size * gain / spread)

        fitted = LinearRegression().fit(x[i - 1], x[i])
        missed = np.linalg.norm(fitted.predict(new[i - 1]) - new[i])
        found["residual"].append(missed / np.linalg.norm(new[i] - new[i].mean(axis=0)))
    return found


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("make", [plain, blocks])
def test_credits_are_their_formulas(make, seed):
    model, data = make(seed), made_data(seed)
    table = credits(model, data, energy=ENERGY, excite=EXCITE, seed=seed)
    slow = slow_credits(model, data, seed)
    assert list(table.columns) == list(METHODS)
    for name in METHODS:
        # A residual of 0 is the root of a rounding error.
        np.testing.assert_allclose(table[name], slow[name], rtol=1e-8, atol=1e-7 if name == "residual" else 1e-8)
        assert len(set(np.round(table[name], 9))) >= 4, "or any order would do"


def test_rows_are_components_and_a_definition_can_be_put_in_place():
    model, data = plain(0), made_data(0)
    before = METHODS.copy()
    table = credits(model, data, methods=METHODS | {"mine": lambda study: np.arange(len(study.parts))})
    assert list(table.index) == ["linear1", "linear2", "linear3", "linear4", "linear5"]
    assert list(table["mine"]) == [0, 1, 2, 3, 4]
    assert before == METHODS
    alone = credits(model, data, methods=["volume"])
    np.testing.assert_array_equal(alone["volume"], table["volume"])
    np.testing.assert_array_equal(alone["volume"], credits(plain(0), data)["volume"])


# Components.


def test_a_layer_takes_what_follows_it_and_a_block_stays_whole():
    model = nn.Sequential(
        nn.Flatten(),
        nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.PReLU(), nn.Dropout(0.9)),
        residual_mlp(5, 5, width=5, gains=[1]).block1,
        nn.Linear(5, 3),
    ).train()
    parts = components(model)
    assert [(part.name, part.start, part.stop, part.block) for part in parts] == [
        ("1.0", None, "1.3", False),
        ("2", "1.3", "2", True),
        ("3", "2", "3", False),
    ]
    x = made_data(0).train_inputs.reshape(300, 2, 3)
    states = x
    for part in parts:
        states = part(states)
    expected = model.double().eval()(torch.tensor(x)).detach()
    np.testing.assert_allclose(states, expected, atol=1e-12)
    chosen = components(plain(0), ["act2", "linear5"])
    assert [(part.name, part.start, part.stop) for part in chosen] == [
        ("linear1", None, "act2"),
        ("linear3", "act2", "linear5"),
    ]


def test_names_are_those_the_layers_take():
    model, data = plain(0), made_data(0)
    operators = component_operators(model, data.train_inputs)
    for part, operator in zip(components(model)[1:], operators[1:], strict=True):
        fitted = fit_layer(model, part.start, part.stop, data.train_inputs, ridges=[0])
        np.testing.assert_allclose(fitted.weights, operator.matrix, atol=1e-7)
        np.testing.assert_allclose(fitted.offset, operator.offset, atol=1e-7)


def test_convolutions_and_activations_in_place():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 2, 3),
        nn.ReLU(inplace=True),
        nn.Conv2d(2, 3, 2),
        nn.ReLU(inplace=True),
        nn.Flatten(),
        nn.Linear(27, 4),
    )
    rng = np.random.default_rng(0)
    data = Dataset("small", rng.normal(size=(90, 1, 6, 6)), np.zeros(90, int), rng.normal(size=(40, 1, 6, 6)), [0] * 40)
    table = credits(model, data)
    assert list(table.index) == ["0", "2", "5"]
    assert np.isfinite(table.to_numpy()).all()
    jacobians = mean_jacobians(model, data.train_inputs)
    assert [j.shape for j in jacobians] == [(36, 32), (32, 27), (27, 4)]
    assert table["volume"].sum() == pytest.approx(
        log_pseudo_determinant(np.linalg.multi_dot([*jacobians, contrasts(4)]))
    )


# P0 to P2: the chain rule and alignment.


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_p0_operators_of_a_linear_network_multiply_to_the_whole(seed):
    model, x = straight([5, 5, 5, 5], seed), made_data(seed, 5).train_inputs
    first, second, third = (operator.matrix for operator in component_operators(model, x))
    whole = LinearRegression().fit(x, model(torch.tensor(x)).detach()).coef_.T
    np.testing.assert_allclose(first @ second @ third, whole, atol=1e-8)
    assert np.abs(third @ second @ first - whole).max() > 1e-2
    observable = np.random.default_rng(seed).normal(size=(5, 1))
    np.testing.assert_allclose(first @ (second @ (third @ observable)), whole @ observable, atol=1e-8)


@pytest.mark.parametrize("method", ["padding", "isometry", "svd"])
@pytest.mark.parametrize(("a", "b"), [(7, 4), (4, 7), (5, 5)])
def test_p1_alignment_is_lossless(method, a, b):
    rng = np.random.default_rng(a)
    x, weights = rng.normal(size=(60, a)) + 3, rng.normal(size=(a, b))

    def function(rows):
        return np.tanh(rows @ weights) + 1

    aligned = align(x, function(x), method)
    assert aligned.dimension == max(a, b)
    np.testing.assert_allclose(aligned.recover_inputs(aligned.embed_inputs(x)), x, atol=1e-12)
    np.testing.assert_allclose(aligned.recover_outputs(aligned.embed_outputs(function(x))), function(x), atol=1e-12)
    endomorphism = aligned.compose(function)
    assert endomorphism(endomorphism(aligned.embed_inputs(x))).shape == (60, max(a, b))
    new = rng.normal(size=(9, a))
    np.testing.assert_allclose(aligned.decompose(endomorphism)(new), function(new), atol=1e-12)
    for embedding in (aligned.inward, aligned.outward):
        np.testing.assert_allclose(embedding @ embedding.T, np.eye(len(embedding)), atol=1e-12)


def test_the_isometry_is_the_closest_one_and_equal_widths_get_none():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(80, 6)), rng.normal(size=(80, 4))
    for one, two in ((x, y), (y, x)):
        aligned = align(one, two, "isometry")
        closest = np.linalg.norm(aligned.embed_inputs(one) - aligned.embed_outputs(two))
        assert closest < np.linalg.norm(align(one, two).embed_inputs(one) - align(one, two).embed_outputs(two))
        for _ in range(200):
            q = np.linalg.qr(rng.normal(size=(6, 4)))[0].T
            assert closest <= np.linalg.norm(x - y @ q) + 1e-9
    np.testing.assert_array_equal(align(x, x @ linalg.qr(rng.normal(size=(6, 6)))[0], "isometry").identity, np.eye(6))
    np.testing.assert_array_equal(align(x, y).identity, np.eye(6, 4))


def test_p2_the_least_dimension_is_that_of_the_data():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(90, 3)) @ rng.normal(size=(3, 8)) + 2
    y = rng.normal(size=(90, 5)) @ rng.normal(size=(5, 6)) - 1
    aligned = align(x, y, "svd")
    assert aligned.dimension == 5
    np.testing.assert_allclose(aligned.recover_inputs(aligned.embed_inputs(x)), x, atol=1e-12)
    np.testing.assert_allclose(aligned.recover_outputs(aligned.embed_outputs(y)), y, atol=1e-12)
    fewer = align(x, y, "svd", energy=0.8)
    strengths = np.linalg.svd(y - y.mean(axis=0))[1]
    kept = np.flatnonzero(np.cumsum(strengths**2) >= 0.8 * (strengths**2).sum())[0] + 1
    missed = np.linalg.norm(fewer.recover_outputs(fewer.embed_outputs(y)) - y) ** 2
    assert 0 < kept < 5
    assert missed == pytest.approx((strengths[kept:] ** 2).sum(), rel=1e-8)


# P3 to P8: determinants.


def test_p3_a_padded_determinant_is_lost():
    model, x = plain(0), made_data(0).train_inputs
    padded = component_operators(model, x, delays=1)
    assert [log_determinant(operator.matrix) for operator in padded] == [-np.inf] * 5
    k = np.random.default_rng(0).normal(size=(6, 4))
    for lost in (np.pad(k, ((0, 0), (0, 2))), k):
        assert log_determinant(lost) == -np.inf
    square = mlp([6, 6, 4], seed=0).double()
    with torch.no_grad():
        square.linear1.bias[:] = 100  # units that always fire, and then one that never does
    assert np.isfinite(log_determinant(component_operators(square, x)[0].matrix))
    with torch.no_grad():
        square.linear1.weight[2], square.linear1.bias[2] = 0, -1
    assert log_determinant(component_operators(square, x)[0].matrix) == -np.inf


def test_p4_isometries_keep_the_pseudo_determinant_and_other_layers_do_not():
    rng = np.random.default_rng(0)
    k, auxiliary = rng.normal(size=(7, 4)), rng.normal(size=(4, 6))
    isometry = np.linalg.qr(rng.normal(size=(6, 4)))[0].T
    value = log_pseudo_determinant(k)
    assert log_pseudo_determinant(k @ isometry) == pytest.approx(value, abs=1e-10)
    shift = 0.5 * np.linalg.slogdet(auxiliary @ auxiliary.T)[1]
    assert log_pseudo_determinant(k @ auxiliary) == pytest.approx(value + shift, abs=1e-10)
    # P4': no isometry from 7 inputs to 4 makes more of it, and that of the singular vectors makes as much.
    best = linalg.svd(k, full_matrices=False)[0]
    assert log_determinant(best.T @ k) == pytest.approx(value, abs=1e-10)
    tried = [log_determinant(np.linalg.qr(rng.normal(size=(7, 4)))[0].T @ k) for _ in range(300)]
    assert max(tried) < value

    # It takes full column rank: of diag(1, 0) no isometry makes a determinant, and none of a wide operator.
    for lame in (np.diag([1.0, 0.0]), np.eye(2, 3)):
        columns = lame.shape[1]
        assert log_pseudo_determinant(lame) == pytest.approx(0)
        square = [np.linalg.qr(rng.normal(size=(columns, 2)))[0] @ lame for _ in range(20)]
        assert all(log_determinant(each) == -np.inf for each in square)


def test_what_counts_as_zero_is_said():
    values = np.diag([2.0, 1e-3, 1e-9])
    assert log_pseudo_determinant(values) == pytest.approx(np.log(2e-3))
    assert log_pseudo_determinant(values, tolerance=1e-12) == pytest.approx(np.log(2e-12))
    assert log_pseudo_determinant(1e-4 * values) == pytest.approx(np.log(2e-11)), "a share, whatever the unit"
    assert log_pseudo_determinant(np.zeros((2, 3))) == -np.inf
    turned = np.array([[0.0, 2.0], [0.0, 0.0]])  # no eigenvalue, one singular value
    assert log_pseudo_determinant(turned, eigenvalues=True) == -np.inf
    assert log_pseudo_determinant(turned) == pytest.approx(np.log(2))


@pytest.mark.parametrize("delays", [1, 2, 3])
@pytest.mark.parametrize("seed", [0, 1])
def test_p5_delays_add_nothing_but_zeros_to_a_linear_component(delays, seed):
    model, x = straight([4, 4, 4], seed), made_data(seed, 4).train_inputs
    with torch.no_grad():
        for part in (model.linear1, model.linear2):
            part.weight.copy_(torch.tensor(np.random.default_rng(seed).normal(size=(4, 4)) / 2))
    g = model.linear1.weight.detach().numpy().T
    operator = component_operators(model, x, delays=delays)[0]
    assert operator.matrix.shape == (4 * (delays + 1),) * 2
    stack = np.hstack([np.linalg.matrix_power(g, power) for power in range(delays, -1, -1)])  # newest first
    np.testing.assert_allclose(operator.matrix, np.linalg.pinv(stack) @ g @ stack, atol=1e-8)
    assert np.linalg.matrix_rank(operator.matrix, tol=1e-8) == 4
    assert log_determinant(operator.matrix) == -np.inf
    found = log_pseudo_determinant(operator.matrix, eigenvalues=True)
    assert found == pytest.approx(np.linalg.slogdet(g)[1], abs=1e-8)
    assert operator.residual < 1e-8


def test_p6_the_determinant_of_a_companion_is_that_of_the_oldest_block():
    rng = np.random.default_rng(0)
    newest, oldest = rng.normal(size=(2, 3, 3))
    companion = np.block([[newest, np.eye(3)], [oldest, np.zeros((3, 3))]])  # rows, newest first
    assert log_determinant(companion) == pytest.approx(np.linalg.slogdet(oldest)[1], abs=1e-10)


def test_p7_determinants_of_square_operators_add_up():
    chain = np.random.default_rng(0).normal(size=(4, 5, 5))
    added = sum(log_determinant(k) for k in chain)
    assert log_determinant(np.linalg.multi_dot(chain)) == pytest.approx(added, abs=1e-10)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_p8_volumes_add_up_where_pseudo_determinants_do_not(seed):
    first, second = np.array([[1.0, 0.0]]), np.array([[1.0], [1.0]]) / np.sqrt(2)
    assert log_pseudo_determinant(first) == log_pseudo_determinant(second) - 0 == pytest.approx(0)
    assert log_pseudo_determinant(first @ second) == pytest.approx(-np.log(2) / 2)

    rng = np.random.default_rng(seed)
    widths = [8, 12, 6, 10, 4]
    chain = [rng.normal(size=shape) for shape in pairwise(widths)]
    volumes = backward_volumes(chain)
    whole = np.linalg.svd(np.linalg.multi_dot([*chain, contrasts(4)]))[1]
    assert volumes.sum() == pytest.approx(np.log(whole).sum(), abs=1e-12)
    gap = sum(map(log_pseudo_determinant, chain)) - log_pseudo_determinant(np.linalg.multi_dot(chain))
    assert abs(gap) > 1
    v = np.linalg.qr(rng.normal(size=(4, 2)))[0]
    whole = np.linalg.svd(np.linalg.multi_dot([*chain, v]))[1]
    assert backward_volumes(chain, v).sum() == pytest.approx(np.log(whole).sum(), abs=1e-12)

    model, x = plain(seed), made_data(seed)
    whole = np.linalg.svd(np.linalg.multi_dot([*mean_jacobians(model, x.train_inputs), contrasts(4)]))[1]
    assert credits(model, x, methods=["volume"])["volume"].sum() == pytest.approx(np.log(whole).sum(), abs=1e-10)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_two_splits_of_a_volume_differ_by_the_angles_between_what_arrives_and_what_is_read(seed):
    rng = np.random.default_rng(seed)
    chain = [rng.normal(size=shape) for shape in pairwise([8, 12, 6, 10, 4])]
    v = np.linalg.qr(rng.normal(size=(4, 2)))[0]
    for contrast in (contrasts(4), v):
        onward, back = forward_volumes(chain, contrast), backward_volumes(chain, contrast)
        start = linalg.orth(np.linalg.multi_dot([*chain, contrast]))
        ahead = 0.0
        for place in range(1, len(chain)):
            arrives = start.T @ np.linalg.multi_dot([np.eye(8), *chain[:place]])
            # The growth of all that has been carried so far is the volume of the parallelepiped of its rows.
            assert onward[:place].sum() == pytest.approx(np.linalg.slogdet(arrives @ arrives.T)[1] / 2, abs=1e-10)
            read = np.linalg.multi_dot([*chain[place:], contrast])
            gap = -np.log(np.cos(linalg.subspace_angles(arrives.T, read))).sum()
            ahead = onward[:place].sum() - back[:place].sum()
            assert ahead == pytest.approx(gap, abs=1e-10)
            assert ahead > 0
        assert onward.sum() == pytest.approx(back.sum(), abs=1e-10)


def test_a_volume_that_is_lost_cannot_be_shared_out_from_the_input():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 4, 4))
    with pytest.raises(ValueError, match=r"keeps 2 of the 3 directions"):
        forward_volumes([first, second @ np.diag([1.0, 1.0, 0.0, 0.0]), np.eye(4)], np.eye(4)[:, :3])
    with pytest.raises(ValueError, match="got none"):
        forward_volumes([])
    with pytest.raises(ValueError, match="follow on each other"):
        forward_volumes([first, np.ones((3, 4))])


def test_contrasts_see_all_but_a_common_shift():
    v = contrasts(5)
    np.testing.assert_allclose(v.T @ v, np.eye(4), atol=1e-12)
    np.testing.assert_allclose(v.sum(axis=0), 0, atol=1e-12)
    np.testing.assert_array_equal(contrasts(1), [[1]])


def test_a_lost_direction_is_minus_infinity_and_goes_no_further():
    rng = np.random.default_rng(0)
    first, second, third = rng.normal(size=(3, 4, 4))
    narrow = second @ np.diag([1.0, 1.0, 0.0, 0.0])  # third @ V has three directions, and two of them are kept
    volumes = backward_volumes([first, narrow, third])
    assert volumes[1] == -np.inf
    kept = linalg.orth(narrow @ third @ contrasts(4), rcond=1e-10)
    assert kept.shape[1] == 2
    assert volumes[0] == pytest.approx(log_pseudo_determinant(first @ kept), abs=1e-10)
    assert np.isfinite(volumes[2])
    killed = backward_volumes([first, np.zeros((4, 4)), third])
    assert killed[1] == -np.inf
    assert np.isnan(killed[0])

    model, data = plain(1), made_data(1)
    with torch.no_grad():
        model.linear3.weight[2:], model.linear3.bias[2:] = 0, -1
    table = credits(model, data)
    assert list(np.isneginf(table["volume"])) == [False, False, True, False, False]
    assert np.isfinite(table.drop(columns="volume").to_numpy()).all()


# P9 and P10: what a determinant cannot know.


@pytest.mark.parametrize("seed", [0, 1])
def test_p9_the_gauge_moves_determinants_volumes_and_swaps_and_nothing_else(seed):
    model, data, c = plain(seed), made_data(seed), 3.0
    before = credits(model, data)
    outputs = model(torch.tensor(data.test_inputs)).detach()
    states = [part for part in component_operators(model, data.train_inputs)]
    with torch.no_grad():
        model.linear2.weight.mul_(c)
        model.linear2.bias.mul_(c)
        model.linear3.weight.div_(c)
    after = credits(model, data)
    assert (model(torch.tensor(data.test_inputs)) - outputs).abs().max() < 1e-12
    shift = 3 * np.log(c)  # r = 4 classes less one
    np.testing.assert_allclose(after["volume"] - before["volume"], [0, shift, -shift, 0, 0], atol=1e-10)
    moved = (after["determinant"] - before["determinant"]) / np.log(c)
    assert moved.iloc[1] > 1
    np.testing.assert_allclose(moved, moved.round(), atol=1e-8)
    for name in ("weight_gain", "noise_gain", "residual"):
        np.testing.assert_allclose(after[name], before[name], atol=1e-8)
    assert abs(after["swap"] - before["swap"]).max() > 1e-2, "units differ, so doing nothing differs"
    scaled = component_operators(model, data.train_inputs)
    np.testing.assert_allclose(scaled[1].matrix, c * states[1].matrix, atol=1e-8)


def test_p9_whitened_operators_do_not_know_the_gauge():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 5)) @ rng.normal(size=(5, 5)) + 1
    y = np.maximum(x @ rng.normal(size=(5, 4)), 0)
    found = canonical_correlations(x, y)
    cx, cy, cxy = np.cov(x.T), np.cov(y.T), np.cov(x.T, y.T)[:5, 5:]
    slow = linalg.inv(linalg.sqrtm(cx)) @ cxy @ linalg.inv(linalg.sqrtm(cy))
    np.testing.assert_allclose(found, np.linalg.svd(slow)[1], atol=1e-8)
    operator = linalg.solve(cx, cxy)
    whitened = linalg.sqrtm(cx) @ operator @ linalg.inv(linalg.sqrtm(cy))
    np.testing.assert_allclose(found, np.linalg.svd(whitened)[1], atol=1e-8)
    moved = canonical_correlations(x @ rng.normal(size=(5, 5)) - 7, 9 * y @ rng.normal(size=(4, 4)))
    np.testing.assert_allclose(moved, found, atol=1e-8)


@pytest.mark.parametrize("seed", [0, 1])
def test_p10_a_rotation_is_credited_with_nothing_except_by_swap(seed):
    table = credits(blocks(seed), made_data(seed))
    for turned_or_idle in ("block2", "block4"):
        assert abs(table.loc[turned_or_idle, "determinant"]) < 1e-8
        assert abs(table.loc[turned_or_idle, "volume"]) < 1e-10
        assert table.loc[turned_or_idle, "residual"] < 1e-8
        assert abs(table.loc["block1", "determinant"]) > 1e-2
    assert table.loc["block2", "swap"] > 0.3
    assert table.loc["block4", "swap"] == 0
    for weightless in ("block2", "block4"):
        assert table.loc[weightless, "weight_gain"] < 1e-10, "noise on its weights does nothing"


# P11: excitation.


@pytest.mark.parametrize("seed", [0, 1])
def test_p11_an_excited_linear_component_is_exact_where_data_say_nothing(seed):
    model, x = straight([5, 4, 3], seed), made_data(seed, 5).train_inputs.copy()
    x[:, 2] = 1.5  # a constant input
    excited, plain_ = (component_operators(model, x, excite=e)[0] for e in (0.5, None))
    weights = model.linear1.weight.detach().numpy().T
    np.testing.assert_allclose(excited.matrix, weights, atol=1e-10)
    assert excited.residual < 1e-10
    assert np.abs(plain_.matrix - weights).max() > 1e-2
    np.testing.assert_allclose(excited.predict(x), plain_.predict(x), atol=1e-8)


def test_p11_an_excited_layer_is_the_mean_jacobian_even_of_data_that_are_not_gaussian():
    model = mlp([3, 5, 4], seed=1).double()
    rng = np.random.default_rng(0)
    x = np.exp(rng.normal(size=(40000, 3))) @ rng.normal(size=(3, 3))
    d = 0.3 * x.std(axis=0).mean() * rng.normal(size=x.shape)
    jacobian = mean_jacobians(model, x + d)[0]
    excited = component_operators(model, x, excite=0.3)[0].matrix
    plain_ = component_operators(model, x)[0].matrix
    assert np.abs(excited - jacobian).max() < 0.02
    assert np.abs(plain_ - jacobian).max() > 0.1
    gaussian = rng.normal(size=(40000, 3)) @ rng.normal(size=(3, 3)) + 0.5
    regression, mean = component_operators(model, gaussian)[0].matrix, mean_jacobians(model, gaussian)[0]
    assert np.abs(regression - mean).max() < 0.02, "Stein: for Gaussian states a regression is the mean Jacobian"


def test_excitation_repeats_by_seed_and_needs_samples():
    model, x = plain(0), made_data(0).train_inputs
    one, same, other = (component_operators(model, x, excite=0.5, seed=seed)[0].matrix for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 1e-6


# P12 to P14: what gains and swaps mean.


def test_p12_signed_attributions_add_up_to_the_same_at_every_layer():
    from captum.attr import LayerConductance, LayerIntegratedGradients

    model = mlp([4, 6, 5, 3], activation=nn.Tanh, seed=0).double()
    x = torch.tensor(np.random.default_rng(0).normal(size=(7, 4)))
    wanted = (model(x) - model(torch.zeros_like(x)))[:, 1].detach()
    for layer in (model.act1, model.act2, model.linear3):
        integrated = LayerIntegratedGradients(model, layer).attribute(x, target=1, n_steps=50)
        np.testing.assert_allclose(integrated.sum(dim=1).detach(), wanted, atol=1e-8)
        conductance = LayerConductance(model, layer).attribute(x, target=1, n_steps=500)  # of first order in a step
        np.testing.assert_allclose(conductance.sum(dim=1).detach(), wanted, atol=1e-4)


@pytest.mark.parametrize("seed", [0, 1])
def test_p13_gains_are_what_noise_does_to_a_linear_network(seed):
    model, data = straight([6, 6, 5, 4], seed), made_data(seed)
    table = credits(model, data, energy=1.0)
    rng, v = np.random.default_rng(seed), contrasts(4)
    states = [data.train_inputs]
    for part in components(model):
        states.append(part(states[-1]))
    spread = np.sqrt(((states[-1] @ v - (states[-1] @ v).mean(axis=0)) ** 2).sum(axis=1).mean())
    rest = model.linear3.weight.detach().numpy().T
    noise = states[2].std(axis=0) * rng.normal(size=(20000, 5))
    size = np.sqrt(((noise @ rest @ v) ** 2).sum(axis=1).mean())
    assert table.loc["linear2", "noise_gain"] == pytest.approx(size / spread, rel=0.03)

    weights = model.linear2.weight.detach().numpy().T
    moved = [
        ((states[1] @ (np.sqrt((weights**2).mean()) * rng.normal(size=weights.shape)) @ rest @ v) ** 2)
        .sum(axis=1)
        .mean()
        for _ in range(3000)
    ]
    assert table.loc["linear2", "weight_gain"] == pytest.approx(np.sqrt(np.mean(moved)) / spread, rel=0.05)


@pytest.mark.parametrize("seed", [0, 1])
def test_p14_swap_is_exact_for_what_a_linear_network_loses(seed):
    model, data, v = straight([5, 5, 5, 4], seed), made_data(seed, 5), contrasts(4)
    table = credits(model, data, methods=["swap"], energy=1.0)
    x = torch.tensor(data.train_inputs)
    whole = model(x).detach().numpy() @ v
    spread = np.sqrt(((whole - whole.mean(axis=0)) ** 2).sum(axis=1).mean())
    for name in ("linear1", "linear2"):
        without = nn.Sequential(*(part for other, part in model.named_children() if other != name))
        lost = whole - without(x).detach().numpy() @ v
        assert table.loc[name, "swap"] == pytest.approx(np.sqrt((lost**2).sum(axis=1).mean()) / spread, abs=1e-8)


# Operators.


def test_operators_with_fewer_directions_and_with_depth():
    model, data = plain(0), made_data(0)
    states = slow_states(slow_functions(model), data.train_inputs)
    for operator, x, y in zip(component_operators(model, data.train_inputs, rank=3), states, states[1:], strict=False):
        basis = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)[2][:3].T
        fitted = LinearRegression().fit(x @ basis, y)
        np.testing.assert_allclose(operator.predict(x), fitted.predict(x @ basis), atol=1e-8)
    ranked = component_operators(model, data.train_inputs, rank=3, delays=1)[2]
    assert np.linalg.matrix_rank(ranked.matrix, tol=1e-8) <= 3

    for i, operator in enumerate(component_operators(model, data.train_inputs, delays=2, along="depth")):
        past = np.hstack(states[max(0, i - 2) : i + 1][::-1])
        fitted = LinearRegression().fit(past, states[i + 1])
        np.testing.assert_allclose(operator.predict(past), fitted.predict(past), atol=1e-8)
        missed = np.sqrt(1 - r2_score(states[i + 1], fitted.predict(past), multioutput="variance_weighted"))
        assert operator.residual == pytest.approx(missed, abs=1e-7)


def test_orbits_are_those_of_the_aligned_component():
    model, data = plain(0), made_data(0)
    x = data.train_inputs
    first = components(model)[0]
    aligned = align(x, first(x), "isometry")
    orbit = [aligned.embed_inputs(x)]
    for _ in range(3):
        orbit.append(aligned.embed_outputs(first(aligned.recover_inputs(orbit[-1]))))
    present, following = (np.hstack(orbit[i : i + 3][::-1]) for i in (0, 1))
    fitted = LinearRegression().fit(present, following)
    operator = component_operators(model, x, delays=2, alignment="isometry")[0]
    np.testing.assert_allclose(operator.predict(present), fitted.predict(present), atol=1e-6)
    score = r2_score(orbit[3], fitted.predict(present)[:, :9], multioutput="variance_weighted")
    assert operator.residual == pytest.approx(np.sqrt(1 - score), abs=1e-5)


def test_jacobians_are_means_of_those_of_autograd():
    model, x = blocks(0), made_data(0).train_inputs[:40]
    functions = slow_functions(model)
    states = slow_states(functions, x)
    for found, function, rows in zip(mean_jacobians(model, x), functions, states, strict=False):
        slow = [torch.autograd.functional.jacobian(function, torch.tensor(row)).numpy().T for row in rows]
        np.testing.assert_allclose(found, np.mean(slow, axis=0), atol=1e-12)


# Bad input.


def test_bad_models_and_data():
    data = made_data(0)

    def refused(message, model, inputs=data.train_inputs, **options):
        with pytest.raises(ValueError, match=message):
            component_operators(model, inputs, **options)

    refused("between two components or more, but the model has 1", mlp([6, 4]))
    refused("between two components or more, but the model has 0", nn.Sequential(nn.ReLU(), nn.ReLU()))
    refused("between two components or more, but the model has 1", nn.Linear(6, 4))
    with pytest.raises(ValueError, match=r"a Linear is no plain nn.Sequential.* give inputs"):
        components(nn.Linear(6, 4))
    refused("stops must be a list of names", plain(0), stops="act1")
    refused("no module named \\['act9'\\]; the model has \\['linear1'", plain(0), stops=["act9", "linear5"])
    refused("in the order of the modules", plain(0), stops=["act2", "act1", "linear5"])
    refused("end with the last of them", plain(0), stops=["act1", "act2"])
    refused("between two components or more", plain(0), stops=["linear5"])

    refused("shape \\(300, 5\\) cannot pass the component 'linear1'", plain(0), data.train_inputs[:, :5])
    refused("two samples or more, got \\(1, 6\\)", plain(0), data.train_inputs[:1])
    refused("two samples or more, got \\(6,\\)", plain(0), data.train_inputs[0])
    refused("real numbers, got dtype <U", plain(0), np.full((9, 6), "a"))
    poisoned = data.train_inputs.copy()
    poisoned[5, 1] = np.nan
    refused("the inputs hold nan in sample 5", plain(0), poisoned)

    refused(
        "'1' gives a tuple, but one tensor is wanted", nn.Sequential(nn.Linear(6, 3), nn.GRU(3, 3), nn.Linear(3, 2))
    )
    refused("'1' makes shape \\(1, 300, 3\\)", nn.Sequential(nn.Linear(6, 3), Odd(), nn.Linear(3, 2)))
    silent = plain(0)
    with torch.no_grad():
        silent.linear2.bias.fill_(-1e6)
    refused("'linear2' gives one and the same output for all 300 samples", silent)
    with torch.no_grad():
        silent.linear2.bias.fill_(torch.inf)
    refused("outputs of component 'linear2' hold inf", silent)

    refused("along must be", plain(0), along="time")
    refused("delays must be a whole number, 0 or more, got -1", plain(0), delays=-1)
    refused("delays must be a whole number, 0 or more, got 1.5", plain(0), delays=1.5)
    refused("excite goes with delays=0.*got delays=1", plain(0), delays=1, excite=0.5)
    refused("excite goes with.*rank=2", plain(0), rank=2, excite=0.5)
    refused("excite must be above 0, got -1", plain(0), excite=-1)
    refused("sample or more for each of the 6 inputs of 'linear1'", plain(0), data.train_inputs[:2], excite=1)
    refused("energy must be a share of the variance, above 0 and at most 1, got 1.5", plain(0), energy=1.5)
    refused("energy must be a share.* got 0", plain(0), energy=0)
    refused("rank must be 1 or more, got 0", plain(0), rank=0)
    refused("leave out energy=0.9", plain(0), delays=1, energy=0.9)
    refused("method must be one of 'padding', 'isometry' and 'svd', got 'zeros'", plain(0), delays=1, alignment="zeros")
    growing = straight([6, 6, 4], 0)
    with torch.no_grad():
        growing.linear1.weight.mul_(1e200)
    with np.errstate(invalid="ignore"):  # on the way the overflow meets a zero, of which some BLAS warn
        refused("orbit of 'linear1' overflows after 3 applications", growing, delays=2)


class Odd(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(3, 3)

    def forward(self, x):
        return self.inner(x)[None]


def test_bad_requests_of_credits():
    model, data = plain(0), made_data(0)

    def refused(message, **options):
        with pytest.raises(ValueError, match=message):
            credits(model, data, **options)

    refused("names from \\['determinant', 'volume'", methods=["determinants"])
    refused("names from", methods="volume")
    refused("names from", methods=[])
    refused(
        "'mine' must give shape \\(5,\\), one number a component, got \\(2,\\)", methods={"mine": lambda study: [1, 2]}
    )
    refused("shape \\(4, r\\) for 4 outputs, got \\(3, 2\\)", contrast=np.eye(3, 2))
    refused("columns of the contrast must be orthonormal", contrast=2 * np.eye(4))

    for wrong in (np.zeros(3), np.zeros((0, 2)), np.full((2, 2), np.nan)):
        with pytest.raises(ValueError, match="need a matrix of finite numbers"):
            log_determinant(wrong)
    with pytest.raises(ValueError, match="one operator or more"):
        backward_volumes([])
    with pytest.raises(ValueError, match="shapes must follow on each other"):
        backward_volumes([np.eye(3), np.eye(4)])
    with pytest.raises(ValueError, match="of the same samples"):
        canonical_correlations(np.eye(3), np.eye(4))
    with pytest.raises(ValueError, match="of the same samples"):
        align(np.eye(3), np.eye(4))


def test_only_a_chain_of_blocks_has_a_way_around_its_weights():
    one, two = residual_mlp(5, 5, width=5, gains=[1, 1])[2:4]
    chain = nn.Sequential(nn.ReLU(), nn.Linear(6, 5), one, two, nn.Tanh(), nn.Linear(5, 3)).double()
    x = made_data(0).train_inputs
    for stops, ways in ((None, [False, True, True, False]), (["2", "4", "5"], [False, True, False])):
        parts = components(chain, stops)
        states = collect_states(parts, x)[:-1]
        assert [has_way_around(part, before) for part, before in zip(parts, states, strict=True)] == ways
        for part, before in zip(parts, states, strict=True):
            left = excited_operator(without_weights(part), before, 0.5, np.random.default_rng(0))
            assert left.matrix.any() == has_way_around(part, before)
    convolution, _ = components(nn.Sequential(nn.Conv1d(1, 2, 3), nn.Linear(4, 3)))
    assert not has_way_around(convolution, np.random.default_rng(0).normal(size=(9, 1, 6)))


def test_a_component_without_gradient_says_so():
    model, data = plain(0), made_data(0)
    model[0] = Stopped(model[0])
    with pytest.raises(ValueError, match="no gradient passes the component 'linear1'"):
        credits(model, data, methods=["volume"])
    assert np.isfinite(credits(model, data, methods=["swap", "weight_gain"]).to_numpy()).all()


class Stopped(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner(x).detach()
