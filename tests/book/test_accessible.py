"""The newest rules of axe find nothing, at three widths and in both themes.

axe-core comes from npm where it is installed (`npm install --no-save axe-core`, in the book's folder),
else from the package of the other tests, which is older.
"""

from pathlib import Path

import pytest
from browsing import BOOK, FOCUSABLE

from dlbook.site.accessible import mended

NEWEST = BOOK / "node_modules" / "axe-core" / "axe.min.js"
PAGES = ("chapters/index", "chapters/start", "chapters/splits", "chapters/exercises/adam",
         "chapters/replications", "search", "404")  # fmt: skip
# these ask for more than WCAG 2.2 AA and the best practices of the newest rules
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def axe():
    if NEWEST.exists():
        return NEWEST.read_text()
    package = pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is missing")
    (path,) = Path(package.__file__).parent.rglob("axe.min.js")
    return path.read_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_no_fault_at_three_widths(visit, axe, name, scheme):
    page = visit(name, scheme=scheme).page
    page.wait_for_timeout(500)
    page.evaluate(axe)
    told = []
    for width in (360, 820, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(500)
        page.evaluate(FOCUSABLE)
        found = page.evaluate(
            "tags => axe.run({runOnly: tags, rules: {'label-content-name-mismatch': {enabled: true}}})", RULES
        )
        told += [
            f"{width}: {v['id']}: {node['html'][:150]} {node['failureSummary']}"
            for v in found["violations"]
            for node in v["nodes"][:3]
        ]
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
