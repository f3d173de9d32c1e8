"""Order, groups, modes, projectors and memory read from an eigendecomposition."""

import numpy as np
import pytest
from test_koopman import ragged

from linearlens.koopman import (
    ControlledKoopman,
    Koopman,
    check_group,
    conjugate_groups,
    eigenvalue_distance,
    eigenvalue_order,
    eigenvector_condition,
    memory_horizon,
    modes,
    span_projector,
    spectral_projector,
)


@pytest.fixture(params=[0, 1, 2])
def fitted(request) -> Koopman:
    koopman = Koopman().fit(ragged(request.param))
    assert any(koopman.eigenvalues_.imag), "a pair is wanted, so that pairs are tested"
    return koopman


@pytest.mark.parametrize("seed", range(5))
def test_eigenvalues_are_told_by_modulus_then_real_part_then_as_they_came_with_the_conjugate_next(seed):
    rng = np.random.default_rng(seed)
    real = rng.choice([0.9, 0.5, -0.5, 0.0, 1.0], size=5)  # some tie, some come twice
    upper = rng.choice([0.3 + 0.4j, 0.4 + 0.3j, -0.3 + 0.4j, 0.9 + 2e-12j, 0.9 + 1e-12j, 0.1 + 0.2j], size=5)
    groups = [[value] for value in real] + [[value, value.conjugate()] for value in upper]
    for _ in range(10):
        came = [groups[number] for number in rng.permutation(len(groups))]
        values = np.concatenate(came)
        order = eigenvalue_order(values)
        expected = sorted(came, key=lambda group: (-abs(group[0]), -group[0].real))
        assert values[order].tolist() == np.concatenate(expected).tolist()
        assert sorted(order) == list(range(len(values)))


def test_equal_eigenvalues_stay_in_the_order_they_came_in():
    assert eigenvalue_order(np.array([0.5, 0.9, 0.5, 0.9])).tolist() == [1, 3, 0, 2]
    assert eigenvalue_order(np.array([0.3 + 0.4j, 0.3 - 0.4j] * 2)).tolist() == [0, 1, 2, 3]
    assert eigenvalue_order(np.array([])).tolist() == []


@pytest.mark.parametrize(
    "values",
    [
        [0.5 - 0.1j],
        [0.5 - 0.1j, 0.5 + 0.1j],
        [0.5 - 0.1j, 0.5 + 0.1j, 0.9],
        [0.9, 0.5 + 0.1j, 0.5 - 0.2j],
        [0.1 + 1j, 0.1 + 1j, 0.1 - 1j, 0.1 - 1j],
        [0.5 + 0.1j, 0.5 - 0.1j, 0.5 - 0.1j],
        [0.5 + 0.1j, 0.9, 0.5 - 0.1j],
        [0.9, 0.5 + 0.1j],
    ],
)
def test_eigenvalues_without_their_conjugate_after_them_have_no_order(values):
    with pytest.raises(ValueError, match="has no conjugate after it"):
        eigenvalue_order(np.array(values))


def test_operators_with_and_without_inputs_tell_their_eigenvalues_in_one_order(fitted):
    z = np.random.default_rng(0).normal(size=(5, 20, 6))
    driven = ControlledKoopman().fit(z, z[..., :2])
    for koopman in (fitted, driven):
        assert eigenvalue_order(koopman.eigenvalues_).tolist() == list(range(len(koopman.eigenvalues_)))
    scaled = fitted.operator_ @ fitted.eigenvectors_ - fitted.eigenvectors_ * fitted.eigenvalues_
    assert np.abs(scaled).max() < 1e-10 * np.abs(fitted.eigenvectors_).max(), "vectors went with their values"


@pytest.mark.parametrize("seed", range(5))
def test_groups_hold_every_index_once_in_any_order(seed):
    rng = np.random.default_rng(seed)
    real, upper = rng.normal(size=3), rng.normal(size=4) + 1j * rng.uniform(0.1, 1, size=4)
    values = np.concatenate([real, upper, upper.conj(), upper[:1], upper[:1].conj()])  # one pair twice
    values = values[rng.permutation(len(values))]
    groups = conjugate_groups(values)
    assert sorted(np.concatenate(groups)) == list(range(len(values)))
    assert [group[0] for group in groups if len(group) == 1] == np.flatnonzero(values.imag == 0).tolist()
    for group in groups:
        assert values[group[-1]] == values[group[0]].conjugate()
        assert values[group[0]].imag >= 0
    assert [min(group) for group in groups] == sorted(min(group) for group in groups)


def test_groups_do_not_depend_on_the_order(fitted):
    def found(values):
        return {frozenset(values[group]) for group in conjugate_groups(values)}

    order = np.random.default_rng(0).permutation(6)
    assert found(fitted.eigenvalues_[order]) == found(fitted.eigenvalues_)


def test_close_pairs_are_not_mixed():
    values = np.array([0.5 + 1e-5j, 0.5 + 2e-5j, 0.5 - 2e-5j, 0.5, 0.5 - 1e-5j])
    assert [group.tolist() for group in conjugate_groups(values)] == [[0, 4], [1, 2], [3]]


@pytest.mark.parametrize("values", [[0.5 + 0.1j], [0.9, 0.5 + 0.1j, 0.5 - 0.2j], [0.1 + 1j, 0.1 + 1j, 0.1 - 1j]])
def test_a_lone_complex_eigenvalue_is_refused(values):
    with pytest.raises(ValueError, match="has no conjugate"):
        conjugate_groups(np.array(values))


def test_memory_horizon_is_the_number_of_steps_to_the_threshold():
    sizes = np.array([0.1, 0.5, 0.9])
    horizon = memory_horizon(sizes * np.exp([0, 1j, 2j]), threshold=0.05)
    np.testing.assert_allclose(sizes**horizon, 0.05)
    np.testing.assert_array_equal(memory_horizon(np.array([0, 1, 1j, -1.5])), [0, np.inf, np.inf, np.inf])
    np.testing.assert_array_equal(memory_horizon(np.array([np.nan, 1])), [np.nan, np.inf])
    for threshold in (0, 1, -0.1):
        with pytest.raises(ValueError, match="threshold must be between 0 and 1"):
            memory_horizon(sizes, threshold=threshold)


def test_the_distance_of_spectra_is_the_largest_to_a_nearest():
    first, second = np.array([1.0, 0.5j, -0.5j]), np.array([-0.5j, 0.8, 0.5j])
    assert eigenvalue_distance(first, second) == eigenvalue_distance(second, first) == pytest.approx(0.2)
    one, two = np.array([1.0, 1.0]), np.array([1.0, 0.0])
    assert eigenvalue_distance(one, two) == eigenvalue_distance(two, one) == 1, "from either set"
    with pytest.raises(ValueError, match="3 eigenvalues cannot be matched with 2"):
        eigenvalue_distance(first, second[:2])
    with pytest.raises(ValueError, match="at least one eigenvalue in each set, got none"):
        eigenvalue_distance(np.array([]), np.array([]))


def test_modes_turn_eigenfunctions_back_into_observables(fitted):
    states = ragged(5)[0]
    rows = modes(fitted.eigenvectors_)
    np.testing.assert_allclose(rows @ fitted.eigenvectors_, np.eye(6), atol=1e-10)
    np.testing.assert_allclose(fitted.eigenfunctions(states) @ rows, states, atol=1e-10)
    np.testing.assert_allclose(rows @ fitted.operator_, fitted.eigenvalues_[:, None] * rows, atol=1e-10)


def test_spectral_projectors_are_idempotent_commute_and_sum_to_one(fitted):
    groups = conjugate_groups(fitted.eigenvalues_)
    projectors = [spectral_projector(fitted.eigenvectors_, group) for group in groups]
    for group, projector in zip(groups, projectors, strict=True):
        assert projector.dtype == float
        np.testing.assert_allclose(projector @ projector, projector, atol=1e-10)
        np.testing.assert_allclose(projector @ fitted.operator_, fitted.operator_ @ projector, atol=1e-10)
        assert np.trace(projector) == pytest.approx(len(group))
        other = np.delete(np.arange(6), group)
        np.testing.assert_allclose(projector @ fitted.eigenvectors_[:, other], 0, atol=1e-10)
    np.testing.assert_allclose(sum(projectors), np.eye(6), atol=1e-10)
    np.testing.assert_allclose(projectors[0] @ projectors[1], 0, atol=1e-10)


def test_half_a_pair_has_no_spectral_projector(fitted):
    pair = next(group for group in conjugate_groups(fitted.eigenvalues_) if len(group) == 2)
    with pytest.raises(ValueError, match="splits a conjugate pair; take groups from conjugate_groups"):
        spectral_projector(fitted.eigenvectors_, pair[:1])
    both, half = (span_projector(fitted.eigenvectors_, group) for group in (pair, pair[:1]))
    np.testing.assert_allclose(half, both, atol=1e-10)


def test_span_projectors_are_orthogonal_and_never_lengthen(fitted):
    states = np.random.default_rng(0).normal(size=(50, 6))
    for group in conjugate_groups(fitted.eigenvalues_):
        projector = span_projector(fitted.eigenvectors_, group)
        np.testing.assert_allclose(projector, projector.T, atol=1e-12)
        np.testing.assert_allclose(projector @ projector, projector, atol=1e-12)
        assert np.all(np.linalg.norm(states @ projector, axis=1) <= np.linalg.norm(states, axis=1))
        rows = modes(fitted.eigenvectors_)[group]
        np.testing.assert_allclose(rows @ projector, rows, atol=1e-10)  # the modes stay where they are
        assert np.trace(projector) == pytest.approx(len(group))


def test_a_spectral_projector_may_lengthen_where_a_span_projector_may_not():
    """Modes (1, 0) and (1, 0.1) are nearly parallel."""
    vectors = np.linalg.inv(np.array([[1.0, 0.0], [1.0, 0.1]])).astype(complex)
    state = np.array([0.0, 1.0])
    assert np.linalg.norm(state @ spectral_projector(vectors, [0])) == pytest.approx(10)
    assert np.linalg.norm(state @ span_projector(vectors, [0])) == pytest.approx(0, abs=1e-12)
    assert eigenvector_condition(vectors) > 10
    assert eigenvector_condition(np.diag([3.0, 1.0])) == pytest.approx(1)  # lengths do not count


@pytest.mark.parametrize("projector", [spectral_projector, span_projector, check_group])
@pytest.mark.parametrize(
    ("group", "says"),
    [
        ([6], "group .6. is out of range: there are eigenvalues 0 to 5"),
        ([-1], "out of range"),
        ([], "one or more indices"),
        ([0.5], "one or more indices"),
    ],
)
def test_bad_groups(fitted, projector, group, says):
    with pytest.raises(ValueError, match=says):
        projector(fitted.eigenvectors_, group)
