"""Runs the code cells of a notebook in this Python: what does each say, and how long does it take?

`bench_lite.mjs` runs it twice: in Pyodide, which gives it NOTEBOOK and CLOCK, and natively, as
`python run_cells.py adam.ipynb`. Prints a list with one entry for each cell, as JSON.
"""

import json
import re
import sys
import time
from pathlib import Path

from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output


def run(notebook, clock):
    """Run the cells; return for each its source's number, its error, its seconds and its text."""
    shell, rows = InteractiveShell.instance(), []
    for i, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] != "code":
            continue
        begun = clock()
        with capture_output(display=True) as seen:
            ran = shell.run_cell(cell["source"])
        error = ran.error_before_exec or ran.error_in_exec
        said = seen.stdout + "".join(_text(output.data) for output in seen.outputs)
        stored = "".join("".join(o.get("text", "")) + _text(o.get("data", {})) for o in cell["outputs"])
        if cell.get("id") != "pace":  # which is in no chapter
            rows.append({
                "cell": i, "error": error and repr(error)[:200], "seconds": clock() - begun,
                "explores": "explore(" in cell["source"], "said": _plain(said), "stored": _plain(stored),
            })  # fmt: skip
    return rows


def _text(data):
    return "".join(data.get("text/plain", ""))


def _plain(text):
    # a shell without a front end numbers its results and does not name the object of a display
    return re.sub(r"^Out\[\d+\]: ", "", text, flags=re.MULTILINE).strip()


if "NOTEBOOK" in globals():
    ROWS = json.dumps(run(json.loads(NOTEBOOK), CLOCK))  # noqa: F821
elif __name__ == "__main__":
    print(json.dumps(run(json.loads(Path(sys.argv[1]).read_text()), time.process_time)))
