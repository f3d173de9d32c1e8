"""Bundled data, and downloads that may fail in every way."""

import functools
import gzip
import hashlib
import http.server
import threading

import numpy as np
import pytest

from linearlens.datasets import DataError, fetch, list_data, load_digits, load_mnist, registry


def test_digits_are_real_and_split_fairly():
    data = load_digits(seed=0)
    assert data.train_inputs.shape == (1297, 64)
    assert data.test_inputs.shape == (500, 64)
    assert 0 <= data.train_inputs.min() < data.train_inputs.max() <= 1
    assert np.bincount(data.test_labels).min() >= 48
    seen = {row.tobytes() for row in data.train_inputs}
    assert sum(row.tobytes() in seen for row in data.test_inputs) == 0
    assert not np.array_equal(load_digits(seed=1).test_inputs, data.test_inputs)


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A registry of one small file, served from this machine; returns what is served and where it is stored."""
    source, cache = tmp_path / "source", tmp_path / "data" / "cache"
    source.mkdir()
    content = b"the right content"
    (source / "a.gz").write_bytes(content)
    quiet = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(quiet, directory=source))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    (tmp_path / "data").mkdir(exist_ok=True)
    (tmp_path / "data" / "registry.yml").write_text(
        f"""
small:
  title: A small file
  licence: none
  citation: nobody
  files:
    - name: a.gz
      url: http://127.0.0.1:{server.server_port}/a.gz
      sha256: {hashlib.sha256(content).hexdigest()}
      bytes: {len(content)}
"""
    )
    monkeypatch.delenv("LINEARLENS_DATA", raising=False)
    monkeypatch.setattr(registry, "DATA", tmp_path / "data")
    yield source / "a.gz", cache / "small" / "a.gz", server
    server.shutdown()
    server.server_close()


def test_fetch_downloads_once(served):
    source, stored, _ = served
    assert not list_data()["small"].present()
    assert fetch("small") == [stored]
    assert stored.read_bytes() == source.read_bytes()
    source.unlink()
    assert fetch("small") == [stored]
    assert list_data()["small"].present()


def test_a_wrong_download_is_not_kept(served):
    source, stored, _ = served
    source.write_bytes(b"something else")
    with pytest.raises(DataError, match=r"a\.gz gave a file with a wrong checksum, which was not kept"):
        fetch("small")
    assert not stored.exists()
    assert list(stored.parent.iterdir()) == []


def test_no_network_says_what_to_do(served):
    _, stored, server = served
    server.shutdown()
    server.server_close()
    with pytest.raises(DataError) as error:
        fetch("small")
    for needed in ("small is missing", str(stored), "sha256", "LINEARLENS_DATA", "quick profile needs no download"):
        assert needed in str(error.value)


def test_a_wrong_file_in_the_cache_is_removed(served):
    _, stored, _ = served
    stored.parent.mkdir(parents=True)
    stored.write_bytes(b"cut sho")
    with pytest.raises(DataError, match=r"a\.gz has a wrong checksum.*It was removed"):
        fetch("small")
    assert not stored.exists()
    assert fetch("small") == [stored]


def test_a_readers_own_wrong_file_is_left_alone(served, tmp_path, monkeypatch):
    own = tmp_path / "own" / "small" / "a.gz"
    own.parent.mkdir(parents=True)
    own.write_bytes(b"the reader's")
    monkeypatch.setenv("LINEARLENS_DATA", str(tmp_path / "own"))
    with pytest.raises(DataError, match="left alone"):
        fetch("small")
    assert own.read_bytes() == b"the reader's"


def test_unknown_names_are_refused_with_those_there_are(served):
    with pytest.raises(DataError, match="no data set named 'large'; there are: small"):
        fetch("large")


def test_mnist_is_read_from_its_own_format(tmp_path, monkeypatch):
    def idx(array):
        header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes()
        return gzip.compress(header + array.tobytes())

    rng = np.random.default_rng(0)
    arrays = [rng.integers(0, 256, (n, 28, 28), dtype=np.uint8) if images else rng.integers(0, 10, n, dtype=np.uint8)
              for n, images in ((5, True), (5, False), (3, True), (3, False))]  # fmt: skip
    paths = []
    for number, array in enumerate(arrays):
        paths.append(tmp_path / f"{number}.gz")
        paths[-1].write_bytes(idx(array))
    monkeypatch.setattr("linearlens.datasets.mnist.fetch", lambda name: paths)
    data = load_mnist()
    np.testing.assert_array_equal(data.train_inputs, arrays[0].reshape(5, 784) / 255)
    np.testing.assert_array_equal(data.test_labels, arrays[3])


def test_every_download_has_licence_citation_and_checksum():
    for entry in list_data().values():
        assert entry.licence
        assert entry.citation
        for file in entry.files:
            assert len(file.sha256) == 64
            assert file.url.startswith("https://")
            assert file.n_bytes > 0
