"""Stage the pages beside the executed notebooks, and let Jupyter Book make HTML of them."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import yaml
from rich.console import Console

from linearlens.paths import BOOK, BUILD, ROOT
from linearlens.press.chapter.exercises import as_tasks
from linearlens.press.chapter.files import aside, one_at_a_time, write_text
from linearlens.press.chapter.freshness import Executed
from linearlens.press.chapter.notebooks import PressError, all_chapters
from linearlens.press.evidence.tables import EDITION, Tables
from linearlens.press.pages.figure_index import glued_drawings, with_origins
from linearlens.press.pages.install import repository
from linearlens.press.pages.materials import Materials
from linearlens.press.pages.portable import student
from linearlens.press.running.chapters import run_chapters

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
        If an executed chapter does not match its sources, or Jupyter Book warns of anything. The last
        good book stays.
    """
    with one_at_a_time(BUILD / "book.lock"):
        return _build(console)


def _build(console: Console) -> Path:
    refuse_stale(all_chapters())
    stage(STAGE)
    key = _hash_tree(STAGE)
    mark = HTML / ".key"
    if mark.is_file() and mark.read_text(encoding="utf-8") == key:
        console.print("pages: nothing changed")
        return HTML / "index.html"
    console.print("pages: building, takes about 20 s")
    with aside(HTML) as draft:
        _jupyter_book(STAGE, draft)
        for notebook in (STAGE / "_generated").glob("*.ipynb"):  # what a page offers for download
            shutil.copy(notebook, draft / "_sources" / "notebooks")
        (draft / ".key").write_text(key, encoding="utf-8")
    return HTML / "index.html"


def refuse_stale(chapters: list[str]) -> None:
    """Raise a PressError unless each chapter's stamp matches its sources."""
    for chapter in chapters:
        trouble = Executed(chapter, EDITION).trouble()
        if trouble:
            raise PressError(
                f"{Executed(chapter, EDITION).path} is not fit for the book: {trouble}; run: linearlens run"
            )


def stage(target: Path) -> None:
    """Gather what Jupyter Book reads: prose, executed chapters, generated tables, configuration; and the downloads."""
    tables = Tables()
    materials = Materials(tables)
    with aside(target) as draft:
        shutil.copytree(BOOK, draft)
        write_text(draft / "_config.yml", _configuration())
        (draft / "notebooks").mkdir()
        for name, table in tables.pages.items():
            write_text(draft / "_generated" / f"{name}.md", table)
        for chapter in all_chapters():
            page = Executed(chapter, EDITION).page()
            for name, drawing in glued_drawings(page).items():
                write_text(draft / "_generated" / f"{name}.svg", drawing)
            nbformat.write(as_tasks(with_origins(page), solutions=True), draft / "notebooks" / f"{chapter}.ipynb")
            nbformat.write(student(chapter, materials), draft / "_generated" / f"{chapter}.ipynb")


def _configuration() -> str:
    """That of Jupyter Book, with a button for Colab in each chapter once the repository has a public address.

    The button opens the notebook that the page offers for download, on the branch that the pages are published on.
    """
    configuration = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    if address := repository():
        options = configuration["sphinx"]["config"].setdefault("html_theme_options", {})
        options |= {
            "repository_url": address,
            "repository_branch": "gh-pages",
            "path_to_docs": "_sources",
            "launch_buttons": {"colab_url": "https://colab.research.google.com"},
        }
    return yaml.safe_dump(configuration, allow_unicode=True, sort_keys=False)


def _jupyter_book(source: Path, target: Path) -> None:
    """Build from clean: a build on top of an old one would hide the warnings of unchanged pages."""
    work = BUILD / "pages"
    shutil.rmtree(work, ignore_errors=True)
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build", str(source)]
    command += ["--path-output", str(work), "--config", str(source / "_config.yml"), "--toc", str(source / "_toc.yml")]
    command += ["-n", "-W", "--keep-going", "--quiet"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise PressError(f"Jupyter Book is not content with the pages:\n{done.stderr.strip() or done.stdout.strip()}")
    shutil.move(work / "_build" / "html", target)


def _hash_tree(folder: Path) -> str:
    whole = hashlib.sha256()
    extension = Path(__file__).with_name("sphinx.py")
    for path in [extension, ROOT / "requirements.lock", *sorted(p for p in folder.rglob("*") if p.is_file())]:
        whole.update(f"{path.name}\0".encode() + path.read_bytes())
    return whole.hexdigest()
