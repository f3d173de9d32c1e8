"""The built book in headless Chromium, served from this machine with every other host out of reach."""

import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from html import unescape
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin

import axe_playwright_python
import pypdf
import pytest
from rich.console import Console

from linearlens.ledger import load_claims
from linearlens.press.chapter.homework import all_homework, read_homework
from linearlens.press.pages.book import HTML, build_book
from linearlens.press.pages.browser import CHROMIUM, TYPESET, chromium, open_page, reading_order, served
from linearlens.press.pages.figure_index import catalogue
from linearlens.press.pages.outward_links import outward
from linearlens.press.pages.pdf import make_pdf

NAMES = [*reading_order(), "search"]  # the last is made by Sphinx
REQUIRED = os.environ.get("LINEARLENS_BROWSER") == "required"

pytestmark = [
    pytest.mark.skipif(
        CHROMIUM is None and not REQUIRED, reason="no Chromium found; on Debian or Ubuntu: apt install chromium"
    ),
]


@pytest.fixture(scope="module")
def site(quick):
    """Address of the book, built from the executed chapters."""
    build_book(console=Console(stderr=True))
    with served(HTML) as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


def pages():
    return sorted(path.relative_to(HTML).as_posix() for path in HTML.rglob("*.html") if "_static" not in path.parts)


LOOK = """() => ({
    math: document.querySelectorAll('.math').length,
    typeset: document.querySelectorAll('mjx-container').length,
    mathErrors: document.querySelectorAll('mjx-merror').length,
    noAlt: [...document.images].filter(i => !i.alt.trim() || /\\.(svg|png)$/.test(i.alt)).map(i => i.src),
    broken: [...document.images].filter(i => !i.naturalWidth).map(i => i.src),
    ids: [...document.querySelectorAll('[id]')].map(e => e.id),
    links: [...document.querySelectorAll('a[href]')].map(a => a.href),
    overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    text: document.body.innerText,
})"""
DRAWN = """() => new Promise(done => {
    requestAnimationFrame(() => requestAnimationFrame(done));
    setTimeout(done, 5000);  // a browser that sees nobody look may draw nothing, and would be waited for without end
})"""
AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
# Contrast takes axe most of its time, and is a matter of style: of texts that look the same one is looked at.
BARRIERS = """async ({ theme, rules }) => {
    document.documentElement.dataset.theme = theme;
    const known = new Set();
    for (const text of document.querySelectorAll('body *')) {
        delete text.dataset.looked;
        if (![...text.childNodes].some(n => n.nodeType === Node.TEXT_NODE && n.data.trim())) continue;
        const { color, fontSize, fontWeight } = getComputedStyle(text);
        let look = [color, fontSize, fontWeight].join();
        for (let at = text; at; at = at.parentElement) {
            look += `<${at.localName} ${at.className} ${getComputedStyle(at).backgroundColor}`;
        }
        if (!known.has(look)) text.dataset.looked = '';
        known.add(look);
    }
    const contrast = await axe.run({ include: ['[data-looked]'] }, { runOnly: 'color-contrast' });
    const others = rules ? await axe.run({ rules: { 'color-contrast': { enabled: false } } }) : { violations: [] };
    return [...contrast.violations, ...others.violations].filter(v => ['serious', 'critical'].includes(v.impact)).map(
        v => [v.id, v.nodes.slice(0, 3).map(n => n.html.slice(0, 160) + ' ' + (n.any[0] || {}).message)]);
}"""
DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 800}


@pytest.mark.parametrize("name", NAMES)
def test_a_page_as_readers_see_it(site, browser, name):
    """Opened once: on a desktop, by daylight and in the dark, then as narrow as a phone."""
    asked, said = [], []
    page = browser.new_page(viewport=DESKTOP)
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(f"{site}{name}.html", wait_until="networkidle", timeout=120_000)
    page.wait_for_load_state("load")  # on a busy machine the network idles while a page is being read
    page.wait_for_function(TYPESET, polling=100, timeout=120_000)
    page.evaluate("() => window.MathJax && MathJax.startup.promise")
    desktop = page.evaluate(LOOK)
    faults = {
        "asks the network": [url for url in asked if not url.startswith((site, "data:", "blob:"))],
        "complains": list(said),
        "leads nowhere": [*dead_links(f"{name}.html", site, desktop["links"], desktop["ids"])],
        "leaves raw": re.findall(r"\{glue:|No key|\{cite", desktop["text"]),
    }
    page.add_script_tag(path=AXE)
    page.add_style_tag(content="* { transition: none !important }")  # or colours are met on their way
    faults["bars readers"] = page.evaluate(BARRIERS, {"theme": "light", "rules": True})
    faults["bars readers in the dark"] = page.evaluate(BARRIERS, {"theme": "dark"})  # only colours differ
    page.set_viewport_size(PHONE)
    page.evaluate(DRAWN)
    phone = page.evaluate(LOOK)
    faults["is wider than a phone"] = [phone["overflow"]] if phone["overflow"] > 0 else []
    for seen in (desktop, phone):
        faults.setdefault("has no alt text for", []).extend(seen["noAlt"])
        faults.setdefault("lacks an image", []).extend(seen["broken"])
        faults.setdefault("has formulas not typeset", []).append(max(seen["math"] - seen["typeset"], 0))
        faults.setdefault("has wrong formulas", []).append(seen["mathErrors"])
    page.close()
    assert {fault: found for fault, found in faults.items() if any(found)} == {}, json.dumps(faults, indent=1)


def dead_links(name, site, links, ids):
    """Links to pages and places of the book that are not there; `ids` are those of the page itself."""
    for link in links:
        address, anchor = urldefrag(urljoin(site + name, link))
        if not address.startswith(site):
            continue
        target = unquote(address.removeprefix(site)) or "index.html"
        if not (HTML / target).is_file():
            yield target
        elif anchor and target.endswith(".html"):
            there = ids if target == name else ids_of(HTML / target)
            if unquote(anchor) not in there:
                yield f"{target}#{anchor}"


@cache
def ids_of(page):
    return {unescape(one) for one in re.findall(r'\sid="([^"]+)"', page.read_text(encoding="utf-8"))}


def test_every_page_is_in_the_table_of_contents(site):
    assert {name.removesuffix(".html") for name in pages()} == set(NAMES)
    assert {"index", "ledger", "notebooks/01_primer"} < set(NAMES)


def test_numbers_and_formulas_reached_the_pages(site):
    assert "statements of papers (" in (HTML / "ledger.html").read_text(encoding="utf-8")
    assert sum((HTML / name).read_text(encoding="utf-8").count('class="math') for name in pages()) > 0


def test_no_answer_of_an_assignment_is_on_the_site(site):
    """Words for graders, rubrics and tests: in no page, no notebook, no source, no index of the search."""
    secrets = ["BEGIN HIDDEN TESTS"]
    for work in map(read_homework, all_homework()):
        for task in work.tasks.values():
            secrets += [task.key.told, *(one.body for one in task.key.scored)]
    lines = {line.strip() for secret in secrets for line in secret.split("\n") if len(line.strip()) > 12}
    lines = {line for line in lines if " " in line and not re.match(r"[\w, ()]+ = |for |return |import |from ", line)}
    assert len(lines) > 30 * len(all_homework())
    for path in HTML.rglob("*"):
        if path.suffix in (".html", ".ipynb", ".js", ".json", ".txt", ".md"):
            text = unescape(re.sub(r"<[^>]*>", "", path.read_text(encoding="utf-8").replace('\\"', '"')))
            assert [line for line in lines if line in text] == [], path


def test_dead_links_are_found(site):
    links = [
        f"{site}ledger.html",
        f"{site}none.html",
        f"{site}ledger.html#none",
        f"{site}index.html#here",
        "https://x.y",
    ]
    assert [*dead_links("index.html", site, links, ["here"])] == ["none.html", "ledger.html#none"]


def test_headings_come_in_order(site):
    for name in pages():
        page = (HTML / name).read_text(encoding="utf-8")
        article = page.partition("<article")[2].partition("</article>")[0] or page
        levels = [int(level) for level in re.findall(r"<h([1-6])\b", article)]
        assert levels.count(1) == 1, name
        assert all(below <= above + 1 for above, below in zip([0, *levels], levels, strict=False)), name


def test_no_page_asks_for_fonts_ahead(site):
    assert [name for name in pages() if 'as="font"' in (HTML / name).read_text(encoding="utf-8")] == []


def test_no_page_waits_for_a_large_script(site):
    waits = re.compile(r'<script src="[^"]*/(?:fontawesome|mathjax)/')
    assert [name for name in pages() if waits.search((HTML / name).read_text(encoding="utf-8"))] == []


def test_a_slider_moves_by_keys_and_shows_one_frame(site, browser):
    page = browser.new_page(viewport={"width": 360, "height": 800})
    page.goto(site + "notebooks/41_credit_theory.html", wait_until="networkidle")
    slider = page.locator("figure.slider").first
    image, knob, value = (slider.locator(part) for part in ("img", "input", "output"))
    assert image.count() == 1
    frames, alts = (json.loads(slider.get_attribute(f"data-{name}")) for name in ("frames", "alts"))
    place, text = int(knob.input_value()), value.inner_text()
    assert (image.get_attribute("src"), image.get_attribute("alt")) == (frames[place], alts[place])
    knob.focus()
    page.keyboard.press("ArrowRight")
    assert (image.get_attribute("src"), image.get_attribute("alt")) == (frames[place + 1], alts[place + 1])
    assert value.inner_text() != text
    assert knob.get_attribute("aria-valuetext") == value.inner_text()
    page.close()


SHOWN_FIGURES = """() => [...document.querySelectorAll('article figure img')].filter(e => e.offsetParent).map(
    e => [e.getBoundingClientRect().left, e.getBoundingClientRect().right].map(Math.round))"""


def test_a_figure_takes_all_of_a_phone(site, browser):
    page = open_page(browser, site + "notebooks/11_kann_copy.html", viewport=PHONE, color_scheme="dark")
    found = page.evaluate(SHOWN_FIGURES)
    page.close()
    assert len(found) > 5
    assert [place for place in found if place != [0, PHONE["width"]]] == []


UNFOLDED = """() => {
    document.querySelectorAll('details').forEach(d => { d.open = true; });
    document.querySelectorAll('.toggle-hidden').forEach(e => e.classList.remove('toggle-hidden'));
}"""
# Of formulas that hold more than they show: whether they move under a finger.
WIDE_FORMULAS = """() => [...document.querySelectorAll('span.math')]
    .filter(e => e.offsetParent && e.scrollWidth > e.clientWidth)
    .map(e => { e.scrollLeft = 9999; return e.scrollLeft > 0 && getComputedStyle(e).overflowX === 'auto'; })"""


def test_a_formula_scrolls_where_it_is_wider_than_its_line(site, browser):
    found = {}
    for width in (360, 1280):
        page = open_page(
            browser, site + "notebooks/31_instance_classifiers.html", viewport={"width": width, "height": 800}
        )
        page.evaluate(UNFOLDED)
        found[width] = page.evaluate(WIDE_FORMULAS)
        page.close()
    assert found[360], "the chapter has formulas wider than a phone"
    assert all(found[360])
    assert found[1280] == [], "no formula that fits gets a scroll bar"


CLAIMS = """() => {
    const row = document.querySelector('.claims tbody tr');
    const cells = [...row.cells];
    return {
        heads: [...row.closest('table').querySelectorAll('th')].map(e => e.textContent),
        labels: cells.map(e => getComputedStyle(e, '::before').content.replaceAll('"', '').trim()),
        wide: [...document.querySelectorAll('.claims *')].filter(
            e => e.getBoundingClientRect().right > innerWidth).length,
        below: cells.at(-1).offsetTop > cells[0].offsetTop,
    };
}"""


@pytest.mark.parametrize("name", ["ledger", "not-reproduced", "notebooks/01_primer"])
def test_claims_are_blocks_on_a_phone_and_rows_elsewhere(site, browser, name):
    for size, phone in ((PHONE, True), (DESKTOP, False)):
        page = open_page(browser, f"{site}{name}.html", viewport=size)
        page.evaluate(UNFOLDED)
        claims = page.evaluate(CLAIMS)
        assert claims["below"] is phone
        assert claims["labels"][1:] == (claims["heads"][1:] if phone else ["none"] * 3), (
            "each has the head of its column"
        )
        assert claims["wide"] == 0 or not phone
        page.close()


def test_the_numbers_of_a_claim_unfold_without_a_script(site, browser):
    page = browser.new_page(viewport=PHONE, java_script_enabled=False)
    page.goto(f"{site}ledger.html")
    assert page.locator(".claims tbody tr").count() == len(load_claims())
    assert page.locator(".claim-filter form").count() == 0
    fold = page.locator(".claims details").first
    bound = fold.locator("code").first
    assert not bound.is_visible()
    fold.locator("summary").click()
    assert bound.is_visible()
    page.close()


def test_the_ledger_is_filtered_by_choices_and_words_and_the_address_says_so(site, browser):
    page = open_page(browser, f"{site}ledger.html?kind=paper", viewport=PHONE)
    claims = load_claims().values()
    shown = lambda: page.locator(".claims tbody tr:visible").count()  # noqa: E731
    assert shown() == sum(claim.kind == "paper" for claim in claims)
    page.get_by_label("verdict").select_option("not reproduced")
    assert shown() == sum(claim.verdict == "not reproduced" for claim in claims)
    assert "verdict=not+reproduced" in page.url
    assert page.get_by_role("status").inner_text() == f"{shown()} of {len(claims)} claims"
    page.get_by_label("words").fill("memory HORIZONS")
    assert shown() == 1
    assert page.locator("section h2:visible").count() == 1, "chapters without a claim that fits are gone"
    page.get_by_role("button", name="show all").click()
    page.wait_for_function("document.querySelectorAll('.claims tr[hidden]').length === 0")
    assert "kind" not in page.url
    page.close()


@pytest.mark.parametrize("query", ["", "?kind=identity"])
def test_a_link_to_a_claim_shows_it_unfolded_whatever_is_filtered(site, browser, query):
    page = open_page(browser, f"{site}ledger.html{query}#claim-sentiment-horizon", viewport=DESKTOP)
    row = page.locator("tr:has(#claim-sentiment-horizon)")
    assert row.locator("details").get_attribute("open") is not None
    assert 0 <= row.bounding_box()["y"] < DESKTOP["height"]
    page.close()


def test_every_figure_of_the_gallery_leads_to_its_place(site, browser):
    page = open_page(browser, f"{site}gallery.html", viewport=DESKTOP)
    assert page.locator(".gallery img").count() == len(catalogue())
    page.locator(".gallery .sd-card", has=page.locator("img[src*='fig-copy-rank']")).click()
    page.wait_for_url("**/11_kann_copy.html#fig-copy-rank")
    page.close()


CUT_CODE = """() => [...document.querySelectorAll('.bd-article pre')].filter(
    e => e.scrollWidth > e.clientWidth + 1).map(e => e.textContent.slice(0, 80))"""


@pytest.mark.parametrize("name", ["own-model", "running", "for-lecturers", "notebooks/42_credit_experiments"])
def test_no_line_of_code_is_cut(site, browser, name):
    page = open_page(browser, f"{site}{name}.html", viewport=DESKTOP)
    page.evaluate(UNFOLDED)
    assert page.evaluate(CUT_CODE) == []
    page.close()


@pytest.mark.parametrize("name", ["01_primer", "41_credit_theory"])
def test_a_drawing_opens_by_itself(site, browser, name):
    page = open_page(browser, f"{site}notebooks/{name}.html", viewport=PHONE)
    assert page.locator("figure:not(.slider) > img").count() == 0, "each is in a link"
    assert page.locator("figure.slider a").count() == 0
    drawing = page.locator("figure a.drawing:visible").first  # of the edition that is shown
    assert drawing.locator("img").get_attribute("alt"), "the name of the link"
    drawing.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/*.svg")
    page.close()


LONG_CODE = """() => [...document.querySelectorAll('.bd-article code')].filter(
    e => !e.closest('pre, table') && e.getBoundingClientRect().right > innerWidth - 16).map(e => e.textContent)"""


@pytest.mark.parametrize("name", ["notebooks/33_instance_language", "notebooks/52_frontier", "for-lecturers"])
def test_code_in_a_line_is_not_cut(site, browser, name):
    page = open_page(browser, f"{site}{name}.html", viewport=PHONE)
    page.evaluate(UNFOLDED)
    assert page.evaluate(LONG_CODE) == []
    page.close()


def test_all_of_the_title_opens_a_solution(site, browser):
    page = open_page(browser, site + "notebooks/31_instance_classifiers.html", viewport=PHONE)
    solution = page.locator(".solution.dropdown").first
    link = solution.locator(".admonition-title a")
    assert "toggle-hidden" in solution.get_attribute("class")
    for hidden in (False, True):
        link.scroll_into_view_if_needed()
        box = link.bounding_box()
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 8)
        assert ("toggle-hidden" in solution.get_attribute("class")) is hidden
    assert "#" not in page.url
    link.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**#ex-*")
    assert "toggle-hidden" in solution.get_attribute("class"), "by keys the link leads to the exercise, no more"
    page.close()


HERE_IS_SEEN = """height => {
    const { top, bottom } = document.querySelector('.bd-docs-nav a.current').getBoundingClientRect();
    return 0 < top && top < height && bottom > top;
}"""


def test_the_menu_opens_at_the_page_that_is_read(site, browser):
    page = open_page(browser, site + "ledger.html", viewport=PHONE)
    page.locator(".primary-toggle:visible").click()
    page.wait_for_function(HERE_IS_SEEN, arg=PHONE["height"])  # once it has slid in
    page.close()


def test_pages_are_printed_with_their_links_and_contents(site, tmp_path):
    with ThreadPoolExecutor(1) as aside:  # playwright is started once a thread
        started = aside.submit(
            make_pdf, target=tmp_path / "pdf", names=["index", "notation"], console=Console(stderr=True)
        )
        whole = started.result()
    assert {path.name for path in whole.parent.iterdir()} == {"index.pdf", "notation.pdf", whole.name}
    book = pypdf.PdfReader(whole)
    assert [item.title for item in book.outline if not isinstance(item, list)] == [
        "Contents",
        "Linear Lenses",
        "Notation",
    ]
    contents = book.pages[0].extract_text()
    start = int(re.search(r"Notation\s*(\d+)", contents)[1])
    assert "Notation" in book.pages[start - 1].extract_text()
    annotations = [link.get_object() for page in book.pages for link in page.get("/Annots", [])]
    assert sum("/Dest" in link for link in annotations) >= 2, "links inside the book lead inside the file"
    assert not [link for link in annotations if "127.0.0.1" in str(link)]
    alone = pypdf.PdfReader(whole.parent / "notation.pdf")
    foot = alone.pages[-1].extract_text()
    assert f"{len(alone.pages)} of {len(alone.pages)}" in foot
    assert "Version" in foot


@pytest.mark.slow
def test_the_whole_book_is_printed(site, tmp_path):
    with ThreadPoolExecutor(1) as aside:
        whole = aside.submit(make_pdf, target=tmp_path / "pdf", console=Console(stderr=True)).result()
    titles = [item.title for item in pypdf.PdfReader(whole).outline if not isinstance(item, list)]
    assert len(titles) == 1 + len(reading_order())
    files = {Path(name).name for name in reading_order()}
    assert {path.name for path in whole.parent.iterdir()} == {*(f"{name}.pdf" for name in files), whole.name}


def test_links_out_of_the_book_are_found(site):
    links = outward(HTML)
    assert any("arxiv.org" in address for address in links)
    assert not [address for address in links if address.startswith(site)]
