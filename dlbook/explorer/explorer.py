"""The explorer: what does this picture look like at every setting of its sliders?

In a chapter, an explorer is one call::

    from dlbook.explorer import explore

    explore(draw_gradients, activation=["sigmoid", "tanh", "relu"], depth=range(2, 21, 2),
            default={"depth": 20})

and `draw_gradients` is an ordinary function::

    def draw_gradients(ax, activation, depth):
        norms = gradient_norms(activation, depth)
        ax.plot(norms, color=palette[activation])
        ax.set(ylim=(1e-14, 10), yscale="log", xlabel="layer", ylabel="gradient norm")
        return f"{activation}, {depth} layers: the first layer's gradient is {norms[0] / norms[-1]:.0e} of the
        last's."

An explorer draws when it is displayed. In Jupyter the controls are ipywidgets and every move calls `draw`.
When a book is built, every setting is drawn once and the page shows the pictures without a kernel
(`dlbook.explorer.extension`).
"""

import base64
import functools
import inspect
import itertools
import os
import time
from collections.abc import Mapping

from dlbook.explorer import frames, live
from dlbook.explorer.controls import Control, check_count
from dlbook.explorer.names import check_name
from dlbook.explorer.prerender import prerender
from dlbook.explorer.svg import Memory

MIME = "application/vnd.dlcore.explorer+json"


def explore(
    draw, *, title=None, name=None, default=None, play=None, size=(6.6, 3.8), labels=None, formats=None,
    **controls,
):  # fmt: skip
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
    title : str, optional
        A few words that say what the reader explores. On a page the explorer has a number besides. A line
        ``**Explorer 3. Title.**`` in the text above it is a title too; the build compares both.
    name : str, optional
        What links call it: ``page.html#two-rates:rate=0.1``. Without it the name of the function,
        ``activations`` for ``draw_activations``. Two of a page have different names. (Values, which are no
        text, make a control of this name, and so with `title`.)
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
        control that ``draw`` does not take, more than 400 pictures, a name that a link cannot carry; when it
        is displayed, a ``draw`` that returns no sentence.
    DrawingError
        A setting whose ``draw`` raises while a book is built; the message names chapter, explorer, setting.

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
    words = {"title": title, "name": name}
    controls |= {
        word: given for word, given in words.items() if given is not None and not isinstance(given, str)
    }
    title, name = (None if word in controls else given for word, given in words.items())
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
    check_count(controls)
    if play is not None:
        named = [control for control in controls if control.name == play]
        if not named or named[0].kind != "range":
            raise ValueError(f"play must name a control of numbers, got {play!r}")
    if title is not None and not title.strip():
        raise ValueError(f"title must be a few words, got {title!r}")
    if name is not None:
        check_name(name)
    return Explorer(draw, (), {}, controls, size, play, title, name)


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


class Explorer:
    """A drawing function with its controls; made by `explore` and `show`."""

    def __init__(self, draw, args, constants, controls, size, play, title=None, name=None):
        if not callable(draw):
            raise TypeError(f"draw must be a function draw(ax, ...), got {draw!r}")
        self.draw, self.args, self.constants = draw, args, constants
        self.controls, self.size, self.play = controls, tuple(size), play
        self.title = title
        self.name = name or getattr(getattr(draw, "func", draw), "__name__", type(draw).__name__)
        self.wants_axes = self._check_signature()
        self.start = tuple(control.start for control in controls)
        self._frames, self._failed = None, False
        self.layout, self.memory = None, Memory()

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
        """Draw a setting with the explorer's layout; return its figure and its sentence."""
        return self._drawn(setting, self.layout)

    def _drawn(self, setting, layout):
        values = self.values(setting)
        return frames.draw_frame(self.draw, self.args, values, self.size, self.wants_axes, layout)

    def make_room(self, setting):
        """Widen the layout so that the texts of a setting have room too."""
        figure, _ = self._drawn(setting, None)
        layout = figure.get_layout_engine().layout
        self.layout = self.layout.joined(layout) if self.layout else layout

    def svg(self, setting, *, dark=True):
        """Draw a setting; return its SVG text, its sentence, and whether a text left the picture."""
        figure, sentence = self.frame(setting)
        text = frames.svg(figure, self.memory, dark=dark)
        return text, sentence, self.memory.overflowed

    def described(self, setting):
        """Return a setting in words, for messages."""
        return ", ".join(f"{c.name}={c.texts[i]}" for c, i in zip(self.controls, setting, strict=True))

    @functools.cached_property
    def first(self):
        """The default setting: as PNG bytes, as SVG text, its sentence, and the seconds that they took."""
        begun = time.perf_counter()
        figure, sentence = self.frame(self.start)
        self.layout = figure.get_layout_engine().layout
        svg = frames.svg(figure, self.memory, dark=False) if self.controls else ""
        return frames.png(figure), svg, sentence, time.perf_counter() - begun

    @property
    def sentence(self):
        """What the default setting says."""
        return self._frames["sentences"][self._frames["start"]] if self._frames else self.first[2]

    @property
    def manifest(self):
        """What the page needs to know, the same in every run: no ids, no image."""
        titled = {"title": self.title} if self.title else {}
        return {
            "name": self.name,
            **titled,
            "controls": [
                {"name": c.name, "label": c.label, "kind": c.kind, "values": list(c.texts), "start": c.start}
                for c in self.controls
            ],
            "play": self.play,
            "size": [round(96 * inches) for inches in self.size],
            "sentence": self.sentence,
        }

    @functools.cached_property
    def widget(self):
        """The live widget: controls, picture, read-out."""
        return live.widget(self)

    def __repr__(self):
        # IPython asks for this too after an error that it has shown already
        return f"<explorer {self.name}, which could not be drawn>" if self._failed else self.sentence

    def _repr_mimebundle_(self, include=None, exclude=None):
        try:
            return self._bundle()
        except Exception:
            self._failed = True
            raise

    def _bundle(self):
        folder = os.environ.get("EXPLORER_FRAMES")
        if folder:
            self._frames = self._frames or prerender(self, folder)
            return {"text/plain": self.sentence, MIME: self.manifest | self._frames}
        picture, _, sentence, _ = self.first
        bundle = {MIME: self.manifest, "image/png": base64.b64encode(picture).decode()}
        if self.controls:
            bundle |= self.widget._repr_mimebundle_()
        return bundle | {"text/plain": sentence}
