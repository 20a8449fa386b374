"""The whole book as one PDF."""

import re
import subprocess
from types import SimpleNamespace

import pytest
from browsing import CHROMIUM
from small_site import PARTS, small_site

from dlbook.site import paper

browser = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed")


@pytest.fixture
def small(tmp_path):
    return small_site(tmp_path)


def test_in_one_document_ids_and_links_carry_the_name_of_their_page():
    pages = ["chapters/adam", "chapters/exercises/adam"]
    html = (
        '<p id="x"><a href="#x">a</a><a href="../adam.html#y">b</a><a href="gone.html">c</a>'
        '<a href="https://d">d</a></p>'
    )
    assert paper.in_one_document(html, "chapters/exercises/adam", pages) == (
        '<p id="exercises-adam--x"><a href="#exercises-adam--x">a</a><a href="#adam--y">b</a>'
        '<a href="#">c</a><a href="https://d">d</a></p>'
    )


def test_the_document_has_a_cover_contents_and_every_page_with_its_folds_open(small):
    html = paper.document(small, PARTS, "The Book", SimpleNamespace(version="1", day="2026-11-28", commit=""))
    assert html.count("<details open") == 2 and "<details>" not in html and "loading=" not in html
    assert re.findall(r'<li><a href="#(\w+)">(\w+)</a>', html) == [("index", "Index"), ("lines", "Lines")]
    assert 'href="#index--why"' in html and 'src="_images/frame-1.svg"' in html


@browser
def test_a_printed_book_has_its_contents_with_the_pages_on_which_they_stand(small, tmp_path, capsys):
    target = tmp_path / "out" / "book.pdf"
    numbers = paper.write_pdf(small, PARTS, target, "The Book")
    fonts = subprocess.run(["fc-list", ":lang=zh"], capture_output=True, text=True).stdout
    assert ("no font has the Chinese terms" in capsys.readouterr().out) == (not fonts.strip())
    assert target.read_bytes().startswith(b"%PDF")
    assert numbers["index"] == 3 and numbers["lines"] == 4  # after the cover and the contents
    assert not (small / "print.html").exists()


@browser
def test_a_book_whose_formulas_stay_tex_is_not_printed(small, tmp_path, monkeypatch):
    monkeypatch.setitem(paper.MATHJAX, "options", {})  # then the theme's own marks hide them
    with pytest.raises(RuntimeError, match=r"2 formulas are not typeset, the first is .*x\^2"):
        paper.write_pdf(small, PARTS, tmp_path / "book.pdf", "The Book")
