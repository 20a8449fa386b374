"""Do the figures of dropout and augmentation say what their data say?"""

import numpy as np

from dlbook.figures import dropout as figures
from dlcore.search import sweep
from drawing import drawn, limits


def small_sets(**setting):
    """Dropout gains 10 points on 100 examples and loses 5 on 1,000; wrong labels cost 20 points."""

    def run(examples, wrong, p):
        error = 0.3 + wrong + (0 if p == 0 else -0.1 if examples == 100 else 0.05)
        return {step: np.full(3, error) for step in (50, 800)}

    runs = sweep(run, examples=[100, 1000], wrong=[0, 0.2], p=[0, 0.5], seeds=None)
    return drawn(figures.draw_small_sets, runs=runs, **setting)


def test_dropouts_gain_is_that_of_the_last_step_and_of_this_set():
    sentence, figure = small_sets(examples=100, wrong=0.2, p=0.5)
    assert "100 examples, 20% wrong labels: after 800 steps" in sentence
    assert (
        "is 50.0% without dropout and 40.0% with p = 0.5; the median gain in the same seed is 10.0 points."
        in sentence
    )
    worse, other = small_sets(examples=1000, wrong=0, p=0.5)
    assert "1,000 examples, clean labels" in worse and "seed is −5.0 points." in worse
    assert limits(figure) == limits(other)


def monte_carlo(outside, p):
    run = {"x": [0.0], "y": [0.0], "mean": [0.0, np.nan], "spread": [1.0, 1.0],
           "inside": [0.1, 0.2, 0.3], "outside": outside, "covered": [0.0, 0.5, 1.0]}  # fmt: skip
    axes = {"p": [0.1, 0.5], "points": [10], "activation": ["tanh"]}
    runs = sweep(lambda p, points, activation: run, **axes, seeds=None)
    setting = {"grid": np.array([0.0, 1.0]), "truth": np.zeros(2), "blocks": [(0, 0.5)]}
    return drawn(figures.draw_monte_carlo, p=p, points=10, activation="tanh", runs=runs, **setting)


def test_the_spread_is_compared_inside_and_outside():
    sentence, figure = monte_carlo([0.5, 0.6, 0.7], p=0.1)
    assert "0.20 inside the data and 0.60 outside, 3.0 times as much" in sentence
    assert "at 50% of the places" in sentence
    assert limits(figure) == limits(monte_carlo([0.5, 0.6, 0.7], p=0.5)[1])
    assert "diverged; nothing was measured" in monte_carlo([np.nan] * 3, p=0.1)[0]


def test_the_best_augmentation_is_named_for_each_test():
    by_change = {"none": {"plain": [0.2, 0.3, 0.4], "altered": [0.6] * 3},
                 "shift": {"plain": [0.35] * 3, "altered": [0.4] * 3}}  # fmt: skip
    errors = sweep(lambda change: by_change[change], change=list(by_change), seeds=None)
    sentence, _ = drawn(figures.draw_augmentation, errors=errors)
    assert "plain test images: none with 30% errors; on moved ones: shift with 40%" in sentence
    assert "Highest on plain ones: shift with 35%" in sentence


def test_every_picture_is_named():
    picture = np.zeros((4, 4))
    sentence, _ = drawn(figures.draw_altered, images={"the picture": picture, "flip": picture})
    assert sentence == "The same picture: the picture, flip."
