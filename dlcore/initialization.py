"""Initialization: how large should the first weights be?

A layer sums its inputs, so its output's variance is the input's times (number of inputs) x Var(W).
Every scheme here is one answer to the question which Var(W) keeps a signal's size through many
layers. All are functions of a shape and a random generator and return a new array.

A dense layer's shape is ``(n_in, n_out)``, a convolution's ``(out, in, kh, kw)``.
"""

import math

import numpy as np

from dlcore import checks


def fans(shape):
    """Count the inputs and the outputs that one weight array connects.

    fan_in is the number of terms in the sum that gives one output, fan_out the number of outputs that one
    input feeds (Glorot & Bengio 2010, section 4.2.1; He et al. 2015, section 2.2).

    Parameters
    ----------
    shape : tuple of int
        ``(n_in, n_out)`` or ``(out, in, kh, kw)``.

    Returns
    -------
    fan_in, fan_out : int

    Examples
    --------
    >>> fans((784, 128))
    (784, 128)
    >>> fans((16, 3, 5, 5))
    (75, 400)
    """
    shape = _shape(shape)
    if len(shape) == 2:
        n_in, n_out = shape
        return n_in, n_out
    if len(shape) == 4:
        out, inputs, kh, kw = shape
        return inputs * kh * kw, out * kh * kw
    raise ValueError(f"shape must be (n_in, n_out) or (out, in, kh, kw), got {shape}")


def zeros(shape, rng=None, *, dtype=np.float64):
    """All weights 0: right for biases, wrong for weights, whose units then stay identical for ever.

    Examples
    --------
    >>> zeros((2, 3))
    array([[0., 0., 0.],
           [0., 0., 0.]])
    """
    return np.zeros(_shape(shape), _float(dtype))


def constant(shape, rng=None, value=0.0, *, dtype=np.float64):
    """All weights `value`: as symmetric as zeros, so units of one layer never part.

    Examples
    --------
    >>> constant(3, value=0.1)
    array([0.1, 0.1, 0.1])
    """
    return _weights(np.full(_shape(shape), float(checks.number("value", value))), dtype)


def normal(shape, rng, std=0.01, *, dtype=np.float64):
    """W ~ N(0, std^2), whatever the layer's width: the habit from before 2010.

    Examples
    --------
    >>> W = normal((500, 400), np.random.default_rng(0), std=0.5)
    >>> round(float(W.std()), 2)
    0.5
    """
    checks.generator(rng)
    checks.number("std", std, 0)
    with np.errstate(over="ignore"):
        W = std * rng.standard_normal(_shape(shape))
    return _weights(W, dtype)


def uniform(shape, rng, limit=0.05, *, dtype=np.float64):
    """W ~ U(-limit, limit), so Var(W) = limit^2 / 3.

    ``limit = 1 / sqrt(n_in)`` is the "standard" initialization that Glorot & Bengio (2010, eq. 1) found
    wanting.

    Examples
    --------
    >>> W = uniform((500, 400), np.random.default_rng(0), limit=0.3)
    >>> bool(abs(W).max() <= 0.3), round(float(W.var()), 2)
    (True, 0.03)
    """
    checks.generator(rng)
    checks.number("limit", limit, 0, np.finfo(np.float64).max / 2)
    return _weights(rng.uniform(-limit, limit, _shape(shape)), dtype)


def xavier_normal(shape, rng, gain=1.0, *, dtype=np.float64):
    """W ~ N(0, gain^2 * 2 / (fan_in + fan_out)).

    A compromise: fan_in alone would keep the forward signal's variance, fan_out alone the backward one's
    (Glorot & Bengio 2010, eq. 12). Derived for activations that are near-linear at 0, such as tanh.

    Parameters
    ----------
    shape : tuple of int
        ``(n_in, n_out)`` or ``(out, in, kh, kw)``.
    rng : numpy.random.Generator
    gain : float
        A factor of the standard deviation for the activation that follows.
    dtype : numpy dtype

    Examples
    --------
    >>> W = xavier_normal((300, 500), np.random.default_rng(0))
    >>> round(float(W.var() * (300 + 500)), 1)
    2.0
    """
    fan_in, fan_out = fans(shape)
    std = _gain(gain) * math.sqrt(2 / (fan_in + fan_out))
    return normal(shape, rng, std, dtype=dtype)


def xavier_uniform(shape, rng, gain=1.0, *, dtype=np.float64):
    """W ~ U(-a, a) with a = gain * sqrt(6 / (fan_in + fan_out)): the variance of `xavier_normal`.

    Glorot & Bengio 2010, eq. 16 ("normalized initialization").

    Examples
    --------
    >>> W = xavier_uniform((300, 500), np.random.default_rng(0))
    >>> round(float(W.var() * (300 + 500)), 1)
    2.0
    """
    fan_in, fan_out = fans(shape)
    limit = _gain(gain) * math.sqrt(6 / (fan_in + fan_out))
    return uniform(shape, rng, limit, dtype=dtype)


def he_normal(shape, rng, *, dtype=np.float64):
    """W ~ N(0, 2 / fan_in): the 2 repays the half of the signal that ReLU removes.

    He et al. 2015, eq. 10, the forward form: fan_in, not fan_out.

    Examples
    --------
    >>> W = he_normal((400, 500), np.random.default_rng(0))
    >>> round(float(W.var() * 400), 1)
    2.0
    """
    fan_in, _ = fans(shape)
    return normal(shape, rng, math.sqrt(2 / fan_in), dtype=dtype)


def he_uniform(shape, rng, *, dtype=np.float64):
    """W ~ U(-a, a) with a = sqrt(6 / fan_in): the variance of `he_normal`.

    Examples
    --------
    >>> W = he_uniform((400, 500), np.random.default_rng(0))
    >>> round(float(W.var() * 400), 1)
    2.0
    """
    fan_in, _ = fans(shape)
    return uniform(shape, rng, math.sqrt(6 / fan_in), dtype=dtype)


def lecun_normal(shape, rng, *, dtype=np.float64):
    """W ~ N(0, 1 / fan_in): keeps the variance of a linear layer's forward signal.

    LeCun et al. 1998, *Efficient BackProp*, section 4.6.

    Examples
    --------
    >>> W = lecun_normal((400, 500), np.random.default_rng(0))
    >>> round(float(W.var() * 400), 1)
    1.0
    """
    fan_in, _ = fans(shape)
    return normal(shape, rng, math.sqrt(1 / fan_in), dtype=dtype)


def orthogonal(shape, rng, gain=1.0, *, dtype=np.float64):
    """Rows (or columns, whichever are fewer) that are orthonormal, times `gain`.

    A square one keeps every vector's length, not only the average one's. Drawn uniformly: Q of a Gaussian
    matrix's QR decomposition, with the signs that make R's diagonal positive (Saxe et al. 2014; Mezzadri
    2007). A convolution is treated as the matrix ``(out, in * kh * kw)``.

    Examples
    --------
    >>> W = orthogonal((3, 5), np.random.default_rng(0), gain=2.0)
    >>> np.allclose(W @ W.T, 4 * np.eye(3))
    True
    """
    checks.generator(rng)
    _gain(gain)
    fans(shape)  # refuses what is neither dense nor a convolution
    rows, columns = shape[0], math.prod(shape[1:])
    q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
    q *= np.where(np.diag(r) < 0, -1.0, 1.0)
    W = q if rows >= columns else q.T
    return _weights(np.ascontiguousarray((gain * W).reshape(shape)), dtype)


def _shape(shape):
    """The shape as a tuple of positive whole numbers."""
    sizes = (shape,) if np.ndim(shape) == 0 else tuple(shape)
    return tuple(checks.integer("every size in shape", size, 1) for size in sizes)


def _float(dtype):
    """The dtype, if weights of it are not rounded to whole numbers."""
    if np.dtype(dtype).kind != "f":
        raise TypeError(f"dtype must be a float dtype such as numpy.float32, got {np.dtype(dtype)}")
    return dtype


def _weights(W, dtype):
    return checks.array("the weights", W, dtype=_float(dtype))


def _gain(gain):
    return checks.number("gain", gain, 0)
