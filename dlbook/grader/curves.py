"""Curves: how does an exercise show what was measured, where no plotting library may be loaded?

A locked cell runs wherever an exercise is opened or graded: in Jupyter, in the browser, in the sandbox. A
plotting library takes a second or more there each time, and this takes none. The picture is SVG in the
text's colour, so it suits light and dark pages. Without a front end it is a table.
"""

import html
import math

import numpy as np

_HUES = ("#2f7fc1", "#d97b1f", "#3c9a5f")
_DASHES = ("none", "7 3", "2 3")
_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 230, 190, 38, 24, 34


class Curves:
    """A panel for each run, all with the same logarithmic axis, and a table of the same numbers.

    Parameters
    ----------
    runs : dict of run: {curve: values}
        Up to three curves in each run, with the same names in all. A value that is not finite is left out.
    at : sequence
        Where the values were measured. The places are drawn equally far apart.
    label : str
        What `at` counts.
    floor : float, optional
        Where smaller values are drawn. The table has them as they are.

    Raises
    ------
    ValueError
        If a run has other curves than the first, or other numbers of values than `at`, or if there is
        nothing positive to draw.

    Examples
    --------
    >>> Curves({"A": {"loss": [2.0, 0.5]}, "B": {"loss": [2.0, float("inf")]}}, [10, 100])
    step    10  100
    A loss   2  0.5
    B loss   2  inf
    """

    def __init__(self, runs, at, label="step", floor=0.0):
        self.names = list(next(iter(runs.values()), {}))
        if not 1 <= len(self.names) <= len(_HUES):
            raise ValueError(f"a run must have 1 to {len(_HUES)} curves, got {len(self.names)}")
        for run, found in runs.items():
            if list(found) != self.names:
                raise ValueError(f"run {run} must have the curves {self.names}, got {list(found)}")
            for name, values in found.items():
                if len(values) != len(at):
                    raise ValueError(f"{run} {name} must have {len(at)} values, got {len(values)}")
        self.runs, self.at, self.label, self.floor = runs, list(at), label, floor
        drawn = np.array([values for found in runs.values() for values in found.values()], float)
        drawn = np.maximum(drawn, floor)[np.isfinite(drawn) & (drawn > 0)]
        if not drawn.size:
            raise ValueError("there must be a positive value to draw")
        self.low, self.high = math.log10(drawn.min() / 1.1), math.log10(drawn.max() * 1.1)

    def __repr__(self):
        rows = [(self.label, *(f"{place:g}" for place in self.at))]
        for run, found in self.runs.items():
            rows += [(f"{run} {name}", *(f"{v:.3g}" for v in values)) for name, values in found.items()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(
            row[0].ljust(widths[0])
            + "".join(f"  {v:>{width}}" for v, width in zip(row[1:], widths[1:], strict=True))
            for row in rows
        )

    def _repr_html_(self):
        keys = "".join(
            f'<span style="white-space:nowrap;margin-right:1.5em"><svg width="34" height="10" '
            f'aria-hidden="true"><line x1="0" y1="5" x2="34" y2="5" stroke="{hue}" stroke-width="2.5" '
            f'stroke-dasharray="{dash}"/></svg> {html.escape(name)}</span>'
            for name, hue, dash in zip(self.names, _HUES, _DASHES, strict=False)
        )
        panels = "".join(self._panel(run, found) for run, found in self.runs.items())
        table = f"<details><summary>The numbers</summary><pre>{html.escape(repr(self))}</pre></details>"
        return f"<div><div>{keys}</div>{panels}{table}</div>"

    def _y(self, value):
        share = (math.log10(max(value, self.floor)) - self.low) / (self.high - self.low)
        return _TOP + (1 - share) * (_HEIGHT - _TOP - _BOTTOM)

    def _panel(self, run, found):
        right, bottom = _WIDTH - 8, _HEIGHT - _BOTTOM
        x = np.linspace(_LEFT + 6, right - 6, len(self.at))
        parts = [_text(_WIDTH / 2, 15, run, "middle", 'font-weight="bold"')]
        span = self.high - self.low  # in powers of ten; the labels must not run into each other
        marks, every = ((1, 2, 5) if span < 3 else (1,)), math.ceil(span / 10)
        for power in range(math.floor(self.low), math.ceil(self.high)):
            for value in (mark * 10.0**power for mark in marks if power % every == 0):
                if self.low <= math.log10(value) <= self.high:
                    y = self._y(value)
                    parts.append(_line([(_LEFT, y), (right, y)], "currentColor", opacity=0.15))
                    parts.append(_text(_LEFT - 4, y + 4, f"{value:g}", "end"))
        corner = [(_LEFT, _TOP), (_LEFT, bottom), (right, bottom)]
        parts.append(_line(corner, "currentColor", opacity=0.5))
        parts.append(_text(x[0], bottom + 14, f"{self.at[0]:g}", "middle"))
        parts.append(_text(x[-1], bottom + 14, f"{self.at[-1]:g}", "end"))
        parts.append(_text(_WIDTH / 2, bottom + 28, self.label, "middle"))
        for values, hue, dash in zip(found.values(), _HUES, _DASHES, strict=False):
            points = [(a, self._y(v)) for a, v in zip(x, values, strict=True) if np.isfinite(v) and v > 0]
            parts.append(_line(points, hue, width=2, dash=dash))
        told = html.escape(f"Run {run}: {', '.join(found)} by {self.label}; the numbers are below.")
        return (
            f'<svg width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
            f'aria-label="{told}" style="font:11px sans-serif">{"".join(parts)}</svg>'
        )


def _line(points, colour, width=1, dash="none", opacity=1):
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return (
        f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}" '
        f'stroke-dasharray="{dash}" opacity="{opacity}"/>'
    )


def _text(x, y, text, anchor, more=""):
    place = f'x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}"'
    return f'<text {place} fill="currentColor" {more}>{html.escape(str(text))}</text>'
