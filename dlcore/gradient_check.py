"""Gradient check: is the gradient that I derived the slope of the function that I compute?"""

from dataclasses import dataclass

import numpy as np

from dlcore import checks

STEP = float(np.finfo(np.float64).eps) ** (1 / 3)
"""The default step, 6.1e-6: it balances the two errors of a central difference (see `numerical_gradient`)."""


def numerical_gradient(f, theta, step=STEP, coordinates=None):
    r"""Gradient of `f` from two values per coordinate, without any derivative.

    .. math:: g_i = \frac{f(\theta + h_i e_i) - f(\theta - h_i e_i)}{2 h_i}, \qquad
              h_i = \text{step} \cdot \max(1, |\theta_i|)

    The Taylor series leaves an error of h² f'''/6, which shrinks with h; rounding leaves one of about
    eps |f| / h, which grows as h shrinks. Their sum is smallest near h = eps^(1/3) ≈ 6e-6 for functions
    and derivatives of size 1, where both are about eps^(2/3) ≈ 4e-11. One-sided differences have an error
    of h f''/2 and reach only eps^(1/2) ≈ 1.5e-8.

    Parameters
    ----------
    f : function of an array, returning one number
        Called with `theta` itself, one element of which is moved and put back: f may as well ignore its
        argument and look at a network whose ``net.theta`` is `theta`. It must not be random, so no dropout.
    theta : array of float64, any shape
        Unchanged afterwards, also if `f` raises an error.
    step : float > 0
    coordinates : array of int, optional
        Flat indices of the elements to be moved, by default all; two calls of f each.

    Returns
    -------
    array of the shape of `theta`, or of shape (len(coordinates),)

    Raises
    ------
    TypeError
        If `theta` or a value of `f` is float32: its eps is 1.2e-7, so even the best step leaves an error of
        about 2e-5, and a wrong gradient hides in it.
    ValueError
        If a value of `f` is not finite, or `step` so small that adding it changes nothing.

    Examples
    --------
    >>> numerical_gradient(lambda theta: np.sum(theta**2), np.array([1.0, -2.0])).round(8)
    array([ 2., -4.])
    """
    theta = _float64(theta)
    checks.number("step", step, above=0)
    chosen = _coordinates(coordinates, theta.size)
    g = np.empty(len(chosen))
    for k, flat in enumerate(chosen):
        i = np.unravel_index(flat, theta.shape)
        middle = theta[i]
        h = step * max(1.0, abs(middle))
        try:
            theta[i] = middle + h
            right, f_right = theta[i], _value(f(theta))
            theta[i] = middle - h
            left, f_left = theta[i], _value(f(theta))
        finally:
            theta[i] = middle
        if right == left:
            raise ValueError(f"step must move theta, got {step!r}, which is lost in {float(middle)!r}")
        # not 2 h: the points that were reached differ from those aimed at by rounding
        g[k] = (f_right - f_left) / (right - left)
    return g.reshape(theta.shape) if coordinates is None else g


@dataclass(frozen=True)
class Report:
    """What `check` found. It is true (``assert check(...)``) where the gradients agree, and prints why not.

    Attributes
    ----------
    passed : bool
    max_relative_error : float
        The largest |a - n| / (atol/rtol + max(|a|, |n|)) over the coordinates checked.
    worst_index : tuple of int
        Where that was, as an index into theta.
    analytic, numerical : float
        The two slopes there.
    checked : int
        Number of coordinates compared.
    rtol, atol : float
    """

    passed: bool
    max_relative_error: float
    worst_index: tuple
    analytic: float
    numerical: float
    checked: int
    rtol: float
    atol: float

    def __bool__(self):
        return self.passed

    def __str__(self):
        return (
            f"gradient check {'passed' if self.passed else 'FAILED'}: "
            f"largest relative error {self.max_relative_error:.1e} "
            f"({'within' if self.passed else 'above'} rtol={self.rtol:g}) of {self.checked} slopes, "
            f"at index {self.worst_index}: analytic {self.analytic:.9g}, numerical {self.numerical:.9g}"
        )


def check(f_and_grad, theta, rtol=1e-5, atol=1e-8, step=STEP, coordinates=None):
    r"""Compare the gradient that `f_and_grad` gives with the slopes of the values that it gives.

    A coordinate passes if :math:`|a - n| \le \text{atol} + \text{rtol} \cdot \max(|a|, |n|)`. A relative
    error alone would fail right gradients: the bias of a layer that is followed by BatchNorm has a gradient
    of exactly 0, and any rounding in n is infinitely many times that.

    Parameters
    ----------
    f_and_grad : function of an array, returning (value, gradient)
        The gradient has the shape of `theta`. As in `numerical_gradient`, `theta` itself is passed.
    theta : array of float64, any shape
        Unchanged afterwards.
    rtol, atol : float
        A right gradient of a smooth function has an error of about 1e-10. Near a kink (a ReLU whose input
        is within the step of 0) no tolerance helps: move theta.
    step : float
    coordinates : array of int, optional
        Flat indices to compare, such as ``rng.choice(theta.size, 100, replace=False)`` for a large network.

    Returns
    -------
    Report

    Raises
    ------
    ValueError
        If two calls at the same theta give two values (randomness: switch dropout off or renew its seed
        inside `f_and_grad`), if the gradient has another shape than theta, or on values that are not finite.

    Examples
    --------
    >>> theta = np.array([1.0, 2.0])
    >>> print(check(lambda theta: (np.sum(theta**3), 3 * theta**2), theta).passed)
    True
    >>> report = check(lambda theta: (np.sum(theta**3), 2 * theta**2), theta)
    >>> report.passed, report.worst_index, report.analytic, round(report.numerical, 6)
    (False, (1,), 8.0, 12.0)
    """
    theta = _float64(theta)
    checks.number("rtol", rtol, above=0)
    checks.number("atol", atol, 0)
    chosen = _coordinates(coordinates, theta.size)

    def f(theta):
        return _value(_both(f_and_grad(theta))[0])

    value, gradient = _both(f_and_grad(theta))
    # a copy: a network writes its next gradient into the same memory
    gradient = checks.array("the gradient of f_and_grad", gradient, shape=theta.shape).copy()
    again = f(theta)
    if again != _value(value):
        raise ValueError(
            f"f_and_grad must give one value at one theta, got {float(value)!r} and then {again!r}: "
            "make its randomness (dropout, mini-batches) the same in each call"
        )
    n = numerical_gradient(f, theta, step, chosen)
    a = gradient.ravel()[chosen].astype(np.float64)
    error = np.abs(a - n) / np.maximum(atol / rtol + np.maximum(np.abs(a), np.abs(n)), np.finfo(float).tiny)
    worst = int(np.argmax(error))
    return Report(
        passed=bool(error[worst] <= rtol),
        max_relative_error=float(error[worst]),
        worst_index=tuple(int(i) for i in np.unravel_index(chosen[worst], theta.shape)),
        analytic=float(a[worst]),
        numerical=float(n[worst]),
        checked=len(chosen),
        rtol=rtol,
        atol=atol,
    )


def _float64(theta):
    dtype = getattr(theta, "dtype", None)
    if dtype is not None and dtype.kind == "f" and dtype != np.float64:
        raise TypeError(
            f"theta must be float64, got {dtype}: differences of {dtype} values are too coarse to judge a "
            f"gradient by (build the network with dtype=np.float64 to check it)"
        )
    theta = checks.array("theta", theta)
    return theta if theta.flags.writeable else theta.copy()


def _coordinates(coordinates, size):
    return np.arange(size) if coordinates is None else checks.labels("coordinates", coordinates, classes=size)


def _value(value):
    number = None if isinstance(value, (tuple, list)) else np.asarray(value)
    if number is None or number.ndim != 0 or number.dtype.kind not in "iuf":
        raise TypeError(f"f must return one number, got {value!r}")
    if number.dtype.kind == "f" and number.dtype.itemsize < 8:
        raise TypeError(f"f must return a float64, got {number.dtype}: its differences are too coarse")
    if not np.isfinite(number):
        raise checks.NonFinite(f"f must return a finite number, got {value!r}")
    return float(number)


def _both(result):
    if not isinstance(result, tuple) or len(result) != 2:
        raise TypeError(f"f_and_grad must return (value, gradient), got {type(result).__name__}")
    return result
