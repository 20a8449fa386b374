"""Frames: how does a drawing become a picture of one setting?"""

import io

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dlbook.explorer import style
from dlbook.explorer.layout import Frozen, Layout
from dlbook.explorer.svg import write, write_powers


class NoSentenceError(TypeError):
    """A `draw` function returned no sentence that states what it measured."""


class DrawingError(RuntimeError):
    """A drawing raised: the message names the chapter, the explorer and the setting."""


def draw_frame(draw, args, values, size, wants_axes, layout=None):
    """Draw one setting; return its matplotlib figure and its sentence.

    Without a `Layout` matplotlib measures where the axes have room, and the figure keeps that.
    """
    with style.context():
        figure = Figure(figsize=size, dpi=72, layout=Frozen(layout) if layout else "constrained")
        FigureCanvasAgg(figure)
        sentence = draw(figure.subplots() if wants_axes else figure, *args, **values)
        if not isinstance(sentence, str) or not sentence.strip():
            raise NoSentenceError(
                "draw must return one sentence that states what was measured (the alt text, the read-out and "
                f"what the tests compare), got {sentence!r}"
            )
        for axes in figure.axes:
            if axes.images:
                axes.grid(False)
        write_powers(figure)
        if layout:
            layout.check(len(figure.axes))
        else:
            Layout.measured(figure)
    return figure, " ".join(sentence.split())


def png(figure, dpi=120):
    """Return the figure as PNG bytes in the light theme, for Jupyter and other notebook viewers."""
    target = io.BytesIO()
    with style.context():
        figure.savefig(target, format="png", dpi=dpi, metadata={"Software": None})
    return target.getvalue()


def svg(figure, memory=None, *, dark=True):
    """Return the figure as SVG text that follows the theme: the same figure always gives the same bytes."""
    with style.context():
        return write(figure, memory, dark=dark)
