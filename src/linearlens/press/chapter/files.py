"""Write aside, then rename: readers see the old file or the new one, never half of one."""

import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def aside(target: Path) -> Iterator[Path]:
    """Yield a path beside `target` to write to; on success it replaces `target`, otherwise it is removed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        yield draft
        if draft.is_dir() and target.exists():
            old = draft.with_suffix(".old")
            target.rename(old)
            draft.rename(target)
            shutil.rmtree(old)
        else:
            os.replace(draft, target)
    finally:
        if draft.is_dir():
            shutil.rmtree(draft, ignore_errors=True)
        else:
            draft.unlink(missing_ok=True)


def write_text(target: Path, text: str) -> None:
    """Write a text file atomically; a file that already says so keeps its time stamp."""
    if target.is_file() and target.read_text(encoding="utf-8") == text:
        return
    with aside(target) as draft:
        draft.write_text(text, encoding="utf-8")


@contextmanager
def one_at_a_time(lock: Path) -> Iterator[None]:
    """Wait until no other process holds the lock, then hold it; it goes with the process, however that ends."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
