"""Do the figures of the chapter on scaling inputs say what their data say?"""

import numpy as np
import pytest
from matplotlib.figure import Figure

import drawing
from dlbook.figures import input_normalization as figures
from dlcore.search import sweep
from drawing import said as drawn


def limits(draw, **values):
    return drawing.limits(drawing.drawn(draw, **values)[1])


BOWLS = sweep(
    lambda ratio, scaler: {"hessian": np.diag(scaler), "best": [1.0, 1.0]},
    ratio=[2],
    scaler={"as given": [1.0, 4.0], "z-score": [2.0, 2.0]},
    seeds=None,
)


def bowl(**values):
    return drawn(figures.draw_bowl, bowls=BOWLS, **({"ratio": 2, "scaler": "as given", "rate": 0.4} | values))


def test_the_bowl_gives_the_condition_number_and_the_largest_stable_rate_of_its_hessian():
    sentence = bowl()
    assert (
        "condition number 4, largest stable rate 0.5; the best rate for the flat axis alone is 1." in sentence
    )


def test_the_bowls_steps_are_those_of_the_best_rate():
    # both factors are 3/5, so the excess is multiplied by 9/25 in every step: 0.36^5 < 0.01 < 0.36^4
    assert "At the rate 0.4 descent is at 1% of its first excess loss after 5 steps." in bowl()
    assert "after 1 step." in bowl(scaler="z-score", rate=0.5)


def test_a_rate_beyond_the_limit_is_said_to_diverge_and_marked_at_the_edge():
    assert "At the rate 0.6 descent diverges." in bowl(rate=0.6)
    figure = Figure()
    figures.draw_bowl(figure, ratio=2, scaler="as given", rate=50, bowls=BOWLS)
    markers = [line for line in figure.axes[1].lines if line.get_marker() == "^"]
    assert [tuple(line.get_xydata()[0]) for line in markers] == [(6, 1.55), (6, 1.55)]


def test_a_rate_too_small_is_said_not_to_arrive():
    assert "is not at 1% of its first excess loss after 1,000 steps" in bowl(rate=1e-4)


def test_the_path_leaves_the_window_at_most_once():
    path = np.array([[0.0, 0], [1, 0], [9, 0], [1, 0]])
    assert len(figures._inside(path, (-1, 4), (-1, 2))) == 3


def test_the_axes_of_the_explorers_do_not_move():
    settings = [(scaler, rate) for scaler in ("as given", "z-score") for rate in (0.1, 0.5, 2)]
    seen = {str(limits(figures.draw_bowl, ratio=2, scaler=s, rate=r, bowls=BOWLS)) for s, r in settings}
    assert len(seen) == 1
    x = np.linspace(-1, 1, 20)
    lines = sweep(lambda offset: (x + offset, x + 1), offset=[0, 4], seeds=None)
    seen = {str(limits(figures.draw_offset, offset=c, steps=t, data=lines)) for c in (0, 4) for t in (0, 20)}
    assert len(seen) == 1
    values = {"values": x, "scalers": {"min-max": lambda v: (v.min(), np.ptp(v))}, "scaler": "min-max"}
    assert len({str(limits(figures.draw_outlier, times=t, **values)) for t in (2, 100)}) == 1


SIGNS = np.array([-1.0, 1.0] * 10)
LINES = sweep(lambda offset: (SIGNS + offset, 2 * SIGNS - 1), offset=[0, 3], seeds=None)


def test_the_line_is_best_after_one_step_if_its_feature_has_mean_0_and_variance_1():
    sentence = drawn(figures.draw_offset, offset=0, steps=1, data=LINES)
    assert "condition number 1: after 1 step the line is 2.00 x − 1.00 (best 2.00 x − 1.00)" in sentence
    assert "1% takes 1 step." in sentence


def test_an_offset_makes_the_line_turn_slowly():
    sentence = drawn(figures.draw_offset, offset=3, steps=5, data=LINES)
    assert "condition number 120" in sentence
    assert "best 2.00 x − 7.00" in sentence
    assert int(sentence.split("1% takes ")[1].split()[0]) > 100


def outlier(scaler, times):
    scalers = {
        "min-max": lambda v: (v.min(), np.ptp(v)),
        "quartiles": lambda v: (np.median(v), np.subtract(*np.percentile(v, [75, 25]))),
    }
    return drawn(figures.draw_outlier, scaler=scaler, times=times, values=np.arange(101.0), scalers=scalers)


def test_the_outlier_sentence_gives_the_width_that_is_left():
    assert "it lands at 1, and the ordinary values keep 10% of their width" in outlier("min-max", 10)
    assert "keep 1% of their width" in outlier("min-max", 100)
    assert "it lands at 19, and the ordinary values keep 99% of their width" in outlier("quartiles", 10)


def test_values_that_are_all_alike_are_refused():
    scalers = {"min-max": lambda v: (v.min(), np.ptp(v))}
    with pytest.raises(ValueError, match="must differ"):
        drawn(figures.draw_outlier, scaler="min-max", times=1, values=np.ones(5), scalers=scalers)


def test_the_units_figure_compares_the_ends():
    last = {"as given": 0.6, "min-max": 0.91, "z-score": 0.92}
    accuracy = sweep(
        lambda scaler, unit, seed: 0.9 if unit == 1 else last[scaler], scaler=list(last), unit=[1, 1000]
    )
    sentence = drawn(figures.draw_units, accuracy=accuracy)
    assert "right on 90% of the test examples, with the second feature multiplied by 1,000 on 60%" in sentence
    assert "91% (min-max) and 92% (z-score) (medians over 16 seeds)" in sentence


def test_the_correlation_figure_reports_the_strongest_correlation():
    needed = {("z-score", 0.9): 20, ("z-score", 0.99): 200}
    steps = sweep(
        lambda change, rho, seed: needed.get((change, rho), 1),
        change=["z-score", "whitened"],
        rho=[0, 0.9, 0.99],
    )
    points = {"z-score": np.eye(2), "whitened": np.eye(2)}
    sentence = drawn(figures.draw_correlation, steps=steps, points=points)
    assert "correlation of 0.99 descent takes 200 steps (z-score) and 1 step (whitened)" in sentence


def test_the_rates_figure_takes_each_ways_best_median():
    accuracy = {"0 to 255": {0.01: 0.1, 0.1: 0.5, 1: 0.2}, "z-score": {0.01: 0.1, 0.1: 0.3, 1: 0.7}}
    runs = sweep(lambda scaling, lr, seed: accuracy[scaling][lr], scaling=list(accuracy), lr=[0.01, 0.1, 1])
    sentence = drawn(figures.draw_rates, runs={"SGD": runs})
    assert "SGD 50% (0 to 255), 70% (z-score); 16 seeds" in sentence
