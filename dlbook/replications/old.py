"""The first edition's form of a replication, which gave a verdict instead of facts.

It says nothing about the size of what was tried, so the ledger counts it as tried on another scale.
"""

import re
from dataclasses import dataclass
from html import escape

from dlcore import checks

VERDICTS = {"reproduced": "direction", "shape only": "direction", "not reproducible": "not seen at our size"}
"""The first edition's verdicts, and what they are worth without a word about sizes."""


@dataclass(frozen=True)
class Stated:
    """A published result tried again; as the first edition stated it."""

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
    """State a published result and the verdict."""
    number = checks.integer("number", number, 1)
    if verdict not in VERDICTS:
        raise ValueError(f"verdict must be one of {', '.join(map(repr, VERDICTS))}, got {verdict!r}")
    for name, text in {"source": source, "published": published, "ours": ours, "because": because}.items():
        if not isinstance(text, str) or "\n" in text or not (text.strip() or name == "because"):
            raise ValueError(f"{name} must be one line of text, got {text!r}")
    if verdict != "reproduced" and not because:
        raise ValueError(f"because must say why the result is {verdict!r}, got {because!r}")
    return Stated(number, source, published, ours, verdict, because)
