"""The whole book for a reading device."""

import shutil
import subprocess
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest
from browsing import CHROMIUM
from small_site import PARTS, small_site

from dlbook.site import epub

browser = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed")


@pytest.fixture
def small(tmp_path):
    return small_site(tmp_path)


@browser
def test_an_epub_is_well_formed_complete_and_passes_epubcheck(small, tmp_path):
    target = tmp_path / "out" / "book.epub"
    epub.write_epub(small, PARTS, target, "The Book", "The authors", "the-book-1")
    with zipfile.ZipFile(target) as book:
        assert (
            book.infolist()[0].filename == "mimetype"
            and book.infolist()[0].compress_type == zipfile.ZIP_STORED
        )
        names = book.namelist()
        for name in names:
            if name.endswith((".xhtml", ".opf", ".xml")):
                ElementTree.fromstring(book.read(name))
        text = book.read("book/lines.xhtml").decode()
        picture = book.read("book/images/frame-1.svg").decode()
    assert '<path d="" id="space"' in picture and '<rect width="9"' in picture and "explorer-note" not in text
    assert "book/images/frame-1.svg" in names and text.count("<img") == 1
    assert "Folded away" in text and "<form" not in text and 'href="index.xhtml#why"' in text
    checker = Path("/usr/share/java/epubcheck.jar")  # Debian's epubcheck
    if checker.exists() and shutil.which("java"):
        done = subprocess.run(["java", "-jar", checker, target], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
