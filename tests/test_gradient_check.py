"""Gradient check: does it pass right gradients, and fail wrong ones?"""

import numpy as np
import pytest

from dlcore.gradient_check import STEP, check, numerical_gradient

RNG = np.random.default_rng(0)
A = RNG.normal(size=(6, 6))
THETA = RNG.normal(size=(2, 3))


def quadratic(theta):
    t = theta.ravel()
    return t @ A @ t / 2, ((A + A.T) @ t / 2).reshape(theta.shape)


def test_the_slopes_of_a_quadratic_are_exact_to_rounding():
    g = numerical_gradient(lambda theta: quadratic(theta)[0], THETA)
    assert g.shape == THETA.shape
    np.testing.assert_allclose(g, quadratic(THETA)[1], rtol=1e-9, atol=1e-10)


def test_the_default_step_beats_steps_a_hundred_times_larger_and_smaller():
    x = np.linspace(0.1, 2, 50)

    def error(step):
        return np.median(np.abs(numerical_gradient(lambda x: np.sum(np.exp(x)), x, step) - np.exp(x)))

    assert error(STEP) < 1e-8
    assert error(100 * STEP) > 10 * error(STEP) and error(STEP / 100) > 10 * error(STEP)


def test_the_error_of_central_differences_falls_with_the_square_of_the_step():
    def error(h):
        return abs(numerical_gradient(lambda x: float(x[0] ** 3), np.array([1.0]), h)[0] - 3)

    # (1 + h)³ - (1 - h)³ over 2h is 3 + h²
    for h in (1e-1, 1e-2, 1e-3):
        assert np.isclose(error(h), h**2, rtol=1e-6)


def test_the_step_grows_with_large_parameters_whose_own_rounding_would_swallow_it():
    assert np.isclose(numerical_gradient(lambda x: float(x[0] ** 2), np.array([1e9]))[0], 2e9, rtol=1e-9)


def test_some_coordinates_are_those_of_the_whole():
    whole = numerical_gradient(lambda theta: quadratic(theta)[0], THETA)
    some = numerical_gradient(lambda theta: quadratic(theta)[0], THETA, coordinates=[4, 1])
    np.testing.assert_array_equal(some, whole.ravel()[[4, 1]])


def test_theta_is_as_it_was_also_after_an_error():
    theta = THETA.copy()
    numerical_gradient(lambda t: quadratic(t)[0], theta)
    np.testing.assert_array_equal(theta, THETA)

    def broken(t):
        raise KeyError("broken")

    with pytest.raises(KeyError):
        numerical_gradient(broken, theta)
    np.testing.assert_array_equal(theta, THETA)


def test_a_function_may_look_at_theta_from_outside():
    theta = THETA.copy()
    g = numerical_gradient(lambda _: float(np.sum(theta**2)), theta)
    np.testing.assert_allclose(g, 2 * THETA, rtol=1e-8)


def test_a_theta_that_cannot_be_written_is_copied():
    theta = THETA.copy()
    theta.flags.writeable = False
    np.testing.assert_allclose(numerical_gradient(lambda t: np.sum(t**2), theta), 2 * THETA, rtol=1e-8)


def test_a_column_slice_is_checked_in_place():
    base = np.ones((4, 3))
    numerical = numerical_gradient(lambda _: float(np.sum(base**2)), base[:, 1])
    np.testing.assert_allclose(numerical, 2, rtol=1e-8)


def test_a_right_gradient_passes():
    report = check(quadratic, THETA)
    assert report and report.passed is True
    assert report.max_relative_error < 1e-8 and report.checked == 6
    assert str(report).startswith("gradient check passed")


@pytest.mark.parametrize("where", [(0, 0), (1, 2)])
def test_a_wrong_gradient_fails_at_the_place_where_it_is_wrong(where):
    def wrong(theta):
        value, gradient = quadratic(theta)
        gradient = gradient.copy()
        gradient[where] *= 1.001
        return value, gradient

    report = check(wrong, THETA)
    assert not report and report.passed is False
    assert report.worst_index == where
    assert np.isclose(report.analytic, 1.001 * quadratic(THETA)[1][where])
    assert np.isclose(report.numerical, quadratic(THETA)[1][where])
    assert np.isclose(report.max_relative_error, 1e-3, rtol=0.1)
    assert f"at index {where}" in str(report) and "FAILED" in str(report)


@pytest.mark.parametrize("factor", [-1, 0, 2])
def test_a_gradient_with_the_wrong_sign_or_factor_fails(factor):
    assert not check(lambda theta: (quadratic(theta)[0], factor * quadratic(theta)[1]), THETA)


def test_a_gradient_of_exactly_zero_passes_beside_numerical_noise():
    def shift_invariant(theta):  # what BatchNorm does to the bias before it
        x = np.array([0.3, 1.7, -0.4]) + theta
        return float(np.sum((x - x.mean()) ** 2)), np.zeros(1)

    assert check(shift_invariant, np.array([0.7]))
    assert not check(shift_invariant, np.array([0.7]), rtol=1e-5, atol=0) or (
        numerical_gradient(lambda t: shift_invariant(t)[0], np.array([0.7])) == 0
    )


def test_a_gradient_that_lives_in_reused_memory_is_not_compared_with_itself():
    memory = np.zeros(3)

    at = np.array([1.0, 2.0, 3.0])

    def f_and_grad(theta):
        memory[:] = 2 * theta if np.array_equal(theta, [1.0, 2.0, 3.0]) else 0
        return float(np.sum(theta**2)), memory

    assert check(f_and_grad, at)


def test_only_the_coordinates_asked_for_are_judged():
    def wrong_at_zero(theta):
        gradient = 2 * theta
        gradient[0] = 99
        return float(np.sum(theta**2)), gradient

    theta = np.array([1.0, 2.0, 3.0])
    assert check(wrong_at_zero, theta, coordinates=[1, 2])
    assert not check(wrong_at_zero, theta, coordinates=[1, 0])


def test_randomness_is_refused_with_its_remedy():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="must give one value at one theta.*dropout"):
        check(lambda theta: (rng.normal(), theta), np.ones(2))


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_coarse_floats_are_refused_with_the_reason(dtype):
    for call in (numerical_gradient, check):
        with pytest.raises(TypeError, match=f"theta must be float64, got {np.dtype(dtype)}: differences"):
            call(lambda theta: (1.0, theta), np.ones(2, dtype))


def test_what_is_no_number_or_no_pair_is_refused():
    with pytest.raises(TypeError, match="f must return one number"):
        numerical_gradient(quadratic, THETA)
    with pytest.raises(TypeError, match=r"f_and_grad must return \(value, gradient\), got float"):
        check(lambda theta: 1.0, THETA)
    with pytest.raises(ValueError, match="f must return a finite number, got nan"):
        numerical_gradient(lambda theta: np.nan, THETA)
    with pytest.raises(ValueError, match="the gradient of f_and_grad must be finite"):
        check(lambda theta: (1.0, theta * np.nan), THETA)
    with pytest.raises(ValueError, match=r"the gradient of f_and_grad must have shape \(2, 3\), got \(6,\)"):
        check(lambda theta: (1.0, theta.ravel()), THETA)


def test_wrong_settings_are_refused():
    for step in (0, -1e-6, np.nan):
        with pytest.raises(ValueError, match="step must be above 0"):
            numerical_gradient(lambda theta: 1.0, THETA, step)
    with pytest.raises(ValueError, match="coordinates must be between 0 and 5, got 6"):
        numerical_gradient(lambda theta: 1.0, THETA, coordinates=[6])
    with pytest.raises(ValueError, match="rtol must be above 0, got 0"):
        check(quadratic, THETA, rtol=0)
    with pytest.raises(ValueError, match="theta must be finite"):
        check(quadratic, THETA * np.inf)


def test_a_step_that_does_not_move_theta_is_refused():
    with pytest.raises(ValueError, match="step must move theta, got 1e-30, which is lost in 1.0"):
        numerical_gradient(lambda theta: float(theta.sum()), np.array([1.0]), step=1e-30)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_values_too_coarse_to_be_subtracted_are_refused(dtype):
    with pytest.raises(TypeError, match=f"f must return a float64, got {np.dtype(dtype).name}"):
        numerical_gradient(lambda theta: dtype(theta.sum()), np.array([1.0]))
    np.testing.assert_allclose(numerical_gradient(lambda theta: int(theta[0] > 9), [1.0]), 0)
