"""The explorer: what does this picture look like at every setting of its sliders?

In a chapter, an explorer is one call::

    from dlbook import explore
    from dlbook.figures.vanishing_gradients import draw_gradients

    explore(draw_gradients, activation=["sigmoid", "tanh", "relu"], depth=range(2, 21, 2),
            default={"depth": 20})

and `draw_gradients` is an ordinary function::

    def draw_gradients(ax, activation, depth):
        norms = gradient_norms(activation, depth)
        ax.plot(norms, color=palette[activation])
        ax.set(ylim=(1e-14, 10), yscale="log", xlabel="layer", ylabel="gradient norm")
        return f"{activation}, {depth} layers: the first layer's gradient is {norms[0] / norms[-1]:.0e} of the
        last's."

In Jupyter the controls are ipywidgets and every move calls `draw`. When the book is built, every setting is
drawn once and the page shows the pictures without a kernel (`dlbook.site`).
"""

import base64
import inspect
import itertools
import math
import numbers
import os
import time
from collections.abc import Mapping
from html import escape

from dlbook.explorer import frames
from dlbook.explorer.numbers import plain

MIME = "application/vnd.dlcore.explorer+json"
MOST_FRAMES = 400


def explore(draw, *, default=None, play=None, size=(6.6, 3.8), labels=None, formats=None, **controls):
    """Put a picture on the page that the reader can move.

    Parameters
    ----------
    draw : callable
        ``draw(ax, **values)`` or ``draw(figure, **values)``: called with fresh axes if its first parameter is
        named ``ax``, else with the matplotlib figure. It draws in the house style and **returns one sentence
        that states what was measured**, with rounded numbers. That sentence is the alt text, the read-out
        under the sliders, and what the notebook tests compare, so every setting should change it. Fix the
        axes' limits so that they do not jump, take colours from `dlbook.explorer.style.palette`, and make
        random numbers from a seed inside ``draw`` (settings are drawn in any order, some in other processes).
    **controls : list, tuple, range, array or dict
        The values of each of ``draw``'s parameters. Numbers become a slider, two or three other values
        radio buttons, more of them a menu. A dict gives the reader's names for values that have none:
        ``surface={"bowl": bowl, "valley": valley}``.
    default : dict, optional
        The setting that the page opens with; a control that is not named starts at its first value. For a
        dict control, the name. Choose the surprise, or one step from it.
    play : str, optional
        The control that play, pause and step buttons move, for paths and training.
    size : (float, float)
        Width and height in inches. 6.6 fills the column; taller suits two rows of axes.
    labels : dict, optional
        A control's label where its name will not do: ``{"beta1": "β₁"}``.
    formats : dict, optional
        How a control's values are written, as a format or a function: ``{"noise": "{:.0%}"}``.

    Returns
    -------
    Explorer
        Leave it as the last expression of the cell: Jupyter shows it. ``.widget`` is the live widget.

    Raises
    ------
    TypeError, ValueError
        A control without at least two values, a repeated value, a default that is not among the values, a
        control that ``draw`` does not take, a ``draw`` that returns no sentence, more than 400 pictures.

    Notes
    -----
    **Compute once, draw many times.** What all settings share is computed before, and handed to ``draw`` by
    keyword (a closure does as well)::

        runs = {rate: train(rate) for rate in rates}          # a minute, once
        explore(partial(draw_runs, runs=runs), rate=rates, steps=range(0, 201, 10), play="steps")

    Hand over what is drawn (curves, paths), not networks: it goes to every process that draws.

    Examples
    --------
    >>> def draw_line(ax, slope):
    ...     ax.plot([0, slope])
    ...     return f"The line ends at {slope}."
    >>> explore(draw_line, slope=[1, 2, 3], default={"slope": 2})
    The line ends at 2.
    >>> explore(draw_line, slope=[1, 2, 3], default={"slope": 7})
    Traceback (most recent call last):
        ...
    ValueError: default slope must be one of 1, 2, 3, got 7
    """
    if not controls:
        raise ValueError(
            "explore needs at least one control, such as depth=range(2, 21, 2); show draws without"
        )
    options = {"labels": labels, "formats": formats, "default": default}
    for option, given in options.items():
        if given is not None and not isinstance(given, Mapping):
            raise TypeError(f"{option} must be a dict from control to value, got {given!r}")
        strangers = [name for name in given or () if name not in controls]
        if strangers:
            raise ValueError(f"{option} must name controls ({', '.join(controls)}), got {strangers[0]!r}")
    controls = [
        Control(name, values, (labels or {}).get(name), (formats or {}).get(name))
        for name, values in controls.items()
    ]
    for control in controls:
        if default and control.name in default:
            control.start = control.index(default[control.name])
    _check_count(controls)
    if play is not None:
        named = [control for control in controls if control.name == play]
        if not named or named[0].kind != "range":
            raise ValueError(f"play must name a control of numbers, got {play!r}")
    return Explorer(draw, (), {}, controls, size, play)


def show(draw, *args, size=(6.6, 3.8), **kwargs):
    """Put one picture on the page: ``draw(ax, *args, **kwargs)``, which returns its sentence, as for
    `explore`.

    The sentence becomes the alt text and the caption; the picture follows the reader's theme.

    Examples
    --------
    >>> def draw_line(ax, slope):
    ...     ax.plot([0, slope])
    ...     return f"The line ends at {slope}."
    >>> show(draw_line, 3)
    The line ends at 3.
    """
    return Explorer(draw, args, kwargs, [], size, None)


class DrawingFailed(RuntimeError):
    """A drawing raised: the message names the chapter, the explorer and the setting."""


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


class Explorer:
    """A drawing function with its controls; made by `explore` and `show`."""

    def __init__(self, draw, args, constants, controls, size, play):
        if not callable(draw):
            raise TypeError(f"draw must be a function draw(ax, ...), got {draw!r}")
        self.draw, self.args, self.constants = draw, args, constants
        self.controls, self.size, self.play = controls, tuple(size), play
        self.name = getattr(getattr(draw, "func", draw), "__name__", type(draw).__name__)
        self.wants_axes = self._check_signature()
        self.start = tuple(control.start for control in controls)
        self._widget = self._frames = None
        folder = os.environ.get("DLCORE_FRAMES")
        if folder:
            from dlbook.explorer.prerender import prerender

            self._frames = prerender(self, folder)
            self.sentence = self._frames["sentences"][self._frames["start"]]
        else:
            begun = time.perf_counter()
            figure, self.sentence = self.frame(self.start)
            self._png = frames.png(figure)
            self._quick = time.perf_counter() - begun < 0.3

    def _check_signature(self):
        signature = inspect.signature(self.draw)
        try:
            signature.bind(None, *self.args, **self.values(control.start for control in self.controls))
        except TypeError as error:
            raise TypeError(f"{self.name}{signature} does not take these controls: {error}") from None
        return next(iter(signature.parameters), None) == "ax"

    def values(self, setting):
        """Return draw's keyword arguments at a setting (an index for every control)."""
        chosen = {c.name: c.values[i] for c, i in zip(self.controls, setting, strict=True)}
        return self.constants | chosen

    def settings(self):
        """Return all settings, the last control moving fastest."""
        return list(itertools.product(*(range(len(control.values)) for control in self.controls)))

    def frame(self, setting):
        """Draw a setting; return its figure and its sentence."""
        return frames.draw_frame(self.draw, self.args, self.values(setting), self.size, self.wants_axes)

    def described(self, setting):
        """Return a setting in words, for messages."""
        return ", ".join(f"{c.name}={c.texts[i]}" for c, i in zip(self.controls, setting, strict=True))

    @property
    def manifest(self):
        """What the page needs to know, the same in every run: no ids, no image."""
        return {
            "name": self.name,
            "controls": [
                {"name": c.name, "label": c.label, "kind": c.kind, "values": list(c.texts), "start": c.start}
                for c in self.controls
            ],
            "play": self.play,
            "size": [round(96 * inches) for inches in self.size],
            "sentence": self.sentence,
        }

    @property
    def widget(self):
        """The live widget: controls, picture, read-out."""
        if self._widget is None:
            self._widget = _live(self)
        return self._widget

    def __repr__(self):
        return self.sentence

    def _repr_mimebundle_(self, include=None, exclude=None):
        bundle = {"text/plain": self.sentence}
        if self._frames is not None:
            return bundle | {MIME: self.manifest | self._frames}
        bundle |= {MIME: self.manifest, "image/png": base64.b64encode(self._png).decode()}
        if self.controls:
            bundle |= self.widget._repr_mimebundle_()
            bundle["text/plain"] = self.sentence
        return bundle


def _live(explorer):
    import ipywidgets

    def made(control):
        kind = {
            "range": ipywidgets.SelectionSlider, "radio": ipywidgets.RadioButtons, "select": ipywidgets.Dropdown,
        }[control.kind]  # fmt: skip
        # a slow drawing is asked for when the slider is let go, not at every value on the way
        slow = {"continuous_update": explorer._quick} if control.kind == "range" else {}
        return kind(
            options=list(zip(control.texts, control.values, strict=True)),
            index=control.start,
            description=control.label,
            style={"description_width": "initial"},
            **slow,
        )

    inputs = {control.name: made(control) for control in explorer.controls}
    picture = ipywidgets.Image(value=explorer._png, format="png", layout={"max_width": "100%"})
    sentence = ipywidgets.HTML(escape(explorer.sentence))
    drawn = {explorer.start: (explorer._png, explorer.sentence)}

    def redraw(change):
        setting = tuple(control.index for control in inputs.values())
        if setting not in drawn:
            try:
                figure, text = explorer.frame(setting)
                drawn[setting] = frames.png(figure), text
            except Exception as error:  # a foolish value must not take the controls away
                sentence.value = f"<strong>{escape(f'{type(error).__name__}: {error}')}</strong>"
                return
        picture.value, text = drawn[setting]
        sentence.value = escape(text)

    for control in inputs.values():
        control.observe(redraw, "index")
    rows = [ipywidgets.HBox(list(inputs.values()), layout={"flex_flow": "row wrap"})]
    if explorer.play:
        slider = inputs[explorer.play]
        film = ipywidgets.Play(min=0, max=len(slider.options) - 1, value=slider.index, interval=400)
        film.observe(lambda change: setattr(slider, "index", change["new"]), "value")
        slider.observe(lambda change: setattr(film, "value", change["new"]), "index")
        rows.append(film)
    return ipywidgets.VBox([*rows, picture, sentence])


def _check_count(controls):
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
