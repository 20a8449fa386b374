import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from dlbook.explorer import frames, svg
from dlbook.explorer.svg import Memory, rounded


def draw_curve(ax, limit=1, label="x", scale="linear", ticks=None, change=None):
    ax.plot([1, 2], [1e-3, limit])
    ax.set(ylim=(1e-3, limit), xlabel=label, yscale=scale, title="A title")
    if ticks:
        ax.set_xticks(list(ticks), labels=list(ticks.values()))
    if change:
        change(ax)
    return "A curve."


def figure(**values):
    return frames.draw_frame(draw_curve, (), values, (6, 3), True)[0]


def later_and_first(**values):
    """The same picture by a memory that has seen another, and by a fresh one."""
    memory = Memory()
    frames.svg(figure(), memory)
    return frames.svg(figure(**values), memory), frames.svg(figure(**values))


def turn(ax):
    for label in ax.get_xticklabels():
        label.set_rotation(90)


def hide(ax):
    ax.tick_params(labelleft=False, left=False)


CHANGES = [
    {}, {"limit": 7}, {"label": "another"}, {"scale": "log"}, {"ticks": {1: "one", 2: "two"}},
    {"change": turn}, {"change": hide},
    {"change": lambda ax: ax.grid(False)},
    {"change": lambda ax: ax.spines.left.set_visible(False)},
    {"change": lambda ax: ax.xaxis.label.set_color("red")}, {"change": lambda ax: ax.invert_yaxis()},
    {"change": lambda ax: ax.minorticks_on()}, {"change": lambda ax: ax.xaxis.set_visible(False)},
    {"change": lambda ax: ax.yaxis.tick_right()}, {"change": lambda ax: ax.set_xlabel("x", labelpad=20)},
    {"change": lambda ax: ax.yaxis.set_major_formatter("{x:.1f} m")},
    {"change": lambda ax: ax.set_axisbelow(False)},
    {"change": lambda ax: ax.xaxis.set_label_coords(0.9, 0.1)},
    {"change": lambda ax: ax.twinx().plot([1, 9])},
]  # fmt: skip


@pytest.mark.parametrize("values", CHANGES, ids=lambda v: next(iter(v), "same"))
def test_a_remembered_axis_is_drawn_as_a_fresh_one(values):
    later, first = later_and_first(**values)
    assert sorted(re.findall("<[^>]*>", later)) == sorted(re.findall("<[^>]*>", first))
    if values:
        assert first != frames.svg(figure()), "this change must be visible"


def test_an_axis_that_stays_is_drawn_once():
    memory = Memory()
    for limit in (1, 2, 3):
        frames.svg(figure(limit=limit), memory)
    assert len(memory.axes) == 4  # one below, three at the side


def test_a_picture_is_well_formed_and_small():
    text = frames.svg(figure(scale="log"))
    ElementTree.fromstring(text)
    assert len(text) < 20_000


def test_a_png_after_an_svg_still_has_its_axes():
    drawn = figure()
    before = frames.png(drawn)
    frames.svg(drawn)
    assert frames.png(drawn) == before


@pytest.mark.parametrize(
    "given, written",
    [
        (r"$\mathdefault{10^{-3}}$", "10⁻³"), (r"$\mathdefault{-10^{2}}$", "−10²"),
        (r"$\mathdefault{2\times10^{0}}$", "2·10⁰"),
        ("", ""), (r"$x^2$", r"$x^2$"),
    ],
)  # fmt: skip
def test_powers_of_ten_are_written_as_in_sentences(given, written):
    assert svg._plain_power(given) == written


def test_a_log_axis_needs_no_formula():
    drawn = figure(scale="log")
    drawn.draw_without_rendering()
    labels = [label.get_text() for label in drawn.axes[0].get_yticklabels()]
    assert "10⁻³" in labels and not any("$" in label for label in labels)


@pytest.mark.parametrize("label, leaves", [("short", False), ("long " * 40, True)])
def test_a_text_that_leaves_the_picture_is_noticed(label, leaves):
    def draw(ax, label):
        ax.annotate(label, (0.5, 0.5), annotation_clip=False)
        return "Drawn."

    place = frames.draw_frame(draw, (), {"label": "short"}, (6, 3), True)[0].get_layout_engine().layout
    memory = Memory()
    frames.svg(frames.draw_frame(draw, (), {"label": label}, (6, 3), True, place)[0], memory)
    assert memory.overflowed is leaves


def test_a_map_with_a_colorbar_can_be_drawn():
    def draw(figure):
        ax = figure.subplots()
        figure.colorbar(ax.pcolormesh(np.arange(6).reshape(2, 3), rasterized=True))
        return "A map."

    text = frames.svg(frames.draw_frame(draw, (), {}, (6, 3), False)[0])
    assert text.count("<image") == 2 or "data:image/png" in text


@pytest.mark.parametrize(
    "given, kept", [("M -0.04 1.26", "M 0 1.3"), ("3.0 -2.55", "3 -2.5"), ("-0.06", "-0.1")]
)
def test_rounding_leaves_no_negative_zero(given, kept):
    assert rounded(given) == kept


@pytest.mark.parametrize("inches", [4, 6.6, 7.6])
def test_on_a_phone_no_text_is_under_nine_pixels(inches):
    def draw(ax):
        ax.set(title="A title", xlabel="steps", xlim=(1, 9))
        ax.text(5, 0.5, "small", fontsize=8)
        return "Drawn."

    text = frames.svg(frames.draw_frame(draw, (), {}, (inches, 3), True)[0])
    growths = {
        int(n): float(scale) for n, scale in re.findall(r"\.t(\d+)\{transform:scale\(([\d.]+)\)", text)
    }
    assert all(scale == pytest.approx(1 + n / 100) for n, scale in growths.items())
    for size in (8, 10.5, 11.5):  # small, ticks, label
        wanted = 9 * 72 * inches / 360 / size
        assert wanted <= 1 or any(wanted <= scale <= wanted + 0.08 for scale in growths.values()), size
    assert ("@media(max-width:420px)" in text) == bool(growths)
    used = {int(n) for n in re.findall('class="t(\\d+)', text)}
    assert used == set(growths) and 0 not in used


def test_on_a_phone_a_text_at_a_line_s_end_grows_away_from_it_where_there_is_room():
    def draw(ax):
        ax.set(title="A title", xlim=(0, 9))
        ax.text(5, 0.5, "room")
        ax.text(8.99, 0.5, "none")
        ax.text(5, 0.8, "middle", ha="center")
        ax.text(5, 0.8, "upright", rotation=90)
        return "Drawn."

    text = frames.svg(frames.draw_frame(draw, (), {}, (7.6, 3), True)[0])
    # "room", and the title, which begins where the axes begin
    assert len(re.findall('class="t\\d+ l"', text)) == 2
    assert ".l{transform-origin:left}" in text.split("@media(max-width:420px)")[1]


def test_where_texts_reach_is_known_for_every_rotation_and_from_memory():
    def draw(ax, angle):
        ax.text(0.5, 0.5, "a long text in the middle", rotation=angle, ha="center", va="center")
        ax.set_axis_off()
        return "Drawn."

    widths = {}
    for angle in (0, 45, 90, 180):
        memory = Memory()
        for _ in range(2):  # the second time from memory
            frames.svg(frames.draw_frame(draw, (), {"angle": angle}, (6, 3), True)[0], memory)
            ((begin, end, owner),) = memory.spans
            assert owner == 0 and (begin + end) / 2 == pytest.approx(216, abs=4)
            assert widths.setdefault(angle, end - begin) == pytest.approx(end - begin)
    assert widths[0] == pytest.approx(widths[180], abs=0.2) and widths[90] < 20 < widths[45] < widths[0]
