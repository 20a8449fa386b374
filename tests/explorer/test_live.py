import asyncio
import functools
import time

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


def test_of_the_moves_that_arrive_while_a_picture_is_drawn_only_the_last_is_drawn():
    drawn = []

    def draw_slowly(ax, n):
        drawn.append(n)
        time.sleep(0.1)
        return f"{n}."

    figure = explore(draw_slowly, n=range(30))
    slider = controls(figure)[0]

    async def drag():
        for n in range(1, 30):  # as moves that wait in the kernel's queue while it draws
            slider.value = n
        while read_out(figure) != "29.":
            await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(drag(), 60))
    assert drawn == [0, 29]


def test_the_live_picture_is_light_whatever_the_reader_prefers():
    assert b"prefers-color-scheme" not in picture(explore(draw_line, slope=[1, 2]))


def test_a_text_that_finds_no_room_on_the_way_gets_it():
    def draw_wide(ax, n):
        ax.set(ylim=(0, 1), yticks=[0.5], yticklabels=["a very wide label" * n])
        return f"{n}."

    figure = explore(draw_wide, n=[1, 2])
    before = figure.widget and figure.layout.boxes[0][0]
    controls(figure)[0].value = 2
    assert figure.layout.boxes[0][0] > before + 0.1 and read_out(figure) == "2."
