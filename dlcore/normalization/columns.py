"""Columns: batch normalization in a few passes over memory, where Numba is installed.

NumPy makes a pass for every operation; on a mini-batch of 64 examples most of its time goes into starting
them. The loops below do the same operations on every number in the same order, so they agree with NumPy to
the last bit.
"""

import functools
import inspect

import numpy as np

from dlcore.compiling import machine_code

from .standardizing import ordinary


def normalize(x, gamma, beta, eps, mu, var, inv_std, x_hat, y):
    """Write all arrays after `eps`: what `BatchNorm.forward` computes in training.

    Returns how far the means are from 0 in units of the spread, and how large the variances are: squares,
    summed over the features.
    """
    m, n = x.shape
    count = x.dtype.type(m)
    distance = size = 0.0
    for j in range(n):
        mu[j] = var[j] = 0
    for i in range(m):
        for j in range(n):
            mu[j] += x[i, j]
    for j in range(n):
        mu[j] /= count
    for i in range(m):
        for j in range(n):
            x_hat[i, j] = x[i, j] - mu[j]
            var[j] += x_hat[i, j] * x_hat[i, j]
    for j in range(n):
        var[j] /= count
        inv_std[j] = 1 / np.sqrt(var[j] + eps)
        distance += (mu[j] * inv_std[j]) ** 2
        size += var[j] ** 2
    for i in range(m):
        for j in range(n):
            x_hat[i, j] *= inv_std[j]
            y[i, j] = gamma[j] * x_hat[i, j] + beta[j]
    return distance, size


def back(dy, x_hat, factor, dgamma, dbeta, dx):
    """Write `dgamma`, `dbeta` and `dx`: what `BatchNorm.backward` computes in training."""
    m, n = dy.shape
    count = dy.dtype.type(m)
    for j in range(n):
        dgamma[j] = dbeta[j] = 0
    for i in range(m):
        for j in range(n):
            dgamma[j] += dy[i, j] * x_hat[i, j]
            dbeta[j] += dy[i, j]
    for i in range(m):
        for j in range(n):
            dx[i, j] = (dy[i, j] - x_hat[i, j] * (dgamma[j] / count) - dbeta[j] / count) * factor[j]


def normalized(x, gamma, beta, eps):
    """``mu, var, inv_std, x_hat, y`` for features in the last axis of x, or None where NumPy has to do it.

    That is without Numba, in other dtypes and orders of memory, where a mean is so large that its rounding
    may show or a variance overflows, and for a single feature, whose sum NumPy takes in pairs.
    """
    if not (_alike(x, gamma) and x.dtype == beta.dtype and (loop := _compiled(normalize, x.dtype))):
        return None
    shape, dtype = x.shape, x.dtype
    mu, var, inv_std = np.empty(shape[-1:], dtype), np.empty(shape[-1:], dtype), np.empty(shape[-1:], dtype)
    x_hat, y = np.empty(shape, dtype), np.empty(shape, dtype)
    distance, size = loop(_rows(x), gamma, beta, dtype.type(eps), mu, var, inv_std, _rows(x_hat), _rows(y))
    return (mu, var, inv_std, x_hat, y) if ordinary(distance, size, dtype) else None


def gradients(dy, x_hat, factor):
    """``dgamma, dbeta, dx``, or None where NumPy has to do it."""
    if not (_alike(dy, x_hat) and (loop := _compiled(back, dy.dtype))):
        return None
    dgamma, dbeta = np.empty(dy.shape[-1:], dy.dtype), np.empty(dy.shape[-1:], dy.dtype)
    dx = np.empty(dy.shape, dy.dtype)
    loop(_rows(dy), _rows(x_hat), factor.ravel(), dgamma, dbeta, _rows(dx))
    return dgamma, dbeta, dx


def _rows(x):
    return x if x.ndim == 2 else x.reshape(-1, x.shape[-1])


def _alike(x, other):
    """Whether both are in one precision and in rows of several features, one after the other in memory."""
    in_rows = x.flags.c_contiguous and other.flags.c_contiguous and x.ndim < 4 and x.shape[-1] > 1
    return in_rows and x.dtype == other.dtype


@functools.cache
def _compiled(function, dtype):
    if dtype not in (np.float32, np.float64):
        return None
    one, row, number = np.ones((1, 1), dtype), np.ones(1, dtype), dtype.type(1)
    arguments = {
        normalize: (one, row, row, number, row, row, row, one, one),
        back: (one, one, row, row, row, one),
    }
    return machine_code(inspect.getsource(function), function.__name__, arguments[function])
