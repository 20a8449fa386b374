"""The newest rules of axe find nothing, at three widths and in both themes."""

import pytest
from browsing import CONTRAST, NEW_COLOURS, PLAIN_CODE, faults

from dlbook.site.accessible import mended

PAGES = ("chapters/index", "chapters/start", "chapters/splits", "chapters/exercises/adam",
         "chapters/replications", "search", "404")  # fmt: skip
# these ask for more than WCAG 2.2 AA and the best practices of the newest rules
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RULES = {"runOnly": TAGS, "rules": {"label-content-name-mismatch": {"enabled": True}}}
WITHOUT_CONTRAST = RULES | {"rules": RULES["rules"] | {"color-contrast": {"enabled": False}}}


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_no_fault_at_three_widths_in_both_themes(visit, name):
    page, told, met = visit(name).page, [], {"light": [], "dark": []}
    for width in (1280, 820, 360):
        page.set_viewport_size({"width": width, "height": 900})
        for scheme, kinds in met.items():
            page.emulate_media(color_scheme=scheme)
            page.wait_for_function("scheme => document.documentElement.dataset.theme === scheme", arg=scheme)
            page.wait_for_timeout(500)
            every = width == 1280  # each piece of text, and at the other widths each kind that was not there
            found = faults(page, RULES if every else WITHOUT_CONTRAST)
            fresh = set(page.evaluate(NEW_COLOURS, kinds)).difference(kinds)
            if fresh and not every:
                found += faults(page, **CONTRAST)
            kinds += fresh
            told += [f"{width}, {scheme}: {fault}" for fault in found]
        page.evaluate(PLAIN_CODE)  # its colours are the same at every width
    assert not told, "\n".join(told)


def test_a_fold_is_called_what_it_shows():
    assert (
        mended('<summary aria-label="Toggle hidden content">\nShow</summary>') == "<summary>\nShow</summary>"
    )


def test_the_arrow_beside_a_chapter_is_named_by_the_chapter():
    arrow = '<summary{}><span class="toctree-toggle" role="presentation"></span></summary>'
    for fold in ("<details>", '<details open="open">'):
        page = f'<a href="adam.html">Adam: "why" &amp; when?</a>{fold}'
        named = page + arrow.format(' aria-label="Pages below Adam: &quot;why&quot; &amp; when?"')
        assert mended(page + arrow.format("")) == named
        assert mended(named) == named


def test_only_an_empty_head_of_a_column_becomes_a_cell():
    row = '<th class="head"><p></p></th><th class="head"><p>loss</p></th>'
    assert mended(row) == '<td class="head"></td><th class="head"><p>loss</p></th>'


def test_mending_twice_changes_nothing_more():
    page = '<div id="pst-primary-sidebar" class="x"><i class="fa-solid fa-list"></i><th></th></div>'
    assert mended(mended(page)) == mended(page)
