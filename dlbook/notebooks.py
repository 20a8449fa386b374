"""Notebooks: what of an executed chapter is worth keeping?

The text that a cell printed is the book's memory: the tests run the chapter again and compare. Pictures,
widget ids and whatever an editor noted about itself change from run to run and are drawn afresh in every
build. `make notebooks` runs the chapters and keeps the first kind only::

    jupyter nbconvert --to notebook --execute --inplace \\
        --NotebookExporter.preprocessors=dlbook.notebooks.KeepText chapters/adam.ipynb
"""

import json
import re
from copy import deepcopy
from pathlib import Path

import nbformat
from nbconvert.preprocessors import Preprocessor

from dlbook.sentences import typed_words, unmeasured

METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
FOLDED = {"hide-input", "remove-input", "remove-cell"}
NOTICES = (
    r"Matplotlib created a temporary cache directory at .*",
    r"Matplotlib is building the font cache.*",
    r"mkdir -p failed for path .*",  # Matplotlib's, where HOME cannot be written
    r"Fontconfig (error|warning): .*",
    r"OpenBLAS [Ww]arning\s?: .*",
    r"\d+\.\d+s - (Debugger warning|Note): .*",  # the kernel's debugger, in up to five lines
    r"\d+\.\d+s - (make the debugger miss breakpoints|to python to disable frozen modules).*",
    r".*: UserWarning: .*joblib will operate in serial mode\n(  .*)?",
)
"""Lines that packages write to stderr about the machine they run on, as regular expressions."""

_NOTICE = re.compile("|".join(rf"^(?:{form})(?:\n|\Z)" for form in NOTICES), re.MULTILINE)
# a temporary file, or one in somebody's home: no other machine has it
_OWN_PATH = re.compile(
    r"(?<![\w.])/(?:tmp|var/tmp|var/folders|dev/shm|home/[\w.-]+|Users/[\w.-]+|root|proc)/[^\s'\")<>]*"
    r"|\b[A-Za-z]:\\{1,2}Users\\[^\s'\")<>]*"
)
_VOLATILE = ("image/", "application/pdf", "application/vnd.jupyter.widget-view+json")


def chapters(folder="chapters"):
    """Return the paths of the chapters and of the pages below them in `deeper`, sorted."""
    return sorted([*Path(folder).glob("*.ipynb"), *Path(folder).glob("deeper/*.ipynb")])


def heading(notebook):
    """Return the first heading of a notebook, as text."""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown" and (
            found := re.search(r"^# (.+)$", "".join(cell["source"]), re.MULTILINE)
        ):
            return re.sub(r"[*`$]", "", found[1])
    return "Notebook"


def normalized(notebook):
    """Return a copy of an executed notebook with nothing in it that another run would change.

    Kept: sources, cell ids, tags, texts, our explorers' bundles. Dropped: pictures, widget views and state,
    times, counts and colours of the editor, the places where a stream was cut, and what packages say about
    the machine (`NOTICES`). The kernel is always ``python3``. What the site hides, Jupyter folds.
    """
    notebook = deepcopy(notebook)
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    number = 0
    for i, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{i:03d}"
        tags = sorted(cell.metadata.get("tags", []))
        folded = {"jupyter": {"source_hidden": True}} if FOLDED & set(tags) else {}
        cell.metadata = nbformat.from_dict(({"tags": tags} if tags else {}) | folded)
        cell.pop("attachments", None)
        if cell.cell_type != "code":
            continue
        number += 1
        cell.execution_count = number
        cell.outputs = without_notices(_merged(cell.outputs))
        for output in cell.outputs:
            if "execution_count" in output:
                output.execution_count = number
            if "data" in output:
                output.data = {
                    kind: content for kind, content in output.data.items() if not kind.startswith(_VOLATILE)
                }
                output.metadata = {}
    return notebook


def _merged(outputs):
    """Outputs with neighbouring pieces of one stream joined: where a slow print is cut changes."""
    merged = []
    for output in outputs:
        last = merged[-1] if merged else {}
        if output.output_type == "stream" and last.get("name") == output.name:
            last.text += output.text
        else:
            merged.append(output)
    return merged


def without_notices(outputs):
    """Return a cell's outputs without what packages said on stderr about the machine.

    Examples
    --------
    >>> about = "Matplotlib is building the font cache; this may take a moment.\\n"
    >>> without_notices([nbformat.v4.new_output("stream", name="stderr", text=about)])
    []
    """
    kept = []
    for output in outputs:
        if output.get("name") == "stderr":
            text = _NOTICE.sub("", output.text)
            if not text.strip():
                continue
            if text != output.text:
                output = deepcopy(output)
                output.text = text
        kept.append(output)
    return kept


def faults(notebook):
    """Return what keeps a stored notebook from being a reference, as sentences; none if it is one."""
    found = []
    for i, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        if cell.execution_count is None:
            found.append(f"cell {i} was not executed: run `make notebooks`")
        silent = unmeasured(_python(cell.source))
        found += [f"cell {i} states nothing that the run measured: {words!r}" for words in silent]
        if cell.source.rstrip().endswith(";"):
            found.append(f"cell {i} ends in a semicolon, which hides the output that the tests compare")
        for output in cell.outputs:
            if output.output_type == "error":
                found.append(f"cell {i} ended in {output.ename}: {output.evalue}")
            if output.get("name") == "stderr":
                found.append(f"cell {i} wrote to stderr: {output.text.strip()[:80]}")
            own = _OWN_PATH.search(output.get("text", "") + json.dumps(output.get("data", {})))
            if own:
                found.append(f"cell {i} names a path that only one machine has: {own[0]}")
    if not any(cell.cell_type == "code" and cell.outputs for cell in notebook.cells):
        found.append("it has no outputs: run `make notebooks`")
    if not found and normalized(notebook) != notebook:
        found.append(
            "it holds pictures, widget state or metadata that change from run to run: run `make notebooks`"
        )
    return found


def _python(source):
    return "\n".join("pass" if line.lstrip()[:1] in ("%", "!") else line for line in source.splitlines())


_NOT_PROSE = r"```.*?```|\$\$.*?\$\$|\$[^$]*\$|`[^`]*`"
_FIGURE = r"(?<![\w.])(\d+\.\d+|\d+(?= ?%| times| points))"


def typed_figures(notebook):
    """Yield the numbers of the prose that look measured and were typed, each with the words around it.

    A number that a run produced stands in braces in a ``say``. Looks measured: a decimal fraction, a number
    of per cent, times or points, in Markdown or between the braces. Not meant: numbers in formulas and code,
    in sentences that cite a source, in numbered exercises, and numbers that the notebook's code holds too,
    because it was told them.
    """
    texts, code = [], ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            texts.append(cell.source)
            continue
        typed = typed_words(_python(cell.source))
        texts += typed
        code += " " + ("" if typed else cell.source)
    for text in texts:
        text = re.sub(_NOT_PROSE, "", text, flags=re.DOTALL)
        for sentence in re.split(r"\n\s*\n|(?<=[.?!:])\s+(?=[A-Z*{\[])", text):
            if "references.md#" in sentence or re.match(r"\s*\d+\. ", sentence):
                continue
            for found in re.finditer(_FIGURE, sentence):
                told = {found[1], f"{float(found[1]):g}", f"{float(found[1]) / 100:g}"}
                if not any(re.search(rf"(?<![\d.]){re.escape(number)}(?!\d)", code) for number in told):
                    words = sentence[max(0, found.start() - 40) : found.end() + 30]
                    yield found[1], " ".join(words.split())


class KeepText(Preprocessor):
    """The nbconvert preprocessor that `make notebooks` runs after execution."""

    enabled = True

    def preprocess(self, nb, resources):
        """Normalize an executed notebook."""
        return normalized(nb), resources
