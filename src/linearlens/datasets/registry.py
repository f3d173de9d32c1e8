"""The registry of downloads: what there is, where it lies, and a checked fetch."""

import hashlib
import os
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pooch
import yaml

from linearlens.paths import DATA

# What reading a damaged archive may raise.
_BROKEN = (OSError, EOFError, zlib.error, zipfile.BadZipFile, tarfile.TarError)


class DataError(RuntimeError):
    """A data file is missing or is not the file it should be."""


@dataclass(frozen=True)
class DataFile:
    """One file of a data set, or one folder of files, and where it comes from and belongs.

    `folders`, if any, are those parts of a folder that its checksum covers. `archive` names the zip or tar
    file at `url` that holds it; its own checksum, if known, is that of the download. Without a checksum, None,
    any file will do.
    """

    path: Path
    url: str
    sha256: str | None
    n_bytes: int
    folders: tuple[str, ...] = ()
    archive: str | None = None
    archive_sha256: str | None = None

    def present(self) -> bool:
        """Whether it is there with the right checksum."""
        return self.path.exists() and (self.sha256 is None or self.checksum() == self.sha256)

    def checksum(self) -> str:
        """Sha256 of the file; of a folder, that of its files' names and sha256 in the manner of ``sha256sum``."""
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

    def present(self) -> bool:
        """Whether all of its files are."""
        return all(file.present() for file in self.files)


def data_folder() -> Path:
    """The folder downloads are stored in: ``$LINEARLENS_DATA``, or ``data/cache`` of the checkout."""
    named = os.environ.get("LINEARLENS_DATA")
    return Path(named).expanduser() if named else DATA / "cache"


def list_data() -> dict[str, DataEntry]:
    """All data sets of ``data/registry.yml`` by name."""
    registry = yaml.safe_load((DATA / "registry.yml").read_text(encoding="utf-8"))
    return {name: _entry(name, fields) for name, fields in registry.items()}


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
        If the name is unknown, a file cannot be downloaded or unpacked, or its checksum is wrong. A download
        with a wrong checksum is not kept; a file that was there is never touched.
    """
    entries = list_data()
    if name not in entries:
        raise DataError(f"no data set named {name!r}; there are: {', '.join(entries)}")
    return [_fetch_file(name, file) for file in entries[name].files]


def _entry(name: str, fields: dict) -> DataEntry:
    files = tuple(
        DataFile(
            data_folder() / name / item["name"],
            item["url"],
            item["sha256"],
            item["bytes"],
            tuple(item.get("folders", ())),
            item.get("archive"),
            item.get("archive_sha256"),
        )
        for item in fields["files"]
    )
    return DataEntry(name, fields["title"], fields["licence"], fields["citation"], files)


def _fetch_file(name: str, file: DataFile) -> Path:
    if file.present():
        return file.path
    if file.path.exists():
        raise DataError(
            f"{file.path} has a wrong checksum: sha256 {file.checksum()}, wanted {file.sha256}. It was left as it is; "
            "move it away and fetch again."
        )
    folder, source = file.path.parent, file.url
    folder.mkdir(parents=True, exist_ok=True)
    # All is made aside and checked there: nothing half-written ever stands where it is looked for.
    with tempfile.TemporaryDirectory(dir=folder, prefix=".draft-") as draft:
        made = replace(file, path=Path(draft, file.path.name))
        if file.archive is None:
            _download(name, file, made.path)
        else:
            packed = replace(file, path=folder / file.archive, sha256=file.archive_sha256, folders=(), archive=None)
            source = str(_fetch_file(name, packed))
            _unpack(packed.path, made)
        if not made.present():
            advice = f"; move {source} away and fetch again" if file.archive else ""
            raise DataError(
                f"{source} gave a file with a wrong checksum, which was not kept: {file.path.name} has sha256 "
                f"{made.checksum()}, wanted {file.sha256}{advice}"
            )
        try:
            made.path.replace(file.path)
        except OSError:  # a folder that another process has put there meanwhile
            if not file.present():
                raise
    return file.path


def _download(name: str, file: DataFile, target: Path) -> None:
    pooch.get_logger().info(f"Downloading {file.url}")
    try:
        pooch.HTTPDownloader()(file.url, str(target), None)
    except (OSError, ValueError) as error:  # those of requests are among them
        wanted = f"sha256 {file.sha256}" if file.sha256 else "its content is checked when it is unpacked"
        raise DataError(
            f"{name} is missing and could not be downloaded ({type(error).__name__}). Put the file\n"
            f"  {file.url}\nhere:\n  {file.path}\n({wanted}), or name the folder that holds "
            f"{name}/{file.path.name} in LINEARLENS_DATA. The quick profile needs no download."
        ) from error


def _unpack(archive: Path, made: DataFile) -> None:
    """Write what belongs to a file, or to a folder of files, to its path, whatever paths the archive asks for."""
    try:
        for member, content in _members(archive):
            if made.belongs(member):
                target = made.path.parent / member if made.folders else made.path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
    except _BROKEN as error:
        reason = f"{type(error).__name__}: {error}".partition("\n")[0]
        raise DataError(f"{archive} cannot be unpacked ({reason}); move it away and fetch again") from error
    if not made.path.exists():
        raise DataError(f"{archive} holds no {made.path.name}; move it away and fetch again")


def _members(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Paths and contents of the files in a zip or tar archive; nothing is unpacked outside."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as packed:
            for name in packed.namelist():
                if not name.endswith("/"):
                    yield name, packed.read(name)
        return
    with tarfile.open(archive) as tape:
        for member in tape:
            content = tape.extractfile(member) if member.isfile() else None
            if content is not None:
                yield member.name.removeprefix("./"), content.read()
