"""The text of a reader's own files, and the rows of their tables."""

import csv
import gzip
from collections.abc import Iterable, Iterator
from pathlib import Path

GZIP, UTF16 = b"\x1f\x8b", (b"\xff\xfe", b"\xfe\xff")


def read_text(path: str | Path, *, encoding: str = "utf-8") -> str:
    """Content of a text file, plain or packed by gzip, with ``\\n`` at the ends of lines and no byte order mark.

    UTF-16 that begins with its mark is read as such; nothing else is guessed.

    Raises
    ------
    ValueError
        If the file is in another encoding (the message names the byte), or holds NUL signs.
    """
    content = Path(path).read_bytes()
    content = gzip.decompress(content) if content.startswith(GZIP) else content
    encoding = "utf-16" if content.startswith(UTF16) else encoding
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not {encoding.upper()}: byte {content[error.start]:#04x} at position {error.start}; say what "
            'it is, for instance encoding="cp1252" (Windows and Excel in western Europe and America), or save it as '
            "UTF-8"
        ) from error
    if "\0" in text:
        raise ValueError(f'{path} holds NUL signs, as UTF-16 read as UTF-8 does; say encoding="utf-16-le", or save it')
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def rows_of(path: str | Path, lines: Iterable[str], separator: str) -> Iterator[tuple[int, list[str]]]:
    """The cells of each row that is not empty, with the number of its last line.

    Raises
    ------
    ValueError
        If rows differ in length, or a quotation mark is never closed.
    """
    reader = csv.reader(lines, delimiter=separator, strict=True)
    first, width = 0, 0
    try:
        for row in reader:
            if not "".join(row).strip():
                continue
            first, width = first or reader.line_num, width or len(row)
            if len(row) != width:
                raise ValueError(
                    f"{path}, line {reader.line_num}: {len(row)} columns came, but line {first} has {width}; cut or "
                    "fill the rows to one length, and put quotation marks around a cell that holds the separator "
                    f"{separator!r}"
                )
            yield reader.line_num, row
    except csv.Error as error:
        raise ValueError(f"{path}, line {reader.line_num}: {error}") from error
