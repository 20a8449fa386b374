"""Where did `dlcore.book.figures` go? Drawings are in `dlbook.figures` now; old names still lead there."""

import importlib.util

from dlcore.book import _moved


def __getattr__(name):
    if name.startswith("_") or importlib.util.find_spec(f"dlbook.figures.{name}") is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; drawings are in dlbook.figures")
    target = f"dlbook.figures.{name}"
    return _moved(f"dlcore.book.figures.{name}", target, importlib.import_module(target))
