"""Stands as ``sitecustomize`` in a copy: ends the process just before the n-th change of a name on disk.

Those changes are what makes a draft the real thing: rename, replace, fsync, and the removal of a folder. They are
counted over all processes of a command, as long as they touch the copy; variables say at which to stop, where the
counter lies, and which folder is the copy.
"""

import fcntl
import functools
import os
import shutil

STOP, COUNTER, ROOT = "FAULTS_STOP", "FAULTS_COUNTER", "FAULTS_ROOT"
NEVER = ("/.git/", "/.ipynb_checkpoints/", "/__pycache__/")


def _touches(arguments) -> str | None:
    """The first path below the copy."""
    for one in arguments:
        try:
            path = os.readlink(f"/proc/self/fd/{one}") if isinstance(one, int) else os.path.abspath(os.fspath(one))
        except (OSError, TypeError):
            continue
        path = path if isinstance(path, str) else path.decode()
        if path.startswith(os.environ[ROOT] + os.sep) and not any(word in path for word in NEVER):
            return path
    return None


def _count(what: str, path: str) -> int:
    """Write the change into the counter; which one it is."""
    with open(os.environ[COUNTER], "a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        number = len(file.readlines()) + 1
        file.write(f"{number} {what} {os.path.relpath(path, os.environ[ROOT])}\n")
    return number


def _stopping(function):
    @functools.wraps(function)
    def instead(*arguments, **options):
        path = _touches(arguments)
        if path is not None and _count(function.__name__, path) == int(os.environ[STOP]):
            os._exit(137)
        return function(*arguments, **options)

    return instead


if STOP in os.environ:
    for _name in ("replace", "rename", "fsync"):
        setattr(os, _name, _stopping(getattr(os, _name)))
    shutil.rmtree = _stopping(shutil.rmtree)
