"""Checks: does every public door say the parameter, the rule and the value?"""

import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dlcore import checks


@pytest.mark.parametrize("rng", [0, 7, None, np.random, np.random.RandomState(0), np.random.default_rng])
def test_only_a_generator_is_randomness(rng):
    with pytest.raises(TypeError, match="rng must be a numpy.random.Generator"):
        checks.generator(rng)


def test_a_generator_passes_untouched():
    rng = np.random.default_rng(0)
    before = rng.bit_generator.state
    assert checks.generator(rng) is rng
    assert rng.bit_generator.state == before


@pytest.mark.parametrize("value", [0, 1, 0.5, np.float32(0.25), np.int64(1), Fraction(1, 3)])
def test_a_number_inside_its_bounds_passes_as_it_is(value):
    assert checks.number("p", value, 0, 1) is value


@pytest.mark.parametrize(
    ("value", "bounds", "message"),
    [
        (1.5, dict(low=0, high=1), "p must be between 0 and 1, got 1.5"),
        (-0.5, dict(low=0), "p must be at least 0, got -0.5"),
        (2, dict(high=1), "p must be at most 1, got 2"),
        (0, dict(above=0), "p must be above 0, got 0"),
        (1, dict(low=0, below=1), "p must be at least 0 and below 1, got 1"),
        (1.0, dict(above=0, below=1), "p must be above 0 and below 1, got 1.0"),
        (0, dict(above=0, high=1), "p must be above 0 and at most 1, got 0"),
        (np.inf, dict(), "p must be finite, got inf"),
        (np.nan, dict(low=0, high=1), "p must be between 0 and 1, got nan"),
        (np.nan, dict(above=0), "p must be above 0, got nan"),
        (-np.inf, dict(high=1), "p must be at most 1, got -inf"),
    ],
)
def test_a_number_outside_its_bounds_is_refused_with_rule_and_value(value, bounds, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        checks.number("p", value, **bounds)


def test_an_integer_beyond_every_float_is_not_a_finite_number():
    with pytest.raises(ValueError, match="p must be finite"):
        checks.number("p", 10**400)


@pytest.mark.parametrize("value", [True, np.True_, "0.5", None, 1j, [0.5], np.array([0.5])])
def test_what_is_no_number_is_a_type_error(value):
    with pytest.raises(TypeError, match="p must be a number, got"):
        checks.number("p", value, 0, 1)


@pytest.mark.parametrize(
    ("value", "bounds", "message"),
    [
        (1, (2, 10, "n"), "k must be between 2 and n=10, got 1"),
        (11, (2, 10, "n"), "k must be between 2 and n=10, got 11"),
        (0, (1,), "k must be at least 1, got 0"),
        (5, (None, 4), "k must be at most 4, got 5"),
        (5, (None, 4, "n"), "k must be at most n=4, got 5"),
    ],
)
def test_an_integer_outside_its_bounds_is_refused_with_rule_and_value(value, bounds, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        checks.integer("k", value, *bounds)


def test_a_numpy_integer_becomes_a_python_integer():
    k = checks.integer("k", np.uint8(3), 2, 10)
    assert k == 3 and type(k) is int


@pytest.mark.parametrize("value", [2.0, True, np.False_, "2", None, [2]])
def test_what_is_no_whole_number_is_a_type_error(value):
    with pytest.raises(TypeError, match="k must be a whole number, got"):
        checks.integer("k", value, 1)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_float_array_keeps_its_dtype_and_is_not_copied(dtype):
    a = np.ones((2, 3), dtype)
    assert checks.array("x", a) is a


@pytest.mark.parametrize("value", [[1, 2], [True, False], np.array([3], np.uint8), 4])
def test_integers_and_booleans_become_float64(value):
    a = checks.array("x", value)
    assert a.dtype == np.float64
    np.testing.assert_array_equal(a, value)


@pytest.mark.parametrize("value", ["1", [1, None], [[1], [1, 2]], [1j], {"a": 1}, np.array(["1"])])
def test_what_holds_no_real_numbers_is_a_type_error(value):
    with pytest.raises(TypeError, match="x must be an array of real numbers, got"):
        checks.array("x", value)


@pytest.mark.parametrize(
    ("value", "rules", "message"),
    [
        ([1.0], dict(ndim=2), "x must have 2 axes, got shape (1,)"),
        ([1.0], dict(ndim=(2, 4)), "x must have 2 or 4 axes, got shape (1,)"),
        ([[1.0]], dict(shape=(None, 3)), "x must have shape (any, 3), got (1, 1)"),
        ([1.0], dict(shape=(2,)), "x must have shape (2,), got (1,)"),
        ([1.0], dict(shape=(1, 1)), "x must have shape (1, 1), got (1,)"),
        ([], dict(), "x must not be empty, got shape (0,)"),
    ],
)
def test_an_array_that_breaks_a_rule_is_refused_with_rule_and_value(value, rules, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        checks.array("x", value, **rules)


def test_what_is_not_finite_is_refused_with_its_number_and_place():
    message = "x must be finite, got 2 NaN or infinite value(s), the first at index (0, 1)"
    with pytest.raises(checks.NonFinite, match=f"^{re.escape(message)}$"):
        checks.array("x", [[0, np.inf], [np.nan, 1]])
    assert issubclass(checks.NonFinite, ValueError)


def test_an_empty_array_passes_where_it_may_be_empty():
    assert checks.array("x", np.zeros((0, 2)), empty=True).shape == (0, 2)


def test_a_number_too_large_for_the_dtype_asked_for_is_refused_and_not_made_infinite():
    with pytest.raises(ValueError, match=r"x must be finite in float32, got 1e\+300 at index \(1,\)"):
        checks.array("x", [0, 1e300], dtype=np.float32)
    with pytest.raises(ValueError, match=r"x must be finite, got 2 NaN or infinite"):
        checks.array("x", [np.nan, 1e300], dtype=np.float32)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_finite_numbers_whose_sum_overflows_are_finite(dtype):
    a = np.full(100, np.finfo(dtype).max, dtype)
    assert checks.finite("x", a) is a


@given(arrays(np.float64, (3, 4), elements=st.floats(width=64)))
def test_finite_refuses_exactly_what_isfinite_refuses(a):
    if np.isfinite(a).all():
        assert checks.finite("x", a) is a
    else:
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(a))[0])
        with pytest.raises(ValueError, match=re.escape(f"first at index {where}")):
            checks.finite("x", a)


@pytest.mark.parametrize(
    "value",
    [
        [0, 2, 1],
        np.array([0, 2, 1], np.uint8),
        [0.0, 2.0, 1.0],
        np.array([0, 2, 1]),
        np.array([0, 2, 1], object),
        np.array([0, 2, 1], np.float16),
    ],
)
def test_labels_are_indices_whatever_they_came_as(value):
    a = checks.labels("labels", value, classes=3, length=3)
    assert a.dtype == np.intp
    np.testing.assert_array_equal(a, [0, 2, 1])


def test_true_and_false_become_one_and_zero_so_that_they_do_not_index_as_a_mask():
    a = checks.labels("labels", [True, False, True])
    assert a.dtype == np.intp
    np.testing.assert_array_equal(np.array([10, 20])[a], [20, 10, 20])


@pytest.mark.parametrize(
    ("value", "rules", "message"),
    [
        ([0, 3], dict(classes=3), "labels must be between 0 and 2, got 3 at index 1"),
        ([0, -1], dict(classes=3), "labels must be between 0 and 2, got -1 at index 1"),
        ([-2], dict(), "labels must be at least 0, got -2 at index 0"),
        ([0, 1], dict(length=3), "labels must have one entry per example (3), got 2"),
        ([], dict(), "labels must be a non-empty one-dimensional array of labels, got shape (0,)"),
        ([[0, 1]], dict(), "labels must be a non-empty one-dimensional array of labels, got shape (1, 2)"),
        (2, dict(), "labels must be a non-empty one-dimensional array of labels, got shape ()"),
    ],
)
def test_labels_that_break_a_rule_are_refused_with_rule_and_value(value, rules, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        checks.labels("labels", value, **rules)


@pytest.mark.parametrize(
    "value",
    [
        *(
            [0.5],
            [np.nan],
            [np.inf],
            [1e300],
            ["0"],
            [None],
            [1j],
            [[0], [0, 1]],
            np.array([2**64 - 1], "u8"),
        ),
        *(np.array(["0"], object), np.array([[0], [0, 1]], object), np.array([0.5], object), [2**70]),
    ],
)
def test_labels_that_are_no_whole_numbers_are_a_type_error(value):
    with pytest.raises(TypeError, match="labels must be whole numbers, got"):
        checks.labels("labels", value)


@pytest.mark.parametrize(
    "value", [[1, 2], np.array([3], np.uint8), [True], np.ones(2, np.float32), np.ones(2)]
)
def test_floats_are_float32_or_float64_and_whole_numbers_become_float64(value):
    a = checks.floats("x", value)
    given = np.asarray(value)
    assert a.dtype == (given.dtype if given.dtype.kind == "f" else np.float64)
    np.testing.assert_array_equal(a, value)
    assert given.dtype.kind != "f" or a is value


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            np.ones(2, np.float16),
            "x must be float32 or float64, got float16, whose sums overflow above 65,504",
        ),
        (["a"], "x must be an array of real numbers, got ['a']"),
        ([1j], "x must be an array of real numbers, got [1j]"),
        ([None], "x must be an array of real numbers, got [None]"),
    ],
)
def test_what_are_no_floats_to_be_summed_is_refused(value, message):
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        checks.floats("x", value)
