"""One file of a data set: where it comes from, where it belongs, and whether it is the right one."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import pooch

GIT = "git:"  # begins a checksum that is git's own name of the content


class DataError(RuntimeError):
    """A data file is missing or is not the file it should be."""


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
        if by_git(self) and self.path.is_file():
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


def by_git(file: DataFile) -> bool:
    return file.sha256 is not None and file.sha256.startswith(GIT)
