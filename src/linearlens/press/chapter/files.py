"""Write aside, then rename: readers see the old file or the new one, never half of one. Read back what is whole.

A *sealed* file carries a hash of itself. One that was cut, changed by hand or put in place of another is told from a
whole one, and counts as absent.
"""

import contextlib
import hashlib
import json
import os
import re
import shlex
import shutil
import sys
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from typing import Any

from rich.console import Console

from linearlens.paths import BUILD, DATA
from linearlens.press.chapter.errors import DamagedError

SEAL = "linearlens_seal"
UNSEALED = "0" * 16
SEALED = re.compile(rf'"{SEAL}": "([0-9a-f]{{16}})"')
DRAFT = re.compile(r"\.(?P<target>.+)\.(?P<process>\d+)-[0-9a-f]{8}\.(part|old)(\.ipynb)?")


@contextmanager
def aside(target: Path) -> Iterator[Path]:
    """Yield a path beside `target` to write to; on success it replaces `target`, otherwise it is removed.

    So are those of processes that were killed while they wrote the same.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove_dead(target.parent.glob(f".{escape(target.name)}.*"))
    draft = target.with_name(f".{target.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}.part")
    try:
        yield draft
        if draft.is_file():
            with draft.open("rb+") as written:
                os.fsync(written.fileno())
        old = draft.with_suffix(".old")
        if target.is_dir():
            target.rename(old)
        os.replace(draft, target)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        if draft.is_dir():
            shutil.rmtree(draft, ignore_errors=True)
        else:
            draft.unlink(missing_ok=True)


def write_text(target: Path, text: str) -> None:
    """Write a text file atomically; a file that already says so keeps its time stamp."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        if target.read_text(encoding="utf-8") == text:
            return
    with aside(target) as draft:
        draft.write_text(text, encoding="utf-8")


def remove_drafts() -> None:
    """Remove what killed processes left aside, in ``_build`` and ``data``; those of living ones stay."""
    for folder in (BUILD, DATA):
        _remove_dead(folder.rglob(".*") if folder.is_dir() else ())


def _remove_dead(paths: Iterable[Path]) -> None:
    for path in paths:
        match = DRAFT.fullmatch(path.name)
        if match and not _lives(int(match["process"])):
            with contextlib.suppress(OSError):  # a checkout that cannot be written to
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _lives(process: int) -> bool:
    import psutil

    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


# What is read back.


def seal(text: str) -> str:
    """The text of a JSON file with its own hash in place of `UNSEALED`, which must stand under `SEAL` in it."""
    unsealed = f'"{SEAL}": "{UNSEALED}"'
    assert text.count(unsealed) == 1
    return text.replace(unsealed, f'"{SEAL}": "{_hash(text)}"')


def read_sealed(path: Path) -> Any:
    """The content of a sealed JSON file.

    Raises
    ------
    FileNotFoundError
        If there is none.
    DamagedError
        If it is not as it was written; the message names the file and what is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
        content = json.loads(text)
    except FileNotFoundError:
        raise
    except (OSError, ValueError, RecursionError) as error:  # a folder, other letters, no JSON, or too deep
        raise DamagedError(f"{path} is damaged: {reason_of(error)}") from error
    seals = list(SEALED.finditer(text))  # one is the file's own; others may stand in what it holds
    if not seals or not isinstance(content, dict):
        raise DamagedError(f"{path} is damaged: it has no seal")
    if not any(_hash(text[: one.start(1)] + UNSEALED + text[one.end(1) :]) == one[1] for one in seals):
        raise DamagedError(f"{path} is damaged: it was changed after it was written")
    return content


def to_json(content: Mapping[str, Any]) -> str:
    """A sealed text of the content."""
    return seal(json.dumps({**content, SEAL: UNSEALED}, indent=1, ensure_ascii=False) + "\n")


def reason_of(error: Exception) -> str:
    """What went wrong with a file, in a few words."""
    if isinstance(error, OSError):
        return (error.strerror or str(error)).lower()
    if isinstance(error, UnicodeDecodeError):
        return "it is no text"
    return f"it is no JSON ({error})"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


# One at a time.


@contextmanager
def one_at_a_time(lock: Path, console: Console) -> Iterator[None]:
    """Wait until no other process holds the lock, and say for whom; then hold it. It goes with the process."""
    from filelock import FileLock, Timeout

    lock.parent.mkdir(parents=True, exist_ok=True)
    held, holder = FileLock(lock), lock.with_suffix(".holder")
    try:
        held.acquire(timeout=0)
    except Timeout:
        said = holder.read_text(encoding="utf-8").strip() if holder.is_file() else "another command"
        console.print(f"waiting for {said}", highlight=False, markup=False)
        held.acquire()
    with held:
        command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
        write_text(holder, f"process {os.getpid()}, `{command}`, running since {time.strftime('%H:%M:%S')}\n")
        try:
            yield
        finally:
            held.release()
