"""Where did `dlcore.book` go? The book's tools are in `dlbook` now; the old names still lead there."""

import importlib
import warnings


def _moved(old, new, place):
    warnings.warn(f"{old} has moved: use {new}", DeprecationWarning, stacklevel=3)
    return place


def __getattr__(name):
    if name in ("explore", "show", "replicated"):
        return _moved(
            f"dlcore.book.{name}", f"dlbook.{name}", getattr(importlib.import_module("dlbook"), name)
        )
    if name in ("style", "figures", "bugs"):
        target = {"style": "dlbook.explorer.style"}.get(name, f"dlbook.{name}")
        return _moved(f"dlcore.book.{name}", target, importlib.import_module(target))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; the book's tools are in dlbook")
