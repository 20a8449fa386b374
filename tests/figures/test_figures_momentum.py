"""Do the figures of the chapter on momentum say what their data say?"""

import numpy as np
import pytest

from dlbook.figures import momentum as figures
from dlcore.search import sweep
from drawing import drawn, limits


def test_the_zigzag_counts_changes_of_sign_and_what_a_mean_keeps():
    gradients = np.stack([np.ones(12), (-1.0) ** np.arange(12)], axis=1)
    path = np.linspace(1, 0.1, 13)[:, None] * [1, 0.3]
    sentence, _ = drawn(figures.draw_zigzag, path=path, gradients=gradients)
    assert sentence.startswith("In 12 steps")
    assert drawn(figures.draw_zigzag, path=path[::-1], gradients=gradients)[0].startswith(
        "The path diverges."
    )
    assert "changes its sign across the ravine 11 times" in sentence
    assert "keeps 100% of its size along the ravine and 0% across" in sentence


def averaged(average):
    def run(series, beta, correction):
        return {"values": np.ones(60), "truth": np.ones(60), "average": average}

    return sweep(run, series=["steady"], beta=[0.5, 0.9], correction=["off", "on"], seeds=None)


def test_the_average_is_compared_with_the_truth_and_its_weights_are_summed():
    late = np.r_[np.full(20, 0.25), np.full(40, 1.5)]
    setting = {"series": "steady", "runs": averaged(late)}
    off, _ = drawn(figures.draw_average, beta=0.9, correction="off", **setting)
    on, _ = drawn(figures.draw_average, beta=0.9, correction="on", **setting)
    assert f"the weights sum to {1 - 0.9**20:.2f} and the average lies 0.75 below the truth" in off
    assert "the weights sum to 1.00" in on
    assert f"over the last 50 steps {np.mean([-0.75] * 10 + [0.5] * 40):.2f} above" in on


def test_the_averages_axes_stay_where_they_are():
    setting = {"series": "steady", "runs": averaged(np.linspace(0, 2, 60))}
    frames_ = [
        drawn(figures.draw_average, beta=b, correction=c, **setting)[1]
        for b, c in ((0.5, "on"), (0.9, "off"))
    ]
    assert limits(frames_[0]) == limits(frames_[1])


def regime(theta, roots):
    roots = np.array(roots, complex)
    runs = sweep(lambda beta: {"path": theta, "roots": [roots.real, roots.imag]}, beta=[0.9], seeds=None)
    return drawn(figures.draw_regimes, beta=0.9, eta_h=0.1, runs=runs)


def test_the_regime_is_told_from_the_roots_and_the_overshoot_from_the_path():
    rings, _ = regime([1, 0, -0.25, 0], [0.6 + 0.6j, 0.6 - 0.6j])
    creeps, _ = regime([1, 0.5, 0.2, 0.1], [0.8, 0.5])
    barely, _ = regime([1, 0.5, 0.2, 0.1], [0.6 + 0.1j, 0.6 - 0.1j])
    assert "complex, it overshoots by less than 1%" in barely
    assert "overshoots by 25%; in the long run each step multiplies by 0.849" in rings
    assert "creeps without overshoot; in the long run each step multiplies by 0.800" in creeps


def test_a_diverged_regime_is_said_and_drawn_at_the_edge():
    sentence, figure = regime([1, -3, np.inf, np.nan], [-3.0, -0.3])
    assert "it diverges; in the long run each step multiplies by 3.000" in sentence
    assert abs(figure.axes[0].lines[1].get_ydata()).max() == pytest.approx(1.2)


def plane(factor, path):
    runs = sweep(
        lambda rate, momentum, condition: {"factor": factor, "path": path},
        rate=[1.0], momentum=[0.5], condition=[10], seeds=None,
    )  # fmt: skip
    maps = sweep(lambda condition: [[0.9, 1.5], [0.8, 0.99]], condition=[10], seeds=None)
    grid = np.array([[1.0, 3.0]]), np.array([[0.0], [0.5]])
    return {"runs": runs, "maps": maps, "grid": grid, "rate": 1.0, "momentum": 0.5, "condition": 10}


def test_the_map_tells_the_setting_and_the_best_of_all():
    sentence, good = drawn(figures.draw_plane, **plane(0.9, [(-1, 0.8), (0, 0)]))
    assert f"shrinks by a factor of 0.9 a step, tenfold in {np.log(10) / -np.log(0.9):.0f} steps" in sentence
    assert "(1.0 and 0.50) needs 10" in sentence
    sentence, bad = drawn(figures.draw_plane, **plane(1.5, [(-1, 0.8), (np.inf, np.nan)]))
    assert "it diverges, growing by a factor of 1.50 a step" in sentence
    assert np.isfinite(bad.axes[0].lines[0].get_xydata()).all()
    assert limits(good) == limits(bad)


def test_the_map_hides_what_diverges_and_is_brighter_where_it_is_faster():
    speed = figures._log_speed([0.1, 0.9, 1.0, 1.5])
    assert speed[0] == 2 and speed[0] > speed[1]
    assert np.isnan(speed[2:]).all()


def test_the_steps_by_condition_number_are_those_of_the_last_and_the_powers_are_fitted():
    steps = {"SGD": {10: 20, 100: 200, 1000: 2000}, "Momentum": {10: 10, 100: 32, 1000: 100}}
    runs = sweep(
        lambda method, condition: steps[method][condition],
        method=list(steps), condition=[10, 100, 1000], seeds=None,
    )  # fmt: skip
    sentence, _ = drawn(figures.draw_condition, runs=runs)
    assert "number 1,000: SGD 2,000, Momentum 100; they grow like powers 1.00, 0.50" in sentence


def test_the_noise_is_told_at_the_usual_momentum():
    ratio = {
        "same rate": {0: 2.0, 0.9: 14.0, 0.98: 100.0},
        "same effective rate": {0: 2.0, 0.9: 2.6, 0.98: 4.0},
    }

    def jitter(kind, momentum):
        return {"variance": np.full(16, ratio[kind][momentum]), "formula": ratio[kind][momentum]}

    runs = sweep(jitter, kind=list(ratio), momentum=[0, 0.9, 0.98], seeds=None)
    sentence, _ = drawn(figures.draw_noise, runs=runs)
    assert "varies 7.0 times as much as SGD's" in sentence
    assert "1.3 times (medians over 16 seeds)" in sentence


def test_the_network_reports_fresh_seeds_and_draws_a_diverged_rate_at_the_edge():
    runs = {0.1: [1.0, 1.2, 0.9], 1.0: [np.inf, np.inf, 0.5]}
    axes = {"method": ["SGD"], "batch": [10]}
    losses = sweep(lambda method, batch, rate, seed: runs[rate][seed], **axes, rate=[0.1, 1.0], seeds=3)
    fresh = sweep(lambda method, batch, seed: [0.5, 0.7, 0.6, 0.8][seed], **axes, seeds=4)
    sentence, figure = drawn(figures.draw_network, losses=losses, fresh=fresh)
    assert "over 4 fresh seeds" in sentence and "batch 10: SGD 0.65" in sentence
    assert figure.axes[0].lines[0].get_ydata().tolist() == [1.0, 4.0]


def test_the_race_counts_who_arrives_and_marks_who_does_not():
    epochs = {"SGD 0.1": np.full(4, np.inf), "NAG 0.1": np.array([50.0, 100, 100, np.inf])}
    sentence, figure = drawn(figures.draw_race, epochs=epochs, cap=100)
    assert "Number of seeds, of 4, that reach the goal within 100 epochs: SGD 0.1: 0, NAG 0.1: 3." in sentence
    assert [text.get_text() for text in figure.axes[0].texts] == ["1 not", "4 not"]


def test_the_forms_sentence_gives_the_way_after_the_drop():
    ways = {"sum": 1.0, "averaged": 1.0, "rate inside": 3.0, "dampening": 2.0}
    runs = sweep(
        lambda form, beta, drop: np.cumsum(np.full(100, ways[form] / 50) * drop),
        form=list(ways), beta=[0.5, 0.9], drop=[1, 0.1], seeds=None,
    )  # fmt: skip
    sentence, _ = drawn(figures.draw_forms, beta=0.9, drop=1, runs=runs)
    assert sentence.startswith("β = 0.9, rate × 1 after 50 steps")
    assert "sum 1.00, averaged 1.00, rate inside 3.00, dampening 2.00" in sentence
    assert "rate inside 0.30" in drawn(figures.draw_forms, beta=0.9, drop=0.1, runs=runs)[0]
    with pytest.raises(ValueError, match="beta"):
        drawn(figures.draw_forms, beta=0.7, drop=1, runs=runs)
