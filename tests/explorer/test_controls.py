import numpy as np
import pytest

from dlbook.explorer import explore


def draw_line(ax, slope, style="solid"):
    ax.plot([0, slope], linestyle=style)
    return f"The line with slope {slope} is {style}."


def controls(figure):
    return figure.widget.children[0].children


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


def test_a_grid_too_large_for_the_page_is_refused_with_the_way_to_thin_it():
    def never(ax, depth, width):
        raise AssertionError("must not be drawn")

    with pytest.raises(
        ValueError, match=r"at most 400 .*got 800 \(80 depth × 10 width\): give depth at most 40 values"
    ):
        explore(never, depth=range(80), width=range(10))
