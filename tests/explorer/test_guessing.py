import json

import numpy as np
import pytest

from dlbook.explorer import MIME, guess
from dlbook.explorer.renderer import guess_html
from dlcore.search import sweep

FALLING = {10: 0.5, 100: 0.2, 1000: 0.1}


def asked(curve=FALLING, **options):
    return guess("How does it run?", curve, **({"xlabel": "n", "ylabel": "error"} | options))


def test_the_curve_is_a_sweeps_median_over_its_only_axis():
    runs = sweep(lambda rate, size, seed: rate * size + (seed - 1), seeds=3, rate=[1, 2, 4], size=[10, 20])
    made = asked(runs.at(size=20), xlabel=None)
    assert made.data["x"] == ["1", "2", "4"] and made.data["labels"] == ("rate", "error")
    assert made.scale.result(made.places) == pytest.approx([20, 40, 80])
    with pytest.raises(ValueError, match=r"curve must be over one axis, got rate, size: use at\(\)"):
        asked(runs)


@pytest.mark.parametrize(
    "results, told",
    [
        ([0.5, 0.2, 0.1], "falls from 0.5 at 0 to 0.2 at 1 and 0.1 at 2"),
        ([1, 2, 3, 9], "rises from 1 at 0 to 3 at 2 and 9 at 3"),
        ([9, 4, 1, 4], "falls from 9 at 0 to 1 at 2, then rises to 4 at 3"),
        ([1, 8, 2, 1], "rises from 1 at 0 to 8 at 1, then falls to 1 at 3"),
        ([5, 5.01, 5, 5], "stays near 5"),
    ],
)
def test_a_curve_is_told_by_its_ends_and_its_largest_turn(results, told):
    made = asked(dict(enumerate(results)))
    assert made.told(made.places) == told
    assert made.sentence == f"Measured: it {told}."


def test_a_miss_is_told_in_the_axis_own_unit():
    made = asked({0: 10, 1: 20, 2: 40}, unit="%", limits=(0, 50))
    assert made.missed(made.scale.place(np.array([10, 20, 30]))) == (
        "On average it is off by 3%, most at 2: by 10%."
    )
    ratios = asked({0: 1, 1: 10, 2: 100}, log=True)
    assert ratios.missed(ratios.scale.place(np.array([1, 10, 10]))) == (
        "On average it is off by a factor of 2.2, most at 2: by a factor of 10."
    )
    assert ratios.missed(ratios.places).startswith("On average it is off by a factor of 1,")


@pytest.mark.parametrize(
    "results", [[0.5, 0.2, 0.1], [9, 4, 1, 4], [1, 5, 1], [3, 3, 3], [1, 2, 3, 4, 5], [0, 9, 0]]
)
def test_three_curves_that_differ_are_offered_and_one_is_the_measured(results):
    made = asked(dict(enumerate(results)))
    assert len(made.curves) == 3 and (made.curves[made.right] == made.places).all()
    for i in range(3):
        for j in range(i):
            assert np.abs(made.curves[i] - made.curves[j]).mean() > 0.1
        assert ((made.curves[i] >= 0) & (made.curves[i] <= 1)).all()
    assert len({curve["words"] for curve in made.data["curves"]}) == 3


def test_the_measured_curve_is_not_always_at_the_same_place():
    places = {guess(f"Question {i}?", FALLING, xlabel="n", ylabel="e").right for i in range(20)}
    assert places == {0, 1, 2}


def test_a_run_that_diverged_stands_at_the_top():
    made = asked({0.1: 1.0, 1: 0.2, 10: np.inf, 100: np.nan})
    assert made.places[2:].tolist() == [1, 1] and made.places[0] < 1


def test_a_result_above_the_axis_stands_at_its_edge_and_is_called_more():
    made = asked({0.1: 1.0, 1: 0.2, 10: 60}, limits=(0, 2))
    assert made.sentence == "Measured: it falls from 1 at 0.1 to 0.2 at 1, then rises to 2 or more at 10."


@pytest.mark.parametrize("low, high", [(0.12, 0.9), (3, 17), (0.5, 0.52), (-4, 9), (1e-7, 3e-7), (20, 4000)])
@pytest.mark.parametrize("log", [False, True])
def test_ticks_are_round_and_stand_where_they_say(low, high, log):
    if log and low <= 0:
        return
    made = asked({1: low, 2: high, 3: high}, log=log)
    ticks = made.scale.ticks()
    assert 2 <= len(ticks) <= 12 and len({text for _, text in ticks}) == len(ticks)
    for place, text in ticks:
        assert 0 <= place <= 1 and text == made.scale.write(place)


@pytest.mark.parametrize(
    "curve, options, message",
    [
        ({1: np.nan, 2: np.inf, 3: np.nan}, {}, "curve must have a finite result"),
        ({1: 0, 2: 1, 3: 2}, {"log": True}, "results must be above 0 on a log axis, got 0"),
        ({1: 2, 2: 3}, {}, "one result for each of three values or more"),
        (FALLING, {"limits": (0.2, 1)}, r"limits must begin below the results, 0.1, got \(0.2, 1\)"),
        (FALLING, {"xlabel": None}, "xlabel must name the values of a dict"),
    ],
)
def test_a_curve_that_cannot_be_asked_for_is_refused(curve, options, message):
    with pytest.raises(ValueError, match=message):
        asked(curve, **options)
    with pytest.raises(ValueError, match="question must ask for a curve"):
        guess(" ", FALLING, xlabel="n", ylabel="e")


def test_a_notebook_stores_the_question_and_the_folded_answer_and_a_page_the_curve(monkeypatch):
    data = asked()._repr_mimebundle_()
    assert (
        data["text/plain"]
        == "How does it run? Measured: it falls from 0.5 at 10 to 0.2 at 100 and 0.1 at 1,000."
    )
    assert '<details class="answer"><summary>Answer</summary>' in data["text/markdown"]
    assert "measured" not in json.dumps(data[MIME]).replace("Measured", "")
    monkeypatch.setenv("EXPLORER_FRAMES", "somewhere")
    built = asked()._repr_mimebundle_()
    assert set(built) == {"text/plain", "text/markdown", MIME} and built["text/plain"] == data["text/plain"]
    page = guess_html(json.loads(json.dumps(built[MIME])), "guess-1")
    assert "<summary>Answer</summary><p>Measured: it falls" in page and '"measured":[' in page


def test_the_live_choice_says_how_far_off_it_is():
    made = asked()
    question, choice, button, said, picture = made.widget.children
    assert "How does it run?" in question.value and button.disabled and picture.layout.display == "none"
    choice.index = (made.right + 1) % 3
    button.click()
    assert said.value.startswith("On average it is off by") and made.sentence in said.value
    assert bytes(picture.value).startswith(b"<svg") and picture.layout.display == ""
    choice.index = made.right
    button.click()
    assert said.value.startswith("Right.")
