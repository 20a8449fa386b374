"""Do the pictures of the splits chapter state what was measured?"""

import re

import numpy as np
import pytest

from dlbook.figures import splits as figures
from dlcore import splits
from dlcore.search import sweep
from drawing import drawn


def numbers(sentence):
    found = re.findall(r"−?\d[\d,]*\.?\d*", sentence.rstrip("."))
    return [float(n.replace(",", "").replace("−", "-")) for n in found]


def test_luck_is_the_binomial_standard_error():
    sentence, _ = drawn(figures.draw_luck, examples=1000, share=0.1, accuracy=0.6)
    n, p, low, high, _, _, missed = numbers(sentence)
    assert (n, p) == (100, 60)
    assert high - low == pytest.approx(4 * 100 * np.sqrt(0.6 * 0.4 / 100), abs=2)
    assert 10 < missed < 25


def test_luck_fades_with_more_examples_and_never_leaves_the_test_empty():
    missed = [
        numbers(drawn(figures.draw_luck, examples=examples, share=0.2, accuracy=0.85)[0])[-1]
        for examples in (250, 1000, 10_000)
    ]
    assert missed[0] > 10 > missed[1] > missed[2] == 0
    sentence, _ = drawn(figures.draw_luck, examples=10, share=0.01, accuracy=0.85)
    assert numbers(sentence)[0] == 1


def test_the_luck_of_twenty_examples_is_drawn_with_a_bar_for_each_score_they_can_give():
    edges = figures._bins(20, 0.6)
    scores = np.arange(1, 21) / 20
    assert ((scores > edges[:-1]) & (scores < edges[1:])).all()


@pytest.mark.parametrize("n", [1, 5, 50, 3000, 50_000])
@pytest.mark.parametrize("p", [0.6, 0.99])
def test_the_bars_of_the_luck_hold_practically_all_scores_and_are_few(n, p):
    edges = figures._bins(n, p)
    scores = np.random.default_rng(0).binomial(n, p, 10_000) / n
    assert np.mean((scores > edges[0]) & (scores < edges[-1])) > 0.998
    assert len(edges) < 40
    assert edges[-1] < 1 + 1 / n + np.diff(edges)[0]


def test_a_rare_miss_is_not_called_no_miss():
    assert figures._percent(0) == "0%"
    assert figures._percent(2e-5) == "fewer than 0.1%"
    assert figures._percent(0.004) == "0.4%"
    assert figures._percent(0.174) == "17%"


def test_the_sentence_on_luck_names_the_rivals_lead_that_was_drawn():
    ahead = {"examples": 250, "share": 0.2, "accuracy": 0.85, "repeats": 2000}
    assert "a rival 7 points better" in drawn(figures.draw_luck, **ahead)[0]
    assert "a rival 2 points better" in drawn(figures.draw_luck, rival=0.02, **ahead)[0]


@pytest.fixture
def labels():
    labels = np.zeros(40, int)
    labels[:8] = 1
    return labels


def test_stratified_folds_hold_the_rare_class_evenly(labels):
    sentence, _ = drawn(figures.draw_folds, k=8, dealt="stratified", labels=labels)
    assert numbers(sentence) == [8, 35, 40, 1, 0]
    sentence, _ = drawn(figures.draw_folds, k=4, dealt="stratified", labels=labels)
    assert numbers(sentence) == [4, 30, 40, 2, 0]


def test_plain_folds_of_a_rare_class_are_counted_as_they_were_dealt(labels):
    held = [labels[test].sum() for _, test in splits.k_fold(40, 8, np.random.default_rng(1))]
    sentence, _ = drawn(figures.draw_folds, k=8, dealt="k-fold", labels=labels)
    assert numbers(sentence) == [8, 35, 40, min(held), max(held), held.count(0)]
    sentence, _ = drawn(figures.draw_folds, k=8, dealt="k-fold", labels=1 - labels)
    assert numbers(sentence)[-1] == 0


def test_folds_of_unequal_size_are_stated_as_a_range(labels):
    sentence, _ = drawn(figures.draw_folds, k=3, dealt="stratified", labels=labels)
    assert sentence == (
        "Stratified, 3 rounds, each trained on 26 to 27 of 40 examples; a held-out fold has 2 to 3 of the "
        "rare class; folds with none: 0."
    )


def test_every_example_is_held_out_once_in_the_picture_of_the_folds(labels):
    _, figure = drawn(figures.draw_folds, k=5, dealt="k-fold", labels=labels)
    cells = [bar.get_x() for bar in figure.axes[0].patches if bar.get_width() == 1]
    assert sorted(cells) == list(np.arange(40) - 0.5)


def fold_count(off):
    def run(k, examples, model):
        return {"estimate": 0.2 + (off if k == 2 else -off / 2), "true": np.full(4, 0.2)}

    runs = sweep(run, k=[2, "all"], examples=[100], model=["linear"], seeds=None)
    return {"runs": runs, "model": "linear", "examples": 100}


def test_the_fold_count_figure_states_bias_spread_floor_and_cost():
    off = np.array([0.01, 0.03, 0.05, 0.07])
    sentence, _ = drawn(figures.draw_fold_count, k=2, **fold_count(off))
    assert "Linear, 100 examples, 2-fold: bias 4.0 points, spread 2.2 points" in sentence
    assert "fresh examples: 4.0), 2 fits" in sentence
    sentence, _ = drawn(figures.draw_fold_count, k="all", **fold_count(off))
    assert "leave-one-out (k = 100): bias −2.0 points, spread 1.1 points" in sentence
    assert "100 fits" in sentence


def selection(best):
    scores = {"narrow": np.array([0.7, 0.8]), "wide": np.array([0.9, 0.8])}
    mean = {name: float(s.mean()) for name, s in scores.items()}
    return splits.Selection(best, None, scores, mean, {"narrow": 0.05, "wide": 0.05})


def test_the_selection_names_its_winner_and_the_one_test_score():
    sentence, figure = drawn(figures.draw_selection, chosen=selection("wide"), test=(0.83, 0.03))
    assert sentence == (
        "Wide wins with 85.0% on average over 2 folds; retrained, it scores 83.0% ± 3.0% on the test set."
    )
    assert [text.get_text() for text in figure.axes[0].get_xticklabels()] == ["narrow", "wide", "test, once"]
    assert drawn(figures.draw_selection, chosen=selection("narrow"), test=(0.83, 0.03))[0].startswith(
        "Narrow wins"
    )


def leaks():
    def run(features, examples, kept, seed):
        leak = (0.7, 0.8, 0.9)[seed] + (0.05 if features == 1000 else 0)
        return {"leak": leak, "honest": (0.4, 0.5, 0.9)[seed]}

    return sweep(run, features=[100, 1000], examples=[50], kept=[20], seeds=3)


def test_the_leak_is_told_by_the_medians():
    for features, leak in ((100, 80), (1000, 85)):
        setting = {"features": features, "examples": 50, "kept": 20}
        sentence, _ = drawn(figures.draw_leak, runs=leaks(), **setting)
        assert numbers(sentence) == [50, 20, features, leak, 50]


def test_optimism_is_the_median_of_the_best_scores():
    runs = np.array([[0.5, 0.6], [0.4, 0.62], [0.6, 0.7]])
    best = sweep(lambda examples: runs, examples=[50, 200, 1000], seeds=None)
    sentence, _ = drawn(figures.draw_optimism, best=best, counts=[1, 1000])
    assert numbers(sentence) == [1000, 62, 50, 3]


def test_the_nested_figure_tells_the_medians_of_the_marked_setting():
    def run(candidates, examples, seed):
        return {
            "winner": (0.6, 0.65, 0.9)[seed] + (0.05 if candidates == 5 else 0),
            "nested": (0.4, 0.5, 0.51)[seed],
        }

    runs = sweep(run, candidates=[1, 5], examples=[60], seeds=3)
    sentence, _ = drawn(figures.draw_nested, runs=runs, candidates=5, examples=60)
    assert numbers(sentence) == [5, 60, 50, 70, 50, 3]
    assert drawn(figures.draw_nested, runs=runs, candidates=1, examples=60)[0].startswith("1 candidate, 60")


def test_an_unknown_setting_is_refused_by_its_name(labels):
    with pytest.raises(ValueError, match="k must be at most the members of the smallest class"):
        drawn(figures.draw_folds, k=9, dealt="stratified", labels=labels)
    with pytest.raises(ValueError, match="features must be one of 100, 1000, got 50"):
        drawn(figures.draw_leak, runs=leaks(), features=50, examples=50, kept=20)
