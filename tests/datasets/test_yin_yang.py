"""Yin-Yang: the published arrays, and the geometry of the symbol."""

import hashlib
import io

import numpy as np
import pytest

from linearlens.datasets.yin_yang import yin_yang, yin_yang_binary

# SHA-256 of the .npy files of github.com/lkriener/yin_yang_data_set, publication_data, commit e6eef96.
PUBLISHED = [
    (
        42,
        5000,
        "88ce43d8e7620b4dcd0712a582882325e609183eb71f2368cce8e87930e122d5",
        "d38863599b41c3d67d5e606b21c3ea10f7956758471e946adcb120c4e5ae31c9",
    ),
    (
        41,
        1000,
        "88f7e23daf578da390fe3ca10370d38fdb6060a08249ecb1be832e3e6cce75d3",
        "abd956deb8e62f528a271d323c7498e6d331cd261f143b539b1219d274936008",
    ),
    (
        40,
        1000,
        "1559e64b45a5e28df8a9d1158d891383d5745b0af2edbbca31ca4e2faeb95b4c",
        "b4337aa983ea3928d1d8ee78268e8e266ede6ca3a401ade7b02eb47c9d90be93",
    ),
]


def as_file(array: np.ndarray) -> str:
    file = io.BytesIO()
    np.save(file, array)
    return hashlib.sha256(file.getvalue()).hexdigest()


@pytest.mark.parametrize(("seed", "n_samples", "inputs", "labels"), PUBLISHED)
def test_the_published_files_come_out_bit_for_bit(seed, n_samples, inputs, labels):
    made = yin_yang(n_samples, seed=seed)
    assert (as_file(made[0]), as_file(made[1])) == (inputs, labels)


def test_binary_points_lie_in_their_half():
    """An independent rule: right of the centre a half disc is cut out of yin, left of it one is added."""
    points, labels = yin_yang_binary(3000, seed=123)
    assert points.shape == (3000, 2)
    assert points.dtype == np.float64
    x, y = (points - 0.5).T
    left, right = np.hypot(x + 0.25, y), np.hypot(x - 0.25, y)
    assert (np.hypot(x, y) <= 0.5).all()
    assert min(left.min(), right.min()) >= 0.1, "a dot came"
    np.testing.assert_array_equal(labels, np.where(left <= 0.25, 1, np.where(right <= 0.25, 0, y > 0)))
    assert abs(labels.mean() - 0.5) < 0.03
    # One half is the other turned by 180 degrees, so it has as much room to the right as the other to the left.
    assert abs(x[labels == 1].mean() + x[labels == 0].mean()) < 0.02


def test_a_smaller_sample_begins_a_larger_one():
    for make in (yin_yang, yin_yang_binary):
        few, many = make(50, seed=3), make(80, seed=3)
        for short, long in zip(few, many, strict=True):
            np.testing.assert_array_equal(short, long[:50])
        assert not np.array_equal(make(50, seed=4)[0], few[0])
        with pytest.raises(ValueError, match="n_samples of 1 or more, got 0"):
            make(0)
