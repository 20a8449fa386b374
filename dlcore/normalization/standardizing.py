"""Standardizing: how is x - mean divided by its standard deviation without losing digits?

The mean is rounded, and where it is large against the spread, its rounding shows; where the spread is large,
its square overflows. Both are rare. They are looked for by two dot products, and only then the slow way is
taken.
"""

import functools

import numpy as np

from dlcore import checks
from dlcore.base import Layer


class Norm(Layer):
    """What the normalizing layers share: gamma and beta, and the check of what comes in."""

    params = ("gamma", "beta")

    def __init__(self, n, eps):
        self.eps = checks.number("eps", eps, above=0)
        for name in self.params:
            setattr(self, name, np.ones(n) if name == "gamma" else np.zeros(n))
            setattr(self, "d" + name, np.zeros(n))

    def checked(self, x):
        x = checks.floats("x", x)
        if self.eps < 1e-37 and x.dtype.type(self.eps) == 0:  # no larger one is 0, even in float32
            raise ValueError(f"eps must be above 0 in {x.dtype}, got {self.eps}")
        return x

    def checked_dy(self, dy, shape):
        return checks.same_shape("dy", checks.floats("dy", dy), shape)


def mean(x, axes):
    """The mean over `axes`, which stay as axes of length 1."""
    total = np.add.reduce(x, axis=axes, keepdims=True)
    return total / (x.size // total.size)


def centred(x, axes, eps):
    """Center x and measure its spread over `axes`.

    Returns
    -------
    mu, x_mu, var, inv_std
        The mean, ``x - mu``, its variance and ``1 / sqrt(var + eps)``.
    rare : bool
        Whether a variance may be infinite or NaN. If not, none is.
    """
    if np.vdot(x, x) < _safe(x.dtype) and eps > 1e-20:  # then no square below overflows
        return _centred(x, axes, eps, False)
    with np.errstate(over="ignore", invalid="ignore"):
        return _centred(x, axes, eps, True)


def _centred(x, axes, eps, rare):
    mu = mean(x, axes)
    x_mu = x - mu
    var = mean(x_mu * x_mu, axes)
    inv_std = 1 / np.sqrt(var + eps)
    mu_in_std = mu * inv_std
    rare = rare or not np.vdot(mu_in_std, mu_in_std) < farthest(x.dtype)
    if rare:
        x_mu, var = _without_rounding(x, mu, x_mu, var, axes, eps)
        inv_std = 1 / np.sqrt(var + eps)
    return mu, x_mu, var, inv_std, rare


def standardized(x, axes, eps):
    """Return x_hat = (x - mu) / sqrt(var + eps) and 1 / sqrt(var + eps): mean and variance over `axes`."""
    _, x_mu, var, inv_std, rare = centred(x, axes, eps)
    if rare and np.isinf(var).any():
        inv_std = inverse_of_large(x_mu, var, inv_std, axes)
    return np.multiply(x_mu, inv_std, out=x_mu), inv_std


def standardized_backward(dx_hat, x_hat, inv_std, axes):
    """The gradient of x, from that of `standardized`'s x_hat, which is overwritten.

    dx = (dx_hat - mean(dx_hat) - x_hat * mean(dx_hat * x_hat)) / sqrt(var + eps)
    """
    mean_dx_hat = mean(dx_hat, axes)
    dx = x_hat * mean(dx_hat * x_hat, axes)
    dx_hat -= mean_dx_hat
    np.subtract(dx_hat, dx, out=dx)
    dx *= inv_std
    return dx


@functools.cache
def _safe(dtype):
    """Below it the squares of all elements can be summed in any order: half of the largest number."""
    return np.finfo(dtype).max / 2


@functools.cache
def farthest(dtype):
    """The sum of the squares of mu / std below which no rounding of a mean shows."""
    return 0.5 / _coarseness(dtype)


@functools.cache
def _coarseness(dtype):
    """Times mu^2 this is s^2, if mu is rounded (to 4 machine epsilons) by a thousandth of a spread s."""
    return float((4000 * np.finfo(dtype).eps) ** 2)


def _without_rounding(x, mu, x_mu, var, axes, eps):
    """Return x - mu and its variance again where mu is so large that its own rounding shows in them.

    There x minus one of its values is exact (Sterbenz' lemma), and the mean of what is left is small.
    """
    coarse = mu * mu * _coarseness(x.dtype) > var + eps
    if not coarse.any():
        return x_mu, var
    first = tuple(slice(1) if axis in axes else slice(None) for axis in range(x.ndim))
    shifted = x - x[first]
    shifted -= shifted.mean(axis=axes, keepdims=True)
    exact_var = (shifted * shifted).mean(axis=axes, keepdims=True)
    return np.where(coarse, shifted, x_mu), np.where(coarse, exact_var, var)


def inverse_of_large(x, square, inverse, axes):
    """Return 1 / sqrt(mean(x^2)) where that mean overflowed: in units of the largest |x|, where eps is 0."""
    large = np.isinf(square)
    unit = np.where(large, np.abs(x).max(axis=axes, keepdims=True), 1)
    in_units = np.square(x / unit).mean(axis=axes, keepdims=True)
    return np.where(large, 1 / unit / np.sqrt(in_units), inverse)
