"""Columns: batch normalization in a few passes over memory, where Numba is installed.

NumPy makes a pass for every operation; on a mini-batch of 64 examples most of its time goes into starting
them. The loops below do the same operations on every number in the same order, so they agree with NumPy to
the last bit.
"""

import functools
import inspect

import numpy as np

from dlcore.compiling import machine_code, usable

from .standardizing import farthest


def normalize(x, gamma, beta, running_mean, running_var, eps, farthest, share, unbiased, factor, x_hat, y):
    """Write `factor`, `x_hat` and `y` and move the running averages: `BatchNorm.forward` in training.

    Returns whether it has done so: not where the means are farther from 0, in units of the spread (squared
    and summed over the features), than `farthest`, nor where a variance overflows.
    """
    m, n = x.shape
    count = x.dtype.type(m)
    mu, var, inv_std = np.zeros(n, x.dtype), np.zeros(n, x.dtype), np.empty(n, x.dtype)
    distance = size = 0.0
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
    if not (distance < farthest and size < np.inf):
        return False
    for i in range(m):
        for j in range(n):
            x_hat[i, j] *= inv_std[j]
            y[i, j] = gamma[j] * x_hat[i, j] + beta[j]
    for j in range(n):
        factor[j] = gamma[j] * inv_std[j]
        running_mean[j] += share * (mu[j] - running_mean[j])
        running_var[j] += share * (unbiased * var[j] - running_var[j])
    return True


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
    mean_dy, mean_dy_x_hat = dbeta / count, dgamma / count
    for i in range(m):
        for j in range(n):
            dx[i, j] = (dy[i, j] - x_hat[i, j] * mean_dy_x_hat[j] - mean_dy[j]) * factor[j]


def normalized(x, bn):
    """``x_hat, gamma * inv_std, y`` for features in the last axis of x, or None where NumPy has to do it.

    That is without Numba, in other dtypes and orders of memory, where a mean is so large that its rounding
    may show or a variance overflows, and for a single feature, whose sum NumPy takes in pairs. The running
    averages of the layer `bn` have moved if it is not None.
    """
    if not usable():
        return None
    dtype, m = x.dtype, x.size // bn.n
    own = bn.gamma, bn.beta, bn.running_mean, bn.running_var
    plain = type(bn.eps) in (float, int) and type(bn.momentum) in (float, int)  # NumPy's would widen float32
    if not (plain and _alike(x, *own) and (loop := _compiled(normalize, dtype))):
        return None
    eps, share, unbiased = dtype.type(bn.eps), dtype.type(1 - bn.momentum), dtype.type(m / (m - 1))
    factor, x_hat, y = np.empty(bn.n, dtype), np.empty(x.shape, dtype), np.empty(x.shape, dtype)
    done = loop(_rows(x), *own, eps, farthest(dtype), share, unbiased, factor, _rows(x_hat), _rows(y))
    return (x_hat, factor, y) if done else None


def gradient(dy, x_hat, factor, bn):
    """``dx``, or None where NumPy has to do it; `dgamma` and `dbeta` are set if it is not None."""
    if not usable():
        return None
    factor = factor.ravel()
    if not (_alike(dy, x_hat, factor, bn.dgamma, bn.dbeta) and (loop := _compiled(back, dy.dtype))):
        return None
    dx = np.empty(dy.shape, dy.dtype)
    loop(_rows(dy), _rows(x_hat), factor, bn.dgamma, bn.dbeta, _rows(dx))
    return dx


def _rows(x):
    return x if x.ndim == 2 else x.reshape(-1, x.shape[-1])


def _alike(x, *others):
    """Whether all are in one precision, one after the other in memory, and x in rows of several features."""
    in_rows = x.ndim < 4 and x.shape[-1] > 1 and x.flags.c_contiguous
    return in_rows and all(a.dtype == x.dtype and a.flags.c_contiguous for a in others)


@functools.cache
def _compiled(function, dtype):
    if dtype not in (np.float32, np.float64):
        return None
    one, row, number = np.ones((2, 2), dtype), np.ones(2, dtype), dtype.type(1)
    arguments = {
        normalize: (one, row, row, row, row, number, 1.0, number, number, row, one, one),
        back: (one, one, row, row, row, one),
    }
    return machine_code(inspect.getsource(function), function.__name__, arguments[function])
