"""Guess: what does a reader expect before she sees what was measured?

`guess` takes a curve that the page has measured. A reader of the static page draws hers over the empty axes,
then the measured one appears and she is told how far off she was; with a keyboard, with a screen reader and
in Jupyter she chooses among three curves. Where no script runs, the answer stands folded.
"""

import hashlib
import math
import os
from collections.abc import Mapping
from html import escape

import numpy as np

from dlbook.explorer import frames
from dlbook.explorer.explorer import MIME
from dlbook.explorer.numbers import capital, fixed, number, plain
from dlbook.explorer.style import palette

_ALIKE = 0.1  # of the axis: curves nearer to each other than that on average are no choice


def guess(question, curve, *, ylabel, xlabel=None, log=False, unit="", limits=None, sentence=None):
    """Let the reader draw a curve before she sees the measured one.

    Parameters
    ----------
    question : str
        What she is to draw: "How does the loss after 100 steps change with the size of the weights?"
    curve : Sweep or dict
        What was measured: a `dlcore.search.Sweep` over one axis of numbers (its median is drawn), or a dict
        from value to result. The values stand at equal distances, as on a slider. A result that is not finite
        (a run that diverged) stands at the upper edge.
    ylabel, xlabel : str
        What the axes show. `xlabel` is the axis' name unless it is given.
    log : bool
        Whether the results are compared by their ratios.
    unit : str
        Behind every result: ``"%"``, ``" points"``.
    limits : (float, float), optional
        Of the results' axis. Give them where the data's own would give the answer away, or where a few
        results are far above all others: those stand at the upper edge, as "0.9 or more".
    sentence : str, optional
        What was measured. Without it the curve's ends and its largest turn are stated.

    Returns
    -------
    Guess
        Leave it as the last expression of the cell.

    Raises
    ------
    ValueError
        Fewer than three values, no finite result, results of 0 or less on a log axis, limits above a result.

    Examples
    --------
    >>> guess("How does the error fall?", {10: 0.5, 100: 0.2, 1000: 0.1}, xlabel="examples", ylabel="error")
    How does the error fall? Measured: it falls from 0.5 at 10 to 0.2 at 100 and 0.1 at 1,000.
    """
    values, results = _measured(curve)
    if xlabel is None:
        if isinstance(curve, Mapping):
            raise ValueError("xlabel must name the values of a dict, got None")
        xlabel = next(iter(curve.axes)).replace("_", " ")
    scale = _Scale(results, log, unit, limits)
    return Guess(question, [plain(value) for value in values], results, scale, (xlabel, ylabel), sentence)


def _measured(curve):
    if isinstance(curve, Mapping):
        values, results = list(curve), list(curve.values())
    else:
        if len(curve.axes) != 1:
            raise ValueError(
                f"curve must be over one axis, got {', '.join(curve.axes)}: use at() for the others"
            )
        values, results = list(*curve.axes.values()), curve.median
    results = np.asarray(results, float)
    if results.ndim != 1 or len(results) < 3:
        raise ValueError(f"curve must have one result for each of three values or more, got {results.shape}")
    if not np.isfinite(results).any():
        raise ValueError("curve must have a finite result, got none")
    return values, results


class _Scale:
    """The results' axis: from results to places between 0 and 1, and how results are written."""

    def __init__(self, results, log, unit, limits):
        known = results[np.isfinite(results)]
        if log and known.min() <= 0:
            raise ValueError(f"results must be above 0 on a log axis, got {known.min():g}")
        low, high = limits or self._round(known.min(), known.max(), log)
        if not (low < high and low <= known.min() and (low > 0 or not log)):
            raise ValueError(f"limits must begin below the results, {known.min():g}, got ({low:g}, {high:g})")
        self.beyond = bool((results > high).any() or not np.isfinite(results).all())
        self.log, self.unit = log, unit
        self.low, self.high = (math.log10(low), math.log10(high)) if log else (low, high)

    @staticmethod
    def _round(low, high, log):
        if log:
            return 10.0 ** math.floor(math.log10(low)), 10.0 ** math.ceil(math.log10(high) + 1e-9)
        step = _step(high - min(low, 0.0) or 1.0)
        return min(0.0, step * math.floor(low / step)), step * math.ceil(high / step + 0.2)

    def place(self, results):
        """Return where results stand; what is not finite is at the top."""
        results = np.where(np.isfinite(results), results, np.inf)
        along = np.log10(results) if self.log else results
        return np.clip((along - self.low) / (self.high - self.low), 0, 1)

    def result(self, place):
        along = self.low + place * (self.high - self.low)
        return 10**along if self.log else along

    def write(self, place):
        """Return the result at a place as text."""
        more = " or more" if self.beyond and place >= 1 else ""
        return number(float(self.result(place))) + self.unit + more

    def ticks(self):
        """Return places and texts of a few round results."""
        if self.log:
            every = max(1, math.ceil((self.high - self.low) / 5))
            found = [10.0**e for e in range(math.ceil(self.low), math.floor(self.high) + 1, every)]
        else:
            step = _step(self.high - self.low)
            first = math.ceil(self.low / step - 1e-9)
            found = [step * i for i in range(first, math.floor(self.high / step + 1e-9) + 1)]
        return [(float(self.place(result)), number(result) + self.unit) for result in found]

    @property
    def digits(self):
        """How many decimals a difference of results needs."""
        return max(0, 2 - math.ceil(math.log10(self.high - self.low)))


def _step(span):
    """Return a round step that divides a span into four to ten parts."""
    size = 10.0 ** math.floor(math.log10(span / 4))
    return max(size * m for m in (1, 2, 2.5, 5) if size * m <= span / 4 * (1 + 1e-9))


class Guess:
    """A question whose answer is a curve; made by `guess`."""

    def __init__(self, question, texts, results, scale, labels, sentence):
        if not isinstance(question, str) or not question.strip():
            raise ValueError(f"question must ask for a curve, got {question!r}")
        self.question, self.texts, self.scale = " ".join(question.split()), texts, scale
        self.labels = labels
        self.places = scale.place(results)
        self.sentence = " ".join((sentence or f"Measured: it {self.told(self.places)}.").split())
        self.curves, self.right = self._candidates()
        self._widget = None

    def told(self, places):
        """Return in words how a curve runs: its ends, and its largest turn or its middle."""
        first, last = places[0], places[-1]
        span, middle = places.max() - places.min(), places[1:-1]
        if span < 0.05:
            return f"stays near {self.scale.write(np.mean(places))}"
        at = [f"{self.scale.write(place)} at {text}" for place, text in zip(places, self.texts, strict=True)]
        depth, height = min(first, last) - middle.min(), middle.max() - max(first, last)
        if depth > max(height, 0.05):
            return f"falls from {at[0]} to {at[1 + int(middle.argmin())]}, then rises to {at[-1]}"
        if height > 0.05:
            return f"rises from {at[0]} to {at[1 + int(middle.argmax())]}, then falls to {at[-1]}"
        return f"{'rises' if last > first else 'falls'} from {at[0]} to {at[len(places) // 2]} and {at[-1]}"

    def _candidates(self):
        """Return three curves, and which of them is the measured one."""
        true = self.places
        straight = np.linspace(true[0], true[-1], len(true))
        upside_down = true.max() + true.min() - true
        flat = np.full(len(true), true.mean())
        bent = np.clip(straight + 0.4 * np.sin(np.linspace(0, np.pi, len(true))), 0, 1)
        steep = np.linspace(0.1, 0.9, len(true))
        chosen = [true]
        for other in (true[::-1], straight, upside_down, flat, bent, steep, steep[::-1]):
            if len(chosen) < 3 and all(self._differ(other, known) for known in chosen):
                chosen.append(other)
        right = hashlib.sha256(self.question.encode()).digest()[0] % len(chosen)
        return [*chosen[1 : right + 1], true, *chosen[right + 1 :]], right

    def _differ(self, a, b):
        return np.abs(a - b).mean() > _ALIKE and self.told(a) != self.told(b)

    def missed(self, places):
        """Return in words how far a guess is from the measured curve."""
        off = np.abs(np.asarray(places) - self.places)
        worst = int(off.argmax())
        return (
            f"On average it is off by {self._difference(off.mean())}, most at {self.texts[worst]}: by "
            f"{self._difference(off[worst])}."
        )

    def _difference(self, distance):
        along = distance * (self.scale.high - self.scale.low)
        if self.scale.log:
            return f"a factor of {number(10**along)}"
        return fixed(along, self.scale.digits) + self.scale.unit

    @property
    def manifest(self):
        """What a notebook stores: no number but those of the sentence."""
        return {
            "name": "guess", "kind": "guess", "question": self.question, "sentence": self.sentence,
            "controls": [],
        }  # fmt: skip

    @property
    def data(self):
        """What the page's script needs: places between 0 and 1, and how differences are written."""
        scale = self.scale
        return {
            "x": self.texts,
            "labels": self.labels,
            "ticks": [[round(place, 4), text] for place, text in scale.ticks()],
            "measured": [round(float(p), 4) for p in self.places],
            "curves": [
                {"words": capital(self.told(curve)), "places": [round(float(p), 4) for p in curve]}
                for curve in self.curves
            ],
            "span": scale.high - scale.low,
            "log": scale.log,
            "digits": scale.digits,
            "unit": scale.unit,
        }

    @property
    def widget(self):
        """The live widget: the choice among the curves."""
        if self._widget is None:
            self._widget = self._made()
        return self._widget

    def _made(self):
        import ipywidgets

        words = [capital(self.told(curve)) for curve in self.curves]
        choice = ipywidgets.RadioButtons(
            options=[(text, i) for i, text in enumerate(words)], index=None, layout={"width": "auto"}
        )
        button = ipywidgets.Button(description="Compare", disabled=True)
        said = ipywidgets.HTML()
        picture = ipywidgets.Image(format="svg+xml", layout={"max_width": "100%", "display": "none"})
        choice.observe(lambda change: setattr(button, "disabled", change["new"] is None), "index")

        def compare(_):
            chosen = choice.index
            verdict = "Right." if chosen == self.right else self.missed(self.curves[chosen])
            said.value = escape(f"{verdict} {self.sentence}")
            picture.value = self._drawn(self.curves[chosen])
            picture.layout.display = ""

        button.on_click(compare)
        question = ipywidgets.HTML(f"<strong>Your guess:</strong> {escape(self.question)}")
        return ipywidgets.VBox([question, choice, button, said, picture])

    def _drawn(self, chosen):
        def draw(ax):
            at = range(len(self.texts))
            ax.plot(at, chosen, "--", color=palette["muted"], label="your guess")
            ax.plot(at, self.places, color=palette["highlight"], label="measured")
            ax.set(ylim=(0, 1), xlabel=self.labels[0], title=self.labels[1])
            ax.set_xticks(at, self.texts)
            ax.set_yticks(*zip(*self.scale.ticks(), strict=True))
            ax.legend()
            return self.sentence

        figure, _ = frames.draw_frame(draw, (), {}, (6.6, 3.4), True)
        return frames.svg(figure, dark=False).encode()

    def __repr__(self):
        return f"{self.question} {self.sentence}"

    def _repr_mimebundle_(self, include=None, exclude=None):
        folded = (
            f"**Your guess:** {self.question}\n\n"
            f'<details class="answer"><summary>Answer</summary>\n\n{self.sentence}\n\n</details>'
        )
        bundle = {"text/plain": repr(self), "text/markdown": folded, MIME: self.manifest}
        if os.environ.get("EXPLORER_FRAMES"):
            return bundle | {MIME: self.manifest | {"guess": self.data}}
        return bundle | self.widget._repr_mimebundle_() | {"text/plain": repr(self)}
