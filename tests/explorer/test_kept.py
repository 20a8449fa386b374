"""A chapter's outputs are kept while nothing that decides them has changed, and whole or not at all."""

import hashlib

import nbformat
import pytest
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from nbformat.v4 import new_code_cell, new_notebook, new_output

from dlbook.explorer import kept
from dlbook.explorer.explorer import MIME

FRAME = b"<svg/>"
NAME = f"frame-{hashlib.sha256(FRAME).hexdigest()[:12]}.svg"


@pytest.fixture
def run(tmp_path):
    """A chapter, and the folder of a run that drew one frame."""
    bundle = {MIME: {"name": "pond", "frames": [NAME], "start": 0, "sentences": ["3 ducks"]}}
    shown = new_output("display_data", {"text/plain": "3 ducks", **bundle})
    drawn = new_notebook(cells=[new_code_cell("explore(draw)", execution_count=1, outputs=[shown])])
    folder = kept.folder_of(tmp_path, "chapters/pond", "0123")
    cache = get_cache(folder / "cache")
    cache.cache_notebook_bundle(CacheBundleIn(drawn, "pond.ipynb", data={}), check_validity=False)
    (folder / "frames").mkdir()
    (folder / "frames" / NAME).write_bytes(FRAME)
    return new_notebook(cells=[new_code_cell("explore(draw)")]), folder


def test_what_a_run_gave_comes_back_with_the_chapter(run):
    chapter, folder = run
    (cell,) = kept.outputs(folder, chapter).cells
    assert cell.outputs[0].data["text/plain"] == "3 ducks"
    assert chapter.cells[0].outputs == [], "the chapter itself stays as it is"


def test_in_jupyter_an_explorer_has_no_frames(run):
    chapter, folder = run
    done = kept.outputs(folder, chapter)
    assert kept.as_in_jupyter(done).cells[0].outputs[0].data[MIME] == {"name": "pond"}
    assert "frames" in done.cells[0].outputs[0].data[MIME], "a copy"


@pytest.mark.parametrize("damage", ["frame gone", "frame changed", "no cache", "other code"])
def test_a_run_that_is_not_whole_or_of_other_code_does_not_count(run, damage):
    chapter, folder = run
    frame = folder / "frames" / NAME
    if damage == "frame gone":
        frame.unlink()
    elif damage == "frame changed":
        frame.write_bytes(b"<svg></svg>")
    elif damage == "no cache":
        (folder / "cache").rename(folder / "elsewhere")
    else:
        chapter.cells[0].source = "explore(paint)"
    assert kept.outputs(folder, chapter) is None


def test_a_page_that_is_no_notebook_or_gone_has_no_digest(tmp_path):
    (tmp_path / "page.md").write_text("# Page\n")
    assert kept.digest_of(tmp_path / "page.md", {}) is kept.digest_of(tmp_path / "gone.ipynb", {}) is None
    nbformat.write(new_notebook(), tmp_path / "chapter.ipynb")
    assert kept.digest_of(tmp_path / "chapter.ipynb", {})
    assert kept.folder_of(tmp_path, "deeper/page", None).name == "deeper-page-text"
