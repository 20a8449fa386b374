"""Do the figures of the chapter on bias and variance say what their data say?"""

import numpy as np
import pytest
from matplotlib.figure import Figure

from dlbook.figures import bias_variance as figures
from dlcore.search import sweep
from drawing import said as drawn

X = np.linspace(-1, 1, 11)


def one(bias, variance, offset=0.5, miss=0.7, sets=100):
    """What `parts` measures in the chapter, for fits that all lie at the same height."""
    fits = np.ones((30, 11))
    return {
        "bias": bias, "variance": variance, "miss": np.full(sets, miss), "mean": offset + 0 * X, "fits": fits,
    }  # fmt: skip


def fitted():
    by_degree = {1: one(0.5, 0.01), 3: one(1e-6, 2.0, offset=0.25, miss=1.5)}
    results = sweep(
        lambda degree, points, noise: by_degree[degree], degree=[1, 3], points=[15], noise=[0.3], seeds=None
    )
    return {"results": results, "x": X, "truth": 0 * X, "points": 15, "noise": 0.3}


def dial(by_strength):
    results = sweep(
        lambda strength, noise: by_strength[strength], strength=list(by_strength), noise=[0.3], seeds=None
    )
    return {"results": results, "x": X, "truth": 0 * X, "noise": 0.3}


def learning(training, test):
    curves = sweep(
        lambda degree, noise: {"training": training, "test": test}, degree=[3], noise=[0.5], seeds=None
    )
    return drawn(figures.draw_learning_curves, curves=curves, sizes=[20, 40], degree=3, noise=0.5)


def remedied(network, remedy, **runs):
    """The sentence of a network and a remedy; `runs` maps remedies to (training, validation, final)."""

    def run(network, remedy, seed):
        training, validation, final = runs[remedy]
        return {"steps": [10, 20], "training": training, "validation": validation, "final": final}

    table = sweep(run, network=[1], remedy=list(runs))
    return drawn(figures.draw_remedies, runs=table, floor=0.09, network=network, remedy=remedy)


def test_the_errors_name_the_best_degree_and_say_on_which_side_of_the_floor_training_ends():
    fresh = np.tile([0.5, 0.2, 0.9], (16, 1))
    training = np.tile([0.4, 0.1, 0.03], (16, 1))
    values = {"degrees": [1, 2, 3], "fresh": fresh, "floor": 0.09}
    sentence = drawn(figures.draw_errors_by_degree, training=training, **values)
    assert "degree 2 is best, with a median error of 0.20 over 16 training sets" in sentence
    assert "0.03, below the noise floor of 0.09" in sentence
    higher = drawn(figures.draw_errors_by_degree, training=training + 0.1, **values)
    assert "0.13, not below the noise floor" in higher


def test_the_fits_report_the_single_fit_and_the_mean_of_the_marked_degree():
    sentence = drawn(figures.draw_fits, degree=1, **fitted())
    assert "a single fit misses the truth by 0.7, the mean of 100 fits by 0.5" in sentence
    assert "bias² is 0.5, variance 0.01, noise 0.09" in sentence
    assert "by 1.5, the mean of 100 fits by 0.25" in drawn(figures.draw_fits, degree=3, **fitted())


def test_a_bias_smaller_than_the_wobble_of_the_mean_is_reported_as_a_bound_and_not_drawn():
    assert "bias² is below 0.02" in drawn(figures.draw_fits, degree=3, **fitted())
    figure = Figure()
    figures.draw_fits(figure, degree=3, **fitted())
    line = next(line for line in figure.axes[1].get_lines() if line.get_label() == "bias²")
    np.testing.assert_array_equal(line.get_ydata(), [0.5, np.nan])


def test_the_decomposition_adds_its_parts_and_measures_the_disagreement():
    values = {"degrees": [1, 2], "bias": [0.4, 0.1], "variance": [0.1, 0.2], "noise": 0.1}
    values["standard_error"] = [0.01, 0.01]
    sentence = drawn(figures.draw_decomposition, measured=np.array([0.6, 0.5]), **values)
    assert "smallest at degree 2: 0.100 + 0.200 + 0.100 = 0.400" in sentence
    assert "at most 20%" in sentence
    assert "at most 0%" in drawn(figures.draw_decomposition, measured=np.array([0.6, 0.4]), **values)


def test_the_stack_of_bars_ends_at_the_sum():
    figure = Figure()
    values = {"bias": [0.2], "variance": [0.3], "noise": 0.1, "measured": np.array([0.6])}
    figures.draw_decomposition(figure.subplots(), degrees=[1], standard_error=[0.0], **values)
    tops = [bar.get_y() + bar.get_height() for bar in figure.axes[0].patches]
    assert max(tops) == pytest.approx(0.6)


def test_the_optimism_is_compared_with_its_formula_at_the_marked_degree():
    gaps = {"same": np.tile([0.02, 0.05], (4, 1)), "fresh": np.tile([0.03, 0.7], (4, 1))}
    runs = sweep(lambda points: gaps, points=[10, 20], seeds=None)
    values = {"runs": runs, "sigma": 0.5, "points": 20}
    sentence = drawn(figures.draw_optimism, degree=1, **values)
    assert "the error is 0.050 ± 0.000 above the training error, 2σ²n/m is 0.050" in sentence
    assert "at fresh inputs the median gap is 0.7" in sentence
    assert "2σ²n/m is 0.025" in drawn(figures.draw_optimism, degree=0, **values)


def test_the_learning_curves_report_the_gap_at_both_ends():
    training, test = np.tile([0.1, 0.3], (16, 1)), np.tile([0.9, 0.35], (16, 1))
    sentence = learning(training, test)
    assert "the gap between test and training error goes from 0.8 to 0.05" in sentence
    assert "ends 0.1 above the floor of 0.25" in sentence
    assert "ends 0.2 above" in learning(training, test + 0.1)


def test_a_gap_that_cannot_be_told_from_zero_is_reported_as_a_bound():
    training = np.tile([0.1, 0.3], (16, 1))
    test = training + np.array([0.8, 0.0]) + np.array([0, 0.08]) * np.tile([[-1], [1]], (8, 1))
    assert "goes from 0.8 to below 0.074" in learning(training, test)
    assert "goes from 0.9 to 0.1" in learning(training, test + 0.1)


def test_a_remedy_that_the_network_has_already_is_called_that():
    found = [0.2, 0.2], [0.5, 0.5], [0.001, 0.5]
    same = remedied(1, "Adam", none=found, Adam=found)
    assert "has that already, so nothing changes; training error below 0.01, test error 0.50" in same
    other = remedied(1, "Adam", none=found, Adam=([0.2, 0.2], [0.5, 0.5], [0.001, 0.501]))
    assert "below 0.01 → below 0.01; test error hardly moves" in other


@pytest.mark.parametrize("draw", [figures.draw_fits, figures.draw_ridge])
def test_two_panels_stand_above_each_other_so_that_a_phone_can_show_them(draw):
    figure = Figure(layout="constrained")
    if draw is figures.draw_ridge:
        draw(figure, strength=1.0, **dial({1.0: one(0.1, 0.1)}))
    else:
        draw(figure, degree=1, **fitted())
    above, below = (ax.get_position() for ax in figure.axes)
    assert above.y0 > below.y1


@pytest.mark.parametrize(("after", "effect"), [(0.3, "falls"), (0.51, "hardly moves"), (0.9, "rises")])
def test_the_figure_says_what_a_remedy_did_to_the_test_error(after, effect):
    runs = {"none": ([0.2, 0.2], [0.5, 0.5], [0.2, 0.5]), "data": ([0.2, 0.2], [0.5, 0.5], [0.1, after])}
    assert "Network 1 as found: training error 0.20, test error 0.50" in remedied(1, "none", **runs)
    sentence = remedied(1, "data", **runs)
    assert f"training error 0.20 → 0.10; test error {effect}, 0.50 → {after:.2f}" in sentence


def test_a_run_that_stopped_early_is_drawn_as_far_as_it_went():
    stopped = [0.2, np.nan]
    assert "0.30" in remedied(1, "none", none=(stopped, stopped, [0.3, 0.3]))


def test_the_ridge_figure_compares_a_strength_with_the_best_one():
    values = dial({0.001: one(0.3, 0.3), 1.0: one(0.1, 0.1)})
    weak = drawn(figures.draw_ridge, strength=0.001, **values)
    assert "λ = 10⁻³, noise 0.3: bias² 0.3 + variance 0.3 make 0.6, 3.0 times the best, at λ = 1" in weak
    assert "make 0.2, the best here" in drawn(figures.draw_ridge, strength=1.0, **values)


def test_the_double_descent_names_its_error_and_the_lowest_one():
    def count(bias, variance, test, training):
        return one(bias, variance, miss=(test - 0.09) ** 0.5, sets=32) | {"training": np.full(32, training)}

    by_count = {
        10: count(0.5, 0.1, 0.5, 0.3), 100: count(0.1, 20.0, 30.0, 1e-20), 1000: count(0.1, 0.1, 0.25, 1e-25)
    }  # fmt: skip
    results = sweep(
        lambda features, ridge: by_count[features], features=list(by_count), ridge=[0], seeds=None
    )
    values = {"results": results, "floor": 0.09, "threshold": 100, "ridge": 0}
    peak = drawn(figures.draw_double_descent, features=100, **values)
    assert "median test error 30, 120.0 times the lowest, at 1,000; bias² below 0.62, variance 20" in peak
    end = drawn(figures.draw_double_descent, features=1000, **values)
    assert "median test error 0.25, the lowest; bias² 0.1" in end


def test_the_image_descent_reports_valley_peak_and_end():
    test, ridged = np.tile([0.4, 0.8, 0.3], (16, 1)), np.tile([0.4, 0.35, 0.3], (16, 1))
    values = {"features": [50, 200, 800], "threshold": 200, "ridged": ridged}
    sentence = drawn(figures.draw_image_descent, test=test, **values)
    assert "falls to 40%, rises to 80% at 200 features (200 examples) and falls to 30% at 800" in sentence
    assert "with ridge it is 35%" in sentence
    assert "falls to 20% at 800" in drawn(figures.draw_image_descent, test=test - [0, 0, 0.1], **values)


def test_the_figure_of_grokking_says_when_each_half_is_known():
    late = {"training": [[0.1, 1, 1], [0.1, 1, np.nan]], "validation": [[0, 0.5, 0.995], [0, 1, np.nan]]}
    reached = {1.0: ("100", "1,000 and 100"), 0.0: ("100", "more than 100")}
    never = {"training": [[0.1, 1, np.nan]] * 2, "validation": [[0, 0.01, np.nan]] * 2}
    curves = {
        decay: {part: np.array(values) for part, values in run.items()}
        for decay, run in ((1.0, late), (0.0, never))
    }
    figure = Figure()
    sentence = figures.draw_grokking(figure, steps=(10, 100, 1000), curves=curves, reached=reached)
    assert sentence == (
        "Accuracy by steps: with weight decay 1 training reaches 99% after 100 and validation after 1,000 and"
        " 100; without weight decay training reaches 99% after 100 and validation after more than 100 steps"
        " (2 seeds)."
    )
    left, right = figure.axes
    assert [len(ax.lines) for ax in (left, right)] == [4, 4]
    np.testing.assert_array_equal(left.lines[0].get_ydata(), [10, 100, 100])


def test_a_setting_that_was_not_computed_is_refused_and_not_drawn():
    with pytest.raises(ValueError, match="points must be one of 15, got 16"):
        drawn(figures.draw_fits, degree=1, **fitted() | {"points": 16})
    with pytest.raises(ValueError, match="degree must be one of 1, 3, got 5"):
        drawn(figures.draw_fits, degree=5, **fitted())
