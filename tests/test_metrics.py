"""Metrics: do the counts and shares equal their definitions, and scikit-learn's?"""

import numpy as np
import pytest

from dlcore.metrics import accuracy, confusion_matrix, f1, precision, recall

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
    assert accuracy(y_true, y_pred) == sk.accuracy_score(y_true, y_pred)
    np.testing.assert_array_equal(confusion_matrix(y_true, y_pred), sk.confusion_matrix(y_true, y_pred))


@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize(("name", "y_true", "y_pred"), CASES, ids=[c[0] for c in CASES])
def test_shares_equal_scikit_learns(name, y_true, y_pred, average):
    sk = pytest.importorskip("sklearn.metrics")
    for ours, theirs in SHARES:
        expected = getattr(sk, theirs)(y_true, y_pred, average=average, zero_division=0)
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
