"""Kept: what did a chapter's run give, and does it still hold?

A build keeps, in a folder for each chapter and digest, a cache of the outputs (jupyter-cache) and the frames.
While the digest is the same, the chapter need not run again: not for the next build, and not for the tests.
"""

import hashlib
import json
from copy import deepcopy
from pathlib import Path

from jupyter_cache import get_cache

from dlbook.explorer.digest import digest
from dlbook.explorer.explorer import MIME

FOLDER = ".executed"
"""Where a build keeps it, beside `html`."""
BUILT = ("frames", "panels", "sentences", "start", "guess")
"""What a build adds to the bundle of an explorer or a guess."""


def digest_of(path, roots):
    """Return the digest of a chapter's file; None for one that is gone or is no notebook."""
    path = Path(path)
    if path.suffix != ".ipynb" or not path.exists():
        return None
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return digest(["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"], roots)


def folder_of(kept, docname, key):
    """Return the folder of what a chapter's run gave: its outputs and its frames.

    A chapter that is written as Markdown has no digest, since MyST-NB keeps its outputs by its code alone.
    """
    return kept / f"{docname.replace('/', '-')}-{key or 'text'}"


def outputs(folder, notebook):
    """Return `notebook` with the outputs kept in `folder`; None unless all frames are there, undamaged."""
    if not (folder / "cache").exists():
        return None
    try:
        cache = get_cache(folder / "cache")
        cache.match_cache_notebook(notebook)
        _, done = cache.merge_match_into_notebook(notebook)
        names = {name for bundle in _bundles(done) for name in bundle.get("frames", ())}
        return done if all(_is_intact(folder / "frames" / name) for name in names) else None
    except Exception:  # a damaged cache fails in ways of the database's own; the chapter then runs again
        return None


def as_in_jupyter(notebook):
    """Return a copy of a notebook that a build has run with its explorers' bundles as Jupyter gives them."""
    notebook = deepcopy(notebook)
    for bundle in _bundles(notebook):
        for part in BUILT:
            bundle.pop(part, None)
    return notebook


def _bundles(notebook):
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    return [output["data"][MIME] for output in outputs if MIME in output.get("data", {})]


def _is_intact(frame):
    return frame.is_file() and frame.stem == f"frame-{hashlib.sha256(frame.read_bytes()).hexdigest()[:12]}"
