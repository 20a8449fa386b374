"""Replications: what did the paper find, and what did we?

- `verdicts`: `replicated` and `Rule`, with which a page states what became of a published result;
- `records`: what is `stored` of the experiments that take minutes;
- `full`: how they run, and `again`, which adds a seed or a setting to one of them;
- `ledger`: the page of all rows, `chapters/replications.md`.
"""

from dlbook.replications.records import NotRunError, StaleError, stored
from dlbook.replications.verdicts import VERDICTS, Replication, Rule, replicated

__all__ = ["VERDICTS", "NotRunError", "Replication", "Rule", "StaleError", "again", "replicated", "stored"]


def __getattr__(name):
    if name == "again":  # asked for later, since `python -m dlbook.replications.full` runs that file itself
        from dlbook.replications.full import again

        return again
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
