import json

import pytest

from dlbook import explorer
from dlbook.explorer import explore, show


def draw_line(ax, slope, style="solid"):
    ax.plot([0, slope], linestyle=style)
    return f"The line with slope {slope} is {style}."


def bundle(figure):
    return figure._repr_mimebundle_()


def test_nothing_is_drawn_before_the_explorer_is_displayed():
    calls = []

    def draw(ax, slope):
        calls.append(slope)
        return f"{slope}."

    figure = explore(draw, slope=[1, 2])
    assert calls == []
    bundle(figure), bundle(figure), repr(figure)
    assert calls == [1]


def test_an_error_on_display_is_told_once():
    figure = explore(lambda ax, slope: 1 / 0, slope=[1, 2])
    with pytest.raises(ZeroDivisionError):
        bundle(figure)
    assert repr(figure) == "<explorer <lambda>, which could not be drawn>"


def test_an_output_carries_the_widget_our_type_the_sentence_and_a_picture():
    data = bundle(explore(draw_line, slope=[1, 2]))
    assert set(data) == {
        explorer.MIME, "application/vnd.jupyter.widget-view+json", "text/plain", "image/png",
    }  # fmt: skip
    assert data["text/plain"] == "The line with slope 1 is solid."


def test_what_the_notebook_test_compares_is_the_same_in_every_run():
    first, second = (bundle(explore(draw_line, slope=[1, 2])) for _ in range(2))
    assert json.dumps(first[explorer.MIME]) == json.dumps(second[explorer.MIME])
    assert "frames" not in first[explorer.MIME] and "model_id" not in json.dumps(first[explorer.MIME])


def test_a_plain_figure_has_a_sentence_and_no_widget():
    data = bundle(show(draw_line, 3, style="dotted"))
    assert data["text/plain"] == "The line with slope 3 is dotted."
    assert set(data) == {explorer.MIME, "text/plain", "image/png"}


def test_a_draw_whose_first_parameter_is_not_called_ax_gets_the_figure():
    def draw(figure, n):
        return f"{len(figure.subplots(1, n))} axes."

    assert explore(draw, n=[2, 3]).sentence == "2 axes."


@pytest.mark.parametrize("returned", [None, "", "  ", 3])
def test_a_draw_without_a_sentence_is_refused(returned):
    with pytest.raises(TypeError, match="draw must return one sentence"):
        explore(lambda ax, slope: returned, slope=[1, 2])._repr_mimebundle_()


def test_a_draw_that_is_no_function_is_refused():
    with pytest.raises(TypeError, match="draw must be a function"):
        explore("draw", slope=[1, 2])
