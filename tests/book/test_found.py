"""How a page is found, shared and cited: descriptions, addresses, citations."""

import shutil
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
from docutils.core import publish_doctree
from matplotlib import image
from test_build import build, write_book

from dlbook.site import found

BUILD = SimpleNamespace(version="1.2", day="2026-11-28", commit="abc1234")


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A book of two pages whose public address is set."""
    folder = tmp_path_factory.mktemp("published")
    write_book(folder)
    (folder / "chapters" / "index.md").write_text(
        "# A book\n\nThis page has a sentence that says what the book is about.\n\nSee [](lines.ipynb).\n"
    )
    done = build(folder, baseurl="https://example.org/book")
    assert done.returncode == 0, done.stdout[-4000:]
    return folder / "_build" / "html"


def test_a_description_is_the_first_sentence_outside_boxes_lists_and_formulas():
    text = """
.. note:: This box has a paragraph that is long enough to be a description.

- This item has a paragraph that is long enough to be a description.

A step of :math:`x` has a formula, which no description can show as it is.

This is what the page is about, and it is said in one sentence.
"""
    assert found.description(publish_doctree(text)).startswith("This is what the page is about")
    assert found.description(publish_doctree("Too short.")) == ""


def test_a_long_description_ends_with_a_sentence_or_with_a_word():
    text = "One sentence that fits. " + "x" * 300
    assert found.shortened(text) == "One sentence that fits."
    assert found.shortened("word " * 60).endswith("word…") and len(found.shortened("word " * 60)) <= 200


def test_a_page_with_a_public_address_has_its_canonical_address_and_its_card(published):
    page = (published / "chapters" / "lines.html").read_text()
    assert '<link rel="canonical" href="https://example.org/book/chapters/lines.html"' in page
    assert 'property="og:url" content="https://example.org/book/chapters/lines.html"' in page
    card = "_images/card-chapters-lines.png"
    assert f'property="og:image" content="https://example.org/book/{card}"' in page
    assert image.imread(published / card).shape[:2] == (630, 1200)
    index = (published / "chapters" / "index.html").read_text()
    assert 'name="description" content="This page has a sentence that says what the book is about."' in index


def test_a_sitemap_lists_every_page(published):
    tree = ElementTree.parse(published / "sitemap.xml")
    listed = [place.text for place in tree.iter("{http://www.sitemaps.org/schemas/sitemap/0.9}loc")]
    assert listed == [f"https://example.org/book/chapters/{name}.html" for name in ("index", "lines")]
    assert "https://example.org/book/sitemap.xml" in (published / "robots.txt").read_text()


def test_the_page_for_a_wrong_address_links_from_the_sites_own_address(published):
    page = (published / "404.html").read_text()
    assert '<base href="https://example.org/book/"' in page and 'href="chapters/index.html"' in page
    assert page.index("<base") < page.index("stylesheet")


def test_without_a_public_address_the_build_leaves_these_out_and_says_so(tmp_path):
    write_book(tmp_path)
    shutil.rmtree(tmp_path / "_build", ignore_errors=True)
    (tmp_path / "chapters" / "lines.ipynb").unlink()
    (tmp_path / "chapters" / "index.md").write_text("# A book\n")
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: chapters/index\n")
    done = build(tmp_path, baseurl="")
    assert done.returncode == 0, done.stdout[-4000:]
    assert "no canonical addresses, no card pictures, no sitemap.xml" in done.stdout
    site = tmp_path / "_build" / "html"
    page = (site / "chapters" / "index.html").read_text()
    assert "canonical" not in page and "og:image" not in page and "og:url" not in page
    assert 'property="og:title" content="A book"' in page
    assert not (site / "sitemap.xml").exists() and not list((site / "_images").glob("card-*"))
    assert "Version " in page and "Cite this page" in page and "@incollection{" in page


def test_a_public_address_that_is_none_is_refused(tmp_path):
    write_book(tmp_path)
    done = build(tmp_path, baseurl="example.org")
    assert done.returncode != 0
    assert "html: baseurl: must be an address like https://example.org/book, got 'example.org'" in done.stdout


def test_a_citation_names_author_year_page_book_version_and_address():
    entry = found.bibtex("Adam: why?", "The Book", "The authors", BUILD, "https://example.org/adam.html")
    assert entry.startswith("@incollection{adam2026,") and "url = {https://example.org/adam.html}" in entry
    assert found.bibtex("The Book", "The Book", "The authors", BUILD, "").startswith("@book{thebook2026,")
    said = found.cited("Notation", "The Book", "The authors", BUILD, "https://example.org")
    assert said == "The authors (2026). Notation. In The Book, version 1.2. https://example.org"


def test_what_a_tag_holds_is_escaped():
    assert 'content="&lt;&quot;&amp;"' in found.tags('<"&', "", "b", "a", BUILD)


def test_the_date_of_a_build_can_be_given():
    assert found.built({"SOURCE_DATE_EPOCH": "86400"}, Path(__file__).parent).day == "1970-01-02"
