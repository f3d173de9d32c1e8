"""The page for lecturers: every chapter has its goals, its misconceptions and its questions with answers."""

import re

import pytest
import yaml

from linearlens.paths import BOOK

PAGE = (BOOK / "for-lecturers.md").read_text(encoding="utf-8")
SECTIONS = re.split(r"^### ", PAGE.partition("\n## Chapter by chapter\n")[2], flags=re.M)[1:]
LINKS = [re.search(r"\[To the chapter\.\]\(notebooks/(\w+)\.ipynb\)", section)[1] for section in SECTIONS]


def test_chapters_stand_in_the_order_of_the_book():
    parts = yaml.safe_load((BOOK / "_toc.yml").read_text())["parts"]
    files = [chapter["file"] for part in parts for chapter in part["chapters"]]
    assert [file.removeprefix("notebooks/") for file in files if file.startswith("notebooks/")] == LINKS


@pytest.mark.parametrize("section", SECTIONS, ids=LINKS)
def test_a_chapter_has_goals_misconceptions_and_answered_questions(section):
    assert "**Prerequisites:**" in section
    _, goals, wrong, questions = re.split(
        r"\*\*After this chapter you can\*\*|\*\*What students get wrong\*\*|\*\*Exam questions\*\*", section
    )
    assert 3 <= len(re.findall(r"^- \*\w+", goals, re.M)) <= 7, "goals begin with a verb, set in italics"
    assert 2 <= len(re.findall(r'^- "', wrong, re.M)) <= 6, "misconceptions are what students say, in quotes"
    asked = re.findall(r"^(\d)\. .+?^:::\{dropdown\} Model answer\n.+?^:::$", questions, re.M | re.S)
    assert asked == ["1", "2"]
