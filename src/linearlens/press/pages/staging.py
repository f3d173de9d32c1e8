"""Gather what Jupyter Book reads: prose, executed chapters, generated tables, configuration; and the downloads."""

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import nbformat
import yaml

from linearlens.paths import BOOK, ROOT
from linearlens.press.chapter.exercises import with_solutions
from linearlens.press.chapter.files import aside, write_text
from linearlens.press.chapter.freshness import Executed
from linearlens.press.chapter.homework import all_homework
from linearlens.press.chapter.notebooks import all_chapters, needs_of
from linearlens.press.evidence.full_pages import FullPage
from linearlens.press.evidence.full_runs import full_pages
from linearlens.press.evidence.lent_runs import missing
from linearlens.press.evidence.tables import EDITION, Tables
from linearlens.press.pages.cards import cards
from linearlens.press.pages.editions import in_both, said_of
from linearlens.press.pages.figure_index import with_commands
from linearlens.press.pages.history import HISTORY, history
from linearlens.press.pages.homework import homework_notebook, homework_page
from linearlens.press.pages.included import write_included
from linearlens.press.pages.install import repository
from linearlens.press.pages.materials import Materials, glued_texts
from linearlens.press.pages.pointing import POINTED
from linearlens.press.pages.portable import student
from linearlens.press.pages.worked import executed_page

WORKED = ("own-model.md",)  # pages whose code runs, and which are no chapters


def stage(target: Path) -> None:
    """Gather what Jupyter Book reads: prose, executed chapters, generated tables, configuration; and the downloads."""
    tables = Tables()
    materials = Materials()
    kept = full_pages(tables.runs)
    with aside(target) as draft:
        shutil.copytree(BOOK, draft, ignore=shutil.ignore_patterns("answers", "assignments", *WORKED))
        for name in WORKED:
            if (BOOK / name).exists():
                _stage_worked(name, draft)
        write_text(draft / "_config.yml", _configuration())
        (draft / "notebooks").mkdir()
        for name, table in tables.pages.items():
            write_text(draft / "_generated" / f"{name}.md", table)
        write_included(draft / "_generated")
        for chapter in all_chapters():
            page = Executed(chapter, EDITION).page()
            full = kept.get(chapter)
            with_solutions(with_commands(page, full.run if full and full.figures else None), chapter)
            page = in_both(page, glued_texts(page), full)
            if page.metadata["linearlens_run"].get("lent"):
                page.cells.insert(1, nbformat.v4.new_markdown_cell(_lent(chapter)))
            nbformat.write(page, draft / "notebooks" / f"{chapter}.ipynb")
            nbformat.write(student(chapter, materials), draft / "_generated" / f"{chapter}.ipynb")
        for name in all_homework():
            _write(homework_page(name), draft / "assignments" / f"{name}.ipynb")
            _write(homework_notebook(name), draft / "_generated" / "assignments" / f"{name}.ipynb")
        write_text(draft / HISTORY, json.dumps(history(), ensure_ascii=False))
        write_text(draft / POINTED, json.dumps(_pointed(tables, kept, draft / "_static" / "full"), ensure_ascii=False))


def _write(notebook: nbformat.NotebookNode, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)


def _lent(chapter: str) -> str:
    """What a page says at its head that was not run where the pages are built."""
    absent = missing(chapter) or dict.fromkeys(needs_of(chapter), 0)
    megabytes = sum(absent.values()) / 1e6
    return f"""
:::{{admonition}} Not run here
:class: note
This page needs what others made, {", ".join(sorted(absent))}: {megabytes:.0f} MB, which were not there when the pages
were built. What it shows was measured with the code shown, and kept. To run it: `linearlens data fetch wild`, then
`make book`.
:::
"""


def _stage_worked(name: str, draft: Path) -> None:
    """A page with its outputs, and links of other pages, which name its source, to what it is now."""
    worked = Path(name).with_suffix(".ipynb")
    nbformat.write(executed_page(BOOK / name), draft / worked)
    for path in draft.glob("*.md"):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace(f"({name}", f"({worked}"), encoding="utf-8")


def _pointed(tables: Tables, kept: Mapping[str, FullPage], folder: Path) -> dict[str, Any]:
    """What pages say of claims and runs; figures of full runs are copied to the folder."""
    runs: dict[str, dict[str, Any]] = {}
    for chapter in all_chapters():
        runs[chapter] = {"quick": {"said": said_of(Executed(chapter, EDITION).stamp() or {})}}
        if full := kept.get(chapter):
            runs[chapter]["full"] = {"said": said_of(full.run), "figures": dict(_figures(chapter, full, folder))}
    rows = {row.id: row for row in tables.rows}
    return {"claims": cards(tables.claims, rows, tables.kept, tables.seeds), "runs": runs}


def _figures(chapter: str, full: FullPage, folder: Path) -> Iterator[tuple[str, str]]:
    """The drawings of a full run, by id, each where a page finds its copy."""
    for name, path in full.figures.items():
        if path.suffix != ".html":
            (folder / chapter).mkdir(parents=True, exist_ok=True)
            shutil.copy(path, folder / chapter)
            yield name, f"../_static/full/{chapter}/{path.name}"


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
