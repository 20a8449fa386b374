"""A book of two pages, built by a plain `jupyter-book build .`: what lands in the site?"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from dlbook import site

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


def build(folder):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DLCORE_")}
    return subprocess.run(
        [BUILDER, "build", ".", "-W"], cwd=folder, env=environment, timeout=300,
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


def test_the_script_is_loaded_only_where_there_is_an_explorer(book, page):
    assert page.count("explorer.js") == 1
    assert "explorer.js" not in (book / "_build" / "html" / "chapters" / "index.html").read_text()


def test_no_page_names_another_host_for_what_it_loads(book):
    for path in (book / "_build" / "html").rglob("*.html"):
        text = path.read_text()
        loaded = re.findall(r"<(?:script|img|iframe|source)\b[^>]*\bsrc=\"([^\"]+)\"", text)
        loaded += re.findall(
            r"<link\b[^>]*\brel=\"(?:stylesheet|preload|icon)\"[^>]*\bhref=\"([^\"]+)\"", text
        )
        assert not [url for url in loaded if re.match(r"(https?:)?//", url)], path.name
        assert "thebe" not in text and "require.min.js" not in text


def test_an_edited_script_reaches_a_site_whose_pages_are_unchanged(book):
    script = book / "chapters" / "assets" / "explorer.js"
    script.write_text(script.read_text() + "// edited\n")
    done = build(book)
    assert done.returncode == 0, done.stdout[-4000:]
    assert (book / "_build" / "html" / "_static" / "explorer.js").read_text().endswith("// edited\n")


def test_a_second_build_draws_nothing(book):
    kept = book / "_build" / ".executed"
    before = {path: path.stat().st_mtime_ns for path in kept.rglob("frame-*.svg")}
    (book / "chapters" / "lines.ipynb").touch()
    done = build(book)
    assert done.returncode == 0, done.stdout[-4000:]
    assert "Using cached notebook" in done.stdout and "Executing notebook" not in done.stdout
    assert {path: path.stat().st_mtime_ns for path in kept.rglob("frame-*.svg")} == before


def test_a_drawing_that_raises_fails_the_build_and_names_chapter_cell_and_setting(tmp_path):
    write_book(tmp_path, CELL.replace("[1, 2, 4]", "[1, 2, 0]"))
    done = build(tmp_path)
    assert done.returncode != 0
    assert "chapters/lines.ipynb" in done.stdout
    assert "explore(draw_line, slope=[1, 2, 0]" in done.stdout
    assert "chapters/lines: explorer draw_line at slope=0: ZeroDivisionError" in done.stdout


def test_several_chapters_run_side_by_side_and_a_failing_one_is_still_named(tmp_path):
    write_book(tmp_path)
    chapters = tmp_path / "chapters"
    (chapters / "other.ipynb").write_text(
        (chapters / "lines.ipynb").read_text().replace("rises to", "climbs to")
    )
    toc = (
        "format: jb-book\nroot: chapters/index\nchapters: [{file: chapters/lines}, {file: chapters/other}]\n"
    )
    (tmp_path / "_toc.yml").write_text(toc)
    done = build(tmp_path)
    assert done.returncode == 0, done.stdout[-4000:]
    assert done.stdout.count("Using cached notebook") == 2 and "Executing notebook" not in done.stdout
    assert "climbs to 0.50" in (tmp_path / "_build/html/chapters/other.html").read_text()
    for name in ("lines", "other"):
        text = (chapters / f"{name}.ipynb").read_text()
        (chapters / f"{name}.ipynb").write_text(
            text.replace("[1, 2, 4]", "[1, 2, 0]" if name == "other" else "[1, 2, 8]")
        )
    done = build(tmp_path)
    assert done.returncode != 0
    assert "chapters/other: explorer draw_line at slope=0: ZeroDivisionError" in done.stdout


@pytest.fixture
def library(tmp_path):
    rooms = {
        "dlcore/__init__.py": "",
        "dlcore/optimizers.py": "import numpy\n",
        "dlcore/network.py": "def build():\n    from dlcore import optimizers, regularization\n",
        "dlcore/regularization/__init__.py": "from .penalties import L2\n",
        "dlcore/regularization/penalties.py": "from . import clipping\n",
        "dlcore/regularization/clipping.py": "",
        "dlbook/__init__.py": "",
        "dlbook/explorer/__init__.py": "",
        "dlbook/explorer/explorer.py": "from dlbook.explorer import frames\n",
        "dlbook/explorer/frames.py": "",
        "dlbook/explorer/prerender.py": "",
        "dlbook/figures/adam.py": "",
        "dlbook/figures/splits.py": "from dlcore.network import build\n",
    }
    for name, text in rooms.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    "room, runs_again",
    [
        ("dlcore/__init__.py", True), ("dlcore/network.py", True), ("dlcore/optimizers.py", True),
        ("dlbook/explorer/frames.py", True), ("dlcore/regularization/penalties.py", True),
        ("dlcore/regularization/clipping.py", True), ("dlbook/figures/splits.py", True),
        ("dlbook/figures/adam.py", False),
    ],
)  # fmt: skip
def test_a_chapter_runs_again_when_what_it_imports_has_changed(library, room, runs_again):
    chapter = "import numpy as np\nfrom dlbook.figures.splits import draw_folds\n"
    before = site.digest(chapter, library)
    (library / room).write_text((library / room).read_text() + "changed = 1\n")
    assert (site.digest(chapter, library) != before) is runs_again


def test_magics_do_not_hide_a_chapters_imports():
    cells = [{"cell_type": "code", "source": ["%matplotlib inline\n", "import dlcore.splits"]}]
    assert site._imported(site._code({"cells": cells})) == {"dlcore", "dlcore.splits"}


def test_only_the_outputs_of_this_state_are_kept(book):
    kept = [path for path in (book / "_build" / ".executed").iterdir() if path.is_dir()]
    assert [path.name.rpartition("-")[0] for path in kept] == ["chapters-lines"]
