"""Do the pictures of the metrics chapter state what was measured?"""

import numpy as np
import pytest

from dlbook.figures import metrics as figures
from dlcore import metrics
from dlcore.search import sweep
from drawing import drawn


def mix(p, y, positives):
    return sweep(lambda positives: {"scores": p, "labels": y}, positives=[positives], seeds=None)


@pytest.mark.parametrize("threshold", [0.05, 0.5, 0.95])
def test_the_threshold_figure_agrees_with_the_metrics(threshold):
    rng = np.random.default_rng(0)
    y = (rng.random(500) < 0.2).astype(int)
    p = np.clip(0.3 * y + 0.6 * rng.random(500), 0, 1)
    values = {"runs": mix(p, y, 0.2), "positives": 0.2, "threshold": threshold}
    sentence, _ = drawn(figures.draw_threshold, **values)
    called = (p >= threshold).astype(int)
    precise = (
        f"precision {metrics.precision(y, called):.0%}"
        if called.any()
        else "nobody is predicted “yes”, precision is 0/0"
    )
    measured = [
        metrics.recall(y, called),
        metrics.f1(y, called),
        metrics.accuracy(y, called),
        np.mean(y == 0),
    ]
    assert sentence == (
        "20% positives, threshold {:g}: {}, recall {:.1%}, F1 {:.2f}, accuracy {:.1%}; "
        "always “no” has accuracy {:.1%}.".format(threshold, precise, *measured)
    )


def test_the_precision_recall_curve_passes_through_the_threshold_point():
    rng = np.random.default_rng(0)
    y = (rng.random(300) < 0.5).astype(int)
    p = 0.2 * y + 0.8 * rng.random(300)
    values = {"runs": mix(p, y, 0.5), "positives": 0.5, "threshold": 0.5}
    _, figure = drawn(figures.draw_threshold, **values)
    curve, _, point = figure.axes[1].get_lines()
    here = np.hypot(curve.get_xdata() - point.get_xdata()[0], curve.get_ydata() - point.get_ydata()[0])
    assert here.min() < 0.01


def rare():
    """Forty examples in each of two test sets: a score that sorts most of them."""
    labels = {0.5: np.repeat([0, 1], [20, 20]), 0.1: np.repeat([0, 1], [36, 4])}
    scores = {0.5: np.r_[np.linspace(0, 0.6, 20), np.linspace(0.4, 1, 20)]}
    scores[0.1] = np.r_[np.linspace(0, 0.6, 36), np.linspace(0.4, 1, 4)]
    return {"labels": labels, "scores": scores}


@pytest.mark.parametrize("positives", [0.5, 0.1])
def test_the_roc_figure_agrees_with_the_metrics(positives):
    values = rare()
    sentence, _ = drawn(figures.draw_roc, positives=positives, threshold=0.5, **values)
    y, called = values["labels"][positives], (values["scores"][positives] >= 0.5).astype(int)
    (tn, fp), _ = metrics.confusion_matrix(y, called)
    assert sentence == (
        f"{positives:.0%} positives, threshold 0.5: true positive rate {metrics.recall(y, called):.0%}, "
        f"false positive rate {fp / (fp + tn):.1%}, precision {metrics.precision(y, called):.0%}; AUC "
        f"{metrics.roc_auc(y, values['scores'][positives]):.2f}."
    )


def test_a_threshold_that_calls_nobody_yes_has_no_precision():
    sentence, _ = drawn(figures.draw_roc, positives=0.5, threshold=1.5, **rare())
    assert "true positive rate 0%" in sentence and "nobody is predicted “yes”" in sentence


def test_a_network_that_is_sure_and_right_half_of_the_time_is_badly_calibrated():
    z, labels = np.tile([0.0, 50.0], (100, 1)), np.repeat([0, 1], [50, 50])
    runs = sweep(lambda epochs: z, epochs=[1, 2], seeds=None)
    values = {"runs": runs, "labels": labels, "epochs": 1}
    sentence, _ = drawn(figures.draw_reliability, temperature=1, **values)
    assert "50.0% right, mean confidence 100.0%, calibration error (ECE) 50.0%, loss 25.00" in sentence
    cooled, _ = drawn(figures.draw_reliability, temperature=1e6, **values)
    assert "50.0% right, mean confidence 50.0%, calibration error (ECE) 0.0%, loss 0.69" in cooled


def test_the_coverage_names_the_worst_of_both_intervals():
    p, wald, wilson = np.array([0.5, 0.9]), np.array([0.94, 0.6]), np.array([0.95, 0.93])
    sentence, _ = drawn(figures.draw_coverage, p=p, wald=wald, wilson=wilson, n=50)
    assert "at worst in 60%, Wilson's in 93%" in sentence


def test_a_mix_that_was_not_computed_is_refused():
    runs = mix(np.array([0.2, 0.8]), np.array([0, 1]), 0.5)
    with pytest.raises(ValueError, match=r"positives must be one of 0\.5, got 0\.2"):
        drawn(figures.draw_threshold, runs=runs, positives=0.2, threshold=0.5)
