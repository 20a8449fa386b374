import numpy as np
import pytest

from dlbook.explorer import explore, frames
from dlbook.explorer.layout import AxesError, Layout


def draw(figure, label, number=2):
    left = figure.subplots(1, number)[0]
    left.plot([0, 1], label="a line")
    left.set_ylabel(label)
    figure.suptitle("A title")
    figure.colorbar(left.imshow([[0, 1]]), ax=left)
    return "Drawn."


def measured(label="x", **values):
    figure, _ = frames.draw_frame(draw, (), {"label": label, **values}, (6, 3), False)
    return figure.get_layout_engine().layout


def test_a_measured_layout_puts_the_axes_where_constrained_layout_does():
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3), dpi=72, layout="constrained")
    with frames.style.context():
        draw(figure, "x")
        figure.draw_without_rendering()
        figure.draw_without_rendering()
    wanted = [axes.get_position(original=True).extents for axes in figure.axes]
    np.testing.assert_allclose(measured().boxes, wanted, atol=0.01)


def test_every_setting_has_its_axes_at_the_same_place():
    figure = explore(draw, label=["x", "two\nlines"])
    for setting in figure.settings():
        figure.make_room(setting)
    places = []
    for setting in figure.settings():
        drawn, _ = figure.frame(setting)
        frames.svg(drawn)
        places.append([axes.get_position(original=True).extents for axes in drawn.axes])
    np.testing.assert_array_equal(*places)


def test_a_joined_layout_has_room_for_both():
    narrow, wide = measured("x"), measured("two\nlines")
    joined = narrow.joined(wide)
    assert joined.boxes[0][0] == wide.boxes[0][0] > narrow.boxes[0][0]
    assert wide.joined(narrow).boxes == joined.boxes


def test_figures_with_different_axes_cannot_share_a_layout():
    with pytest.raises(
        AxesError, match="its figure has 4 axes, the default setting's has 3: make the same axes"
    ):
        measured().joined(measured(number=3))
    with pytest.raises(AxesError, match="has 3 axes"):
        frames.draw_frame(draw, (), {"label": "x"}, (6, 3), False, Layout([[0, 0, 1, 1]], [None] * 3))
