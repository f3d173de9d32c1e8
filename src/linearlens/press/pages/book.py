"""Build the pages from the executed chapters, unless those that stand are the same."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from rich.console import Console

from linearlens.paths import BOOK, BUILD, DATA, ROOT
from linearlens.press.chapter.errors import DamagedError, PressError
from linearlens.press.chapter.files import SEAL, aside, one_at_a_time, read_sealed, remove_drafts, to_json, write_text
from linearlens.press.chapter.freshness import Executed, hash_bytes
from linearlens.press.chapter.notebooks import all_chapters, source_of
from linearlens.press.chapter.reachable import hash_of
from linearlens.press.evidence.measurements import unclaimed
from linearlens.press.evidence.tables import EDITION
from linearlens.press.running.chapters import run_chapters

MANIFEST = ".pages.json"  # what the pages were made of, and a hash of each file
MADE_OF = ("_config.yml", "CITATION.cff", "pyproject.toml", "requirements.lock", "data/claims.yml", "data/figures.yml",
           "tests/mutants.yml", "CHANGELOG.md", "LICENSE", "LICENSE-TEXT")  # fmt: skip

HTML = BUILD / "html"
STAGE = BUILD / "stage"


def make_book(*, jobs: int, console: Console, device: str | None = None) -> Path:
    """Run the stale chapters, then :func:`build_book`."""
    run_chapters(all_chapters(), EDITION, jobs=jobs, force=False, console=console, device=device)
    return build_book(console=console)


def build_book(*, console: Console) -> Path:
    """Build the HTML from the executed chapters as they are; a book already built from the same pages is kept.

    Returns
    -------
    Path
        The first page.

    Raises
    ------
    PressError
        If an executed chapter does not match its sources or recorded what the ledger lacks, or Jupyter Book warns
        of anything. The last good book stays.
    """
    remove_drafts()
    key = _key()
    if _unfit(key) is None:
        console.print("pages: nothing changed")
        return HTML / "index.html"
    with one_at_a_time(BUILD / "book.lock", console):
        if reason := _unfit(key):  # another may have built them
            console.print(f"pages: building, takes about 20 s: {reason}", highlight=False, markup=False)
            _build(key)
    return HTML / "index.html"


def _build(key: str) -> None:
    from linearlens.press.pages.staging import stage  # takes seconds to import

    if strangers := unclaimed(EDITION):
        raise PressError("; ".join(strangers))
    stage(STAGE)
    with aside(HTML) as draft:
        _jupyter_book(STAGE, draft)
        for pattern, folder in (("*.ipynb", "notebooks"), ("assignments/*.ipynb", "assignments")):
            for notebook in (STAGE / "_generated").glob(pattern):  # what a page offers for download
                shutil.copy(notebook, draft / "_sources" / folder)
        write_text(draft / MANIFEST, to_json({"key": key, "files": _hashes(draft)}))


def refuse_stale(chapters: list[str]) -> None:
    """Raise a PressError unless each chapter's stamp matches its sources."""
    for chapter in chapters:
        trouble = Executed(chapter, EDITION).trouble()
        if trouble:
            raise PressError(
                f"{Executed(chapter, EDITION).path} is not fit for the book: {trouble}; run: linearlens run"
            )


def refuse_other_pages() -> None:
    """Raise a PressError unless the built pages are those of today's sources, each as it was built."""
    if reason := _unfit(_key()):
        raise PressError(f"the built pages will not do: {reason}; run: linearlens book")


def _unfit(key: str) -> str | None:
    """Why the built pages cannot be used; None if they can."""
    try:
        manifest = read_sealed(HTML / MANIFEST)
    except (FileNotFoundError, NotADirectoryError):
        return "there are none"
    except DamagedError as error:
        return str(error)
    if manifest["key"] != key:
        return "what they are made of has changed"
    now = _hashes(HTML)
    other = sorted(name for name in now.keys() | manifest["files"] if now.get(name) != manifest["files"].get(name))
    return f"{HTML / other[0]} is not as it was built" if other else None


def _key() -> str:
    """Hash of all that the pages are made of: prose, chapters as executed, results, configuration, code."""
    refuse_stale(all_chapters())
    stamps = {name: Executed(name, EDITION).stamp() or {} for name in all_chapters()}
    parts = [f"{name} {stamp.get(SEAL)}" for name, stamp in stamps.items()]
    listed = [ROOT / name for name in MADE_OF]
    folders = [BOOK, DATA / "results", ROOT / "src" / "linearlens"]
    listed += [path for folder in folders for path in folder.rglob("*") if not {"__pycache__"} & {*path.parts}]
    listed += [source_of(name) for name in all_chapters()]
    for path in sorted(path for path in listed if path.is_file()):
        parts.append(f"{path.relative_to(ROOT).as_posix()} {hash_bytes(path.read_bytes())}")
    return hash_of("\n".join(parts))


def _hashes(folder: Path) -> dict[str, str]:
    """Hashes of all files below a folder, but for the manifest."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != MANIFEST]
    return {path.relative_to(folder).as_posix(): hash_bytes(path.read_bytes()) for path in files}


def _jupyter_book(source: Path, target: Path) -> None:
    """Build from clean: a build on top of an old one would hide the warnings of unchanged pages."""
    work = BUILD / "pages"
    shutil.rmtree(work, ignore_errors=True)
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build", str(source)]
    command += ["--path-output", str(work), "--config", str(source / "_config.yml"), "--toc", str(source / "_toc.yml")]
    command += ["-n", "-W", "--keep-going", "--quiet"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode < 0:
        raise PressError(
            f"Jupyter Book was ended by {signal.Signals(-done.returncode).name}; if nobody did, memory was short"
        )
    if done.returncode:
        said = re.sub(r"\x1b\[[0-9;]*m", "", done.stderr.strip() or done.stdout.strip())
        raise PressError(f"Jupyter Book is not content with the pages:\n{said}")
    shutil.move(work / "_build" / "html", target)
