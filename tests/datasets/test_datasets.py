"""Bundled data, and downloads that may fail in every way."""

import functools
import gzip
import hashlib
import http.server
import io
import logging
import os
import platform
import subprocess
import sys
import tarfile
import threading
import zipfile

import numpy as np
import pooch
import pytest
from conftest import write_registry

from linearlens.datasets import (
    DataError,
    _download,
    draw_imdb,
    fetch,
    list_data,
    load_digits,
    load_imdb,
    load_mnist,
    registry,
)
from linearlens.datasets._unpack import unpack


def test_digits_are_real_and_split_fairly():
    data = load_digits(seed=0)
    assert data.train_inputs.shape == (1297, 64)
    assert data.test_inputs.shape == (500, 64)
    assert 0 <= data.train_inputs.min() < data.train_inputs.max() <= 1
    assert np.bincount(data.test_labels).min() >= 48
    seen = {row.tobytes() for row in data.train_inputs}
    assert sum(row.tobytes() in seen for row in data.test_inputs) == 0
    assert not np.array_equal(load_digits(seed=1).test_inputs, data.test_inputs)


ABOUT = {"title": "A small file", "licence": "none", "citation": "nobody"}


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A registry of one small file, served from this machine; returns what is served and where it is stored."""
    source, cache = tmp_path / "source", tmp_path / "data" / "cache"
    source.mkdir()
    content = b"the right content"
    (source / "a.gz").write_bytes(content)
    quiet = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(quiet, directory=source))
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/a.gz"
    file = {"name": "a.gz", "url": url, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    write_registry(tmp_path / "registry.toml", {"small": {**ABOUT, "files": [file]}})
    monkeypatch.delenv("LINEARLENS_DATA", raising=False)
    monkeypatch.setattr(registry, "REGISTRY", tmp_path / "registry.toml")
    monkeypatch.setattr(registry, "DOWNLOADS", cache)
    monkeypatch.setattr(_download, "TRIES", 1)  # a try more takes a second
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


class Failing(http.server.SimpleHTTPRequestHandler):
    """Fails as told, once for each of its `ways`: an error of the server, or a connection cut half-way."""

    ways: list[str]

    def log_message(self, *_):
        pass

    def do_GET(self):
        way = self.ways.pop(0) if self.ways else "well"
        if way == "error":
            self.send_error(500)
        elif way == "cut":
            self.send_response(200)
            self.send_header("Content-Length", "17")
            self.end_headers()
            self.wfile.write(b"the right")
            self.close_connection = True
        else:
            super().do_GET()


@pytest.mark.parametrize("ways", [["error"], ["cut"], ["error", "cut"]])
def test_a_failing_server_is_asked_again(served, monkeypatch, caplog, ways):
    source, stored, server = served
    monkeypatch.setattr(Failing, "ways", list(ways), raising=False)
    server.RequestHandlerClass = functools.partial(Failing, directory=source.parent)
    monkeypatch.setattr(_download, "TRIES", len(ways))
    with pytest.raises(DataError, match="small is missing and could not be downloaded"):
        fetch("small")
    assert list(stored.parent.iterdir()) == []
    Failing.ways[:] = ways
    monkeypatch.setattr(_download, "TRIES", len(ways) + 1)
    assert fetch("small") == [stored]
    assert stored.read_bytes() == source.read_bytes()
    assert list(stored.parent.iterdir()) == [stored]
    assert not caplog.records, "a download says nothing"
    assert pooch.get_logger().isEnabledFor(logging.INFO), "and leaves the reader's pooch as it was"


def test_drafts_of_killed_processes_are_swept_and_no_others(served):
    _, stored, _ = served
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    names = {
        "ended": f".draft-{platform.node()}-{ended.pid}-abcd_123",
        "running": f".draft-{platform.node()}-{os.getppid()}-abcd_123",
        "elsewhere": f".draft-elsewhere-{ended.pid}-abcd_123",
        "elsewhere, old": f".draft-elsewhere-{ended.pid}-abcd_124",
    }
    for name in names.values():
        (stored.parent / name).mkdir(parents=True)
        (stored.parent / name / "half").write_bytes(b"the")
    os.utime(stored.parent / names["elsewhere, old"], (0, 0))
    fetch("small")
    here = {path.name for path in stored.parent.iterdir()}
    assert here == {"a.gz", names["running"], names["elsewhere"]} | (
        {names["ended"]} if sys.platform == "win32" else set()
    )


def test_a_folder_that_cannot_be_written_will_do_if_the_files_are_there(served):
    _, stored, server = served
    fetch("small")
    server.shutdown()
    mode = stored.parent.stat().st_mode
    stored.parent.chmod(0o555)
    try:
        assert fetch("small") == [stored]
        assert list_data()["small"].present()
    finally:
        stored.parent.chmod(mode)


def test_a_folder_that_cannot_be_made_is_named(served, tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("LINEARLENS_DATA", str(tmp_path / "file"))
    with pytest.raises(DataError, match=r"small cannot be stored in .*file.small \(.*name another folder in"):
        fetch("small")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "lists no data set"),
        ("mnist:\n  title: x\n", "cannot be read: .*line 1"),
        ("[mnist", "cannot be read: .*end of document"),
        ("mnist = 3", "is damaged: data set 'mnist' has a missing or wrong 'files'"),
        ("[mnist]\nfiles = 3", "has a missing or wrong 'files'"),
        ("[mnist]\nfiles = [3]", "has a missing or wrong 'name'"),
        ("[mnist]\nfiles = [{name = 'a'}]", "has a missing or wrong 'url'"),
        ("[mnist]\nfiles = [{name = 'a', url = 'b', sha256 = 5, bytes = 1}]", "has a missing or wrong 'sha256'"),
        ("[mnist]\nfiles = []\nlicence = 'c'", "has a missing or wrong 'title'"),
        ("\xff", "cannot be read: .*utf-8"),
        (None, "cannot be read: .*No such file"),
    ],
)
def test_a_damaged_registry_is_named(tmp_path, monkeypatch, text, reason):
    path = tmp_path / "registry.toml"
    if text is not None:
        path.write_bytes(text.encode("latin1"))
    monkeypatch.setattr(registry, "REGISTRY", path)
    for ask in (list_data, lambda: fetch("mnist")):
        with pytest.raises(DataError, match=reason) as error:
            ask()
        assert str(path) in str(error.value)


def test_no_network_says_what_to_do(served):
    _, stored, server = served
    server.shutdown()
    server.server_close()
    with pytest.raises(DataError) as error:
        fetch("small")
    for needed in ("small is missing", str(stored), "sha256", "LINEARLENS_DATA", "quick profile does without it"):
        assert needed in str(error.value)


def test_a_wrong_file_is_never_touched(served, tmp_path, monkeypatch):
    _, stored, _ = served
    own = tmp_path / "own" / "small" / "a.gz"
    for place in (stored, own):
        place.parent.mkdir(parents=True)
        place.write_bytes(b"the reader's")
    for folder in ("", str(tmp_path / "own")):
        monkeypatch.setenv("LINEARLENS_DATA", folder)
        with pytest.raises(DataError, match=r"a\.gz has a wrong checksum.*left as it is; move it away and fetch again"):
            fetch("small")
    assert own.read_bytes() == stored.read_bytes() == b"the reader's"
    monkeypatch.delenv("LINEARLENS_DATA")
    stored.rename(stored.with_suffix(".old"))
    assert fetch("small") == [stored]


def test_only_a_wrong_checksum_is_called_one(served, monkeypatch):
    def broken(*_):
        raise ValueError("No connection adapters were found")

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", broken)
    with pytest.raises(DataError, match=r"small is missing and could not be downloaded \(ValueError\)"):
        fetch("small")


REVIEWS = {
    f"aclImdb/{part}/{kind}/{number}_1.txt": f"{part} {kind} {number}<br />café".encode()
    for part in ("train", "test")
    for kind in ("neg", "pos")
    for number in range(3)
}


def tar_of(files: dict[str, bytes], *, links: tuple[str, ...] = ()) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tape:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tape.addfile(member, io.BytesIO(content))
        for name in links:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
            tape.addfile(member)
    return stream.getvalue()


def zip_of(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return stream.getvalue()


@pytest.fixture
def packed(served, tmp_path):
    """Serve two archives in place of the small file; returns where they are served and where they are stored."""
    source, _, server = served
    url = f"http://127.0.0.1:{server.server_port}"
    lines = "".join(f"{hashlib.sha256(content).hexdigest()}  {name.removeprefix('aclImdb/')}\n"
                    for name, content in sorted(REVIEWS.items()))  # fmt: skip
    beats = b"1 2 3\n" * 99
    archives = {"reviews.tar.gz": tar_of(REVIEWS), "beats.zip": zip_of({"inside/beats.txt": beats, "README": b"no"})}
    for name, content in archives.items():
        source.with_name(name).write_bytes(content)
    folders = ["train/neg", "train/pos", "test/neg", "test/pos"]
    review = {"name": "aclImdb", "url": f"{url}/reviews.tar.gz", "archive": "reviews.tar.gz", "bytes": 1,
              "archive_sha256": hashlib.sha256(archives["reviews.tar.gz"]).hexdigest(),
              "sha256": hashlib.sha256(lines.encode()).hexdigest(), "folders": folders}  # fmt: skip
    beat = {"name": "beats.txt", "url": f"{url}/beats.zip", "archive": "beats.zip", "bytes": 1,
            "sha256": hashlib.sha256(beats).hexdigest()}  # fmt: skip
    entries = {"imdb": {**ABOUT, "files": [review]}, "beats": {**ABOUT, "files": [beat]}}
    write_registry(tmp_path / "registry.toml", entries)
    return source.parent, tmp_path / "data" / "cache"


def test_archives_are_fetched_and_unpacked_once(packed):
    source, cache = packed
    assert fetch("beats") == [cache / "beats" / "beats.txt"]
    assert fetch("beats")[0].read_bytes() == b"1 2 3\n" * 99
    fetch("imdb")
    for archive in source.glob("*.*"):
        archive.unlink()
    assert fetch("imdb") == [cache / "imdb" / "aclImdb"]
    assert sorted(path.name for path in (cache / "imdb").iterdir()) == ["aclImdb", "reviews.tar.gz"]
    assert sorted(path.name for path in (cache / "beats").iterdir()) == ["beats.txt", "beats.zip"]


def test_imdb_is_read_in_order_of_class_and_only_what_the_checksum_covers(packed):
    _, cache = packed
    fetch("imdb")
    (cache / "imdb" / "aclImdb" / "train" / "neg" / ".stray").write_bytes(b"\xff")
    data = load_imdb()
    assert data.train_texts == [["train", kind, "café"] for kind in ("neg", "pos") for _ in range(3)]
    assert [text[0] for text in data.test_texts] == ["test"] * 6
    assert data.train_labels.tolist() == data.test_labels.tolist() == [0, 0, 0, 1, 1, 1]
    (cache / "imdb" / "aclImdb" / "test" / "pos" / "0_1.txt").write_bytes(b"changed")
    with pytest.raises(DataError, match=r"aclImdb has a wrong checksum.*left as it is"):
        load_imdb()


def test_reviews_of_a_length_are_drawn_from_both_parts_in_an_order_of_the_seed(packed):
    fetch("imdb")
    lengths = {len(content) for content in REVIEWS.values()}
    texts, labels = draw_imdb(12, n_bytes=(min(lengths), max(lengths) + 1), seed=3)
    assert sorted(map(tuple, texts)) == sorted((part, kind, "café") for part in ("train", "test")
                                               for kind in ("neg", "pos") for _ in range(3))  # fmt: skip
    assert [text[1] for text in texts] == [("neg", "pos")[label] for label in labels]
    assert draw_imdb(12, n_bytes=(0, 999), seed=3)[0] == texts != draw_imdb(12, n_bytes=(0, 999), seed=4)[0]
    assert draw_imdb(5, n_bytes=(0, 999), seed=3)[0] == texts[:5]
    assert {text[0] for text in draw_imdb(6, n_bytes=(0, max(lengths)))[0]} == {"test"}  # "train" is one sign longer
    for n_reviews, most, there in ((0, 999, 12), (13, 999, 12), (7, max(lengths), 6)):
        with pytest.raises(
            ValueError, match=rf"there are {there} reviews of 0 to {most} .*, got n_reviews={n_reviews}"
        ):
            draw_imdb(n_reviews, n_bytes=(0, most))


def test_reviews_are_checked_and_listed_once_for_each_folder_of_data(packed, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr("linearlens.datasets.imdb.fetch", lambda name: asked.append(name) or fetch(name))
    first = draw_imdb(12, n_bytes=(0, 999))[0]
    assert draw_imdb(12, n_bytes=(0, 999))[0] == first
    assert asked == ["imdb"]
    monkeypatch.setenv("LINEARLENS_DATA", str(tmp_path / "other"))
    draw_imdb(12, n_bytes=(0, 999))
    assert asked == ["imdb", "imdb"]


def forget_checksum_of_archive():
    lines = registry.REGISTRY.read_text(encoding="utf-8").splitlines()
    registry.REGISTRY.write_text("\n".join(line for line in lines if "archive_sha256" not in line), encoding="utf-8")


@pytest.mark.parametrize(("name", "archive"), [("beats", "beats.zip"), ("imdb", "reviews.tar.gz")])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_truncated_archive_leaves_nothing_and_stays(packed, name, archive, share):
    source, cache = packed
    forget_checksum_of_archive()
    whole = (source / archive).read_bytes()
    own = cache / name / archive
    own.parent.mkdir(parents=True)
    own.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(DataError, match=rf"{archive} cannot be unpacked \(.*move it away and fetch again"):
        fetch(name)
    assert list(own.parent.iterdir()) == [own]
    assert own.stat().st_size == int(share * len(whole))
    own.unlink()
    assert fetch(name)[0].exists()


@pytest.mark.parametrize("name", ["beats", "imdb"])
@pytest.mark.parametrize("fault", ["cut", "other content", "nothing of it"])
def test_a_bad_archive_that_was_downloaded_is_not_kept(packed, name, fault):
    source, cache = packed
    forget_checksum_of_archive()
    archive = source / {"beats": "beats.zip", "imdb": "reviews.tar.gz"}[name]
    good = archive.read_bytes()
    made = {"beats": zip_of, "imdb": tar_of}[name]
    wanted = {"beats": "beats.txt", "imdb": "aclImdb/train/neg/0_1.txt"}[name]
    bad = {"cut": good[:-40], "other content": made({wanted: b"x"}), "nothing of it": made({"x": b"x"})}
    archive.write_bytes(bad[fault])
    says = {"cut": "cannot be unpacked", "other content": "wrong checksum", "nothing of it": "holds no"}
    with pytest.raises(DataError, match=rf"http.*{archive.name} .*{says[fault]}.*; it was not kept"):
        fetch(name)
    assert list((cache / name).iterdir()) == []
    archive.write_bytes(good)
    assert fetch(name)[0].exists()


def test_files_of_one_archive_are_fetched_together_or_not_at_all(packed):
    source, cache = packed
    text = registry.REGISTRY.read_text(encoding="utf-8")
    beat = text[text.index("[[beats.files]]") :]
    second = beat.replace("beats.txt", "more.txt").replace(hashlib.sha256(b"1 2 3\n" * 99).hexdigest(), 64 * "0")
    registry.REGISTRY.write_text(text + "\n" + second, encoding="utf-8")
    (source / "beats.zip").write_bytes(zip_of({"beats.txt": b"1 2 3\n" * 99, "more.txt": b"4"}))
    with pytest.raises(DataError, match=r"more\.txt has sha256.*it was not kept"):
        fetch("beats")
    assert list((cache / "beats").iterdir()) == []


def test_a_readers_own_wrong_archive_is_left_alone(packed):
    _, cache = packed
    own = cache / "imdb" / "reviews.tar.gz"
    own.parent.mkdir(parents=True)
    own.write_bytes(tar_of({"aclImdb/train/neg/0_1.txt": b"another"}))
    before = own.read_bytes()
    with pytest.raises(DataError, match=r"reviews\.tar\.gz has a wrong checksum.*left as it is"):
        fetch("imdb")
    assert own.read_bytes() == before
    assert list(own.parent.iterdir()) == [own]


def test_an_archive_of_other_content_is_refused_before_it_is_put_in_place(packed):
    _, cache = packed
    own = cache / "beats" / "beats.zip"
    own.parent.mkdir(parents=True)
    own.write_bytes(zip_of({"beats.txt": b"others"}))
    with pytest.raises(DataError, match=r"beats\.zip gave a file with a wrong checksum.*move it away and fetch again"):
        fetch("beats")
    own.write_bytes(zip_of({"others.txt": b"others"}))
    with pytest.raises(DataError, match=r"beats\.zip holds no beats\.txt"):
        fetch("beats")
    assert list(own.parent.iterdir()) == [own]


def test_no_archive_writes_outside_its_folder(tmp_path):
    paths = ("../../../evil.txt", "aclImdb/train/neg/../../../../../evil.txt", "/aclImdb/train/neg/evil.txt",
             "../aclImdb/train/neg/evil.txt", "aclImdb/train/neg/deeper/evil.txt")  # fmt: skip
    evil = dict.fromkeys(paths, b"x")
    folder = registry.DataFile(tmp_path / "draft" / "aclImdb", "", None, 0, ("train/neg",))
    archive = tmp_path / "evil.tar.gz"
    archive.write_bytes(tar_of({**evil, "aclImdb/train/neg/good.txt": b"y"}, links=("aclImdb/train/neg/link.txt",)))
    before = set(tmp_path.rglob("*"))
    unpack(archive, folder)
    made = {str(path.relative_to(tmp_path)) for path in set(tmp_path.rglob("*")) - before if path.is_file()}
    assert made == {"draft/aclImdb/train/neg/good.txt"}
    archive.write_bytes(zip_of({"../../one.txt": b"z"}))
    unpack(archive, registry.DataFile(tmp_path / "draft" / "one.txt", "", None, 0))
    assert (tmp_path / "draft" / "one.txt").read_bytes() == b"z"
    assert not list(tmp_path.parent.glob("*.txt"))
    assert not list(tmp_path.glob("*.txt"))


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


UNSEEN = {"kann-sentiment", "learningdynamics"}  # the book was made without them


def test_every_download_has_licence_citation_and_checksum():
    for entry in list_data().values():
        assert entry.licence
        assert entry.citation
        for file in entry.files:
            assert file.source.startswith("https://") or "==" in file.source
            if entry.name not in UNSEEN:
                assert len(file.sha256) == 64
                assert file.n_bytes > 0
