"""Do the figures of the chapter on batch normalization say what their data say?"""

import numpy as np
import pytest
from matplotlib.figure import Figure

from dlbook.figures import batch_normalization as figures
from dlcore.search import sweep
from drawing import said as drawn


def test_a_gradient_along_x_hat_is_removed_whole():
    sentence = drawn(figures.draw_projection, angle=0, spread=1)
    assert "54% along x̂" in sentence
    assert "dx is 0.00 times as long as dy" in sentence


def test_a_gradient_tangent_to_the_circle_keeps_its_share_beside_the_mean():
    tangent = np.sqrt(1.5**2 / (1.5**2 + 3 * 0.8**2))
    assert f"dx is {tangent:.2f} times" in drawn(figures.draw_projection, angle=90, spread=1)


def test_inputs_twice_as_spread_out_halve_the_gradient():
    narrow, wide = (drawn(figures.draw_projection, angle=90, spread=s) for s in (0.5, 2))
    length = [float(s.split("dx is ")[1].split()[0]) for s in (narrow, wide)]
    assert length[0] == pytest.approx(4 * length[1], rel=0.02)


def test_the_ring_lies_at_the_inputs_and_x_hat_on_the_circle():
    for spread in (0.5, 2):
        figure = Figure()
        figures.draw_projection(figure, angle=0, spread=spread)
        lines = {line.get_label(): line.get_xydata() for line in figure.axes[0].lines}
        points = [xy[0] for xy in lines.values() if len(xy) == 1]
        lengths = [np.linalg.norm(xy) for xy in points]
        assert np.linalg.norm(lines["x less its mean"]) == pytest.approx(spread * np.sqrt(3))
        assert lengths[-1] == pytest.approx(np.sqrt(3))


def test_effective_rates_are_compared_at_the_start_and_at_the_end():
    paths = {0.25: [16.0, 4.0, 2.0], 1: [1.0, 1.0, 1.0]}
    rates = sweep(lambda scale, seed: paths[scale], scale=list(paths))
    sentence = drawn(figures.draw_effective_rate, rates=rates, lr=0.1)
    assert "from 1/4 to 1 of He's" in sentence
    assert "a factor of 16 apart" in sentence
    assert "2 steps later the smallest weights' rate is down by a factor of 8," in sentence
    assert "the largest weights' has hardly changed." in sentence
    rates = sweep(lambda scale, seed: {**paths, 1: [4.0, 2.0, 1.0]}[scale], scale=list(paths))
    assert "the largest weights' by a factor of 4." in drawn(figures.draw_effective_rate, rates=rates, lr=0.1)


def drawn_map(accuracy, **setting):
    """A map of two scales and two rates; `accuracy` is that of every batch-normalized run."""

    def train(norm, scale, lr, seed):
        if norm == "batch":
            return {"loss": [0.5] * 3, "accuracy": accuracy}
        fine = (scale, lr) == (1.0, 0.1)
        return {"loss": [0.5 if fine else np.nan] * 3, "accuracy": 0.8 if fine else 0.1}

    runs = sweep(train, norm=["none", "batch"], scale=[1.0, 2.0], lr=[0.1, 1.0], seeds=4)
    return drawn(figures.draw_rate_map, runs=runs, steps=np.array([10, 20, 30]), **setting)


def test_the_map_counts_the_settings_that_work():
    good, bad = (drawn_map(accuracy, norm="batch", scale=2.0, lr=1.0) for accuracy in (0.8, 0.5))
    assert "median test accuracy 80% over 4 seeds." in good
    assert "Of 4 settings 4 reach 70% with batch normalization, 1 without" in good
    assert "Of 4 settings 0 reach 70%" in bad


def test_the_map_says_that_a_run_diverged():
    assert "10% over 4 seeds, 4 of them diverged" in drawn_map(0.8, norm="none", scale=2.0, lr=0.1)


def test_the_famous_comparison_reports_the_last_step():
    last = {"none": 0.5, "batch": 0.8, "noisy": 0.7, "noisier": 0.6}
    quantiles = [[-1, -1], [0, 0], [1, 1]]
    runs = sweep(lambda norm, seed: {"accuracy": [0.1, last[norm]], "quantiles": quantiles}, norm=list(last))
    sentence = drawn(figures.draw_fast_and_stable, steps=np.array([20, 40]), runs=runs)
    assert "After 40 steps" in sentence
    assert "50% of the test images without batch normalization and on 80% with it" in sentence
    assert "noise after every BN on 70%, with four times as much noise on 60%" in sentence
    assert "(medians over 16 seeds)" in sentence


def test_updates_count_the_pairs_in_which_batch_normalization_was_faster():
    counts = {"none": [100, 200, 300], "batch": [50, 100, 310]}
    updates = sweep(lambda norm, seed: counts[norm][seed], norm=list(counts), seeds=3)
    sentence = drawn(figures.draw_updates, updates=updates, target=0.6)
    assert "2 of 3 seeds need fewer updates to a validation loss of 0.6" in sentence
    assert "ratio is 0.5" in sentence


def lagging(error, **setting):
    """Averages that keep 0.9 and 0.99, and the true statistics, at two checkpoints."""

    def lag(seed):
        variance = np.broadcast_to(np.array([[5.0], [2.0], [8.0]]), (2, 3, 100))
        return {"error": [[0.9, error, 0.25]] * 2, "variance": variance}

    return drawn(figures.draw_lag, lags=sweep(lag), kept=(0.9, 0.99), checkpoints=(1, 10), **setting)


def test_the_lag_compares_the_error_and_the_variances_with_the_true_ones():
    sentence = lagging(0.6, momentum=0.99, steps=10)
    assert "after 10 steps: the test error is 60%, with the true statistics 25%" in sentence
    assert "0.25 times the true ones" in sentence
    assert "test error is 30%" in lagging(0.3, momentum=0.99, steps=10)
    assert "after 1 step:" in lagging(0.3, momentum=0.9, steps=1)


def test_the_batch_size_figure_reports_both_modes_and_the_spread_over_neighbours():
    evaluation = {"batch": 0.4, "layer": 0.3}

    def train(batch_size, norm, seed):
        return {"training": 0.5, "evaluation": evaluation[norm]}

    runs = sweep(train, batch_size=[2, 4], norm=["batch", "layer"])
    x_hat = {size: np.array([-1.0, 1.0] * 8) for size in (2, 4)}
    values = {"runs": runs, "x_hat": x_hat, "batch_size": 2}
    batch = drawn(figures.draw_batch_size, norm="batch", **values)
    assert "batches of 2: test error 50% in training mode and 40% in evaluation mode" in batch
    assert "standard deviation of 1.00" in batch
    layer = drawn(figures.draw_batch_size, norm="layer", **values)
    assert "30% in evaluation mode" in layer
    assert "standard deviation of 0.00" in layer


def test_the_neighbours_figure_gives_the_range_at_the_smallest_and_the_largest_batch():
    probabilities = {2: np.linspace(0.2, 0.6, 201), 8: np.full(201, 0.9)}
    sentence = drawn(figures.draw_neighbours, probabilities=probabilities, alone=0.92)
    assert "One image beside 1 other in training mode" in sentence
    assert "from 21% to 59%" in sentence
    assert "beside 7 from 90% to 90%; evaluation mode always says 92%" in sentence


def test_a_map_without_the_setting_asked_for_is_refused():
    with pytest.raises(ValueError, match="scale must be one of 1.0, 2.0, got 3.0"):
        drawn_map(0.8, norm="batch", scale=3.0, lr=1.0)
