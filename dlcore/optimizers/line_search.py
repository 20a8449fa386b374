"""Line search: the direction is chosen, so how far should we go?

A search sees the loss along a line only: ``phi(alpha)`` is the pair of the value f(theta + alpha p) and the
slope p' grad f(theta + alpha p). It takes ``phi`` and the length ``alpha`` to try first, and returns the
length it accepts, or None where it finds none. Any function of these two can take the place of those here;
``functools.partial(strong_wolfe, c2=0.1)`` sets the constants.

Lengths where the loss or its gradient is not finite count as infinitely high: too far.
"""

import math

import numpy as np

from dlcore import checks


def full_step(phi, alpha):
    """No search: the step as the method proposes it, downhill or not.

    Examples
    --------
    >>> full_step(lambda alpha: ((alpha - 3) ** 2, 2 * (alpha - 3)), 1.0)
    1.0
    """
    return alpha


def backtracking(phi, alpha, *, c1=1e-4, shrink=0.5):
    """Shorten the step until it pays: sufficient decrease, and nothing else.

    phi(alpha) <= phi(0) + c1 alpha phi'(0)

    Nocedal & Wright 2006, algorithm 3.1. A step it accepts may end where the slope is as steep as before, so
    the curvature condition of `LBFGS` is not ensured.

    Parameters
    ----------
    phi : function of alpha, returning (value, slope)
    alpha : float
        The longest step.
    c1, shrink : float in (0, 1)

    Returns
    -------
    float, or None if the line does not go down

    Examples
    --------
    >>> backtracking(lambda alpha: ((alpha - 3) ** 2, 2 * (alpha - 3)), 16.0)
    4.0
    """
    checks.number("c1", c1, above=0, below=1)
    checks.number("shrink", shrink, above=0, below=1)
    phi_0, slope_0 = phi(0.0)
    if slope_0 >= 0:
        return None
    for _ in range(math.ceil(math.log(1e-16, shrink))):
        if phi(alpha)[0] <= phi_0 + c1 * alpha * slope_0:
            return alpha
        alpha *= shrink
    return None


def strong_wolfe(phi, alpha, *, c1=1e-4, c2=0.9, trials=25):
    """A step that goes down enough and ends where the line is flatter: the strong Wolfe conditions.

    phi(alpha) <= phi(0) + c1 alpha phi'(0)            sufficient decrease: not too long
    abs(phi'(alpha)) <= c2 abs(phi'(0))                curvature: not too short

    The length is doubled until an interval is known to hold such a point, then `zoom` closes in on it
    (Nocedal & Wright 2006, equation 3.7, algorithms 3.5 and 3.6).

    Parameters
    ----------
    phi : function of alpha, returning (value, slope)
    alpha : float
        The length to try first: 1 for Newton's and quasi-Newton steps, so that close to a minimum nothing
        spoils their speed.
    c1, c2 : float, 0 < c1 < c2 < 1
        A small c2 asks for an almost exact minimum along the line, at more evaluations.
    trials : int
        Of each of the two phases.

    Returns
    -------
    float, or None
        None if the line does not go down at 0, or no trial goes down enough. If the trials are used up (the
        loss falls for ever, or its differences drown in rounding), the lowest point among those with
        sufficient decrease, which then misses the second condition.

    Examples
    --------
    >>> phi = lambda alpha: ((alpha - 3) ** 2, 2 * (alpha - 3))
    >>> strong_wolfe(phi, 1.0)
    1.0
    >>> strong_wolfe(phi, 1.0, c2=0.1)          # 1, 2, 4 are too short or too long
    3.0
    """
    checks.number("c1", c1, above=0, below=1)
    checks.number("c2", c2, above=c1, below=1)
    checks.integer("trials", trials, 1)
    phi_0, slope_0 = phi(0.0)
    if slope_0 >= 0:
        return None

    def too_long(alpha, value):
        return value > phi_0 + c1 * alpha * slope_0

    def flat(slope):
        return abs(slope) <= -c2 * slope_0

    def zoom(lo, hi):
        """`lo` has sufficient decrease and the lowest value so far; a good point lies between it and `hi`."""
        for _ in range(trials):
            phi_lo, slope_lo = phi(lo)
            alpha = _between(lo, hi, phi_lo, slope_lo, *phi(hi))
            if alpha in (lo, hi):  # neighbouring floats
                break
            value, slope = phi(alpha)
            if too_long(alpha, value) or value >= phi_lo:
                hi = alpha
            else:
                if flat(slope):
                    return alpha
                if slope * (hi - lo) >= 0:
                    hi = lo
                lo = alpha
        return lo or None

    previous = 0.0
    for _ in range(trials):
        value, slope = phi(alpha)
        if too_long(alpha, value) or (previous and value >= phi(previous)[0]):
            return zoom(previous, alpha)
        if flat(slope):
            return alpha
        if slope >= 0:
            return zoom(alpha, previous)
        previous, alpha = alpha, 2 * alpha
    return previous


def _between(a, b, phi_a, slope_a, phi_b, slope_b):
    """The minimum of the cubic with these values and slopes (Nocedal & Wright 2006, equation 3.59).

    The middle instead, where there is no such minimum or it lies within a tenth of either end: the interval
    must shrink.
    """
    middle = a + (b - a) / 2
    if not math.isfinite(phi_b):
        return middle
    d1 = slope_a + slope_b - 3 * (phi_a - phi_b) / (a - b)
    square = d1 * d1 - slope_a * slope_b
    if square < 0:
        return middle
    d2 = math.copysign(math.sqrt(square), b - a)
    denominator = slope_b - slope_a + 2 * d2
    if denominator == 0:
        return middle
    alpha = b - (b - a) * (slope_b + d2 - d1) / denominator
    margin = 0.1 * abs(b - a)
    return alpha if min(a, b) + margin <= alpha <= max(a, b) - margin else middle


class Line:
    """phi(alpha) = f(theta + alpha p), each length evaluated once."""

    def __init__(self, f, theta, loss, g, p):
        self.f, self.theta, self.p = f, theta, p
        self._points = {0.0: (theta, loss, g)}
        self._too_far = set()
        self.slope = float(p @ g)

    def point(self, alpha):
        """(theta, loss, gradient) at this length; an error if they are not finite."""
        if alpha not in self._points:
            with np.errstate(over="ignore"):
                theta = checks.finite("theta + alpha p", self.theta + alpha * self.p)
            self._points[alpha] = (theta, *self.f(theta))
        return self._points[alpha]

    def __call__(self, alpha):
        alpha = float(alpha)
        if alpha in self._too_far:
            return np.inf, np.inf
        try:
            _, loss, g = self.point(alpha)
        except checks.NonFinite:
            self._too_far.add(alpha)
            return np.inf, np.inf
        with np.errstate(over="ignore", invalid="ignore"):
            slope = float(self.p @ g)
        return (loss, slope) if math.isfinite(slope) else (np.inf, np.inf)
