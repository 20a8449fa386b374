"""The plugin of pytest: a chapter's test does not hear what other packages say about the machine."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook, new_output

from dlbook.reproducible import PINNED

ROOT = Path(__file__).parents[2]
SAID = {
    "notice": "Matplotlib is building the font cache; this may take a moment.\n",
    "warning": "/env/numpy/f.py:3: RuntimeWarning: overflow encountered in exp\n  return np.exp(x)\n",
}
PINS = "import os\nassert os.environ['OPENBLAS_NUM_THREADS'] == '1' and os.environ['MPLBACKEND'] == 'agg'\n"


def test_nbval_compares_a_chapter_without_notices_with_its_warnings_and_in_pinned_arithmetic(tmp_path):
    for name, text in SAID.items():
        result = new_output("execute_result", {"text/plain": "3"}, execution_count=1)
        speak = f"{PINS}import sys\nprint({text!r}, file=sys.stderr)\n1 + 2"
        cell = new_code_cell(speak, execution_count=1, outputs=[result])
        nbformat.write(new_notebook(cells=[cell]), tmp_path / f"{name}.ipynb")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    unpinned = {name: value for name, value in os.environ.items() if name not in PINNED}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "-n", "0", "--tb=short"]
    done = subprocess.run(
        [*command, "-c", "pyproject.toml", "--rootdir", ".", "notice.ipynb", "warning.ipynb"],
        cwd=tmp_path, env=unpinned | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
    )  # fmt: skip
    assert "1 failed, 1 passed" in done.stdout, done.stdout[-3000:] + done.stderr[-2000:]
    assert "FAILED warning.ipynb::Cell 0" in done.stdout
