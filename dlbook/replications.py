"""Replications: what did the paper find, and what did we?

A chapter that tries a published result again ends the experiment with one call, whose verdict was computed::

    replicated(16, "Kohavi 1995", published="ten folds choose better than more folds",
               ours=f"ten folds ahead in {wins} of 16 sets of data", verdict=verdict, because="other data")

The page shows it as a box, the tests run the chapter again and compare its text. `make replications` runs all
chapters that have such a cell, with a clock, and gathers the boxes into `chapters/replications.md`.
"""

import re
import sys
from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import Path

from dlcore import checks

VERDICTS = ("reproduced", "shape only", "not reproducible")


@dataclass(frozen=True)
class Replication:
    """A published result tried again; made by `replicated`, shown by being a cell's last expression."""

    number: int
    source: str
    published: str
    ours: str
    verdict: str
    because: str = ""

    @property
    def anchor(self):
        """Where its box is on the chapter's page."""
        return f"replication-{self.number}-{re.sub('[^a-z0-9]+', '-', self.source.lower()).strip('-')}"

    def __str__(self):
        lines = [f"Replication {self.number}, {self.source}: {self.verdict}"]
        lines += [f"  published: {self.published}", f"  ours: {self.ours}"]
        return "\n".join(lines + ([f"  because: {self.because}"] if self.because else []))

    __repr__ = __str__

    @classmethod
    def parse(cls, text):
        """The replication whose text this is, or None."""
        verdicts = "|".join(VERDICTS)
        form = (
            rf"Replication (\d+), (.*): ({verdicts})\n  published: (.*)\n  ours: (.*)(?:\n  because: (.*))?"
        )
        found = re.fullmatch(form, text)
        if not found:
            return None
        number, source, verdict, published, ours, because = found.groups()
        return cls(int(number), source, published, ours, verdict, because or "")

    def _repr_html_(self):
        rows = [("Published", self.published), ("Ours", self.ours), ("Because", self.because)]
        told = "".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in rows if text)
        return (
            f'<div class="replication {self.verdict.replace(" ", "-")}" id="{self.anchor}">'
            f"<p><strong>Tried again</strong>: {escape(self.source)} "
            f'<span class="verdict">{self.verdict}</span></p><dl>{told}</dl></div>'
        )


def replicated(number, source, *, published, ours, verdict, because=""):
    """State what became of a published result: the line of the ledger and the box on the page.

    Parameters
    ----------
    number : int
        The row of the ledger, from 1.
    source : str
        "Kohavi 1995, table 2".
    published, ours : str
        What the source reports, and what this run measured with its spread and its number of seeds (rounded).
    verdict : str
        "reproduced" (the claim and its size), "shape only" (its direction, or on other data) or "not
        reproducible". Compute it from the run by a rule that the text states before.
    because : str
        Why it is no more than that; required unless reproduced.

    Returns
    -------
    Replication

    Examples
    --------
    >>> ratio = 2.0
    >>> replicated(2, "Notes 15.1", published="all hidden units stay alike",
    ...            ours="the largest difference is 0",
    ...            verdict="reproduced" if ratio == 2 else "not reproducible")
    Replication 2, Notes 15.1: reproduced
      published: all hidden units stay alike
      ours: the largest difference is 0
    """
    number = checks.integer("number", number, 1)
    if verdict not in VERDICTS:
        raise ValueError(f"verdict must be one of {', '.join(map(repr, VERDICTS))}, got {verdict!r}")
    for name, text in {"source": source, "published": published, "ours": ours, "because": because}.items():
        if not isinstance(text, str) or "\n" in text or not (text.strip() or name == "because"):
            raise ValueError(f"{name} must be one line of text, got {text!r}")
    if verdict != "reproduced" and not because:
        raise ValueError(f"because must say why the result is {verdict!r}, got {because!r}")
    return Replication(number, source, published, ours, verdict, because)


def harvest(notebook):
    """Yield every replication in an executed notebook, and the index of its cell."""
    for i, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            found = Replication.parse(output.get("data", {}).get("text/plain", ""))
            if found:
                yield found, i


def seconds(notebook, last):
    """How long the code of a section took, from its heading to cell `last`, by the notebook's clock."""
    total = 0.0
    for cell in reversed(notebook.cells[: last + 1]):
        if cell.cell_type == "markdown" and re.search(r"^##+ ", cell.source, re.MULTILINE):
            break
        times = cell.metadata.get("execution", {})
        if "iopub.execute_input" in times:
            begun, ended = (
                datetime.fromisoformat(times[key].replace("Z", "+00:00"))
                for key in ("iopub.execute_input", "shell.execute_reply")
            )
            total += (ended - begun).total_seconds()
    return total


INTRODUCTION = """# Published results, tried again

Each line is a published result that a chapter tries again. The verdict is computed by the run, by a rule that
the chapter states: **reproduced** means the claim and its size, **shape only** its direction, or the claim on
other data than the source's, **not reproducible** that our runs say otherwise, and why. The tests run every
chapter again and compare, so a line that no longer holds fails. *Seconds* are what the section's code took on
two shared cores.

{tally}

| row | source | verdict | chapter | seconds |
|--:|---|---|---|--:|
{table}

## Published and measured

{boxes}
"""


def ledger(entries):
    """The page `chapters/replications.md` from tuples (replication, page, seconds).

    A page is "adam" or, below a chapter, "deeper/adam_race".
    """
    entries = sorted(entries, key=lambda entry: (entry[0].number, entry[0].source))
    counts = [f"{sum(found.verdict == verdict for found, _, _ in entries)} {verdict}" for verdict in VERDICTS]
    numbers = len({found.number for found, _, _ in entries})
    table = [
        f"| {found.number} | [{escape(found.source)}](replications.md#{found.anchor}) | {found.verdict} "
        f"| [{page.rpartition('/')[2].replace('_', ' ')}]({page}.ipynb#{found.anchor}) | {time:.0f} |"
        for found, page, time in entries
    ]
    return INTRODUCTION.format(
        tally=f"{len(entries)} results in {numbers} rows: {', '.join(counts)}.",
        table="\n".join(table),
        boxes="\n\n".join(found._repr_html_() for found, _, _ in entries),
    )


def name_of(path):
    """Return a page's name: "adam" or "deeper/adam_race"."""
    return f"deeper/{path.stem}" if path.parent.name == "deeper" else path.stem


def run(path):
    """Run a chapter with a clock; return its replications as `ledger` takes them."""
    import nbformat  # here, since every chapter imports this module
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(path.parent)}}).execute()
    return [(found, name_of(path), seconds(notebook, i)) for found, i in harvest(notebook)]


def main(folder="chapters"):
    """Run the chapters that replicate something, one on each core, and write the ledger."""
    from joblib import Parallel, delayed
    from tqdm import tqdm

    from dlbook.notebooks import chapters

    paths = [path for path in chapters(folder) if "replicated(" in path.read_text(encoding="utf-8")]
    runs = Parallel(n_jobs=-1, return_as="generator")(delayed(run)(path) for path in paths)
    entries = [entry for found in tqdm(runs, total=len(paths)) for entry in found]
    (Path(folder) / "replications.md").write_text(ledger(entries), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
