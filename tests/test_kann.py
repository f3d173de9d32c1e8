"""What KANN reads from eigenvectors, against slow formulas and examples worked by hand."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from scipy.stats import binomtest
from sklearn.metrics import silhouette_score

from linearlens.kann import (
    compare_agreement,
    confusion,
    dominant_groups,
    forecast_ends,
    increment_phases,
    motion_plane,
    oriented,
    period,
    projection_magnitude,
    random_part,
    read_padded,
    read_texts,
    reading_direction,
    released_pairs,
    released_projector,
    remove_groups,
    running_silhouette,
    whiten,
)
from linearlens.koopman import ControlledKoopman, Koopman, Persistence, modes
from linearlens.models import GRUClassifier

REAL, PAIR, SMALL = 0, (1, 2), 3  # 0.95; 0.6 ± 0.6i; 0.3


@pytest.fixture(scope="module")
def trajectories() -> list[np.ndarray]:
    """Of a linear map that is not normal; mode 0.95 is large, the pair smaller, mode 0.3 smallest."""
    rng = np.random.default_rng(0)
    blocks = np.zeros((4, 4))
    blocks[0, 0], blocks[3, 3], blocks[1:3, 1:3] = 0.95, 0.3, [[0.6, 0.6], [-0.6, 0.6]]
    directions = np.eye(4) + 0.2 * rng.normal(size=(4, 4))
    states = []
    for n_steps in rng.integers(5, 9, 30):
        path = [rng.normal(size=4) * [10, 2, 2, 0.3]]
        for _ in range(n_steps):
            path.append(path[-1] @ blocks)
        states.append(np.stack(path) @ directions)
    return states


@pytest.fixture(scope="module")
def koopman(trajectories) -> Koopman:
    fitted = Koopman().fit(trajectories)
    np.testing.assert_allclose(fitted.eigenvalues_, [0.95, 0.6 + 0.6j, 0.6 - 0.6j, 0.3], atol=1e-6)
    return fitted


@pytest.fixture(scope="module")
def rescaled(koopman) -> Koopman:
    """The same operator with eigenvectors of other lengths and phases."""
    other, rng = deepcopy(koopman), np.random.default_rng(5)
    other.eigenvectors_ = koopman.eigenvectors_ * (rng.uniform(0.1, 9, 4) * np.exp(1j * rng.uniform(0, 6, 4)))
    return other


@pytest.mark.parametrize("unit", ["mode", "eigenvector"])
def test_magnitudes_are_those_of_the_formula_whatever_the_eigenvectors_scale(koopman, rescaled, trajectories, unit):
    states = np.concatenate(trajectories)
    found = projection_magnitude(koopman, states, unit=unit)
    v, u = koopman.eigenvectors_, np.linalg.inv(koopman.eigenvectors_)
    for row in (0, 7, 50):
        for j in range(4):
            scale = np.linalg.norm(u[j]) if unit == "mode" else 1 / np.linalg.norm(v[:, j])
            assert found[row, j] == pytest.approx(abs(sum(states[row, i] * v[i, j] for i in range(4))) * scale)
    np.testing.assert_allclose(projection_magnitude(rescaled, states, unit=unit), found, rtol=1e-9)
    assert found.shape == (len(states), 4)


def test_in_units_of_modes_a_magnitude_is_the_length_of_a_part_of_the_state(koopman, trajectories):
    states = trajectories[0]
    parts = koopman.eigenfunctions(states)[:, :, None] * modes(koopman.eigenvectors_)
    np.testing.assert_allclose(parts.sum(axis=1), states, atol=1e-8)
    np.testing.assert_allclose(projection_magnitude(koopman, states), np.linalg.norm(parts, axis=2), rtol=1e-9)
    with pytest.raises(ValueError, match="unit must be 'mode' or 'eigenvector', got 'length'"):
        projection_magnitude(koopman, states, unit="length")


def test_groups_are_whole_and_the_dominant_comes_first(koopman, rescaled, trajectories):
    for model in (koopman, rescaled):
        assert [group.tolist() for group in dominant_groups(model, trajectories)] == [[REAL], list(PAIR), [SMALL]]
        total = projection_magnitude(model, np.stack([item[-1] for item in trajectories])).sum(axis=0)
        last = dominant_groups(model, trajectories, step=-1)
        sizes = [total[group].sum() for group in last]
        assert sizes == sorted(sizes, reverse=True)
        assert {tuple(group.tolist()) for group in last} == {(REAL,), PAIR, (SMALL,)}
    shrunk = [item - item @ _projector(koopman, [REAL]) for item in trajectories]
    assert dominant_groups(koopman, shrunk)[0].tolist() == list(PAIR)


def _projector(koopman, group):
    return (koopman.eigenvectors_[:, group] @ modes(koopman.eigenvectors_)[group]).real


def test_increments_of_a_real_eigenvalue_are_plain_differences(koopman, trajectories):
    phases = increment_phases(koopman, trajectories)
    np.testing.assert_allclose(phases[[REAL, SMALL]], 0, atol=1e-9)
    assert phases[PAIR[0]] == pytest.approx(-phases[PAIR[1]])


def test_the_phase_is_that_of_the_largest_motion(koopman, trajectories):
    phases = increment_phases(koopman, trajectories)
    steps = np.concatenate([np.diff(koopman.eigenfunctions(item), axis=0) for item in trajectories])

    def motion(angles):
        return ((steps * np.exp(-1j * angles)).real ** 2).sum(axis=0)

    for turn in np.linspace(0.1, np.pi - 0.1, 12):
        assert (motion(phases) >= motion(phases + turn)).all()


def test_a_reading_direction_does_not_depend_on_an_eigenvectors_phase(koopman, trajectories):
    outputs = np.array([item[-1].sum() for item in trajectories])
    other = deepcopy(koopman)
    other.eigenvectors_ = koopman.eigenvectors_ * np.exp(1j * np.array([0.3, 1.0, 2.5, -2.0]))
    for index in (PAIR[0], PAIR[1]):
        one, two = (reading_direction(model, trajectories, outputs, index=index) for model in (koopman, other))
        np.testing.assert_allclose(one, two, atol=1e-8)
    real = reading_direction(koopman, trajectories, outputs)
    assert np.linalg.matrix_rank(np.stack([real, koopman.eigenvectors_[:, REAL].real]), tol=1e-8) == 1


def test_a_direction_is_turned_to_grow_with_the_output():
    rng = np.random.default_rng(0)
    outputs = rng.normal(size=50) + 3
    states = [np.stack([rng.normal(size=3), [output, -output, 50 - 2 * output]]) for output in outputs]
    for place, sign in enumerate((1, -1, -1)):
        axis = np.eye(3)[place]
        np.testing.assert_array_equal(oriented(axis, states, outputs), sign * axis)
        np.testing.assert_array_equal(oriented(axis, states, -outputs), -sign * axis)
        np.testing.assert_array_equal(oriented(axis, states, np.zeros(50)), axis)
    for wrong in (outputs[:-1], outputs[:, None]):
        with pytest.raises(ValueError, match=r"one output a sequence, shape \(50,\), got shape"):
            oriented(np.eye(3)[0], states, wrong)


@pytest.fixture(scope="module")
def network() -> GRUClassifier:
    return GRUClassifier(9, 4, 5, seed=1).eval()


def test_a_text_is_read_as_if_it_were_alone_and_from_the_zero_state(network):
    texts = [np.array([1, 2]), np.array([3, 4, 5, 6]), np.array([7])]
    for text, states in zip(texts, read_texts(network, texts, batch_size=2), strict=True):
        alone, _ = network.gru(network.embedding(torch.as_tensor(text)[None]))
        np.testing.assert_allclose(states[0], 0)
        np.testing.assert_allclose(states[1:], alone[0].detach().numpy(), atol=1e-6)


def test_padding_is_read_too_where_it_is_asked_for(network):
    padded = read_padded(network, [np.array([1, 2]), np.array([3, 4, 5])], length=6)
    filled, _ = network.gru(network.embedding(torch.tensor([[1, 2, 0, 0, 0, 0]])))
    assert [len(states) for states in padded] == [6, 6]
    np.testing.assert_allclose(padded[0], filled[0].detach().numpy(), atol=1e-6)


def test_ends_are_predicted_from_so_many_steps_before():
    rng = np.random.default_rng(0)
    turn, push = rng.normal(size=(3, 3)) / 3, rng.normal(size=(2, 3))
    states, inputs = [], []
    for n_steps in (9, 2, 7, 8, 9, 9):
        given, path = rng.normal(size=(n_steps, 2)), [rng.normal(size=3)]
        for now in given:
            path.append(path[-1] @ turn + now @ push)
        states.append(np.array(path))
        inputs.append(given)
    told = ControlledKoopman().fit(states, [np.vstack([np.zeros(2), given]) for given in inputs])
    models = {"told": told, "same": Persistence()}
    predicted, ends = forecast_ends(states, models, steps=3, inputs=inputs)
    assert len(ends) == 5, "the one of three states has none to start from"
    np.testing.assert_allclose(predicted["told"], ends, atol=1e-6)
    np.testing.assert_array_equal(predicted["same"][0], states[0][-4])
    with pytest.raises(ValueError, match="told takes inputs"):
        forecast_ends(states, models)


def test_released_pairs_are_neighbours_in_order_and_may_split_conjugates(koopman, rescaled, trajectories):
    sizes = projection_magnitude(koopman, np.concatenate(trajectories), unit="eigenvector").sum(axis=0)
    for model in (koopman, rescaled):
        pairs = released_pairs(model, trajectories)
        flat = np.concatenate(pairs)
        assert sorted(flat.tolist()) == [0, 1, 2, 3]
        assert (np.diff(sizes[flat]) <= 1e-9 * sizes.max()).all()
        assert {len(set(PAIR) & set(pair.tolist())) for pair in pairs} == {1}  # the real one takes a half of the pair
    odd = deepcopy(koopman)
    odd.eigenvalues_, odd.eigenvectors_ = odd.eigenvalues_[:3], odd.eigenvectors_[:, :3]
    assert [len(pair) for pair in released_pairs(odd, trajectories)] == [2]


def test_released_pairs_are_ordered_with_eigenvectors_of_length_one():
    directions = np.array([[1, 0, 0], [np.cos(0.1), np.sin(0.1), 0], [0, 0, 1]])  # two modes are almost parallel
    begin = np.random.default_rng(0).uniform(0.9, 1.1, size=(20, 1, 3)) * [2, 2.5, 1]
    states = begin * np.array([0.9, 0.89, 0.88]) ** np.arange(4)[:, None] @ directions
    fitted = Koopman().fit(states)
    assert [group.tolist() for group in dominant_groups(fitted, states)] == [[1], [0], [2]]
    assert [pair.tolist() for pair in released_pairs(fitted, states)] == [[2, 1]]


def test_the_released_projector_is_the_modulus_and_no_projector(koopman, trajectories):
    for pair in released_pairs(koopman, trajectories):
        found = released_projector(koopman, pair)
        v, u = koopman.eigenvectors_, np.linalg.inv(koopman.eigenvectors_)
        for i in range(4):
            for j in range(4):
                assert found[i, j] == pytest.approx(abs(sum(v[i, k] * u[k, j] for k in pair)))
        assert abs(found @ found - found).max() > 1e-2
    whole = _projector(koopman, list(PAIR))
    np.testing.assert_allclose(whole @ whole, whole, atol=1e-9)


def test_what_does_not_fit_the_operator_is_named(koopman, trajectories):
    for pair, says in ((np.array([1, 4]), "out of range: there are eigenvalues 0 to 3"), ([-1, 0], "out of range"),
                       ([], "one or more indices"), (np.array([0.5, 1]), "one or more indices")):  # fmt: skip
        with pytest.raises(ValueError, match=says):
            released_projector(koopman, pair)
    with pytest.raises(ValueError, match="need at least one trajectory, got an empty list"):
        increment_phases(koopman, [])
    with pytest.raises(ValueError, match="trajectory 1 has no step 5: it has 5 states"):
        dominant_groups(koopman, [trajectories[0][:6], trajectories[1][:5]], step=5)


def test_agreement_by_hand():
    network = np.array([1, 1, 0, 0, 1, 0, 1, 1])
    first = np.array([1, 1, 0, 0, 1, 0, 1, 0])  # 7 of 8
    second = np.array([0, 0, 1, 1, 0, 0, 1, 0])  # 2 of 8, always where the first agrees too
    found = compare_agreement(network, first, second)
    assert (found.first, found.second, found.only_first, found.only_second) == (7 / 8, 2 / 8, 5, 0)
    assert found.p_value == pytest.approx(2 * 0.5**5)
    turned = compare_agreement(network, second, first)
    assert (turned.only_first, turned.only_second, turned.p_value) == (0, 5, found.p_value)
    same = compare_agreement(network, first, first)
    assert (same.p_value, same.only_first, same.only_second) == (1.0, 0, 0)
    assert compare_agreement(network == 1, first == 1, second == 1) == found


def test_agreement_is_mcnemars_exact_test():
    rng = np.random.default_rng(0)
    network = rng.integers(0, 3, 300)
    first = np.where(rng.random(300) < 0.8, network, 2 - network)
    second = np.where(rng.random(300) < 0.7, network, 2 - network)
    found = compare_agreement(network, first, second)
    only = [int(((a == network) & (b != network)).sum()) for a, b in ((first, second), (second, first))]
    assert [found.only_first, found.only_second] == only
    assert found.p_value == pytest.approx(binomtest(only[0], sum(only), 0.5).pvalue)
    assert found.first - found.second == pytest.approx((only[0] - only[1]) / 300)
    assert found.smallest_p == pytest.approx(2 * 0.5 ** sum(only))
    low, high = found.difference
    assert low < found.first - found.second < high


def test_the_difference_of_agreements_is_covered_as_often_as_it_says():
    rng, n, covered = np.random.default_rng(0), 1000, 0
    for _ in range(400):
        first, second = (rng.random(n) < share for share in (0.98, 0.97))
        low, high = compare_agreement(np.ones(n), first, second).difference
        covered += low <= 0.01 <= high
    assert 0.92 <= covered / 400 <= 0.98


@pytest.mark.parametrize("wrong", [np.ones(3), np.ones((4, 1)), np.ones(0)])
def test_lists_that_do_not_fit_are_refused(wrong):
    with pytest.raises(ValueError, match=r"lists of decisions of one length, not empty, got shapes \(4,\)"):
        compare_agreement(np.ones(4), np.ones(4), wrong)
    with pytest.raises(ValueError, match=r"lists of decisions of one length, not empty, got shapes"):
        confusion(np.ones(4), wrong)
    with pytest.raises(ValueError, match="not empty"):
        compare_agreement(np.ones(0), np.ones(0), np.ones(0))


def test_confusion_by_hand_sums_to_one():
    found = confusion(np.array([1, 1, 1, 0, 0]), np.array([1, 0, 0, 0, 1]))
    assert found == {"TP": 0.2, "TN": 0.2, "FP": 0.2, "FN": 0.4}
    assert sum(confusion(np.arange(7) > 2, np.arange(7) > 4).values()) == pytest.approx(1)
    with pytest.raises(ValueError, match="need classes 0 and 1; compare logits with a threshold first"):
        confusion(np.array([0, 1]), np.array([-2.5, 3.1]))


def test_a_period_is_the_steps_of_one_turn():
    assert period(np.exp(2j * np.pi / 7)) == pytest.approx(7)
    assert period(np.exp(-2j * np.pi / 7)) == pytest.approx(7)
    assert period(-0.5) == pytest.approx(2)
    assert period(0.5) == np.inf


def test_the_plane_of_motion_holds_the_last_two_steps_of_the_mean():
    rng = np.random.default_rng(0)
    paths = rng.standard_normal((5, 9, 4))
    plane, mean = motion_plane(paths), paths.mean(axis=0)
    np.testing.assert_allclose(plane @ plane, plane, atol=1e-12)
    assert np.trace(plane) == pytest.approx(2)
    for step in (mean[-1] - mean[-2], mean[-2] - mean[-3]):
        np.testing.assert_allclose(step @ plane, step, atol=1e-12)
    with pytest.raises(ValueError, match="need 3 steps or more"):
        motion_plane(paths[:, :2])
    with pytest.raises(ValueError, match="does not turn"):
        motion_plane(np.arange(6.0)[None, :, None] * np.ones(3))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_random_part_is_as_long_as_the_part_beside_it_and_lies_in_a_plane(seed):
    rng = np.random.default_rng(seed)
    states = rng.standard_normal((20, 6))
    part = 3 * states[:, :1] * np.ones(6)
    drawn = random_part(part, rng, of=states)
    assert np.linalg.norm(drawn) == pytest.approx(np.linalg.norm(part))
    assert np.linalg.matrix_rank(drawn, tol=1e-9) == 2


def test_removing_a_group_by_hand(trajectories):
    koopman = Koopman().fit(trajectories)
    states = np.stack([item[-1] for item in trajectories])
    centre, readout = states.mean(axis=0), np.random.default_rng(1).standard_normal((4, 7))

    def decode(given):
        return np.tanh(given @ readout)

    groups = dominant_groups(koopman, trajectories)
    found = remove_groups(koopman, decode, states, centre, groups)
    by_hand = {}
    for group in groups:
        rows = modes(koopman.eigenvectors_)[group]
        basis, _ = np.linalg.qr(np.vstack([rows.real[:1], rows.imag[:1]][: len(group)]).T)
        without = np.array([z - (z - centre) @ basis @ basis.T for z in states])
        by_hand[tuple(group)] = np.abs(decode(states) - decode(without)).mean(axis=0)
    for group, change in zip(found.groups, found.changes, strict=True):
        np.testing.assert_allclose(change, by_hand[tuple(group)], atol=1e-10)
    everything = np.abs(decode(states) - decode(np.tile(centre, (len(states), 1)))).mean(axis=0)
    np.testing.assert_allclose(found.everything, everything, atol=1e-12)
    assert np.all(np.diff(found.shares) <= 0)


def test_the_running_silhouette_is_the_mean_so_far():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 8)
    points = rng.standard_normal((16, 5, 2)) + labels[:, None, None] * np.arange(5)[:, None]
    each = [silhouette_score(points[:, step], labels) for step in (0, 2, 4)]
    found = running_silhouette(points, labels, [0, 2, 4])
    np.testing.assert_allclose(found, [each[0], np.mean(each[:2]), np.mean(each)])
    as_one = points[..., :1] + 1j * points[..., 1:]
    np.testing.assert_allclose(running_silhouette(as_one, labels, [0, 2, 4]), found)


def test_whitened_coordinates_are_uncorrelated_and_of_variance_one():
    rng = np.random.default_rng(0)
    points = rng.standard_normal((30, 4, 3)) @ np.array([[1, 0.99, 0], [0, 0.1, 0], [0, 0, 50.0]]) + 7
    white = whiten(points).reshape(-1, 3)
    np.testing.assert_allclose(np.cov(white.T, bias=True), np.eye(3), atol=1e-10)
    assert whiten(np.concatenate([points, points], axis=-1)).shape == points.shape
