import numpy as np
import pytest
from matplotlib.figure import Figure

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


def panels(*boxes, spans=(), width=500):
    return Layout([[x0, 0.1, x1, 0.9] for x0, x1 in boxes], [None] * 3).panels(spans, width)


def test_two_panels_are_cut_in_the_middle_of_the_gap_that_no_text_enters():
    assert panels((0.1, 0.45), (0.6, 0.98)) == [(0.0, 0.525), (0.525, 0.475)]
    (_, first), (second, _) = panels((0.1, 0.45), (0.6, 0.98), spans=[(230, 280, 0), (20, 60, 0)])
    assert first == second and 280 / 500 < first < 0.6


@pytest.mark.parametrize(
    "boxes, spans",
    [
        ([(0.1, 0.9)], ()),
        ([(0.1, 0.45), (0.6, 0.98)], [(150, 350, 0)]),  # a text over both
        ([(0.1, 0.45), (0.6, 0.98)], [(100, 400, None)]),  # a title of the figure
        ([(0.1, 0.8), (0.85, 0.88)], ()),  # a colorbar
        ([(0.1, 0.9), (0.1, 0.9)], ()),  # one above the other
    ],
)
def test_what_does_not_stand_side_by_side_stays_whole(boxes, spans):
    assert panels(*boxes, spans=spans) == []


def test_labels_stay_with_their_axes():
    labels = [(230, 262, 0), (275, 284, 1), (288, 296, 1)]  # names at the lines' ends, a y label, its ticks
    (_, left), _ = panels((0.1, 0.45), (0.6, 0.98), spans=labels)
    assert left == pytest.approx((262 + 275) / 2 / 500)


@pytest.mark.parametrize("shared, parts", [(True, [2, 4]), (False, [2, 2])])
def test_a_panel_that_shares_its_scale_takes_the_labels_along(shared, parts):
    figure = Figure(figsize=(6, 3), layout="constrained")
    left, _ = figure.subplots(1, 2, sharey=shared)
    left.set(ylabel="loss", ylim=(0, 40))
    layout = Layout.measured(figure)
    x0 = layout.boxes[0][0]
    found = layout.panels([(5, x0 * 432 - 2, 0)], 432)
    assert [len(part) for part in found] == parts
    if shared:
        begin, width = found[1][2:]
        assert begin == pytest.approx(5 / 432, abs=1e-4) and begin + width == pytest.approx(
            x0 - 4 / 432, abs=1e-4
        )


def test_a_colorbar_belongs_to_what_stands_on_its_left_and_three_are_three():
    (_, left), _ = panels((0.1, 0.4), (0.42, 0.44), (0.6, 0.95))
    assert 0.44 < left < 0.6
    parts = panels((0.05, 0.3), (0.38, 0.63), (0.7, 0.98))
    assert len(parts) == 3 and sum(width for _, width in parts) == pytest.approx(1)
