import shutil
from types import SimpleNamespace

import pytest

from books import BUILDER, build, write_book, write_chapter
from dlbook.explorer import embed

CELL = """
from ponds import draw_ducks
from dlbook.explorer import explore

explore(draw_ducks, ducks=[1, 2, 4], frozen=[False, True])
"""


def test_pages_of_explorers_that_are_gone_are_removed(tmp_path):
    for name in ("embed/chapters/ponds", "embed/chapters/seas", "embed/index"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "ducks.html").write_text("")
    app = SimpleNamespace(outdir=tmp_path, builder=SimpleNamespace(name="html"))
    embed.remove_old(app, {"chapters/ponds"})
    assert [str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.html")] == [
        "embed/chapters/ponds/ducks.html"
    ]
    assert not (tmp_path / "embed/index").exists()


@pytest.mark.skipif(not BUILDER.exists(), reason="jupyter-book is not installed")
def test_a_renamed_explorer_leaves_no_page_behind_and_two_alike_are_refused(tmp_path):
    write_book(tmp_path, ducks=CELL)
    assert build(tmp_path).returncode == 0
    pages = tmp_path / "_build/html/embed/ducks"
    assert [path.name for path in pages.iterdir()] == ["ducks.html"]
    assert 'href="../../_static/explorer.css"' in (pages / "ducks.html").read_text()
    write_chapter(tmp_path / "ducks.ipynb", CELL.replace("explore(draw", "explore(name='geese', draw=draw"))
    assert build(tmp_path).returncode == 0
    assert [path.name for path in pages.iterdir()] == ["geese.html"]
    write_chapter(tmp_path / "ducks.ipynb", CELL, CELL)
    done = build(tmp_path)
    assert done.returncode != 0 and "two explorers of this page are named ducks" in done.stdout
    shutil.rmtree(tmp_path)
