"""The picture that stands for a page where its link is shared."""

from matplotlib import image

from dlbook.site.cards import draw_card


def test_a_card_has_the_size_that_readers_of_opengraph_expect_and_shows_something(tmp_path):
    path = tmp_path / "card.png"
    draw_card(path, "Adam: why a learning rate for every coordinate?", "A sentence.", "The Book")
    pixels = image.imread(path)
    assert pixels.shape[:2] == (630, 1200) and pixels[:, 200:, :3].min() < 0.3


def test_a_card_is_drawn_again_only_when_it_says_something_else(tmp_path):
    path = tmp_path / "card.png"
    draw_card(path, "Adam", "A sentence.", "The Book")
    drawn = path.stat().st_mtime_ns
    draw_card(path, "Adam", "A sentence.", "The Book")
    assert path.stat().st_mtime_ns == drawn
    draw_card(path, "Adam", "Another sentence.", "The Book")
    assert path.stat().st_mtime_ns != drawn


def test_a_long_title_stays_on_the_card(tmp_path):
    path = tmp_path / "card.png"
    draw_card(path, "word " * 30 + ": " + "question " * 40, "about " * 200, "The Book")
    pixels = image.imread(path)[..., :3]
    assert pixels[-25:].min() > 0.9 or pixels[-25:, 40:].min() > 0.9
    assert pixels[:, -30:].min() > 0.9
