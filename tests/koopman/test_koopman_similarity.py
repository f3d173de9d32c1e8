"""Distances between systems against slow searches, known answers, and the package of those who proposed them."""

import numpy as np
import pytest
import torch

from linearlens.koopman import controllability, linear_cka, procrustes_distance, rotation_distance


def turned(seed, size=4, n_inputs=2):
    """A driven system and a turned copy of it."""
    rng = np.random.default_rng(seed)
    k, b = rng.normal(size=(size, size)) / size**0.5, rng.normal(size=(n_inputs, size))
    q = np.linalg.qr(rng.normal(size=(size, size)))[0]
    return (k, b), (q.T @ k @ q, b @ q)


@pytest.mark.parametrize("seed", range(4))
def test_a_turned_copy_is_no_distance_away_and_another_system_is(seed):
    (k, b), (k2, b2) = turned(seed)
    other, b3 = turned(100 + seed)[0]
    gaps = rotation_distance(np.stack([k, k]), np.stack([k2, other]))
    assert gaps[0] < 1e-2 < 0.3 < gaps[1]
    own = controllability(k, b)
    assert procrustes_distance(own, controllability(k2, b2)) < 1e-6
    assert procrustes_distance(own, controllability(other, b3)) > 0.3


@pytest.mark.parametrize("seed", range(3))
def test_in_the_plane_the_search_finds_what_a_grid_of_all_rotations_finds(seed):
    a, b = np.random.default_rng(seed).normal(size=(2, 2, 2))
    least = np.inf
    for angle in np.linspace(0, 2 * np.pi, 2_000):
        c, s = np.cos(angle), np.sin(angle)
        for q in (np.array([[c, -s], [s, c]]), np.array([[c, s], [s, -c]])):
            least = min(least, np.linalg.norm(a - q @ b @ q.T))
    assert rotation_distance(a[None], b[None])[0] == pytest.approx(least, abs=1e-3)


@pytest.mark.parametrize("seed", range(3))
def test_no_rotation_of_many_is_better_than_procrustes(seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(2, 20, 3))
    best = procrustes_distance(x, y)
    u, _, v = np.linalg.svd(y.T @ x)
    assert best == pytest.approx(np.linalg.norm(x - y @ u @ v), abs=1e-10)
    turns = np.linalg.qr(rng.normal(size=(2000, 3, 3)))[0]
    assert best <= min(np.linalg.norm(x - y @ q) for q in turns)


@pytest.mark.parametrize("seed", range(3))
def test_alignment_is_that_of_the_kernels(seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(15, 4)), rng.normal(size=(15, 6))
    h = np.eye(15) - 1 / 15
    kernels = [h @ part @ part.T @ h for part in (x, y)]
    sizes = [np.trace(k @ k) for k in kernels]
    assert linear_cka(x, y) == pytest.approx(np.trace(kernels[0] @ kernels[1]) / np.sqrt(sizes[0] * sizes[1]))


def test_nothing_of_the_callers_is_changed():
    (k, b), (k2, _) = turned(0)
    kept = k.copy(), k2.copy(), b.copy(), torch.get_rng_state()
    rotation_distance(k[None], k2[None], n_steps=5)
    controllability(k, b)
    assert (k == kept[0]).all()
    assert (k2 == kept[1]).all()
    assert (b == kept[2]).all()
    assert (torch.get_rng_state() == kept[3]).all()


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: rotation_distance(np.eye(3), np.eye(3)), "operator\\[None\\]"),
        (lambda: rotation_distance(np.eye(3)[None], np.eye(2)[None]), "got shapes"),
        (lambda: rotation_distance(np.eye(3)[None], np.nan * np.eye(3)[None]), "NaN"),
        (lambda: rotation_distance(np.eye(3)[None], np.eye(3)[None], n_starts=1), "two starts"),
        (lambda: procrustes_distance(np.eye(3), np.eye(2)), "same samples"),
        (lambda: controllability(np.eye(3), np.ones((2, 2))), "input map"),
        (lambda: linear_cka(np.ones((3, 2)), np.eye(3)), "do not vary"),
    ],
)
def test_what_does_not_fit_is_refused(call, says):
    with pytest.raises(ValueError, match=says):
        call()


# The package of the authors, dsa-metric 2.0.2, is no part of the book. Where it is installed, it is asked.


@pytest.mark.parametrize("seed", range(2))
def test_the_authors_search_ends_no_nearer(seed):
    theirs = pytest.importorskip("DSA.simdist").SimilarityTransformDist(iters=500, score_method="euclidean", lr=1e-2)
    k, other = (turned(s)[0][0] for s in (seed, 50 + seed))
    k, other = k / np.linalg.norm(k), other / np.linalg.norm(other)  # it brings operators to one size
    torch.manual_seed(seed)
    pair = [torch.tensor(m.T, dtype=torch.float32) for m in (k, other)]
    found = theirs.fit_score(*pair)
    ours = rotation_distance(k[None], other[None])[0]
    assert ours <= found + 1e-3
    assert ours == pytest.approx(found, abs=0.1), "they may stop in another valley, and not far from it"


def test_input_maps_are_compared_as_the_authors_do_and_both_at_once_as_they_define_it():
    theirs = pytest.importorskip("DSA.simdist_controllability").ControllabilitySimilarityTransformDist
    (k, b), (k2, b2) = turned(0)[0], turned(1)[0]
    only = theirs(compare="control").fit_score(k.T, k2.T, b.T, b2.T)
    assert procrustes_distance(b, b2) == pytest.approx(only)
    stacked = theirs().get_controllability_matrix(k.T, b.T).T
    np.testing.assert_allclose(controllability(k, b), stacked, atol=1e-12)
    # Version 2.0.2 turns by the transpose of the best rotation, so its joint score is no minimum: at least ours.
    joint = theirs().fit_score(k.T, k2.T, b.T, b2.T)
    assert procrustes_distance(controllability(k, b), controllability(k2, b2)) <= joint + 1e-9
