import functools

from dlbook.explorer import explore


def draw_line(ax, slope, style="solid"):
    ax.plot([0, slope], linestyle=style)
    return f"The line with slope {slope} is {style}."


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


def test_a_prepared_result_is_handed_over_by_keyword():
    runs = {1: [1, 2], 2: [3, 4]}

    def draw(ax, rate, runs):
        ax.plot(runs[rate])
        return f"It ends at {runs[rate][-1]}."

    figure = explore(functools.partial(draw, runs=runs), rate=[1, 2])
    controls(figure)[0].value = 2
    assert read_out(figure) == "It ends at 4."
