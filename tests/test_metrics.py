"""Metrics: do the counts and shares equal their definitions, and scikit-learn's?"""

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlcore.metrics import (
    accuracy,
    confusion_matrix,
    expected_calibration_error,
    f1,
    precision,
    recall,
    reliability,
    roc_auc,
    roc_curve,
    wilson_interval,
)

SHARES = [(precision, "precision_score"), (recall, "recall_score"), (f1, "f1_score")]
AVERAGES = ["macro", "micro", "weighted", None]


def cases():
    rng = np.random.default_rng(0)
    yield "ten classes", rng.integers(0, 10, 200), rng.integers(0, 10, 200)
    yield "a class never predicted", [0, 1, 2, 2, 1], [0, 0, 1, 1, 0]
    yield "a class never true", [0, 0, 1], [0, 2, 1]
    yield "one class only", [3, 3], [3, 3]
    yield "nothing right", [0, 1, 2], [1, 2, 0]
    yield "negative labels", [-1, 1, -1, 1], [-1, -1, 1, 1]
    yield "strings", ["cat", "dog", "dog"], ["dog", "dog", "cat"]
    yield "booleans", [True, False, True], [True, True, False]
    yield "whole floats", [0.0, 1.0, 2.0], [0.0, 2.0, 2.0]
    many = rng.integers(0, 250, (2, 500)).astype(np.uint8)
    yield "8-bit labels", many[0], many[1]
    yield "8-bit labels of both signs", np.array([-100, 50, 50], np.int8), np.array([-100, 50, -100], np.int8)
    yield "64-bit hashes", [2**62, -(2**62), 7], [2**62, -(2**62), -(2**62)]
    yield "strings as objects", np.array(["cat", "dog"], object), np.array(["cat", "cat"], object)
    yield "numbers as objects", np.array([3, 4, 3], object), np.array([3, 4, 4], object)


CASES = list(cases())


def test_the_counts_of_a_small_example_are_those_counted_by_hand():
    y_true = [1, 1, 1, 1, 0, 0, 0, 0, 0, 0]
    y_pred = [1, 1, 1, 0, 1, 0, 0, 0, 0, 0]
    np.testing.assert_array_equal(confusion_matrix(y_true, y_pred), [[5, 1], [1, 3]])
    assert accuracy(y_true, y_pred) == 0.8
    assert precision(y_true, y_pred) == 3 / 4
    assert recall(y_true, y_pred) == 3 / 4
    assert f1(y_true, y_pred) == 0.75


def test_rows_are_the_truth_and_columns_the_prediction():
    C = confusion_matrix([0, 0, 0], [1, 1, 1])
    np.testing.assert_array_equal(C, [[0, 3], [0, 0]])


def test_the_diagonal_of_the_confusion_matrix_is_the_accuracy():
    for _, y_true, y_pred in CASES:
        C = confusion_matrix(y_true, y_pred)
        assert np.isclose(np.trace(C) / C.sum(), accuracy(y_true, y_pred), rtol=1e-15)


def test_swapping_truth_and_prediction_swaps_precision_and_recall():
    for _, y_true, y_pred in CASES:
        np.testing.assert_array_equal(
            precision(y_true, y_pred, average=None), recall(y_pred, y_true, average=None)
        )


def test_micro_averages_over_all_classes_are_the_accuracy():
    for _, y_true, y_pred in CASES:
        for share, _ in SHARES:
            assert np.isclose(share(y_true, y_pred, average="micro"), accuracy(y_true, y_pred))


def test_a_class_never_predicted_has_precision_zero_without_a_warning():
    assert precision([0, 1], [0, 0], average=None).tolist() == [0.5, 0.0]
    assert f1([1, 1], [0, 0]) == 0.0


@pytest.mark.filterwarnings("ignore:A single label was found:UserWarning")
@pytest.mark.parametrize(("name", "y_true", "y_pred"), CASES, ids=[c[0] for c in CASES])
def test_counts_and_accuracy_equal_scikit_learns(name, y_true, y_pred):
    sk = pytest.importorskip("sklearn.metrics")
    assert accuracy(y_true, y_pred) == sk.accuracy_score(list(y_true), list(y_pred))
    np.testing.assert_array_equal(
        confusion_matrix(y_true, y_pred), sk.confusion_matrix(list(y_true), list(y_pred))
    )


@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize(("name", "y_true", "y_pred"), CASES, ids=[c[0] for c in CASES])
def test_shares_equal_scikit_learns(name, y_true, y_pred, average):
    sk = pytest.importorskip("sklearn.metrics")
    for ours, theirs in SHARES:
        expected = getattr(sk, theirs)(list(y_true), list(y_pred), average=average, zero_division=0)
        np.testing.assert_allclose(ours(y_true, y_pred, average=average), expected, rtol=1e-14)


@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize("labels", [[0, 1, 2, 3], [2, 0], [7]])
def test_chosen_labels_are_averaged_as_in_scikit_learn(labels, average):
    sk = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(1)
    y_true, y_pred = rng.integers(0, 4, 50), rng.integers(0, 4, 50)
    for ours, theirs in SHARES:
        expected = getattr(sk, theirs)(y_true, y_pred, average=average, labels=labels, zero_division=0)
        np.testing.assert_allclose(ours(y_true, y_pred, average=average, labels=labels), expected, rtol=1e-14)
    if labels != [7]:
        expected = sk.confusion_matrix(y_true, y_pred, labels=labels)
        np.testing.assert_array_equal(confusion_matrix(y_true, y_pred, labels), expected)


@pytest.mark.parametrize(
    ("y_true", "y_pred", "positive"),
    [
        ([0, 1, 1], [0, 1, 0], 1),
        ([0, 1, 1], [0, 1, 0], 0),
        ([-1, 1, 1], [-1, 1, -1], -1),
        ([0, 0], [0, 0], 1),
    ],
)
def test_the_binary_average_equals_scikit_learns(y_true, y_pred, positive):
    sk = pytest.importorskip("sklearn.metrics")
    for ours, theirs in SHARES:
        expected = getattr(sk, theirs)(y_true, y_pred, pos_label=positive, zero_division=0)
        assert np.isclose(ours(y_true, y_pred, positive=positive), expected)


def test_averages_are_python_floats():
    for share, _ in SHARES:
        for average in ["binary", "macro", "micro", "weighted"]:
            assert type(share([0, 1], [0, 1], average=average)) is float


@pytest.mark.parametrize("metric", [accuracy, confusion_matrix, precision, recall, f1])
@pytest.mark.parametrize(
    ("y_true", "y_pred", "error", "message"),
    [
        ([0, 1], [0], ValueError, r"y_pred must have one label per example of y_true \(2\), got 1"),
        ([0], [0, 1], ValueError, "y_pred must have one label per example"),
        ([], [], ValueError, "y_true must be a non-empty"),
        ([0, 1], [[0, 1], [1, 0]], ValueError, "y_pred must be a non-empty one-dimensional"),
        ([0, 1], [0.2, 0.9], TypeError, "y_pred must be whole numbers"),
        ([0, np.nan], [0, 1], TypeError, "y_true must be whole numbers"),
        ([0, 1], ["0", "1"], TypeError, "y_pred must be of the kind of y_true"),
        ([0, 1], ["0", 1], TypeError, "y_pred must be all strings or all whole numbers"),
        (np.array(["cat", np.nan], object), ["cat", "dog"], TypeError, "y_true must be all strings or all"),
        (np.array([1, None], object), [1, 2], TypeError, "y_true must be whole numbers"),
        ([0, 1e300], [0, 1], TypeError, "y_true must be whole numbers"),
        ([0, 2**64 - 1], [0, 1], TypeError, "y_true must be whole numbers"),
    ],
)
def test_labels_that_do_not_belong_together_are_refused(metric, y_true, y_pred, error, message):
    with pytest.raises(error, match=message):
        metric(y_true, y_pred)


@pytest.mark.parametrize("share", [precision, recall, f1])
def test_wrong_averages_are_refused(share):
    with pytest.raises(ValueError, match="average must be binary, macro, .* or None, got 'mean'"):
        share([0, 1], [0, 1], average="mean")
    with pytest.raises(ValueError, match="average must be macro, micro, weighted or None for 3 classes"):
        share([0, 1, 2], [0, 1, 2])
    with pytest.raises(ValueError, match=r"positive must be one of the labels \[0, 2\], got 1"):
        share([0, 2], [0, 2])


def test_wrong_lists_of_labels_are_refused():
    with pytest.raises(ValueError, match="labels must be different from each other"):
        confusion_matrix([0, 1], [0, 1], labels=[0, 0, 1])
    with pytest.raises(TypeError, match="labels must be of the kind of y_true"):
        confusion_matrix([0, 1], [0, 1], labels=["0", "1"])


def test_a_confusion_matrix_of_labels_that_do_not_occur_is_refused_as_in_scikit_learn():
    for labels in ([5, 6], [2]):
        with pytest.raises(ValueError, match=r"labels must name at least one label of y_true, got \["):
            confusion_matrix([0, 1], [0, 2], labels=labels)
    np.testing.assert_array_equal(confusion_matrix([0, 1], [0, 2], labels=[2, 1]), [[0, 0], [1, 0]])
    np.testing.assert_array_equal(
        confusion_matrix([0, 1, 1], [0, 2, 1], labels=[9, 1, 0]), np.diag([0, 1, 1])
    )


@pytest.mark.parametrize("share", [precision, recall, f1])
def test_many_classes_take_linear_memory(share):
    y = np.arange(40_000)
    tracemalloc.start()
    assert share(y, y, average="macro") == 1
    assert confusion_matrix(y, y, labels=[3, 5]).tolist() == [[1, 0], [0, 1]]
    assert tracemalloc.get_traced_memory()[1] < 20e6
    tracemalloc.stop()


# Scores and probabilities


def scored():
    rng = np.random.default_rng(0)
    for m, ties in [(5, False), (200, False), (200, True), (40, True)]:
        y = rng.integers(0, 2, m)
        y[:2] = 0, 1
        scores = rng.standard_normal(m) + y
        yield y, scores.round(0 if ties else 9)


@pytest.mark.parametrize("y, scores", scored())
def test_roc_curves_and_areas_equal_scikit_learns(y, scores):
    sk = pytest.importorskip("sklearn.metrics")
    for ours, theirs in zip(roc_curve(y, scores), sk.roc_curve(y, scores)):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    assert roc_auc(y, scores) == pytest.approx(sk.roc_auc_score(y, scores), rel=1e-12)


@pytest.mark.parametrize("y, scores", scored())
def test_the_area_is_the_share_of_pairs_in_the_right_order(y, scores):
    pairs = scores[y == 1][:, None] - scores[y == 0]
    expected = (np.sum(pairs > 0) + np.sum(pairs == 0) / 2) / pairs.size
    assert roc_auc(y, scores) == pytest.approx(expected, rel=1e-12)
    assert roc_auc(y, -scores) == pytest.approx(1 - expected, rel=1e-12)
    assert roc_auc(y, np.exp(scores)) == pytest.approx(expected, rel=1e-12)  # the order alone counts
    false, true, _ = roc_curve(y, scores)
    area = np.sum(np.diff(false) * (true[1:] + true[:-1])) / 2
    assert area == pytest.approx(expected, rel=1e-12)
    assert (false[0], true[0], false[-1], true[-1]) == (0, 0, 1, 1)


def test_either_class_can_be_the_one_to_be_found():
    y, scores = ["cat", "dog", "dog", "cat"], [0.9, 0.2, 0.4, 0.3]
    assert roc_auc(y, scores, positive="cat") == 0.75
    assert roc_auc(y, scores, positive="dog") == 0.25
    assert roc_auc([False, True], [0, 1]) == 1


@pytest.mark.parametrize("function", [roc_curve, roc_auc])
@pytest.mark.parametrize(
    ("y", "scores", "message"),
    [
        ([0, 0], [0.1, 0.2], r"y_true must have two classes, one of them positive=1, got \[0\]"),
        ([0, 2], [0.1, 0.2], r"one of them positive=1, got \[0, 2\]"),
        ([0, 1, 2], [0.1, 0.2, 0.3], "y_true must have two classes"),
        ([0, 1], [0.1], r"scores must have one entry per example \(2\), got 1"),
        ([0, 1], [0.1, np.nan], "scores must be finite"),
        ([0, 1], [[0.1], [0.2]], "scores must have 1 axes"),
        ([], [], "y_true must be a non-empty"),
    ],
)
def test_scores_without_two_classes_are_refused(function, y, scores, message):
    with pytest.raises(ValueError, match=message):
        function(y, scores)


def calibration(m=500, seed=0):
    rng = np.random.default_rng(seed)
    p = np.concatenate([rng.random(m - 6), [0, 0.1, 0.2, 0.5, 0.9, 1]])
    return (rng.random(m) < p**2).astype(int), p


@pytest.mark.parametrize("bins", [1, 3, 10, 15])
def test_reliability_equals_scikit_learns_calibration_curve(bins):
    calibration_curve = pytest.importorskip("sklearn.calibration").calibration_curve
    y, p = calibration()
    mean, share, count = reliability(y, p, bins)
    expected_share, expected_mean = calibration_curve(y, p, n_bins=bins)
    np.testing.assert_allclose(mean, expected_mean, rtol=1e-12)
    np.testing.assert_allclose(share, expected_share, rtol=1e-12)
    assert count.sum() == len(y) and count.dtype.kind == "i"


def test_the_expected_calibration_error_is_guos_sum():
    y, p = calibration()
    total = 0.0
    for b in range(10):
        inside = (p > b / 10) & (p <= (b + 1) / 10) | ((b == 0) & (p == 0))
        if inside.any():
            total += inside.sum() / len(p) * abs(y[inside].mean() - p[inside].mean())
    assert expected_calibration_error(y, p) == pytest.approx(total, rel=1e-12)
    assert expected_calibration_error(y, p, bins=1) == pytest.approx(abs(y.mean() - p.mean()), rel=1e-12)


def test_what_is_sure_and_right_is_calibrated_and_sure_and_wrong_is_not():
    assert expected_calibration_error([0, 1, 1], [0.0, 1.0, 1.0]) == 0
    assert expected_calibration_error([1, 0, 0], [0.0, 1.0, 1.0]) == 1
    assert expected_calibration_error(np.array([True, False]), np.array([0.5, 0.5], np.float16)) == 0


@pytest.mark.parametrize("function", [reliability, expected_calibration_error])
@pytest.mark.parametrize(
    ("y", "p", "bins", "message"),
    [
        ([0, 2], [0.1, 0.2], 10, "y_true must be between 0 and 1, got 2"),
        ([0, 1], [0.1, 1.2], 10, "probability must be between 0 and 1, got 0.1 to 1.2"),
        ([0, 1], [-0.1, 0.2], 10, "probability must be between 0 and 1, got -0.1 to 0.2"),
        ([0, 1], [0.1], 10, r"probability must have one entry per example \(2\), got 1"),
        ([0, 1], [0.1, 0.2], 0, "bins must be at least 1, got 0"),
        ([], [], 10, "y_true must be a non-empty"),
    ],
)
def test_what_is_no_probability_is_refused(function, y, p, bins, message):
    with pytest.raises(ValueError, match=message):
        function(y, p, bins)


@settings(deadline=None)
@given(st.integers(1, 10_000), st.data(), st.floats(0.01, 0.999))
def test_wilsons_ends_are_z_of_their_own_standard_deviations_away(n, data, confidence):
    """Both ends solve |p_hat - p| = z sqrt(p (1 - p) / n), the equation that the interval is made of."""
    k = data.draw(st.integers(0, n))
    low, high = wilson_interval(k, n, confidence)
    assert 0 <= low <= k / n <= high <= 1
    covered = [math.erf(abs(k / n - p) / math.sqrt(2 * p * (1 - p) / n)) for p in (low, high) if 0 < p < 1]
    np.testing.assert_allclose(covered, confidence, rtol=1e-8)
    assert (low == 0) == (k == 0) and (high == 1) == (k == n)
    np.testing.assert_allclose(
        wilson_interval(n - k, n, confidence), (1 - high, 1 - low), rtol=1e-9, atol=1e-12
    )


def test_wilsons_interval_of_a_textbook():
    """Newcombe (1998), table I, method 3: 81 of 263 and 15 of 148, 0 of 20 and 1 of 29."""
    for (k, n), expected in {
        (81, 263): (0.2553, 0.3662),
        (15, 148): (0.0624, 0.1605),
        (0, 20): (0.0, 0.1611),
        (1, 29): (0.0061, 0.1718),
    }.items():
        np.testing.assert_allclose(wilson_interval(k, n), expected, atol=5e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((3, 2), "successes must be between 0 and n=2, got 3"),
        ((-1, 2), "successes must be between 0 and n=2, got -1"),
        ((0, 0), "n must be at least 1, got 0"),
        ((1, 2, 1), "confidence must be above 0 and below 1, got 1"),
        ((1, 2, 0), "confidence must be above 0 and below 1, got 0"),
    ],
)
def test_impossible_counts_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        wilson_interval(*arguments)
