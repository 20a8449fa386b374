"""Replications: what did the paper find, and what did we?

A chapter that tries a published result again ends the experiment with one call, whose verdict was computed::

    replicated(16, "Kohavi 1995", published="ten folds choose better than more folds",
               ours=f"ten folds ahead in {wins} of 16 sets of data", verdict=verdict, because="other data")

The page shows it as a box, the tests compare its text, and `make replications` gathers all of them into
`chapters/replications.md`.
"""

from dataclasses import dataclass
from html import escape

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
    because: str

    def __str__(self):
        lines = [f"Replication {self.number}, {self.source}: {self.verdict}"]
        lines += [f"  published: {self.published}", f"  ours: {self.ours}"]
        return "\n".join(lines + ([f"  because: {self.because}"] if self.because else []))

    __repr__ = __str__

    def _repr_html_(self):
        rows = [("Published", self.published), ("Ours", self.ours), ("Because", self.because)]
        told = "".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in rows if text)
        kind = self.verdict.replace(" ", "-")
        return (
            f'<div class="replication {kind}" id="replication-{self.number}"><p><strong>Tried again</strong>: '
            f'{escape(self.source)} <span class="verdict">{self.verdict}</span></p><dl>{told}</dl></div>'
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
    >>> replicated(2, "Notes 15.1", published="all hidden units stay alike", ours="the largest difference is 0",
    ...            verdict="reproduced" if ratio == 2 else "not reproducible")
    Replication 2, Notes 15.1: reproduced
      published: all hidden units stay alike
      ours: the largest difference is 0
    """
    number = checks.integer("number", number, 1)
    if verdict not in VERDICTS:
        raise ValueError(f"verdict must be one of {', '.join(map(repr, VERDICTS))}, got {verdict!r}")
    for name, text in {"source": source, "published": published, "ours": ours}.items():
        if not isinstance(text, str) or not text.strip() or "\n" in text:
            raise ValueError(f"{name} must be one line of text, got {text!r}")
    if verdict != "reproduced" and not because:
        raise ValueError(f"because must say why the result is {verdict!r}, got {because!r}")
    return Replication(number, source, published, ours, verdict, because)
