"""Splits: is every example where it belongs, once, and does selection take its six steps?"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlcore.splits import (
    Selection,
    group_k_fold,
    hold_out,
    k_fold,
    leave_one_out,
    select,
    stratified_k_fold,
    time_split,
)

seeds = st.integers(0, 2**32)


def generator(seed=0):
    return np.random.default_rng(seed)


def is_partition(parts, n):
    return np.array_equal(np.sort(np.concatenate(parts)), np.arange(n))


@settings(deadline=None)
@given(st.integers(10, 300), st.lists(st.integers(1, 9), min_size=1, max_size=4), seeds)
def test_a_hold_out_divides_all_examples_and_no_size_is_a_whole_example_off(n, weights, seed):
    fractions = np.array(weights) / sum(weights)
    if n * fractions.min() < 1:
        return
    parts = hold_out(n, fractions, generator(seed))
    assert isinstance(parts, tuple) and is_partition(parts, n)
    assert all(abs(len(part) - f * n) < 1 for part, f in zip(parts, fractions))


@settings(deadline=None)
@given(st.integers(2, 200), st.data(), seeds)
def test_every_example_is_tested_once_and_never_trained_on_in_that_fold(n, data, seed):
    k = data.draw(st.integers(2, n))
    folds = k_fold(n, k, generator(seed))
    assert len(folds) == k and is_partition([test for _, test in folds], n)
    assert all(is_partition(fold, n) for fold in folds)
    assert [len(test) for _, test in folds] == [n // k + (i < n % k) for i in range(k)]


@settings(deadline=None)
@given(st.lists(st.integers(0, 3), min_size=12, max_size=80), st.integers(2, 5), seeds)
def test_stratified_folds_have_each_class_and_each_fold_balanced_to_one(labels, k, seed):
    labels = np.array(labels)
    if np.unique(labels, return_counts=True)[1].min() < k:
        with pytest.raises(ValueError, match="k must be at most the members of the smallest class"):
            stratified_k_fold(labels, k, generator(seed))
        return
    folds = stratified_k_fold(labels, k, generator(seed))
    tests = [test for _, test in folds]
    assert len(folds) == k and is_partition(tests, len(labels))
    assert all(is_partition(fold, len(labels)) for fold in folds)
    assert np.ptp([len(test) for test in tests]) <= 1
    for c in np.unique(labels):
        assert np.ptp([np.sum(labels[test] == c) for test in tests]) <= 1


def test_leave_one_out_is_k_fold_with_as_many_folds_as_examples():
    folds = leave_one_out(5)
    for i, (train, test) in enumerate(folds):
        assert test.tolist() == [i] and train.tolist() == [j for j in range(5) if j != i]
    drawn = k_fold(5, 5, generator())
    assert sorted(test.tolist() for _, test in drawn) == [test.tolist() for _, test in folds]


def test_fold_sizes_equal_scikit_learns():
    model_selection = pytest.importorskip("sklearn.model_selection")
    for n, k in [(10, 3), (11, 4), (100, 7), (5, 5)]:
        expected = [len(test) for _, test in model_selection.KFold(k).split(np.zeros(n))]
        assert [len(test) for _, test in k_fold(n, k, generator())] == expected


def test_the_same_generator_gives_the_same_split_and_another_one_another():
    def draws(seed):
        rng = generator(seed)
        return [
            hold_out(50, (0.5, 0.5), rng)[0],
            k_fold(50, 5, rng)[0][1],
            stratified_k_fold(np.arange(50) % 2, 5, rng)[0][1],
        ]

    for a, b, c in zip(draws(1), draws(1), draws(2)):
        assert np.array_equal(a, b) and not np.array_equal(a, c)


def test_each_example_is_as_likely_as_any_other_to_be_held_out():
    rng = generator()
    draws = 400
    makers = [
        lambda: hold_out(10, (0.8, 0.2), rng)[1],
        lambda: k_fold(10, 5, rng)[0][1],
        lambda: stratified_k_fold(np.arange(10) % 2, 5, rng)[0][1],
    ]
    for make in makers:
        counts = sum(np.bincount(make(), minlength=10) for _ in range(draws))
        sigma = np.sqrt(draws * 0.2 * 0.8)
        assert np.abs(counts - draws * 0.2).max() < 5 * sigma


@pytest.mark.parametrize(
    ("n", "fractions", "message"),
    [
        (10, (0.6, 0.3), r"fractions must add up to 1, got \[0.6, 0.3\] with the sum 0.9"),
        (10, (0.6, 0.5), "fractions must add up to 1"),
        (10, (1.2, -0.2), "fractions must be above 0"),
        (10, (1.0, 0.0), "fractions must be above 0"),
        (10, (0.99, 0.01), r"fractions must leave an example for every part, got sizes \[10, 0\] of n=10"),
        (10, (), "fractions must not be empty"),
        (10, (np.nan, 1), "fractions must be finite"),
        (0, (0.5, 0.5), "n must be at least 1, got 0"),
    ],
)
def test_fractions_that_make_no_hold_out_are_refused(n, fractions, message):
    with pytest.raises(ValueError, match=message):
        hold_out(n, fractions, generator())


def test_fractions_that_add_up_to_1_but_for_rounding_are_fine():
    assert [len(part) for part in hold_out(10, [0.1] * 10, generator())] == [1] * 10
    assert [len(part) for part in hold_out(1000, (0.7, 0.2, 0.1), generator())] == [700, 200, 100]
    assert [len(part) for part in hold_out(111, (1 / 6, 2 / 3, 1 / 6), generator())] == [19, 74, 18]


@pytest.mark.parametrize("k", [1, 0, -3, 11])
def test_numbers_of_folds_that_make_no_sense_are_refused(k):
    with pytest.raises(ValueError, match=f"k must be between 2 and n=10, got {k}"):
        k_fold(10, k, generator())
    with pytest.raises(ValueError, match=f"k must be between 2 and n=10, got {k}"):
        stratified_k_fold([0] * 10, k, generator())


def test_a_class_with_fewer_members_than_folds_is_named():
    with pytest.raises(ValueError, match="smallest class, 2 of class 3, got 4"):
        stratified_k_fold([1] * 5 + [3] * 2 + [0] * 5, 4, generator())


@pytest.mark.parametrize("rng", [0, None, np.random])
def test_a_seed_is_no_generator(rng):
    for call in (
        lambda: hold_out(10, (0.5, 0.5), rng),
        lambda: k_fold(10, 2, rng),
        lambda: stratified_k_fold([0, 0, 1, 1], 2, rng),
    ):
        with pytest.raises(TypeError, match="rng must be a numpy.random.Generator"):
            call()


def test_wrong_kinds_of_counts_and_labels_are_refused():
    with pytest.raises(TypeError, match="k must be a whole number, got 2.0"):
        k_fold(10, 2.0, generator())
    with pytest.raises(TypeError, match="n must be a whole number"):
        k_fold(np.zeros(10), 2, generator())
    with pytest.raises(TypeError, match="labels must be whole numbers"):
        stratified_k_fold([0.5] * 4, 2, generator())
    for n in (0, 1):
        with pytest.raises(ValueError, match=f"n must be at least 2, got {n}"):
            leave_one_out(n)


X = np.arange(12.0)
Y = 3 * X
FOLDS = k_fold(12, 3, generator(1))


def slope(candidate, x, y):
    """A model that multiplies by the candidate and remembers what it was trained on."""
    return {"factor": candidate, "x": x, "y": y}


def error(model, x, y):
    return np.mean(np.abs(model["factor"] * x - y))


def test_selection_takes_the_six_steps():
    chosen = select({"two": 2, "three": 3, "five": 5}, X, Y, train=slope, score=error, folds=FOLDS, best=min)
    assert isinstance(chosen, Selection) and chosen.best == "three"
    for name, factor in [("two", 2), ("three", 3), ("five", 5)]:
        by_hand = [abs(factor - 3) * X[test].mean() for _, test in FOLDS]
        np.testing.assert_allclose(chosen.scores[name], by_hand, rtol=1e-14)
        assert np.isclose(chosen.mean[name], np.mean(by_hand))
        assert np.isclose(chosen.standard_error[name], np.std(by_hand, ddof=1) / np.sqrt(3))
    np.testing.assert_array_equal(chosen.model["x"], X)
    np.testing.assert_array_equal(chosen.model["y"], Y)
    assert chosen.model["factor"] == 3


def test_candidates_never_see_the_fold_they_are_scored_on():
    seen = []

    def judge(model, x, y):
        assert not np.intersect1d(model["x"], x).size
        np.testing.assert_array_equal(y, 3 * x)
        np.testing.assert_array_equal(model["y"], 3 * model["x"])
        seen.append(x)
        return 0.0

    select([1], X, Y, train=slope, score=judge, folds=FOLDS, best=max)
    assert is_partition([x.astype(int) for x in seen], 12)


def test_max_takes_the_largest_and_min_the_smallest_and_of_equals_the_first():
    for best, expected in [(max, 1), (min, 0)]:
        chosen = select(
            [2, 7, 7, 2], X, Y, train=slope, score=lambda m, x, y: m["factor"], folds=FOLDS, best=best
        )
        assert chosen.best == expected


def test_the_table_marks_the_best():
    chosen = select({"a": 2, "bb": 3}, X, Y, train=slope, score=error, folds=FOLDS, best=min)
    lines = str(chosen).splitlines()
    assert lines[0].startswith("a   5.5 ±") and lines[1] == "bb  0 ± 0  (best)"


def refused(error_type, message, candidates=(1, 2), x=X, y=Y, score=error, folds=FOLDS, best=min):
    with pytest.raises(error_type, match=message):
        select(candidates, x, y, train=slope, score=score, folds=folds, best=best)


def test_selections_that_could_mislead_are_refused():
    refused(ValueError, "candidates must not be empty", candidates={})
    refused(TypeError, "best must be Python's min or max, got 'max'", best="max")
    refused(ValueError, "y must have one entry per example of x", y=Y[:-1])
    refused(ValueError, "number of folds must be at least 2, got 1", folds=FOLDS[:1])
    refused(ValueError, "test indices of fold 0 must be between 0 and 10", x=X[:-1], y=Y[:-1])
    leak = [(np.arange(12), np.array([3])), FOLDS[1]]
    refused(ValueError, "fold 0 must not test on what it trains on, got example 3 in both", folds=leak)
    refused(ValueError, "score of candidate 0 on fold 0 must be finite", score=lambda m, x, y: np.nan)
    refused(TypeError, "score of candidate 0 on fold 0 must be a number", score=lambda m, x, y: (0.5, 1))


def test_scores_whose_squares_overflow_are_refused_by_name():
    refused(
        ValueError, "scores of candidate 0 must have squares that fit", score=lambda m, x, y: 1e200 * x[0]
    )
    refused(ValueError, "scores of candidate 0 must have squares that fit", score=lambda m, x, y: 1.7e308)


# Groups and time


@settings(deadline=None)
@given(st.lists(st.integers(0, 9), min_size=4, max_size=80), st.data(), seeds)
def test_no_group_is_in_training_and_test_set_at_once(groups, data, seed):
    groups = np.array(groups)
    names = np.unique(groups)
    if len(names) < 2:
        return
    k = data.draw(st.integers(2, len(names)))
    folds = group_k_fold(groups, k, generator(seed))
    assert len(folds) == k and is_partition([test for _, test in folds], len(groups))
    for train, test in folds:
        assert is_partition([train, test], len(groups)) and len(test)
        assert not np.intersect1d(groups[train], groups[test]).size


@settings(deadline=None)
@given(st.lists(st.integers(0, 9), min_size=20, max_size=80), st.integers(2, 4), seeds)
def test_group_folds_are_as_large_as_scikit_learns(groups, k, seed):
    model_selection = pytest.importorskip("sklearn.model_selection")
    if len(set(groups)) < k:
        return
    expected = [len(test) for _, test in model_selection.GroupKFold(k).split(groups, groups=groups)]
    folds = group_k_fold(groups, k, generator(seed))
    assert sorted(len(test) for _, test in folds) == sorted(expected)


def test_groups_of_one_size_are_dealt_by_chance():
    groups = np.repeat(np.arange(10), 3)
    rng = generator()
    draws = [group_k_fold(groups, 5, rng)[0][1] for _ in range(300)]
    counts = np.bincount(np.concatenate(draws), minlength=30)
    assert np.abs(counts - 60).max() < 5 * np.sqrt(300 * 0.2 * 0.8)
    again = group_k_fold(groups, 5, generator(3)), group_k_fold(groups, 5, generator(3))
    assert all(np.array_equal(a[1], b[1]) for a, b in zip(*again))


def test_groups_may_be_strings_and_pandas_strings():
    names = ["a", "b", "a", "c"]
    for groups in (names, np.array(names), np.array(names, object)):
        tests = [test.tolist() for _, test in group_k_fold(groups, 2, generator())]
        assert [0, 2] in tests and [1, 3] in tests


@pytest.mark.parametrize(
    ("groups", "k", "message"),
    [
        ([0, 0, 1], 3, "k must be between 2 and number of groups=2, got 3"),
        ([0, 0, 0], 2, "k must be between 2 and number of groups=1, got 2"),
        ([0, 1], 1, "k must be between 2 and number of groups=2, got 1"),
        ([], 2, r"groups must be a non-empty array \(n,\)"),
        ([0.5, 1.0], 2, r"groups must be a non-empty array \(n,\) of whole numbers or strings"),
        ([[0], [1]], 2, r"groups must be a non-empty array \(n,\)"),
        (np.array([1, None], object), 2, "groups must be a non-empty array"),
    ],
)
def test_groups_that_cannot_be_divided_are_refused(groups, k, message):
    with pytest.raises(ValueError, match=message):
        group_k_fold(groups, k, generator())
    with pytest.raises(TypeError, match="rng must be"):
        group_k_fold([0, 1], 2, 0)


@settings(deadline=None)
@given(st.integers(3, 200), st.data())
def test_time_splits_equal_scikit_learns(n, data):
    model_selection = pytest.importorskip("sklearn.model_selection")
    k = data.draw(st.integers(2, n - 1))
    ours, theirs = time_split(n, k), list(model_selection.TimeSeriesSplit(k).split(np.zeros(n)))
    assert len(ours) == len(theirs) == k
    for (train, test), (train_s, test_s) in zip(ours, theirs):
        np.testing.assert_array_equal(train, train_s)
        np.testing.assert_array_equal(test, test_s)


def test_no_time_split_trains_on_what_comes_after_its_test():
    for train, test in time_split(23, 4):
        assert train.max() + 1 == test.min() and train.min() == 0 and len(test) == 4
    assert test.max() == 22


@pytest.mark.parametrize(
    ("n", "k", "message"),
    [
        (10, 1, "k must be between 2 and n - 1=9, got 1"),
        (10, 10, "k must be between 2 and n - 1=9, got 10"),
        (2, 2, "n must be at least 3, got 2"),
    ],
)
def test_impossible_time_splits_are_refused(n, k, message):
    with pytest.raises(ValueError, match=message):
        time_split(n, k)
