"""Data that are never held as a whole, or not here: iterators, dask arrays, tensors; and a set limit of memory."""

import os
import re
import subprocess
import sys
from itertools import chain

import dask
import dask.array as da
import numpy as np
import pytest
import torch
from distributed import Client
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.preprocessing import FunctionTransformer, PolynomialFeatures, StandardScaler
from test_koopman import matched, ragged

from linearlens.koopman import Koopman, delay_embed, fourier_dictionary
from linearlens.koopman._blocks import sum_blocks
from linearlens.koopman._gram import PairGrams
from linearlens.koopman._pairs import Pairs


def beside_its_tanh(z):
    return np.column_stack([z, np.tanh(z)])


def named(settings):
    """A name that is the same in each process: functions print with their address."""
    return re.sub(r" at 0x\w+", "", str(settings))


SETTINGS = [
    {},
    {"rank": 3},
    {"delays": 2},
    {"center": True},
    {"constant": True},
    {"constant": True, "center": True, "delays": 1, "rank": 5},
    {"dictionary": FunctionTransformer(beside_its_tanh)},
    {"dictionary": FunctionTransformer(np.tanh), "delays": 1, "constant": True},
]


def equal_steps(seed: int = 0, n_steps: int = 9) -> np.ndarray:
    """Noisy trajectories of equal length about a point that drifts from one to the next."""
    z = np.stack([z[:n_steps] for z in ragged(seed, noise=0.1) if len(z) >= n_steps])
    return z + np.arange(len(z))[:, None, None] * 0.1


def assert_same(one: Koopman, other: Koopman) -> None:
    assert matched(one.eigenvalues_, other.eigenvalues_) < 1e-10 * np.abs(other.eigenvalues_).max()
    np.testing.assert_allclose(one.operator_, other.operator_, rtol=0, atol=1e-9 * np.abs(other.operator_).max())
    np.testing.assert_allclose(one.readout_, other.readout_, rtol=0, atol=1e-9 * np.abs(other.readout_).max())
    for name in ("mean_", "offset_"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), atol=1e-12)
    for name in ("n_pairs_", "n_eigenvalues_", "n_features_in_"):
        assert getattr(one, name) == getattr(other, name)


# The sums.


@pytest.mark.parametrize("n_targets", [4, 6])
def test_merged_sums_are_those_of_all_rows(n_targets):
    rng = np.random.default_rng(0)
    parts = [[rng.normal(size=(n, n_targets)) + 100 * part for n in (2, 3, 8, 5)] for part in range(4)]
    grams = []
    for part in parts:
        grams.append(PairGrams(4, n_targets))
        grams[-1].add([part])
    before = [[item.copy() for item in vars(one).values() if isinstance(item, np.ndarray)] for one in grams]
    merged = PairGrams(4, n_targets)
    for part in (grams[3], PairGrams(4, n_targets), *grams[:3]):
        merged.absorb(part)
    rows = [z for part in parts for z in part]
    x, t = np.concatenate([z[:-1, :4] for z in rows]), np.concatenate([z[1:] for z in rows])
    mean_x, mean_t, xx, xt = merged.moments()
    np.testing.assert_allclose(mean_x, x.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(mean_t, t.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(xx, (x - x.mean(axis=0)).T @ (x - x.mean(axis=0)), rtol=1e-11)
    np.testing.assert_allclose(xt, (x - x.mean(axis=0)).T @ (t - t.mean(axis=0)), rtol=1e-11)
    assert merged.n_pairs == len(x)
    after = [[item for item in vars(one).values() if isinstance(item, np.ndarray)] for one in grams]
    for ours, theirs in zip(chain(*before), chain(*after), strict=True):
        np.testing.assert_array_equal(ours, theirs)


# Iterators.


@pytest.mark.parametrize("settings", SETTINGS, ids=named)
def test_an_iterator_is_the_list(settings, monkeypatch):
    monkeypatch.setattr("linearlens.koopman._lift.CHUNK_ROWS", 50)
    assert_same(Koopman(**settings).fit(iter(ragged(1))), Koopman(**settings).fit(ragged(1)))


@pytest.mark.parametrize("settings", SETTINGS, ids=named)
def test_an_iterator_may_come_later_or_first(settings):
    trajectories = ragged(1)
    whole = Koopman(**settings).fit(trajectories)
    for first, then in (
        (trajectories[:7], iter(trajectories[7:])),
        (iter(trajectories[:7]), trajectories[7:]),
        (iter(trajectories[:7]), iter(trajectories[7:])),
    ):
        assert_same(Koopman(**settings).partial_fit(first).partial_fit(then), whole)


def test_an_iterator_is_read_as_it_is_fitted():
    """Never more than two chunks are alive at a time, whatever comes."""
    alive, most = 0, 0

    class Counted(np.ndarray):
        def __del__(self) -> None:
            nonlocal alive
            alive -= self.base is None

    def stream():
        nonlocal alive, most
        rng = np.random.default_rng(0)
        for _ in range(200):
            z = Counted((128, 3))
            z[:] = rng.normal(size=(128, 3))
            alive += 1
            most = max(most, alive)
            yield z
            del z

    Koopman().fit(stream())
    assert alive == 0
    assert 8 <= most <= 2 * 8 + 2  # eight fill a chunk


def test_a_stream_that_fails_leaves_the_earlier_fit():
    def broken():
        yield from ragged(1)
        yield np.full((5, 6), np.nan)

    fitted = Koopman().fit(ragged(0))
    before = fitted.operator_.copy()
    with pytest.raises(ValueError, match="trajectory 25 holds nan at step 0, feature 0"):
        fitted.partial_fit(broken())
    np.testing.assert_array_equal(fitted.operator_, before)
    assert_same(fitted.partial_fit(iter(ragged(1))), Koopman().fit(ragged(0) + ragged(1)))


good = np.random.default_rng(0).normal(size=(3, 5, 2))


@pytest.mark.parametrize(
    ("trajectories", "settings", "says"),
    [
        ([], {}, "need at least one trajectory, got an empty list or iterator"),
        ([good[0], np.full((4, 2), np.inf)], {}, "trajectory 1 holds inf at step 0"),
        ([good[0], good[0][:1]], {}, "trajectory 1 is too short: 1 states came, at least 2"),
        ([good[0]], {"delays": 4}, "trajectory 0 is too short: 5 states came, at least 6"),
        ([good[0], np.ones((5, 3))], {}, "trajectory 0 has 2, trajectory 1 has 3"),
        ([good[0][0]], {}, "wrap one trajectory in a list"),
        ([good[0] + 1j], {}, "complex"),
        ([good[0]], {"rank": 3}, "rank=3 is larger than the 2 features"),
        ([good[0]], {"dictionary": StandardScaler()}, "StandardScaler.. is still to be fitted, .*FrozenEstimator"),
    ],
)
def test_bad_iterators(trajectories, settings, says):
    with pytest.raises(ValueError, match=says):
        Koopman(**settings).fit(iter(trajectories))


# Dictionaries that learn from the data.


@pytest.mark.parametrize("dictionary", [StandardScaler(), PolynomialFeatures(2), fourier_dictionary(8)], ids=str)
@pytest.mark.parametrize("kind", [iter, lambda z: da.from_array(np.stack(list(z)), chunks=(5, -1, -1))])
def test_a_dictionary_fitted_beforehand_is_that_of_the_list(dictionary, kind):
    z = equal_steps()
    whole = Koopman(dictionary=dictionary, delays=1, constant=True, rank=6).fit(z)
    sample = np.concatenate([delay_embed(item, delays=1) for item in z])
    frozen = FrozenEstimator(clone(dictionary).fit(sample))
    assert_same(Koopman(dictionary=frozen, delays=1, constant=True, rank=6).fit(kind(z)), whole)
    started = Koopman(dictionary=dictionary).partial_fit(list(z[:2])).partial_fit(kind(z[2:]))
    assert_same(started, Koopman(dictionary=dictionary).partial_fit(list(z[:2])).partial_fit(list(z[2:])))
    with pytest.raises(ValueError, match="still to be fitted"):
        Koopman(dictionary=dictionary).fit(kind(z))


# Dask arrays.


@pytest.mark.parametrize("settings", SETTINGS, ids=named)
@pytest.mark.parametrize("chunks", [(5, -1, -1), (1, -1, -1), (-1, -1, -1), (4, 3, 2)])
def test_a_dask_array_is_the_list(settings, chunks):
    z = equal_steps()
    fitted = Koopman(**settings).fit(da.from_array(z, chunks=chunks))
    assert_same(fitted, Koopman(**settings).fit(z))
    twice = Koopman(**settings).fit(z).partial_fit(z[:5])
    assert_same(fitted.partial_fit(da.from_array(z[:5], chunks=chunks)), twice)


def test_blocks_far_apart_keep_their_digits():
    z = equal_steps()
    far = z + 1e4
    fitted = Koopman(constant=True).fit(da.from_array(far, chunks=(2, -1, -1)))
    assert matched(fitted.eigenvalues_, Koopman(constant=True).fit(list(z)).eigenvalues_) < 1e-8


def test_empty_blocks_add_nothing():
    z = equal_steps()
    blocks = da.from_array(z, chunks=((0, 4, 0, len(z) - 4), -1, -1))
    assert_same(Koopman().fit(blocks), Koopman().fit(z))


def test_blocks_are_summed_by_the_processes_of_a_client():
    z = equal_steps()
    array = da.from_array(z, chunks=(3, -1, -1))

    def pairs_where_they_are_made(trajectories):
        pairs = Pairs(6, 6)
        pairs.add([list(trajectories)])
        pairs.process = os.getpid()
        return pairs

    settings = {"dictionary": FunctionTransformer(np.tanh), "constant": True}
    with Client(n_workers=1, threads_per_worker=2, dashboard_address=None):
        assert sum_blocks(array, pairs_where_they_are_made, min_steps=2).process != os.getpid()
        fitted = Koopman(**settings).fit(array)
    assert_same(fitted, Koopman(**settings).fit(z))


@pytest.mark.parametrize("scheduler", ["synchronous", "threads"])
@pytest.mark.parametrize(
    ("array", "settings", "says"),
    [
        (da.from_array(np.where(np.arange(12)[:, None, None] == 7, np.nan, np.ones((12, 5, 2))), chunks=(2, -1, -1)),
         {}, "trajectory 7 holds nan at step 0, feature 0"),
        (da.ones((4, 1, 2), chunks=(2, -1, -1)), {}, "is too short: 1 states came, at least 2"),
        (da.ones((4, 3, 2), chunks=(2, -1, -1)), {"delays": 2}, "is too short: 3 states came, at least 4"),
        (da.ones((4, 3, 2)), {"rank": 5}, "rank=5 is larger than the 2 features"),
        (da.ones((4, 3, 2), dtype=complex), {}, "complex"),
        (da.ones((4, 3, 0)), {}, "no features"),
        (da.ones((0, 3, 2)), {}, r"need at least one trajectory, got a dask array of shape \(0, 3, 2\)"),
        (da.ones((3, 2)), {}, r"got shape \(3, 2\); add an axis for one trajectory: array\[None\]"),
        (da.ones((4, 3, 2))[da.ones(4) > 0], {}, r"blocks of unknown size.*compute_chunk_sizes\(\)"),
        (da.ones((4, 3, 2)), {"dictionary": StandardScaler()}, "is still to be fitted"),
        (da.zeros((4, 3, 2)), {}, "all lifted states are zero"),
    ],
)  # fmt: skip
def test_bad_dask_arrays(array, settings, says, scheduler):
    with dask.config.set(scheduler=scheduler), pytest.raises(ValueError, match=says):
        Koopman(**settings).fit(array)


def test_a_dask_array_of_other_features_is_refused_at_once():
    fitted = Koopman().fit(good)
    with pytest.raises(ValueError, match="fitted on states of 2 features, got 3"):
        fitted.partial_fit(da.ones((4, 3, 3)))
    with pytest.raises(ValueError, match="the earlier fit had delays=0, lag=1, now delays=1"):
        fitted.set_params(delays=1).partial_fit(da.ones((4, 3, 2)))


def test_dask_is_imported_by_who_uses_it_only():
    code = "import sys, linearlens.koopman; sys.exit('dask' in sys.modules or 'distributed' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


# Tensors.


@pytest.fixture
def elsewhere(monkeypatch):
    """No GPU is at hand: the lines that would run on one run on the processor."""
    monkeypatch.setattr("linearlens.koopman._read.is_elsewhere", lambda tensor: True)
    monkeypatch.setattr("linearlens.koopman._read.is_small", lambda tensor, delays: False)
    monkeypatch.setattr("linearlens.koopman._device.DEVICE_ROWS", 30)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int32])
@pytest.mark.parametrize("delays", [0, 2])
def test_a_tensor_is_the_list(delays, dtype):
    z = torch.as_tensor(100 * equal_steps() + 1000).to(dtype).requires_grad_(dtype.is_floating_point)
    assert_same(Koopman(delays=delays).fit(z), Koopman(delays=delays).fit(list(z.detach().numpy())))
    assert Koopman(dictionary=StandardScaler()).fit(z).n_pairs_ == 8 * len(z)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int32])
@pytest.mark.parametrize("settings", [{}, {"delays": 2, "center": True}, {"constant": True, "rank": 4}], ids=str)
def test_a_tensor_elsewhere_is_the_list(settings, dtype, elsewhere):
    z = torch.as_tensor(100 * equal_steps() + 1000).to(dtype).requires_grad_(dtype.is_floating_point)
    numbers = z.detach().numpy()
    fitted = Koopman(**settings).fit(z)
    assert_same(fitted, Koopman(**settings).fit(numbers))
    fitted.partial_fit(z[:4]).partial_fit(numbers[:4])
    assert_same(fitted, Koopman(**settings).fit([*numbers, *numbers[:4], *numbers[:4]]))


def test_a_tensor_elsewhere_whose_sums_lose_a_direction_comes_here(elsewhere):
    z = equal_steps()
    z = np.concatenate([z, z[..., :1] + 1e-9 * z[..., 1:2] ** 2], axis=2)
    assert Koopman().fit(torch.as_tensor(z)).n_eigenvalues_ == Koopman().fit(z).n_eigenvalues_ == 7


@pytest.mark.parametrize(
    ("tensor", "settings", "says"),
    [
        (torch.ones(4, 5), {}, r"need a tensor \(n_trajectories, n_steps, n_features\), got one of shape \(4, 5\)"),
        (torch.ones(0, 5, 2), {}, "got one of shape"),
        (torch.ones(4, 2, 2), {"delays": 1}, "trajectory 0 is too short: 2 states came, at least 3"),
        (torch.ones(4, 5, 2, dtype=torch.complex64), {}, "trajectory 0 is complex"),
        (torch.ones(4, 5, 0), {}, "no features"),
        (torch.tensor([1.0, torch.nan, torch.inf])[:, None, None].expand(3, 3, 2), {}, "trajectory 1 holds nan"),
        (torch.ones(4, 5, 2), {"rank": 3}, "rank=3 is larger than the 2 features"),
        (torch.ones(4, 5, 2), {"dictionary": StandardScaler()}, "the tensor is on cpu; give tensor.cpu"),
    ],
)  # fmt: skip
def test_bad_tensors_elsewhere(tensor, settings, says, elsewhere):
    with pytest.raises(ValueError, match=says):
        Koopman(**settings).fit(tensor)


def test_a_tensor_elsewhere_of_other_features_is_refused(elsewhere):
    with pytest.raises(ValueError, match="fitted on states of 2 features, got 3"):
        Koopman().fit(good).partial_fit(torch.ones(4, 3, 3))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("settings", [{}, {"delays": 2, "center": True}, {"constant": True, "rank": 4}], ids=str)
def test_a_tensor_on_a_gpu_is_the_list(settings):
    z = equal_steps()
    fitted = Koopman(**settings).fit(torch.as_tensor(z, device="cuda"))
    assert_same(fitted, Koopman(**settings).fit(z))
    with pytest.raises(ValueError, match="give tensor"):
        Koopman(dictionary=StandardScaler()).fit(torch.as_tensor(z, device="cuda"))


# Memory.

UNDER_A_LIMIT = """
import resource, sys
import numpy as np
from linearlens.koopman import Koopman

MEGABYTE = 2**20
rng = np.random.default_rng(0)

def trajectory():
    return rng.random((128, 64))

Koopman().fit([trajectory() for _ in range(20)])  # imports and work spaces are not what is measured
in_use = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (in_use + 32 * MEGABYTE, resource.RLIM_INFINITY))
count = 320 * MEGABYTE // trajectory().nbytes
given = (trajectory() for _ in range(count))
fitted = Koopman().fit(given if sys.argv[1] == "iterator" else list(given))
print(fitted.n_pairs_ == 127 * count)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells and limits the memory in use")
def test_ten_times_the_memory_there_is_streams_through_a_fit():
    """32 MB are allowed beyond what the imports take; 320 MB come."""
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    streamed, held = (
        subprocess.run([sys.executable, "-c", UNDER_A_LIMIT, kind], env=one_thread, capture_output=True, text=True)
        for kind in ("iterator", "list")
    )
    assert (streamed.returncode, streamed.stdout) == (0, "True\n"), streamed.stderr
    assert held.returncode != 0
    assert "MemoryError" in held.stderr
