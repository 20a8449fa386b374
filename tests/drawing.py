"""What the tests of the figures share: a drawing as the page would show it."""

from matplotlib.figure import Figure

from dlbook.explorer import frames

_WRITTEN = set()


def drawn(draw, **values):
    """The sentence and the figure of a drawing that the page could show.

    Each kind goes through the SVG writer once: that takes long, and the book's build writes them all.
    """
    wants_axes = draw.__code__.co_varnames[0] == "ax"
    figure, sentence = frames.draw_frame(draw, (), values, (6.6, 3.8), wants_axes)
    assert isinstance(figure, Figure)
    if draw not in _WRITTEN:
        assert frames.svg(figure).startswith("<svg")
        _WRITTEN.add(draw)
    assert sentence.endswith(".")
    return sentence, figure


def said(draw, **values):
    """The sentence alone."""
    return drawn(draw, **values)[0]


def limits(figure):
    """The limits of all its axes, which must not move between the settings of an explorer."""
    return [(ax.get_xlim(), ax.get_ylim()) for ax in figure.axes]
