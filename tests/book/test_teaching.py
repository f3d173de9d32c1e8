"""The page for lecturers: every chapter has its goals and its misconceptions; questions in the text of the chapters."""

import re

import pytest
import yaml

from linearlens.paths import BOOK
from linearlens.press.chapter.notebooks import all_chapters, read_source

PAGE = (BOOK / "for-lecturers.md").read_text(encoding="utf-8")
SECTIONS = re.split(r"^### ", PAGE.partition("\n## Chapter by chapter\n")[2], flags=re.M)[1:]
LINKS = [re.search(r"\[To the chapter\.\]\(notebooks/(\w+)\.ipynb\)", section)[1] for section in SECTIONS]


def test_chapters_stand_in_the_order_of_the_book():
    parts = yaml.safe_load((BOOK / "_toc.yml").read_text())["parts"]
    files = [chapter["file"] for part in parts for chapter in part["chapters"]]
    assert [file.removeprefix("notebooks/") for file in files if file.startswith("notebooks/")] == LINKS


@pytest.mark.parametrize("section", SECTIONS, ids=LINKS)
def test_a_chapter_has_goals_and_misconceptions(section):
    assert "**Prerequisites:**" in section
    section = section.partition("\n## ")[0]
    _, goals, wrong = re.split(r"\*\*After this chapter you can\*\*|\*\*What students get wrong\*\*", section)
    assert 3 <= len(re.findall(r"^- \*\w+", goals, re.M)) <= 7, "goals begin with a verb, set in italics"
    assert 2 <= len(re.findall(r'^- "', wrong, re.M)) <= 6, "misconceptions are what students say, in quotes"


def asked_in(name):
    """Questions in the course of a chapter with a folded answer, but for those before it begins."""
    cells = [cell.source for cell in read_source(name).cells if cell.cell_type == "markdown"]
    return sum(text.count("{dropdown} Answer\n") for text in cells if "## Before you begin" not in text)


# The chapters of part VII are shorter, and ask in front of their figures.
@pytest.mark.parametrize("name", [name for name in all_chapters() if not name.startswith("6")])
def test_a_chapter_asks_three_short_questions_in_its_course(name):
    assert asked_in(name) >= 3


@pytest.mark.parametrize("name", all_chapters())
def test_a_slider_stands_below_a_question(name):
    """At least one of a chapter: the reader predicts, and then moves."""
    cells = read_source(name).cells
    sliders = [place for place, cell in enumerate(cells) if cell.cell_type == "code" and "Slider(" in cell.source]
    before = ["\n".join(cell.source for cell in cells[max(place - 5, 0) : place]) for place in sliders]
    assert not sliders or any(re.search(r"(?i:predict|guess|before you move)|\?", text) for text in before)
