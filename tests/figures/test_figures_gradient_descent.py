"""Do the figures of the chapter on gradient descent say what their data say?"""

import numpy as np
import pytest

import drawing
from dlbook.figures import gradient_descent as figures
from dlcore.search import sweep


def drawn(draw, **values):
    sentence, figure = drawing.drawn(draw, **values)
    return sentence, figure.axes


def limits(axes):
    return drawing.limits(axes[0].figure)


@pytest.mark.parametrize(
    ("rate", "said"),
    [
        (0.02, "creeps"), (0.1, "walks straight down"), (0.25, "by 0, and it arrives in one step"),
        (0.4, "by −0.6, and it oscillates"), (0.52, "diverges"),
        (0.5, "jumps to and fro for ever; after 12 steps |θ| is what it was"),
    ],
)  # fmt: skip
def test_the_rate_against_the_curvature_decides_what_descent_does(rate, said):
    sentence, axes = drawn(figures.draw_rate, rate=rate)
    assert said in sentence
    assert limits(axes) == limits(drawn(figures.draw_rate, rate=0.3)[1])


def test_a_foolish_rate_is_said_to_diverge_and_drawn_inside_the_frame():
    sentence, axes = drawn(figures.draw_rate, rate=50.0)
    assert "diverges" in sentence
    assert max(abs(line.get_xdata()).max() for line in axes[0].lines) <= 2.2


def cloud(along, noise=8.0):
    """Four mini-batches of 1 and of 4 at these places along the true gradient, drawn in both ways."""
    points = np.column_stack([along, np.zeros(4)])
    both = ("with replacement", "without replacement")
    return {
        "examples": 100,
        "noise": noise,
        "cloud": {how: {1: points, 4: points} for how in both},
        "share": {how: {1: np.mean(points[:, 0] > 0), 4: 1.0} for how in both},
        "variance": {
            both[0]: {1: noise, 4: noise / 4},
            both[1]: {1: noise, 4: noise / 4 * 96 / 99, 100: 0.0},
        },
    }


def test_the_cloud_counts_who_points_downhill_and_measures_the_distance():
    setting = {"point": "now", "batch": 1, "drawing": "with replacement"}
    sentence, axes = drawn(figures.draw_cloud, results={"now": cloud([-1, 1, 2, 3])}, **setting)
    assert "75% of the mini-batch gradients point downhill" in sentence
    assert "their distance from the true gradient is 2.8 |g|" in sentence
    other = drawn(figures.draw_cloud, results={"now": cloud([-1, 1, 2, 3])}, **(setting | {"batch": 4}))
    assert "100%" in other[0] and "1.4 |g|" in other[0]
    assert limits(axes) == limits(other[1])


def test_mini_batches_outside_the_frame_stand_at_its_edge():
    setting = {"point": "now", "batch": 1, "drawing": "without replacement"}
    _, (left, _) = drawn(figures.draw_cloud, results={"now": cloud([-50, 1, 2, 300])}, **setting)
    shown = np.concatenate([line.get_xdata() for line in left.lines if line.get_marker() == "x"])
    assert sorted(shown) == pytest.approx([-6.79, 6.79])


def test_a_batch_of_all_examples_is_the_true_gradient():
    results = {"now": cloud([1, 1, 1, 1])}
    for table in ("cloud", "share"):
        results["now"][table]["without replacement"][100] = results["now"][table]["without replacement"][1]
    sentence, _ = drawn(
        figures.draw_cloud, results=results, point="now", batch=100, drawing="without replacement"
    )
    assert "each is the true gradient" in sentence


def test_the_race_compares_the_smallest_batch_with_the_full_pass():
    end = {1: 0.7, 10: 0.8, 100: 1.9}
    runs = sweep(
        lambda batch_size, seed: {
            "loss": [end[batch_size]] * 2,
            "steps": np.array([1, 2]) * 100 // batch_size,
        },
        batch_size=[1, 10, 100],
    )
    sentence, _ = drawn(figures.draw_progress, runs=runs, epochs=2)
    assert (
        "batches of 1 have reached a training loss of 0.70 in 200 steps, full passes 1.90 in 2 " in sentence
    )


def test_the_floor_is_reported_beside_its_prediction():
    def noisy(rate, batch):
        path = np.full((5, 3), rate)
        path[2:] *= np.nan if rate == 0.1 and batch == 4 else 1
        return {"paths": path, "floor": rate / batch / 4, "predicted": 0.5}

    runs = sweep(noisy, rate=[0.1, 0.4], batch=[1, 4], seeds=None)
    one = drawn(figures.draw_floor, runs=runs, rate=0.1, batch=1)
    other = drawn(figures.draw_floor, runs=runs, rate=0.4, batch=1)
    assert "settles at 0.025; predicted 0.5" in one[0] and "settles at 0.1;" in other[0]
    assert limits(one[1]) == limits(other[1])
    drawn(figures.draw_floor, runs=runs, rate=0.1, batch=4)


LOSSES = {
    2: {0.1: 0.5, 0.2: 0.6, 0.4: 0.9},
    8: {0.1: 0.7, 0.2: 0.55, 0.4: 0.52},
    32: {0.1: 1.5, 0.2: 0.9, 0.4: np.inf},
}


def test_the_best_rates_are_told_beside_the_rate_that_is_kept():
    best = {2: 0.1, 8: 0.4, 32: 0.2}
    sentence, (left, right) = drawn(figures.draw_best_rates, losses=LOSSES, best=best)
    assert "grows from 0.1 at batches of 2 to 0.2 at 32" in sentence
    assert "is 0.50 and 0.90, with the rate kept 1.50 at 32" in sentence
    drawn_best = next(line for line in left.lines if line.get_label() == "best")
    assert list(drawn_best.get_ydata()) == [0.1, 0.4, 0.2]
    in_proportion = next(line for line in right.lines if line.get_label() == "rate ∝ batch")
    assert list(in_proportion.get_ydata()) == [0.5, 0.52]  # 1.6 was not tried at 32


def test_a_rule_is_followed_as_far_as_rates_were_tried():
    assert figures.rule_losses(LOSSES, 0.1) == {2: 0.5, 8: 0.52}
    by_root = figures.rule_losses(LOSSES, 0.1, power=0.5)
    assert list(by_root) == [2, 8, 32] and by_root[8] == pytest.approx(0.55)
