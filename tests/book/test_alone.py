"""A chapter is built alone, in its own folder, with what the full build has kept."""

import subprocess
import sys

import pytest
from test_build import BUILDER, build, write_book

from dlbook import site

pytestmark = pytest.mark.skipif(not BUILDER.exists(), reason="jupyter-book is not installed")


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    folder = tmp_path_factory.mktemp("alone")
    write_book(folder)
    done = build(folder)
    assert done.returncode == 0, done.stdout[-4000:]
    return folder


def test_a_chapter_is_built_alone_and_as_a_draft_without_touching_the_full_build(book):
    full = {
        path: path.stat().st_mtime_ns for path in (book / "_build/.executed").rglob("*") if path.is_file()
    }
    lines = book / "chapters" / "lines.ipynb"
    lines.write_text(lines.read_text().replace("[1, 2, 4]", "[1, 2, 8]"))
    done = subprocess.run(
        [sys.executable, "-m", "dlbook.site", "--draft", "lines"], cwd=book, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    site = book / "_build/draft/lines/_build/html"
    assert len(list((site / "_images").glob("frame-*.svg"))) == 1
    assert "The line rises to 0.50." in (site / "chapters" / "lines.html").read_text()
    assert {path: path.stat().st_mtime_ns for path in full if path.exists()} == full


def test_a_page_below_a_chapter_can_be_picked(tmp_path):
    (tmp_path / "_toc.yml").write_text(
        "format: jb-book\nroot: chapters/index\nparts:\n  - caption: One\n    chapters:\n"
        "      - file: chapters/adam\n        sections: [{file: chapters/deeper/adam_race}]\n"
        "  - caption: Two\n    chapters: [{file: chapters/exercises/adam}]\n"
    )
    assert site.pages(tmp_path) == [
        "chapters/index",
        "chapters/adam",
        "chapters/deeper/adam_race",
        "chapters/exercises/adam",
    ]
    assert site.pick(tmp_path, ["adam_race", "adam"]) == {
        "format": "jb-book",
        "root": "chapters/deeper/adam_race",
        "chapters": [{"file": "chapters/adam"}],
    }


def test_a_chapter_that_is_not_in_the_book_is_refused(book):
    assert site.pick(book, ["lines"]) == {"format": "jb-book", "root": "chapters/lines"}
    with pytest.raises(ValueError, match="chapters must be among index, lines, got 'circles'"):
        site.pick(book, ["lines", "circles"])


def test_without_names_the_whole_book_is_built_and_a_draft_needs_names(book):
    done = subprocess.run([sys.executable, "-m", "dlbook.site"], cwd=book, capture_output=True, text=True)
    assert done.returncode == 0 and "build succeeded" in done.stdout, (
        done.stdout[-2000:] + done.stderr[-2000:]
    )
    draft = [sys.executable, "-m", "dlbook.site", "--draft"]
    done = subprocess.run(draft, cwd=book, capture_output=True, text=True)
    assert done.returncode == 2 and "--draft is for single chapters" in done.stderr
