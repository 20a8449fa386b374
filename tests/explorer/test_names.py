import pytest

from dlbook.explorer import explore
from dlbook.explorer.names import anchor, keys


def draw_many_ducks(ax, ducks):
    return f"{ducks} ducks."


@pytest.mark.parametrize("bad", ["Two rates", "two_rates", "2-rates", "", "a--b", "a-", "é", "a:b"])
def test_a_name_that_a_link_cannot_carry_is_refused(bad):
    with pytest.raises(ValueError, match=r"name must be of small letters, digits and hyphens"):
        explore(draw_many_ducks, name=bad, ducks=[1, 2])


def test_a_name_is_the_functions_unless_one_is_given():
    assert anchor(explore(draw_many_ducks, ducks=[1, 2]).manifest["name"]) == "many-ducks"
    assert anchor(explore(draw_many_ducks, name="ducks", ducks=[1, 2]).manifest["name"]) == "ducks"


def test_a_title_is_stored_and_an_empty_one_refused():
    assert explore(draw_many_ducks, title="How many?", ducks=[1, 2]).manifest["title"] == "How many?"
    assert "title" not in explore(draw_many_ducks, ducks=[1, 2]).manifest
    with pytest.raises(ValueError, match="title must be a few words"):
        explore(draw_many_ducks, title=" ", ducks=[1, 2])


def test_a_control_may_be_called_name_or_title():
    figure = explore(lambda ax, title, name: f"{title} {name}.", title=["Dr", "Ms"], name=["a", "b"])
    assert [control.name for control in figure.controls] == ["title", "name"] and figure.title is None


@pytest.mark.parametrize(
    "texts, expected",
    [
        (["10⁻³", "3.2·10⁻⁴", "10⁶"], ["1e-3", "3.2e-4", "1e6"]),
        (["−1", "0.5", "1,000,000"], ["-1", "0.5", "1000000"]),
        (["On", "off"], ["on", "off"]),
        (["leaky ReLU", "× √2"], ["leaky-relu", "x-2"]),
        (["AdamW, λ", "AdamW; λ"], ["1", "2"]),
        (["50%", "β₁"], ["50", "1"]),
        (["α", "β"], ["1", "2"]),
    ],
)
def test_values_are_written_in_letters_that_every_link_can_carry(texts, expected):
    assert keys(texts) == expected
    assert all(set(key) <= set("abcdefghijklmnopqrstuvwxyz0123456789.+-") for key in keys(texts))
