import re

from dlbook.explorer import frames, style


def draw(ax, colour):
    ax.plot([0, 1, 3], color=colour, label="a line")
    ax.scatter([0, 1], [1, 2], color=colour)
    ax.set(title="A title", xlabel="$x^2$")
    return "A line  rises\nto 3."


def frame(colour=style.palette["adam"]):
    return frames.draw_frame(draw, (), {"colour": colour}, (6, 3), True)


def test_the_same_drawing_gives_the_same_bytes():
    assert frames.svg(frame()[0]) == frames.svg(frame()[0])


def test_a_sentence_is_one_line():
    assert frame()[1] == "A line rises to 3."


def test_a_palette_colour_becomes_a_variable_with_a_light_and_a_dark_value():
    text = frames.svg(frame()[0])
    light, dark = style._HUES["red"]
    assert "stroke:var(--red)" in text
    assert re.search(rf"^<svg[^>]*><style>:root{{[^}}]*--red:{light}", text)
    assert re.search(rf"prefers-color-scheme:dark.*--red:{dark}", text)
    assert light not in text.split("</style>", 1)[1]


def test_a_colour_outside_the_palette_stays_as_it_is():
    assert "#123456" in frames.svg(frame("#123456")[0])


def test_black_becomes_ink_so_that_it_can_be_read_on_a_dark_page():
    text = frames.svg(frame("black")[0])
    assert "#000000" not in text and "var(--ink)" in text


def test_a_frame_draws_its_own_ground_and_has_no_text_to_look_up():
    text = frames.svg(frame()[0])
    assert "var(--ground)" in text
    assert "<text" not in text and "<metadata" not in text and "<!--" not in text


def test_every_reference_of_a_frame_is_defined():
    text = frames.svg(frame()[0])
    wanted = set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', text))
    defined = set(re.findall(r'id="([^"]+)"', text))
    assert wanted and {a or b for a, b in wanted} <= defined


def test_coordinates_are_kept_to_a_tenth_of_a_point():
    paths = re.findall(r' d="([^"]+)"', frames.svg(frame()[0]))
    assert paths and not any(re.search(r"\.\d\d", path) for path in paths)


def test_drawing_leaves_matplotlib_as_it_was():
    import matplotlib

    before = dict(matplotlib.rcParams)
    frames.png(frame()[0])
    assert dict(matplotlib.rcParams) == before


def test_a_map_has_no_grid_on_it():
    def draw_map(ax):
        ax.imshow([[1, 2], [3, 4]])
        return "A map."

    figure, _ = frames.draw_frame(draw_map, (), {}, (4, 3), True)
    assert not any(line.get_visible() for line in figure.axes[0].get_xgridlines())
