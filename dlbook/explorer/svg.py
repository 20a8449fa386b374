"""SVG: how is a figure written in one pass, small, and with what the last picture had in common with it?

matplotlib's SVG renderer does the drawing. This one keeps a tenth of a point, leaves out what no reader sees,
turns every colour of the palette into a CSS variable with a light and a dark value, and remembers what costs
most and seldom changes from one setting to the next: the outlines of texts, and whole axes with their ticks.
The page tells the picture its theme through the CSS property `color-scheme` of the `<img>`. Where a phone
shows the whole picture, its texts grow until they can be read: to the right where they begin at a line's end
or a legend's handle and there is room up to the next edge of a panel, otherwise about their middles.
"""

import functools
import io
import math
import re
from html import escape

from matplotlib import _path
from matplotlib.backends.backend_mixed import MixedModeRenderer
from matplotlib.backends.backend_svg import RendererSVG
from matplotlib.ticker import LogFormatterSciNotation

from dlbook.explorer import style
from dlbook.explorer.numbers import superscript

_RASTER_DPI = 100
_THEMES = style.themes()
_COLOUR = re.compile(r"#[0-9a-f]{6}(?=;|$)")
_NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")
_POWER = re.compile(r"\$\\mathdefault\{(-?)(?:([\d.]+)\\times)?10\^\{(-?\d+)\}\}\$")
_SPINES = {"left", "right", "bottom", "top"}  # a colorbar has others
_PHONE = 360  # CSS pixels that a picture is wide on the smallest phone, where a text must be _LEGIBLE high
_LEGIBLE = 9.1
_NARROW = 420  # CSS pixels up to which a picture's texts grow
_REMEMBERED = 4000  # texts, or axes, before a memory is emptied


def write(figure, memory=None, *, dark=True):
    """Return a figure as SVG text; the same figure always gives the same bytes.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        At 72 dpi.
    memory : Memory, optional
        Of an explorer: what its earlier pictures had in common with this one.
    dark : bool
        Whether colours follow the reader's theme.
    """
    memory = memory or Memory()
    width, height = figure.get_size_inches()
    vector = _Renderer(72 * width, 72 * height, memory)
    vector.places = {axes: i for i, axes in enumerate(figure.axes)}
    vector.edges = [edge for axes in figure.axes for edge in (axes.bbox.x0, axes.bbox.x1)]
    for axis in _plain_axes(figure):
        axis.draw = functools.partial(vector.draw_axis, axis)
    figure.draw(MixedModeRenderer(figure, width, height, _RASTER_DPI, vector))
    for axis in _plain_axes(figure):
        del axis.draw
    memory.overflowed, memory.spans = vector.overflowed, vector.spans
    return vector.document(dark)


def _plain_axes(figure):
    plain = [axes for axes in figure.axes if axes.name == "rectilinear" and set(axes.spines) == _SPINES]
    return [axis for axes in plain for axis in (axes.xaxis, axes.yaxis)]


class Memory:
    """What the pictures of an explorer have in common: outlines of texts, widths of texts, axes."""

    def __init__(self):
        self.texts, self.sizes, self.axes = {}, {}, {}
        self.overflowed, self.spans = False, set()  # of the last picture

    def __reduce__(self):
        return Memory, ()  # another process remembers for itself


class _Writer:
    """What matplotlib's renderer writes its elements to: no blanks, short numbers, each definition once."""

    def __init__(self):
        self.parts, self.tags, self.definitions, self.outside, self.colours = [], [], {}, [], set()
        self.is_open = False

    def start(self, tag, attrib=None, **extra):
        self._close_tag()
        self.tags.append(tag)
        if tag == "defs":
            self.outside.append((self.parts, len(self.tags)))
            self.parts = []
            return len(self.tags) - 1
        self.parts.append(f"<{tag}")
        for name, value in {**(attrib or {}), **extra}.items():
            if value:
                self.parts.append(f' {name}="{self._short(name, value)}"')
        self.is_open = True
        return len(self.tags) - 1

    def _short(self, name, value):
        if name == "style":
            value, used = _themed(value)
            self.colours |= used
        elif name in ("x", "y", "width", "height"):
            value = rounded(value)
        elif name == "transform":
            value = re.sub(r"(?<=translate\()[^)]*", lambda m: rounded(m[0]), value)
        return value if name == "d" else escape(value)

    def _close_tag(self):
        if self.is_open:
            self.parts.append(">")
            self.is_open = False

    def data(self, text):
        self._close_tag()
        self.parts.append(escape(text))

    def end(self, tag=None, indent=True):
        tag = self.tags.pop()
        if tag == "defs":
            self.parts, _ = self.outside.pop()
            return
        self.parts.append("/>" if self.is_open else f"</{tag}>")
        self.is_open = False
        if self.outside and len(self.tags) == self.outside[-1][1]:
            self.definitions["".join(self.parts)] = None
            self.parts = []

    def element(self, tag, text=None, attrib=None, **extra):
        self.start(tag, attrib, **extra)
        if text:
            self.data(text)
        self.end()

    def comment(self, comment):
        pass

    def close(self, id):
        while len(self.tags) > id:
            self.end()

    def flush(self):
        pass


class _Renderer(RendererSVG):
    def __init__(self, width, height, memory):
        super().__init__(width, height, io.StringIO(), image_dpi=_RASTER_DPI)
        self.writer, self.memory, self._start_id = _Writer(), memory, 0
        # whether a text left the picture, from where to where the texts of which axes reach, how much they
        # grow on a phone, and whether to the right
        self.overflowed, self.spans, self.growths = False, set(), set()
        self.places, self.drawing = {}, None  # of the axes in the figure; those whose axis is drawn
        self.edges = []  # where axes begin and end

    def _write_metadata(self, metadata):
        pass

    def open_group(self, s, gid=None):
        pass

    def close_group(self, s):
        pass

    def _convert_path(self, path, transform=None, clip=None, simplify=None, sketch=None):
        clip = (0.0, 0.0, self.width, self.height) if clip else None
        segments = [b"M", b"L", b"Q", b"C", b"z"]
        text = _path.convert_to_string(path, transform, clip, simplify, sketch, 1, segments, False).decode()
        return re.sub(r"-0(?![.\d])", "0", " ".join(text.split()))

    def get_text_width_height_descent(self, s, prop, ismath):
        key = s, hash(prop), ismath
        sizes = self.memory.sizes
        if key not in sizes:
            _make_room(sizes)
            sizes[key] = super().get_text_width_height_descent(s, prop, ismath)
        return sizes[key]

    def draw_text(self, gc, x, y, s, prop, angle, ismath=False, mtext=None):
        width, height, descent = self.get_text_width_height_descent(s, prop, ismath)
        owner = self.places.get(self.drawing or getattr(mtext, "axes", None))
        self.spans.add((*_span(x, width, height, descent, angle), owner))
        along, begin, end = (x, 0, self.width) if angle == 0 else (self.height - y, 0, self.height)
        self.overflowed |= angle in (0, 90) and not begin - 1 <= along <= along + width <= end + 1
        key = s, hash(prop), ismath, gc.get_rgb(), gc.get_alpha()
        texts = self.memory.texts
        if key not in texts:
            _make_room(texts)
            texts[key] = self._recorded(lambda: self._draw_text_as_path(gc, 0, 0, s, prop, 0, ismath, mtext))
        place = f"translate({rounded(f'{x:.2f} {y:.2f}')})" + (f" rotate({-angle:g})" if angle else "")
        clip = self._get_clip_attrs(gc)
        if clip:
            self.writer.start("g", **clip)
        growth = self._growth(prop)
        if growth:
            begins = angle == 0 and mtext is not None and mtext.get_ha() == "left"
            end = min((edge for edge in self.edges if edge > x), default=self.width)
            rightwards = begins and bool(x + width * (1 + growth / 100) <= end)
            self.growths.add((growth, rightwards))
            self.writer.start("g", {"class": f"t{growth}" + " l" * rightwards})
        self._replay(texts[key], lambda text: text.replace('transform="', f'transform="{place} ', 1))
        if growth:
            self.writer.end("g")
        if clip:
            self.writer.end("g")

    def _growth(self, prop):
        """Return by how many per cent a text has to grow on a phone, in steps of 5."""
        wanted = _LEGIBLE * self.width / (_PHONE * prop.get_size_in_points()) - 1
        return max(0, 5 * math.ceil(20 * wanted))

    def draw_axis(self, axis, renderer):
        """Draw an axis with its ticks, or take it from the last picture that had the same one."""
        key = _state(axis)
        axes = self.memory.axes
        if key not in axes:
            _make_room(axes)
            self.drawing = axis.axes  # its labels do not know whose they are
            axes[key] = self._recorded(lambda: type(axis).draw(axis, renderer))
            self.drawing = None
        self._replay(axes[key])

    def _recorded(self, draw):
        """Return what `draw` writes: the text, the definitions, the clips and the colours that it needs."""
        writer = self.writer
        writer._close_tag()
        before = writer.parts, writer.definitions, writer.colours, self._clipd, self._markers, self._glyph_map
        writer.parts, writer.definitions, writer.colours = [], {}, set()
        self._clipd, self._markers, self._glyph_map = {}, {}, {}
        noticed = self.overflowed, self.spans, self.growths
        self.overflowed, self.spans, self.growths = False, set(), set()
        draw()
        record = (
            "".join(writer.parts), writer.definitions, writer.colours, self._clipd, self.overflowed,
            self.spans, self.growths,
        )  # fmt: skip
        writer.parts, writer.definitions, writer.colours, self._clipd, self._markers, self._glyph_map = before
        self.overflowed, self.spans, self.growths = noticed
        return record

    def _replay(self, record, change=str):
        text, definitions, colours, clips, overflowed, spans, growths = record
        self.writer._close_tag()
        self.writer.parts.append(change(text))
        self.writer.definitions.update(definitions)
        self.writer.colours |= colours
        self._clipd.update(clips)
        self.overflowed |= overflowed
        self.spans |= spans
        self.growths |= growths

    def document(self, dark):
        """Return the whole file."""
        self._write_clips()
        self._write_hatches()
        width, height = rounded(f"{self.width:.2f}"), rounded(f"{self.height:.2f}")
        return (
            f'<svg width="{width}pt" height="{height}pt" viewBox="0 0 {width} {height}" '
            'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
            f"<style>{_rules(self.writer.colours, dark)}*{{stroke-linejoin:round}}"
            f"{_grown(self.growths)}</style>"
            f"<defs>{''.join(self.writer.definitions)}</defs>{''.join(self.writer.parts)}</svg>\n"
        )


def _make_room(memory):
    if len(memory) >= _REMEMBERED:
        memory.clear()


def _state(axis):
    """Return all that decides how an axis of plain axes is drawn, but for what the style sets."""
    axes, label, offset = axis.axes, axis.label, axis.offsetText
    ticks = []
    for ticker, which in ((axis.major, "major"), (axis.minor, "minor")):
        places = tuple(ticker.locator())
        ticks.append((places, tuple(ticker.formatter.format_ticks(places)), ticker.formatter.get_offset()))
        ticks.append(repr(sorted(axis.get_tick_params(which).items(), key=str)))
        made = vars(axis).get(f"{which}Ticks", ())  # an author may have changed a tick by hand
        ticks += [
            (_looks_of(t.label1), _looks_of(t.label2), *map(_line, (t.tick1line, t.tick2line, t.gridline)))
            for t in made
        ]
    texts = [_looks_of(label), _looks_of(offset), axis._autolabelpos or label.get_position()]
    spines = [
        (name, s.get_visible(), str(s.get_position()), s.get_bounds()) for name, s in axes.spines.items()
    ]
    return (
        axis.axis_name, axes.bbox.bounds, tuple(axis.get_view_interval()), axis.get_scale(), *ticks, *texts,
        axis.labelpad, axis.get_label_position(), axis.get_visible(), axis.get_zorder(), tuple(spines),
        axis.get_remove_overlapping_locs(), axes.get_axisbelow(),
    )  # fmt: skip


def _looks_of(text):
    return (
        text.get_text(), hash(text.get_fontproperties()), text.get_color(), text.get_alpha(),
        text.get_rotation(), text.get_ha(), text.get_va(), text.get_visible(), text.get_rotation_mode(),
    )  # fmt: skip


def _line(line):
    return (
        line.get_visible(), line.get_color(), line.get_alpha(), line.get_linewidth(), line.get_linestyle(),
        str(line.get_marker()), line.get_markersize(), line.get_zorder(),
    )  # fmt: skip


class _Powers(LogFormatterSciNotation):
    def __call__(self, x, pos=None):
        return _plain_power(super().__call__(x, pos))


def _plain_power(text):
    found = _POWER.fullmatch(text)
    if not found:
        return text
    sign, factor, exponent = found.groups()
    return f"{'−' * bool(sign)}{f'{factor}·' if factor else ''}10{superscript(exponent)}"


def write_powers(figure):
    """Write powers of ten at a figure's log axes as the sentences do: 10⁻³, not a formula to be parsed."""
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            for ticker in (axis.major, axis.minor):
                if type(ticker.formatter) is LogFormatterSciNotation:
                    ticker.formatter.__class__ = _Powers


def rounded(numbers):
    """Return a text with all its decimal fractions to a tenth."""
    return _NUMBER.sub(lambda m: f"{float(m[0]):.1f}".replace("-0.0", "0").removesuffix(".0"), numbers)


@functools.lru_cache(4000)
def _themed(css):
    """Return a style with the palette's colours as variables, and the set of the colours that it uses."""
    used = {colour for colour in _COLOUR.findall(css) if colour in _THEMES}
    css = _COLOUR.sub(lambda m: f"var(--{_THEMES[m[0]][0]})" if m[0] in used else m[0], css)
    return re.sub(r"(?<=[:;]) ", "", css), used


def _rules(used, dark):
    used = sorted({*used, "#000000"})
    ink = style.palette["ink"]
    lights = {_THEMES[colour][0]: colour if colour != "#000000" else ink for colour in used}
    rules = f":root{{{_declared(lights)};fill:var(--ink)}}"
    if dark:
        darks = {_THEMES[colour][0]: _THEMES[colour][1] for colour in used}
        rules += f"@media(prefers-color-scheme:dark){{:root{{{_declared(darks)}}}}}"
    return rules


def _grown(growths):
    if not growths:
        return ""
    sizes = sorted({growth for growth, _ in growths})
    scaled = "".join(f".t{n}{{transform:scale({1 + n / 100:g})}}" for n in sizes)
    rightwards = ".l{transform-origin:left}" if any(rightwards for _, rightwards in growths) else ""
    return (
        f"@media(max-width:{_NARROW}px){{{','.join(f'.t{n}' for n in sizes)}"
        f"{{transform-box:fill-box;transform-origin:center}}{rightwards}{scaled}}}"
    )


def _span(x, width, height, descent, angle):
    """Return from where to where a text reaches in a picture, in points."""
    a = math.radians(angle)
    ends = [
        x + along * math.cos(a) + down * math.sin(a)
        for along in (0, width)
        for down in (descent, descent - height)
    ]
    return round(min(ends), 1), round(max(ends), 1)


def _declared(colours):
    return ";".join(f"--{name}:{colour}" for name, colour in sorted(colours.items()))
