import functools
import json

import numpy as np
import pytest

from dlbook import explore, explorer, show


def draw_line(ax, slope, style="solid"):
    ax.plot([0, slope], linestyle=style)
    return f"The line with slope {slope} is {style}."


def bundle(figure):
    return figure._repr_mimebundle_()


def controls(figure):
    return figure.widget.children[0].children


def read_out(figure):
    return figure.widget.children[-1].value


def picture(figure):
    return figure.widget.children[-2].value


def test_moving_a_live_control_redraws_the_picture_and_the_sentence():
    figure = explore(draw_line, slope=[1, 2, 3], style=["solid", "dotted"])
    before = picture(figure)
    controls(figure)[0].value = 3
    assert read_out(figure) == "The line with slope 3 is solid."
    assert picture(figure) != before
    before = picture(figure)
    controls(figure)[1].value = "dotted"
    assert read_out(figure) == "The line with slope 3 is dotted."
    assert picture(figure) != before


def test_a_live_setting_is_drawn_once():
    calls = []

    def draw(ax, slope):
        calls.append(slope)
        return f"{slope}."

    figure = explore(draw, slope=[1, 2])
    for slope in (2, 1, 2, 1):
        controls(figure)[0].value = slope
    assert calls == [1, 2]


def test_a_drawing_that_raises_says_so_and_leaves_the_controls_alive():
    def draw(ax, depth):
        if depth == 2:
            raise ValueError("too <deep>")
        return f"Depth {depth}."

    figure = explore(draw, depth=[1, 2, 3])
    controls(figure)[0].value = 2
    assert "ValueError: too &lt;deep&gt;" in read_out(figure)
    controls(figure)[0].value = 3
    assert read_out(figure) == "Depth 3."


def test_the_live_play_button_moves_its_control():
    figure = explore(draw_line, slope=range(5), play="slope")
    play = figure.widget.children[1]
    play.value = 3
    assert controls(figure)[0].value == 3
    controls(figure)[0].value = 1
    assert play.value == 1


def test_numbers_get_a_slider_a_few_others_radio_buttons_and_many_a_menu():
    def draw(ax, depth, bias, name):
        return "Drawn."

    figure = explore(draw, depth=np.array([1, 2]), bias=[False, True], name=["a", "b", "c", "d"])
    assert [type(c).__name__ for c in controls(figure)] == ["SelectionSlider", "RadioButtons", "Dropdown"]
    assert [c["kind"] for c in figure.manifest["controls"]] == ["range", "radio", "select"]
    assert figure.values((1, 1, 3)) == {"depth": 2, "bias": True, "name": "d"}
    assert type(figure.values((1, 1, 3))["depth"]) is int


def test_labels_formats_and_names_replace_what_the_code_says():
    figure = explore(
        lambda ax, noise, surface: f"{noise}, {surface}.",
        noise=[0.0, 0.5], surface={"a bowl": 1, "a valley": 2},
        default={"surface": "a valley"}, labels={"noise": "label noise"}, formats={"noise": "{:.0%}"},
    )  # fmt: skip
    noise, surface = figure.manifest["controls"]
    assert (noise["label"], noise["values"]) == ("label noise", ["0%", "50%"])
    assert (surface["values"], surface["start"]) == (["a bowl", "a valley"], 1)
    assert figure.sentence == "0.0, 2."


def test_the_default_is_the_first_value_unless_it_is_given():
    figure = explore(draw_line, slope=[1, 2, 3], style=["solid", "dotted"], default={"slope": 3})
    assert figure.sentence == "The line with slope 3 is solid."


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


def test_a_prepared_result_is_handed_over_by_keyword():
    runs = {1: [1, 2], 2: [3, 4]}

    def draw(ax, rate, runs):
        ax.plot(runs[rate])
        return f"It ends at {runs[rate][-1]}."

    figure = explore(functools.partial(draw, runs=runs), rate=[1, 2])
    controls(figure)[0].value = 2
    assert read_out(figure) == "It ends at 4."


def test_a_draw_whose_first_parameter_is_not_called_ax_gets_the_figure():
    def draw(figure, n):
        return f"{len(figure.subplots(1, n))} axes."

    assert explore(draw, n=[2, 3]).sentence == "2 axes."


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({}, ValueError, "at least one control"),
        ({"slope": []}, ValueError, "slope must have at least two values"),
        ({"slope": [1]}, ValueError, r"slope must have at least two values.*got \[1\]"),
        ({"slope": 3}, TypeError, "slope must be a list of values, got 3"),
        ({"slope": "abc"}, TypeError, "slope must be a list of values, got 'abc'"),
        ({"slope": [1, 2, 1]}, ValueError, "slope must have different values, got 1 twice"),
        ({"slope": [1, 2], "default": {"slope": 3}}, ValueError, "default slope must be one of 1, 2, got 3"),
        (
            {"slope": [1, 2], "default": {"depth": 3}},
            ValueError,
            r"default must name controls \(slope\), got 'depth'",
        ),
        ({"slope": [1, 2], "default": 1}, TypeError, "default must be a dict"),
        ({"slope": [1, 2], "labels": {"x": "y"}}, ValueError, "labels must name controls"),
        ({"slope": [1, 2], "play": "depth"}, ValueError, "play must name a control of numbers, got 'depth'"),
        (
            {"slope": [1, 2], "style": ["-", ":"], "play": "style"},
            ValueError,
            "play must name a control of numbers",
        ),
        ({"depth": [1, 2]}, TypeError, "draw_line.* does not take these controls"),
        ({"style": ["-", ":"]}, TypeError, "draw_line.* does not take these controls: missing .*slope"),
    ],
)
def test_wrong_controls_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        explore(draw_line, **arguments)


def test_true_is_no_default_of_a_control_of_numbers():
    with pytest.raises(ValueError, match="default slope must be one of 0, 1, got on"):
        explore(draw_line, slope=[0, 1], default={"slope": True})


@pytest.mark.parametrize("returned", [None, "", "  ", 3])
def test_a_draw_without_a_sentence_is_refused(returned):
    with pytest.raises(TypeError, match="draw must return one sentence"):
        explore(lambda ax, slope: returned, slope=[1, 2])


def test_a_grid_too_large_for_the_page_is_refused_with_the_way_to_thin_it():
    def never(ax, depth, width):
        raise AssertionError("must not be drawn")

    with pytest.raises(
        ValueError, match=r"at most 400 .*got 800 \(80 depth × 10 width\): give depth at most 40 values"
    ):
        explore(never, depth=range(80), width=range(10))


def test_a_draw_that_is_no_function_is_refused():
    with pytest.raises(TypeError, match="draw must be a function"):
        explore("draw", slope=[1, 2])
