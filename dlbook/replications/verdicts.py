"""Verdicts: what did the paper find, what did we, and how much does that say?

A page that tries a published result again ends the experiment with one call. It gives facts; the verdict is
computed from them::

    replicated(12, "Li et al. 2019, fig. 1", key="li2019",
        claim="Dropout before batch normalization makes its learned variance differ from the one it meets.",
        data=("CIFAR-10 and CIFAR-100", "Fashion-MNIST, 2,000 small images"),
        network=("deep convolutional networks", "two hidden layers"), seeds=(None, 16),
        ours=f"variance learned over variance met: {learned:.1f}",
        rule=Rule("more than 1.2", learned > 1.2, fixed="2026-11-21"),
        others=[Rule("more than 1.2 in every seed", all(each > 1.2), seen="2026-11-29")])

A rule chosen after looking may be the first one only where it gives no better verdict than the rule that was
fixed before.

Each part of the protocol is one text where ours is the published one, and else a pair (published, ours). A
pair of numbers with a unit counts as a difference only where ours is less.
"""

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from dlbook.explorer.numbers import count
from dlcore import checks

VERDICTS = {
    "reproduced": "the published statement holds, at the published size or a larger one",
    "direction": "only its order or its sign holds, or it holds in an experiment that is smaller than the"
    " published one or differs from it",
    "not seen at our size": "its rule fails in our experiment, which is smaller than the published one or"
    " differs from it; this says nothing against the published result",
    "refuted": "it was tried at the published size and does not hold",
    "not tried": "a part of the published set-up is unknown",
}
"""The five verdicts, and what each says."""

_RANK = {verdict: -rank for rank, verdict in enumerate(VERDICTS)} | {"refuted": -2}

PARTS = ("data", "network", "optimizer", "length", "measure", "seeds")
"""What a protocol consists of."""

MIME = "application/vnd.dlbook.replication+json"


@dataclass(frozen=True)
class Rule:
    """How the verdict is read from the numbers, and when that was decided.

    Parameters
    ----------
    text : str
        "ahead in 12 of 16 seeds".
    holds : bool
        Whether the published statement holds by this rule, with its numbers where it gives some.
    order : bool, optional
        Whether at least its order or sign holds; `holds`, if not given.
    fixed : str, optional
        The day on which the rule was fixed, before anybody looked at the results: "2026-11-21".
    seen : str, optional
        The day on which it was chosen after looking. One of the two is needed.

    Raises
    ------
    ValueError
        Without a day, with two, or where a statement holds whose order does not.
    """

    text: str
    holds: bool
    order: bool | None = None
    fixed: str | None = None
    seen: str | None = None

    def __post_init__(self):
        _line("text", self.text)
        for name in ("holds", "order"):
            value = getattr(self, name)
            if value is None and name == "order":
                value = self.holds
            if not isinstance(value, (bool, np.bool_)):
                raise ValueError(f"{name} must be True or False, computed from the run, got {value!r}")
            object.__setattr__(self, name, bool(value))
        if self.holds and not self.order:
            raise ValueError("order must be True where the whole statement holds, got False")
        if (self.fixed is None) == (self.seen is None):
            raise ValueError(
                "a rule must have one day: fixed= (before looking) or seen= (chosen after looking), got "
                f"fixed={self.fixed!r}, seen={self.seen!r}"
            )
        for name in ("fixed", "seen"):
            day = getattr(self, name)
            if day is not None:
                try:
                    date.fromisoformat(day)
                except (TypeError, ValueError):
                    raise ValueError(f"{name} must be a day such as '2026-11-21', got {day!r}") from None

    @property
    def when(self):
        """When it was decided, in words."""
        return f"fixed before looking, {self.fixed}" if self.fixed else f"chosen after looking, {self.seen}"


def anchor_of(number, source):
    """Return where the box of a row is on a page: "replication-5-notes-15-2"."""
    return f"replication-{number}-{re.sub('[^a-z0-9]+', '-', source.lower()).strip('-')}"


def verdict_of(rule, *, at_size, unknown=()):
    """Return the verdict that a rule's facts give.

    Parameters
    ----------
    rule : Rule
    at_size : bool
        Whether it was tried at the published size or a larger one, on the published data.
    unknown : sequence of str
        Parts of the published set-up that nobody knows.

    Examples
    --------
    >>> wins = Rule("ahead in 12 of 16 seeds", holds=True, fixed="2026-11-21")
    >>> verdict_of(wins, at_size=True), verdict_of(wins, at_size=False)
    ('reproduced', 'direction')
    >>> lost = Rule("ahead in 12 of 16 seeds", holds=False, fixed="2026-11-21")
    >>> verdict_of(lost, at_size=True), verdict_of(lost, at_size=False)
    ('refuted', 'not seen at our size')
    """
    if unknown:
        return "not tried"
    if rule.holds and at_size:
        return "reproduced"
    if rule.order:
        return "direction"
    return "refuted" if at_size else "not seen at our size"


@dataclass(frozen=True)
class Replication:
    """A published result tried again; made by `replicated`, shown by being a cell's last expression."""

    number: int
    source: str
    claim: str
    ours: str
    rule: Rule
    key: str
    protocol: tuple  # (part, published, ours, at least as large), as texts; published "" is unknown
    others: tuple = ()
    run: str = ""
    undecided: str = ""

    def __post_init__(self):
        if self.undecided and self.verdict != "not seen at our size":
            raise ValueError(
                f"undecided must be empty where the row is {self.verdict}, got {self.undecided!r}"
            )
        first = [self.under(rule) for rule in self.others if rule.fixed]
        if self.rule.seen and first and _RANK[self.verdict] > max(_RANK[verdict] for verdict in first):
            raise ValueError(
                f"a rule chosen after looking can lower the verdict of row {self.number}, not raise it from"
                f" {first[0]!r} to {self.verdict!r}: the rule fixed before must come first"
            )

    @property
    def anchor(self):
        """Where its box is on a page."""
        return anchor_of(self.number, self.source)

    @property
    def at_size(self):
        """Whether nothing of the published protocol was made smaller or exchanged."""
        return not self.single and all(large for *_, large in self.protocol)

    @property
    def single(self):
        """Whether there was one seed, where the source does not tell the number of its seeds."""
        return any(
            part == "seeds" and not published and ours == "1" for part, published, ours, _ in self.protocol
        )

    @property
    def unknown(self):
        """The parts of the published protocol that are unknown; the number of seeds is no such part."""
        return tuple(part for part, published, *_ in self.protocol if not published and part != "seeds")

    @property
    def verdict(self):
        """One of `VERDICTS`, computed from the facts."""
        return self.under(self.rule)

    def under(self, rule):
        """The verdict that another rule gives."""
        return verdict_of(rule, at_size=self.at_size, unknown=self.unknown)

    def told(self, rule):
        """That verdict in words, which do not let a rule that failed pass for one that held."""
        verdict = self.under(rule)
        return f"it does not hold, its order does: {verdict}" if self.by_order(rule) else verdict

    def by_order(self, rule):
        """Whether a rule failed and its verdict rests on the order alone."""
        return self.under(rule) == "direction" and not rule.holds

    @property
    def smaller(self):
        """The parts of the published protocol that were made smaller or exchanged, as one text."""
        parts = [part for part, _, _, large in self.protocol if not large]
        return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))

    @property
    def meaning(self):
        """What the verdict says of this row, with the parts of the protocol on which it depends."""
        if self.verdict == "not seen at our size":
            told = "the rule failed in what we tried, which says nothing against the published result"
            if self.undecided:
                told = f"the trial decides nothing, since {self.undecided}"
            elif any(rule.fixed and rule.holds for rule in self.others):
                told += "; another rule that was fixed before looking was met"
        elif self.verdict == "direction":
            told = "it holds" if self.rule.holds else "the rule fails, its order or its sign holds"
        else:
            return VERDICTS[self.verdict]
        told += f"; not as published: {self.smaller}" if self.smaller else ""
        return f"{told}; one seed" if self.single else told

    @property
    def differences(self):
        """What was smaller or other than published, as one text."""
        parts = [
            f"{part}: {ours}, not {told}" for part, told, ours, large in self.protocol if told and not large
        ]
        return "; ".join([*parts, "one seed"] if self.single else parts)

    def __str__(self):
        lines = [f"Replication {self.number}, {self.source}: {self.verdict}", f"  claim: {self.claim}"]
        for part, told, ours, _ in self.protocol:
            lines.append(
                f"  {part}: {ours}" + ("" if told == ours else f" (published: {told or 'not told'})")
            )
        lines += [f"  ours: {self.ours}", f"  rule: {self.rule.text} ({self.rule.when})"]
        lines += [
            f"  under another rule: {rule.text} ({rule.when}): {self.told(rule)}" for rule in self.others
        ]
        return "\n".join(lines)

    __repr__ = __str__

    def markdown(self, up="", here=""):
        """The box as Markdown.

        Parameters
        ----------
        up : str or None
            The way from the page to `references.md` and `replications.md`: "" or "../". None: no links.
        here : str
            Markdown about where else the row is, for the last line.
        """
        source = self.source if up is None else f"[{self.source}]({up}references.md#{self.key})"
        lines = [
            f'<div class="replication {self.verdict.replace(" ", "-")}" id="{self.anchor}">',
            f"**Row {self.number}: {source}.** {self.claim}",
            f"**Verdict: {self.verdict}** ({self.meaning}).",
            f"**Ours:** {self.ours}",
        ]
        rows = ["| part | published | ours |", "|---|---|---|"]
        rows += [
            f"| {part} | {told or 'not told'} | {'the same' if told == ours else ours} |"
            for part, told, ours, _ in self.protocol
        ]
        lines += ["\n".join(rows), f"**Rule:** {self.rule.text} ({self.rule.when})."]
        lines += [
            f"**Under another rule:** {rule.text} ({rule.when}): *{self.told(rule)}*." for rule in self.others
        ]
        if self.run:
            lines.append(f"**Run by** `{self.run}`.")
        if here:
            lines.append(here)
        return "\n\n".join([*lines, "</div>"])

    def _repr_mimebundle_(self, include=None, exclude=None):
        return self.output(_way_up())

    def output(self, up):
        """What a cell shows on a page with this way to `references.md`, which `markdown` explains."""
        link = f"[The ledger of all rows]({up}replications.md#{self.anchor})" if up is not None else ""
        return {"text/markdown": self.markdown(up, link), "text/plain": str(self), MIME: self.as_dict()}

    def as_dict(self):
        """All of it as JSON holds it."""
        told = {name: getattr(self, name) for name in ("number", "source", "claim", "ours", "key", "run")}
        told["protocol"] = [list(part) for part in self.protocol]
        told["rule"] = vars(self.rule) | {}
        told["others"] = [vars(rule) | {} for rule in self.others]
        return told | ({"undecided": self.undecided} if self.undecided else {})

    @classmethod
    def of_dict(cls, told):
        """The replication that `as_dict` gave."""
        parts = {
            "protocol": tuple(map(tuple, told["protocol"])),
            "rule": Rule(**told["rule"]),
            "others": tuple(Rule(**rule) for rule in told["others"]),
        }
        return cls(**told | parts)


def replicated(number, source, *, claim, key, ours, rule, others=(), run="", undecided="", **protocol):
    """State what became of a published result: the line of the ledger and the box on the page.

    Parameters
    ----------
    number : int
        The row of the ledger, from 1.
    source : str
        With the number of the figure or table: "Kohavi 1995, table 2".
    key : str
        Of the source in `references.bib`: "kohavi1995".
    claim : str
        What the source says, in a sentence, with its numbers.
    data, network, optimizer, length, measure, seeds : str or tuple
        The protocol. A text where ours is the published one; a pair (published, ours) where it is not;
        ``(10_000, 2_500, "epochs")``, with the unit in the plural, where both are numbers, of which more is
        no smaller attempt. None for what the source does not tell. Seeds are two numbers, ``(1, 16)``; where
        the source tells none, one seed is a smaller attempt. Other parts may be left out where they have no
        meaning.
    ours : str
        What this run measured, with its spread.
    rule : Rule
        How the verdict is read from that.
    others : sequence of Rule
        Every other reasonable rule that was considered.
    run : str
        What runs it, if it is not the page's own code: "python -m dlbook.replications.full notes_race".
    undecided : str
        Why the trial could not have shown the claim, where that is so: "neither network trains".

    Returns
    -------
    Replication
        Its verdict is computed: see `verdict_of`.

    Raises
    ------
    ValueError
        If a part is missing or no text in one line, or the trial is `undecided` and its verdict another one
        than "not seen at our size".

    Examples
    --------
    >>> apart = 0.0
    >>> replicated(2, "Notes 15.1", key="aiedu", claim="Hidden units that start at zero stay alike.",
    ...            data="ten points", network="1-3-1, sigmoid", length=(1, 20, "epochs"), seeds=(1, 16),
    ...            ours=f"the largest difference is {apart:g}",
    ...            rule=Rule("less than 1e-9 apart in every run", apart < 1e-9, fixed="2026-11-21"))
    Replication 2, Notes 15.1: reproduced
      claim: Hidden units that start at zero stay alike.
      data: ten points
      network: 1-3-1, sigmoid
      length: 20 epochs (published: 1 epoch)
      seeds: 16 (published: 1)
      ours: the largest difference is 0
      rule: less than 1e-9 apart in every run (fixed before looking, 2026-11-21)
    """
    number = checks.integer("number", number, 1)
    _line("source", source)
    _line("ours", ours)
    _line("claim", claim)
    if not re.fullmatch(r"[a-z]+\d{4}[a-z]?|aiedu", key):
        raise ValueError(f"key must be a source of references.bib, such as 'kohavi1995', got {key!r}")
    if undecided:
        _line("undecided", undecided)
    if not isinstance(rule, Rule):
        raise ValueError(f"rule must be a Rule, from which the verdict is computed, got {rule!r}")
    for other in others:
        if not isinstance(other, Rule):
            raise ValueError(f"others must be Rules, got {other!r}")
    strange = [part for part in protocol if part not in PARTS]
    if strange:
        raise ValueError(f"a protocol has the parts {', '.join(PARTS)}, got {strange[0]!r}")
    missing = [part for part in ("data", "seeds") if part not in protocol]
    if missing:
        raise ValueError(f"a protocol must tell {' and '.join(missing)}, published and ours")
    parts = tuple(_part(part, protocol[part]) for part in PARTS if part in protocol)
    return Replication(number, source, claim, ours, rule, key, parts, tuple(others), run, undecided)


def _part(part, value):
    """A part of the protocol as `Replication` keeps it."""
    if part == "seeds":
        if not (isinstance(value, tuple) and len(value) == 2):
            raise ValueError(f"seeds must be two numbers, (published or None, ours), got {value!r}")
        told, ours = value
        ours = checks.integer("seeds", ours, 1)
        told = None if told is None else checks.integer("seeds", told, 1)
        return part, "" if told is None else f"{told:,}", f"{ours:,}", told is None or ours >= told
    if isinstance(value, tuple) and len(value) == 3:
        told, ours, unit = value
        ours = checks.number(part, ours, 0)
        _line(part, unit)
        told = None if told is None else checks.number(part, told, 0)
        return (
            part,
            "" if told is None else _counted(told, unit),
            _counted(ours, unit),
            told is None or ours >= told,
        )
    if isinstance(value, tuple) and len(value) == 2:
        told, ours = value
        _line(part, ours)
        if told is not None:
            _line(part, told)
        return part, told or "", ours, told == ours
    _line(part, value)
    return part, value, value, True


def _counted(n, unit):
    """A number with its unit, which is told in the plural: "passes over the data"."""
    things, space, more = unit.partition(" ")
    thing = things.removesuffix("es" if things.endswith(("ches", "sses")) else "s")
    return count(n, f"{thing}{space}{more}", unit)


def _line(name, text):
    if not isinstance(text, str) or "\n" in text or not text.strip():
        raise ValueError(f"{name} must be one line of text, got {text!r}")
    if "|" in text:
        raise ValueError(f"{name} must be without '|', which ends a table's cell, got {text!r}")


def _way_up():
    """The way from the notebook that runs to the book's pages, or None where it runs outside of the book."""
    for up in ("", "../"):
        if Path(f"{up}references.md").exists():
            return up
    return None
