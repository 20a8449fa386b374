"""What a book consists of, and in which order it is read."""

import pytest

from dlbook.site import parts


def test_the_order_is_the_table_of_contents_with_the_pages_below_a_chapter(tmp_path):
    (tmp_path / "_toc.yml").write_text(
        "format: jb-book\nroot: a\nparts:\n- caption: One\n  chapters:\n"
        "  - file: b\n    sections: [{file: c}]\n"
    )
    assert parts.order(tmp_path) == [("", ["a"]), ("One", ["b", "c"])]


def test_a_page_that_the_theme_did_not_write_is_refused():
    with pytest.raises(ValueError, match="the page must have an <article"):
        parts.article("<p>x</p>")
