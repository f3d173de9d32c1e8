"""The glossary: words of the chapters, each with the chapter that introduces it."""

import re

from linearlens.paths import BOOK
from linearlens.press.chapter.prose import prose_of

ENTRIES = re.search(r"^:::\{glossary\}\n(.+?)^:::$", (BOOK / "glossary.md").read_text("utf-8"), re.M | re.S)[1]


def entries():
    """Terms (several if they share an explanation) and explanation of each entry."""
    for entry in ENTRIES.strip().split("\n\n"):
        lines = entry.splitlines()
        terms = [line for line in lines if not line.startswith("  ")]
        yield terms, " ".join(line.strip() for line in lines[len(terms) :])


def test_terms_are_in_order_and_there_once():
    terms = [term.casefold() for terms, _ in entries() for term in terms]
    assert [terms[0].casefold() for terms, _ in entries()] == sorted(terms[0].casefold() for terms, _ in entries())
    assert len(terms) == len(set(terms))


def test_every_term_is_a_word_of_the_chapter_it_leads_to():
    for terms, explanation in entries():
        chapter = re.search(r"\]\((notebooks/\w+\.ipynb)\)", explanation)
        assert chapter, f"{terms}: name the chapter that introduces it"
        prose = " ".join(prose_of(BOOK.parent / chapter[1]).replace("*", "").casefold().split())
        assert any(term.casefold() in prose for term in terms), f"{terms} is no word of {chapter[1]}"
