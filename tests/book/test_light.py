"""What a browser has to load before the reader sees text."""

import re
from pathlib import Path

import pytest

from dlbook.site import light

VENDOR = Path(light.__file__).parents[1]


@pytest.mark.parametrize(
    "css, words, kept",
    [
        (".a .b { color: red }", {"a"}, ""),
        (".a .b { color: red }", {"a", "b"}, ".a .b{color:red}"),
        (".a:not(.b), #c { color: red }", {"a"}, ".a:not(.b){color:red}"),
        ("p, [class*='x-'] { margin: 0 !important }", set(), "p,[class*='x-']{margin:0!important}"),
        (".-Color-Red { color: red }", set(), ""),
        ("@media print { .a { color: red } .b { color: blue } }", {"b"}, "@media print{.b{color:blue}}"),
        ("@media print { .a { color: red } }", set(), ""),
        ('@font-face { font-family: X } @import "a.css"; p { margin: 0 }', set(), "p{margin:0}"),
        (":is(.a, .b) p { margin: 0 }", set(), ":is(.a, .b) p{margin:0}"),
    ],
)
def test_a_rule_stays_where_an_element_can_match_it(css, words, kept):
    assert light.purged(css, words).replace('"', "'") == kept


def test_a_custom_property_that_nothing_reads_goes():
    css = ":root { --a: 1px; --b: var(--a); --c: 2px } p { margin: var(--b) }"
    used = light.used_variables(css)
    assert light.purged(css, set(), used) == ":root{--a:1px;--b:var(--a)}p{margin:var(--b)}"


def test_the_words_are_the_pages_classes_and_ids_and_every_word_of_a_script():
    words = light.words_of(['<p class="a b-c" id="d">e</p>'], ["list.add('f-g')"])
    assert {"a", "b-c", "d", "f-g"} <= words and "e" not in words


def test_a_page_links_one_style_sheet_and_one_script_that_nothing_waits_for():
    html = """<head><title>T</title><link rel="stylesheet" href="../_static/basic.css" />
    <link rel="stylesheet" href="../_static/styles/theme.css?digest=1">
    <link href="../_static/mystnb.1a.css" />
    <script src="../_static/doctools.js?v=1"></script><script>let toggleHintShow = 'x';</script>
    <script src="../_static/mine.js"></script></head><img src="../_images/frame-1.svg" alt="">"""
    page = light.packed(html, "../", "s1", "j1")
    assert re.findall(r'href="([^"]*css[^"]*)"', page) == ["../_static/site.css?v=s1"]
    assert '<script defer fetchpriority="low" src="../_static/site.js?v=j1">' in page
    other = '<link rel="stylesheet" href="../_static/other.css" />'
    assert other in light.packed(html.replace("</head>", f"{other}</head>"), "../", "s1", "j1")
    assert "doctools" not in page and "toggleHint" not in page and "mine.js" in page
    assert '<img loading="lazy" src="../_images/frame-1.svg"' in page
    assert light.packed(page, "../", "s1", "j1") == page


def test_the_theme_stands_before_the_first_paint_and_without_scripts(visit):
    for scheme in ("light", "dark"):
        page = visit("chapters/index", scheme=scheme).page
        assert page.evaluate("document.documentElement.dataset.theme") == scheme
    page = visit("chapters/index", scheme="dark", java_script_enabled=False).page
    assert page.locator("html").get_attribute("data-theme") == "light"
    head = '<html data-theme="auto"><title>T</title>document.documentElement.dataset.theme = '
    page = light.packed(head + 'localStorage.getItem("theme") || "auto";', "", "s", "j")
    assert 'data-theme="light"' in page and "prefers-color-scheme" in page


def test_formulas_are_loaded_later_and_only_where_there_are_some():
    head = """<title>T</title><script>window.MathJax = {"a": 1}</script>
    <script defer="defer" src="_static/mathjax/startup.js?v=1"></script>"""
    without = light.packed(head, "", "s", "j")
    assert "MathJax" not in without and "startup.js" not in without
    with_formula = light.packed(head + '<span class="math notranslate">x</span>', "", "s", "j")
    assert '<script data-formulas="_static/mathjax/startup.js?v=1">window.MathJax' in with_formula
    assert 'src="_static/mathjax' not in with_formula


def test_the_icon_font_holds_the_icons_that_are_used_and_no_others(site):
    style = (site / "_static" / "site.css").read_text()
    fonts = re.findall(r"base64,([^)]*)\)", style)
    assert fonts and sum(map(len, fonts)) < 20_000
    icons = re.search(r"\.fa-magnifying-glass:before\{content:[^}]*([\ue000-\uf8ff])", style)[1]
    import base64
    import io

    from fontTools.ttLib import TTFont

    glyphs = set().union(*(TTFont(io.BytesIO(base64.b64decode(font))).getBestCmap() for font in fonts))
    assert ord(icons) in glyphs and len(glyphs) < 40


def test_a_page_of_formulas_loads_less_than_400_kilobytes(visit, site):
    opened = visit("chapters/adam")
    opened.page.locator(".math").first.evaluate("formula => formula.scrollIntoView()")  # typeset when met
    opened.page.wait_for_selector("mjx-container mjx-math")
    opened.page.wait_for_timeout(500)
    import gzip
    from urllib.parse import unquote, urlsplit

    paths = {Path(unquote(urlsplit(url).path)) for url in opened.loaded if url.startswith("file:")}
    shown = set(opened.page.evaluate("[...document.images].map(image => image.src.split('/').pop())"))
    # pictures that an explorer in sight fetches ahead come when the page is there
    needed = [path for path in paths if path.name in shown or not path.name.startswith("frame-")]
    assert sum(len(gzip.compress(path.read_bytes())) for path in needed) < 400_000
    assert opened.errors == []
    assert not [path for path in paths if path.name in ("searchindex.js", "bootstrap.js")]
