"""The prose of a chapter, cut into sentences, and the lint for those that compare."""

import json

import pytest

from linearlens.press.chapter import notebooks, sentences
from linearlens.press.chapter.errors import PressError
from linearlens.press.chapter.notebooks import all_chapters
from linearlens.press.chapter.sentences import Mention, Sentence, complaints, read_allowed, sentences_of, split, unshown


def of(text, section="A result"):
    return Sentence("01_a", section, (), text)


@pytest.fixture
def chapter(tmp_path, monkeypatch):
    """Write a chapter of cells, texts or pairs of a text and metadata, and read its sentences."""
    monkeypatch.setattr(notebooks, "NOTEBOOKS", tmp_path)

    def write(*cells):
        listed = [
            {"cell_type": "markdown", "metadata": {}, "source": cell}
            if isinstance(cell, str)
            else {"cell_type": "code", "metadata": cell, "source": "pass", "outputs": []}
            for cell in cells
        ]
        (tmp_path / "01_a.ipynb").write_text(json.dumps({"cells": listed}), encoding="utf-8")
        return sentences_of("01_a")

    return write


def test_all_that_is_prose_comes_in_its_order_with_its_section(chapter):
    caption = {"mystnb": {"figure": {"caption": "A line. It rises.", "name": "fig-a"}}}
    found = chapter(
        "# Title\n\nLead, over\ntwo lines.\n\n## First\n- one\n- two\n\n```python\nx = 1  # No. Prose.\n```",
        caption,
        "### Below\nMore.\n\n$$\na = b. C\n$$\n\n:::{note} Title\n:class: x\nInside.\n:::\n"
        "| a | b |\n|---|--:|\n| 1 | 2. Two. |\n\n````{exercise} E\n:label: ex-a\n\nDo. \n\n:::{hint}\nH.\n:::\n````",
    )
    assert [one.text for one in found] == [
        "Lead, over two lines.", "- one", "- two", "A line.", "It rises.", "More.", "Inside.",
        "| a | b |", "| 1 | 2. Two. |", "Do.", "H.",
    ]  # fmt: skip
    assert [one.section for one in found] == ["", *["First"] * 10]
    assert [one.inside for one in found[6:]] == [("note",), (), (), ("exercise",), ("exercise", "hint")]


@pytest.mark.parametrize(
    ("text", "n"),
    [
        ("It is so. It is not! Is it? (Yes.) *No.* End", 6),
        ("See Fig. 2, Sec. 4 and App. A of Li et al. The rest, e.g. This, follows.", 1),
        ("**A point.** Then $x = 0.5$. {glue:text}`a.b:.2f` is it. 8 of 10.", 3),
    ],
)
def test_sentences_end_where_readers_stop(text, n):
    assert len(split(text)) == n
    assert " ".join(split(text)) == text


def test_what_a_sentence_mentions_and_how_it_reads():
    one = of("By {glue:text}`a.b.median:.1%` ({paper}`3 %`) {claim}`it is\nbetter <a.c>`, {eq}`eq-a`.")
    assert one.mentions == [Mention("number", "a.b.median", ".1%"), Mention("claim", "a.c")]
    assert one.filled(lambda mention: f"<{mention.name}>") == "By <a.b.median> (3 %) it is\nbetter, eq-a."


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It does better than PCA in all networks.", ["better", "than", "all"]),
        ("It never fails, and only the smallest is as good as nearly none.",
         ["never", "only", "smallest", "as good as", "nearly", "none"]),
        ("One more control, by least squares, at least twice, at most three times, after all.", []),
        ("`all` of $all$, see [it](all.md) and {glue:text}`a.all`.", []),
        ("Which is better?", []),
        ("All of them, for each network:", []),
        ("We {claim}`lose less <a.b>`.", ["less"]),
    ],
)  # fmt: skip
def test_words_that_compare(text, words):
    assert of(text).compares == words


@pytest.mark.parametrize(
    ("text", "section", "inside", "complained_of"),
    [
        ("It is better.", "A result", (), True),
        ("It is better.", "What could have fooled us", (), True),
        ("It is better.", "", (), False),
        ("It is better.", "Exercises", (), False),
        ("It is better.", "A result", ("exercise", "hint"), False),
        ("It is better.", "A result", ("note",), True),
        ("It is better by {glue:text}`a.b`.", "A result", (), False),
        ("{claim}`It is better <a.b>`.", "A result", (), False),
        ("It is better than {paper}`3 %`.", "A result", (), False),
        ("It is better than {given}`3 %`.", "A result", (), True),
    ],
)
def test_a_result_that_compares_must_show_what_it_rests_on(text, section, inside, complained_of):
    assert bool(unshown([Sentence("01_a", section, inside, text)])) is complained_of


def test_the_list_excuses_what_it_names_and_nothing_else():
    texts = [of("All layers have one width."), of("It is better.")]
    assert complaints(texts, {"a definition": ["All layers"], "known": ["It is b"]}) == []
    assert complaints(texts, {"a definition": ["All layers"]}) == [
        "shows no number and names no claim (better): It is better."
    ]
    unclear = "data/comparisons.yml excuses not exactly one sentence that begins: It is"
    assert complaints(texts[:1], {"a definition": ["All layers", "It is"]}) == [unclear]
    assert complaints([*texts, of("It is no worse.")], {"a definition": ["All", "It is"]}) == [unclear]


@pytest.mark.parametrize("text", ["- a", "a: [b]", "a: {why: {b: c}}", "a: {", "\x00"])
def test_a_list_that_is_none_is_refused(tmp_path, text):
    (path := tmp_path / "list.yml").write_text(text)
    with pytest.raises(PressError, match=r"list\.yml"):
        read_allowed(path)
    assert read_allowed(tmp_path / "none.yml") == {}


@pytest.mark.parametrize("chapter", all_chapters())
def test_sentences_that_compare_show_what_they_rest_on(chapter):
    assert complaints(sentences_of(chapter), read_allowed()[chapter]) == []


def test_the_list_names_chapters_that_are_there():
    assert set(read_allowed()) <= set(all_chapters())
    assert sentences.ALLOWED.is_file()
