"""Do the figures of the chapter on the loss landscape say what their data say?"""

import numpy as np
import pytest

import drawing
from dlbook.figures import landscape as figures
from dlcore.search import sweep


def drawn(draw, **values):
    sentence, figure = drawing.drawn(draw, **values)
    return sentence, figure.axes


def limits(axes):
    return drawing.limits(axes[0].figure)


def edges(sharpness, loss=(3.0, 1.0, 0.5, 0.6)):
    def run(momentum, rate):
        step = np.arange(len(sharpness))
        return {"step": step, "sharpness": np.array(sharpness) / rate, "loss": np.array(loss), "rises": 0.4}

    return sweep(run, momentum=[0, 0.9], rate=[0.1, 0.5], seeds=None)


def test_the_edge_compares_the_last_third_with_the_limit():
    runs = edges([0.5, 1.0, 1.5, 1.9, 2.0, 2.2])
    one = drawn(figures.draw_edge, runs=runs, rate=0.1, momentum=0)
    assert "Rate 0.1, no momentum: the limit is 20; the sharpness begins at 5 and is 21 in the last" in one[0]
    assert "the loss rises in 40% of the steps of the second half." in one[0]
    other = drawn(figures.draw_edge, runs=runs, rate=0.5, momentum=0.9)
    assert "Rate 0.5, momentum 0.9: the limit is 7.6" in other[0]
    assert limits(one[1]) == limits(other[1])


def test_a_run_that_diverged_is_said_to():
    runs = edges([8.0, np.nan, np.nan, np.nan], loss=(3.0, 1e9, np.nan, np.nan))
    sentence, axes = drawn(figures.draw_edge, runs=runs, rate=0.5, momentum=0)
    assert "the sharpness begins at 16, and the run diverges." in sentence
    assert np.nanmax([np.nanmax(line.get_ydata()) for line in axes[0].lines]) <= 9


@pytest.mark.parametrize("momentum", [0, 0.5, 0.9])
def test_a_parabola_converges_below_the_stability_limit_and_diverges_above_it(momentum):
    end = {}
    for share in (0.98, 1.02):
        theta, v, curvature = 1.0, 0.0, share * figures.stability_limit(0.1, momentum)
        for _ in range(2000):
            v = momentum * v + curvature * theta
            theta -= 0.1 * v
        end[share] = abs(theta)
    assert end[0.98] < 1e-3 and end[1.02] > 1e3


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
