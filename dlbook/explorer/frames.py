"""Frames: how does a drawing become a small file that follows the reader's theme?

matplotlib writes SVG with fixed colours and coordinates to six decimals. `svg` keeps a tenth of a point,
drops what no reader sees, and turns every colour of the house palette into a CSS variable with a light and a
dark value. The page tells the picture its theme through the CSS property `color-scheme` of the `<img>`.
"""

import io
import re

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dlbook.explorer import style

_THEMES = style.themes()
_DROPPED = re.compile(r"<\?xml.*?\?>|<!DOCTYPE.*?>|<!--.*?-->|<metadata>.*?</metadata>", re.S)
_NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")
_COORDINATES = re.compile(r'(?<= )(d|x|y|width|height|points)="([^"]*\.[^"]*|[^"]*\n[^"]*)"')
_COLOUR = re.compile(r"#[0-9a-f]{6}(?=[;\"])")


class NoSentenceError(TypeError):
    """A `draw` function returned no sentence that states what it measured."""


class DrawingError(RuntimeError):
    """A drawing raised: the message names the chapter, the explorer and the setting."""


def draw_frame(draw, args, values, size, wants_axes):
    """Draw one setting; return its matplotlib figure and its sentence."""
    with style.context():
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        sentence = draw(figure.subplots() if wants_axes else figure, *args, **values)
        for axes in figure.axes:
            if axes.images:
                axes.grid(False)
    if not isinstance(sentence, str) or not sentence.strip():
        raise NoSentenceError(
            "draw must return one sentence that states what was measured (the alt text, the read-out and "
            f"what the tests compare), got {sentence!r}"
        )
    return figure, " ".join(sentence.split())


def png(figure, dpi=120):
    """Return the figure as PNG bytes in the light theme, for Jupyter and other notebook viewers."""
    target = io.BytesIO()
    with style.context():
        figure.savefig(target, format="png", dpi=dpi, metadata={"Software": None})
    return target.getvalue()


def svg(figure):
    """Return the figure as SVG text that follows the theme: the same figure always gives the same bytes."""
    target = io.StringIO()
    with style.context():
        figure.savefig(target, format="svg", metadata={"Date": None, "Creator": None})
    return _follow_theme(_minify(target.getvalue()))


def _minify(text):
    text = _DROPPED.sub("", text)
    text = re.sub(r'<g id="[^"]*">', "<g>", text)
    text = _COORDINATES.sub(lambda m: f'{m[1]}="{_rounded(" ".join(m[2].split()))}"', text)
    text = re.sub(r"(?<=translate\()[^)]*(?=\))", lambda m: _rounded(m[0]), text)
    text = re.sub(r'(?<=style=")[^"]*(?=")', lambda m: re.sub(r"(?<=[:;]) ", "", m[0]), text)
    return re.sub(r">\s+<", "><", text).strip() + "\n"


def _rounded(numbers):
    return _NUMBER.sub(lambda m: f"{float(m[0]):.1f}".replace("-0.0", "0").removesuffix(".0"), numbers)


def _follow_theme(text):
    used = {"#000000"}

    def variable(match):
        if match[0] not in _THEMES:
            return match[0]
        used.add(match[0])
        return f"var(--{_THEMES[match[0]][0]})"

    text = re.sub(r'(?<=style=")[^"]*"', lambda m: _COLOUR.sub(variable, m[0]), text)
    ink = style.palette["ink"]
    lights = {_THEMES[colour][0]: colour if colour != "#000000" else ink for colour in sorted(used)}
    darks = {_THEMES[colour][0]: _THEMES[colour][1] for colour in sorted(used)}
    rule = (
        f"<style>:root{{{_declared(lights)};fill:var(--ink)}}"
        f"@media(prefers-color-scheme:dark){{:root{{{_declared(darks)}}}}}</style>"
    )
    head, body = text.split(">", 1)
    return f"{head}>{rule}{body}"


def _declared(colours):
    return ";".join(f"--{name}:{colour}" for name, colour in sorted(colours.items()))
