"""Where did `dlcore.book.exercises` go? `dlbook.grader` marks them now; the old names still lead there."""

import importlib

from dlcore.book import _moved


def __getattr__(name):
    if name in ("expect", "kills", "seeded", "variant"):
        grader = importlib.import_module("dlbook.grader")
        return _moved(f"dlcore.book.exercises.{name}", f"dlbook.grader.{name}", getattr(grader, name))
    raise AttributeError(
        f"module {__name__!r} has no attribute {name!r}; exercises are marked by dlbook.grader"
    )
