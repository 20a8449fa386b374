"""Runs the code cells of a notebook in this Python: what does each say, and how long does it take?

`bench_lite.mjs` runs it twice: in Pyodide, which gives it NOTEBOOK, CLOCK and TELL, and natively, as
`python run_cells.py adam.ipynb ...`. Each cell is told as soon as it has run, as one line of JSON, so that a
notebook that is stopped has told how far it came.
"""

import json
import re
import sys
import time
from pathlib import Path

from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output


def run(notebook, clock):
    """Run the cells; yield for each its source's number, its error, its seconds and its text."""
    shell = InteractiveShell.instance()
    shell.reset()  # of another notebook
    for i, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] != "code":
            continue
        begun = clock()
        with capture_output(display=True) as seen:
            ran = shell.run_cell(cell["source"])
        error = ran.error_before_exec or ran.error_in_exec
        error = error and f"{type(error).__name__}: {error}"[:2000]
        # without the traceback of an error, which is coloured in another way there
        said = error or seen.stdout + "".join(_text(output.data) for output in seen.outputs)
        stored = "".join("".join(o.get("text", "")) + _text(o.get("data", {})) for o in cell["outputs"])
        if cell.get("id") != "pace":  # which is in no chapter
            yield {
                "cell": i, "error": error, "seconds": clock() - begun,
                "explores": "explore(" in cell["source"], "said": _plain(said), "stored": _plain(stored),
                "expects": cell["metadata"].get("expects"),
            }  # fmt: skip


def _text(data):
    return "".join(data.get("text/plain", ""))


def _plain(text):
    # a shell without a front end numbers its results and does not name the object of a display
    return re.sub(r"^Out\[\d+\]: ", "", text, flags=re.MULTILINE).strip()


if "NOTEBOOK" in globals():
    for row in run(json.loads(NOTEBOOK), CLOCK):  # noqa: F821
        TELL(json.dumps(row))  # noqa: F821
elif __name__ == "__main__":
    for name in sys.argv[1:]:
        for row in run(json.loads(Path(name).read_text(encoding="utf-8")), time.process_time):
            print(json.dumps({"file": name} | row), flush=True)
