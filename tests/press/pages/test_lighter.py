"""What a page waits for before it is drawn."""

from linearlens.press.pages.sphinx import lighter

HEAD = """<link rel="preload" as="font" type="font/woff2" crossorigin href="a.woff2" />
<script src="../_static/vendor/fontawesome/6.5.2/js/all.min.js?digest=1"></script>
<script>window.MathJax = {}</script>
<script src="../_static/mathjax/tex-chtml-full.js?v=1"></script>
<script src="../_static/book.js?v=1"></script>
"""


def test_large_scripts_wait_for_the_page_and_not_the_page_for_them():
    page = lighter(HEAD)
    assert page.count("<script defer src=") == 2
    assert '<script src="../_static/book.js?v=1">' in page, "small ones run in their order"
    assert "<script>window.MathJax" in page, "what MathJax reads stands there before it"
    assert "preload" not in page
    assert lighter(page) == page
