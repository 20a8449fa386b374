"""The site in an archive, and the command that makes the books."""

import zipfile

import pytest
from browsing import CHROMIUM
from small_site import small_site
from test_build import write_book

from dlbook.site import books


@pytest.fixture
def small(tmp_path):
    return small_site(tmp_path)


def test_the_archive_holds_the_site_without_the_other_books(small, tmp_path):
    (small / "downloads").mkdir()
    (small / "downloads" / "book.pdf").write_bytes(b"%PDF")
    (small / "lite" / "app").mkdir(parents=True)
    (small / "lite" / "app" / "index.html").write_text("what runs Python in the browser")
    index = small / "chapters" / "index.html"
    index.write_text(index.read_text().replace("<form>", '<p class="book-downloads">The PDF</p><form>'))
    target = small / "downloads" / "site.zip"
    count = books.write_archive(small, target)
    with zipfile.ZipFile(target) as packed:
        names = packed.namelist()
        assert "why-deep-networks-train/lite/app/index.html" in names
        assert len(names) == count and "why-deep-networks-train/chapters/lines.html" in names
        assert not [name for name in names if "downloads" in name]
        assert b"The PDF" not in packed.read("why-deep-networks-train/chapters/index.html")


@pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed")
@pytest.mark.parametrize("kind", ["pdf", "epub", "zip"])
def test_the_command_finds_the_site_where_the_build_puts_it(tmp_path, monkeypatch, capsys, kind):
    site = tmp_path / "_build" / "html"
    site.mkdir(parents=True)
    small_site(site)
    index = site / "chapters" / "index.html"
    index.write_text(index.read_text().replace("<form>", '<p class="book-doors">Start</p><form>'))
    (tmp_path / "_config.yml").write_text("title: The Book\nauthor: The authors\n")
    (tmp_path / "_toc.yml").write_text(
        "format: jb-book\nroot: chapters/index\nchapters: [{file: chapters/lines}]\n"
    )
    monkeypatch.chdir(tmp_path)
    assert books.main([kind]) == 0
    (made,) = (site / "downloads").iterdir()
    assert made.suffix == f".{kind}" and made.stat().st_size > 1000
    assert f"{made}: " in capsys.readouterr().out
    assert f'href="../downloads/{made.name}"' in index.read_text()


def test_a_kind_of_book_that_does_not_exist_is_refused(tmp_path, monkeypatch, capsys):
    write_book(tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        books.main(["docx"])
    assert "invalid choice: 'docx'" in capsys.readouterr().err
