from functools import partial

import pytest

from dlbook import explore, explorer
from dlbook.explorer import prerender


def draw_line(ax, slope, style="-"):
    ax.plot([0, slope], linestyle=style)
    return f"Slope {slope}, drawn {style}."


@pytest.fixture
def building(tmp_path, monkeypatch):
    monkeypatch.setenv("EXPLORER_FRAMES", str(tmp_path / "frames"))
    monkeypatch.setenv("EXPLORER_CHAPTER", "chapters/lines")
    monkeypatch.setenv("EXPLORER_PROGRESS", str(tmp_path / "log"))
    return tmp_path / "frames"


def prerendered(figure):
    return figure._repr_mimebundle_()[explorer.MIME]


def test_every_setting_is_drawn_once_in_the_order_of_the_controls(building):
    manifest = prerendered(explore(draw_line, slope=[1, 2, 3], style=["-", ":"], default={"slope": 2}))
    assert manifest["sentences"] == [f"Slope {n}, drawn {style}." for n in (1, 2, 3) for style in "-:"]
    assert manifest["start"] == 2 and manifest["sentence"] == "Slope 2, drawn -."
    assert sorted(set(manifest["frames"])) == sorted(path.name for path in building.iterdir())
    assert len(set(manifest["frames"])) == 6


def test_a_second_drawing_writes_the_same_bytes(building):
    prerendered(explore(draw_line, slope=[1, 2]))
    first = {path.name: path.read_bytes() for path in building.iterdir()}
    for path in building.iterdir():
        path.unlink()
    prerendered(explore(draw_line, slope=[1, 2]))
    assert {path.name: path.read_bytes() for path in building.iterdir()} == first


def test_other_processes_draw_the_same_as_this_one(building, monkeypatch):
    here = prerendered(explore(draw_line, slope=range(1, 13)))
    monkeypatch.setattr(prerender, "_WORTHWHILE", 0.0)
    assert prerendered(explore(draw_line, slope=range(1, 13))) == here


def test_settings_that_look_alike_share_a_file(building):
    manifest = prerendered(explore(lambda ax, n: f"The number {n} changes nothing.", n=range(5)))
    assert len(set(manifest["frames"])) == 1 and len(set(manifest["sentences"])) == 5
    assert len(list(building.iterdir())) == 1


def test_a_drawing_that_raises_names_chapter_explorer_and_setting(building):
    def draw_deep(ax, depth, init):
        if depth == 2:
            raise ZeroDivisionError("no layers")
        return "Fine."

    message = "chapters/lines: explorer draw_deep at depth=2, init=he: ZeroDivisionError: no layers"
    with pytest.raises(explorer.DrawingError, match=message):
        prerendered(explore(draw_deep, depth=[1, 2, 3], init=["he", "xavier"]))


def test_a_setting_with_other_axes_is_named(building):
    def draw_more(figure, n):
        figure.subplots(1, n)
        return f"{n} axes."

    message = "explorer draw_more at n=3: AxesError: its figure has 3 axes, the default setting's has 2"
    with pytest.raises(explorer.DrawingError, match=message):
        prerendered(explore(draw_more, n=[2, 3, 4][:2]))


def test_a_text_that_is_wide_at_one_setting_has_room_at_all(building):
    def draw_wide(ax, n):
        ax.set(ylim=(0, 1), yticks=[0.5], yticklabels=["a very wide label" if n == 2 else "x"])
        return f"Setting {n}."

    figure = explore(draw_wide, n=[1, 2, 3])
    narrow = figure._drawn((0,), None)[0].get_layout_engine().layout.boxes[0][0]
    prerendered(figure)
    assert figure.layout.boxes[0][0] > narrow + 0.1
    assert not any(figure.svg((i,))[2] for i in range(3))


def test_a_draft_draws_the_default_setting_only(building, monkeypatch):
    monkeypatch.setenv("EXPLORER_DRAFT", "1")
    manifest = prerendered(explore(draw_line, slope=[1, 2, 3], default={"slope": 2}))
    assert manifest["sentences"] == ["Slope 2, drawn -."] and manifest["controls"] == []
    assert [path.name for path in building.iterdir()] == manifest["frames"]


def test_a_setting_without_a_sentence_is_named(building):
    with pytest.raises(
        explorer.DrawingError, match=r"at n=2: NoSentenceError: draw must return one sentence"
    ):
        prerendered(explore(lambda ax, n: "Fine." if n == 1 else None, n=[1, 2]))


def test_no_widget_is_made_while_the_book_is_built(building):
    data = explore(draw_line, slope=[1, 2])._repr_mimebundle_()
    assert set(data) == {explorer.MIME, "text/plain"}


def test_the_terminal_hears_what_was_drawn(building, tmp_path):
    prerendered(explore(draw_line, slope=[1, 2]))
    assert "chapters/lines draw_line: 2 settings, 2 pictures" in (tmp_path / "log").read_text()


def test_outside_a_build_no_frame_is_drawn(tmp_path):
    calls = []

    def draw(ax, n):
        calls.append(n)
        return "One."

    explore(draw, n=range(50))._repr_mimebundle_()
    assert calls == [0]


@pytest.mark.parametrize("processes", [False, True])
def test_panels_side_by_side_are_told_unless_a_text_of_some_setting_stands_between_them(
    building, monkeypatch, processes
):
    def draw_two(figure, n, wide):
        left, _ = figure.subplots(1, 2)
        if n == wide:
            left.annotate("a text that reaches over both of them", (0.9, 0.5), annotation_clip=False)
        return f"Setting {n}."

    if processes:
        monkeypatch.setattr(prerender, "_WORTHWHILE", 0.0)
    whole = prerendered(explore(partial(draw_two, wide=7), n=range(9)))
    assert "panels" not in whole
    parts = prerendered(explore(partial(draw_two, wide=99), n=range(9)))["panels"]
    assert len(parts) == 2 and 0.45 < parts[1][0] < 0.55


def test_a_panel_keeps_its_labels_and_its_colorbar(building):
    def draw_map(figure, *, n):
        left, right = figure.subplots(1, 2)
        left.set(xlabel="along", ylabel="across")
        right.set(xlabel="rate", ylabel="momentum", title="speed")
        figure.colorbar(right.imshow([[0, n], [n, 0]]), ax=right, label="digits")
        return f"Map {n}."

    figure = explore(draw_map, n=[1, 2])
    _, (cut, _) = prerendered(figure)["panels"]
    left, right, bar = figure.layout.boxes
    # the numbers at the ticks and the right axis' name stand on the right of the cut
    assert left[2] < cut < right[0] - 25 / (72 * 6.6) and right[2] < bar[0] < 1
