"""Gather what Jupyter Book reads: prose, executed chapters, generated tables, configuration; and the downloads."""

import shutil
from pathlib import Path

import nbformat
import yaml

from linearlens.paths import BOOK, ROOT
from linearlens.press.chapter.exercises import with_solutions
from linearlens.press.chapter.files import aside, write_text
from linearlens.press.chapter.freshness import Executed
from linearlens.press.chapter.notebooks import all_chapters
from linearlens.press.evidence.tables import EDITION, Tables
from linearlens.press.pages.figure_index import glued_drawings, with_commands
from linearlens.press.pages.install import repository
from linearlens.press.pages.materials import Materials
from linearlens.press.pages.portable import student


def stage(target: Path) -> None:
    """Gather what Jupyter Book reads: prose, executed chapters, generated tables, configuration; and the downloads."""
    tables = Tables()
    materials = Materials()
    with aside(target) as draft:
        shutil.copytree(BOOK, draft, ignore=shutil.ignore_patterns("answers"))
        write_text(draft / "_config.yml", _configuration())
        (draft / "notebooks").mkdir()
        for name, table in tables.pages.items():
            write_text(draft / "_generated" / f"{name}.md", table)
        for chapter in all_chapters():
            page = Executed(chapter, EDITION).page()
            for name, drawing in glued_drawings(page).items():
                write_text(draft / "_generated" / f"{name}.svg", drawing)
            with_solutions(with_commands(page), chapter)
            nbformat.write(page, draft / "notebooks" / f"{chapter}.ipynb")
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
