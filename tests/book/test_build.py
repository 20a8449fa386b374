"""A book of two pages, built by `jupyter-book build .`: what lands in the site?"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from dlbook.reproducible import JUPYTER_BOOK

ROOT = Path(__file__).parents[2]
BUILDER = Path(sys.executable).with_name("jupyter-book")
CELL = """
from dlbook import explore
def draw_line(ax, slope):
    ax.plot([0, 1], [0, 1 / slope])
    return f"The line rises to {1 / slope:.2f}."
explore(draw_line, slope=[1, 2, 4], default={"slope": 2})
"""

pytestmark = pytest.mark.skipif(not BUILDER.exists(), reason="jupyter-book is not installed")


def write_book(folder, cell=CELL):
    (folder / "chapters").mkdir(parents=True)
    shutil.copytree(ROOT / "chapters" / "assets", folder / "chapters" / "assets")
    shutil.copy(ROOT / "_config.yml", folder)
    (folder / "_toc.yml").write_text(
        "format: jb-book\nroot: chapters/index\nchapters: [{file: chapters/lines}]\n"
    )
    (folder / "chapters" / "index.md").write_text("# A book\n\nSee [](lines.ipynb).\n")
    (folder / "chapters" / "references.bib").write_text("")
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_markdown_cell("# Lines"), nbformat.v4.new_code_cell(cell.strip())],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
    nbformat.write(notebook, folder / "chapters" / "lines.ipynb")


def build(folder, **settings):
    """Build the book, with settings of `_config.yml` that are empty there: `baseurl`, `repository_url`."""
    config = folder / "_config.yml"
    text = config.read_text()
    for name, value in settings.items():
        assert f'{name}: ""' in text
        text = text.replace(f'{name}: ""', f'{name}: "{value}"')
    config.write_text(text)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("EXPLORER_")}
    return subprocess.run(
        [*JUPYTER_BOOK, "build", ".", "-W"], cwd=folder, env=environment, timeout=300,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    folder = tmp_path_factory.mktemp("book")
    write_book(folder)
    done = build(folder)
    assert done.returncode == 0, done.stdout[-4000:]
    return folder


@pytest.fixture(scope="module")
def page(book):
    return (book / "_build" / "html" / "chapters" / "lines.html").read_text()


def test_a_plain_build_writes_every_frame_and_shows_the_default_one(book, page):
    frames = {path.name for path in (book / "_build" / "html" / "_images").glob("frame-*.svg")}
    assert len(frames) == 3
    assert set(re.findall(r"frame-\w+\.svg", page)) == frames
    assert re.search(r'<img[^>]*src="\.\./_images/frame-\w+\.svg"[^>]*alt="The line rises to 0\.50\."', page)


def test_no_page_names_another_host_for_what_it_loads(book):
    for path in (book / "_build" / "html").rglob("*.html"):
        text = path.read_text()
        loaded = re.findall(r"<(?:script|img|iframe|source)\b[^>]*\bsrc=\"([^\"]+)\"", text)
        loaded += re.findall(
            r"<link\b[^>]*\brel=\"(?:stylesheet|preload|icon)\"[^>]*\bhref=\"([^\"]+)\"", text
        )
        assert not [url for url in loaded if re.match(r"(https?:)?//", url)], path.name
        assert "thebe" not in text and "require.min.js" not in text


def test_an_edited_style_sheet_reaches_a_site_whose_pages_are_unchanged(book):
    style = book / "chapters" / "assets" / "book.css"
    style.write_text(style.read_text() + "/* edited */\n")
    done = build(book)
    assert done.returncode == 0, done.stdout[-4000:]
    assert (book / "_build" / "html" / "_static" / "book.css").read_text().endswith("/* edited */\n")


def test_only_the_outputs_of_this_state_are_kept(book):
    kept = [path for path in (book / "_build" / ".executed").iterdir() if path.is_dir()]
    assert [path.name.rpartition("-")[0] for path in kept] == ["chapters-lines"]
