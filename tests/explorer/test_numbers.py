"""The same value is written in the same way everywhere."""

import math

import pytest

from dlbook.explorer.numbers import (
    count,
    fixed,
    listed,
    number,
    percent,
    plain,
    points,
    scientific,
    superscript,
)


def draw_line():
    """A function that has a name."""


@pytest.mark.parametrize(
    "value, text",
    [
        (0.1, "0.1"), (1e-5, "10⁻⁵"), (2.5e-5, "2.5·10⁻⁵"), (1e10, "10¹⁰"), (1000, "1,000"),
        (-2, "−2"), (-0.5, "−0.5"),
        (True, "on"), (False, "off"), (None, "none"), ("batch_norm", "batch norm"), (draw_line, "draw line"),
    ],
)  # fmt: skip
def test_values_are_written_for_readers(value, text):
    assert plain(value) == text


@pytest.mark.parametrize(
    "value, digits, text",
    [
        (0.5, 2, "0.5"), (0.0005, 2, "5·10⁻⁴"), (0.00096, 1, "0.001"), (0.001, 2, "0.001"),
        (999_999, 2, "10⁶"), (123_456, 3, "123,000"), (1.0, 3, "1"), (-1234.5, 5, "−1,234.5"), (0, 2, "0"),
        (1e-300, 1, "10⁻³⁰⁰"),
        (math.inf, 2, "infinite"), (-math.inf, 2, "−infinite"), (math.nan, 2, "undefined"),
    ],
)  # fmt: skip
def test_a_number_keeps_its_significant_digits(value, digits, text):
    assert number(value, digits) == text


def test_a_value_that_rounds_to_zero_has_no_sign():
    assert fixed(-0.001, 1) == "0.0" and percent(-1e-9, 1) == "0.0%" and points(-1e-6) == "0.0 points"
    assert scientific(0.0, 2) == "0" and number(-0.0) == "0"


def test_one_thing_is_singular():
    assert (
        count(1, "step") == "1 step"
        and count(0, "step") == "0 steps"
        and count(2, "batch", "batches") == "2 batches"
    )
    assert points(0.01, 0) == "1 point" and points(0.01) == "1.0 points" and points(-0.01, 0) == "−1 point"


def test_small_pieces():
    assert superscript(-10) == "⁻¹⁰" and scientific(-1e3) == "−10³" and scientific(9.99, 2) == "10"
    assert listed(["a"]) == "a" and listed(["a", "b"]) == "a and b"
