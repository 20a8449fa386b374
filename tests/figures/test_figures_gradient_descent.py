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


def test_scaling_says_how_far_the_rule_holds_and_where_it_diverges():
    losses = {
        "rate in proportion": {16: 0.7, 32: 0.72, 64: 0.9, 128: np.inf},
        "rate kept": {16: 0.7, 32: 1.0, 64: 1.5, 128: 2.0},
    }
    runs = {
        name: sweep(lambda batch, seed, loss=loss: loss[batch], batch=list(loss), seeds=4)
        for name, loss in losses.items()
    }
    sentence, (ax,) = drawn(figures.draw_scaling, runs=runs, rate=0.02)
    assert "within 5% of 0.70 up to batches of 32, and is infinite at 128" in sentence
    assert "with the rate kept it is 1.00 and 2.00" in sentence
    assert max(line.get_ydata().max() for line in ax.lines) <= ax.get_ylim()[1]


def test_random_minima_are_counted():
    sentence, _ = drawn(
        figures.draw_random_minima, measured={1: 0.5, 2: 0.15, 3: 0.0012}, exact={1: 0.5}, draws=1000
    )
    assert "50% of the random matrices of dimension 1, in 15% in dimension 2, and in 12 of 10,000" in sentence


def walks(escape, end):
    path = np.tile(np.linspace((1, 0.3), (0, end), 11)[:, None], (1, 4, 1))
    return sweep(
        lambda method, noise, start: {"path": path, "escape": np.array(escape, float)},
        method=list(figures.METHODS), noise=[0, 0.1], start=[0.3], seeds=None,
    )  # fmt: skip


def test_the_saddle_says_how_many_runs_left_and_where_they_are():
    setting = {"method": "Newton", "noise": 0, "start": 0.3}
    stay, axes = drawn(figures.draw_saddle, runs=walks([np.inf] * 4, 0.0), **setting)
    assert "no noise: 0 of 4 runs leave the saddle; after 10 steps they are at the saddle" in stay
    leave, others = drawn(figures.draw_saddle, runs=walks([2, 4, 4, np.inf], -1.0), **setting)
    assert "3 of 4 runs leave the saddle, in 4 steps (median); after 10 steps they are at a minimum" in leave
    assert limits(axes) == limits(others)


def test_a_path_that_runs_off_is_drawn_inside_the_frame():
    runs = walks([1] * 4, 1e9)
    _, (left, _) = drawn(figures.draw_saddle, runs=runs, method="Newton", noise=0.1, start=0.3)
    assert max(abs(line.get_ydata()).max() for line in left.lines) <= 1.4


def test_escape_reports_the_steps_per_decade():
    steps = {1e-3: 90.0, 1e-2: 60.0, 1e-1: 30.0}
    runs = sweep(lambda noise: np.full(16, steps[noise]), noise=list(steps), seeds=None)
    sentence, _ = drawn(figures.draw_escape, runs=runs, predicted=list(steps.values()))
    assert "Every tenth of the noise costs 30 more steps" in sentence
    assert "with σ = 0.1 the saddle is left in 30 steps, with 10⁻³ in 90" in sentence


def test_sharpness_gives_the_medians_of_each_setting():
    runs = {
        "batch 5, rate 0.1": {"sharpness": [2.0, 3.0, 30.0], "error": [0.25, 0.26, 0.27]},
        "batch 50, rate 0.1": {"sharpness": [9.0, 10.0, 11.0], "error": [0.24, 0.24, 0.30]},
    }
    sentence, _ = drawn(figures.draw_sharpness, runs=runs)
    assert "batch 5, rate 0.1: 3 and 26%; batch 50, rate 0.1: 10 and 24%" in sentence
