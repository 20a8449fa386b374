"""Marking: does each wrong answer meet the sentence that names it?"""

import numpy as np
import pytest

from dlbook.grader import expect, kills


def complaint(*arguments, **named):
    with pytest.raises(AssertionError) as caught:
        expect(*arguments, **named)
    return str(caught.value)


@pytest.mark.parametrize(
    "value, wanted",
    [
        (0.1, 0.1),
        (np.float32(0.5), 0.5),
        (3, 3.0),
        ([1.0, 2.0], np.array([1, 2])),
        ("he", "he"),
        (True, True),
        (np.bool_(True), True),
        (None, None),
        (np.zeros((2, 0)), np.zeros((2, 0))),
        (np.inf, np.inf),
    ],
)
def test_a_right_answer_passes(value, wanted):
    expect(value, wanted)


def test_a_known_mistake_is_named():
    mistakes = {"this counts the outputs": 0.2}
    assert complaint(0.2, 0.1, "the std", mistakes=mistakes) == "the std is 0.2: this counts the outputs"
    assert (
        complaint("relu", "tanh", mistakes={"it does not saturate": "relu"})
        == "your answer is 'relu': it does not saturate"
    )
    assert "this is transposed" in complaint(
        np.ones((3, 2)), np.zeros((2, 3)), mistakes={"this is transposed": np.ones((3, 2))}
    )


def test_a_mistake_that_gives_the_right_value_is_none():
    expect(0.1, 0.1, mistakes={"this counts the outputs": 0.1})


def test_what_differs_is_said():
    assert "None: is a `return` missing" in complaint(None, 1.0)
    assert "has the shape (3,), expected (2,)" in complaint(np.zeros(3), np.zeros(2))
    assert "not finite: it holds nan" in complaint([1.0, np.nan], [1.0, 2.0])
    assert "is 0.3, expected about 0.1" in complaint(0.3, 0.1)
    assert "is 0.94120001, expected about 0.9412: do not round" in complaint(0.94120001, 0.9412, rtol=1e-10)
    assert "most at index (1, 0): 9, expected about 3" in complaint([[20, 2], [9, 4]], [[20, 2], [3, 4]])
    assert "got a function" in complaint(len, 1.0)
    assert "got str 'one'" in complaint("one", 1.0)
    assert "got bool True" in complaint(True, 1.0)
    assert "which is not right" in complaint(1, True) and "which is not right" in complaint("a", "b")


def test_an_object_that_equals_everything_is_no_number():
    class Yes:
        def __eq__(self, other):
            return True

    assert "should be a number" in complaint(Yes(), 1.0)
    assert "which is not right" in complaint(Yes(), "tanh")


def test_tolerances_are_relative_and_absolute():
    expect(0.1414, np.sqrt(0.02), rtol=1e-3)
    assert complaint(0.1414, np.sqrt(0.02))
    expect(1e-9, 0.0, atol=1e-8)
    assert complaint(1e-9, 0.0)


def square_test(square):
    assert square(3) == 9 and square(-2) == 4


MUTANTS = {
    "twice": lambda x: 2 * x,
    "signed": lambda x: x * abs(x),
    "raises": lambda x: 1 / 0,
    "cheats": lambda x: x**2 * (x < 9),
}


def test_each_refused_mutant_counts(capsys):
    assert kills(square_test, {"x * x": lambda x: x * x, "power": lambda x: x**2}, MUTANTS) == 3
    assert capsys.readouterr().out.splitlines() == [
        "killed: twice",
        "killed: signed",
        "killed: raises",
        "survived: cheats",
    ]


def test_a_test_that_refuses_right_code_kills_nothing():
    def strict(square):
        assert square(0.1) == 0.01

    with pytest.raises(AssertionError, match=r"refuses code that is right \(x \* x\)"):
        kills(strict, {"x * x": lambda x: x * x}, MUTANTS)


def test_a_test_that_was_not_written_is_no_refusal():
    def unwritten(square):
        raise NotImplementedError

    with pytest.raises(NotImplementedError):
        kills(unwritten, {"x * x": lambda x: x * x}, MUTANTS)


def test_counting_the_calls_does_not_pay():
    gains = []
    for _ in range(60):
        calls = []

        def third_and_later(square, calls=calls):
            calls.append(1)
            assert len(calls) <= 2

        try:
            gains.append(kills(third_and_later, {"x * x": lambda x: x * x, "power": lambda x: x**2}, MUTANTS))
        except AssertionError:
            gains.append(0)
    assert np.mean(np.array(gains) == 4) < 0.3  # right code comes first in 1 of 15 orders
