"""Pages: what does a notebook need so that it runs in the browser, and tells which edition it stems from?

Each is the plain copy of a chapter or an exercise (`dlbook.plain`) with a first cell that says where the
reader is. Its metadata hold the edition and two digests. A copy that a reader has saved keeps them, so the
page that opens it can tell a copy of an older edition, and whether the reader has changed it.
"""

import hashlib
import json
import os
import time
from pathlib import Path

from dlbook.notebooks import heading

NOTICE = (
    "*This notebook runs in your browser. What you change is kept here, in this browser alone: download it "
    "to keep it elsewhere. Run a cell with Shift-Enter, from the top.*"
)
SLOW = (
    " *Python is several times slower here than on your machine{minutes}: run the cells one by one as you "
    "read.*"
)
FEWER = (
    " *The next cell gives each experiment {seeds}, so that results come sooner, and each says how many "
    "it has left out. For the book's own numbers delete that cell, then restart Python and run all cells.*"
)
PACE = "%env SWEEP_SEEDS={}"
SEEDS = 4
ONE_SEED = ("batch_normalization",)  # with four, three minutes pass until its first explorer
# of each chapter as it opens in the browser: seconds until its first explorer and of all cells, there and
# natively (null where they were not run, with the limit if they were stopped); texts that differ; the seeds
# of each experiment, null for all. Of each exercise the same, with every task answered
MEASURED = json.loads((Path(__file__).parent / "assets" / "measured.json").read_text())


def edition(seconds=None):
    """Return the name of an edition: the day on which the site is built, or `SOURCE_DATE_EPOCH`.

    Examples
    --------
    >>> edition(0)
    '1 January 1970'
    """
    if seconds is None:
        seconds = float(os.environ.get("SOURCE_DATE_EPOCH") or time.time())
    day = time.gmtime(seconds)
    return f"{day.tm_mday} {time.strftime('%B %Y', day)}"


def sources_digest(notebook):
    """Return a digest of the cells' sources, the same that `run.js` computes: FNV-1a of UTF-16 units.

    Examples
    --------
    >>> sources_digest({"cells": [{"cell_type": "code", "source": "1 + 1"}]})
    'c1cbb6a3'
    """
    text = "".join(f"{cell['cell_type']}\n{_source(cell)}\n" for cell in notebook["cells"])
    units = text.encode("utf-16-le")
    digest = 0x811C9DC5
    for low, high in zip(units[::2], units[1::2], strict=True):
        digest = ((digest ^ (low | high << 8)) * 0x01000193) & 0xFFFFFFFF
    return f"{digest:08x}"


def _join_lines(output):
    # a server joins the lines of a stored text; JupyterLite shows them with a comma before each
    for part in (output, output.get("data", {})):
        for name, value in part.items():
            if isinstance(value, list) and (name == "text" or name.startswith("text/")):
                part[name] = "".join(value)


def _source(cell):
    return cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])


def live(text, name, of):
    """Return a plain copy as the notebook that opens in the browser.

    Parameters
    ----------
    text : str
        The plain copy, JSON.
    name : str
        "adam" or "exercises/adam".
    of : str
        The edition.

    Returns
    -------
    dict
    """
    notebook = json.loads(text)
    # what installs the library elsewhere has nothing to do here; a downloaded copy gets it back (`run.js`)
    install = notebook["cells"].pop(0) if _source(notebook["cells"][0]).startswith("# Install") else None
    notebook["cells"][:0] = _first_cells(name, notebook["cells"])
    for cell in notebook["cells"]:
        cell["source"] = _source(cell)
        for output in cell.get("outputs", []):
            _join_lines(output)
    notebook["metadata"]["kernelspec"] = {
        "name": "python", "display_name": "Python (Pyodide)", "language": "python",
    }  # fmt: skip
    content = json.dumps(notebook["cells"], sort_keys=True).encode()
    notebook["metadata"]["book"] = {
        "edition": of,
        "copy": hashlib.sha256(content).hexdigest()[:12],
        "sources": sources_digest(notebook),
        "install": install,
    }
    return notebook


def minutes(name):
    """Return how long all cells of a chapter take in a browser; None where nobody has measured it."""
    seconds = MEASURED.get(name, {}).get("seconds")
    return None if seconds is None else round(seconds / 60)


def _first_cells(name, cells):
    """What a notebook opens with: where the reader is, and for a slow chapter a pace for a browser.

    `run.js` takes these cells out of a copy that is downloaded.
    """
    notice, is_paced = NOTICE, False
    if not name.startswith("exercises/"):
        has_seeds = any(cell["cell_type"] == "code" and "sweep(" in _source(cell) for cell in cells)
        is_paced = has_seeds and (name not in MEASURED or MEASURED[name]["seeds"] is not None)
        told = minutes(name)
        if is_paced or told is None or told > 1:
            limit = MEASURED.get(name, {}).get("limit")  # after which the measurement was stopped
            in_all = ""
            if limit or (told or 0) > 1:
                time_in_all = f"more than {limit // 60}" if limit else f"about {told}"
                in_all = f", and this chapter takes {time_in_all} minutes in all"
            notice += SLOW.format(minutes=in_all)
    seeds = 1 if name in ONE_SEED else SEEDS
    if is_paced:
        notice += FEWER.format(seeds="one seed" if seeds == 1 else "four seeds")
    first = [{"cell_type": "markdown", "id": "live", "metadata": {}, "source": notice}]
    if is_paced:
        empty = {"execution_count": None, "outputs": []}
        first.append(
            {"cell_type": "code", "id": "pace", "metadata": {}, "source": PACE.format(seeds), **empty}
        )
    return first


def write(target, copies, of):
    """Write the notebooks and their listing, as JupyterLite reads it, into its folder `target`.

    Parameters
    ----------
    target : path
        JupyterLite's application.
    copies : iterable of (path, str)
        The path below the folder of notebooks and the text of each plain copy.
    of : str
        The edition.

    Returns
    -------
    dict
        Of each notebook's name ("exercises/adam"): its title, its digest, its bytes.
    """
    target, found, listed = Path(target), {}, {"": [], "exercises": [], "deeper": []}
    for path, text in copies:
        path = Path(path)
        name = path.with_suffix("").as_posix()
        notebook = live(text, name, of)
        content = json.dumps(notebook, ensure_ascii=False)
        file = target / "files" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
        size = file.stat().st_size
        found[name] = {
            "title": heading(notebook),
            "copy": notebook["metadata"]["book"]["copy"],
            "bytes": size,
        }
        listed[path.parent.as_posix().strip(".")].append(_entry(path.as_posix(), "notebook", size))
    for folder in ("exercises", "deeper"):
        if listed[folder]:
            listed[""].append(_entry(folder, "directory", None))
    for folder, content in listed.items():
        if content:
            path = target / "api" / "contents" / folder / "all.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(_entry(folder, "directory", None) | {"content": content}))
    return found


def _entry(path, kind, size):
    epoch = "2020-01-01T00:00:00Z"
    return {
        "name": Path(path).name, "path": path, "type": kind, "format": "json", "mimetype": None, "size": size,
        "content": None, "writable": True, "created": epoch, "last_modified": epoch, "hash": None,
        "hash_algorithm": None,
    }  # fmt: skip
