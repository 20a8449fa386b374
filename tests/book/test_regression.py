"""The plugin of pytest: a chapter's test does not hear what other packages say about the machine."""

import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from nbformat.v4 import new_code_cell, new_notebook, new_output

from dlbook.explorer import digest, kept
from dlbook.explorer.explorer import MIME
from dlbook.reproducible import PINNED

ROOT = Path(__file__).parents[2]
SAID = {
    "notice": "Matplotlib is building the font cache; this may take a moment.\n",
    "warning": "/env/numpy/f.py:3: RuntimeWarning: overflow encountered in exp\n  return np.exp(x)\n",
}
PINS = "import os\nassert os.environ['OPENBLAS_NUM_THREADS'] == '1' and os.environ['MPLBACKEND'] == 'agg'\n"


def nbval(folder, *names):
    shutil.copy(ROOT / "pyproject.toml", folder)
    unpinned = {name: value for name, value in os.environ.items() if name not in PINNED}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "-n", "0", "--tb=short"]
    return subprocess.run(
        [*command, "-c", "pyproject.toml", "--rootdir", ".", *names],
        cwd=folder, env=unpinned | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
    )  # fmt: skip


def test_nbval_compares_a_chapter_without_notices_with_its_warnings_and_in_pinned_arithmetic(tmp_path):
    for name, text in SAID.items():
        result = new_output("execute_result", {"text/plain": "3"}, execution_count=1)
        speak = f"{PINS}import sys\nprint({text!r}, file=sys.stderr)\n1 + 2"
        cell = new_code_cell(speak, execution_count=1, outputs=[result])
        nbformat.write(new_notebook(cells=[cell]), tmp_path / f"{name}.ipynb")
    done = nbval(tmp_path, "notice.ipynb", "warning.ipynb")
    assert "1 failed, 1 passed" in done.stdout, done.stdout[-3000:] + done.stderr[-2000:]
    assert "FAILED warning.ipynb::Cell 0" in done.stdout


def test_the_files_that_begin_since_they_take_minutes_are_there():
    long = runpy.run_path(str(ROOT / "tests" / "conftest.py"))["LONG"]
    there = {path.stem for path in (ROOT / "tests").rglob("test_*.py")}
    assert long and set(long) <= there, sorted(set(long) - there)


CODE = "import pathlib\nfrom pond import ducks\npathlib.Path('ran').touch()\nducks"


@pytest.fixture
def built(tmp_path):
    """A book of one chapter, as after a build in which it gave 3 and an explorer of two frames."""
    (tmp_path / "pond.py").write_text("ducks = 3\n")
    (tmp_path / "_config.yml").write_text("sphinx: {config: {explorer_packages: [pond]}}\n")
    bundles = {MIME: {"name": "pond"}}, {MIME: {"name": "pond", "frames": [], "sentences": ["a", "b"]}}
    cells = [
        [new_output("execute_result", {"text/plain": "3", **bundle}, execution_count=1)] for bundle in bundles
    ]
    stored, drawn = (
        new_notebook(cells=[new_code_cell(CODE, execution_count=1, outputs=outputs)]) for outputs in cells
    )
    path = tmp_path / "ducks.ipynb"
    nbformat.write(stored, path)
    key = kept.digest_of(path, digest.roots(["pond"], tmp_path))
    folder = kept.folder_of(tmp_path / "_build" / kept.FOLDER, "ducks", key)
    cache = get_cache(folder / "cache")
    cache.cache_notebook_bundle(CacheBundleIn(drawn, str(path), data={}), check_validity=False)
    return tmp_path


def test_a_chapter_that_the_site_has_run_is_compared_and_not_run_again(built):
    done = nbval(built, "ducks.ipynb")
    assert "1 passed" in done.stdout and not (built / "ran").exists(), (
        done.stdout[-3000:] + done.stderr[-2000:]
    )
    assert "1 chapters were compared with what the site's build gave" in done.stdout
    stored = (built / "ducks.ipynb").read_text()
    (built / "ducks.ipynb").write_text(stored.replace('"3"', '"4"'))
    done = nbval(built, "ducks.ipynb")
    assert "FAILED ducks.ipynb::Cell 0" in done.stdout and not (built / "ran").exists()


@pytest.mark.parametrize(
    "file, old, new", [("ducks.ipynb", "touch()", "touch( )"), ("pond.py", "ducks = 3", "ducks = 1 + 2")]
)
def test_a_chapter_whose_code_or_library_has_changed_since_runs_again(built, file, old, new):
    (built / file).write_text((built / file).read_text().replace(old, new))
    assert "1 failed" in nbval(built, "ducks.ipynb").stdout, "there is no explorer here"
    assert (built / "ran").exists()
