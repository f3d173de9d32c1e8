"""Questions for an examination: read from files that no page and no student's notebook shows."""

import pytest

from linearlens.paths import BOOK
from linearlens.press.chapter.errors import PressError
from linearlens.press.chapter.notebooks import all_chapters, read_source
from linearlens.press.course.exam import Question, questions_of

TWO = """# Exam questions: A small chapter

## Question 1 (3 points)

What is $1 + 1$?

### Model answer

Begin with one (1 point), add one (2 points).

## Question 2 (1 points)

And less one?

### Model answer

One (1 point).
"""


def write(project, text):
    folder = project / "book" / "answers" / "exam"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "01.md").write_text(text, encoding="utf-8")


def test_questions_are_read_with_their_points_and_answers(here):
    assert questions_of("01_small") == []
    write(here, TWO)
    assert questions_of("01_small") == [
        Question(1, 3, "What is $1 + 1$?", "Begin with one (1 point), add one (2 points)."),
        Question(2, 1, "And less one?", "One (1 point)."),
    ]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("### Model answer\n\nOne (1 point).\n", "", "question 2 has no '### Model answer'"),
        ("add one (2 points)", "add one (1 point)", "question 1 has 3 points, those of its answer add up to 2"),
    ],
)
def test_a_question_without_an_answer_or_with_other_points_is_named(here, old, new, says):
    write(here, TWO.replace(old, new))
    with pytest.raises(PressError, match=says):
        questions_of("01_small")


@pytest.mark.parametrize("chapter", all_chapters())
def test_every_chapter_has_three_or_four_questions_that_no_page_shows(chapter):
    questions = questions_of(chapter)
    assert 3 <= len(questions) <= 4
    assert [one.number for one in questions] == list(range(1, len(questions) + 1))
    pages = [path.read_text(encoding="utf-8") for path in BOOK.glob("*.md")]
    shown = "\n".join([*pages, *(cell.source for cell in read_source(chapter).cells)])
    lines = [line for one in questions for line in (one.asks + "\n" + one.answer).split("\n") if len(line) > 40]
    assert [line for line in lines if line in shown] == []


def test_five_sample_questions_stay_public():
    page = (BOOK / "for-lecturers.md").read_text(encoding="utf-8")
    assert page.partition("## Five sample questions")[2].count("{dropdown} Model answer") == 5
    assert page.count("Model answer") == 5
