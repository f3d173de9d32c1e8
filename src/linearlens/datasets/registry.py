"""The registry of downloads: what there is, where it lies, and a checked fetch."""

import os
from dataclasses import dataclass
from pathlib import Path

import pooch
import yaml

from linearlens.paths import DATA


class DataError(RuntimeError):
    """A data file is missing or is not the file it should be."""


@dataclass(frozen=True)
class DataFile:
    """One file of a data set and where it belongs."""

    path: Path
    url: str
    sha256: str
    n_bytes: int

    def present(self) -> bool:
        """Whether the file is there with the right checksum."""
        return self.path.is_file() and pooch.file_hash(str(self.path)) == self.sha256


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
        If the name is unknown, a file cannot be downloaded, or its checksum is wrong. A download with a
        wrong checksum is not kept; a file of the reader's own is not touched.
    """
    entries = list_data()
    if name not in entries:
        raise DataError(f"no data set named {name!r}; there are: {', '.join(entries)}")
    return [_fetch_file(name, file) for file in entries[name].files]


def _entry(name: str, fields: dict) -> DataEntry:
    files = tuple(
        DataFile(data_folder() / name / item["name"], item["url"], item["sha256"], item["bytes"])
        for item in fields["files"]
    )
    return DataEntry(name, fields["title"], fields["licence"], fields["citation"], files)


def _fetch_file(name: str, file: DataFile) -> Path:
    if file.present():
        return file.path
    if file.path.exists():
        _refuse_wrong_file(file)
    try:
        file.path.parent.mkdir(parents=True, exist_ok=True)
        pooch.retrieve(file.url, known_hash=f"sha256:{file.sha256}", fname=file.path.name, path=file.path.parent)
    except ValueError as error:  # pooch has removed what it had downloaded
        raise DataError(f"{file.url} gave a file with a wrong checksum, which was not kept: {error}") from error
    except Exception as error:
        raise DataError(
            f"{name} is missing and could not be downloaded ({type(error).__name__}). Put the file\n"
            f"  {file.url}\nhere:\n  {file.path}\n(sha256 {file.sha256}), or name the folder that holds "
            f"{name}/{file.path.name} in LINEARLENS_DATA. The quick profile needs no download."
        ) from error
    return file.path


def _refuse_wrong_file(file: DataFile) -> None:
    found = pooch.file_hash(str(file.path))
    ours = DATA / "cache" in file.path.parents
    if ours:
        file.path.unlink()
    raise DataError(
        f"{file.path} has a wrong checksum: sha256 {found}, wanted {file.sha256}. "
        + ("It was removed; fetch it again." if ours else "It was left alone; move it away and fetch again.")
    )
