"""Controls: which values can a reader choose, and how does she see them?"""

import math
import numbers
from collections.abc import Mapping

from dlbook.explorer.numbers import plain

MOST_FRAMES = 400


class Control:
    """One control: its values, and how the reader sees them."""

    def __init__(self, name, values, label=None, form=None):
        if (
            isinstance(values, (str, bytes))
            or not hasattr(values, "__iter__")
            or not hasattr(values, "__len__")
        ):
            raise TypeError(f"{name} must be a list of values, got {values!r}")
        self.name = name
        self.label = label or name.strip("_").replace("_", " ")
        self.values = tuple(_plain(v) for v in (values.values() if isinstance(values, Mapping) else values))
        if len(self.values) < 2:
            raise ValueError(f"{name} must have at least two values for its control, got {list(values)}")
        if isinstance(values, Mapping):
            self.texts = tuple(str(text) for text in values)
        else:
            write = form.format if isinstance(form, str) else form or plain
            self.texts = tuple(write(v) for v in self.values)
        twice = [text for i, text in enumerate(self.texts) if text in self.texts[:i]]
        if twice:
            raise ValueError(f"{name} must have different values, got {twice[0]} twice")
        if not isinstance(values, Mapping) and all(_is_number(v) for v in self.values):
            self.kind = "range"
        else:
            self.kind = "radio" if len(self.values) <= 3 else "select"
        self.start = 0

    def index(self, value):
        """Return the place of `value` (or of its name) among the values; refuse what is not there."""
        value = _plain(value)
        for i, (mine, text) in enumerate(zip(self.values, self.texts, strict=True)):
            if mine is value or (type(value) is str and text == value) or _same(mine, value):
                return i
        raise ValueError(f"default {self.name} must be one of {', '.join(self.texts)}, got {plain(value)}")


def check_count(controls):
    count = math.prod(len(control.values) for control in controls)
    if count <= MOST_FRAMES:
        return
    longest = max(controls, key=lambda control: len(control.values))
    rest = count // len(longest.values)
    fit = MOST_FRAMES // rest
    advice = f"give {longest.name} at most {fit} values" if fit > 1 else "give each control fewer values"
    product = " × ".join(f"{len(c.values)} {c.name}" for c in controls)
    raise ValueError(
        f"the controls must make at most {MOST_FRAMES} pictures, or the page grows too large; "
        f"got {count:,} ({product}): {advice}, or make two explorers"
    )


def _plain(value):
    return value.item() if hasattr(value, "dtype") and getattr(value, "ndim", None) == 0 else value


def _is_number(value):
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _same(a, b):
    if isinstance(a, bool) != isinstance(b, bool):
        return False
    try:
        return bool(a == b)
    except (TypeError, ValueError):
        return False
