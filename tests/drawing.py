"""What the tests of the figures share: a drawing as the page would show it."""

from matplotlib.figure import Figure

from dlbook.explorer import frames


def drawn(draw, **values):
    """The sentence and the figure of a drawing that the page could show: it goes through the SVG writer."""
    wants_axes = draw.__code__.co_varnames[0] == "ax"
    figure, sentence = frames.draw_frame(draw, (), values, (6.6, 3.8), wants_axes)
    assert isinstance(figure, Figure)
    assert frames.svg(figure).startswith("<svg")
    assert sentence.endswith(".")
    return sentence, figure


def said(draw, **values):
    """The sentence alone."""
    return drawn(draw, **values)[0]


def limits(figure):
    """The limits of all its axes, which must not move between the settings of an explorer."""
    return [(ax.get_xlim(), ax.get_ylim()) for ax in figure.axes]
