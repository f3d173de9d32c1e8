"""Decks one can talk from: what each chapter's slides hold, and how they look on a screen of 1280 by 720."""

import os
import re
from base64 import b64decode
from urllib.parse import unquote

import nbformat
import pytest

from linearlens.press.chapter.errors import PressError
from linearlens.press.chapter.notebooks import all_chapters, read_source
from linearlens.press.chapter.prose import bare_numbers
from linearlens.press.course.slides import OWN, cropped, parts_of, slides
from linearlens.press.pages.browser import CHROMIUM, chromium
from linearlens.press.pages.materials import Materials

SCREEN = {"width": 1280, "height": 720}
SMALLEST = 16  # pixels of a letter's height in a figure, for those who sit at the back
POWER = re.compile(r"\de[+-]\d\d")
REQUIRED = os.environ.get("LINEARLENS_BROWSER") == "required"


def deck_of(name):
    """The slides of a chapter, each what it shows and its notes, without being rendered."""
    tagged = [cell for cell in read_source(name).cells if "slide_type" in cell.metadata.get("slideshow", {})]
    return [part for cell in tagged for part in parts_of(cell.metadata["linearlens"]["slide"])]


def words_of(shown):
    """Words that a slide shows, those of a figure's options left out."""
    text = re.sub(r"^:\w+:.*$|^`{3,}.*$", "", shown, flags=re.M)
    text = re.sub(r"\$\$?[^$]*\$\$?|\{[\w:]+\}`[^`<]*`", "x", text)
    return [word for word in text.split() if re.search(r"\w", word)]


@pytest.mark.parametrize("name", all_chapters())
def test_a_deck_holds_what_a_talk_needs(name):
    deck = deck_of(name)
    shown = [text for text, _ in deck]
    headings = [text.partition("\n")[0] for text in shown]
    assert 15 <= len(deck) <= 25
    assert headings[0].startswith("# ")
    assert all(heading.startswith("## ") for heading in headings[1:]), "each slide after the first has a heading"
    polls = [n for n, heading in enumerate(headings) if heading.startswith("## Poll")]
    assert polls, "a poll"
    for n in polls:
        assert len(re.findall(r"^\d\. ", shown[n], re.M)) == 3, "three options"
        assert headings[n + 1].startswith("## Answer"), "the answer comes next"
    assert any(re.search(r"\{numref\}`ex-", text) for text in shown), "an exercise of the chapter"
    assert any("$$" in text for text in shown), "a formula of its own line"
    for heading in ("## What could have fooled us", "## What holds", "## Three things to tell a colleague"):
        assert heading in headings
    assert headings[-1].startswith("## What comes next")


@pytest.mark.parametrize("name", all_chapters())
def test_slides_are_short_and_their_notes_tell_more(name):
    for shown, notes in deck_of(name):
        heading = shown.partition("\n")[0]
        own = list(OWN.finditer(shown))
        captions = [one["body"].strip() for one in own if one["name"] == "figure"]
        assert len(words_of(shown)) <= 100, f"{heading}: a slide is no page"
        assert len(words_of(shown)) >= 12 or own, f"{heading}: a sentence on white"
        assert len(notes.split()) >= 12, f"{heading}: notes say what to tell"
        assert all(caption.endswith((".", "?", ":")) for caption in captions), f"{heading}: captions in sentences"
        assert "{glue:figure}" not in shown, f"{heading}: show figures by their id, with a caption"
        assert bare_numbers(shown + "\n\n" + notes) == [], heading
        glued = re.findall(r"\{glue:text\}`[^`]*?(?::([^`:]*))?`", shown + notes)
        assert all(how and not how.endswith("e") for how in glued), f"{heading}: numbers as one says them"


def small_deck(*slides_of_it, cells=()):
    """The slides of a chapter of such cells, pairs of a type of slide and a text, and of others that are no slides."""
    page = nbformat.v4.new_notebook()
    page.cells = [*cells]
    for one in slides_of_it:
        kind, text = ("slide", one) if isinstance(one, str) else one
        how = {} if kind is None else {"slideshow": {"slide_type": kind}}
        page.cells.append(nbformat.v4.new_markdown_cell(text, metadata=how))
    given = Materials()
    given.__dict__.update(page=lambda _: page, labels={}, references={}, titles={})
    return slides("01_small", given)


def test_tagged_cells_become_slides_in_one_file():
    made = small_deck("# Title\n---\n## $x < y$", (None, "Not this."), ("fragment", "Later."), ("subslide", "Below."))
    body = made.partition('<div class="slides">')[2].partition("</div></div>\n<button")[0]
    assert body.count("<section>") == 4
    assert "<h1>Title</h1>" in body
    assert "\\(x &lt; y\\)" in body
    assert '<div class="fragment"><p>Later.</p>\n</div></div></section><section><div class="page"><p>Below.' in body
    assert "Not this." not in made
    assert not re.search(r"<(script|link|img)[^>]*(src|href)=.(?!data:)", made), "nothing is asked for"
    assert "%%URL%%/MathJax" not in made
    assert small_deck((None, "# Title")) is None


@pytest.mark.parametrize("cells", [[("fragment", "# First")], [("slide", "# First"), ("slides", "second")]])
def test_a_slide_of_the_wrong_type_is_named(cells):
    with pytest.raises(PressError, match=f"a {cells[-1][0]} cannot stand here"):
        small_deck(*cells)


DRAWING = '<svg width="200pt" height="100pt" viewBox="0 0 200 100" version="1.1"></svg>'


def drawn(name="fig-a"):
    metadata = {"mystnb": {"figure": {"name": name, "caption": "Of the page."}, "image": {"alt": "A line."}}}
    cell = nbformat.v4.new_code_cell("def one():\n    return 1\n\n\ndef two():\n    return 2", metadata=metadata)
    data = {"image/svg+xml": DRAWING, "application/vnd.linearlens.figure+json": {}}
    cell.outputs = [nbformat.v4.new_output("display_data", data)]
    cell.id = "cell-a"
    return cell


def test_notes_of_a_slide_are_its_own():
    made = small_deck("## Short\n???\nSay {given}`1`.\n---\n## Second")
    assert '<h2>Short</h2>\n<aside class="notes"><p>Say 1.</p>\n</aside></div></section>' in made
    assert made.count('<aside class="notes">') == 1


def test_a_slide_shows_a_figure_by_its_id_beside_its_text():
    made = small_deck(
        "## Look\n\nThere.\n\n```{figure} fig-a\n:beside:\n\nA {given}`9`.\n```\n\nThen.", cells=[drawn()]
    )
    body = made.partition('<div class="slides">')[2].partition("<button")[0]
    assert (
        '<h2>Look</h2>\n<div class="beside"><div><p>There.</p>\n<p>Then.</p>\n</div><figure><img alt="A line."' in body
    )
    assert "<figcaption><p>A 9.</p>\n</figcaption>" in body
    with pytest.raises(PressError, match="show fig-b, no figure of it; there are: fig-a"):
        small_deck("```{figure} fig-b\n\nA.\n```", cells=[drawn()])


def test_a_figure_is_shown_in_part():
    assert 'width="100pt" height="50pt" viewBox="100 25 100 50"' in cropped(DRAWING, [50, 25, 100, 75])
    for wrong in ([0, 0, 50], [50, 0, 50, 100], [0, 0, 101, 100]):
        with pytest.raises(PressError, match="four percentages"):
            cropped(DRAWING, wrong)


def test_a_slide_shows_code_of_the_chapter():
    shown = "```{literalinclude} cell-a\n:pyobject: two\n```"
    assert "<pre><code>def two():\n    return 2</code></pre>" in small_deck(shown, cells=[drawn()])
    with pytest.raises(PressError, match="three of cell cell-a"):
        small_deck(shown.replace("two", "three"), cells=[drawn()])


# In a browser.

LOOK = """() => {
    const page = Reveal.getCurrentSlide().querySelector('.page');
    const scale = Reveal.getScale();
    const seen = [...page.querySelectorAll('*')].filter(
        e => e.getClientRects().length && !e.closest('aside, mjx-container *'));
    const boxes = seen.map(e => [e, e.getBoundingClientRect()]);
    const bounds = page.getBoundingClientRect();
    const outside = boxes.filter(([e, b]) => b.right > bounds.right + 1 || b.bottom > bounds.bottom + 1
        || b.left < bounds.left - 1 || b.top < bounds.top - 1).map(([e]) => e.outerHTML.slice(0, 90));
    const images = [...page.querySelectorAll('img')].map(i => [i.getBoundingClientRect(), i.src])
        .map(([b, src]) => [b.width / scale, b.height / scale, src]);
    const text = page.cloneNode(true);
    text.querySelectorAll('aside, mjx-container, code').forEach(e => e.remove());
    const pre = [...page.querySelectorAll('pre')].filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.innerText);
    return {
        outside: [...outside, ...pre], images, text: text.textContent,
        formulas: page.querySelectorAll('mjx-merror').length,
        crowded: images.filter(([w, h]) => h < 150).length,
    };
}"""


def letters(svg):
    """The size of the smallest letters in a drawing of matplotlib, in its own points: text is drawn as paths."""
    found = [float(size) * 100 for size in re.findall(r"scale\((\.?[\d.]+) -[\d.]+\)", svg)]
    found += [float(size) for size in re.findall(r"font(?:-size)?: (?:\w+ )*([\d.]+)px", svg)]
    return min(found, default=None)


def letter_size(width, height, source):
    """How large the smallest letters of a drawing are on the screen, or None if it has none."""
    head, _, body = source.partition(",")
    svg = b64decode(body).decode() if head.endswith("base64") else unquote(body)
    _, _, wide, high = map(float, re.search(r'viewBox="([^"]*)"', svg)[1].split())
    size = letters(svg)
    return None if size is None else size * min(width / wide, height / high)


def faults_of(page):
    """What is wrong with each slide of a deck that is open in a page."""
    page.wait_for_function("() => document.body.dataset.typeset === 'yes'", timeout=300_000)
    for number in range(page.evaluate("() => Reveal.getTotalSlides()")):
        seen = page.evaluate(LOOK)
        sizes = [letter_size(*image) for image in seen["images"]]
        faults = {
            "stands outside": seen["outside"],
            "letters too small": [round(size, 1) for size in sizes if size is not None and size < SMALLEST],
            "leaves raw": re.findall(r"\\\\\w+|\$|\{\w+:?\w*\}`|\{glue", seen["text"]) + POWER.findall(seen["text"]),
            "wrong formulas": [seen["formulas"]] if seen["formulas"] else [],
            "is empty": [] if seen["text"].strip() or seen["images"] else [number],
            "figures too low": [seen["crowded"]] if seen["crowded"] else [],
        }
        yield {kind: found for kind, found in faults.items() if found}
        page.evaluate("() => Reveal.next()")


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


def look(browser, name, tmp_path):
    said = []
    (tmp_path / "deck.html").write_text(slides(name, Materials()), encoding="utf-8")
    page = browser.new_page(viewport=SCREEN)
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto((tmp_path / "deck.html").as_uri(), timeout=120_000)
    faults = {number: found for number, found in enumerate(faults_of(page), start=1) if found}
    page.close()
    assert (faults, said) == ({}, [])


needs_chromium = pytest.mark.skipif(
    CHROMIUM is None and not REQUIRED, reason="no Chromium found; on Debian or Ubuntu: apt install chromium"
)


@needs_chromium
def test_a_deck_can_be_read_from_the_back_of_the_room(quick, browser, tmp_path):
    look(browser, all_chapters()[0], tmp_path)


@needs_chromium
@pytest.mark.slow
@pytest.mark.parametrize("name", all_chapters()[1:])
def test_every_deck_can_be_read_from_the_back_of_the_room(quick, browser, tmp_path, name):
    look(browser, name, tmp_path)
